"""`certify solve`: the options, sorted into what each part of the job needs."""

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
from certify.cli.solving import SolveRequest, run_solve


def solve(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="The training set: .npz or HDF5; - reads stdin.")],
    loss: opt.LossOption = None,
    reduction: opt.ReductionOption = None,
    weight_decay: opt.WeightDecayOption = None,
    penalize: opt.PenalizeOption = None,
    convention: opt.ConventionOption = None,
    bias: opt.BiasOption = None,
    like: opt.LikeOption = None,
    width: opt.WidthOption = None,
    path_of_weight_decay: opt.PathOption = None,
    output: opt.NetworkOption = None,
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
    """Train to the proved global optimum.

    \b
    CERTIFIED     the network written is a global optimum: no two-layer ReLU
                  network of any width is better by more than eps
    INCONCLUSIVE  the best network found so far is written, with its true gap;
                  (width): more than the M neurons asked for are needed

    With --path-of-weight-decay, FILE.npz becomes FILE-B.npz for each decay B,
    and so does the certificate's file.
    """
    return partial(
        run_solve,
        SolveRequest(
            data,
            like,
            tuple(mapping or ()),
            x,
            y,
            bias,
            width,
            tuple(float(word) for word in (path_of_weight_decay or "").split(",") if word),
            ObjectiveChoice(loss, reduction, weight_decay, penalize, convention),
            SearchChoice(eps, time_limit, threads, engine, seed),
            output,
            OutputChoice(format, None, None, quiet, verbose, exit_zero, fail_on),
            CertificateChoice(certificate, certificate_arrays, paranoid),
        ),
    )
