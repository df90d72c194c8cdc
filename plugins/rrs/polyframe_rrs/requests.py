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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polyframe import MarketSpec
from polyframe.model import FeeSchedule, RewardTerms

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_TITLE = "q: title: "
_RULES = ", description: "
_NAMES = re.compile(r"\b[A-Z][\w'\u2019]*|\"[^\"]*\"|\u201c[^\u201d]*\u201d")
_WORD = re.compile(r"[a-z]+")
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


def read(path: Path) -> list[Request]:
    """Return the requests of a file in file order.

    Raises:
        BrokenFile: no such file, not text, or a line that is no request.
    """
    requests = []
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            requests.append(_request(json.loads(line)))
        except (KeyError, TypeError, ValueError, AttributeError, SyntaxError) as error:
            what = " ".join(str(error).split())[:120]
            raise BrokenFile(f"{path}:{number}: not a request: {_reason(error, what)}") from error
    if not requests:
        raise BrokenFile(f"{path}: holds no request")
    return requests


def _reason(error: Exception, what: str) -> str:
    if isinstance(error, KeyError):
        return f"key {what} is missing"
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON ({what})"
    return what


def _lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            content = file.read()
    except OSError as error:
        raise BrokenFile(f"{path}: {error.strerror or error}") from error
    if content.startswith(_ZSTD_MAGIC):
        # Asked for by name: the plugin itself never needs it, only a tool with a packed file.
        zstd: Any = importlib.import_module("zstandard")
        try:
            content = zstd.ZstdDecompressor().stream_reader(content).read()
        except zstd.ZstdError as error:
            raise BrokenFile(f"{path}: broken compression: {error}") from error
    try:
        # Texts hold other Unicode line separators: only \n ends a line.
        return content.decode().split("\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BrokenFile(f"{path}:{line}: not UTF-8") from error


def _request(row: dict[str, Any]) -> Request:
    if not isinstance(row, dict):
        raise TypeError("an object is wanted")
    question, rules = _texts(row["ancillary_data"])
    disputed = row["label_disputed"]
    if not isinstance(disputed, bool):
        raise TypeError("label_disputed must be true or false")
    resolved = row.get("label_resolved_outcome")
    ends = row.get("end_date_iso") or ""
    proposed_s = row.get("request_transaction_block_time") or 0
    updates = (ast.literal_eval(update) for update in row.get("updates") or ())
    clarified = "".join(
        f"\nAdditional context: {_decoded(text)}" for at, text in updates if at < proposed_s
    )
    spec = _spec(
        row.get("condition_id") or row.get("query_id") or "",
        question,
        rules + clarified,
        tags=tuple(row.get("tags") or ()),
        outcomes=_outcomes(row.get("tokens") or ()),
        has_end=bool(ends),
        has_start=bool(row.get("game_start_time")),
    )
    return Request(
        spec=spec,
        requested_s=int(row["request_timestamp"]),
        event=_event(ends[:10], rules),
        is_market=row["ancillary_data"].startswith(_TITLE),
        is_disputed=disputed,
        is_premature=disputed and resolved == TOO_EARLY,
    )


def _texts(ancillary: str) -> tuple[str, str]:
    """Return question and rules of the oracle's text, in the venue's form or as JSON."""
    if ancillary.startswith("{"):
        asked, _ = json.JSONDecoder().raw_decode(ancillary)
        inner = asked.get("q") or {}
        return _plain(str(inner.get("title", ""))), _plain(str(inner.get("description", "")))
    title, _, rules = ancillary.partition(_RULES)
    return _plain(title.removeprefix(_TITLE)), _plain(rules)


def _plain(text: str) -> str:
    """Undo a UTF-8 text that was stored as Latin-1, where that is what it is."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return text


def _decoded(text: object) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)


def _outcomes(tokens: Any) -> tuple[str, str]:
    names = [str(token.get("outcome") or "") for token in tokens]
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
