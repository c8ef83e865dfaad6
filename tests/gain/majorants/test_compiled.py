"""The compiled interior-point method: the interpreted one's results, whether it is compiled or run as plain Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from certify.gain.compiling import CompiledModule
from certify.gain.majorants import brancher as majorants_branching
from certify.gain.majorants.brancher import MajorantBrancher
from certify.gain.question import GainProblem
from certify.gain.search.queue import Search

AGREEMENT = """
import numpy as np
from certify.gain.question import GainProblem
from certify.gain.majorants.bounding import explore
from certify.gain.majorants.jit import compiled_improve
from certify.gain.majorants.node import Node, one_sign
from certify.gain.majorants.reduction import homogenised

rng = np.random.default_rng(0)
points, nu = rng.standard_normal((16, 3)), np.round(rng.standard_normal(16) * 2**20) / 2**20
nu[0] -= nu.sum()
free = GainProblem(np.column_stack([points, np.ones(16)]), nu, free_bias=True)
for problem in (GainProblem(points, nu), free):
    for cuts in ((), ((0, 1), (5, -1), (7, 1))):
        node = Node(one_sign(homogenised(problem), 1), cuts)
        known = [explore(node, -1e-3, None, 1e-3, lambda: False, method) for method in (None, compiled_improve)]
        assert all(abs(outcome.proved(node) - outcome.bound) <= 1e-9 * node.unit for outcome in known)
        assert abs(known[0].bound - known[1].bound) <= 0.02 * known[0].bound, known
        settled = [explore(node, known[0].bound * 1.01, None, 1e-3, lambda: False, m) for m in (None, compiled_improve)]
        assert all(outcome.proved(node) <= known[0].bound * 1.01 for outcome in settled)
print("agreed")
"""


def test_the_loops_agree_with_the_interpreted_method() -> None:
    """Run as plain Python, the loops prove what the interpreted method proves, with and without a free bias and cuts."""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", AGREEMENT], check=False, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == "agreed", done.stderr


def some_problem() -> GainProblem:
    rng = np.random.default_rng(5)
    return GainProblem(rng.standard_normal((60, 8)), rng.standard_normal(60))


def test_a_short_search_asks_for_nothing_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until a search has explored some dozens of nodes it neither loads nor makes compiled code."""
    asked = []
    monkeypatch.setattr(CompiledModule, "current", lambda self, worth: asked.append((self.module, worth)))
    search = Search(MajorantBrancher(some_problem()), 0.0, 1e-9)
    search.advance(majorants_branching._PATIENCE - 4, 1, lambda: False, lambda: False)
    assert not asked and search.nodes < majorants_branching._PATIENCE
    for nodes in (majorants_branching._PATIENCE, majorants_branching._LONG_PATIENCE):
        search.brancher.round_size(nodes)
    assert asked == [("certify.gain.majorants.jit", False), ("certify.gain.majorants.jit", True)]


def test_what_a_compiler_left_is_found_only_by_the_same_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache counts as kept once it is complete, and not for other sources."""
    monkeypatch.setattr(CompiledModule, "_places", lambda self: [tmp_path / self.folder])
    one, other = CompiledModule("math", "majorants_jit*.py", "a"), CompiledModule("math", "quick.py", "a")
    assert not one.is_kept()
    one.keep()
    assert one.is_kept() and not other.is_kept() and one.current(False) is one.load()


def test_missing_code_is_made_by_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that finds it worth its time starts one compiler, and the search goes on without; it is loaded once that has ended well."""
    monkeypatch.setattr(CompiledModule, "_places", lambda self: [tmp_path / self.folder])
    module = CompiledModule("math", "quick.py", "a")
    assert module.current(False) is None and module._compiler is None
    assert module.current(True) is None
    started = module._compiler
    assert "CompiledModule('math', 'quick.py', 'a').keep()" in started.args[-1]
    started.kill()
    started.wait()
    assert module.current(True) is None and module._compiler is started
    module._compiler = subprocess.Popen([sys.executable, "-c", ""])
    module._compiler.wait()
    assert module.current(True) is None  # it ended well, and left nothing: not compiled here, which takes its time
    module._kept = None
    module.keep()
    assert module.current(True).__name__ == "math"
