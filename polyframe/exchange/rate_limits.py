"""The venue's limits on orders and cancels: two token buckets for each signer (venue.md 2.11).

Pure: time is handed in. Tokens are counted in billionths, so a refill is exact at any
nanosecond. A request is charged all or nothing; what is refused costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

import msgspec

_S_NS = 10**9
_TOKEN = _S_NS  # a rate of r tokens a second is r billionths a nanosecond

Budget = Literal["orders", "cancels"]


class Tier(msgspec.Struct, frozen=True):
    """What one tier allows: tokens a second, the most that can be saved up, and a debt or not.

    ``cancel_debt``: whether a cancel-all may leave the cancel bucket below zero.
    """

    name: str
    orders_per_s: int
    order_burst: int
    cancels_per_s: int
    cancel_burst: int
    cancel_debt: bool


TIERS: Final[Mapping[str, Tier]] = MappingProxyType(
    {
        tier.name: tier
        for tier in (
            Tier("Standard", 40, 60, 80, 120, True),
            Tier("Copper", 60, 90, 120, 180, True),
            Tier("Bronze", 80, 120, 160, 240, True),
            Tier("Silver", 200, 300, 400, 600, True),
            Tier("Gold", 400, 600, 800, 1_200, True),
            Tier("Platinum", 450, 675, 900, 1_350, False),
            Tier("Diamond", 525, 787, 1_050, 1_575, False),
            Tier("Elite", 600, 900, 1_200, 1_800, False),
        )
    }
)
"""The tiers by name, from 2026-09 (venue.md 2.11)."""


class Ruling(msgspec.Struct, frozen=True):
    """Whether a request may go on, and what its answer says of the bucket.

    ``remaining`` is whole tokens, below zero in debt. ``reset_s`` is the Unix second at which the
    wait ends: for a refusal when the same request passes (a batch above the burst never does:
    then when the bucket is full), else when one token is there. ``retry_after_s`` is None unless
    refused. ``is_warning``: in warning mode it went on where enforcement would refuse it.
    """

    is_allowed: bool
    remaining: int
    reset_s: int
    tier: str
    retry_after_s: int | None = None
    is_warning: bool = False

    def headers(self) -> dict[str, str]:
        """Return the headers of the answer."""
        said = {
            "Poly-RateLimit-Remaining": str(self.remaining),
            "Poly-RateLimit-Reset": str(self.reset_s),
            "Poly-RateLimit-Tier": self.tier,
        }
        if self.retry_after_s is not None:
            said["Retry-After"] = str(self.retry_after_s)
        if self.is_warning:
            said["Poly-RateLimit-Warning"] = "true"
        return said


class _Bucket:
    """Tokens of one budget: ``level`` billionths of a token as of ``since_ns``."""

    __slots__ = ("burst", "level", "rate", "since_ns")

    def __init__(self, rate: int, burst: int, now_ns: int) -> None:
        self.rate = rate
        self.burst = burst * _TOKEN
        self.level = self.burst
        self.since_ns = now_ns

    def refill(self, now_ns: int) -> None:
        if now_ns > self.since_ns:
            self.level = min(self.burst, self.level + self.rate * (now_ns - self.since_ns))
            self.since_ns = now_ns

    def ns_until(self, level: int) -> int:
        """Nanoseconds until so much is in it, rounded up; until it is full if it never fits."""
        return max(0, -(-(min(level, self.burst) - self.level) // self.rate))


class RateLimits:
    """Every signer's two buckets.

    ``is_enforced`` False is the venue's warning mode: everything passes, and an answer says
    where it would not have. A request that passes only so is not charged.
    """

    def __init__(self, *, tier: str = "Standard", is_enforced: bool = True) -> None:
        """Start every signer on a tier.

        Raises:
            KeyError: no tier is called so.
        """
        self.is_enforced = is_enforced
        self._usual = TIERS[tier]
        self._tiers: dict[str, Tier] = {}
        self._buckets: dict[tuple[str, Budget], _Bucket] = {}

    def tier_of(self, signer: str) -> Tier:
        """Return a signer's tier."""
        return self._tiers.get(signer.lower(), self._usual)

    def set_tier(self, signer: str, tier: str) -> None:
        """Move a signer to another tier, with full buckets; KeyError as above."""
        self._tiers[signer.lower()] = TIERS[tier]
        for budget in ("orders", "cancels"):
            self._buckets.pop((signer.lower(), budget), None)

    def take(self, signer: str, budget: Budget, tokens: int, now_ns: int) -> Ruling:
        """Charge a request before it is carried out.

        Args:
            signer: the address of the API key.
            budget: which bucket.
            tokens: 1 for a single order or cancel and for cancel-all; the number of orders or
                of order ids of a batch.
            now_ns: UTC nanoseconds.
        """
        bucket = self._bucket(signer, budget, now_ns)
        cost = tokens * _TOKEN
        fits = cost <= bucket.level
        if fits:
            bucket.level -= cost
        return self._ruling(signer, bucket, _TOKEN if fits else cost, now_ns, fits=fits)

    def charge_cancelled(self, signer: str, orders: int, now_ns: int) -> Ruling:
        """Charge what a cancel-all or cancel-market took off the book, after the fact.

        It may leave a debt where the tier allows one; elsewhere the bucket is emptied.
        """
        bucket = self._bucket(signer, "cancels", now_ns)
        bucket.level -= orders * _TOKEN
        if not self.tier_of(signer).cancel_debt:
            bucket.level = max(0, bucket.level)
        return self._ruling(signer, bucket, _TOKEN, now_ns, fits=True)

    def _bucket(self, signer: str, budget: Budget, now_ns: int) -> _Bucket:
        key = (signer.lower(), budget)
        bucket = self._buckets.get(key)
        if bucket is None:
            tier = self.tier_of(signer)
            rate, burst = (
                (tier.orders_per_s, tier.order_burst)
                if budget == "orders"
                else (tier.cancels_per_s, tier.cancel_burst)
            )
            bucket = self._buckets[key] = _Bucket(rate, burst, now_ns)
        bucket.refill(now_ns)
        return bucket

    def _ruling(
        self, signer: str, bucket: _Bucket, wanted: int, now_ns: int, *, fits: bool
    ) -> Ruling:
        wait_ns = bucket.ns_until(wanted)
        is_refused = not fits and self.is_enforced
        return Ruling(
            is_allowed=not is_refused,
            remaining=bucket.level // _TOKEN,
            reset_s=-(-(now_ns + wait_ns) // _S_NS),
            tier=self.tier_of(signer).name,
            retry_after_s=max(1, -(-wait_ns // _S_NS)) if is_refused else None,
            is_warning=not fits and not self.is_enforced,
        )
