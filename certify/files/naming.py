"""Naming conventions of model files: what the names settle of roles, order of depth and orientation (docs/formats.md, section 1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from certify.errors import UnsupportedModel
from certify.files.layout import IN_OUT, OUT_IN, SUPPORTED, Layer, Naming, Shape
from certify.files.plain_names import MATMUL, NUMBERED, PLAIN_NAMES, loose, plain
from certify.files.text import listing, printable, shape_text

COEFFICIENTS = re.compile(r"(coefs|intercepts)_?[._]?\d*_?")
POSITIONAL = re.compile(r"arr_\d+")
VARIABLE = re.compile(r"Variable(_(\d+))?(:0)?")
BIASES = ("b", "bias", "biases")
PAIRS = {"kernel": ("bias",), "weight": ("bias",), "w": BIASES, "weights": BIASES}  # weight: its bias
TAILS = frozenset(PAIRS) | {tail for tails in PAIRS.values() for tail in tails}
HAIKU_LAYER = re.compile(r"(.*/)?linear(_\d+)?")
OTHER_LAYERS = (
    (
        re.compile(r"running_(mean|var)|num_batches_tracked|moving_(mean|variance)|gamma|batch_?norm", re.IGNORECASE),
        "BatchNorm",
    ),
    (re.compile(r"weight_(g|v|orig|mask)|parametrizations", re.IGNORECASE), "weight normalisation or pruning"),
    (re.compile(r"(weight|bias)_(ih|hh)", re.IGNORECASE), "a recurrent layer"),
    (re.compile(r"layer_?norm", re.IGNORECASE), "LayerNorm"),
)


def recognise_names(shapes: Mapping[str, Shape]) -> Naming:
    """Which convention the keys follow, and what they settle. shapes: of the arrays that may be parameters.

    Raises UnsupportedModel for other layers, and for names that need --map.
    """
    tails = {key: tail_of(key) for key in shapes}
    if any(tail == "kernel" for tail in tails.values()):
        return kernels(shapes)
    if any(tail == "weight" for tail in tails.values()):
        layers, certain = by_depth(paired(shapes, "weight"))
        return Naming("PyTorch", layers, tie=certain, order=OUT_IN)
    if any(re.fullmatch(r"coefs_?[._]?\d+", key) for key in shapes):
        return scikit_learn(shapes)
    if shapes and all(POSITIONAL.fullmatch(key) for key in shapes):
        return numbered_arrays(shapes)
    if shapes and all(VARIABLE.fullmatch(key) for key in shapes):
        return variables(shapes)
    for weight in ("w", "weights"):
        if sum(tail == weight and tail_of(owner_of(key)) != "" for key, tail in tails.items()) > 1:
            return scoped(shapes, weight)
    return plain(shapes)


def names_a_parameter(key: str) -> bool:
    """Whether a convention has this name for a weight or a bias, whatever the other names are."""
    name = re.sub(r":\d+$", "", key.rsplit("/", 1)[-1].lower())
    named = name in PLAIN_NAMES or tail_of(key) in TAILS
    return (
        named
        or any(form.fullmatch(name) for form in (NUMBERED, COEFFICIENTS, POSITIONAL))
        or bool(VARIABLE.fullmatch(key))
    )


def tail_of(key: str) -> str:
    """The last part of a name, in small letters, without TensorFlow's `:0`."""
    return re.sub(r":\d+$", "", re.split(r"[./]", key)[-1]).lower()


def owner_of(key: str) -> str:
    """What comes before the last part: the name of the layer."""
    return re.sub(r"[./]?[^./]*$", "", key)


def refuse_other_layers(keys: Iterable[str]) -> None:
    """Name the layers that two-layer ReLU networks do not have. Raises UnsupportedModel."""
    for key in keys:
        for pattern, layer in OTHER_LAYERS:
            if pattern.search(key):
                raise UnsupportedModel(f"{printable(key)!r} belongs to {layer}; {SUPPORTED}")


def paired(shapes: Mapping[str, Shape], weight: str, ranks: tuple[int, ...] = (2,)) -> list[Layer]:
    """The two layers of a file that names its arrays LAYER.weight and LAYER.bias, in the file's order.

    ranks: how many dimensions a weight may have.
    """
    weights = [key for key in shapes if tail_of(key) == weight]
    for key in weights:
        if len(shapes[key]) not in ranks:
            refuse_not_matrix(key, shapes[key])
    if len(weights) != 2:
        raise UnsupportedModel(f"{len(weights)} dense layers ({listing(weights)}); {SUPPORTED}")
    biases = {owner_of(key): key for key in shapes if tail_of(key) in PAIRS[weight]}
    return [(key, biases.get(owner_of(key))) for key in weights]


def refuse_not_matrix(key: str, shape: Shape) -> None:
    """A weight that is no matrix belongs to another kind of layer. Raises UnsupportedModel."""
    kind = "a convolution" if len(shape) > 2 else "BatchNorm, LayerNorm or PReLU"
    raise UnsupportedModel(f"{printable(key)!r} of shape {shape_text(shape)} looks like {kind}; {SUPPORTED}")


def kernels(shapes: Mapping[str, Shape]) -> Naming:
    """Flax's and TensorFlow's kernels. Their numbers follow creation, not depth: written inline, the output layer is Dense_0."""
    style = "TensorFlow" if any(re.search(r":\d+$", key) for key in shapes) else "Flax"
    return Naming(style, by_counter(paired(shapes, "kernel")), tie=False, order=IN_OUT)


def scoped(shapes: Mapping[str, Shape], weight: str) -> Naming:
    """LAYER/w with LAYER/b: Haiku's `linear`, `linear_1`, whose w is (in, out) and whose numbers follow creation like Flax's;
    TensorFlow's scopes; and anybody's, where shapes tell the orientation, and numbers or words the depth.
    """
    layers = paired(shapes, weight, (1, 2))
    if weight == "w" and all(HAIKU_LAYER.fullmatch(owner_of(key)) for key, _ in layers):
        # hk.nets.MLP numbers its layers itself, from linear_0 on
        explicit = all(re.search(r"_\d+$", owner_of(key)) for key, _ in layers)
        return Naming("Haiku", by_counter(layers), tie=explicit, order=IN_OUT)
    ordered, certain = by_depth(layers)
    if any(key.endswith(":0") for key in shapes):
        return Naming("TensorFlow", ordered, tie=certain, preferred_order=IN_OUT, preferred_as=MATMUL)
    return Naming("plain", ordered, tie=certain)


def by_depth(layers: Sequence[Layer]) -> tuple[tuple[Layer, ...], bool]:
    """The layers sorted by the first thing in which their names differ, and whether that is a number or a word for depth."""
    split = [re.split(r"(\d+)|[./_]", key) for key, _ in layers]
    parts = [[p for p in pieces if p] for pieces in split]
    for a, b in zip(*parts, strict=False):
        if a != b:
            first, second = depth_rank(a), depth_rank(b)
            if first is None or second is None or first == second:
                break
            return tuple(layers if first < second else layers[::-1]), True
    return tuple(layers), False


def depth_rank(part: str) -> int | None:
    """Sort key of a name's part that tells depth."""
    if part.isdecimal():
        return int(part)
    words = {"hidden": 0, "input": 0, "in": 0, "output": 1, "out": 1, "head": 1}
    return words.get(part.lower())


def by_counter(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The layers in the order of creation: `linear` before `linear_1`, `dense_9` before `dense_10`."""

    def place(layer: Layer) -> tuple[str, int]:
        stem, _, number = owner_of(layer[0]).rpartition("_")
        return (stem, int(number)) if stem and number.isdecimal() else (owner_of(layer[0]), 0)

    return tuple(sorted(layers, key=place))


def scikit_learn(shapes: Mapping[str, Shape]) -> Naming:
    """coefs_0, coefs_1, intercepts_0, intercepts_1 (with `_` or `.` before the number, or none)."""
    numbered = {re.sub(r"[._]", "", key): key for key in shapes}
    coefficients = sorted((k for k in numbered if re.fullmatch(r"coefs\d+", k)), key=lambda k: int(k[5:]))
    if len(coefficients) != 2:
        raise UnsupportedModel(f"{len(coefficients)} layers of coefs; {SUPPORTED}")
    layers = tuple((numbered[k], numbered.get(k.replace("coefs", "intercepts"))) for k in coefficients)
    return Naming("scikit-learn", layers, fixed=True, order=IN_OUT)


def numbered_arrays(shapes: Mapping[str, Shape]) -> Naming:
    """arr_0 … of np.savez(*arrays). Two matrices then two vectors is scikit-learn's coefs_ + intercepts_."""
    keys = sorted(shapes, key=lambda key: int(key[4:]))
    ranks = [len(shapes[k]) for k in keys]
    if ranks == [2, 2, 1, 1]:
        layers = ((keys[0], keys[2]), (keys[1], keys[3]))
        return Naming("scikit-learn", layers, fixed=True, preferred_order=IN_OUT)
    if len(keys) == 4 and ranks[0] == ranks[2] == 2 and max(ranks[1], ranks[3]) <= 1:
        return Naming("plain", ((keys[0], keys[1]), (keys[2], keys[3])), fixed=True)
    return loose(keys)


def variables(shapes: Mapping[str, Shape]) -> Naming:
    """TensorFlow 1's Variable, Variable_1, …: numbered as they were made, layer by layer or weights first; so the lower number
    is the hidden layer's, among the matrices and among the biases.
    """
    keys = sorted(shapes, key=lambda key: int((VARIABLE.fullmatch(key) or [""] * 3)[2] or 0))
    found = loose(keys)
    return Naming("TensorFlow", loose=found.loose, numbered=True, preferred_order=IN_OUT, preferred_as=MATMUL)
