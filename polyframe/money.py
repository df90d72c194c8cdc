"""Exact numbers: prices, sizes and dollars as scaled integers, and the only rounding rules.

Units are in names (docs/adr/0004-scaled-integers.md):

=========  =======================  ======================================
suffix     unit                     why this scale
=========  =======================  ======================================
``_e4``    0.0001 of price          the finest tick the venue has
``_e6``    0.000001 share or price  the venue's base unit; a mid needs e6
``_e12``   1e-12 USD                price_e6 x size_e6: no product is rounded
=========  =======================  ======================================

Floats appear only in opinions (fair values, scores). They become money through
:func:`floor_to_tick`, :func:`ceil_to_tick` and :func:`shares_e6`, nowhere else.
"""

from __future__ import annotations

import math
from decimal import Decimal
from functools import lru_cache

PRICE_ONE_E4 = 10_000
SHARE_E6 = 1_000_000
USD_E12 = 10**12
_E4_TO_E6 = 100
# The venue takes order sizes with two decimals (venue.md 4.1).
ORDER_SIZE_STEP_E6 = 10_000
_FEE_STEP_E12 = 10**7  # fees are rounded to 5 decimals of a dollar (venue.md 5.1)


def parse_price_e4(text: str) -> int:
    """Return a venue price string as an integer on the 0.0001 grid.

    Raises:
        ValueError: not a number, off the grid, or outside [0, 1].
    """
    return _parse_scaled(text, 4, PRICE_ONE_E4)


def parse_size_e6(text: str) -> int:
    """Return a venue size string in micro-shares, exactly.

    Raises:
        ValueError: not a number, negative, or with more than six decimals.
    """
    return _parse_scaled(text, 6, None)


def _parse_scaled(text: str, decimals: int, most: int | None) -> int:
    whole, _, fraction = text.partition(".")
    digits = fraction.rstrip("0")
    if (
        not text.isascii()
        or not (whole.isdigit() or (not whole and digits))
        or (fraction and not fraction.isdigit())
        or len(digits) > decimals
        or len(whole) > 18
    ):
        raise ValueError(f"{text[:40]!r} is not a plain number with at most {decimals} decimals")
    scale: int = 10**decimals
    scaled = int(whole or "0") * scale + int((digits or "0").ljust(decimals, "0"))
    if most is not None and scaled > most:
        raise ValueError(f"{text[:40]!r} is outside [0, 1]")
    return scaled


def complement_e4(price_e4: int) -> int:
    """Return the price of the other outcome: 1 - p."""
    return PRICE_ONE_E4 - price_e4


def floor_to_tick(price: float, tick_e4: int) -> int:
    """Return the highest grid price at or below ``price`` (for bids), clamped to [tick, 1 - tick].

    A price that is a grid price but for float error counts as that grid price.
    """
    return _clamp(math.floor(price * PRICE_ONE_E4 / tick_e4 + 1e-9) * tick_e4, tick_e4)


def ceil_to_tick(price: float, tick_e4: int) -> int:
    """Return the lowest grid price at or above ``price`` (for asks), clamped likewise."""
    return _clamp(math.ceil(price * PRICE_ONE_E4 / tick_e4 - 1e-9) * tick_e4, tick_e4)


def _clamp(price_e4: int, tick_e4: int) -> int:
    return min(max(price_e4, tick_e4), PRICE_ONE_E4 - tick_e4)


def shares_e6(usd: float, price_e4: int) -> int:
    """Return how many shares ``usd`` buys at a price, floored to the venue's 0.01-share step."""
    if price_e4 <= 0 or not math.isfinite(usd) or usd <= 0:
        return 0
    return floor_size_e6(math.floor(usd * PRICE_ONE_E4 / price_e4 * SHARE_E6 + 1e-6))


def floor_size_e6(size_e6: int) -> int:
    """Return an order size floored to the venue's 0.01-share step."""
    return size_e6 // ORDER_SIZE_STEP_E6 * ORDER_SIZE_STEP_E6


def notional_e12(price_e4: int, size_e6: int) -> int:
    """Return price x size in 1e-12 USD, exactly."""
    return price_e4 * _E4_TO_E6 * size_e6


def taker_fee_e12(price_e4: int, size_e6: int, rate: float, exponent: float) -> int:
    """Return the venue's taker fee, ``size * rate * (p (1 - p))^exponent`` (venue.md 5.1).

    Rounded half up to 5 decimals of a dollar; below 0.00001 it is zero.
    """
    return _round_fee(_fee_curve(price_e4, size_e6, rate, exponent))


def maker_rebate_e12(
    price_e4: int, size_e6: int, rate: float, exponent: float, rebate_share: float
) -> int:
    """Return the rebate a maker fill accrues when makers share the pool evenly (quant.md A6.3)."""
    return _round_fee(_fee_curve(price_e4, size_e6, rate, exponent) * Decimal(str(rebate_share)))


def _fee_curve(price_e4: int, size_e6: int, rate: float, exponent: float) -> Decimal:
    p = Decimal(price_e4).scaleb(-4)
    curve = (p * (1 - p)) ** Decimal(str(exponent))
    return Decimal(size_e6).scaleb(-6) * Decimal(str(rate)) * curve


def _round_fee(usd: Decimal) -> int:
    return int((usd * 100_000 + Decimal("0.5")) // 1) * _FEE_STEP_E12


def share_e12(amount_e12: int, share: float) -> int:
    """Return a share of an amount, rounded down; nothing of a negative one.

    A share has at most twelve decimals, so the product is exact.
    """
    return max(0, amount_e12) * usd_e12(round(share, 12)) // USD_E12


def usd_e12(usd: float | str | Decimal) -> int:
    """Return dollars in 1e-12 USD; a float is read by its shortest decimal form."""
    return int(Decimal(str(usd)).scaleb(12).to_integral_value())


def usd(amount_e12: int) -> float:
    """Return 1e-12 USD as float dollars, for opinions and display only."""
    return amount_e12 / USD_E12


def price_text(price_e4: int) -> str:
    """Return a price as the venue writes it: ``0.52``, ``0.525``."""
    return _text(price_e4, 4, 2)


@lru_cache(maxsize=65_536)  # books are told over and over, and most of their sizes stay
def size_text(size_e6: int) -> str:
    """Return shares without trailing zeros: ``100``, ``219.217767``."""
    return _text(size_e6, 6, 0)


def _text(scaled: int, decimals: int, least: int) -> str:
    whole, fraction = divmod(scaled, 10**decimals)
    digits = str(fraction).rjust(decimals, "0")
    kept = digits.rstrip("0").ljust(least, "0")
    return f"{whole}.{kept}" if kept else str(whole)
