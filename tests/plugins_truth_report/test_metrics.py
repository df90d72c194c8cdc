"""Golden G22 and the edges where a ratio is not defined."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyframe_truth_report import metrics
from polyframe_truth_report.curve import EquityDay, utc_day

TEN_DAYS = [0.01, -0.02, 0.015, 0, -0.005, 0.02, -0.03, 0.01, 0.005, 0.012]


def test_g22_ten_day_metrics():
    assert metrics.mean(TEN_DAYS) == pytest.approx(0.0017, abs=1e-12)
    assert metrics.sample_sd(TEN_DAYS) == pytest.approx(0.0159516631, abs=1e-10)
    assert metrics.sharpe(TEN_DAYS) == pytest.approx(2.0360544, abs=5e-8)
    assert metrics.sortino(TEN_DAYS) == pytest.approx(2.8215478, abs=5e-8)
    assert metrics.max_drawdown(TEN_DAYS) == pytest.approx(-0.03, abs=1e-12)
    assert metrics.total_return(TEN_DAYS) == pytest.approx(0.0159595722, abs=1e-10)
    assert metrics.cagr(TEN_DAYS) == pytest.approx(0.7823360, abs=5e-8)
    assert metrics.calmar(TEN_DAYS) == pytest.approx(26.077865, abs=5e-7)


@pytest.mark.parametrize("returns", [[], [0.01], [0.0, 0.0, 0.0]])
def test_without_variation_there_is_no_ratio(returns):
    assert metrics.sharpe(returns) is None
    assert metrics.sharpe_interval(returns) is None
    assert metrics.sortino(returns) is None
    assert metrics.calmar(returns) is None


@pytest.mark.parametrize(
    "returns",
    [
        [0.1] * 3,  # the mean of these is not 0.1
        [-0.1] * 41,
        [0.0021 - 0.0007, 0.0020 - 0.0006, 0.0014],
    ],
)
def test_rounding_is_no_variation(returns):
    """It made a Sharpe ratio of 1e17 out of equal days."""
    assert metrics.sharpe(returns) is None
    assert metrics.sharpe_interval(returns) is None


def test_a_first_day_loss_is_a_drawdown():
    assert metrics.max_drawdown([-0.1]) == pytest.approx(-0.1)


def test_a_total_loss_has_no_growth_rate():
    assert metrics.cagr([-1.0]) is None
    assert metrics.cagr([10.0]) is None, "eleven-fold a day is beyond a float in a year"


@given(st.lists(st.floats(-0.5, 0.5), max_size=60))
def test_a_ratio_is_finite_or_none(returns):
    for ratio in (metrics.sharpe, metrics.sortino, metrics.cagr, metrics.calmar):
        value = ratio(returns)
        assert value is None or math.isfinite(value)


def test_days_are_utc():
    assert utc_day(0) == "1970-01-01"
    assert utc_day(86_400_000_000_000 - 1) == "1970-01-01"
    assert utc_day(1_780_000_000_000_000_000) == "2026-05-28"


def test_two_runs_of_one_day_are_one_day():
    morning = EquityDay(100, 110, 90, 120, -0.1)
    evening = EquityDay(110, 105, 104, 111, -0.05)
    day = morning.continued_by(evening)
    assert day == EquityDay(100, 105, 90, 120, -0.1)
    assert day.simple_return == pytest.approx(0.05)
    assert EquityDay(0, 1, 0, 1).simple_return is None


@pytest.mark.parametrize("seed", range(5))
def test_g22_empyrical_agrees_at_365_days(seed):
    # Imported here: pandas takes two seconds that no other test needs to wait for.
    import empyrical
    import numpy

    rng = Random(seed)
    returns = TEN_DAYS if seed == 0 else [rng.gauss(0.001, 0.02) for _ in range(120)]
    series = numpy.array(returns)
    ours_and_theirs = [
        (metrics.sharpe(returns), empyrical.sharpe_ratio(series, annualization=365)),
        (metrics.sortino(returns), empyrical.sortino_ratio(series, annualization=365)),
        (metrics.max_drawdown(returns), empyrical.max_drawdown(series)),
        (metrics.cagr(returns), empyrical.annual_return(series, annualization=365)),
        (metrics.calmar(returns), empyrical.calmar_ratio(series, annualization=365)),
    ]
    for ours, theirs in ours_and_theirs:
        assert ours == pytest.approx(theirs, rel=1e-10, abs=1e-12)


def test_the_bootstrap_interval_holds_the_value_and_is_drawn_with_a_seed():
    rng = Random(1)
    returns = [rng.gauss(0.002, 0.01) for _ in range(100)]
    low, high = metrics.bootstrap_interval(returns, metrics.sortino, 300, Random(2))
    assert low < metrics.sortino(returns) < high
    assert (low, high) == metrics.bootstrap_interval(returns, metrics.sortino, 300, Random(2))
    assert (low, high) != metrics.bootstrap_interval(returns, metrics.sortino, 300, Random(3))


def test_no_interval_where_most_draws_have_none():
    returns = [0.01] * 40 + [-0.01]
    assert metrics.bootstrap_interval(returns, metrics.sortino, 200, Random(1)) is None
    assert metrics.bootstrap_interval([0.01], metrics.sortino, 200, Random(1)) is None


def test_blocks_grow_with_the_cube_root_of_the_days():
    assert [metrics.blocks_of(days) for days in (1, 27, 1000)] == [1, 3, 10]
