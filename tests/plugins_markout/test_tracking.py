"""Which mid counts as the mid at t + h, and what survives a restart."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyframe import MarketState, Quote, ReportPeriod
from polyframe.testing import builders
from polyframe.testing.builders import (
    NOW_NS,
    a_book,
    a_context,
    a_cycle,
    a_market,
    a_plugin,
    a_portfolio,
    a_spec,
)
from polyframe_markout import Markout
from polyframe_markout.fills import DISCARD_REASONS

S = 1_000_000_000
QUOTE = Quote("0xm1")
PERIOD = ReportPeriod(day="d", start_ns=NOW_NS - 1, end_ns=NOW_NS + 86_400 * S, facts={})


def at(seconds):
    return NOW_NS + round(seconds * S)


def a_fill(
    number=1, seconds=0.0, *, market_id="0xm1", price_e4=4900, is_buy=True, shares=100, **more
):
    return builders.a_fill(
        number,
        ts_ns=at(seconds),
        market_id=market_id,
        price_e4=price_e4,
        is_buy=is_buy,
        size_e6=shares * 1_000_000,
        **more,
    )


def a_mid(mid_e4, **more):
    return a_market(book=a_book(mid_e4 - 100, mid_e4 + 100), **more)


def one_horizon(**more):
    return a_plugin(Markout, horizons_s=[30.0], gating_horizon_s=30.0, **more)


def horizon(plugin, name="30"):
    return plugin.report_section(PERIOD)["horizons"][name]


def filled(plugin, **more):
    plugin.on_fill(a_fill(**more), a_mid(5000), at(0))
    return plugin


@pytest.mark.parametrize(
    ("change_s", "expected_c"),
    [(30.0, 2.0), (34.9, 2.0), (35.0, 2.0)],
)
def test_the_first_book_within_five_seconds_counts(change_s, expected_c):
    plugin = filled(one_horizon())
    plugin.on_book(a_mid(5050), at(20))
    plugin.on_book(a_mid(5100), at(change_s))
    assert horizon(plugin)["share_weighted_c"] == expected_c


def test_a_later_book_is_discarded_and_counted():
    plugin = filled(one_horizon())
    plugin.on_book(a_mid(5050), at(20))
    plugin.on_book(a_mid(5100), at(35.1))
    section = horizon(plugin)
    assert (section["n"], section["discarded"]["late"]) == (0, 1)
    assert section["share_weighted_c"] is None


def test_the_book_from_just_before_stands_when_the_next_comes_late():
    plugin = filled(one_horizon())
    plugin.on_book(a_mid(5050), at(26))
    plugin.on_book(a_mid(5100), at(90))
    assert horizon(plugin)["share_weighted_c"] == 1.5


def test_a_quiet_book_with_a_proof_is_current():
    plugin = filled(one_horizon())
    plugin.on_book(a_mid(5050), at(2))
    plugin.pre_quote_veto(QUOTE, a_mid(5050, book_age_s=40.0), at(60))
    assert horizon(plugin)["pending"] == 1, "proven at 20 s only: not yet known"
    plugin.pre_quote_veto(QUOTE, a_mid(5050, book_age_s=1.0), at(62))
    assert horizon(plugin)["share_weighted_c"] == 1.5


def test_a_cycle_measures_a_market_nobody_quotes():
    plugin = filled(one_horizon())
    market = a_mid(5000, book_age_s=0.5)
    plugin.on_cycle_end(a_cycle(), a_portfolio(markets=[market]), at(60))
    assert horizon(plugin)["share_weighted_c"] == 1.0


def test_a_silent_feed_is_not_a_quiet_book():
    plugin = filled(one_horizon())
    lost = a_mid(5000, has_book=False, book_age_s=None)
    plugin.on_cycle_end(a_cycle(), a_portfolio(markets=[lost]), at(60))
    assert horizon(plugin)["discarded"]["late"] == 1


def test_a_proof_from_before_a_gap_does_not_bridge_it():
    plugin = filled(one_horizon())
    lost = a_mid(5000, has_book=False, book_age_s=None)
    plugin.on_cycle_end(a_cycle(), a_portfolio(markets=[lost]), at(10))
    plugin.on_book(a_mid(5100), at(50))
    assert horizon(plugin)["discarded"]["late"] == 1


@pytest.mark.parametrize(
    ("market", "reason"),
    [
        (a_mid(5100, tick_e4=10), "tick_changed"),
        (a_mid(5100, state=MarketState.RESOLVED), "resolved"),
        (a_mid(5100, spec=a_spec(closed=True)), "resolved"),
    ],
)
def test_a_new_tick_or_a_resolution_in_between_discards(market, reason):
    plugin = filled(one_horizon())
    plugin.on_book(market, at(10))
    plugin.on_book(a_mid(5100), at(30))
    assert horizon(plugin)["discarded"][reason] == 1


def test_a_one_sided_book_gives_no_mid():
    plugin = filled(one_horizon())
    one_sided = a_market(book=a_book(5000, None))
    plugin.on_book(one_sided, at(20))
    plugin.pre_quote_veto(QUOTE, one_sided, at(36))
    assert horizon(plugin)["discarded"]["no_mid"] == 1


def test_a_market_no_longer_followed_is_counted():
    plugin = filled(a_plugin(Markout))
    plugin.on_cycle_end(a_cycle(), a_portfolio(), at(1))
    section = plugin.report_section(PERIOD)
    assert all(one["discarded"]["dropped"] == 1 for one in section["horizons"].values())


def test_the_fill_of_a_sell_and_of_a_no_token_are_signed():
    plugin = one_horizon()
    sold = a_fill(1, is_buy=False, price_e4=5100)
    bought_no = a_fill(2, is_yes=False, price_e4=4900)  # the same exposure: short YES at 0.51
    for fill in (sold, bought_no):
        plugin.on_fill(fill, a_mid(5000), at(0))
    plugin.on_book(a_mid(5000), at(30))
    section = horizon(plugin)
    assert (section["n"], section["equal_weighted_c"]) == (2, 1.0)


def test_effective_less_adverse_is_markout_in_the_report():
    plugin = filled(one_horizon())
    plugin.on_book(a_mid(4960), at(31))
    section = horizon(plugin)
    assert section["share_weighted_c"] == section["effective_c"] - section["adverse_c"] == 0.6
    assert (section["n_split"], section["total_usd"]) == (1, 0.6)


def test_a_fill_without_a_mid_before_has_a_markout_but_no_split():
    plugin = filled(one_horizon(), mid_before_e6=None)
    plugin.on_book(a_mid(5100), at(30))
    section = horizon(plugin)
    assert (section["n"], section["n_split"], section["effective_c"]) == (1, 0, None)


def test_a_reversal_takes_its_sample_back():
    plugin = one_horizon()
    for number in (1, 2):
        plugin.on_fill(a_fill(number, price_e4=4900 - number), a_mid(5000), at(0))
    plugin.on_book(a_mid(5000), at(30))
    # As the runtime sends it: the other way round, under a trade id of its own.
    undone = a_fill(1, price_e4=4899, is_buy=False, trade_id="undo", reverses="t1")
    plugin.on_fill(undone, a_mid(5000), at(40))
    plugin.on_fill(a_fill(9, reverses="t9"), a_mid(5000), at(40))
    section = plugin.report_section(PERIOD)
    assert section["horizons"]["30"]["share_weighted_c"] == 1.02
    assert (section["reversed"], section["reversal_unknown"]) == (1, 1)


def test_taker_fills_are_not_maker_markouts():
    plugin = filled(one_horizon(), is_maker=False)
    section = plugin.report_section(PERIOD)
    assert (section["fills"], section["taker_ignored"]) == (0, 1)


steps = st.lists(
    st.tuples(
        st.sampled_from(["fill", "book", "proof", "cycle", "reverse"]),
        st.integers(1, 40),
        st.integers(4000, 6000),
        st.sampled_from(["0xm1", "0xm2"]),
    ),
    max_size=40,
)


def play(steps, restart_at):
    store = {}
    plugin = a_plugin(Markout, a_context(store=store))
    now_s, answers = 0, []
    for number, (kind, wait_s, mid_e4, market_id) in enumerate(steps):
        now_s += wait_s
        now = at(now_s)
        market = a_mid(mid_e4, spec=a_spec(market_id), book_age_s=float(wait_s % 7))
        if kind == "fill":
            plugin.on_fill(a_fill(number, now_s, market_id=market_id), market, now)
        elif kind == "reverse":
            plugin.on_fill(
                a_fill(number, market_id=market_id, reverses=f"t{number // 2}"), market, now
            )
        elif kind == "book":
            plugin.on_book(market, now)
        elif kind == "proof":
            plugin.pre_quote_veto(QUOTE, market, now)
        else:
            plugin.on_cycle_end(a_cycle(), a_portfolio(markets=[market]), now)
        if number == restart_at:
            plugin.report_section(PERIOD)
            store = json.loads(json.dumps(store))
            plugin = a_plugin(Markout, a_context(store=store))
        answers.append(plugin.pre_quote_veto(QUOTE, market, now))
    return plugin.report_section(PERIOD), answers


@settings(max_examples=60, deadline=None)
@given(steps, st.integers(0, 40))
def test_a_restart_is_seamless(steps, restart_at):
    assert play(steps, restart_at) == play(steps, restart_at=-1)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_every_fill_is_measured_pending_or_discarded_with_a_reason(steps):
    section, _ = play(steps, restart_at=-1)
    json.dumps(section, allow_nan=False)
    for one in section["horizons"].values():
        assert one["n"] + one["pending"] + sum(one["discarded"].values()) == section["fills"]
        assert set(one["discarded"]) == set(DISCARD_REASONS)
        markets = [market["horizons"] for market in section["markets"].values()]
        assert sum(market["30"]["n"] for market in markets) == section["horizons"]["30"]["n"]


def test_fills_out_of_the_period_are_not_reported():
    plugin = filled(one_horizon())
    later = ReportPeriod(day="e", start_ns=at(1), end_ns=at(2), facts={})
    assert plugin.report_section(later)["fills"] == 0


def test_old_fills_are_forgotten():
    plugin = filled(one_horizon(keep_h=48.0, evidence_h=24.0))
    plugin.on_book(a_mid(5000), at(30))
    plugin.on_cycle_end(a_cycle(), a_portfolio(), at(49 * 3600))
    assert plugin.report_section(PERIOD)["fills"] == 0
    assert plugin.context.store["fills"] == []
