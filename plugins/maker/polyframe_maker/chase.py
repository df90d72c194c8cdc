"""The chase limit: how fast our own quotes may follow a market into more inventory.

An order-by-order collar does not see a quote that walks after a running price, each step small
and each fill worse than the last. This one compares with our own quotes of the last minute
(the "collar over a period" of RTS 6, Art. 15(1)(a)). Only the side that adds inventory is held
back, and only towards the market: reducing and backing off are never slowed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from polyframe import SIDES, BookSide
from polyframe.money import PRICE_ONE_E4

_MINUTE_NS = 60_000_000_000
_BUCKET_NS = 1_000_000_000
# After an hour without a quote an old one says nothing; it also bounds what is remembered.
_FORGET_NS = 60 * _MINUTE_NS

# Asks are kept as the bids they are in the mirrored market, so that one rule serves both sides.
_Own = deque[tuple[int, int]]


class ChaseLimit:
    """The quotes we wanted, per market and side: at most one a second over a minute."""

    def __init__(self, ticks_per_min: float) -> None:
        self._ticks_per_min = ticks_per_min
        self._own: dict[tuple[str, BookSide], _Own] = {}

    def clamp(
        self, market_id: str, side: BookSide, price_e4: int, tick_e4: int, now_ns: int
    ) -> int | None:
        """Return the price held back so that it moves at most the limit a minute, else as it is.

        The most careful own quote of the last minute may be left behind by the limit; a last
        quote older than a minute by the limit times its age. None when no grid price is left.
        """
        wanted_e4 = _mirrored(price_e4, side)
        own = self._own.get((market_id, side))
        if not own:
            return price_e4
        _drop_old(own, now_ns)
        allowed_e4 = min(
            quoted_e4 + self._ticks_per_min * tick_e4 * max(1.0, (now_ns - ts_ns) / _MINUTE_NS)
            for ts_ns, quoted_e4 in own
        )
        if wanted_e4 <= allowed_e4:
            return price_e4
        held_e4 = int(allowed_e4) // tick_e4 * tick_e4
        return _mirrored(held_e4, side) if held_e4 >= tick_e4 else None

    def note(self, market_id: str, side: BookSide, price_e4: int, now_ns: int) -> None:
        """Remember a quote."""
        price_e4 = _mirrored(price_e4, side)
        own = self._own.setdefault((market_id, side), deque())
        # Only ever-higher later quotes matter behind a lower one: the window's minimum is first.
        if own and own[-1][0] // _BUCKET_NS == now_ns // _BUCKET_NS:
            price_e4 = min(price_e4, own.pop()[1])
        while own and own[-1][1] >= price_e4:
            own.pop()
        own.append((now_ns, price_e4))
        _drop_old(own, now_ns)

    def prune(self, now_ns: int) -> None:
        """Forget the sides that have not been quoted for an hour."""
        for key in [key for key, own in self._own.items() if now_ns - own[-1][0] > _FORGET_NS]:
            del self._own[key]

    def as_document(self) -> dict[str, Any]:
        """Return what is remembered: a restart must not let a quote jump after the market."""
        document: dict[str, Any] = {}
        for (market_id, side), own in self._own.items():
            document.setdefault(market_id, {})[side] = [list(quote) for quote in own]
        return document

    def restore(self, document: Mapping[str, Any]) -> None:
        """Take over what an earlier instance remembered."""
        for market_id, by_side in document.items():
            for side in SIDES:
                if side in by_side:
                    quotes = ((ts_ns, price_e4) for ts_ns, price_e4 in by_side[side])
                    self._own[market_id, side] = deque(quotes)

    def remembered(self) -> int:
        """Return how many quotes are kept, over all markets."""
        return sum(len(own) for own in self._own.values())


def adding_sides(net_yes_e6: int) -> tuple[BookSide, ...]:
    """Return the sides whose fill would add to the inventory; both when there is none."""
    if net_yes_e6 == 0:
        return SIDES
    return ("bid",) if net_yes_e6 > 0 else ("ask",)


def _drop_old(own: _Own, now_ns: int) -> None:
    """Drop what is older than a minute, but never the last quote."""
    while len(own) > 1 and now_ns - own[0][0] > _MINUTE_NS:
        own.popleft()


def _mirrored(price_e4: int, side: BookSide) -> int:
    return price_e4 if side == "bid" else PRICE_ONE_E4 - price_e4
