"""Market time: the wall's pace times a speed, held until somebody listens."""

from __future__ import annotations

import time
from collections.abc import Callable


class MarketClock:
    """UTC nanoseconds of market time: ``origin_ns + elapsed wall time * speed``.

    It stands at the origin until :meth:`start`, and never runs more than ``lead_ns`` of market
    time ahead of what the source has produced: when the machine cannot keep up with the
    speed asked for, the market slows down rather than arriving late. Afterwards it runs a tenth
    faster until ``lost_ns`` is made up for: clients compare it with clocks of their own.

    Args:
        origin_ns: market time at which it stands first.
        speed: market seconds per wall second.
        monotonic_ns: the wall, injectable for tests.

    Raises:
        ValueError: ``speed`` is not positive.
    """

    _LEAD_WALL_NS = 500_000_000
    _REGAINED_PART = 10

    def __init__(
        self,
        origin_ns: int,
        speed: float,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be positive, not {speed}")
        self.speed = speed
        self.lost_ns = 0
        self._lead_ns = int(self._LEAD_WALL_NS * speed)
        self._base_ns = origin_ns
        self._base_wall_ns: int | None = None
        self._produced_ns = origin_ns
        self._noted_ns = origin_ns
        self._monotonic_ns = monotonic_ns

    @property
    def is_running(self) -> bool:
        """Whether time passes."""
        return self._base_wall_ns is not None

    def start(self) -> None:
        """Let time pass from now on; a second call changes nothing."""
        if self._base_wall_ns is None:
            self._base_wall_ns = self._monotonic_ns()

    def __call__(self) -> int:
        """Return market time in UTC nanoseconds; it never runs backwards."""
        return min(self._raw_ns(), self._produced_ns + self._lead_ns)

    def produced(self, to_ns: int) -> None:
        """Note that the source has produced everything up to ``to_ns``; lose or regain time."""
        self._produced_ns = max(self._produced_ns, to_ns)
        raw_ns = self._raw_ns()
        excess_ns = raw_ns - (self._produced_ns + self._lead_ns)
        regained_ns = min(self.lost_ns, (raw_ns - self._noted_ns) // self._REGAINED_PART)
        lost_ns = max(excess_ns, -regained_ns)
        self._base_ns -= lost_ns
        self.lost_ns += lost_ns
        self._noted_ns = raw_ns - lost_ns

    def _raw_ns(self) -> int:
        if self._base_wall_ns is None:
            return self._base_ns
        return self._base_ns + int((self._monotonic_ns() - self._base_wall_ns) * self.speed)
