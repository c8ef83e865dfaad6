"""Wrong certificates are rejected with the reason, by either scan."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from certificates import document, sealed
from checker_cases import PLANS
from checker_example import example
from checker_mutations import WRONG
from command_line import environment

from certify.checker.claims import decide
from certify.checker.rejection import Rejected


def right_document(name: str) -> dict:
    """A right certificate as an object that may be changed."""
    return example() if name == "example" else document(PLANS[name])


@pytest.mark.parametrize("name", WRONG)
def test_wrong_certificates_are_rejected(name: str) -> None:
    """Every wrong certificate is rejected for the reason that it was made wrong by, whichever scan decides."""
    wrong = WRONG[name]
    changed = right_document(wrong.base)
    decide(sealed(changed))
    before = json.dumps(changed)
    wrong.change(changed)
    assert json.dumps(changed) != before
    for paranoid in (False, True):
        with pytest.raises(Rejected, match=wrong.reason):
            decide(sealed(changed), paranoid)


def test_more_wrong_ones_than_right_ones() -> None:
    """The corpus of wrong certificates is larger than that of right ones."""
    assert len(WRONG) > len(PLANS)


@pytest.mark.parametrize("name", ["claim: lower bound one ulp up", "cones: leaf dropped", "structure: stale version"])
def test_exit_code_five_and_one_line(name: str, tmp_path: Path) -> None:
    """python -m certify.checker exits 5 and gives the reason on one line of stdout."""
    changed = right_document(WRONG[name].base)
    WRONG[name].change(changed)
    path = tmp_path / "cert.json"
    path.write_bytes(sealed(changed))
    command = [sys.executable, "-m", "certify.checker", str(path)]
    outcome = subprocess.run(command, capture_output=True, env=environment(), timeout=60, check=False, text=True)
    assert outcome.returncode == 5
    assert outcome.stdout.startswith("REJECTED ") and outcome.stdout.count("\n") == 1
    assert outcome.stderr == ""


@pytest.mark.parametrize("digit", range(0, 4000, 97))
def test_any_changed_character_is_rejected(digit: int) -> None:
    """Without a mended checksum any other digit, letter or bracket is found, even one that does no harm."""
    text = sealed(example()).decode()
    at = digit % len(text)
    other = {"0": "1", "1": "2", "2": "3", "a": "b", "[": "{", "]": "}", ",": ";", '"': "'"}.get(text[at], "7")
    changed = text[:at] + other + text[at + 1 :]
    assert changed != text
    with pytest.raises(Rejected):
        decide(changed.encode())


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_truncated_certificates_are_rejected(share: float) -> None:
    """A certificate cut short is rejected as such."""
    content = sealed(example())
    with pytest.raises(Rejected, match="not JSON, or truncated"):
        decide(content[: int(share * len(content))])


def test_duplicate_keys_are_rejected() -> None:
    """A key that is there twice is rejected, whichever value would have been taken."""
    text = json.dumps(example())
    twice = text.replace('"version": 1', '"version": 1, "version": 1', 1)
    with pytest.raises(Rejected, match="'version' is there twice"):
        decide(twice.encode())
