"""The arithmetic of a crossed book: what a pair costs, and how many are worth taking. Pure.

In one book in YES price space a NO ask at 1 - B is a YES bid at B. Buying YES at A and NO at
1 - B costs 1 - (B - A) for a pair that pays exactly 1; selling both brings 1 + (B - A). Either
way a pair earns B - A less two taker fees (venue.md 4.3 and 5.1, quant.md A6.3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from polyframe import MarketSpec, MarketView
from polyframe.money import (
    PRICE_ONE_E4,
    SHARE_E6,
    complement_e4,
    floor_size_e6,
    notional_e12,
    taker_fee_e12,
    usd_e12,
)

Level = tuple[int, float]
Most = Callable[[int, int], int]
"""The most micro-shares that may be taken at limits ``(ask_e4, bid_e4)``."""

# Fees are rounded to 0.00001 USD an order; one step a share covers what rounding can add.
_FEE_STEP_E12 = 10**7


class Match(NamedTuple):
    """Pairs to take: YES asks up to ``ask_e4`` against YES bids down to ``bid_e4``.

    Depths are the shares shown within the limits; ``gain_e12`` is what the pairs earn after
    fees at the levels walked, at least.
    """

    size_e6: int
    ask_e4: int
    bid_e4: int
    ask_depth_e6: int
    bid_depth_e6: int
    gain_e12: int


def fee_e12(spec: MarketSpec, price_e4: int, size_e6: int = SHARE_E6) -> int:
    """Return the taker fee of ``size_e6`` shares at a price, by the market's own schedule."""
    return taker_fee_e12(price_e4, size_e6, spec.fees.rate, spec.fees.exponent)


def gain_e12(spec: MarketSpec, ask_e4: int, bid_e4: int) -> int:
    """Return what one pair earns after both fees, in 1e-12 USD; negative when it costs."""
    return (
        notional_e12(bid_e4 - ask_e4, SHARE_E6)
        - fee_e12(spec, ask_e4)
        - fee_e12(spec, complement_e4(bid_e4))
    )


def pair_cost_e12(spec: MarketSpec, ask_e4: int, bid_e4: int) -> int:
    """Return the most that buying one pair within the limits costs, fees included."""
    no_e4 = complement_e4(bid_e4)
    fees = fee_e12(spec, ask_e4) + fee_e12(spec, no_e4)
    if spec.fees.rate:
        fees += 2 * _FEE_STEP_E12
    return notional_e12(ask_e4 + no_e4, SHARE_E6) + fees


def takeable(market: MarketView, count: int) -> tuple[list[Level], list[Level]]:
    """Return the asks and bids that may be walked, best first: none at or behind our own orders.

    Taking through our own resting order would trade with ourselves.
    """
    own_ask_e4 = min(
        (order.yes_price_e4 for order in market.orders if order.side == "ask"),
        default=PRICE_ONE_E4,
    )
    own_bid_e4 = max(
        (order.yes_price_e4 for order in market.orders if order.side == "bid"), default=0
    )
    asks = [level for level in market.book.levels("ask", count) if level[0] < own_ask_e4]
    bids = [level for level in market.book.levels("bid", count) if level[0] > own_bid_e4]
    return asks, bids


def walk(
    spec: MarketSpec, asks: Sequence[Level], bids: Sequence[Level], min_edge: float, most: Most
) -> Match | None:
    """Walk both sides from the touch while each further pair earns ``min_edge`` a share.

    Args:
        spec: the market, for its fees.
        asks: levels to take YES from, best first.
        bids: levels to take NO from (as YES bids), best first.
        min_edge: least gain a share, in price.
        most: what size budgets and caps allow at given limits.
    """
    least_e12 = usd_e12(min_edge)
    ask_left, bid_left = _sizes(asks), _sizes(bids)
    ask_at = bid_at = taken_e6 = gained_e12 = 0
    limits: tuple[int, int] | None = None
    while ask_at < len(asks) and bid_at < len(bids):
        ask_e4, bid_e4 = asks[ask_at][0], bids[bid_at][0]
        each_e12 = gain_e12(spec, ask_e4, bid_e4)
        if each_e12 < least_e12:
            break
        step_e6 = min(ask_left[ask_at], bid_left[bid_at], most(ask_e4, bid_e4) - taken_e6)
        if step_e6 > 0:
            limits = (ask_e4, bid_e4)
            taken_e6 += step_e6
            gained_e12 += each_e12 * step_e6 // SHARE_E6
            ask_left[ask_at] -= step_e6
            bid_left[bid_at] -= step_e6
        if ask_left[ask_at] and bid_left[bid_at]:
            break  # what stopped it is not the book
        ask_at += not ask_left[ask_at]
        bid_at += not bid_left[bid_at]
    size_e6 = floor_size_e6(taken_e6)
    if limits is None or size_e6 == 0:
        return None
    return Match(
        size_e6,
        *limits,
        sum(_sizes([level for level in asks if level[0] <= limits[0]])),
        sum(_sizes([level for level in bids if level[0] >= limits[1]])),
        gained_e12 * size_e6 // taken_e6,
    )


def _sizes(levels: Sequence[Level]) -> list[int]:
    # Displayed sizes are decimals of at most six places: rounding restores them exactly.
    return [round(size * SHARE_E6) for _, size in levels]
