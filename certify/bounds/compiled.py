"""The kernel, interpreted at once or compiled by numba when a search turns out to be long.

Compiling takes some ten seconds, once an installation (numba keeps its cache), and loading the cache half a second. So a
small problem never asks for it, and a large one goes on searching with the interpreted kernel while a thread compiles.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
from pathlib import Path
from types import ModuleType

import numpy as np

from certify.bounds import kernel as interpreted

_PATIENCE = {True: 600.0, False: 6_000.0}  # interpreted work before compiling pays; True: kept from an earlier run


class KernelSupply:
    """Hands out the fastest kernel that is ready, and has the compiled one made once enough work has been done without.

    Work is counted in nodes of a few hundred samples, about 0.4 ms of the interpreted kernel.
    """

    def __init__(self) -> None:
        self._work = 0.0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._compiled: ModuleType | None = None

    def current(self) -> ModuleType:
        """The compiled kernel once it is ready, the interpreted one before."""
        return self._compiled or interpreted

    @property
    def ready(self) -> bool:
        """Whether the compiled kernel is in use."""
        return self._compiled is not None

    @property
    def cached(self) -> bool:
        """Whether compiling was done before in this installation, so that it costs half a second instead of ten or twenty."""
        source = Path(interpreted.__file__)
        kept = source.parent.joinpath("__pycache__").glob("kernel.explore-*.nbi")
        return any(index.stat().st_mtime >= source.stat().st_mtime for index in kept)

    def charge(self, nodes: float, samples: int) -> None:
        """Note that much work."""
        self._work += nodes * (1 + samples / 1000)
        if self._thread is None and self._work > _PATIENCE[self.cached]:
            self.prepare()

    def prepare(self) -> None:
        """Start compiling in the background; does nothing when that has been asked before."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._compile, name="certify-compile", daemon=True)
                self._thread.start()

    def wait(self) -> ModuleType:
        """Prepare, wait, and return the compiled kernel (the interpreted one where numba failed)."""
        self.prepare()
        self._thread.join()
        return self.current()

    def _compile(self) -> None:
        module = _load_under_numba()
        eye = np.eye(2)
        # one tiny call per entry point: numba compiles for the argument types it sees
        module.explore(eye, eye, eye[0], np.inf, eye, -eye, np.ones(2), 1.0, 0.0, 0.0, 0.0, 1e-9, 4)
        module.ascend(eye[0], eye, -eye, np.ones(2), 4)
        self._compiled = module


def _load_under_numba() -> ModuleType:
    spec = importlib.util.spec_from_file_location(interpreted.KERNEL_NAME, interpreted.__file__)
    module = importlib.util.module_from_spec(spec)
    sys.modules[interpreted.KERNEL_NAME] = module
    spec.loader.exec_module(module)
    return module


KERNELS = KernelSupply()
