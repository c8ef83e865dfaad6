"""The wheel and the source distribution: what is in them, and that the wheel is enough to decide a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

pytest.importorskip("Cython")
pytest.importorskip("setuptools")

ROOT = Path(__file__).parents[2]
SOURCES = {p.relative_to(ROOT).as_posix() for p in (ROOT / "certify").rglob("*") if p.suffix in {".py", ".pxd", ".pyi"}}
COMPILED = {p.stem for p in (ROOT / "certify/_core").glob("*.py")} - {"__init__", "building"}

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("packages")]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a checkout holds, with what was compiled before, which is taken where its C code is the same."""
    copy = tmp_path_factory.mktemp("tree") / "certify"
    copy.mkdir()
    for name in ("certify", "build/cython", "build/compiled"):
        if (ROOT / name).exists():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    for name in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, copy / name)
    return copy


def build(tree: Path, kind: str) -> Path:
    """The package of a kind that the backend builds."""
    code = f"import sys; sys.path.insert(0, 'certify/_core'); import building; print(building.build_{kind}('dist'))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=tree, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return tree / "dist" / ran.stdout.split()[-1]


@pytest.fixture(scope="module")
def wheel(tree: Path) -> Path:
    return build(tree, "wheel")


def test_the_wheel_holds_what_runs_and_its_sources(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
        requirements = Parser().parsestr(packed.read(metadata).decode()).get_all("Requires-Dist") or []
    assert set(names) >= SOURCES | {"certify/py.typed"}
    binaries = {Path(name).name.partition(".")[0] for name in names if name.endswith((".so", ".pyd"))}
    assert binaries == COMPILED | {"_shared"}
    assert {Path(name).parts[0] for name in names} == {"certify", metadata.partition("/")[0]}
    needed = {requirement.partition(">")[0] for requirement in requirements if "extra ==" not in requirement}
    assert {"numpy", "scipy"} <= needed


def test_the_wheel_decides_a_network_from_an_empty_directory(wheel: Path, tmp_path: Path) -> None:
    """With this installation's dependencies, but nothing else of it."""
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv/bin/python"
    site = next((tmp_path / "venv/lib").glob("python*/site-packages"))
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)  # all that installing a wheel without scripts is
    (site / "dependencies.pth").write_text("\n".join(path for path in sys.path if path.endswith("-packages")))
    empty = tmp_path / "empty"
    empty.mkdir()
    fixtures = ROOT / "fixtures"
    for arguments, output in [
        (["-c", "import certify; print(certify.__file__)"], str(site)),
        (
            ["-m", "certify", "check", str(fixtures / "iris_torch_wide.npz"), str(fixtures / "iris.npz"), "--loss"]
            + ["half-squared", "--reduction", "sum", "--weight-decay", "15", "--penalize", "all"],
            "CERTIFIED",
        ),
    ]:
        ran = subprocess.run(
            [str(python), *arguments],
            cwd=empty,
            env={"PATH": os.environ["PATH"], "HOME": str(empty)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert ran.stdout.startswith(output)
    assert list(empty.iterdir()) == []  # nor is anything kept for a second run


def test_the_source_distribution_builds(tree: Path, tmp_path: Path) -> None:
    archive = build(tree, "sdist")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    files = {p.relative_to(unpacked).as_posix() for p in unpacked.rglob("*") if p.is_file()}
    assert files >= SOURCES | {"certify/py.typed", "LICENSE", "README.md", "pyproject.toml"}
    assert not any(name.endswith((".c", ".so")) for name in files)
    shutil.copytree(tree / "build/compiled", unpacked / "build/compiled")
    assert build(unpacked, "wheel").name.endswith(".whl")
