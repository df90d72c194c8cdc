"""Reads a run's spans back: which run, which market, and the spans that tell of something.

A line is decoded only when it holds the bytes that are looked for: a file of a day has millions
of values, and a question concerns a hundred. Works while the run goes on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from polyframe.errors import PolyframeError, UsageError
from polyframe.runtime.lines import visible
from polyframe.tracing import naming
from polyframe.tracing.files import FOLDER, chunks_of, span_files
from polyframe.tracing.naming import MarketName
from polyframe.tracing.otlp_json import resource_of, spans_of
from polyframe.tracing.span import Span
from polyframe.tracing.spans import DECIDE, FILL
from polyframe.tracing.story import orders_placed

_BLOCK_BYTES = 4 * 1024 * 1024
_HEAD_BYTES = 256 * 1024
# Every market that is traded is decided once a cycle: this much text names them all.
_ENOUGH_BYTES = 256 * 1024 * 1024
_ORDER = re.compile(r"o-\d{1,12}", re.ASCII)
_TRACE = re.compile(r"[0-9a-f]{4,32}", re.ASCII)
_LONGEST_NUMBER = 15
_START = re.compile(rb'"startTimeUnixNano":"(\d{1,19})"')


def find_run(runs_folder: Path, wanted: str | None) -> Path:
    """Return a run's folder: the one of an id, its beginning or a path; the latest without one.

    Raises:
        UsageError: there is no such run, or several.
    """
    folders = sorted(path for path in _subfolders(runs_folder) if _is_run(path))
    if wanted is None:
        if folders:
            return folders[-1]
        raise UsageError(f"{runs_folder}: no run lies here; name its folder with --runs or --run")
    found = [path for path in folders if path.name == wanted]
    found = found or [path for path in folders if wanted and path.name.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if not found and wanted and Path(wanted).is_dir():
        return Path(wanted)
    if found:
        names = ", ".join(path.name for path in found[-5:])
        raise UsageError(f"--run {wanted}: {len(found)} runs begin so, the latest are {names}")
    latest = f"; the latest is {folders[-1].name}" if folders else ""
    raise UsageError(f"--run {wanted}: {runs_folder} has no such run{latest}")


def _subfolders(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except OSError:
        return []


def _is_run(folder: Path) -> bool:
    return (folder / "manifest.json").is_file() or (folder / FOLDER).is_dir()


def market_needle(market_id: str) -> bytes:
    """Return bytes that every line of a market's spans holds."""
    return naming.ID + msgspec.json.encode(market_id)


def decision_needle(decision_id: int) -> bytes:
    """Return bytes that the lines of a decision and of its fills hold."""
    return b'"polyframe.decision.id","value":{"intValue":"%d"}' % decision_id


class RunSpans:
    """The spans of one run, as they lie on disk.

    Args:
        run: the run's folder, or one with span files in it.

    Attributes:
        run_id: the run's id, the folder's name when no span tells it.
        resource: what is true of every span.
        damaged: files met so far that could not be read to their end.
        last_ns: when the last span ended, UTC ns.

    Raises:
        PolyframeError: there are no spans, or they cannot be read.
    """

    def __init__(self, run: Path) -> None:
        folder = run / FOLDER if (run / FOLDER).is_dir() else run
        self._files = span_files(folder)
        self._corrupt: set[int] = set()
        self.damaged: list[str] = []
        if not self._files:
            raise PolyframeError(
                f"{run}: no spans: the run had 'tracing: {{file: false}}'; its tape has every "
                f"decision, build them with 'polyframe replay {run} --spans FOLDER'"
            )
        last = next(self.newest_first(b""), None)
        if last is None:
            raise PolyframeError(f"{run}: no decision yet; look again when the run has begun")
        self.last_ns = last.end_ns
        self.resource = self._read_resource()
        self.run_id = str(last.attributes.get("polyframe.run.id") or run.name)

    @property
    def corrupt(self) -> int:
        """Lines met so far that are no spans of ours, each once however often they were read."""
        return len(self._corrupt)

    def newest_first(self, needle: bytes, until_ns: int | None = None) -> Iterator[Span]:
        """Yield the spans whose line holds ``needle``, newest first.

        Args:
            needle: bytes of a line; b"" for every span.
            until_ns: files that begin later are passed over; within a file nothing is.
        """
        for path in reversed(self._files):
            if until_ns is not None and not self._begins_by(path, until_ns):
                continue
            for block in self._blocks_newest_first(path):
                for line in reversed(list(_lines_with(block, needle))):
                    yield from self._decoded(line)

    def oldest_first(self, needle: bytes) -> Iterator[Span]:
        """Yield the spans whose line holds ``needle``, oldest first."""
        for path in self._files:
            for block in self._blocks(path):
                for line in _lines_with(block, needle):
                    yield from self._decoded(line)

    def market(self, wanted: str) -> MarketName:
        """Return the market a person means.

        Raises:
            UsageError: it may be several, or is none.
        """
        known: dict[bytes, MarketName] = {}
        read_bytes = 0
        for path in reversed(self._files):
            for block in self._blocks_newest_first(path):
                read_bytes += len(block)
                naming.note_markets(block, known)
                if (found := naming.exact(wanted, known.values())) is not None:
                    return found
            if read_bytes >= _ENOUGH_BYTES and naming.matching(wanted, known.values()):
                break
        return naming.one_of(wanted, naming.matching(wanted, known.values()), known.values())

    def decision(self, wanted: str) -> Span:
        """Return the decision of a number, a trace id or its beginning, or an order id.

        Raises:
            UsageError: there is none, or several traces begin so.
        """
        text = wanted.strip().lower()
        if _ORDER.fullmatch(text):
            needle = text.encode() + b" "
            for span in self._decisions(needle):
                if any(order.order_id == text for order in orders_placed(span)):
                    return span
        elif text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER:
            for span in self._decisions(decision_needle(int(text))):
                return span
        if _TRACE.fullmatch(text):
            found: dict[str, Span] = {}
            for span in self._decisions(b'"traceId":"' + text.encode()):
                found[span.context.trace_id] = span
                if len(found) > 1:
                    several = " and ".join(found)
                    raise UsageError(f"trace {text}: several begin so, {several} among them")
            if found:
                return next(iter(found.values()))
        raise UsageError(
            f"run {self.run_id} has no decision '{visible(wanted[:40])}': give a number, the "
            "beginning of a trace id, or an order id such as o-000123"
        )

    def _decisions(self, needle: bytes) -> Iterator[Span]:
        return (span for span in self.newest_first(needle) if span.name == DECIDE)

    def _decoded(self, line: bytes) -> Iterator[Span]:
        try:
            spans = spans_of(line)
        except (ValueError, RecursionError):
            self._corrupt.add(hash(line))
            return
        for span in spans:
            if _is_ours(span):
                yield span
            else:
                self._corrupt.add(hash(line))

    def _read_resource(self) -> dict[str, Any]:
        for path in reversed(self._files):
            for block in self._blocks(path):
                for line in block.splitlines():
                    try:
                        return resource_of(line)
                    except (ValueError, RecursionError):
                        continue
        return {}

    def _begins_by(self, path: Path, moment_ns: int) -> bool:
        """Whether a file may hold something of then; its lines are in the order of time."""
        for block in self._blocks(path, _HEAD_BYTES):
            start = _START.search(block)
            return start is None or int(start[1]) <= moment_ns
        return True

    def _blocks(self, path: Path, least_bytes: int = _BLOCK_BYTES) -> Iterator[bytes]:
        """Yield a file in blocks of whole lines, oldest first; a torn last line is left out."""
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
            if path.name not in self.damaged:
                self.damaged.append(path.name)
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


def _lines_with(block: bytes, needle: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(block) and (found := block.find(needle, at)) >= 0:
        start = block.rfind(b"\n", 0, found) + 1
        end = block.find(b"\n", found)
        end = len(block) if end < 0 else end
        if end > start:
            yield block[start:end]
        at = end + 1


def _is_ours(span: Span) -> bool:
    told = span.attributes
    is_known = type(told.get("polyframe.decision.id")) is int and all(
        type(told.get(name)) is str for name in ("polyframe.market.id", "polyframe.component")
    )
    if span.name == DECIDE:
        return is_known and type(told.get("polyframe.decision.outcome")) is str
    return is_known and span.name == FILL
