"""Through the engine and the paper venue: a stranger's plugin meets the budgets."""

from __future__ import annotations

import pytest

from component_costs import Costs
from polyframe import Plugin, ReportPeriod, Trade, TradeLeg, events, hookimpl
from polyframe.model import FeeSchedule
from polyframe_portfolio_risk import PortfolioRisk
from runtime_driver import SHARE, Driver, codes, spec

MARKETS = [f"m{n}" for n in range(20)]
FEES = FeeSchedule(rate=0.04)


class Portfolio_Risk(PortfolioRisk):  # the driver names a plugin after its class
    pass


class Stranger(Plugin):
    """Buys whatever it is offered, as whatever it is told to be; sells all when told to."""

    component = "taker"
    legs = 1
    is_leaving = False

    @hookimpl
    def propose_trades(self, markets, portfolio):
        trades = []
        for market in markets:
            yes_e6 = market.position.yes_e6
            if self.is_leaving and yes_e6:
                leg = TradeLeg(market.market_id, True, False, 4900, yes_e6)
                trades.append(Trade(self.component, (leg,)))
            elif not self.is_leaving:
                legs = (
                    TradeLeg(market.market_id, True, True, 5100, 80 * SHARE),
                    TradeLeg(market.market_id, False, True, 5100, 80 * SHARE),
                )
                trades.append(Trade(self.component, legs[: self.legs]))
        return trades


class Budgeted:
    """A driver whose fills are added up by component, and checked as orders leave."""

    def __init__(self):
        self.driver = Driver(classes=(Portfolio_Risk, Stranger))
        self.driver.start(*(spec(market, fees=FEES) for market in MARKETS))
        self.costs = Costs()
        self.stranger = self.driver.machine.plugins["stranger"]

    def live(self, seconds, touch, share):
        """Twenty books at once; what then was bought is, at cost, within ``share`` of equity.

        Of the equity before: the purchases' own spread and fees are lost from it.
        """
        driver = self.driver
        limit_e12 = driver.engine.portfolio.equity_e12 * share // 100
        before_e12 = self.costs.cost_e12(self.stranger.component)
        told = len(driver.fills)
        books = [
            events.BookSnapshot(
                driver.ts(seconds), 0, name, f"{name}-yes",
                ((4900, 500.0 + touch),), ((5100, 500.0 + touch),),
            )
            for name in MARKETS
        ]  # fmt: skip
        driver.at(seconds, *books)
        for step in range(1, 5):
            driver.at(seconds + step / 10)
        for fill in driver.fills[told:]:
            self.costs.fill(fill)
        spent_e12 = self.costs.cost_e12(self.stranger.component)
        assert spent_e12 <= max(before_e12, limit_e12)
        return float(spent_e12) / 1e12

    def refusals(self):
        return {code for decision in self.driver.decisions for code in codes(decision)}


@pytest.fixture
def budgeted():
    return Budgeted()


@pytest.mark.parametrize(
    ("component", "share", "at_least_usd"),
    [("taker", 5, 204.0), ("arb", 5, 204.0), ("satellite", 15, 700.0)],
)
def test_a_stranger_never_spends_more_than_the_budget(budgeted, component, share, at_least_usd):
    budgeted.stranger.component = component
    spent_usd = 0.0
    for second in range(1, 30):
        spent_usd = budgeted.live(second, second, share)
    # Each purchase is 41.60 USD with its fee: the next one would not have fitted.
    assert at_least_usd <= spent_usd <= 50 * share
    group = "satellite" if component == "satellite" else "taker"
    assert f"portfolio_risk.{group}_budget" in budgeted.refusals()


def test_all_twenty_orders_of_one_moment_count_before_one_has_filled(budgeted):
    budgeted.driver.at(1)
    budgeted.live(2, 0, 5)
    orders = budgeted.driver.engine.orders.placed
    assert orders == 6  # six times 41.60 USD, and no seventh


def test_pairs_are_refused_whole_and_no_leg_is_left_to_unwind(budgeted):
    budgeted.stranger.component, budgeted.stranger.legs = "arb", 2
    for second in range(1, 12):
        budgeted.live(second, second, 5)
    desk = budgeted.driver.engine.desk
    # Two pairs, 166.40 USD; a third would begin beyond 95 % of the budget. All twenty were
    # wanted at once: what each has still to send counts before it is sent.
    assert (desk.completed, desk.unwound) == (2, 0)
    assert "portfolio_risk.taker_budget" in budgeted.refusals()


def test_what_is_held_may_always_be_sold_and_frees_the_budget(budgeted):
    for second in range(1, 12):
        budgeted.live(second, second, 5)
    # Four per cent of equity are lost: the budget is below what was spent, and selling goes on.
    portfolio = budgeted.driver.engine.portfolio
    portfolio.cash_e12 -= portfolio.equity_e12 // 25
    budgeted.stranger.is_leaving = True
    budgeted.live(20, 50, 5)
    budgeted.live(21, 51, 5)
    assert budgeted.driver.engine.portfolio.held() == {}
    budgeted.stranger.is_leaving = False
    assert budgeted.live(30, 60, 5) > 200


def test_the_report_has_the_budgets(budgeted):
    for second in (1, 2, 3, 70):
        budgeted.live(second, second, 5)
    now_ns = budgeted.driver.now_ns
    plugin = budgeted.driver.machine.plugins["portfolio_risk"]
    section = plugin.report_section(ReportPeriod(day="d", start_ns=0, end_ns=now_ns, facts={}))
    # The purchases' own spread and fees have lowered the equity that the limit is a share of.
    assert section["budgets"]["taker"] == {
        "used_usd": 249.59808,
        "limit_usd": 249.520096,
        "utilisation": 1.000313,
        "on_its_way_usd": 0.0,
        "held_usd": {"taker": 249.59808},
    }
