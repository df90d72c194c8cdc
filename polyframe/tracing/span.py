"""What a span is here, before any exporter has seen it: plain values, named as OpenTelemetry does.

Ids come from the run's id and the decision's number, so a replayed decision has its live ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

Value = str | bool | int | float | Sequence[str]
Attributes = Mapping[str, Value]

_TRACE_BYTES, _SPAN_BYTES = 16, 8


class SpanContext(msgspec.Struct, frozen=True):
    """A span's two ids as lower-case hex: 32 and 16 characters."""

    trace_id: str
    span_id: str


class SpanEvent(msgspec.Struct, frozen=True):
    """Something a span has to tell beside its attributes. ``ts_ns`` is UTC ns."""

    name: str
    ts_ns: int
    attributes: dict[str, Any]


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One finished span; instants are UTC ns of market time.

    ``error`` is the status' description, None for a span that is not in error.
    """

    name: str
    context: SpanContext
    parent_span_id: str | None = None
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]
    events: tuple[SpanEvent, ...] = ()
    links: tuple[SpanContext, ...] = ()
    error: str | None = None


def decision_context(run_id: str, decision_id: int) -> SpanContext:
    """Return the ids of a decision's span; it is the root of its trace."""
    return _context(f"{run_id}/decision/{decision_id}")


def fill_context(run_id: str, decision_id: int, trade_id: str, order_id: str) -> SpanContext:
    """Return the ids of a fill's span, in the trace of the decision that placed its order."""
    trace_id = decision_context(run_id, decision_id).trace_id
    return SpanContext(trace_id, _context(f"{run_id}/fill/{trade_id}/{order_id}").span_id)


def is_sampled(trace_id: str, share: float) -> bool:
    """Whether a trace is among the ``share`` (0..1) that is kept.

    The rule of OpenTelemetry's ``TraceIdRatioBased``: by the id's last eight bytes, so that every
    process, and a replay, keeps the same ones.
    """
    return int(trace_id[16:], 16) < round(share * 2**64)


def _context(seed: str) -> SpanContext:
    digest = hashlib.sha256(seed.encode()).hexdigest()
    ends = 2 * _TRACE_BYTES, 2 * (_TRACE_BYTES + _SPAN_BYTES)
    return SpanContext(digest[: ends[0]], digest[ends[0] : ends[1]])
