"""What everybody can see of the markets: books, ticks, and the mid's path, in YES space."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from polyframe.events import (
    BookSnapshot,
    Event,
    MarketResolved,
    PriceChange,
    TickSizeChange,
)
from polyframe.model import MarketSpec
from polyframe.runtime.books import MarketBook


class PublicMarket:
    """One market's public book and the path of its mid (1e-6, None where there is none)."""

    __slots__ = ("_mids", "_moments", "book", "is_open", "spec", "tick_e4", "tick_since_ns")

    def __init__(self, spec: MarketSpec) -> None:
        self.spec = spec
        self.book = MarketBook(spec.tick_e4)
        self.tick_e4 = spec.tick_e4
        self.tick_since_ns = 0
        self.is_open = not spec.closed and spec.accepting_orders
        self._moments: list[int] = []
        self._mids: list[int | None] = []

    def note_mid(self, ts_ns: int) -> None:
        """Remember the mid from now on."""
        mid_e6 = self.book.mid_e6
        if not self._mids or self._mids[-1] != mid_e6:
            self._moments.append(ts_ns)
            self._mids.append(mid_e6)

    def mid_e6(self, at_ns: int) -> int | None:
        """Return the mid in force at a moment not older than the last :meth:`forget`."""
        place = bisect_right(self._moments, at_ns)
        return self._mids[place - 1] if place else None

    def forget(self) -> None:
        """Drop the path but for the mid in force."""
        del self._moments[:-1], self._mids[:-1]


class PublicView:
    """All markets as the feed tells them.

    Args:
        specs: the markets that are followed; the feed of others is passed over.
    """

    def __init__(self, specs: Iterable[MarketSpec]) -> None:
        self.markets = {spec.market_id: PublicMarket(spec) for spec in specs}

    def observe(self, event: Event) -> None:
        """Learn from an event of the feed."""
        if not isinstance(event, PriceChange | BookSnapshot | TickSizeChange | MarketResolved):
            return
        market = self.markets.get(event.market_id)
        if market is None:
            return
        yes_token = market.spec.token_ids[0]
        match event:
            case PriceChange():
                for change in event.changes:
                    # The exchange says everything of both tokens: the NO book is the mirror.
                    if change.token_id == yes_token:
                        market.book.set_level(change.is_bid, change.price_e4, change.size)
            case BookSnapshot():
                if event.token_id == yes_token:
                    market.book.replace(event.bids, event.asks)
            case TickSizeChange():
                if event.new_tick_e4 != market.tick_e4:
                    market.tick_e4 = event.new_tick_e4
                    market.tick_since_ns = event.ts_ns
            case MarketResolved():
                market.is_open = False
        market.note_mid(event.ts_ns)
