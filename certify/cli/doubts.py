"""What the commands say where the weights contradict the objective: cautions on stderr, and for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from certify.cli.messages import say
from certify.cli.request import Request
from certify.cli.results import remark
from certify.problem.objective import Objective, Reduction

if TYPE_CHECKING:
    from certify.decide.doubt import Doubt
    from certify.files import StoredDataset, StoredModel
    from certify.report.cautions import Caution
    from certify.verdict import Verdict

KERAS_SOURCE = "training_config"  # where a Keras file states its reduction
FAILURES = (ArithmeticError, LookupError, MemoryError, ValueError)
SECONDS = 1.5e-7  # of three gradients, per sample and neuron
LEAST_SECONDS, SHARE = 0.5, 0.05  # what they may take of a check's time limit, whichever is more


def doubt_about(model: StoredModel, data: StoredDataset, objective: Objective) -> Doubt:
    """What the gradient of this network tells. Raises InputError where network, data and objective do not fit together."""
    from certify.decide.doubt import Doubt
    from certify.problem.training import training_problem

    training_problem(model.network, data.dataset, objective)  # only for what it refuses
    return Doubt(model.network, data.dataset, objective)


def said(doubt: Doubt, model: StoredModel, request: Request, verdict: Verdict | None = None) -> tuple[Caution, ...]:
    """The cautions, on stderr unless -q was given. verdict: for those that rest on the networks that a search found."""
    import numpy as np

    from certify.report.cautions import after_the_search, before_the_search

    cautions: list[Caution] = []
    if verdict is not None and _seconds(doubt) > max(LEAST_SECONDS, SHARE * request.time_limit):
        remark(
            "the weights were not held against the objective, for want of time; certify inspect MODEL DATA does",
            request,
        )
        return ()
    try:
        with np.errstate(all="ignore"):
            cautions += before_the_search(doubt, _summed_in_batches(model, doubt.objective))
            cautions += after_the_search(doubt, verdict) if verdict is not None else ()
    except FAILURES as error:  # an answer that stands is not lost for want of a caution
        remark(f"the weights could not be held against the objective ({type(error).__name__})", request)
    if not request.quiet:
        for caution in cautions:
            say(f"caution: {caution.message}")
    return tuple(cautions)


def _seconds(doubt: Doubt) -> float:
    """What looking for cautions is expected to take."""
    return SECONDS * doubt.dataset.samples * doubt.network.width


def _summed_in_batches(model: StoredModel, objective: Objective) -> bool:
    """Whether reduction and decays are those of a Keras file that says `sum`."""
    stated = model.stated
    return (
        stated.reduction is objective.reduction is Reduction.SUM
        and stated.source("reduction") == KERAS_SOURCE
        and not objective.undecayed
        and (stated.hidden_decay, stated.output_decay) == (objective.hidden_decay, objective.output_decay)
    )
