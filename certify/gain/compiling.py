"""Modules that numba compiles when they are imported: kept between runs, and made by another process where they are not.

The cache lies in a folder named by what it depends on, so that no part of it outlives another's source.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

_HERE = Path(__file__).parent
_COMPLETE = "complete"
_COMPILERS: list[subprocess.Popen] = []  # held, so that nobody collects and complains about one that is still running
_LONGEST = 600.0  # seconds that compiling may take


@dataclass(slots=True)
class CompiledModule:
    """module: a module of this package whose import compiles; pattern: its sources; folder: where the cache is kept."""

    module: str
    pattern: str
    folder: str
    _loaded: ModuleType | None = None
    _kept: bool | None = None
    _asked: bool = False
    _compiler: subprocess.Popen | None = field(default=None, repr=False)

    def current(self, worth_making: bool) -> ModuleType | None:
        """The module where it is kept, loaded; else None, and where it is worth its time another process makes it meanwhile."""
        if self._loaded is None:
            if self._kept is None:
                self._kept = self.is_kept()
            if not self._kept and self._compiler is not None and self._compiler.poll() == 0:
                # believed only where the cache is there: compiling in this process would take half a minute
                self._kept, self._compiler = self.is_kept(), None
            if self._kept:
                self.load()
            elif worth_making and not self._asked:
                self._asked = True
                self._start()
        return self._loaded

    def load(self) -> ModuleType:
        """The module now: from the cache, or compiled here, which takes its time."""
        if self._loaded is None:
            from numba import config

            folder, before = self._writable(), config.CACHE_DIR
            config.CACHE_DIR = "" if folder is None else str(folder)
            try:
                self._loaded = importlib.import_module(self.module)
            finally:
                config.CACHE_DIR = before
        return self._loaded

    def keep(self) -> None:
        """Compile, and leave numba's cache and a note that it is complete."""
        self.load()
        folder = self._writable()
        if folder is not None:
            (folder / _COMPLETE).touch()

    def is_kept(self) -> bool:
        """Whether the cache of these very sources is complete, for this interpreter, numba and processor."""
        return any((place / self._fingerprint() / _COMPLETE).exists() for place in self._places())

    def _start(self) -> None:
        if not self._claimed():
            return
        call = f"CompiledModule({self.module!r}, {self.pattern!r}, {self.folder!r}).keep()"
        # from this very package, whatever lies in the working directory
        here = f"import sys; sys.path.insert(0, {str(_HERE.parents[1])!r})"
        command = [sys.executable, "-P", "-c", f"{here}; from certify.gain.compiling import CompiledModule; {call}"]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        # it outlives a short check on purpose: else a machine that runs short checks only would never have it
        self._compiler = subprocess.Popen(command, start_new_session=True, **quiet)
        _COMPILERS.append(self._compiler)

    def _claimed(self) -> bool:
        """Whether no other process is compiling the same; one that began long ago has died."""
        folder = self._writable()
        if folder is None:
            return False
        claim = folder / "compiling"
        with contextlib.suppress(OSError):
            if claim.exists() and time.time() - claim.stat().st_mtime < _LONGEST:
                return False
            claim.unlink(missing_ok=True)
            claim.touch(exist_ok=False)
            return True
        return False

    def _places(self) -> list[Path]:
        """Beside the sources or, where that is not ours to write, in the user's cache."""
        return [_HERE / "__pycache__" / self.folder, Path.home() / ".cache" / "certify" / self.folder]

    def _writable(self) -> Path | None:
        """The folder of numba's cache for these very sources; None where nothing can be written."""
        fingerprint = self._fingerprint()
        places = sorted(self._places(), key=lambda place: not (place / fingerprint / _COMPLETE).exists())
        for place in places:
            folder = place / fingerprint
            with contextlib.suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
                if os.access(folder, os.W_OK) or (folder / _COMPLETE).exists():
                    return folder
        return None

    def _fingerprint(self) -> str:
        """What the compiled code depends on."""
        sources = sorted(_HERE.glob(self.pattern))
        parts = [f"{source.name} {source.stat().st_mtime_ns} {source.read_text()}" for source in sources]
        parts += [sys.version, platform.platform(), version("numba"), version("numpy")]
        processor = Path("/proc/cpuinfo")
        if processor.exists():
            lines = processor.read_text().splitlines()
            parts += sorted({line for line in lines if line.startswith(("model name", "flags"))})
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
