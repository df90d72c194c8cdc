"""The outside judge: known answers, and what is said where it is missing."""

from __future__ import annotations

import importlib.util

import pytest

from polyframe.validation import judge as judge_module
from polyframe.validation.document import closest, no_worse, paper_within_truth
from polyframe.validation.judge import judge

pytest.importorskip("mboq", reason="pip install mbo-queue: the outside judge")


@pytest.fixture(scope="module")
def regimes():
    return {name: judge(name, 1, 1.25, events=6_000) for name in ("tail", "volume")}


def row(rows, name):
    return next(one for one in rows if one.estimator == name)


def test_cancels_at_the_tail_leave_our_pessimistic_queue_exact(regimes):
    found = regimes["tail"]
    assert row(found.theirs, "risk_averse").queue_error_abs == 0.0
    pessimistic = row(found.ours, "pessimistic")
    assert pessimistic.queue_error_abs < 0.01
    assert (pessimistic.false_fills, pessimistic.missed_fills) == (0, 0)
    assert no_worse(found)
    assert closest(found.ours) == pessimistic


def test_our_linear_profile_is_their_linear_model(regimes):
    found = regimes["volume"]
    ours, theirs = row(found.ours, "optimistic"), row(found.theirs, "prob_power1")
    assert (ours.false_fills, ours.missed_fills) == (theirs.false_fills, theirs.missed_fills)
    assert ours.queue_error_abs == pytest.approx(theirs.queue_error_abs, abs=0.05)


def test_the_pessimistic_profile_is_never_above_the_truth(regimes):
    assert all(paper_within_truth(found) for found in regimes.values())
    for found in regimes.values():
        errors = [one.queue_error for one in found.ours]
        assert errors == sorted(errors, reverse=True)


def test_it_says_whether_it_can_be_asked(monkeypatch):
    assert judge_module.is_installed()
    monkeypatch.setattr(judge_module, "find_spec", lambda name: None)
    assert not judge_module.is_installed()
    assert importlib.util.find_spec("mboq") is not None
