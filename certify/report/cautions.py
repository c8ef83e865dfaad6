"""Cautions in words and in JSON: what makes one doubt that a network was trained on the objective that was stated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from certify.decide.doubt import Doubt, Suggestion
from certify.problem.objective import Objective
from certify.problem.other_activations import NO_ACTIVATION
from certify.report.batches import batches
from certify.report.numbers import rounded, rounded_down
from certify.report.stated_fit import difference, in_terms_of
from certify.verdict import Verdict

_QUESTION = "is this objective, on these data and with ReLU, what the network was trained on?"


@dataclass(frozen=True, slots=True)
class Caution:
    """Beside an answer, never part of it. figures: what the message says, for JSON."""

    kind: str
    message: str
    figures: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"kind": self.kind, "message": self.message, **self.figures}


def before_the_search(doubt: Doubt, summed_in_batches: bool = False) -> Iterator[Caution]:
    """What the gradient alone says. summed_in_batches: the objective is a Keras file's, with a sum within each batch of its fit."""
    suggestion = doubt.suggestion
    if summed_in_batches and not doubt.confirmed:
        message, figures = batches(doubt.objective, doubt.treatment, doubt.dataset.samples, suggestion)
        yield Caution("batches", message, figures)
    elif suggestion is not None:
        yield _looks_like(suggestion, doubt.objective)
    fitting = doubt.activation_that_fits
    if fitting is not None and doubt.gradient is not None:
        name, learned = fitting
        yield Caution(
            "activation",
            f"these weights look like {_network_with(name)}, not like one with ReLU: so read it takes {rounded(100 * learned, 2)} %"
            " off the loss of the best constant, with ReLU it is worse than that constant; only ReLU networks are decided",
            {"activation": name, "learned": learned, "learned_with_relu": doubt.gradient.learned},
        )
    if doubt.negative and doubt.own is not None:
        decay = doubt.own.decays(doubt.objective.loss, doubt.objective.reduction)[0]
        yield Caution(
            "negative-decay",
            f"the weights imply a negative weight decay ({rounded(decay, 2)}): smaller ones would fit these data better,"
            f" and a constant does about as well: {_QUESTION}",
            {"implied_decay": decay, "stated_residual": doubt.stated_residual},
        )


def after_the_search(doubt: Doubt, verdict: Verdict) -> Iterator[Caution]:
    """What the better networks found add to it."""
    if doubt.broadcast(verdict):
        yield Caution(
            "broadcasting",
            "the network predicts nearly the mean of y for every sample, and better ones are known: this looks like PyTorch's"
            " broadcasting of predictions (n, 1) against targets (n,), which averages the loss over all pairs of samples;"
            " train with targets of shape (n, 1), and longer if training had hardly begun",
            {"stated_residual": doubt.stated_residual},
        )
        return
    share = doubt.large_decrease(verdict)
    if share is not None:
        yield Caution(
            "large-decrease",
            f"a better network lowers F by {rounded_down(100 * share, 2)} %, and the network is far from stationary for the statement:"
            f" {_QUESTION}",
            {"decrease": share, "stated_residual": doubt.stated_residual},
        )


def _looks_like(suggestion: Suggestion, objective: Objective) -> Caution:
    found = in_terms_of(suggestion.fit, objective)
    figures = {**found.as_dict(), "stated_residual": suggestion.stated_residual, "options": found.options}
    left, stated = _share(found.fit.implied.residual), _share(suggestion.stated_residual)
    fit = f"that leaves {left} of the loss's gradient unexplained, the statement {stated}"
    if found.fit.activation != "relu":
        message = f"these weights look like {_network_with(found.fit.activation)}, not like one with ReLU ({fit}); only ReLU networks are decided"
        return Caution("activation", message, figures)
    told = f"; if it is what was trained: {found.options}" if found.options else ""
    message = f"these weights look like {difference(found, objective)}; {fit}{told}"
    return Caution("implied-decay", message, figures)


def _network_with(activation: str) -> str:
    if activation == NO_ACTIVATION:
        return "a network without an activation"
    return f"a{'n' * (activation[0] in 'E')} {activation} network"


def _share(residual: float) -> str:
    return f"{rounded(100 * residual, 2)} %"
