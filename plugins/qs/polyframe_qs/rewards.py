"""What resting orders earn besides the spread: liquidity rewards and maker rebates. Pure.

Books are in YES price space, where an ask of NO at q is a bid of YES at 1 - q; so the venue's
``Q_one`` (YES bids and NO asks) is the bid side and ``Q_two`` the ask side. Distances are whole
millionths of price: an order exactly at the widest spread scores exactly nothing.
Formulas: the venue's liquidity rewards and fee pages, July 2026; quant.md A6.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# One-sided quotes score a third, and only where the midpoint is not near 0 or 1.
SINGLE_SIDE_DIVISOR = 3.0
_BAND_E6 = (100_000, 900_000)
_E4_TO_E6 = 100

Levels = Iterable[tuple[int, float]]


def order_score(max_spread_e6: int, distance_e6: int, multiplier: float = 1.0) -> float:
    """Return ((v - s)/v)^2 b of one share at a distance from the midpoint; 0 from v on."""
    if not 0 <= distance_e6 < max_spread_e6:
        return 0.0
    return ((max_spread_e6 - distance_e6) / max_spread_e6) ** 2 * multiplier


def side_score(levels: Levels, mid_e6: int, max_spread_e6: int) -> float:
    """Return Q_one of bids, or Q_two of asks: score x shares over ``(price_e4, shares)``."""
    return sum(
        order_score(max_spread_e6, abs(mid_e6 - price_e4 * _E4_TO_E6)) * shares
        for price_e4, shares in levels
    )


def cut_off_mid_e6(bids: Levels, asks: Levels, min_shares: float) -> int | None:
    """Return the midpoint of the best levels with at least ``min_shares``; None without both.

    The venue leaves orders below the programme's size out of its midpoint; a book shows levels,
    so a level of several small orders counts here though each of them would not.
    """
    best_bid = next((price for price, shares in bids if shares >= min_shares), None)
    best_ask = next((price for price, shares in asks if shares >= min_shares), None)
    if best_bid is None or best_ask is None or best_bid >= best_ask:
        return None
    return (best_bid + best_ask) * _E4_TO_E6 // 2


def is_in_band(mid_e6: int) -> bool:
    """Whether the midpoint is in [0.10, 0.90], where one-sided quotes score something."""
    return _BAND_E6[0] <= mid_e6 <= _BAND_E6[1]


def two_sided_score(one: float, two: float, *, in_band: bool) -> float:
    """Return Q_min: the smaller side, or in the band a third of the larger one if that is more."""
    smaller, larger = min(one, two), max(one, two)
    return max(smaller, larger / SINGLE_SIDE_DIVISOR) if in_band else smaller


def competitor_bounds(one: float, two: float, *, in_band: bool) -> tuple[float, float]:
    """Return the least and most that all competitors' Q_min can sum to.

    A book shows the totals of both sides but not who quotes how much of which; ``one`` and ``two``
    are those totals without our own orders.
    """
    if not in_band:
        return 0.0, min(one, two)
    least = max((one + two) / (SINGLE_SIDE_DIVISOR + 1.0), max(one, two) / SINGLE_SIDE_DIVISOR)
    return least, min(one, two) + abs(one - two) / SINGLE_SIDE_DIVISOR


def pool_share(own: float, others: float) -> float:
    """Return our part of the pool: q / (q + D)."""
    return own / (own + others) if own > 0 else 0.0


@dataclass(frozen=True)
class RewardInterval:
    """What a quote earns a day, USD: it is between the two, and ranked by the lower one."""

    low_usd: float
    high_usd: float


def reward_per_day(
    pool_usd: float, uptime: float, own: float, others: tuple[float, float]
) -> RewardInterval:
    """Return pool x uptime x share for the most and the least competition."""
    least, most = others
    return RewardInterval(
        pool_usd * uptime * pool_share(own, most), pool_usd * uptime * pool_share(own, least)
    )


def quote_capital_usd(shares: float, bid: float | None, ask: float | None) -> float:
    """Return the cash a quote locks: the bid at its price, the ask as NO at 1 - its price."""
    return shares * ((bid or 0.0) + (0.0 if ask is None else 1.0 - ask))


def expected_rebate(p: float, rate: float, exponent: float, rebate_share: float) -> float:
    """Return the rebate a filled share is expected to bring, USD: share x rate x (p (1 - p))^e."""
    return float(rebate_share * rate * (p * (1.0 - p)) ** exponent)
