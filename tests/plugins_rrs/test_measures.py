"""Figures of merit against hand-worked and published values."""

import math

import pytest

from polyframe_rrs import logistic, measures
from polyframe_rrs.model import probability, score_of

# Golden G15 (quant.md A4.4).
CHANCES = (0.01, 0.02, 0.02, 0.05, 0.05, 0.1, 0.1, 0.2, 0.3, 0.4)
LABELS = tuple(bool(y) for y in (0, 0, 0, 0, 1, 0, 0, 1, 0, 1))


def test_g15_brier_skill_auc_and_log_loss():
    assert measures.brier(CHANCES, LABELS) == pytest.approx(0.20159)
    assert measures.brier_skill(CHANCES, LABELS) == pytest.approx(0.0400476, abs=5e-8)
    assert measures.auc(CHANCES, LABELS) == pytest.approx(16.5 / 21)
    assert measures.log_loss(CHANCES, LABELS) == pytest.approx(0.6190606, abs=5e-8)


@pytest.mark.parametrize(
    ("chance", "score"),
    [(0.05, 0.35), (0.0357142857142857, 0.25), (0.25, 1.0), (0.0, 0.0), (0.9, 1.0)],
)
def test_g16_what_a_score_means(chance, score):
    assert score_of(chance) == pytest.approx(score, abs=1e-12)


def test_log_odds_far_out_stay_finite():
    assert 0.0 <= probability(-1e9) < 1e-300
    assert probability(1e9) == 1.0
    assert probability(0.0) == 0.5


def test_wilson_against_the_published_example():
    # quant.md A4.1: 1,654 of 164,000 is 0.96 to 1.06 %.
    low, high = measures.wilson(1654, 164_000)
    assert (round(low, 4), round(high, 4)) == (0.0096, 0.0106)
    assert measures.wilson(0, 10).low == 0.0


def test_average_precision_and_lift_by_hand():
    values, labels = (0.9, 0.8, 0.7, 0.1), (True, False, True, False)
    assert measures.pr_auc(values, labels) == pytest.approx((1 / 1 + 2 / 3) / 2)
    ranked = [i / 20 for i in range(20)]
    assert measures.lift_of_top_decile(ranked, [i >= 18 for i in range(20)]) == pytest.approx(10)
    assert measures.lift_of_top_decile([0.5] * 20, [i < 2 for i in range(20)]) == pytest.approx(1)


def test_reliability_bins_are_of_equal_count():
    table = measures.reliability(CHANCES, LABELS)
    assert [row.n for row in table] == [2] * 5
    assert [row.observed for row in table] == [0, 0, 0.5, 0.5, 0.5]


def test_the_interval_is_seeded_and_draws_whole_events():
    values = [i / 40 for i in range(40)]
    labels = [i % 4 == 3 for i in range(40)]
    alone = [str(i) for i in range(40)]
    first = measures.auc_interval(values, labels, alone)
    assert first == measures.auc_interval(values, labels, alone)
    assert first.low < measures.auc(values, labels) < first.high
    together = measures.auc_interval(values, labels, ["one"] * 40)
    assert together.low == together.high == pytest.approx(measures.auc(values, labels))


def test_one_class_has_no_auc_and_no_slope():
    assert math.isnan(measures.auc([0.1, 0.2], [False, False]))
    assert math.isnan(measures.auc_interval([0.1, 0.2], [False, False], ["a", "b"]).low)
    assert math.isnan(measures.platt([0.1, 0.2], [True, True])[1])


def test_platt_undoes_a_stretch():
    log_odds = [math.log(p / (1 - p)) for p in (0.2, 0.5, 0.8) for _ in range(10)]
    labels = [i < hits for hits in (2, 5, 8) for i in range(10)]
    a, b = measures.platt(log_odds, labels)
    assert (a, b) == pytest.approx((0.0, 1.0), abs=1e-6)
    a, b = measures.platt([2 * z + 1 for z in log_odds], labels)
    assert (a, b) == pytest.approx((-0.5, 0.5), abs=1e-6)


def test_the_fit_is_at_an_optimum():
    """The gradient of the penalised loss is zero, whatever library would have fitted it."""
    rows = [
        logistic.Row(present, numeric, label)
        for present, numeric, label in (
            ((0,), 0.1, True), ((0, 1), 0.9, True), ((1,), 0.2, False), ((), 0.0, False),
            ((2,), 0.5, False), ((0, 2), 0.4, False), ((1, 2), 0.8, True),
        )
    ]  # fmt: skip
    penalty = 0.5
    found = logistic.fit(rows, 3, penalty=penalty)
    errors = [
        probability(
            found.intercept + found.numeric * r.numeric + sum(found.weights[j] for j in r[0])
        )
        - r.label
        for r in rows
    ]
    assert sum(errors) == pytest.approx(0, abs=2e-4)
    slope = sum(e * r.numeric for e, r in zip(errors, rows, strict=True))
    assert slope + penalty * found.numeric == pytest.approx(0, abs=2e-4)
    for j, weight in enumerate(found.weights):
        slope = sum(e for e, r in zip(errors, rows, strict=True) if j in r.present)
        assert slope + penalty * weight == pytest.approx(0, abs=2e-4)


def test_a_fit_without_both_labels_is_refused():
    with pytest.raises(ValueError, match="with and without"):
        logistic.fit([logistic.Row((), 0.0, False)], 0, penalty=1.0)


def test_the_fit_agrees_with_scikit_learn():
    # Imported here: no other test needs it.
    from sklearn import linear_model

    table = [[int(i % (k + 2) == 0) for k in range(4)] for i in range(60)]
    labels = [(i * 7) % 11 < 3 for i in range(60)]
    theirs = linear_model.LogisticRegression(C=0.5, tol=1e-8, max_iter=1000).fit(table, labels)
    rows = [
        logistic.Row(tuple(k for k in range(4) if row[k]), 0.0, label)
        for row, label in zip(table, labels, strict=True)
    ]
    ours = logistic.fit(rows, 4, penalty=2.0)
    assert ours.weights == pytest.approx(list(theirs.coef_[0]), abs=1e-3)
