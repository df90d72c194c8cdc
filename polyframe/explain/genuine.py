"""Whether a span that was read is one of ours, with every value the kind that readers rely on.

A file may have been edited, damaged or written by another tool. What is looked at is judged here,
once, so that no reader has to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from polyframe.model import SIDES
from polyframe.tracing.span import Span
from polyframe.tracing.spans import DECIDE, FILL

_ID = "polyframe.decision.id"
_NEEDED: dict[str, tuple[str, ...]] = {
    DECIDE: (_ID, "polyframe.market.id", "polyframe.component", "polyframe.decision.outcome"),
    FILL: (_ID, "polyframe.market.id", "polyframe.component"),
}
_LARGEST_NUMBER = 1.7e308
# Three hundred years: what lasts longer cannot be shown as a date, and never was.
_LARGEST_SECONDS = 1e10
_LARGEST_COUNT = 10**15
_LAST_NS = 2**63 - 1
_NUMBERS = (float, int)


def _is_text(value: Any) -> bool:
    return type(value) is str


def _is_number(value: Any) -> bool:
    # NaN and the infinities fail this too.
    return type(value) in _NUMBERS and -_LARGEST_NUMBER <= value <= _LARGEST_NUMBER


def _is_seconds(value: Any) -> bool:
    return type(value) in _NUMBERS and -_LARGEST_SECONDS <= value <= _LARGEST_SECONDS


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _LARGEST_COUNT


def _is_truth(value: Any) -> bool:
    return type(value) is bool


def _is_texts(value: Any) -> bool:
    return type(value) is list and all(type(item) is str for item in value)


def _is_anything(value: Any) -> bool:
    return True


def _is_never(value: Any) -> bool:
    return False


_CHECKS: dict[str, Callable[[Any], bool]] = {
    _ID: _is_count,
    "polyframe.decision.skipped_before": _is_count,
    "polyframe.decision.waited_s": _is_seconds,
    "polyframe.decision.took_s": _is_seconds,
    "polyframe.book.age_s": _is_seconds,
    "polyframe.book.bid": _is_number,
    "polyframe.book.ask": _is_number,
    "polyframe.inventory.net_yes": _is_number,
    "polyframe.commands": _is_texts,
    "polyframe.veto.codes": _is_texts,
    "polyframe.held_by": _is_texts,
    "polyframe.fill.is_maker": _is_truth,
    "polyframe.fill.price": _is_number,
    "polyframe.fill.size": _is_number,
    "polyframe.fill.fee_usd": _is_number,
    "polyframe.fill.mid_before": _is_number,
    "polyframe.proposal.plugin": _is_text,
    "polyframe.proposal.policy": _is_text,
    "polyframe.veto.code": _is_text,
    "polyframe.veto.side": _is_text,
    "polyframe.veto.observed": _is_number,
    "polyframe.veto.limit": _is_number,
    "polyframe.plugin": _is_text,
    "polyframe.component": _is_text,
}
_LEGS = tuple(f"{side}.{what}" for side in SIDES for what in ("price", "size"))
for _quote in ("proposal", "target", "shape"):
    _CHECKS |= {f"polyframe.{_quote}.{part}": _is_number for part in ("fair", *_LEGS)}
for _name in ("outcome", "trigger", "origin"):
    _CHECKS[f"polyframe.decision.{_name}"] = _is_text
for _name in ("id", "slug", "question", "state"):
    _CHECKS[f"polyframe.market.{_name}"] = _is_text
for _name in ("order_id", "token", "side", "reverses"):
    _CHECKS[f"polyframe.fill.{_name}"] = _is_text
for _name in ("passed", "vetoed", "shaped", "asked"):
    _CHECKS[f"polyframe.votes.{_name}"] = _is_texts
_NUMBERS_BEGIN = ("polyframe.proposal.input.", "polyframe.reading.")


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
    return all(_check_of(name)(value) for name, value in attributes.items())


# The names of readings and inputs are the plugins'; whatever else a file has must not pile up.
@lru_cache(maxsize=2048)
def _check_of(name: Any) -> Callable[[Any], bool]:
    if type(name) is not str:
        return _is_never
    # What no reader knows may be anything: a later version's, or another tool's.
    return _CHECKS.get(name, _is_number if name.startswith(_NUMBERS_BEGIN) else _is_anything)
