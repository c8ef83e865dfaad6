"""How the package is built: setuptools' backend, which compiles this folder's sources by Cython (PEP 517, PEP 660).

Floating point is IEEE arithmetic as written: no reassociation, no fused operations, and code for every processor of the family,
so that the same wheel gives the same nodes, bounds and verdicts everywhere. Where there is no C compiler, the build takes one from the
package index.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, build_meta
from setuptools.command.build_ext import build_ext

HERE = Path(__file__).parent
NOT_COMPILED = {"__init__", "building"}
FLAGS = ["-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
DIRECTIVES = {
    "language_level": "3",
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
}


def compiler_present() -> bool:
    """Whether the C compiler that the environment or this Python names can be run."""
    command = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    return any(shutil.which(word) for word in (shlex.split(command)[0], "cc"))


class BuildCore(build_ext):
    """Compiles every module of this folder."""

    def finalize_options(self) -> None:
        from Cython.Build import cythonize

        root = HERE.parents[1]
        sources = sorted(p for p in HERE.glob("*.py") if p.stem not in NOT_COMPILED)
        extensions = [
            Extension(f"certify._core.{p.stem}", [str(p.relative_to(root))], extra_compile_args=FLAGS) for p in sources
        ]
        self.distribution.ext_modules = cythonize(
            extensions, compiler_directives=DIRECTIVES, build_dir="build/cython", quiet=True
        )
        super().finalize_options()

    def build_extensions(self) -> None:
        if not compiler_present():
            os.environ.setdefault("CC", f"{sys.executable} -m ziglang cc")
        super().build_extensions()


def _with_compiler(requirements: list[str]) -> list[str]:
    return requirements if compiler_present() else [*requirements, "ziglang"]


def get_requires_for_build_wheel(config_settings=None):
    return _with_compiler(build_meta.get_requires_for_build_wheel(config_settings))


def get_requires_for_build_editable(config_settings=None):
    return _with_compiler(build_meta.get_requires_for_build_editable(config_settings))


get_requires_for_build_sdist = build_meta.get_requires_for_build_sdist
build_sdist = build_meta.build_sdist
build_wheel = build_meta.build_wheel
build_editable = build_meta.build_editable
prepare_metadata_for_build_wheel = build_meta.prepare_metadata_for_build_wheel
prepare_metadata_for_build_editable = build_meta.prepare_metadata_for_build_editable
