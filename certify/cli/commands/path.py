"""`certify path`: read, find a way down, write it, report."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from certify import __version__
from certify.cli import exit_codes
from certify.cli.choices import Format
from certify.cli.inputs import array_roles, load_pair, objective_of
from certify.cli.messages import wants_colour
from certify.cli.options import DataArgument, ModelArgument
from certify.cli.parsing import options
from certify.cli.pictures import draw, pictured, require_drawable
from certify.cli.request import KEYS, OBJECTIVE, Request
from certify.cli.results import file_record, remark, require_sensible_output
from certify.cli.searching import searching
from certify.cli.stdin import files_or_stdin
from certify.errors import InputError, UsageError
from certify.report.writing import deliver

if TYPE_CHECKING:
    from certify.files import StoredDataset, StoredModel
    from certify.landscape.path.report import PathReport
    from certify.problem.objective import Objective
    from certify.report.plots.frame import Picture


@options(
    *OBJECTIVE, *KEYS, "to", "width", "eps", "time_limit", "threads", "seed", "path_file", "at", "network_at", "plot", "format", "quiet",
    "exit_zero",
)  # fmt: skip
def path(model: ModelArgument, data: DataArgument, request: Request) -> int:
    """A way down to a global optimum along which F never rises.

    \b
    FOUND       the path; every piece has been checked in exact arithmetic
    IMPOSSIBLE  the network is a strict local minimum that is not global:
                at this width every path from it rises; or it is an optimum,
                and that of --to is in another component
    UNKNOWN     neither; the width at which there always is one is named

    IMPOSSIBLE exits with 1, UNKNOWN with 4. With --width W zero neurons are added first.
    """
    files = {"--output": request.path_file, "--export": request.network_at, "--plot": request.plot}
    read = {"MODEL": model, "DATA": data} | ({"--to": request.to} if request.to else {})
    require_sensible_output(request, read, files)
    if request.at is not None and request.network_at is None:
        raise UsageError("--at says which network of the path --export FILE writes; name a file")
    require_drawable(request)
    with files_or_stdin((model, data)) as (model_file, data_file):
        stored, samples = load_pair(model_file, data_file, request)
        from certify.landscape.path.path import NotOptimal, path_to_optimum

        objective, cautions = objective_of(stored, samples, request)
        target = _target(samples, request)
        notes = (*stored.notes, *samples.notes, *cautions)
        goal = None if target is None else target.network
        with searching(request, stored, samples, objective, notes) as search:
            try:
                report = path_to_optimum(
                    stored.network, search.dataset, objective, request.width, search.options, search.progress, goal
                )
            except NotOptimal as error:
                check = f"certify check {shlex.quote(str(request.to))} {shlex.quote(str(data))}"
                raise InputError(f"--to {request.to}: {error}; {check} with the same options says more") from error
        _write(report, stored, samples, objective, request)
        named = file_record(model, stored), file_record(data, samples)
        third = None if target is None or request.to is None else file_record(request.to, target)
        picture = pictured(request, lambda: _picture(report, stored, samples, objective))
    weighted = samples.dataset.sample_weight is not None
    if request.format is Format.JSON:
        from certify.report.as_json import to_json
        from certify.report.path_json import path_as_dict
        from certify.report.plots.frame import picture_keys

        record = path_as_dict(report, objective, named, weighted, request.path_file, notes, __version__, third)
        text = to_json({**record, "picture": picture_keys(picture[0])})
    else:
        from certify.report.path_text import answer_line, path_text

        count = samples.dataset.samples
        text = answer_line(report, wants_colour()) + "\n"
        text = text if request.quiet else path_text(report, objective, count, named, weighted, wants_colour(), third)
    deliver(text, None)
    draw(picture, request)
    return _code(report, request)


def _target(data: StoredDataset, request: Request) -> StoredModel | None:
    """The optimum that the path is to end at."""
    if request.to is None:
        return None
    from certify.files import load_model

    return load_model(request.to, array_roles(request), data.dataset.inputs, request.activation)


def _write(report: PathReport, model: StoredModel, data: StoredDataset, objective: Objective, request: Request) -> None:
    if request.path_file is not None:
        from certify.landscape.path.saving import save_path

        save_path(request.path_file, report.way, objective, data.canonical_sha256, model.canonical_sha256)
        remark(f"the path was written to {request.path_file}", request)
    if request.network_at is not None:
        from certify.files import save_network
        from certify.landscape.path.path import network_on
        from certify.problem.network import padded
        from certify.problem.training import training_problem

        start = padded(model.network, report.width)
        problem = training_problem(start, data.dataset, objective)
        time = 1.0 if request.at is None else request.at
        save_network(network_on(problem, start, report.way, time), request.network_at, model)
        remark(f"the network at {time:g} was written to {request.network_at}", request)


def _picture(report: PathReport, model: StoredModel, data: StoredDataset, objective: Objective) -> Picture:
    from certify.problem.network import padded
    from certify.problem.training import training_problem
    from certify.report.numbers import shortest
    from certify.report.plots.descent import path_picture
    from certify.report.plots.frame import caption_of

    start, samples = padded(model.network, report.width), data.dataset
    caption = caption_of(objective, samples.samples, samples.sample_weight is not None, f"eps = {shortest(report.eps)}")
    return path_picture(report, training_problem(start, samples, objective), start, caption)


def _code(report: PathReport, request: Request) -> int:
    from certify.landscape.path.report import Answer

    if report.interrupted:
        return exit_codes.INTERRUPTED
    if report.answer is Answer.FOUND or request.exit_zero:
        return exit_codes.DONE
    return exit_codes.REFUTED if report.answer is Answer.IMPOSSIBLE else exit_codes.INCONCLUSIVE
