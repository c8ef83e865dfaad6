"""Moves of a network that keep F, by their names: what is written, and what is refused with its reason."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from exact import exact_objective
from oracles import ORACLES
from planted import optimal_network
from small_problems import polygons, random_problem, with_many_optima

from certify.cli.app import run
from certify.decide.options import CheckOptions
from certify.landscape.finding import find_landscape
from certify.landscape.moving import moved
from certify.landscape.polytope import polytope_of
from certify.problem.network import Network
from certify.problem.objective import Bias
from certify.problem.training import training_problem
from certify.transform import split

OPTIONS = CheckOptions(time_limit=60)
STATED = ["--loss", "half-squared", "--reduction", "sum", "--weight-decay", "0.1", "--penalize", "all"]


def test_from_the_centre_to_every_vertex() -> None:
    """A hexagon's optima: F stays, and the masses become the vertex's, split neurons counted together."""
    data, goal = with_many_optima(polygons(6))
    polytope = polytope_of(find_landscape(training_problem(optimal_network(data, goal), data, goal), OPTIONS))
    net = split(polytope.network(polytope.centre), 0, [0.5, 0.5])
    before = exact_objective(net, data, goal)
    for number, vertex in enumerate(polytope.vertices, 1):
        there = moved(net, f"vertex:{number}", data, goal, polytope)
        after = exact_objective(there, data, goal)
        assert abs(float(after - before)) <= 1e-14 * float(before)
        masses = np.linalg.norm(there.hidden_weights, axis=1) * np.abs(there.output_weights[:, 0])
        assert np.sort(masses[masses > 0]) == pytest.approx(np.sort(vertex[vertex > 0]), rel=1e-9)


@pytest.mark.parametrize("kind", ["duplicate", "antipodal", "dependent", "grid"])
def test_every_point_moves_to_every_vertex(kind: str) -> None:
    """F stays to rounding; a free output bias takes over what is the same for all samples."""
    seen = set()
    for seed in range(12):
        data, goal, problem = random_problem(kind, seed)
        landscape = find_landscape(problem, OPTIONS)
        if landscape.complete and not landscape.ambiguous:
            polytope = polytope_of(landscape)
            net = polytope.network(polytope.centre)
            before = float(exact_objective(net, data, goal))
            there = moved(net, f"vertex:{len(polytope.vertices)}", data, goal, polytope)
            assert float(exact_objective(there, data, goal)) == pytest.approx(before, rel=1e-13)
            seen.add(goal.output_bias)
    assert Bias.FREE in seen


def test_what_is_no_move_of_an_optimum_is_refused() -> None:
    """No such vertex; a direction that the model lacks; a model that is no optimum; neurons that are not parallel."""
    oracle = ORACLES["O4"]
    nets = {known.name: known.network for known in oracle.networks}
    problem = training_problem(nets["one neuron"], oracle.dataset, oracle.objective)
    polytope = polytope_of(find_landscape(problem, OPTIONS))
    of_two = next(k for k, vertex in enumerate(polytope.vertices, 1) if np.sum(vertex > 0) == 2)

    def refused(name: str, word: str) -> str:
        with pytest.raises(ValueError, match=".") as reason:
            moved(nets[name], word, oracle.dataset, oracle.objective, polytope)
        return str(reason.value)

    assert "2 vertices are known" in refused("one neuron", "vertex:3")
    assert "no neuron to grow" in refused("one neuron", f"vertex:{of_two}")
    assert "not parallel" in refused("two neurons", "merge:0,1")
    assert "does not name each" in refused("two neurons", "permute:0,0")
    assert "sum to 1" in refused("two neurons", "split:0:0.5,0.25")
    assert "there is no neuron 5" in refused("two neurons", "split:5:0.5,0.5")
    nets["another direction"] = Network(np.array([[0.9, 0.1]]), np.array([[1.0]]))
    assert "neuron 0 is along no optimal direction" in refused("another direction", "vertex:1")
    nets["not optimal"] = Network(nets["three neurons"].hidden_weights * 1.001, nets["three neurons"].output_weights)
    nets["not optimal"].hidden_weights[2] *= 1.001
    assert "the steps change the p" in refused("not optimal", f"vertex:{of_two}")


def test_moves_through_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One after the other, written in the model's own format, with F before and after; the way back by merge and permute."""
    oracle = ORACLES["O4"]
    net = next(known.network for known in oracle.networks if known.name == "three neurons")
    model, data, out = (str(tmp_path / name) for name in ("m.npz", "d.npz", "out.npz"))
    np.savez(model, **{"fc1.weight": net.hidden_weights, "fc2.weight": net.output_weights.T})
    np.savez(data, X=oracle.dataset.X, y=oracle.dataset.y[:, 0])
    call = ["optima", model, data, *STATED]
    assert run([*call, "--move", "split:1:0.25,0.75", "--move", "permute:3,2,1,0", "--moved", out]) == 0
    text = capsys.readouterr().out
    assert "split:1:0.25,0.75 permute:3,2,1,0" in " ".join(text.split())
    assert all(len(line) <= 80 for line in text.splitlines() if str(tmp_path) not in line)
    with np.load(out) as arrays:
        assert arrays["fc1.weight"].shape == (4, 2)
        assert arrays["fc1.weight"][3] == pytest.approx(net.hidden_weights[0], rel=1e-15)
    back = str(tmp_path / "back.npz")
    moves = ["--move", "merge:2,0", "--move", "permute:2,1,0", "--moved", back, "--format", "json"]
    assert run(["optima", out, data, *STATED, *moves]) == 0
    record = json.loads(capsys.readouterr().out)["moved"]
    assert record["width"] == 3
    assert record["before"]["upper"] == pytest.approx(record["after"]["upper"], rel=1e-14)
    with np.load(back) as arrays:
        assert arrays["fc1.weight"] == pytest.approx(net.hidden_weights, rel=1e-14)
    assert run([*call, "--move", "vertex:1", "--moved", out, "-q"]) == 0
    assert run(["check", out, data, *STATED, "-q"]) == 0


def test_moves_that_do_not_go_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A move without a file or a file without a move, a word that is none, no model, a refusal with its reason: one line, exit code 2."""
    oracle = ORACLES["O4"]
    net = next(known.network for known in oracle.networks if known.name == "two neurons")
    model, data, out = (str(tmp_path / name) for name in ("m.npz", "d.npz", "out.npz"))
    np.savez(model, **{"fc1.weight": net.hidden_weights, "fc2.weight": net.output_weights.T})
    np.savez(data, X=oracle.dataset.X, y=oracle.dataset.y[:, 0])
    for arguments, said in (
        ([model, data, "--move", "vertex:1"], "--moved FILE"),
        ([model, data, "--moved", out], "--move"),
        ([model, data, "--move", "vertex:0", "--moved", out], "is not one of"),
        ([model, data, "--move", "split:0:1,-1", "--moved", out], "is not one of"),
        ([data, "--move", "vertex:1", "--moved", out], "expected MODEL DATA"),
        ([model, data, "--move", "merge:0,1", "--moved", out], "not parallel"),
        ([model, data, "--move", "permute:1,0", "--moved", model], "would overwrite"),
    ):
        assert run(["optima", *arguments, *STATED]) == 2
        streams = capsys.readouterr()
        assert said in streams.err
        assert not Path(out).exists()
