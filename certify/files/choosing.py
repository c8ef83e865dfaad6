"""Which of the layouts that names and shapes allow is the file's: one has to be left, or the file is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from certify.errors import AmbiguousFile, UnsupportedModel, UsageError
from certify.files.container import Container, read_float64
from certify.files.layout import IN_OUT, Layout, Naming, Shape, readings
from certify.files.mapping import MAP_HINT, map_option
from certify.files.text import printable, shape_text
from certify.problem.dataset import canonical_sha256
from certify.problem.network import Network

MOST_SHOWN = 4


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


def choose(arrays: Arrays, naming: Naming, inputs: int | None, marked: Mapping[str, bool]) -> Layout:
    """The one layout that names, shapes and d leave.

    inputs: d, where it is known; marked: the weights that --map marks as stored (in, out). Raises AmbiguousFile when two
    different networks are left.
    """
    chaining = readings(naming, arrays.shapes)
    if not chaining:
        raise UnsupportedModel(f"the shapes do not chain d -> m -> k: {shape_list(arrays.shapes)}; {MAP_HINT}")
    fitting = [layout for layout, (d, _, _) in chaining.items() if inputs is None or d == inputs]
    if not fitting:
        raise wrong_inputs(next(iter(chaining.values()))[0], inputs)
    left = distinct(settled_by_marks(fitting, marked), arrays)
    left = left if len(left) == 1 else settled_by_convention(left, naming)
    if len(left) > 1:
        sizes = " or ".join(f"d={d}, m={m}, k={k}" for d, m, k in sorted({chaining[layout] for layout in left}))
        shown = " or ".join(map_option(layout, arrays.shapes) for layout in left[:MOST_SHOWN])
        raise AmbiguousFile(
            f"{shape_list(arrays.shapes)} can be read in {len(left)} ways ({sizes}); say which, with :T for a weight that is"
            f" stored as (in, out): {shown}" + (" or …" if len(left) > MOST_SHOWN else "")
        )
    return left[0]


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


def settled_by_convention(layouts: list[Layout], naming: Naming) -> list[Layout]:
    """What the naming convention says about orientation and about which layer comes first."""
    if naming.preferred_order is not None:
        order = naming.preferred_order
        agreeing = [c for c in layouts if c.hidden_order == order and c.output_order == order]
        layouts = agreeing or layouts
    if naming.tie and naming.layers:
        layouts = [c for c in layouts if c.hidden == naming.layers[0][0]] or layouts
    return layouts


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
