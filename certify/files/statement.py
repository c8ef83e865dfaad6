"""What a file that we write says of its own layout, where its names and shapes would leave two readings (docs/formats.md).

HDF5 holds it as the root attribute `certify/layout`, npz as the archive's comment: neither adds an array, so other programs read the
same keys and shapes as ever. It is JSON: the key of each role, and the order in which each matrix is stored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from certify.errors import UnreadableFile
from certify.files.container import Container
from certify.files.layout import IN_OUT, OUT_IN, Layout, Shape
from certify.files.text import path_name, printable, shape_text

ATTRIBUTE = "certify/layout"
PREFIX = ATTRIBUTE.encode() + b"="  # of the comment of an npz
LONGEST = 60_000  # characters; a zip comment holds 65,535 bytes, an HDF5 attribute hardly more
WEIGHTS = ("hidden.weight", "output.weight")
BIASES = ("hidden.bias", "output.bias")
ORDERS = ("hidden.order", "output.order")


def statement_of(layout: Layout) -> str:
    """The text that states a layout."""
    return json.dumps(layout.roles() | dict(zip(ORDERS, (layout.hidden_order, layout.output_order), strict=True)))


def comment_of(text: str) -> bytes:
    """The comment of an npz that states this."""
    return PREFIX + text.encode("ascii")


def from_comment(comment: bytes) -> dict[str, object]:
    """The root attribute for which a comment stands; none where the comment is somebody else's."""
    return {ATTRIBUTE: comment[len(PREFIX) :].decode("ascii", "replace")} if comment.startswith(PREFIX) else {}


def stated_layout(container: Container) -> Layout | None:
    """The layout that a file states, if it states one.

    Raises UnreadableFile, in one line, where it is not the layout of a two-layer network among the arrays of the file.
    """
    content = container.attributes.get("", {}).get(ATTRIBUTE)
    if content is None:
        return None
    try:
        return parsed(content, {key: stored.shape for key, stored in container.arrays.items()})
    except ValueError as error:
        raise UnreadableFile(
            f"{path_name(container.path)}: {ATTRIBUTE} in this file: {printable(error, 300)}; --map takes its place"
        ) from error


def parsed(content: object, shapes: Mapping[str, Shape]) -> Layout:
    """The layout that a statement means. Raises ValueError, in one line, with what is wrong about it."""
    entries = json_object(content)
    unknown = [name for name in entries if name not in (*WEIGHTS, *BIASES, *ORDERS)]
    missing = [name for name in (*WEIGHTS, *ORDERS) if name not in entries]
    if unknown or missing:
        raise ValueError(f"{'unknown' if unknown else 'missing'} entry {printable((unknown or missing)[0])!r}")
    keys = {role: entries[role] for role in (*WEIGHTS, *BIASES) if role in entries}
    for role, key in keys.items():
        if key not in shapes:
            raise ValueError(f"{role} is {printable(key)!r}, which is not an array of the file")
    if len(set(keys.values())) < len(keys):
        raise ValueError("one array has two roles")
    for name in ORDERS:
        if entries[name] not in (IN_OUT, OUT_IN):
            raise ValueError(f"{name} is {printable(entries[name])!r}; expected {IN_OUT} or {OUT_IN}")
    weights, biases = [keys[role] for role in WEIGHTS], [keys.get(role) for role in BIASES]
    layout = Layout(*weights, *biases, *(entries[name] for name in ORDERS))
    if layout.dimensions(shapes) is None:
        held = ", ".join(f"{printable(key, 60)} {shape_text(shapes[key])}" for key in layout.keys)
        raise ValueError(f"in this layout the shapes do not chain d -> m -> k: {held}")
    return layout


def json_object(content: object) -> dict[str, str]:
    """The statement as text by text. Raises ValueError for anything else."""
    if not isinstance(content, str) or len(content) > LONGEST:
        raise ValueError("not a short text")
    try:
        pairs = json.loads(content, object_pairs_hook=tuple)
    except (ValueError, RecursionError) as error:
        raise ValueError("not JSON") from error
    if not isinstance(pairs, tuple) or not all(isinstance(value, str) for _, value in pairs):
        raise ValueError("not a JSON object of texts")
    if len(dict(pairs)) < len(pairs):
        raise ValueError("an entry occurs twice")
    return dict(pairs)
