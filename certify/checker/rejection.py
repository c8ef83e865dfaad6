"""The ways in which a certificate is not accepted."""

from __future__ import annotations

from fractions import Fraction


class Rejected(Exception):
    """The certificate proves nothing; the message is the reason, one line."""


class WithoutArrays(Exception):
    """The certificate carries no arrays, so that nothing can be said without the files that it is about."""


def require(condition: bool, reason: str) -> None:
    """Raise Rejected with the reason unless the condition is True; anything but True fails."""
    if condition is not True:
        raise Rejected(reason)


def shown(value: object, longest: int = 40) -> str:
    """What was found, as short printable ASCII for a reason."""
    text = ascii(value) if not isinstance(value, (list, dict)) else f"{type(value).__name__} of {len(value)}"
    return text if len(text) <= longest else f"{text[:longest]}..."


def rounded(x: Fraction) -> str:
    """A rational as a decimal for a reason; for reading only."""
    try:
        return repr(float(x))
    except OverflowError:
        return "beyond the range of floats"
