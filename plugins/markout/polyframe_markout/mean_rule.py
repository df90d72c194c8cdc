"""The plain rule: a rolling mean per market and per cluster of markets.

The mean is share-weighted and gross of rebates, over the latest fills measured at the gating
horizon and younger than the window's hours. When a veto has stopped the fills, the old ones age
out, and the market is tried again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from polyframe import Reading
from polyframe_markout.config import Config
from polyframe_markout.fills import TrackedFill, horizon_name
from polyframe_markout.measures import Averages, Sample, averages
from polyframe_markout.tracker import Tracker
from polyframe_markout.verdict import Trip, Verdict

NS_PER_H = 3_600_000_000_000
NS_PER_MINUTE = 60_000_000_000


def rolling(
    fills: Iterable[TrackedFill], horizon: str, since_ns: int, window_fills: int
) -> Averages:
    """Return the averages of the latest ``window_fills`` measured fills at or after an instant.

    Fills of several markets are put in time order first.
    """
    known: list[Sample] = []
    for fill in sorted(fills, key=_when, reverse=True):
        if fill.ts_ns < since_ns or len(known) == window_fills:
            break
        if (sample := fill.sample(horizon)) is not None:
            known.append(sample)
    return averages(known)


def _when(fill: TrackedFill) -> tuple[int, str, str]:
    return fill.ts_ns, fill.trade_id, fill.order_id


class MeanRule:
    """Judges markets and clusters by their rolling means; keeps nothing but a cache."""

    def __init__(self, tracker: Tracker, config: Config) -> None:
        self._tracker = tracker
        self._config = config
        self._gate = horizon_name(config.gating_horizon_s)
        self._means: dict[tuple[str, str], tuple[tuple[int, int], Averages]] = {}

    def look(self, market_id: str, now_ns: int, trip: Trip | None = None) -> None:
        """Do nothing: a rolling mean has no memory but its fills."""

    def on_cycle(self, now_ns: int) -> None:
        """Do nothing, for the same reason."""

    def verdict(self, market_id: str, now_ns: int) -> Verdict:
        """Return what to do with a market."""
        config = self._config
        mean = self._mean("market", market_id, now_ns)
        observed_c = mean.share_weighted_c
        if mean.n >= config.min_fills and observed_c is not None:
            if observed_c < config.toxic_c:
                return Verdict("toxic", observed_c, config.toxic_c)
            if observed_c < config.mild_c:
                return Verdict("mild", observed_c, config.mild_c)
        return Verdict("ok")

    def readings(self, market_id: str, now_ns: int) -> list[Reading]:
        """Return the rolling mean markout in cents and the fills behind it."""
        mean = self._mean("market", market_id, now_ns)
        if mean.share_weighted_c is None:
            return []
        return [
            Reading("markout_c", mean.share_weighted_c, self._config.toxic_c),
            Reading("fills", mean.n, self._config.min_fills),
        ]

    def cluster_verdict(self, cluster_id: str, now_ns: int) -> Verdict:
        """Return toxic or ok for every market of a cluster."""
        config = self._config
        mean = self._mean("cluster", cluster_id, now_ns)
        observed_c = mean.share_weighted_c
        if (
            mean.n >= config.min_cluster_fills
            and observed_c is not None
            and observed_c < config.toxic_cluster_c
        ):
            return Verdict("toxic", observed_c, config.toxic_cluster_c)
        return Verdict("ok")

    def row(self, market_id: str, now_ns: int) -> dict[str, Any]:
        """Return the rolling mean for the report."""
        mean = self._mean("market", market_id, now_ns)
        return {"rolling_fills": mean.n, "rolling_mean_c": mean.share_weighted_c}

    def judged(self) -> tuple[str, ...]:
        """Return no market: without fills there is no mean."""
        return ()

    def as_document(self) -> dict[str, Any]:
        """Return nothing: everything is in the fills."""
        return {}

    def restore(self, document: Mapping[str, Any]) -> None:
        """Take nothing back."""

    def _mean(self, kind: str, name: str, now_ns: int) -> Averages:
        """Return a rolling mean, computed anew when a mark came in or the minute changed."""
        minute = now_ns // NS_PER_MINUTE
        tracker, gate = self._tracker, self._gate
        revision = tracker.revision_of(name, gate) if kind == "market" else tracker.revision
        known = self._means.get((kind, name))
        if known is not None and known[0] == (revision, minute):
            return known[1]
        fills = tracker.fills(name) if kind == "market" else tracker.cluster_fills(name)
        since_ns = minute * NS_PER_MINUTE - round(self._config.window_h * NS_PER_H)
        mean = rolling(fills, gate, since_ns, self._config.window_fills)
        self._means[kind, name] = ((revision, minute), mean)
        return mean
