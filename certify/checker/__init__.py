"""Re-decides certificates, exactly, on the standard library alone: nothing here imports the search (docs/certificate.md)."""

from __future__ import annotations
