"""`certify descend`: the options, sorted into what each part of the job needs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from certify.cli import options as opt
from certify.cli.certifying import CertificateChoice
from certify.cli.checking import ObjectiveChoice, OutputChoice, SearchChoice
from certify.cli.choices import Arrays, Engine, FailOn, Format
from certify.cli.descending import DescendRequest, run_descend


def descend(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The network: .npz or HDF5; - reads standard input.")],
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Its training set: .npz or HDF5; - likewise.")],
    loss: opt.LossOption = None,
    reduction: opt.ReductionOption = None,
    weight_decay: opt.WeightDecayOption = None,
    penalize: opt.PenalizeOption = None,
    convention: opt.ConventionOption = None,
    output: opt.DescentOption = None,
    mapping: opt.MapOption = None,
    x: opt.XOption = None,
    y: opt.YOption = None,
    eps: opt.EpsOption = 1e-4,
    time_limit: opt.TimeLimitOption = 60.0,
    threads: opt.ThreadsOption = ...,
    engine: opt.EngineOption = Engine.AUTO,
    seed: opt.SeedOption = 0,
    certificate: opt.CertificateOption = None,
    certificate_arrays: opt.ArraysOption = Arrays.AUTO,
    paranoid: opt.ParanoidOption = False,
    format: opt.FormatOption = Format.TEXT,
    quiet: opt.QuietOption = False,
    verbose: opt.VerboseOption = False,
    exit_zero: opt.ExitZeroOption = False,
    fail_on: opt.FailOnOption = FailOn.INCONCLUSIVE,
) -> Callable[[], int]:
    """From the given network to a better one of the same width.

    \b
    CERTIFIED     the network written is a global optimum: no two-layer ReLU
                  network of any width is better by more than eps
    INCONCLUSIVE  the best network found is written, with its true gap;
                  (width): only wider ones are known to be better

    The network is written in the model's own format, whether or not it is better than the given one.
    """
    return partial(
        run_descend,
        DescendRequest(
            model,
            data,
            tuple(mapping or ()),
            x,
            y,
            ObjectiveChoice(loss, reduction, weight_decay, penalize, convention),
            SearchChoice(eps, time_limit, threads, engine, seed),
            output,
            OutputChoice(format, None, None, quiet, verbose, exit_zero, fail_on),
            CertificateChoice(certificate, certificate_arrays, paranoid),
        ),
    )
