"""What resting orders earn besides the spread: liquidity rewards and maker rebates; pure.

Unlike a trader, the exchange knows whose order is whose, so scores are exact: prices are counted
in half ten-thousandths (a midpoint lies between two ticks), and a score stays an integer over
the square of the maximum spread. Formulas: venue.md 5.2 and 5.4, quant.md A6.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Final

import msgspec

from polyframe.events import Side
from polyframe.money import PRICE_ONE_E4, USD_E12, complement_e4

SINGLE_SIDE_DIVISOR: Final = 3
"""One-sided quotes score this much less, and nothing where the midpoint is near 0 or 1."""

LEAST_AGE_NS: Final = 3_500_000_000
"""How long an order must have rested (``moas`` of the programme of March 2026)."""

LEAST_PAYOUT_E12: Final = USD_E12
MINUTE_NS: Final = 60 * 10**9
SHARE_ONE: Final = 10**12

_BAND_HALF_E4 = (2 * 1_000, 2 * 9_000)  # a midpoint in [0.10, 0.90]


class RewardTerms(msgspec.Struct, frozen=True):
    """A market's programme: least size in micro-shares, spread v, and least age of an order.

    ``multiplier`` is the venue's in-game b.
    """

    min_size_e6: int
    max_spread_e4: int
    min_age_ns: int = LEAST_AGE_NS
    multiplier: int = 1


class RestingOrder(msgspec.Struct, frozen=True):
    """An order on the book: its owner, its own token's side and price, and since when (UTC ns)."""

    order_id: str
    owner: str
    is_yes: bool
    side: Side
    price_e4: int
    size_e6: int
    since_ns: int

    @property
    def is_yes_bid(self) -> bool:
        """Whether it is on the bid side of the YES book; an ask of NO is."""
        return self.is_yes == (self.side is Side.BUY)

    @property
    def yes_price_e4(self) -> int:
        """Its price as the YES book shows it."""
        return self.price_e4 if self.is_yes else complement_e4(self.price_e4)


class Score(msgspec.Struct, frozen=True):
    """One owner's Q_one (bids of YES, asks of NO) and Q_two at a moment.

    Micro-shares times ``(2v)^2`` with v in ten-thousandths: divide by
    :func:`score_unit` for the venue's numbers.
    """

    one: int = 0
    two: int = 0

    def least(self, mid_half_e4: int) -> int:
        """Return three times Q_min: the smaller side, or in the band a third of the larger."""
        smaller, larger = min(self.one, self.two), max(self.one, self.two)
        in_band = _BAND_HALF_E4[0] <= mid_half_e4 <= _BAND_HALF_E4[1]
        return max(SINGLE_SIDE_DIVISOR * smaller, larger if in_band else 0)


def score_unit(terms: RewardTerms) -> int:
    """Return what one share at the midpoint scores, in the units of :class:`Score`."""
    return 10**6 * (2 * terms.max_spread_e4) ** 2


def midpoint_half_e4(orders: Iterable[RestingOrder], min_size_e6: int) -> int | None:
    """Return twice the size-cutoff-adjusted midpoint in ten-thousandths, exactly.

    Orders below the programme's size do not count. None without both sides.
    """
    bid = ask = None
    for order in orders:
        if order.size_e6 < min_size_e6:
            continue
        price = order.yes_price_e4
        if order.is_yes_bid:
            bid = price if bid is None else max(bid, price)
        else:
            ask = price if ask is None else min(ask, price)
    return None if bid is None or ask is None else bid + ask


def order_score(order: RestingOrder, mid_half_e4: int, terms: RewardTerms, now_ns: int) -> int:
    """Return ``((v - s) / v)^2 b`` x size in the units of :class:`Score`.

    It is exactly 0 from s = v on, and for an order too small or too young.
    """
    if order.size_e6 < terms.min_size_e6 or now_ns - order.since_ns < terms.min_age_ns:
        return 0
    inside = 2 * terms.max_spread_e4 - abs(2 * order.yes_price_e4 - mid_half_e4)
    return inside**2 * order.size_e6 * terms.multiplier if inside > 0 else 0


def scores(
    orders: Iterable[RestingOrder], mid_half_e4: int, terms: RewardTerms, now_ns: int
) -> dict[str, Score]:
    """Return the owners that score and their Q_one and Q_two, in order of appearance."""
    found: dict[str, Score] = {}
    for order in orders:
        points = order_score(order, mid_half_e4, terms, now_ns)
        if points:
            so_far = found.get(order.owner, Score())
            one, two = (points, 0) if order.is_yes_bid else (0, points)
            found[order.owner] = Score(so_far.one + one, so_far.two + two)
    return found


def sample(orders: Sequence[RestingOrder], terms: RewardTerms, now_ns: int) -> dict[str, int]:
    """Return each owner's normalised score Q_min / sum of all, in parts of 1e12, floored.

    Empty where the book has no midpoint or nobody scores.
    """
    mid = midpoint_half_e4(orders, terms.min_size_e6)
    if mid is None:
        return {}
    least = {owner: score.least(mid) for owner, score in scores(orders, mid, terms, now_ns).items()}
    total = sum(least.values())
    return {owner: points * SHARE_ONE // total for owner, points in least.items() if points}


def scoring_orders(
    orders: Sequence[RestingOrder], terms: RewardTerms, now_ns: int
) -> tuple[str, ...]:
    """Return the ids of the orders that earn now: they score, and so does their owner's Q_min."""
    mid = midpoint_half_e4(orders, terms.min_size_e6)
    if mid is None:
        return ()
    earning = {
        owner for owner, score in scores(orders, mid, terms, now_ns).items() if score.least(mid)
    }
    return tuple(
        order.order_id
        for order in orders
        if order.owner in earning and order_score(order, mid, terms, now_ns)
    )


def sample_instant_ns(seed: int, minute: int) -> int:
    """Return when in a minute (counted from 1970) the books are looked at, UTC ns.

    Somewhere in it, at random but by the seed; nobody can know it before.
    """
    offset_ns = Random(f"reward sample:{seed}:{minute}").randrange(MINUTE_NS)
    return minute * MINUTE_NS + offset_ns


class RewardEpoch:
    """The samples of one UTC day, market by market."""

    def __init__(self) -> None:
        self._sums: dict[str, dict[str, int]] = {}

    def add(self, market_id: str, shares: Mapping[str, int]) -> None:
        """Add one minute's sample of a market: what :func:`sample` returned."""
        sums = self._sums.setdefault(market_id, {})
        for owner, share in shares.items():
            sums[owner] = sums.get(owner, 0) + share

    def earned_e12(self, pools_e12: Mapping[str, int]) -> dict[str, dict[str, int]]:
        """Return what each owner has earned in each market so far, in 1e-12 USD, floored.

        Args:
            pools_e12: the day's reward of each market; one not named pays nothing.
        """
        earned: dict[str, dict[str, int]] = {}
        for market_id, sums in self._sums.items():
            pool_e12, total = pools_e12.get(market_id, 0), sum(sums.values())
            for owner, points in sums.items():
                if pool_e12:
                    earned.setdefault(owner, {})[market_id] = pool_e12 * points // total
        return earned


class MakerFill(msgspec.Struct, frozen=True):
    """What a maker order traded: its own price, micro-shares, and its market's fee exponent."""

    owner: str
    market_id: str
    price_e4: int
    size_e6: int
    fee_exponent: float = 1.0


def rebates_e12(
    fills: Iterable[MakerFill], pools_e12: Mapping[str, int]
) -> dict[str, dict[str, int]]:
    """Return each maker's rebate of a day in each market, in 1e-12 USD, floored.

    A market's pool is shared by fee-equivalent ``size x (p (1 - p))^e``; its rate is everybody's
    and cancels out.

    Args:
        fills: of one UTC day, without those that failed to settle.
        pools_e12: the rebate share of the taker fees each market collected that day.
    """
    weights: dict[str, dict[str, int]] = {}
    for fill in fills:
        of_market = weights.setdefault(fill.market_id, {})
        curve = Decimal(fill.price_e4 * (PRICE_ONE_E4 - fill.price_e4)).scaleb(-8)
        weight = int((curve ** Decimal(str(fill.fee_exponent)) * fill.size_e6).scaleb(12))
        of_market[fill.owner] = of_market.get(fill.owner, 0) + weight
    rebates: dict[str, dict[str, int]] = {}
    for market_id, of_market in weights.items():
        total = sum(of_market.values())
        for owner, weight in of_market.items():
            share_e12 = pools_e12.get(market_id, 0) * weight // total if total else 0
            if share_e12:
                rebates.setdefault(owner, {})[market_id] = share_e12
    return rebates


def payable_e12(earned: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Return what is paid to each owner at the end of the day: totals of at least one dollar.

    Less than that is lost, not carried over (venue.md 5.2, 5.4).
    """
    totals = {owner: sum(of_market.values()) for owner, of_market in earned.items()}
    return {owner: total for owner, total in totals.items() if total >= LEAST_PAYOUT_E12}
