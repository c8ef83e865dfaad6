"""How the package is built: setuptools' backend, which compiles this folder's sources by Cython (PEP 517, PEP 660).

Floating point is IEEE arithmetic as written: no reassociation, no fused operations, and code for every processor of the
family, so that the same wheel gives the same nodes, bounds and verdicts everywhere. Where there is no C compiler, the
build takes one from the package index: Zig's, which is clang.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import shlex
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import Any

from setuptools import Extension, build_meta
from setuptools.command.build_ext import build_ext

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = Path("build")  # below the root, where backends are called
NOT_COMPILED = {"__init__", "building"}
FLAGS = ["-O3", "-g0", "-fno-fast-math", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
DIRECTIVES = {
    "language_level": "3",
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
}
ZIG = "ziglang>=0.13"
JOBS = min(4, os.cpu_count() or 1)

SHARED = "certify._core._shared"  # Cython's own code for memoryviews, compiled once and not in every module

Settings = dict[str, Any] | None


def named_compiler() -> str | None:
    """The C compiler of the environment, of this Python or of the system that can be run; None where there is none."""
    for command in (os.environ.get("CC"), sysconfig.get_config_var("CC"), "cc", "gcc", "clang"):
        if command and shutil.which(shlex.split(command)[0]):
            return str(command)
    return None


def zig_commands(cache: Path) -> dict[str, list[str]]:
    """How setuptools is to call Zig: for any processor of the family, without the traps of its own choice.

    Nothing of what this Python was compiled with is passed on: those flags are another compiler's.
    """
    package = importlib.util.find_spec("ziglang")
    if package is None or not package.submodule_search_locations:
        raise SystemExit(f"certify is compiled when it is installed: install a C compiler, or `pip install '{ZIG}'`")
    for name in ("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"):
        os.environ.setdefault(name, str(cache.resolve()))
    command = [str(Path(package.submodule_search_locations[0]) / "zig"), "cc", "-mcpu=baseline"]
    if sys.platform == "linux":
        libc = "musl" if "musl" in str(sysconfig.get_config_var("HOST_GNU_TYPE")) else "gnu"
        command += ["-target", f"{platform.machine()}-linux-{libc}"]
    loose = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
    compile_ = [*command, "-fPIC", "-DNDEBUG", "-fwrapv", "-fno-sanitize=undefined"]
    return {"compiler": compile_, "compiler_so": compile_, "linker_so": [*command, "-shared", "-s", *loose]}


class BuildCore(build_ext):
    """Compiles every module of this folder that changed, or whose .pxd files or flags did."""

    parallel: bool | int | None

    def finalize_options(self) -> None:
        from Cython.Build import cythonize

        sources = sorted(p for p in HERE.glob("*.py") if p.stem not in NOT_COMPILED)
        extensions = [
            Extension(
                f"certify._core.{path.stem}",
                [str(path.relative_to(ROOT))],
                extra_compile_args=FLAGS,
            )
            for path in sources
        ]
        written = (BUILD / "cython/certify/_core").glob("*.c")
        changed = Path(__file__).stat().st_mtime
        self.distribution.ext_modules = cythonize(
            [*extensions, Extension(SHARED, ["certify/_core/_shared.c"], extra_compile_args=FLAGS)],
            compiler_directives=DIRECTIVES,
            shared_utility_qualified_name=SHARED,
            build_dir=str(BUILD / "cython"),
            force=any(path.stat().st_mtime < changed for path in written),
            quiet=True,
        )
        super().finalize_options()
        self.parallel = self.parallel or JOBS

    def build_extension(self, ext: Extension) -> None:
        """Compile, unless this very C code was compiled before by this very compiler with these flags, for this Python."""
        made = Path(self.get_ext_fullpath(ext.name))
        (source,) = ext.sources
        digest = hashlib.sha256((ROOT / source).read_bytes())
        digest.update(repr((sys.version, ext.name, ext.extra_compile_args)).encode())
        digest.update(repr(vars(self.compiler).get("compiler_so")).encode())
        kept = BUILD / "compiled" / digest.hexdigest()
        if not kept.exists():
            super().build_extension(ext)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(made, kept.with_suffix(f".{os.getpid()}"))
            kept.with_suffix(f".{os.getpid()}").replace(kept)
        else:
            made.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(kept, made)

    def build_extensions(self) -> None:
        headers = Path(sysconfig.get_path("include")) / "Python.h"
        if not headers.exists():
            raise SystemExit(
                f"certify is compiled when it is installed, and this Python came without its C headers ({headers}):"
                " install them (python3-dev, python3-devel), or use a Python that has them"
            )
        if named_compiler() is None:
            self.compiler.set_executables(**zig_commands(Path(self.build_temp) / "zig"))
        super().build_extensions()


def _with_compiler(requirements: list[str]) -> list[str]:
    return requirements if named_compiler() else [*requirements, ZIG]


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    """What a wheel needs, with a C compiler where there is none."""
    return _with_compiler(build_meta.get_requires_for_build_wheel(config_settings))


def get_requires_for_build_editable(config_settings: Settings = None) -> list[str]:
    """What an editable installation needs, with a C compiler where there is none."""
    return _with_compiler(build_meta.get_requires_for_build_editable(config_settings))


get_requires_for_build_sdist = build_meta.get_requires_for_build_sdist
build_sdist = build_meta.build_sdist
build_wheel = build_meta.build_wheel
build_editable = build_meta.build_editable
prepare_metadata_for_build_wheel = build_meta.prepare_metadata_for_build_wheel
prepare_metadata_for_build_editable = build_meta.prepare_metadata_for_build_editable
