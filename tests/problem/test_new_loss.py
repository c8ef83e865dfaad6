"""A new loss is one new file and one line: tried on a copy of the package, from the option --loss to the checker's door."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from oracles import objective

import certify
from certify.decide.solve import solve_dataset
from certify.problem.dataset import Dataset

pytestmark = pytest.mark.slow

FILE = '''
"""One and a half times the squared error."""

from certify.problem.losses.squares import Squares


class Triple(Squares):
    """3/2 (f - y)^2."""

    factor = 3.0
    formula = "3/2 (f(x_i) - y_i)^2"
    words = "one and a half times the squared error"
    enclosure = "triple"


LOSS = Triple()
'''
LINE = '    TRIPLE = "triple"\n'

SEARCH = """
import sys
import numpy as np
from certify.decide.check import Check
from certify.decide.interruption import Interruption
from certify.decide.options import CheckOptions
from certify.decide.proving import Proving
from certify.decide.scope import decidable_problem
from certify import Bias, Dataset, Loss, Network, Objective, Reduction

with np.load(sys.argv[1]) as file:
    dataset = Dataset(file["X"], file["y"][:, None])
with np.load(sys.argv[2]) as file:
    network = Network(file["fc1.weight"], file["fc2.weight"].T)
decay = float(sys.argv[3])
goal = Objective(Loss("triple"), Reduction.SUM, decay, decay, Bias.NONE, Bias.NONE)
with Interruption() as interruption:
    check = Check(Proving(decidable_problem(network, dataset, goal), CheckOptions(engine=sys.argv[4]), interruption), network)
    check.run()
    verdict = check.verdict()
print(verdict.decision.value, verdict.value.upper.hex(), verdict.optimum.lower.hex(), verdict.optimum.upper.hex())
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the package in which the loss has its file and its line, and data and an optimal network."""
    folder = tmp_path_factory.mktemp("house")
    package = folder / "certify"
    shutil.copytree(Path(certify.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "problem" / "losses" / "triple.py").write_text(FILE)
    stated = package / "problem" / "objective.py"
    last = '    LOGISTIC = "logistic"\n'
    assert stated.read_text().count(last) == 1
    stated.write_text(stated.read_text().replace(last, last + LINE))
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((12, 2)), rng.standard_normal(12)
    np.savez(folder / "data.npz", X=X, y=y)
    # 3/2 square + 3 beta/2 |.|^2 is three times 1/2 square + beta/2 |.|^2
    best = solve_dataset(Dataset(X, y[:, None]), objective(0.1)).network
    np.savez(folder / "model.npz", **{"fc1.weight": best.hidden_weights, "fc2.weight": best.output_weights.T})
    return folder


def python(house: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A Python that finds the copy."""
    environment = os.environ | {"PYTHONPATH": str(house)}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=house, env=environment, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize("engine", ["auto", "cvxpy", "enumerate"])
def test_the_search_decides_with_it(house: Path, engine: str) -> None:
    """Every engine certifies an optimal network, with bounds that enclose three times the optimum of half the squared error."""
    (house / "search.py").write_text(SEARCH)
    ran = python(house, "search.py", "data.npz", "model.npz", "0.3", engine)
    assert ran.returncode == 0, ran.stderr
    decision, *numbers = ran.stdout.split()
    value, lower, upper = (float.fromhex(number) for number in numbers)
    with np.load(house / "data.npz") as file:
        known = solve_dataset(Dataset(file["X"], file["y"][:, None]), objective(0.1)).verdict.optimum
    assert decision == "certified"
    assert lower <= 3 * known.upper * (1 + 1e-15) and 3 * known.lower * (1 - 1e-15) <= upper
    assert value * (1 - 1e-8) <= lower <= upper <= value


def test_the_command_line_has_it_and_the_checker_names_what_it_lacks(house: Path) -> None:
    """Options, files and report know the loss; the verdict waits for the checker, which says that it does not."""
    arguments = ("-m", "certify", "check", "model.npz", "data.npz", "--loss", "triple")
    ran = python(house, *arguments, "--reduction", "sum", "--weight-decay", "0.3")
    assert ran.returncode == 4, ran.stderr + ran.stdout
    assert "INCONCLUSIVE" in ran.stdout
    assert "3/2 (f(x_i) - y_i)^2" in ran.stdout and "one and a half times the squared error" in ran.stdout
    said = " ".join(ran.stdout.split())
    assert "certified by the search, but its certificate was not accepted" in said
    assert "'triple'" in said
