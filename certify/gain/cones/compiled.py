"""The kernel, interpreted at once or compiled by numba when a search turns out to be long.

Compiling takes half a minute, once an installation: another process does it and leaves numba's cache behind, while this one goes
on searching with the interpreted kernel. Loading the cache then takes half a second. A small problem never asks.
"""

from __future__ import annotations

from types import ModuleType

from certify.gain.compiling import CompiledModule
from certify.gain.cones import kernel as interpreted

_PATIENCE = {True: 600.0, False: 8_000.0}  # interpreted work before compiling pays; True: kept from an earlier run


def compiled_kernel() -> CompiledModule:
    """The compiled life of the kernel, and where it is kept."""
    return CompiledModule("certify.gain.cones.kernel_compiled", "kernel*.py", "kernel")


def keep() -> None:
    """Compile the kernel now and keep it, so that no later search waits for it."""
    compiled_kernel().keep()


class KernelSupply:
    """Hands out the fastest kernel that is ready, and has the compiled one made once enough work has been done without.

    Work is counted in nodes of a few hundred samples, about 0.4 ms of the interpreted kernel.
    """

    def __init__(self) -> None:
        self._work = 0.0
        self._patience: float | None = None
        self._module = compiled_kernel()
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
        if self._patience is None:
            self._patience = _PATIENCE[self._module.is_kept()]
        if self._work > self._patience:
            self._compiled = self._module.current(worth_making=True)

    def load(self) -> ModuleType:
        """The compiled kernel now: from numba's cache, or compiled here, which takes its time."""
        if self._compiled is None:
            self._compiled = self._module.load()
        return self._compiled


KERNELS = KernelSupply()
