"""Pictures of what a command found: their numbers for JSON, and the file of --plot, once the result is delivered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from certify.cli.choices import Format
from certify.cli.request import Request
from certify.cli.results import remark
from certify.errors import CertifyError, UsageError

if TYPE_CHECKING:
    from certify.cli.landscapes import Studied
    from certify.report.optima import OptimaRecord
    from certify.report.plots.frame import Picture

    # A picture, or why there is none: raised only once the result has been delivered.
    Pictured = tuple[Picture | None, CertifyError | None]


MOVABLE = "not covered, because biases of optima can move along segments, and predictions between the samples with them"
_RESERVATIONS = {  # in the caption of a picture
    "ambiguous": "AMBIGUOUS: some directions may be optimal or not; they are taken for optimal here",
    "incomplete": "INCOMPLETE: further optimal directions are not excluded; this is of those that are listed",
}


def require_drawable(request: Request) -> None:
    """Raise UsageError now, before hours of search, where what --plot and --picture ask for could not be drawn afterwards."""
    if request.picture is not None and request.plot is None and request.format is not Format.JSON:
        raise UsageError("--picture says what --plot FILE draws; name a file, or ask for its numbers: --format json")
    if request.plot is not None:
        from certify.report.plots.canvas import require_matplotlib

        require_matplotlib()


def pictured(request: Request, build: Callable[[], Picture]) -> Pictured:
    """The picture, where it is to be drawn or its numbers are asked for."""
    if request.plot is None and request.format is not Format.JSON:
        return None, None
    import numpy as np

    try:
        with np.errstate(all="ignore"):  # numbers that overflow leave a gap, and no warnings
            return build(), None
    except ArithmeticError as error:
        return None, CertifyError(f"the picture is not drawn: {error}")
    except CertifyError as error:
        return None, error


def draw(made: Pictured, request: Request) -> None:
    """Write the file of --plot. Raises what kept the picture from being made, where it was asked for, and UsageError."""
    picture, failure = made
    if failure is not None and (request.plot is not None or request.picture is not None):
        raise failure
    if request.plot is not None and picture is not None:
        from certify.report.plots.canvas import save_picture

        save_picture(picture, request.plot)
        remark(f"the {picture.frame.kind} picture was written to {request.plot}", request)


def picture_of_optima(record: OptimaRecord, study: Studied, request: Request) -> Picture:
    """What --picture names. Raises UsageError where the optima are not covered, or the picture is not to be had."""
    from certify.report.plots.frame import caption_of, eps_of_optimum, known_to, weight_names
    from certify.verdict import Bounds

    if record.answers is None:
        raise UsageError(f"--plot: the optima are not covered, because {record.landscape.not_covered}")
    optimum = Bounds(record.landscape.lower, record.landscape.upper)
    caption = caption_of(record.objective, record.samples, record.weighted, eps_of_optimum(optimum))
    if record.answer in _RESERVATIONS:
        caption += f"\n{_RESERVATIONS[record.answer]}"
    kind, _, rest = (request.picture or "staircase").partition(":")
    numbers = [int(part) for part in rest.split(",") if part]
    if kind == "staircase":
        from certify.report.plots.staircase import staircase_picture

        return staircase_picture(record.answers, caption, known_to(optimum))
    if kind == "rose":
        from certify.report.plots.directions import rose_picture

        names = weight_names(study.data.dataset.inputs, study.problem.rows.shape[1])
        pair = (numbers[0], numbers[1]) if numbers else None
        return rose_picture(record.landscape, pair, caption, known_to(optimum), names)
    if record.answers.polytope.movable:
        raise UsageError(f"--picture predictions: {MOVABLE}")
    from certify.report.plots.predictions import prediction_band

    samples, number = study.data.dataset, numbers[0] if numbers else 1
    return prediction_band(
        record.answers.polytope,
        samples.X,
        study.problem.targets[:, 0],
        study.lifted,
        number,
        caption,
        known_to(optimum),
    )
