"""From the JSON object of a certificate to the bytes of its file."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from certify.checker.document import checksum


def sealed(document: dict[str, Any]) -> bytes:
    """The bytes, with the checksum that belongs to them."""
    text = json.dumps({"checksum": checksum(document), **document}, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def packed(content: bytes, path: Path) -> bytes:
    """As one gzip member where the file's name asks for that; always the same bytes for the same certificate."""
    return gzip.compress(content, mtime=0) if path.suffix == ".gz" else content
