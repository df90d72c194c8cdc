"""A view of something that changes, as it was some seconds ago."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

State = TypeVar("State")

_SAMPLES_A_LAG = 20
_LEAST_NS = 100_000_000


class Lagged(Generic[State]):
    """Serves what ``read`` returned at least ``lag_s`` ago; without a lag it only reads.

    States are remembered from the moment a lag is set, so that it begins as a standstill.

    Args:
        read: returns the present state, never to be changed afterwards.
        clock: market time, UTC ns.
    """

    def __init__(self, read: Callable[[], State], clock: Callable[[], int]) -> None:
        self._read = read
        self._clock = clock
        self.lag_ns = 0
        self._samples: deque[tuple[int, State]] = deque()

    def set_lag(self, lag_s: float, now_ns: int) -> None:
        """Serve a state at least that old from now on; 0 ends it."""
        self.lag_ns = round(lag_s * 1e9)
        if self.lag_ns:
            self.note(now_ns)
        else:
            self._samples.clear()

    @property
    def lags(self) -> bool:
        """Whether a lag is set."""
        return self.lag_ns > 0

    def note(self, now_ns: int) -> None:
        """Remember the present state, if it is time to."""
        samples = self._samples
        if not self.lag_ns:
            return
        if not samples or now_ns - samples[-1][0] >= max(_LEAST_NS, self.lag_ns // _SAMPLES_A_LAG):
            samples.append((now_ns, self._read()))
        while len(samples) > 1 and samples[1][0] <= now_ns - self.lag_ns:
            samples.popleft()

    def __call__(self) -> State:
        """Return the state to serve now."""
        if not self.lag_ns:
            return self._read()
        self.note(self._clock())
        return self._samples[0][1]
