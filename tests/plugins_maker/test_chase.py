"""The chase limit: how far a minute the side that adds inventory follows the market."""

from __future__ import annotations

import dataclasses
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from polyframe import ReportPeriod
from polyframe.money import complement_e4
from polyframe.testing.builders import (
    NOW_NS,
    a_book,
    a_cycle,
    a_market,
    a_plugin,
    a_portfolio,
    a_position,
    mirrored,
)
from polyframe_maker import Maker
from polyframe_maker.chase import ChaseLimit, adding_sides

SECOND_NS = 1_000_000_000


def at(bid_e4, **changes):
    return a_market(book=a_book(bid_e4, bid_e4 + 200), **changes)


def quoted(maker, market, seconds):
    now_ns = NOW_NS + round(seconds * SECOND_NS)
    return maker.propose_quote(market, a_portfolio(markets=[market]), now_ns)


def test_a_flat_maker_follows_five_ticks_a_minute_on_either_side():
    maker = a_plugin(Maker)
    assert quoted(maker, at(4900), 0).bid.price_e4 == 4800
    up = quoted(maker, at(5900), 1)
    # The mid jumped ten cents: the bid may follow to 0.53, the ask backs off at once.
    assert (up.bid.price_e4, up.ask.price_e4) == (5300, 6200)
    down = quoted(maker, at(4900), 2)
    # Back again: now the ask is held back, five cents below its highest of the minute.
    assert (down.bid.price_e4, down.ask.price_e4) == (4800, 5700)


def test_the_side_that_reduces_is_never_held_back():
    maker = a_plugin(Maker)
    long = a_position(yes=50)
    quoted(maker, at(5900, position=long), 0)
    assert quoted(maker, at(3900, position=long), 1).ask.price_e4 < 4300
    short = a_position(no=50)
    quoted(maker, at(3900, position=short), 2)
    assert quoted(maker, at(5900, position=short), 3).bid.price_e4 > 5500


def test_the_limit_is_a_speed_and_an_old_quote_a_weaker_anchor():
    maker = a_plugin(Maker)
    quoted(maker, at(2900), 0)  # bid at 0.28
    assert quoted(maker, at(8900), 30).bid.price_e4 == 3300
    assert quoted(maker, at(8900), 45).bid.price_e4 == 3300  # creeping gains nothing
    assert quoted(maker, at(8900), 89).bid.price_e4 == 3800  # the 0.28 is older than a minute
    lone = a_plugin(Maker)
    quoted(lone, at(2900), 0)
    assert quoted(lone, at(8900), 120).bid.price_e4 == 3800  # two minutes, ten ticks
    assert quoted(lone, at(8900), 7200).bid.price_e4 == 8800


def test_no_price_left_means_no_leg():
    chase = ChaseLimit(0.5)
    chase.note("m", "bid", 100, NOW_NS)
    assert chase.clamp("m", "bid", 4000, 100, NOW_NS) == 100
    assert chase.clamp("m", "bid", 4000, 1000, NOW_NS) is None


def test_it_counts_what_it_held_back_and_forgets_after_an_hour():
    maker = a_plugin(Maker)
    market = at(4900)
    quoted(maker, market, 0)
    quoted(maker, at(5900), 1)
    assert maker.report_section(_period())["quotes_held_back"] == 1
    maker.on_cycle_end(a_cycle(), a_portfolio(), NOW_NS + 3700 * SECOND_NS)
    assert quoted(maker, at(8900), 3701).bid.price_e4 == 8800


def _period():
    return ReportPeriod(day="2026-05-28", start_ns=NOW_NS, end_ns=NOW_NS + 1, facts={})


def test_which_sides_add():
    assert adding_sides(0) == ("bid", "ask")
    assert adding_sides(1) == ("bid",)
    assert adding_sides(-1) == ("ask",)


walks = st.lists(st.tuples(st.integers(0, 40), st.integers(100, 9600)), min_size=1, max_size=40)


@settings(deadline=None)
@given(walks, st.integers(0, 20))
def test_within_any_minute_no_bid_is_further_than_the_limit_above_an_earlier_one(walk, ticks):
    chase, now_ns = ChaseLimit(ticks), NOW_NS
    quotes = []
    for seconds, wanted_e4 in walk:
        now_ns += seconds * SECOND_NS
        price_e4 = chase.clamp("m", "bid", wanted_e4 // 100 * 100, 100, now_ns)
        assert price_e4 is not None
        assert price_e4 <= wanted_e4
        chase.note("m", "bid", price_e4, now_ns)
        assert all(
            price_e4 <= earlier_e4 + ticks * 100
            for earlier_ns, earlier_e4 in quotes
            if now_ns - earlier_ns <= 60 * SECOND_NS
        )
        quotes.append((now_ns, price_e4))
    assert chase.remembered() <= 62


@settings(deadline=None)
@given(walks)
def test_the_mirrored_walk_is_held_back_alike(walk):
    maker, other, now_ns = a_plugin(Maker), a_plugin(Maker), NOW_NS
    for seconds, bid_e4 in walk:
        now_ns += seconds * SECOND_NS
        market = at(bid_e4 // 100 * 100)
        twin = dataclasses.replace(mirrored(market), market_id=market.market_id)
        a = maker.propose_quote(market, a_portfolio(), now_ns)
        b = other.propose_quote(twin, a_portfolio(), now_ns)
        for leg, flipped in ((a.bid, b.ask), (a.ask, b.bid)):
            assert (leg is None) == (flipped is None)
            if leg is not None:
                assert leg.price_e4 == complement_e4(flipped.price_e4)


def test_a_restart_forgets_no_quote():
    before = ChaseLimit(5)
    for second in range(70):
        before.note("m", "bid", 4000 + 10 * second, NOW_NS + second * 10**9)
        before.note("m", "ask", 6000 - 10 * second, NOW_NS + second * 10**9)
    document = json.loads(json.dumps(before.as_document()))
    after = ChaseLimit(5)
    after.restore(document)
    assert after.as_document() == document
    for seconds in (70, 100, 400):
        now_ns = NOW_NS + seconds * 10**9
        for side, wanted_e4 in (("bid", 9000), ("ask", 1000)):
            held_e4 = after.clamp("m", side, wanted_e4, 100, now_ns)
            assert held_e4 == before.clamp("m", side, wanted_e4, 100, now_ns) != wanted_e4
