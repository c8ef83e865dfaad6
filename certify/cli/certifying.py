"""What the options say about the certificate, and its file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from certify.cli.choices import Arrays
from certify.cli.messages import say
from certify.errors import InputError, UsageError
from certify.files.replacing import replacing

if TYPE_CHECKING:
    from certify.certificates import CertificateWish
    from certify.cli.checking import OutputChoice
    from certify.files import StoredDataset, StoredModel
    from certify.report.record import CheckRecord

_MOST_CARRIED = 20_000_000  # bytes of arrays, as text
_BYTES_A_NUMBER = 24


@dataclass(frozen=True, slots=True)
class CertificateChoice:
    """file: where it goes, if anywhere; arrays: whether it carries them; paranoid: decided by the exact scan alone."""

    file: Path | None = None
    arrays: Arrays = Arrays.AUTO
    paranoid: bool = False


def certificate_wish(choice: CertificateChoice, model: StoredModel | None, data: StoredDataset) -> CertificateWish:
    """The same, with what the certificate calls the files by; without a model it names the arrays alone."""
    from certify.certificates import CertificateWish, Source

    source = Source(data.dataset, data.file_sha256, None if model is None else model.file_sha256)
    carried = choice.arrays is Arrays.CARRY or (
        choice.arrays is Arrays.AUTO and _text_size(data, model) <= _MOST_CARRIED
    )
    return CertificateWish(source, choice.file is not None, carried and choice.file is not None, choice.paranoid)


def with_certificate_file(
    record: CheckRecord, choice: CertificateChoice, output: OutputChoice
) -> tuple[CheckRecord, InputError | None]:
    """Write the certificate where that was asked for; a failure is handed back, so that the verdict is shown first."""
    if choice.file is None:
        return record, None
    content = record.verdict.certificate
    if content is None:
        if not output.quiet:
            say(f"note: {choice.file} was not written, there is no certificate: {record.verdict.certificate_note}")
        return record, None
    from certify.certificates.sealing import packed

    try:
        with replacing(choice.file.resolve()) as temporary:
            temporary.write_bytes(packed(content, choice.file))
    except OSError as error:
        return record, UsageError(f"cannot write {choice.file}: {error.strerror}")
    return replace(record, certificate_file=str(choice.file)), None


def _text_size(data: StoredDataset, model: StoredModel | None) -> int:
    numbers = data.dataset.X.size + 2 * data.dataset.samples
    if model is not None:
        numbers += model.network.hidden_weights.size + 2 * model.network.width
    return _BYTES_A_NUMBER * numbers
