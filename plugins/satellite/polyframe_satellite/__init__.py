"""satellite: directional trades from a predictions file, small and within a budget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from polyframe import (
    SIDES,
    BookSide,
    Context,
    Cycle,
    Fill,
    MarketView,
    Plugin,
    PortfolioView,
    Quote,
    QuoteLeg,
    ReportPeriod,
    Trade,
    TradeBudget,
    Veto,
    hookimpl,
)
from polyframe.money import SHARE_E6, complement_e4, notional_e12, usd
from polyframe_satellite import document
from polyframe_satellite.config import Config as SatelliteConfig
from polyframe_satellite.ledger import Held, Ledger
from polyframe_satellite.predictions import Prediction, Predictions, parse
from polyframe_satellite.proposal import COMPONENT, REFUSALS, closing, opening
from polyframe_satellite.sizing import cost_e12, cvar_usd
from polyframe_satellite.tally import Tally

__all__ = ["Satellite"]

BUDGET = "satellite.budget"
HOLDING = "satellite.holding"
_SECOND_NS = 1_000_000_000


class Satellite(Plugin):
    """Trades predictions that are far from the market, and keeps its tokens apart (README.md).

    Raises:
        ValueError: the predictions file cannot be used; one ``file:line: field: what`` a problem.
    """

    Config = SatelliteConfig
    config: SatelliteConfig
    api_versions = (1, 1)
    codes = (BUDGET, HOLDING)

    def __init__(self, config: SatelliteConfig, context: Context) -> None:
        super().__init__(config, context)
        self._predictions = Predictions({})
        if config.predictions_file:
            text = document.text_of(context.store, config.predictions_file)
            self._predictions = parse(text, config.predictions_file)
            context.log(
                "Predictions",
                file=config.predictions_file,
                count=len(self._predictions),
                sha256=document.sha256_of(context.store),
            )
        self._ledger = Ledger(context.store)
        self._beliefs: dict[str, Prediction] = {}
        self._budget = TradeBudget(config.budget_share)
        self._tally = Tally()
        self._budget_usd: float | None = None

    # --- facts -------------------------------------------------------------------------

    @hookimpl
    def on_fill(self, fill: Fill, market: MarketView, now_ns: int) -> None:
        """Book our own fills; what an order has spent it no longer reserves."""
        if fill.component != COMPONENT:
            return
        prediction = self._predictions.of(market.spec)
        self._ledger.on_fill(fill, None if prediction is None else prediction.identity)
        self._tally.note("reversals" if fill.is_reversal else "fills", fill.market_id, now_ns)
        self._budget.on_fill(fill)

    @hookimpl
    def on_cycle_end(self, cycle: Cycle, portfolio: PortfolioView) -> None:
        """Forget positions that resolved, and keep the budget for the report."""
        document.used(self.context.store)
        self._ledger.settle(portfolio)
        self._budget_usd = round(usd(self._budget.limit_e12(portfolio)), 6)

    # --- opinions ----------------------------------------------------------------------

    @hookimpl
    def propose_trades(
        self, markets: Sequence[MarketView], portfolio: PortfolioView, now_ns: int
    ) -> Sequence[Trade] | None:
        """Return a purchase for each prediction worth one, and a sale for each holding done with.

        Nothing without a predictions file: holdings of an earlier run are then held.
        """
        if not self.config.predictions_file:
            return None
        trades: list[Trade] = []
        for market in markets:
            prediction = self._predictions.of(market.spec)
            if prediction is not None:
                self._beliefs[market.market_id] = prediction
            held = self._ledger.of(market.market_id)
            if (prediction is None and held is None) or self._budget.under_way(
                market.market_id, now_ns
            ):
                continue
            if held is not None:
                trade = self._closing(market, held, prediction, portfolio, now_ns)
            else:
                trade = self._opening(market, prediction, portfolio, now_ns)
            if trade is not None:
                self._start(market, trade, now_ns)
                trades.append(trade)
        return trades

    @hookimpl
    def pre_quote_veto(
        self, quote: Quote, market: MarketView, portfolio: PortfolioView, now_ns: int
    ) -> Sequence[Veto] | None:
        """Return satellite.budget for what the budget does not cover, and satellite.holding.

        The second keeps the maker from selling our tokens: an ask is routed to YES held,
        whoever bought them, and a bid to NO held.
        """
        if quote.component == COMPONENT:
            return self._budget_veto(quote, market, portfolio, now_ns)
        if quote.component != "maker" or self._ledger.of(market.market_id) is None:
            return None
        return [
            Veto(HOLDING, side, leg.size_e6 / SHARE_E6, others_e6 / SHARE_E6)
            for side, leg, ours_e6, others_e6 in self._maker_sales(quote, market)
            if leg is not None and ours_e6 and leg.size_e6 > others_e6
        ]

    @hookimpl
    def report_section(self, period: ReportPeriod) -> Mapping[str, Any]:
        """Return the file, the day's counts by reason, and each position with its tail."""
        document.used(self.context.store)
        tally = self._tally
        return {
            "predictions_file": self.config.predictions_file,
            "predictions_sha256": document.sha256_of(self.context.store),
            "predictions": len(self._predictions),
            "markets_seen": tally.markets("seen", period),
            "opened": tally.times("opened", period),
            "closed": tally.times("closed", period),
            "fills": tally.times("fills", period),
            "reversals": tally.times("reversals", period),
            "refused": {reason: tally.markets(f"refused.{reason}", period) for reason in REFUSALS},
            "positions": [self._position(held) for held in self._ledger],
            "held_cost_usd": round(usd(self._ledger.cost_e12), 6),
            "budget_usd": self._budget_usd,
            "nulls": {
                "predictions_sha256": "no predictions file",
                "believed": "in no predictions file of this run",
                "budget_usd": "no cycle has ended",
            },
        }

    def _maker_sales(
        self, quote: Quote, market: MarketView
    ) -> Iterator[tuple[BookSide, QuoteLeg | None, int, int]]:
        """Yield each side's leg, our tokens it could sell, and the others'."""
        for side in SIDES:
            is_yes = side == "ask"
            ours_e6 = self._ledger.shares_e6(market.market_id, is_yes)
            total_e6 = market.position.yes_e6 if is_yes else market.position.no_e6
            yield side, quote.leg(side), ours_e6, max(0, total_e6 - ours_e6)

    # --- one market --------------------------------------------------------------------

    def _opening(
        self,
        market: MarketView,
        prediction: Prediction | None,
        portfolio: PortfolioView,
        now_ns: int,
    ) -> Trade | None:
        if prediction is None:
            return None
        self._tally.note("seen", market.market_id, now_ns)
        answer: Trade | str = "traded"
        if not self._ledger.has_traded(market.market_id, prediction.identity):
            spend_e12 = self._budget.spendable_e12(portfolio, self._ledger.cost_e12, now_ns)
            answer = opening(market, prediction, portfolio, spend_e12, self.config, now_ns)
        if isinstance(answer, str):
            self._tally.note(f"refused.{answer}", market.market_id, now_ns)
            return None
        self._tally.note("opened", market.market_id, now_ns)
        return answer

    def _closing(
        self,
        market: MarketView,
        held: Held,
        prediction: Prediction | None,
        portfolio: PortfolioView,
        now_ns: int,
    ) -> Trade | None:
        sellable_e6 = self._ledger.sellable_e6(held, portfolio)
        trade = closing(market, held, prediction, sellable_e6, self.config, now_ns)
        if trade is not None:
            self._tally.note("closed", market.market_id, now_ns)
        return trade

    def _start(self, market: MarketView, trade: Trade, now_ns: int) -> None:
        (leg,) = trade.legs
        most_e12 = (
            -(-cost_e12(market.spec, leg.limit_e4) * leg.size_e6 // SHARE_E6) if leg.is_buy else 0
        )
        until_ns = now_ns + round(self.config.retry_s * _SECOND_NS)
        self._budget.start(market.market_id, trade, until_ns, most_e12)

    def _position(self, held: Held) -> dict[str, Any]:
        """Return a holding for the report; without a belief its tail is all it cost."""
        shares, cost_usd = held.size_e6 / SHARE_E6, usd(held.cost_e12)
        prediction = self._beliefs.get(held.market_id)
        believed, tail_usd = None, cost_usd
        if prediction is not None:
            believed = prediction.probability if held.is_yes else 1.0 - prediction.probability
            tail_usd = cvar_usd(shares, cost_usd / shares, believed)
        return {
            "market_id": held.market_id,
            "outcome": "yes" if held.is_yes else "no",
            "shares": round(shares, 6),
            "cost_usd": round(cost_usd, 6),
            "believed": believed,
            "cvar_95_usd": round(tail_usd, 6),
        }

    # --- the budget --------------------------------------------------------------------

    def _budget_veto(
        self, quote: Quote, market: MarketView, portfolio: PortfolioView, now_ns: int
    ) -> Sequence[Veto] | None:
        opening_e12 = 0
        trade = self._budget.under_way(market.market_id, now_ns)
        if trade is not None:
            if not trade.legs[0].is_buy:
                return None
        else:
            opening_e12 = self._opening_cost_e12(quote)
            if not opening_e12:
                return None  # it sells what we hold: never in its way
        return self._budget.veto(BUDGET, portfolio, self._ledger.cost_e12, opening_e12, now_ns)

    def _opening_cost_e12(self, quote: Quote) -> int:
        """Return what a leg that we did not propose would spend; 0 where it sells our tokens."""
        spent_e12 = 0
        for leg, sells_yes in ((quote.bid, False), (quote.ask, True)):
            if leg is None or leg.size_e6 <= self._ledger.shares_e6(quote.market_id, sells_yes):
                continue
            price_e4 = complement_e4(leg.price_e4) if sells_yes else leg.price_e4
            spent_e12 += notional_e12(price_e4, leg.size_e6)
        return spent_e12
