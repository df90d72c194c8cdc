"""Golden G12 and G13, effective n, and what the estimates promise."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyframe_markout.clusters import clustered, equal_weighted_c, gross_c, net_c
from polyframe_markout.measures import Sample
from polyframe_markout.statistics import (
    Estimate,
    ar1_inflation,
    between_market_tau,
    careful_se,
    iid_se,
    lag_one,
    newey_west_lag,
    newey_west_se,
    pooled_mean,
    shrink,
    weighted_estimate,
)

G12 = [1, -1, 2, 0, -2, 1, 1, -2, 0, 2]
SECOND = 1_000_000_000


def test_g12_newey_west():
    assert newey_west_se(G12, lag=2) == pytest.approx(0.2256841441, abs=1e-9)
    assert iid_se(G12) == pytest.approx(0.4427189, abs=5e-8)
    assert careful_se(G12) == iid_se(G12), "a smaller robust error is no good news"


def test_lags_and_short_series():
    assert [newey_west_lag(n) for n in (1, 10, 100, 1000)] == [1, 2, 4, 6]
    assert newey_west_se([1.0]) is iid_se([1.0]) is careful_se([1.0]) is None


def test_effective_n_of_an_ar1_series():
    assert ar1_inflation(400, 0.4) == pytest.approx(2.3278, abs=5e-5)
    assert 400 / ar1_inflation(400, 0.4) == pytest.approx(171.84, abs=5e-3)
    assert ar1_inflation(10, 0.0) == 1.0


def test_lag_one_of_an_alternating_and_of_a_constant_series():
    assert lag_one([1.0, -1.0] * 50) == pytest.approx(-0.99)
    assert lag_one([2.0, 2.0]) == lag_one([]) == 0.0


def stationary_bootstrap_se(values, rng, *, draws, mean_block):
    """Politis and Romano: blocks of geometric length, wrapped around."""
    n = len(values)
    means = []
    for _ in range(draws):
        at = rng.randrange(n)
        total = 0.0
        for _ in range(n):
            total += values[at]
            at = rng.randrange(n) if rng.random() < 1 / mean_block else (at + 1) % n
        means.append(total / n)
    centre = sum(means) / draws
    return math.sqrt(sum((mean - centre) ** 2 for mean in means) / draws)


@pytest.mark.parametrize("rho", [0.0, 0.3])
def test_a_stationary_block_bootstrap_agrees(rho):
    rng = Random(11)
    values = [rng.gauss(0, 1)]
    for _ in range(299):
        values.append(rho * values[-1] + rng.gauss(0, 1))
    resampled = stationary_bootstrap_se(values, rng, draws=500, mean_block=10)
    assert careful_se(values) == pytest.approx(resampled, rel=0.2)


def test_the_careful_error_covers_what_dependence_does_to_a_mean():
    """The 95 % interval of an AR(1) mean holds the truth about as often as it says."""
    rng, hits = Random(5), 0
    for _ in range(200):
        value, values = 0.0, []
        for _ in range(150):
            value = 0.4 * value + rng.gauss(0, 1)
            values.append(value)
        low, high = weighted_estimate([(one, 1.0) for one in values]).interval
        hits += low <= 0 <= high
    assert 0.85 <= hits / 200 <= 0.98


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


@given(
    st.floats(-5, 5), st.floats(0.001, 5), st.floats(-5, 5), st.floats(0.05, 5), st.floats(-5, 5)
)
def test_a_posterior_lies_between_data_and_prior_and_is_surer_than_both(
    mean, se, prior, tau, limit
):
    result = shrink(mean, se, prior, tau)
    assert min(mean, prior) - 1e-9 <= result.mean <= max(mean, prior) + 1e-9
    assert result.sd <= min(se, tau) + 1e-12
    assert 0.0 <= result.probability_below(limit) <= 1.0
    assert result.probability_below(limit) <= result.probability_below(limit + 1)


def test_certain_data_is_not_shrunk():
    certain = shrink(-1.0, 0.0, 0.1, 0.3)
    assert (certain.mean, certain.probability_below(-0.2)) == (-1.0, 1.0)
    assert shrink(1.0, 0.0, 0.1, 0.3).probability_below(-0.2) == 0.0


# --- weighted estimates ------------------------------------------------------------------


def test_equal_weights_give_the_plain_mean_and_error():
    estimate = weighted_estimate([(float(value), 1.0) for value in G12])
    assert estimate.mean == pytest.approx(0.2)
    assert estimate.se == pytest.approx(careful_se(G12))
    low, high = estimate.interval
    assert (high - low) / 2 == pytest.approx(1.959964 * estimate.se, abs=1e-6)


def test_one_large_cluster_does_not_make_a_mean_certain():
    small = [(float(number % 3 - 1), 1.0) for number in range(19)]
    estimate = weighted_estimate([*small, (-1000.0, 1000.0)])
    assert estimate.mean == pytest.approx(-1.0, abs=0.05)
    assert estimate.se > 0.7, "about the spread of single clusters"


def test_nothing_and_one_cluster():
    assert weighted_estimate([]) is None
    one = weighted_estimate([(3.0, 2.0)])
    assert (one, one.interval) == (Estimate(1.5, None, 1), None)


def test_agreeing_clusters_are_as_sure_as_the_measurement_allows():
    estimate = weighted_estimate([(1.0, 1.0)] * 16, least_sd=0.2)
    assert estimate.se == pytest.approx(0.05)


pairs = st.lists(st.tuples(st.floats(-10, 10), st.floats(0.1, 100)), min_size=2, max_size=30)


@given(pairs, st.floats(0.1, 100))
def test_the_scale_of_weights_does_not_matter(values, factor):
    one = weighted_estimate([(value * weight, weight) for value, weight in values])
    scaled = [(value * weight * factor, weight * factor) for value, weight in values]
    other = weighted_estimate(scaled)
    assert other.mean == pytest.approx(one.mean, abs=1e-9)
    assert other.se == pytest.approx(one.se, abs=1e-7)


@given(pairs)
def test_the_error_is_never_below_the_newey_west_one(values):
    estimate = weighted_estimate([(value * weight, weight) for value, weight in values])
    total = sum(weight for _, weight in values)
    influence = [(v - estimate.mean) * w * len(values) / total for v, w in values]
    assert estimate.se >= newey_west_se(influence) - 1e-9


# --- clusters ------------------------------------------------------------------------------


def fill(at_s, sign=1, event="e", size=1, value=10_000, rebate=0):
    return Sample(value, size, 500_000, round(at_s * SECOND), event, sign, rebate)


def test_a_burst_is_one_cluster():
    (one,) = clustered([fill(0), fill(30, value=40_000, size=2), fill(60)])
    assert (one.gross_c, one.fills, one.size_e6) == (2.5, 3, 4)
    assert len(clustered([fill(0), fill(61)])) == 2
    assert len(clustered([fill(0), fill(1, sign=-1), fill(2, event="f")])) == 3


def test_cluster_means_are_weighted_by_shares_and_net_adds_rebates():
    found = clustered([fill(0, size=3, value=10_000), fill(100, value=-10_000, rebate=4_000)])
    assert gross_c(found).mean == pytest.approx(0.5)
    assert equal_weighted_c(found).mean == pytest.approx(0.0)
    assert net_c(found).mean == pytest.approx(0.6)


samples_drawn = st.lists(
    st.builds(
        fill,
        st.integers(0, 500),
        st.sampled_from([1, -1]),
        st.sampled_from(["e", "f"]),
        st.integers(1, 100),
        st.integers(-50_000, 50_000),
        st.integers(0, 5_000),
    ),
    max_size=40,
)


@given(samples_drawn, st.randoms(use_true_random=False))
def test_clusters_lose_no_fill_and_do_not_depend_on_the_order_of_arrival(fills, rng):
    found = clustered(fills)
    assert sum(cluster.fills for cluster in found) == len(fills)
    assert sum(cluster.gained_e12 for cluster in found) == sum(
        one.size_e6 * one.value_e6 for one in fills
    )
    shuffled = list(fills)
    rng.shuffle(shuffled)
    key = lambda cluster: (cluster.start_ns, cluster.size_e6, cluster.gained_e12)  # noqa: E731
    assert sorted(clustered(shuffled), key=key) == sorted(found, key=key)
    assert [cluster.start_ns for cluster in found] == sorted(c.start_ns for c in found)


# --- between markets -----------------------------------------------------------------------


def test_tau_is_floored_and_grows_with_disagreement():
    assert between_market_tau([0.1], [0.1]) == 0.05
    assert between_market_tau([0.1, 0.1], [0.1, 0.1]) == 0.05
    assert between_market_tau([-1.0, 1.0], [0.1, 0.1]) == pytest.approx(math.sqrt(2 - 0.01))


def test_the_pooled_mean_trusts_sure_markets_more():
    assert pooled_mean([-1.0, 1.0], [0.1, 0.1], 0.3) == pytest.approx(0.0)
    assert pooled_mean([-1.0, 1.0], [0.01, 10.0], 0.05) == pytest.approx(-1.0, abs=1e-3)


def test_nothing_and_certain_markets_leave_tau_at_its_floor():
    assert between_market_tau([], []) == 0.05
    assert between_market_tau([-1.0, 1.0], [0.0, 0.1]) == 0.05
