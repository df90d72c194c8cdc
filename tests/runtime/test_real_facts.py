"""Facts of real orders: what is taken back proves nothing, what is paid in is no profit."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from live_driver import LiveDriver, running
from polyframe import events
from polyframe.commands import PlaceOrder
from polyframe.hazards import Action, Hazard
from polyframe.runtime.day import DayRecord
from polyframe.runtime.facts import run_facts
from polyframe.runtime.status import LiveStatus, hazard_fields, live_fields, screen
from runtime_driver import DAY, NOW, SECOND, SETTINGS, SHARE

USD = 10**12
HORIZON_S = SETTINGS.capital.adverse_horizon_s
MIDNIGHT_S = ((NOW // DAY + 1) * DAY - NOW) / SECOND


class Account:
    """A running machine, its days, and what a desk would have counted."""

    def __init__(self):
        self.driver, self.placed = running()
        self.sent = 0
        engine = self.driver.engine
        self.record = DayRecord(
            engine, self.driver.machine.venue, (), NOW,
            lambda: {"heartbeats": {"sent": self.sent}},
        )  # fmt: skip

    def fill(self, seconds, order, trade_id, shares=10, reverses=""):
        told = events.OrderFilled(
            self.driver.ts(seconds), order.order_id, trade_id, order.price_e4, shares * SHARE, 0,
            True, reverses,
        )  # fmt: skip
        self.driver.at(seconds, told)
        self.record.look([])

    def tell(self, seconds, kind, *more):
        self.driver.at(seconds, kind(self.driver.ts(seconds), *more))

    def until(self, seconds):
        self.driver.book(seconds, 49, 51)
        self.record.look([])

    def real(self, day=NOW // DAY):
        return self.day(day)["profiles"]["real"]

    def day(self, number=NOW // DAY):
        return self.record.facts(number, self.driver.engine.moment.now_ns)

    @property
    def result(self):
        return self.driver.machine.venue.results()["real"]


def test_a_fill_that_is_taken_back_is_none():
    account = Account()
    bid, ask = account.placed
    account.fill(20, bid, "t1")
    account.fill(21, ask, "t2", shares=4)
    assert (account.real()["fills"], account.result.fills) == (2, 2)
    account.fill(30, bid, "t1!failed", reverses="t1")
    real, result = account.real(), account.result
    assert real["fills"] == sum(real["fills_by_cluster"].values()) == 1
    assert (result.fills, result.filled_e6, result.reversed_fills) == (1, 4 * SHARE, 1)
    assert (result.orders, result.orders_filled) == (2, 1)
    assert result.volume_e12 == ask.price_e4 * 100 * 4 * SHARE
    account.until(22 + HORIZON_S)
    realised = account.real()["realised"]
    assert (realised["n"], realised["pending"], realised["discarded"]) == (1, 0, 0)
    made = sum(account.real()["pnl_by_market_usd"].values()) + account.real()["pnl_other_usd"]
    assert made == pytest.approx(real["end_equity_usd"] - real["start_equity_usd"])
    assert account.real()["pnl_other_usd"] == pytest.approx(0.0, abs=1e-9)


def test_a_markout_is_forgotten_when_its_fill_fails_after_the_horizon():
    account = Account()
    account.fill(20, account.placed[0], "t1")
    account.until(21 + HORIZON_S)
    assert account.real()["realised"]["n"] == 1
    account.fill(30 + HORIZON_S, account.placed[0], "t1!failed", reverses="t1")
    assert account.real()["realised"]["n"] == 0
    account.fill(31 + HORIZON_S, account.placed[0], "t1!again2")
    assert account.real()["fills"] == account.result.fills == 1


def test_an_order_of_an_earlier_run_counts_when_it_is_filled():
    account = Account()
    adopted = events.OrderAdopted(
        account.driver.ts(15), "o-000900", "m1", "m1-yes", events.Side.BUY, 4800, 10 * SHARE, 0,
        None, "maker", 1, NOW, True,
    )  # fmt: skip
    account.driver.at(15, adopted)
    account.driver.at(
        16,
        events.OrderFilled(account.driver.ts(16), "o-000900", "t9", 4800, 10 * SHARE, 0, True),
    )
    assert (account.result.orders, account.result.orders_filled) == (3, 1)
    assert account.result.fill_rate_by_order == pytest.approx(1 / 3)


def test_what_is_paid_in_is_no_profit_of_any_day():
    account = Account()
    account.tell(20, events.CashMoved, 1000 * USD, "deposit")
    account.tell(21, events.RewardPaid, "m1", 3 * USD)
    account.tell(22, events.RebatePaid, "m1", 2 * USD)
    first = account.day()
    assert first["cash_moved_usd"] == 1000.0
    total = first["attribution"]["total"]
    assert (total["rewards"], total["rebates"], total["equity_change"]) == (3.0, 2.0, 5.0)
    assert abs(total["error"]) <= 1e-6
    assert first["end_equity_usd"] - first["start_equity_usd"] == 5.0
    real = first["profiles"]["real"]
    assert real["end_equity_usd"] - real["start_equity_usd"] == pytest.approx(5.0)
    account.until(MIDNIGHT_S + 1)
    account.record.start_day()
    account.tell(MIDNIGHT_S + 2, events.CashMoved, -400 * USD, "withdrawal")
    second = account.day(NOW // DAY + 1)
    assert second["cash_moved_usd"] == -400.0
    assert second["attribution"]["total"]["equity_change"] == 0.0
    real = second["profiles"]["real"]
    assert real["end_equity_usd"] - real["start_equity_usd"] == pytest.approx(0.0)


def test_a_payout_that_waits_is_equity_and_moves_nothing_when_it_comes():
    account = Account()
    account.fill(20, account.placed[0], "t1")
    account.tell(30, events.MarketResolved, 0, "m1", "m1-yes")
    facts = run_facts(account.driver.engine, account.driver.machine.venue, {}, ())
    assert facts["portfolio"]["unredeemed_usd"] == 10.0
    assert facts["attribution"]["total"]["error"] == 0.0
    before = facts["portfolio"]["equity_usd"]
    account.tell(40, events.TokensRedeemed, "r-0001", "m1")
    facts = run_facts(account.driver.engine, account.driver.machine.venue, {}, ())
    assert (facts["portfolio"]["unredeemed_usd"], facts["portfolio"]["equity_usd"]) == (0.0, before)


def test_hazards_sweeps_and_the_desks_counters_are_cut_by_day():
    account = Account()
    account.sent = 5
    account.tell(20, events.HazardRaised, Hazard.HEARTBEAT_LOST, Action.PULL, "no answer")
    account.tell(21, events.BookVerified, "heartbeat_lost", 0, SECOND)
    first = account.day()
    assert (first["hazards"]["heartbeat_lost"], first["live"]) == (1, {"heartbeats": {"sent": 5}})
    (sweep,) = first["cancel_alls"]
    assert sweep == {"ts_ns": NOW + 21 * SECOND, "reason": "heartbeat_lost", "left": 0,
                     "took_s": 1.0}  # fmt: skip
    account.tell(22, events.HazardCleared, Hazard.HEARTBEAT_LOST)
    account.until(MIDNIGHT_S + 1)
    account.record.start_day()
    account.sent = 7
    second = account.day(NOW // DAY + 1)
    assert (second["hazards"]["heartbeat_lost"], second["cancel_alls"]) == (0, [])
    assert second["live"] == {"heartbeats": {"sent": 2}}


# --- decisions -----------------------------------------------------------------------------


def test_a_decision_says_which_hazard_held_its_orders_back():
    driver = LiveDriver()
    driver.start()
    driver.raise_(0.5, Hazard.RECONCILING, Action.HOLD)
    driver.book(1, 49, 51)
    assert (driver.last.outcome, driver.last.held_by) == ("deferred", ("reconciling",))
    driver.clear(11, Hazard.RECONCILING)
    assert (driver.last.outcome, driver.last.held_by) == ("quoted", ())


def test_a_decision_says_which_order_of_unknown_fate_held_it_back():
    driver = LiveDriver()
    driver.start()
    first, second = [one for one in driver.book(1, 49, 51) if isinstance(one, PlaceOrder)]
    driver.say(11.1, events.OrderUncertain, first.order_id, "no answer")
    driver.say(11.2, events.OrderRejected, second.order_id, "post_only_would_cross", "no")
    driver.book(12, 48, 52)
    assert (driver.last.outcome, driver.last.held_by) == (
        "deferred",
        (f"unknown {first.order_id}",),
    )


# --- screens -------------------------------------------------------------------------------

LIVE = LiveStatus("production", 1, 2.04, None, 3)


def test_a_status_line_says_how_the_way_to_the_venue_stands():
    assert live_fields(None) == {}
    assert live_fields(LIVE) == {
        "mode": "production", "unknown": 1, "reconciled": "never", "differences": 3,
        "heartbeat": "2.0s",
    }  # fmt: skip


def test_hazards_stand_out_and_without_one_the_screen_is_what_it_was():
    driver, _ = running()

    def shown(live=None):
        console = Console(file=io.StringIO(), width=160, color_system=None, legacy_windows=False)
        head = SimpleNamespace(profile="production", run_id="r1")
        venue = SimpleNamespace(source="live")
        console.print(screen(driver.machine, venue, head, live))
        return console.file.getvalue()

    assert hazard_fields(driver.engine) == {}
    assert "HAZARDS" not in shown()
    assert "heartbeat" not in shown()
    assert "heartbeat 2.0s" in shown(LIVE)
    driver.raise_(12, Hazard.CLOCK_SKEW, Action.PULL, "our clock\x1b[2J is late")
    assert hazard_fields(driver.engine) == {"HAZARDS": "clock_skew:pull"}
    text = shown(LIVE)
    assert "HAZARDS" in text
    assert "clock_skew (pull) for 0 s: our clock\\u001b[2J is late" in text
