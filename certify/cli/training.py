"""What `certify solve` and `certify descend` share: the network written and read back, and the report on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from certify.cli.certificate_file import with_certificate_file
from certify.cli.inputs import array_roles
from certify.cli.request import Request
from certify.cli.results import file_record
from certify.errors import InputError
from certify.problem.objective import Objective

if TYPE_CHECKING:
    from certify.cli.results import Outcome
    from certify.files import StoredDataset, StoredModel
    from certify.problem.network import Network
    from certify.report.record import CheckRecord, TrainingRecord
    from certify.verdict import Verdict


@dataclass(frozen=True, slots=True, eq=False)
class Trainer:
    """The files that a training began with. like: the model whose layout is written, or None for certify's own."""

    request: Request
    data: StoredDataset
    data_path: Path
    like: StoredModel | None
    notes: tuple[str, ...]

    def record(self, verdict: Verdict, training: TrainingRecord, objective: Objective) -> CheckRecord:
        """The verdict with all that its reader needs; the file written is added by `written`."""
        from certify.report.record import CheckRecord

        data = file_record(self.data_path, self.data)
        weighted = self.data.dataset.sample_weight is not None
        return CheckRecord(verdict, objective, None, data, weighted, self.notes, training=training)

    def written(self, record: CheckRecord, network: Path | None, certificate: Path | None) -> Outcome:
        """Write the network and the certificate where that was asked for."""
        if network is not None and record.training is not None:
            try:
                record = replace(record, model=file_record(network, self._stored(record.training.network, network)))
            except InputError as error:
                return record, error
        return with_certificate_file(record, certificate, self.request)

    def _stored(self, network: Network, path: Path) -> StoredModel:
        """The network in its file, and read back from it."""
        from certify.files import load_model, save_network, save_new_network

        if self.like is None:
            save_new_network(network, path)
        else:
            save_network(network, path, self.like)
        return load_model(path, array_roles(self.request), network.inputs, self.request.activation)
