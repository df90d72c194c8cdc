"""What the venue says of our account: orders, fills and cancels, as values; pure.

One vocabulary for three sources that say the same things: the user channel, REST reads and the
answers to requests. Ids are the venue's (an order's is its EIP-712 digest, venue.md 1.6); prices
are the token's own, in 0.0001; sizes micro-shares.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from polyframe.events import Side


class OrderWord(StrEnum):
    """The first word of an order's status; what follows it is the reason (venue.md 3.4)."""

    LIVE = "LIVE"
    MATCHED = "MATCHED"
    DELAYED = "DELAYED"
    UNMATCHED = "UNMATCHED"
    CANCELED = "CANCELED"
    INVALID = "INVALID"


# An order of one of these can still trade.
OPEN_WORDS = frozenset({OrderWord.LIVE, OrderWord.DELAYED})


class TradeStatus(StrEnum):
    """How far a trade's settlement is; CONFIRMED and FAILED are final."""

    MATCHED = "MATCHED"
    MINED = "MINED"
    CONFIRMED = "CONFIRMED"
    RETRYING = "RETRYING"
    FAILED = "FAILED"


class VenueOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One order as the venue tells it.

    ``ts_ns`` is our receipt. ``matched_e6`` is cumulative, None where the venue left it empty.
    ``reason`` is what stood behind the status word, "" for none. ``owner`` is the API key.
    ``created_s`` is Unix seconds, None where it cannot be read.
    """

    ts_ns: int
    order_id: str
    owner: str
    market_id: str
    token_id: str
    side: Side
    price_e4: int
    size_e6: int
    matched_e6: int | None
    word: OrderWord
    reason: str = ""
    created_s: int | None = None


class VenueFill(msgspec.Struct, frozen=True, kw_only=True):
    """One leg of ours in one trade, at one status of its settlement.

    Its key is ``(trade_id, order_id, leg)``. As a maker ``leg`` counts this order's entries in
    ``maker_orders`` (nearly always one, so 0). As a taker there is one leg for each maker order
    met, priced as that maker was (in terms of our token): a taker pays the makers' prices, so
    that is exact where the trade's own price is an average. ``fee_rate_bps`` is "" or text.
    """

    ts_ns: int
    trade_id: str
    order_id: str
    leg: int
    market_id: str
    token_id: str
    side: Side
    price_e4: int
    size_e6: int
    is_maker: bool
    status: TradeStatus
    match_time_s: int

    @property
    def key(self) -> tuple[str, str, int]:
        """What makes it this fill and no other."""
        return self.trade_id, self.order_id, self.leg


class PlaceResult(StrEnum):
    """What is known after asking for an order (venue.md 2.10)."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one order of a request.

    ``code`` is one of polyframe's (the reject codes of docs/operations.md), ``message`` the
    venue's words. UNKNOWN keeps every reservation: the order may rest, now or later.
    """

    order_id: str
    result: PlaceResult
    code: str = ""
    message: str = ""


class Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a cancel request.

    ``gone`` are cancelled by it. ``refused`` has the venue's reason by order id (often that it
    is matched or gone already: evidence settles that, not this). ``is_known`` is False when the
    request's fate is unknown; it may be sent again.
    """

    gone: tuple[str, ...] = ()
    refused: dict[str, str] = {}
    is_known: bool = True
    message: str = ""


class VenueMode(StrEnum):
    """What the matching engine takes at the moment (venue.md 2.9, 7.27)."""

    RUNNING = "running"
    RESTARTING = "restarting"
    POST_ONLY = "post_only"
    CANCEL_ONLY = "cancel_only"
    DISABLED = "disabled"
