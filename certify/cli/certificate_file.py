"""The certificate as the options want it, and its file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from certify.cli.choices import Arrays
from certify.cli.request import Request
from certify.cli.results import remark
from certify.errors import UsageError
from certify.files.replacing import replacing

if TYPE_CHECKING:
    from certify.certificates import CertificateWish
    from certify.cli.results import Outcome
    from certify.files import StoredDataset, StoredModel
    from certify.report.record import CheckRecord

_MOST_CARRIED = 20_000_000  # bytes of arrays, as text
_BYTES_A_NUMBER = 24


def certificate_wish(request: Request, model: StoredModel | None, data: StoredDataset) -> CertificateWish:
    """The options, with what the certificate calls the files by; without a model it names the arrays alone."""
    from certify.certificates import CertificateWish, Source

    source = Source(data.dataset, data.file_sha256, None if model is None else model.file_sha256)
    wanted, arrays = request.certificate is not None, request.certificate_arrays
    carried = arrays is Arrays.CARRY or (arrays is Arrays.AUTO and _text_size(data, model) <= _MOST_CARRIED)
    return CertificateWish(source, wanted, carried and wanted, request.paranoid)


def with_certificate_file(record: CheckRecord, file: Path | None, request: Request) -> Outcome:
    """Write the certificate where that was asked for."""
    if file is None:
        return record, None
    content = record.verdict.certificate
    if content is None:
        remark(f"{file} was not written, there is no certificate: {record.verdict.certificate_note}", request)
        return record, None
    from certify.certificates.sealing import packed

    try:
        with replacing(file) as temporary:
            temporary.write_bytes(packed(content, file))
    except OSError as error:
        return record, UsageError(f"cannot write {file}: {error.strerror}")
    return replace(record, certificate_file=str(file)), None


def _text_size(data: StoredDataset, model: StoredModel | None) -> int:
    numbers = int(data.dataset.X.size) + 2 * data.dataset.samples
    if model is not None:
        numbers += int(model.network.hidden_weights.size) + 2 * model.network.width
    return _BYTES_A_NUMBER * numbers
