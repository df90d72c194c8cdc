"""Unwinding with real orders: what is bought cannot be sold before it is delivered."""

import pytest

from polyframe import Plugin, Trade, TradeLeg, events, hookimpl
from polyframe.commands import PlaceOrder
from polyframe.runtime.engine import Begin
from runtime_driver import SETTINGS, SHARE, Driver, spec


class Taker(Plugin):
    """Proposes what it is told to, once."""

    def __init__(self, config, context):
        super().__init__(config, context)
        self.wanted = []

    @hookimpl
    def propose_trades(self, markets):
        trades, self.wanted = self.wanted, []
        return trades


@pytest.fixture
def driver():
    driver = Driver(SETTINGS, (Taker,), Begin(is_live=True))
    driver.start(spec("m1"), spec("m2"))
    driver.book(1, 49, 51, market="m1")
    driver.book(1, 49, 51, market="m2")
    driver.at(2)
    legs = tuple(TradeLeg(one, True, True, 5100, 100 * SHARE) for one in ("m1", "m2"))
    driver.plugin.wanted = [Trade("arb", legs)]
    (first,) = orders(driver.book(3, 49, 51, size=501.0))
    settles(driver, 3.1, 100)
    filled(driver, 3.1, first)
    return driver


def orders(commands):
    return [one for one in commands if isinstance(one, PlaceOrder)]


def settles(driver, seconds, shares):
    return driver.at(seconds, events.HoldingsSettling(driver.ts(seconds), "m1", shares * SHARE, 0))


def filled(driver, seconds, order):
    event = events.OrderFilled(
        driver.ts(seconds), order.order_id, f"t-{order.order_id}", 5100, order.size_e6, 0, False
    )
    return orders(driver.at(seconds, event))


def refused(driver, seconds):
    """The venue refuses the order that is out; returns what leaves then."""
    (order,) = driver.engine.orders.all_live()
    event = events.OrderRejected(driver.ts(seconds), order.order_id, "balance", "not enough")
    return orders(driver.at(seconds, event))


def test_what_is_not_delivered_yet_is_sold_when_it_is(driver):
    assert refused(driver, 3.2) == []  # the second leg: the first has no counterpart
    assert orders(driver.at(4)) == []
    (unwind,) = orders(settles(driver, 5, 0))
    assert (unwind.market_id, unwind.side, unwind.size_e6) == ("m1", "SELL", 100 * SHARE)
    assert driver.engine.desk.unwound == 1


def test_a_refused_unwind_is_not_repeated_at_once(driver):
    refused(driver, 3.2)
    settles(driver, 5, 0)
    assert refused(driver, 5.1) == []
    assert orders(driver.at(10)) == []
    assert len(orders(driver.at(10.2))) == 1
    assert not driver.engine.warnings
