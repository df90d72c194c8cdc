"""The signers' token buckets in front of order entry: what a request costs, and its 429."""

from __future__ import annotations

from typing import NamedTuple

from aiohttp import web

from polyframe.exchange.rate_limits import Budget, RateLimits, Ruling
from polyframe.exchange.rest_answers import refusal


class Spent(NamedTuple):
    """The headers of an answer, and the answer itself when the bucket does not allow another."""

    headers: dict[str, str]
    refused: web.Response | None


class SignerLimits:
    """Spends a signer's tokens.

    Args:
        limits: the buckets; None answers without headers and refuses nobody.
    """

    def __init__(self, limits: RateLimits | None) -> None:
        self.limits = limits

    def owe_cancels(self, signer: str, cancelled: int, now_ns: int) -> dict[str, str]:
        """Charge what a cancel-all took off the book; return the answer's headers."""
        if self.limits is None:
            return {}
        return self.limits.charge_cancelled(signer, cancelled, now_ns).headers()

    def spend(self, signer: str, budget: Budget, tokens: int, now_ns: int) -> Spent:
        """Charge so many orders, or ids to cancel, all or nothing; a cancel-all costs 1 before."""
        if self.limits is None:
            return Spent({}, None)
        ruling: Ruling = self.limits.take(signer, budget, tokens, now_ns)
        headers = ruling.headers()
        if ruling.is_allowed:
            return Spent(headers, None)
        return Spent(headers, refusal("Too Many Requests", 429, headers))
