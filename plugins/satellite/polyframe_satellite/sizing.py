"""What a belief is worth and how much of it to buy. Pure.

Prices are the token's own. Sources: quant.md A5.2 (Kelly, CVaR), venue.md 5.1 (fees).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from polyframe import MarketSpec
from polyframe.money import (
    PRICE_ONE_E4,
    SHARE_E6,
    USD_E12,
    floor_size_e6,
    notional_e12,
    taker_fee_e12,
    usd_e12,
)

Level = tuple[int, float]

# A fee is rounded to 0.00001 USD an order; one step a share covers what rounding can add.
_FEE_STEP_E12 = 10**7
# Decimal prices as floats are off by this at most; a limit must not turn on it.
_FLOAT_E = 1e-9


class Order(NamedTuple):
    """What to take: shares, the worst price, and the edge and stake that led to it."""

    size_e6: int
    limit_e4: int
    edge: float
    kelly: float
    stake_usd: float


def kelly(probability: float, cost: float) -> float:
    """Return the Kelly fraction ``(p - c) / (1 - c)`` of buying at ``cost``, never below 0."""
    return max(0.0, (probability - cost) / (1.0 - cost)) if cost < 1.0 else 0.0


def shrunk(probability: float, market_price: float, share: float) -> float:
    """Return the probability moved ``share`` of the way to the market's price."""
    return probability + share * (market_price - probability)


def cvar_usd(shares: float, cost: float, probability: float, alpha: float = 0.95) -> float:
    """Return the mean loss in USD of a long position in the worst ``1 - alpha`` of outcomes.

    ``(P c q - (1 - alpha - P)(1 - c) q) / (1 - alpha)`` while ``P = 1 - p < 1 - alpha``, else
    ``c q``; ``cost`` is per share, fee included.
    """
    lose, tail = 1.0 - probability, 1.0 - alpha
    if lose >= tail:
        return cost * shares
    return (lose * cost * shares - (tail - lose) * (1.0 - cost) * shares) / tail


def cost_e12(spec: MarketSpec, price_e4: int) -> int:
    """Return the most one share costs at a price, fee included."""
    fee = taker_fee_e12(price_e4, SHARE_E6, spec.fees.rate, spec.fees.exponent)
    step = _FEE_STEP_E12 if spec.fees.rate else 0
    return notional_e12(price_e4, SHARE_E6) + fee + step


def proceeds(spec: MarketSpec, price_e4: int) -> float:
    """Return what selling one share brings, in USD, fee taken off."""
    fee = taker_fee_e12(price_e4, SHARE_E6, spec.fees.rate, spec.fees.exponent)
    return (notional_e12(price_e4, SHARE_E6) - fee) / USD_E12


def edge(spec: MarketSpec, probability: float, price_e4: int) -> float:
    """Return the probability less what a share costs, fee included."""
    fee = taker_fee_e12(price_e4, SHARE_E6, spec.fees.rate, spec.fees.exponent)
    return probability - (notional_e12(price_e4, SHARE_E6) + fee) / USD_E12


def purchase(
    spec: MarketSpec,
    levels: Sequence[Level],
    probability: float,
    sizing_probability: float,
    min_edge: float,
    stake_for_all_usd: float,
    room_e12: int,
) -> Order | None:
    """Walk the offers while the edge holds and stake and room allow.

    The stake is the Kelly fraction *at the worst price taken*: every share is sized as if it
    cost as much as the last.

    Args:
        spec: the market, for its fees.
        levels: offers of the token, best first.
        probability: that the token pays, for the edge.
        sizing_probability: the same, shrunk, for the stake.
        min_edge: least edge at every level taken.
        stake_for_all_usd: USD that a Kelly fraction of 1 would stake.
        room_e12: the most that may be spent, fees included.
    """
    taken_e6 = 0
    found: Order | None = None
    for price_e4, size in levels:
        each_e12 = cost_e12(spec, price_e4)
        edge_here = edge(spec, probability, price_e4)
        if edge_here < min_edge - _FLOAT_E:
            break
        fraction = kelly(sizing_probability, each_e12 / USD_E12)
        stake_usd = fraction * stake_for_all_usd
        most_e12 = min(usd_e12(round(stake_usd, 6)), room_e12)
        step_e6 = min(round(size * SHARE_E6), most_e12 * SHARE_E6 // each_e12 - taken_e6)
        if step_e6 <= 0:
            break
        taken_e6 += step_e6
        found = Order(floor_size_e6(taken_e6), price_e4, edge_here, fraction, stake_usd)
        if step_e6 < round(size * SHARE_E6):
            break
    return found if found is not None and found.size_e6 > 0 else None


def sale(levels: Sequence[Level], least_e4: int, most_e6: int) -> tuple[int, int] | None:
    """Return ``(size_e6, limit_e4)`` of selling down to a price, None where nothing is bid.

    Args:
        levels: bids for the token, best first.
        least_e4: the lowest price taken.
        most_e6: what there is to sell.
    """
    taken_e6, limit_e4 = 0, PRICE_ONE_E4
    for price_e4, size in levels:
        if price_e4 < least_e4 or taken_e6 >= most_e6:
            break
        taken_e6 += min(round(size * SHARE_E6), most_e6 - taken_e6)
        limit_e4 = price_e4
    size_e6 = floor_size_e6(taken_e6)
    return (size_e6, limit_e4) if size_e6 > 0 else None
