"""How good a score is: ranking, calibration, and how sure one can be of either."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

_Z95 = 1.959963984540054


class Interval(NamedTuple):
    """A 95 % interval."""

    low: float
    high: float


class Bin(NamedTuple):
    """One row of a reliability table: what was forecast and what came, with Wilson's interval."""

    n: int
    forecast: float
    observed: float
    wilson: Interval


def auc(values: Sequence[float], labels: Sequence[bool]) -> float:
    """Return P(a positive scores above a negative), ties half; NaN without both (golden G15)."""
    return weighted_auc(_steps(values, labels), [1] * len(values))


def weighted_auc(steps: Sequence[Sequence[tuple[int, bool]]], weights: Sequence[int]) -> float:
    """Return the AUC with a weight for each row; ``steps`` are rows tied at rising values."""
    area = below = positives = 0.0
    for tied in steps:
        up = down = 0
        for row, label in tied:
            if label:
                up += weights[row]
            else:
                down += weights[row]
        area += up * (below + 0.5 * down)
        below += down
        positives += up
    return area / (positives * below) if positives and below else math.nan


def _steps(values: Sequence[float], labels: Sequence[bool]) -> list[list[tuple[int, bool]]]:
    steps: list[list[tuple[int, bool]]] = []
    last = math.nan
    for row in sorted(range(len(values)), key=values.__getitem__):
        if values[row] != last:
            steps.append([])
            last = values[row]
        steps[-1].append((row, labels[row]))
    return steps


def auc_interval(
    values: Sequence[float],
    labels: Sequence[bool],
    events: Sequence[str],
    *,
    draws: int = 300,
    seed: int = 7,
) -> Interval:
    """Return a percentile bootstrap interval of the AUC that draws whole events, not rows.

    Draws without a positive or without a negative say nothing and are drawn again, at most
    ``draws`` times; NaN when too few remain.
    """
    steps = _steps(values, labels)
    names = {name: place for place, name in enumerate(dict.fromkeys(events))}
    event_of = [names[name] for name in events]
    rng, places = Random(seed), range(len(names))
    found: list[float] = []
    for _ in range(2 * draws):
        times = [0] * len(names)
        for place in rng.choices(places, k=len(names)):
            times[place] += 1
        area = weighted_auc(steps, [times[place] for place in event_of])
        if not math.isnan(area):
            found.append(area)
        if len(found) == draws:
            break
    if len(found) < max(1, draws // 2):
        return Interval(math.nan, math.nan)
    found.sort()
    last = len(found) - 1
    return Interval(found[round(0.025 * last)], found[round(0.975 * last)])


def pr_auc(values: Sequence[float], labels: Sequence[bool]) -> float:
    """Return average precision: precision at each positive's score, averaged over positives."""
    positives = sum(labels)
    if not positives:
        return math.nan
    taken = hits = 0
    area = 0.0
    for tied in reversed(_steps(values, labels)):
        new = sum(label for _, label in tied)
        taken += len(tied)
        hits += new
        area += new * hits / taken
    return area / positives


def brier(chances: Sequence[float], labels: Sequence[bool]) -> float:
    """Return the mean squared error of a probability (golden G15)."""
    return math.fsum((p - y) ** 2 for p, y in zip(chances, labels, strict=True)) / len(labels)


def brier_skill(chances: Sequence[float], labels: Sequence[bool]) -> float:
    """Return ``1 - Brier / Brier of the base rate``; NaN when all labels agree (golden G15)."""
    rate = sum(labels) / len(labels)
    base = rate * (1.0 - rate)
    return 1.0 - brier(chances, labels) / base if base else math.nan


def log_loss(chances: Sequence[float], labels: Sequence[bool]) -> float:
    """Return the mean of ``-ln`` of the probability given to what happened."""
    return math.fsum(
        -math.log(max(1e-15, p if y else 1.0 - p)) for p, y in zip(chances, labels, strict=True)
    ) / len(labels)


def wilson(hits: int, n: int) -> Interval:
    """Return Wilson's 95 % interval of a share."""
    if not n:
        return Interval(math.nan, math.nan)
    share, z2 = hits / n, _Z95 * _Z95
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def reliability(chances: Sequence[float], labels: Sequence[bool], bins: int = 5) -> list[Bin]:
    """Return equal-count bins of rising probability."""
    order = sorted(range(len(chances)), key=chances.__getitem__)
    table = []
    for number in range(bins):
        rows = order[number * len(order) // bins : (number + 1) * len(order) // bins]
        if rows:
            hits = sum(labels[row] for row in rows)
            mean = math.fsum(chances[row] for row in rows) / len(rows)
            table.append(Bin(len(rows), mean, hits / len(rows), wilson(hits, len(rows))))
    return table


def lift_of_top_decile(values: Sequence[float], labels: Sequence[bool]) -> float:
    """Return the rate among the riskiest tenth over the rate of all; ties count in part."""
    positives = sum(labels)
    if not positives:
        return math.nan
    room = wanted = len(labels) / 10
    hits = 0.0
    for tied in reversed(_steps(values, labels)):
        taken = min(room, len(tied))
        hits += taken * sum(label for _, label in tied) / len(tied)
        room -= taken
        if room <= 0:
            break
    return (hits / wanted) / (positives / len(labels))


def platt(
    log_odds: Sequence[float], labels: Sequence[bool], *, rounds: int = 50
) -> tuple[float, float]:
    """Return intercept and slope of a logistic regression of labels on log-odds (Newton).

    Slope 1 and intercept 0 mean calibrated; a slope below 1 means too extreme. NaN when the
    labels all agree.
    """
    if not 0 < sum(labels) < len(labels):
        return math.nan, math.nan
    a, b = math.log(sum(labels) / (len(labels) - sum(labels))), 0.0
    ridge = 1e-9
    for _ in range(rounds):
        ga = gb = haa = hab = hbb = 0.0
        for z, label in zip(log_odds, labels, strict=True):
            p = 1.0 / (1.0 + math.exp(-max(-35.0, min(35.0, a + b * z))))
            error, spread = label - p, p * (1.0 - p)
            ga += error
            gb += error * z
            haa += spread
            hab += spread * z
            hbb += spread * z * z
        haa, hbb = haa + ridge, hbb + ridge
        room = haa * hbb - hab * hab
        if room <= 0:
            break
        da, db = (hbb * ga - hab * gb) / room, (haa * gb - hab * ga) / room
        longest = max(1.0, abs(da), abs(db))
        a, b = a + da / longest, b + db / longest
        if abs(da) + abs(db) < 1e-10:
            break
    return a, b
