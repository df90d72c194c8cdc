"""Expected net edge per dollar-day of quoting a market: what a bigger score should mean. Pure.

    net  = fills (E - A - fee + rebate) + reward_low - inventory cost - resolution loss
    edge = net / capital

of quant.md A6.4, for a two-sided quote of a given capital at a given distance from the mid. Every
term carries where it comes from and how old that is, so that a ranking can be explained.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from polyframe import MarketView
from polyframe_qs import rewards
from polyframe_qs.config import Config

_LEVELS = 50
_LOSS_ODDS_FLOOR = 1e-4
_PRICE_NOISE = 1e-9


@dataclass(frozen=True)
class Term:
    """One number of the edge: value, unit, where it comes from, seconds since it was true.

    ``age_s`` is None for what does not age (a setting) or has never been proven.
    """

    value: float
    unit: str
    source: str
    age_s: float | None = None


@dataclass(frozen=True)
class Edge:
    """Net edge in USD per dollar of capital and day, and the terms it is made of."""

    per_dollar_day: float
    terms: dict[str, Term]


def edge(market: MarketView, config: Config) -> Edge | None:
    """Return the market's expected net edge, or None without a mid.

    The capital buys equal shares on both sides; a side whose price is not on the grid is left
    out, and with it half of the fills. A market whose terms are worthless (no
    volume, no rewards) has a negative edge: inventory and resolution still cost.
    """
    spec, mid = market.spec, market.book.mid
    if mid is None:
        return None
    age_s = market.book_age_s
    # Our own distance, not the book's: taking half the spread for granted would rank the widest
    # markets first, and a wide spread is no sign of profit here.
    distance = config.edge_distance_c / 100.0
    least = market.tick_e4 / 10_000 - _PRICE_NOISE
    bid = mid - distance if mid - distance >= least else None
    ask = mid + distance if mid + distance <= 1.0 - least else None
    sides = (bid is not None) + (ask is not None)
    shares = config.edge_capital_usd / rewards.quote_capital_usd(1.0, bid, ask)
    days = _days_left(market.hours_to_close)

    # Volume is USD of either outcome; a YES and a NO share cost 1 together, so half a dollar each.
    traded = spec.volume_24h_usd / 0.5
    filled = min(traded * config.edge_participation, shares * config.edge_max_turns) * sides / 2
    impact = distance * config.edge_impact_share
    fees = spec.fees
    rebate = rewards.expected_rebate(mid, fees.rate, fees.exponent, fees.rebate_share)
    # Makers pay nothing here; a market that charges them too charges by the same curve.
    fee = 0.0 if fees.taker_only else rewards.expected_rebate(mid, fees.rate, fees.exponent, 1.0)
    earned = rewards_of(
        market,
        (0.0 if bid is None else shares, 0.0 if ask is None else shares),
        distance,
        config,
    )
    variance = mid * (1.0 - mid)
    # Of the variance p (1 - p) that is left until the market pays, one day's part.
    gamma = -math.log(max(min(mid, 1.0 - mid), _LOSS_ODDS_FLOOR)) / config.edge_loss_usd
    gamma_eff = gamma * max(0.1, min(1.0, 1.0 / days))
    mean_squared = (shares / 2.0) ** 2
    inventory_cost = 0.5 * gamma_eff * variance * mean_squared
    resolution_loss = config.edge_trouble_share * config.edge_capital_usd / 2.0 / days
    net = (
        filled * (distance - impact - fee + rebate)
        + earned.low_usd
        - inventory_cost
        - resolution_loss
    )
    terms = {
        "filled_shares_day": Term(filled, "shares", "metadata 24 h volume x edge_participation"),
        "half_spread": Term(distance, "usd a share", "setting edge_distance_c"),
        "price_impact": Term(impact, "usd a share", "setting edge_impact_share (assumed)"),
        "fee": Term(fee, "usd a share", "metadata fee schedule"),
        "rebate": Term(rebate, "usd a share", "metadata fee schedule"),
        "reward_low": Term(earned.low_usd, "usd a day", "metadata programme, book depth", age_s),
        "reward_high": Term(earned.high_usd, "usd a day", "metadata programme, book depth", age_s),
        "inventory_cost": Term(inventory_cost, "usd a day", "book mid, end date", age_s),
        "resolution_loss": Term(resolution_loss, "usd a day", "setting edge_trouble_share"),
        "capital": Term(config.edge_capital_usd, "usd", "setting edge_capital_usd"),
    }
    return Edge(net / config.edge_capital_usd, terms)


def rewards_of(
    market: MarketView, shares: tuple[float, float], distance: float, config: Config
) -> rewards.RewardInterval:
    """Return the liquidity reward of (bid, ask) shares; nothing outside the programme's terms.

    Our own resting orders are taken out of the book's totals.
    """
    programme, book = market.spec.rewards, market.book
    nothing = rewards.RewardInterval(0.0, 0.0)
    if programme.daily_usd <= 0 or programme.max_spread_c <= 0 or max(shares) < programme.min_size:
        return nothing
    own: dict[tuple[str, int], float] = {}
    for order in market.orders:
        key = (order.side, order.yes_price_e4)
        own[key] = own.get(key, 0.0) + order.leaves_e6 / 1e6
    bids, asks = (
        [
            (price, max(0.0, size - own.get((side, price), 0.0)))
            for price, size in book.levels(side, _LEVELS)
        ]
        for side in ("bid", "ask")
    )
    mid_e6 = rewards.cut_off_mid_e6(bids, asks, programme.min_size)
    if mid_e6 is None:
        return nothing
    max_spread_e6 = round(programme.max_spread_c * 10_000)
    in_band = rewards.is_in_band(mid_e6)
    one, two = (rewards.side_score(side, mid_e6, max_spread_e6) for side in (bids, asks))
    per_share = rewards.order_score(max_spread_e6, round(distance * 1_000_000))
    return rewards.reward_per_day(
        programme.daily_usd,
        config.edge_uptime,
        rewards.two_sided_score(shares[0] * per_share, shares[1] * per_share, in_band=in_band),
        rewards.competitor_bounds(one, two, in_band=in_band),
    )


def edge_term(per_dollar_day: float, scale: float) -> float:
    """Return the edge as a score in (0, 1): one half at no edge, never reaching either end."""
    return 0.5 * (1.0 + per_dollar_day / (abs(per_dollar_day) + scale))


def _days_left(hours_to_close: float | None) -> float:
    """Return the days to close, at least one; an unknown end counts as near."""
    return 1.0 if hours_to_close is None else max(1.0, hours_to_close / 24.0)
