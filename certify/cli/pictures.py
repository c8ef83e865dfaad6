"""Pictures of what a command found: their numbers for JSON, and the file of --plot, once the result is delivered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from certify.cli.choices import Format
from certify.cli.request import Request
from certify.cli.results import remark
from certify.errors import CertifyError, UsageError

if TYPE_CHECKING:
    from certify.report.plots.frame import Picture

    # A picture, or why there is none: raised only once the result has been delivered.
    Pictured = tuple[Picture | None, CertifyError | None]


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
    try:
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
