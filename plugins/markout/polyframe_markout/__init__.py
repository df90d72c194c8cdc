"""Markout: what our own fills were worth a little later, and what to do when they were not.

Measures, vetoes toxic markets and clusters, widens mild ones. Its state survives restarts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from polyframe import (
    Context,
    Cycle,
    Fill,
    MarketView,
    Plugin,
    PortfolioView,
    Quote,
    ReportPeriod,
    Veto,
    hookimpl,
)
from polyframe_markout import report
from polyframe_markout.config import Config as Settings
from polyframe_markout.measures import Averages
from polyframe_markout.toxicity import rolling, widened, worse_than
from polyframe_markout.tracker import TrackedFill, Tracker, horizon_name

__all__ = ["Markout", "Settings"]

NS_PER_H = 3_600_000_000_000
NS_PER_MINUTE = 60_000_000_000


class Markout(Plugin):
    """Follows maker fills to their horizons and stops quoting where they lose."""

    Config = Settings
    codes = ("markout.toxic", "markout.toxic_cluster")

    def __init__(self, config: Settings, context: Context) -> None:
        super().__init__(config, context)
        self._tracker = Tracker(config.horizons_s, config.max_mid_age_s)
        self._tracker.restore(context.store)
        self._counts = {"taker_ignored": 0, "reversed": 0, "reversal_unknown": 0}
        self._counts.update(context.store.get("counts", {}))
        self._means: dict[tuple[str, str], tuple[tuple[int, int], Averages]] = {}
        self._gate = horizon_name(config.gating_horizon_s)

    # --- facts -----------------------------------------------------------------------

    @hookimpl
    def on_fill(self, fill: Fill, market: MarketView, now_ns: int) -> None:
        """Follow a maker fill; forget one whose settlement failed."""
        if not fill.is_maker:
            self._counts["taker_ignored"] += 1
        elif fill.is_reversal:
            known = self._tracker.remove(fill)
            self._counts["reversed" if known else "reversal_unknown"] += 1
        else:
            self._tracker.add(fill, market, now_ns)

    @hookimpl
    def on_book(self, market: MarketView, now_ns: int) -> None:
        """Measure what fell due in a market whose book changed."""
        if self._tracker.is_open(market.market_id):
            self._tracker.on_change(market, now_ns)

    @hookimpl
    def on_cycle_end(self, cycle: Cycle, portfolio: PortfolioView, now_ns: int) -> None:
        """Measure quiet books, forget old fills, save the document."""
        for market_id in self._tracker.open_markets():
            market = portfolio.market(market_id)
            if market is None:
                self._tracker.drop(market_id, now_ns)
            else:
                self._tracker.on_proof(market, now_ns)
        self._tracker.prune(now_ns - round(self.config.keep_h * NS_PER_H))
        self._save()

    # --- opinions --------------------------------------------------------------------

    @hookimpl
    def pre_quote_veto(self, market: MarketView, now_ns: int) -> Sequence[Veto] | None:
        """Return markout.toxic and markout.toxic_cluster where the rolling mean says so."""
        if self._tracker.is_open(market.market_id):
            self._tracker.on_proof(market, now_ns)
        config = self.config
        vetoes: list[Veto] = []
        own = self._market_mean(market.market_id, now_ns)
        if worse_than(own, config.toxic_c, config.min_fills):
            vetoes.append(Veto("markout.toxic", None, own.share_weighted_c, config.toxic_c))
        shared = self._cluster_mean(market.cluster_id, now_ns)
        if worse_than(shared, config.toxic_cluster_c, config.min_cluster_fills):
            observed, limit = shared.share_weighted_c, config.toxic_cluster_c
            vetoes.append(Veto("markout.toxic_cluster", None, observed, limit))
        return vetoes or None

    @hookimpl
    def shape_quote(self, quote: Quote, market: MarketView, now_ns: int) -> Quote | None:
        """Return the quote wider and smaller when the market's fills lose a little."""
        config = self.config
        mean = self._market_mean(market.market_id, now_ns)
        if not worse_than(mean, config.mild_c, config.min_fills):
            return None
        return widened(quote, market, config.mild_band_factor, config.mild_size_factor)

    @hookimpl
    def report_section(self, period: ReportPeriod) -> Mapping[str, Any] | None:
        """Return markouts of the period's fills, and the markets judged toxic or mild."""
        self._save()
        config = self.config
        by_market: dict[str, Sequence[TrackedFill]] = {}
        for market_id in self._tracker.markets():
            fills = [
                fill
                for fill in self._tracker.fills(market_id)
                if period.start_ns <= fill.ts_ns <= period.end_ns
            ]
            if fills:
                by_market[market_id] = fills
        every = [fill for fills in by_market.values() for fill in fills]
        names = [horizon_name(horizon) for horizon in config.horizons_s]
        shrunk = report.shrunk_section(by_market, config)
        toxic, mild = self._judged(period.end_ns)
        return {
            "unit": "c per share, half-spread, gross of rebates; positive is good",
            "rule": "mean",
            "gating_horizon_s": config.gating_horizon_s,
            "fills": len(every),
            **self._counts,
            "horizons": {name: report.horizon_section(every, name) for name in names},
            "evidence": report.evidence_section(every, config),
            "markets": {
                market_id: {
                    "fills": len(fills),
                    "horizons": {name: report.horizon_section(fills, name) for name in names},
                    **shrunk.get(market_id, {}),
                }
                for market_id, fills in by_market.items()
            },
            "toxic": toxic,
            "mild": mild,
        }

    # --- inside ----------------------------------------------------------------------

    def _market_mean(self, market_id: str, now_ns: int) -> Averages:
        return self._mean(("market", market_id), now_ns)

    def _cluster_mean(self, cluster_id: str, now_ns: int) -> Averages:
        return self._mean(("cluster", cluster_id), now_ns)

    def _mean(self, of: tuple[str, str], now_ns: int) -> Averages:
        """Return a rolling mean, computed anew when a mark came in or the minute changed."""
        state = (self._tracker.revision, now_ns // NS_PER_MINUTE)
        known = self._means.get(of)
        if known is not None and known[0] == state:
            return known[1]
        kind, name = of
        fills = self._tracker.fills if kind == "market" else self._tracker.cluster_fills
        since_ns = state[1] * NS_PER_MINUTE - round(self.config.window_h * NS_PER_H)
        mean = rolling(fills(name), self._gate, since_ns, self.config.window_fills)
        self._means[of] = (state, mean)
        return mean

    def _judged(self, now_ns: int) -> tuple[list[str], list[str]]:
        config = self.config
        toxic: list[str] = []
        mild: list[str] = []
        for market_id in self._tracker.markets():
            mean = self._market_mean(market_id, now_ns)
            if worse_than(mean, config.toxic_c, config.min_fills):
                toxic.append(market_id)
            elif worse_than(mean, config.mild_c, config.min_fills):
                mild.append(market_id)
        return toxic, mild

    def _save(self) -> None:
        self.context.store.update(self._tracker.as_document(), counts=dict(self._counts))
