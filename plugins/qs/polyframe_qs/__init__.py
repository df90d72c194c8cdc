"""qs: which markets are worth quoting (rank), and which must not be quoted now (veto)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from polyframe import (
    Context,
    Cycle,
    Decision,
    MarketView,
    Plugin,
    PortfolioView,
    Quote,
    Reading,
    ReportPeriod,
    Veto,
    hookimpl,
)
from polyframe_qs import vetoes
from polyframe_qs.config import Config as QsConfig
from polyframe_qs.score import Score, distribution, explained, score

__all__ = ["Qs"]

_DAY_NS = 86_400_000_000_000
_SAMPLES = 5
_EXPLAINED = 10
# What a decision counts as, in the order of the summary line and of the report.
_REASONS = (
    "ok",
    "no_book",
    "stale",
    "crossed",
    "rrs",
    "state",
    "liquidity",
    "one_sided",
    "near_close_volatile",
    "other",
)
# Why a figure of the report is null.
_NULLS = {
    "quantiles": "no market was ranked",
    "edge_per_dollar_day": "edge_weight is 0, or the market had no mid",
    "age_s": "settings and metadata have no age",
}
# Vetoes that say nothing of the market: the active set was full.
_NO_PLACE = ("runtime.rank", "runtime.cluster_full")


class Qs(Plugin):
    """Quoteability: vetoes, ranking and the cycle's summary lines (plugins/qs/README.md)."""

    Config = QsConfig
    config: QsConfig
    api_versions = (1, 1)
    codes = vetoes.CODES

    def __init__(self, config: QsConfig, context: Context) -> None:
        super().__init__(config, context)
        self._scores: dict[str, Score] = {}
        # Day number -> reason -> decisions; kept in the store so that a restart loses nothing.
        self._days: dict[str, dict[str, int]] = context.store.setdefault("days", {})

    @hookimpl
    def rank_markets(self, markets: Sequence[MarketView]) -> Sequence[str]:
        """Return every market, best score first, vetoed ones last so their refusal is recorded."""
        self._scores = {market.market_id: score(market, self.config) for market in markets}

        def order(market: MarketView) -> tuple[bool, float, str]:
            is_vetoed = bool(vetoes.vetoes(market, self.config))
            return is_vetoed, -self._scores[market.market_id].total, market.market_id

        return [market.market_id for market in sorted(markets, key=order)]

    @hookimpl
    def pre_quote_veto(self, quote: Quote, market: MarketView) -> Sequence[Veto]:
        """Return every reason why this market must not be quoted now.

        A leg of a trade takes what is there: a crossed or thin book is its business, a
        missing, stale or closed one is not.
        """
        found = vetoes.vetoes(market, self.config)
        if quote.component == "maker":
            return found
        return [veto for veto in found if veto.code in vetoes.ALSO_FOR_TRADES]

    @hookimpl
    def explain_quote(self, market: MarketView) -> Sequence[Reading]:
        """Return the market's score as it is now, and the numbers its vetoes go by."""
        now = Reading("score", score(market, self.config).total)
        return [now, *vetoes.readings(market, self.config)]

    @hookimpl
    def on_cycle_end(self, cycle: Cycle, portfolio: PortfolioView) -> None:
        """Log the cycle's veto summary and five samples, and count the reasons for the report."""
        latest = {
            decision.market_id: decision
            for decision in cycle.decisions
            if decision.proposal.component == "maker"
        }
        counts = dict.fromkeys(_REASONS, 0)
        for decision in latest.values():
            counts[_reason(decision)] += 1
        self._count(cycle.ts_ns, counts)
        views = {market_id: portfolio.market(market_id) for market_id in sorted(latest)}
        thresholds = [view.max_book_age_s for view in views.values() if view is not None]
        self.context.log(
            "QS veto summary",
            **counts,
            stale_threshold_s=max(thresholds, default=None),
        )
        for market_id in self._sampled(list(views)):
            self._log_sample(market_id, latest[market_id], views[market_id])

    @hookimpl
    def report_section(self, period: ReportPeriod) -> Mapping[str, Any]:
        """Return the last ranking's distribution, its best explained, and the primary vetoes."""
        counts = self._days.get(str(period.start_ns // _DAY_NS), {})
        return {
            "scores": distribution([one.total for one in self._scores.values()]),
            "explained": self._explained(),
            "primary_vetoes": {reason: counts.get(reason, 0) for reason in _REASONS},
            "nulls": _NULLS,
        }

    def _explained(self) -> dict[str, Any]:
        """Return every term of the best markets' scores, with its source and its age then."""
        best = sorted(self._scores.items(), key=lambda item: (-item[1].total, item[0]))
        return {market_id: explained(known) for market_id, known in best[:_EXPLAINED]}

    def _count(self, ts_ns: int, counts: Mapping[str, int]) -> None:
        day = ts_ns // _DAY_NS
        for old in [key for key in self._days if int(key) < day - 1]:
            del self._days[old]
        total = self._days.setdefault(str(day), {})
        for reason, count in counts.items():
            total[reason] = total.get(reason, 0) + count

    def _sampled(self, market_ids: list[str]) -> list[str]:
        """Return up to five markets spread evenly from the best score to the worst."""
        ranked = sorted(market_ids, key=lambda one: (-self._total(one), one))
        last = len(ranked) - 1
        if last < _SAMPLES:
            return ranked
        return [ranked[round(i * last / (_SAMPLES - 1))] for i in range(_SAMPLES)]

    def _total(self, market_id: str) -> float:
        known = self._scores.get(market_id)
        return -1.0 if known is None else known.total

    def _log_sample(self, market_id: str, decision: Decision, view: MarketView | None) -> None:
        known = self._scores.get(market_id)
        book = None if view is None else view.book
        spread_e4 = None if book is None else book.spread_e4
        self.context.log(
            "QS_SAMPLE",
            market=market_id,
            score=None if known is None else round(known.total, 6),
            primary_veto=vetoes.primary(decision.vetoes),
            mid=None if book is None else book.mid,
            spread=None if spread_e4 is None else spread_e4 / 10_000,
            depth_usd=None if known is None else round(known.depth_usd, 2),
            edge=(
                None if known is None or known.edge is None else round(known.edge.per_dollar_day, 6)
            ),
        )


def _reason(decision: Decision) -> str:
    """Return what a decision counts as; ``other``: good to quote, refused by another plugin.

    A market that only found no place in the active set is ``ok``.
    """
    primary = vetoes.primary(decision.vetoes)
    if primary is not None:
        return primary
    refused = any(cast.veto.code not in _NO_PLACE for cast in decision.vetoes)
    return "other" if refused and decision.target.is_empty else "ok"
