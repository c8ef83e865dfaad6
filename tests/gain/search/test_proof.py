"""Proofs and checkpoints of a bound: the tree leads to leaves that are proved afresh, and a search goes on where it was left."""

from __future__ import annotations

import numpy as np
import pytest
from gain_cases import gaussian

from certify.gain.engine import Checkpoint, Question, bound_gain
from certify.gain.majorants.brancher import MajorantBrancher
from certify.gain.question import GainProblem, Limits
from certify.gain.search.proof import GainProof
from certify.gain.search.queue import Search

CLOSE = Question(tolerance=1e-3)


@pytest.mark.parametrize(("n", "d", "free"), [(8, 2, False), (30, 3, False), (25, 4, False), (15, 3, True)])
def test_every_leaf_of_a_bound_can_be_proved_again(n: int, d: int, free: bool) -> None:
    """The leaves under the roots of both signs have hints for the bound itself."""
    bound = bound_gain(gaussian(n, n, d, free), CLOSE, Limits())
    leaves = list(bound.proof.leaves(bound.upper * (1 + 1e-6)))
    assert len(leaves) >= bound.proof.search.tree.roots
    assert all(leaf.hints is not None for leaf in leaves)
    level = bound.proof.brancher.own_bound(bound.upper * (1 + 1e-6))
    assert all(leaf.hints.bound <= level for leaf in leaves)


def test_the_leaves_of_majorants_can_be_proved_again() -> None:
    """Engine S keeps cuts only, and finds majorants for all of its leaves again."""
    problem = gaussian(3, 20, 4)
    search = Search(MajorantBrancher(problem), 0.0, 1e-2)
    search.advance(np.inf, 1, lambda: False, lambda: False)
    proof = GainProof(search, search.upper)
    leaves = list(proof.leaves(search.upper * (1 + 1e-6)))
    assert proof.method == "majorants" and len(leaves) > 2
    assert all(leaf.hints is not None for leaf in leaves)


def test_no_leaf_proves_less_than_what_is_attained() -> None:
    """Asked for a bound below a gain that a direction attains, some leaf has no hints."""
    bound = bound_gain(gaussian(5, 20, 3), CLOSE, Limits())
    assert any(leaf.hints is None for leaf in bound.proof.leaves(0.99 * bound.lower))


def test_a_bound_cut_short_has_a_proof_as_well() -> None:
    """At a node limit the open parts are leaves like the others, of the bound so far."""
    bound = bound_gain(gaussian(6, 40, 4), Question(starts=1), Limits(nodes=60))
    assert not bound.settled
    if bound.proof is not None:  # the quick bound may be the smaller one
        assert all(leaf.hints is not None for leaf in bound.proof.leaves(bound.upper * (1 + 1e-6)))


@pytest.mark.parametrize(("n", "d", "outputs"), [(60, 4, 1), (14, 3, 2)])
def test_a_checkpoint_leads_to_the_same_bounds(n: int, d: int, outputs: int) -> None:
    """Stopped at a node limit, a search resumed from its last checkpoint ends with the bounds of the whole one."""
    rng = np.random.default_rng(n)
    nu = rng.standard_normal((n, outputs)) if outputs > 1 else rng.standard_normal(n)
    problem, states = GainProblem(rng.standard_normal((n, d)), nu), []
    question = Question(tolerance=1e-3, starts=2)
    whole = bound_gain(problem, question, Limits())
    bound_gain(problem, question, Limits(nodes=100), checkpoint=Checkpoint(states.append, nodes=40))
    assert states and all(isinstance(array, np.ndarray) for state in states for array in state.values())
    resumed = bound_gain(problem, question, Limits(), checkpoint=Checkpoint(resume=states[-1]))
    assert resumed.upper == pytest.approx(whole.upper, rel=1e-9)
    assert resumed.nodes == pytest.approx(whole.nodes, rel=0.1)


def test_a_rank_that_cones_cannot_manage_goes_to_majorants() -> None:
    """The pilot hands a problem of rank 14 over, and the bound closes."""
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((40, 14))
    nu = np.maximum(rows @ rng.standard_normal(14), 0) + 0.1 * rng.standard_normal(40)
    bound = bound_gain(GainProblem(rows, nu), Question(tolerance=1e-2), Limits())
    assert bound.settled and bound.method == "majorants"
    assert bound.upper <= bound.lower * (1 + 1.1e-2)
