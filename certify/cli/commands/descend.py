"""`certify descend`: read, descend, write, report."""

from __future__ import annotations

from certify.cli.inputs import load_pair, objective_of
from certify.cli.options import DataArgument, ModelArgument
from certify.cli.parsing import options
from certify.cli.request import CERTIFICATE, KEYS, OBJECTIVE, SEARCH, VERDICT, Request
from certify.cli.results import finish, require_sensible_output
from certify.cli.searching import searching
from certify.cli.stdin import files_or_stdin
from certify.cli.training import Trainer


@options(*OBJECTIVE, "network", *KEYS, *SEARCH, *CERTIFICATE, *VERDICT)
def descend(model: ModelArgument, data: DataArgument, request: Request) -> int:
    """From the given network to a better one of the same width.

    \b
    CERTIFIED     the network written is a global optimum: no two-layer ReLU
                  network of any width is better by more than eps
    INCONCLUSIVE  the best network found is written, with its true gap;
                  (width): only wider ones are known to be better

    The network is written in the model's own format, whether or not it is better than the given one.
    """
    files = {"--output": request.network, "--certificate": request.certificate}
    require_sensible_output(request, {"MODEL": model, "DATA": data}, files)
    with files_or_stdin((model, data)) as (model_file, data_file):
        stored, samples = load_pair(model_file, data_file, request)
        from certify.decide.descend import descend_network
        from certify.report.record import TrainingRecord

        objective, cautions = objective_of(stored, samples, request)
        trainer = Trainer(request, samples, data, stored, (*stored.notes, *samples.notes, *cautions))
        # the certificate speaks of the network that is written, so it does not name the given model's file
        with searching(request, None, samples, objective, trainer.notes) as search:
            found = descend_network(
                stored.network, search.dataset, objective, search.options, search.progress, search.wish
            )
        training = TrainingRecord(found.network, found.outcome, start=found.start, steps=found.steps)
        record = trainer.record(found.verdict, training, objective)
        outcome = trainer.written(record, request.network, request.certificate)
    return finish([outcome], request)
