"""What the commands about the landscape share: [MODEL] DATA read, the objective stated, the landscape found or read back."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from certify.cli.choices import Biases
from certify.cli.inputs import load_pair, objective_of, stated_by
from certify.cli.request import Request
from certify.cli.results import remark
from certify.cli.searching import searching
from certify.cli.stdin import files_or_stdin
from certify.errors import UsageError
from certify.problem.objective import Bias, Objective

if TYPE_CHECKING:
    from certify.arrays import Floats
    from certify.files import StoredDataset, StoredModel
    from certify.landscape.landscape import Landscape
    from certify.problem.network import Network
    from certify.problem.training import TrainingProblem


@dataclass(frozen=True, slots=True, eq=False)
class Studied:
    """One problem with its landscape. model, model_path: None where only the data was given."""

    model: StoredModel | None
    model_path: Path | None
    data: StoredDataset
    data_path: Path
    objective: Objective
    notes: tuple[str, ...]
    problem: TrainingProblem
    landscape: Landscape
    seconds: float

    def lifted(self, inputs: Floats) -> Floats:
        """Rows (q, D) of new inputs (q, d): with the column of ones where the hidden layer has a bias."""
        import numpy as np

        has_bias = self.objective.hidden_bias is not Bias.NONE
        return np.column_stack([inputs, np.ones(len(inputs))]) if has_bias else inputs


def model_and_data(files: Sequence[Path]) -> tuple[Path | None, Path]:
    """DATA, or MODEL DATA. Raises UsageError for another number of files."""
    if len(files) == 1:
        return None, files[0]
    if len(files) == 2:
        return files[0], files[1]
    raise UsageError(f"{len(files)} files are named; expected DATA, or MODEL DATA")


@contextmanager
def studied(files: Sequence[Path], request: Request) -> Iterator[Studied]:
    """Read the files, find the landscape or read it back, and save it where that is asked for."""
    model_path, data_path = model_and_data(files)
    if request.bias is not None and model_path is not None:
        raise UsageError("--bias is for DATA alone: the biases are those of the model")
    if model_path is None and (request.mapping or request.activation):
        raise UsageError("--map and --activation say how the model is read; there is none")
    import numpy as np

    with files_or_stdin(tuple(files)) as opened, np.errstate(all="ignore"):
        model, data, network, objective, notes = _read(opened, request)
        from certify.problem.training import training_problem

        problem = training_problem(network, data.dataset, objective)
        started = time.monotonic()
        landscape = _landscape(request, data, objective, notes, problem)
        seconds = time.monotonic() - started
        yield Studied(model, model_path, data, data_path, objective, notes, problem, landscape, seconds)


def _read(
    opened: Sequence[Path], request: Request
) -> tuple[StoredModel | None, StoredDataset, Network, Objective, tuple[str, ...]]:
    import numpy as np

    from certify.files import StatedObjective, load_dataset, resolve_objective

    if len(opened) == 2:
        model, data = load_pair(opened[0], opened[1], request)
        objective, cautions = objective_of(model, data, request)
        return model, data, model.network, objective, (*model.notes, *data.notes, *cautions)
    from certify.decide.solve import zero_network

    data = load_dataset(opened[0], request.x, request.y)
    hidden, output = request.bias in (Biases.HIDDEN, Biases.BOTH), request.bias in (Biases.OUTPUT, Biases.BOTH)
    network = zero_network(data.dataset.inputs, hidden, output)
    outputs = data.dataset.outputs
    if outputs > 1:
        bias = np.zeros(outputs) if output else None
        network = replace(network, output_weights=np.zeros((1, outputs)), output_bias=bias)
    stated = stated_by(request, request.weight_decay)
    objective, cautions = resolve_objective(network, data.dataset, StatedObjective(), stated, request.convention)
    if request.bias is None:
        cautions = (*cautions, "the network has no biases; --bias hidden, output or both gives it some")
    return None, data, network, objective, (*data.notes, *cautions)


def _landscape(
    request: Request, data: StoredDataset, objective: Objective, notes: tuple[str, ...], problem: TrainingProblem
) -> Landscape:
    from certify.landscape.finding import find_landscape
    from certify.landscape.saving import load_landscape, save_landscape

    if request.landscape is not None:
        for note in notes:
            remark(note, request)
        return load_landscape(request.landscape, problem, data.dataset)
    with searching(request, None, data, objective, notes) as search:
        landscape = find_landscape(problem, search.options, search.progress)
    if request.save is not None:
        if landscape.complete:
            save_landscape(landscape, request.save, data.dataset)
        else:
            remark(f"{request.save} was not written: not all optimal directions are known", request)
    return landscape


def made_directory(path: Path | None, option: str) -> None:
    """Make the directory that networks are to be written to, where it is not there yet. Raises UsageError where that fails."""
    if path is None or path.is_dir():
        return
    try:
        path.mkdir()
    except OSError as error:
        raise UsageError(f"{option} {path}: cannot be made a directory: {error.strerror}") from error


def file_suffix(study: Studied) -> str:
    """Of a file in the model's own format."""
    from certify.files.container import NPZ

    if study.model is None:
        return ".npz"
    own = "" if study.model_path is None else study.model_path.suffix
    return own or (".npz" if study.model.container == NPZ else ".h5")


def write_network(study: Studied, network: Network, file: Path) -> None:
    """In the model's own format, or as a new npz file."""
    from certify.files import save_network, save_new_network

    if study.model is None:
        save_new_network(network, file)
    else:
        save_network(network, file, study.model)
