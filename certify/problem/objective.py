"""What the network was trained to minimise; part of every claim, so it is stated and never guessed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING

from certify.problem.activation import RELU, Activation

if TYPE_CHECKING:
    from certify.problem.losses.function import LossFunction


class Loss(StrEnum):
    """loss(f, y) of one sample: a line for each file in `losses/`, by whose name it is known in lower case."""

    HALF_SQUARED = "half-squared"
    SQUARED = "squared"
    LOGISTIC = "logistic"
    HINGE = "hinge"

    @property
    def function(self) -> LossFunction:
        """What is known of it: values, slopes, conjugate, words. Loaded when first asked for: it needs numpy."""
        loss: LossFunction = import_module(f"certify.problem.losses.{self.name.lower()}").LOSS
        return loss


class Reduction(StrEnum):
    """How the samples' losses are combined: their sum, or their sum over n."""

    SUM = "sum"
    MEAN = "mean"


class Bias(StrEnum):
    """How a layer's bias enters: it is not there, it is penalised like a weight, or it is free."""

    NONE = "none"
    PENALIZED = "penalized"
    FREE = "free"


@dataclass(frozen=True, slots=True)
class Layer:
    """What a layer's parameters cost: decay/2 |W|^2, and as much for its bias where that is penalised."""

    decay: float
    bias: Bias


@dataclass(frozen=True, slots=True)
class Objective:
    """F = L(f(X)) + hidden_decay/2 |W1|^2 + output_decay/2 |W2|^2 (+ the penalised biases, each with its layer's decay).

    L is the sum (or the sum over n) of loss(f_i, y_i), each times its sample weight where there are any.
    Both decays are positive, or both 0 (docs/theory.md, section 13). With unequal decays no bias is penalised (section 1).
    """

    loss: Loss
    reduction: Reduction
    hidden_decay: float
    output_decay: float
    hidden_bias: Bias
    output_bias: Bias
    activation: Activation = RELU

    @property
    def layers(self) -> tuple[Layer, Layer]:
        """The hidden and the output layer."""
        return Layer(self.hidden_decay, self.hidden_bias), Layer(self.output_decay, self.output_bias)

    @property
    def undecayed(self) -> bool:
        """Whether neither layer has a weight decay; a penalised bias is then as free as any."""
        return self.hidden_decay == self.output_decay == 0

    @property
    def weight_decay(self) -> float:
        """beta of docs/theory.md: the common decay, or the geometric mean, which rescaling neurons makes equivalent."""
        if self.hidden_decay == self.output_decay:
            return self.hidden_decay
        return math.sqrt(self.hidden_decay) * math.sqrt(self.output_decay)
