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


# --- settlements that fail ---------------------------------------------------------------


def maker_holds(driver, seconds, shares):
    """The maker holds YES of m1, from an order of an earlier run."""
    now_ns = driver.ts(seconds)
    adopted = events.OrderAdopted(
        now_ns, "o-maker", "m1", "m1-yes", events.Side.BUY, 5000, shares * SHARE, 0, None, "maker",
        1, now_ns, is_live=True,
    )  # fmt: skip
    fill = events.OrderFilled(now_ns, "o-maker", "t-maker", 5000, shares * SHARE, 0, True)
    driver.at(seconds, adopted, fill)


def reversed_(driver, seconds, order):
    """The settlement of an order's fill fails: nothing of it is on its way any more."""
    now_ns = driver.ts(seconds)
    over = events.HoldingsSettling(now_ns, "m1", 0, 0)
    event = events.OrderFilled(
        now_ns, order.order_id, f"t-{order.order_id}!failed", 5100, order.size_e6, 0, False,
        f"t-{order.order_id}",
    )  # fmt: skip
    return orders(driver.at(seconds, over, event))


def out(driver, market="m1"):
    """The one order that is out in a market."""
    (order,) = driver.engine.orders.live(market)
    return order


def test_what_never_settled_is_not_unwound_with_tokens_of_the_maker(driver):
    maker_holds(driver, 3.15, 60)
    first = driver.engine.orders.find("o-000001")
    assert refused(driver, 3.2) == []  # it waits for its delivery, which does not come
    assert reversed_(driver, 5, first) == []
    assert driver.engine.desk.busy == frozenset()
    assert driver.engine.portfolio.held()["m1"].yes_e6 == 60 * SHARE


def test_an_unwind_sells_no_more_than_its_component_holds_now(driver):
    maker_holds(driver, 3.15, 60)
    refused(driver, 3.2)
    assert driver.engine.desk.busy
    # Of the component's own 100 another order of it has sold 40 meanwhile.
    now_ns = driver.ts(3.3)
    driver.at(
        3.3,
        events.OrderAdopted(
            now_ns, "o-arb", "m1", "m1-yes", events.Side.SELL, 5000, 40 * SHARE, 0, None, "arb", 1,
            now_ns, is_live=True,
        ),
        events.OrderFilled(now_ns, "o-arb", "t-arb", 5000, 40 * SHARE, 0, False),
    )  # fmt: skip
    (unwind,) = orders(settles(driver, 5, 0))
    assert (unwind.side, unwind.size_e6) == ("SELL", 60 * SHARE)


def test_a_first_leg_that_failed_leaves_the_second_to_be_unwound(driver):
    first, second = (driver.engine.orders.find(f"o-00000{n}") for n in (1, 2))
    assert reversed_(driver, 3.2, first) == []
    assert filled(driver, 3.3, second) != []
    unwind = out(driver, "m2")
    assert (unwind.is_buy, unwind.size_e6, driver.engine.desk.unwound) == (False, 100 * SHARE, 1)
    filled(driver, 3.4, unwind)
    assert driver.engine.desk.busy == frozenset()
    assert not driver.engine.portfolio.held()


def test_an_unwind_whose_settlement_fails_is_done_again(driver):
    first, _ = (driver.engine.orders.find(f"o-00000{n}") for n in (1, 2))
    refused(driver, 3.2)
    (sent,) = orders(settles(driver, 4, 0))
    part = events.OrderFilled(driver.ts(4.1), sent.order_id, "t-part", 4900, 60 * SHARE, 0, False)
    driver.at(4.1, part)
    taken_back = events.OrderFilled(
        driver.ts(4.2), sent.order_id, "t-part!failed", 4900, 60 * SHARE, 0, False, "t-part"
    )
    driver.at(4.2, taken_back)
    cancelled = events.OrderCancelled(driver.ts(4.3), sent.order_id, "the rest of a taker")
    (again,) = orders(driver.at(4.3, cancelled))
    assert (again.market_id, again.size_e6) == (first.market_id, 100 * SHARE)


# --- a taking BUY that binds dollars -----------------------------------------------------


def test_a_leg_that_got_more_than_asked_is_whole_and_its_surplus_unwound(driver):
    second = driver.engine.orders.find("o-000002")
    engine = driver.engine
    more = events.OrderFilled(
        driver.ts(3.2), second.order_id, "t-more", 4600, 110 * SHARE, 0, False
    )
    (unwind,) = orders(driver.at(3.2, more))
    assert (second.status, second.filled_e6, second.leaves_e6) == ("filled", 110 * SHARE, 0)
    assert (unwind.market_id, unwind.side, unwind.size_e6) == ("m2", "SELL", 10 * SHARE)
    assert engine.portfolio.held()["m2"].yes_e6 == 110 * SHARE
    assert (engine.orders.reserved_e12, second.reserved_e12) == (0, 0)
    assert engine.orders.live_count == 1
    assert engine.portfolio.attribution_error_e12 == 0


def test_a_surplus_too_small_to_sell_is_held(driver):
    second = driver.engine.orders.find("o-000002")
    more = events.OrderFilled(
        driver.ts(3.2), second.order_id, "t-more", 5000, 102 * SHARE, 0, False
    )
    assert orders(driver.at(3.2, more)) == []
    assert driver.engine.desk.completed == 1
    assert driver.engine.portfolio.held()["m2"].yes_e6 == 102 * SHARE


def test_a_surplus_that_comes_after_the_whole_order_reserves_nothing(driver):
    second = driver.engine.orders.find("o-000002")
    filled(driver, 3.2, second)
    more = events.OrderFilled(driver.ts(3.3), second.order_id, "t-more", 4600, 7 * SHARE, 0, False)
    driver.at(3.3, more)
    engine = driver.engine
    assert (second.filled_e6, second.leaves_e6, second.status) == (107 * SHARE, 0, "filled")
    assert (engine.orders.reserved_e12, engine.orders.live_count) == (0, 0)
    assert engine.account.free_e12 == engine.portfolio.cash_e12
