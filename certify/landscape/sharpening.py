"""Which directions are optimal: gains with forty digits, and what they are known up to (docs/theory.md, section 12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np

from certify._core.bounded import bounded_least_squares
from certify.arrays import Bools, Floats
from certify.landscape.directions import Maximisers, Segment, TightCone
from certify.landscape.landscape import Landscape, uncertainty
from certify.landscape.precise import precise_optimum
from certify.linear import matmul, norm
from certify.problem.objective import Bias
from certify.rounding import SLOP, UNIT

_NOISE, _ULPS = (
    1e-12,
    64.0,
)  # a gain that misses beta by this share of beta, and so many roundings of the data, counts as beta
_SUPPORT = 1e-6  # directions within this share of beta may carry the predictions
_NOTHING = 1e-11  # share; predictions this small are those of the zero network
_SLACKER = 4.0  # times what the gains of the directions in use miss beta by still counts as beta
_TOUCHING = "two segments of optimal directions touch, so that a neuron at their common end is of both"
_ABOVE = 1e-12  # relative; a gain above beta by more is that of no optimum


def sharpened(known: Landscape, maximisers: Maximisers) -> Landscape:
    """The directions told apart, as well as forty digits do it, or else as floats do."""
    found = _with_forty_digits(known, maximisers.cones) or _as_it_is(known)
    return _told_apart(found, maximisers.segments)


def _as_it_is(known: Landscape) -> Landscape:
    radius, slack = uncertainty(known.problem, known.upper - known.lower)
    return replace(known, radius=radius, slack=slack)


def _with_forty_digits(known: Landscape, cones: Sequence[TightCone]) -> Landscape | None:
    """The same with forty digits: gains, directions, and the slack; None where that does not converge."""
    problem, beta = known.problem, known.beta
    tight = known.gains >= beta * (1 - _SUPPORT)
    masses = support_masses(known, tight)
    if masses is None:
        return None
    used = masses > 0
    constant = known.constant
    if problem.objective.output_bias is Bias.FREE:  # these neurons' biases need not be those that it was found with
        constant = float(np.mean(known.predictions - matmul(known.activations, masses)))
    optimum = precise_optimum(problem, known.units[used], known.signs[used], masses[used], constant)
    if optimum is None:
        return None
    nu = optimum.nu.astype(float)
    # all that is below the cones looked at was bounded at the other dual vector
    moved = float(np.sum(np.abs(nu - known.nu) * norm(problem.rows, axis=1))) * SLOP
    largest = Decimal(known.next_best + moved)
    shares, units = np.full(len(known.units), -np.inf), known.units.copy()
    for cone in cones:
        length, unit = optimum.bound(cone.pattern, cone.sign, cone.multipliers)
        largest = max(largest, length)
        share = float(length / Decimal(beta) - 1)
        if problem.free_hidden_bias:  # one bound for both ends of a segment
            continue
        if cone.direction is not None and share > shares[cone.direction]:
            shares[cone.direction], units[cone.direction] = share, unit
    if problem.free_hidden_bias:
        for k, unit in enumerate(known.units):
            shares[k] = float(optimum.gain(unit, int(known.signs[k])) / Decimal(beta) - 1)
    excess = float(largest / Decimal(beta) - 1)
    if not excess <= _ABOVE:
        return None
    radius, slack = uncertainty(problem, optimum.gap(max(largest, Decimal(beta))))
    return replace(
        known,
        nu=nu,
        next_best=known.next_best + moved,
        predictions=optimum.f.astype(float),
        constant=float(optimum.constant),
        units=units,
        gains=beta * (1 + shares),
        radius=radius,
        slack=slack,
    )


def support_masses(known: Landscape, tight: Bools) -> Floats | None:
    """Masses (N,) of the directions chosen (N,) that give the predictions, those used independent; None where there are none."""
    columns = np.where(tight, known.activations, 0.0)
    target = known.predictions - known.constant
    if known.problem.objective.output_bias is Bias.FREE:
        columns, target = columns - np.mean(columns, axis=0), target - np.mean(target)
    lengths, scale = norm(columns, axis=0), float(norm(target))
    chosen = np.flatnonzero(lengths > 0)
    masses = np.zeros(len(known.units))
    if not chosen.size or not scale > 0:
        return masses if scale <= _NOTHING else None
    vectors = (columns[:, chosen] / lengths[chosen]).T
    found = bounded_least_squares(np.ascontiguousarray(vectors), target / scale, np.full(chosen.size, np.inf))
    masses[chosen] = np.maximum(found, 0.0) * scale / lengths[chosen]
    missed = float(norm(matmul(columns, masses) - target))
    nothing = _NOTHING * float(np.max(lengths))
    if missed > 1e-6 * scale and scale > nothing:
        return None
    return np.where(masses > _NOTHING, masses, 0.0) if scale > nothing else np.zeros(len(known.units))


def _told_apart(known: Landscape, segments: Sequence[Segment]) -> Landscape:
    """Those within the slack of beta are listed; doubtful where they miss it by more than rounding of the data moves a gain."""
    problem, beta = known.problem, known.beta
    sizes = float(np.sum(np.abs(known.nu) * norm(problem.rows, axis=1)))
    same = beta * _NOISE + _ULPS * UNIT * sizes
    # what carries the predictions is optimal, as far as they are: where floats are all there is, it shows what gains miss beta by
    tight = known.gains >= beta * (1 - _SUPPORT)
    masses = support_masses(known, tight)
    if masses is not None and np.any(masses > 0):
        same = max(same, _SLACKER * float(np.max(np.abs(known.gains[masses > 0] - beta))))
    kept = known.gains >= beta - max(known.slack, same)
    known = replace(known, doubtful=known.gains < beta - same)
    return _in_blocks(known, kept & ~known.doubtful, segments).keeping(kept)


def _in_blocks(known: Landscape, sure: Bools, segments: Sequence[Segment]) -> Landscape:
    """The segments of which both ends are optimal are blocks; a doubtful end is one by itself."""
    blocks, unbounded, reason = np.arange(len(sure)), np.zeros(len(sure), dtype=bool), known.not_covered
    ends: set[int] = set()
    for segment in segments:
        own = {segment.low} if segment.high is None else {segment.low, segment.high}
        if all(sure[k] for k in own):
            reason = _TOUCHING if ends & own else reason
            ends |= own
            unbounded[segment.low] |= segment.high is None
            blocks[list(own)] = segment.low
    return replace(known, blocks=blocks, unbounded=unbounded, not_covered=reason)
