"""The job behind `certify check`: read, state the objective, decide, report; each step's heavy imports are its own."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from certify import __version__
from certify.cli.choices import Convention, Engine, FailOn, Format, Penalize
from certify.cli.exit_codes import exit_code
from certify.cli.messages import say, wants_colour
from certify.cli.progress import live_progress
from certify.cli.stdin import files_or_stdin
from certify.errors import InputError, UsageError
from certify.objective import Loss, Reduction
from certify.report.writing import deliver, require_writable

if TYPE_CHECKING:
    from certify.files import StatedObjective, StoredDataset, StoredModel
    from certify.network import Network
    from certify.report.record import CheckRecord, FileRecord

ROLES = ("hidden.weight", "hidden.bias", "output.weight", "output.bias")
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


def run_check(request: CheckRequest) -> int:
    """Exit code of the check. Raises CertifyError for whatever the user can mend."""
    mapping = parsed_mapping(request.mapping)
    _require_consistent(request)
    limit_library_threads(request.search.threads)
    with files_or_stdin((request.model, request.data)) as (model_path, data_path):
        from certify.files import load_dataset, load_model

        data = load_dataset(data_path, request.x_key, request.y_key)
        model = load_model(model_path, mapping, data.dataset.inputs)
        record = _checked(request, model, data)
        record, failure = _with_witness_file(record, request.output, model)
    deliver(_rendered(record, request.output), request.output.output)
    if failure is not None:
        raise failure
    return exit_code(record.verdict, request.output.fail_on, request.output.exit_zero)


def parsed_mapping(items: tuple[str, ...]) -> dict[str, str] | None:
    """{role: KEY[:T]} from `--map` words such as "hidden.weight=W1:T output.weight=W2"; None where there are none.

    Raises UsageError for what is not ROLE=KEY, an unknown role, and a role given twice.
    """
    words = [word for item in items for word in re.split(rf"\s+(?=(?:{'|'.join(ROLES)})=)", item.strip())]
    mapping: dict[str, str] = {}
    for word in words:
        role, _, key = word.partition("=")
        if role not in ROLES or not key:
            raise UsageError(f"--map {word!r}: ROLE=KEY[:T] was expected, with ROLE one of {', '.join(ROLES)}")
        if role in mapping:
            raise UsageError(f"--map names {role} twice: {mapping[role]!r} and {key!r}; give it once")
        mapping[role] = key
    return mapping or None


def limit_library_threads(threads: int) -> None:
    """Tell the linear algebra libraries, which read this once, when numpy is first imported."""
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(threads)


def _require_consistent(request: CheckRequest) -> None:
    output = request.output
    if output.quiet and output.verbose:
        raise UsageError("-q and -v exclude one another; give one of them")
    taken = {request.model.resolve(): "MODEL", request.data.resolve(): "DATA"}
    for path, option in ((output.output, "--output"), (output.witness, "--witness")):
        if path is None:
            continue
        require_writable(path, option)
        other = taken.setdefault(path.resolve(), option)
        if other != option:
            raise UsageError(f"{option} {path} would overwrite {other}; name another file")


def _checked(request: CheckRequest, model: StoredModel, data: StoredDataset) -> CheckRecord:
    from certify.decide import check_network
    from certify.decide.options import CheckOptions
    from certify.files import resolve_objective
    from certify.report.record import CheckRecord

    stated = _stated(request.objective, model.network)
    objective, cautions = resolve_objective(
        model.network, data.dataset, model.stated, stated, request.objective.convention
    )
    notes = (*model.notes, *data.notes, *cautions)
    if not request.output.quiet:
        for note in notes:
            say(f"note: {note}")
    search = request.search
    options = CheckOptions(search.eps, search.time_limit, search.threads, search.seed, search.engine.value)
    with live_progress(request.output.quiet) as progress:
        verdict = check_network(model.network, data.dataset, objective, options, progress)
    return CheckRecord(
        verdict,
        objective,
        _file_record(request.model, model),
        _file_record(request.data, data),
        weighted=data.dataset.sample_weight is not None,
        notes=notes,
    )


def _stated(choice: ObjectiveChoice, network: Network) -> StatedObjective:
    """The options as a partial objective; `--penalize weights` frees the biases that there are."""
    from certify.files import StatedObjective
    from certify.objective import Bias

    def bias(parameter: object) -> Bias | None:
        if choice.penalize is None:
            return None
        if parameter is None:
            return Bias.NONE
        return Bias.PENALIZED if choice.penalize is Penalize.ALL else Bias.FREE

    return StatedObjective(
        loss=choice.loss,
        reduction=choice.reduction,
        hidden_decay=choice.weight_decay,
        output_decay=choice.weight_decay,
        hidden_bias=bias(network.hidden_bias),
        output_bias=bias(network.output_bias),
    )


def _file_record(path: Path, stored: StoredModel | StoredDataset) -> FileRecord:
    from certify.report.record import FileRecord

    return FileRecord(str(path), stored.format, stored.file_sha256, stored.arrays_sha256)


def _with_witness_file(
    record: CheckRecord, output: OutputChoice, model: StoredModel
) -> tuple[CheckRecord, InputError | None]:
    """Write the better network where that was asked for; a failure is handed back, so that the verdict is shown first."""
    from certify.files import save_network

    witness = record.verdict.witness
    if output.witness is None:
        return record, None
    if witness is None:
        say(f"note: no better network was found; {output.witness} was not written")
        return record, None
    try:
        save_network(witness.network, output.witness, model)
    except InputError as error:
        return record, error
    say(f"note: the better network was written to {output.witness}")
    return replace(record, witness_file=str(output.witness)), None


def _rendered(record: CheckRecord, output: OutputChoice) -> str:
    if output.format is Format.JSON:
        from certify.report.as_json import check_as_dict, to_json

        return to_json(check_as_dict(record, __version__))
    from certify.report.as_text import text_report, verdict_line

    colour = output.output is None and wants_colour()
    if output.quiet:
        return verdict_line(record.verdict, colour) + "\n"
    return text_report(record, output.verbose, colour)
