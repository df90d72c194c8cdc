"""How lively a market is: updates a second (churn) and the hour's range of the mid (jump)."""

from __future__ import annotations

from array import array
from collections import deque

_SECOND_NS = 1_000_000_000
_WINDOW_S = 60
_MINUTE_NS = 60 * _SECOND_NS
_HOUR_MINUTES = 60


class Churn:
    """Book updates a second over the last minute, in one-second buckets."""

    __slots__ = ("_counts", "_first_s", "_last_s", "_total")

    def __init__(self) -> None:
        self._counts = array("L", bytes(array("L").itemsize * _WINDOW_S))
        self._total = 0
        self._first_s = -1
        self._last_s = -1

    def add(self, now_ns: int) -> None:
        """Count one update."""
        second = now_ns // _SECOND_NS
        if second != self._last_s:
            self._roll(second)
        self._counts[second % _WINDOW_S] += 1
        self._total += 1

    def _roll(self, second: int) -> None:
        if self._first_s < 0:
            self._first_s = second
        elif second <= self._last_s:
            return
        for passed in range(max(self._last_s + 1, second - _WINDOW_S + 1), second + 1):
            index = passed % _WINDOW_S
            self._total -= self._counts[index]
            self._counts[index] = 0
        self._last_s = second

    def per_s(self, now_ns: int) -> float:
        """Return updates a second over the last minute, or since the first one if shorter."""
        if self._first_s < 0:
            return 0.0
        second = now_ns // _SECOND_NS
        if second != self._last_s:
            self._roll(second)
        return self._total / min(_WINDOW_S, max(1, self._last_s - self._first_s + 1))


class MidRange:
    """Highest minus lowest mid of the last hour, in one-minute buckets."""

    __slots__ = ("_minutes",)

    def __init__(self) -> None:
        self._minutes: deque[tuple[int, int, int]] = deque()

    def add(self, mid_e6: int, now_ns: int) -> None:
        """Note the mid."""
        minute = now_ns // _MINUTE_NS
        minutes = self._minutes
        if minutes and minutes[-1][0] == minute:
            _, low, high = minutes[-1]
            if low <= mid_e6 <= high:
                return
            minutes[-1] = (minute, min(low, mid_e6), max(high, mid_e6))
            return
        minutes.append((minute, mid_e6, mid_e6))
        while minutes[0][0] <= minute - _HOUR_MINUTES:
            minutes.popleft()

    def range(self, now_ns: int) -> float:
        """Return the range in price; 0 without a mid in the last hour."""
        oldest = now_ns // _MINUTE_NS - _HOUR_MINUTES
        recent = [(low, high) for minute, low, high in self._minutes if minute > oldest]
        if not recent:
            return 0.0
        return (max(high for _, high in recent) - min(low for low, _ in recent)) / 1e6
