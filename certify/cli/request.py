"""What one call asks for: every option of every command, once, with its default and its type."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from certify.cli import options as opt
from certify.cli.choices import Arrays, Engine, FailOn, Format

# The options that go together; a command names the groups, and the single options, that it has.
OBJECTIVE = ("loss", "reduction", "weight_decay", "penalize", "convention")
KEYS = ("mapping", "activation", "x", "y")
SEARCH = ("eps", "time_limit", "tight", "threads", "engine", "seed")
CERTIFICATE = ("certificate", "certificate_arrays", "paranoid")
LANDSCAPE = ("bias", "time_limit", "threads", "seed", "vertices", "save", "landscape")
VERDICT = ("format", "quiet", "verbose", "exit_zero", "fail_on")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The options of one call. Those that its command does not have keep their default.

    loss ... convention   what the options say about the objective; None where they are silent
    mapping, activation, x, y   which array of a file is which, and what the hidden layer does
    bias, like, width, path_of_weight_decay   which network is to be trained, and for which weight decays, if for several
    vertices ... landscape   which optima are listed and written; new inputs; the landscape's file, to be written or read
    plot, picture         the file of a picture, and what is to be seen on it
    network, witness, output, certificate   the files to be written: the network trained, the better network, the report
                          (standard output where it is None), the certificate
    started               no option: when the call began, by time.monotonic(), for the time limit counts from there
    """

    loss: opt.LossOption = None
    reduction: opt.ReductionOption = None
    weight_decay: opt.WeightDecayOption = None
    penalize: opt.PenalizeOption = None
    convention: opt.ConventionOption = None

    bias: opt.BiasOption = None
    like: opt.LikeOption = None
    width: opt.WidthOption = None
    path_of_weight_decay: opt.DecaysOption = None

    mapping: opt.MapOption = None
    activation: opt.ActivationOption = None
    x: opt.XOption = None
    y: opt.YOption = None

    tolerance: opt.ToleranceOption = 1e-6
    eps: opt.EpsOption = 1e-4
    time_limit: opt.TimeLimitOption = 60.0
    tight: opt.TightOption = False
    threads: opt.ThreadsOption = field(default_factory=opt.usable_cores)
    engine: opt.EngineOption = Engine.AUTO
    seed: opt.SeedOption = 0

    exhaustive: opt.ExhaustiveOption = False
    starts: opt.StartsOption = 20
    witnesses: opt.WitnessesOption = None

    path_file: opt.PathFileOption = None
    to: opt.ToOption = None
    at: opt.AtOption = None
    network_at: opt.NetworkAtOption = None

    network: opt.NetworkOption = None
    witness: opt.WitnessOption = None
    certificate: opt.CertificateOption = None
    certificate_arrays: opt.ArraysOption = Arrays.AUTO
    paranoid: opt.ParanoidOption = False

    vertices: opt.VerticesOption = 10_000
    export: opt.ExportOption = None
    which: opt.WhichOption = None
    predict: opt.PredictOption = None
    move: opt.MoveOption = None
    moved: opt.MovedOption = None
    save: opt.SaveOption = None
    landscape: opt.LandscapeOption = None

    plot: opt.PlotOption = None
    picture: opt.PictureOption = None

    output: opt.OutputOption = None
    format: opt.FormatOption = Format.TEXT
    quiet: opt.QuietOption = False
    verbose: opt.VerboseOption = False
    exit_zero: opt.ExitZeroOption = False
    fail_on: opt.FailOnOption = FailOn.INCONCLUSIVE

    started: float = field(default_factory=time.monotonic)
