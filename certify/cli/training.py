"""What `certify solve` and `certify descend` share: data made ready, the network written and read back, a report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from certify import __version__
from certify.cli.certifying import CertificateChoice, certificate_wish, with_certificate_file
from certify.cli.checking import (
    OutputChoice,
    SearchChoice,
    check_options,
    file_record,
    remark,
    rendered,
    with_canonical_targets,
)
from certify.cli.choices import Format
from certify.cli.exit_codes import exit_code, worst
from certify.cli.progress import live_progress
from certify.errors import InputError, UsageError
from certify.problem.objective import Objective
from certify.report.writing import deliver, require_writable

if TYPE_CHECKING:
    from certify.certificates import CertificateWish
    from certify.decide.options import CheckOptions, ProgressCallback
    from certify.decide.verdict import Verdict
    from certify.files import StoredDataset, StoredModel
    from certify.problem.dataset import Dataset
    from certify.report.record import CheckRecord, TrainingRecord


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What training needs, read and checked. like: the model whose layout is written, or None for certify's own."""

    data: StoredDataset
    data_path: Path
    like: StoredModel | None
    mapping: dict[str, str] | None
    notes: tuple[str, ...]
    search: SearchChoice
    output: OutputChoice
    certificate: CertificateChoice


@contextmanager
def training(
    job: Job, objective: Objective
) -> Iterator[tuple[Dataset, CheckOptions, ProgressCallback | None, CertificateWish]]:
    """The notes said, the display open, the data as the objective wants them, and what the certificate calls them."""
    import numpy as np

    for note in job.notes:
        remark(note, job.output)
    # values that overflow are found and named by the check itself, not by numpy's warnings
    with live_progress(job.output.quiet) as progress, np.errstate(over="ignore", invalid="ignore"):
        wish = certificate_wish(job.certificate, None, job.data)
        yield with_canonical_targets(job.data.dataset, objective), check_options(job.search), progress, wish


def require_output(
    network: Path | None, certificate: Path | None, taken: dict[Path, str], output: OutputChoice
) -> None:
    """Raise UsageError now where a file could not be written afterwards, or would overwrite one of `taken`."""
    if output.quiet and output.verbose:
        raise UsageError("-q and -v exclude one another; give one of them")
    used = dict(taken)
    for path, option in ((network, "--output"), (certificate, "--certificate")):
        if path is not None:
            require_writable(path, option)
            if path.resolve() in used:
                raise UsageError(f"{option} {path} would overwrite {used[path.resolve()]}; name another file")
            used[path.resolve()] = option


def as_record(verdict: Verdict, training: TrainingRecord, job: Job, objective: Objective) -> CheckRecord:
    """The verdict with all that its reader needs; the file written is added by `written`."""
    from certify.report.record import CheckRecord

    weighted = job.data.dataset.sample_weight is not None
    return CheckRecord(
        verdict, objective, None, file_record(job.data_path, job.data), weighted, job.notes, training=training
    )


def written(
    record: CheckRecord, path: Path | None, job: Job, choice: CertificateChoice
) -> tuple[CheckRecord, InputError | None]:
    """Write the network and the certificate where that was asked for; a failure is handed on: the verdict comes first."""
    record, failure = _network_written(record, path, job)
    if failure is not None:
        return record, failure
    return with_certificate_file(record, choice, job.output)


def _network_written(record: CheckRecord, path: Path | None, job: Job) -> tuple[CheckRecord, InputError | None]:
    """The network in its file, and read back from it."""
    from certify.files import load_model, save_network, save_new_network

    if path is None:
        return record, None
    network = record.training.network
    try:
        if job.like is None:
            save_new_network(network, path)
        else:
            save_network(network, path, job.like)
        stored = load_model(path, job.mapping, network.inputs)
    except InputError as error:
        return record, error
    return replace(record, model=file_record(path, stored)), None


def finished(outcomes: list[tuple[CheckRecord, InputError | None]], job: Job, path: bool = False) -> int:
    """Exit code, once the result is printed; of several the worst."""
    records = [record for record, _ in outcomes]
    deliver(_path_rendered(records, job.output) if path else rendered(records[0], job.output), job.output.output)
    for _, failure in outcomes:
        if failure is not None:
            raise failure
    return worst(exit_code(record.verdict, job.output.fail_on, job.output.exit_zero) for record in records)


def _path_rendered(records: list[CheckRecord], output: OutputChoice) -> str:
    if output.format is Format.JSON:
        from certify.report.as_json import path_as_dict, to_json

        return to_json(path_as_dict(records, __version__))
    from certify.report.as_table import path_table, path_verdicts

    return path_verdicts(records) if output.quiet else path_table(records)
