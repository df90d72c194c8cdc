"""Counts for the report, by UTC day; each thing once for each crossing."""

from __future__ import annotations

from polyframe import ReportPeriod

_DAY_NS = 86_400_000_000_000
_KEPT_DAYS = 2


class Tally:
    """Crossings seen, trades proposed, and refusals by reason."""

    def __init__(self) -> None:
        self._days: dict[int, dict[str, int]] = {}
        self._told: dict[str, list[str]] = {}

    def begin(self, market_id: str, now_ns: int) -> None:
        """Count a crossing that begins; its refusals count anew."""
        self._told[market_id] = []
        self.add("seen", now_ns)

    def refuse(self, market_id: str, reason: str, now_ns: int) -> None:
        """Count a reason once for the crossing in force."""
        told = self._told.setdefault(market_id, [])
        if reason not in told:
            told.append(reason)
            self.add(f"refused.{reason}", now_ns)

    def add(self, name: str, now_ns: int) -> None:
        """Count one."""
        day = now_ns // _DAY_NS
        if day not in self._days:
            self._days[day] = {}
            for old in sorted(self._days)[:-_KEPT_DAYS]:
                del self._days[old]
        counts = self._days[day]
        counts[name] = counts.get(name, 0) + 1

    def during(self, period: ReportPeriod) -> dict[str, int]:
        """Return the counts of the period's day."""
        return dict(self._days.get(period.start_ns // _DAY_NS, {}))
