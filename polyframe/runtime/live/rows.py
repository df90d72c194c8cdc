"""What production stores: frozen rows, each with its table and key; amounts exact.

Orders and fills are the last known state of each; the ledger only grows and is numbered without
a gap, so a snapshot that names a number and the rows after it are the whole account.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import msgspec

from polyframe.events import Side
from polyframe.polymarket.account_words import TradeStatus
from polyframe.runtime.live.order_states import OPEN, OrderState

FINAL = frozenset({TradeStatus.CONFIRMED, TradeStatus.FAILED})
"""Statuses of a trade after which nothing is expected any more."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what is stored; the fields named by ``key`` say which row it is."""

    table: ClassVar[str]
    key: ClassVar[tuple[str, ...]]


class OrderRow(Row, frozen=True, kw_only=True):
    """One order of ours.

    ``venue_id`` is its EIP-712 digest, ``body`` the signed request while it may have to be sent
    again (only the same bytes are ever re-sent), empty after the order's end. ``matched_e6`` is
    the venue's cumulative word, None when it never said; ``is_counted`` when that is its last
    word. ``filled_e6`` sums the fills we know, those that failed to settle included: the venue
    does not relist them. ``accepted_ns`` is when we first knew that the venue has it, 0 before;
    ``state_ns`` when it came into its state.
    """

    table: ClassVar[str] = "orders"
    key: ClassVar[tuple[str, ...]] = ("order_id",)

    order_id: str
    venue_id: str
    market_id: str
    token_id: str
    side: Side
    price_e4: int
    size_e6: int
    expires_ns: int | None
    post_only: bool
    component: str
    decision_id: int
    placed_ns: int
    body: bytes
    run_id: str
    state: OrderState = OrderState.INTENT
    state_ns: int = 0
    accepted_ns: int = 0
    matched_e6: int | None = None
    is_counted: bool = False
    filled_e6: int = 0
    reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether something may still be booked of it."""
        return self.state in OPEN


class FillRow(Row, frozen=True, kw_only=True):
    """One leg of ours in one trade; its identity is ``(trade_id, venue_id, leg)``.

    ``order_id`` is ours, "" for a fill of an order of the account that is not ours. ``turns``
    counts its bookings: odd when it is booked, even when it is not (none yet, or taken back).
    ``ts_ns`` is when it was first heard of, ``status_ns`` when its status was.
    """

    table: ClassVar[str] = "fills"
    key: ClassVar[tuple[str, ...]] = ("trade_id", "venue_id", "leg")

    trade_id: str
    venue_id: str
    leg: int
    order_id: str
    market_id: str
    token_id: str
    side: Side
    price_e4: int
    size_e6: int
    fee_e12: int
    is_maker: bool
    status: TradeStatus
    match_time_s: int
    ts_ns: int
    status_ns: int
    turns: int = 0

    @property
    def identity(self) -> tuple[str, str, int]:
        """Its key."""
        return self.trade_id, self.venue_id, self.leg

    @property
    def is_final(self) -> bool:
        """Whether its settlement has ended, one way or the other."""
        return self.status in FINAL

    @property
    def is_booked(self) -> bool:
        """Whether it counts now."""
        return self.turns % 2 == 1

    @property
    def is_reversed(self) -> bool:
        """Whether it counted and was taken back."""
        return self.turns > 0 and not self.is_booked


class BookingKind(StrEnum):
    """Why cash or tokens moved."""

    OPENED = "opened"
    SET_ASIDE = "set_aside"
    FILL = "fill"
    REVERSAL = "reversal"
    MERGED = "merged"
    REDEEMED = "redeemed"
    REWARD = "reward"
    REBATE = "rebate"
    CASH_MOVED = "cash_moved"


class LedgerRow(Row, frozen=True, kw_only=True):
    """One booking. ``seq`` is gapless from 1, ``reference`` unique: nothing is booked twice.

    ``cash_e12`` and ``tokens_e6`` (by token id) are what the wallet gains by it. A fill names
    order, token, price, size and fee, and ``trade_id`` as the engine knows it; a reversal also
    what it ``reverses``. ``words`` are for people.
    """

    table: ClassVar[str] = "ledger"
    key: ClassVar[tuple[str, ...]] = ("seq",)

    seq: int
    ts_ns: int
    kind: BookingKind
    reference: str
    cash_e12: int = 0
    tokens_e6: dict[str, int] = {}
    market_id: str = ""
    order_id: str = ""
    trade_id: str = ""
    reverses: str = ""
    price_e4: int = 0
    size_e6: int = 0
    fee_e12: int = 0
    is_maker: bool = False
    words: str = ""


class ConversionKind(StrEnum):
    """Settlements that are no trades."""

    MERGE = "merge"
    REDEEM = "redeem"


class ConversionState(StrEnum):
    """How far one is; what was asked may have happened until the chain says otherwise."""

    ASKED = "asked"
    DONE = "done"
    FAILED = "failed"


class ConversionRow(Row, frozen=True, kw_only=True):
    """A merge or a redemption: asked, then done or failed.

    ``cash_e12`` and ``tokens_e6`` are what the wallet gains when it is done. ``reference`` is
    what the chain or the relayer knows it by, "" until it is known.
    """

    table: ClassVar[str] = "conversions"
    key: ClassVar[tuple[str, ...]] = ("conversion_id",)

    conversion_id: str
    kind: ConversionKind
    market_id: str
    size_e6: int
    cash_e12: int
    tokens_e6: dict[str, int]
    asked_ns: int
    state: ConversionState = ConversionState.ASKED
    state_ns: int = 0
    reference: str = ""
    words: str = ""


AccountRow = OrderRow | FillRow | LedgerRow | ConversionRow
