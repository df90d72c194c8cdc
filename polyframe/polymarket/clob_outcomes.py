"""What is known after a request to the CLOB: the venue's answers to outcomes and codes; pure.

The rule is venue.md 2.10: a refusal is believed only where the venue says in so many words that
the order is not in. Whatever else happens to a request leaves its orders UNKNOWN. An outcome
speaks of its own request: when a signed order is sent again, REJECTED does not say what became
of it the first time.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from polyframe.polymarket.account_words import Cancelled, Placement, PlaceResult, VenueMode

_MESSAGE_CHARS = 300
_REFUSED_STATUSES = frozenset({400, 401, 403, 404})
_UNCLEAR = "the venue refused it without a reason"

UNKNOWN_CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "duplicate": "the venue has, or had, this very order",
        "delayed": "the venue holds the match back",
        "unmatched": "it did not match, and may rest",
        "unclear": "the venue neither names an order nor says why not",
        "other_id": "the venue answered with another order's id",
        "missing": "the answer has fewer legs than the request",
        "malformed": "the answer cannot be read",
        "restarting": "the matching engine restarts (425)",
        "throttled": "429 from what stands before the venue",
        "server_error": "the server failed, or something before it did",
        "timeout": "no answer in time",
        "lost": "the line was cut before the answer",
    }
)
"""Codes of UNKNOWN placements: ask the venue for the order by its id."""

REJECT_CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "post_only_would_cross": "a post-only order would have taken",
        "tick": "the price is off the grid",
        "min_size": "smaller than the market's least size",
        "balance": "the balance does not cover it",
        "allowance": "the exchange contract may not move what it needs",
        "no_match": "nothing to take at this price",
        "expiration": "its expiration is too close, or stated for a GTC",
        "market_not_ready": "the market takes no orders yet",
        "no_market": "the venue has no book for this token",
        "closed_only": "the account may only reduce",
        "banned": "the account is banned",
        "wallet": "the venue takes no orders of this kind of wallet",
        "auth": "key, signer or credentials are not the venue's",
        "version": "signed for another generation of the exchange",
        "rate_limited": "the signer's bucket is empty",
        "post_only_mode": "the engine takes post-only orders only",
        "cancel_only": "the engine takes cancels only",
        "trading_disabled": "the engine takes nothing",
        "unreachable": "no connection; it was never sent",
        "invalid": "the venue calls it invalid",
        "other": "a refusal in words not known yet",
        # Of the gate before the signature (signed_intent).
        "limit": "dearer than max_order_usd",
        "contract": "another chain or contract than ours",
    }
)
"""Codes of REJECTED placements and of orders refused before they were signed."""

# In this order: the first text that is found in the venue's decides.
_CODE_OF_TEXT: tuple[tuple[str, str], ...] = (
    ("duplicated", "duplicate"),
    ("match delayed", "delayed"),
    # A server that gave up half-way, or the engine's words for a match that went wrong: over
    # REST some of them come as 400 (venue.md 2.2, 2.9), and prove nothing.
    ("context canceled", "unclear"),
    ("deadline exceeded", "unclear"),
    ("timeout", "unclear"),
    ("timed out", "unclear"),
    ("internal", "unclear"),
    ("no matching orders", "unclear"),
    ("rounding issues", "unclear"),
    ("discrepancy greater than allowed", "unclear"),
    ("post-only mode", "post_only_mode"),
    ("cancel-only", "cancel_only"),
    ("trading is disabled", "trading_disabled"),
    ("trading is currently disabled", "trading_disabled"),
    ("order crosses book", "post_only_would_cross"),
    ("crosses the book", "post_only_would_cross"),
    ("minimum tick size", "tick"),
    ("lower than the minimum", "min_size"),
    ("allowance is not enough", "allowance"),
    ("not enough balance", "balance"),
    ("no orders found to match", "no_match"),
    ("fully filled or killed", "no_match"),
    ("invalid expiration", "expiration"),
    ("not yet ready", "market_not_ready"),
    ("no orderbook exists", "no_market"),
    ("market not found", "no_market"),
    ("closed only mode", "closed_only"),
    ("address banned", "banned"),
    ("maker address not allowed", "wallet"),
    ("order_version_mismatch", "version"),
    ("invalid api key", "auth"),
    ("owner of the api key", "auth"),
    ("address of the api key", "auth"),
    ("l1 request headers", "auth"),
    ("invalid signature", "auth"),
    ("too many requests", "rate_limited"),
    ("invalid", "invalid"),
    ("canceled in the ctf exchange", "invalid"),
    ("too many orders", "invalid"),
)
_MODE_OF_CODE = {
    "post_only_mode": VenueMode.POST_ONLY,
    "cancel_only": VenueMode.CANCEL_ONLY,
    "trading_disabled": VenueMode.DISABLED,
    "restarting": VenueMode.RESTARTING,
}


class FailureKind(StrEnum):
    """How a request failed, as far as the client can tell."""

    STATUS = "status"
    NOT_SENT = "not_sent"
    TIMEOUT = "timeout"
    LOST = "lost"
    MALFORMED = "malformed"


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A request that brought no answer of use.

    ``status`` is the HTTP status, None without one; ``text`` what the venue or the line said.
    ``retry_after_s`` is when to try again, None where nobody said. ``is_limiter``: a 429 with
    the signer's limiter's headers. ``reset_s`` is the Unix second at which its bucket allows
    the next request, None where it did not say. ``heartbeat_id`` is the one a refused heartbeat
    should have had.
    """

    kind: FailureKind
    text: str = ""
    status: int | None = None
    retry_after_s: float | None = None
    is_limiter: bool = False
    reset_s: float | None = None
    heartbeat_id: str | None = None


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue answered to one order of a request.

    ``venue_id`` and ``status`` of an accepted one, ``error`` of another; ``is_unmatched``: the
    refusal was only the status ``unmatched``.
    """

    is_accepted: bool
    venue_id: str = ""
    status: str = ""
    error: str = ""
    is_unmatched: bool = False


def reject_code(text: str) -> str:
    """Return the code of the venue's words, ``other`` for a refusal in words not known yet.

    It may be a code of UNKNOWN: some words refuse nothing.
    """
    lowered = text.lower()
    return next((code for part, code in _CODE_OF_TEXT if part in lowered), "other")


def placement_of_leg(order_id: str, venue_id: str, leg: Leg) -> Placement:
    """Return the outcome of an order the venue answered to.

    Args:
        order_id: ours.
        venue_id: the digest we know it by.
        leg: the answer.
    """
    if leg.is_accepted:
        if leg.venue_id.lower() == venue_id.lower():
            return _placement(order_id, PlaceResult.ACCEPTED, "", leg.status)
        text = f"the venue calls it {leg.venue_id}, we signed {venue_id}: reconcile"
        return _placement(order_id, PlaceResult.UNKNOWN, "other_id", text)
    if leg.is_unmatched:
        # A marketable order that was held and met nobody ends on the book (venue.md 4.7).
        return _placement(order_id, PlaceResult.UNKNOWN, "unmatched", leg.error or _UNCLEAR)
    if not leg.error.strip():
        return _placement(order_id, PlaceResult.UNKNOWN, "unclear", _UNCLEAR)
    code = reject_code(leg.error)
    return _placement(order_id, _result_of(code), code, leg.error)


def placement_of_failure(order_id: str, failure: Failure) -> Placement:
    """Return the outcome of an order whose request failed as a whole."""
    code = failure_code(failure)
    return _placement(order_id, _result_of(code), code, failure.text)


def missing_leg(order_id: str) -> Placement:
    """Return the outcome of an order that the answer to its batch leaves out."""
    return _placement(order_id, PlaceResult.UNKNOWN, "missing", UNKNOWN_CODES["missing"])


def failure_code(failure: Failure) -> str:
    """Return the code of a request that failed as a whole, by venue.md 2.10."""
    if failure.kind is not FailureKind.STATUS:
        return {
            FailureKind.NOT_SENT: "unreachable",
            FailureKind.TIMEOUT: "timeout",
            FailureKind.LOST: "lost",
        }.get(failure.kind, "malformed")
    if failure.status == 425:
        return "restarting"
    if failure.status == 429:
        return "rate_limited" if failure.is_limiter else "throttled"
    code = reject_code(failure.text)
    # The modes are the only 5xx with a meaning: the request was not looked at.
    if failure.status == 503 and code in _MODE_OF_CODE:
        return code
    if failure.status not in _REFUSED_STATUSES:
        return "server_error"
    if code == "rate_limited":  # the words alone prove no limiter
        return "throttled"
    return "auth" if failure.status == 401 and code in ("other", "invalid") else code


def cancelled_by_failure(venue_ids: tuple[str, ...], failure: Failure) -> Cancelled:
    """Return the outcome of a cancel whose request failed as a whole.

    It may always be sent again; ``is_known`` is True only where it was refused, or never sent.
    """
    code = failure_code(failure)
    told = f"{code}: {failure.text}"[:_MESSAGE_CHARS]
    if code in REJECT_CODES and code not in ("rate_limited", "unreachable", *_MODE_OF_CODE):
        return Cancelled(refused=dict.fromkeys(venue_ids, told), message=told)
    return Cancelled(is_known=False, message=told)


def mode_of_code(code: str) -> VenueMode | None:
    """Return the mode that a code proves, None where it proves none."""
    return _MODE_OF_CODE.get(code)


def _result_of(code: str) -> PlaceResult:
    return PlaceResult.REJECTED if code in REJECT_CODES else PlaceResult.UNKNOWN


def _placement(order_id: str, result: PlaceResult, code: str, message: str) -> Placement:
    return Placement(order_id=order_id, result=result, code=code, message=message[:_MESSAGE_CHARS])
