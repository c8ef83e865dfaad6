"""Keras configurations: the architecture is checked, and the objective is the one that was trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from stored_files import SAMPLES, dense, keras, l2, random_network, same, two_layers

from certify.errors import InputError, ObjectiveError, UnreadableFile, UnsupportedModel
from certify.files import load_model, resolve_objective, stated_by_options
from certify.files.keras_config import parse_architecture
from certify.files.keras_objective import stated_by_keras
from certify.files.stated import StatedObjective
from certify.problem.objective import Bias, Loss, Objective, Reduction

L2 = {"kernel_regularizer": l2(0.01)}
NET = random_network()


def model_config(layers: list[dict]) -> str:
    """A Sequential model's configuration."""
    return json.dumps({"class_name": "Sequential", "config": {"layers": layers}})


def stated(layers: list[dict], training: dict | None = None) -> tuple[StatedObjective, tuple[str, ...]]:
    """What the configurations of a model state."""
    text = None if training is None else json.dumps(training)
    return stated_by_keras(parse_architecture(model_config(layers)), text)


def resolved(layers: list[dict], training: dict | None = None, **options: object) -> Objective:
    """The objective of a model with both biases."""
    return resolve_objective(NET, None, stated(layers, training)[0], stated_by_options(**options))[0]


def test_a_keras_3_file_states_its_objective() -> None:
    """mse and L2(0.01) are squared, mean, decay exactly 0.02, free biases; AdamW is named as a caution."""
    model = load_model(SAMPLES / "keras3_legacy.h5", inputs=3)
    objective, notes = resolve_objective(model.network, None, model.stated, stated_by_options())
    assert objective == Objective(Loss.SQUARED, Reduction.MEAN, 0.02, 0.02, Bias.FREE, Bias.FREE)
    assert notes == ()
    assert any("AdamW" in note and "0.004" in note for note in model.notes)


def test_float32_coefficients_are_kept_and_pointed_out() -> None:
    """tf_keras stores l2 in single precision: the stored number counts, doubled exactly."""
    model = load_model(SAMPLES / "keras2.h5")
    assert model.stated.hidden_decay == 2 * 0.009999999776482582
    assert any("0.01 rounded to float32" in note for note in model.notes)


def test_the_output_layer_may_come_first_alphabetically() -> None:
    """Depth is the graph's: a_out is the output, though HDF5 lists it first; no decay is stated."""
    model = load_model(SAMPLES / "keras2_func.h5")
    assert model.layer_names == ("fc1", "a_out")
    assert model.stated.hidden_decay is None
    with pytest.raises(ObjectiveError, match="missing: --loss, --reduction, --weight-decay, --penalize"):
        resolve_objective(model.network, None, model.stated, stated_by_options())


def test_order_is_the_configurations_not_the_files(tmp_path: Path) -> None:
    """Layers `z` then `a` of fitting shapes either way are read in the configuration's order."""
    net = random_network(d=4, m=4, k=4)
    layers = [dense("z", 4, "relu", **L2), dense("a", 4, None, **L2)]
    assert same(load_model(keras(tmp_path / "m.h5", net, layers, names=("z", "a"))).network, net)


def test_unequal_decays_stay_apart(tmp_path: Path) -> None:
    """Each layer keeps its own l2; a layer without one beside a layer with one is refused, and the reason given."""
    layers = [dense("first", 5, "relu", **L2), dense("last", 1, None, kernel_regularizer=l2(0.04))]
    objective = resolved(layers, {"loss": "mse"})
    assert (objective.hidden_decay, objective.output_decay) == (0.02, 0.08)
    with pytest.raises(ObjectiveError, match="infimum .* is not attained"):
        resolved([dense("first", 5, "relu", **L2), dense("last", 1, None)], {"loss": "mse"})


def test_penalised_biases_share_their_layers_decay() -> None:
    """bias_regularizer equal to the kernel's is penalised; another one, and unequal layers, are refused clearly."""
    both = two_layers(kernel_regularizer=l2(0.01), bias_regularizer=l2(0.01))
    assert resolved(both, {"loss": "mse"}).hidden_bias is Bias.PENALIZED
    other = two_layers(kernel_regularizer=l2(0.01), bias_regularizer=l2(0.02))
    with pytest.raises(ObjectiveError, match="hidden bias has weight decay 0.04 but its layer 0.02"):
        resolved(other, {"loss": "mse"})
    assert resolved(other, {"loss": "mse"}, weight_decay=0.5).hidden_decay == 0.5
    unequal = [both[0], dense("last", 1, None, kernel_regularizer=l2(0.02), bias_regularizer=l2(0.02))]
    with pytest.raises(ObjectiveError, match="weight decays differ"):
        resolved(unequal, {"loss": "mse"})


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("mse", (Loss.SQUARED, Reduction.MEAN)),
        (["mean_squared_error"], (Loss.SQUARED, Reduction.MEAN)),
        ({"last": "MSE"}, (Loss.SQUARED, Reduction.MEAN)),
        ({"class_name": "function", "config": "mean_squared_error"}, (Loss.SQUARED, Reduction.MEAN)),
        ({"class_name": "MeanSquaredError", "config": {"reduction": "sum"}}, (Loss.SQUARED, Reduction.SUM)),
        ({"class_name": "MeanSquaredError", "config": {"reduction": "auto"}}, (Loss.SQUARED, Reduction.MEAN)),
        (
            {"class_name": "BinaryCrossentropy", "config": {"reduction": "sum_over_batch_size", "from_logits": True}},
            (Loss.LOGISTIC, Reduction.MEAN),
        ),
        ("hinge", (Loss.HINGE, Reduction.MEAN)),
        ({"class_name": "Hinge", "config": {"reduction": "sum"}}, (Loss.HINGE, Reduction.SUM)),
    ],
)
def test_losses_in_every_serialised_form(loss: object, expected: tuple[Loss, Reduction]) -> None:
    """A loss may be a word, a list, a dictionary by output, a function or an object with its reduction."""
    objective = resolved(two_layers(**L2), {"loss": loss})
    assert (objective.loss, objective.reduction) == expected


def test_sigmoid_and_crossentropy_are_the_logistic_loss() -> None:
    """A sigmoid output with binary_crossentropy is logistic; with any other loss it is refused."""
    layers = [dense("first", 5, "relu", **L2), dense("last", 1, "sigmoid", **L2)]
    found, notes = stated(layers, {"loss": "binary_crossentropy"})
    assert (found.loss, found.only_loss) == (Loss.LOGISTIC, Loss.LOGISTIC)
    assert any("after a sigmoid is the logistic loss" in note for note in notes)
    with pytest.raises(ObjectiveError, match="ends in a sigmoid"):
        resolved(layers, {"loss": "mse"})


@pytest.mark.parametrize(
    ("activation", "training", "words"),
    [
        ("linear", {"loss": "binary_crossentropy"}, "a linear output without from_logits"),
        (
            "sigmoid",
            {"loss": {"class_name": "BinaryCrossentropy", "config": {"from_logits": True}}},
            "a sigmoid output with from_logits",
        ),
        (
            "sigmoid",
            {"loss": {"class_name": "BinaryCrossentropy", "config": {"label_smoothing": 0.1}}},
            "smooths labels",
        ),
        ("linear", {"loss": "mae"}, "loss is 'mae'"),
        ("linear", {"loss": "mse", "loss_weights": [2.0]}, "loss_weights"),
        ("linear", {"loss": {"class_name": "MeanSquaredError", "config": {"reduction": "none"}}}, "reduction 'none'"),
    ],
)
def test_losses_that_are_not_decided_say_so(activation: str, training: dict, words: str) -> None:
    """Loading succeeds, so that inspect can show the file; the objective is refused with what was found."""
    with pytest.raises(ObjectiveError, match=words):
        resolved([dense("first", 5, "relu", **L2), dense("last", 1, activation, **L2)], training)


def test_options_override_a_loss_that_is_not_decided() -> None:
    """--loss takes the place of what the file says."""
    assert resolved(two_layers(**L2), {"loss": "mae"}, loss="half-squared").loss is Loss.HALF_SQUARED


def optimizer(name: str, **settings: object) -> dict:
    """training_config with mse and an optimizer."""
    return {"loss": "mse", "optimizer_config": {"class_name": name, "config": settings}}


@pytest.mark.parametrize(("momentum", "expected"), [(0.0, 0.25), (0.5, 0.125)])
def test_plain_sgd_with_weight_decay_is_a_penalty_on_everything(momentum: float, expected: float) -> None:
    """SGD(weight_decay=wd, momentum=q) acts as beta = wd (1 - q) on weights and biases (docs/formats.md, section 3)."""
    objective = resolved(two_layers(), optimizer("SGD", weight_decay=0.25, momentum=momentum))
    assert (objective.hidden_decay, objective.output_bias) == (expected, Bias.PENALIZED)


def test_a_compiled_model_without_regularizer_has_decay_0() -> None:
    """Its loss is all that it minimises, and that is said; options override it, and then have to say what becomes of the biases."""
    found, notes = stated(two_layers(), optimizer("Adam"))
    assert (found.hidden_decay, found.output_decay) == (0.0, 0.0)
    assert found.hidden_bias is None
    assert any("the file states weight decay 0" in note for note in notes)
    assert resolved(two_layers(), optimizer("Adam")).undecayed
    with pytest.raises(ObjectiveError, match="--penalize"):
        resolved(two_layers(), optimizer("Adam"), weight_decay=0.5)


def test_a_model_that_is_not_compiled_states_no_decay() -> None:
    """Nobody knows what was minimised: the decay has to be stated."""
    for training in (None, {"optimizer_config": {"class_name": "SGD", "config": {}}}):
        found, notes = stated(two_layers(), training)
        assert found.hidden_decay is None
        assert any("states no weight decay" in note for note in notes)


@pytest.mark.parametrize("name", ["Adam", "AdamW", "Custom>Adam", "RMSprop"])
def test_other_optimizers_decay_is_only_a_caution(name: str) -> None:
    """Decoupled weight decay states nothing, and is named."""
    found, notes = stated(two_layers(), optimizer(name, weight_decay=0.25))
    assert found.hidden_decay is None
    assert any("decouples weight_decay=0.25" in note for note in notes)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([*two_layers(), dense("more", 1, None)], "3 dense layers"),
        ([two_layers()[0]], "1 dense layers"),
        ([two_layers()[0], {"class_name": "BatchNormalization", "config": {}}, two_layers()[1]], "BatchNormalization"),
        ([two_layers()[0], {"class_name": "Dropout", "config": {"rate": 0.5}}, two_layers()[1]], "Dropout"),
        ([dense("first", 5, "tanh"), dense("last", 1, None)], "'tanh'"),
        ([dense("first", 5, "linear"), dense("last", 1, None)], "'linear'"),
        ([dense("first", 5, "relu"), dense("last", 1, "relu")], "output activation 'relu'"),
        (two_layers(kernel_constraint={"class_name": "MaxNorm", "config": {}}), "kernel_constraint=MaxNorm"),
        (two_layers(activity_regularizer=l2(0.1)), "activity_regularizer"),
        (two_layers(kernel_regularizer={"class_name": "L1L2", "config": {"l1": 0.1, "l2": 0.1}}), "l1 part"),
        (two_layers(kernel_regularizer={"class_name": "L1", "config": {"l1": 0.1}}), "l1 part"),
        (two_layers(kernel_regularizer={"class_name": "OrthogonalRegularizer", "config": {}}), "Orthogonal"),
        (
            [
                dense("first", 5, None),
                {"class_name": "ReLU", "config": {"negative_slope": 0.1}},
                dense("last", 1, None),
            ],
            "negative_slope=0.1",
        ),
        (
            [{"class_name": "InputLayer", "config": {"batch_shape": [None, 2, 3]}}, *two_layers()],
            "supported: \\(batch, d\\)",
        ),
        ([{"module": "mine", "class_name": "Dense", "config": {}}, *two_layers()], "mine.Dense"),
    ],
)
def test_other_architectures_are_refused_by_name(layers: list[dict], words: str) -> None:
    """The layer, activation, constraint or regulariser that does not fit is named."""
    with pytest.raises(UnsupportedModel, match=words):
        parse_architecture(model_config(layers))


@pytest.mark.parametrize(
    "value",
    [
        None,
        l2(0.0),
        {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.01}},
        "l2",
        {"class_name": "L1", "config": {"l1": 0.0}},
    ],
)
def test_regularisers_that_are_only_l2_are_read(value: object) -> None:
    """L2 by object, by word (0.01 is Keras's default), or as an L1L2 whose l1 is zero."""
    found = parse_architecture(model_config(two_layers(kernel_regularizer=value)))
    expected = 0.01 if value == "l2" or (value and value["class_name"] == "L1L2") else 0.0
    assert found.hidden.kernel_l2 == expected


@pytest.mark.parametrize(
    "own",
    [
        {"class_name": "ReLU", "config": {"max_value": None, "negative_slope": 0.0}},
        {"class_name": "Activation", "config": {"activation": "relu"}},
    ],
)
def test_relu_may_be_a_layer_of_its_own(own: dict) -> None:
    """The activation layer belongs to the dense layer before it."""
    assert (
        parse_architecture(model_config([dense("a", 5, "linear"), own, dense("b", 1, None)])).hidden.activation
        == "relu"
    )


def functional(inbound: object) -> str:
    """A functional model whose output layer reads `inbound`."""
    layers = [
        {"class_name": "InputLayer", "config": {"name": "in"}, "inbound_nodes": []},
        {**dense("b", 1, None), "inbound_nodes": inbound},
        {**dense("a", 5, "relu"), "inbound_nodes": [[["in", 0, 0, {}]]]},
    ]
    return json.dumps({"class_name": "Functional", "config": {"layers": layers, "output_layers": ["b", 0, 0]}})


@pytest.mark.parametrize(
    "inbound",
    [
        [[["a", 0, 0, {}]]],
        [{"args": [{"class_name": "__keras_tensor__", "config": {"keras_history": ["a", 0, 0]}}], "kwargs": {}}],
    ],
)
def test_functional_models_follow_their_graph(inbound: object) -> None:
    """Both notations of a graph give the order of the chain, whatever order the layers are listed in."""
    assert parse_architecture(functional(inbound)).output.name == "b"


@pytest.mark.parametrize("inbound", [[[["a", 0, 0, {}], ["in", 0, 0, {}]]], [[["in", 0, 0, {}]]], []])
def test_graphs_that_are_no_chain_are_refused(inbound: object) -> None:
    """Skip connections and layers aside are refused."""
    with pytest.raises(UnsupportedModel):
        parse_architecture(functional(inbound))


def test_configuration_and_arrays_must_agree(tmp_path: Path) -> None:
    """units or use_bias that contradict the arrays are damage."""
    with pytest.raises(UnreadableFile, match="units=6"):
        load_model(keras(tmp_path / "m.h5", NET, two_layers(m=6)))
    with pytest.raises(UnreadableFile, match="use_bias=False"):
        load_model(keras(tmp_path / "n.h5", NET, two_layers(use_bias=False)))


def test_networks_without_biases_need_no_word_about_them(tmp_path: Path) -> None:
    """use_bias=False gives Bias.NONE."""
    net = random_network(biases=False)
    model = load_model(keras(tmp_path / "m.h5", net, two_layers(use_bias=False, **L2), {"loss": "mse"}))
    objective, _ = resolve_objective(model.network, None, model.stated, stated_by_options())
    assert (objective.hidden_bias, objective.output_bias) == (Bias.NONE, Bias.NONE)


@pytest.mark.parametrize("text", ["", "[", "[" * 100_000, '{"a": ' * 5000, "null", "[]", '{"class_name": 3}', "1e999"])
def test_configurations_that_are_no_model_are_one_line(text: str) -> None:
    """Broken, deep or foreign JSON is an error of ours."""
    with pytest.raises(InputError) as caught:
        parse_architecture(text)
    assert "\n" not in str(caught.value)
