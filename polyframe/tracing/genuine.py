"""Whether a span that was read is one of ours, with every value the kind that readers rely on.

A file may have been edited, damaged or written by another tool. What is looked at is judged here,
once, so that no reader has to.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from polyframe.tracing.span import Span
from polyframe.tracing.spans import DECIDE, FILL

_ID = "polyframe.decision.id"
_NEEDED: dict[str, tuple[str, ...]] = {
    DECIDE: (_ID, "polyframe.market.id", "polyframe.component", "polyframe.decision.outcome"),
    FILL: (_ID, "polyframe.market.id", "polyframe.component"),
}
_KINDS: dict[str, str] = {
    _ID: "count",
    "polyframe.decision.skipped_before": "count",
    "polyframe.decision.waited_s": "seconds",
    "polyframe.decision.took_s": "seconds",
    "polyframe.book.age_s": "seconds",
    "polyframe.book.bid": "number",
    "polyframe.book.ask": "number",
    "polyframe.inventory.net_yes": "number",
    "polyframe.commands": "texts",
    "polyframe.veto.codes": "texts",
    "polyframe.fill.is_maker": "truth",
    "polyframe.fill.price": "number",
    "polyframe.fill.size": "number",
    "polyframe.fill.fee_usd": "number",
    "polyframe.fill.mid_before": "number",
    "polyframe.proposal.plugin": "text",
    "polyframe.proposal.policy": "text",
    "polyframe.veto.code": "text",
    "polyframe.veto.side": "text",
    "polyframe.veto.observed": "number",
    "polyframe.veto.limit": "number",
    "polyframe.plugin": "text",
    "polyframe.component": "text",
}
_KINDS_BY_BEGINNING = (
    ("polyframe.decision.", "text"),
    ("polyframe.market.", "text"),
    ("polyframe.run.", "text"),
    ("polyframe.votes.", "texts"),
    ("polyframe.proposal.", "number"),
    ("polyframe.target.", "number"),
    ("polyframe.shape.", "number"),
    ("polyframe.reading.", "number"),
    ("polyframe.fill.", "text"),
)
_LARGEST_NUMBER = 1.7e308
# Three hundred years: what lasts longer cannot be shown as a date, and never was.
_LARGEST_SECONDS = 1e10
_LARGEST_COUNT = 10**15
_LAST_NS = 2**63 - 1


def is_genuine(span: Span) -> bool:
    """Whether a span is a decision or a fill of ours, and holds nothing a reader would trip on."""
    needed = _NEEDED.get(span.name) if type(span.name) is str else None
    if needed is None or any(name not in span.attributes for name in needed):
        return False
    texts = (span.context.trace_id, span.context.span_id, *(event.name for event in span.events))
    return (
        all(type(text) is str for text in texts)
        and 0 <= span.start_ns <= _LAST_NS
        and 0 <= span.end_ns <= _LAST_NS
        and _are_fit(span.attributes)
        and all(_are_fit(event.attributes) for event in span.events)
    )


def _are_fit(attributes: Mapping[str, Any]) -> bool:
    return all(_is_fit(_kind_of(name), value) for name, value in attributes.items())


# The names of readings and inputs are the plugins'; whatever else a file has must not pile up.
@lru_cache(maxsize=2048)
def _kind_of(name: str) -> str:
    if type(name) is not str:
        return "nothing"
    if (kind := _KINDS.get(name)) is not None:
        return kind
    return next((kind for begin, kind in _KINDS_BY_BEGINNING if name.startswith(begin)), "anything")


def _is_fit(kind: str, value: Any) -> bool:
    match kind:
        case "text":
            return type(value) is str
        case "number":
            # NaN and the infinities fail this too.
            return type(value) in (float, int) and abs(value) <= _LARGEST_NUMBER
        case "seconds":
            return type(value) in (float, int) and abs(value) <= _LARGEST_SECONDS
        case "texts":
            return type(value) is list and all(type(item) is str for item in value)
        case "count":
            return type(value) is int and 0 <= value <= _LARGEST_COUNT
        case "truth":
            return type(value) is bool
    return kind == "anything"
