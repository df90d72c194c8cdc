"""The plain rolling mean rule, and what a mild case does to a quote. Pure functions.

The mean is share-weighted and gross of rebates, over the latest fills measured at the gating
horizon and younger than the window's hours. When a veto has stopped the fills, the old ones age
out, and the market is tried again.
"""

from __future__ import annotations

from collections.abc import Iterable

from polyframe import MarketView, Quote, QuoteLeg
from polyframe.money import PRICE_ONE_E4, ceil_to_tick, floor_size_e6, floor_to_tick
from polyframe_markout.measures import Averages, Measured, averages, markout_e6
from polyframe_markout.tracker import TrackedFill


def measured(fill: TrackedFill, horizon: str) -> Measured | None:
    """Return a fill's markout at a horizon; None while unknown or discarded."""
    later = fill.mids_e6.get(horizon)
    if later is None:
        return None
    return Measured(markout_e6(fill.sign, fill.price_e6, later), fill.size_e6, fill.price_e6)


def rolling(
    fills: Iterable[TrackedFill], horizon: str, since_ns: int, window_fills: int
) -> Averages:
    """Return the averages of the latest ``window_fills`` measured fills at or after an instant.

    Fills of several markets are put in time order first.
    """
    known: list[Measured] = []
    for fill in sorted(fills, key=_when, reverse=True):
        if fill.ts_ns < since_ns or len(known) == window_fills:
            break
        if (value := measured(fill, horizon)) is not None:
            known.append(value)
    return averages(known)


def _when(fill: TrackedFill) -> tuple[int, str, str]:
    return fill.ts_ns, fill.trade_id, fill.order_id


def worse_than(mean: Averages, limit_c: float, min_fills: int) -> bool:
    """Whether there are enough fills and their share-weighted mean is below the limit."""
    return (
        mean.n >= min_fills
        and mean.share_weighted_c is not None
        and mean.share_weighted_c < limit_c
    )


def widened(quote: Quote, market: MarketView, band_factor: float, size_factor: float) -> Quote:
    """Return the quote with each leg further from its centre and smaller.

    The centre is the quote's fair value, else the book's mid, else the middle of the legs; a
    leg on the wrong side of it keeps its price. Bids round down and asks up to the tick. A leg
    below the market's minimum size is dropped, since the venue would refuse it.
    """
    centre = _centre(quote, market)
    bid, ask = quote.bid, quote.ask
    if bid is not None:
        price_e4 = bid.price_e4
        if centre is not None and (distance := centre - price_e4 / PRICE_ONE_E4) > 0:
            wider = floor_to_tick(centre - distance * band_factor, market.tick_e4)
            price_e4 = min(price_e4, wider)
        bid = _leg(price_e4, bid.size_e6, size_factor, market.min_size_e6)
    if ask is not None:
        price_e4 = ask.price_e4
        if centre is not None and (distance := price_e4 / PRICE_ONE_E4 - centre) > 0:
            wider = ceil_to_tick(centre + distance * band_factor, market.tick_e4)
            price_e4 = max(price_e4, wider)
        ask = _leg(price_e4, ask.size_e6, size_factor, market.min_size_e6)
    return Quote(quote.market_id, quote.fair, bid, ask, quote.policy, quote.inputs)


def _centre(quote: Quote, market: MarketView) -> float | None:
    if quote.fair is not None:
        return quote.fair
    if (mid := market.book.mid) is not None:
        return mid
    if quote.bid is not None and quote.ask is not None:
        return (quote.bid.price_e4 + quote.ask.price_e4) / (2 * PRICE_ONE_E4)
    return None


def _leg(price_e4: int, size_e6: int, size_factor: float, min_size_e6: int) -> QuoteLeg | None:
    smaller = floor_size_e6(int(size_e6 * size_factor))
    return QuoteLeg(price_e4, smaller) if smaller >= min_size_e6 else None
