"""What is still to happen in a simulated universe, in the order of market time."""

from __future__ import annotations

import heapq
from enum import IntEnum
from typing import NamedTuple


class Step(IntEnum):
    """What an event does; those from ``END`` on belong to a market's lifecycle."""

    MAKER = 0
    REACT = 1
    NOISE = 2
    SWEEP = 3
    INFORMED = 4
    NEWS = 5
    PATIENT = 6
    CROWD_CANCEL = 7
    STALL = 8
    STALL_OVER = 9
    LIST = 10
    ANNOUNCEMENT = 11
    ARBITRAGE = 12
    MOVE = 13
    LOOK = 14
    END = 15
    PROPOSE = 16
    RESOLVE = 17
    GAME_START = 18


class Due(NamedTuple):
    """One event: its instant (market time), the number of the market, what happens, and to what."""

    at_ns: int
    number: int
    market: int
    step: Step
    argument: str


class Agenda:
    """A heap of events; those of the same instant keep the order of their making."""

    def __init__(self) -> None:
        self._heap: list[Due] = []
        self._pushed = 0

    def push(self, at_ns: int, index: int, step: Step, argument: str = "") -> None:
        """Note that something happens to a market at an instant."""
        self._pushed += 1
        heapq.heappush(self._heap, Due(at_ns, self._pushed, index, step, argument))

    def pop_due(self, to_ns: int) -> Due | None:
        """Return and forget the next event up to an instant, None when nothing more is due."""
        heap = self._heap
        return heapq.heappop(heap) if heap and heap[0][0] <= to_ns else None
