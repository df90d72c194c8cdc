"""Does the book we built agree with the whole books the venue sends? Counted, never assumed.

A ``book`` frame may differ from ours at the touch after a trade (the venue sends no
``price_change`` for what a trade ate), and it may run ahead of the deltas that follow it within
milliseconds. Both are explained; anything else is a mismatch, and the report says how many.
"""

from __future__ import annotations

from polyframe.money import PRICE_ONE_E4
from polyframe.runtime.books import Levels, MarketBook

# Deltas that a snapshot was ahead of follow within tens of milliseconds in the recordings.
EXPLAIN_WINDOW_NS = 1_000_000_000
_Level = tuple[bool, int]


class BookCheck:
    """Compares snapshots with built books; ``checked``, ``at_touch``, ``ahead``, ``mismatched``."""

    def __init__(self) -> None:
        self.checked = 0
        self.at_touch = 0
        self.ahead = 0
        self._unexplained = 0
        self._open: dict[str, tuple[int, dict[_Level, float]]] = {}

    @property
    def mismatched(self) -> int:
        """Snapshots whose differences nothing explained, the still open ones included."""
        return self._unexplained + len(self._open)

    def compare(
        self, market_id: str, book: MarketBook, bids: Levels, asks: Levels, now_ns: int
    ) -> None:
        """Compare a snapshot (YES space) with the book as it stands before applying it."""
        bids, asks = list(bids), list(asks)
        self.checked += 1
        agreement = book.agreement(bids, asks)
        if agreement == "touch":
            self.at_touch += 1
        elif agreement == "deep":
            self._settle(market_id)
            self._open[market_id] = (now_ns, _differences(book, bids, asks))

    def on_level(
        self, market_id: str, is_bid: bool, price_e4: int, size: float, now_ns: int
    ) -> None:
        """A later delta: it may be the one an open snapshot was ahead of."""
        found = self._open.get(market_id)
        if found is None:
            return
        since_ns, differences = found
        if now_ns - since_ns > EXPLAIN_WINDOW_NS:
            self._settle(market_id)
            return
        if differences.get((is_bid, price_e4)) == size:
            del differences[is_bid, price_e4]
            # One level may remain: the touch that the trade itself ate.
            if len(differences) <= 1:
                del self._open[market_id]
                self.ahead += 1

    def _settle(self, market_id: str) -> None:
        if self._open.pop(market_id, None) is not None:
            self._unexplained += 1


def _differences(book: MarketBook, bids: Levels, asks: Levels) -> dict[_Level, float]:
    found: dict[_Level, float] = {}
    for is_bid, new_levels in ((True, bids), (False, asks)):
        old = dict(book.levels("bid" if is_bid else "ask", PRICE_ONE_E4))
        new = {price: size for price, size in new_levels if size > 0}
        for price in sorted(old.keys() | new.keys()):
            if old.get(price, 0.0) != new.get(price, 0.0):
                found[is_bid, price] = new.get(price, 0.0)
    return found
