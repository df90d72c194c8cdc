"""What an engine that goes on with an account asks for, and what orders are signed by."""

from polyframe import events
from polyframe.commands import FetchMarkets
from polyframe.runtime.carried import CarriedAccount
from polyframe.runtime.engine import Begin
from runtime_driver import SETTINGS, Driver, spec


def test_a_market_that_owes_us_is_asked_about_after_a_restart():
    driver = Driver(SETTINGS, begin=Begin(is_live=True))
    left = CarriedAccount(
        run_id="before", cash_e12=5000 * 10**12, peak_equity_e12=5000 * 10**12, day=None,
        day_start_equity_e12=5000 * 10**12, positions=(), unredeemed_e12={"old": 10**14},
    )  # fmt: skip
    driver.engine.portfolio.take_over(left)
    driver.start()
    driver.book(1, 49, 51)
    asked = [one for at in range(1, 4000, 30) for one in driver.at(at)]
    refreshes = [one for one in asked if isinstance(one, FetchMarkets)]
    assert refreshes
    # Without its metadata nobody knows what it pays, and nothing could be redeemed.
    assert all("old" in one.market_ids for one in refreshes if one.market_ids)


def test_orders_are_signed_on_the_grid_that_the_feed_told_last():
    driver = Driver()
    driver.start(spec("m1"))
    driver.book(1, 49, 51)
    market = driver.engine.markets.find("m1")
    assert market.current_spec is market.spec
    driver.at(2, events.TickSizeChange(driver.ts(2), 0, "m1", "m1-yes", 100, 10))
    assert (market.spec.tick_e4, market.current_spec.tick_e4) == (100, 10)
