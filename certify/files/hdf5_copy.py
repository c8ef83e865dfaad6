"""The separate process that copies an HDF5 file's structure for the writer, for the reasons of certify/files/hdf5_worker.py.

Run as `python -m certify.files.hdf5_copy SOURCE TARGET NAME…`: root attributes and the named objects of the root are copied.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import h5py

from certify.files.hdf5_worker import limit_resources

CPU_SECONDS = 60


def main(source_path: str, target_path: str, names: Sequence[str]) -> None:
    """Copy; any failure ends the process with a status other than 0."""
    limit_resources(CPU_SECONDS)
    with h5py.File(source_path, "r", locking=False) as source, h5py.File(target_path, "w") as target:
        for name in source.attrs:
            identifier = source.attrs.get_id(name)
            target.attrs.create(name, source.attrs[name], shape=identifier.shape, dtype=identifier.dtype)
        for name in names:
            source.copy(name, target)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
