"""Hazards: what stops, what is pulled, what comes back; and how a live engine keeps its orders.

Every test speaks to the engine in its own words; the venue is the paper one where orders are
placed and nobody (a live machine) where only their states matter.
"""

import msgspec
import pytest

from live_driver import WIDE, LiveDriver, running
from polyframe import Veto, events, hookimpl
from polyframe.commands import CancelAll, CancelOrder, PlaceOrder, RedeemTokens
from polyframe.events import Side
from polyframe.hazards import Action, Hazard
from polyframe.runtime import facts
from polyframe.runtime.answers import section_of
from polyframe.runtime.engine import Begin
from polyframe.runtime.orders import OrderStatus
from polyframe.runtime.safety import CODES
from runtime_driver import SETTINGS, SHARE, TwoCents, spec

replace = msgspec.structs.replace


def kinds(commands):
    return [type(one).__name__ for one in commands]


def test_a_live_machine_hands_its_orders_out_and_fills_nothing_itself():
    driver, placed = running()
    assert driver.machine.paper is None
    driver.trade(12, 47, 500)
    assert driver.fills == []
    bid = next(one for one in placed if one.side is Side.BUY and one.token_id == "m1-yes")
    driver.say(13, events.OrderFilled, bid.order_id, "t1", bid.price_e4, 40 * SHARE, 0, True)
    assert [fill.size_e6 for fill in driver.fills] == [40 * SHARE]
    assert driver.engine.portfolio.position_of("m1").yes_e6 == 40 * SHARE


@pytest.mark.parametrize("action", [Action.PULL, Action.HALT])
def test_a_pull_sweeps_at_once_and_cancels_every_order_with_its_reason(action):
    driver, placed = running()
    commands = driver.raise_(12, Hazard.KILL_SWITCH, action)
    assert commands[0] == CancelAll("kill_switch")
    assert {one.order_id for one in commands[1:]} == {one.order_id for one in placed}
    assert set(kinds(commands[1:])) == {"CancelOrder"}
    assert driver.last.vetoes[0].veto == Veto("runtime.kill_switch")
    # Raised again it is no news; nothing new leaves for as long as it stands.
    assert driver.raise_(13, Hazard.KILL_SWITCH, action) == []
    for one in placed:
        driver.say(13.1, events.OrderCancelled, one.order_id, "requested")
    driver.book(14, 47, 49)
    driver.at(80)
    assert driver.live() == []


def test_a_hold_keeps_what_rests_and_places_nothing_new():
    driver, placed = running()
    assert driver.raise_(12, Hazard.VENUE_MODE, Action.HOLD) == []
    assert len(driver.live()) == 2
    driver.book(13, 39, 41)
    assert all(isinstance(one, CancelOrder) for one in driver.at(13.1))
    for one in placed:
        driver.say(13.2, events.OrderCancelled, one.order_id, "requested")
    assert driver.live() == []
    commands = driver.clear(20, Hazard.VENUE_MODE)
    assert kinds(commands) == ["PlaceOrder", "PlaceOrder"]


def test_a_milder_word_does_not_end_a_halt_and_two_hazards_end_apart():
    driver, _ = running()
    driver.raise_(12, Hazard.DIFFERENCES, Action.HALT)
    driver.raise_(13, Hazard.DIFFERENCES, Action.HOLD)
    assert driver.engine.safety.halts == (Hazard.DIFFERENCES,)
    driver.raise_(14, Hazard.CLOCK_SKEW, Action.PULL)
    driver.clear(15, Hazard.DIFFERENCES)
    assert driver.engine.safety.is_pulled
    driver.clear(16, Hazard.CLOCK_SKEW)
    assert not driver.engine.safety.is_held
    assert driver.engine.safety.raised == {"differences": 1, "clock_skew": 1}


def test_every_hazard_has_a_code_that_the_report_counts():
    driver, _ = running()
    from polyframe.runtime.facts import counters

    assert len(CODES) == len(Hazard)
    assert set(CODES) <= counters(driver.engine, ())["vetoes"].keys()


def test_what_a_report_says_of_hazards_is_plain_text():
    driver, _ = running()
    driver.raise_(12, Hazard.HEARTBEAT_LOST, Action.PULL)
    driver.at(13, events.BookVerified(driver.ts(13), "heartbeat_lost", 0, 10**9))
    (asked,) = [one for one in driver.raise_(14, Hazard.CLOCK_SKEW, Action.PULL)
                if isinstance(one, CancelAll)]  # fmt: skip
    # A section of a report carries JSON's own types: an enumeration would cost the whole report.
    assert type(asked.reason) is str
    assert type(driver.last.trigger) is str
    told = facts.safety(driver.engine)
    assert section_of(told) == told
    assert told["raised"] == {"clock_skew": 1, "heartbeat_lost": 1}


def test_waiting_for_confirmations_ends_one_cycle_and_not_one_a_batch():
    driver, placed = running()
    driver.at(12, events.RunStopping(driver.ts(12), "terminated"))
    cycles = sum(message == "FEED_HEALTH" for message, _ in driver.lines)
    for second in range(13, 23):
        for one in placed:
            driver.say(second, events.CancelRejected, one.order_id, "already matched")
    assert sum(message == "FEED_HEALTH" for message, _ in driver.lines) == cycles
    for one in placed:
        driver.say(30, events.OrderCancelled, one.order_id, "requested")
    assert sum(message == "FEED_HEALTH" for message, _ in driver.lines) == cycles + 1


def test_all_books_silent_is_a_stale_feed_and_one_current_book_ends_it():
    driver, _ = running()
    tokens = ("m1-yes", "m1-no")
    driver.at(12, events.FeedLost(driver.ts(12), 0, tokens, "gone"))
    commands = driver.at(12.5)
    assert commands[0] == CancelAll("stale_feed")
    driver.at(20, events.FeedConnected(driver.ts(20), 0, tokens))
    driver.book(20.5, 49, 51)
    driver.at(21)
    assert Hazard.STALE_FEED not in driver.engine.safety.standing


class Halting(TwoCents):
    """Refuses the whole account while told to."""

    codes = ("two_cents.no", "two_cents.halt")
    halts = ("two_cents.halt",)


def test_a_veto_against_the_account_sweeps_and_ends_with_a_cycle_without_it():
    driver, placed = running(LiveDriver(replace(SETTINGS, limits=WIDE), (Halting,)))
    driver.plugin.refuse = Veto("two_cents.halt")
    commands = driver.book(12, 48, 50)
    assert kinds(commands).count("CancelOrder") == 2
    assert CancelAll("risk_halt") in [*commands, *driver.at(12.5)]
    for one in placed:
        driver.say(13, events.OrderCancelled, one.order_id, "requested")
    driver.at(72)
    assert Hazard.RISK_HALT in driver.engine.safety.standing
    driver.plugin.refuse = None
    driver.book(80, 48, 50)
    driver.at(133)
    driver.at(194)
    assert Hazard.RISK_HALT not in driver.engine.safety.standing
    assert len(driver.live()) == 2


class Breaking(TwoCents):
    """A guard that loses count of its fills."""

    @hookimpl
    def on_fill(self, fill, market, portfolio):
        raise RuntimeError("broken")


def test_a_guard_that_breaks_for_good_is_a_hazard():
    driver, placed = running(LiveDriver(replace(SETTINGS, limits=WIDE), (Breaking,)))
    bid = placed[0]
    driver.say(12, events.OrderFilled, bid.order_id, "t1", bid.price_e4, 40 * SHARE, 0, True)
    assert driver.engine.dispatcher.closed == ("two_cents",)
    assert driver.at(12.5)[0] == CancelAll("plugin_failed")
    assert driver.engine.safety.is_pulled


def test_the_daily_loss_halts():
    limits = replace(WIDE, max_daily_loss_usd=5.0)
    driver, placed = running(LiveDriver(replace(SETTINGS, limits=limits)))
    bid = next(one for one in placed if one.token_id == "m1-yes")
    driver.say(12, events.OrderFilled, bid.order_id, "t1", bid.price_e4, 100 * SHARE, 0, True)
    driver.book(13, 38, 40)
    commands = driver.at(13.5)
    assert CancelAll("limit_broken") in commands
    assert driver.engine.safety.halts == (Hazard.LIMIT_BROKEN,)


# --- orders of unknown fate, and of earlier runs ---------------------------------------------


def test_an_order_of_unknown_fate_keeps_its_reservation_and_stops_its_market():
    driver = LiveDriver(replace(SETTINGS, limits=WIDE))
    driver.start()
    commands = driver.book(1, 49, 51)
    first, second = [one for one in commands if isinstance(one, PlaceOrder)]
    driver.say(11.1, events.OrderUncertain, first.order_id, "no answer")
    driver.say(11.2, events.OrderRejected, second.order_id, "post_only_would_cross", "no")
    engine = driver.engine
    assert engine.orders.find(first.order_id).status is OrderStatus.UNKNOWN
    assert engine.orders.reserved_e12 == engine.orders.find(first.order_id).reserved_e12 > 0
    driver.book(12, 48, 50)
    assert driver.last.outcome != "quoted"
    assert [str(one).split()[0] for one in engine.orders.all_live()] == [first.order_id]
    # Evidence ends it: it was there all the time.
    assert kinds(driver.say(13, events.OrderAccepted, first.order_id)) == ["PlaceOrder"]


def test_a_refused_cancel_says_nothing_of_an_order_of_unknown_fate():
    driver = LiveDriver(replace(SETTINGS, limits=WIDE))
    driver.start()
    commands = driver.book(1, 49, 51)
    first, second = [one for one in commands if isinstance(one, PlaceOrder)]
    driver.say(11.1, events.OrderUncertain, first.order_id, "no answer")
    driver.say(11.2, events.OrderRejected, second.order_id, "post_only_would_cross", "no")
    # It drifts, its cancel is refused because the venue does not know it (yet): I5 holds on.
    assert CancelOrder(first.order_id, "drift") in driver.book(12, 39, 41)
    again = driver.say(13, events.CancelRejected, first.order_id, "not found")
    assert driver.engine.orders.find(first.order_id).is_unknown
    assert not any(isinstance(one, PlaceOrder) for one in (*again, *driver.at(14)))
    driver.say(15, events.OrderRejected, first.order_id, "never_arrived", "gone")
    driver.book(16, 40, 42)
    assert len(driver.live()) == 2


def test_orders_of_an_earlier_run_are_met_before_their_fills_and_kept_if_wanted():
    driver = LiveDriver(
        replace(SETTINGS, limits=WIDE), begin=Begin(is_live=True, order=41, merge=7)
    )
    driver.start()
    adopted = events.OrderAdopted(
        driver.ts(1), "o-000040", "m1", "m1-yes", Side.BUY, 4800, 100 * SHARE, 20 * SHARE, None,
        "maker", 9, driver.ts(-60), True,
    )  # fmt: skip
    gone = events.OrderAdopted(
        driver.ts(1), "o-000039", "m1", "m1-no", Side.BUY, 4800, 10 * SHARE, 0, None, "maker", 8,
        driver.ts(-90), False,
    )  # fmt: skip
    driver.at(1, adopted, gone)
    driver.say(2, events.OrderFilled, "o-000039", "t9", 4800, 10 * SHARE, 0, True)
    assert [fill.order_id for fill in driver.fills] == ["o-000039"]
    assert driver.engine.orders.reserved_e12 == 80 * SHARE * 4800 * 100
    commands = driver.book(3, 49, 51)
    placed = [one for one in commands if isinstance(one, PlaceOrder)]
    assert [one.order_id for one in placed] == ["o-000041"]
    assert {order.order_id for order in driver.engine.orders.all_live()} == {
        "o-000040", "o-000041",
    }  # fmt: skip


def test_a_payout_cannot_be_spent_before_it_is_redeemed():
    driver, placed = running()
    bid = next(one for one in placed if one.token_id == "m1-yes")
    driver.say(12, events.OrderFilled, bid.order_id, "t1", bid.price_e4, 100 * SHARE, 0, True)
    commands = driver.at(13, events.MarketResolved(driver.ts(13), 0, "m1", "m1-yes"))
    for one in commands:
        if isinstance(one, CancelOrder):
            driver.say(13.1, events.OrderCancelled, one.order_id, "resolved")
    portfolio = driver.engine.portfolio
    assert portfolio.unredeemed_e12 == {"m1": 100 * SHARE * SHARE}
    reserved_e12 = driver.engine.orders.reserved_e12
    free_e12 = driver.engine.account.free_e12
    assert portfolio.cash_e12 - reserved_e12 - free_e12 == 100 * SHARE * SHARE
    commands = driver.at(72)
    assert RedeemTokens("r-0001", "m1") in commands
    assert not any(isinstance(one, RedeemTokens) for one in driver.at(133))
    driver.say(134, events.RedeemFailed, "r-0001", "m1", "the relayer is busy")
    assert RedeemTokens("r-0002", "m1") in driver.at(194)
    driver.say(195, events.TokensRedeemed, "r-0002", "m1")
    assert driver.engine.account.free_e12 == portfolio.cash_e12 - reserved_e12
    assert driver.engine.portfolio.attribution_error_e12 == 0


def test_rewards_and_deposits_are_booked_where_they_belong():
    driver, _ = running()
    before = driver.engine.portfolio.equity_e12
    driver.at(12, events.RewardPaid(driver.ts(12), "m1", 3 * 10**12))
    driver.at(12, events.CashMoved(driver.ts(12), 50 * 10**12, "a deposit"))
    portfolio = driver.engine.portfolio
    assert portfolio.equity_e12 == before + 53 * 10**12
    assert portfolio.attribution_error_e12 == 0
    assert portfolio.equity_e12 - portfolio.bankroll_e12 == 3 * 10**12
    assert next(part.rewards_e12 for _, _, part in portfolio.attribution()) == 3 * 10**12


def test_stopping_asks_for_a_sweep():
    driver, placed = running()
    commands = driver.at(12, events.RunStopping(driver.ts(12), "over"))
    assert commands[0] == CancelAll("stopping")
    assert {one.order_id for one in commands[1:]} == {one.order_id for one in placed}
    driver.at(13, events.BookVerified(driver.ts(13), "stopping", 0, 10**9))
    assert ("Cancel-all verified", {"reason": "stopping", "left": 0, "took_s": "1.00"}) in [
        (message, fields) for message, fields in driver.lines
    ]


def test_a_market_nobody_fetched_loses_no_word_silently():
    driver = LiveDriver()
    driver.start(spec())
    adopted = events.OrderAdopted(
        driver.ts(1), "o-000001", "elsewhere", "token", Side.BUY, 4800, SHARE, 0, None, "maker",
        1, driver.ts(0), True,
    )  # fmt: skip
    driver.at(1, adopted)
    assert any("elsewhere" in warning for warning in driver.engine.warnings)


def test_a_refusal_for_want_of_an_allowance_asks_for_it_once():
    driver, placed = running()
    refused = events.OrderRejected(driver.ts(12), placed[0].order_id, "allowance", "no")
    driver.at(12, refused)
    commands = [*driver.at(72), *driver.at(133)]
    assert [type(one).__name__ for one in commands].count("RefreshAllowances") == 1
    for number in range(3):
        driver.at(134 + number, events.AllowancesRefreshed(driver.ts(134 + number), "reverted"))
    assert driver.engine.approving.failed == 3
