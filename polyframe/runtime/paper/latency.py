"""Lognormal delays from a seeded stream, one uniform draw each."""

from __future__ import annotations

import math
from random import Random
from statistics import NormalDist

from polyframe.settings import LatencySettings

_NORMAL = NormalDist()
_Z99 = _NORMAL.inv_cdf(0.99)
_SMALLEST_UNIFORM = 2.0**-54


class Latency:
    """A delay with the given median and 99th percentile.

    One uniform number is spent per draw, by inversion: the same stream under a longer
    latency gives a longer delay for every single command, which is what lets two runs be
    compared command by command.

    Args:
        settings: median and 99th percentile in seconds; a p99 below p50 means no spread.
    """

    __slots__ = ("_median_ns", "_sigma")

    def __init__(self, settings: LatencySettings) -> None:
        self._median_ns = settings.p50_s * 1e9
        ratio = settings.p99_s / settings.p50_s if settings.p50_s > 0 else 1.0
        self._sigma = math.log(max(ratio, 1.0)) / _Z99

    def draw_ns(self, rng: Random) -> int:
        """Return one delay in nanoseconds; consumes exactly one number of ``rng``."""
        z = _NORMAL.inv_cdf(max(rng.random(), _SMALLEST_UNIFORM))
        return round(self._median_ns * math.exp(self._sigma * z))
