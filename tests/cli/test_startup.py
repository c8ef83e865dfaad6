"""Start-up: what costs seconds to import is imported only by the command that needs it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from command_line import environment

import certify

HEAVY = {"numpy", "scipy", "cvxpy", "clarabel", "h5py", "numba", "rich"}
NAMES = [
    "Bias",
    "CertifyError",
    "CheckOptions",
    "Dataset",
    "Decision",
    "InputError",
    "Loss",
    "Network",
    "Objective",
    "Reason",
    "Reduction",
    "Verdict",
    "check_network",
    "descend_network",
    "load_dataset",
    "load_model",
    "resolve_objective",
    "save_network",
    "solve_dataset",
]


def imported(*arguments: str) -> set[str]:
    """Top-level packages that `python ARGUMENTS` imports, as -X importtime tells."""
    outcome = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        capture_output=True,
        env=environment(),
        timeout=60,
        check=True,
        text=True,
    )
    lines = [line for line in outcome.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


@pytest.mark.parametrize(
    "arguments",
    [
        ("-m", "certify", "--help"),
        ("-m", "certify", "check", "--help"),
        ("-m", "certify", "--version"),
        ("-c", "import certify"),
        ("-c", "import certify.cli.app"),
    ],
)
def test_start_up_is_light(arguments: tuple[str, ...]) -> None:
    """Help, version and the bare imports load none of the numerical libraries."""
    packages = imported(*arguments)
    assert "certify" in packages
    assert not packages & HEAVY


def test_exported_names_are_pinned() -> None:
    """The library's public names are these, and each is there."""
    assert sorted(certify.__all__) == NAMES
    assert all(getattr(certify, name).__name__ == name for name in NAMES)
    assert set(NAMES) <= set(dir(certify))


def test_unknown_name_is_an_attribute_error() -> None:
    """A name that the package does not have fails as any module's would."""
    with pytest.raises(AttributeError, match="no attribute 'Netwrok'"):
        _ = certify.Netwrok
