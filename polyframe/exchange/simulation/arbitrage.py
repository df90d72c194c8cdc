"""Prices that cannot all be right, and the orders that take them.

Two cases cover the venue: outcomes of which exactly one happens, whose YES prices must add up
to 1, and markets on the same truth, where nobody may bid more than another asks. A crossed book
is the second case with one market: its YES and NO asks then add up to less than 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from polyframe.exchange.matching import MatchingBook
from polyframe.money import PRICE_ONE_E4, SHARE_E6

_MOST_SHARES = 1_000.0


class Leg(NamedTuple):
    """One order of an arbitrage: which book, which way, at what YES price."""

    place: int
    is_bid: bool
    yes_price_e4: int
    shares: float


def exclusive_legs(books: Sequence[MatchingBook], cost_e4: int) -> list[Leg]:
    """Return the orders that earn more than ``cost_e4`` a set, none when the sum is fair.

    Args:
        books: of every outcome of an event, of which exactly one happens.
        cost_e4: what a whole set must be mispriced by, in 0.0001 of price.
    """
    for is_bid in (True, False):
        touches = [book.best_ask_e4 if is_bid else book.best_bid_e4 for book in books]
        prices = [touch for touch in touches if touch is not None]
        if len(prices) < len(books):
            continue
        gain_e4 = PRICE_ONE_E4 - sum(prices) if is_bid else sum(prices) - PRICE_ONE_E4
        if gain_e4 > cost_e4:
            sizes = [
                book.level_e6(not is_bid, price) for book, price in zip(books, prices, strict=True)
            ]
            shares = min(_MOST_SHARES, min(sizes) / SHARE_E6)
            return [Leg(place, is_bid, price, shares) for place, price in enumerate(prices)]
    return []


def same_truth_legs(books: Sequence[MatchingBook], cost_e4: int) -> list[Leg]:
    """Return a buy at the lowest ask and a sale at the highest bid, if that pays.

    Args:
        books: of markets on one and the same outcome; one is enough.
        cost_e4: what the pair must be mispriced by, in 0.0001 of price; a locked pair costs 0.
    """
    asks = [(ask, place) for place, one in enumerate(books) if (ask := one.best_ask_e4) is not None]
    bids = [(bid, place) for place, one in enumerate(books) if (bid := one.best_bid_e4) is not None]
    if not asks or not bids:
        return []
    (ask, cheap), (bid, dear) = min(asks), max(bids, key=lambda one: (one[0], -one[1]))
    if bid - ask <= cost_e4:
        return []
    size_e6 = min(books[cheap].level_e6(False, ask), books[dear].level_e6(True, bid))
    shares = min(_MOST_SHARES, size_e6 / SHARE_E6)
    return [Leg(cheap, True, ask, shares), Leg(dear, False, bid, shares)]
