"""QS: what refuses a market, how markets are ranked, what a cycle and a day say of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyframe import MarketState, PluginVeto, Quote, ReportPeriod, Veto
from polyframe.testing.builders import (
    NOW_NS,
    a_book,
    a_context,
    a_cycle,
    a_decision,
    a_market,
    a_plugin,
    a_portfolio,
    mirrored,
)
from polyframe_qs import Qs, vetoes
from polyframe_qs.config import Config
from polyframe_qs.score import depth_usd, distribution, resolution_term, score

DAY_NS = 86_400_000_000_000

QUOTE = Quote("0xm1")


def codes(market, **settings):
    return [veto.code for veto in a_plugin(Qs, **settings).pre_quote_veto(QUOTE, market)]


def test_a_good_market_is_not_refused():
    assert codes(a_market()) == []


@pytest.mark.parametrize(
    ("changes", "code", "observed", "limit"),
    [
        ({"state": MarketState.POST_CLOSE}, "qs.state", None, None),
        ({"state": MarketState.PROPOSED}, "qs.state", None, None),
        ({"state": MarketState.CHALLENGE_WINDOW}, "qs.state", None, None),
        ({"state": MarketState.DISPUTED}, "qs.state", None, None),
        ({"state": MarketState.RESOLVED}, "qs.state", None, None),
        ({"state": MarketState.UNKNOWN}, "qs.state", None, None),
        ({"hours_to_close": 47.9, "jump_1h": 0.06}, "qs.near_close_volatile", 0.06, 0.05),
        ({"hours_to_close": None, "jump_1h": 0.06}, "qs.near_close_volatile", 0.06, 0.05),
        ({"book": a_book(5000, 5000)}, "qs.crossed", 0.0, 1.0),
        ({"book": a_book(5100, 5000)}, "qs.crossed", -1.0, 1.0),
        ({"book": a_book(5000, 5010)}, "qs.crossed", 0.1, 1.0),
        ({"book_age_s": 5.1}, "qs.stale", 5.1, 5.0),
        ({"book_age_s": None}, "qs.stale", None, 5.0),
        ({"book": a_book(bid_size=500, ask_size=500)}, "qs.liquidity", 490.0, 500.0),
        ({"book": a_book(4900, None, bid_size=2000)}, "qs.one_sided", None, None),
    ],
)
def test_each_reason_alone_with_its_numbers(changes, code, observed, limit):
    (veto,) = a_plugin(Qs).pre_quote_veto(QUOTE, a_market(**changes))
    assert (veto.code, veto.side, veto.limit) == (code, None, limit)
    assert veto.observed == (None if observed is None else pytest.approx(observed))


@pytest.mark.parametrize(
    "changes",
    [
        {"state": MarketState.WATCH},
        {"state": MarketState.CLOSE_WINDOW},
        {"hours_to_close": 48.0, "jump_1h": 0.5},
        {"hours_to_close": 1.0, "jump_1h": 0.55 - 0.50},
        {"book": a_book(5000, 5010), "tick_e4": 10},
        {"book_age_s": 5.0},
        {"book_age_s": 100.0, "max_book_age_s": 120.0},
    ],
)
def test_at_the_limit_is_allowed(changes):
    assert codes(a_market(**changes)) == []


def test_all_reasons_are_kept_when_there_is_no_book():
    market = a_market(book=a_book(None, None), has_book=False, book_age_s=None)
    assert codes(market) == ["qs.no_book", "qs.stale", "qs.liquidity", "qs.one_sided"]


def test_liquidity_counts_only_near_the_touch():
    far = a_book(bids=[(4900, 10), (3000, 9000)], asks=[(5100, 10), (7000, 9000)])
    assert codes(a_market(book=far)) == ["qs.liquidity"]
    assert codes(a_market(book=far), liquidity_within_c=20.0) == []


def test_primary_is_the_first_of_the_order_and_rrs_counts_whatever_its_reason():
    cast = [
        PluginVeto("qs", Veto("qs.liquidity")),
        PluginVeto("qs", Veto("qs.stale")),
        PluginVeto("rrs", Veto("rrs.ambiguous")),
        PluginVeto("portfolio_risk", Veto("portfolio_risk.market_cap", "bid")),
    ]
    assert vetoes.primary(cast) == "rrs"
    assert vetoes.primary(cast[:2]) == "stale"
    assert vetoes.primary(cast[3:]) is None


def test_every_declared_code_has_a_place_in_the_order():
    assert {code.removeprefix("qs.") for code in Qs.codes} | {"rrs"} == set(vetoes.PRIMARY_ORDER)


# --- score ---------------------------------------------------------------------------


def test_depth_counts_each_order_once():
    book = a_book(
        bids=[(4950, 100), (4850, 100), (4750, 100), (4600, 9999)],
        asks=[(5050, 100), (5150, 100), (5250, 100)],
    )
    assert depth_usd(book, Config()) == pytest.approx(49.5 + 48.5 + 47.5 + 49.5 + 48.5 + 47.5)
    nearest = Config(depth_middle_share=0.0, depth_far_share=0.0)
    assert depth_usd(book, nearest) == pytest.approx(99.0)


def test_a_wide_spread_has_no_depth_near_the_mid():
    assert depth_usd(a_book(4000, 6000), Config()) == 0.0
    assert depth_usd(a_book(4000, None), Config()) == 0.0


@pytest.mark.parametrize(
    ("hours", "value"),
    [(None, 0.0), (169, 1.0), (168, 0.8), (73, 0.8), (72, 0.6), (49, 0.6), (48, 0.4), (-5, 0.4)],
)
def test_resolution_steps(hours, value):
    assert resolution_term(hours, Config()) == value


def test_score_golden():
    # 2,000 USD near the mid score one half; 1 update/s one half; a 10-cent jump one half.
    market = a_market(
        book=a_book(4900, 5100, bid_size=100_000 / 49, ask_size=100_000 / 49),
        updates_per_s=1.0,
        jump_1h=0.1,
        hours_to_close=100.0,
    )
    assert score(market, Config()).total == pytest.approx(
        0.35 * 0.5 + 0.25 * 0.5 + 0.2 * 0.5 + 0.2 * 0.8
    )


@settings(deadline=None)
@given(st.floats(1, 1e7), st.floats(1.001, 10))
def test_score_never_saturates(size, factor):
    def of(shares):
        return score(a_market(book=a_book(bid_size=shares, ask_size=shares)), Config()).total

    assert of(size) < of(size * factor) < 1.0


@settings(deadline=None)
@given(
    st.integers(1, 97),
    st.integers(1, 3),
    st.floats(0, 1e6),
    st.floats(0, 1e6),
)
def test_score_is_the_same_for_the_mirrored_market(bid_c, spread_c, bid_size, ask_size):
    book = a_book(
        bid_c * 100,
        min(bid_c + spread_c, 99) * 100,
        bid_size=bid_size,
        ask_size=ask_size,
    )
    market = a_market(book=book)
    assert score(market, Config()).total == pytest.approx(score(mirrored(market), Config()).total)


# --- ranking -------------------------------------------------------------------------


def test_ranks_every_market_vetoed_ones_last_ties_by_id():
    deep = a_market("deep", book=a_book(bid_size=9000, ask_size=9000))
    busy = a_market("busy", updates_per_s=5.0)
    stale = a_market("stale", book=a_book(bid_size=99_000), book_age_s=None)
    twins = [a_market("b"), a_market("a")]
    ranked = a_plugin(Qs).rank_markets([stale, busy, *twins, deep])
    assert ranked == ["deep", "a", "b", "busy", "stale"]


def test_ranking_does_not_depend_on_the_order_given():
    given_markets = [
        a_market(f"m{i}", book=a_book(bid_size=1000 + i % 7), updates_per_s=i % 3)
        for i in range(30)
    ]
    qs = a_plugin(Qs)
    assert qs.rank_markets(given_markets) == qs.rank_markets(given_markets[::-1])


def test_a_full_universe_of_deep_markets_separates():
    # Scores once saturated at 1.000 and the ranking became the fetch order.
    many = [a_market(f"m{i:03}", book=a_book(bid_size=50_000 + 10 * i)) for i in range(250)]
    qs = a_plugin(Qs)
    assert qs.rank_markets(many) == [f"m{i:03}" for i in range(249, -1, -1)]
    assert qs.report_section(_period())["scores"]["tied"] == 0


# --- the cycle and the day -----------------------------------------------------------


def _period(ts_ns=NOW_NS):
    start = ts_ns // DAY_NS * DAY_NS
    return ReportPeriod(day="2026-05-28", start_ns=start, end_ns=start + DAY_NS, facts={})


def _cycle_lines(decisions, markets):
    lines = []
    qs = a_plugin(Qs, a_context("qs", lines=lines))
    qs.rank_markets(markets)
    qs.on_cycle_end(a_cycle(decisions), a_portfolio(markets=markets))
    return qs, lines


def test_summary_counts_the_latest_decision_of_each_market_by_its_primary_veto():
    markets = [a_market(name) for name in ("a", "b", "c", "d", "e")]
    stale, thin = PluginVeto("qs", Veto("qs.stale")), PluginVeto("qs", Veto("qs.liquidity"))
    decisions = [
        a_decision(markets[0], vetoes=[stale]),
        a_decision(markets[0]),
        a_decision(markets[1], vetoes=[thin, stale]),
        a_decision(markets[2], vetoes=[PluginVeto("rrs", Veto("rrs.score")), stale]),
        a_decision(markets[3], vetoes=[PluginVeto("markout", Veto("markout.toxic"))]),
        a_decision(markets[4], vetoes=[PluginVeto("runtime", Veto("runtime.rank"))]),
    ]
    _, lines = _cycle_lines(decisions, markets)
    assert lines[0] == (
        "QS veto summary",
        {
            "ok": 2,
            "no_book": 0,
            "stale": 1,
            "crossed": 0,
            "rrs": 1,
            "state": 0,
            "liquidity": 0,
            "one_sided": 0,
            "near_close_volatile": 0,
            "other": 1,
            "stale_threshold_s": 5.0,
        },
    )


def test_five_samples_from_best_to_worst():
    markets = [a_market(f"m{i}", book=a_book(bid_size=1000 + 100 * i)) for i in range(9)]
    _, lines = _cycle_lines([a_decision(market) for market in markets], markets)
    samples = [fields for name, fields in lines if name == "QS_SAMPLE"]
    assert [one["market"] for one in samples] == ["m8", "m6", "m4", "m2", "m0"]
    assert samples[0]["mid"] == 0.5
    assert samples[0]["spread"] == 0.02
    assert samples[0]["primary_veto"] is None
    assert samples[0]["score"] > samples[4]["score"]


def test_an_empty_cycle_still_logs_its_line():
    _, lines = _cycle_lines([], [])
    assert [name for name, _ in lines] == ["QS veto summary"]
    assert lines[0][1]["stale_threshold_s"] is None


def test_a_market_gone_meanwhile_is_sampled_without_its_book():
    market = a_market()
    lines = []
    qs = a_plugin(Qs, a_context("qs", lines=lines))
    qs.on_cycle_end(a_cycle([a_decision(market)]), a_portfolio())
    assert lines[1][1]["mid"] is None
    assert lines[1][1]["score"] is None


def test_the_report_counts_the_day_and_survives_a_restart():
    market = a_market()
    store = {}
    refused = a_decision(market, vetoes=[PluginVeto("qs", Veto("qs.stale"))])
    for ts_ns in (NOW_NS, NOW_NS + 60 * 10**9, NOW_NS + DAY_NS):
        store = json.loads(json.dumps(store))
        qs = a_plugin(Qs, a_context("qs", store=store))
        qs.rank_markets([market])
        qs.on_cycle_end(a_cycle([refused], ts_ns=ts_ns), a_portfolio(markets=[market]))
    section = qs.report_section(_period())
    assert section["primary_vetoes"]["stale"] == 2
    assert section["primary_vetoes"]["ok"] == 0
    assert section["scores"]["count"] == 1
    json.dumps(section, allow_nan=False)


def test_old_days_leave_the_store():
    market = a_market()
    store = {}
    qs = a_plugin(Qs, a_context("qs", store=store))
    for day in range(10):
        qs.on_cycle_end(a_cycle([a_decision(market)], ts_ns=NOW_NS + day * DAY_NS), a_portfolio())
    assert len(store["days"]) == 2


def test_distribution_counts_ties():
    assert distribution([0.1, 0.2, 0.2, 0.3])["tied"] == 2
    assert distribution([]) == {"count": 0, "tied": 0, "quantiles": None}


def test_a_leg_that_takes_may_meet_a_crossed_or_thin_book_but_not_a_stale_one():
    qs = a_plugin(Qs)
    leg = Quote("0xm1", component="arb")
    crossed = a_market(book=a_book(5200, 5000, bid_size=1.0, ask_size=1.0), book_age_s=900.0)
    assert {veto.code for veto in qs.pre_quote_veto(QUOTE, crossed)} >= {
        "qs.crossed", "qs.liquidity", "qs.stale",
    }  # fmt: skip
    assert [veto.code for veto in qs.pre_quote_veto(leg, crossed)] == ["qs.stale"]
