"""The equity curve by UTC day, kept apart for each mode and source of a run.

Paper and real money are never added together, nor is a live feed's history continued by a
recording's: each ``mode/source`` has its own curve.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

NS_PER_DAY = 86_400_000_000_000
_EPOCH_DAY = dt.date(1970, 1, 1)


def utc_day(ts_ns: int) -> str:
    """Return the UTC day of an instant as ``YYYY-MM-DD``."""
    return (_EPOCH_DAY + dt.timedelta(days=ts_ns // NS_PER_DAY)).isoformat()


@dataclass(slots=True)
class EquityDay:
    """One day's equity in 1e-12 USD and the deepest fall from a peak seen that day, as a share.

    ``moved_e12`` is what was paid in or out that day: the start contains it, it is no return.
    """

    start_e12: int
    end_e12: int
    low_e12: int
    high_e12: int
    drawdown: float = 0.0
    moved_e12: int = 0

    def observe(self, equity_e12: int, peak_e12: int) -> None:
        """Take in the equity of one moment and the account's peak so far."""
        self.end_e12 = equity_e12
        self.low_e12 = min(self.low_e12, equity_e12)
        self.high_e12 = max(self.high_e12, equity_e12)
        if peak_e12 > 0:
            self.drawdown = min(self.drawdown, (equity_e12 - peak_e12) / peak_e12)

    def continued_by(self, later: EquityDay) -> EquityDay:
        """Return the same day's two runs as one: the first's start, the second's end.

        What the second was paid in moves the start that it is measured from.
        """
        return EquityDay(
            self.start_e12 + later.moved_e12,
            later.end_e12,
            min(self.low_e12, later.low_e12),
            max(self.high_e12, later.high_e12),
            min(self.drawdown, later.drawdown),
            self.moved_e12 + later.moved_e12,
        )

    def bound(self, start_e12: int, end_e12: int, moved_e12: int = 0) -> None:
        """Set where the day began and ended and what was paid in, as the ledger says."""
        self.moved_e12 = moved_e12
        self.start_e12, self.end_e12 = start_e12, end_e12
        self.low_e12 = min(self.low_e12, start_e12, end_e12)
        self.high_e12 = max(self.high_e12, start_e12, end_e12)

    @property
    def simple_return(self) -> float | None:
        """The day's return on its starting equity; None when that was not positive."""
        if self.start_e12 <= 0:
            return None
        return (self.end_e12 - self.start_e12) / self.start_e12


def days_from(document: Mapping[str, Any]) -> dict[str, EquityDay]:
    """Return days read back from :func:`days_document`."""
    return {day: EquityDay(**fields) for day, fields in sorted(document.items())}


def days_document(days: Mapping[str, EquityDay], keep: int) -> dict[str, Any]:
    """Return the latest ``keep`` days as JSON-ready data."""
    return {day: asdict(days[day]) for day in sorted(days)[-keep:]}


def joined(before: Mapping[str, EquityDay], later: Mapping[str, EquityDay]) -> dict[str, EquityDay]:
    """Return two stretches of one curve as one, in day order."""
    days = dict(before)
    for day, equity in later.items():
        days[day] = days[day].continued_by(equity) if day in days else equity
    return dict(sorted(days.items()))
