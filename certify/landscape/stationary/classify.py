"""From first-order data and proved bounds to the kind of point that a network is (docs/theory.md, section 6, "Local minima").

    stationary       all residuals within the tolerance
    local minimum    no neuron is zero, and every network within the radius is proved to be lower by at most the tolerance, relative to F
    strict           besides, no two neurons share a closed cone and a sign, and the predictions tell their amplitudes apart
    global           no network of any width is lower by more than eps, proved
A neuron that is zero can become any other at once: a network with one is a local minimum only if it is a global one.
"""

from __future__ import annotations

from collections.abc import Sequence

from certify.landscape.stationary.kinks import Kink
from certify.landscape.stationary.neighbourhood import Neighbourhood
from certify.landscape.stationary.report import Kind, NeuronKind
from certify.verdict import Bounds, Stationarity

_ITS_OPTIMUM = 1e-9  # relative gap up to which a network is at the optimum of its own program


def kind_of(
    stationarity: Stationarity,
    kinds: Sequence[NeuronKind],
    value: Bounds,
    optimum: Bounds,
    eps: float,
    near: Neighbourhood | None,
    strict: bool,
) -> tuple[Kind, str]:
    """The kind, and a sentence on what keeps it from the next one."""
    if not (stationarity.clarke and stationarity.balanced and stationarity.active):
        return Kind.NOT_STATIONARY, "a residual is above the tolerance: the network can be trained further"
    if value.upper - optimum.lower <= eps * abs(value.lower):
        return Kind.GLOBAL, "no two-layer ReLU network of any width is lower by more than eps"
    if not stationarity.directional:
        why = "undecided" if stationarity.directional is None else "a kink hides a descent"
        return Kind.CLARKE, f"a mixture of the slopes around it vanishes, but not every slope is a rise: {why}"
    if NeuronKind.ZERO in kinds:
        zero = list(kinds).index(NeuronKind.ZERO)
        return Kind.DIRECTIONAL, (
            f"neuron {zero} is zero, so it is a local minimum only if it is a global one, which was not proved"
        )
    if near is None or not value.upper - near.lower <= stationarity.tolerance * abs(value.lower):
        return Kind.DIRECTIONAL, "that nothing near it is lower was not proved to the tolerance"
    if not strict:
        return Kind.LOCAL_MINIMUM, "no network near it is lower; that none is as low was not proved"
    return Kind.STRICT_LOCAL_MINIMUM, "every other network near it is higher"


def theorem_of(
    stationarity: Stationarity, kinks: Sequence[tuple[Kink, ...]], value: Bounds, own: Bounds, near_one: bool
) -> str:
    """Whether the network is the optimum that a stationary point is said to be, of the program of its own patterns.

    near_one: whether that optimum is a stationary point, so that a network near it is only not trained to the end.
    """
    if not stationarity.clarke:
        if not near_one and value.upper - own.lower <= _ITS_OPTIMUM * abs(value.lower):
            return "fails: optimal for its own patterns, yet not stationary, as it falls when a neuron leaves its cone"
        return "not stationary"
    if stationarity.directional:
        return "holds"
    if stationarity.directional is None:
        return "undecided: too many patterns meet at the neurons' boundaries"
    for j, of_neuron in enumerate(kinks):
        for kink in of_neuron:
            if kink.hides_descent:
                return f"fails: concave kink with fractional multiplier (neuron {j}, sample {kink.samples[0]})"
    return "fails: a descent at a kink that no single multiplier shows"
