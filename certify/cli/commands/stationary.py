"""`certify stationary`: read, classify, report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from certify import __version__
from certify.cli.choices import Format
from certify.cli.exit_codes import DONE, INTERRUPTED
from certify.cli.inputs import load_pair, objective_of
from certify.cli.messages import wants_colour
from certify.cli.options import DataArgument, ModelArgument
from certify.cli.parsing import options
from certify.cli.pictures import draw, pictured, require_drawable
from certify.cli.request import KEYS, OBJECTIVE, Request
from certify.cli.results import file_record, require_sensible_output
from certify.cli.searching import searching
from certify.cli.stdin import files_or_stdin
from certify.report.writing import deliver

if TYPE_CHECKING:
    from certify.files import StoredDataset, StoredModel
    from certify.landscape.stationary.report import StationaryReport
    from certify.problem.objective import Objective
    from certify.report.plots.frame import Picture


@options(*OBJECTIVE, *KEYS, "tolerance", "eps", "time_limit", "threads", "plot", "output", "format", "quiet", "verbose")
def stationary(model: ModelArgument, data: DataArgument, request: Request) -> int:
    """Is this network stationary, a local minimum, a global one?

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
    written = {"--output": request.output, "--plot": request.plot}
    require_sensible_output(request, {"MODEL": model, "DATA": data}, written)
    require_drawable(request)
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
        picture = pictured(request, lambda: _picture(report, stored, samples, objective))
    weighted = samples.dataset.sample_weight is not None
    if request.format is Format.JSON:
        from certify.report.as_json import to_json
        from certify.report.plots.frame import picture_keys
        from certify.report.stationary_json import stationary_as_dict

        record = stationary_as_dict(report, objective, files, weighted, notes, __version__)
        text = to_json({**record, "picture": picture_keys(picture[0])})
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
    draw(picture, request)
    return INTERRUPTED if report.interrupted else DONE


def _picture(report: StationaryReport, model: StoredModel, data: StoredDataset, objective: Objective) -> Picture:
    from certify.problem.training import training_problem
    from certify.report.numbers import shortest
    from certify.report.plots.frame import caption_of, weight_names
    from certify.report.plots.neurons import neuron_rose

    samples = data.dataset
    problem = training_problem(model.network, samples, objective)
    caption = caption_of(objective, samples.samples, samples.sample_weight is not None, f"eps = {shortest(report.eps)}")
    names = weight_names(samples.inputs, problem.rows.shape[1])
    return neuron_rose(problem, model.network, report, caption, names)
