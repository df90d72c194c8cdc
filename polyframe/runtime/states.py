"""A market's way to resolution: its state, what the state allows, and its cluster."""

from __future__ import annotations

import re
from typing import NamedTuple

from polyframe.model import RESOLVED_WORDS, MarketSpec, MarketState
from polyframe.settings import StateSettings

_HOUR_NS = 3_600_000_000_000
PROPOSED_WORDS = frozenset({"proposed", "reproposed"})


class Allowance(NamedTuple):
    """What a state allows (mission.md 3.1)."""

    may_quote: bool
    may_add: bool


ALLOWED: dict[MarketState, Allowance] = {
    MarketState.NORMAL: Allowance(may_quote=True, may_add=True),
    MarketState.WATCH: Allowance(may_quote=True, may_add=False),
    MarketState.CLOSE_WINDOW: Allowance(may_quote=True, may_add=False),
    MarketState.POST_CLOSE: Allowance(may_quote=False, may_add=False),
    MarketState.PROPOSED: Allowance(may_quote=False, may_add=False),
    MarketState.CHALLENGE_WINDOW: Allowance(may_quote=False, may_add=False),
    MarketState.DISPUTED: Allowance(may_quote=False, may_add=False),
    MarketState.RESOLVED: Allowance(may_quote=False, may_add=False),
    MarketState.UNKNOWN: Allowance(may_quote=False, may_add=False),
}


def hours_to_close(spec: MarketSpec, now_ns: int) -> float | None:
    """Return hours until the market's end, negative after it, None where the venue gave none."""
    return None if spec.end_ns is None else (spec.end_ns - now_ns) / _HOUR_NS


class StateChange(NamedTuple):
    """A market moved on its way; ``reason`` is empty for NORMAL."""

    ts_ns: int
    market_id: str
    old: MarketState
    new: MarketState
    reason: str


def state_of(
    spec: MarketSpec, now_ns: int, settings: StateSettings, proposed_ns: int | None = None
) -> tuple[MarketState, str]:
    """Return the market's state and why.

    The oracle's word comes before the clock. A missing end date is WATCH, named as such:
    nothing says that the market is far from its end, and nothing says it is over.
    ``proposed_ns`` is when the standing answer was first seen, None when that is not known
    (it stood when we came); within the challenge window after it the answer can be disputed.
    """
    if spec.closed:
        return MarketState.RESOLVED, "closed by the venue"
    if spec.uma_statuses:
        last = spec.uma_statuses[-1].lower()
        if last in RESOLVED_WORDS:
            return MarketState.RESOLVED, f"oracle says {last}"
        if last in {"disputed", "challenged"}:
            return MarketState.DISPUTED, "an answer is disputed"
        if last in PROPOSED_WORDS:
            window_ns = challenge_window_ns(spec, settings)
            if proposed_ns is not None and now_ns - proposed_ns < window_ns:
                return MarketState.CHALLENGE_WINDOW, "an answer is proposed and can be disputed"
            return MarketState.PROPOSED, "an answer is proposed"
        if last not in {"", "requested", "initialized", "posed"}:
            return MarketState.UNKNOWN, "unknown oracle status"
    hours = hours_to_close(spec, now_ns)
    if hours is None:
        return MarketState.WATCH, "no end date"
    if hours <= 0:
        return MarketState.POST_CLOSE, "past its end and still open"
    if hours < settings.close_window_h:
        return MarketState.CLOSE_WINDOW, "close to its end"
    if hours < settings.watch_h:
        return MarketState.WATCH, "near its end"
    return MarketState.NORMAL, ""


def challenge_window_ns(spec: MarketSpec, settings: StateSettings) -> int:
    """Return how long an answer can be disputed: the market's own liveness, or the default."""
    if spec.liveness_s:
        return round(spec.liveness_s * 1e9)
    return round(settings.challenge_h * _HOUR_NS)


_ENTITY = re.compile(r"\b[A-Z][\w.'-]*(?:\s+[A-Z][\w.'-]*)*")
_QUESTION_WORDS = {"Will", "Is", "Does", "Do", "Who", "What", "When", "Which", "How", "Can", "The"}


def cluster_of(spec: MarketSpec) -> str:
    """Return the id of the markets that may move together with this one.

    The negative-risk event, else the event, else category and the first name in the
    question (mission.md 3.8).
    """
    if spec.market_event_id:
        return f"{'neg-risk' if spec.neg_risk else 'event'}:{spec.market_event_id}"
    for match in _ENTITY.finditer(spec.question):
        words = [word for word in match.group().split() if word not in _QUESTION_WORDS]
        if words:
            return f"{spec.category}:{' '.join(words).lower()}"
    return f"{spec.category}:{spec.market_id}"
