"""`certify verify`: the checker's answer, and the one bridge by which arrays read with numpy reach it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from certify.checker.rejection import Rejected, require
from certify.cli import exit_codes
from certify.cli.choices import Format
from certify.cli.inputs import load_pair
from certify.cli.options import CertificateArgument, DataArgument, ModelArgument
from certify.cli.parsing import options
from certify.cli.request import KEYS, Request
from certify.cli.stdin import files_or_stdin
from certify.cli.verified_path import is_path, verify_path
from certify.errors import UnreadableFile
from certify.report.writing import deliver, require_writable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from certify.checker.certificate import Certificate, Data, Network
    from certify.checker.claims import Accepted
    from certify.files import StoredDataset, StoredModel


@options(*KEYS, "paranoid", "format", "output")
def verify(certificate: CertificateArgument, model: ModelArgument, data: DataArgument, request: Request) -> int:
    """Re-decide a certificate, or a path, from the files alone.

    The answer is ACCEPTED, with the claims that are proved, or REJECTED
    and the reason (exit code 5). Nothing of the search takes part. A path is what certify path --output FILE writes.
    """
    if request.output is not None:
        require_writable(request.output, "--output")
    with files_or_stdin((certificate, model, data)) as (certificate_file, model_file, data_file):
        stored, samples = load_pair(model_file, data_file, request)
        if is_path(certificate_file):
            return verify_path(certificate_file, stored, samples, request)
        content = _content(certificate_file)
        try:
            outcome: Accepted | str = verified(content, stored, samples, request.paranoid)
        except Rejected as reason:
            outcome = str(reason)
    deliver(_as_json(outcome) if request.format is Format.JSON else _as_text(outcome), request.output)
    return exit_codes.REJECTED if isinstance(outcome, str) else exit_codes.DONE


def verified(content: bytes, model: StoredModel, data: StoredDataset, paranoid: bool = False) -> Accepted:
    """Decide a certificate for the arrays of two files. Raises Rejected with the reason."""
    from certify.checker.certificate import read_certificate
    from certify.checker.claims import decide_for

    certificate = read_certificate(content)
    for name, stored, source in (("model", model, certificate.network), ("data", data, certificate.data)):
        same = source.file_sha256 in (None, stored.file_sha256)
        require(same, f"{name} file: not the one that the certificate is about (SHA-256 {stored.file_sha256})")
    return decide_for(certificate, checker_data(data), checker_network(model), paranoid)


def checker_data(stored: StoredDataset) -> Data:
    """The data in plain lists. Raises Rejected for several outputs."""
    from certify.checker.certificate import Data

    dataset = stored.dataset
    require(dataset.y.shape[1] == 1, f"data: {dataset.y.shape[1]} outputs; a certificate is about one")
    return Data(dataset.X.tolist(), dataset.y[:, 0].tolist(), _listed(dataset.sample_weight))


def checker_network(stored: StoredModel) -> Network:
    """The network in plain lists. Raises Rejected for several outputs."""
    from certify.checker.certificate import Network

    net = stored.network
    require(net.outputs == 1, f"network: {net.outputs} outputs; a certificate is about one")
    constant = None if net.output_bias is None else float(net.output_bias[0])
    return Network(net.hidden_weights.tolist(), _listed(net.hidden_bias), net.output_weights[:, 0].tolist(), constant)


def _listed(array: NDArray[np.float64] | None) -> list[float] | None:
    return None if array is None else array.tolist()


def _content(path: Path) -> bytes:
    from certify.checker.document import read_bytes

    try:
        return read_bytes(str(path))
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror or error}") from error


def _as_text(outcome: Accepted | str) -> str:
    return f"REJECTED {outcome}\n" if isinstance(outcome, str) else "\n".join(outcome.lines()) + "\n"


def _as_json(outcome: Accepted | str) -> str:
    from certify.report.as_json import SCHEMA_VERSION, to_json

    if isinstance(outcome, str):
        return to_json({"schema_version": SCHEMA_VERSION, "accepted": False, "reason": outcome})
    head = {"schema_version": SCHEMA_VERSION, "accepted": True, "reason": None}
    return to_json(head | _claims(outcome.certificate) | {"leaves": outcome.leaves})


def _claims(certificate: Certificate) -> dict[str, Any]:
    claim = certificate.claim
    better = claim.better
    return {
        "verdict": claim.verdict,
        "eps": claim.eps,
        "value_bounds": _bounds(claim.value),
        "lower_bound": claim.lower_bound,
        "better": better and {"width": len(better.network.output_weights), "value_bounds": _bounds(better.value)},
        "width": certificate.width,
    }


def _bounds(value: tuple[float, float]) -> dict[str, float]:
    return {"lower": value[0], "upper": value[1]}
