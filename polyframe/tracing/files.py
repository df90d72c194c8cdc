"""Spans on disk: ``spans-0001.jsonl``, ... in a run's folder; a full file is compressed.

The file in use is plain text, so it can be followed while the run goes on; a finished one is
``.jsonl.zst``. A line that was torn off is no line.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from errno import ENOSPC
from pathlib import Path
from shutil import disk_usage

import zstandard

from polyframe.tracing.otlp_json import SpanLines
from polyframe.tracing.span import Span

FOLDER = "trace"
_STEM = "spans-"
_PATTERN = f"{_STEM}*.jsonl*"
_PLAIN, _COMPRESSED, _PART = ".jsonl", ".jsonl.zst", ".part"
_CHUNK_BYTES = 1024 * 1024
_LONGEST_HEADER = 18  # of a zstd frame


class SpanFiles:
    """Writes one run's spans into a folder.

    Args:
        folder: created if missing.
        lines: how a span is written.
        rotate_bytes: size of the plain text after which a new file starts.
        reserve_bytes: what must stay free on the disk: it is for the tape and the state.

    Raises:
        OSError: the folder cannot be written, here and in :meth:`write`.
    """

    name = "file"

    def __init__(
        self, folder: Path, lines: SpanLines, rotate_bytes: int, reserve_bytes: int = 0
    ) -> None:
        self._reserve_bytes = reserve_bytes
        self._folder = folder
        self._lines = lines
        self._rotate_bytes = rotate_bytes
        self._compressing: threading.Thread | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._number = 0
        self._open()

    def _open(self) -> None:
        path = self._folder / f"{stem_of(self._number + 1)}{_PLAIN}"
        self._file = path.open("wb")
        self._number, self._path = self._number + 1, path

    def write(self, spans: Sequence[Span]) -> None:
        """Write spans, each a line, through to the file."""
        if self._reserve_bytes and disk_usage(self._folder).free < self._reserve_bytes:
            raise OSError(ENOSPC, "the disk's last room is kept for the tape")
        line = self._lines.line
        self._file.write(b"".join([line(span) for span in spans]))
        self._file.flush()
        if self._file.tell() > self._rotate_bytes:
            self._rotate()

    def _rotate(self) -> None:
        full, path = self._file, self._path
        try:
            self._open()
        except OSError:
            return  # what was written stands; the next write tries again
        full.close()
        self._compress(path)

    def _compress(self, path: Path) -> None:
        """Compress a finished file beside the run: tens of megabytes would hold up the quotes."""
        self._wait()
        self._compressing = threading.Thread(target=_compressed, args=(path,), name="span-files")
        self._compressing.start()

    def _wait(self) -> None:
        if self._compressing is not None:
            self._compressing.join()

    def close(self) -> None:
        """Close the file in use; wait for the last compression: a second at the most."""
        self._file.close()
        self._wait()


def _compressed(path: Path) -> None:
    part = path.with_suffix(_COMPRESSED + _PART)
    whole = path.with_suffix(_COMPRESSED)
    try:
        with path.open("rb") as source, part.open("wb") as target:
            # A frame that says how long its text is cannot lose its end unnoticed.
            size = path.stat().st_size
            zstandard.ZstdCompressor(level=3).copy_stream(source, target, size=size)
        part.replace(whole)
        path.unlink()
    except (OSError, zstandard.ZstdError):
        # A full disk, or a file of another length than it had: the plain one stays, as good.
        part.unlink(missing_ok=True)


def span_files(folder: Path) -> list[Path]:
    """Return a folder's span files, oldest first, each once: compressed while both are there."""
    found: dict[str, Path] = {}
    for path in sorted(folder.glob(_PATTERN)):
        stem = path.name.partition(".")[0]
        if path.name.removeprefix(stem) in (_PLAIN, _COMPRESSED):
            found[stem] = path
    return sorted(found.values(), key=_place)


def number_of(path: Path) -> int | None:
    """Return which of a run's files this is, from 1; None for a name that is not ours."""
    digits = path.name.partition(".")[0].removeprefix(_STEM)
    return int(digits) if digits.isascii() and digits.isdecimal() else None


def stem_of(number: int) -> str:
    """Return how the name of a run's file of this number begins."""
    return f"{_STEM}{number:04d}"


def _place(path: Path) -> tuple[bool, int, str]:
    # By number: the text spans-10000 goes before spans-9999.
    number = number_of(path)
    return number is None, number or 0, path.name


def chunks_of(path: Path) -> Iterator[bytes]:
    """Yield a file's text as it comes, oldest first: a chunk may end within a line.

    Raises:
        OSError: it cannot be read.
        zstandard.ZstdError: it is no zstd data, damaged, or its end is missing.
    """
    with path.open("rb") as file:
        if path.suffix != ".zst":
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
            return
        if not (header := file.read(_LONGEST_HEADER)):
            return
        # The decompressor takes a file that ends too early for one that ends.
        missing = zstandard.get_frame_parameters(header).content_size
        if missing == zstandard.CONTENTSIZE_UNKNOWN:  # an older version's
            missing = 0
        file.seek(0)
        stream = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        while chunk := stream.read(_CHUNK_BYTES):
            missing -= len(chunk)
            yield chunk
        if missing > 0:
            raise zstandard.ZstdError(f"{missing} bytes of the text are missing")
