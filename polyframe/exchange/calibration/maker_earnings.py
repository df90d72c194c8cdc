"""What makers of an observed market earn: the one of every trade, and one that queues.

Earnings are cents a share, signed so that positive is good for the maker (quant.md A3.1).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from polyframe.exchange.calibration.samples import Samples

HORIZONS_S = (30, 120)
_S_NS = 10**9
_FOLLOW_NS = 2 * _S_NS


class _Open(msgspec.Struct, frozen=True, gc=False):
    """A fill whose later mid is still to come; ``sign`` is +1 where the maker bought YES."""

    due_ns: int
    horizon_s: int
    sign: int
    price_c: float


class Earnings:
    """Fills of one kind of maker: against the mid before (``at_once``) and later mids."""

    def __init__(self) -> None:
        self.at_once = Samples()
        self.later = {horizon_s: Samples() for horizon_s in HORIZONS_S}
        self._open: dict[str, list[_Open]] = {}

    def filled(
        self, market_id: str, now_ns: int, *, is_bid: bool, price_c: float, mid_c: float
    ) -> None:
        """Note a fill of a bid or an offer on YES, with the mid just before it."""
        sign = 1 if is_bid else -1
        self.at_once.values.append(sign * (mid_c - price_c))
        self._open.setdefault(market_id, []).extend(
            _Open(now_ns + horizon_s * _S_NS, horizon_s, sign, price_c) for horizon_s in HORIZONS_S
        )

    def settle(self, market_id: str, now_ns: int, mid_c: float | None) -> None:
        """Compare what is due with the mid that stood until now; without a mid it is dropped."""
        waiting = self._open.get(market_id)
        if not waiting:
            return
        for one in waiting:
            if one.due_ns <= now_ns and mid_c is not None:
                self.later[one.horizon_s].values.append(one.sign * (mid_c - one.price_c))
        self._open[market_id] = [one for one in waiting if one.due_ns > now_ns]


class QueuedMaker:
    """An imagined small order at either touch, always last in its queue.

    It joins the touch and follows it every two seconds. It is filled when more was traded at its
    price than lay before it, when a trade went through its price, or when the other side's touch
    came up to it; what is cancelled is taken from before it only where the level shrinks below
    its place. This asks for more than a real queue does.
    """

    def __init__(self) -> None:
        self._orders: dict[bool, tuple[int, float]] = {}  # price, shares before it
        self._followed_ns = 0

    def traded(self, *, is_bid: bool, price_e4: int, shares: float) -> int | None:
        """Take a print that hit one side; return the order's price when it is filled by it."""
        order = self._orders.get(is_bid)
        if order is None:
            return None
        own_e4, before = order
        if price_e4 == own_e4:
            before -= shares
            self._orders[is_bid] = (own_e4, before)
        is_through = price_e4 < own_e4 if is_bid else price_e4 > own_e4
        if is_through or before < 0.0:
            del self._orders[is_bid]
            return own_e4
        return None

    def changed(
        self, bids: Mapping[int, float], asks: Mapping[int, float]
    ) -> list[tuple[bool, int]]:
        """Take the book's new levels; return the side and price of what is filled by crossing."""
        filled = []
        for is_bid, own, other in ((True, bids, asks), (False, asks, bids)):
            order = self._orders.get(is_bid)
            if order is None or not other:
                continue
            price_e4, before = order
            if min(other) <= price_e4 if is_bid else max(other) >= price_e4:
                del self._orders[is_bid]
                filled.append((is_bid, price_e4))
            else:
                self._orders[is_bid] = (price_e4, min(before, own.get(price_e4, 0.0)))
        return filled

    def follow(
        self, touch: tuple[int, int], bids: Mapping[int, float], asks: Mapping[int, float],
        now_ns: int,
    ) -> None:  # fmt: skip
        """Move to the touch, behind what is shown there, if it is time."""
        if now_ns - self._followed_ns < _FOLLOW_NS:
            return
        self._followed_ns = now_ns
        for is_bid, price_e4, levels in ((True, touch[0], bids), (False, touch[1], asks)):
            order = self._orders.get(is_bid)
            if order is None or order[0] != price_e4:
                self._orders[is_bid] = (price_e4, levels[price_e4])
