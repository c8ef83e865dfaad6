"""A landscape as a file, bound to its data and its objective, and back: an npz of plain numbers, nothing to be unpickled.

What is cheap to see again is seen again when it is read: the hashes, the gains of the directions, the dual value. That the list is
complete took the search, and is believed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from certify.arrays import Bytes, Floats, Indices
from certify.errors import UnreadableFile, UsageError
from certify.files.container import Container, read_float64
from certify.files.opening import open_container
from certify.files.replacing import replacing
from certify.files.text import path_name, printable
from certify.files.writer import write_npz
from certify.landscape.landscape import Landscape, positive_part, uncertainty
from certify.landscape.rank import activation_rank
from certify.linear import norm
from certify.problem.dataset import Dataset, canonical_sha256
from certify.problem.dual import dual_value, gain_problem
from certify.problem.objective import Objective
from certify.problem.training import TrainingProblem

VERSION = 1.0
_SCALARS = ("lower", "upper", "radius", "slack", "constant", "next_best", "nodes", "directions")
_LISTS = ("units", "signs", "gains", "doubtful", "blocks", "unbounded")
_SAME = 1e-9  # relative; what is computed again may differ by this
_NEAR = 1e-6  # likewise, nu from the slope of the loss at the predictions, of which it is a multiple near 1


def save_landscape(landscape: Landscape, path: Path, dataset: Dataset) -> None:
    """Write a complete landscape, replacing `path` at once. Raises ValueError for another, UsageError where it cannot be written."""
    if not landscape.complete:
        raise ValueError("only a landscape whose directions are all known is saved")
    objective = landscape.problem.objective
    scalars = [getattr(landscape, name) for name in _SCALARS[:-1]]
    arrays: dict[str, np.ndarray] = {
        "certify_landscape": np.array(VERSION),
        "data_sha256": _bytes(dataset_hash(dataset)),
        "objective_sha256": _bytes(objective_hash(objective)),
        "method": np.frombuffer(landscape.method.encode("ascii"), dtype=np.uint8),
        "scalars": np.array([*map(float, scalars), float(len(landscape.units))]),
        "nu": landscape.nu,
        "predictions": landscape.predictions,
    }
    if landscape.units.size:  # an empty array would be taken for damage
        arrays |= {name: np.asarray(getattr(landscape, name), dtype=float) for name in _LISTS}
    try:
        with replacing(path) as temporary, open(temporary, "wb") as stream:
            write_npz(stream, arrays)
    except OSError as error:
        raise UsageError(f"{path_name(path)}: cannot be written ({printable(error.strerror or error)})") from error


def load_landscape(path: Path, problem: TrainingProblem, dataset: Dataset) -> Landscape:
    """Read a landscape of this problem. Raises UnreadableFile for anything else, UsageError where it is of another problem."""
    weighted, unweighted = positive_part(problem)
    with open_container(path) as container:
        _require(container, ("certify_landscape", "data_sha256", "objective_sha256", "method", "scalars", "nu"))
        if read_float64(container, "certify_landscape").tolist() != VERSION:
            raise UnreadableFile(f"{path_name(path)}: a landscape of another version; write it again with --save")
        _require_same(container, "data_sha256", dataset_hash(dataset), "data")
        _require_same(container, "objective_sha256", objective_hash(problem.objective), "objective")
        landscape = _read(container, weighted, unweighted)
    _require_true(landscape, path)
    return landscape


def dataset_hash(dataset: Dataset) -> str:
    """Over X, y and sample weights."""
    return canonical_sha256(dataset.X, dataset.y, dataset.sample_weight)


def objective_hash(objective: Objective) -> str:
    """Over everything that the objective states."""
    words = [
        objective.loss.value,
        objective.reduction.value,
        repr(objective.hidden_decay),
        repr(objective.output_decay),
        objective.hidden_bias.value,
        objective.output_bias.value,
        objective.activation.name,
    ]
    return hashlib.sha256(" ".join(words).encode("utf-8")).hexdigest()


def _read(container: Container, problem: TrainingProblem, unweighted: Indices) -> Landscape:
    n, d = problem.rows.shape
    scalars = dict(zip(_SCALARS, _array(container, "scalars", (len(_SCALARS),)).tolist(), strict=True))
    lists: dict[str, Floats] = {"units": np.zeros((0, d))} | {name: np.zeros(0) for name in _LISTS[1:]}
    count = int(scalars["directions"])
    if count:
        lists = {name: _array(container, name, (count, d) if name == "units" else (count,)) for name in _LISTS}
    letters = read_float64(container, "method").ravel()
    return Landscape(
        problem=problem,
        lower=scalars["lower"],
        upper=scalars["upper"],
        nu=_array(container, "nu", (n,)),
        radius=scalars["radius"],
        slack=scalars["slack"],
        predictions=_array(container, "predictions", (n,)),
        constant=scalars["constant"],
        units=lists["units"],
        signs=lists["signs"],
        gains=lists["gains"],
        doubtful=lists["doubtful"] != 0,
        blocks=lists["blocks"].astype(np.intp),
        unbounded=lists["unbounded"] != 0,
        next_best=scalars["next_best"],
        method=printable("".join(chr(int(k) & 127) for k in letters[:40])),
        nodes=int(scalars["nodes"]),
        rank=activation_rank(problem.rows),
        unweighted=unweighted,
    )


def _require_true(landscape: Landscape, path: Path) -> None:
    """What can be computed again is what the file says. Raises UnreadableFile."""
    gain = gain_problem(landscape.problem, landscape.nu[:, None])
    gains = np.array([gain.gain(u) for u in landscape.units])
    lengths = landscape.problem.size(landscape.units)
    blocks = np.unique(landscape.blocks, return_inverse=True)[1].reshape(-1)
    slope = landscape.problem.slope(landscape.predictions[:, None])[:, 0]
    value = dual_value(landscape.problem, landscape.nu[:, None])
    right = (
        np.all(np.abs(landscape.signs * gains - landscape.gains) <= _SAME * landscape.beta)
        and np.all(np.abs(lengths - 1) <= _SAME)
        and np.all(np.abs(landscape.signs) == 1)
        and np.array_equal(blocks, landscape.blocks)
        and landscape.lower <= value.upper + _SAME * abs(value.value)
        and float(norm(landscape.nu + slope)) <= _NEAR * float(norm(slope))
        and 0 <= landscape.slack <= uncertainty(landscape.problem, landscape.upper - landscape.lower)[1] * (1 + _SAME)
        and landscape.complete
    )
    if not right:
        raise UnreadableFile(f"{path_name(path)}: what it says of the optima is not so; write it again with --save")


def _array(container: Container, key: str, shape: tuple[int, ...]) -> Floats:
    _require(container, (key,))
    if container.arrays[key].shape != shape:
        found = container.arrays[key].shape
        raise UnreadableFile(f"{path_name(container.path)}: {key} has shape {printable(found)}; expected {shape}")
    return read_float64(container, key)


def _require(container: Container, keys: tuple[str, ...]) -> None:
    missing = [key for key in keys if key not in container.arrays]
    if missing:
        name = path_name(container.path)
        raise UnreadableFile(f"{name}: not a landscape: it has no {missing[0]}; certify optima --save writes one")


def _require_same(container: Container, key: str, expected: str, what: str) -> None:
    if _array(container, key, (32,)).tolist() != _bytes(expected).tolist():
        name = path_name(container.path)
        raise UsageError(f"--landscape {name}: it was made for another {what}; leave it out, and --save a new one")


def _bytes(digest: str) -> Bytes:
    return np.frombuffer(bytes.fromhex(digest), dtype=np.uint8)
