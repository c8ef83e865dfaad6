"""Whatever bytes are given, the checker answers with a rejection of one line, quickly; never a traceback."""

from __future__ import annotations

import gzip
import json
import os
import random
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from certificates import document, sealed
from checker_cases import PLANS
from checker_example import example
from command_line import environment

from certify.checker.claims import decide
from certify.checker.document import MOST_BYTES
from certify.checker.rejection import Rejected, WithoutArrays

NASTY = [
    None, True, 0, 1, -1, 2**64, -(10**300), "", "x", "nan", "inf", "0x1p", "\ud800\x00", (1e308).hex(), (5e-324).hex(),
    [], {}, [[]], [None], {"shift": 0, "integers": []}, [1, 2, 3, 4],
]  # fmt: skip
BYTES = {
    "empty": (b"", "not JSON, or truncated"),
    "not UTF-8": (b'{"version": "\xff"}', "not UTF-8"),
    "UTF-16": ('{"version": 1}'.encode("utf-16"), "not UTF-8"),
    "byte order mark": (b"\xef\xbb\xbf{}", "not JSON"),
    "a list": (b"[]", "not a JSON object"),
    "a number": (b"1", "not a JSON object"),
    "no checksum": (b"{}", "checksum"),
    "NaN": (b'{"x": NaN}', "the number 'NaN'"),
    "infinity": (b'{"x": -Infinity}', "the number '-Infinity'"),
    "a decimal fraction": (b'{"x": 0.5}', "the number '0.5'"),
    "a huge power of ten": (b'{"x": 1e999999999}', "the number '1e999999999'"),
    "a million digits": (b'{"x": ' + b"9" * 10**6 + b"}", "an integer of more than 320 digits"),
    "nested lists": (b"[" * 10**5, "nested too deeply"),
    "nested objects": (b'{"a":' * 10**5, "nested too deeply"),
    "trailing text": (b"{} {}", "not JSON"),
    "a comment": (b"{} // done", "not JSON"),
    "a single quote": (b"{'version': 1}", "not JSON"),
    "duplicate key": (b'{"a": 1, "a": 1}', "'a' is there twice"),
    "duplicate key inside": (b'{"b": {"a": 1, "a": 2}}', "'a' is there twice"),
    "duplicate key behind many": (
        b"{" + b",".join(b'"%d":0' % k for k in range(10**5)) + b',"7":0}',
        "'7' is there twice",
    ),
    "half a gzip header": (b"\x1f\x8b\x08", "truncated gzip"),
    "gzip garbage": (b"\x1f\x8b\xff" + bytes(100), "damaged gzip"),
    "gzip truncated": (gzip.compress(bytes(1000), mtime=0)[:-9], "truncated gzip"),
    "gzip with a wrong sum": (gzip.compress(b"{}", mtime=0)[:-8] + bytes(8), "damaged gzip"),
    "gzip and more": (gzip.compress(b"{}", mtime=0) + b"{}", "data after the end"),
    "gzip twice": (gzip.compress(b"{}", mtime=0) * 2, "data after the end"),
    "gzip in gzip": (gzip.compress(gzip.compress(b"{}", mtime=0)), "not UTF-8"),
}


@pytest.mark.parametrize("name", BYTES)
def test_bytes_that_are_no_certificate(name: str) -> None:
    """Each is rejected for its own reason."""
    content, reason = BYTES[name]
    with pytest.raises(Rejected, match=reason):
        decide(content)


def test_gzip_bomb_is_not_inflated() -> None:
    """A member of a quarter of a gigabyte is rejected after as many bytes as a certificate may have."""
    squeeze = zlib.compressobj(6, zlib.DEFLATED, 31)
    bomb = b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(256)) + squeeze.flush()
    assert len(bomb) < 1 << 19
    with pytest.raises(Rejected, match=f"more than {MOST_BYTES} bytes when decompressed"):
        decide(bomb)


def test_oversized_text_is_rejected() -> None:
    """A plain file beyond the limit is rejected before it is parsed."""
    with pytest.raises(Rejected, match=f"more than {MOST_BYTES} bytes"):
        decide(b" " * (MOST_BYTES + 1))


@pytest.mark.parametrize("seed", range(6))
def test_garbled_bytes_are_rejected(seed: int) -> None:
    """A certificate with random bytes changed, cut out or repeated is rejected."""
    rng, right = random.Random(seed), sealed(example())
    for _ in range(100):
        content = bytearray(right)
        for _ in range(rng.randint(1, 4)):
            i, j = sorted(rng.randrange(len(content)) for _ in range(2))
            action = rng.randrange(3)
            if action == 0:
                content[i] ^= 1 << rng.randrange(8)
            elif action == 1:
                del content[i : min(j, i + 30)]
            else:
                content[i:i] = content[i : min(j, i + 30)]
        if bytes(content) != right and not same_text(content, right):
            with pytest.raises(Rejected):
                decide(bytes(content))


def same_text(content: bytearray, right: bytes) -> bool:
    """Whether only white space was changed."""
    try:
        return json.loads(content) == json.loads(right)
    except ValueError:
        return False


def paths(value: Any, way: tuple = ()) -> list[tuple]:
    """The way to every value below this one."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way, *(path for key, each in inside for path in paths(each, (*way, key)))]


def replaced(value: Any, way: tuple, new: Any) -> Any:
    """A copy with one value replaced."""
    if not way:
        return new
    copy = value.copy()
    copy[way[0]] = replaced(value[way[0]], way[1:], new)
    return copy


@pytest.mark.parametrize("name", ["example", "refuted", "squared mean free none majorants", "free bias, centred"])
def test_nasty_values_everywhere(name: str) -> None:
    """Any value replaced by a nasty one, the checksum mended: accepted or rejected, nothing else."""
    base = example() if name == "example" else document(PLANS[name])
    ways, rng = paths(base), random.Random(name)
    for way in ways[1:] if len(ways) < 200 else rng.sample(ways[1:], 200):
        for nasty in rng.sample(NASTY, 8):
            try:
                decide(sealed(replaced(base, way, nasty)))
            except (Rejected, WithoutArrays) as reason:
                assert "\n" not in str(reason) and str(reason).isascii()


def run_checker(*arguments: object) -> subprocess.CompletedProcess[str]:
    """python -m certify.checker ARGUMENTS."""
    command = [sys.executable, "-m", "certify.checker", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, env=environment(), timeout=60, check=False, text=True)


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    """A missing file and a directory are exit code 2, with one line on stderr."""
    for path in (tmp_path / "nothing.json", tmp_path):
        outcome = run_checker(path)
        assert (outcome.returncode, outcome.stdout, outcome.stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("arguments", [(), ("a", "b"), ("--paranoid",), ("--help",), ("--unknown", "a")])
def test_usage(arguments: tuple[str, ...]) -> None:
    """Anything but one path is exit code 2 and the usage."""
    outcome = run_checker(*arguments)
    assert outcome.returncode == 2 and outcome.stderr.startswith("usage: ")


def test_garbage_is_exit_code_five(tmp_path: Path) -> None:
    """A file that can be opened and holds no certificate is rejected."""
    path = tmp_path / "cert.json"
    path.write_bytes(b"\x00garbage")
    outcome = run_checker(path)
    assert outcome.returncode == 5 and outcome.stdout.startswith("REJECTED ") and outcome.stderr == ""


@pytest.mark.parametrize("part", ["data", "network"])
def test_certificates_without_arrays(tmp_path: Path, part: str) -> None:
    """Without its arrays a certificate is neither accepted nor rejected: exit code 2, and the command that decides it."""
    content = example()
    content[part]["arrays"] = None
    path = tmp_path / "cert.json"
    path.write_bytes(sealed(content))
    outcome = run_checker(path)
    assert (outcome.returncode, outcome.stdout) == (2, "")
    assert "certify verify CERT MODEL DATA" in outcome.stderr and outcome.stderr.count("\n") == 1


def test_an_answer_that_nobody_reads_is_no_traceback(tmp_path: Path) -> None:
    """A closed pipe: exit code 3 and one line, for the answer has not been given."""
    file = tmp_path / "x.json"
    file.write_text("{}")
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "certify.checker", str(file)]
    done = subprocess.run(
        command, stdout=writing, stderr=subprocess.PIPE, env=environment(), text=True, check=False, timeout=60
    )
    os.close(writing)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "cannot write the answer" in done.stderr
