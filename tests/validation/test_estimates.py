"""The statistics, against libraries that others keep and numbers worked by hand."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from scipy.stats import CensoredData, binomtest, ecdf

from polyframe.validation.estimates import FillCurve, brier, mean_gap, ratio, total, wilson


@pytest.mark.parametrize(("successes", "trials"), [(0, 7), (3, 10), (141, 513), (3000, 3000)])
def test_wilson_is_scipys(successes, trials):
    theirs = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert wilson(successes, trials) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_no_trials_no_interval():
    with pytest.raises(ValueError, match="trials"):
        wilson(0, 0)


def test_the_fill_curve_is_scipys_kaplan_meier():
    rng = Random(5)
    waits = [(float(rng.randint(1, 60)), rng.random() < 0.4) for _ in range(400)]
    curve = FillCurve(waits)
    theirs = ecdf(
        CensoredData(
            uncensored=[t for t, filled in waits if filled],
            right=[t for t, filled in waits if not filled],
        )
    ).cdf
    for moment in (0.5, 1.0, 7.0, 30.0, 59.5, 60.0):
        assert curve.at(moment) == pytest.approx(float(theirs.evaluate(moment)), abs=1e-12)


def test_the_fill_curve_by_hand():
    # At 2 s one of four is filled; one is cancelled at 3 s; at 5 s one of the two left is filled.
    curve = FillCurve([(2.0, True), (3.0, False), (5.0, True), (9.0, False)])
    assert [curve.at(t) for t in (1.9, 2.0, 4.9, 5.0, 99.0)] == [0.0, 0.25, 0.25, 0.625, 0.625]
    later = FillCurve([(4.0, True), (3.0, False), (5.0, True), (9.0, False)])
    assert curve.widest_gap(later, 3.9) == 0.25
    assert later.widest_gap(curve, 300.0) == pytest.approx(max(
        (later.at(t) - curve.at(t) for t in (2.0, 4.0, 5.0)), key=abs
    ))  # fmt: skip
    assert FillCurve([]).at(5.0) == 0.0
    assert FillCurve([]).widest_gap(FillCurve([]), 5.0) == 0.0


def _clustered(seed):
    rng = Random(seed)
    rows = []
    for cluster in range(60):
        tilt = rng.random()
        for _ in range(rng.randint(5, 40)):
            real = rng.random() < 0.2 + 0.5 * tilt
            rows.append((cluster, float(real and rng.random() < 0.9), float(real)))
    return rows


def test_a_ratios_error_is_what_resampling_clusters_gives():
    rows = _clustered(1)
    found = ratio(rows)
    sums = np.array([
        [sum(r[1] for r in rows if r[0] == c), sum(r[2] for r in rows if r[0] == c)]
        for c in range(60)
    ])  # fmt: skip
    draws = np.random.default_rng(3).integers(0, 60, (4000, 60))
    resampled = sums[draws].sum(axis=1)
    error = (resampled[:, 0] / resampled[:, 1]).std()
    assert found.value == pytest.approx(sums[:, 0].sum() / sums[:, 1].sum())
    assert found.se == pytest.approx(error, rel=0.1)
    # On the logarithm: the interval of the inverse is the inverse interval.
    inverse = ratio((c, b, a) for c, a, b in rows)
    assert found.low * inverse.high == pytest.approx(1.0, rel=1e-9)


def test_a_ratio_by_hand():
    # 3/4 over clusters (1, 2) and (2, 2): residuals -0.5 and 0.5, se = sqrt(0.5 * 2) / 4.
    found = ratio([("a", 1.0, 2.0), ("b", 2.0, 2.0)])
    assert (found.value, found.se) == (0.75, 0.25)
    assert ratio([("a", 1.0, 2.0)]) is None
    assert ratio([("a", 0.0, 2.0), ("b", 0.0, 2.0)]) is None


def test_a_gaps_error_is_what_resampling_clusters_gives():
    rng = Random(4)
    ours, theirs = [], []
    for cluster in range(60):
        news = rng.gauss(0.0, 1.0)
        for _ in range(rng.randint(2, 20)):
            weight, value = rng.uniform(5, 200), news + rng.gauss(0.0, 0.5)
            theirs.append((cluster, value, weight))
            if rng.random() < 0.8:
                ours.append((cluster, value - 0.1, weight))
    found = mean_gap(ours, theirs)

    def sums(rows):
        return np.array([
            [sum(v * w for c, v, w in rows if c == k), sum(w for c, v, w in rows if c == k)]
            for k in range(60)
        ])  # fmt: skip

    draws = np.random.default_rng(3).integers(0, 60, (4000, 60))
    a, b = sums(ours)[draws].sum(axis=1), sums(theirs)[draws].sum(axis=1)
    assert found.se == pytest.approx((a[:, 0] / a[:, 1] - b[:, 0] / b[:, 1]).std(), rel=0.15)
    assert found.low < -0.1 < found.high
    assert mean_gap([], theirs) is None
    assert mean_gap(ours[:1], theirs[:1]) is None


def test_brier():
    assert brier([(1.0, True), (1.0, False), (0.5, True), (0.0, False)]) == pytest.approx(1.25 / 4)
    with pytest.raises(ValueError, match="forecasts"):
        brier([])
    assert math.isclose(brier([(0.3, True)]), 0.49)


def test_a_total_over_clusters_by_hand_and_by_bootstrap():
    rows = [("a", 1.0), ("a", 2.0), ("b", -1.0), ("c", 4.0)]
    found = total(rows)
    # Clusters 3, -1, 4: mean 2, squares 1 + 9 + 4; sqrt(3 x 14 / 2).
    assert found.value == 6.0
    assert found.se == pytest.approx(math.sqrt(21.0))
    assert total([("a", 1.0), ("a", 2.0)]) is None
    rng = np.random.default_rng(8)
    sums = rng.normal(2.0, 3.0, 200)
    drawn = rng.choice(sums, (4_000, 200)).sum(axis=1)
    assert total(enumerate(sums)).se == pytest.approx(float(drawn.std()), rel=0.05)
