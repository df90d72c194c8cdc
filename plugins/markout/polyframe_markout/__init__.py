"""Markout: what our own fills were worth a little later, and what to do when they were not.

Measures, vetoes toxic markets and clusters, pauses markets that lose fast, widens mild ones.
Its state survives restarts.
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
    Reading,
    ReportPeriod,
    Veto,
    hookimpl,
)
from polyframe_markout import flow, report
from polyframe_markout.bayes_rule import BayesRule
from polyframe_markout.breaker import Breaker
from polyframe_markout.config import Config as Settings
from polyframe_markout.fills import TrackedFill, horizon_name
from polyframe_markout.mean_rule import MeanRule
from polyframe_markout.resolution import Payouts
from polyframe_markout.shaping import probe_sized, widened
from polyframe_markout.tracker import Tracker

__all__ = ["Markout", "Settings"]

NS_PER_H = 3_600_000_000_000
MAKER = "maker"
DECISIONS = ("toxic", "breaker", "probing", "mild")
_COUNTS = ("taker_ignored", "other_component_ignored", "reversed", "reversal_unknown")
# Of the stored document; one that is older or newer is not read.
VERSION = 2


class Markout(Plugin):
    """Follows maker fills to their horizons and stops quoting where they lose."""

    Config = Settings
    api_versions = (1, 1)
    codes = ("markout.toxic", "markout.toxic_cluster", "markout.breaker")

    def __init__(self, config: Settings, context: Context) -> None:
        super().__init__(config, context)
        self._tracker = Tracker(config.horizons_s, config.max_mid_age_s)
        self._breaker = Breaker(self._tracker, config)
        self._rule = (BayesRule if config.rule == "bayes" else MeanRule)(self._tracker, config)
        self._payouts = Payouts() if config.measure_resolution else None
        self._counts = dict.fromkeys(_COUNTS, 0)
        if context.store.get("version") == VERSION:
            self._restore(context.store)

    # --- facts -----------------------------------------------------------------------

    @hookimpl
    def on_fill(self, fill: Fill, market: MarketView, now_ns: int) -> None:
        """Follow a maker fill; forget one whose settlement failed."""
        if fill.component != MAKER:
            self._counts["other_component_ignored"] += 1
        elif not fill.is_maker:
            self._counts["taker_ignored"] += 1
        elif fill.is_reversal:
            self._reverse(fill)
        else:
            followed = self._tracker.add(fill, market, now_ns)
            if self._payouts is not None:
                self._payouts.add(followed)

    @hookimpl
    def on_book(self, market: MarketView, now_ns: int) -> None:
        """Measure what fell due in a market whose book changed."""
        market_id = market.market_id
        if not self._tracker.is_open(market_id):
            return
        before = self._tracker.revision
        self._tracker.on_change(market, now_ns)
        if self._tracker.revision != before:
            self._look(market_id, now_ns)

    @hookimpl
    def on_cycle_end(self, cycle: Cycle, portfolio: PortfolioView, now_ns: int) -> None:
        """Measure quiet books, judge anew, forget old fills, save the document."""
        for market_id in self._tracker.open_markets():
            market = portfolio.market(market_id)
            if market is None:
                self._tracker.drop(market_id, now_ns)
            else:
                self._tracker.on_proof(market, now_ns)
            self._look(market_id, now_ns)
        self._rule.on_cycle(now_ns)
        before_ns = now_ns - round(self.config.keep_h * NS_PER_H)
        self._tracker.prune(before_ns)
        self._breaker.forget(before_ns)
        if self._payouts is not None:
            for market_id in self._payouts.open_markets():
                if (market := portfolio.market(market_id)) is not None:
                    self._payouts.look(market, now_ns)
            self._payouts.forget(before_ns)
        self._save()

    # --- opinions --------------------------------------------------------------------

    @hookimpl
    def pre_quote_veto(
        self, quote: Quote, market: MarketView, now_ns: int
    ) -> Sequence[Veto] | None:
        """Return why our maker fills forbid a quote here; trades of others are not judged."""
        if quote.component != MAKER:
            return None
        market_id = market.market_id
        if self._tracker.is_open(market_id):
            self._tracker.on_proof(market, now_ns)
        self._look(market_id, now_ns)
        vetoes: list[Veto] = []
        own = self._rule.verdict(market_id, now_ns)
        if own.decision == "toxic":
            vetoes.append(Veto("markout.toxic", None, own.observed_c, own.limit_c))
        shared = self._rule.cluster_verdict(market.cluster_id, now_ns)
        if shared.decision == "toxic":
            vetoes.append(Veto("markout.toxic_cluster", None, shared.observed_c, shared.limit_c))
        pause = self._breaker.paused(market_id, now_ns)
        if pause is not None:
            limit_c = self.config.breaker_c
            vetoes.append(Veto("markout.breaker", None, pause.observed_c, limit_c))
        return vetoes or None

    @hookimpl
    def shape_quote(self, quote: Quote, market: MarketView, now_ns: int) -> Quote | None:
        """Return the quote wider and smaller where fills lose a little, smaller in a probe."""
        config = self.config
        decision = self._rule.verdict(market.market_id, now_ns).decision
        if decision == "mild":
            return widened(quote, market, config.mild_band_factor, config.mild_size_factor)
        if decision == "probing":
            return probe_sized(quote, market, config.probe_size_factor)
        return None

    @hookimpl
    def explain_quote(self, quote: Quote, market: MarketView, now_ns: int) -> Sequence[Reading]:
        """Return what the rule thinks of our fills here, in cents; nothing before the first."""
        return self._rule.readings(market.market_id, now_ns) if quote.component == MAKER else []

    @hookimpl
    def report_section(self, period: ReportPeriod) -> Mapping[str, Any] | None:
        """Return markouts of the period's fills, and where every market stands."""
        self._save()
        config = self.config
        by_market = {
            market_id: fills
            for market_id in self._tracker.markets()
            if (fills := self._fills_of(market_id, period))
        }
        every = [fill for fills in by_market.values() for fill in fills]
        decisions = self._decisions(period.end_ns)
        sides = {market_id: flow.imbalances_of_fills(f) for market_id, f in by_market.items()}
        section = {
            "unit": "cents per share, half-spread; positive is good",
            "rule": config.rule,
            "gating_horizon_s": config.gating_horizon_s,
            "fills": len(every),
            **self._counts,
            "own_flow": report.flow_section([one for some in sides.values() for one in some]),
            "horizons": self._horizons(every),
            "markets": {
                market_id: {
                    "decision": decision,
                    "breaker_trips": self._breaker.trips(market_id),
                    "fills": len(by_market.get(market_id, ())),
                    "own_flow": report.flow_section(sides.get(market_id, ())),
                    **self._rule.row(market_id, period.end_ns),
                    "horizons": self._horizons(by_market.get(market_id, ())),
                }
                for market_id, decision in decisions.items()
            },
        }
        section["called_out"] = report.called_out(section["markets"])
        for name in DECISIONS:
            section[name] = [m for m, decision in decisions.items() if decision == name]
        if self._payouts is not None:
            section["resolution"] = self._payouts.section(period.start_ns, period.end_ns)
        section["nulls"] = report.NULLS
        rounded: dict[str, Any] = report.rounded(section)
        return rounded

    # --- inside ----------------------------------------------------------------------

    def _look(self, market_id: str, now_ns: int) -> None:
        """Let breaker and rule see what is new of a market."""
        trip = self._breaker.look(market_id, now_ns)
        self._rule.look(market_id, now_ns, trip)

    def _reverse(self, fill: Fill) -> None:
        gone = self._tracker.remove(fill)
        self._counts["reversal_unknown" if gone is None else "reversed"] += 1
        if gone is not None and self._payouts is not None:
            self._payouts.add(gone, -1)

    def _fills_of(self, market_id: str, period: ReportPeriod) -> list[TrackedFill]:
        fills = self._tracker.fills(market_id)
        return [fill for fill in fills if period.start_ns <= fill.ts_ns <= period.end_ns]

    def _horizons(self, fills: Sequence[TrackedFill]) -> dict[str, Any]:
        names = [horizon_name(horizon) for horizon in self.config.horizons_s]
        gap_s = self.config.cluster_gap_s
        return {name: report.horizon_section(fills, name, gap_s) for name in names}

    def _decisions(self, now_ns: int) -> dict[str, str]:
        """Return ``ok``, ``mild``, ``probing``, ``breaker`` or ``toxic`` of every known market."""
        known = {*self._tracker.markets(), *self._rule.judged()}
        known.update(self._breaker.paused_markets(now_ns))
        decisions: dict[str, str] = {}
        for market_id in sorted(known):
            decision = self._rule.verdict(market_id, now_ns).decision
            if decision != "toxic" and self._breaker.paused(market_id, now_ns) is not None:
                decision = "breaker"
            decisions[market_id] = decision
        return decisions

    def _save(self) -> None:
        self.context.store.update(
            self._tracker.as_document(),
            version=VERSION,
            rule=self._rule.as_document(),
            breaker=self._breaker.as_document(),
            payouts={} if self._payouts is None else self._payouts.as_document(),
            counts=dict(self._counts),
        )

    def _restore(self, document: Mapping[str, Any]) -> None:
        self._tracker.restore(document)
        self._rule.restore(document["rule"])
        self._breaker.restore(document["breaker"])
        if self._payouts is not None:
            self._payouts.restore(document["payouts"])
        self._counts.update(document["counts"])
