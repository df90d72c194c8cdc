"""Premature proposals: a risk of time, kept apart from the risk of wording.

Half of all disputes answer a proposal made too early ("p4"): the question was clear, the hour
was not. That locks a market up for days, but says nothing against its words, so it is reported
and does not enter the maker veto. The rate of a kind of question is its share of premature
proposals, shrunk towards the rate of all: ``(premature + k base) / (requests + k)``.
"""

from __future__ import annotations

import re

from polyframe import MarketSpec

SHRINK_REQUESTS = 500.0
"""k: a kind's own rate and that of all weigh the same at this many requests."""

_CANDLE = re.compile(r"\bup or down\b|\bcandle\b", re.IGNORECASE)
_SPEECH = re.compile(r"\b(?:say|says|mentions?|mentioned)\b", re.IGNORECASE)
_DEADLINE = re.compile(r"\b(?:by|before|in|until)\b[^?]{0,40}\?", re.IGNORECASE)


def kind_of(spec: MarketSpec) -> str:
    """Return ``game``, ``candle``, ``speech``, ``deadline`` or ``other``."""
    if spec.game_start_ns is not None:
        return "game"
    if _CANDLE.search(spec.question):
        return "candle"
    if _SPEECH.search(spec.question):
        return "speech"
    if _DEADLINE.search(spec.question):
        return "deadline"
    return "other"


def shrunk_rate(premature: int, requests: int, base: float) -> float:
    """Return the beta-binomial mean with a prior of :data:`SHRINK_REQUESTS` requests."""
    return (premature + SHRINK_REQUESTS * base) / (requests + SHRINK_REQUESTS)
