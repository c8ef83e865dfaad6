"""Networks of one input, whose shapes fit both ways: numbers, biases and library conventions settle what they can, and no more."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from command_line import called
from model_layouts import in_out, out_in, there
from stored_files import npz, random_network, same

from certify.errors import AmbiguousFile, UnsupportedModel, UsageError
from certify.files import load_model, parse_map
from certify.problem.network import Network

CURVE = random_network(1, 4)
LAYOUTS = {
    "zero": ("W0", "b0", "W1", "b1"),
    "weights_0": ("weights_0", "bias_0", "weights_1", "bias_1"),
    "in a group": ("params/w1", "params/b1", "params/w2", "params/b2"),
    "haiku": ("linear/w", "linear/b", "linear_1/w", "linear_1/b"),
    "haiku mlp": ("mlp/~/linear_0/w", "mlp/~/linear_0/b", "mlp/~/linear_1/w", "mlp/~/linear_1/b"),
    "tf1": ("Variable:0", "Variable_1:0", "Variable_2:0", "Variable_3:0"),
    "tf1, weights first": ("Variable:0", "Variable_2:0", "Variable_1:0", "Variable_3:0"),
    "tf1, past nine": ("Variable_8", "Variable_9", "Variable_10", "Variable_11"),
    "tf1, named": ("weights:0", "biases:0", "weights_1:0", "biases_1:0"),
    "tf1, in a scope": ("net/W:0", "net/b:0", "net/W_1:0", "net/b_1:0"),
    "by word": ("W_hidden", "b_hidden", "W_out", "b_out"),
    "with digits": ("W1", "bias1", "W2", "bias2"),
    "layers": ("layer1/w", "layer1/b", "layer2/w", "layer2/b"),
    "flax": ("Dense_0/kernel", "Dense_0/bias", "Dense_1/kernel", "Dense_1/bias"),
    "keras": ("dense/kernel:0", "dense/bias:0", "dense_1/kernel:0", "dense_1/bias:0"),
}


def written(path: Path, arrays: Mapping[str, np.ndarray | None]) -> Path:
    """An npz of the arrays that are there."""
    return npz(path, **there(dict(arrays)))


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("names", LAYOUTS.values(), ids=LAYOUTS)
def test_a_curve_is_read_with_its_data_and_without(tmp_path: Path, names: tuple[str, ...], biases: bool) -> None:
    """However the arrays are ordered in the file, the lower number is the hidden layer, and one output is one output."""
    net = random_network(1, 4, biases=biases)
    arrays = list(in_out(net, names).items())
    for order in (arrays, arrays[::-1]):
        path = written(tmp_path / "m.npz", dict(order))
        assert same(load_model(path, inputs=1).network, net)
        assert same(load_model(path).network, net)


@pytest.mark.parametrize("names", LAYOUTS.values(), ids=LAYOUTS)
def test_more_columns_are_other_networks(tmp_path: Path, names: tuple[str, ...]) -> None:
    """With data of four columns a file of arrays that chain both ways is 4 -> 1 -> 4; of others it is not the network."""
    path = written(tmp_path / "m.npz", in_out(CURVE, names))
    if names[0].startswith(("linear/", "mlp/", "Dense", "dense", "Variable", "layer1")):
        turned = load_model(path, inputs=4).network
        assert (turned.inputs, turned.width, turned.outputs) == (4, 1, 4)
    else:
        with pytest.raises(UsageError, match="takes 1 inputs but the data have 4 columns"):
            load_model(path, inputs=4)


def test_numbers_without_biases_leave_the_orientation_open_only_without_data(tmp_path: Path) -> None:
    """W0 (1, 4), W1 (4, 1): one input with data of one column, four with four; without data one output, and that is said."""
    net = random_network(1, 4, biases=False)
    path = written(tmp_path / "m.npz", in_out(net, LAYOUTS["zero"]))
    assert same(load_model(path, inputs=1).network, net)
    assert load_model(path, inputs=4).network.outputs == 4
    assert same(load_model(path).network, net)
    assert "one output" in load_model(path).notes[-1]


@pytest.mark.parametrize("names", [LAYOUTS["haiku"], LAYOUTS["flax"], LAYOUTS["keras"]])
def test_numbers_that_follow_creation_never_settle_the_depth(tmp_path: Path, names: tuple[str, ...]) -> None:
    """One neuron of one input: written inline, the output layer is made first, so that both orders are refused."""
    net = random_network(1, 1)
    path = written(tmp_path / "m.npz", in_out(net, names))
    with pytest.raises(AmbiguousFile, match="2 ways") as refusal:
        load_model(path, inputs=1)
    typed = re.findall('--map "(.*?)"', str(refusal.value))
    assert sum(same(load_model(path, parse_map([text])).network, net) for text in typed) == 1
    assert any(
        "read as d=4, m=1, k=4" in note for note in load_model(written(tmp_path / "c.npz", in_out(CURVE, names))).notes
    )
    inline = written(tmp_path / "n.npz", in_out(random_network(1, 4), (*names[2:], *names[:2])))
    assert same(load_model(inline, inputs=1).network, random_network(1, 4))


@pytest.mark.parametrize("names", [LAYOUTS["zero"], LAYOUTS["tf1"], LAYOUTS["haiku mlp"], LAYOUTS["layers"]])
def test_numbers_that_follow_depth_settle_it(tmp_path: Path, names: tuple[str, ...]) -> None:
    """One neuron of one input, numbered by depth."""
    net = random_network(1, 1)
    assert same(load_model(written(tmp_path / "m.npz", in_out(net, names)), inputs=1).network, net)


def test_row_biases_of_one_input_are_told_from_weights_only_by_shapes(tmp_path: Path) -> None:
    """tf.zeros([1, m]) has the shape of the weights where d = 1: refused there, and read where d > 1."""
    for inputs in (1, 3):
        net = random_network(inputs, 4)
        arrays = in_out(net, LAYOUTS["tf1"])
        arrays |= {"Variable_1:0": net.hidden_bias.reshape(1, 4), "Variable_3:0": net.output_bias.reshape(1, 1)}
        path = written(tmp_path / "m.npz", arrays)
        if inputs == 1:
            with pytest.raises(AmbiguousFile, match="hidden.weight=Variable:0:T hidden.bias=Variable_1:0"):
                load_model(path, inputs=1)
        else:
            assert same(load_model(path, inputs=3).network, net)


@pytest.mark.parametrize("names", [LAYOUTS["tf1"], ("hidden/w:0", "hidden/b:0", "out/w:0", "out/b:0")])
def test_variables_are_multiplied_from_the_right_and_that_is_said(tmp_path: Path, names: tuple[str, ...]) -> None:
    """As many neurons as inputs: TensorFlow's x @ W decides, with a note; where shapes say otherwise, they decide."""
    net = random_network(3, 3)
    model = load_model(written(tmp_path / "m.npz", in_out(net, names)))
    assert same(model.network, net)
    assert model.notes == (
        "weights are read as (in, out), as TensorFlow multiplies, x @ W; --map states another reading",
    )
    other = random_network(3, 5)
    turned = load_model(written(tmp_path / "n.npz", out_in(other, names)))
    assert same(turned.network, other)
    assert turned.notes == ()
    with pytest.raises(AmbiguousFile):  # the output is (1, 3), so this program multiplies from the left
        load_model(written(tmp_path / "o.npz", out_in(net, names)))


@pytest.mark.parametrize("names", [LAYOUTS["zero"], LAYOUTS["layers"]])
def test_nobodys_names_leave_a_square_matrix_open(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Numbers tell the depth, not the orientation."""
    with pytest.raises(AmbiguousFile, match="2 ways"):
        load_model(written(tmp_path / "m.npz", in_out(random_network(3, 3), names)), inputs=3)


def test_names_by_word_and_by_number_together(tmp_path: Path) -> None:
    """W1, b, W2, c is known by its words; W1, W2, W3 are three layers; W and W1 are two first ones."""
    net: Network = random_network()
    assert same(load_model(written(tmp_path / "m.npz", in_out(net, ("W1", "b", "W2", "c")))).network, net)
    three = {f"W{i}": np.ones((3, 3)) for i in range(3)}
    with pytest.raises(UnsupportedModel, match="3 dense layers"):
        load_model(written(tmp_path / "t.npz", three))
    with pytest.raises(AmbiguousFile):
        load_model(written(tmp_path / "u.npz", {"W": np.ones((1, 4)), "W1": np.arange(4.0).reshape(4, 1)}), inputs=1)


def test_a_bias_of_unknown_name_has_its_length_alone(tmp_path: Path) -> None:
    """Beside weights that have their names: of m entries it is the hidden one; of one neuron it may be either."""
    net = random_network(1, 4)
    path = written(tmp_path / "m.npz", in_out(net, ("W1", "b1", "W2", "bx")))
    assert same(load_model(path, inputs=1).network, net)
    path = written(tmp_path / "n.npz", in_out(random_network(1, 1), ("W1", "b1", "W2", "bx")))
    with pytest.raises(AmbiguousFile, match="2 ways"):
        load_model(path, inputs=1)


@pytest.mark.parametrize("layout", ["zero", "haiku", "tf1"])
def test_check_and_inspect_of_a_curve(tmp_path: Path, layout: str) -> None:
    """From the command line, with data of one column."""
    path = written(tmp_path / "m.npz", in_out(CURVE, LAYOUTS[layout]))
    line = np.linspace(-1, 1, 8)
    data = npz(tmp_path / "d.npz", X=line[:, None], y=np.abs(line))
    shown = called("inspect", path)
    assert shown.returncode == 0
    assert f"hidden.weight = {LAYOUTS[layout][0]} (1, 4)" in shown.stdout.decode()
    outcome = called("check", path, data, "--convention", "keras", "--weight-decay", "0.1", "--time-limit", "5", "-q")
    assert outcome.stdout.startswith(b"REFUTED")
