"""The three gates on the way to real money: GO, EXTEND or NO-GO, with every number (mission 3.11).

A criterion is met, not met, or unknown. What is unknown is never counted as met:

* something unknown, or too little of it (days, fills, clusters): EXTEND;
* enough of it, and a criterion not met: NO-GO;
* everything met: GO.

A gate that judges what a run does not have does not apply, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from polyframe_truth_report import evidence as days_of
from polyframe_truth_report import metrics
from polyframe_truth_report.config import Config
from polyframe_truth_report.evidence import DayEvidence
from polyframe_truth_report.production import PRODUCTION, REHEARSAL
from polyframe_truth_report.walk_forward import WalkForward

GO, EXTEND, NO_GO = "GO", "EXTEND", "NO-GO"
NOT_APPLICABLE = "N/A"
TOP_MARKETS = 5
STRESSED_COSTS = 1.5
NO_WALK_FORWARD = "no walk-forward result: walk_forward_file is not set"
_Z_95 = 1.959963984540054


class Criterion(NamedTuple):
    """One number against its limit. ``is_sample`` criteria say whether there is enough data."""

    name: str
    observed: float | None
    relation: str
    limit: float
    unit: str
    is_sample: bool = False
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether it holds; None when the number is not known."""
        if self.observed is None or not math.isfinite(self.observed):
            return None
        return {
            ">=": self.observed >= self.limit,
            ">": self.observed > self.limit,
            "<=": self.observed <= self.limit,
            "<": self.observed < self.limit,
        }[self.relation]

    def document(self) -> dict[str, Any]:
        """Return it as JSON-ready data; a null says why in ``note``."""
        is_met = self.is_met
        return {
            "name": self.name,
            "observed": (
                None if is_met is None or self.observed is None else round(self.observed, 9) + 0.0
            ),
            "relation": self.relation,
            "limit": self.limit,
            "unit": self.unit,
            "met": is_met,
            "note": self.note or ("no data" if is_met is None else ""),
        }


def verdict(criteria: Sequence[Criterion]) -> tuple[str, str]:
    """Return the verdict and one sentence why."""
    unknown = [c for c in criteria if c.is_met is None]
    short = [c for c in criteria if c.is_met is False and c.is_sample]
    failed = [c for c in criteria if c.is_met is False and not c.is_sample]
    if unknown:
        return EXTEND, "; ".join(dict.fromkeys(c.note or f"{c.name}: no data" for c in unknown))
    if short:
        return EXTEND, "not enough: " + ", ".join(c.name for c in short)
    if failed:
        return NO_GO, "not met: " + ", ".join(c.name for c in failed)
    return GO, "every criterion is met"


def gate(name: str, step: str, criteria: Sequence[Criterion]) -> dict[str, Any]:
    """Return a gate as JSON-ready data."""
    found, why = verdict(criteria)
    return {
        "gate": name,
        "step": step,
        "verdict": found,
        "why": why,
        "criteria": [criterion.document() for criterion in criteria],
    }


def gate_a(walk_forward: WalkForward | None, config: Config) -> dict[str, Any]:
    """Research to paper, on the out-of-sample days of the walk-forward file; None without one."""
    criteria = [
        _out_of_sample_days(walk_forward, config),
        _days_left_out(walk_forward),
        _walk_forward_sharpe(walk_forward, 1.0, ">=", config.gate_a_min_sharpe),
        _walk_forward_sharpe(walk_forward, STRESSED_COSTS, ">", 0.0),
    ]
    return gate("A", "research to paper", criteria)


def gate_b(days: Mapping[str, DayEvidence], config: Config, mode: str = "paper") -> dict[str, Any]:
    """Paper to 500 USD, on the days of the pessimistic profile; real orders have none."""
    step = "paper to 500 USD"
    if mode in (PRODUCTION, REHEARSAL):
        why = f"judges paper's {days_of.PROFILE} profile: does not apply to real orders"
        return {"gate": "B", "step": step, "verdict": NOT_APPLICABLE, "why": why, "criteria": []}
    whole = days_of.total(days)
    returns = [r for day in days.values() if (r := day.simple_return) is not None]
    most = max(whole.fills_by_cluster.values(), default=0)
    no_fill = "no fill" if not whole.fills else ""
    markout = days_of.mean_markout(days)
    upper_c = None if markout is None else markout[0] + _Z_95 * markout[1]
    clusters = sum(1 for fills in whole.fills_by_cluster.values() if fills)
    criteria = [
        Criterion("days of paper trading", len(days), ">=", config.gate_b_min_days, "count", True),
        Criterion("fills", whole.fills, ">=", config.gate_b_min_fills, "count", True),
        Criterion("clusters with a fill", clusters, ">=", config.gate_b_min_clusters, "count",
                  True),
        Criterion("largest cluster's share of fills", most / whole.fills if whole.fills else None,
                  "<=", config.gate_b_max_cluster_share, "share", note=no_fill),
        Criterion("median realised half-spread", days_of.median_c(whole.realised_counts_e6), ">",
                  0.0, "cents", note="" if whole.realised_counts_e6 else "no fill at its horizon"),
        Criterion("markout, upper end of its 95 % interval", upper_c, ">=", 0.0, "cents",
                  note="fewer than two fill clusters" if markout is None else
                  f"mean {markout[0]:.4f}c, se {markout[1]:.4f}c, {whole.clusters} fill clusters"),
        _fill_rate(whole, config),
        _top_markets(whole, config),
        Criterion("Sharpe", metrics.sharpe(returns), ">=", config.gate_b_min_sharpe, "ratio",
                  note=_interval_note(returns)),
    ]  # fmt: skip
    return gate("B", step, criteria)


def gate_c(
    returns: Sequence[float], drawdown: float | None, mode: str, config: Config
) -> dict[str, Any]:
    """500 to 5000 USD: the account's daily returns at the live venue, and no others."""
    note = ""
    if mode != PRODUCTION:
        returns, drawdown = (), None
        days = "a rehearsal's days" if mode == REHEARSAL else "paper days"
        note = f"no day of real trading: {days} do not count"
    many, fewer = config.gate_c_sharpe_days, config.gate_c_calmar_days
    has_many, has_fewer = len(returns) >= many, len(returns) >= fewer
    return gate(
        "C",
        "500 to 5000 USD",
        [
            Criterion("days of real trading", len(returns), ">=", many, "count", True, note),
            Criterion(f"Sharpe over {many} days",
                      metrics.sharpe(returns[-many:]) if has_many else None, ">=",
                      config.gate_c_min_sharpe, "ratio",
                      note=note or ("" if has_many else f"{len(returns)} days < {many}")),
            Criterion(f"Calmar over {fewer} days",
                      metrics.calmar(returns[-fewer:]) if has_fewer else None, ">=",
                      config.gate_c_min_calmar, "ratio",
                      note=note or ("no drawdown" if has_fewer else
                                    f"{len(returns)} days < {fewer}")),
            Criterion("max drawdown", drawdown, ">=", -config.gate_c_max_drawdown, "share",
                      note=note),
        ],
    )  # fmt: skip


def _out_of_sample_days(found: WalkForward | None, config: Config) -> Criterion:
    name = "days out of sample"
    least = config.gate_a_min_days
    if found is None:
        return Criterion(name, None, ">=", least, "count", True, NO_WALK_FORWARD)
    note = f"{found.days[0]} to {found.days[-1]}, file's SHA-256 {found.sha256[:12]}"
    return Criterion(name, len(found.days), ">=", least, "count", True, note)


def _days_left_out(found: WalkForward | None) -> Criterion:
    """A flat day needs a line: leaving out the bad ones would cost nothing otherwise."""
    name = "days between without a line"
    if found is None:
        return Criterion(name, None, "<=", 0, "count", True, NO_WALK_FORWARD)
    return Criterion(name, found.left_out, "<=", 0, "count", True)


def _walk_forward_sharpe(
    found: WalkForward | None, cost_factor: float, relation: str, limit: float
) -> Criterion:
    name = "walk-forward Sharpe" + ("" if cost_factor == 1 else f" at {cost_factor:g}x costs")
    if found is None:
        return Criterion(name, None, relation, limit, "ratio", note=NO_WALK_FORWARD)
    returns = found.net(cost_factor)
    return Criterion(
        name, metrics.sharpe(returns), relation, limit, "ratio", note=_interval_note(returns)
    )


def _interval_note(returns: Sequence[float]) -> str:
    """Return n and the 95 % interval of the Sharpe ratio."""
    interval = metrics.sharpe_interval(returns)
    if interval is None:
        return f"{len(returns)} days, no variation"
    return f"{len(returns)} days, 95 % {interval[0]:.2f} to {interval[1]:.2f}"


def _fill_rate(whole: DayEvidence, config: Config) -> Criterion:
    name = "fill rate's distance from the assumption"
    limit = config.gate_b_fill_rate_tolerance
    assumed = config.assumed_fill_rate
    if not assumed:
        return Criterion(name, None, "<=", limit, "share", note="assumed_fill_rate is not set")
    if not whole.orders:
        return Criterion(name, None, "<=", limit, "share", note="no order rested")
    rate = whole.orders_filled / whole.orders
    note = f"{rate:.4f} of orders filled, {assumed:.4f} assumed"
    return Criterion(name, abs(rate / assumed - 1), "<=", limit, "share", note=note)


def _top_markets(whole: DayEvidence, config: Config) -> Criterion:
    name = f"best {TOP_MARKETS} markets' share of profit"
    limit = config.gate_b_max_top_share
    if not whole.pnl_by_market_usd:
        return Criterion(name, None, "<", limit, "share", note="no market with a fill")
    profit = math.fsum(whole.pnl_by_market_usd.values())
    best = math.fsum(sorted(whole.pnl_by_market_usd.values(), reverse=True)[:TOP_MARKETS])
    if profit <= 0:
        # Without a profit there is nothing to share: the worst share there is.
        return Criterion(name, 1.0, "<", limit, "share", note=f"no profit: {profit:.2f} USD")
    return Criterion(name, best / profit, "<", limit, "share", note=f"of {profit:.2f} USD")
