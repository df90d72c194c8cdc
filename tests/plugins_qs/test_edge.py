"""Rewards, rebates and the expected net edge: the venue's examples, bounds, and explanations."""

from __future__ import annotations

import dataclasses
import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyframe import ReportPeriod
from polyframe.model import FeeSchedule, RewardTerms
from polyframe.testing.builders import (
    NOW_NS,
    a_book,
    a_market,
    a_plugin,
    a_spec,
    an_order,
    mirrored,
)
from polyframe_qs import Qs, rewards
from polyframe_qs.config import Config
from polyframe_qs.edge import edge, edge_term
from polyframe_qs.score import score

V_E6 = 30_000
CENT_E6 = 10_000
ON = Config(edge_weight=0.5)
PERIOD = ReportPeriod(day="2026-05-28", start_ns=NOW_NS, end_ns=NOW_NS + 1, facts={})


def a_paying_market(**changes):
    fields = {
        "rewards": RewardTerms(min_size=20.0, max_spread_c=3.0, daily_usd=100.0),
        "fees": FeeSchedule(rate=0.04, rebate_share=0.25),
    }
    return a_market(spec=a_spec(**{**fields, **changes}))


# --- goldens -------------------------------------------------------------------------


def test_g23_the_documented_reward_example():
    # Bids and NO asks; a NO ask at 0.51 is a YES bid at 0.49. Midpoint 0.50, widest 3 cents.
    one = rewards.side_score([(4900, 100), (4800, 200), (4900, 100)], 500_000, V_E6)
    two = rewards.side_score([(5150, 100), (5200, 100), (5050, 200)], 500_000, V_E6)
    assert one == pytest.approx(111.1111, abs=1e-4)
    assert two == pytest.approx(175.0)
    assert rewards.two_sided_score(one, two, in_band=True) == pytest.approx(111.1111, abs=1e-4)


def test_g24_reward_yield():
    per_share = rewards.order_score(V_E6, CENT_E6)
    both = rewards.two_sided_score(200 * per_share, 200 * per_share, in_band=True)
    assert both == pytest.approx(88.8889, abs=1e-4)
    assert rewards.pool_share(both, 500) == pytest.approx(0.1509434, abs=1e-7)
    earned = rewards.reward_per_day(100.0, 1.0, both, (500.0, 500.0))
    assert earned.low_usd == earned.high_usd == pytest.approx(15.094339, abs=1e-6)
    capital = rewards.quote_capital_usd(200, 0.49, 0.51)
    assert capital == pytest.approx(196.0)
    assert earned.low_usd / capital == pytest.approx(0.0770119, abs=1e-7)
    # One side only, at 0.49.
    bid = rewards.two_sided_score(200 * per_share, 0.0, in_band=True)
    assert bid == pytest.approx(29.6296, abs=1e-4)
    alone = rewards.reward_per_day(100.0, 1.0, bid, (500.0, 500.0)).low_usd
    assert alone == pytest.approx(5.594406, abs=1e-6)
    assert alone / rewards.quote_capital_usd(200, 0.49, None) == pytest.approx(0.057086, abs=1e-6)


def test_g25_competition_is_an_interval():
    bounds = rewards.competitor_bounds(600, 300, in_band=True)
    assert bounds == (225.0, 400.0)
    own = 200 * rewards.order_score(V_E6, CENT_E6)
    earned = rewards.reward_per_day(1.0, 1.0, own, bounds)
    assert (earned.low_usd, earned.high_usd) == pytest.approx((0.1818182, 0.2831858), abs=1e-7)
    assert rewards.competitor_bounds(600, 300, in_band=False) == (0.0, 300)


@pytest.mark.parametrize(
    ("p", "rate", "share", "cents"),
    [
        (0.5, 0.04, 0.25, 0.25),
        (0.2, 0.04, 0.25, 0.16),
        (0.05, 0.04, 0.25, 0.0475),
        (0.5, 0.072, 0.20, 0.36),
        (0.5, 0.03, 0.25, 0.1875),
    ],
)
def test_g26_rebate_per_filled_share(p, rate, share, cents):
    assert 100 * rewards.expected_rebate(p, rate, 1.0, share) == pytest.approx(cents)


def test_g26_january_2026_crypto_curve():
    # 100 x 0.25 (p (1 - p))^2 tokens of fee at 0.50.
    assert 100 * rewards.expected_rebate(0.5, 0.25, 2.0, 1.0) == pytest.approx(1.5625)


# --- rewards -------------------------------------------------------------------------


def test_an_order_exactly_at_the_widest_spread_scores_nothing():
    assert rewards.order_score(35_000, 35_000) == 0.0
    assert rewards.order_score(35_000, 34_900) > 0.0
    assert rewards.order_score(0, 0) == 0.0


def test_the_bounds_hold_for_any_split_of_the_book_over_makers():
    rng = Random(5)
    for _ in range(2000):
        makers = [
            (rng.expovariate(1) * (rng.random() < 0.7), rng.expovariate(1) * (rng.random() < 0.7))
            for _ in range(rng.randint(1, 8))
        ]
        one, two = sum(a for a, _ in makers), sum(b for _, b in makers)
        for in_band in (True, False):
            least, most = rewards.competitor_bounds(one, two, in_band=in_band)
            real = sum(rewards.two_sided_score(a, b, in_band=in_band) for a, b in makers)
            assert least - 1e-9 <= real <= most + 1e-9


def test_the_midpoint_leaves_small_levels_out():
    bids, asks = [(4950, 5.0), (4900, 50.0)], [(5100, 50.0)]
    assert rewards.cut_off_mid_e6(bids, asks, 20.0) == 500_000
    assert rewards.cut_off_mid_e6(bids, asks, 0.0) == 502_500
    assert rewards.cut_off_mid_e6(bids, asks, 100.0) is None


# --- the edge ------------------------------------------------------------------------


def test_the_edge_is_the_sum_of_its_terms():
    found = edge(a_paying_market(), Config())
    t = {name: term.value for name, term in found.terms.items()}
    gain = t["half_spread"] - t["price_impact"] - t["fee"] + t["rebate"]
    net = t["filled_shares_day"] * gain + t["reward_low"] - t["inventory_cost"]
    assert found.per_dollar_day == pytest.approx((net - t["resolution_loss"]) / t["capital"])
    # 100 USD at 0.48 / 0.52 are 100 / 0.96 shares; 1 % of 40,000 shares traded fills 400.
    assert t["filled_shares_day"] == pytest.approx(400.0)
    assert t["rebate"] == pytest.approx(0.0025)
    assert t["fee"] == 0.0
    # Ours: a ninth a share of 104.2; others: 1,000 shares at one cent on each side.
    ours, others = 100 / 0.96 / 9, 1000 * 4 / 9
    assert t["reward_low"] == pytest.approx(90 * ours / (ours + others))
    assert t["reward_high"] == pytest.approx(90 * ours / (ours + others / 2))


def test_the_lower_end_of_the_reward_is_what_counts():
    paying, other = a_paying_market(), a_paying_market(rewards=RewardTerms())
    gained = edge(paying, Config()).per_dollar_day - edge(other, Config()).per_dollar_day
    low = edge(paying, Config()).terms["reward_low"].value
    assert 0 < gained == pytest.approx(low / 100)


@pytest.mark.parametrize(
    "programme",
    [
        RewardTerms(min_size=200.0, max_spread_c=3.0, daily_usd=100.0),  # our 104 are too few
        RewardTerms(min_size=20.0, max_spread_c=2.0, daily_usd=100.0),  # we rest at 2 cents
        RewardTerms(min_size=20.0, max_spread_c=0.0, daily_usd=100.0),
        RewardTerms(min_size=20.0, max_spread_c=3.0, daily_usd=0.0),
    ],
)
def test_no_reward_outside_the_programme(programme):
    assert edge(a_paying_market(rewards=programme), Config()).terms["reward_high"].value == 0.0


def test_own_orders_are_no_competition():
    market = a_paying_market()
    orders = (an_order(yes_price_e4=4900, shares=400), an_order(side="ask", yes_price_e4=5100))
    ours = dataclasses.replace(market, orders=orders)
    reward = "reward_low"
    assert edge(ours, Config()).terms[reward].value > edge(market, Config()).terms[reward].value


def test_makers_fees_count_where_a_market_charges_them():
    fees = FeeSchedule(rate=0.04, rebate_share=0.25, taker_only=False)
    found = edge(a_paying_market(fees=fees), Config())
    assert found.terms["fee"].value == pytest.approx(0.01)


def test_without_a_mid_there_is_no_edge_and_the_term_is_zero():
    market = a_market(book=a_book(4900, None))
    assert edge(market, ON) is None
    plain = score(market, Config()).total
    assert score(market, ON).total == pytest.approx(0.5 * plain)


def test_a_wide_spread_earns_nothing_by_itself():
    wide = dataclasses.replace(a_market(), book=a_book(3000, 7000))
    assert edge(wide, Config()).per_dollar_day == edge(a_market(), Config()).per_dollar_day


def test_a_side_without_a_price_halves_the_fills_and_scores_no_reward():
    low = dataclasses.replace(a_paying_market(), book=a_book(100, 200))
    found = edge(low, Config())
    assert found.terms["filled_shares_day"].value == pytest.approx(200.0)
    assert found.terms["reward_high"].value == 0.0


def test_by_default_the_edge_changes_nothing():
    market = a_paying_market()
    found = score(market, Config())
    assert found.edge is None
    four = 0.35 * found.depth + 0.25 * found.churn + 0.2 * found.jump + 0.2 * found.resolution
    assert found.total == pytest.approx(four)


def test_with_a_weight_the_better_paid_of_two_alike_ranks_first():
    paid = dataclasses.replace(a_paying_market(), market_id="z")
    plain = a_market("a")
    assert a_plugin(Qs).rank_markets([paid, plain]) == ["a", "z"]
    assert a_plugin(Qs, edge_weight=0.2).rank_markets([paid, plain]) == ["z", "a"]


@settings(deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_the_term_is_monotone_and_inside_zero_and_one(a, b):
    low, high = sorted((a, b))
    assert 0 <= edge_term(low, 0.005) <= edge_term(high, 0.005) <= 1
    assert edge_term(0.0, 0.005) == 0.5
    assert edge_term(0.005, 0.005) == pytest.approx(0.75)


@settings(deadline=None)
@given(st.integers(2, 97), st.integers(1, 3), st.floats(1, 1e6), st.floats(1, 1e6))
def test_the_mirrored_market_has_the_same_edge(bid_c, spread_c, bid_size, ask_size):
    market = dataclasses.replace(
        a_paying_market(),
        book=a_book(
            bid_c * 100,
            min(bid_c + spread_c, 99) * 100,
            bid_size=bid_size,
            ask_size=ask_size,
        ),
    )
    a, b = edge(market, Config()), edge(mirrored(market), Config())
    assert a.per_dollar_day == pytest.approx(b.per_dollar_day)


def test_every_term_is_explained_with_source_and_age():
    qs = a_plugin(Qs, edge_weight=0.3)
    market = a_paying_market()
    qs.rank_markets([market])
    section = qs.report_section(PERIOD)
    told = section["explained"][market.market_id]
    assert list(told["terms"])[:4] == ["depth", "churn", "jump", "resolution"]
    assert {"half_spread", "price_impact", "rebate", "reward_low", "fee"} <= set(told["terms"])
    for term in told["terms"].values():
        assert term["source"]
        assert term["unit"]
    assert told["terms"]["depth"]["age_s"] == 1.0
    assert told["terms"]["rebate"]["age_s"] is None
    assert told["edge_per_dollar_day"] is not None
    json.dumps(section, allow_nan=False)


def test_the_report_explains_ten_markets_at_most():
    qs = a_plugin(Qs)
    qs.rank_markets([a_market(f"m{i:02}") for i in range(30)])
    assert len(qs.report_section(PERIOD)["explained"]) == 10
