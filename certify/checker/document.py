"""From the bytes of a certificate to plain JSON values: strict, bounded, and never a traceback.

Text is UTF-8 JSON, alone or in one gzip member. Its numbers are integers: a decimal fraction would have to be rounded, so
reals are C99 hexadecimal strings (certify/checker/fields.py). The checksum covers everything but itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import zlib
from typing import Any

from certify.checker.rejection import Rejected, require, shown

MOST_BYTES = 1 << 26  # after decompression; about 700,000 leaves at rank 5
MOST_DIGITS = 320
_GZIP = b"\x1f\x8b"


def read_bytes(path: str) -> bytes:
    """What a regular file holds, or one byte more than a certificate may have. Raises OSError."""
    # without O_NONBLOCK a fifo that nobody writes to would be waited for
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("not a regular file")
        return stream.read(MOST_BYTES + 1)


def parse_document(data: bytes) -> dict[str, Any]:
    """The JSON object that the bytes hold, its checksum confirmed and taken out. Raises Rejected."""
    try:
        document: dict[str, Any] = json.loads(
            _decompressed(data).decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_int=_integer,
            parse_float=_no_decimal,
            parse_constant=_no_decimal,
        )
        require(type(document) is dict, "the certificate is not a JSON object")
        stated = document.pop("checksum", None)
        require(stated == checksum(document), "checksum: the certificate was changed after it was written")
    except UnicodeDecodeError as error:
        raise Rejected(f"not UTF-8 text (byte {error.start})") from error
    except json.JSONDecodeError as error:
        raise Rejected(f"not JSON, or truncated: {error.msg} at line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise Rejected("nested too deeply") from error
    return document


def checksum(document: dict[str, Any]) -> str:
    """SHA-256 of the object without its checksum, as JSON with sorted keys and no spaces, in ASCII."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _decompressed(data: bytes) -> bytes:
    if data.startswith(_GZIP):
        inflate = zlib.decompressobj(wbits=31)
        try:
            data, whole = inflate.decompress(data, MOST_BYTES + 1), data
        except zlib.error as error:
            raise Rejected(f"damaged gzip data: {error}") from error
        require(len(data) <= MOST_BYTES, f"more than {MOST_BYTES} bytes when decompressed")
        require(inflate.eof, f"truncated gzip data ({len(whole)} bytes)")
        require(not inflate.unused_data, "data after the end of the gzip member")
    require(len(data) <= MOST_BYTES, f"more than {MOST_BYTES} bytes")
    return data


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Rejected(f"the key {shown(name)} is there twice")
        found[name] = value
    return found


def _integer(digits: str) -> int:
    require(len(digits) <= MOST_DIGITS, f"an integer of more than {MOST_DIGITS} digits")
    return int(digits)


def _no_decimal(text: str) -> None:
    raise Rejected(f"the number {shown(text)}: expected an integer, or a real as a hexadecimal string")
