"""Golden G10 to G13 and the identity M = E - A."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyframe_markout.measures import (
    Measured,
    adverse_e6,
    averages,
    effective_e6,
    markout_e6,
)
from polyframe_markout.statistics import (
    Evidence,
    between_market_tau,
    careful_se,
    cluster_means_c,
    iid_se,
    newey_west_lag,
    newey_west_se,
    shrink,
)

# sign, price, shares, mid before, mid at 30 s (quant.md A3.2), in 1e-6
WORKED = [
    (1, 480_000, 100_000_000, 500_000, 495_000),
    (-1, 530_000, 50_000_000, 520_000, 535_000),
    (1, 310_000, 200_000_000, 320_000, 322_000),
    (-1, 700_000, 20_000_000, 690_000, 688_000),
]


def test_g10_markout_averages():
    mean = averages(Measured(markout_e6(s, p, later), n, p) for s, p, n, _, later in WORKED)
    assert mean.n == 4
    assert mean.equal_weighted_c == pytest.approx(0.85, abs=1e-12)
    assert mean.share_weighted_c == pytest.approx(1.0513514, abs=5e-8)
    assert mean.notional_weighted_bps == pytest.approx(258.4718, abs=5e-5)
    assert mean.total_usd == pytest.approx(3.89, abs=1e-12)


def test_g11_decomposition():
    effective = averages(
        Measured(effective_e6(s, p, before), n, p) for s, p, n, before, _ in WORKED
    ).share_weighted_c
    adverse = averages(
        Measured(adverse_e6(s, before, later), n, p) for s, p, n, before, later in WORKED
    ).share_weighted_c
    assert effective == pytest.approx(1.2702703, abs=5e-8)
    assert adverse == pytest.approx(0.2189189, abs=5e-8)
    assert effective - adverse == pytest.approx(1.0513514, abs=5e-8)


prices = st.integers(0, 1_000_000)


@given(st.sampled_from([1, -1]), prices, prices, prices)
def test_markout_is_effective_less_adverse_exactly(sign, price, before, later):
    assert markout_e6(sign, price, later) == effective_e6(sign, price, before) - adverse_e6(
        sign, before, later
    )


@given(st.sampled_from([1, -1]), prices, prices)
def test_a_no_fill_against_the_no_mid_gives_the_same_number(sign, price, later):
    mirrored = markout_e6(-sign, 1_000_000 - price, 1_000_000 - later)
    assert markout_e6(sign, price, later) == mirrored


def test_no_fills_have_no_mean():
    assert averages([]).share_weighted_c is None
    assert averages([]).total_usd == 0


def test_g12_newey_west():
    series = [1, -1, 2, 0, -2, 1, 1, -2, 0, 2]
    assert newey_west_se(series, lag=2) == pytest.approx(0.2256841441, abs=1e-9)
    assert iid_se(series) == pytest.approx(0.4427189, abs=5e-8)
    assert careful_se(series) == iid_se(series), "a smaller robust error is no good news"


def test_lags_and_short_series():
    assert [newey_west_lag(n) for n in (1, 10, 100, 1000)] == [1, 2, 4, 6]
    assert newey_west_se([1.0]) is iid_se([1.0]) is careful_se([1.0]) is None


@pytest.mark.parametrize(
    ("n", "mean", "weight", "posterior", "sd", "probability"),
    [
        (5, -1.0, 0.101124, -0.011236, 0.284427, 0.253453),
        (60, -0.6, 0.574468, -0.302128, 0.195698, 0.699117),
        (400, -0.5, 0.900000, -0.440000, 0.094868, 0.994294),
    ],
    ids="ACB",
)
def test_g13_shrinkage(n, mean, weight, posterior, sd, probability):
    result = shrink(mean, 2 / math.sqrt(n), prior_mean=0.1, tau=0.3)
    assert result.weight == pytest.approx(weight, abs=1e-6)
    assert result.mean == pytest.approx(posterior, abs=1e-6)
    assert result.sd == pytest.approx(sd, abs=1e-6)
    assert result.probability_below(-0.2) == pytest.approx(probability, abs=1e-6)


def test_certain_data_is_not_shrunk():
    certain = shrink(-1.0, 0.0, 0.1, 0.3)
    assert (certain.mean, certain.probability_below(-0.2)) == (-1.0, 1.0)
    assert shrink(1.0, 0.0, 0.1, 0.3).probability_below(-0.2) == 0.0


def test_a_burst_is_one_cluster():
    second = 1_000_000_000

    def fill(at_s, sign=1, event="e", size=1, value=10_000):
        return Evidence(at_s * second, event, sign, size, value)

    assert cluster_means_c([fill(0), fill(30, value=40_000, size=2), fill(60)]) == [2.5]
    assert len(cluster_means_c([fill(0), fill(61)])) == 2
    assert len(cluster_means_c([fill(0), fill(1, sign=-1), fill(2, event="f")])) == 3


def test_tau_is_floored_and_grows_with_disagreement():
    assert between_market_tau([0.1], [0.1]) == 0.05
    assert between_market_tau([0.1, 0.1], [0.1, 0.1]) == 0.05
    assert between_market_tau([-1.0, 1.0], [0.1, 0.1]) == pytest.approx(math.sqrt(2 - 0.01))
