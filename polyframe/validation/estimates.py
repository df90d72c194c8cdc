"""The statistics of the comparison: rates, ratios, time-to-fill curves, differences of means.

Everything says how sure it is. Orders of one market share its news, so a market is the unit that
was drawn: standard errors of ratios and gaps are clustered by it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Hashable, Iterable, Sequence
from statistics import NormalDist

import msgspec

_Z95 = NormalDist().inv_cdf(0.975)


class Estimate(msgspec.Struct, frozen=True):
    """A number, its standard error and its 95 % interval; NaN-free: None is not measurable."""

    value: float
    se: float
    low: float
    high: float


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % score interval of a rate (Wilson 1927, without continuity correction).

    Raises:
        ValueError: no trials.
    """
    if trials <= 0:
        raise ValueError("a rate needs trials")
    rate, z2 = successes / trials, _Z95 * _Z95
    centre = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _Z95 * math.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials * trials))
    half /= 1 + z2 / trials
    return max(0.0, centre - half), min(1.0, centre + half)


def ratio(rows: Iterable[tuple[Hashable, float, float]]) -> Estimate | None:
    """Return sum(numerator) / sum(denominator) of ``(cluster, numerator, denominator)`` rows.

    The standard error is the linearised one of a ratio estimator over clusters, with the
    (clusters - 1) correction (Cochran, Sampling Techniques, 3rd ed. 1977, 9A.1): both sums come
    from the same orders, and their correlation is what makes the ratio sharp. The interval is
    taken on the logarithm, so that it is the same for the inverse. None without a denominator,
    a numerator, or a second cluster.
    """
    sums: dict[Hashable, list[float]] = {}
    for cluster, above, below in rows:
        both = sums.setdefault(cluster, [0.0, 0.0])
        both[0] += above
        both[1] += below
    numerator = math.fsum(above for above, _ in sums.values())
    denominator = math.fsum(below for _, below in sums.values())
    count = len(sums)
    if count < 2 or numerator <= 0.0 or denominator <= 0.0:
        return None
    value = numerator / denominator
    residuals = math.fsum((above - value * below) ** 2 for above, below in sums.values())
    se = math.sqrt(residuals * count / (count - 1)) / denominator
    spread = math.exp(_Z95 * se / value)
    return Estimate(value, se, value / spread, value * spread)


Weighted = tuple[Hashable, float, float]
"""``(cluster, value, weight)``."""


def mean_gap(ours: Iterable[Weighted], theirs: Iterable[Weighted]) -> Estimate | None:
    """Return the weighted mean of ``ours`` less that of ``theirs``.

    Both means are ratios of sums over the same clusters; the standard error is that of their
    linearised difference, clustered (Cochran 1977, as :func:`ratio`). None where one side is
    empty or there is one cluster only.
    """
    sides = [list(ours), list(theirs)]
    influence: dict[Hashable, float] = {}
    means = []
    for sign, rows in zip((1.0, -1.0), sides, strict=True):
        total = math.fsum(weight for _, _, weight in rows)
        if total <= 0.0:
            return None
        mean = math.fsum(value * weight for _, value, weight in rows) / total
        means.append(mean)
        for cluster, value, weight in rows:
            share = sign * weight * (value - mean) / total
            influence[cluster] = influence.get(cluster, 0.0) + share
    count = len(influence)
    if count < 2:
        return None
    gap = means[0] - means[1]
    squares = math.fsum(one * one for one in influence.values())
    se = math.sqrt(squares * count / (count - 1))
    return Estimate(gap, se, gap - _Z95 * se, gap + _Z95 * se)


def total(rows: Iterable[tuple[Hashable, float]]) -> Estimate | None:
    """Return the sum of ``(cluster, value)`` rows, as a total over clusters drawn at random.

    The standard error is ``sqrt(k)`` times the standard deviation of the k clusters' sums
    (Cochran 1977, 2.9, without the finite population). None with fewer than two clusters.
    """
    sums: dict[Hashable, float] = {}
    for cluster, value in rows:
        sums[cluster] = sums.get(cluster, 0.0) + value
    count = len(sums)
    if count < 2:
        return None
    value = math.fsum(sums.values())
    squares = math.fsum((one - value / count) ** 2 for one in sums.values())
    se = math.sqrt(count * squares / (count - 1))
    return Estimate(value, se, value - _Z95 * se, value + _Z95 * se)


class FillCurve:
    """The share of orders filled by a time, cancelled ones counted as long as they waited.

    The complement of Kaplan and Meier's survival estimate (1958): ``waits`` are ``(seconds,
    is_filled)``, where an order that ended unfilled is censored. At the same instant fills count
    before censoring.
    """

    def __init__(self, waits: Iterable[tuple[float, bool]]) -> None:
        ordered = sorted(waits, key=lambda wait: (wait[0], not wait[1]))
        self._times: list[float] = []
        self._filled: list[float] = []
        at_risk, surviving, place = len(ordered), 1.0, 0
        while place < len(ordered):
            moment = ordered[place][0]
            fills = leavers = 0
            while place < len(ordered) and ordered[place][0] == moment:
                fills += ordered[place][1]
                leavers += 1
                place += 1
            if fills:
                surviving *= 1.0 - fills / at_risk
                self._times.append(moment)
                self._filled.append(1.0 - surviving)
            at_risk -= leavers

    def at(self, seconds: float) -> float:
        """Return the share filled by ``seconds`` after arrival."""
        place = bisect_right(self._times, seconds)
        return self._filled[place - 1] if place else 0.0

    def widest_gap(self, other: FillCurve, until_s: float) -> float:
        """Return this curve less the other where they are furthest apart, up to ``until_s``."""
        moments = sorted({*self._times, *other._times})
        gaps = [self.at(moment) - other.at(moment) for moment in moments if moment <= until_s]
        return max(gaps, key=abs, default=0.0)


def brier(forecasts: Sequence[tuple[float, bool]]) -> float:
    """Return the mean squared error of ``(probability, happened)`` forecasts (Brier 1950).

    Raises:
        ValueError: no forecast.
    """
    if not forecasts:
        raise ValueError("a Brier score needs forecasts")
    return math.fsum((p - happened) ** 2 for p, happened in forecasts) / len(forecasts)
