"""portfolio_risk: caps on worst-case loss, budgets, and the halt. Nothing bypasses them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polyframe import (
    MAKER,
    Context,
    Cycle,
    Fill,
    MarketView,
    OrderView,
    Plugin,
    PortfolioView,
    Quote,
    QuoteLeg,
    Reading,
    ReportPeriod,
    Veto,
    hookimpl,
)
from polyframe.money import usd
from polyframe_portfolio_risk import budgets, caps, halt, scenario
from polyframe_portfolio_risk.account import exposures, rest_of
from polyframe_portfolio_risk.config import Config as PortfolioRiskConfig
from polyframe_portfolio_risk.exposure import holding
from polyframe_portfolio_risk.refusals import Refusals

__all__ = ["PortfolioRisk"]


class PortfolioRisk(Plugin):
    """Shrinks quotes to the caps, refuses what does not fit, halts on losses (see README.md)."""

    Config = PortfolioRiskConfig
    config: PortfolioRiskConfig
    api_versions = (1, 1)
    codes = (
        caps.MARKET_CAP,
        caps.CLUSTER_CAP,
        caps.AGGREGATE_CAP,
        budgets.TAKER_BUDGET,
        budgets.SATELLITE_BUDGET,
        halt.DAILY_LOSS,
        halt.DRAWDOWN,
    )
    halts = (halt.DAILY_LOSS, halt.DRAWDOWN)

    def __init__(self, config: PortfolioRiskConfig, context: Context) -> None:
        super().__init__(config, context)
        self._latch = halt.Latch(config, context.store, context.log)
        self._budgets = budgets.Budgets(config, context.store)
        self._exposures: dict[str, Any] | None = None
        self._events: dict[str, list[scenario.Event]] | None = None
        self._budgets_used: dict[str, Any] | None = None
        self._refusals = Refusals()

    @hookimpl
    def shape_quote(
        self, quote: Quote, market: MarketView, portfolio: PortfolioView
    ) -> Quote | None:
        """Return the quote with each leg cut to the room under the caps, or None if all fits.

        New risk may use ``headroom_use`` of each cap; what rests already may use it whole.
        Without the distance between the two, the first cent of lost equity breaks a cap
        filled to the brim, and the veto pulls every quote in every market at once.
        """
        shrunk: dict[caps.BookSide, QuoteLeg] = {}
        for side, leg, levels in self._legs(quote, market, portfolio):
            resting_e12 = _resting_e12(side, quote, market)
            allowed_e12 = min(
                level.allowed_e12(resting_e12, self.config.headroom_use) for level in levels
            )
            shrunk[side] = caps.shrunk(side, leg, allowed_e12, market.min_size_e6)
        changed = {side: leg for side, leg in shrunk.items() if leg != quote.leg(side)}
        return msgspec.structs.replace(quote, **changed) if changed else None

    @hookimpl
    def pre_quote_veto(
        self, quote: Quote, market: MarketView, portfolio: PortfolioView, now_ns: int
    ) -> Sequence[Veto]:
        """Return the halt, and each cap or budget that a side of the quote would break.

        The quote now resting on a side may fill before its cancel arrives, so a side counts
        with the larger loss of the two: the leg's or the resting quote's. What the leg does
        not replace counts besides: all of its side for a trade, trades' orders for a quote.
        """
        halted = self._latch.check(portfolio, now_ns)
        found = [] if halted is None else [halted]
        # Who proposes a trade has sized it to the caps themselves; only quotes keep a distance.
        headroom_use = self.config.headroom_use if quote.component == MAKER else 1.0
        for side, leg, levels in self._legs(quote, market, portfolio):
            resting_e12 = _resting_e12(side, quote, market)
            loss_e12 = max(caps.leg_loss_e12(side, leg.price_e4, leg.size_e6), resting_e12)
            for level in levels:
                refusal = level.refusal(side, loss_e12, resting_e12, headroom_use)
                if refusal is not None:
                    found.append(refusal)
        factor = caps.factor(market.hours_to_close, market.state, self.config)
        over_budget = self._budgets.veto(quote, portfolio, factor, now_ns)
        if over_budget is not None:
            found.append(over_budget)
        for veto in found:
            self._refusals.note(veto, _belongs_to(veto.code, market), now_ns)
        return found

    @hookimpl
    def explain_quote(
        self, quote: Quote, market: MarketView, portfolio: PortfolioView, now_ns: int
    ) -> Sequence[Reading]:
        """Return what each side of the quote could lose under each cap, and the day's losses.

        The limit is the one that the vote went by: for new risk ``headroom_use`` of the cap.
        """
        found = self._latch.readings(portfolio, now_ns)
        for side, leg, levels in self._legs(quote, market, portfolio):
            resting_e12 = _resting_e12(side, quote, market)
            loss_e12 = max(caps.leg_loss_e12(side, leg.price_e4, leg.size_e6), resting_e12)
            for level in levels:
                observed_e12, limit_e12 = level.held_to_e12(
                    loss_e12, resting_e12, self.config.headroom_use
                )
                name = f"{side}_{level.code.partition('.')[2]}_usd"
                found.append(Reading(name, usd(observed_e12), usd(limit_e12)))
        return found

    @hookimpl
    def on_fill(self, fill: Fill, portfolio: PortfolioView, now_ns: int) -> None:
        """Book what components hold, and look at the losses: a halt must not wait for a quote."""
        self._budgets.on_fill(fill, portfolio)
        self._latch.check(portfolio, now_ns)

    @hookimpl
    def on_cycle_end(self, cycle: Cycle, portfolio: PortfolioView, now_ns: int) -> None:
        """Look at the losses and keep exposures and budgets for the report."""
        self._latch.check(portfolio, now_ns)
        self._budgets.settle(portfolio, now_ns)
        self._exposures = self._measure(portfolio)
        self._budgets_used = self._budgets.report(portfolio)
        self._events = scenario.events_by_cluster(portfolio)

    @hookimpl
    def report_section(self, period: ReportPeriod) -> Mapping[str, Any]:
        """Return exposures and budgets at the last cycle's end with their use, and the halt.

        The scenario is drawn here and not at the cycle's end: it takes up to 0.3 s.
        """
        return {
            "exposures": self._exposures,
            "budgets": self._budgets_used,
            "scenario": self._scenario(),
            "halted": self._latch.halted,
            "refusals": self._refusals.during(period),
            "nulls": {
                **dict.fromkeys(("exposures", "budgets", "scenario"), "no cycle has ended"),
                "halted": "no halt is in force",
                "utilisation": "nothing may be lost there",
            },
        }

    def _legs(
        self, quote: Quote, market: MarketView, portfolio: PortfolioView
    ) -> list[tuple[caps.BookSide, QuoteLeg, tuple[caps.Level, ...]]]:
        """Return each wanted leg with the caps as its side sees them."""
        if quote.is_empty:
            return []
        limits = caps.caps(portfolio.equity_e12, market.hours_to_close, market.state, self.config)
        held = holding(market.position)
        rest = rest_of(market, portfolio)
        legs: list[tuple[caps.BookSide, QuoteLeg | None]] = [
            ("bid", quote.bid),
            ("ask", quote.ask),
        ]
        return [
            (side, leg, caps.levels(side, held, rest, limits, _staying_e12(side, quote, market)))
            for side, leg in legs
            if leg is not None
        ]

    def _scenario(self) -> dict[str, Any] | None:
        if self._events is None:
            return None
        found = scenario.simulated(self._events)
        return {
            "alpha": scenario.ALPHA,
            "correlation_in_cluster": scenario.INSIDE,
            "correlation_across": scenario.ACROSS,
            "draws": scenario.DRAWS,
            "clusters_cvar_usd": {name: _cents(lost) for name, lost in found.clusters_usd.items()},
            "aggregate_cvar_usd": _cents(found.aggregate_usd),
        }

    def _measure(self, portfolio: PortfolioView) -> dict[str, Any]:
        now = exposures(portfolio)
        equity_e12 = portfolio.equity_e12
        whole = caps.shares_of(equity_e12, 1.0, self.config)
        markets: dict[str, Any] = {}
        for market_id, loss_e12 in now.markets.items():
            view = portfolio.market(market_id)
            limit_e12 = (
                0
                if view is None
                else caps.caps(equity_e12, view.hours_to_close, view.state, self.config).market_e12
            )
            markets[market_id] = _utilisation(loss_e12, limit_e12)
        return {
            "equity_usd": _usd(equity_e12),
            "markets": markets,
            "clusters": {
                cluster_id: _utilisation(loss_e12, whole.cluster_e12)
                for cluster_id, loss_e12 in now.clusters.items()
            },
            "aggregate": _utilisation(now.aggregate_e12, whole.aggregate_e12),
        }


def _belongs_to(code: str, market: MarketView) -> str:
    """Return whose cap, budget or halt a veto names."""
    owners = {caps.MARKET_CAP: market.market_id, caps.CLUSTER_CAP: market.cluster_id}
    return owners.get(code, "account")


def _replaces(quote: Quote, order: OrderView) -> bool:
    # A leg of a trade, whatever its component, replaces nothing.
    return quote.component == order.component == MAKER


def _resting_e12(side: caps.BookSide, quote: Quote, market: MarketView) -> int:
    """Return what our quotes on a side lose that the quote's leg would replace."""
    return sum(
        caps.leg_loss_e12(side, order.yes_price_e4, order.leaves_e6)
        for order in market.orders
        if order.side == side and _replaces(quote, order)
    )


def _staying_e12(side: caps.BookSide, quote: Quote, market: MarketView) -> int:
    """Return what the orders on a side lose that the quote's leg does not replace."""
    return sum(
        caps.leg_loss_e12(side, order.yes_price_e4, order.leaves_e6)
        for order in market.orders
        if order.side == side and not _replaces(quote, order)
    )


def _utilisation(loss_e12: int, limit_e12: int) -> dict[str, float | None]:
    """Return exposure and cap in USD and their ratio; None where nothing may be lost."""
    return {
        "exposure_usd": _usd(loss_e12),
        "cap_usd": _usd(limit_e12),
        "utilisation": round(loss_e12 / limit_e12, 6) if limit_e12 > 0 else None,
    }


def _usd(amount_e12: int) -> float:
    return round(usd(amount_e12), 6)


def _cents(drawn_usd: float) -> float:
    """Return a drawn figure without the digits that it does not know; zero is not negative."""
    return round(drawn_usd, 2) + 0.0
