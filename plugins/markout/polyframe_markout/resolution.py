"""The last horizon: what fills were worth when their market paid out.

A payout is linear in every fill, so a market needs sums only, however long it takes. The views
a plugin sees hold no payout; it is read from the last book: a bid at or above 0.95 says that
YES won, an ask at or below 0.05 that NO did, anything else is counted as unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from polyframe import MarketView
from polyframe_markout.fills import TrackedFill
from polyframe_markout.measures import E6_PER_CENT
from polyframe_markout.report import estimate
from polyframe_markout.statistics import weighted_estimate
from polyframe_markout.tracker import is_over

PRICE_ONE_E6 = 1_000_000
_SURE_E4 = 9_500


@dataclass(slots=True)
class Held:
    """The sums over one market's fills; ``payout_e6`` is YES's, None while open or unknown."""

    fills: int = 0
    size_e6: int = 0
    signed_size_e6: int = 0
    signed_cost_e12: int = 0
    rebate_e12: int = 0
    payout_e6: int | None = None
    resolved_ns: int | None = None

    def gained_e12(self) -> int:
        """Return ``sum(n s (payout - p))``; 0 without a payout."""
        if self.payout_e6 is None:
            return 0
        return self.signed_size_e6 * self.payout_e6 - self.signed_cost_e12


class Payouts:
    """The sums of every market with fills, until it has paid out and been reported."""

    def __init__(self) -> None:
        self._held: dict[str, Held] = {}

    def add(self, fill: TrackedFill, count: int = 1) -> None:
        """Count a fill; ``count`` -1 takes it back."""
        held = self._held.setdefault(fill.market_id, Held())
        held.fills += count
        held.size_e6 += count * fill.size_e6
        held.signed_size_e6 += count * fill.sign * fill.size_e6
        held.signed_cost_e12 += count * fill.sign * fill.size_e6 * fill.price_e6
        held.rebate_e12 += count * fill.rebate_e12
        if held.fills <= 0:
            del self._held[fill.market_id]

    def open_markets(self) -> tuple[str, ...]:
        """Return the markets that have not resolved, sorted."""
        return tuple(m for m in sorted(self._held) if self._held[m].resolved_ns is None)

    def look(self, market: MarketView, now_ns: int) -> None:
        """Settle a market that is over."""
        held = self._held.get(market.market_id)
        if held is not None and held.resolved_ns is None and is_over(market):
            held.resolved_ns, held.payout_e6 = now_ns, payout_e6(market)

    def forget(self, before_ns: int) -> None:
        """Forget markets that resolved before an instant."""
        self._held = {
            market_id: held
            for market_id, held in self._held.items()
            if held.resolved_ns is None or held.resolved_ns >= before_ns
        }

    def section(self, start_ns: int, end_ns: int) -> dict[str, Any]:
        """Return the fills of markets that resolved in a period; one market is one cluster."""
        done = {
            market_id: held
            for market_id, held in sorted(self._held.items())
            if held.resolved_ns is not None and start_ns <= held.resolved_ns <= end_ns
        }
        paid = {m: held for m, held in done.items() if held.payout_e6 is not None}
        gross = _mean_c([(held.gained_e12(), held.size_e6) for held in paid.values()])
        net = _mean_c([(h.gained_e12() + h.rebate_e12, h.size_e6) for h in paid.values()])
        return {
            "markets": len(done),
            "payout_unknown": len(done) - len(paid),
            "pending": len(self.open_markets()),
            "n": sum(held.fills for held in paid.values()),
            "gross": gross,
            "net": net,
            "total_usd": sum(held.gained_e12() for held in paid.values()) / 10**12,
            "by_market": {
                market_id: {
                    "n": held.fills,
                    "payout_yes": None if held.payout_e6 is None else held.payout_e6 / PRICE_ONE_E6,
                    "total_usd": held.gained_e12() / 10**12,
                }
                for market_id, held in done.items()
            },
        }

    def as_document(self) -> dict[str, Any]:
        """Return the sums as JSON-ready data."""
        return {
            market_id: [getattr(held, name) for name in Held.__slots__]
            for market_id, held in self._held.items()
        }

    def restore(self, document: Mapping[str, Any]) -> None:
        """Take back what :meth:`as_document` gave."""
        self._held = {market_id: Held(*row) for market_id, row in document.items()}


def payout_e6(market: MarketView) -> int | None:
    """Return YES's payout in 1e-6 as the last book tells it, None where it does not."""
    bid_e4, ask_e4 = market.book.best_bid_e4, market.book.best_ask_e4
    if bid_e4 is not None and bid_e4 >= _SURE_E4:
        return PRICE_ONE_E6
    if ask_e4 is not None and ask_e4 <= 10_000 - _SURE_E4:
        return 0
    return None


def _mean_c(sums: list[tuple[int, int]]) -> dict[str, Any]:
    return estimate(weighted_estimate([(gained / E6_PER_CENT, size) for gained, size in sums]))
