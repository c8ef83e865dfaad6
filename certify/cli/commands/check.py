"""`certify check`: read, state the objective, decide, report; each step's heavy imports are its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from certify.cli.certificate_file import with_certificate_file
from certify.cli.doubts import doubt_about, said
from certify.cli.inputs import load_pair, objective_of
from certify.cli.options import DataArgument, ModelArgument
from certify.cli.parsing import options
from certify.cli.request import CERTIFICATE, KEYS, OBJECTIVE, SEARCH, VERDICT, Request
from certify.cli.results import file_record, finish, remark, require_sensible_output
from certify.cli.searching import searching
from certify.cli.stdin import files_or_stdin
from certify.errors import InputError

if TYPE_CHECKING:
    from certify.cli.results import Outcome
    from certify.files import StoredModel
    from certify.report.record import CheckRecord


@options(*OBJECTIVE, *KEYS, *SEARCH, "witness", *CERTIFICATE, "output", *VERDICT)
def check(model: ModelArgument, data: DataArgument, request: Request) -> int:
    """Is this network a global minimum of its training loss?

    \b
    CERTIFIED     no two-layer ReLU network of any width is better by
                  more than eps times this one's objective
    REFUTED       a better network of at most the same width is exhibited
    INCONCLUSIVE  neither, for the reason named (limit, width, numerics);
                  the bounds printed are true all the same
    """
    files = {"--output": request.output, "--witness": request.witness, "--certificate": request.certificate}
    require_sensible_output(request, {"MODEL": model, "DATA": data}, files)
    with files_or_stdin((model, data)) as (model_file, data_file):
        stored, samples = load_pair(model_file, data_file, request)
        from certify.decide.check import check_network
        from certify.report.record import CheckRecord

        objective, overridden = objective_of(stored, samples, request)
        notes = (*stored.notes, *samples.notes, *overridden)
        with searching(request, stored, samples, objective, notes) as search:
            verdict = check_network(
                stored.network, search.dataset, objective, search.options, search.progress, search.wish
            )
        named = file_record(model, stored), file_record(data, samples)
        weighted = samples.dataset.sample_weight is not None
        cautions = said(doubt_about(stored, samples, objective), stored, request, verdict)
        record = CheckRecord(verdict, objective, *named, weighted, notes, cautions=cautions)
        record, failure = _with_witness_file(record, request, stored)
        record, unwritten = with_certificate_file(record, request.certificate, request)
    return finish([(record, failure or unwritten)], request)


def _with_witness_file(record: CheckRecord, request: Request, model: StoredModel) -> Outcome:
    """Write the better network where that was asked for."""
    file, witness = request.witness, record.verdict.witness
    if file is None:
        return record, None
    if witness is None:
        remark(f"no better network was found; {file} was not written", request)
        return record, None
    from certify.files import save_network

    try:
        save_network(witness.network, file, model)
    except InputError as error:
        return record, error
    remark(f"the better network was written to {file}", request)
    return replace(record, witness_file=str(file)), None
