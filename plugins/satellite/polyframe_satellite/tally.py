"""Counts for the report, by UTC day; each thing once a day for each market."""

from __future__ import annotations

from polyframe import ReportPeriod

_DAY_NS = 86_400_000_000_000
_KEPT_DAYS = 2


class Tally:
    """Which markets were looked at, traded, or refused for which reason."""

    def __init__(self) -> None:
        self._days: dict[int, dict[str, dict[str, int]]] = {}

    def note(self, name: str, market_id: str, now_ns: int) -> None:
        """Count ``name`` for a market."""
        day = now_ns // _DAY_NS
        if day not in self._days:
            self._days[day] = {}
            for old in sorted(self._days)[:-_KEPT_DAYS]:
                del self._days[old]
        markets = self._days[day].setdefault(name, {})
        markets[market_id] = markets.get(market_id, 0) + 1

    def markets(self, name: str, period: ReportPeriod) -> int:
        """Return for how many markets ``name`` was counted on the period's day."""
        return len(self._of(name, period))

    def times(self, name: str, period: ReportPeriod) -> int:
        """Return how often ``name`` was counted on the period's day."""
        return sum(self._of(name, period).values())

    def _of(self, name: str, period: ReportPeriod) -> dict[str, int]:
        return self._days.get(period.start_ns // _DAY_NS, {}).get(name, {})
