"""What a command reads: model, data, and the objective that the options and the files state between them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from certify.cli.request import Request
from certify.problem.objective import Objective

if TYPE_CHECKING:
    from certify.files import StatedObjective, StoredDataset, StoredModel

THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def limit_library_threads() -> None:
    """One thread each for the linear algebra libraries, which read this once, when numpy is first imported.

    Their matrices are small here: with two threads a descent took forty times as long. The search has threads of its own.
    """
    for variable in THREAD_VARIABLES:
        os.environ[variable] = "1"


def array_roles(request: Request) -> dict[str, str] | None:
    """The roles that --map gives to a model's arrays. Raises UsageError."""
    from certify.files import parse_map

    return parse_map(request.mapping or ()) or None


def load_pair(model: Path, data: Path, request: Request) -> tuple[StoredModel, StoredDataset]:
    """Both files, as the options say that they are to be read. Raises InputError, in one line."""
    from certify.files import load_dataset, load_model

    roles = array_roles(request)
    samples = load_dataset(data, request.x, request.y)
    return load_model(model, roles, samples.dataset.inputs, request.activation), samples


def objective_of(model: StoredModel, data: StoredDataset, request: Request) -> tuple[Objective, tuple[str, ...]]:
    """The objective, from the options and the model's file, with notes on what overrode what. Raises ObjectiveError."""
    from certify.files import resolve_objective

    return resolve_objective(
        model.network, data.dataset, model.stated, stated_by(request, request.weight_decay), request.convention
    )


def stated_by(request: Request, weight_decay: float | None) -> StatedObjective:
    """What the options say about the objective, with this weight decay."""
    from certify.files import stated_by_options

    return stated_by_options(request.loss, request.reduction, weight_decay, request.penalize)
