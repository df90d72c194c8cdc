"""Reads a run's spans back: which run, which market, and the spans that tell of something.

A line is decoded only when it holds the bytes that are looked for: a file of a day has millions
of values, and a question concerns a hundred. Works while the run goes on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from polyframe.errors import PolyframeError, UsageError
from polyframe.explain import naming
from polyframe.explain.blocks import SpanBlocks, is_spaced, lines_with
from polyframe.explain.facts import decision_id, orders_placed
from polyframe.explain.genuine import is_genuine
from polyframe.explain.naming import MarketName
from polyframe.runtime.lines import visible
from polyframe.tracing.files import FOLDER
from polyframe.tracing.otlp_json import resource_of, spans_of
from polyframe.tracing.span import Span
from polyframe.tracing.spans import DECIDE

# Every market that is traded is decided once a cycle: this much text names them all.
_ENOUGH_BYTES = 256 * 1024 * 1024
_ORDER = re.compile(r"o-\d{1,12}", re.ASCII)
_TRACE = re.compile(r"[0-9a-f]{4,32}", re.ASCII)
_LONGEST_NUMBER = 15


class Wanted(NamedTuple):
    """Which spans are looked for.

    A line may hold several spans, and not every tool writes JSON as we do: the bytes only spare
    the decoding, and ``takes`` decides.

    Attributes:
        needle: bytes that a line of such a span holds as we write it; b"" for every line.
        takes: whether a span is meant.
    """

    needle: bytes
    takes: Callable[[Span], bool]


EVERY = Wanted(b"", lambda span: True)


def of_market(market_id: str) -> Wanted:
    """Return what finds the spans of a market."""
    needle = naming.ID + msgspec.json.encode(market_id)
    return Wanted(needle, lambda span: bool(span.attributes["polyframe.market.id"] == market_id))


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


class RunSpans:
    """The spans of one run, as they lie on disk.

    Args:
        run: the run's folder, or one with span files in it.

    Attributes:
        run_id: the run's id, the folder's name when no span tells it.
        resource: what is true of every span.
        last_ns: when the last span ended, UTC ns.

    Raises:
        PolyframeError: there are no spans, or they cannot be read.
    """

    def __init__(self, run: Path) -> None:
        self._blocks = SpanBlocks(run / FOLDER if (run / FOLDER).is_dir() else run)
        self._corrupt: set[int] = set()
        if not self._blocks:
            raise _no_spans(run)
        last = next(self.newest_first(EVERY), None)
        if last is None:
            raise PolyframeError(
                f"{run}: no span can be read: {'; '.join(self.gaps)}"
                if self.gaps
                else f"{run}: no decision yet; look again when the run has begun"
            )
        self.last_ns = last.end_ns
        self.resource = self._read_resource()
        self.run_id = str(last.attributes.get("polyframe.run.id") or run.name)

    @property
    def gaps(self) -> list[str]:
        """What of the run is known so far to be missing or no span of ours, a line each.

        A line is counted once however often it was read.
        """
        count = len(self._corrupt)
        lines = (
            "1 line is not a span of ours and was"
            if count == 1
            else (f"{count} lines are not spans of ours and were")
        )
        return [*([f"{lines} left out"] if count else []), *self._blocks.gaps]

    def newest_first(self, wanted: Wanted, until_ns: int | None = None) -> Iterator[Span]:
        """Yield the spans that are wanted, newest first.

        Args:
            wanted: which.
            until_ns: files that begin later are passed over; within a file nothing is.
        """
        for block in self._blocks.newest_first(until_ns):
            for line in reversed(list(lines_with(block, wanted.needle))):
                yield from filter(wanted.takes, reversed(self._decoded(line)))

    def oldest_first(self, wanted: Wanted) -> Iterator[Span]:
        """Yield the spans that are wanted, oldest first."""
        for block in self._blocks.oldest_first():
            for line in lines_with(block, wanted.needle):
                yield from filter(wanted.takes, self._decoded(line))

    def market(self, wanted: str) -> MarketName:
        """Return the market a person means.

        Raises:
            UsageError: it may be several, or is none.
        """
        wanted = wanted.strip()
        if not wanted:
            raise UsageError("name a market: its id, its slug or words of its question")
        known: dict[bytes, MarketName] = {}
        read_bytes = 0
        for block in self._blocks.newest_first():
            read_bytes += len(block)
            if is_spaced(block):
                self._note_decoded(block, known)
            else:
                naming.note_markets(block, known)
            if (found := naming.exact(wanted, known.values())) is not None:
                return found
            if read_bytes >= _ENOUGH_BYTES and naming.matching(wanted, known.values()):
                break
        return naming.one_of(wanted, naming.matching(wanted, known.values()), known.values())

    def _note_decoded(self, block: bytes, known: dict[bytes, MarketName]) -> None:
        for line in lines_with(block, b""):
            for span in self._decoded(line):
                names = ("id", "slug", "question")
                told = (span.attributes.get(f"polyframe.market.{name}", "") for name in names)
                market = MarketName(*told)
                known.setdefault(msgspec.json.encode(market.market_id), market)

    def decision(self, wanted: str) -> Span:
        """Return the decision of a number, a trace id or its beginning, or an order id.

        Raises:
            UsageError: there is none, or several traces begin so.
        """
        text = wanted.strip().lower()
        wants: Wanted | None = None
        if _ORDER.fullmatch(text):
            wants = Wanted(text.encode() + b" ", lambda span: _has_placed(span, text))
        elif text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER:
            wants = _of_decision(int(text))
        if wants is not None and (span := next(self.newest_first(wants), None)) is not None:
            return span
        if _TRACE.fullmatch(text):
            found: dict[str, Span] = {}
            for span in self.newest_first(_of_trace(text)):
                found[span.context.trace_id] = span
                if len(found) > 1:
                    several = " and ".join(visible(trace) for trace in found)
                    raise UsageError(f"trace {text}: several begin so, {several} among them")
            if found:
                return next(iter(found.values()))
        raise UsageError(
            f"run {visible(self.run_id)} has no decision '{visible(wanted[:40])}': give a number, "
            "the beginning of a trace id, or an order id such as o-000123"
        )

    def _decoded(self, line: bytes) -> list[Span]:
        try:
            spans = spans_of(line)
        except ValueError:
            self._corrupt.add(hash(line))
            return []
        ours = [span for span in spans if is_genuine(span)]
        if len(ours) < len(spans):
            self._corrupt.add(hash(line))
        return ours

    def _read_resource(self) -> dict[str, Any]:
        for block in self._blocks.newest_first():
            for line in block.splitlines():
                try:
                    return resource_of(line)
                except ValueError:
                    continue
        return {}


def _of_decision(number: int) -> Wanted:
    needle = b'"polyframe.decision.id","value":{"intValue":"%d"}' % number
    return Wanted(needle, lambda span: span.name == DECIDE and decision_id(span) == number)


def _of_trace(beginning: str) -> Wanted:
    needle = b'"traceId":"' + beginning.encode()
    return Wanted(
        needle,
        lambda span: span.name == DECIDE and span.context.trace_id.startswith(beginning),
    )


def _has_placed(span: Span, order_id: str) -> bool:
    return span.name == DECIDE and any(one.order_id == order_id for one in orders_placed(span))


def _no_spans(run: Path) -> PolyframeError:
    """Say why a folder has no spans: only a run's manifest tells whether any were to be written."""
    try:
        manifest = json.loads((run / "manifest.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return UsageError(f"{run}: no run and no span files lie here")
    build = (
        "its tape has every decision: build them with "
        f"'polyframe replay {run} --spans FOLDER' and read them with '--run FOLDER'"
    )
    try:
        was_off = manifest["strategy"]["settings"]["tracing"]["file"] is False
    except (TypeError, LookupError):
        was_off = False
    if was_off:
        return PolyframeError(f"{run}: no spans: the run had 'tracing: {{file: false}}'; {build}")
    return PolyframeError(f"{run}: the run has no span file; {build}")
