"""`certify solve`: state the objective, train, once or along a path of weight decays, write, report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from certify.cli.choices import Biases
from certify.cli.inputs import array_roles, stated_by
from certify.cli.options import DataArgument
from certify.cli.parsing import options
from certify.cli.request import CERTIFICATE, KEYS, OBJECTIVE, SEARCH, VERDICT, Request
from certify.cli.results import finish, require_sensible_output
from certify.cli.searching import searching
from certify.cli.stdin import files_or_stdin
from certify.cli.training import Trainer
from certify.errors import UsageError
from certify.problem.objective import Objective

if TYPE_CHECKING:
    from certify.cli.results import Outcome
    from certify.decide.solve import Solution
    from certify.files import StoredDataset, StoredModel
    from certify.report.record import CheckRecord

NEW_SUFFIXES = (".npz", ".h5", ".hdf5")
TRAINED = ("bias", "like", "width", "path_of_weight_decay", "network")


@options(*OBJECTIVE, *TRAINED, *KEYS, *SEARCH, *CERTIFICATE, *VERDICT)
def solve(data: DataArgument, request: Request) -> int:
    """Train to the proved global optimum.

    \b
    CERTIFIED     the network written is a global optimum: no two-layer ReLU
                  network of any width is better by more than eps
    INCONCLUSIVE  the best network found so far is written, with its true gap;
                  (width): more than the M neurons asked for are needed

    With --path-of-weight-decay, FILE.npz becomes FILE-B.npz for each decay B,
    and so does the certificate's file.
    """
    decays = _decays(request.path_of_weight_decay)
    _require_sensible(request, data, decays)
    from certify.files import load_dataset, load_model

    roles = array_roles(request)
    like = (request.like,) if request.like else ()
    with files_or_stdin((data, *like)) as (data_file, *like_file):
        samples = load_dataset(data_file, request.x, request.y)
        model = load_model(like_file[0], roles, samples.dataset.inputs, request.activation) if like else None
        objective, cautions = _objective(request, decays, model, samples)
        notes = (*(model.notes if model else ()), *samples.notes, *cautions)
        outcomes = _solved(Trainer(request, samples, data, model, notes), objective, decays)
    return finish(outcomes, request, path=bool(decays))


def _solved(trainer: Trainer, objective: Objective, decays: list[float]) -> list[Outcome]:
    """One outcome for each weight decay, or the one of the objective itself; fewer where the path was interrupted."""
    from certify.decide.solve import solve_path

    request, outcomes = trainer.request, []
    goals = [replace(objective, hidden_decay=b, output_decay=b) for b in decays] or [objective]
    with searching(request, None, trainer.data, objective, trainer.notes) as search:
        solutions = solve_path(search.dataset, goals, search.options, request.width, search.progress, search.wish)
        for goal, solution in zip(goals, solutions, strict=False):
            network, certificate = _files(request, goal.hidden_decay if decays else None)
            outcomes.append(trainer.written(_record(trainer, solution, goal), network, certificate))
    return outcomes


def _record(trainer: Trainer, solution: Solution, objective: Objective) -> CheckRecord:
    from certify.report.record import TrainingRecord

    training = TrainingRecord(
        network=solution.network,
        outcome="optimum" if solution.is_optimum else "best-found",
        width_asked=solution.width_asked,
        narrowest_known=solution.narrowest_known,
    )
    return trainer.record(solution.verdict, training, objective)


def _objective(
    request: Request, decays: list[float], model: StoredModel | None, data: StoredDataset
) -> tuple[Objective, tuple[str, ...]]:
    """Stated by the options, the model that the result is to be like, or certify.toml beside the result."""
    from certify.decide.solve import zero_network
    from certify.files import StatedObjective, from_sidecar, resolve_objective

    if model is not None:
        network, stated = model.network, model.stated
    else:
        hidden, output = request.bias in (Biases.HIDDEN, Biases.BOTH), request.bias in (Biases.OUTPUT, Biases.BOTH)
        network = zero_network(data.dataset.inputs, hidden, output)
        stated = from_sidecar(request.network) if request.network else StatedObjective()
    # any of the path's decays completes the objective; each point has its own
    options = stated_by(request, decays[0] if decays else request.weight_decay)
    objective, cautions = resolve_objective(network, data.dataset, stated, options, request.convention)
    if model is None and request.bias is None:
        cautions = (*cautions, "the network has no biases; --bias hidden, output or both gives it some")
    return objective, cautions


def _require_sensible(request: Request, data: Path, decays: list[float]) -> None:
    if request.like is not None and request.bias is not None:
        raise UsageError("--bias and --like exclude one another: the biases are those of the model")
    if request.like is None and request.mapping:
        raise UsageError("--map says how the model of --like is read; there is none")
    if decays and request.weight_decay is not None:
        raise UsageError("--weight-decay and --path-of-weight-decay exclude one another; give one of them")
    read = {"DATA": data} | ({"--like": request.like} if request.like else {})
    points: list[float | None] = [*decays] or [None]
    for decay in points:
        network, certificate = _files(request, decay)
        require_sensible_output(request, read, {"--output": network, "--certificate": certificate})
    if request.network is not None and request.like is None and request.network.suffix not in NEW_SUFFIXES:
        raise UsageError(f"--output {request.network}: the name must end in {', '.join(NEW_SUFFIXES)}; or give --like")


def _decays(text: str | None) -> list[float]:
    """The largest first: its solution has the fewest neurons, and is the start for the next."""
    return sorted({float(word) for word in (text or "").split(",") if word}, reverse=True)


def _files(request: Request, decay: float | None) -> tuple[Path | None, Path | None]:
    """Where the network and its certificate go; with a number in the name at a point of a path."""
    if decay is None:
        return request.network, request.certificate
    return _numbered(request.network, decay), _numbered(request.certificate, decay)


def _numbered(file: Path | None, decay: float) -> Path | None:
    """model.npz at weight decay 0.1 is model-0.1.npz, proof.json.gz is proof-0.1.json.gz."""
    if file is None:
        return None
    suffix = f".json{file.suffix}" if file.name.endswith(".json.gz") else file.suffix
    return file.with_name(f"{file.name.removesuffix(suffix)}-{repr(decay).removesuffix('.0')}{suffix}")
