"""The job behind `certify check`: read, state the objective, decide, report; each step's heavy imports are its own."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from certify import __version__
from certify.cli.certifying import CertificateChoice, certificate_wish, with_certificate_file
from certify.cli.choices import Convention, Engine, FailOn, Format, Penalize
from certify.cli.exit_codes import exit_code
from certify.cli.messages import say, wants_colour
from certify.cli.progress import live_progress
from certify.cli.stdin import files_or_stdin
from certify.errors import InputError, UsageError
from certify.problem.objective import Loss, Objective, Reduction
from certify.report.writing import deliver, require_writable

if TYPE_CHECKING:
    from certify.decide.options import CheckOptions
    from certify.files import StoredDataset, StoredModel
    from certify.problem.dataset import Dataset
    from certify.report.record import CheckRecord, FileRecord

THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class ObjectiveChoice:
    """What the options say about the objective; None where they are silent."""

    loss: Loss | None
    reduction: Reduction | None
    weight_decay: float | None
    penalize: Penalize | None
    convention: Convention | None


@dataclass(frozen=True, slots=True)
class SearchChoice:
    """What the options say about the search."""

    eps: float
    time_limit: float
    threads: int
    engine: Engine
    seed: int


@dataclass(frozen=True, slots=True)
class OutputChoice:
    """Where the result goes, in which form, and which verdicts fail."""

    format: Format
    output: Path | None
    witness: Path | None
    quiet: bool
    verbose: bool
    exit_zero: bool
    fail_on: FailOn


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """One call of `certify check`."""

    model: Path
    data: Path
    mapping: tuple[str, ...]
    x_key: str | None
    y_key: str | None
    objective: ObjectiveChoice
    search: SearchChoice
    output: OutputChoice
    certificate: CertificateChoice = field(default_factory=CertificateChoice)


def run_check(request: CheckRequest) -> int:
    """Exit code of the check. Raises CertifyError for whatever the user can mend."""
    _require_consistent(request)
    limit_library_threads()
    from certify.files import load_dataset, load_model, parse_map

    mapping = parse_map(request.mapping) or None
    with files_or_stdin((request.model, request.data)) as (model_path, data_path):
        data = load_dataset(data_path, request.x_key, request.y_key)
        model = load_model(model_path, mapping, data.dataset.inputs)
        record = _checked(request, model, data)
        record, failure = _with_witness_file(record, request.output, model)
        record, unwritten = with_certificate_file(record, request.certificate, request.output)
        failure = failure or unwritten
    deliver(rendered(record, request.output), request.output.output)
    if failure is not None:
        raise failure
    return exit_code(record.verdict, request.output.fail_on, request.output.exit_zero)


def limit_library_threads() -> None:
    """One thread each for the linear algebra libraries, which read this once, when numpy is first imported.

    Their matrices are small here: with two threads a descent took forty times as long. The search has threads of its own.
    """
    for variable in THREAD_VARIABLES:
        os.environ[variable] = "1"


def _require_consistent(request: CheckRequest) -> None:
    output = request.output
    if output.quiet and output.verbose:
        raise UsageError("-q and -v exclude one another; give one of them")
    taken = {request.model.resolve(): "MODEL", request.data.resolve(): "DATA"}
    paths = (output.output, "--output"), (output.witness, "--witness"), (request.certificate.file, "--certificate")
    for path, option in paths:
        if path is None:
            continue
        require_writable(path, option)
        other = taken.setdefault(path.resolve(), option)
        if other != option:
            raise UsageError(f"{option} {path} would overwrite {other}; name another file")


def _checked(request: CheckRequest, model: StoredModel, data: StoredDataset) -> CheckRecord:
    import numpy as np

    from certify.decide.check import check_network
    from certify.report.record import CheckRecord

    objective, cautions = stated_objective(request.objective, model, data)
    dataset = with_canonical_targets(data.dataset, objective)
    notes = (*model.notes, *data.notes, *cautions)
    for note in notes:
        remark(note, request.output)
    # values that overflow are found and named by the check itself, not by numpy's warnings
    with live_progress(request.output.quiet) as progress, np.errstate(over="ignore", invalid="ignore"):
        wish = certificate_wish(request.certificate, model, data)
        verdict = check_network(model.network, dataset, objective, check_options(request.search), progress, wish)
    return CheckRecord(
        verdict,
        objective,
        file_record(request.model, model),
        file_record(request.data, data),
        weighted=dataset.sample_weight is not None,
        notes=notes,
    )


def stated_objective(
    choice: ObjectiveChoice, model: StoredModel, data: StoredDataset
) -> tuple[Objective, tuple[str, ...]]:
    from certify.files import resolve_objective, stated_by_options

    options = stated_by_options(choice.loss, choice.reduction, choice.weight_decay, choice.penalize)
    return resolve_objective(model.network, data.dataset, model.stated, options, choice.convention)


def with_canonical_targets(dataset: Dataset, objective: Objective) -> Dataset:
    """Classes 0 and 1 become -1 and +1 for the logistic loss."""
    if objective.loss is not Loss.LOGISTIC:
        return dataset
    from certify.files import logistic_targets

    return replace(dataset, y=logistic_targets(dataset.y))


def check_options(search: SearchChoice) -> CheckOptions:
    from certify.decide.options import CheckOptions

    return CheckOptions(search.eps, search.time_limit, search.threads, search.seed, search.engine.value)


def file_record(path: Path, stored: StoredModel | StoredDataset) -> FileRecord:
    from certify.report.record import FileRecord

    return FileRecord(str(path), stored.format, stored.file_sha256, stored.canonical_sha256)


def _with_witness_file(
    record: CheckRecord, output: OutputChoice, model: StoredModel
) -> tuple[CheckRecord, InputError | None]:
    """Write the better network where that was asked for; a failure is handed back, so that the verdict is shown first."""
    from certify.files import save_network

    witness = record.verdict.witness
    if output.witness is None:
        return record, None
    if witness is None:
        remark(f"no better network was found; {output.witness} was not written", output)
        return record, None
    try:
        save_network(witness.network, output.witness, model)
    except InputError as error:
        return record, error
    remark(f"the better network was written to {output.witness}", output)
    return replace(record, witness_file=str(output.witness)), None


def remark(text: str, output: OutputChoice) -> None:
    if not output.quiet:
        say(f"note: {text}")


def rendered(record: CheckRecord, output: OutputChoice) -> str:
    if output.format is Format.JSON:
        from certify.report.as_json import check_as_dict, to_json

        return to_json(check_as_dict(record, __version__))
    from certify.report.as_text import text_report, verdict_line

    colour = output.output is None and wants_colour()
    if output.quiet:
        return verdict_line(record.verdict, colour) + "\n"
    return text_report(record, output.verbose, colour)
