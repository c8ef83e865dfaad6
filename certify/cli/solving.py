"""The job behind `certify solve`: state the objective, train, once or along a path of weight decays, and hand over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from certify.cli.certifying import CertificateChoice
from certify.cli.checking import ObjectiveChoice, OutputChoice, SearchChoice, limit_library_threads
from certify.cli.choices import Biases
from certify.cli.stdin import files_or_stdin
from certify.cli.training import Job, as_record, finished, require_output, training, written
from certify.errors import UsageError
from certify.problem.objective import Objective

if TYPE_CHECKING:
    from certify.decide.solve import Solution
    from certify.files import StoredDataset, StoredModel
    from certify.report.record import CheckRecord

NEW_SUFFIXES = (".npz", ".h5", ".hdf5")


@dataclass(frozen=True, slots=True)
class SolveRequest:
    """One call of `certify solve`; path: weight decays, empty where one problem is to be solved."""

    data: Path
    like: Path | None
    mapping: tuple[str, ...]
    x_key: str | None
    y_key: str | None
    bias: Biases | None
    width: int | None
    path: tuple[float, ...]
    objective: ObjectiveChoice
    search: SearchChoice
    network: Path | None
    output: OutputChoice
    certificate: CertificateChoice


def run_solve(request: SolveRequest) -> int:
    """Exit code of the training. Raises CertifyError for whatever the user can mend."""
    _require_sensible(request)
    limit_library_threads()
    from certify.files import load_dataset, load_model, parse_map

    mapping = parse_map(request.mapping) or None
    like = (request.like,) if request.like else ()
    with files_or_stdin((request.data, *like)) as (data_path, *like_path):
        data = load_dataset(data_path, request.x_key, request.y_key)
        model = load_model(like_path[0], mapping, data.dataset.inputs) if like else None
        objective, cautions = _objective_to_solve(request, model, data)
        notes = (*(model.notes if model else ()), *data.notes, *cautions)
        job = Job(data, request.data, model, mapping, notes, request.search, request.output, request.certificate)
        return _solve_all(request, job, objective)


def _solve_all(request: SolveRequest, job: Job, objective: Objective) -> int:
    from certify.decide.solve import solve_path

    goals = [replace(objective, hidden_decay=b, output_decay=b) for b in _decays(request.path)] or [objective]
    outcomes = []
    with training(job, objective) as (dataset, settings, progress, wish):
        for solution, goal in zip(
            solve_path(dataset, goals, settings, request.width, progress, wish), goals, strict=False
        ):
            of_point = partial(_numbered, decay=goal.weight_decay) if request.path else lambda name: name
            choice = replace(job.certificate, file=of_point(job.certificate.file))
            outcomes.append(written(_solved(solution, job, goal), of_point(request.network), job, choice))
    return finished(outcomes, job, path=bool(request.path))


def _objective_to_solve(
    request: SolveRequest, model: StoredModel | None, data: StoredDataset
) -> tuple[Objective, tuple[str, ...]]:
    """Stated by the options, the model that the result is to be like, or certify.toml beside the result."""
    from certify.decide.solve import zero_network
    from certify.files import StatedObjective, from_sidecar, resolve_objective, stated_by_options

    choice = request.objective
    bias = request.bias or Biases.NONE
    shape = zero_network(
        data.dataset.inputs, bias in (Biases.HIDDEN, Biases.BOTH), bias in (Biases.OUTPUT, Biases.BOTH)
    )
    stated = from_sidecar(request.network) if request.network else StatedObjective()
    # any of the path's decays completes the objective; each point has its own
    decay = max(request.path) if request.path else choice.weight_decay
    options = stated_by_options(choice.loss, choice.reduction, decay, choice.penalize)
    network, stated = (model.network, model.stated) if model else (shape, stated)
    objective, cautions = resolve_objective(network, data.dataset, stated, options, choice.convention)
    if model is None and request.bias is None:
        cautions = (*cautions, "the network has no biases; --bias hidden, output or both gives it some")
    return objective, cautions


def _require_sensible(request: SolveRequest) -> None:
    if request.like is not None and request.bias is not None:
        raise UsageError("--bias and --like exclude one another: the biases are those of the model")
    if request.like is None and request.mapping:
        raise UsageError("--map says how the model of --like is read; there is none")
    if request.path and request.objective.weight_decay is not None:
        raise UsageError("--weight-decay and --path-of-weight-decay exclude one another; give one of them")
    taken = {request.data.resolve(): "DATA"} | ({request.like.resolve(): "--like"} if request.like else {})
    for name in (partial(_numbered, decay=b) for b in _decays(request.path)) if request.path else (lambda name: name,):
        require_output(name(request.network), name(request.certificate.file), taken, request.output)
    if request.network is not None and request.like is None and request.network.suffix not in NEW_SUFFIXES:
        raise UsageError(f"--output {request.network}: the name must end in {', '.join(NEW_SUFFIXES)}; or give --like")


def _decays(path: tuple[float, ...]) -> list[float]:
    """The largest first: its solution has the fewest neurons, and is the start for the next."""
    return sorted(set(path), reverse=True)


def _numbered(file: Path | None, decay: float) -> Path | None:
    """model.npz at weight decay 0.1 is model-0.1.npz, proof.json.gz is proof-0.1.json.gz."""
    if file is None:
        return None
    suffix = f".json{file.suffix}" if file.name.endswith(".json.gz") else file.suffix
    return file.with_name(f"{file.name.removesuffix(suffix)}-{repr(decay).removesuffix('.0')}{suffix}")


def _solved(solution: Solution, job: Job, objective: Objective) -> CheckRecord:
    from certify.report.record import TrainingRecord

    training = TrainingRecord(
        network=solution.network,
        outcome="optimum" if solution.is_optimum else "best-found",
        width_asked=solution.width_asked,
        narrowest_known=solution.narrowest_known,
    )
    return as_record(solution.verdict, training, job, objective)
