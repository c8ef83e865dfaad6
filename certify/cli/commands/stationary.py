"""`certify stationary`: read, classify, report."""

from __future__ import annotations

from certify import __version__
from certify.cli.choices import Format
from certify.cli.exit_codes import DONE, INTERRUPTED
from certify.cli.inputs import load_pair, objective_of
from certify.cli.messages import wants_colour
from certify.cli.options import DataArgument, ModelArgument
from certify.cli.parsing import options
from certify.cli.request import KEYS, OBJECTIVE, Request
from certify.cli.results import file_record, require_sensible_output
from certify.cli.searching import searching
from certify.cli.stdin import files_or_stdin
from certify.report.writing import deliver


@options(*OBJECTIVE, *KEYS, "tolerance", "eps", "time_limit", "threads", "output", "format", "quiet", "verbose")
def stationary(model: ModelArgument, data: DataArgument, request: Request) -> int:
    """What kind of point is this network: stationary, a local minimum, a global one?

    \b
    NOT-STATIONARY        training can go on; the way down is shown
    CLARKE                a kink hides a descent
    DIRECTIONAL           no slope leads down, but no minimum is proved
    LOCAL-MINIMUM         no network within the radius is lower, proved
    STRICT-LOCAL-MINIMUM  and every other one there is higher
    GLOBAL                no network of any width is lower by more than eps

    Shows the neurons with their kinks and multipliers, the convex program of the network's own activation patterns, and whether the network
    solves it, as the theorem of the convex reformulation says of stationary points.
    """
    require_sensible_output(request, {"MODEL": model, "DATA": data}, {"--output": request.output})
    with files_or_stdin((model, data)) as (model_file, data_file):
        stored, samples = load_pair(model_file, data_file, request)
        from certify.landscape.stationary.stationary import stationary_network

        objective, cautions = objective_of(stored, samples, request)
        notes = (*stored.notes, *samples.notes, *cautions)
        with searching(request, stored, samples, objective, notes) as search:
            report = stationary_network(
                stored.network, search.dataset, objective, search.options, search.progress, request.tolerance
            )
        files = file_record(model, stored), file_record(data, samples)
    weighted = samples.dataset.sample_weight is not None
    if request.format is Format.JSON:
        from certify.report.as_json import to_json
        from certify.report.stationary_json import stationary_as_dict

        text = to_json(stationary_as_dict(report, objective, files, weighted, notes, __version__))
    else:
        from certify.report.stationary_text import kind_line, stationary_text

        colour = request.output is None and wants_colour()
        count = samples.dataset.samples
        text = (
            kind_line(report, colour) + "\n"
            if request.quiet
            else stationary_text(report, objective, count, files, weighted, request.verbose, colour)
        )
    deliver(text, request.output)
    return INTERRUPTED if report.interrupted else DONE
