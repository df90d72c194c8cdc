"""Span files read to the end, as plainly as can be: what the readers under test are held to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from polyframe.tracing.files import chunks_of


def lines_of(path: Path) -> Iterator[bytes]:
    """Yield a file's whole lines, oldest first; a line torn off is none."""
    *whole, _torn = b"".join(chunks_of(path)).split(b"\n")
    yield from whole
