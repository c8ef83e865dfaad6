"""What time did not suffice for, and what to type now, in words."""

from __future__ import annotations

from certify.verdict import Lack

_MINUTE, _HOUR = 60.0, 3600.0


def remedy(lack: Lack) -> str:
    """`needs about 40 s more: --time-limit 120`; where it is the certificate that does, that is said, and of what."""
    needs = "no estimate of the time" if lack.seconds is None else f"needs about {duration(lack.seconds)} more"
    if lack.unproved is not None:
        needs = (
            f"{lack.unproved.value} by the search, its certificate {needs if lack.seconds is not None else 'unwritten'}"
        )
    return f"{needs}: {lack.remedy}" if lack.remedy else needs


def duration(seconds: float) -> str:
    """Rounded up, in the unit that one would use."""
    if seconds < 3 * _MINUTE:
        return f"{max(int(-(-seconds // 1)), 1)} s"
    if seconds < 3 * _HOUR:
        return f"{int(-(-seconds // _MINUTE))} min"
    return f"{int(-(-seconds // _HOUR))} h"
