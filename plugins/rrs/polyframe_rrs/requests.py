"""Files of oracle requests: one JSON object a line, plain or zstandard-compressed.

A request becomes the market that a maker would have seen before its first proposal: question,
rules, tags, whether it had an end and a start. Proposal facts (who, what price, when settled)
are read for labels only. A clarification counts when it was published before the proposal.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from polyframe import MarketSpec
from polyframe.model import FeeSchedule, RewardTerms

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_TITLE = "q: title: "
_RULES = ", description: "
_NAMES = re.compile(r"\b[A-Z][\w'\u2019]*|\"[^\"]*\"|\u201c[^\u201d]*\u201d")
_WORD = re.compile(r"[a-z]+")
_LAST_S = 253_402_300_799  # the end of the year 9999: what a date can hold
TOO_EARLY = "p4"


class BrokenFile(Exception):
    """A file that cannot be read; the message is one line and names file and line."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request: the market before its proposal, and what became of it.

    ``event`` is shared by requests whose rules differ in names only and that end on the same
    day: siblings, which must not be split between training and test.
    """

    spec: MarketSpec
    requested_s: int
    event: str
    is_market: bool
    is_disputed: bool
    is_premature: bool

    @property
    def is_substantive(self) -> bool:
        """Disputed for another reason than "too early"."""
        return self.is_disputed and not self.is_premature


class _Token(msgspec.Struct):
    outcome: str | None = None


class _Row(msgspec.Struct):
    """What is read of a line; other keys are the venue's business."""

    ancillary_data: str
    label_disputed: bool
    request_timestamp: Annotated[int, msgspec.Meta(ge=0, le=_LAST_S)]
    label_resolved_outcome: str | None = None
    request_transaction_block_time: int | None = None
    end_date_iso: str | None = None
    game_start_time: str | None = None
    updates: list[str] | None = None
    tags: list[str] | None = None
    tokens: list[_Token] | None = None
    condition_id: str | None = None
    query_id: str | None = None


def read(path: Path) -> list[Request]:
    """Return the requests of a file in file order.

    Raises:
        BrokenFile: no such file, not text, cut off, or a line that is no request.
    """
    requests = []
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            requests.append(_request(msgspec.convert(json.loads(line), _Row)))
        except (ValueError, RecursionError) as error:
            what = " ".join(str(error).split())[:120]
            if isinstance(error, json.JSONDecodeError):
                what = f"no JSON ({what})"
            raise BrokenFile(f"{path}:{number}: not a request: {what}") from error
    if not requests:
        raise BrokenFile(f"{path}: holds no request")
    return requests


def _lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            content = file.read()
    except OSError as error:
        raise BrokenFile(f"{path}: {error.strerror or error}") from error
    if content.startswith(_ZSTD_MAGIC):
        content = _unpacked(content, path)
    try:
        # Texts hold other Unicode line separators: only \n ends a line.
        return content.decode().split("\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BrokenFile(f"{path}:{line}: not UTF-8") from error


def _unpacked(content: bytes, path: Path) -> bytes:
    """Return what every frame holds; a file that was cut off is refused, not read in part."""
    # Asked for by name: the plugin itself never needs it, only a tool with a packed file.
    zstd: Any = importlib.import_module("zstandard")
    parts: list[bytes] = []
    while content:
        frame = zstd.ZstdDecompressor().decompressobj()
        try:
            parts.append(frame.decompress(content))
        except zstd.ZstdError as error:
            raise BrokenFile(f"{path}: broken compression: {error}") from error
        if not frame.eof:
            raise BrokenFile(f"{path}: broken compression: the file is cut off")
        content = frame.unused_data
    return b"".join(parts)


def _request(row: _Row) -> Request:
    question, rules = _texts(row.ancillary_data)
    ends = row.end_date_iso or ""
    proposed_s = row.request_transaction_block_time or 0
    clarified = "".join(
        f"\nAdditional context: {text}"
        for at, text in map(_update, row.updates or ())
        if at < proposed_s
    )
    spec = _spec(
        row.condition_id or row.query_id or "",
        question,
        rules + clarified,
        tags=tuple(row.tags or ()),
        outcomes=_outcomes(row.tokens or ()),
        has_end=bool(ends),
        has_start=bool(row.game_start_time),
    )
    return Request(
        spec=spec,
        requested_s=row.request_timestamp,
        event=_event(ends[:10], rules),
        is_market=row.ancillary_data.startswith(_TITLE),
        is_disputed=row.label_disputed,
        is_premature=row.label_disputed and row.label_resolved_outcome == TOO_EARLY,
    )


def _texts(ancillary: str) -> tuple[str, str]:
    """Return question and rules of the oracle's text, in the venue's form or as JSON."""
    if ancillary.startswith("{"):
        asked, _ = json.JSONDecoder().raw_decode(ancillary)
        inner = asked.get("q") or {}
        if not isinstance(inner, dict):
            raise ValueError("ancillary_data: its q is no object")
        return _plain(str(inner.get("title", ""))), _plain(str(inner.get("description", "")))
    title, _, rules = ancillary.partition(_RULES)
    return _plain(title.removeprefix(_TITLE)), _plain(rules)


def _update(written: str) -> tuple[int, str]:
    """Return when a clarification was published, in seconds, and its text: ``(at, b'text')``."""
    try:
        at, text = ast.literal_eval(written)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        at, text = None, None
    if not isinstance(at, int) or not isinstance(text, bytes | str):
        raise ValueError("updates: an entry is no pair of a time and a text")
    return at, text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def _plain(text: str) -> str:
    """Undo a UTF-8 text that was stored as Latin-1, where that is what it is."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return text


def _outcomes(tokens: Sequence[_Token]) -> tuple[str, str]:
    names = [token.outcome or "" for token in tokens]
    return (names[0], names[1]) if len(names) == 2 else ("Yes", "No")


def _event(day: str, rules: str) -> str:
    words = sorted(dict.fromkeys(_WORD.findall(_NAMES.sub("", rules).lower())))
    return f"{day} {' '.join(words)}"


def _spec(
    market_id: str,
    question: str,
    rules: str,
    *,
    tags: tuple[str, ...],
    outcomes: tuple[str, str],
    has_end: bool,
    has_start: bool,
) -> MarketSpec:
    """Return the market; instants are 0, because only whether they exist is ever read."""
    return MarketSpec(
        market_id=market_id,
        question=question,
        rules=rules,
        resolution_source="",
        slug="",
        outcomes=outcomes,
        token_ids=("", ""),
        tick_e4=100,
        min_size_e6=0,
        fees=FeeSchedule(),
        rewards=RewardTerms(),
        neg_risk=False,
        neg_risk_augmented=False,
        market_event_id="",
        market_event_title="",
        group_item_title="",
        category="",
        tags=tags,
        end_ns=0 if has_end else None,
        game_start_ns=0 if has_start else None,
        accepting_orders=False,
        closed=False,
        uma_statuses=(),
        liveness_s=None,
        volume_24h_usd=0.0,
        liquidity_usd=0.0,
        seconds_delay=0.0,
    )
