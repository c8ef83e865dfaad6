"""Between the files and the verdict nothing depends on which code a library picks for the processor (docs/architecture.md)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import certify

PACKAGE = Path(certify.__file__).parent
# products and factorisations are BLAS's and LAPACK's, elementary functions numpy's or the C library's: each has several versions
BY_PROCESSOR = {
    *("dot", "vdot", "inner", "matmul", "tensordot", "einsum", "convolve", "correlate", "polyfit", "cov", "linalg"),
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "logaddexp", "power", "tanh", "sin", "cos"),
}
MODELLED = {"patterns/kkt.py", "patterns/program.py", "convex/stated.py"}  # their products are cvxpy's expressions
ROOMS = ("gain", "problem", "patterns", "convex", "decide", "certificates")
MODULES = [path for room in ROOMS for path in sorted((PACKAGE / room).rglob("*.py"))]


def by_processor(tree: ast.AST) -> list[int]:
    """Lines with such a call; an exception's name is none."""
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.MatMult):
            lines.append(node.lineno)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "np":
            lines += [node.lineno] * (node.attr in BY_PROCESSOR)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("scipy.linalg"):
            lines.append(node.lineno)
    errors = {n.lineno for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr == "LinAlgError"}
    return [line for line in lines if line not in errors]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_same_bits_on_every_processor(path: Path) -> None:
    """Products, factorisations and elementary functions come from `linear.py` and the core."""
    found = by_processor(ast.parse(path.read_text("utf-8")))
    assert found == [] or str(path.relative_to(PACKAGE)) in MODELLED


@pytest.mark.parametrize("text", ["x = a @ b", "a @= b", "np.dot(a, b)", "np.linalg.svd(a)", "np.exp(x)"])
def test_what_is_looked_for_is_found(text: str) -> None:
    """The search itself."""
    assert by_processor(ast.parse(text)) == [1]
