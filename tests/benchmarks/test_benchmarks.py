"""The benchmarks run, on instances small enough for a test: readers will not rerun their tables."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from benchmarks import (
    against,
    alone,
    check,
    data,
    duals,
    engine,
    landscape,
    leaves,
    machine,
    measuring,
    profiling,
    same_width,
    tables,
)
from benchmarks.instances import instance
from benchmarks.peers import enumeration, gurobi, scip
from benchmarks.peers.interface import PeerMissing, PeerRefused, PeerResult, both_signs, side_of
from benchmarks.processes import timed
from certify.gain.question import GainProblem

SMALL = "gaussian 12 x 3"
SOLVERS = {"pyscipopt": scip.solve_side, "gurobipy": gurobi.solve_side}


def _bounds(name: str, tolerance: float = 1e-6) -> measuring.Run:
    return measuring.run_engine(instance(name, tolerance), 20.0)


@pytest.mark.parametrize("name", [SMALL, "teacher 20 x 3, decay 0.1", "planted 20 x 3, max/5"])
def test_instances_are_made_by_name(name: str) -> None:
    """The same name gives the same numbers again, and the shape that it states."""
    first = instance(name)
    instance.cache_clear()
    again = instance(name)
    assert np.array_equal(first.problem.rows, again.problem.rows) and np.array_equal(first.problem.nu, again.problem.nu)
    assert first.shape in name


def test_unknown_instances_are_refused() -> None:
    """A name without a meaning is an error, not another instance."""
    for name in ("gaussian 3 by 3", "planted 20 x 3", "planted 20 x 3, max", "mars, max/2"):
        with pytest.raises(KeyError):
            instance(name)


def test_dual_vectors_are_those_of_optimal_networks() -> None:
    """At the optimum the largest gain is the weight decay, and primal and dual values agree."""
    rows, y = data.teacher(20, 3)
    generation = duals.optimal(rows, y, 2.0)
    nu, neurons = generation.nu[:, 0], generation.neurons
    run = measuring.run_engine(instance("teacher 20 x 3, decay 0.1"), 20.0)
    assert run.bound.upper == pytest.approx(2.0, rel=2e-4)
    assert duals.stated(rows, y, 2.0).value(neurons) == pytest.approx(nu @ y - nu @ nu / 2, rel=1e-5)
    assert duals.largest_useful_decay(rows, y) > 2.0


@pytest.mark.parametrize("size", [(60, 3, 10.0), (100, 5, 10.0), (60, 4, 100.0)])
def test_dual_vectors_are_optimal(size: tuple[int, int, float]) -> None:
    """No direction of gain above beta is found from starts that the making of the vector has not seen."""
    n, d, share = size
    rows, y = data.teacher(n, d)
    generation = duals.optimal(rows, y, duals.largest_useful_decay(rows, y) / share)
    assert abs(duals.excess_found(generation)) < 1e-8


def test_what_is_not_optimal_is_no_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    """A generation that stops early is found out."""
    monkeypatch.setattr(duals, "violators", lambda generation: [])
    monkeypatch.setattr(duals.ColumnGeneration, "run", lambda self, tolerance, limits: self.solve(limits))
    rows, y = data.teacher(60, 4)
    with pytest.raises(duals.NotOptimal, match="above beta"):
        duals.optimal(rows, y, duals.largest_useful_decay(rows, y) / 100)


def test_a_leaf_has_a_cost() -> None:
    """Every leaf of the certificate that is timed is one that the checker has counted."""
    line, cost = leaves.measured("small", *data.teacher(30, 3), 10.0, 1)
    assert cost > 0 and int(line.split("|")[2]) > 1


@pytest.mark.slow
def test_a_package_just_installed_runs_ten_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies of the package run by themselves, with a home folder of their own, and say the same each time."""
    monkeypatch.setattr(check, "_RUNS_AFTER_INSTALLING", 2)
    done = check.after_installing(check.CASES["petal 150 x 4, trained to the optimum"])
    assert len(done) == 2 and done[0].said == done[1].said and done[0].said.startswith("CERTIFIED")


def test_enumeration_agrees_with_the_engine() -> None:
    """The largest gain over all patterns is the maximum; 12 rows in general position have 2 (1 + 11 + 55) patterns."""
    asked = instance(SMALL)
    found = enumeration.enumerate_gain(asked.problem.rows, asked.problem.nu)
    bound = _bounds(SMALL).bound
    assert bound.lower * (1 - 1e-9) <= found.gain <= bound.upper * (1 + 1e-9)
    assert abs(asked.problem.gain(found.direction)) == pytest.approx(found.gain, rel=1e-9)
    assert found.cones == 134


def test_enumeration_stops_in_time() -> None:
    """A run cut short says so, and claims no bound."""
    with pytest.raises(enumeration.TimeIsUp):
        enumeration.enumerate_gain(*data.gaussian(40, 4), seconds=0.0)
    cut = against.CONTESTS["enumeration"].ask(instance("gaussian 40 x 4"), 0.0)
    assert cut.cut and cut.upper == np.inf


@pytest.mark.parametrize("package", SOLVERS)
def test_mixed_integer_peers_agree_or_are_named_as_missing(package: str) -> None:
    """Where a peer is installed its bounds enclose the maximum to its tolerances, with and without a threshold."""
    asked, exact = instance(SMALL), _bounds(SMALL).bound
    try:
        found = both_signs(SOLVERS[package], asked.problem, 0.0, 1e-4, 20.0)
        above = both_signs(SOLVERS[package], asked.problem, 1.1 * exact.upper, 1e-4, 20.0)
    except PeerMissing as missing:
        assert "is not installed" in str(missing)
        return
    assert found.lower <= exact.upper * (1 + 1e-9) and found.upper >= exact.lower * (1 - 1e-5)
    assert found.upper <= found.lower * (1 + 3e-4) and not found.cut
    assert above.upper == pytest.approx(1.1 * exact.upper) and not above.cut


@pytest.mark.parametrize("package", SOLVERS)
def test_missing_peers_are_named_in_the_table(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the line says so, the engine's own figures stand, and nothing counts as met or missed."""
    monkeypatch.setitem(sys.modules, package, None)
    name = "scip" if package == "pyscipopt" else "gurobi"
    contest = against.Contest(name, against.CONTESTS[name].ask, {SMALL: 10})
    outcome = against.compete(contest, 1.0)
    assert "is not installed" in outcome.lines[2] and "not compared" in outcome.lines[2]
    assert outcome.targets == [] and not outcome.false


def test_refusals_are_results() -> None:
    """A peer that refuses the size of a model has its reason in the table."""

    def refuse(*_: object) -> PeerResult:
        raise PeerRefused("too large for the licence")

    outcome = against.compete(against.Contest("Peer", refuse, {SMALL: None}), 1.0)
    assert "too large for the licence" in outcome.lines[2]


@pytest.mark.parametrize(("factor", "false"), [(1.0, False), (1.01, True)])
def test_values_above_our_bound_are_an_alarm(factor: float, false: bool) -> None:
    """A peer that attains more than we have proved possible makes the whole run fail."""
    lower = factor * _bounds(SMALL).bound.lower
    outcome = against.compete(_fixed(PeerResult(lower, 2 * lower, 1.0, 1.0, False)), 1.0)
    assert outcome.false is false
    assert any("OUR BOUND IS FALSE" in line for line in outcome.lines) is false


def test_bounds_below_attained_values_are_remarked() -> None:
    """A peer's bound that our witness exceeds is named below the table, with the excess."""
    lower = _bounds(SMALL).bound.lower
    outcome = against.compete(_fixed(PeerResult(0.9 * lower, 0.99 * lower, 1.0, 1.0, False)), 1.0)
    assert any("lies below an attained value" in line for line in outcome.lines) and not outcome.false


def test_cuts_are_shown_and_counted() -> None:
    """A peer cut at its limit is shown with > and the ratio is that of the limit."""
    outcome = against.compete(_fixed(PeerResult(1.0, 100.0, 60.0, 60.0, True)), 60.0)
    assert "| >60.0 |" in outcome.lines[2]
    assert outcome.targets[0][2].startswith(">")


def _fixed(result: PeerResult) -> against.Contest:
    return against.Contest("Peer", lambda *_: result, {SMALL: 10})


def test_sides_add_up_to_the_gain() -> None:
    """The two sides are the gain with either sign, and their crude bounds hold."""
    rng = np.random.default_rng(0)
    problem = GainProblem(rng.standard_normal((9, 3)), rng.standard_normal(9))
    plus, minus = side_of(problem, 1), side_of(problem, -1)
    for u in rng.standard_normal((50, 3)):
        assert plus.value(u) == pytest.approx(problem.gain(u)) and minus.value(u) == pytest.approx(-problem.gain(u))
        assert plus.value(u) <= plus.crude_bound and minus.value(u) <= minus.crude_bound


def test_the_second_sign_need_not_beat_the_first() -> None:
    """Both signs are asked, the second with what the first attained; without time there is no bound."""
    asked = instance(SMALL).problem
    cutoffs = []

    def solve(side: object, cutoff: float, tolerance: float, seconds: float) -> tuple[float, float]:
        cutoffs.append(cutoff)
        return 5.0, max(5.0, cutoff)

    found = both_signs(solve, asked, 0.0, 1e-4, 10.0)
    assert cutoffs == [0.0, 5.0 * (1 + 1e-4)]
    assert not found.cut and found.lower == 5.0
    late = both_signs(solve, asked, 0.0, 1e-4, -1.0)
    assert late.cut and late.upper == np.inf


@pytest.mark.slow
def test_profiles_name_what_takes_the_time() -> None:
    """Shares are of the whole, the largest first, and the search is among them."""
    listed = profiling.shares(instance(SMALL), 5.0)
    found = [share for _, share, _ in listed]
    assert found == sorted(found, reverse=True) and 0 < sum(found) <= 1
    assert all(name and calls >= 0 for name, _, calls in listed)


@pytest.mark.parametrize("case", [alone.Case(SMALL, 1e-3, within=100.0), alone.Case(SMALL, 1e-3, percent=True)])
def test_lines_say_whether_the_target_is_met(case: alone.Case) -> None:
    """A settled search within its time, or within two per cent, has met its target; one that was cut has not."""
    line, target = alone.measure(case, 10.0)
    assert target is not None and target[3] and line.rstrip(" |").endswith(": met")
    hard = alone.Case("gaussian 300 x 14", 1e-9, case.within, case.percent)
    line, target = alone.measure(hard, 0.01)
    assert target is not None and not target[3] and "| >" in line


def test_every_case_has_a_meaning() -> None:
    """No target is asked of an instance that no table has."""
    for part, wanted in ((alone.SCALING, 2), (alone.REAL, 7)):
        cases = [case for group in part.values() for case in group]
        assert sum(case.within is not None or case.percent for case in cases) == wanted
    assert set(engine.PARTS) == {"scip", "enumeration", "gurobi", "nodes", "scaling", "real"}
    assert set(check.PARTS) == set(check.MEASURED) and set(check._TARGETS) <= set(check.CASES)


def test_numbers_have_three_figures() -> None:
    """What is written is what was measured, to three figures, whatever its size."""
    written = {0.0123456: "0.0123", 4.5678: "4.57", 12.345: "12.3", 1234.5: "1,230", 0.99999: "1.00", 0.0: "0"}
    assert {number: tables.short(number) for number in written} == written
    assert tables.short(float("nan")) == "none" and tables.seconds_text(60.0, cut=True) == ">60.0"


def test_results_are_kept_by_part(tmp_path: Path) -> None:
    """Measuring one part again replaces its own lines only."""
    tables.write_part("scip", "the command", ["| a |"], 1.5, tmp_path)
    head = (tmp_path / "scip.md").read_text()
    assert "the command" in head and "1.50 s in all" in head and machine.processor() in head
    tables.note_targets([("one", ">= 2x", "1x", False), ("two", "<= 5 s", "3 s", True)], tmp_path)
    tables.note_targets([("one", ">= 2x", "4x", True)], tmp_path)
    text = (tmp_path / "targets.md").read_text()
    assert (
        text.count("| one |") == 1
        and f"| one | >= 2x | 4x | yes | {date.today().isoformat()} | {machine.processor()} |" in text
    )
    assert "| two | <= 5 s | 3 s | yes |" in text
    tables.forget_targets(tmp_path)
    tables.note_targets([("three", ">= 2x", "4x", True)], tmp_path)
    assert "two" not in (tmp_path / "targets.md").read_text()


def test_the_readme_gets_copies_between_its_markers(tmp_path: Path) -> None:
    """Old copies go, new ones come once, the text around them stays; without markers nothing is written."""
    readme = tmp_path / "README.md"
    marked = "".join(f"\n{tables.begin(name)}\nstale\n{tables.END}\n" for name in tables.COPIED)
    readme.write_text(f"before{marked}after\n")
    for name in tables.COPIED:
        (tmp_path / f"{name}.md").write_text(f"| {name} |\n")
    tables.copy_results(readme, tmp_path)
    tables.copy_results(readme, tmp_path)
    copied = readme.read_text()
    assert "stale" not in copied and all(copied.count(f"| {name} |") == 1 for name in tables.COPIED)
    assert copied.startswith("before") and copied.endswith("after\n")
    readme.write_text("no markers")
    with pytest.raises(ValueError, match="expected the lines"):
        tables.copy_results(readme, tmp_path)
    assert readme.read_text() == "no markers"


@pytest.mark.parametrize("name", tables.COPIED)
def test_the_readme_repeats_what_was_measured(name: str) -> None:
    """What the README says of speed is what was measured, line by line."""
    _, _, rest = tables.README.read_text().partition(tables.begin(name))
    shown, _, _ = rest.partition(tables.END)
    assert shown.strip() == (tables.RESULTS / f"{name}.md").read_text().strip()


@pytest.mark.parametrize("arguments", [["--only", "scip,venus"], ["--limit", "soon"]])
def test_wrong_options_are_usage_errors(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A part that does not exist is named, with those that do; nothing is measured."""
    with pytest.raises(SystemExit) as stopped:
        engine.main(arguments)
    assert stopped.value.code == 2
    assert arguments[1].split(",")[-1] in capsys.readouterr().err


@pytest.mark.slow
def test_the_check_by_enumeration_gives_the_same_verdicts(tmp_path: Path) -> None:
    """The plain method in a process of its own calls the optimal network optimal and the random one not."""
    said = {}
    for kind, files in check.networks(tmp_path, 12, 3).items():
        said[kind] = timed(["-m", "benchmarks.peers.enumeration", *files, "2"]).said
    assert said["optimal network"].startswith("OPTIMAL") and said["random network"].startswith("NOT OPTIMAL")


def test_processes_that_crash_stop_the_benchmark() -> None:
    """A crash is never timed as if it were an answer."""
    with pytest.raises(SystemExit, match="exit 1"):
        timed(["-c", "raise ValueError"])


@pytest.mark.parametrize("task", [same_width.TASKS[6], same_width.TASKS[16]], ids=lambda task: task.name)
def test_one_width_against_restarts(task: same_width.Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three restarts of the peer on iris, either loss: one row, and the search is at least as low in their time."""
    pytest.importorskip("sklearn")
    monkeypatch.setattr(same_width, "RESTARTS", 3)
    rows, met = same_width.compared(iter([task]))
    assert len(rows) == 1 and rows[0].count("|") == 11
    assert met == 1


def test_each_width_problem_is_what_its_loss_takes() -> None:
    """Twenty problems; signs for the logistic loss, standardised targets otherwise, columns that vary."""
    pytest.importorskip("sklearn")
    assert len(same_width.TASKS) == 20
    for task in same_width.TASKS:
        X, y = task.data()
        assert np.all(np.abs(y) == 1) if task.logistic else abs(float(np.std(y)) - 1) < 1e-12
        assert np.all(np.std(X, axis=0) > 0.99) and X.shape[0] == y.shape[0]


def test_paths_are_counted_by_width() -> None:
    """At the sufficient width all are found, and F never rises on them."""
    first = landscape.widths(3)[2]
    assert first.startswith("| R + 1 | 3 | 3 | 3 | 0 | 0 |")
    assert float(landscape.rises(1, 20)[2].split(" | ")[2]) <= 1e-14
