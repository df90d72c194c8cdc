"""Which markets have to be decided again, why, and how soon."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from polyframe.runtime.markets import Moment


class Cause(NamedTuple):
    """Why a market has to be decided again, and since when (UTC ns)."""

    trigger: str
    since_ns: int


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
        known = self._dirty.get(market_id)
        if known is None or known.trigger == "budget":
            self._dirty[market_id] = Cause(trigger, self._moment.now_ns)
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
        self._dirty = {**waiting, **self._dirty}

    def start_cycle(self) -> None:
        """Every market is about to be decided: reasons count as new again."""
        self._heard.clear()

    def end_cycle(self, deferred: Iterable[str]) -> None:
        """Every market has been decided; only these wait, for the mutation budget."""
        self._dirty = dict.fromkeys(deferred, Cause("budget", self._moment.now_ns))
        self._urgent.clear()
