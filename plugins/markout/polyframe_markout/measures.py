"""What one fill earned, and how fills are averaged (quant.md A3.1, A3.2).

Half-spreads in YES space: a NO fill against the NO mid gives the same number. Per-fill values
are integers in 1e-6 of price (``_e6``), so ``M = E - A`` holds exactly. Three averages exist
and are never mixed; the share-weighted one is the headline.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

E6_PER_CENT = 10_000
_E6 = 1_000_000


def markout_e6(sign: int, price_e6: int, later_e6: int) -> int:
    """Return M = s (m_h - p), what the position gained since; positive is good for us."""
    return sign * (later_e6 - price_e6)


def effective_e6(sign: int, price_e6: int, before_e6: int) -> int:
    """Return E = s (m0 - p), the half-spread earned at the fill."""
    return sign * (before_e6 - price_e6)


def adverse_e6(sign: int, before_e6: int, later_e6: int) -> int:
    """Return A = -s (m_h - m0), what the market moved against us; positive is bad."""
    return -sign * (later_e6 - before_e6)


@dataclass(frozen=True, slots=True)
class Sample:
    """One fill and one number of it: ``value_e6`` per share, on ``size_e6`` shares.

    ``price_e6`` is the YES price paid or got; ``rebate_e12`` the rebate expected for the fill.
    """

    value_e6: int
    size_e6: int
    price_e6: int
    ts_ns: int = 0
    market_event_id: str = ""
    sign: int = 1
    rebate_e12: int = 0


@dataclass(frozen=True, slots=True)
class Averages:
    """Means of a set of fills; None when there are none. Dollars are exact sums as float."""

    n: int
    share_weighted_c: float | None
    equal_weighted_c: float | None
    notional_weighted_bps: float | None
    total_usd: float


def averages(samples: Iterable[Sample]) -> Averages:
    """Return c per share (share- and equal-weighted), bps of notional, and dollars, gross.

    Share-weighted is ``sum(n M) / sum(n)``, notional-weighted ``sum(n M) / sum(n p)``.
    """
    count = gained_e12 = value_e6 = size_e6 = notional_e12 = 0
    for sample in samples:
        count += 1
        gained_e12 += sample.size_e6 * sample.value_e6
        value_e6 += sample.value_e6
        size_e6 += sample.size_e6
        notional_e12 += sample.size_e6 * sample.price_e6
    return Averages(
        n=count,
        share_weighted_c=gained_e12 / size_e6 / E6_PER_CENT if size_e6 else None,
        equal_weighted_c=value_e6 / count / E6_PER_CENT if count else None,
        notional_weighted_bps=gained_e12 / notional_e12 * 10_000 if notional_e12 else None,
        total_usd=gained_e12 / (_E6 * _E6),
    )
