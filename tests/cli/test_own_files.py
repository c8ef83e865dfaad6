"""Its own files are read: what `solve --like`, `descend` and `check --witness` write, `check` reads as the network that was reported."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from command_line import called, certify, only_line
from model_layouts import LAYOUTS, contents, in_out, store, typed_map
from stored_files import npz, random_network

from certify.files import load_model

OBJECTIVE = ("--loss", "half-squared", "--reduction", "sum", "--weight-decay", "0.1", "--time-limit", "10")
# data that as many neurons as inputs fit best: one sample and one neuron, two samples and two, a third of no use
DATA = {1: ([[1.0]], [1.0]), 2: ([[1.0, 0.0], [0.0, 1.0]], [1.0, -2.0])}
AMBIGUOUS = (
    "rows",
    "columns",
    "vectors",
    "turned vectors",
    "from zero",
    "unknown names",
    "flax",
    "TensorFlow variables",
)


def number(outcome: object, *path: str) -> object:
    """A value of a JSON report."""
    value = json.loads(outcome.stdout)
    for key in path:
        value = value[key]
    return value


def data_of(folder: Path, d: int) -> Path:
    """The data set of d inputs."""
    X, y = DATA[d]
    return npz(folder / "data.npz", X=np.array(X), y=np.array(y))


def same_file_layout(written: Path, model: Path) -> None:
    """Keys in the model's order, and arrays of as many dimensions; rows, columns and vectors stay what they were."""
    found, given = contents(written), contents(model)
    assert list(found) == list(given)
    for key, values in given.items():
        assert found[key].ndim == values.ndim
        assert all(a == 1 for a, b in zip(found[key].shape, values.shape, strict=True) if b == 1)


def options(biases: bool) -> tuple[str, ...]:
    """The objective; biases, where there are some, are penalised."""
    return (*OBJECTIVE, "--penalize", "all") if biases else OBJECTIVE


def read_again(path: Path, data: Path, reported: object, biases: bool) -> None:
    """`check` finds, in the file, the very value and the width that were reported."""
    again = called("check", path, data, *options(biases), "--format", "json")
    assert again.returncode in (0, 1, 4), again.stderr
    assert number(again, "value_bounds") == number(reported, "value_bounds")
    assert number(again, "width") == number(reported, "width")


def round_trip(folder: Path, layout: str, d: int, biases: bool) -> None:
    """solve --like, then check; and where the file's names leave d = m open, the file alone settles it."""
    given = random_network(d, 5, biases=biases)
    model = store(folder, layout, given)
    data, best = data_of(folder, d), folder / f"best{model.suffix}"
    solved = called(
        "solve", data, "--like", model, *options(biases), "--output", best, "--format", "json", *typed_map(model, given)
    )
    assert solved.returncode == 0, solved.stderr
    read_again(best, data, solved, biases)
    same_file_layout(best, model)


@pytest.mark.parametrize("layout", AMBIGUOUS)
def test_as_many_neurons_as_inputs(tmp_path: Path, layout: str) -> None:
    """The layouts that leave two readings where m = d: what solve writes is certified, with m = d = n."""
    round_trip(tmp_path, layout, 2, biases=False)
    assert load_model(next(tmp_path.glob("best*"))).network.hidden_weights.shape == (2, 2)


@pytest.mark.slow
@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("d", DATA)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_solve_in_every_layout(tmp_path: Path, layout: str, d: int, biases: bool) -> None:
    """With one input and with two, with biases and without."""
    round_trip(tmp_path, layout, d, biases)


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_descend_and_witness_in_every_layout(tmp_path: Path, layout: str) -> None:
    """From a network of as many neurons as inputs and samples: both files hold the network that was reported."""
    data = data_of(tmp_path, 2)
    given = random_network(2, 5)
    like = store(tmp_path, layout, given)
    # a model of two neurons in this layout, as certify writes it
    model, better, witness = (tmp_path / f"{name}{like.suffix}" for name in ("two", "better", "witness"))
    narrow = called(
        "solve", data, "--like", like, *options(True), "--width", "2", "--weight-decay", "0.3", "--output", model
    )
    assert narrow.returncode in (0, 4), narrow.stderr
    descended = called("descend", model, data, *options(True), "--output", better, "--format", "json")
    assert descended.returncode in (0, 4), descended.stderr
    read_again(better, data, descended, biases=True)
    checked = called("check", model, data, *options(True), "--witness", witness, "--format", "json")
    assert checked.returncode == 1, checked.stderr
    again = called("check", witness, data, *options(True), "--format", "json")
    assert number(again, "value_bounds") == number(checked, "witness", "value_bounds")
    for path in (model, better, witness):
        same_file_layout(path, like)


def test_a_convention_of_the_objective_says_nothing_of_the_file(tmp_path: Path) -> None:
    """`--convention keras` beside weights (out, in): the file that is written, with m = d, is read as its model was."""
    model = store(tmp_path, "columns", random_network(2, 5))
    data, best = data_of(tmp_path, 2), tmp_path / "best.npz"
    told = ("--convention", "keras", "--weight-decay", "0.1", "--width", "2")
    solved = called("solve", data, "--like", model, *told, "--output", best, "--format", "json")
    again = called("check", best, data, *told[:4], "--format", "json")
    assert number(again, "value_bounds") == number(solved, "value_bounds")
    assert load_model(best).reading[0].transposed is False


def names(model: Path, data: Path) -> list[tuple[str, ...]]:
    """Every command that writes a network, without the name of its file."""
    return [
        ("check", model, data, "--witness"),
        ("descend", model, data, "--output"),
        ("solve", data, "--like", model, "--output"),
    ]


@pytest.mark.parametrize("layout", ["rows", "torch in HDF5"])
def test_no_input_is_ever_written_over(tmp_path: Path, layout: str) -> None:
    """By its own name, by another way to it, through a link: the option is refused, and the inputs are as they were."""
    model, data = store(tmp_path, layout, random_network(2, 5)), data_of(tmp_path, 2)
    before = model.read_bytes(), data.read_bytes()
    link = tmp_path / "link"
    link.symlink_to(model)
    for command in names(model, data):
        for target in (model, tmp_path / "." / ".." / tmp_path.name / model.name, link, data):
            outcome = called(*command, target, *options(True))
            assert outcome.returncode == 2
            assert "would overwrite" in only_line(outcome.stderr)
    assert (model.read_bytes(), data.read_bytes()) == before


def test_a_second_name_of_an_input_becomes_a_file_of_its_own(tmp_path: Path) -> None:
    """A hard link to the model is replaced, and the model stays what it was."""
    model, data = store(tmp_path, "rows", random_network(2, 5)), data_of(tmp_path, 2)
    before = model.read_bytes()
    other = tmp_path / "other.npz"
    os.link(model, other)
    assert called("descend", model, data, *options(True), "--output", other, "-q").returncode in (0, 4)
    assert model.read_bytes() == before
    assert other.read_bytes() != before


def test_the_target_of_a_link_is_written_and_nothing_else_is_left(tmp_path: Path) -> None:
    """--output through a link replaces the file behind it at once; a folder that cannot be written leaves all as it was."""
    model, data = store(tmp_path, "rows", random_network(2, 5)), data_of(tmp_path, 2)
    (tmp_path / "real").mkdir()
    target = tmp_path / "real" / "best.npz"
    target.write_bytes(b"old")
    (tmp_path / "link.npz").symlink_to(target)
    assert (
        called("solve", data, "--like", model, *options(True), "--output", tmp_path / "link.npz", "-q").returncode == 0
    )
    assert (tmp_path / "link.npz").is_symlink()
    assert load_model(target, inputs=2).network.inputs == 2
    assert [path.name for path in (tmp_path / "real").iterdir()] == ["best.npz"]


def test_links_in_a_circle_are_no_internal_error(tmp_path: Path) -> None:
    """As an input they are a file that cannot be opened; as an output they are replaced."""
    model, data = store(tmp_path, "rows", random_network(2, 5)), data_of(tmp_path, 2)
    one, two = tmp_path / "one", tmp_path / "two"
    one.symlink_to(two)
    two.symlink_to(one)
    outcome = called("check", one, data, *options(True))
    assert outcome.returncode == 2
    assert str(one) in only_line(outcome.stderr)
    assert called("solve", data, "--like", model, *options(True), "--output", one, "-q").returncode == 0
    assert load_model(one).network.inputs == 2


@pytest.mark.parametrize("suffix", ["npz", "h5"])
def test_nonsense_in_place_of_a_layout_is_one_line_and_exit_code_2(tmp_path: Path, suffix: str) -> None:
    """A hostile statement, met by the command itself in a process of its own."""
    arrays, data = in_out(random_network(2, 2), ("W1", "b1", "W2", "b2")), data_of(tmp_path, 2)
    path = tmp_path / f"model.{suffix}"
    text = '{"hidden.weight": "W1", "hidden.order": "sideways", "output.weight": "W2", "output.order": "in-out"}'
    if suffix == "npz":
        with zipfile.ZipFile(npz(path, **arrays), "a") as archive:
            archive.comment = b"certify/layout=" + text.encode()
    else:
        with h5py.File(path, "w") as file:
            for key, values in arrays.items():
                file[key] = values
            file.attrs["certify/layout"] = text
    outcome = certify("check", path, data, *options(True))
    assert outcome.returncode == 2
    assert outcome.stdout == b""
    line = only_line(outcome.stderr)
    assert "hidden.order is 'sideways'" in line
    assert "--map" in line
