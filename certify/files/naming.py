"""Naming conventions of model files: PyTorch, Flax, scikit-learn, plain W1/b1/W2/b2."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from certify.errors import UnsupportedModel
from certify.files.layout import IN_OUT, OUT_IN, Layer, Naming, Shape
from certify.files.mapping import MAP_HINT, ROLES
from certify.files.text import listing, printable, shape_text

SUPPORTED = "supported: two dense layers with ReLU between them"
PLAIN_ROLES: dict[str, frozenset[str]] = {
    "hidden.weight": frozenset({"w1", "u", "w", "w_1", "hidden_weights", "hidden_weight"}),
    "output.weight": frozenset({"w2", "v", "a", "alpha", "w_2", "output_weights", "output_weight"}),
    "hidden.bias": frozenset({"b1", "b", "b_1", "hidden_bias"}),
    "output.bias": frozenset({"b2", "c", "b_2", "output_bias"}),
}
DATA_NAMES = frozenset({"x", "y", "x_train", "y_train", "features", "targets", "labels", "data", "target", "inputs"})
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
    """Which convention the keys follow, and what they settle. shapes: of every array in the file.

    Raises UnsupportedModel for other layers, AmbiguousFile for names that need --map.
    """
    refuse_other_layers(shapes)
    tails = {key: re.split(r"[./]", key)[-1] for key in shapes}
    if any(tail == "kernel" for tail in tails.values()):
        return paired(shapes, "kernel", "Flax", IN_OUT)
    if any(tail == "weight" for tail in tails.values()):
        return paired(shapes, "weight", "PyTorch", OUT_IN)
    if any(re.fullmatch(r"coefs_?[._]?\d+", key) for key in shapes):
        return scikit_learn(shapes)
    if all(re.fullmatch(r"arr_\d+", key) for key in shapes):
        return numbered_arrays(shapes)
    return plain(shapes)


def refuse_other_layers(shapes: Mapping[str, Shape]) -> None:
    """Name the layers that two-layer ReLU networks do not have."""
    for key in shapes:
        for pattern, layer in OTHER_LAYERS:
            if pattern.search(key):
                raise UnsupportedModel(f"{printable(key)!r} belongs to {layer}; {SUPPORTED}")


def paired(shapes: Mapping[str, Shape], weight: str, style: str, order: str) -> Naming:
    """Layers as PREFIX.weight with PREFIX.bias. Numbers in PyTorch names follow depth; Flax's follow creation."""
    weights = [key for key in shapes if re.split(r"[./]", key)[-1] == weight]
    biases = {key: key[: -len(weight)] + "bias" for key in weights}
    layers = tuple((key, bias if bias in shapes else None) for key, bias in biases.items())
    refuse_not_matrices(shapes, weights)
    refuse_leftovers(shapes, [k for layer in layers for k in layer if k is not None])
    if len(layers) != 2:
        raise UnsupportedModel(f"{len(layers)} dense layers ({listing(weights)}); {SUPPORTED}")
    ordered, certain = by_depth(layers)
    return Naming(style, ordered, tie=certain and style == "PyTorch", order=order)


def refuse_not_matrices(shapes: Mapping[str, Shape], weights: Iterable[str]) -> None:
    """A weight that is no matrix belongs to another kind of layer."""
    for key in weights:
        if len(shapes[key]) != 2:
            kind = "a convolution" if len(shapes[key]) > 2 else "BatchNorm, LayerNorm or PReLU"
            raise UnsupportedModel(
                f"{printable(key)!r} of shape {shape_text(shapes[key])} looks like {kind}; {SUPPORTED}"
            )


def refuse_leftovers(shapes: Mapping[str, Shape], used: Iterable[str]) -> None:
    """Every array of a model file has to be understood."""
    left = sorted(set(shapes) - set(used))
    if left:
        raise UnsupportedModel(
            f"the role of {listing(left)} is unknown; {SUPPORTED}; to read only some arrays, {MAP_HINT}"
        )


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


def scikit_learn(shapes: Mapping[str, Shape]) -> Naming:
    """coefs_0, coefs_1, intercepts_0, intercepts_1 (with `_` or `.` before the number, or none)."""
    numbered = {re.sub(r"[._]", "", key): key for key in shapes}
    coefficients = sorted((k for k in numbered if k.startswith("coefs")), key=lambda k: int(k[5:] or 0))
    if len(coefficients) != 2:
        raise UnsupportedModel(f"{len(coefficients)} layers of coefs; {SUPPORTED}")
    layers = tuple((numbered[k], numbered.get(k.replace("coefs", "intercepts"))) for k in coefficients)
    refuse_leftovers(shapes, [k for layer in layers for k in layer if k is not None])
    return Naming("scikit-learn", layers, fixed=True, order=IN_OUT)


def numbered_arrays(shapes: Mapping[str, Shape]) -> Naming:
    """arr_0 … of np.savez(*arrays). Two matrices then two vectors is scikit-learn's coefs_ + intercepts_."""
    keys = sorted(shapes, key=lambda key: int(key[4:]))
    if [len(shapes[k]) for k in keys] == [2, 2, 1, 1]:
        layers = ((keys[0], keys[2]), (keys[1], keys[3]))
        return Naming("scikit-learn", layers, fixed=True, preferred_order=IN_OUT)
    return interleaved_or_loose(keys, shapes)


def interleaved_or_loose(keys: Sequence[str], shapes: Mapping[str, Shape]) -> Naming:
    """W1, b1, W2, b2 in this order, or two weights alone; anything else is left to the shapes."""
    ranks = [len(shapes[k]) for k in keys]
    if len(keys) == 4 and ranks[0] == ranks[2] == 2 and max(ranks[1], ranks[3]) <= 1:
        return Naming("plain", ((keys[0], keys[1]), (keys[2], keys[3])), fixed=True)
    return loose(keys)


def plain(shapes: Mapping[str, Shape]) -> Naming:
    """W1,b1,W2,b2 · W,alpha · U,v · w1,w2: names tell roles, shapes tell orientation. Other names: shapes tell all."""
    by_role: dict[str, list[str]] = {role: [] for role in ROLES}
    for key in shapes:
        for role, names in PLAIN_ROLES.items():
            if key.lower() in names:
                by_role[role].append(key)
    known = [key for keys in by_role.values() for key in keys]
    unique = all(len(keys) <= 1 for keys in by_role.values())
    if unique and len(known) == len(shapes):
        missing = [role for role in ROLES[:2] if not by_role[role]]
        if missing:
            raise UnsupportedModel(f"{listing(shapes)}: no array for {' and '.join(missing)}; {MAP_HINT}")
        hidden, output = by_role["hidden.weight"][0], by_role["output.weight"][0]
        biases = [next(iter(by_role[role]), None) for role in ROLES[2:]]
        return Naming("plain", ((hidden, biases[0]), (output, biases[1])), fixed=True)
    return loose(list(shapes))


def loose(keys: Sequence[str]) -> Naming:
    """Names that tell nothing: only a unique shape chain can."""
    if any(key.lower() in DATA_NAMES for key in keys):
        raise UnsupportedModel(f"{listing(keys)} look like data, not like the weights of a network")
    if not 2 <= len(keys) <= 4:
        raise UnsupportedModel(
            f"{len(keys)} arrays ({listing(keys)}) where two layers have two to four; {SUPPORTED}; to read only some, {MAP_HINT}"
        )
    return Naming("plain", loose=tuple(keys))
