"""--map: which array has which role, in the user's words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from certify.errors import AmbiguousFile, UsageError
from certify.files.layout import IN_OUT, OUT_IN, Layout, Naming, Shape
from certify.files.text import listing, printable

ROLES = ("hidden.weight", "output.weight", "hidden.bias", "output.bias")
MOST_OPTIONS = 4
MAP_HINT = "name them: --map hidden.weight=KEY[:T] output.weight=KEY[:T] hidden.bias=KEY output.bias=KEY"


def parse_map(items: Sequence[str]) -> dict[str, str]:
    """The arguments of --map, each ROLE=KEY[:T] (several may be joined by spaces or commas), as a dictionary by role."""
    mapping: dict[str, str] = {}
    for item in (part for text in items for part in re.split(r"[\s,]+", text) if part):
        role, equals, key = item.partition("=")
        if not equals or not key or role not in ROLES:
            raise UsageError(f"--map {printable(item)}: expected ROLE=KEY[:T] with ROLE one of {', '.join(ROLES)}")
        if role in mapping:
            raise UsageError(f"--map names {role} twice")
        mapping[role] = key
    return mapping


def mapped(mapping: Mapping[str, str], shapes: Mapping[str, Shape]) -> tuple[Naming, dict[str, bool]]:
    """The naming that --map states, and which weights are stored as (in, out), marked `:T`.

    Unmarked weights are (out, in) as in PyTorch, unless the shapes allow only the other orientation.
    """
    refuse_bad_roles(mapping)
    keys, transposed = {}, {}
    for role, text in mapping.items():
        marked = text.endswith(":T") and text not in shapes
        keys[role], transposed[role] = (text[:-2] if marked else text), marked
        if keys[role] not in shapes:
            raise UsageError(f"--map {role}={printable(text)}: no such array; the file holds {listing(sorted(shapes))}")
    if len(set(keys.values())) < len(keys):
        raise AmbiguousFile("--map gives one array two roles")
    layers = tuple((keys[f"{layer}.weight"], keys.get(f"{layer}.bias")) for layer in ("hidden", "output"))
    return Naming("mapped", layers, fixed=True, preferred_order=OUT_IN), transposed


def refuse_bad_roles(mapping: Mapping[str, str]) -> None:
    """--map needs both weights, and knows four roles."""
    unknown = sorted(set(mapping) - set(ROLES))
    missing = [role for role in ROLES[:2] if role not in mapping]
    if unknown:
        raise UsageError(f"--map {listing(unknown)}: the roles are {', '.join(ROLES)}")
    if missing:
        raise UsageError(f"--map lacks {' and '.join(missing)}; {MAP_HINT}")


def map_option(layout: Layout, shapes: Mapping[str, Shape]) -> str:
    """The option that states this layout, as it is typed in a shell."""
    turned = {
        "hidden.weight": layout.hidden_order == IN_OUT and len(shapes[layout.hidden]) == 2,
        "output.weight": layout.output_order == IN_OUT and len(shapes[layout.output]) == 2,
    }
    items = [f"{role}={printable(key)}{':T' if turned.get(role) else ''}" for role, key in layout.roles().items()]
    return f'--map "{" ".join(items)}"'


def map_options(layouts: Iterable[Layout], shapes: Mapping[str, Shape]) -> str:
    """What states each of these layouts, for a choice among them."""
    options = list(dict.fromkeys(map_option(layout, shapes) for layout in layouts))
    return " or ".join(options[:MOST_OPTIONS]) + (" or …" if len(options) > MOST_OPTIONS else "")
