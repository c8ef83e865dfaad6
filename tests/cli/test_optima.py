"""`certify optima` as a user meets it: the problems whose answers are known, what is written, what is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from command_line import called, certify, only_line
from oracles import ORACLES, Oracle

from certify.problem.objective import Bias

pytestmark = pytest.mark.slow  # together: `make test-fast` leaves them out

O4 = ("--loss", "half-squared", "--reduction", "sum", "--weight-decay", "0.1")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with O4's data, a model of it, and new inputs."""
    monkeypatch.chdir(tmp_path)
    write("O4", tmp_path)
    weights = {"fc1.weight": np.array([[0.0, 1.0], [0.5, 0.3], [0.0, 0.0]]), "fc2.weight": np.array([[1.0, 0.2, 0.0]])}
    np.savez(tmp_path / "model.npz", **weights)
    np.savez(tmp_path / "new.npz", X=np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]))
    yield tmp_path


def write(name: str, folder: Path) -> list[str]:
    """An oracle's data, and the arguments that state its problem."""
    oracle = ORACLES[name]
    np.savez(folder / "data.npz", X=oracle.dataset.X, y=oracle.dataset.y[:, 0])
    goal = oracle.objective
    biases = (goal.hidden_bias is not Bias.NONE, goal.output_bias is not Bias.NONE)
    bias = {(False, False): "none", (True, False): "hidden", (False, True): "output", (True, True): "both"}[biases]
    free = Bias.FREE in (goal.hidden_bias, goal.output_bias)
    stated = ["--loss", goal.loss.value, "--reduction", goal.reduction.value, "--weight-decay", repr(goal.hidden_decay)]
    return ["data.npz", *stated, "--penalize", "weights" if free else "all", "--bias", bias]


def answer(*arguments: object, code: int = 0) -> dict:
    """The JSON of a call that ends with this code."""
    outcome = called("optima", *arguments, "--format", "json")
    assert outcome.returncode == code, outcome.stderr
    return json.loads(outcome.stdout)


COVERED = [oracle for oracle in ORACLES.values() if oracle.objective.hidden_bias is not Bias.FREE]


@pytest.mark.parametrize("oracle", COVERED, ids=lambda oracle: oracle.name)
def test_oracles_as_json_and_as_text(oracle: Oracle, folder: Path) -> None:
    """P*, m*, M*, and a text of at most 80 columns that says the same."""
    arguments = write(oracle.name, folder)
    found = answer(*arguments)
    lower, upper = found["optimum"]["lower"], found["optimum"]["upper"]
    assert lower <= oracle.optimum * (1 + 1e-12)
    assert upper >= oracle.optimum * (1 - 1e-12)
    assert upper - lower <= 1e-11 * oracle.optimum
    assert oracle.least_width in (None, found["m_star"])
    assert oracle.greatest_width in (None, found["M_star"])
    assert found["complete"]
    assert found["attained"]
    for direction in found["directions"]:
        assert direction["gain"] == pytest.approx(found["beta"], rel=1e-9)
        assert math.hypot(*direction["unit"]) == pytest.approx(1)
    outcome = called("optima", *arguments)
    text = outcome.stdout.decode()
    assert outcome.returncode == 0
    assert text.startswith({"unique": "UNIQUE ", "many": "MANY "}[found["answer"]])
    assert f"m* = {found['m_star']}" in text
    assert max(map(len, text.splitlines())) <= 80


KNOWN = {  # directions with sign and unit, amplitudes, components by width, connected_from, R
    "O1": ([(1, [1, 0], 0.36, 0.36)], {1: "1", 2: "1"}, 1, 1),
    "O3": ([(1, [1.0], 1.9, 1.9), (1, [-1.0], 0.9, 0.9)], {2: "2", 3: "1"}, 3, 2),
    "O4": (
        [
            (1, [math.sqrt(3) / 2, 0.5], 0, 0.475),
            (1, [0, 1], 0, 0.95),
            (1, [-math.sqrt(3) / 2, 0.5], 0, 0.475),
        ],
        {1: "1", 2: "3", 3: "1"},
        3,
        2,
    ),
    "O8": ([(1, [0.6, 0.8], 55 / 36, 55 / 36)], {1: "1", 2: "1"}, 1, 2),
}


@pytest.mark.parametrize("name", KNOWN)
def test_directions_amplitudes_and_components(name: str, folder: Path) -> None:
    """Derived by hand (the oracles' README)."""
    directions, components, connected, rank = KNOWN[name]
    found = answer(*write(name, folder))
    assert len(found["directions"]) == len(directions)
    if name == "O1":  # along x, whatever x is
        x = ORACLES["O1"].dataset.X[0]
        directions = [(1, list(x / np.linalg.norm(x)), 0.36, 0.36)]
    for sign, unit, least, largest in directions:
        nearest = min(found["directions"], key=lambda d: np.linalg.norm(np.subtract(d["unit"], unit)))
        assert nearest["sign"] == sign
        assert nearest["unit"] == pytest.approx(unit, abs=1e-7)
        assert (nearest["least"], nearest["largest"]) == pytest.approx((least, largest), abs=1e-7)
    assert {step["width"]: step["total"] for step in found["components"]} == components
    assert (found["connected_from"], found["R"]) == (connected, rank)


def test_o11_has_twenty_four_isolated_networks(folder: Path) -> None:
    """Four directions, unique, m* = M* = 4; 24 components at width 4, one from 5 on."""
    found = answer(*write("O11 beta 0.01", folder))
    assert found["answer"] == "unique"
    assert (found["m_star"], found["M_star"], found["rank"], len(found["directions"])) == (4, 4, 4, 4)
    assert [step["total"] for step in found["components"]] == ["24", "1"]
    assert found["components"][0] == {"width": 4, "isolated": 1, "continua": 0, "total": "24"}
    assert found["connected_from"] == 5
    assert found["polytope"]["dimension"] == 0


def test_o12_and_its_pattern(folder: Path) -> None:
    """One neuron, active on both samples, u|a| as derived."""
    found = answer(*write("O12", folder))
    (direction,) = found["directions"]
    assert direction["pattern"] == [1, 1]
    w = direction["least"] * np.array(direction["unit"])
    assert w == pytest.approx([0.41314158, 0.58066933], abs=1e-7)


@pytest.mark.parametrize("name", ["O1 zero", "O14 zero network", "O1 at the threshold", "output bias free"])
def test_the_zero_network_is_one_point_at_every_width(name: str, folder: Path) -> None:
    """Correction 1: m* = M* = 0, and no width has a continuum."""
    found = answer(*write(name, folder))
    assert (found["m_star"], found["M_star"], found["connected_from"]) == (0, 0, 0)
    assert found["components"] == [{"width": 1, "isolated": 1, "continua": 0, "total": "1"}]
    assert found["answer"] == "unique"


def test_a_free_hidden_bias_without_a_free_output_bias_is_not_covered(folder: Path) -> None:
    """Nothing is counted, the infimum's bounds are there, and the code says that the question is open."""
    arguments = write("hidden bias free", folder)
    found = answer(*arguments, code=4)
    assert found["answer"] == "not-covered"
    assert "need not be attained" in found["not_covered"]
    assert [found[key] for key in ("directions", "m_star", "M_star", "components", "polytope", "attained")] == [
        None
    ] * 6
    known = ORACLES["hidden bias free"].optimum
    assert found["optimum"]["lower"] <= known * (1 + 1e-9) <= found["optimum"]["upper"] * (1 + 2e-9)
    outcome = called("optima", *arguments)
    assert outcome.returncode == 4
    assert outcome.stdout.startswith(b"NOT COVERED, because ")
    assert called("optima", *arguments, "--exit-zero").returncode == 0


def test_both_biases_free(folder: Path) -> None:
    """Segments of biases, one of them unbounded: one neuron is enough, no network is isolated, and what is exported is certified."""
    arguments = write("both biases free", folder)
    found = answer(*arguments, "--export", "out", "--which", "minimal", "--which", "center")
    assert found["m_star"] == 1
    assert found["components"][0]["isolated"] == 0
    assert not found["polytope"]["unique"]
    assert any(direction["biases"][1] is None for direction in found["directions"])
    assert found["optimum"]["upper"] == pytest.approx(ORACLES["both biases free"].optimum)
    for each in found["exported"]:
        outcome = called("check", each["file"], *arguments[:-2], "--eps", "1e-7", "-q")
        assert outcome.returncode == 0, outcome.stdout
    text = called("optima", *arguments).stdout.decode()
    assert "biases" in text
    assert " on\n" in text
    assert max(map(len, text.splitlines())) <= 80
    outcome = called("optima", *arguments, "--predict", "data.npz")
    assert outcome.returncode == 2
    assert b"biases of optima can move" in outcome.stderr


@pytest.mark.parametrize("which", ["minimal", "largest", "center", "vertex:2", "random:3", "min-l:data.npz"])
def test_what_is_exported_is_certified(which: str, folder: Path) -> None:
    """By `check`, from the file, at a tolerance far below the default."""
    found = answer("model.npz", "data.npz", *O4, "--export", "out", "--which", which)
    assert len(found["exported"]) == (3 if which == "random:3" else 1)
    for each in found["exported"]:
        outcome = called("check", each["file"], "data.npz", *O4, "--eps", "1e-7", "-q")
        assert outcome.returncode == 0, outcome.stdout
        with np.load(each["file"]) as arrays:
            assert arrays["fc1.weight"].shape == (each["width"], 2)
    widths = {"minimal": 1, "largest": 2, "center": 3}
    assert widths.get(which) in (None, found["exported"][0]["width"])


def test_predictions_over_all_optima(folder: Path) -> None:
    """At (0, 1): h of c1 = h, h/2 of c1 = 0; at (1, 0): sqrt(3)/2 c2; nothing is active at (-1, -1) but the third direction."""
    found = answer("data.npz", *O4, "--predict", "new.npz")["predictions"]
    h = 0.95
    side = math.sqrt(3) / 2
    assert found["least"] == pytest.approx([0, h / 2, 0], abs=1e-9)
    assert found["largest"] == pytest.approx([side * h / 2, h, (side - 0.5) * h / 2], abs=1e-9)
    assert found["open_labels"] is None


def test_labels_that_optima_do_not_agree_on(folder: Path) -> None:
    """Of the logistic loss, whose predictions have signs."""
    arguments = write("logistic, two classes", folder)
    np.savez("new.npz", X=np.array([[1.0, 0.0], [0.0, 1.0]]))
    found = answer(*arguments, "--predict", "new.npz")["predictions"]
    assert found["open_labels"] == 0
    assert found["least"][0] == found["largest"][0] > 0 > found["largest"][1]


def test_the_given_network_among_the_optima(folder: Path) -> None:
    """One neuron along an optimal direction, one along none, one without weight."""
    found = answer("model.npz", "data.npz", *O4)
    middle = next(k for k, d in enumerate(found["directions"]) if d["unit"][1] > 0.9)
    assert found["model"]["directions"] == [middle, -1, -1]
    assert found["directions"][middle]["neurons"] == [0]
    text = called("optima", "model.npz", "data.npz", *O4).stdout.decode()
    assert "1 along optimal directions, 1 along none, 1 without" in " ".join(text.split())


def test_saved_and_read_back(folder: Path) -> None:
    """The same answer; another decay is refused in one line."""
    first = answer("data.npz", *O4, "--save", "l.npz")
    again = answer("data.npz", *O4, "--landscape", "l.npz")
    for key in ("directions", "polytope", "components", "optimum", "dual"):
        assert first[key] == again[key]
    other = called("optima", "data.npz", *O4[:-1], "0.2", "--landscape", "l.npz")
    assert other.returncode == 2
    assert "another objective" in only_line(other.stderr.splitlines()[-1])


def test_too_many_vertices_are_said_to_be(folder: Path) -> None:
    """At least so many; m* all the same, and components not counted."""
    found = answer("data.npz", *O4, "--vertices", 1)
    assert not found["polytope"]["all_vertices"]
    assert found["components"] is None
    assert found["m_star"] == 1
    assert found["M_star_bounds"][1] == 2
    text = called("optima", "data.npz", *O4, "--vertices", 1).stdout.decode()
    assert "stopped at --vertices 1" in " ".join(text.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["optima"], "Missing argument '[MODEL] DATA"),
        (["optima", "data.npz"], "--loss, --reduction, --weight-decay"),
        (["optima", "a", "b", "c", *O4], "3 files are named"),
        (["optima", "missing.npz", *O4], "missing.npz"),
        (["optima", "data.npz", *O4, "--which", "smallest", "--export", "out"], "'smallest' is not one of"),
        (["optima", "data.npz", *O4, "--which", "vertex:0", "--export", "out"], "is not one of"),
        (["optima", "data.npz", *O4, "--which", "vertex:9", "--export", "out"], "2 vertices are known"),
        (["optima", "data.npz", *O4, "--which", "minimal"], "name a directory"),
        (["optima", "data.npz", *O4, "--export", "data.npz"], "cannot be made a directory"),
        (["optima", "data.npz", *O4, "--vertices", "0"], "is not between 1 and"),
        (["optima", "data.npz", *O4, "--save", "data.npz"], "would overwrite DATA"),
        (["optima", "data.npz", *O4, "--save", "a.npz", "--landscape", "b.npz"], "exclude one another"),
        (["optima", "data.npz", *O4, "--landscape", "model.npz"], "not a landscape"),
        (["optima", "data.npz", *O4, "--predict", "model.npz"], "name it: --x KEY"),
        (["optima", "model.npz", "data.npz", *O4, "--bias", "none"], "--bias is for DATA alone"),
        (
            ["optima", "data.npz", *O4, "--bias", "hidden", "--penalize", "weights", "--predict", "new.npz"],
            "not covered",
        ),
    ],
)
def test_mistakes_are_one_line_and_exit_2(arguments: list[str], words: str, folder: Path) -> None:
    """The last line on stderr says what to do; nothing is on stdout."""
    outcome = called(*arguments)
    assert (outcome.returncode, outcome.stdout) == (2, b"")
    errors = [line for line in outcome.stderr.decode().splitlines() if "error" in line]
    assert len(errors) == 1
    assert words in errors[0]


def test_several_outputs_and_no_decay_are_not_covered(folder: Path) -> None:
    """From the data alone too; P* is bounded by the zero network at least."""
    X = np.array([[1.0, 0.5], [-1.0, 2.0], [0.0, 1.0]])
    np.savez("two.npz", X=X, y=np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    found = answer("two.npz", *O4, "--bias", "both", "--penalize", "all", code=4)
    assert "several outputs" in found["not_covered"]
    assert (found["optimum"]["lower"], found["optimum"]["upper"]) == (0, pytest.approx(2.0))
    none = answer("data.npz", *O4[:-1], "0", code=4)
    assert "without weight decay" in none["not_covered"]
    assert none["R"] == 2


def test_both_answers_where_a_direction_is_doubtful(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gains known to 1 % only: the direction that misses beta by less may be optimal or not, and m*, M* are given for both cases."""
    from certify.landscape import sharpening

    X, y = np.eye(2), np.array([2.0, -0.5 * (1 - 1e-3)])
    np.savez("near.npz", X=X, y=y)
    objective = ("--loss", "half-squared", "--reduction", "sum", "--weight-decay", "0.5", "--bias", "none")
    assert answer("near.npz", *objective)["answer"] == "unique"
    monkeypatch.setattr(sharpening, "uncertainty", lambda problem, gap: (0.01, 0.01 * problem.beta))
    found = answer("near.npz", *objective, code=4)
    assert found["answer"] == "ambiguous"
    assert [direction["doubtful"] for direction in found["directions"]] == [False, True]
    assert found["complete"]
    assert found["without_doubtful"]["m_star"] == 1
    outcome = called("optima", "near.npz", *objective)
    text = " ".join(outcome.stdout.decode().split())
    assert outcome.returncode == 4
    assert text.startswith("AMBIGUOUS 2 directions")
    assert "0.999?" in text
    assert "without the doubtful directions (?): 1 direction" in text


def test_quiet_and_from_outside(folder: Path) -> None:
    """In a process of its own, in a pipe: one line, and it takes the objective from nobody but the options."""
    outcome = certify("optima", "data.npz", *O4, "-q", cwd=folder)
    assert (outcome.returncode, outcome.stderr) == (0, b"")
    assert only_line(outcome.stdout) == "MANY 3 directions, 2 vertices, m* = 1, M* = 2"
    with open("data.npz", "rb") as stream:
        piped = certify("optima", "-", *O4, "-q", cwd=folder, stdin=stream.read())
    assert piped.stdout == outcome.stdout
