"""Which engine gets the next turn: cones and majorants take turns, the one that a pilot expects to end first goes on.

A pilot costs little: an engine's share of the directions that is settled after so many nodes tells how many it will need
(Knuth, Estimating the efficiency of backtrack programs, 1975). Costs come from formulas of the sizes, not from a clock, so
that the same input takes the same turns on any machine. Each engine keeps its own proved bound; the smaller one counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from certify.failures import unless_it_fails
from certify.gain.question import GainProblem, Question, Violator
from certify.gain.reduction import ReducedGain
from certify.gain.search.queue import Brancher, Search
from certify.gain.search.snapshot import Snapshot, nested, within

MOST_RANK = 64
_PILOT_SECONDS = 0.02
_PILOT_NODES = 16  # for every generator of a start fan, at least
_SETTING_UP = 0.02  # seconds that engine S takes to be imported and set up
_HOPELESS = (
    20.0  # times the work so far: what an engine may still need before one that has ended less sharply is enough
)
_LEAST_SHARE = 0.2  # of the work goes to an engine that seems worse: it may be misjudged
_BELIEVED = 3.0  # times the work so far: what is expected to end later than that is not expected at all


def searchable(rank: int) -> bool:
    """Whether any engine gets anywhere in data of that rank: beyond, the start cones alone take longer than anybody waits."""
    return rank <= MOST_RANK


class Portfolio:
    """The searches of the engines for one question."""

    def __init__(self, problem: GainProblem, reduced: ReducedGain, question: Question) -> None:
        self.problem, self.reduced, self.question = problem, reduced, question
        self.best = 0.0
        self.searches, self.all_engines = [self._cones()], False

    @property
    def nodes(self) -> int:
        """Explored by all engines."""
        return sum(search.nodes for search in self.searches)

    @property
    def upper(self) -> float:
        """Proved upper bound on M(nu)."""
        return self.leader.upper

    @property
    def leader(self) -> Search:
        """The engine with the smallest bound."""
        return min(self.searches, key=lambda search: search.upper)

    @property
    def proved(self) -> float:
        """Share of the directions that is settled, by the engine that got furthest."""
        return max(search.proved for search in self.searches)

    @property
    def settled(self) -> bool:
        """An engine has come to its end, and none is left that could come closer."""
        ended = [search for search in self.searches if search.finished]
        going = [search for search in self.searches if not search.ended]
        work = sum(search.work for search in self.searches)
        sharper = any(remaining(search) <= _HOPELESS * work for search in going)
        sharpest = min(search.tolerance for search in self.searches)
        return any(search.tolerance <= sharpest or not sharper for search in ended)

    @property
    def exhausted(self) -> bool:
        """No engine is left that could come closer: numerics have failed where one has not finished."""
        return all(search.ended for search in self.searches)

    @property
    def ahead(self) -> float:
        """Work that the engine which is expected to end first still needs, in units of what all have done."""
        work = sum(search.work for search in self.searches)
        return min(map(forecast, self.searches)) / work if work > 0 else math.inf

    @property
    def candidates(self) -> list[Violator]:
        """Directions met on the way."""
        return [violator for search in self.searches for violator in search.candidates]

    def attain(self, gain: float) -> None:
        """A direction of this gain is known."""
        self.best = max(self.best, gain)
        for search in self.searches:
            search.attain(self.best)

    def run(self, done: Callable[[], bool], stop: Callable[[], bool]) -> None:
        """Take turns until done, or nothing is left to do."""

        def ended() -> bool:
            self.best = max(self.best, *(search.best for search in self.searches))
            return done()

        while not ended():
            self._consider_majorants()
            search = self._next()
            if search is None:
                return
            search.attain(self.best)
            search.advance(self._turn(search), self.question.threads, ended, stop)

    def snapshot(self) -> Snapshot:
        """The state of all engines."""
        state: Snapshot = {}
        for search in self.searches:
            state |= nested(search.brancher.name, search.snapshot())
        return state

    def resume(self, state: Snapshot) -> None:
        """Go back to that state."""
        if within("majorants", state):
            self._add_majorants()
        for search in self.searches:
            search.resume(within(search.brancher.name, state))
            self.best = max(self.best, search.best)

    def _cones(self) -> Search:
        return Search(self._cone_brancher(), self.question.threshold, self.question.tolerance)

    def _cone_brancher(self) -> Brancher:
        if self.problem.outputs > 1:
            from certify.gain.outputs.brancher import OutputBrancher

            return OutputBrancher(self.problem, self.reduced)
        from certify.gain.cones.brancher import ConeBrancher

        return ConeBrancher(self.problem, self.reduced)

    def _consider_majorants(self) -> None:
        """Set engine S up once the cones are expected to spend more than its first nodes cost."""
        if self.all_engines or self.problem.outputs > 1:
            return
        from certify.gain.majorants.size import affordable, node_work  # light

        cones = self.searches[0]
        first = _SETTING_UP + 2 * node_work(self.reduced.nu.size, self.reduced.rank, self.problem.free_bias)
        slow = cones.nodes >= self._pilot(cones) and remaining(cones) > first
        if affordable(self.reduced.rank) and (slow or cones.stuck):
            unless_it_fails(self._add_majorants, None)

    def _add_majorants(self) -> None:
        from certify.gain.majorants.brancher import MajorantBrancher  # only when it is needed

        self.all_engines = True
        self.searches.append(
            Search(MajorantBrancher(self.problem, self.reduced), self.question.threshold, self.question.tolerance)
        )

    def _next(self) -> Search | None:
        """The engine to go on with; None where all have ended."""
        going = [search for search in self.searches if not search.ended]
        total = sum(search.work for search in self.searches)
        soonest = min((remaining(search) for search in going), default=0.0)
        neglected = [search for search in going if search.work <= min(_LEAST_SHARE * total, _BELIEVED * soonest)]

        def rank(search: Search) -> tuple[float, float]:
            """What is expected to end soon comes first; at a limit the smaller bound is what counts."""
            seconds = remaining(search)
            return (seconds if seconds <= _BELIEVED * search.work else math.inf), search.upper

        return min(neglected or going, key=rank, default=None)

    def _turn(self, search: Search) -> float:
        """Nodes of the next turn: as much again as it has had, and no less than a pilot."""
        return max(search.nodes, self._pilot(search) if search is self.searches[0] else 2)

    def _pilot(self, cones: Search) -> float:
        """Nodes after which the cones' share of settled directions says something."""
        return max(_PILOT_NODES * (self.reduced.rank + 1), _PILOT_SECONDS / cones.brancher.node_work)


def remaining(search: Search) -> float:
    """Seconds of work that a search is expected to need until it ends. While next to nothing is settled its first nodes say
    nothing: it is given the benefit of the doubt, as much again as so far."""
    expected = forecast(search)
    return min(search.work, expected) if search.nodes < 2 * _PILOT_NODES else expected


def forecast(search: Search) -> float:
    """Seconds of work until it ends, by what has been measured alone; 0 where it has ended, infinite where nothing was settled.

    The larger of two estimates: by what it has settled so far, and by what its last turn has settled, which tells more where the
    directions left are harder than those before.
    """
    if search.ended:
        return 0.0
    work, settled, (work_before, settled_before) = search.work, search.proved, search.before
    so_far = _until_all(work, settled, 1 - settled)
    lately = _until_all(work - work_before, settled - settled_before, 1 - settled)
    return max(so_far, lately)


def _until_all(work: float, settled: float, left: float) -> float:
    """Work until nothing is left, where so much has settled so much."""
    return work * left / settled if settled > 0 else math.inf
