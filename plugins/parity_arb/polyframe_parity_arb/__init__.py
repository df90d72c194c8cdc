"""parity_arb: take both outcomes of a crossed book when a pair earns enough after fees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

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
    share_e12,
)
from polyframe_parity_arb.tally import Tally

__all__ = ["ParityArb"]

BUDGET = "parity_arb.budget"
_SECOND_NS = 1_000_000_000


class _UnderWay(NamedTuple):
    """A proposed trade: until when it counts, and what it may still spend."""

    trade: Trade
    until_ns: int
    left_e12: int


class ParityArb(Plugin):
    """Proposes pair trades on books that stay crossed, within its budget (README.md)."""

    Config = ParityArbConfig
    config: ParityArbConfig
    codes = (BUDGET,)

    def __init__(self, config: ParityArbConfig, context: Context) -> None:
        super().__init__(config, context)
        self._ledger = Ledger(context.store)
        self._crossings = Crossings(config.max_book_age_s)
        self._under_way: dict[str, _UnderWay] = {}
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
        under_way = self._under_way.get(fill.market_id)
        if under_way is not None and fill.is_buy and not fill.is_reversal:
            spent_e12 = notional_e12(fill.price_e4, fill.size_e6) + fill.fee_e12
            self._under_way[fill.market_id] = under_way._replace(
                left_e12=max(0, under_way.left_e12 - spent_e12)
            )

    @hookimpl
    def on_cycle_end(self, cycle: Cycle, portfolio: PortfolioView, now_ns: int) -> None:
        """Forget pairs that resolved, and keep the budget for the report."""
        self._ledger.settle(portfolio)
        self._budget_usd = round(usd(self._budget_e12(portfolio)), 6)

    # --- opinions ----------------------------------------------------------------------

    @hookimpl
    def propose_trades(
        self, markets: Sequence[MarketView], portfolio: PortfolioView, now_ns: int
    ) -> Sequence[Trade]:
        """Return a pair trade for each book that is crossed for long enough and by enough."""
        trades: list[Trade] = []
        for market in markets:
            crossing = self._crossings.of(market.market_id)
            if crossing is None or self._trade_under_way(market.market_id, now_ns) is not None:
                continue
            answer = refusal(market, crossing, self.config, now_ns) or propose(
                market,
                portfolio,
                self._ledger.pairs_e6(market.market_id, portfolio),
                self._spendable_e12(portfolio, now_ns),
                self.config,
            )
            if isinstance(answer, str):
                self._tally.refuse(market.market_id, answer, now_ns)
                continue
            until_ns = now_ns + round(self.config.retry_s * _SECOND_NS)
            self._under_way[market.market_id] = _UnderWay(
                answer, until_ns, cost_e12(market, answer)
            )
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
        trade = self._trade_under_way(market.market_id, now_ns)
        opening_e12 = self._opening_cost_e12(quote) if trade is None else 0
        if trade is None and not opening_e12:
            return None  # it unwinds what we hold: never in its way
        if trade is not None and not trade.legs[0].is_buy:
            return None
        used_e12, budget_e12 = self._used_e12(now_ns) + opening_e12, self._budget_e12(portfolio)
        if used_e12 <= budget_e12:
            return None
        return [Veto(BUDGET, None, usd(used_e12), usd(budget_e12))]

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
        }

    # --- the budget --------------------------------------------------------------------

    def _trade_under_way(self, market_id: str, now_ns: int) -> Trade | None:
        under_way = self._under_way.get(market_id)
        return None if under_way is None or under_way.until_ns <= now_ns else under_way.trade

    def _waiting_e12(self, now_ns: int) -> int:
        """What trades under way may still spend."""
        for market_id, under_way in list(self._under_way.items()):
            if under_way.until_ns <= now_ns:
                del self._under_way[market_id]
        return sum(one.left_e12 for one in self._under_way.values())

    def _used_e12(self, now_ns: int) -> int:
        return self._ledger.cost_e12 + self._waiting_e12(now_ns)

    def _budget_e12(self, portfolio: PortfolioView) -> int:
        return share_e12(portfolio.equity_e12, self.config.taker_budget_share)

    def _spendable_e12(self, portfolio: PortfolioView, now_ns: int) -> int:
        # A trade under way may have no order yet, so its money is not reserved: it counts twice
        # for a moment rather than never.
        free_cash_e12 = portfolio.cash_e12 - portfolio.reserved_e12 - self._waiting_e12(now_ns)
        left_e12 = self._budget_e12(portfolio) - self._used_e12(now_ns)
        return max(0, min(left_e12, free_cash_e12))

    def _opening_cost_e12(self, quote: Quote) -> int:
        """Return what an arb leg that we did not propose would spend; 0 where it unwinds ours."""
        cost_e12 = 0
        for leg, sells_yes in ((quote.bid, False), (quote.ask, True)):
            if leg is None or leg.size_e6 <= self._ledger.shares_e6(quote.market_id, sells_yes):
                continue
            price_e4 = complement_e4(leg.price_e4) if sells_yes else leg.price_e4
            cost_e12 += notional_e12(price_e4, leg.size_e6)
        return cost_e12
