"""`certify width`: read, look at every width, write the witnesses, report."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from certify import __version__
from certify.cli import exit_codes
from certify.cli.choices import Format
from certify.cli.landscapes import Studied, file_suffix, made_directory, model_and_data, studied, write_network
from certify.cli.messages import wants_colour
from certify.cli.options import ModelAndDataArgument
from certify.cli.parsing import options
from certify.cli.pictures import draw, pictured, require_drawable
from certify.cli.request import KEYS, LANDSCAPE, OBJECTIVE, Request
from certify.cli.results import file_record, require_sensible_output
from certify.report.writing import deliver

if TYPE_CHECKING:
    from certify.landscape.valleys.survey import Survey
    from certify.report.plots.frame import Picture
    from certify.report.width import WidthRecord


@options(*OBJECTIVE, *KEYS, *LANDSCAPE, "exhaustive", "starts", "witnesses", "plot", "output", "format", "quiet")
def width(files: ModelAndDataArgument, request: Request) -> int:
    """Which widths have spurious valleys, and which have none.

    A spurious valley is one that training cannot leave without going up, and whose bottom is above the best network of its width. From
    width R + 1 on there is none, R the dimension of what networks can predict on the samples. Below, minima that descents end in are
    shown, or, with --exhaustive on small data, all there are.
    """
    model, data = model_and_data(files)
    read = {"DATA": data} | ({"MODEL": model} if model else {})
    if request.landscape is not None:
        read["--landscape"] = request.landscape
    written = {"--output": request.output, "--save": request.save, "--plot": request.plot}
    require_sensible_output(request, read, written)
    require_drawable(request)
    made_directory(request.witnesses, "--export")
    with studied(files, request) as study:
        record = _record(study, request)
    picture = pictured(request, lambda: _picture(record))
    if request.format is Format.JSON:
        from certify.report.as_json import to_json
        from certify.report.plots.frame import picture_keys
        from certify.report.width_json import width_as_dict

        text = to_json({**width_as_dict(record, __version__), "picture": picture_keys(picture[0])})
    else:
        from certify.report.width_text import width_line, width_text

        colour = request.output is None and wants_colour()
        text = width_line(record, colour) + "\n" if request.quiet else width_text(record, colour)
    deliver(text, request.output)
    draw(picture, request)
    return exit_codes.INTERRUPTED if record.landscape.interrupted else exit_codes.DONE


def _record(study: Studied, request: Request) -> WidthRecord:
    from certify.decide.options import CheckOptions
    from certify.gain.question import Limits
    from certify.landscape.answers import counted
    from certify.landscape.stationary.stationary import stationary_network
    from certify.landscape.valleys.survey import surveyed
    from certify.report.width import WidthRecord

    landscape, answers = counted(study.landscape, request.vertices, min(request.time_limit, 20.0))
    limits = Limits(time.monotonic() + max(request.time_limit - study.seconds, 1.0))
    survey = surveyed(landscape, answers, request.exhaustive, request.starts, request.seed, limits, request.threads)
    placed = None
    if study.model is not None and study.model_path is not None and survey.not_covered is None:
        settings = CheckOptions(time_limit=max(request.time_limit / 4, 1.0), threads=request.threads)
        report = stationary_network(study.model.network, study.data.dataset, study.objective, settings)
        placed = file_record(study.model_path, study.model), study.model.network.width, report
    return WidthRecord(
        landscape, answers, survey, study.objective, study.data.dataset.sample_weight is not None, study.problem.samples,
        file_record(study.data_path, study.data), study.notes, request.exhaustive, request.starts, placed,
        _exported(study, survey, request),
    )  # fmt: skip


def _picture(record: WidthRecord) -> Picture:
    from certify.report.plots.frame import caption_of, eps_of_optimum, known_to
    from certify.report.plots.spectrum import spectrum_picture
    from certify.verdict import Bounds

    optimum = Bounds(record.landscape.lower, record.landscape.upper)
    caption = caption_of(record.objective, record.samples, record.weighted, eps_of_optimum(optimum))
    return spectrum_picture(record, caption, known_to(optimum))


def _exported(study: Studied, survey: Survey, request: Request) -> tuple[tuple[int, int, str], ...]:
    """Write the witnesses where that is asked for; (width, number, file) of each."""
    if request.witnesses is None:
        return ()
    written = []
    for each in survey.widths:
        for number, minimum in enumerate(each.minima):
            file = request.witnesses / f"spurious-{each.width}-{number}{file_suffix(study)}"
            write_network(study, minimum.network, file)
            written.append((each.width, number, str(file)))
    return tuple(written)
