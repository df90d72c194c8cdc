"""What was refused today, by cap and by what the cap belongs to: for the report. Pure."""

from __future__ import annotations

from typing import Any

from polyframe import ReportPeriod, Veto

_DAY_NS = 86_400_000_000_000
_KEPT_DAYS = 2
_MOST_TOLD = 20

Key = tuple[str, str]
"""(veto code, what it belongs to): a market's or a cluster's id, a budget's group, the account."""


class Refusals:
    """Counts of refusals by UTC day, each with the last one's numbers."""

    def __init__(self) -> None:
        self._days: dict[int, dict[Key, dict[str, Any]]] = {}

    def note(self, veto: Veto, of: str, now_ns: int) -> None:
        """Count one refusal against ``of``."""
        day = now_ns // _DAY_NS
        if day not in self._days:
            self._days[day] = {}
            for old in sorted(self._days)[:-_KEPT_DAYS]:
                del self._days[old]
        told = self._days[day].setdefault((veto.code, of), {"refusals": 0})
        told["refusals"] += 1
        told |= {"observed_usd": veto.observed, "limit_usd": veto.limit, "last_ns": now_ns}

    def during(self, period: ReportPeriod) -> list[dict[str, Any]]:
        """Return the most frequent ones of the period's day, with their last numbers."""
        found = self._days.get(period.start_ns // _DAY_NS, {})
        often = sorted(found.items(), key=lambda item: (-item[1]["refusals"], item[0]))
        return [
            {"code": code, "of": of, **_rounded(told)} for (code, of), told in often[:_MOST_TOLD]
        ]


def _rounded(told: dict[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, 6) if isinstance(value, float) else value for name, value in told.items()
    }
