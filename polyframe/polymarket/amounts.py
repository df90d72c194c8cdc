"""An order's two amounts from price and size, and back, in exact integers (venue.md 4.1); pure.

The venue knows no price: it derives one from the amounts. A limit order's amounts give exactly
its price; a market BUY spends whole cents for floored shares, so its derived price lies a hair
above the limit and off the grid.
"""

from __future__ import annotations

from fractions import Fraction

import msgspec

from polyframe.events import Side
from polyframe.money import ORDER_SIZE_STEP_E6, PRICE_ONE_E4, SHARE_E6, floor_size_e6

_CENT_E6 = 10_000
# Decimals of a USD or share amount on each grid (venue.md 4.1); amounts have six at most.
_AMOUNT_DECIMALS = {1_000: 3, 100: 4, 50: 5, 25: 6, 10: 5, 1: 6}
_ROUNDING_GUARD_DECIMALS = 4


class OrderTerms(msgspec.Struct, frozen=True):
    """What a server reads from an order's amounts.

    ``price`` is exact. ``price_e4`` is the worst price on the 0.0001 grid at which the order may
    match: rounded down for a BUY, up for a SELL; equal to ``price`` if ``is_on_e4_grid``.
    ``size_e6`` is micro-shares.
    """

    price: Fraction
    price_e4: int
    is_on_e4_grid: bool
    size_e6: int


def limit_amounts(side: Side, price_e4: int, size_e6: int, tick_e4: int) -> tuple[int, int]:
    """Return (makerAmount, takerAmount) of a limit order; exact, the size floored to 0.01 shares.

    A market SELL's are those of a limit SELL at its least price.

    Args:
        side: of the order.
        price_e4: on the grid.
        size_e6: micro-shares.
        tick_e4: the market's grid.

    Raises:
        ValueError: the price is off the grid or outside [tick, 1 - tick], or the size below 0.01.
    """
    _check_price(price_e4, tick_e4)
    shares_e6 = floor_size_e6(size_e6)
    if shares_e6 <= 0:
        raise ValueError(f"{size_e6} micro-shares are less than 0.01 share")
    # No rounding: two decimals of a share times four of a price are six of a dollar.
    usd_e6 = shares_e6 // ORDER_SIZE_STEP_E6 * price_e4
    return (usd_e6, shares_e6) if side is Side.BUY else (shares_e6, usd_e6)


def market_buy_amounts(usd_e6: int, max_price_e4: int, tick_e4: int) -> tuple[int, int]:
    """Return (makerAmount, takerAmount) of a market BUY: dollars to spend, shares asked for.

    Dollars are floored to cents. Shares are floored too: more of them would put the derived
    price below an ask that rests at the limit, and the order could never lift it (venue.md 7.15).

    Args:
        usd_e6: 1e-6 USD.
        max_price_e4: the limit, on the grid.
        tick_e4: the market's grid.

    Raises:
        ValueError: the price is off the grid, or either amount rounds to nothing.
    """
    _check_price(max_price_e4, tick_e4)
    maker_e6 = usd_e6 // _CENT_E6 * _CENT_E6
    decimals = _AMOUNT_DECIMALS[tick_e4]
    guard = 10 ** (decimals + _ROUNDING_GUARD_DECIMALS)
    # Up to four decimals more than the grid's, then down: as the official client does it.
    guarded = -(-maker_e6 * PRICE_ONE_E4 * guard // (max_price_e4 * SHARE_E6))
    taker_e6 = guarded // 10**_ROUNDING_GUARD_DECIMALS * 10 ** (6 - decimals)
    if maker_e6 <= 0 or taker_e6 <= 0:
        raise ValueError(f"{usd_e6} millionths of a dollar buy nothing")
    return maker_e6, taker_e6


def order_terms(side: Side, maker_amount: int, taker_amount: int) -> OrderTerms:
    """Return price and size as the server derives them.

    Raises:
        ValueError: an amount is not positive, or the price is not below 1 or rounds to 0.
    """
    if maker_amount <= 0 or taker_amount <= 0:
        raise ValueError("both amounts of an order are positive")
    usd_e6, size_e6 = (
        (maker_amount, taker_amount) if side is Side.BUY else (taker_amount, maker_amount)
    )
    price = Fraction(usd_e6, size_e6)
    floor_e4, rest = divmod(usd_e6 * PRICE_ONE_E4, size_e6)
    price_e4 = floor_e4 + (1 if rest and side is Side.SELL else 0)
    if not 0 < price_e4 < PRICE_ONE_E4:
        raise ValueError(f"a price of {float(price):.6g} is outside (0, 1)")
    return OrderTerms(price, price_e4, not rest, size_e6)


def _check_price(price_e4: int, tick_e4: int) -> None:
    if tick_e4 not in _AMOUNT_DECIMALS:
        raise ValueError(f"the venue has no grid of {tick_e4} ten-thousandths")
    if price_e4 % tick_e4 or not tick_e4 <= price_e4 <= PRICE_ONE_E4 - tick_e4:
        raise ValueError(f"{price_e4} is not on the grid of {tick_e4} ten-thousandths")
