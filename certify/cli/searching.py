"""What surrounds every search: its settings, the display, and the data as the objective wants them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from certify.cli.certificate_file import certificate_wish
from certify.cli.progress import live_progress
from certify.cli.request import Request
from certify.cli.results import remark
from certify.problem.objective import Objective

if TYPE_CHECKING:
    from certify.certificates import CertificateWish
    from certify.decide.options import CheckOptions, ProgressCallback
    from certify.files import StoredDataset, StoredModel
    from certify.problem.dataset import Dataset


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """What each of certify/decide's functions takes, after the network and before its own arguments."""

    dataset: Dataset
    options: CheckOptions
    progress: ProgressCallback | None
    wish: CertificateWish


@contextmanager
def searching(
    request: Request, model: StoredModel | None, data: StoredDataset, objective: Objective, notes: Sequence[str]
) -> Iterator[Search]:
    """The notes said, and the display open while the context lasts. model: the one that a certificate names by its file."""
    import numpy as np

    from certify.decide.options import CheckOptions

    for note in notes:
        remark(note, request)
    options = CheckOptions(
        eps=request.eps,
        time_limit=request.time_limit,
        threads=request.threads,
        seed=request.seed,
        engine=request.engine.value,
        tight=request.tight,
        started=None if request.path_of_weight_decay else request.started,  # a path has it for each point
    )
    wish = certificate_wish(request, model, data)
    # values that overflow are found and named by the check itself, not by numpy's warnings
    with live_progress(request.quiet) as progress, np.errstate(all="ignore"):
        yield Search(data.dataset, options, progress, wish)
