"""What a mild market, and a probe, do to a quote: wider, smaller. Pure functions.

A leg that becomes smaller than the market's minimum size cannot be sent. Where a mild market is
concerned it is dropped; a probe keeps the minimum, since without any fill it would never end.
"""

from __future__ import annotations

from polyframe import MarketView, Quote, QuoteLeg
from polyframe.money import PRICE_ONE_E4, ceil_to_tick, floor_size_e6, floor_to_tick


def widened(quote: Quote, market: MarketView, band_factor: float, size_factor: float) -> Quote:
    """Return the quote with each leg further from its centre and smaller.

    The centre is the quote's fair value, else the book's mid, else the middle of the legs; a
    leg on the wrong side of it keeps its price. Bids round down and asks up to the tick.
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
    return _with_legs(quote, bid, ask)


def probe_sized(quote: Quote, market: MarketView, size_factor: float) -> Quote:
    """Return the quote at its prices with smaller legs, never below the market's minimum."""

    def smaller(leg: QuoteLeg | None) -> QuoteLeg | None:
        if leg is None or leg.size_e6 <= market.min_size_e6:
            return leg
        size_e6 = max(floor_size_e6(int(leg.size_e6 * size_factor)), market.min_size_e6)
        return QuoteLeg(leg.price_e4, size_e6)

    return _with_legs(quote, smaller(quote.bid), smaller(quote.ask))


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


def _with_legs(quote: Quote, bid: QuoteLeg | None, ask: QuoteLeg | None) -> Quote:
    return Quote(quote.market_id, quote.fair, bid, ask, quote.policy, quote.inputs, quote.component)
