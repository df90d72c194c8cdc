"""The logit policy as a plugin: its quotes, what it measures, and what it never does."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyframe import Fill, MarketState, ReportPeriod
from polyframe.model import FeeSchedule
from polyframe.money import complement_e4
from polyframe.testing.builders import (
    NOW_NS,
    FakeMarket,
    FakePosition,
    a_book,
    a_context,
    a_cycle,
    a_market,
    a_plugin,
    a_portfolio,
    a_position,
    a_spec,
    mirrored,
)
from polyframe_maker import Maker, logit
from polyframe_maker.policy import loss_room

SECOND_NS = 1_000_000_000
PERIOD = ReportPeriod(day="2026-05-28", start_ns=NOW_NS, end_ns=NOW_NS + 10, facts={})


def a_maker(context=None, **settings):
    return a_plugin(Maker, context, **{"policy": "logit", **settings})


def quote(market, portfolio=None, maker=None, now_ns=NOW_NS):
    maker = maker or a_maker()
    return maker.propose_quote(market, portfolio or a_portfolio(markets=[market]), now_ns)


def terms(market, portfolio=None, maker=None, now_ns=NOW_NS):
    return dict(quote(market, portfolio, maker, now_ns).inputs)


def a_fill(market, *, sign=1, price_e4=4900, shares=10.0, mid_e6=500_000, ts_ns=NOW_NS, **changes):
    fields = {
        "ts_ns": ts_ns,
        "trade_id": f"t{ts_ns}",
        "order_id": "o",
        "market_id": market.market_id,
        "token_id": market.spec.token_ids[0],
        "is_yes": True,
        "is_buy": sign > 0,
        "price_e4": price_e4,
        "size_e6": round(shares * 1e6),
        "fee_e12": 0,
        "is_maker": True,
        "component": "maker",
        "decision_id": 1,
        "mid_before_e6": mid_e6,
    }
    return Fill(**{**fields, **changes})


@st.composite
def markets(draw: st.DrawFn) -> FakeMarket:
    tick_e4 = draw(st.sampled_from([1, 10, 50, 100]))
    ticks = 10_000 // tick_e4
    bid = draw(st.integers(1, ticks - 2))
    ask = draw(st.integers(bid + 1, min(ticks - 1, bid + max(1, 2000 // tick_e4))))
    yes, no = draw(st.integers(0, 9000)) / 100, draw(st.integers(0, 9000)) / 100
    return a_market(
        spec=a_spec(fees=FeeSchedule(rate=0.04, rebate_share=0.25)),
        tick_e4=tick_e4,
        book=a_book(
            bid * tick_e4,
            ask * tick_e4,
            bid_size=draw(st.floats(1, 1e5)),
            ask_size=draw(st.floats(1, 1e5)),
        ),
        hours_to_close=draw(st.sampled_from([None, 1.0, 500.0])),
        state=draw(st.sampled_from([MarketState.NORMAL, MarketState.WATCH])),
        position=a_position(yes=yes, no=no, cost_usd=round(0.5 * (yes + no), 2)),
    )


# --- the quote -----------------------------------------------------------------------


def test_a_flat_quote_is_symmetric_and_sized_by_the_step():
    found = quote(a_market(tick_e4=10))
    assert found.policy == "logit"
    assert found.bid.price_e4 == complement_e4(found.ask.price_e4)
    gamma = logit.gamma_of_budget(0.5, 50.0)
    assert found.bid.size_e6 == found.ask.size_e6 == math.floor(0.25 / gamma * 100) * 10_000
    given = dict(found.inputs)
    assert given["gamma_eff"] == given["gamma"] == pytest.approx(gamma)
    assert given["half_logit"] == pytest.approx(
        given["adverse_logit"] + given["margin_logit"] - given["rebate_logit"]
    )
    n = found.bid.size_e6 / 1e6
    wanted = logit.shifted(logit.indifference_bid(0.5, gamma, 0, n), -given["half_logit"])
    assert found.bid.price_e4 == math.floor(wanted * 1000) * 10


def test_first_share_pricing_is_tighter_than_whole_order_pricing():
    market = a_market(tick_e4=1)
    order, share = quote(market), quote(market, maker=a_maker(logit_indifference="share"))
    assert share.bid.price_e4 > order.bid.price_e4
    assert share.ask.price_e4 < order.ask.price_e4


def test_a_rebate_tightens_and_a_restless_market_widens():
    plain = terms(a_market())
    market = a_market(spec=a_spec(fees=FeeSchedule(rate=0.04, rebate_share=0.25)))
    assert terms(market)["rebate_logit"] == pytest.approx(0.5 * 0.01)
    assert terms(market)["half_logit"] < plain["half_logit"]
    restless = terms(a_market(updates_per_s=2.0, jump_1h=0.1))
    assert restless["margin_logit"] == pytest.approx(plain["margin_logit"] * 1.5 * 1.3)


def test_the_microprice_moves_the_fair_value_by_half_a_tick_at_most():
    market = a_market(book=a_book(4000, 6000, bid_size=9000, ask_size=10))
    for policy in ("classic", "logit"):
        maker = a_maker(policy=policy, fair="microprice")
        assert quote(market, maker=maker).fair == pytest.approx(0.505)


@settings(deadline=None)
@given(markets(), st.sampled_from(["mid", "microprice"]))
def test_on_the_grid_post_only_and_never_across_itself(market, fair):
    found = quote(market, maker=a_maker(fair=fair))
    tick_e4 = market.tick_e4
    for leg in (found.bid, found.ask):
        if leg is not None:
            assert leg.price_e4 % tick_e4 == 0
            assert tick_e4 <= leg.price_e4 <= 10_000 - tick_e4
            assert leg.size_e6 % 10_000 == 0
            assert leg.size_e6 >= market.min_size_e6
    if found.bid is not None:
        assert found.bid.price_e4 <= market.book.best_ask_e4 - tick_e4
    if found.ask is not None:
        assert found.ask.price_e4 >= market.book.best_bid_e4 + tick_e4
    if found.bid is not None and found.ask is not None:
        assert found.bid.price_e4 + complement_e4(found.ask.price_e4) <= 10_000 - tick_e4
    assert 0 < dict(found.inputs)["reservation"] < 1


@settings(deadline=None)
@given(markets(), st.sampled_from(["mid", "microprice"]))
def test_symmetric_under_the_mirror(market, fair):
    maker = {"fair": fair}
    found, other = (
        quote(market, maker=a_maker(**maker)),
        quote(mirrored(market), maker=a_maker(**maker)),
    )
    for leg, twin in ((found.bid, other.ask), (found.ask, other.bid)):
        assert (leg is None) == (twin is None)
        if leg is not None:
            assert leg.price_e4 == complement_e4(twin.price_e4)
            assert leg.size_e6 == twin.size_e6


@settings(deadline=None, max_examples=40)
@given(
    st.integers(300, 9700),
    st.floats(5, 200),
    st.sampled_from(["bid", "ask"]),
    st.floats(0.01, 1.0),
)
def test_unlimited_flow_on_one_side_costs_at_most_the_budget(bid_e4, budget, side, floor):
    """Whatever share of gamma is in force: the room bounds what the price alone would not."""
    position, book = FakePosition(), a_book(bid_e4, bid_e4 + 100)
    settings_ = {"logit_loss_usd": budget, "logit_unwind_floor": floor}
    left = 300
    while left:
        left -= 1
        market = a_market(book=book, position=position, tick_e4=10)
        maker = a_maker(**settings_)
        maker._logit._unwind_share = lambda *_, share=floor: share  # as if all were sold at once
        leg = quote(market, maker=maker).leg(side)
        if leg is None:
            break
        price_e4 = leg.price_e4 if side == "bid" else complement_e4(leg.price_e4)
        position = FakePosition(
            position.yes_e6 + (leg.size_e6 if side == "bid" else 0),
            position.no_e6 + (leg.size_e6 if side == "ask" else 0),
            position.cost_e12 + price_e4 * 100 * leg.size_e6,
        )
    assert left, "it was still quoting"
    assert position.cost_e12 <= round(budget * 1e12) + 1


def test_the_room_counts_what_each_result_pays():
    assert loss_room(FakePosition(), 50.0) == (50 * 10**12, 50 * 10**12)
    # 100 YES for 40 USD: NO winning has cost 40 of 50; YES winning has earned 60.
    assert loss_room(a_position(yes=100, cost_usd=40), 50.0) == (10 * 10**12, 110 * 10**12)
    paired = loss_room(a_position(yes=100, no=100, cost_usd=98), 50.0)
    assert paired == (52 * 10**12, 52 * 10**12)


# --- an event ------------------------------------------------------------------------


def an_event(mids_e4, shares, **changes):
    spec = {"neg_risk": True, "market_event_id": "race", **changes}
    return [
        a_market(
            f"m{index}",
            spec=a_spec(f"m{index}", **spec),
            book=a_book(mid_e4 - 50, mid_e4 + 50),
            tick_e4=50,
            position=a_position(yes=max(held, 0), no=max(-held, 0)),
        )
        for index, (mid_e4, held) in enumerate(zip(mids_e4, shares, strict=True))
    ]


def event_terms(markets, **settings):
    maker, portfolio = a_maker(**settings), a_portfolio(markets=markets)
    for market in markets:
        maker.on_book(market, NOW_NS)
    return [terms(market, portfolio, maker) for market in markets]


def test_g4_an_event_s_reservations_sum_to_one():
    found = event_terms(an_event((5000, 3000, 2000), (30, 0, -10)))
    gamma = found[0]["gamma"]
    expected = logit.outcome_reservations((0.5, 0.3, 0.2), gamma, (30, 0, -10))
    assert [one["reservation"] for one in found] == pytest.approx(expected, abs=1e-9)
    assert [one["event_outcomes"] for one in found] == [3.0, 3.0, 3.0]
    # The one gamma of the event keeps each outcome's unlimited sale within the budget.
    assert gamma == pytest.approx(math.log(1 / 0.2) / 50)


@pytest.mark.parametrize(
    ("markets", "settings"),
    [
        (an_event((5000, 3000, 2000), (30, 0, -10), neg_risk_augmented=True), {}),
        (an_event((5000, 3000, 2000), (30, 0, -10), neg_risk=False), {}),
        (an_event((5000, 3000), (30, 0)), {}),  # a fifth of the event is unknown
        (an_event((5000, 3000, 2100), (30, 0, -10)), {"logit_event_gap": 0.0}),
    ],
)
def test_an_event_that_is_not_wholly_known_is_not_netted(markets, settings):
    found = event_terms(markets, **settings)[0]
    assert found["event_outcomes"] == 0.0
    assert found["q_event"] == found["q"] == 30.0


def test_a_sibling_without_a_current_book_stops_the_netting():
    markets = an_event((5000, 3000, 2000), (30, 0, -10))
    stale = dataclasses.replace(markets[2], book_age_s=60.0)
    assert event_terms([*markets[:2], stale])[0]["event_outcomes"] == 0.0
    closed = an_event((5000, 4900, 2000), (30, 0, -10))
    spec = a_spec("m2", neg_risk=True, market_event_id="race", closed=True)
    closed[2] = dataclasses.replace(closed[2], spec=spec)
    assert event_terms(closed)[0]["event_outcomes"] == 2.0


def test_a_holding_alone_reveals_a_sibling():
    markets = an_event((5000, 5000), (0, 40))
    maker, portfolio = a_maker(), a_portfolio(markets=markets)
    found = terms(markets[0], portfolio, maker)
    assert found["event_outcomes"] == 2.0
    assert found["q_event"] == pytest.approx(-40.0)  # 40 of "the other one" is 40 against this


# --- what it measures ----------------------------------------------------------------


def judged(after_e4, *, sign=1, seconds=120.0, maker=None, **changes):
    maker = maker or a_maker()
    market = a_market(tick_e4=10)
    maker.on_fill(a_fill(market, sign=sign, shares=2000.0, **changes), market, NOW_NS)
    later = dataclasses.replace(market, book=a_book(after_e4 - 100, after_e4 + 100))
    maker.on_book(later, NOW_NS + round(seconds * SECOND_NS))
    return maker


def test_alpha_is_the_informed_share_whose_shift_is_the_price_impact():
    maker = judged(4900)
    found = terms(a_market(), maker=maker, now_ns=NOW_NS + 120 * SECOND_NS)
    impact = logit.log_odds(0.5) - logit.log_odds(0.49)
    prior = logit.adverse_shift(0.02)
    shared = (impact * 2000 + prior * 2000) / 4000
    own = (impact * 2000 + shared * 2000) / 4000
    assert found["alpha"] == pytest.approx(math.tanh(own / 2))
    assert found["adverse_logit"] == pytest.approx(own)
    section = maker.report_section(dataclasses_period(NOW_NS + 180 * SECOND_NS))
    mine = section["measured"]["markets"]["0xm1"]
    assert mine["effective_half_spread_c"] == pytest.approx(1.0)
    assert mine["price_impact_2m_c"] == pytest.approx(1.0)
    assert mine["impact_per_half_spread"] == pytest.approx(1.0)
    assert mine["age_s"] == pytest.approx(60.0)
    json.dumps(section, allow_nan=False)


def dataclasses_period(end_ns):
    return ReportPeriod(day="2026-05-28", start_ns=NOW_NS, end_ns=end_ns, facts={})


def counts(maker):
    return maker.report_section(PERIOD)["measured"]["fills"]


def test_a_favourable_move_lowers_alpha_to_no_less_than_zero():
    maker = judged(5100)
    later_ns = NOW_NS + 120 * SECOND_NS
    assert terms(a_market(), maker=maker, now_ns=later_ns)["alpha"] == 0.0


@pytest.mark.parametrize("sign", [1, -1])
def test_the_sign_of_the_fill_is_the_sign_of_the_impact(sign):
    maker = judged(5000 - 100 * sign, sign=sign, price_e4=5000 - 100 * sign)
    found = maker.report_section(PERIOD)["measured"]["account"]
    assert found["price_impact_2m_c"] == pytest.approx(1.0)


def test_alpha_has_a_ceiling():
    maker = judged(2000, maker=a_maker(logit_alpha_max=0.1))
    later_ns = NOW_NS + 120 * SECOND_NS
    assert terms(a_market(), maker=maker, now_ns=later_ns)["alpha"] == 0.1


def impact_c(maker):
    return maker.report_section(PERIOD)["measured"]["account"]["price_impact_2m_c"]


def test_a_book_long_after_the_horizon_leaves_the_judgement_to_the_one_that_stood_there():
    assert impact_c(judged(4900, seconds=125.0)) == pytest.approx(1.0)
    assert impact_c(judged(4900, seconds=126.0)) == pytest.approx(0.0)  # 0.50 until then
    assert impact_c(judged(4900, seconds=900.0)) == pytest.approx(0.0)


def test_a_book_lost_before_the_horizon_judges_nothing():
    maker, market = a_maker(), a_market()
    maker.on_fill(a_fill(market), market, NOW_NS)
    lost = dataclasses.replace(market, has_book=False, book=a_book(None, None), book_age_s=None)
    maker.on_cycle_end(a_cycle(), a_portfolio(markets=[lost]), NOW_NS + 60 * SECOND_NS)
    maker.on_book(market, NOW_NS + 140 * SECOND_NS)
    assert counts(maker) == {"marked": 0, "discarded": 1, "reversed": 0}


def test_takers_fills_and_fills_taken_back_are_not_judged():
    assert counts(judged(4900, is_maker=False))["marked"] == 0
    assert counts(judged(4900, component="arb"))["marked"] == 0
    maker, market = a_maker(), a_market()
    fill = a_fill(market)
    maker.on_fill(fill, market, NOW_NS)
    back = a_fill(market, sign=-1, trade_id="back", reverses=fill.trade_id)
    maker.on_fill(back, market, NOW_NS + SECOND_NS)
    maker.on_book(market, NOW_NS + 120 * SECOND_NS)
    assert counts(maker) == {"marked": 0, "discarded": 0, "reversed": 1}


def test_a_quiet_book_that_is_proven_unchanged_judges_at_cycle_end():
    maker, market = a_maker(), a_market(book_age_s=10.0)
    maker.on_fill(a_fill(market), market, NOW_NS)
    portfolio = a_portfolio(markets=[market])
    maker.on_cycle_end(a_cycle(), portfolio, NOW_NS + 125 * SECOND_NS)
    assert counts(maker)["marked"] == 0  # proven until 115 s only
    maker.on_cycle_end(a_cycle(), portfolio, NOW_NS + 150 * SECOND_NS)
    assert counts(maker) == {"marked": 1, "discarded": 0, "reversed": 0}


def test_a_new_tick_or_a_broken_book_at_the_horizon_judges_nothing():
    for changes in ({"tick_e4": 1}, {"book": a_book(4900, None)}):
        maker, market = a_maker(), a_market()
        maker.on_fill(a_fill(market), market, NOW_NS)
        maker.on_book(dataclasses.replace(market, **changes), NOW_NS + 60 * SECOND_NS)
        maker.on_book(dataclasses.replace(market, **changes), NOW_NS + 121 * SECOND_NS)
        assert counts(maker) == {"marked": 0, "discarded": 1, "reversed": 0}


def unwound(maker, *, hold_s=600, rounds=6):
    """Buy ten, hold, sell ten; the mid moves half a cent a minute up and down."""
    now_ns = NOW_NS
    for _ in range(rounds):
        for sign, held in ((1, 10), (-1, 0)):
            market = a_market(position=a_position(yes=held), tick_e4=10)
            maker.on_fill(a_fill(market, sign=sign, ts_ns=now_ns), market, now_ns)
            for minute in range(hold_s // 60):
                mid_e4 = 5000 + 50 * (minute % 2)
                book = a_book(mid_e4 - 100, mid_e4 + 100)
                maker.on_book(dataclasses.replace(market, book=book), now_ns)
                now_ns += 60 * SECOND_NS
    return now_ns


def test_early_unwinding_shrinks_gamma_once_measured():
    maker = a_maker(logit_unwind_floor=0.0001)
    now_ns = unwound(maker)
    found = terms(a_market(), maker=maker, now_ns=now_ns)
    # Held ten minutes: half-life ln 2 x 600 s (less a little forgetting).
    assert found["inventory_half_life_s"] == pytest.approx(math.log(2) * 600, rel=0.01)
    move = logit.log_odds(0.505)
    assert found["belief_volatility_day"] == pytest.approx(move / 60**0.5 * 86_400**0.5, rel=0.1)
    sigma = found["belief_volatility_day"] / 86_400**0.5
    share = 0.25 * sigma**2 * found["inventory_half_life_s"]
    assert found["unwind_share"] == pytest.approx(share)
    assert found["gamma_eff"] == pytest.approx(share * found["gamma"])
    floored = a_maker()
    unwound(floored)
    assert terms(a_market(), maker=floored, now_ns=now_ns)["unwind_share"] == 0.1


@pytest.mark.parametrize("state", [MarketState.WATCH, MarketState.CLOSE_WINDOW])
def test_near_the_end_all_of_gamma_counts(state):
    maker = a_maker()
    now_ns = unwound(maker)
    assert terms(a_market(state=state), maker=maker, now_ns=now_ns)["unwind_share"] == 1.0
    assert terms(a_market(), maker=maker, now_ns=now_ns)["unwind_share"] < 1.0


def test_inventory_that_never_leaves_lengthens_the_half_life():
    maker = a_maker()
    now_ns = unwound(maker)
    market = a_market(position=a_position(yes=10))
    maker.on_fill(a_fill(market, ts_ns=now_ns), market, now_ns)
    soon = terms(market, maker=maker, now_ns=now_ns)["inventory_half_life_s"]
    late = terms(market, maker=maker, now_ns=now_ns + 7200 * SECOND_NS)["inventory_half_life_s"]
    assert late > 2 * soon


def test_what_was_measured_survives_a_restart_exactly():
    store: dict = {}
    maker = a_maker(a_context("maker", store=store))
    now_ns = unwound(maker)
    market = a_market()
    maker.on_cycle_end(a_cycle(), a_portfolio(markets=[market]), now_ns)
    again = a_maker(a_context("maker", store=json.loads(json.dumps(store))))
    assert quote(market, maker=again, now_ns=now_ns) == quote(market, maker=maker, now_ns=now_ns)


def test_memory_is_bounded():
    maker, market = a_maker(), a_market()
    for i in range(200):
        maker.on_fill(a_fill(market, ts_ns=NOW_NS + i), market, NOW_NS + i)
    assert counts(maker)["discarded"] == 200 - 64
    maker.on_book(market, NOW_NS)
    maker.on_cycle_end(a_cycle(), a_portfolio(), NOW_NS + 8 * 86_400 * SECOND_NS)
    assert maker.report_section(PERIOD)["measured"]["markets"] == {}
    assert counts(maker)["discarded"] == 200


def test_classic_measures_nothing_and_says_so():
    maker = a_plugin(Maker)
    market = a_market()
    maker.on_book(market, NOW_NS)
    maker.on_fill(a_fill(market), market, NOW_NS)
    section = maker.report_section(PERIOD)
    assert section == {"policy": "classic", "fair": "mid", "quotes_held_back": 0}
