"""Everything that a verdict says of numbers, held to exact rational arithmetic (logarithms: to proved enclosures)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
from adversarial import Case
from brute_force import squared_gain
from exact import OF_SIGNS, dot, exact_predictions, fractions, sample_loss
from rivals import balanced_network, rivals

from certify.certificates.statement import plain_data, plain_network
from certify.checker.certificate import read_certificate
from certify.checker.claims import decide_for
from certify.problem.dataset import Dataset
from certify.problem.dual import dual_vector
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.training import training_problem
from certify.verdict import Bounds, Decision, Reason, Verdict

Range = tuple[Fraction, Fraction]

_DIGITS = 80
_RELATIVE = Fraction(1, 10**48)  # far more than 80 digits lose in three roundings, and the series in its third term
_FAR = 10_000  # exp(-10^4) < 10^-4000
_BRUTE_FORCE = 4, 3  # samples and dimensions up to which the gain itself is known


def softplus_range(t: Fraction) -> Range:
    """Bounds on log(1 + exp t) = max(t, 0) + log(1 + exp(-|t|))."""
    least = max(t, Fraction(0))
    if abs(t) > _FAR:
        return least, least + Fraction(1, 10**4000)
    with localcontext() as context:
        context.prec = _DIGITS
        power = (-abs(Decimal(t.numerator) / Decimal(t.denominator))).exp()
        small = power < Decimal(10) ** -30  # the sum 1 + power would keep nothing of it: p - p^2/2 + ...
        tail = Fraction(power - power * power / 2 if small else (1 + power).ln())
    return least + tail * (1 - _RELATIVE), least + tail * (1 + _RELATIVE)


def objective_range(net: Network, data: Dataset, goal: Objective) -> Range:
    """Bounds on F of the network; equal for the squared losses."""
    weights = fractions(np.ones(data.samples) if data.sample_weight is None else data.sample_weight)
    f, y = exact_predictions(net, data.X), fractions(data.y[:, 0])
    if goal.loss is Loss.LOGISTIC:
        ranges = [softplus_range(-a if b == 1 else a) for a, b in zip(f, y, strict=True)]
    else:
        y = [Fraction(1 if b == 1 else -1) for b in y] if goal.loss in OF_SIGNS else y
        ranges = [(sample_loss(goal.loss, a, b),) * 2 for a, b in zip(f, y, strict=True)]
    share = Fraction(1, data.samples if goal.reduction is Reduction.MEAN else 1)
    penalty = sum((decay / 2 * sum(x * x for x in values) for decay, values in _penalised(net, goal)), Fraction(0))
    low, high = (dot(weights, side) * share + penalty for side in zip(*ranges, strict=True))
    return low, high


def _penalised(net: Network, goal: Objective) -> Iterable[tuple[Fraction, list[Fraction]]]:
    for layer, (weights, bias) in zip(goal.layers, net.layers, strict=True):
        yield Fraction(layer.decay), fractions(np.ravel(weights))
        if layer.bias is Bias.PENALIZED:
            yield Fraction(layer.decay), fractions(bias)


def judge(verdict: Verdict, case: Case, known: Iterable[Network] = ()) -> None:
    """Fail on any figure of the verdict that is not true. known: networks that no lower bound may lie above.

    case.network is the network that the verdict is on.
    """
    value = objective_range(case.network, case.data, case.goal)
    _judge_bounds(verdict.value, value, "value")
    _judge_order(verdict)
    others = [balanced_network(case.network, case.goal), *rivals(case.data, case.goal), *known]
    better = [value[1], *(objective_range(net, case.data, case.goal)[1] for net in others if _finite(net))]
    if verdict.witness is not None:
        witness = objective_range(verdict.witness.network, case.data, case.goal)
        _judge_bounds(verdict.witness.value, witness, "witness")
        assert witness[1] < value[0] - _allowed(verdict, value[1]), "the witness is not better by more than eps"
        better.append(witness[1])
    least = min(better)
    assert Fraction(verdict.optimum.lower) <= least, "the lower bound lies above a network"
    _judge_decision(verdict, case, value, least)
    _judge_gain(verdict, case)
    _judge_certificate(verdict, case, least)


def _finite(net: Network) -> bool:
    return all(np.all(np.isfinite(array)) for layer in net.layers for array in layer if array is not None)


def _allowed(verdict: Verdict, value: Fraction) -> Fraction:
    return Fraction(verdict.eps) * value


def _judge_bounds(bounds: Bounds, value: Range, what: str) -> None:
    assert _below(bounds.lower, value[0]), f"{what}: {bounds.lower!r} is above"
    assert _above(bounds.upper, value[1]), f"{what}: {bounds.upper!r} is below"


def _below(bound: float, value: Fraction) -> bool:
    return bound == -math.inf or (math.isfinite(bound) and Fraction(bound) <= value)


def _above(bound: float, value: Fraction) -> bool:
    return bound == math.inf or (math.isfinite(bound) and value <= Fraction(bound))


def _judge_order(verdict: Verdict) -> None:
    for bounds in (verdict.value, verdict.optimum, verdict.gain):
        assert bounds.lower <= bounds.upper, bounds
    assert 0 <= verdict.optimum.lower < math.inf
    assert verdict.optimum.upper <= verdict.value.upper
    assert (verdict.reason is None) == (verdict.decision is not Decision.INCONCLUSIVE)


def _judge_decision(verdict: Verdict, case: Case, value: Range, least: Fraction) -> None:
    if verdict.decision is Decision.CERTIFIED:
        assert value[1] - Fraction(verdict.optimum.lower) <= _allowed(verdict, value[0])
        assert value[0] - least <= _allowed(verdict, value[1]), "FALSE CERTIFIED: a network is better by more than eps"
    if verdict.decision is Decision.REFUTED:
        assert verdict.witness is not None
        assert verdict.witness.network.width <= case.network.width
    if verdict.reason is Reason.WIDTH:
        assert verdict.witness is not None


def _judge_gain(verdict: Verdict, case: Case) -> None:
    """M of the network's own dual vector: not below the gain of any direction, and by brute force not above M.

    A loss with kinks leaves a choice of vectors where a prediction lies on one.
    """
    if case.goal.loss is Loss.HINGE:
        return
    problem = training_problem(case.network, case.data, case.goal)
    with np.errstate(all="ignore"):
        neurons = problem.lift(case.network)
        nu = dual_vector(problem, problem.predictions(neurons))[:, 0]
    if not np.all(np.isfinite(nu)):
        return
    free, (n, d) = problem.free_hidden_bias, problem.rows.shape
    rows, weights = [fractions(row) for row in problem.rows], fractions(nu)
    directions = [*neurons.u, *problem.rows, *-problem.rows]
    for u in (fractions(u) for u in directions if np.all(np.isfinite(u))):
        gain = dot(weights, [max(dot(row, u), Fraction(0)) for row in rows])
        size = dot(u[:-1], u[:-1]) if free else dot(u, u)
        if size and verdict.gain.upper < math.inf:
            assert gain**2 <= Fraction(verdict.gain.upper) ** 2 * size, (
                "the gain of a direction is above its upper bound"
            )
    if n <= _BRUTE_FORCE[0] and d <= _BRUTE_FORCE[1]:
        largest = squared_gain(problem.rows.tolist(), nu.tolist(), free)
        assert Fraction(verdict.gain.lower) ** 2 <= largest
        assert verdict.gain.upper == math.inf or largest <= Fraction(verdict.gain.upper) ** 2


def _judge_certificate(verdict: Verdict, case: Case, least: Fraction) -> None:
    """The certificate says the verdict, is accepted for these arrays, and bounds no network away."""
    if verdict.certificate is None:
        assert verdict.decision is Decision.INCONCLUSIVE
        return
    certificate = read_certificate(verdict.certificate)
    claim = decide_for(certificate, plain_data(case.data), plain_network(case.network)).certificate.claim
    words = {Decision.CERTIFIED: "certified", Decision.REFUTED: "refuted", Decision.INCONCLUSIVE: "open"}
    assert claim.verdict == words[verdict.decision]
    assert claim.eps == verdict.eps
    if claim.lower_bound is not None:
        assert Fraction(claim.lower_bound) <= least


def of_network(case: Case, network: Network) -> Case:
    """The same case with another network."""
    return replace(case, network=network)
