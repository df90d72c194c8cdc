"""How many orders may leave: our own bucket below the venue's, and what is said of that; pure.

Only placing is held back. Cancels are counted, never blocked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

import msgspec

_S_NS = 10**9
# In thousandths of a billionth, a rate of r tokens a second is 1000 r a nanosecond: an integer.
_TOKEN = 1_000 * _S_NS


class LimitState(msgspec.Struct, frozen=True, kw_only=True):
    """What the last answer said of a signer's bucket; None where it did not say.

    ``remaining`` may be below zero (a debt), ``reset_s`` is a Unix second. ``is_warning``:
    the limiter let something pass that it would refuse were it enforced (venue.md 2.11).
    """

    remaining: float | None = None
    reset_s: float | None = None
    tier: str | None = None
    is_warning: bool = False


Bucket = Literal["orders", "cancels"]


class SignerLimits:
    """What answers last said of the signer's two buckets.

    An answer does not say which of them it was charged to, so whoever asks does
    (:meth:`asking`); what is heard outside of that is dropped.
    """

    def __init__(self) -> None:
        self.orders = LimitState()
        self.cancels = LimitState()
        self._asking: ContextVar[Bucket | None] = ContextVar("asking", default=None)

    @contextmanager
    def asking(self, bucket: Bucket) -> Iterator[None]:
        """Inside, and in this task only, answers speak of this bucket."""
        token = self._asking.set(bucket)
        try:
            yield
        finally:
            self._asking.reset(token)

    def heard(self, state: LimitState) -> None:
        """Keep what an answer said."""
        match self._asking.get():
            case "orders":
                self.orders = state
            case "cancels":
                self.cancels = state


class RequestBudget:
    """A token bucket for orders, full at the start.

    Args:
        rate_per_s: tokens a second of the time that is handed in.
        burst: most tokens at once; a request for more than that never passes.

    ``cancels`` counts the orders that cancels were asked for; ``refusals`` the requests that
    the venue's limiter refused in spite of the bucket.
    """

    def __init__(self, rate_per_s: float, burst: int) -> None:
        self.cancels = 0
        self.refusals = 0
        self._rate = max(1, round(rate_per_s * 1_000))
        self._burst = burst * _TOKEN
        self._level = self._burst
        self._since_ns: int | None = None
        self._closed_until_ns = 0

    def take(self, orders: int, now_ns: int) -> bool:
        """Take tokens for so many orders, all or none; False says to ask again later."""
        self._refill(now_ns)
        cost = orders * _TOKEN
        if now_ns < self._closed_until_ns or cost > self._level:
            return False
        self._level -= cost
        return True

    def available(self, now_ns: int) -> int:
        """Return how many orders :meth:`take` would let pass now."""
        self._refill(now_ns)
        if now_ns < self._closed_until_ns:
            return 0
        return self._level // _TOKEN

    def wait_ns(self, orders: int, now_ns: int) -> int:
        """Return how long until so many orders pass, as far as is known; 0 for now.

        For more than the burst: until the bucket is full.
        """
        self._refill(now_ns)
        missing = min(orders * _TOKEN, self._burst) - self._level
        refill_ns = max(0, -(-missing // self._rate))
        return max(refill_ns, self._closed_until_ns - now_ns, 0)

    def close(self, now_ns: int, *, reset_s: float | None, retry_after_s: float | None) -> None:
        """The venue's limiter refused a request: let nothing pass until it allows the next.

        Args:
            now_ns: UTC nanoseconds.
            reset_s: the Unix second at which it does, None where it did not say.
            retry_after_s: the seconds until then, None likewise; the later of both counts, and
                a second where neither was said.
        """
        self.refusals += 1
        until_ns = now_ns + round((1.0 if retry_after_s is None else retry_after_s) * _S_NS)
        if reset_s is not None:
            until_ns = max(until_ns, round(reset_s * _S_NS))
        self._closed_until_ns = max(self._closed_until_ns, until_ns)
        self._level = 0
        self._since_ns = now_ns

    def count_cancels(self, orders: int) -> None:
        """Count what a cancel asked for."""
        self.cancels += orders

    def _refill(self, now_ns: int) -> None:
        if self._since_ns is not None and now_ns > self._since_ns:
            self._level = min(self._burst, self._level + self._rate * (now_ns - self._since_ns))
        if self._since_ns is None or now_ns > self._since_ns:
            self._since_ns = now_ns
