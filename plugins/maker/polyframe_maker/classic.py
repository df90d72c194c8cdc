"""The ``classic`` policy: a band around the fair value, skewed against inventory. Pure functions.

All prices are YES prices in 0..1 until :func:`on_grid` rounds them away from crossing.
"""

from __future__ import annotations

from dataclasses import dataclass

from polyframe.money import PRICE_ONE_E4, ceil_to_tick, complement_e4, floor_to_tick, shares_e6
from polyframe_maker.config import Config

# Jumps are differences of floats: 0.53 - 0.50 must count as 3 cents, not as more.
_PRICE_NOISE = 1e-9


@dataclass(frozen=True)
class Band:
    """Half width in price and the factors that made it."""

    half_width: float
    churn_factor: float
    jump_factor: float
    close_factor: float

    @property
    def factor(self) -> float:
        """The three factors together."""
        return self.churn_factor * self.jump_factor * self.close_factor


def fair_value(kind: str, mid: float, microprice: float | None, tick: float) -> float:
    """Return the price to quote around: the mid, or the microprice within half a tick of it.

    The touch is a small part of the depth here and easily moved, so until a fitted correction
    exists its imbalance may move the fair value by half a tick only (quant.md A1.1).
    """
    if kind == "mid" or microprice is None:
        return mid
    return min(max(microprice, mid - tick / 2), mid + tick / 2)


def band(
    config: Config, updates_per_s: float, jump_1h: float, hours_to_close: float | None
) -> Band:
    """Return the half width for a market's churn (per s), jump (price) and hours to close.

    An unknown close counts as near: the wider band is the careful one.
    """
    churn = config.churn_widening if updates_per_s > config.churn_above_per_s else 1.0
    jump = config.jump_widening if jump_1h > config.jump_above + _PRICE_NOISE else 1.0
    is_near = hours_to_close is None or hours_to_close < config.close_below_h
    close = config.close_widening if is_near else 1.0
    return Band(config.half_width * churn * jump * close, churn, jump, close)


def inventory_fraction(net_yes_e6: int, fair: float, cap_usd: float) -> float:
    """Return the signed inventory as a share of the cap, clipped to [-1, 1].

    Inventory is what its own side can still lose from here: YES at fair, NO at 1 - fair, so
    a market told the other way round gives the same number with the other sign. Without a
    cap (no equity) any inventory is full.
    """
    if net_yes_e6 == 0:
        return 0.0
    sign = 1.0 if net_yes_e6 > 0 else -1.0
    at_risk_usd = abs(net_yes_e6) / 1e6 * (fair if net_yes_e6 > 0 else 1.0 - fair)
    if cap_usd <= 0 or at_risk_usd >= cap_usd:
        return sign
    return sign * at_risk_usd / cap_usd


def raw_prices(
    fair: float, half_width: float, outside: float, shift: float, tick: float
) -> tuple[float, float]:
    """Return unrounded (bid, ask): the band clamped to [tick, 1 - tick], quotes outside it.

    ``shift`` moves both; it is negative when we are long.
    """
    low = max(fair - half_width, tick)
    high = min(fair + half_width, 1.0 - tick)
    return low - outside + shift, high + outside + shift


def on_grid(
    bid: float, ask: float, tick_e4: int, best_bid_e4: int, best_ask_e4: int
) -> tuple[int | None, int | None]:
    """Return (bid_e4, ask_e4) on the tick grid, at least a tick from the other side's touch.

    Bids are floored and asks ceiled. A side whose wanted price lies beyond [tick, 1 - tick]
    is None: the grid has no price there, and the nearest one would be closer to the mid
    than the policy wants.
    """
    most_e4 = (best_ask_e4 - tick_e4) // tick_e4 * tick_e4
    least_e4 = -(-(best_bid_e4 + tick_e4) // tick_e4) * tick_e4
    tick = tick_e4 / PRICE_ONE_E4
    bid_e4: int | None = None
    ask_e4: int | None = None
    if bid > tick - _PRICE_NOISE and most_e4 >= tick_e4:
        bid_e4 = min(floor_to_tick(bid, tick_e4), most_e4)
    if ask < 1.0 - tick + _PRICE_NOISE and least_e4 <= PRICE_ONE_E4 - tick_e4:
        ask_e4 = max(ceil_to_tick(ask, tick_e4), least_e4)
    return bid_e4, ask_e4


def side_budgets_usd(config: Config, inventory: float) -> tuple[float, float]:
    """Return what (bid, ask) may cost; only the side that adds to the inventory shrinks."""
    # Rounded so that float noise of the inventory cannot move a size by a step.
    cut = round(config.base_usd * (1.0 - config.size_cut * abs(inventory)), 6)
    if inventory > 0:
        return cut, config.base_usd
    if inventory < 0:
        return config.base_usd, cut
    return config.base_usd, config.base_usd


def bid_size_e6(budget_usd: float, price_e4: int) -> int:
    """Return the shares a bid may be: YES bought at its price."""
    return shares_e6(budget_usd, price_e4)


def ask_size_e6(budget_usd: float, price_e4: int) -> int:
    """Return the shares an ask may be: NO bought at 1 - p, which is what it can lose."""
    return shares_e6(budget_usd, complement_e4(price_e4))
