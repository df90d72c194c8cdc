"""How long each book has been crossed, and how many messages said so.

Feeds show crossed books for a few messages when one side's change arrives before the other's
(venue.md 7.6). Such a book is nobody's gift; only one that stays crossed is.
"""

from __future__ import annotations

from typing import NamedTuple

from polyframe import MarketView

_SECOND_NS = 1_000_000_000


class Crossing(NamedTuple):
    """One uninterrupted crossing of one book."""

    since_ns: int
    last_ns: int
    messages: int
    tick_e4: int

    def age_s(self, now_ns: int) -> float:
        """How long the book has been crossed, in seconds of market time."""
        return (now_ns - self.since_ns) / _SECOND_NS


class Crossings:
    """The crossings in force, by market.

    Args:
        max_gap_s: a book not heard of for longer, or on another price grid, begins anew.
    """

    def __init__(self, max_gap_s: float) -> None:
        self._max_gap_ns = round(max_gap_s * _SECOND_NS)
        self._by_market: dict[str, Crossing] = {}

    def observe(self, market: MarketView, now_ns: int) -> bool:
        """Take in a book change; True when a crossing begins with it."""
        spread_e4 = market.book.spread_e4
        if spread_e4 is None or spread_e4 >= 0:
            self._by_market.pop(market.market_id, None)
            return False
        known = self._by_market.get(market.market_id)
        is_same = (
            known is not None
            and known.tick_e4 == market.tick_e4
            and now_ns - known.last_ns <= self._max_gap_ns
        )
        if known is not None and is_same:
            self._by_market[market.market_id] = known._replace(
                last_ns=now_ns, messages=known.messages + 1
            )
            return False
        self._by_market[market.market_id] = Crossing(now_ns, now_ns, 1, market.tick_e4)
        return True

    def of(self, market_id: str) -> Crossing | None:
        """Return the crossing in force, None where the book is not crossed."""
        return self._by_market.get(market_id)
