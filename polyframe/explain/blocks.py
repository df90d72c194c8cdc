"""The span files of a folder in blocks of whole lines, from either end, and what of them is gone.

Works while the run goes on: a file may grow, or be compressed between two looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import zstandard

from polyframe.errors import PolyframeError
from polyframe.tracing.files import chunks_of, number_of, span_files, stem_of

_BLOCK_BYTES = 4 * 1024 * 1024
_HEAD_BYTES = 256 * 1024
_START = re.compile(rb'"startTimeUnixNano":"(\d{1,19})"')
_SPACED = (b'"key": ', b'"key" :', b'"key":\t')


class SpanBlocks:
    """Reads a folder's span files.

    Args:
        folder: where they lie.

    Attributes:
        gaps: what is known so far to be missing or damaged, a line a file.

    Raises:
        PolyframeError: a file cannot be read, from every method.
    """

    def __init__(self, folder: Path) -> None:
        self._files = span_files(folder)
        self.gaps = [*_missing(self._files), *_empty(self._files)]

    def __bool__(self) -> bool:
        return bool(self._files)

    def oldest_first(self) -> Iterator[bytes]:
        """Yield the blocks of every file, the oldest lines first."""
        for path in self._files:
            yield from self._blocks(path)

    def newest_first(self, until_ns: int | None = None) -> Iterator[bytes]:
        """Yield the blocks of every file, the newest first; the lines in one are oldest first.

        Args:
            until_ns: files that begin later are passed over; within a file nothing is.
        """
        for path in reversed(self._files):
            if until_ns is None or self._begins_by(path, until_ns):
                yield from self._blocks_newest_first(path)

    def _begins_by(self, path: Path, moment_ns: int) -> bool:
        """Whether a file may hold something of then; its lines are in the order of time."""
        for block in self._blocks(path, _HEAD_BYTES):
            start = _START.search(block)
            return start is None or int(start[1]) <= moment_ns
        return True

    def _blocks(self, path: Path, least_bytes: int | None = None) -> Iterator[bytes]:
        """Yield a file in blocks of whole lines, oldest first; a torn last line is left out."""
        least_bytes = _BLOCK_BYTES if least_bytes is None else least_bytes
        parts: list[bytes] = []
        size = 0
        try:
            for chunk in chunks_of(_as_it_is_now(path)):
                parts.append(chunk)
                size += len(chunk)
                if size >= least_bytes and b"\n" in chunk:
                    whole, _, rest = b"".join(parts).rpartition(b"\n")
                    yield whole
                    parts, size = [rest], len(rest)
        except OSError as error:
            raise PolyframeError(f"{path}: cannot be read: {error.strerror}") from error
        except zstandard.ZstdError:
            # What came before the damage is as good as ever.
            gap = f"{_as_it_is_now(path).name} is damaged: read up to the damage"
            if gap not in self.gaps:
                self.gaps.append(gap)
        if (whole := b"".join(parts).rpartition(b"\n")[0]) != b"":
            yield whole

    def _blocks_newest_first(self, path: Path) -> Iterator[bytes]:
        now = _as_it_is_now(path)
        if now.suffix == ".zst":  # nothing can be read from its end
            yield from reversed(list(self._blocks(now)))
            return
        try:
            yield from _blocks_from_the_end(now)
        except OSError as error:
            raise PolyframeError(f"{path}: cannot be read: {error.strerror}") from error


def lines_with(block: bytes, needle: bytes) -> Iterator[bytes]:
    """Yield the lines of a block that hold ``needle``, or all where it cannot be told by bytes.

    A needle is JSON without blanks, as we write it; another tool may have written it anew.
    """
    needle = b"" if needle and is_spaced(block) else needle
    at = 0
    while at < len(block) and (found := block.find(needle, at)) >= 0:
        start = block.rfind(b"\n", 0, found) + 1
        end = block.find(b"\n", found)
        end = len(block) if end < 0 else end
        if end > start:
            yield block[start:end]
        at = end + 1


def is_spaced(block: bytes) -> bool:
    """Whether a block holds JSON with blanks between its parts, which no run of ours writes."""
    return any(mark in block for mark in _SPACED)


def _missing(files: list[Path]) -> Iterator[str]:
    expected = 1
    for number in (number for path in files if (number := number_of(path)) is not None):
        if number == expected + 1:
            yield f"{stem_of(expected)} is missing"
        elif number > expected:
            yield f"{stem_of(expected)} to {stem_of(number - 1)} are missing"
        expected = number + 1


def _empty(files: list[Path]) -> Iterator[str]:
    for path in files:
        is_in_use = path is files[-1] and path.suffix != ".zst"
        try:
            if not is_in_use and _as_it_is_now(path).stat().st_size == 0:
                yield f"{path.name} is empty"
        except OSError:  # whoever reads it says so
            continue


def _as_it_is_now(path: Path) -> Path:
    """Return where a file's text lies: a running run may have compressed it meanwhile."""
    return path if path.exists() else path.with_name(f"{path.name}.zst")


def _blocks_from_the_end(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        end = file.seek(0, 2)
        rest, is_whole = b"", False
        while end > 0:
            start = max(0, end - _BLOCK_BYTES)
            file.seek(start)
            block, end = file.read(end - start) + rest, start
            if not is_whole:
                # The run may be writing this very line.
                block = block[: block.rfind(b"\n") + 1]
                is_whole = bool(block)
            cut = block.find(b"\n") + 1 if start else 0
            rest, block = block[:cut], block[cut:]
            if block:
                yield block
