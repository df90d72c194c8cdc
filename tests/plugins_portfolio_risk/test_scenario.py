"""The scenario: CVaR against hand-worked and integrated values, and where its endings come from."""

from __future__ import annotations

import json
import math
from itertools import product
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyframe import ReportPeriod
from polyframe.money import usd, usd_e12
from polyframe.testing.builders import (
    NOW_NS,
    a_book,
    a_cycle,
    a_market,
    a_plugin,
    a_portfolio,
    a_position,
    a_spec,
    an_order,
)
from polyframe_portfolio_risk import PortfolioRisk
from polyframe_portfolio_risk.account import exposures
from polyframe_portfolio_risk.exposure import Outcomes
from polyframe_portfolio_risk.scenario import (
    Ending,
    cvar_usd,
    endings,
    events_by_cluster,
    simulated,
)

# Golden G20: it loses 80 USD with probability 0.3 and else gains 30.
EVENT = (Ending(0.3, 80.0), Ending(0.7, -30.0))
PERIOD = ReportPeriod(day="2026-05-28", start_ns=0, end_ns=1, facts={})


def independent(events):
    """Every ending of all events together, when none tells of another."""
    return [
        Ending(math.prod(one.probability for one in all_of), sum(one.loss_usd for one in all_of))
        for all_of in product(*events)
    ]


def test_g20_three_events_independent_and_comonotone():
    assert cvar_usd(independent([EVENT] * 3)) == pytest.approx(189.4, abs=1e-9)
    assert cvar_usd([Ending(0.3, 240.0), Ending(0.7, -90.0)]) == pytest.approx(240.0)


def test_g20_comes_out_of_the_draws_at_both_ends():
    clusters = {"politics": [EVENT] * 3}
    found = simulated(clusters, inside=0.0, across=0.0, draws=40_000)
    assert found.clusters_usd == {"politics": pytest.approx(189.4, abs=4.0)}
    assert found.aggregate_usd == found.clusters_usd["politics"]
    together = simulated(clusters, inside=1.0, across=0.0)
    assert together.clusters_usd == {"politics": pytest.approx(240.0)}


def failures(count, probability, correlation):
    """How many of ``count`` events fail under one common factor, by quadrature over it."""
    normal, steps = NormalDist(), 2000
    bound = normal.inv_cdf(probability)
    chances = [0.0] * (count + 1)
    for step in range(steps):
        factor = math.sqrt(correlation) * normal.inv_cdf((step + 0.5) / steps)
        one = normal.cdf((bound - factor) / math.sqrt(1 - correlation))
        for failed in range(count + 1):
            ways = math.comb(count, failed) / steps
            chances[failed] += ways * one**failed * (1 - one) ** (count - failed)
    return [Ending(chance, float(failed)) for failed, chance in enumerate(chances)]


@pytest.mark.parametrize(
    ("clusters", "correlation", "roughly"), [([8], 0.5, 7.2), ([1] * 8, 0.1, 5.6)]
)
def test_events_depend_as_a_gaussian_copula_says(clusters, correlation, roughly):
    event = (Ending(0.3, 1.0), Ending(0.7, 0.0))
    drawn = simulated({str(n): [event] * size for n, size in enumerate(clusters)}, draws=20_000)
    expected = cvar_usd(failures(8, 0.3, correlation))
    assert expected == pytest.approx(roughly, abs=0.5)
    assert drawn.aggregate_usd == pytest.approx(expected, abs=0.08)


def test_the_worst_share_of_an_ending_counts_in_part():
    event = (Ending(0.02, 100.0), Ending(0.08, 10.0), Ending(0.9, -1.0))
    assert cvar_usd(event) == pytest.approx((0.02 * 100 + 0.03 * 10) / 0.05)
    assert cvar_usd(event, alpha=0.0) == pytest.approx(2 + 0.8 - 0.9)


def test_nothing_at_risk_is_nothing_lost():
    assert simulated({}) == ({}, 0.0)


# --- endings -------------------------------------------------------------------------


def outcome(yes_usd, no_usd):
    return Outcomes(usd_e12(yes_usd), usd_e12(no_usd))


def test_a_market_ends_yes_with_the_probability_of_its_mid():
    assert endings([(outcome(60, -40), 0.3)]) == ((0.3, -60.0), (0.7, 40.0))


def test_an_event_may_end_with_none_of_the_markets_held():
    # The states of golden G17: +70, -80, -10 and, with what the prices leave, -30.
    event = [(outcome(60, -40), 0.2), (outcome(-35, 15), 0.3), (outcome(15, -5), 0.4)]
    found = endings(event)
    assert [ending.loss_usd for ending in found] == [-70.0, 80.0, 10.0, 30.0]
    assert [ending.probability for ending in found] == pytest.approx([0.2, 0.3, 0.4, 0.1])


def test_prices_above_one_leave_nothing_for_none():
    found = endings([(outcome(1, -1), 0.9), (outcome(1, -1), 0.6)])
    assert [ending.probability for ending in found] == pytest.approx([0.6, 0.4, 0.0])


def test_without_a_price_the_worst_is_certain():
    assert endings([(outcome(60, -40), 0.3), (outcome(-35, 15), None)]) == ((1.0, 75.0),)


def test_events_come_from_holdings_and_orders_at_the_mids():
    def candidate(name, mid_e4, **changes):
        spec = a_spec(name, neg_risk=True, market_event_id="race")
        book = a_book(mid_e4 - 100, mid_e4 + 100)
        return a_market(spec=spec, book=book, cluster_id="politics", **changes)

    markets = [
        candidate("A", 2000, position=a_position(yes=100, cost_usd=40)),
        candidate("B", 3000, position=a_position(no=50, cost_usd=35)),
        candidate("untouched", 4000),
        a_market("C", cluster_id="politics", orders=[an_order("C", "bid", 4800, 100)]),
        a_market("D", cluster_id="sports", book=a_book(4800, None),
                 position=a_position(yes=10, cost_usd=4)),
    ]  # fmt: skip
    gone = {"gone": a_position(no=10, cost_usd=5)}
    found = events_by_cluster(a_portfolio(markets=markets, positions=gone))
    assert {name: len(events) for name, events in found.items()} == {
        "politics": 2,
        "sports": 1,
        "unknown:gone": 1,
    }
    (order, race), (one_sided,), (unknown,) = found.values()
    # A bid that fills where it wins is no gain to count on: the exposures do not either.
    assert order == ((0.5, 0.0), (0.5, 48.0))
    assert [ending.loss_usd for ending in race] == [-75.0, 75.0, 25.0]
    assert [ending.probability for ending in race] == pytest.approx([0.2, 0.3, 0.5])
    assert (one_sided, unknown) == (((1.0, 4.0),), ((1.0, 5.0),))


# --- the report ----------------------------------------------------------------------


def test_the_report_has_the_scenario_beside_the_exposures():
    plugin = a_plugin(PortfolioRisk)
    market = a_market("m", cluster_id="politics", position=a_position(yes=50, cost_usd=20))
    plugin.on_cycle_end(a_cycle(), a_portfolio(markets=[market]), NOW_NS)
    section = plugin.report_section(PERIOD)
    assert section["scenario"] == {
        "alpha": 0.95,
        "correlation_in_cluster": 0.5,
        "correlation_across": 0.1,
        "draws": 4000,
        "clusters_cvar_usd": {"politics": 20.0},
        "aggregate_cvar_usd": 20.0,
    }
    assert section == plugin.report_section(PERIOD), "drawn from one fixed stream"
    json.dumps(section, allow_nan=False)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["politics", "sports"]),
            st.booleans(),
            st.integers(1, 98),
            *[st.integers(0, 20_000).map(lambda cents: cents / 100)] * 4,
        ),
        max_size=6,
    )
)
def test_no_figure_is_above_its_exposure(drawn):
    markets = [
        a_market(
            spec=a_spec(f"m{n}", neg_risk=is_exclusive, market_event_id=cluster),
            book=a_book(mid * 100, mid * 100 + 100),
            cluster_id=cluster,
            position=a_position(yes, no, cost),
            orders=[an_order(f"m{n}", "bid" if n % 2 else "ask", 4800, order)] if order else [],
        )
        for n, (cluster, is_exclusive, mid, yes, no, cost, order) in enumerate(drawn)
    ]
    portfolio = a_portfolio(markets=markets)
    found, worst = simulated(events_by_cluster(portfolio), draws=200), exposures(portfolio)
    assert found.clusters_usd.keys() == worst.clusters.keys()
    for name, lost_usd in found.clusters_usd.items():
        assert lost_usd <= usd(worst.clusters[name]) + 1e-6
    assert found.aggregate_usd <= usd(worst.aggregate_e12) + 1e-6
