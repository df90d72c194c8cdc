"""What every plugin meets in the tour: the values that plugins were once not asked about."""

from __future__ import annotations

import pytest

from polyframe import Quote, TradeLeg, hookimpl
from polyframe.testing import Scenario, subject_of
from polyframe.testing.builders import NOW_NS
from polyframe.testing.lives import plain_recording
from polyframe.testing.tour import PAUSE_S, tour
from tight_guard import Guard

OUTCOMES = {
    "quoted", "unchanged", "deferred", "pulled", "vetoed", "no_proposal", "taking", "unwinding",
}  # fmt: skip


def test_a_fill_may_be_late_and_a_part_of_an_order() -> None:
    world = Scenario()
    world.fill("bid", "49c", shares=5, at_s=50, order_id="o")
    world.fill("bid", "49c", shares=5, at_s=60, order_id="o", late_s=40)
    fills = [moment.fill for moment in world.moments if moment.fill]
    assert [fill.order_id for fill in fills] == ["o", "o"]
    assert len({fill.trade_id for fill in fills}) == 2
    assert [fill.ts_ns - NOW_NS for fill in fills] == [50 * 10**9, 20 * 10**9]


def test_an_account_may_be_empty_and_have_trades_under_way() -> None:
    leg = TradeLeg("0xm1", False, True, 4900, 10_000_000)
    world = Scenario().equity(0.0, at_s=1, cash_usd=-2.0).under_way({"arb": [leg]}, at_s=2)
    last = world.moments[-1]
    assert (last.portfolio.equity_e12, last.portfolio.cash_e12) == (0, -2 * 10**12)
    assert last.portfolio.legs_to_come() == {"arb": (leg,)}
    assert last.changed == ("0xm1",)
    assert not world.under_way({}, at_s=3).moments[-1].portfolio.legs_to_come()


def test_the_tour_holds_what_is_ordinary() -> None:
    way = tour()
    markets = [market for moment in way.moments for market in moment.markets]
    assert {0.0, 30.0} <= {market.updates_per_s for market in markets}
    assert max(market.jump_1h for market in markets) == 0.6
    assert max(abs(market.position.net_yes_e6) for market in markets) == 5_000_000_000
    coarser = [market.tick_e4 for market in markets if market.market_id == "0xcoarser"]
    assert (coarser[0], coarser[-1]) == (10, 100)
    accounts = [moment.portfolio for moment in way.moments]
    assert min(account.equity_e12 for account in accounts) == 0
    assert min(account.cash_e12 for account in accounts) < 0
    assert 0 in {account.day_start_equity_e12 for account in accounts}
    assert any(account.legs_to_come() for account in accounts)
    assert any(moment.fill and moment.fill.ts_ns < moment.now_ns for moment in way.moments)
    cycles = [moment.cycle for moment in way.moments if moment.cycle]
    decisions = [decision for cycle in cycles for decision in cycle.decisions]
    assert {decision.outcome for decision in decisions} == OUTCOMES
    assert any(decision.shapes and decision.readings for decision in decisions)
    assert any(cycle.health.median_age_s is not None for cycle in cycles)


def test_both_sides_are_filled_just_before_and_soon_after_the_restart() -> None:
    way = tour()
    cut_s = way.before[-1].at_s
    for moments, until_s in ((way.before[-9:], 0.0), (way.after, PAUSE_S + 10)):
        fills = [moment for moment in moments if moment.fill and "window" in moment.fill.market_id]
        assert {moment.fill.sign for moment in fills} == {1, -1}
        assert all(-10 < moment.at_s - cut_s < until_s for moment in fills)


@pytest.fixture(scope="module")
def asked() -> list[tuple[str, Quote]]:
    class Listener(Guard):
        codes = ()

        @hookimpl
        def shape_quote(self, quote):
            return None

        @hookimpl
        def pre_quote_veto(self, quote):
            return None

    answers = plain_recording(subject_of(Listener, name="listener")).answers
    return [(answer.hook, answer.facts["quote"]) for answer in answers if "quote" in answer.facts]


def test_quotes_with_one_leg_are_shaped_and_judged(asked: list[tuple[str, Quote]]) -> None:
    makers = [(hook, quote) for hook, quote in asked if not quote.trade_legs]
    sides = {(hook, quote.bid is None, quote.ask is None) for hook, quote in makers}
    for hook in ("shape_quote", "pre_quote_veto"):
        assert {(hook, True, False), (hook, False, True), (hook, False, False)} <= sides


def test_legs_buy_and_sell_either_token_for_each_component(asked: list[tuple[str, Quote]]) -> None:
    legs = [(quote.component, quote.trade_legs) for _, quote in asked if quote.trade_legs]
    ways = {(component, each[0].is_yes, each[0].is_buy) for component, each in legs}
    assert len(ways) == 12
    assert {len(each) for _, each in legs} == {1, 2}
