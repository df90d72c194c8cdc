"""The gates: GO only when every number is known and met; what is missing is EXTEND, never GO."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyframe_truth_report import evidence, gates
from polyframe_truth_report.config import Config
from polyframe_truth_report.evidence import DayEvidence

CONFIG = Config(assumed_fill_rate=0.25)


def a_day(number=0, **changes):
    """A day of a maker that earns 10 to 19 USD and 1 to 2 cents a share, in ten clusters."""
    names = [f"c{n}" for n in range(10)]
    day = DayEvidence(
        start_equity_usd=5000.0,
        pnl_usd=10.0 + number % 10,
        fills=500,
        orders=2000,
        orders_filled=500,
        fills_by_cluster=dict.fromkeys(names, 50),
        pnl_by_market_usd={f"m{n}": 1.0 for n in range(20)},
        realised_counts_e6={"10000": 250, "20000": 250},
        clusters=100,
        cluster_sum_c=100 * (1.0 + 0.1 * (number % 2)),
        cluster_sum_sq_c2=200.0,
    )
    return dataclasses.replace(day, **changes)


def days(count=8, **changes):
    return {f"2026-05-{n + 1:02d}": a_day(n, **changes) for n in range(count)}


def judged(found, config=CONFIG):
    gate = gates.gate_b(found, config)
    return gate, {criterion["name"]: criterion for criterion in gate["criteria"]}


def test_a_good_week_is_a_go_with_every_number_beside_its_limit():
    gate, criteria = judged(days())
    assert (gate["verdict"], gate["why"]) == ("GO", "every criterion is met")
    assert [c["met"] for c in gate["criteria"]] == [True] * 9
    assert (criteria["fills"]["observed"], criteria["fills"]["limit"]) == (4000, 3000)
    assert criteria["median realised half-spread"]["observed"] == 1.5
    assert criteria["fill rate's distance from the assumption"]["observed"] == 0.0


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"fills_by_cluster": {"c0": 150, **{f"c{n}": 50 for n in range(1, 8)}}}, "largest"),
        ({"realised_counts_e6": {"-10000": 300, "20000": 200}}, "median"),
        ({"cluster_sum_c": -100.0}, "markout"),
        ({"orders_filled": 800}, "fill rate"),
        ({"pnl_by_market_usd": {"m1": 9.0, "m2": 1.0}}, "best 5"),
        ({"pnl_by_market_usd": {"m1": -9.0}}, "best 5"),
        ({"pnl_usd": -3.0, "start_equity_usd": 5000.0}, "Sharpe"),
    ],
)
def test_one_number_below_its_limit_is_a_no_go(changes, name):
    found = days(**changes)
    if name == "Sharpe":
        found = {d: dataclasses.replace(e, pnl_usd=-3.0 - n) for n, (d, e) in
                 enumerate(found.items())}  # fmt: skip
    gate, _ = judged(found)
    assert gate["verdict"] == "NO-GO"
    assert name in gate["why"]
    assert sum(c["met"] is False for c in gate["criteria"]) == 1


@pytest.mark.parametrize(
    "found", [days(6), days(fills=100), days(fills_by_cluster={f"c{n}": 71 for n in range(7)})]
)
def test_too_little_data_extends(found):
    assert judged(found)[0]["verdict"] == "EXTEND"


@pytest.mark.parametrize(
    ("found", "config", "why"),
    [
        ({}, CONFIG, "no fill"),
        (days(), Config(), "assumed_fill_rate is not set"),
        (days(orders=0), CONFIG, "no order rested"),
        (days(realised_counts_e6={}), CONFIG, "no fill at its horizon"),
        (days(clusters=0), CONFIG, "fewer than two fill clusters"),
        (days(pnl_by_market_usd={}), CONFIG, "no market with a fill"),
    ],
)
def test_what_is_missing_extends_and_is_named(found, config, why):
    gate, _ = judged(found, config)
    assert gate["verdict"] == "EXTEND"
    assert why in gate["why"]


GOOD = [0.004, -0.002] * 60


@pytest.mark.parametrize(
    ("returns", "drawdown", "verdict"),
    [
        (GOOD, -0.01, "GO"),
        (GOOD, -0.16, "NO-GO"),
        ([0.0001, -0.0001] * 60, -0.01, "NO-GO"),
        (GOOD[:60], -0.01, "EXTEND"),
        ([0.001] * 120, 0.0, "EXTEND"),
    ],
)
def test_gate_c(returns, drawdown, verdict):
    assert gates.gate_c(returns, drawdown, "production", CONFIG)["verdict"] == verdict


def test_paper_days_never_count_for_real_ones():
    gate = gates.gate_c(GOOD, -0.01, "paper", CONFIG)
    assert gate["verdict"] == "EXTEND"
    assert "paper days do not count" in gate["why"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([">=", ">", "<=", "<"]),
            st.none() | st.floats(),
            st.floats(-10, 10),
            st.booleans(),
        ),
        min_size=1,
    )
)
def test_go_means_everything_known_and_met(drawn):
    criteria = [
        gates.Criterion(f"n{n}", observed, relation, limit, "ratio", is_sample)
        for n, (relation, observed, limit, is_sample) in enumerate(drawn)
    ]
    gate = gates.gate("A", "x", criteria)
    met = [criterion["met"] for criterion in gate["criteria"]]
    assert (gate["verdict"] == "GO") == all(value is True for value in met)
    assert (None not in met) or gate["verdict"] == "EXTEND"
    assert all(c["note"] for c in gate["criteria"] if c["observed"] is None)


# --- the evidence behind gate B --------------------------------------------------------------


def test_two_runs_of_a_day_add_up_and_a_fresh_bankroll_is_no_profit():
    day = a_day(0).continued_by(a_day(0, start_equity_usd=5000.0, pnl_usd=-10.0))
    assert (day.fills, day.pnl_usd, day.start_equity_usd) == (1000, 0.0, 5000.0)
    assert day.fills_by_cluster["c0"] == 100
    assert day.simple_return == 0.0
    assert DayEvidence().simple_return is None


def test_evidence_survives_the_store():
    found = days(3)
    document = evidence.days_document(found, 2)
    assert evidence.days_from(document) == {day: found[day] for day in sorted(found)[-2:]}


def test_the_median_is_exact():
    assert evidence.median_c({}) is None
    assert evidence.median_c({"10000": 1, "30000": 1}) == 2.0
    assert evidence.median_c({"-50": 2, "10000": 1}) == -0.005


def test_the_error_of_the_markout_is_the_larger_of_clusters_and_days():
    even = {"d1": a_day(clusters=50, cluster_sum_c=50.0, cluster_sum_sq_c2=100.0),
            "d2": a_day(clusters=50, cluster_sum_c=50.0, cluster_sum_sq_c2=100.0)}  # fmt: skip
    mean, between_clusters = evidence.mean_markout(even)
    assert (mean, between_clusters) == (1.0, pytest.approx((100 / 99 / 100) ** 0.5))
    uneven = {"d1": a_day(clusters=50, cluster_sum_c=150.0, cluster_sum_sq_c2=460.0),
              "d2": a_day(clusters=50, cluster_sum_c=-50.0, cluster_sum_sq_c2=60.0)}  # fmt: skip
    mean, error = evidence.mean_markout(uneven)
    assert mean == 1.0
    assert error > 5 * between_clusters
