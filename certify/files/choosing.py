"""Which of the layouts that names and shapes allow is the file's: one has to be left, or the file is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from certify.errors import AmbiguousFile, UnsupportedModel, UsageError
from certify.files.container import Container, read_float64
from certify.files.layout import IN_OUT, Layout, Naming, Shape, readings
from certify.files.mapping import MAP_HINT, map_options
from certify.files.text import printable, shape_text
from certify.problem.dataset import canonical_sha256
from certify.problem.network import Network

Sizes: TypeAlias = tuple[int, int, int]  # d, m, k


@dataclass(frozen=True, slots=True, eq=False)
class Arrays:
    """The arrays among which a layout is chosen, each read once and only when it is asked for."""

    container: Container
    shapes: Mapping[str, Shape]
    read: dict[str, np.ndarray]

    def network(self, layout: Layout) -> Network:
        """The network that the arrays hold in this layout. Raises UnreadableFile."""
        for key in layout.keys:
            if key not in self.read:
                self.read[key] = read_float64(self.container, key)
        return layout.network(self.read)


def choose(
    arrays: Arrays, naming: Naming, inputs: int | None, marked: Mapping[str, bool]
) -> tuple[Layout, tuple[str, ...]]:
    """The one layout that names, shapes and d leave, with notes on what else decided.

    inputs: d, where it is known; marked: the weights that --map marks as stored (in, out). Raises AmbiguousFile when two
    different networks are left.
    """
    chaining = readings(naming, arrays.shapes)
    if not chaining:
        raise UnsupportedModel(f"the shapes do not chain d -> m -> k: {shape_list(arrays.shapes)}; {MAP_HINT}")
    fitting = [layout for layout, (d, _, _) in chaining.items() if inputs is None or d == inputs]
    if not fitting:
        raise wrong_inputs(next(iter(chaining.values()))[0], inputs)
    notes: tuple[str, ...] = ()
    left = distinct(settled_by_marks(fitting, marked), arrays)
    if len(left) > 1:
        left, notes = settled_by_convention(settled_by_depth(left, naming), naming)
    if len(left) > 1 and inputs is None:
        left, notes = settled_by_outputs(left, naming, chaining)
    if len(left) > 1:
        raise ambiguous(left, arrays.shapes, chaining)
    return left[0], notes


def ambiguous(layouts: list[Layout], shapes: Mapping[str, Shape], sizes: Mapping[Layout, Sizes]) -> AmbiguousFile:
    """The refusal, with what is to be typed for each reading."""
    text = " or ".join(f"d={d}, m={m}, k={k}" for d, m, k in sorted({sizes[layout] for layout in layouts}))
    return AmbiguousFile(
        f"{shape_list(shapes)} can be read in {len(layouts)} ways ({text}); say which, with :T for a weight that is stored as"
        f" (in, out): {map_options(layouts, shapes)}"
    )


def wrong_inputs(taken: int, inputs: int | None) -> UsageError:
    """A model for other data."""
    return UsageError(f"the network takes {taken} inputs but the data have {inputs} columns")


def settled_by_marks(layouts: list[Layout], marked: Mapping[str, bool]) -> list[Layout]:
    """--map's orientation marks: those that agree with the most marks. `hidden.weight=KEY:T` is binding."""
    if not marked:
        return layouts

    def agreement(layout: Layout) -> tuple[bool, bool]:
        hidden = (layout.hidden_order == IN_OUT) == marked["hidden.weight"]
        return hidden, (layout.output_order == IN_OUT) == marked["output.weight"]

    if marked["hidden.weight"] and not any(layout.hidden_order == IN_OUT for layout in layouts):
        raise UsageError("--map hidden.weight=KEY:T: the shapes do not chain d -> m -> k with this array transposed")
    best = max(agreement(layout) for layout in layouts)
    return [layout for layout in layouts if agreement(layout) == best]


def settled_by_depth(layouts: list[Layout], naming: Naming) -> list[Layout]:
    """What the names say about which layer comes first."""
    if naming.tie and naming.layers:
        return [c for c in layouts if c.hidden == naming.layers[0][0]] or layouts
    if naming.numbered:
        place = {key: index for index, key in enumerate(naming.loose)}

        def in_order(layout: Layout) -> bool:
            biases = [place[key] for key in (layout.hidden_bias, layout.output_bias) if key is not None]
            return place[layout.hidden] < place[layout.output] and biases == sorted(biases)

        return [c for c in layouts if in_order(c)] or layouts
    return layouts


def settled_by_convention(layouts: list[Layout], naming: Naming) -> tuple[list[Layout], tuple[str, ...]]:
    """What the naming convention says about orientation, with a note where that was needed and is no more than usual."""
    order = naming.preferred_order
    agreeing = [c for c in layouts if c.hidden_order == order and c.output_order == order]
    if len(layouts) == 1 or not agreeing:
        return layouts, ()
    said = (
        f"weights are read as ({order.replace('-', ', ')}), {naming.preferred_as}"
        if order and naming.preferred_as
        else ""
    )
    return agreeing, (f"{said}; --map states another reading",) if said else ()


def settled_by_outputs(
    layouts: list[Layout], naming: Naming, sizes: Mapping[Layout, Sizes]
) -> tuple[list[Layout], tuple[str, ...]]:
    """Without data: the reading of one output, where the names suggest that order too. With data their columns decide."""
    single = [c for c in layouts if sizes[c][2] == 1]
    if len(single) != 1 or (naming.layers and single[0].hidden != naming.layers[0][0]) or naming.loose:
        return layouts, ()
    others = " or ".join(f"d={d}, m={m}, k={k}" for d, m, k in sorted({sizes[c] for c in layouts} - {sizes[single[0]]}))
    return single, (f"read as a network of one output; with data of other columns it is read as {others}",)


def distinct(layouts: list[Layout], arrays: Arrays) -> list[Layout]:
    """Layouts that read the same numbers into the same network count once."""
    if len(layouts) == 1:
        return layouts
    found: dict[str, Layout] = {}
    for layout in layouts:
        found.setdefault(network_sha256(arrays.network(layout)), layout)
    return list(found.values())


def network_sha256(network: Network) -> str:
    """The canonical hash, over W1, b1, W2, b2."""
    parts = (network.hidden_weights, network.hidden_bias, network.output_weights, network.output_bias)
    return canonical_sha256(*parts)


def shape_list(shapes: Mapping[str, Shape]) -> str:
    """Keys with shapes, for messages."""
    items = [f"{printable(key, 60)} {shape_text(shape)}" for key, shape in list(shapes.items())[:6]]
    return ", ".join(items) + (", …" if len(shapes) > 6 else "")
