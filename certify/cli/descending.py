"""The job behind `certify descend`: read, descend, write, report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from certify.cli.certifying import CertificateChoice
from certify.cli.checking import ObjectiveChoice, OutputChoice, SearchChoice, limit_library_threads, stated_objective
from certify.cli.stdin import files_or_stdin
from certify.cli.training import Job, as_record, finished, require_output, training, written
from certify.problem.objective import Objective

if TYPE_CHECKING:
    from certify.decide.descend import Descent
    from certify.report.record import CheckRecord


@dataclass(frozen=True, slots=True)
class DescendRequest:
    """One call of `certify descend`."""

    model: Path
    data: Path
    mapping: tuple[str, ...]
    x_key: str | None
    y_key: str | None
    objective: ObjectiveChoice
    search: SearchChoice
    network: Path | None
    output: OutputChoice
    certificate: CertificateChoice


def run_descend(request: DescendRequest) -> int:
    """Exit code of the descent. Raises CertifyError for whatever the user can mend."""
    taken = {request.model.resolve(): "MODEL", request.data.resolve(): "DATA"}
    require_output(request.network, request.certificate.file, taken, request.output)
    limit_library_threads()
    from certify.decide.descend import descend_network
    from certify.files import load_dataset, load_model, parse_map

    mapping = parse_map(request.mapping) or None
    with files_or_stdin((request.model, request.data)) as (model_path, data_path):
        data = load_dataset(data_path, request.x_key, request.y_key)
        model = load_model(model_path, mapping, data.dataset.inputs)
        objective, cautions = stated_objective(request.objective, model, data)
        notes = (*model.notes, *data.notes, *cautions)
        job = Job(data, request.data, model, mapping, notes, request.search, request.output, request.certificate)
        with training(job, objective) as (dataset, settings, progress, wish):
            descent = descend_network(model.network, dataset, objective, settings, progress, wish)
            outcome = written(_descended(descent, job, objective), request.network, job, request.certificate)
        return finished([outcome], job)


def _descended(descent: Descent, job: Job, objective: Objective) -> CheckRecord:
    from certify.report.record import TrainingRecord

    training = TrainingRecord(
        network=descent.network,
        outcome=descent.outcome,
        start=descent.start,
        steps=descent.steps,
    )
    return as_record(descent.verdict, training, job, objective)
