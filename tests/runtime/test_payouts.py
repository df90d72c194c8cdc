"""What is held is paid out once, by the message or by the metadata, whichever is heard."""

import pytest
from msgspec.structs import replace

from polyframe import MarketState, Plugin, Trade, TradeLeg, events, hookimpl
from polyframe.commands import FetchMarkets, Subscribe
from runtime_driver import SETTINGS, SHARE, Driver, spec


class Buyer(Plugin):
    """Takes 100 YES at 51 cents, once."""

    def __init__(self, config, context):
        super().__init__(config, context)
        self.is_done = False

    @hookimpl
    def propose_trades(self, markets):
        if self.is_done or markets[0].book.best_ask_e4 is None:
            return None
        self.is_done = True
        return [Trade("taker", (TradeLeg("m1", True, True, 5100, 100 * SHARE),))]


@pytest.fixture
def driver():
    driver = Driver(SETTINGS, classes=(Buyer,))
    driver.start(spec("m1"), spec("m2"))
    driver.book(1, 49, 51)
    driver.at(2)
    driver.at(3)
    assert driver.engine.portfolio.position_of("m1").yes_e6 == 100 * SHARE
    return driver


def fetched(driver, seconds, *specs, universe=False):
    return driver.at(
        seconds, events.MarketsFetched(driver.ts(seconds), tuple(specs), universe=universe)
    )


def money(driver):
    portfolio = driver.engine.portfolio
    base = driver.machine.paper.results(portfolio.marks())["base"]
    assert (base.cash_e12, base.equity_e12) == (portfolio.cash_e12, portfolio.equity_e12)
    assert portfolio.attribution_error_e12 == 0
    return portfolio.cash_e12 / 1e12


@pytest.mark.parametrize(
    ("payout_e6", "cash"), [(1_000_000, 5049.0), (500_000, 4999.0), (0, 4949.0)]
)
def test_metadata_alone_pays_out(driver, payout_e6, cash):
    fetched(driver, 10, replace(spec("m1"), closed=True, yes_payout_e6=payout_e6))
    assert money(driver) == cash
    assert driver.engine.portfolio.held() == {}
    assert driver.engine.markets.find("m1").state is MarketState.RESOLVED
    parts = {c: part for _, c, part in driver.engine.portfolio.attribution()}
    assert parts["taker"].resolution_e12 == 100 * SHARE * (payout_e6 - 500_000)
    assert parts["taker"].net_yes_e6 == 0


def test_message_and_metadata_pay_once(driver):
    driver.at(9, events.MarketResolved(driver.ts(9), 0, "m1", "m1-yes"))
    assert money(driver) == 5049.0
    fetched(driver, 10, replace(spec("m1"), closed=True, yes_payout_e6=1_000_000))
    driver.at(11, events.MarketResolved(driver.ts(11), 0, "m1", "m1-yes"))
    assert money(driver) == 5049.0


def test_a_closed_market_without_a_payout_waits_for_one(driver):
    fetched(driver, 10, replace(spec("m1"), closed=True))
    assert driver.engine.portfolio.held()
    driver.at(11, events.MarketResolved(driver.ts(11), 0, "m1", ""))  # names no winner: a half
    assert driver.engine.portfolio.held()
    fetched(driver, 12, replace(spec("m1"), closed=True, yes_payout_e6=500_000))
    assert money(driver) == 4999.0


def test_what_is_held_is_followed_and_asked_for_even_when_it_is_listed_no_more(driver):
    commands = fetched(driver, 10, spec("m2"), universe=True)
    assert driver.engine.markets.followed_ids() == ["m2", "m1"]
    assert Subscribe(("m2-yes", "m2-no", "m1-yes", "m1-no")) in commands
    asked = [
        command
        for seconds in range(20, 3700, 20)
        for command in driver.at(seconds)
        if isinstance(command, FetchMarkets) and command.market_ids  # else: a reseed
    ]
    assert len(asked) > 10
    assert all("m1" in command.market_ids for command in asked)
