"""The worked example of docs/certificate.md is a right certificate, and the hand calculation beside it is right."""

from __future__ import annotations

import re

from brute_force import squared_gain
from checker_example import PAGE, example, example_text

from certify.checker.certificate import FORMAT, VERSION
from certify.checker.claims import decide


def test_the_example_is_accepted() -> None:
    """As printed, checksum and all, by both scans; its gap is zero."""
    for paranoid in (False, True):
        accepted = decide(example_text().encode(), paranoid)
        claim = accepted.certificate.claim
        assert claim.verdict == "certified" and claim.lower_bound == claim.value[0] == claim.value[1] == 138.0
        assert accepted.leaves == 8


def test_the_example_is_tight() -> None:
    """The gain of its dual vector is the weight decay exactly, by brute force."""
    rows = [[float.fromhex(x) for x in row] for row in example()["data"]["arrays"]["X"]]
    nu = [float.fromhex(x) for x in example()["dual"]["nu"]]
    assert nu == [3.0, 4.0, -1.0]
    assert squared_gain(rows, nu) == 25
    assert squared_gain(rows, nu, sign=-1) == 1


def test_the_page_names_this_version() -> None:
    """The document speaks of the version and format that the checker decides, and of each of its modules."""
    page = PAGE.read_text(encoding="utf-8")
    assert page.startswith("# Certificates") and f"Version {VERSION}." in page and f'"{FORMAT}"' in page
    modules = {path.name for path in (PAGE.parents[1] / "certify" / "checker").glob("*.py")}
    assert modules - set(re.findall(r"`(\w+\.py)`", page)) == {"__init__.py", "__main__.py", "rejection.py"}
