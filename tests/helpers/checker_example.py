"""The worked example of docs/certificate.md: tight everywhere, so that one ulp matters."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[2] / "docs" / "certificate.md"


def example_text() -> str:
    """The certificate as the document prints it."""
    (text,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return text


def example() -> dict[str, Any]:
    """The same, parsed, without its checksum."""
    document = json.loads(example_text())
    del document["checksum"]
    return document
