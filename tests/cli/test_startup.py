"""Start-up: what costs time to import is imported only by the command, and for the file, that needs it.

The lists say which packages, so that the tests do not depend on the machine; what they cost is in the benchmarks.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from command_line import ROOT, environment

NUMERICAL = {"numpy", "scipy", "cvxpy", "clarabel", "h5py"}
NEVER = {"cvxpy", "scipy", "pydantic", "rich", "pygments"}
IRIS = ("--loss", "half-squared", "--reduction", "sum", "--weight-decay", "15", "--penalize", "all", "-q")
WATCHED = """
import json, sys
started = []
sys.addaudithook(lambda event, _: started.append(event) if event in {
    "subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"} else None)
from certify.cli.app import run
code = run(sys.argv[1:])
json.dump([code, sorted({name.partition(".")[0] for name in sys.modules}), started], sys.stderr)
"""


def watched(*arguments: object) -> tuple[int, set[str], list[str]]:
    """`certify ARGUMENTS` in a process of its own: exit code, top-level packages imported, and processes started."""
    command = [sys.executable, "-c", WATCHED, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, env=environment(), timeout=120, check=True)
    code, packages, started = json.loads(done.stderr.splitlines()[-1])
    return code, set(packages), started


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("--version",), *[(each, "--help") for each in ("check", "solve", "descend", "inspect", "verify")]],
)
def test_help_is_light(arguments: tuple[str, ...]) -> None:
    """Help and version load none of the numerical libraries, and nothing that typer could do without."""
    code, packages, started = watched(*arguments)
    assert code == 0
    assert "typer" in packages
    assert not packages & (NUMERICAL | NEVER)
    assert started == []


def test_a_mistake_is_light() -> None:
    """A wrong option is answered as fast as help."""
    code, packages, _ = watched("check", "m", "d", "--eps", "2")
    assert code == 2
    assert not packages & (NUMERICAL | NEVER)


@pytest.mark.parametrize("name", ["iris_torch_wide", "iris_torch_local"])
def test_a_check_of_npz_files_loads_what_it_uses(name: str) -> None:
    """Neither HDF5 nor a modelling language, and no process is started: not even to ask for the processor's name."""
    model, data = (ROOT / "fixtures" / f"{file}.npz" for file in (name, "iris"))
    code, packages, started = watched("check", model, data, *IRIS)
    assert code in (0, 1)
    assert "numpy" in packages
    assert not packages & (NEVER | {"h5py"})
    assert started == []


def test_hdf5_is_read_elsewhere() -> None:
    """The process that decides never loads the HDF5 library: the worker does, which no npz file needs."""
    code, packages, started = watched("inspect", ROOT / "fixtures" / "diabetes_keras_wide.h5")
    assert (code, set(started)) == (0, {"subprocess.Popen"})
    assert "h5py" not in packages
    code, packages, started = watched("inspect", ROOT / "fixtures" / "petal_torch_wide.npz")
    assert (code, started) == (0, [])
