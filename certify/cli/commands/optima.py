"""`certify optima`: read, find all optima, write those asked for, report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from certify import __version__
from certify.cli import exit_codes
from certify.cli.choices import Format
from certify.cli.landscapes import Studied, file_suffix, made_directory, model_and_data, studied, write_network
from certify.cli.messages import wants_colour
from certify.cli.moves import moved_model, require_movable
from certify.cli.options import ModelAndDataArgument
from certify.cli.parsing import options
from certify.cli.pictures import MOVABLE, draw, picture_of_optima, pictured, require_drawable
from certify.cli.request import KEYS, LANDSCAPE, OBJECTIVE, Request
from certify.cli.results import file_record, require_sensible_output
from certify.errors import CertifyError, UsageError
from certify.report.writing import deliver

if TYPE_CHECKING:
    from certify.arrays import Floats
    from certify.landscape.answers import Answers
    from certify.landscape.landscape import Landscape
    from certify.landscape.polytope import Polytope
    from certify.report.optima import Exported, GivenModel, OptimaRecord, Predictions
    from certify.report.plots.frame import Picture


@options(
    *OBJECTIVE, *KEYS, *LANDSCAPE, "export", "which", "predict", "move", "moved", "plot", "picture", "output", "format", "quiet",
    "exit_zero",
)  # fmt: skip
def optima(files: ModelAndDataArgument, request: Request) -> int:
    """All global optima, their number, and how they hang together.

    \b
    UNIQUE       one optimum, up to splitting and permuting neurons
    MANY         the vertices of all optima, and what they have in common
    AMBIGUOUS    some direction may be optimal or not; both answers are given
    INCOMPLETE   further directions are not excluded
    NOT COVERED  with the reason; nothing is counted then

    The last three exit with 4. MODEL is optional: it is placed among the
    optima, and gives biases, objective and format.
    """
    model, data = model_and_data(files)
    read = {"DATA": data} | ({"MODEL": model} if model else {})
    read |= {f"--{name}": path for name in ("predict", "landscape") if (path := getattr(request, name)) is not None}
    written = {"--output": request.output, "--save": request.save, "--plot": request.plot, "--moved": request.moved}
    require_sensible_output(request, read, written)
    _require_sensible(request)
    require_movable(request, model)
    with studied(files, request) as study:
        record = _record(study, request)
        picture = pictured(request, lambda: picture_of_optima(record, study, request))
    text = _rendered(record, picture[0], request)
    deliver(text, request.output)
    draw(picture, request)
    if record.landscape.interrupted:
        return exit_codes.INTERRUPTED
    settled = record.answer in ("unique", "many") or request.exit_zero
    return exit_codes.DONE if settled else exit_codes.INCONCLUSIVE


def _require_sensible(request: Request) -> None:
    if request.save is not None and request.landscape is not None:
        raise UsageError("--save and --landscape exclude one another: what is read is written already")
    if request.which and request.export is None:
        raise UsageError("--which says what --export DIR writes; name a directory")
    require_drawable(request)
    made_directory(request.export, "--export")


def _record(study: Studied, request: Request) -> OptimaRecord:
    import numpy as np

    from certify.landscape.answers import blocks_of_landscape, counted
    from certify.landscape.landscape import patterns_of
    from certify.report.optima import OptimaRecord

    seconds = min(request.time_limit, 20.0)
    landscape, answers = counted(study.landscape, request.vertices, seconds)
    blocks = tuple(blocks_of_landscape(landscape))
    units = np.array([block.inside for block in blocks]).reshape(-1, study.problem.rows.shape[1])
    try:
        other = _without_doubtful(landscape, request, seconds) if answers is not None and landscape.ambiguous else None
        record = OptimaRecord(
            landscape, answers, other, blocks, patterns_of(study.problem, units), study.objective,
            study.data.dataset.sample_weight is not None, study.problem.samples, file_record(study.data_path, study.data),
            study.notes, study.seconds, request.vertices, model=_given(study),
            saved=str(request.save) if request.save is not None and landscape.complete else None,
            loaded=None if request.landscape is None else str(request.landscape),
        )  # fmt: skip
        record = replace(record, moved=moved_model(None if answers is None else answers.polytope, study, request))
        if answers is None:
            _refuse_without_answers(request, landscape.not_covered)
            return record
        return replace(
            record,
            predictions=_predictions(answers.polytope, study, request),
            exported=_exported(answers.polytope, study, request),
        )
    except ArithmeticError as error:
        raise CertifyError(f"the optima could not be counted: {error}") from error


def _without_doubtful(landscape: Landscape, request: Request, seconds: float) -> Answers | None:
    """The other answer; None where the predictions need a doubtful direction, which is then no longer one."""
    from certify.landscape.answers import answers_of

    try:
        return answers_of(landscape.without_doubtful(), request.vertices, seconds)
    except ArithmeticError:
        return None


def _refuse_without_answers(request: Request, reason: str | None) -> None:
    asked = [f"--{name}" for name in ("export", "predict") if getattr(request, name) is not None]
    if asked:
        raise UsageError(f"{' and '.join(asked)}: the optima are not covered, because {reason}")


def _given(study: Studied) -> GivenModel | None:
    """The model among the optima."""
    if study.model is None or study.model_path is None:
        return None
    from certify.landscape.answers import placed
    from certify.problem.training import evaluate
    from certify.report.optima import GivenModel
    from certify.verdict import Bounds

    value = evaluate(study.problem, study.model.network)
    directions, masses = placed(study.landscape, study.problem.lift(study.model.network))
    return GivenModel(Bounds(value.lower, value.upper), directions, masses, file_record(study.model_path, study.model))


def _predictions(polytope: Polytope, study: Studied, request: Request) -> Predictions | None:
    if request.predict is None:
        return None
    if polytope.movable:
        raise UsageError(f"--predict: {MOVABLE}")
    from certify.files import load_inputs
    from certify.landscape.chosen import prediction_range
    from certify.problem.objective import Loss
    from certify.report.optima import Predictions

    new = load_inputs(request.predict, study.data.dataset.inputs, request.x)
    least, largest = prediction_range(polytope, study.lifted(new.X))
    return Predictions(least, largest, study.objective.loss is Loss.LOGISTIC, str(request.predict))


def _exported(polytope: Polytope, study: Studied, request: Request) -> tuple[Exported, ...]:
    """Write the optima that were asked for."""
    if request.export is None:
        return ()
    from certify.report.optima import Exported

    written = []
    for which in dict.fromkeys(request.which or ["minimal"]):
        for name, masses, loss, largest in _points(polytope, study, request, which):
            network = polytope.network(masses)
            file = request.export / f"{name}{file_suffix(study)}"
            write_network(study, network, file)
            written.append(Exported(name, network.width, str(file), loss, largest))
    return tuple(written)


def _points(
    polytope: Polytope, study: Studied, request: Request, which: str
) -> list[tuple[str, Floats, float | None, float | None]]:
    """Names, points, and for min-l the losses."""
    from certify.landscape.chosen import chosen_points, least_loss_point

    if not which.startswith("min-l:"):
        return [(name, masses, None, None) for name, masses in chosen_points(polytope, which, request.seed)]
    from certify.files import load_dataset
    from certify.problem.training import training_problem

    if polytope.movable:
        raise UsageError(f"--which {which}: {MOVABLE}")
    other = load_dataset(Path(which.removeprefix("min-l:")), request.x, request.y)
    problem = training_problem(polytope.network(polytope.narrowest[1]), other.dataset, study.objective)
    point, loss, largest = least_loss_point(polytope, problem.rows, problem.targets, problem.weights, problem.loss)
    return [("min-l", point, loss, largest)]


def _rendered(record: OptimaRecord, picture: Picture | None, request: Request) -> str:
    if request.format is Format.JSON:
        from certify.report.as_json import to_json
        from certify.report.optima_json import optima_as_dict
        from certify.report.plots.frame import picture_keys

        return to_json({**optima_as_dict(record, __version__), "picture": picture_keys(picture)})
    from certify.report.optima_text import answer_line, optima_text

    colour = request.output is None and wants_colour()
    return answer_line(record, colour) + "\n" if request.quiet else optima_text(record, colour)
