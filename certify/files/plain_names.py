"""Names that people give their arrays: W1, b1, W2, b2 · W0, b0, W1, b1 · W, alpha · U, v; and names that tell nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from certify.errors import UnsupportedModel
from certify.files.layout import IN_OUT, SUPPORTED, Layer, Naming, Shape
from certify.files.mapping import MAP_HINT, ROLES
from certify.files.text import listing, vocabulary

PLAIN_ROLES: dict[str, frozenset[str]] = {
    "hidden.weight": vocabulary("w1 u w w_1 hidden_weights hidden_weight w_hidden w_h wh w_in hidden_w"),
    "output.weight": vocabulary("w2 v a alpha w_2 output_weights output_weight w_output w_out w_o wo output_w out_w"),
    "hidden.bias": vocabulary("b1 b b_1 hidden_bias b_hidden b_h bh b_in hidden_b bias_hidden"),
    "output.bias": vocabulary("b2 c b_2 output_bias b_output b_out b_o bo output_b out_b bias_output bias_out"),
}
PLAIN_NAMES = frozenset().union(*PLAIN_ROLES.values())
A_BIAS = re.compile(r"b(ias(es)?)?(_?[a-z]{1,6})?_?\d*|[a-z]+_?bias(es)?_?\d*")
NUMBERED = re.compile(r"(?P<weight>w|weights?|kernel)_?(?P<w>\d+)|(b|bias|biases)_?(?P<b>\d+)")
MATMUL = "as TensorFlow multiplies, x @ W"


def plain(shapes: Mapping[str, Shape]) -> Naming:
    """W1,b1,W2,b2 · W0,b0,W1,b1 · W,alpha · U,v: names tell roles, shapes tell orientation. Other names: shapes tell all."""
    names = without_group(shapes)
    found = [layers for layers in (layers_by_word(names), layers_by_number(names)) if layers is not None]
    if not found:
        return loose(list(shapes))
    layers = max(found, key=lambda known: sum(key is not None for layer in known for key in layer))
    left = set(shapes) - {key for layer in layers for key in layer}
    if left and len(shapes) <= 4 and all(A_BIAS.fullmatch(names[key]) for key in left):
        return Naming("plain", layers, loose=tuple(shapes))  # biases: shapes tell whose they are
    if any(key.endswith(":0") for key in shapes):
        return Naming("TensorFlow", layers, fixed=True, preferred_order=IN_OUT, preferred_as=MATMUL)
    return Naming("plain", layers, fixed=True)


def layers_by_word(names: Mapping[str, str]) -> tuple[Layer, ...] | None:
    """The layers where each weight has one of the usual names, and no role is given twice. names: by key.

    Raises UnsupportedModel where one weight has its name, all others are biases, and the other weight is not there.
    """
    by_role = {role: [key for key, name in names.items() if name in known] for role, known in PLAIN_ROLES.items()}
    hidden, output, hidden_bias, output_bias = by_role.values()
    if max(map(len, by_role.values())) > 1 or not (hidden or output):
        return None
    if hidden and output:
        return (hidden[0], next(iter(hidden_bias), None)), (output[0], next(iter(output_bias), None))
    if sum(map(len, by_role.values())) == len(names):
        missing = ROLES[1] if hidden else ROLES[0]
        raise UnsupportedModel(f"{listing(names)}: no array for {missing}; {MAP_HINT}")
    return None


def without_group(keys: Iterable[str]) -> dict[str, str]:
    """Each key's name in small letters, without the group that all of them are in, and without TensorFlow's `:0`; there the
    first of several equal names has no number, and gets 0.
    """
    parts = {key: re.sub(r":0$", "", key).split("/") for key in keys}
    shared = 0
    while all(len(p) > shared + 1 for p in parts.values()) and len({p[shared] for p in parts.values()}) == 1:
        shared += 1
    names = {key: "/".join(p[shared:]).lower() for key, p in parts.items()}
    if all(key.endswith(":0") for key in names) and any(f"{name}_1" in names.values() for name in names.values()):
        return {key: name if re.search(r"\d$", name) else f"{name}_0" for key, name in names.items()}
    return names


def layers_by_number(names: Mapping[str, str]) -> tuple[Layer, ...] | None:
    """W0, b0, W1, b1, from whichever number on: a bias has its weight's number, the lower number is the hidden layer.

    names: by key. None where the names are others, a number occurs twice, or a bias has no weight.
    """
    found = [(key, match) for key, name in names.items() if (match := NUMBERED.fullmatch(name))]
    weights = {int(match["w"]): key for key, match in found if match["weight"]}
    biases = {int(match["b"]): key for key, match in found if not match["weight"]}
    if len(weights) < 2 or len(weights) + len(biases) < len(found) or not set(biases) <= set(weights):
        return None
    if len(weights) > 2:
        raise UnsupportedModel(f"{len(weights)} dense layers ({listing(weights.values())}); {SUPPORTED}")
    return tuple((weights[number], biases.get(number)) for number in sorted(weights))


def loose(keys: Sequence[str]) -> Naming:
    """Names that tell nothing: only a unique shape chain can."""
    if not 2 <= len(keys) <= 4:
        raise UnsupportedModel(
            f"{len(keys)} arrays ({listing(keys)}) where two layers have two to four; {SUPPORTED}; to read only some, {MAP_HINT}"
        )
    return Naming("plain", loose=tuple(keys))
