"""A profile's days of evidence, joined: what gate B is judged on.

A day is what the runtime tells of it; days of several runs are added up, each run's profit on
the equity it started with, so that a fresh bankroll is no profit.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

PROFILE = "pessimistic"


@dataclass(slots=True)
class DayEvidence:
    """One UTC day of one profile; money in USD, half-spreads in 1e-6 USD a share."""

    start_equity_usd: float = 0.0
    pnl_usd: float = 0.0
    fills: int = 0
    orders: int = 0
    orders_filled: int = 0
    fills_by_cluster: dict[str, int] = field(default_factory=dict)
    pnl_by_market_usd: dict[str, float] = field(default_factory=dict)
    realised_counts_e6: dict[str, int] = field(default_factory=dict)
    clusters: int = 0
    cluster_sum_c: float = 0.0
    cluster_sum_sq_c2: float = 0.0

    @property
    def simple_return(self) -> float | None:
        """Profit over the equity the day started with; None without equity."""
        return self.pnl_usd / self.start_equity_usd if self.start_equity_usd > 0 else None

    def continued_by(self, later: DayEvidence) -> DayEvidence:
        """Return the same day's two runs as one."""
        return DayEvidence(
            self.start_equity_usd or later.start_equity_usd,
            self.pnl_usd + later.pnl_usd,
            self.fills + later.fills,
            self.orders + later.orders,
            self.orders_filled + later.orders_filled,
            _added(self.fills_by_cluster, later.fills_by_cluster),
            _added(self.pnl_by_market_usd, later.pnl_by_market_usd),
            _added(self.realised_counts_e6, later.realised_counts_e6),
            self.clusters + later.clusters,
            self.cluster_sum_c + later.cluster_sum_c,
            self.cluster_sum_sq_c2 + later.cluster_sum_sq_c2,
        )


def day_from_facts(profile: Mapping[str, Any]) -> DayEvidence:
    """Return a day from ``facts["day"]["profiles"][name]``.

    Raises:
        KeyError, TypeError: it has another shape.
    """
    realised = profile["realised"]
    return DayEvidence(
        start_equity_usd=profile["start_equity_usd"],
        pnl_usd=profile["end_equity_usd"] - profile["start_equity_usd"],
        fills=profile["fills"],
        orders=profile["orders"],
        orders_filled=profile["orders_filled"],
        fills_by_cluster=dict(profile["fills_by_cluster"]),
        pnl_by_market_usd={m: v for m, v in profile["pnl_by_market_usd"].items() if v},
        realised_counts_e6=dict(realised["counts_e6"]),
        clusters=realised["clusters"],
        cluster_sum_c=realised["cluster_sum_c"],
        cluster_sum_sq_c2=realised["cluster_sum_sq_c2"],
    )


def days_from(document: Mapping[str, Any]) -> dict[str, DayEvidence]:
    """Return days read back from :func:`days_document`."""
    return {day: DayEvidence(**fields) for day, fields in sorted(document.items())}


def days_document(days: Mapping[str, DayEvidence], keep: int) -> dict[str, Any]:
    """Return the latest ``keep`` days as JSON-ready data."""
    return {day: asdict(days[day]) for day in sorted(days)[-keep:]}


def joined(
    before: Mapping[str, DayEvidence], later: Mapping[str, DayEvidence]
) -> dict[str, DayEvidence]:
    """Return the days of earlier runs and of this one, in order."""
    days = dict(before)
    for day, evidence in later.items():
        days[day] = days[day].continued_by(evidence) if day in days else evidence
    return dict(sorted(days.items()))


def total(days: Mapping[str, DayEvidence]) -> DayEvidence:
    """Return all days as one."""
    found = DayEvidence()
    for evidence in days.values():
        found = found.continued_by(evidence)
    return found


def median_c(counts_e6: Mapping[str, int]) -> float | None:
    """Return the median half-spread in cents from its distribution; None without fills."""
    ordered = sorted((int(value), count) for value, count in counts_e6.items())
    n = sum(count for _, count in ordered)
    if not n:
        return None
    return (_at(ordered, (n - 1) // 2) + _at(ordered, n // 2)) / 2 / 1e4


def _at(ordered: Sequence[tuple[int, int]], rank: int) -> int:
    for value, count in ordered:
        if rank < count:
            return value
        rank -= count
    raise IndexError(rank)


def mean_markout(days: Mapping[str, DayEvidence]) -> tuple[float, float] | None:
    """Return the mean over fill clusters in cents and its standard error; None below two.

    The error is the larger of the one between clusters and the one between days: fills of
    one day share its weather, and a small error is not to be had by slicing it finer.
    """
    whole = total(days)
    n = whole.clusters
    if n < 2:
        return None
    mean = whole.cluster_sum_c / n
    variance = max(0.0, whole.cluster_sum_sq_c2 - n * mean * mean) / (n - 1)
    error = math.sqrt(variance / n)
    weights = [(day.clusters, day.cluster_sum_c) for day in days.values() if day.clusters]
    if len(weights) > 1:
        spread = math.fsum((total_c - count * mean) ** 2 for count, total_c in weights)
        error = max(error, math.sqrt(spread * len(weights) / (len(weights) - 1)) / n)
    return mean, error


def _added(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    added: Counter[str] = Counter(first)
    added.update(second)
    return dict(added)
