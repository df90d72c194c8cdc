"""Which markets have to be decided again, why, and how soon."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from polyframe.runtime.markets import Moment

BUDGET = "budget"
"""The trigger of a decision that waits for the mutation budget."""


class Cause(NamedTuple):
    """Why a market has to be decided again, and since when (UTC ns).

    ``origin`` is what first caused it, where the decision had to wait for the mutation budget and
    ``trigger`` says so; "" where it is the trigger itself.
    """

    trigger: str
    since_ns: int
    origin: str = ""

    def deferred(self) -> Cause:
        """Return the cause as it waits for the mutation budget: as old as it was."""
        return Cause(BUDGET, self.since_ns, self.origin or self.trigger)

    def then(self, later: Cause) -> Cause:
        """Return what stands for this cause and a later one before either was answered.

        The first trigger is the one told, unless it only waits for the budget: news is asked
        about at once then, but the market has waited since the first.
        """
        if self.trigger == BUDGET and later.trigger != BUDGET:
            return Cause(later.trigger, self.since_ns, self.origin)
        return self


class Agenda:
    """Markets touched since they were decided; an urgent one does not wait for its interval."""

    def __init__(self, moment: Moment) -> None:
        self._moment = moment
        self._dirty: dict[str, Cause] = {}
        self._urgent: set[str] = set()
        self._heard: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._dirty)

    def touch(self, market_id: str, trigger: str, *, urgent: bool = False) -> None:
        """Note that a market has to be decided again; the first trigger is the one told."""
        cause = Cause(trigger, self._moment.now_ns)
        known = self._dirty.get(market_id)
        self._dirty[market_id] = cause if known is None else known.then(cause)
        if urgent:
            self._urgent.add(market_id)

    def is_new_reason(self, code: str) -> bool:
        """Whether a reason against a whole market is heard for the first time in this cycle."""
        if code in self._heard:
            return False
        self._heard.add(code)
        return True

    def take(self) -> tuple[dict[str, Cause], set[str]]:
        """Hand out what is due; what deciding it touches is for the next batch."""
        dirty, urgent = self._dirty, self._urgent
        self._dirty, self._urgent = {}, set()
        return dirty, urgent

    def put_back(self, waiting: dict[str, Cause]) -> None:
        """Take back what has to wait."""
        later, self._dirty = self._dirty, waiting
        for market_id, cause in later.items():
            known = waiting.get(market_id)
            waiting[market_id] = cause if known is None else known.then(cause)

    def start_cycle(self) -> None:
        """Every market is about to be decided: reasons count as new again."""
        self._heard.clear()

    def end_cycle(self, deferred: Iterable[str]) -> None:
        """Every market has been decided; only these wait, for the mutation budget.

        One that waited before goes on waiting since then.
        """
        here = Cause("cycle", self._moment.now_ns)
        waited = self._dirty
        self._dirty = {market_id: waited.get(market_id, here).deferred() for market_id in deferred}
        self._urgent.clear()
