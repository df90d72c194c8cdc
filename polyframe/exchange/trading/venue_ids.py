"""Ids that look like the venue's and depend on a name alone, so that a seed gives them again."""

from __future__ import annotations

import hashlib


def venue_uuid(name: str) -> str:
    """Return an id in the form of a random UUID that depends on a name alone."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    variant = "89ab"[int(digest[16], 16) % 4]
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"
