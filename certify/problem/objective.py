"""What the network was trained to minimise; part of every claim, so it is stated and never guessed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class Loss(StrEnum):
    """loss(f, y) of one sample."""

    HALF_SQUARED = "half-squared"  # (f - y)^2 / 2
    SQUARED = "squared"  # (f - y)^2
    LOGISTIC = "logistic"  # log(1 + exp(-y f)), y in {-1, +1}


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
class Objective:
    """F = L(f(X)) + hidden_decay/2 |W1|^2 + output_decay/2 |W2|^2 (+ the penalised biases, each with its layer's decay).

    L is the sum (or the sum over n) of loss(f_i, y_i), each times its sample weight where there are any.
    Both decays are positive. With unequal decays no bias is penalised (docs/theory.md, section 1).
    """

    loss: Loss
    reduction: Reduction
    hidden_decay: float
    output_decay: float
    hidden_bias: Bias
    output_bias: Bias
    activation: str = "relu"

    @property
    def weight_decay(self) -> float:
        """beta of docs/theory.md: the common decay, or the geometric mean, which rescaling neurons makes equivalent."""
        if self.hidden_decay == self.output_decay:
            return self.hidden_decay
        return math.sqrt(self.hidden_decay) * math.sqrt(self.output_decay)
