"""Small problems whose answers are known, as plain data for every test.

Each `Oracle` is a training set, an objective and its least value P* over networks of every width; most come with
networks whose value, and the verdict that they deserve, were derived by hand. Nothing here uses an engine of certify.
Unless a name says otherwise: half-squared loss, sum, penalty (beta/2)(|u|^2 + a^2), no bias.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from certify.problem.dataset import Dataset
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective, Reduction
from certify.problem.training import TrainingProblem, training_problem
from certify.verdict import Decision, Reason


@dataclass(frozen=True, slots=True, eq=False)
class KnownNetwork:
    """A network, its objective value, the verdict it deserves, and M(nu) of its own dual vector where known."""

    name: str
    network: Network
    value: float
    decision: Decision
    reason: Reason | None = None
    gain: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Oracle:
    """A training problem with its answers: P*, the optimal predictions, m* and M* (None where not known)."""

    name: str
    dataset: Dataset
    objective: Objective
    optimum: float
    predictions: tuple[float, ...] | None = None
    least_width: int | None = None
    greatest_width: int | None = None
    networks: tuple[KnownNetwork, ...] = ()


def objective(
    beta: float,
    loss: Loss = Loss.HALF_SQUARED,
    reduction: Reduction = Reduction.SUM,
    hidden_bias: Bias = Bias.NONE,
    output_bias: Bias = Bias.NONE,
) -> Objective:
    """An objective with the same decay on both layers."""
    return Objective(loss, reduction, beta, beta, hidden_bias, output_bias)


def dataset(
    X: Sequence[Sequence[float]] | np.ndarray, y: Sequence[float], weight: Sequence[float] | None = None
) -> Dataset:
    """A one-output data set from lists."""
    sample_weight = None if weight is None else np.array(weight, dtype=float)
    return Dataset(np.array(X, dtype=float), np.array(y, dtype=float)[:, None], sample_weight)


def network(
    blocks: Sequence[Sequence[float]],
    signs: Sequence[int] | None = None,
    *,
    bias: bool = False,
    output_bias: float | None = None,
) -> Network:
    """The balanced network with u_j |a_j| = blocks[j] and sign(a_j) = signs[j] (all + unless given).

    With `bias` the last entry of a block is the hidden bias, and its size counts it (a penalised bias).
    """
    w = np.array(blocks, dtype=float)
    amplitude = np.sqrt(np.linalg.norm(w, axis=1, keepdims=True))
    u = np.divide(w, amplitude, out=np.zeros_like(w), where=amplitude > 0)
    a = amplitude * (np.ones((len(w), 1)) if signs is None else np.array(signs, dtype=float)[:, None])
    c = None if output_bias is None else np.array([output_bias])
    return Network(u[:, :-1].copy(), a, u[:, -1].copy(), c) if bias else Network(u, a, None, c)


def predictions(net: Network, X: np.ndarray) -> np.ndarray:
    """Outputs (n,) of a one-output network, evaluated plainly."""
    hidden = X @ net.hidden_weights.T + (0.0 if net.hidden_bias is None else net.hidden_bias)
    output = np.maximum(hidden, 0.0) @ net.output_weights[:, 0]
    return output + (0.0 if net.output_bias is None else net.output_bias[0])


def sample_losses(loss: Loss, f: np.ndarray, y: np.ndarray) -> np.ndarray:
    """loss(f_i, y_i) of each sample."""
    if loss is Loss.LOGISTIC:
        return np.logaddexp(0.0, -y * f)
    if loss is Loss.HINGE:
        return np.maximum(0.0, 1.0 - y * f)
    return (f - y) ** 2 / (2.0 if loss is Loss.HALF_SQUARED else 1.0)


def objective_value(net: Network, data: Dataset, goal: Objective) -> float:
    """F of a one-output network: the few lines of arithmetic that every claim of certify is measured against."""
    losses = sample_losses(goal.loss, predictions(net, data.X), data.y[:, 0])
    total = float(losses.sum() if data.sample_weight is None else losses @ data.sample_weight)
    if goal.reduction is Reduction.MEAN:
        total /= data.samples
    hidden = float((net.hidden_weights**2).sum())
    output = float((net.output_weights**2).sum())
    if goal.hidden_bias is Bias.PENALIZED and net.hidden_bias is not None:
        hidden += float((net.hidden_bias**2).sum())
    if goal.output_bias is Bias.PENALIZED and net.output_bias is not None:
        output += float((net.output_bias**2).sum())
    return total + goal.hidden_decay / 2 * hidden + goal.output_decay / 2 * output


def certified(name: str, net: Network, value: float, beta: float) -> KnownNetwork:
    """A global optimum; its gain is beta (or less for the zero network, where it is left unknown)."""
    is_zero = not np.any(net.output_weights)
    return KnownNetwork(name, net, value, Decision.CERTIFIED, gain=None if is_zero else beta)


def refuted(name: str, net: Network, value: float, gain: float | None = None) -> KnownNetwork:
    """A network that one of the same width betters."""
    return KnownNetwork(name, net, value, Decision.REFUTED, gain=gain)


def too_narrow(name: str, net: Network, value: float, gain: float | None = None) -> KnownNetwork:
    """The best network of its width, when a wider one is better."""
    return KnownNetwork(name, net, value, Decision.INCONCLUSIVE, Reason.WIDTH, gain)


def zero_network(inputs: int, width: int = 1) -> Network:
    """All weights zero."""
    return network(np.zeros((width, inputs)))


def one_sample(x: Sequence[float], y: float, beta: float, name: str) -> Oracle:
    """O1: one sample, y > 0, q = |x|. If q y > beta: P* = beta y/q - beta^2/(2 q^2), u along x; else zero."""
    q = math.hypot(*x)
    if q * y > beta:
        best = beta * y / q - beta**2 / (2 * q**2)
        amplitude = (y - beta / q) / q
        net, width, prediction = network([[amplitude * t / q for t in x]]), 1, y - beta / q
    else:
        best, net, width, prediction = y**2 / 2, zero_network(len(x)), 0, 0.0
    networks = [certified("optimum", net, best, beta)]
    if width:
        networks.append(refuted("zero", zero_network(len(x)), y**2 / 2, q * y))
    return Oracle(name, dataset([x], [y]), objective(beta), best, (prediction,), width, width, tuple(networks))


def soft_half_square(t: float, beta: float) -> float:
    """min over c >= 0 of (t - c)^2/2 + beta c, the H of O2."""
    return beta * t - beta**2 / 2 if t > beta else t**2 / 2


def identity_rows(y: Sequence[float], beta: float, name: str) -> Oracle:
    """O2: X = I. P* = H(|y_+|) + H(|y_-|); one neuron along y_+ with sign +, one along y_- with sign -."""
    target = np.array(y, dtype=float)
    parts = [(s, np.maximum(s * target, 0.0)) for s in (1, -1)]
    best = sum(soft_half_square(float(np.linalg.norm(p)), beta) for _, p in parts)
    kept = [(s, p * (1 - beta / np.linalg.norm(p))) for s, p in parts if np.linalg.norm(p) > beta]
    f = sum((s * p for s, p in kept), np.zeros_like(target))
    net = network([p for _, p in kept], [s for s, _ in kept]) if kept else zero_network(len(y))
    return Oracle(
        name, dataset(np.eye(len(y)), y), objective(beta), best, tuple(f), len(kept), len(kept),
        (certified("optimum", net, best, beta),),
    )  # fmt: skip


def two_neurons_needed() -> Oracle:
    """O3: X = (-1, 1), y = (1, 2), beta = .1; m* = 2, and at width 1 a global minimum that is not P*."""
    known = (
        certified("optimum", network([[-0.9], [1.9]]), 0.29, 0.1),
        too_narrow("width 1", network([[1.9]]), 0.695, 1.0),
        refuted("width 1 valley", network([[-0.9]]), 2.095, 2.0),
        refuted("width 1 zero", zero_network(1), 2.5, 2.0),
    )
    return Oracle("O3", dataset([[-1], [1]], [1, 2]), objective(0.1), 0.29, (0.9, 1.9), 2, 2, known)


def two_optima(beta: float, name: str) -> Oracle:
    """O4: m* = 1 and M* = 2; the optimal set has a vertex of each cardinality."""
    root3 = math.sqrt(3.0)
    h = 1 - beta / 2
    best = beta - beta**2 / 4
    sides = np.array([[root3 / 2, 0.5], [-root3 / 2, 0.5]])
    one_side = 0.5 + beta / 2 - beta**2 / 8
    known = (
        certified("one neuron", network([[0.0, h]]), best, beta),
        certified("two neurons", network(sides * h / 2), best, beta),
        certified("three neurons", network(np.vstack([[0.0, h / 2], sides * h / 4])), best, beta),
        refuted("one side", network(sides[:1] * h / 2), one_side),
    )
    rows = [[-root3, 1.0], [root3, 1.0]]
    return Oracle(name, dataset(rows, [1, 1]), objective(beta), best, (h, h), 1, 2, known)


def clarke_point() -> Oracle:
    """O6: a Clarke point that is the optimum of no subsampled program.

    At the optimum each sample has a neuron of its own: P* is the sum of two O1 problems, .11/sqrt 2 - .0025 and .015.
    Width 1 does best with sample 1 alone, which leaves .02 of sample 2.
    """
    first = 0.11 / math.sqrt(2) - 0.0025
    side = (1.1 - 0.1 / math.sqrt(2)) / 2
    known = (
        certified("optimum", network([[side, -side], [0.0, 0.1]]), first + 0.015, 0.1),
        too_narrow("sample 1 alone", network([[side, -side]]), first + 0.02, 0.2),
        refuted("Clarke point", network([[1.0, 0.0]]), 0.125),
    )
    data, goal = dataset([[1, -1], [0, 1]], [1.1, 0.2]), objective(0.1)
    return Oracle("O6", data, goal, first + 0.015, (1.1 - 0.1 / math.sqrt(2), 0.1), 2, None, known)


O6_SUBSAMPLED = {((1, 1),): 0.1204188, ((1, 0),): 0.0952817, ((1, 1), (1, 0)): 0.0935660}
"""O6: the optimum of the program restricted to these patterns of sign +, to seven decimals."""


def unstationary_subsampled_optimum() -> Oracle:
    """O7: the optimum of the program with the one block (10, +), which is not stationary.

    The optimum is one neuron of pattern 11: (X'X) w + beta w/|w| = X'y, a root in |w| found to 16 digits.
    """
    best = 0.09545003918758363
    known = (
        certified("optimum", network([[0.08170165365352716, 0.9093497681846193]]), best, 0.1),
        refuted("subsampled optimum", network([[0.9, 0.0]]), 0.595),
    )
    return Oracle("O7", dataset([[1, 1], [0, 1]], [1, 1]), objective(0.1), best, least_width=1, networks=known)


def spurious_family(n: int, c: float, rows: np.ndarray, beta: float, name: str) -> Oracle:
    """O8 and O8n: unit rows with inner products -c, y = 1. A spurious minimum at every width 1..n, and m* = 1.

    With g = sqrt(n - n(n-1)c)/n: P* = beta/g - beta^2/(2 n g^2), one neuron along the sum of the rows.
    k separate neurons have the value k(beta - beta^2/2) + (n - k)/2.
    """
    g = math.sqrt(n - n * (n - 1) * c) / n
    best = beta / g - beta**2 / (2 * n * g**2)
    height = 1 - beta / (n * g)
    direction = rows.sum(axis=0) / np.linalg.norm(rows.sum(axis=0))
    known = [certified("optimum", network([direction * height / g]), best, beta)]
    for k in range(1, n + 1):
        value = k * (beta - beta**2 / 2) + (n - k) / 2
        gain = beta * n * g if k == n else None
        known.append(refuted(f"{k} separate neurons", network(rows[:k] * (1 - beta)), value, gain))
    return Oracle(name, dataset(rows, [1.0] * n), objective(beta), best, (height,) * n, 1, None, tuple(known))


def unit_rows(n: int, c: float) -> np.ndarray:
    """n unit rows (n, n) with inner products -c."""
    return np.linalg.cholesky(np.eye(n) * (1 + c) - c)


O11_ANSWERS = {
    0.1: (
        0.8914472026038915,
        (1.037706209451779, -1.896837179103037),
        ((2.719527163567253, -1.461357940375481), (-0.4091889267193752, 0.2198806819015959)),
    ),
    0.01: (
        0.1000738270782532,
        (1.303753911627833, -2.589091465530433),
        ((3.272402033447887, -1.64697045217765), (-0.6404503547178065, 0.3223328917185505)),
    ),
    1e-3: (
        0.01011682807804037,
        (1.330375344004896, -2.658903888529565),
        ((3.327244383493958, -1.664704492076415), (-0.6640408400153059, 0.3322364220613262)),
    ),
    1e-4: (
        0.001012777397823646,
        (1.333037534024705, -2.665890336852256),
        ((3.332724479858313, -1.666470522883528), (-0.6664040424776255, 0.3332236732532418)),
    ),
}
"""O11, by beta: P*, then u|a| of the neurons; those of sign + have u = b, a kink on the sample x = -1."""


def five_points(beta: float) -> Oracle:
    """O11: x = (-2..2) with a penalised bias; four directions, unique, m* = M* = 4."""
    best, kinks, negative = O11_ANSWERS[beta]
    blocks = [(t, t) for t in kinks] + list(negative)
    known = (certified("optimum", network(blocks, [1, 1, -1, -1], bias=True), best, beta),)
    data = dataset([[-2], [-1], [0], [1], [2]], [1, -1, 1, 1, -1])
    goal = objective(beta, hidden_bias=Bias.PENALIZED)
    return Oracle(f"O11 beta {beta:g}", data, goal, best, None, 4, 4, known)


def two_points_penalised_bias() -> Oracle:
    """O12: x = (-.2, 1) with a penalised bias, beta = .01; one neuron, pattern 11."""
    best = 0.0071475208089373885
    known = (certified("optimum", network([[0.413141577820669, 0.5806693252470069]], bias=True), best, 0.01),)
    goal = objective(0.01, hidden_bias=Bias.PENALIZED)
    return Oracle("O12", dataset([[-0.2], [1]], [0.5, 1]), goal, best, None, 1, None, known)


def two_points_free_bias(beta: float, output_bias: Bias, name: str) -> Oracle:
    """x = (0, 1), y = (0, 1), free hidden bias, beta < 1/2: slope 1 - 2 beta, residuals -+ beta, P* = beta - beta^2.

    nu = (-beta, beta) has M = beta, and D(nu) = nu.y - |nu|^2/2 = beta - beta^2 closes the gap. Narrowed to s = 0
    with a free output bias, the best constant has the value 1/4, and the violated gain is 1/2.
    """
    s = 1 - 2 * beta
    root = math.sqrt(s)
    c = None if output_bias is Bias.NONE else np.zeros(1)
    net = Network(np.array([[root]]), np.array([[root]]), np.array([beta / root]), c)
    known = [certified("optimum", net, beta - beta**2, beta)]
    if output_bias is Bias.FREE:
        flat = Network(np.zeros((1, 1)), np.zeros((1, 1)), np.zeros(1), np.array([0.5]))
        known.append(refuted("best constant", flat, 0.25, 0.5))
    goal = objective(beta, hidden_bias=Bias.FREE, output_bias=output_bias)
    return Oracle(
        name, dataset([[0], [1]], [0, 1]), goal, beta - beta**2, (beta, 1 - beta), 1, None, tuple(known)
    )  # fmt: skip


def one_sample_output_bias(y: float, beta: float) -> Oracle:
    """x = 1, penalised output bias, y > 1 + beta: c = 1, amplitude y - beta - 1, P* = beta y - beta^2/2 - beta/2."""
    best = beta * y - beta**2 / 2 - beta / 2
    known = (certified("optimum", network([[y - beta - 1]], output_bias=1.0), best, beta),)
    goal = objective(beta, output_bias=Bias.PENALIZED)
    return Oracle("output bias penalised", dataset([[1]], [y]), goal, best, (y - beta,), 1, 1, known)


def constant_is_best(beta: float) -> Oracle:
    """y = (1, 2, 6) and a free output bias, beta above M(y - mean): the best network is the constant 3, P* = 7."""
    flat = Network(np.zeros((1, 2)), np.zeros((1, 1)), None, np.array([3.0]))
    known = (certified("mean", flat, 7.0, beta),)
    goal = objective(beta, output_bias=Bias.FREE)
    rows = [[1, 0], [0, 1], [1, 1]]
    return Oracle("output bias free", dataset(rows, [1, 2, 6]), goal, 7.0, (3.0, 3.0, 3.0), 0, 0, known)


def binary_entropy(p: float) -> float:
    """-p log p - (1-p) log(1-p): the least log(1 + exp(-t)) + p t."""
    return -p * math.log(p) - (1 - p) * math.log1p(-p)


def logistic_same_class(beta: float) -> Oracle:
    """X = I_2, y = (1, 1), logistic: u along (1, 1), both margins t; P* = 2 H(beta/sqrt 2), H the binary entropy."""
    p = beta / math.sqrt(2)
    margin = math.log1p(-p) - math.log(p)
    best = 2 * binary_entropy(p)
    known = (
        certified("optimum", network([[margin, margin]]), best, beta),
        refuted("zero", zero_network(2), 2 * math.log(2), math.sqrt(0.5)),
    )
    goal = objective(beta, Loss.LOGISTIC)
    return Oracle("logistic, one class", dataset(np.eye(2), [1, 1]), goal, best, (margin, margin), 1, 1, known)


def logistic_two_classes(beta: float) -> Oracle:
    """X = I_2, y = (1, -1), logistic: one neuron a class; P* = 2 H(beta)."""
    margin = math.log1p(-beta) - math.log(beta)
    best = 2 * binary_entropy(beta)
    half = too_narrow("one class", network([[margin, 0.0]]), binary_entropy(beta) + math.log(2), 0.5)
    known = (certified("optimum", network([[margin, 0], [0, margin]], [1, -1]), best, beta), half)
    goal = objective(beta, Loss.LOGISTIC)
    return Oracle("logistic, two classes", dataset(np.eye(2), [1, -1]), goal, best, (margin, -margin), 2, 2, known)


def bare_network(inputs: int, goal: Objective) -> Network:
    """One zero neuron with the biases that the objective speaks of."""
    zero = zero_network(inputs)
    hidden = None if goal.hidden_bias is Bias.NONE else np.zeros(1)
    return replace(zero, hidden_bias=hidden, output_bias=None if goal.output_bias is Bias.NONE else np.zeros(1))


def stated(data: Dataset, goal: Objective) -> TrainingProblem:
    """The training problem of a data set and an objective, before there is a network."""
    return training_problem(bare_network(data.inputs, goal), data, goal)


def restated(oracle: Oracle, loss: Loss, reduction: Reduction) -> Oracle:
    """The same problem with another multiple of the loss: F, P* and beta are scaled by one factor, verdicts stay."""
    doubled = (loss is Loss.SQUARED) - (oracle.objective.loss is Loss.SQUARED)
    averaged = (reduction is Reduction.MEAN) - (oracle.objective.reduction is Reduction.MEAN)
    factor = 2.0**doubled * float(oracle.dataset.samples) ** (-averaged)
    goal = replace(
        oracle.objective, loss=loss, reduction=reduction,
        hidden_decay=oracle.objective.hidden_decay * factor, output_decay=oracle.objective.output_decay * factor,
    )  # fmt: skip
    known = tuple(
        replace(k, value=k.value * factor, gain=None if k.gain is None else k.gain * factor) for k in oracle.networks
    )
    name = f"{oracle.name}, {loss} {reduction}"
    return replace(oracle, name=name, objective=goal, optimum=oracle.optimum * factor, networks=known)


O8_ROWS = np.array([[1.0, 0.0], [-0.28, 0.96]])


def _all_oracles() -> tuple[Oracle, ...]:
    plain = (
        one_sample([3.0, 4.0], 2.0, 1.0, "O1"),
        one_sample([3.0, 4.0], 2.0, 11.0, "O1 zero"),
        one_sample([3.0, 4.0], 2.0, 10.0, "O1 at the threshold"),
        identity_rows((3.0, 4.0, -1.0, -2.0), 0.5, "O2"),
        identity_rows((3.0, 4.0, -1.0, -2.0), 4.0, "O2 one sign"),
        identity_rows((3.0, 4.0, -1.0, -2.0), 5.0, "O14 zero network"),
        two_neurons_needed(),
        two_optima(0.1, "O4"),
        two_optima(1.5, "O4 strong"),
        clarke_point(),
        unstationary_subsampled_optimum(),
        spurious_family(2, 0.28, O8_ROWS, 0.1, "O8"),
        spurious_family(3, 0.2, unit_rows(3, 0.2), 0.1, "O8n 3"),
        spurious_family(4, 0.1, unit_rows(4, 0.1), 0.1, "O8n 4"),
    )
    biased = (
        *(five_points(beta) for beta in O11_ANSWERS),
        two_points_penalised_bias(),
        two_points_free_bias(0.1, Bias.NONE, "hidden bias free"),
        two_points_free_bias(0.1, Bias.FREE, "both biases free"),
        one_sample_output_bias(3.0, 0.5),
        constant_is_best(3.0),
    )
    logistic = (logistic_same_class(0.2), logistic_two_classes(0.1))
    return plain + biased + logistic


ORACLES: dict[str, Oracle] = {oracle.name: oracle for oracle in _all_oracles()}
NETWORK_CASES: tuple[tuple[Oracle, KnownNetwork], ...] = tuple((o, k) for o in ORACLES.values() for k in o.networks)
NETWORK_CASE_IDS: tuple[str, ...] = tuple(f"{o.name}: {k.name}" for o, k in NETWORK_CASES)
