"""Allowances: asked for again when the venue refuses an order for want of one."""

from __future__ import annotations

from collections.abc import Callable

from polyframe.commands import RefreshAllowances
from polyframe.events import AllowancesRefreshed

ALLOWANCE = "allowance"
"""The reject code of an order whose money the exchange may not move."""
# A revoked allowance is somebody's decision: it is not fought over forever.
_MOST_FAILURES = 3


class Approving:
    """Whether allowances are to be given anew; a refusal says so, a cycle asks.

    Args:
        log: called as ``log(message, **fields)``.
    """

    def __init__(self, log: Callable[..., None]) -> None:
        self._log = log
        self._is_wanted = False
        self._is_under_way = False
        self.asked = 0
        self.failed = 0

    def rejected(self, code: str) -> None:
        """An order was refused."""
        self._is_wanted = self._is_wanted or code == ALLOWANCE

    def ask(self) -> list[RefreshAllowances]:
        """Return the command that is due, if any."""
        if not self._is_wanted or self._is_under_way or self.failed >= _MOST_FAILURES:
            return []
        self._is_wanted, self._is_under_way = False, True
        self.asked += 1
        self._log("Approve", number=self.asked)
        return [RefreshAllowances("an order was refused for want of an allowance")]

    def refreshed(self, event: AllowancesRefreshed) -> None:
        """What became of it."""
        self._is_under_way = False
        if event.message:
            self.failed += 1
            self._log("Approve failed", reason=event.message)
        else:
            self.failed = 0
