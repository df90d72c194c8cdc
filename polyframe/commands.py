"""What the engine asks of the outside: its only output; immutable, without behaviour."""

from __future__ import annotations

import msgspec

from polyframe.events import Side


class Command(msgspec.Struct, frozen=True, tag_field="command", tag=True):
    """Base of everything the engine asks of the outside."""


class PlaceOrder(Command, frozen=True):
    """Place a limit order on one token.

    ``post_only`` rests or is refused; without it the order takes what is there at its limit
    or better and leaves nothing behind (fill and kill). ``expires_ns`` is when the venue takes
    it off the book (None: good till cancelled). ``decision_id`` is the decision that wanted
    it, ``component`` the kind of trading (maker, taker, arb, satellite).
    """

    order_id: str
    market_id: str
    token_id: str
    side: Side
    price_e4: int
    size_e6: int
    expires_ns: int | None
    post_only: bool
    component: str
    decision_id: int


class CancelOrder(Command, frozen=True):
    """Cancel one order; never blocked by any limit."""

    order_id: str
    reason: str


class MergePairs(Command, frozen=True):
    """Turn ``size_e6`` YES and as many NO of one market into as many dollars.

    A settlement, not a trade: it meets nobody and costs nothing but time (venue.md 4.3).
    """

    merge_id: str
    market_id: str
    size_e6: int


class RedeemTokens(Command, frozen=True):
    """Turn a resolved market's holdings into the cash they are worth."""

    redeem_id: str
    market_id: str


class RefreshAllowances(Command, frozen=True):
    """Let the exchange's contracts move the wallet's cash and tokens again."""

    reason: str


class CancelAll(Command, frozen=True):
    """Cancel everything of ours and ask the venue whether it is gone; never blocked."""

    reason: str


class Subscribe(Command, frozen=True):
    """Follow exactly these tokens from now on; whatever else was followed is dropped."""

    token_ids: tuple[str, ...]


class Resubscribe(Command, frozen=True):
    """These tokens' books cannot be trusted: ask the venue for fresh snapshots."""

    token_ids: tuple[str, ...]
    reason: str


class FetchMarkets(Command, frozen=True):
    """Fetch metadata: the whole universe, or only ``market_ids``."""

    market_ids: tuple[str, ...] = ()


OrderCommand = PlaceOrder | CancelOrder | MergePairs | RedeemTokens | RefreshAllowances | CancelAll
