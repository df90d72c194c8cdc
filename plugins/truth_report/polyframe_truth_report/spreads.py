"""What makers' fills earned per share: effective, adverse, realised; three averages each.

``E = s (m0 - p)``, ``A_h = -s (m_h - m0)``, ``M_h = s (m_h - p) = E - A_h`` (quant.md A3.1), all
over the same fills: those whose horizon ended in the period, so that the identity holds.
Half-spreads in cents a share; the dollars are the ledger's own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple


class Earned(NamedTuple):
    """One fill's dollars over its shares and the dollars it traded."""

    usd: float
    shares: float
    paid_usd: float


def averages(found: Sequence[Earned]) -> dict[str, Any]:
    """Return share-, equal- and notional-weighted means, the median, and the dollars."""
    shares = math.fsum(each.shares for each in found)
    paid_usd = math.fsum(each.paid_usd for each in found)
    total_usd = math.fsum(each.usd for each in found)
    each_c = sorted(100 * each.usd / each.shares for each in found)
    return {
        "n": len(found),
        "share_weighted_c": 100 * total_usd / shares if shares else None,
        "equal_weighted_c": math.fsum(each_c) / len(each_c) if each_c else None,
        "notional_weighted_bps": 1e4 * total_usd / paid_usd if paid_usd else None,
        "median_c": _median(each_c),
        "total_usd": total_usd,
    }


def spreads(fills: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return ``effective``, ``adverse`` and ``realised`` over the settled maker fills.

    Fills without a mid before them and fills that were taken back are left out.
    """
    effective: list[Earned] = []
    adverse: list[Earned] = []
    realised: list[Earned] = []
    for fill in fills:
        moved_usd = fill["adverse_usd"]
        is_usable = fill["is_settled"] and fill["is_maker"] and fill["has_mid_before"]
        if not is_usable or fill["is_reversed"] or moved_usd is None or not fill["shares"]:
            continue
        spread_usd, shares = fill["spread_usd"], fill["shares"]
        paid_usd = shares * fill["price"]
        effective.append(Earned(spread_usd, shares, paid_usd))
        adverse.append(Earned(-moved_usd, shares, paid_usd))
        realised.append(Earned(spread_usd + moved_usd, shares, paid_usd))
    return {
        "effective": averages(effective),
        "adverse": averages(adverse),
        "realised": averages(realised),
    }


def _median(ordered: Sequence[float]) -> float | None:
    if not ordered:
        return None
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
