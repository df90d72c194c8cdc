"""Those who trade in a simulated market: noise, sweeps, the informed, patient limit orders.

Each function answers what one trader does at one moment, from the public book, what it alone
knows, and its random stream. Nothing here knows the time or sends anything.
"""

from __future__ import annotations

import math
from random import Random

from polyframe.events import Side
from polyframe.exchange.matching import MatchingBook, NewOrder, TimeInForce
from polyframe.exchange.simulation.character import Character
from polyframe.money import PRICE_ONE_E4, SHARE_E6, floor_size_e6

_CENT_E4 = 100
_STALE_TICKS = 2  # this far behind a maker's own price, an order is taken
# What an informed trader wants to earn a share beyond the touch, in price: fee and risk.
_INFORMED_EDGE = (0.004, 0.014)


def order_of(
    order_id: str,
    owner: str,
    *,
    is_bid: bool,
    yes_price_e4: int,
    shares: float,
    use_no: bool,
    time_in_force: TimeInForce = TimeInForce.GTC,
    post_only: bool = False,
) -> NewOrder:
    """Return a YES-space wish as an order on the YES or the NO token."""
    price_e4 = PRICE_ONE_E4 - yes_price_e4 if use_no else yes_price_e4
    side = Side.BUY if is_bid != use_no else Side.SELL
    size_e6 = floor_size_e6(int(shares * SHARE_E6))
    return NewOrder(order_id, owner, not use_no, side, price_e4, size_e6, time_in_force, post_only)


def noise_order(
    order_id: str, book: MatchingBook, log_shares: tuple[float, float], *, is_bid: bool, rng: Random
) -> NewOrder | None:
    """Return a marketable order of lognormal size, most of them at the touch alone.

    ``log_shares`` is the mean and the standard deviation of the size's logarithm; at least 5
    shares, at most forty times the median.
    """
    shares = rng.lognormvariate(*log_shares)
    shares = min(40.0 * math.exp(log_shares[0]), max(5.0, shares))
    reach_e4 = rng.choice((0, 0, 0, 1, 3)) * book.tick_e4
    return _taker(order_id, "noise", book, is_bid, shares, reach_e4, rng)


def sweep_order(order_id: str, book: MatchingBook, *, is_bid: bool, rng: Random) -> NewOrder | None:
    """Return an impatient order that eats what rests within two to four cents of the touch."""
    reach_e4 = rng.randint(2, 4) * _CENT_E4
    touch = book.best_ask_e4 if is_bid else book.best_bid_e4
    if touch is None:
        return None
    resting_e6 = sum(
        size for price, size in book.levels(not is_bid) if abs(price - touch) <= reach_e4
    )
    shares = min(6_000.0, resting_e6 / SHARE_E6 * rng.uniform(0.5, 1.05))
    return _taker(order_id, "sweep", book, is_bid, max(5.0, shares), reach_e4, rng)


def informed_order(
    order_id: str, book: MatchingBook, probability: float, size: float, rng: Random
) -> NewOrder | None:
    """Return an order that takes what is mispriced beyond costs, None when nothing is.

    ``size`` multiplies the usual 5 to 500 shares.
    """
    edge_e4 = rng.uniform(*_INFORMED_EDGE) * PRICE_ONE_E4
    truth_e4 = probability * PRICE_ONE_E4
    shares = size * min(500.0, max(5.0, rng.lognormvariate(4.6, 0.8)))
    ask, bid = book.best_ask_e4, book.best_bid_e4
    if ask is not None and ask < truth_e4 - edge_e4:
        return _taker(order_id, "informed", book, True, shares, int(truth_e4 - edge_e4) - ask, rng)
    if bid is not None and bid > truth_e4 + edge_e4:
        return _taker(order_id, "informed", book, False, shares, bid - int(truth_e4 + edge_e4), rng)
    return None


def patient_order(
    order_id: str,
    book: MatchingBook,
    character: Character,
    probability: float,
    *,
    is_bid: bool,
    rng: Random,
) -> NewOrder | None:
    """Return a resting order some ticks behind its own touch, now and then inside the spread."""
    tick = book.tick_e4
    bid, ask = book.best_bid_e4, book.best_ask_e4
    behind = min(40, int(rng.expovariate(1 / 5.0)))
    own, opposite = (bid, ask) if is_bid else (ask, bid)
    if own is None:
        own = round(probability * PRICE_ONE_E4) // tick * tick
        own += -3 * tick if is_bid else 3 * tick
    elif (
        opposite is not None
        and abs(opposite - own) > tick
        and rng.random() < character.patient_improves
    ):
        behind = -1
    price = own - behind * tick if is_bid else own + behind * tick
    if not tick <= price <= PRICE_ONE_E4 - tick:
        return None
    mean, deviation = character.patient_log_shares
    shares = max(5.0, rng.lognormvariate(mean + 0.05 * behind, deviation))
    shares = min(40.0 * math.exp(mean), shares)
    return order_of(
        order_id, "crowd", is_bid=is_bid, yes_price_e4=price, shares=shares,
        use_no=rng.random() < 0.4, post_only=True,
    )  # fmt: skip


def stalled_order(
    order_id: str, book: MatchingBook, *, is_bid: bool, rng: Random
) -> NewOrder | None:
    """Return an order some cents through the touch, to rest there while matching stalls."""
    touch = book.best_ask_e4 if is_bid else book.best_bid_e4
    if touch is None:
        return None
    tick = book.tick_e4
    reach_e4 = rng.randint(3, 8) * _CENT_E4
    price = touch + reach_e4 if is_bid else touch - reach_e4
    if not tick <= price <= PRICE_ONE_E4 - tick:
        return None
    return order_of(
        order_id, "stalled", is_bid=is_bid, yes_price_e4=price, shares=rng.uniform(30, 250),
        use_no=rng.random() < 0.5,
    )  # fmt: skip


def _taker(
    order_id: str,
    owner: str,
    book: MatchingBook,
    is_bid: bool,
    shares: float,
    reach_e4: int,
    rng: Random,
) -> NewOrder | None:
    touch = book.best_ask_e4 if is_bid else book.best_bid_e4
    if touch is None:
        return None
    tick = book.tick_e4
    limit = touch + reach_e4 // tick * tick if is_bid else touch - reach_e4 // tick * tick
    limit = min(max(limit, tick), PRICE_ONE_E4 - tick)
    return order_of(
        order_id, owner, is_bid=is_bid, yes_price_e4=limit, shares=shares,
        use_no=rng.random() < 0.45, time_in_force=TimeInForce.FAK,
    )  # fmt: skip


def is_stale(book: MatchingBook, is_bid: bool, price_e4: int) -> bool:
    """Whether the other side's touch stands where a maker would now be glad to trade."""
    touch = book.best_ask_e4 if is_bid else book.best_bid_e4
    if touch is None:
        return False
    return (price_e4 - touch if is_bid else touch - price_e4) >= _STALE_TICKS * book.tick_e4


def behind_touch(book: MatchingBook, is_bid: bool, price_e4: int) -> int:
    """Return the price, moved to where a post-only order no longer crosses the book."""
    if is_bid:
        ask = book.best_ask_e4
        return price_e4 if ask is None else min(price_e4, ask - book.tick_e4)
    bid = book.best_bid_e4
    return price_e4 if bid is None else max(price_e4, bid + book.tick_e4)
