"""An outside judge: our queue beside six known estimators on an exchange we did not write.

``mbo-queue`` has a synthetic first-in-first-out exchange that keeps the true queue, a switch for
where in the queue cancels happen, and the estimators in common use. Its shadow orders join the
back of the best level and never move the market. Our paper venue gets the same shadows and the
aggregate view alone: one print a traded level, then the level's new total.

Reading: docs/paper-validation.md. The package is an extra (``judge``) and is imported when asked.
"""

from __future__ import annotations

from importlib.util import find_spec

import msgspec

from polyframe.runtime.paper import PROFILES

REGIMES = ("volume", "order", "tail", "front")
EVENTS = 30_000
_HORIZON_NS = 60_000_000
_PLACE_EVERY_NS = 70_000_000
_FIRST_EVENT = 200


class Judged(msgspec.Struct, frozen=True):
    """One estimator in one regime.

    ``queue_error`` is the mean estimate of the queue ahead less the truth, ``queue_error_abs`` its
    mean size, both in lots and while the truth is unfilled; ``bias_pp`` is the estimated fill
    rate less the true one in percentage points; ``false_fills`` and ``missed_fills`` are shadows.
    """

    estimator: str
    queue_error: float
    queue_error_abs: float
    bias_pp: float
    false_fills: int
    missed_fills: int

    @property
    def wrong(self) -> int:
        """Shadows it got wrong."""
        return self.false_fills + self.missed_fills


class Regime(msgspec.Struct, frozen=True):
    """One regime of cancels: its shadows, ours and theirs."""

    cancels: str
    shadows: int
    true_rate: float
    theirs: tuple[Judged, ...]
    ours: tuple[Judged, ...]


def is_installed() -> bool:
    """Say whether the judge can be asked."""
    return find_spec("mboq") is not None


def judge(cancels: str, seed: int, queue_power: float, events: int = EVENTS) -> Regime:
    """Run one regime of cancels (REGIMES).

    Raises:
        ImportError: the judge is not installed.
    """
    import numpy as np
    from mboq.reference import ESTIMATORS
    from mboq.synthetic import generate

    from polyframe.validation.judge_watcher import Watcher

    records, _, _, exchange = generate(
        n_events=events, seed=seed, cancel_mode=cancels, p_modify=0.0
    )
    stamps = records["ts_event"].astype(np.int64)
    place = np.arange(stamps[_FIRST_EVENT], stamps[-1] - 2 * _HORIZON_NS, _PLACE_EVERY_NS)
    watcher = Watcher(exchange.tick, _HORIZON_NS, queue_power)
    shadows = watcher.run(records, place_times=place)["shadows"]
    kept = [place for place, end in enumerate(shadows["end"]) if end != 2]
    truth = [bool(shadows["true_filled"][k]) for k in kept]
    count = sum(int(shadows["nobs"][k]) for k in kept)
    theirs = tuple(
        _judged(
            name,
            [bool(shadows["est_filled"][k, column]) for k in kept],
            truth,
            sum(float(shadows["err_sum"][k, column]) for k in kept) / count,
            sum(float(shadows["abserr_sum"][k, column]) for k in kept) / count,
        )
        for column, name in enumerate(ESTIMATORS)
    )
    ids = [int(shadows["sid"][k]) for k in kept]
    paper = watcher.paper
    paper.settle(None)
    ours = tuple(
        _judged(
            name,
            [paper.is_filled(sid, name) for sid in ids],
            truth,
            sum(paper.errors[sid][column] for sid in ids) / count,
            sum(paper.errors_abs[sid][column] for sid in ids) / count,
        )
        for column, name in enumerate(PROFILES)
    )
    return Regime(cancels, len(kept), sum(truth) / len(truth), theirs, ours)


def _judged(
    name: str, filled: list[bool], truth: list[bool], error: float, error_abs: float
) -> Judged:
    false = sum(ours and not true for ours, true in zip(filled, truth, strict=True))
    missed = sum(true and not ours for ours, true in zip(filled, truth, strict=True))
    bias_pp = 100.0 * (false - missed) / len(truth)
    return Judged(name, error, error_abs, bias_pp, false, missed)
