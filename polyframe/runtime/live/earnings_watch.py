"""What our own data predicts of a day's rewards and rebates, to compare with what was paid; pure.

Rewards are an interval: the book is aggregated, so our competitors' score is bounded and not known
(quant.md A6.2). We look when the caller ticks, the venue at a random moment of each minute, and
only while we run. Levels of many small orders count here and not there, which makes the interval's
ends too low rather than too high. Rebates follow from our fills alone (quant.md A6.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from polyframe.model import SIDES, BookSide, FeeSchedule, Fill, RewardTerms
from polyframe.money import PRICE_ONE_E4, SHARE_E6, maker_rebate_e12
from polyframe.views import BookView, MarketView, OrderView

LEAST_AGE_NS: Final = 3_500_000_000
"""How long an order must have rested to score (venue.md 5.4)."""

MINUTES_A_DAY: Final = 1_440

_MINUTE_NS = 60 * 10**9
_DAY_NS = 86_400 * 10**9
_DIVISOR = 3.0  # one-sided quotes score a third, and nothing where the mid is near 0 or 1
_BAND_E4 = (1_000.0, 9_000.0)
_ALL_LEVELS = PRICE_ONE_E4
_DAYS_KEPT = 4


class Resting(OrderView, Protocol):
    """An order of ours on the book; :class:`polyframe.runtime.orders.Order` is one."""

    @property
    def placed_ns(self) -> int:
        """When we asked for it, UTC ns."""
        ...


class ShareRange(msgspec.Struct, frozen=True):
    """Our share of a market's score at one moment, between 0 and 1: at least and at most."""

    low: float
    high: float


class RewardRange(msgspec.Struct, frozen=True):
    """What a market's day should pay, USD, from ``minutes`` looks at it."""

    low_usd: float
    high_usd: float
    minutes: int


def share_of(
    terms: RewardTerms, book: BookView, orders: Sequence[Resting], now_ns: int
) -> ShareRange | None:
    """Return our share of a market's score now; None where nobody visibly scores.

    Args:
        terms: the market's programme.
        book: its book, ours included.
        orders: ours that rest; those younger than 3.5 s do not score.
        now_ns: UTC ns.
    """
    if terms.daily_usd <= 0 or terms.max_spread_c <= 0:
        return None
    bids, asks = book.levels("bid", _ALL_LEVELS), book.levels("ask", _ALL_LEVELS)
    best_bid, best_ask = _large(bids, terms.min_size), _large(asks, terms.min_size)
    if best_bid is None or best_ask is None:
        return None
    mid_e4 = (best_bid + best_ask) / 2
    is_in_band = _BAND_E4[0] <= mid_e4 <= _BAND_E4[1]
    resting = [one for one in orders if now_ns - one.placed_ns >= LEAST_AGE_NS]
    own_bid, own_ask = (_own(terms, resting, side, mid_e4) for side in SIDES)
    others_bid, others_ask = (
        _others(terms, levels, [one for one in orders if one.side == side], mid_e4)
        for side, levels in zip(SIDES, (bids, asks), strict=True)
    )
    least, most = _competing(others_bid, others_ask, is_in_band=is_in_band)
    own = _least(own_bid, own_ask, is_in_band=is_in_band)
    if own + most <= 0:
        return None
    return ShareRange(own / (own + most), own / (own + least) if own else 0.0)


def _large(levels: Sequence[tuple[int, float]], least: float) -> int | None:
    """Return the best price at which enough rests to move the programme's midpoint."""
    return next((price_e4 for price_e4, size in levels if size >= least), None)


def _own(terms: RewardTerms, orders: Sequence[Resting], side: BookSide, mid_e4: float) -> float:
    sizes = [(one.yes_price_e4, one.leaves_e6 / SHARE_E6) for one in orders if one.side == side]
    return sum(_score(terms, price, size, mid_e4) for price, size in sizes)


def _others(
    terms: RewardTerms,
    levels: Sequence[tuple[int, float]],
    own: Sequence[Resting],
    mid_e4: float,
) -> float:
    left = dict(levels)
    for order in own:
        if order.yes_price_e4 in left:
            left[order.yes_price_e4] -= order.leaves_e6 / SHARE_E6
    return sum(_score(terms, price, size, mid_e4) for price, size in left.items())


def _score(terms: RewardTerms, price_e4: int, size: float, mid_e4: float) -> float:
    """Return ``((v - s) / v)^2`` x size, 0 for less than the programme's size (quant.md A6.1)."""
    widest_e4 = terms.max_spread_c * 100
    inside = widest_e4 - abs(price_e4 - mid_e4)
    return (inside / widest_e4) ** 2 * size if inside > 0 and size >= terms.min_size else 0.0


def _least(one: float, two: float, *, is_in_band: bool) -> float:
    """Return Q_min of one owner."""
    smaller, larger = min(one, two), max(one, two)
    return max(smaller, larger / _DIVISOR) if is_in_band else smaller


def _competing(one: float, two: float, *, is_in_band: bool) -> tuple[float, float]:
    """Return the least and the most that Q_min of all others can add up to (quant.md A6.2)."""
    smaller, larger = min(one, two), max(one, two)
    if not is_in_band:
        return 0.0, smaller
    least = max((one + two) / (_DIVISOR + 1), larger / _DIVISOR)
    return least, smaller + (larger - smaller) / _DIVISOR


class _MarketDay(msgspec.Struct):
    """Sums of one market's UTC day: looks, looks at which nobody scored, and our shares."""

    minutes: int = 0
    empty: int = 0
    low: float = 0.0
    high: float = 0.0
    daily_usd: float = 0.0


class RewardEstimate:
    """Adds up our share minute by minute, by market and UTC day (counted from 1970)."""

    def __init__(self) -> None:
        self._days: dict[int, dict[str, _MarketDay]] = {}
        self._looked: dict[str, int] = {}

    def sample(self, market: MarketView, orders: Sequence[Resting], now_ns: int) -> None:
        """Look at a market: the first look of each minute counts, others change nothing.

        A market without a current book is not looked at, so that its minute is not seen.
        """
        minute, terms = now_ns // _MINUTE_NS, market.spec.rewards
        if not market.has_book or terms.daily_usd <= 0:
            return
        if self._looked.get(market.market_id) == minute:
            return
        self._looked[market.market_id] = minute
        of_day = self._days.setdefault(now_ns // _DAY_NS, {})
        found = of_day.setdefault(market.market_id, _MarketDay())
        share = share_of(terms, market.book, orders, now_ns)
        found.minutes += 1
        found.daily_usd = terms.daily_usd
        if share is None:
            found.empty += 1
        else:
            found.low += share.low
            found.high += share.high
        for day in [one for one in self._days if one <= now_ns // _DAY_NS - _DAYS_KEPT]:
            del self._days[day]

    def of_day(self, day: int, minutes_a_day: int = MINUTES_A_DAY) -> dict[str, RewardRange]:
        """Return what each market's day should pay, USD; before it is paid, what it comes to.

        Minutes nobody looked at count as scored by others: the venue divides by all minutes in
        which anybody scored. A programme's total of less than a dollar is not paid out.

        Args:
            day: UTC day counted from 1970.
            minutes_a_day: how many samples the venue takes.
        """
        found = {}
        for market_id, one in self._days.get(day, {}).items():
            scored = max(1, minutes_a_day - one.empty)
            low, high = (one.daily_usd * total / scored for total in (one.low, one.high))
            found[market_id] = RewardRange(low, high, one.minutes)
        return found


class RebateEstimate:
    """Adds up what our maker fills should bring back, by UTC day (counted from 1970) and market."""

    def __init__(self) -> None:
        self._days: dict[int, dict[str, int]] = {}
        self._booked: dict[tuple[str, str], tuple[int, str, int]] = {}

    def on_fill(self, fill: Fill, fees: FeeSchedule) -> None:
        """Take a fill of ours, or one that takes an earlier one back; takers earn nothing.

        ``fees`` are the market's at that moment.
        """
        if fill.is_reversal:
            booked = self._booked.pop((fill.reverses, fill.order_id), None)
            if booked is not None:
                day, market_id, amount_e12 = booked
                self._add(day, market_id, -amount_e12)
            return
        if not fill.is_maker:
            return
        amount_e12 = maker_rebate_e12(
            fill.price_e4, fill.size_e6, fees.rate, fees.exponent, fees.rebate_share
        )
        day = fill.ts_ns // _DAY_NS
        self._booked[fill.trade_id, fill.order_id] = (day, fill.market_id, amount_e12)
        self._add(day, fill.market_id, amount_e12)
        for old in [one for one in self._days if one <= day - _DAYS_KEPT]:
            del self._days[old]
            self._booked = {key: one for key, one in self._booked.items() if one[0] != old}

    def of_day(self, day: int) -> dict[str, int]:
        """Return what each market's day should pay, 1e-12 USD."""
        return {market_id: one for market_id, one in self._days.get(day, {}).items() if one}

    def _add(self, day: int, market_id: str, amount_e12: int) -> None:
        of_day = self._days.setdefault(day, {})
        of_day[market_id] = of_day.get(market_id, 0) + amount_e12
