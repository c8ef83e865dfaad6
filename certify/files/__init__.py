"""Reading and writing of files: models, data sets, and the objectives that they state (docs/formats.md).

The public names are imported when first used, so that the HDF5 worker process starts fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from certify.files.data import StoredDataset, load_dataset
    from certify.files.describe import Description, describe_contents, describe_file
    from certify.files.inputs import StoredInputs, load_inputs
    from certify.files.mapping import parse_map
    from certify.files.model import ArrayReading, StoredModel, load_model
    from certify.files.resolve import resolve_objective, stated_by_options
    from certify.files.stated import StatedObjective, from_sidecar
    from certify.files.writer import save_network, save_new_network

_HOMES = {
    "ArrayReading": "certify.files.model",
    "Description": "certify.files.describe",
    "StatedObjective": "certify.files.stated",
    "StoredDataset": "certify.files.data",
    "StoredInputs": "certify.files.inputs",
    "StoredModel": "certify.files.model",
    "describe_contents": "certify.files.describe",
    "describe_file": "certify.files.describe",
    "from_sidecar": "certify.files.stated",
    "load_dataset": "certify.files.data",
    "load_inputs": "certify.files.inputs",
    "load_model": "certify.files.model",
    "parse_map": "certify.files.mapping",
    "resolve_objective": "certify.files.resolve",
    "save_network": "certify.files.writer",
    "save_new_network": "certify.files.writer",
    "stated_by_options": "certify.files.resolve",
}

# spelled out, because type checkers read it
__all__ = [
    "ArrayReading",
    "Description",
    "StatedObjective",
    "StoredDataset",
    "StoredInputs",
    "StoredModel",
    "describe_contents",
    "describe_file",
    "from_sidecar",
    "load_dataset",
    "load_inputs",
    "load_model",
    "parse_map",
    "resolve_objective",
    "save_network",
    "save_new_network",
    "stated_by_options",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
