"""The result as a document, ``polyframe.paper-validation/1``, and whether it all holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from polyframe import __version__
from polyframe.validation.comparison import CURVE_S, MOST_FAVOUR_C, RATIO_BAND, ProfileComparison
from polyframe.validation.judge import Judged, Regime
from polyframe.validation.outcomes import HORIZONS_S
from polyframe.validation.study import HEADLINE, Plan

SCHEMA = "polyframe.paper-validation/1"


def paper_within_truth(regime: Regime) -> bool:
    """Say whether our pessimistic profile claims no more fills than the judge's truth."""
    return _named(regime.ours, "pessimistic").bias_pp <= 0.0


def closest(rows: Sequence[Judged]) -> Judged:
    """Return the estimator with the fewest wrong fills, by queue error where they are equal."""
    return min(rows, key=lambda row: (row.wrong, row.queue_error_abs))


def no_worse(regime: Regime) -> bool:
    """Say whether our closest profile gets no more shadows wrong than the closest of theirs."""
    return closest(regime.ours).wrong <= closest(regime.theirs).wrong


def document(
    plan: Plan,
    strategy: str | None,
    comparisons: Sequence[ProfileComparison],
    regimes: Sequence[Regime] | None,
    *,
    undercut: bool = False,
) -> dict[str, Any]:
    """Return the whole result as JSON-able builtins; ``regimes`` is None without a judge."""
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "version": __version__,
        "strategy": strategy,
        "seed": plan.seed,
        "orders": plan.orders,
        "undercut": undercut,
        "paper": msgspec.to_builtins(plan.settings),
        "headline": HEADLINE,
        "targets": {
            "base_fill_ratio": list(RATIO_BAND),
            "markout_in_our_favour_c": MOST_FAVOUR_C,
        },
        "curve_s": list(CURVE_S),
        "markout_horizons_s": list(HORIZONS_S),
        "holds": holds(comparisons, regimes),
        "traders": [{**msgspec.to_builtins(one), "holds": one.holds} for one in comparisons],
        "judge": None,
    }
    if regimes is not None:
        found["judge"] = [
            {
                **msgspec.to_builtins(regime),
                "closest_of_theirs": closest(regime.theirs).estimator,
                "closest_of_ours": closest(regime.ours).estimator,
                "no_worse": no_worse(regime),
            }
            for regime in regimes
        ]
    return found


def holds(comparisons: Sequence[ProfileComparison], regimes: Sequence[Regime] | None) -> bool:
    """Say whether every target holds: what the exit code tells."""
    return all(one.holds for one in comparisons) and all(
        paper_within_truth(regime) for regime in regimes or ()
    )


def _named(rows: Sequence[Judged], name: str) -> Judged:
    return next(row for row in rows if row.estimator == name)
