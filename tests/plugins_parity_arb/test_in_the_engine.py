"""Through the engine and the paper venue: a crossing is taken, an artefact is not."""

from __future__ import annotations

import pytest

from polyframe_parity_arb import ParityArb
from runtime_driver import SHARE, Driver, spec


class Parity_Arb(ParityArb):  # the driver names a plugin after its class
    pass


@pytest.fixture
def driver():
    driver = Driver(classes=(Parity_Arb,))
    driver.start(spec())
    driver.book(1, 49, 51)
    driver.at(2)
    return driver


def own(driver):
    position = driver.engine.account.position("m1")
    return position.yes_e6, position.no_e6


def test_a_lasting_crossing_becomes_a_pair(driver):
    driver.level(10, True, 54, 40.0)
    assert not driver.engine.orders.markets_with_live()  # one message is an artefact
    driver.level(10.5, True, 54, 30.0)
    for step in range(1, 9):
        driver.at(10.5 + step / 4)
    assert own(driver) == (30 * SHARE, 30 * SHARE)
    by_token = {fill.is_yes: fill for fill in driver.fills}
    assert {fill.component for fill in driver.fills} == {"arb"}
    # YES asked at 0.51, NO at 1 - 0.54: a pair for 0.97.
    assert (by_token[True].price_e4, by_token[False].price_e4) == (5100, 4600)
    held = driver.machine.stores()["parity_arb"]["holdings"]["m1"]
    assert (held["yes_e6"], held["no_e6"]) == own(driver)


def test_a_crossing_of_one_message_is_left_alone(driver):
    driver.level(10, True, 54, 40.0)
    driver.level(10.1, True, 54, 0.0)
    driver.at(70)
    assert driver.fills == []
    assert own(driver) == (0, 0)


def test_a_leg_left_alone_is_unwound_and_leaves_the_budget(driver):
    driver.level(10, False, 60, 100.0)
    driver.level(10.1, True, 54, 40.0)
    driver.level(10.5, True, 54, 30.0)  # proposed: NO first, the bids are scarcer
    driver.level(10.6, False, 51, 0.0)  # the asks are gone before YES is bought
    for step in range(1, 20):
        driver.at(10.6 + step / 2)
    bought, sold = driver.fills
    assert (bought.is_yes, bought.is_buy, sold.is_yes, sold.is_buy) == (False, True, False, False)
    assert {bought.component, sold.component} == {"arb"}
    assert own(driver) == (0, 0)
    assert driver.machine.stores()["parity_arb"]["holdings"] == {}


def test_a_pair_is_merged_which_frees_its_cash_and_the_budget(driver):
    driver.level(10, True, 54, 40.0)
    driver.level(10.5, True, 54, 30.0)
    for step in range(1, 9):
        driver.at(10.5 + step / 4)
    assert own(driver) == (30 * SHARE, 30 * SHARE)
    for seconds in (63, 130, 200):
        driver.at(seconds)
    assert own(driver) == (0, 0)
    portfolio = driver.engine.portfolio
    # 30 pairs bought for 0.51 + 0.46 paid a dollar each: the gain is cash before any resolution.
    assert portfolio.cash_e12 == portfolio.equity_e12 == 5_000_900_000_000_000
    assert driver.machine.stores()["parity_arb"]["holdings"] == {}


def test_equity_lost_between_the_legs_does_not_unwind_a_pair():
    class Parity_Arb(ParityArb):
        class Config(ParityArb.Config, frozen=True, kw_only=True):
            taker_budget_share: float = 0.01  # 50 USD: less than the books show

    driver = Driver(classes=(Parity_Arb,))
    driver.start(spec())
    driver.book(1, 49, 51)
    driver.at(2)
    driver.level(10, True, 54, 400.0)
    driver.level(10.5, True, 54, 300.0)
    (order,) = driver.engine.orders.live("m1")
    driver.engine.portfolio.cash_e12 -= 150 * 10**12
    for step in range(1, 9):
        driver.at(10.5 + step / 4)
    assert driver.engine.desk.unwound == 0
    assert own(driver) == (order.size_e6, order.size_e6)
    assert order.size_e6 == 48_960_000  # 47.50 USD at 0.97 a pair
