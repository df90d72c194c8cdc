"""The fast breaker: a few very bad clusters in a row pause a market for a while.

No statistics are claimed: three bursts that each lost 2 cents within ten minutes mean that
somebody knows something, and a pause costs little (quant.md A3.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from polyframe_markout.clusters import clustered
from polyframe_markout.config import Config
from polyframe_markout.fills import horizon_name, samples
from polyframe_markout.tracker import NS_PER_S, Tracker
from polyframe_markout.verdict import Trip

NS_PER_H = 3_600_000_000_000


@dataclass(slots=True)
class Pause:
    """A market's latest pause: until when, and the least bad of the clusters behind it."""

    until_ns: int
    observed_c: float
    trips: int


class Breaker:
    """Pauses markets; looks only when a market has new samples."""

    def __init__(self, tracker: Tracker, config: Config) -> None:
        self._tracker = tracker
        self._config = config
        self._horizon = horizon_name(config.breaker_horizon_s)
        self._window_ns = round(config.breaker_window_s * NS_PER_S)
        self._pause_ns = round(config.breaker_pause_s * NS_PER_S)
        # A cluster is known one horizon after its fills, a little later at most.
        late_s = config.breaker_horizon_s + config.cluster_gap_s + config.max_mid_age_s
        self._recent_ns = self._window_ns + round(late_s * NS_PER_S)
        self._pauses: dict[str, Pause] = {}
        self._seen: dict[str, tuple[int, int]] = {}

    def look(self, market_id: str, now_ns: int) -> Trip | None:
        """Return what tripped the breaker now, else None; the pause begins now."""
        hour_ns = (now_ns - self._recent_ns) // NS_PER_H * NS_PER_H
        state = (self._tracker.revision_of(market_id, self._horizon), hour_ns)
        if self._seen.get(market_id) == state:
            return None
        self._seen[market_id] = state
        config = self._config
        pause = self._pauses.get(market_id)
        # Fills made before a pause was over belong to what caused it.
        since_ns = max(now_ns - self._recent_ns, 0 if pause is None else pause.until_ns)
        fills = samples(self._tracker.fills(market_id), self._horizon, hour_ns)
        bad = [
            cluster
            for cluster in clustered(fills, config.cluster_gap_s)
            if cluster.start_ns >= since_ns and cluster.gross_c < config.breaker_c
        ]
        for last in range(config.breaker_clusters - 1, len(bad)):
            run = bad[last - config.breaker_clusters + 1 : last + 1]
            if run[-1].start_ns - run[0].start_ns <= self._window_ns:
                observed_c = max(cluster.gross_c for cluster in run)
                trips = 1 if pause is None else pause.trips + 1
                self._pauses[market_id] = Pause(now_ns + self._pause_ns, observed_c, trips)
                return Trip(observed_c, config.breaker_c)
        return None

    def paused(self, market_id: str, now_ns: int) -> Pause | None:
        """Return the pause a market is in, None when it is in none."""
        pause = self._pauses.get(market_id)
        return pause if pause is not None and now_ns < pause.until_ns else None

    def paused_markets(self, now_ns: int) -> tuple[str, ...]:
        """Return every market in a pause, sorted."""
        return tuple(m for m in sorted(self._pauses) if self.paused(m, now_ns) is not None)

    def trips(self, market_id: str) -> int:
        """Return how often a market was paused, of late."""
        pause = self._pauses.get(market_id)
        return 0 if pause is None else pause.trips

    def forget(self, before_ns: int) -> None:
        """Forget pauses that ended before an instant."""
        for market_id in sorted(self._pauses):
            if self._pauses[market_id].until_ns < before_ns:
                del self._pauses[market_id]

    def as_document(self) -> dict[str, Any]:
        """Return the pauses as JSON-ready data."""
        return {
            market_id: [pause.until_ns, pause.observed_c, pause.trips]
            for market_id, pause in self._pauses.items()
        }

    def restore(self, document: Mapping[str, Any]) -> None:
        """Take back what :meth:`as_document` gave."""
        self._pauses = {market_id: Pause(*row) for market_id, row in document.items()}
