"""The kernel, interpreted at once or compiled by numba when a search turns out to be long.

Compiling takes some ten seconds, once an installation (numba keeps its cache), and loading the cache half a second. So a
small problem never asks for it, and a large one goes on searching with the interpreted kernel while a thread compiles.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
from types import ModuleType

import numpy as np

from certify.bounds import kernel as interpreted


class KernelSupply:
    """Hands out the fastest kernel that is ready."""

    def __init__(self) -> None:
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
        self._compiled = module


def _load_under_numba() -> ModuleType:
    spec = importlib.util.spec_from_file_location(interpreted.KERNEL_NAME, interpreted.__file__)
    module = importlib.util.module_from_spec(spec)
    sys.modules[interpreted.KERNEL_NAME] = module
    spec.loader.exec_module(module)
    return module


KERNELS = KernelSupply()
