"""`certify optima --move`: the given model, changed at the same F, and written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from certify.cli.landscapes import Studied, write_network
from certify.cli.request import Request
from certify.errors import UsageError

if TYPE_CHECKING:
    from certify.landscape.polytope import Polytope
    from certify.report.optima import Moved


def require_movable(request: Request, model: Path | None) -> None:
    """Raise UsageError where moves, their file and a model to be moved are not given together."""
    if bool(request.move) != (request.moved is not None):
        raise UsageError("--move says what becomes of MODEL, and --moved FILE where it is written; give both")
    if request.move and model is None:
        raise UsageError("--move changes a model, and there is none; expected MODEL DATA")


def moved_model(polytope: Polytope | None, study: Studied, request: Request) -> Moved | None:
    """Write the model after the moves that were asked for. Raises UsageError, with the reason, for one that would change F."""
    if not request.move or request.moved is None or study.model is None:
        return None
    from certify.landscape.moving import moved
    from certify.problem.training import evaluate
    from certify.report.optima import Moved
    from certify.verdict import Bounds

    network = study.model.network
    for word in request.move:
        try:
            network = moved(network, word, study.data.dataset, study.objective, polytope)
        except ValueError as error:
            raise UsageError(f"--move {word}: {error}") from error
    write_network(study, network, request.moved)
    value = evaluate(study.problem, network)
    return Moved(tuple(request.move), network.width, str(request.moved), Bounds(value.lower, value.upper))
