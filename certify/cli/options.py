"""The options, each written once: name, environment variable, help, and the range it accepts."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from certify.cli.choices import Arrays, Biases, Convention, Engine, FailOn, Format, Penalize
from certify.problem.objective import Loss, Reduction

MOST_THREADS = 1024
MOST_STARTS = 100_000
MOST_VERTICES = 1_000_000
_INTEGER, _SHARE = r"[0-9]{1,9}", r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?"
_MOVE = re.compile(
    rf"permute:{_INTEGER}(?:,{_INTEGER})*|split:{_INTEGER}:{_SHARE}(?:,{_SHARE})*|merge:{_INTEGER}(?:,{_INTEGER})+|"
    r"vertex:[1-9][0-9]{0,8}"
)


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _tolerance(value: float) -> float:
    if not 0 < value < 1:
        raise typer.BadParameter(f"{value:g} is not above 0 and below 1; 1e-4 is usual")
    return value


def _time(value: float | None) -> float | None:
    if value is not None and not 0 <= value <= 1:
        raise typer.BadParameter(f"{value:g} is not between 0, the given network, and 1, the path's end")
    return value


def _seconds(value: float) -> float:
    if not (0 < value and math.isfinite(value)):
        raise typer.BadParameter(f"{value:g} is not a positive number of seconds")
    return value


def _thread_count(value: int) -> int:
    if not 1 <= value <= MOST_THREADS:
        raise typer.BadParameter(f"{value} is not between 1 and {MOST_THREADS}")
    return value


def _seed(value: int) -> int:
    if not 0 <= value < 2**63:
        raise typer.BadParameter(f"{value} is not between 0 and 2^63 - 1")
    return value


def _activation(value: str | None) -> str | None:
    if value is not None and value != "relu":
        raise typer.BadParameter(f"{value!r} is not decided; only networks with the activation relu are")
    return value


def _width(value: int | None) -> int | None:
    if value is not None and value < 1:
        raise typer.BadParameter(f"{value} is not a number of neurons; at least 1")
    return value


def _vertices(value: int) -> int:
    if not 1 <= value <= MOST_VERTICES:
        raise typer.BadParameter(f"{value} is not between 1 and {MOST_VERTICES}")
    return value


def _starts(value: int) -> int:
    if not 1 <= value <= MOST_STARTS:
        raise typer.BadParameter(f"{value} is not between 1 and {MOST_STARTS}")
    return value


def _plot(path: Path | None) -> Path | None:
    if path is not None and path.suffix.lower() not in (".png", ".svg"):
        raise typer.BadParameter(f"{path} is neither .png nor .svg; the suffix says what is written")
    return path


def _picture(word: str | None) -> str | None:
    if word is None:
        return None
    kind, colon, rest = word.partition(":")
    numbers = [int(part) if part.isascii() and part.isdigit() and len(part) < 10 else 0 for part in rest.split(",")]
    wanted = {"staircase": 0, "rose": 2, "predictions": 1}.get(kind)
    right = len(numbers) == wanted and min(numbers) >= 1 and len(set(numbers)) == wanted
    if wanted is None or (colon and not right):
        raise typer.BadParameter(
            f"{word!r} is not one of staircase, rose, rose:I,J (two directions), predictions, predictions:K (an input), all from 1"
        )
    return word


def _which(words: list[str] | None) -> list[str] | None:
    for word in words or ():
        kind, _, rest = word.partition(":")
        numbered = (
            kind in ("vertex", "random") and rest.isascii() and rest.isdigit() and 1 <= int(rest) <= MOST_VERTICES
        )
        if not (numbered or (kind == "min-l" and rest) or word in ("minimal", "largest", "center")):
            raise typer.BadParameter(
                f"{word!r} is not one of minimal, largest, center, vertex:K, random:K (K from 1 to {MOST_VERTICES}), min-l:FILE"
            )
    return words


def _moves(words: list[str] | None) -> list[str] | None:
    for word in words or ():
        if not _MOVE.fullmatch(word):
            raise typer.BadParameter(
                f"{word!r} is not one of permute:J,K,..., split:J:SHARE,SHARE,..., merge:J,K,..., vertex:K (neurons from 0, vertices from 1)"
            )
    return words


def _decays(text: str | None) -> str | None:
    if text is None:
        return None
    for word in text.split(","):
        try:
            fits = 0 <= float(word) < math.inf
        except ValueError:
            fits = False
        if not fits:
            raise typer.BadParameter(
                f"{word.strip()!r} is not a positive number, nor 0; expected B1,B2,... such as 1,0.1,0.01"
            )
    return text


def _argument(metavar: str, help: str) -> Any:
    return typer.Argument(metavar=metavar, help=help)


def _option(*names: str, **settings: Any) -> Any:
    """A typer option that `CERTIFY_` and its long name in capitals can set too."""
    long_name = max(names, key=len).lstrip("-")
    variable = f"CERTIFY_{long_name.replace('-', '_').upper()}"
    return typer.Option(*names, envvar=variable, show_envvar=False, **settings)


ModelArgument = Annotated[Path, _argument("MODEL", "The network: .npz or HDF5; - reads standard input.")]
DataArgument = Annotated[Path, _argument("DATA", "The training set: .npz or HDF5; - reads standard input.")]
CertificateArgument = Annotated[
    Path, _argument("CERT", "The certificate: JSON, or JSON in gzip; - reads standard input.")
]
ModelAndDataArgument = Annotated[
    list[Path],
    _argument(
        "[MODEL] DATA", "The network, if there is one, and the training set: .npz or HDF5; - reads standard input."
    ),
]
FilesArgument = Annotated[list[Path], _argument("FILE...", "Model or data files.")]

LossOption = Annotated[Loss | None, _option("--loss", help="Loss of one sample; read from the file if stated.")]
ReductionOption = Annotated[Reduction | None, _option("--reduction", help="Sum of the samples' losses, or their mean.")]
WeightDecayOption = Annotated[
    float | None, _option("--weight-decay", metavar="B", help="B in F = L + B/2 (|W1|^2 + |W2|^2 + ...).")
]
PenalizeOption = Annotated[
    Penalize | None, _option("--penalize", help="Whether the weight decay covers the biases too.")
]
ConventionOption = Annotated[
    Convention | None,
    _option(
        "--convention",
        help="Take loss, reduction and the biases' part as this library has them, where nothing else states them.",
    ),
]
ToleranceOption = Annotated[
    float,
    _option(
        "--tolerance",
        metavar="T",
        callback=_tolerance,
        help="Relative residuals up to T count as zero: a trained network is never exactly stationary.",
    ),
]
EpsOption = Annotated[
    float,
    _option(
        "--eps",
        metavar="E",
        callback=_tolerance,
        help="Relative tolerance: certified means that no network is better by more than E |F|.",
    ),
]
TimeLimitOption = Annotated[
    float,
    _option(
        "--time-limit",
        metavar="S",
        callback=_seconds,
        help="Seconds for all of it, the certificate's writing and checking included; then the bounds reached so far are "
        "printed.",
    ),
]
TightOption = Annotated[
    bool,
    _option(
        "--tight",
        help="Go on once the verdict stands, until the bounds have nine digits or the time is up; else what eps asks for is "
        "proved, and no more.",
    ),
]
ThreadsOption = Annotated[
    int,
    _option(
        "--threads",
        metavar="N",
        default_factory=usable_cores,
        show_default="all usable cores",
        callback=_thread_count,
        help="Worker threads of the search.",
    ),
]
EngineOption = Annotated[
    Engine,
    _option(
        "--engine",
        help="enumerate: the reference engine, every activation pattern, for small data. cvxpy: as auto, with the convex "
        "programs stated in cvxpy.",
    ),
]
SeedOption = Annotated[int, _option("--seed", metavar="K", callback=_seed, help="Seed of the heuristics.")]
MapOption = Annotated[
    list[str] | None,
    _option(
        "--map",
        metavar="ROLE=KEY[:T]",
        help="Which array is which, where the file leaves it open; ROLE is hidden.weight, hidden.bias, output.weight "
        "or output.bias, :T transposes. Repeat it, or put several in one string.",
    ),
]
ActivationOption = Annotated[
    str | None,
    _option(
        "--activation",
        metavar="relu",
        callback=_activation,
        help="The hidden layer's activation, whatever the model's file says beside its arrays; relu is what is decided.",
    ),
]
XOption = Annotated[str | None, _option("--x", metavar="KEY", help="Array of the inputs.")]
YOption = Annotated[str | None, _option("--y", metavar="KEY", help="Array of the targets.")]
WitnessOption = Annotated[
    Path | None,
    _option(
        "--witness",
        metavar="FILE",
        help="Write the better network there, if one is found, in the model's own format.",
    ),
]
CertificateOption = Annotated[
    Path | None,
    _option(
        "--certificate",
        metavar="FILE",
        help="Write the certificate of the answer there, once the checker has accepted it; FILE.gz is compressed.",
    ),
]
ArraysOption = Annotated[
    Arrays,
    _option(
        "--certificate-arrays",
        help="Whether the certificate carries data and network, so that Python alone can decide it; auto: below 20 MB.",
    ),
]
BiasOption = Annotated[
    Biases | None,
    _option("--bias", help="Which layers have a bias; none if left out. --penalize says whether the decay covers it."),
]
LikeOption = Annotated[
    Path | None,
    _option(
        "--like",
        metavar="MODEL",
        help="Biases, file layout and, where it states one, the objective are those of this model.",
    ),
]
WidthOption = Annotated[
    int | None,
    _option("--width", metavar="M", callback=_width, help="At most M neurons; as many as it takes if left out."),
]
DecaysOption = Annotated[
    str | None,
    _option(
        "--path-of-weight-decay",
        metavar="B1,B2,...",
        callback=_decays,
        help="Solve for each of these weight decays, the largest first, each from the one before.",
    ),
]
# not settable by environment or files: there --output is where check writes its report
NetworkOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        metavar="FILE",
        help="Write the network there, in the layout of the model where one is given; else FILE ends in .npz, .h5 or .hdf5.",
    ),
]
VerticesOption = Annotated[
    int, _option("--vertices", metavar="K", callback=_vertices, help="At most so many vertices are listed.")
]
ExportOption = Annotated[
    Path | None,
    _option("--export", metavar="DIR", help="Write optima there, as networks in the model's own format, else as npz."),
]
WhichOption = Annotated[
    list[str] | None,
    _option(
        "--which",
        metavar="W",
        callback=_which,
        help="Which ones: minimal (the fewest neurons), largest (the most, none of which can be removed), center, vertex:K (the "
        "K-th), random:K (K of them), min-l:FILE (of least loss on that data). Repeat it for several; minimal if left out.",
    ),
]
MoveOption = Annotated[
    list[str] | None,
    typer.Option(
        "--move",
        metavar="MOVE",
        callback=_moves,
        help="Change MODEL without changing F: permute:2,0,1 (another order), split:0:0.25,0.75 (a neuron in shares), merge:0,3 "
        "(parallel ones), vertex:K (to the K-th optimum, by its neurons' sizes). Repeat it: one after the other. See --moved.",
    ),
]
MovedOption = Annotated[
    Path | None,
    typer.Option("--moved", metavar="FILE", help="Write MODEL there, in its own format, after all of --move."),
]
PredictOption = Annotated[
    Path | None,
    _option(
        "--predict",
        metavar="NEW",
        help="The least and the largest prediction over all optima, for every input in that file.",
    ),
]
SaveOption = Annotated[
    Path | None, _option("--save", metavar="FILE", help="Write what was found out of the landscape there, as npz.")
]
LandscapeOption = Annotated[
    Path | None,
    _option(
        "--landscape",
        metavar="FILE",
        help="Read it from there, not searched for again; data and objective must be those that it was written for.",
    ),
]
FormatOption = Annotated[Format, _option("--format", help="Form of the result.")]
ExhaustiveOption = Annotated[
    bool, _option("--exhaustive", help="Decide every width, on small data: solve the programs of all sets of patterns.")
]
StartsOption = Annotated[
    int, _option("--starts", metavar="N", callback=_starts, help="Descents at each width, without --exhaustive.")
]
WitnessesOption = Annotated[
    Path | None,
    typer.Option(
        "--export",
        metavar="DIR",
        help="Write the spurious minima there, as networks in the model's own format, else as npz.",
    ),
]
PathFileOption = Annotated[
    Path | None,
    typer.Option(
        "--output", metavar="FILE", help="Write the path there, as npz; certify verify FILE MODEL DATA decides it."
    ),
]
ToOption = Annotated[
    Path | None,
    typer.Option(
        "--to", metavar="OPTIMUM", help="The path ends at this network: a global optimum to eps; any one, if left out."
    ),
]
AtOption = Annotated[
    float | None,
    typer.Option(
        "--at", metavar="T", callback=_time, help="A time on the path, 0 at the network and 1 at its end; see --export."
    ),
]
NetworkAtOption = Annotated[
    Path | None,
    typer.Option(
        "--export",
        metavar="FILE",
        help="Write the network at the time --at (1 if not given) there, in the model's format.",
    ),
]
# not settable by environment or files: two commands in one place would overwrite each other's
PlotOption = Annotated[
    Path | None,
    typer.Option(
        "--plot",
        metavar="FILE",
        callback=_plot,
        help="Draw a picture of the result there, as .png or .svg; needs matplotlib: pip install 'certify[plot]'.",
    ),
]
PictureOption = Annotated[
    str | None,
    typer.Option(
        "--picture",
        metavar="P",
        callback=_picture,
        help="Which one: staircase (components of every width), rose (the gain by direction; rose:I,J on the great circle through "
        "directions I and J), predictions (least and largest along an input; predictions:K along the K-th). staircase if left out.",
    ),
]
OutputOption = Annotated[
    Path | None, _option("--output", metavar="FILE", help="Write the result there, not to standard output.")
]
QuietOption = Annotated[bool, _option("-q", "--quiet", help="The verdict line only; no notes, no progress.")]
VerboseOption = Annotated[bool, _option("-v", "--verbose", help="Add the stationarity of every neuron.")]
ExitZeroOption = Annotated[
    bool, _option("--exit-zero", help="Exit 0 instead of 1 or 4; errors (2, 3) and Ctrl-C (130) keep their code.")
]
ParanoidOption = Annotated[
    bool, _option("--paranoid", help="Exact integers only, without the fast scan in floating point.")
]
FailOnOption = Annotated[
    FailOn,
    _option(
        "--fail-on",
        help="The mildest verdict that fails. inconclusive: a refuted check exits 1, an inconclusive one 4. "
        "refuted: an inconclusive check exits 0. Errors (2, 3) and Ctrl-C (130) keep their code.",
    ),
]
