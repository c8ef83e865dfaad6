"""`certify check`: the options, sorted into what each part of the job needs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from certify.cli import options as opt
from certify.cli.certifying import CertificateChoice
from certify.cli.checking import CheckRequest, ObjectiveChoice, OutputChoice, SearchChoice, run_check
from certify.cli.choices import Arrays, Engine, FailOn, Format


def check(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The network: .npz or HDF5; - reads standard input.")],
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Its training set: .npz or HDF5; - likewise.")],
    loss: opt.LossOption = None,
    reduction: opt.ReductionOption = None,
    weight_decay: opt.WeightDecayOption = None,
    penalize: opt.PenalizeOption = None,
    convention: opt.ConventionOption = None,
    mapping: opt.MapOption = None,
    x: opt.XOption = None,
    y: opt.YOption = None,
    eps: opt.EpsOption = 1e-4,
    time_limit: opt.TimeLimitOption = 60.0,
    threads: opt.ThreadsOption = ...,
    engine: opt.EngineOption = Engine.AUTO,
    seed: opt.SeedOption = 0,
    witness: opt.WitnessOption = None,
    certificate: opt.CertificateOption = None,
    certificate_arrays: opt.ArraysOption = Arrays.AUTO,
    paranoid: opt.ParanoidOption = False,
    format: opt.FormatOption = Format.TEXT,
    output: opt.OutputOption = None,
    quiet: opt.QuietOption = False,
    verbose: opt.VerboseOption = False,
    exit_zero: opt.ExitZeroOption = False,
    fail_on: opt.FailOnOption = FailOn.INCONCLUSIVE,
) -> Callable[[], int]:
    """Is this network a global minimum of its training loss?

    \b
    CERTIFIED     no two-layer ReLU network of any width is better by
                  more than eps times this one's objective
    REFUTED       a better network of at most the same width is exhibited
    INCONCLUSIVE  neither, for the reason named (limit, width, numerics);
                  the bounds printed are true all the same
    """
    return partial(
        run_check,
        CheckRequest(
            model,
            data,
            tuple(mapping or ()),
            x,
            y,
            ObjectiveChoice(loss, reduction, weight_decay, penalize, convention),
            SearchChoice(eps, time_limit, threads, engine, seed),
            OutputChoice(format, output, witness, quiet, verbose, exit_zero, fail_on),
            CertificateChoice(certificate, certificate_arrays, paranoid),
        ),
    )
