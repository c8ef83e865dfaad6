"""Models: the network is read as the library that wrote it would, or the file is refused as ambiguous."""

from __future__ import annotations

import re
from pathlib import Path

import h5py
import numpy as np
import pytest
from stored_files import READABLE_MODELS, SAMPLES, hdf5, npz, random_network, same, torch_state

from certify.errors import AmbiguousFile, UnsupportedModel, UsageError
from certify.files import load_model, parse_map
from certify.problem.dataset import canonical_sha256
from certify.problem.network import Network


def raw(key: str, name: str) -> np.ndarray:
    """An array of a sample file, as the container's own library gives it."""
    with np.load(SAMPLES / name) as file:
        return file[key].astype(float)


@pytest.mark.parametrize("name", READABLE_MODELS)
def test_every_sample_is_read_as_three_inputs_and_five_neurons(name: str) -> None:
    """A file of each library gives a network of the architecture that was saved, finite and in float64."""
    network = load_model(SAMPLES / name).network
    assert (network.inputs, network.width) == (3, 5)
    assert network.hidden_bias.shape == (5,)
    assert network.hidden_weights.dtype == np.float64


def test_one_keras_network_saved_in_three_ways_is_one_network() -> None:
    """model.save, save_weights and the inner file of .keras lead to the same canonical hash, for Keras 2 and 3."""
    for names in (
        ("keras3_legacy.h5", "keras3.weights.h5", "k3w.h5"),
        ("keras2.h5", "keras2_only.h5", "keras2.weights.h5"),
    ):
        assert len({load_model(SAMPLES / name).canonical_sha256 for name in names}) == 1


def test_one_torch_network_in_npz_and_hdf5_is_one_network() -> None:
    """The container does not matter."""
    assert load_model(SAMPLES / "torch_fc.npz").canonical_sha256 == load_model(SAMPLES / "torch_fc.h5").canonical_sha256


def test_orientation_follows_the_library() -> None:
    """PyTorch's weight is (out, in); Flax's and scikit-learn's kernels are (in, out)."""
    assert np.array_equal(
        load_model(SAMPLES / "torch_fc.npz").network.hidden_weights, raw("fc1.weight", "torch_fc.npz")
    )
    assert np.array_equal(load_model(SAMPLES / "sk.npz").network.hidden_weights, raw("arr_0", "sk.npz").T)
    assert np.array_equal(
        load_model(SAMPLES / "flax.npz").network.hidden_weights, raw("params/Dense_1/kernel", "flax.npz").T
    )


def test_the_hash_is_that_of_the_arrays_in_order() -> None:
    """The canonical hash is over W1, b1, W2, b2."""
    model = load_model(SAMPLES / "torch_fc.npz")
    net = model.network
    assert model.canonical_sha256 == canonical_sha256(
        net.hidden_weights, net.hidden_bias, net.output_weights, net.output_bias
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("fc1", "fc2"),
        ("0", "2"),
        ("net.0", "net.2"),
        ("_orig_mod.net.0", "_orig_mod.net.2"),
        ("module.hidden", "module.out"),
        ("model.layers.9", "model.layers.10"),
        ("z", "a"),
    ],
)
def test_torch_names_with_any_prefix(tmp_path: Path, first: str, second: str) -> None:
    """Prefixes, gaps and numbers beyond nine do not change the reading, nor does alphabetical order."""
    network = random_network()
    assert same(load_model(npz(tmp_path / "m.npz", **torch_state(network, first, second))).network, network)


def test_torch_names_nested_in_hdf5_groups(tmp_path: Path) -> None:
    """net/0/weight is net.0.weight."""
    network = random_network()
    arrays = {key.replace(".", "/"): value for key, value in torch_state(network, "net.0", "net.2").items()}
    assert same(load_model(hdf5(tmp_path / "m.h5", arrays)).network, network)


@pytest.mark.parametrize("dtype", ["<f2", ">f2", "<f4", ">f4", ">f8", "<i4", ">i8", "|i1", "|b1"])
def test_number_types_convert_exactly(tmp_path: Path, dtype: str) -> None:
    """Half and single precision, big-endian, integers and flags all arrive exactly, in npz and HDF5."""
    network = random_network()
    state = {key: np.round(4 * value).astype(dtype) for key, value in torch_state(network).items()}
    expected = np.asarray(state["fc1.weight"], dtype=float)
    assert np.array_equal(load_model(npz(tmp_path / "m.npz", **state)).network.hidden_weights, expected)
    if dtype in ("<f2", ">f4", "|b1"):
        assert np.array_equal(load_model(hdf5(tmp_path / "m.h5", state)).network.hidden_weights, expected)


@pytest.mark.parametrize(
    "names",
    [
        ("W1", "b1", "W2", "b2"),
        ("w1", "b1", "w2", "b2"),
        ("W", "b", "alpha", "c"),
        ("U", "b", "v", "c"),
        ("p", "q", "r", "s"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_plain_names_are_oriented_by_shapes(tmp_path: Path, names: tuple[str, ...], turned: bool) -> None:
    """W1 may be (m, d) or (d, m), the output a vector, a row or a column: where the shapes chain, they decide."""
    net = random_network()
    for output in (net.output_weights, net.output_weights.T, net.output_weights[:, 0]):
        values = (net.hidden_weights.T if turned else net.hidden_weights, net.hidden_bias, output, net.output_bias)
        path = npz(tmp_path / "m.npz", **dict(zip(names, values, strict=True)))
        if names[0] == "p" and output.ndim == 1:
            with pytest.raises(AmbiguousFile):
                load_model(path)
        else:
            assert same(load_model(path).network, net)


def test_positional_arrays_in_the_order_of_a_network(tmp_path: Path) -> None:
    """np.savez(path, W1, b1, W2, b2), PyTorch's order, is told from scikit-learn's by the numbers of dimensions."""
    net = random_network()
    np.savez(tmp_path / "m.npz", net.hidden_weights, net.hidden_bias, net.output_weights.T, net.output_bias)
    assert same(load_model(tmp_path / "m.npz").network, net)


def test_scikit_learn_names(tmp_path: Path) -> None:
    """coefs_0 is (in, out) even when it is square."""
    net = random_network(d=4, m=4)
    arrays = {"coefs_0": net.hidden_weights.T, "coefs_1": net.output_weights}
    arrays |= {"intercepts_0": net.hidden_bias, "intercepts_1": net.output_bias}
    assert same(load_model(npz(tmp_path / "m.npz", **arrays)).network, net)


def test_a_square_plain_matrix_is_refused(tmp_path: Path) -> None:
    """With d = m nothing tells W1 from its transpose: the message names --map, and --map settles it both ways."""
    net = random_network(d=4, m=4)
    path = npz(tmp_path / "m.npz", W1=net.hidden_weights, b1=net.hidden_bias, W2=net.output_weights, b2=net.output_bias)
    with pytest.raises(AmbiguousFile, match="2 ways") as refusal:
        load_model(path, inputs=4)
    for typed, expected in zip(
        re.findall('--map "(.*?)"', str(refusal.value)), (net.hidden_weights.T, None), strict=True
    ):
        network = load_model(path, parse_map([typed])).network
        assert np.array_equal(network.hidden_weights, net.hidden_weights if expected is None else expected)
    as_is = parse_map(["hidden.weight=W1 output.weight=W2", "hidden.bias=b1,output.bias=b2"])
    assert same(load_model(path, as_is).network, net)
    turned = load_model(path, as_is | {"hidden.weight": "W1:T"}).network
    assert np.array_equal(turned.hidden_weights, net.hidden_weights.T)


def test_readings_that_agree_are_not_ambiguous(tmp_path: Path) -> None:
    """One input, one neuron, one output: both orientations are the same numbers."""
    path = npz(tmp_path / "m.npz", W1=np.array([[2.0]]), W2=np.array([[3.0]]))
    assert load_model(path).network.hidden_weights == 2.0


def test_flax_order_is_never_taken_from_the_index(tmp_path: Path) -> None:
    """Dense_0 and Dense_1 of fitting shapes either way are refused, unless the data's d decides."""
    arrays = {"params/Dense_0/kernel": np.ones((5, 1)), "params/Dense_1/kernel": np.ones((1, 5))}
    path = npz(tmp_path / "m.npz", **arrays)
    with pytest.raises(AmbiguousFile):
        load_model(path)
    assert load_model(path, inputs=1).network.width == 5
    assert load_model(path, inputs=5).network.width == 1


def test_the_number_of_inputs_is_checked_against_the_data() -> None:
    """A model for other data is refused with both numbers."""
    with pytest.raises(UsageError, match="takes 3 inputs but the data have 4 columns"):
        load_model(SAMPLES / "torch_fc.npz", inputs=4)


def test_counted_keras_groups_are_ordered_as_numbers(tmp_path: Path) -> None:
    """dense_9 comes before dense_10, also where the shapes would allow both orders."""
    weights = {"layers/dense_9/vars/0": np.array([[2.0]]), "layers/dense_10/vars/0": np.array([[3.0]])}
    network = load_model(hdf5(tmp_path / "m.weights.h5", weights)).network
    assert (network.hidden_weights, network.output_weights) == (2.0, 3.0)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"a.weight": (5, 3), "b.weight": (5, 5), "c.weight": (1, 5)}, "3 dense layers"),
        ({"a.weight": (5, 3)}, "1 dense layers"),
        ({"a.weight": (5, 3), "bn.running_mean": (5,), "b.weight": (1, 5)}, "BatchNorm"),
        ({"a.weight": (5, 3), "n.weight": (5,), "b.weight": (1, 5)}, "BatchNorm, LayerNorm or PReLU"),
        ({"a.weight": (5, 3, 3, 3), "b.weight": (1, 5)}, "a convolution"),
        ({"a.weight": (5, 3), "b.weight": (1, 4)}, "do not chain"),
        ({"a.weight": (5, 3), "b.weight": (1, 5), "extra": (2,)}, "the role of 'extra' is unknown"),
        ({"W1": (5, 3), "W2": (5, 1), "b1": (4,)}, "do not chain"),
        ({"W1": (5, 3), "b1": (5,)}, "no array for output.weight"),
        ({"q": (5, 3)}, "1 arrays"),
        ({"X": (5, 3), "y": (5,)}, "look like data"),
    ],
)
def test_other_networks_are_refused_by_name(tmp_path: Path, arrays: dict[str, tuple], words: str) -> None:
    """What does not fit is named, in one line, with what is supported or how to name the arrays."""
    path = npz(tmp_path / "m.npz", **{key: np.ones(shape) for key, shape in arrays.items()})
    with pytest.raises(UnsupportedModel, match=words):
        load_model(path)


@pytest.mark.parametrize(
    ("items", "words"),
    [
        (["hidden.weight=W1"], "lacks output.weight"),
        (["hidden.weight=nope", "output.weight=W2"], "no such array"),
        (["hidden=W1"], "expected ROLE=KEY"),
        (["hidden.weight=W1", "hidden.weight=W2"], "twice"),
        (["hidden.weight=W1:T", "output.weight=W2"], "transposed"),
        (["hidden.weight=W1", "output.weight=W1"], "two roles"),
    ],
)
def test_map_mistakes_are_explained(tmp_path: Path, items: list[str], words: str) -> None:
    """Each mistake in --map says which one it is."""
    path = npz(tmp_path / "m.npz", W1=np.ones((5, 3)), W2=np.ones((5, 1)))
    with pytest.raises((UsageError, AmbiguousFile), match=words):
        load_model(path, parse_map(items))


def test_map_reads_a_network_out_of_a_larger_file(tmp_path: Path) -> None:
    """With --map the other arrays do not matter, whatever they are."""
    net = random_network(biases=False)
    path = npz(tmp_path / "m.npz", kept=net.hidden_weights, head=net.output_weights[:, 0], names=np.array(["a", "b"]))
    mapping = parse_map(["hidden.weight=kept", "output.weight=head"])
    assert same(load_model(path, mapping).network, net)


def test_map_is_refused_where_keras_says_it_all() -> None:
    """A configuration cannot be overruled by --map."""
    mapping = {
        "hidden.weight": "model_weights/dense/dense/kernel:0",
        "output.weight": "model_weights/dense_1/dense_1/kernel:0",
    }
    with pytest.raises(UsageError, match="model_config"):
        load_model(SAMPLES / "keras2.h5", mapping)


def test_chunked_names_and_byte_names(tmp_path: Path) -> None:
    """Keras splits long lists into layer_names0, layer_names1, …, and old files hold bytes."""
    net: Network = random_network()
    path = hdf5(tmp_path / "m.h5", {"b/b/kernel:0": net.hidden_weights.T, "a/a/kernel:0": net.output_weights})
    with h5py.File(path, "r+") as file:
        for index, name in enumerate([b"b", b"a"]):
            file.attrs[f"layer_names{index}"] = [name]
            file[name.decode()].attrs["weight_names0"] = [name + b"/kernel:0"]
    loaded = load_model(path)
    assert np.array_equal(loaded.network.hidden_weights, net.hidden_weights)
    assert loaded.format == "Keras HDF5 weights"
