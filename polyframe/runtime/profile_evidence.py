"""What each fill profile proves by day: its fills, their markouts, where its money came from.

On paper the engine follows the base profile only. Here the fills of all three are looked at
together with the marks, so that a gate can be judged on the pessimistic one (mission.md 3.11). With
real orders there is one profile, and a fill that is taken back counts no more. A markout is
``M = s (m_h - p)`` (quant.md A3.1); ``m_h`` is the mid at the first look at or after the horizon,
thrown away and counted when the look came too late or the book had no mid.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from polyframe.model import MarketState
from polyframe.money import PRICE_ONE_E4, notional_e12
from polyframe.runtime.fill_profiles import REAL, FillProfiles
from polyframe.runtime.markets import Markets
from polyframe.runtime.paper import PaperFill, ProfileResult
from polyframe.runtime.portfolio import Portfolio

_DAY_NS = 86_400_000_000_000
_ONE_E6 = 1_000_000
# quant.md A3.1: a reference older than this is no reference; fills this close are one event.
LATEST_LOOK_NS = 5_000_000_000
CLUSTER_GAP_NS = 60_000_000_000


class Markout(NamedTuple):
    """One fill at its horizon: realised half-spread in 1e-6 USD a share, positive is good."""

    ts_ns: int
    event_id: str
    sign: int
    size_e6: int
    price_e4: int
    realised_e6: int
    trade_id: str = ""
    order_id: str = ""


class _Followed:
    """One profile: what was read of its fills, what waits for its horizon, today's findings."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.read = 0
        self.waiting: deque[PaperFill] = deque()
        self.cash_e12: Counter[str] = Counter()
        self.yes_e6: Counter[str] = Counter()
        self.no_e6: Counter[str] = Counter()
        self.start_pnl_e12: dict[str, int] = {}
        self.start: ProfileResult | None = None
        self.fills_by_cluster: Counter[str] = Counter()
        self.markouts: list[Markout] = []
        self.discarded = 0

    def book(self, fill: PaperFill) -> None:
        sign = 1 if fill.is_buy else -1
        held = self.yes_e6 if fill.is_yes else self.no_e6
        held[fill.market_id] += sign * fill.size_e6
        self.cash_e12[fill.market_id] -= (
            sign * notional_e12(fill.price_e4, fill.size_e6) + fill.fee_e12
        )

    def take_back(self, reversal: PaperFill) -> None:
        """Forget a markout that was for nothing: its fill never settled."""
        gone = reversal.reverses, reversal.order_id
        self.waiting = deque(one for one in self.waiting if (one.trade_id, one.order_id) != gone)
        self.markouts = [one for one in self.markouts if (one.trade_id, one.order_id) != gone]

    def pnl_e12(self, marks_e6: Mapping[str, int]) -> dict[str, int]:
        """Cash and marked holdings by market; without a mark, holdings count nothing."""
        found = {}
        for market_id, cash_e12 in self.cash_e12.items():
            mark_e6 = marks_e6.get(market_id, 0)
            found[market_id] = (
                cash_e12
                + self.yes_e6[market_id] * mark_e6
                + self.no_e6[market_id] * (_ONE_E6 - mark_e6)
            )
        return found


class ProfileEvidence:
    """Follows the fill profiles of one run: three of the paper venue, one of real orders.

    The caller owes an :meth:`observe` at least every few seconds of market time, and a
    :meth:`start_day` when a UTC day is over and reported.

    Args:
        venue: whose profiles they are.
        portfolio: whose marks are used.
        markets: whose books give the mid at the horizon.
        horizon_ns: the gating horizon.
    """

    def __init__(
        self, venue: FillProfiles, portfolio: Portfolio, markets: Markets, horizon_ns: int
    ) -> None:
        self._venue = venue
        self._portfolio = portfolio
        self._markets = markets
        self._horizon_ns = horizon_ns
        self._moved_at_start_e12 = portfolio.moved_e12
        self._profiles = [_Followed(name) for name in venue.profile_names]
        for profile in self._profiles:
            # What an earlier run left is part of the day's profit from here on.
            for market_id, position in portfolio.held().items():
                profile.cash_e12[market_id] = 0
                profile.yes_e6[market_id] = position.yes_e6
                profile.no_e6[market_id] = position.no_e6
            profile.start_pnl_e12 = profile.pnl_e12(portfolio.marks())

    def observe(self, now_ns: int) -> None:
        """Take in new fills, and the mids of those whose horizon is over."""
        for profile in self._profiles:
            fills = self._venue.fills(profile.name)
            for fill in fills[profile.read :]:
                profile.book(fill)
                cluster_id = self._cluster_of(fill.market_id)
                if fill.reverses:
                    profile.take_back(fill)
                    profile.fills_by_cluster[cluster_id] -= 1
                else:
                    profile.waiting.append(fill)
                    profile.fills_by_cluster[cluster_id] += 1
            profile.read = len(fills)
            waiting = profile.waiting
            while waiting and waiting[0].ts_ns + self._horizon_ns <= now_ns:
                fill = waiting.popleft()
                late_ns = now_ns - fill.ts_ns - self._horizon_ns
                found = self._markout(fill) if late_ns <= LATEST_LOOK_NS else None
                if found is None:
                    profile.discarded += 1
                else:
                    profile.markouts.append(found)

    def start_day(self) -> None:
        """A UTC day is reported: what comes from here on is the next day's."""
        results = self._venue.results(self._portfolio.marks())
        self._moved_at_start_e12 = self._portfolio.moved_e12
        for profile in self._profiles:
            profile.start_pnl_e12 = profile.pnl_e12(self._portfolio.marks())
            profile.start = results[profile.name]
            profile.fills_by_cluster.clear()
            profile.markouts.clear()
            profile.discarded = 0

    def day(self) -> dict[str, Any]:
        """Return what the day so far proves, by profile, JSON-ready; money in USD."""
        marks_e6 = self._portfolio.marks()
        results = self._venue.results(marks_e6)
        # What was paid in is no profit: the day began with it, as the bankroll did.
        moved_e12 = self._portfolio.moved_e12 - self._moved_at_start_e12
        found: dict[str, Any] = {}
        for profile in self._profiles:
            result = results[profile.name]
            start = profile.start
            start_e12 = (
                self._portfolio.bankroll_e12 if start is None else start.equity_e12 + moved_e12
            )
            by_market = {
                market_id: (pnl_e12 - profile.start_pnl_e12.get(market_id, 0)) / 1e12
                for market_id, pnl_e12 in profile.pnl_e12(marks_e6).items()
            }
            found[profile.name] = {
                "start_equity_usd": start_e12 / 1e12,
                "end_equity_usd": result.equity_e12 / 1e12,
                **_gained(result, start),
                "fills": sum(profile.fills_by_cluster.values()),
                "fills_by_cluster": {
                    name: count for name, count in sorted(profile.fills_by_cluster.items()) if count
                },
                "pnl_by_market_usd": dict(sorted(by_market.items())),
                "pnl_other_usd": (result.equity_e12 - start_e12) / 1e12
                - math.fsum(by_market.values()),
                "realised": realised(profile.markouts, self._horizon_ns)
                | {"pending": len(profile.waiting), "discarded": profile.discarded},
            }
        return found

    def _cluster_of(self, market_id: str) -> str:
        market = self._markets.find(market_id)
        return market_id if market is None else market.cluster_id

    def _markout(self, fill: PaperFill) -> Markout | None:
        market = self._markets.find(fill.market_id)
        if market is None or not market.has_book or market.state is MarketState.RESOLVED:
            return None
        mid_e6 = market.book.mid_e6
        if mid_e6 is None:
            return None
        sign = 1 if fill.is_yes == fill.is_buy else -1
        yes_price_e4 = fill.price_e4 if fill.is_yes else PRICE_ONE_E4 - fill.price_e4
        return Markout(
            fill.ts_ns,
            market.spec.market_event_id or fill.market_id,
            sign,
            fill.size_e6,
            fill.price_e4,
            sign * (mid_e6 - yes_price_e4 * 100),
            fill.trade_id,
            fill.order_id,
        )


def _gained(later: ProfileResult, earlier: ProfileResult | None) -> dict[str, Any]:
    """Return counters less those of an earlier result; what only a simulation has is None."""
    is_real = later.profile == REAL
    counted = {
        "orders": later.orders,
        "orders_filled": later.orders_filled,
        "shares": later.filled_e6 / 1e6,
        "volume_usd": later.volume_e12 / 1e12,
        "stale_evidence_fills": None if is_real else later.stale_fills,
        "reversed_fills": later.reversed_fills,
        "capacity_limited_shares": None if is_real else later.capacity_limited_e6 / 1e6,
    }
    if earlier is None:
        return counted
    before = _gained(earlier, None)
    return {
        name: None if value is None else round(value - before[name], 12)
        for name, value in counted.items()
    }


def realised(markouts: Sequence[Markout], horizon_ns: int) -> dict[str, Any]:
    """Return realised half-spreads three ways, their exact distribution and the clusters' sums.

    ``counts_e6`` maps each half-spread (1e-6 USD a share) to its number of fills, from which
    a median over many days can be taken; the cluster sums are of share-weighted means in cents.
    """
    shares_e6 = sum(m.size_e6 for m in markouts)
    gained_e12 = sum(m.size_e6 * m.realised_e6 for m in markouts)
    paid_e12 = sum(notional_e12(m.price_e4, m.size_e6) for m in markouts)
    counts = Counter(m.realised_e6 for m in markouts)
    means_c = cluster_means_c(markouts)
    return {
        "horizon_s": horizon_ns / 1e9,
        "n": len(markouts),
        "share_weighted_c": gained_e12 / shares_e6 / 1e4 if shares_e6 else None,
        "equal_weighted_c": (
            sum(m.realised_e6 for m in markouts) / len(markouts) / 1e4 if markouts else None
        ),
        "notional_weighted_bps": gained_e12 / paid_e12 * 1e4 if paid_e12 else None,
        "total_usd": gained_e12 / 1e12,
        "counts_e6": {str(value): counts[value] for value in sorted(counts)},
        "clusters": len(means_c),
        "cluster_sum_c": math.fsum(means_c),
        "cluster_sum_sq_c2": math.fsum(mean * mean for mean in means_c),
    }


def cluster_means_c(markouts: Sequence[Markout]) -> list[float]:
    """Return the share-weighted mean of each cluster in cents, in order of their first fills.

    Fills of one event and side no more than 60 s after one another are one cluster: one
    piece of information (quant.md A3.3).
    """
    open_since: dict[tuple[str, int], tuple[int, int]] = {}
    sums: list[tuple[int, int]] = []
    for found in sorted(markouts, key=lambda m: m.ts_ns):
        key = (found.event_id, found.sign)
        number, last_ns = open_since.get(key, (-1, 0))
        if number < 0 or found.ts_ns - last_ns > CLUSTER_GAP_NS:
            number = len(sums)
            sums.append((0, 0))
        open_since[key] = (number, found.ts_ns)
        gained_e12, shares_e6 = sums[number]
        sums[number] = (
            gained_e12 + found.size_e6 * found.realised_e6,
            shares_e6 + found.size_e6,
        )
    return [gained_e12 / shares_e6 / 1e4 for gained_e12, shares_e6 in sums]
