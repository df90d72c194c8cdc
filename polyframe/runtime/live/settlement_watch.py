"""Settlements that fail and orders that are refused, counted over a rolling window; pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from polyframe.hazards import Hazard
from polyframe.live_settings import ProductionSettings
from polyframe.polymarket.account_words import TradeStatus
from polyframe.runtime.live.evidence import S_NS
from polyframe.runtime.live.rows import AccountRow, FillRow

_MINUTE_NS: Final = 60 * S_NS


class SettlementWatch:
    """Says when settlements fail too often (quant.md B5), or the venue refuses too much.

    ``failed`` counts every failure since the run began.

    Args:
        settings: the bounds and the window.
        ended: fills whose settlement ended in earlier runs: the window outlasts a run.
    """

    def __init__(self, settings: ProductionSettings, ended: Iterable[FillRow] = ()) -> None:
        self._settings = settings
        self._window_ns = round(settings.failed_window_s * S_NS)
        # By trade: its legs settle together. When it ended, and whether it failed.
        self._ended: dict[str, tuple[int, bool]] = {}
        self._rejects: deque[int] = deque()
        self.failed = 0
        for row in sorted(ended, key=lambda row: row.status_ns):
            self.saw((row,), row.status_ns)
        self.failed = 0

    def saw(self, rows: Iterable[AccountRow], now_ns: int) -> None:
        """Take the rows of a change in: settlements that ended are among them."""
        for row in rows:
            if isinstance(row, FillRow) and row.is_final:
                # Again at the end: the window is in order of time.
                has_failed = row.status is TradeStatus.FAILED
                _, was_failed = self._ended.pop(row.trade_id, (0, False))
                self.failed += has_failed and not was_failed
                self._ended[row.trade_id] = now_ns, has_failed

    def rejected(self, now_ns: int) -> None:
        """Count an order that the venue refused."""
        self._rejects.append(now_ns)

    def resumed(self) -> None:
        """The operator has looked into what was refused: it does not count any more."""
        self._rejects.clear()

    def ended(self, now_ns: int) -> tuple[int, int]:
        """Return how many settlements failed within the window, and of how many that ended."""
        self._drop_old(now_ns)
        return sum(failed for _, failed in self._ended.values()), len(self._ended)

    def alarms(self, now_ns: int) -> dict[Hazard, str]:
        """Return what is beyond its bound now, each with its figures."""
        found: dict[Hazard, str] = {}
        failed, ended = self.ended(now_ns)
        settings = self._settings
        if failed >= settings.failed_least and failed > settings.max_failed_share * ended:
            found[Hazard.SETTLEMENTS_FAIL] = (
                f"{failed} of {ended} settlements failed within "
                f"{settings.failed_window_s:g} s (at most {settings.max_failed_share:.0%})"
            )
        if len(self._rejects) > settings.max_rejects_per_min:
            found[Hazard.REJECTS] = (
                f"{len(self._rejects)} orders refused within a minute "
                f"(at most {settings.max_rejects_per_min})"
            )
        return found

    def _drop_old(self, now_ns: int) -> None:
        for trade_id, (ended_ns, _) in list(self._ended.items()):
            if ended_ns > now_ns - self._window_ns:
                break
            del self._ended[trade_id]
        while self._rejects and self._rejects[0] <= now_ns - _MINUTE_NS:
            self._rejects.popleft()
