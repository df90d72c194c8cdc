"""Answers that come late or twice, metadata that lags, feeds that begin anew: one case each."""

import msgspec
import pytest

from polyframe import Plugin, Quote, QuoteLeg, events, hookimpl
from polyframe.commands import CancelOrder, PlaceOrder, Subscribe
from polyframe.model import MarketState
from polyframe.runtime.orders import OrderStatus
from polyframe.settings import CapitalSettings
from runtime_driver import (
    NOW,
    SECOND,
    SETTINGS,
    SHARE,
    Driver,
    codes,
    quoting_driver,
    spec,
)

replace = msgspec.structs.replace
HOUR = 3600 * SECOND
TOKENS = ("m1-yes", "m1-no")


@pytest.fixture
def driver():
    return Driver()


@pytest.fixture
def quoting():
    return quoting_driver()


def fill(driver, seconds, order_id, trade_id, shares, price_e4=4800):
    return events.OrderFilled(
        driver.ts(seconds), order_id, trade_id, price_e4, shares * SHARE, 0, True
    )


# --- the feed ----------------------------------------------------------------------------


def test_a_feed_that_begins_anew_makes_its_books_unknown(quoting):
    quoting.at(3, events.FeedConnected(quoting.ts(3), 1, ("m1-no",)))
    market = quoting.engine.markets.find("m1")
    assert not market.has_book
    assert quoting.engine.markets.token_proof_ns("m1-yes") is None
    assert quoting.last.outcome == "pulled"
    quoting.level(3.5, True, 49, 10)
    assert quoting.live() == []
    quoting.book(4, 49, 51)
    assert len(quoting.live()) == 2


def test_the_book_of_a_dropped_market_is_not_remembered():
    driver = Driver()
    driver.start(spec("m1"), spec("m2"))
    driver.book(1, 49, 51)
    driver.book(1, 49, 51, market="m2")
    driver.at(2)
    driver.at(3, events.MarketsFetched(driver.ts(3), (spec("m2"),)))
    driver.at(4, events.MarketsFetched(driver.ts(4), (spec("m1"), spec("m2"))))
    driver.at(5)
    market = driver.engine.markets.find("m1")
    assert (market.has_book, market.connected) == (False, False)
    assert [order for order in driver.engine.orders.all_live() if order.market_id == "m1"] == []


def test_a_new_tick_without_levels_pulls_what_rests(quoting):
    empty = events.BookSnapshot(quoting.ts(3), 0, "m1", "m1-yes", (), (), tick_e4=10)
    quoting.at(3, empty)
    quoting.at(3.5)
    assert quoting.live() == []


def test_an_offer_nobody_bids_for_marks_nothing_without_an_offset(quoting):
    quoting.trade(3, 48, 40)
    portfolio = quoting.engine.portfolio
    quoting.book(4, None, 99)
    assert portfolio.mark_e6("m1") == 500_000
    assert portfolio.flagged_marks == {"m1": "one-sided book"}
    quoting.book(5, 49, 51)
    assert portfolio.flagged_marks == {}


# --- metadata ----------------------------------------------------------------------------


def test_what_has_paid_out_does_not_open_again(quoting):
    quoting.at(3, events.MarketResolved(quoting.ts(3), 0, "m1", "m1-yes"))
    assert quoting.last.state is MarketState.RESOLVED
    quoting.at(4, events.MarketsFetched(quoting.ts(4), (spec(rules="new"),), universe=False))
    quoting.book(5, 49, 51)
    quoting.at(6)
    assert quoting.engine.markets.find("m1").state is MarketState.RESOLVED
    assert quoting.live() == []


def test_a_fetch_that_broke_off_drops_nobody_it_did_not_reach():
    driver = Driver()
    driver.start(spec("m1"), spec("m2"))
    driver.book(1, 49, 51)
    driver.at(2)
    broken = events.MarketsFetched(driver.ts(3), (), complete=False, detail="timeout")
    (commands,) = [c for c in driver.at(3, broken) if isinstance(c, Subscribe)]
    assert commands.token_ids == ("m1-yes", "m1-no", "m2-yes", "m2-no")
    closed = spec("m2", closed=True)
    partly = events.MarketsFetched(driver.ts(4), (closed,), complete=False, detail="timeout")
    (commands,) = [c for c in driver.at(4, partly) if isinstance(c, Subscribe)]
    assert commands.token_ids == TOKENS
    assert len(driver.live()) == 2


# --- what the venue says of orders -------------------------------------------------------


def test_a_fill_told_twice_is_one_fill(quoting):
    twice = [fill(quoting, 3, "o-000001", "t", 40)] * 2
    quoting.at(3, *twice)
    order = quoting.engine.orders.find("o-000001")
    assert order.leaves_e6 == 60 * SHARE
    assert quoting.engine.portfolio.duplicate_fills == 1
    assert quoting.engine.portfolio.position_of("m1").yes_e6 == 40 * SHARE


def test_a_cancel_that_was_refused_is_decided_upon_again(driver):
    driver.start()
    driver.book(1, 49, 51)
    driver.at(2)
    driver.book(3, 59, 61)
    order = driver.engine.orders.find("o-000001")
    assert order.status is OrderStatus.LEAVING
    driver.engine.apply(events.CancelRejected(driver.ts(3), "o-000001", "not now"))
    assert order.status is OrderStatus.RESTING
    commands = driver.engine.decide()
    assert [c.order_id for c in commands if isinstance(c, CancelOrder)] == ["o-000001"]


def test_an_order_refused_after_its_cancel_was_is_gone(driver):
    driver.start()
    driver.book(1, 49, 51)
    orders = driver.engine.orders
    order = orders.find("o-000001")
    assert orders.ask_cancel(order)
    orders.cancel_rejected("o-000001")
    orders.rejected("o-000001", "no")
    assert not order.is_live
    assert orders.reserved_e12 == orders.find("o-000002").reserved_e12


# --- limits ------------------------------------------------------------------------------


def test_two_legs_do_not_spend_the_same_cash():
    driver = Driver(replace(SETTINGS, capital=CapitalSettings(bankroll_usd=60)))
    driver.start()
    driver.book(1, 49, 51)
    assert len(driver.live()) == 1
    assert driver.engine.orders.reserved_e12 <= driver.engine.portfolio.cash_e12
    assert "runtime.insufficient_funds" in codes(driver.last)


class Sized(Plugin):
    """Quotes as many shares as it is told to."""

    shares_e6 = 100 * SHARE

    @hookimpl
    def propose_quote(self, market):
        leg = self.shares_e6
        return Quote(market.market_id, 0.5, QuoteLeg(4800, leg), QuoteLeg(5200, leg))


class Told:
    """A driver's engine alone: the venue says what the test says."""

    def __init__(self, driver):
        self.driver, self.engine = driver, driver.engine

    def tell(self, seconds, *batch):
        for event in batch:
            self.engine.apply(event)
        self.driver.now_ns = self.driver.ts(seconds)
        return self.engine.decide()


@pytest.fixture
def pairs():
    """An engine that holds 100 YES and 15.004567 NO, and offers the 100 YES."""
    driver = Driver(classes=(Sized,))
    driver.start()
    driver.book(1, 40, 60)
    told = Told(driver)
    bought_no = replace(fill(driver, 3, "o-000002", "b", 1), size_e6=15_004_567)
    gone = events.OrderCancelled(driver.ts(3), "o-000002", "venue")
    told.tell(3, fill(driver, 3, "o-000001", "a", 100), bought_no, gone)
    told.tell(4, events.Tick(driver.ts(4)))
    (told.offer,) = [o for o in driver.engine.orders.all_live() if o.side == "ask"]
    assert (told.offer.is_buy, told.offer.leaves_e6) == (False, 100 * SHARE)
    near = (spec(end_ns=NOW + 48 * HOUR),)
    told.commands = told.tell(5, events.MarketsFetched(driver.ts(5), near, universe=False))
    return told


def test_only_reducing_means_never_more_than_flattens_us(pairs):
    assert CancelOrder(pairs.offer.order_id, "size") in pairs.commands


def test_what_only_reduces_is_a_whole_size_step(pairs):
    assert pairs.engine.markets.find("m1").position.net_yes_e6 == 84_995_433
    gone = events.OrderCancelled(pairs.driver.ts(6), pairs.offer.order_id, "requested")
    (command,) = [c for c in pairs.tell(6, gone) if isinstance(c, PlaceOrder)]
    assert (command.side, command.size_e6) == (events.Side.SELL, 84_990_000)
