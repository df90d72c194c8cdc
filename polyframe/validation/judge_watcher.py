"""The outside judge's own run, with our paper venue beside it at the same boundaries.

Reads what ``mboq.reference.Reference`` (0.7) keeps during an event; its own work is left as it is.
Import this only where ``mbo-queue`` is installed.
"""

from __future__ import annotations

from typing import Any

from mboq.reference import Reference

from polyframe.validation.judge_shadows import PaperShadows


# The package has no types, so its class is Any to the checker: hence the ignore.
class Watcher(Reference):  # type: ignore[misc]
    """The judge's reference engine, telling ``paper`` what the aggregate view shows.

    Args:
        tick: price step.
        horizon_ns: how long a shadow lives.
        queue_power: of our base profile.
    """

    def __init__(self, tick: int, horizon_ns: int, queue_power: float) -> None:
        super().__init__(tick, horizon_ns=horizon_ns)
        self.paper = PaperShadows(tick, queue_power)
        self._has_begun = False
        self._placed: dict[int, int] = {}

    def _end_event(self) -> None:
        levels = [(side, price, self._qty(side, price)) for side, price in sorted(self._ev_touched)]
        if self._has_begun:
            self.paper.see(self._ts, list(self._ev_trades), levels)
        else:
            self._has_begun = True
            bids, asks = (
                {price: self._qty(side, price) for price in self.books[side]} for side in "BA"
            )
            self.paper.begin(self._ts, bids, asks)
        for shadow in self.shadows:
            is_touched = (shadow.side, shadow.price) in self._ev_touched
            if is_touched and shadow.filled < shadow.size:
                self.paper.measure(shadow.sid, shadow.v_true())
        super()._end_event()

    def _retire_and_place(self, place_times: Any, pi: int) -> int:
        for sid, ends in list(self._placed.items()):
            if self._ts >= ends:
                self.paper.retire(sid)
                del self._placed[sid]
        first_new = self._next_sid
        reached: int = super()._retire_and_place(place_times, pi)
        for shadow in self.shadows:
            if shadow.sid >= first_new:
                self.paper.place(shadow.sid, shadow.side, shadow.price)
                self._placed[shadow.sid] = shadow.t_end
        return reached
