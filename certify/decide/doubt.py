"""Whether the weights look like those of another objective than the one stated (docs/theory.md, section 14).

What is found here becomes a caution beside the answer. It never changes the claim, the verdict or the exit code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from certify.linear import matmul
from certify.problem.dataset import Dataset
from certify.problem.implied import (
    SMOOTH,
    Implied,
    Treatment,
    implied,
    residual,
    same_up_to_a_factor,
    treatments,
)
from certify.problem.loss_gradient import LossGradient, loss_gradient
from certify.problem.losses.squares import Squares
from certify.problem.network import Network
from certify.problem.objective import Bias, Loss, Objective
from certify.problem.other_activations import NO_ACTIVATION, OTHERS, RELU, Curve
from certify.verdict import Verdict

FITS = 0.1  # the largest residual of a network that is called near stationary
CHANCE = 1e-4  # as near as that, a random gradient may come with this probability
CONTRADICTS = 5.0  # the statement's residual is at least so many times that of what fits
LEARNED = 0.1  # share of the best constant's loss that a network does without, for its gradient to tell anything
PARSIMONY = (
    2.0  # the simpler is kept where its residual is within this factor of the best: one decay, the biases stated
)
UNLIKE = 1.5  # ratio of two layers' decays that are not one and the same
PREDICTS = 0.3  # share of the best constant's loss that another activation does without, where ReLU is worse than that constant
FEW = 3  # neurons at work, of which that would be no coincidence
LARGE_DECREASE = 0.5  # share of F
MANY = 2_000_000  # activations, samples times neurons: a second's work for all other curves; beyond they are not tried
CONSTANT = 0.1  # root mean square of f - mean(y), over the standard deviation of y
WASTED = 0.1  # share of F by which a better network is lower, for a constant network to be one by mistake


@dataclass(frozen=True, slots=True)
class Fit:
    """An implied decay, and the activation with which it was found. plausible: it is no coincidence, and it is a decay."""

    implied: Implied
    activation: str = "relu"
    plausible: bool = False


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What fits the weights where the statement does not. stated_residual: the statement's."""

    fit: Fit
    stated_residual: float


class Doubt:
    """A network and the objective that was stated for it, with what their gradient tells; every part is found when asked for."""

    def __init__(self, network: Network, dataset: Dataset, objective: Objective) -> None:
        """Shapes fit and values are finite, as `training_problem` requires them."""
        self.network, self.dataset, self.objective = network, dataset, objective
        self.treatment = Treatment(objective.hidden_bias, objective.output_bias)
        self.loss = next((loss for loss in SMOOTH if same_up_to_a_factor(loss, objective.loss)), None)

    @cached_property
    def gradient(self) -> LossGradient | None:
        """Of the loss stated; None for one that has kinks of its own."""
        return None if self.loss is None else loss_gradient(self.network, self.dataset, self.loss)

    @cached_property
    def own(self) -> Implied | None:
        """The decay that fits best for the loss and the biases stated."""
        return None if self.gradient is None else implied(self.gradient, self.treatment)

    @cached_property
    def stated_residual(self) -> float:
        """|grad L + B theta| over the longer of the two, for the statement; NaN where it is not known."""
        if self.gradient is None or self.own is None:
            return float("nan")
        one, _ = replace(self.own, hidden_decay=1.0, output_decay=1.0).decays(
            self.objective.loss, self.objective.reduction
        )
        return residual(
            self.gradient, self.treatment, self.objective.hidden_decay / one, self.objective.output_decay / one
        )

    @property
    def confirmed(self) -> bool:
        """Whether the network is near stationary for the statement."""
        return self.stated_residual < FITS

    @cached_property
    def suggestion(self) -> Suggestion | None:
        """What fits instead, if the weights contradict the statement."""
        growing = (
            self.objective.weight_decay == 0 and self.loss is Loss.LOGISTIC
        )  # without decay the gradient aligns itself
        if self.gradient is None or growing or not self.stated_residual >= FITS:
            return None
        own_loss = [fit.implied.residual for fit in self._fits("relu", RELU) if fit.implied.loss is self.loss]
        for candidates in (self._fits("relu", RELU), self._of_other_activations()):
            good = [fit for fit in candidates if fit.plausible and self._contradicts(fit, min(own_loss, default=1.0))]
            if good:
                return Suggestion(self._simplest(good), self.stated_residual)
        return None

    @cached_property
    def activation_that_fits(self) -> tuple[str, float] | None:
        """The smooth activation with which the network predicts well, and the share of a constant's loss that it then does without.

        Asked where nothing else is suggested, and with ReLU the network is worse than a constant. None where none does.
        """
        too_many = self.dataset.samples * self.network.width > MANY
        if self.loss is None or self.gradient is None or self.suggestion is not None or too_many:
            return None
        if self.confirmed or not self.gradient.learned < 0 or _working(self.gradient) < FEW:
            return None
        found = {
            name: loss_gradient(self.network, self.dataset, self.loss, curve).learned
            for name, curve in OTHERS.items()
            if curve.smooth
        }
        best = max(found, key=lambda name: found[name] if found[name] == found[name] else -1.0)
        return (best, found[best]) if found[best] >= PREDICTS else None

    def _contradicts(self, fit: Fit, own_loss: float) -> bool:
        """Whether it fits so much better than the statement; another loss or activation, also than the one stated at any decay.

        Where predictions are small still, all losses have one gradient.
        """
        least = self.stated_residual if fit.implied.loss is self.loss and fit.activation == "relu" else own_loss
        return CONTRADICTS * fit.implied.residual <= min(least, self.stated_residual)

    def _fits(self, name: str, curve: Curve) -> list[Fit]:
        return fits(self.network, self.dataset, name, curve) if name != "relu" else self._relu

    @cached_property
    def _relu(self) -> list[Fit]:
        return fits(self.network, self.dataset)

    def _of_other_activations(self) -> Iterator[Fit]:
        if self.dataset.samples * self.network.width > MANY:
            return
        found = [fit for name, curve in OTHERS.items() for fit in self._fits(name, curve) if fit.plausible]
        yield from sorted(found, key=_residual)[:1]

    def _simplest(self, good: list[Fit]) -> Fit:
        """The best, or one nearly as good that differs from the statement in the decay alone, or that options can state."""
        equal = [fit for fit in good if not fit.implied.by_layer]
        best = min(equal or good, key=_residual)
        layered = min((fit for fit in good if fit.implied.by_layer), key=_residual, default=best)
        if CONTRADICTS * layered.implied.residual <= best.implied.residual:
            return layered
        near = [fit for fit in equal if fit.implied.residual <= PARSIMONY * best.implied.residual]
        kept = [fit for fit in near if fit.implied.loss is self.loss and fit.implied.treatment == self.treatment]
        sayable = [fit for fit in near if Bias.PENALIZED not in _ways(fit) or Bias.FREE not in _ways(fit)]
        return min(kept or sayable or [best], key=_residual)

    @cached_property
    def predicts_the_mean(self) -> bool:
        """Whether it fits the mean of the targets, as after a loss over all pairs (f_i, y_j), and not the targets."""
        if not isinstance(self.objective.loss.function, Squares) or self.network.outputs != 1:
            return False
        weights = np.ones(self.dataset.samples) if self.dataset.sample_weight is None else self.dataset.sample_weight
        mean = float(np.sum(weights * self.dataset.y[:, 0]) / np.sum(weights))
        spread = float(np.sum(weights * (self.dataset.y[:, 0] - mean) ** 2))
        if not spread > 0 or not self.stated_residual >= FITS or not self._alive():
            return False
        constant = replace(self.dataset, y=np.full_like(self.dataset.y, mean))
        gradient = loss_gradient(self.network, constant, SMOOTH[0])
        if 2 * gradient.value <= CONSTANT**2 * spread:
            return True
        fit = _fit(gradient, self.treatment)
        near = fit.implied.residual <= min(_most(gradient, 1), self.stated_residual / CONTRADICTS)
        return near and fit.implied.hidden_decay > 0 and 2 * gradient.value <= spread

    def _alive(self) -> bool:
        """Whether any neuron acts on any sample."""
        u, X = self.network.hidden_weights, self.dataset.X
        shift = 0.0 if self.network.hidden_bias is None else self.network.hidden_bias
        return bool(np.any((matmul(X, u.T) + shift > 0) & np.any(self.network.output_weights != 0, axis=1)))

    @property
    def negative(self) -> bool:
        """Whether smaller weights would fit the data better, by a clear gradient, and a constant as well as the network does."""
        own, gradient = self.own, self.gradient
        if own is None or gradient is None or self.confirmed:
            return False
        clear = 1.0 - own.residual**2 >= FITS**2
        return own.hidden_decay < 0 and clear and gradient.learned < LEARNED

    def large_decrease(self, verdict: Verdict) -> float | None:
        """The share of F by which a network is proved to be lower, where that is above one half and the statement does not fit.

        Of a loss with kinks of its own it is the verdict's first-order report that tells whether it does.
        """
        share = decrease(verdict)
        fits_it = self.confirmed if self.loss is not None else verdict.stationarity.residual < FITS
        return share if share > LARGE_DECREASE and not fits_it else None

    def broadcast(self, verdict: Verdict) -> bool:
        """Whether the network predicts the mean though better ones are known: PyTorch's (n, 1) against (n,)."""
        return decrease(verdict) >= WASTED and self.predicts_the_mean


def decrease(verdict: Verdict) -> float:
    """The share of F by which the best network known, of any width, is lower at least; 0 where that is not known."""
    value, best = verdict.value.lower, verdict.optimum.upper
    share = (value - best) / value if 0 < value < float("inf") else 0.0
    return share if share > 0 else 0.0


def fits(network: Network, dataset: Dataset, name: str = "relu", curve: Curve = RELU) -> list[Fit]:
    """The implied decays for every loss that the targets allow and every treatment of the biases, best first.

    Layer by layer where no bias is penalised, as objectives are, and it fits better by PARSIMONY.
    """
    found = []
    for loss in SMOOTH:
        try:
            gradient = loss_gradient(network, dataset, loss, curve)
        except ValueError:  # targets of another loss
            continue
        for treatment in treatments(network):
            equal = _fit(gradient, treatment, name)
            found.append(equal)
            if Bias.PENALIZED not in (treatment.hidden, treatment.output):
                layered = _fit(gradient, treatment, name, by_layer=True)
                if PARSIMONY * layered.implied.residual < equal.implied.residual:
                    found.append(layered)
    return sorted((fit for fit in found if fit.implied.residual >= 0), key=_residual)


def _fit(gradient: LossGradient, treatment: Treatment, name: str = "relu", by_layer: bool = False) -> Fit:
    found = implied(gradient, treatment, by_layer)
    positive = found.hidden_decay > 0 and found.output_decay > 0
    most = _most(gradient, 1 + by_layer, name == NO_ACTIVATION)
    if by_layer:  # training that has not balanced its layers yet looks a little like that
        most /= 4
        positive = positive and not 1 / UNLIKE < found.hidden_decay / found.output_decay < UNLIKE
    return Fit(found, name, positive and found.residual <= most and gradient.learned >= LEARNED)


def _most(gradient: LossGradient, fitted: int, linear: bool = False) -> float:
    """The largest residual that is no coincidence: of p equations, a random gradient leaves less than r with probability r^p.

    p: what the gradient by the neurons at work can be, but for the one identity <u, grad_u L> = <a, grad_a L> of each, less
    the decays fitted.
    """
    working = (
        min(_working(gradient), 1) if linear else _working(gradient)
    )  # without an activation all neurons have the gradient of one
    each = gradient.u.shape[1] + gradient.a.shape[1] - 1
    equations = working * each + gradient.c.size - fitted
    return float(min(FITS, CHANCE ** (1 / equations))) if equations > 0 else -1.0


def _working(gradient: LossGradient) -> int:
    """How many neurons the loss moves; a zero one is not."""
    return int(np.count_nonzero(np.any(gradient.u != 0, axis=1) & np.any(gradient.a != 0, axis=1)))


def _residual(fit: Fit) -> float:
    return fit.implied.residual


def _ways(fit: Fit) -> tuple[Bias, Bias]:
    return fit.implied.treatment.hidden, fit.implied.treatment.output
