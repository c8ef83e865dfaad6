"""Data flows one way: no module imports what imports it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import certify

PACKAGE = Path(certify.__file__).parent


def module_name(path: Path) -> str:
    """certify.cli.app of .../certify/cli/app.py; a package by its own name."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


LAZY = {"certify", "certify.files"}  # they name for type checkers what they load when it is asked for


def imported_at_top(name: str) -> set[str]:
    """Our modules that a module's statements outside functions import, those for type checkers among them."""
    found = set()
    for node in statements(ast.parse(MODULES[name].read_text("utf-8")).body, name not in LAZY):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            # `from package import module` imports the module; `from module import name` the module itself
            found |= {
                full if (full := f"{node.module}.{alias.name}") in MODULES else node.module for alias in node.names
            }
    return found & MODULES.keys()


def statements(body: list[ast.stmt], inside: bool) -> Iterator[ast.stmt]:
    """The statements, with those inside an `if` or a `try` where that is wanted."""
    for node in body:
        yield node
        if inside and isinstance(node, (ast.If, ast.Try)):
            yield from statements(node.body, inside)


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Modules that import one another in turn, or none: what imports nobody, or is imported by nobody, is taken away."""
    left = {name: set(targets) for name, targets in graph.items()}
    while left:
        imported = set().union(*left.values())
        ends = {name for name, targets in left.items() if not targets or name not in imported}
        if not ends:
            break
        left = {name: targets - ends for name, targets in left.items() if name not in ends}
    return sorted(left)


def test_no_import_circle() -> None:
    """Modules can be read, and tested, from the bottom up."""
    graph = {name: imported_at_top(name) for name in MODULES}
    assert graph["certify.cli.app"] >= {"certify.cli.commands", "certify.errors"}
    assert circle(graph) == []


def test_a_circle_would_be_found() -> None:
    """The search itself, on a few modules."""
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}) == ["b", "c"]


LAYERS = (
    ("checker",),
    ("errors", "failures", "arrays"),
    ("_core",),
    ("rounding", "linear"),
    ("gain",),
    ("problem",),
    ("files", "patterns", "transform", "verdict"),
    ("convex", "certificates"),
    ("decide",),
    ("landscape",),
    ("report",),
    ("cli",),
)


def room(name: str) -> str:
    """gain of certify.gain.search.queue."""
    return name.split(".")[1] if "." in name else ""


@pytest.mark.parametrize("own", [name for name in MODULES if room(name) not in ("", "__main__")])
def test_nothing_imports_upwards(own: str) -> None:
    """A room knows those below it, and itself: not the ones beside it, nor above, not even inside a function."""
    height = {room: k for k, layer in enumerate(LAYERS) for room in layer}
    nodes = [node for node in ast.walk(ast.parse(MODULES[own].read_text("utf-8"))) if isinstance(node, ast.ImportFrom)]
    for node in nodes:
        other = room(node.module or "") if (node.module or "").startswith("certify.") else room(own)
        assert other == room(own) or height[other] < height[room(own)], f"{own} imports {node.module}"
    if room(own) == "checker":
        assert not [
            node for node in nodes if (node.module or "").startswith("certify.") and room(node.module) != "checker"
        ]
