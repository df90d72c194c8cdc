"""What the ``logit`` policy measures by itself: belief volatility, holding time, price impact.

Everything is a pair of exponentially forgotten sums, so a market's memory is a handful of
numbers, exact under replay and small enough for the plugin's document. Time is event time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from polyframe_maker.logit import log_odds

_SECOND_NS = 1_000_000_000
# Mids a minute apart: closer ones measure the bounce between bid and ask, not belief.
_SAMPLE_NS = 60 * _SECOND_NS
# Less than this says nothing: an hour of mids, five fills that reduced, five marked fills.
_LEAST_OBSERVED_S = 3600.0
_LEAST_COUNT = 5.0


@dataclass
class Ratio:
    """sum / weight with a half-life: old evidence fades, and both fade together."""

    half_life_ns: int
    total: float = 0.0
    weight: float = 0.0
    count: float = 0.0
    ts_ns: int = 0

    def add(self, total: float, weight: float, count: float, now_ns: int) -> None:
        """Add evidence of ``now_ns``; instants never run backwards."""
        faded = self._faded(now_ns)
        self.total = self.total * faded + total
        self.weight = self.weight * faded + weight
        self.count = self.count * faded + count
        self.ts_ns = max(now_ns, self.ts_ns)

    def faded_count(self, now_ns: int) -> float:
        """Return how many observations are left of the evidence."""
        return self.count * self._faded(now_ns)

    def faded_sums(self, now_ns: int) -> tuple[float, float]:
        """Return (total, weight) as of now."""
        faded = self._faded(now_ns)
        return self.total * faded, self.weight * faded

    def _faded(self, now_ns: int) -> float:
        if self.ts_ns == 0:
            return 1.0
        return float(0.5 ** (max(0, now_ns - self.ts_ns) / self.half_life_ns))

    def as_list(self) -> list[float]:
        """Return the numbers to keep."""
        return [self.total, self.weight, self.count, self.ts_ns]

    def restore(self, kept: list[float]) -> None:
        """Take back what :meth:`as_list` gave."""
        self.total, self.weight, self.count = kept[0], kept[1], kept[2]
        self.ts_ns = int(kept[3])


@dataclass
class Evidence:
    """One market's measures, or the account's when every market adds to it.

    ``squared_moves``: squared log-odds moves over seconds. ``holding``: share-seconds of
    inventory over shares reduced. ``impact``: log-odds impact of own maker fills over shares.
    ``effective`` and ``adverse``: USD of half-spread earned and lost again, over shares.
    """

    half_life_ns: int
    squared_moves: Ratio = field(init=False)
    holding: Ratio = field(init=False)
    impact: Ratio = field(init=False)
    effective: Ratio = field(init=False)
    adverse: Ratio = field(init=False)

    def __post_init__(self) -> None:
        for name in RATIOS:
            setattr(self, name, Ratio(self.half_life_ns))

    def belief_volatility(self, now_ns: int) -> float | None:
        """Return the log-odds volatility per square root of a second; None below an hour."""
        total, seconds = self.squared_moves.faded_sums(now_ns)
        return math.sqrt(total / seconds) if seconds >= _LEAST_OBSERVED_S else None

    def half_life_s(self, held_share_s: float, now_ns: int) -> float | None:
        """Return the inventory's half-life in seconds; None below five reducing fills.

        Little's law: mean time held = share-seconds / shares reduced. What is still held counts
        as exposure (``held_share_s``), so that inventory that never leaves is not overlooked.
        """
        share_s, reduced = self.holding.faded_sums(now_ns)
        if reduced <= 0 or self.holding.faded_count(now_ns) < _LEAST_COUNT:
            return None
        return math.log(2.0) * (share_s + held_share_s) / reduced

    def mean_impact(self, now_ns: int, prior: float, prior_shares: float) -> float:
        """Return the share-weighted log-odds impact, shrunk to ``prior``.

        The prior weighs as much as ``prior_shares`` filled shares.
        """
        total, shares = self.impact.faded_sums(now_ns)
        if shares + prior_shares <= 0:
            return prior
        return (total + prior * prior_shares) / (shares + prior_shares)

    @property
    def last_ns(self) -> int:
        """When anything was last measured; 0 when nothing ever was."""
        measures = (self.squared_moves, self.holding, self.impact, self.effective, self.adverse)
        return max(measure.ts_ns for measure in measures)

    def as_document(self) -> dict[str, list[float]]:
        """Return what to keep: the measures that have begun."""
        begun = ((name, getattr(self, name)) for name in RATIOS)
        return {name: ratio.as_list() for name, ratio in begun if ratio.ts_ns}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Take back what :meth:`as_document` gave."""
        for name in RATIOS:
            if name in kept:
                getattr(self, name).restore(kept[name])


RATIOS = ("squared_moves", "holding", "impact", "effective", "adverse")


@dataclass
class MidSampler:
    """Log-odds of the mid, at least a minute apart."""

    log_odds: float | None = None
    ts_ns: int = 0

    def sample(self, mid: float, now_ns: int) -> tuple[float, float] | None:
        """Return (squared move, seconds) since the last sample, or None when it is too soon."""
        if self.log_odds is not None and now_ns - self.ts_ns < _SAMPLE_NS:
            return None
        before, since_ns = self.log_odds, self.ts_ns
        self.log_odds, self.ts_ns = log_odds(mid), now_ns
        if before is None:
            return None
        return (self.log_odds - before) ** 2, (now_ns - since_ns) / _SECOND_NS


@dataclass
class Holding:
    """The net inventory of one market and since when, to integrate share-seconds."""

    net_e6: int = 0
    since_ns: int = 0

    def held_share_s(self, now_ns: int) -> float:
        """Return the share-seconds since the last change."""
        if self.net_e6 == 0:
            return 0.0
        return abs(self.net_e6) / 1e6 * max(0, now_ns - self.since_ns) / _SECOND_NS

    def change(self, net_e6: int, now_ns: int) -> tuple[float, float]:
        """Take a new inventory; returns (share-seconds held before it, shares it reduced)."""
        share_s = self.held_share_s(now_ns)
        before_e6 = self.net_e6
        self.net_e6, self.since_ns = net_e6, now_ns
        left_e6 = abs(net_e6) if before_e6 * net_e6 > 0 else 0
        return share_s, max(0, abs(before_e6) - left_e6) / 1e6
