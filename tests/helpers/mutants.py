"""Mutation testing of the checker: every small change of its code must be noticed. Run by `make mutants`; not a test itself.

Each mutant is one syntax node of certify/checker/ changed. A forked process loads it and puts to it the corpora of right
and wrong certificates, then the checker's other tests. A mutant survives where everything passes.

    python tests/mutants.py [--every K] [--only MODULE] [--processes P]
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import importlib.abc
import importlib.util
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from certificates import sealed
from checker_cases import PLANS, right
from checker_example import example
from checker_mutations import WRONG

TESTS = Path(__file__).resolve().parents[1]
PACKAGE = TESTS.parent / "certify" / "checker"
REST = ["objective", "reduction", "majorants", "document", "logarithms", "scans", "reader"]
SLOW = "not usage and not files and not code and not bomb"  # processes of their own would load the original
SECONDS = 240

OPERATORS: dict[type, tuple[type, ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,), ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Add,), ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,), ast.Mod: (ast.Mult,), ast.Pow: (ast.Mult,), ast.LShift: (ast.RShift,),
    ast.RShift: (ast.LShift,), ast.And: (ast.Or,), ast.Or: (ast.And,), ast.BitXor: (ast.BitAnd,), ast.BitOr: (ast.BitAnd,),
}  # fmt: skip
CALLS = {"max": "min", "min": "max", "all": "any", "any": "all", "abs": "int", "root_above": "int", "sum": "max"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one change."""

    module: str
    line: int
    change: str
    tree: ast.Module


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its text."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    idle = set(_idle(tree))
    for number, node in enumerate(ast.walk(tree)):
        if node in idle:
            continue
        for change, apply in _changes(node):
            mutated = copy.deepcopy(tree)
            target = next(each for k, each in enumerate(ast.walk(mutated)) if k == number)
            apply(target)
            yield Mutant(path.stem, getattr(node, "lineno", 0), change, ast.fix_missing_locations(mutated))


def _idle(tree: ast.Module) -> Iterator[ast.AST]:
    """What changes nothing that is decided: annotations, frozen= and slots=, and strict= (the reader settles lengths)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in ("strict", "frozen", "slots"):
            yield node.value
        for name in ("annotation", "returns"):
            if getattr(node, name, None) is not None:
                yield from ast.walk(getattr(node, name))


def _changes(node: ast.AST) -> Iterator[tuple[str, Callable[[ast.AST], None]]]:
    if isinstance(node, ast.Compare):
        for k, op in enumerate(node.ops):
            for other in OPERATORS[type(op)]:
                yield _named(op, other), lambda n, k=k, o=other: n.ops.__setitem__(k, o())
    elif isinstance(node, (ast.BinOp, ast.BoolOp, ast.AugAssign)) and not _is_text(node):
        for other in OPERATORS[type(node.op)]:
            yield _named(node.op, other), lambda n, o=other: setattr(n, "op", o())
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float, bool):
        value = not node.value if type(node.value) is bool else node.value + 1
        yield f"{node.value} -> {value}", lambda n: setattr(n, "value", value)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        yield (
            f"{type(node.op).__name__} dropped",
            lambda n: (
                setattr(n, "op", ast.UAdd())
                if isinstance(n.op, ast.USub)
                else (setattr(n, "op", ast.Not()), setattr(n, "operand", ast.UnaryOp(ast.Not(), n.operand)))
            ),
        )
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
        yield f"{node.func.id} -> {CALLS[node.func.id]}", lambda n: setattr(n.func, "id", CALLS[n.func.id])
    elif isinstance(node, ast.If):
        for value in (True, False):
            yield f"if {value}", lambda n, v=value: setattr(n, "test", ast.Constant(v))
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and not _is_print(node.value):
        yield "statement dropped", lambda n: setattr(n, "value", ast.Constant(None))
    elif isinstance(node, ast.Return) and isinstance(node.value, (ast.Compare, ast.BoolOp)):
        for value in (True, False):
            yield f"return {value}", lambda n, v=value: setattr(n, "value", ast.Constant(v))


def _named(old: ast.AST, new: type) -> str:
    return f"{type(old).__name__} -> {new.__name__}"


def _is_text(node: ast.AST) -> bool:
    """String concatenation, and unions of types."""
    parts = list(ast.iter_child_nodes(node))
    return any(isinstance(each, ast.JoinedStr) for each in parts) or isinstance(getattr(node, "op", None), ast.BitOr)


def _is_print(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "print"


class _Swap(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads the mutant in place of its module."""

    def __init__(self, mutant: Mutant) -> None:
        self.name, self.mutant = f"certify.checker.{mutant.module}", mutant

    def find_spec(self, name: str, path: object, target: object = None) -> object:
        return importlib.util.spec_from_loader(name, self) if name == self.name else None

    def exec_module(self, module: object) -> None:
        exec(compile(self.mutant.tree, str(PACKAGE / f"{self.mutant.module}.py"), "exec"), module.__dict__)  # noqa: S102


def corpus() -> list[tuple[bytes, str | None]]:
    """Certificates with what the answer must match; None: accepted."""
    cases: list[tuple[bytes, str | None]] = [(right(name), None) for name in PLANS]
    for wrong in WRONG.values():
        content = example() if wrong.base == "example" else copy.deepcopy(_document(wrong.base))
        wrong.change(content)
        cases.append((sealed(content), wrong.reason))
    return cases


def _document(name: str) -> dict:
    content = json.loads(right(name))
    del content["checksum"]
    return content


def is_noticed(mutant: Mutant, cases: list[tuple[bytes, str | None]]) -> bool:
    """Whether the corpora or the tests tell the mutant from the original. Runs in a process of its own."""
    for name in [name for name in sys.modules if name.startswith("certify.checker")]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Swap(mutant))
    try:
        if not all(_as_expected(content, reason) for content, reason in cases):
            return True
    except BaseException:  # noqa: BLE001 - a mutant may fail in any way
        return True
    tests = [str(TESTS / f"test_checker_{name}.py") for name in REST]
    return pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-k", SLOW, *tests]) != 0


def _as_expected(content: bytes, reason: str | None) -> bool:
    from certify.checker.claims import decide
    from certify.checker.rejection import Rejected

    for paranoid in (False, True):
        try:
            decide(content, paranoid)
            answer = None
        except Rejected as rejection:
            answer = str(rejection)
        if (answer is None) != (reason is None) or (reason is not None and not re.search(reason, answer)):
            return False
    return True


def _run(mutant: Mutant, cases: list[tuple[bytes, str | None]]) -> bool:
    """Noticed, in a forked process; one that does not end in time is noticed too."""
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            signal.alarm(SECONDS)
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, 1)
            os.dup2(sink, 2)
            code = 0 if not is_noticed(mutant, cases) else 1
        os._exit(code)
    _, status = os.waitpid(child, 0)
    return status != 0


def main() -> int:
    """Print the survivors, then the score."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="try every K-th mutant only")
    parser.add_argument("--only", help="one module of the checker")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args()
    modules = sorted(
        path for path in PACKAGE.glob("*.py") if path.stem != "__main__" and options.only in (None, path.stem)
    )
    mutants = [mutant for path in modules for mutant in mutants_of(path)][:: options.every]
    cases, survivors = corpus(), 0
    with ThreadPoolExecutor(options.processes) as pool:
        for mutant, noticed in zip(mutants, pool.map(lambda mutant: _run(mutant, cases), mutants), strict=True):
            if not noticed:
                survivors += 1
                print(f"survived: {mutant.module}.py:{mutant.line}: {mutant.change}", flush=True)
    print(f"{len(mutants) - survivors} of {len(mutants)} mutants noticed ({1 - survivors / len(mutants):.1%})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
