"""Reading and writing of files: models, data sets, and the objectives that they state (docs/formats.md).

The public names are imported when first used, so that the HDF5 worker process starts fast.
"""

from __future__ import annotations

from importlib import import_module

PUBLIC = {
    "ArrayReading": "model",
    "Description": "describe",
    "StatedObjective": "stated",
    "StoredDataset": "data",
    "StoredModel": "model",
    "describe_file": "describe",
    "load_dataset": "data",
    "load_model": "model",
    "logistic_targets": "resolve",
    "parse_map": "naming",
    "resolve_objective": "resolve",
    "save_network": "writer",
    "save_new_network": "writer",
    "from_sidecar": "stated",
    "stated_by_options": "resolve",
}
__all__ = [
    "ArrayReading",
    "Description",
    "StatedObjective",
    "StoredDataset",
    "StoredModel",
    "describe_file",
    "from_sidecar",
    "load_dataset",
    "load_model",
    "logistic_targets",
    "parse_map",
    "resolve_objective",
    "save_network",
    "save_new_network",
    "stated_by_options",
]


def __getattr__(name: str) -> object:
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{PUBLIC[name]}"), name)
