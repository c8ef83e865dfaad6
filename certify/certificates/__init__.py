"""Writes certificates: from a finished check to a document that certify/checker accepts (docs/certificate.md).

Nothing here is trusted: the checker decides what a document proves. Only bytes that it has accepted are handed on.
"""

from __future__ import annotations

from certify.certificates.claims import Source
from certify.certificates.confirming import CertificateWish, confirmed
from certify.certificates.writing import Writing, Written, write_certificate

__all__ = ["CertificateWish", "Source", "Writing", "Written", "confirmed", "write_certificate"]
