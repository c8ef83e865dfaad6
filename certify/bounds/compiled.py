"""The kernel, interpreted at once or compiled by numba when a search turns out to be long.

Compiling takes some ten seconds, once an installation: another process does it and leaves numba's cache behind, while this
one goes on searching with the interpreted kernel. Loading the cache then takes less than a second. A small problem never asks.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import importlib.util
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import numpy as np

from certify.bounds import kernel as interpreted

_PATIENCE = {True: 600.0, False: 8_000.0}  # interpreted work before compiling pays; True: kept from an earlier run


class KernelSupply:
    """Hands out the fastest kernel that is ready, and has the compiled one made once enough work has been done without.

    Work is counted in nodes of a few hundred samples, about 0.4 ms of the interpreted kernel.
    """

    def __init__(self) -> None:
        self._work = 0.0
        self._patience: float | None = None
        self._compiler: subprocess.Popen | None = None
        self._compiled: ModuleType | None = None

    @property
    def ready(self) -> bool:
        """Whether the compiled kernel is in use."""
        return self._compiled is not None

    def current(self) -> ModuleType:
        """The compiled kernel once it is ready, the interpreted one before."""
        return self._compiled or interpreted

    def charge(self, nodes: float, samples: int) -> None:
        """Note that much work; from time to time it makes the compiled kernel available."""
        if self._compiled is not None:
            return
        self._work += nodes * (1 + samples / 1000)
        if self._compiler is not None:
            if self._compiler.poll() == 0:
                self.load()
            return
        if self._patience is None:
            self._patience = _PATIENCE[_is_kept()]
        if self._work > self._patience:
            self._prepare()

    def load(self) -> ModuleType:
        """The compiled kernel now: from numba's cache, or compiled here, which takes its time."""
        if self._compiled is None:
            self._compiled = _compile()
        return self._compiled

    def _prepare(self) -> None:
        if _is_kept():
            self.load()
            return
        command = [sys.executable, "-c", "from certify.bounds.compiled import keep; keep()"]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._compiler = subprocess.Popen(command, **quiet)
        atexit.register(self._compiler.kill)


def keep() -> None:
    """Compile, and note beside numba's cache for what machine and versions it holds."""
    _compile()
    with contextlib.suppress(
        OSError
    ):  # a package folder that is not ours to write: numba keeps its cache elsewhere then
        _stamp().parent.mkdir(exist_ok=True)
        _stamp().write_text(_fingerprint())


def _is_kept() -> bool:
    """Whether numba's cache holds this kernel, for this interpreter, numba and processor."""
    try:
        return _stamp().read_text() == _fingerprint()
    except OSError:
        return False


def _stamp() -> Path:
    return Path(interpreted.__file__).parent / "__pycache__" / "kernel.compiled"


def _fingerprint() -> str:
    """What a compiled kernel depends on."""
    source = Path(interpreted.__file__)
    parts = [source.read_text(), str(source.stat().st_mtime_ns), sys.version, platform.platform(), version("numba")]
    processor = Path("/proc/cpuinfo")
    if processor.exists():
        lines = processor.read_text().splitlines()
        parts += sorted({line for line in lines if line.startswith(("model name", "flags"))})
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _compile() -> ModuleType:
    spec = importlib.util.spec_from_file_location(interpreted.KERNEL_NAME, interpreted.__file__)
    module = importlib.util.module_from_spec(spec)
    sys.modules[interpreted.KERNEL_NAME] = module
    spec.loader.exec_module(module)
    eye = np.eye(2)
    # one tiny call per entry point: numba compiles for the argument types it sees
    module.explore(eye, eye, eye[0], np.inf, 0.0, eye, -eye, np.ones(2), 1.0, 0.0, 0.0, 0.0, 0.0, 1e-9, 4)
    module.ascend(eye[0], eye, -eye, np.ones(2), 4)
    return module


KERNELS = KernelSupply()
