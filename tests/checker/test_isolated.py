"""The checker runs on Python alone: no site-packages, nothing of the search, also not indirectly."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from certificates import sealed
from checker_example import example

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "certify" / "checker").glob("*.py"))
ISOLATED = """
import sys
sys.path[:] = [p for p in sys.path if "site-packages" not in p] + [sys.argv[1]]
from certify.checker.__main__ import main
code = main(sys.argv[2:])
print(*sorted(sys.modules))
sys.exit(code)
"""


def run_isolated(path: Path) -> subprocess.CompletedProcess[str]:
    """The checker in an interpreter without environment variables, user directory and site-packages."""
    command = [sys.executable, "-I", "-S", "-c", ISOLATED, str(ROOT), str(path)]
    return subprocess.run(command, capture_output=True, timeout=60, check=False, text=True)


def test_decides_without_site_packages(tmp_path: Path) -> None:
    """In a bare interpreter a right certificate is accepted, and only the standard library and the checker are loaded."""
    path = tmp_path / "cert.json"
    path.write_bytes(sealed(example()))
    outcome = run_isolated(path)
    assert outcome.returncode == 0, outcome.stderr
    *said, loaded = outcome.stdout.splitlines()
    assert said[0] == "ACCEPTED certified eps=0.0009765625"
    foreign = {name for name in loaded.split() if name.partition(".")[0] not in sys.stdlib_module_names}
    allowed = {"certify", "certify.checker", *(f"certify.checker.{path.stem}" for path in MODULES)}
    assert foreign - {"__main__"} == allowed - {
        "certify.checker.__init__",
        "certify.checker.descents",
    }  # that is for paths


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_imports_nothing_else(module: Path) -> None:
    """Every import statement, wherever it stands, names the standard library or the checker itself."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names = [node.module]
        for name in names:
            assert name.startswith("certify.checker") or name.partition(".")[0] in sys.stdlib_module_names
