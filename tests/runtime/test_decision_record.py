"""What a decision tells of how it came about: who was asked, since when, by which numbers."""

from __future__ import annotations

import msgspec
import pytest

from polyframe import Plugin, Quote, QuoteLeg, Reading, Trade, TradeLeg, Veto, hookimpl
from polyframe.model import PluginReading, PluginShape
from polyframe.settings import QuotingSettings
from runtime_driver import NOW, SECOND, SETTINGS, SHARE, Driver, TwoCents, spec


class Guard(Plugin):
    """Halves the bid, refuses on demand, and tells what it has seen."""

    codes = ("guard.no",)
    refuse = False

    def __init__(self, config, context):
        super().__init__(config, context)
        self.explained: list[tuple[Quote, int]] = []

    @hookimpl
    def shape_quote(self, quote):
        if quote.bid is None:
            return None
        bid = QuoteLeg(quote.bid.price_e4, quote.bid.size_e6 // 2)
        return msgspec.structs.replace(quote, bid=bid)

    @hookimpl
    def pre_quote_veto(self, quote):
        return [Veto("guard.no", "ask", 2.0, 1.0)] if self.refuse else None

    @hookimpl
    def explain_quote(self, quote, market):
        self.explained.append((quote, len(market.orders)))
        return [Reading("seen", len(self.explained), 5)]


class Silent(Plugin):
    codes = ("silent.no",)

    @hookimpl
    def pre_quote_veto(self, quote):
        return None


@pytest.fixture
def driver() -> Driver:
    driver = Driver(classes=(TwoCents, Guard, Silent))
    driver.start()
    driver.book(1, 49, 51)
    driver.at(1.5)
    return driver


def guard(driver: Driver) -> Guard:
    found = driver.machine.plugins["guard"]
    assert isinstance(found, Guard)
    return found


def test_who_proposed_shaped_and_was_asked(driver: Driver) -> None:
    decision = driver.last
    assert decision.outcome == "quoted"
    assert decision.proposed_by == "two_cents"
    assert decision.asked == ("two_cents", "guard", "silent")
    bid, ask = QuoteLeg(4800, 50 * SHARE), QuoteLeg(5200, 100 * SHARE)
    assert decision.shapes == (PluginShape("guard", bid, ask),)
    assert (decision.proposal.bid.size_e6, decision.shaped.bid.size_e6) == (100 * SHARE, 50 * SHARE)


def test_the_numbers_are_asked_of_the_quote_that_was_judged_before_anything_is_sent(
    driver: Driver,
) -> None:
    [(quote, resting)] = guard(driver).explained
    assert quote == driver.last.shaped
    assert resting == 0
    assert driver.last.readings == (PluginReading("guard", Reading("seen", 1, 5)),)


def test_a_decision_that_finds_everything_right_asks_for_no_numbers(driver: Driver) -> None:
    driver.at(2)
    driver.level(3, True, 49, 400.0)
    driver.level(4, True, 49, 300.0)
    assert driver.last.outcome == "unchanged"
    assert driver.last.readings == ()
    assert driver.last.shapes != ()
    assert len(guard(driver).explained) == 1


def test_a_refusal_is_explained(driver: Driver) -> None:
    driver.at(2)
    guard(driver).refuse = True
    driver.level(3, True, 49, 400.0)
    assert [reading.plugin for reading in driver.last.readings] == ["guard"]
    assert driver.last.commands[0].startswith("cancel")


def test_a_refusal_is_explained_anew_only_for_other_reasons() -> None:
    class Refuses(Guard):
        codes = ("refuses.no",)
        sides: tuple[str | None, ...] = (None,)

        @hookimpl
        def pre_quote_veto(self, quote):
            return [Veto("refuses.no", side) for side in self.sides]

    other = Driver(classes=(TwoCents, Refuses))
    other.start()
    other.book(1, 49, 51)
    other.at(1.5)
    told = [bool(other.last.readings)]
    for at_s in (62, 123):
        other.book(at_s, 49, 51)
        other.at(at_s + 0.5)
        told.append(bool(other.last.readings))
    other.machine.plugins["refuses"].sides = ("bid", "ask")
    other.book(184, 49, 51)
    other.at(184.5)
    told.append(bool(other.last.readings))
    assert {decision.outcome for decision in other.decisions} == {"vetoed"}
    assert told == [True, False, False, True]


def test_a_wait_for_the_budget_is_as_old_as_its_first_cause() -> None:
    quoting = QuotingSettings(min_interval_s=0.0, mutations_per_min=2)
    driver = Driver(msgspec.structs.replace(SETTINGS, quoting=quoting))
    driver.start()
    driver.book(1, 49, 51)
    driver.at(1.5)  # both orders: the budget of this minute
    driver.level(10, True, 52, 0.0)
    driver.book(20, 39, 41)
    driver.at(20.5)  # cancels are never blocked, what replaces them waits
    driver.at(21)
    waiting = [d for d in driver.decisions if d.outcome == "deferred"]
    assert waiting
    driver.book(40, 38, 40)  # news while it waits
    driver.at(41)
    again = driver.last
    assert (again.trigger, again.outcome) == ("book", "deferred")
    assert again.since_ns == waiting[0].since_ns
    for at_s in range(60, 90):
        driver.at(at_s)
    placed = next(d for d in driver.decisions if d.ts_ns > again.ts_ns and d.commands)
    assert placed.trigger == "budget"
    assert placed.origin == waiting[0].trigger
    assert placed.since_ns == waiting[0].since_ns


def test_a_cut_to_what_reduces_is_a_step_of_the_runtime_s() -> None:
    driver = Driver(classes=(TwoCents, Silent))
    driver.start(spec(end_ns=NOW + 2 * 86_400 * SECOND))  # WATCH: reduce only
    driver.book(1, 49, 51)
    driver.at(1.5)
    [shape] = driver.last.shapes
    assert (shape.plugin, shape.bid, shape.ask) == ("runtime", None, None)


def test_a_refusal_of_the_runtime_alone_asks_nobody(driver: Driver) -> None:
    class RankNone(TwoCents):
        @hookimpl
        def rank_markets(self, markets):
            return []

    other = Driver(classes=(RankNone, Guard))
    other.start()
    other.book(1, 49, 51)
    other.at(1.5)
    assert [cast.veto.code for cast in other.last.vetoes] == ["runtime.rank"]
    assert (other.last.asked, other.last.readings, other.last.proposed_by) == ((), (), "")
    assert guard(other).explained == []


def test_since_is_when_the_cause_arose_not_when_its_turn_came() -> None:
    quoting = QuotingSettings(min_interval_s=5.0)
    driver = Driver(msgspec.structs.replace(SETTINGS, quoting=quoting))
    driver.start()
    driver.book(1, 49, 51)
    driver.at(1.5)
    first = len(driver.decisions)
    driver.level(3, True, 50, 400.0)
    driver.level(4, True, 50, 300.0)
    assert len(driver.decisions) == first
    driver.at(7)
    decision = driver.last
    assert decision.trigger == "book"
    assert (decision.ts_ns, decision.since_ns) == (NOW + 7 * SECOND, NOW + 3 * SECOND)


def test_a_trade_s_legs_name_who_proposed_and_who_was_asked() -> None:
    class Buyer(Plugin):
        @hookimpl
        def propose_trades(self, markets, portfolio):
            if portfolio.position("m1").yes_e6:
                return None
            return [Trade("taker", (TradeLeg("m1", True, True, 5100, 20 * SHARE),))]

    driver = Driver(classes=(Silent, Buyer))
    driver.start(spec())
    driver.book(1, 49, 51)
    driver.at(1.5)
    taken = next(d for d in driver.decisions if d.outcome == "taking")
    assert (taken.proposed_by, taken.asked, taken.trigger) == ("buyer", ("silent",), "taker")
    assert taken.readings == ()


def test_records_are_the_same_whether_decisions_are_timed_or_not() -> None:
    ticks = iter(range(0, 10**9, 1000))
    plain, timed = Driver(classes=(TwoCents, Guard)), Driver(classes=(TwoCents, Guard))
    timed.engine.decider.timer = lambda: next(ticks)
    took: list[int] = []
    for driver in (plain, timed):
        handle = driver.machine.turn.handle

        def watched(batch, handle=handle):
            outcome = handle(batch)
            took.extend(outcome.took_ns)
            return outcome

        driver.machine.turn.handle = watched
        driver.start()
        driver.book(1, 49, 51)
        driver.at(1.5)
        driver.level(2, True, 50, 400.0)
    assert plain.decisions == timed.decisions
    assert took == [1000] * len(timed.decisions)
