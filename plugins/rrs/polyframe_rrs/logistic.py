"""A small L2-penalised logistic regression over sparse presence features, fitted by L-BFGS.

Minimises ``sum ln(1 + exp(-s z)) + penalty/2 |w|^2`` with the intercept unpenalised; the
optimum is unique, so the result does not depend on where the search starts. It is written here
because the run needs no numerical library, and neither then should the fit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import mul
from typing import NamedTuple


class Row(NamedTuple):
    """Places of the features that are present, one numeric feature, and the label."""

    present: tuple[int, ...]
    numeric: float
    label: bool


class Fit(NamedTuple):
    """Intercept, weight of the numeric feature, weights of the presence features."""

    intercept: float
    numeric: float
    weights: tuple[float, ...]


def fit(
    rows: Sequence[Row], features: int, *, penalty: float, rounds: int = 200, memory: int = 10
) -> Fit:
    """Return the optimum, to a gradient of 1e-4.

    Raises:
        ValueError: no rows, or all labels agree.
    """
    positives = sum(row.label for row in rows)
    if not 0 < positives < len(rows):
        raise ValueError("a fit needs rows with and without the label")
    point = [math.log(positives / (len(rows) - positives)), *([0.0] * (features + 1))]
    loss, slope = _loss(rows, point, penalty)
    steps: list[tuple[list[float], list[float], float]] = []
    for _ in range(rounds):
        if max(map(abs, slope)) < 1e-4:
            break
        way = _direction(slope, steps)
        descent = _dot(way, slope)
        length = 1.0 if steps else min(1.0, 1.0 / max(map(abs, slope)))
        while True:
            tried = [x + length * d for x, d in zip(point, way, strict=True)]
            new_loss, new_slope = _loss(rows, tried, penalty)
            if new_loss <= loss + 1e-4 * length * descent or length < 1e-12:
                break
            length /= 2
        moved = [b - a for a, b in zip(point, tried, strict=True)]
        turned = [b - a for a, b in zip(slope, new_slope, strict=True)]
        curvature = _dot(moved, turned)
        if curvature > 1e-12:
            steps = [*steps[1 - memory :], (moved, turned, 1.0 / curvature)]
        point, loss, slope = tried, new_loss, new_slope
    return Fit(point[0], point[1], tuple(point[2:]))


def _direction(
    slope: Sequence[float], steps: Sequence[tuple[list[float], list[float], float]]
) -> list[float]:
    """Return the two-loop L-BFGS direction (Nocedal and Wright, algorithm 7.4)."""
    way = [-g for g in slope]
    shares = []
    for moved, turned, inverse in reversed(steps):
        share = inverse * _dot(moved, way)
        shares.append(share)
        way = [w - share * t for w, t in zip(way, turned, strict=True)]
    if steps:
        _, turned, inverse = steps[-1]
        scale = 1.0 / (inverse * _dot(turned, turned))
        way = [scale * w for w in way]
    for (moved, turned, inverse), share in zip(steps, reversed(shares), strict=True):
        back = share - inverse * _dot(turned, way)
        way = [w + back * m for w, m in zip(way, moved, strict=True)]
    return way


def _loss(rows: Sequence[Row], point: Sequence[float], penalty: float) -> tuple[float, list[float]]:
    intercept, numeric = point[0], point[1]
    slope = [0.0, *(penalty * w for w in point[1:])]
    losses = [0.5 * penalty * _dot(point[1:], point[1:])]
    for present, value, label in rows:
        z = intercept + numeric * value
        for place in present:
            z += point[place + 2]
        s = z if label else -z
        losses.append(math.log1p(math.exp(-s)) if s > 0 else -s + math.log1p(math.exp(s)))
        error = 1.0 / (1.0 + math.exp(-max(-700.0, min(700.0, z)))) - label
        slope[0] += error
        slope[1] += error * value
        for place in present:
            slope[place + 2] += error
    return math.fsum(losses), slope


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return math.fsum(map(mul, a, b))
