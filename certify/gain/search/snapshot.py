"""The state of a search as a flat dictionary of plain arrays, so that any container of arrays can hold it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np

from certify.arrays import AnyArray

Snapshot: TypeAlias = dict[str, AnyArray]


def packed(name: str, items: Sequence[Snapshot]) -> Snapshot:
    """Dictionaries with the same keys, each key's arrays joined end to end; `name` begins all keys made."""
    state = {f"{name}.count": np.array([len(items)])}
    for key in items[0] if items else ():
        arrays = [np.asarray(item[key]) for item in items]
        state[f"{name}.{key}.shapes"] = np.array([array.shape for array in arrays]).reshape(len(items), arrays[0].ndim)
        state[f"{name}.{key}"] = np.concatenate([array.ravel() for array in arrays])
    return state


def unpacked(name: str, state: Snapshot) -> Iterator[Snapshot]:
    """The dictionaries that were packed under that name."""
    count = int(state[f"{name}.count"][0])
    keys = [
        key[len(name) + 1 : -len(".shapes")] for key in state if key.startswith(f"{name}.") and key.endswith(".shapes")
    ]
    offsets = dict.fromkeys(keys, 0)
    for k in range(count):
        item = {}
        for key in keys:
            shape = tuple(int(x) for x in state[f"{name}.{key}.shapes"][k])
            size = int(np.prod(shape, dtype=int))
            item[key] = state[f"{name}.{key}"][offsets[key] : offsets[key] + size].reshape(shape)
            offsets[key] += size
        yield item


def nested(name: str, state: Snapshot) -> Snapshot:
    """A snapshot inside another one, under that name."""
    return {f"{name}/{key}": array for key, array in state.items()}


def within(name: str, state: Snapshot) -> Snapshot:
    """The snapshot that was nested under that name; empty where there is none."""
    return {key[len(name) + 1 :]: array for key, array in state.items() if key.startswith(f"{name}/")}
