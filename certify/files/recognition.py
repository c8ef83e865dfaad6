"""The parameters among a file's arrays, by names: what lies beside them is left out where that is safe, else the file is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from certify.errors import UnsupportedModel
from certify.files.beside import Beside, beside
from certify.files.container import Container, check_float64_size, numeric_dtype
from certify.files.layout import SUPPORTED, Naming, Shape, readings
from certify.files.mapping import MAP_HINT, map_options
from certify.files.naming import names_a_parameter, recognise_names, refuse_other_layers
from certify.files.text import listing, path_name, printable

MOST_NAMED = 12


def recognise(container: Container) -> tuple[Naming, dict[str, Shape], tuple[str, ...]]:
    """What the names settle, the shapes of the arrays that may be parameters, and a note on those that are left out.

    Raises UnsupportedModel where an array may be a part of the function that the file's network is not (a normaliser, another
    layer, an array of unknown role); UnreadableFile for types that are no numbers.
    """
    if not container.arrays:
        raise UnsupportedModel(f"the file holds no arrays; {SUPPORTED}")
    refuse_other_layers(container.arrays)
    kinds = {key: None if names_a_parameter(key) else beside(stored) for key, stored in container.arrays.items()}
    aside = {kind: [key for key, found in kinds.items() if found is kind] for kind in Beside}
    shapes = {key: container.arrays[key].shape for key, kind in kinds.items() if kind is None}
    refuse_unusable_arrays(container, shapes)
    naming = named(shapes, aside)
    if aside[Beside.NORMALISER]:
        like = "look like normalisers" if len(aside[Beside.NORMALISER]) > 1 else "looks like a normaliser"
        raise UnsupportedModel(
            f"{listing(aside[Beside.NORMALISER])} {like}: then the network was trained on transformed data, and its weights"
            " alone are another function. Give the data as the network saw them, and name the weights alone:"
            f" {map_of(naming, shapes)}"
        )
    left = sorted(set(shapes) - set(keys_of(naming)))
    if left:
        raise UnsupportedModel(
            f"the role of {listing(left)} is unknown; {SUPPORTED}; where the network does without: {map_of(naming, shapes)}"
        )
    unread = [key for key, kind in kinds.items() if kind is not None]
    return naming, shapes, (f"not read, being no part of the network: {listing(unread, MOST_NAMED)}",) if unread else ()


def named(shapes: Mapping[str, Shape], aside: Mapping[Beside, list[str]]) -> Naming:
    """What the names settle; where they settle no roles, a file of data is none of weights."""
    said = aside[Beside.DATA]
    if said and len(shapes) < 2:
        raise UnsupportedModel(data_only(said))
    if not shapes:
        raise UnsupportedModel(f"no array of the file may be a weight by its name; {SUPPORTED}; {MAP_HINT}")
    naming = recognise_names(shapes)
    if said and naming.loose and not naming.numbered:
        raise UnsupportedModel(data_only(said))
    return naming


def data_only(keys: Sequence[str]) -> str:
    """What is said of a file in which data have names and weights have not."""
    return f"{listing(keys)} look like data, not like the weights of a network; where weights are there too, {MAP_HINT}"


def keys_of(naming: Naming) -> tuple[str, ...]:
    """The arrays that a naming gives a role, or may give one."""
    return naming.loose or tuple(key for layer in naming.layers for key in layer if key is not None)


def map_of(naming: Naming, shapes: Mapping[str, Shape]) -> str:
    """The option that reads the named arrays alone, in each way that their shapes allow."""
    return map_options(readings(naming, shapes), shapes) or MAP_HINT


def refuse_unusable_arrays(container: Container, keys: Iterable[str]) -> None:
    """Every parameter is numeric and of a size that can be read; said before names and shapes are looked at."""
    for key in keys:
        numeric_dtype(container.arrays[key], container.path)
        check_float64_size(f"{path_name(container.path)}: {printable(key)!r}", container.arrays[key].shape)
