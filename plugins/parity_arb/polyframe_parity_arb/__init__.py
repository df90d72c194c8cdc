"""parity_arb: take both outcomes of a crossed book when a pair earns enough after fees."""

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
    Trade,
    TradeBudget,
    Veto,
    hookimpl,
)
from polyframe.money import complement_e4, notional_e12, usd
from polyframe_parity_arb.config import Config as ParityArbConfig
from polyframe_parity_arb.crossing import Crossings
from polyframe_parity_arb.ledger import Ledger
from polyframe_parity_arb.proposal import (
    COMPONENT,
    REFUSALS,
    cost_e12,
    propose,
    refusal,
)
from polyframe_parity_arb.tally import Tally

__all__ = ["ParityArb"]

BUDGET = "parity_arb.budget"
_SECOND_NS = 1_000_000_000
# A pair is sized to this part of the budget: filled to the brim, a cent of equity lost between
# its legs would have the second refused and the first unwound.
_BUDGET_USE = 0.95


class ParityArb(Plugin):
    """Proposes pair trades on books that stay crossed, within its budget (README.md)."""

    Config = ParityArbConfig
    config: ParityArbConfig
    api_versions = (1, 1)
    codes = (BUDGET,)

    def __init__(self, config: ParityArbConfig, context: Context) -> None:
        super().__init__(config, context)
        self._ledger = Ledger(context.store)
        self._crossings = Crossings(config.max_book_age_s)
        self._budget = TradeBudget(config.taker_budget_share)
        self._tally = Tally()
        self._budget_usd: float | None = None

    # --- facts -------------------------------------------------------------------------

    @hookimpl
    def on_book(self, market: MarketView, now_ns: int) -> None:
        """Keep count of how long the book has been crossed."""
        if self._crossings.observe(market, now_ns):
            self._tally.begin(market.market_id, now_ns)

    @hookimpl
    def on_fill(self, fill: Fill, now_ns: int) -> None:
        """Book our own fills; what a trade has spent it no longer reserves."""
        if fill.component != COMPONENT:
            return
        self._ledger.on_fill(fill)
        self._tally.add("reversals" if fill.is_reversal else "fills", now_ns)
        self._budget.on_fill(fill)

    @hookimpl
    def on_cycle_end(self, cycle: Cycle, portfolio: PortfolioView, now_ns: int) -> None:
        """Forget pairs that resolved, and keep the budget for the report."""
        self._ledger.settle(portfolio)
        self._budget_usd = round(usd(self._budget.limit_e12(portfolio)), 6)

    # --- opinions ----------------------------------------------------------------------

    @hookimpl
    def propose_trades(
        self, markets: Sequence[MarketView], portfolio: PortfolioView, now_ns: int
    ) -> Sequence[Trade]:
        """Return a pair trade for each book that is crossed for long enough and by enough."""
        trades: list[Trade] = []
        for market in markets:
            crossing = self._crossings.of(market.market_id)
            if crossing is None or self._budget.under_way(market.market_id, now_ns) is not None:
                continue
            answer = refusal(market, crossing, self.config, now_ns) or propose(
                market,
                portfolio,
                self._ledger.pairs_e6(market.market_id, portfolio),
                self._budget.spendable_e12(portfolio, self._ledger.cost_e12, now_ns, _BUDGET_USE),
                self.config,
            )
            if isinstance(answer, str):
                self._tally.refuse(market.market_id, answer, now_ns)
                continue
            until_ns = now_ns + round(self.config.retry_s * _SECOND_NS)
            self._budget.start(market.market_id, answer, until_ns, cost_e12(market, answer))
            self._tally.add("proposed", now_ns)
            trades.append(answer)
        return trades

    @hookimpl
    def pre_quote_veto(
        self, quote: Quote, market: MarketView, portfolio: PortfolioView, now_ns: int
    ) -> Sequence[Veto] | None:
        """Return parity_arb.budget for a leg of an arb trade that the budget does not cover."""
        if quote.component != COMPONENT:
            return None
        trade = self._budget.under_way(market.market_id, now_ns)
        opening_e12 = self._opening_cost_e12(quote) if trade is None else 0
        if trade is None and not opening_e12:
            return None  # it unwinds what we hold: never in its way
        if trade is not None and not trade.legs[0].is_buy:
            return None
        return self._budget.veto(BUDGET, portfolio, self._ledger.cost_e12, opening_e12, now_ns)

    @hookimpl
    def report_section(self, period: ReportPeriod) -> Mapping[str, Any]:
        """Return the day's crossings, trades and refusals by reason, and the budget's use."""
        counts = self._tally.during(period)
        return {
            "crossings_seen": counts.get("seen", 0),
            "trades_proposed": counts.get("proposed", 0),
            "fills": counts.get("fills", 0),
            "reversals": counts.get("reversals", 0),
            "refused": {reason: counts.get(f"refused.{reason}", 0) for reason in REFUSALS},
            "markets_held": self._ledger.markets,
            "held_cost_usd": round(usd(self._ledger.cost_e12), 6),
            "budget_usd": self._budget_usd,
            "nulls": {"budget_usd": "no cycle has ended"},
        }

    # --- the budget --------------------------------------------------------------------

    def _opening_cost_e12(self, quote: Quote) -> int:
        """Return what an arb leg that we did not propose would spend; 0 where it unwinds ours."""
        cost_e12 = 0
        for leg, sells_yes in ((quote.bid, False), (quote.ask, True)):
            if leg is None or leg.size_e6 <= self._ledger.shares_e6(quote.market_id, sells_yes):
                continue
            price_e4 = complement_e4(leg.price_e4) if sells_yes else leg.price_e4
            cost_e12 += notional_e12(price_e4, leg.size_e6)
        return cost_e12
