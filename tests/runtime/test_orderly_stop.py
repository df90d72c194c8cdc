"""A stop between two legs: the other one may still leave, or the first is undone, for a moment."""

from functools import partial

import anyio
import pytest

from polyframe import Plugin, Trade, TradeLeg, events, hookimpl
from polyframe.commands import CancelAll, CancelOrder, PlaceOrder
from polyframe.hazards import Action, Hazard
from polyframe.runtime.engine import Begin
from polyframe.runtime.orderly_stop import UNWIND_LIMIT_S, end_trades, say_held_alone
from polyframe.runtime.unpaired import unpaired
from polyframe.settings import LatencySettings
from runtime_driver import SETTINGS, SHARE, Driver, TwoCents, spec


class Taker(Plugin):
    """Proposes what it is told to, once."""

    def __init__(self, config, context):
        super().__init__(config, context)
        self.wanted = []
        self.asked = 0

    @hookimpl
    def propose_trades(self, markets):
        self.asked += 1
        trades, self.wanted = self.wanted, []
        return trades


LEGS = tuple(TradeLeg("m1", is_yes, True, 5100, 100 * SHARE) for is_yes in (True, False))


def between_legs(settings=SETTINGS, begin=None, classes=(Taker,), within_s=5.0):
    """A machine with a trade's first leg out."""
    driver = Driver(settings, classes, begin)
    driver.start(spec("m1"), spec("m2"))
    driver.book(1, 49, 51, market="m1")
    driver.book(1, 49, 51, market="m2")
    driver.at(2)
    driver.plugin.wanted = [Trade("arb", LEGS, within_s)]
    driver.book(3, 49, 51, size=501.0)
    assert driver.engine.desk.busy == {"m1"}
    return driver


@pytest.fixture
def driver():
    """With real orders: nobody answers them but the test."""
    return between_legs(begin=Begin(is_live=True))


def orders(commands):
    return [one for one in commands if isinstance(one, PlaceOrder)]


def asked(driver, seconds):
    return driver.at(seconds, events.StopAsked(driver.ts(seconds), "terminated"))


def filled(driver, seconds, order_id="o-000001", price_e4=5100):
    event = events.OrderFilled(
        driver.ts(seconds), order_id, f"t-{order_id}", price_e4, 100 * SHARE, 0, False
    )
    return driver.at(seconds, event)


def held_alone(driver):
    """What the run's end says, in the log as in the report."""
    before, lines = list(driver.engine.warnings), []
    say_held_alone(driver.engine, lambda message, fields: lines.append((message, fields["what"])))
    said = driver.engine.warnings[len(before) :]
    driver.engine.warnings[:] = before
    assert [message for message, _ in lines] == ["Held alone"] * len(said)
    assert all(one.endswith(what) for one, (_, what) in zip(said, lines, strict=True))
    return said


def test_the_other_leg_leaves_after_a_stop_was_asked_for_and_the_sweep_comes_after_it(driver):
    assert asked(driver, 3.1) == []
    (second,) = filled(driver, 3.2)
    assert (second.token_id, second.size_e6) == ("m1-no", 100 * SHARE)
    assert filled(driver, 3.3, second.order_id) == []
    assert driver.engine.desk.busy == frozenset()
    commands = driver.at(3.4, events.RunStopping(driver.ts(3.4), "terminated"))
    assert commands == [CancelAll("stopping")]
    assert held_alone(driver) == []


def test_nothing_leaves_behind_the_proof_that_the_book_is_empty(driver):
    driver.at(3.1, events.RunStopping(driver.ts(3.1), "terminated"))
    hold = events.HazardRaised(driver.ts(3.1), Hazard.SWEEPING, Action.HOLD, "stopping")
    driver.at(3.1, hold)
    filled(driver, 3.2)
    proved = events.BookVerified(driver.ts(3.3), "stopping", 0, 1)
    assert driver.at(3.3, proved, events.HazardCleared(driver.ts(3.3), Hazard.SWEEPING)) == []
    assert driver.at(3.4) == []
    (said,) = held_alone(driver)
    assert said.endswith("arb holds 100 YES of m1 alone")


def test_a_leg_that_is_filled_during_the_sweep_leaves_nothing_to_say(driver):
    (second,) = filled(driver, 3.1)
    driver.at(3.2, events.RunStopping(driver.ts(3.2), "terminated"))
    assert len(held_alone(driver)) == 1
    filled(driver, 3.3, second.order_id)
    assert held_alone(driver) == []


def test_a_leg_that_finds_no_other_is_unwound_before_the_sweep(driver):
    asked(driver, 3.1)
    (second,) = filled(driver, 3.2)
    refused = events.OrderRejected(driver.ts(3.3), second.order_id, "no_match", "nobody")
    (unwind,) = driver.at(3.3, refused)
    assert (unwind.side, unwind.size_e6) == ("SELL", 100 * SHARE)
    filled(driver, 3.4, unwind.order_id, 4900)
    assert not driver.engine.portfolio.held()


def test_nothing_new_is_proposed_once_a_stop_is_asked_for(driver):
    asked(driver, 3.1)
    driver.plugin.wanted, driver.plugin.asked = [Trade("taker", LEGS[:1])], 0
    assert driver.book(4, 49, 51, market="m2", size=400.0) == []
    assert driver.at(65) == []
    assert driver.plugin.asked == 0


def test_quotes_go_at_once():
    driver = between_legs(begin=Begin(is_live=True), classes=(Taker, TwoCents))
    assert [type(one) for one in asked(driver, 3.1)] == [CancelOrder] * 4


def test_nothing_leaves_while_a_hazard_stands_and_what_is_held_alone_is_said(driver):
    hazard = events.HazardRaised(driver.ts(3.1), Hazard.KILL_SWITCH, Action.HALT, "tested")
    driver.at(3.1, hazard)
    asked(driver, 3.15)
    assert orders(filled(driver, 3.2)) == []
    assert orders(driver.at(3.3)) == []
    (warning,) = driver.engine.warnings
    assert "kill_switch" in warning
    assert "arb holds 100 YES of m1 alone" in warning
    said = [fields for message, fields in driver.lines if message == "Held alone"]
    assert said == [{"what": "arb holds 100 YES of m1 alone", "until": "kill_switch"}]
    assert held_alone(driver) == [
        "a trade was stopped between its legs: arb holds 100 YES of m1 alone"
    ]


# --- who waits -----------------------------------------------------------------------------


LIMIT_S = Trade("arb", LEGS).within_s + UNWIND_LIMIT_S


def stop(driver, during=None, speed=1e3):
    """Wait as the shell does, with orders that are real; return what was taken and the time."""
    took = []

    def take(batch):
        took.extend(batch)
        driver.at(3.1, *batch)

    async def whole():
        async with anyio.create_task_group() as tasks:
            if during is not None:
                tasks.start_soon(during)
            with anyio.fail_after(30):
                await end_trades(driver.machine, take, lambda: driver.ts(3.1), speed, "terminated")
            tasks.cancel_scope.cancel()

    anyio.run(whole)
    return took


def test_without_a_trade_under_way_nothing_is_asked(driver):
    filled(driver, 3.05)
    filled(driver, 3.06, "o-000002")
    assert stop(driver) == []


def test_a_trade_that_nobody_answers_is_waited_for_no_longer_than_promised(driver):
    (event,) = stop(driver, speed=100 * LIMIT_S)
    assert isinstance(event, events.StopAsked)
    assert driver.engine.desk.busy
    (said,) = held_alone(driver)
    assert said.startswith("a trade was stopped between its legs: arb, in m1: ")


def test_a_trade_that_may_take_longer_is_waited_for_longer(driver):
    assert driver.engine.desk.last_deadline_ns == driver.ts(3 + Trade("arb", LEGS).within_s)
    slow = between_legs(begin=Begin(is_live=True), within_s=30.0)
    assert slow.engine.desk.last_deadline_ns == slow.ts(33)
    filled(slow, 3.1)
    filled(slow, 3.2, "o-000002")
    assert slow.engine.desk.last_deadline_ns == 0


def test_it_is_waited_for_the_legs_and_not_longer(driver):
    async def answer():
        (second,) = filled(driver, 3.2)  # the waiting has begun: it is that which lets us run
        filled(driver, 3.3, second.order_id)

    stop(driver, answer, speed=LIMIT_S / 60)  # a minute of the wall's
    assert driver.engine.desk.busy == frozenset()


def test_a_halt_is_not_waited_through(driver):
    hazard = events.HazardRaised(driver.ts(3.1), Hazard.RISK_HALT, Action.PULL, "tested")
    driver.at(3.1, hazard)
    stop(driver, speed=LIMIT_S / 60)
    assert driver.engine.desk.busy


def test_on_paper_the_legs_come_in_market_time():
    slow = LatencySettings(p50_s=0.4, p99_s=0.4)
    settings = SETTINGS.__class__(
        **{name: getattr(SETTINGS, name) for name in SETTINGS.__struct_fields__}
        | {"paper": type(SETTINGS.paper)(entry=slow, cancel=slow, participation=1.0)}
    )
    driver = between_legs(settings)
    handled = []

    def take(batch):
        handled.extend(batch)
        outcome = driver.machine.turn.handle(batch)
        driver.fills.extend(outcome.fills)

    anyio.run(partial(end_trades, driver.machine, take, lambda: driver.ts(3), 1.0, "terminated"))
    assert [(one.is_yes, one.size_e6) for one in driver.fills] == [
        (True, 100 * SHARE), (False, 100 * SHARE)
    ]  # fmt: skip
    assert driver.engine.desk.busy == frozenset()
    assert [type(one).__name__ for one in handled] == ["StopAsked", "Tick", "Tick"]


# --- what a crash left ---------------------------------------------------------------------


def test_a_run_names_what_an_earlier_one_left_unpaired(driver):
    assert unpaired(driver.engine.portfolio) == []
    filled(driver, 3.2)
    later = Driver(SETTINGS, (Taker,), Begin(is_live=True))
    later.engine.portfolio.take_over(driver.engine.portfolio.carried("run"))
    (found,) = unpaired(later.engine.portfolio)
    assert (found.component, found.market_id, found.net_yes_e6) == ("arb", "m1", 100 * SHARE)
    assert str(found).startswith("arb holds 100 YES of m1 with no NO beside them")
    filled(driver, 3.3, "o-000002")
    assert unpaired(driver.engine.portfolio) == []
