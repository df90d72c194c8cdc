"""Orders of accounts: what was asked for, what became of it, and how the venue answers."""

from __future__ import annotations

import msgspec

from polyframe.events import Side
from polyframe.exchange.matching import NewOrder, TimeInForce
from polyframe.exchange.trading.accounts import CASH
from polyframe.exchange.trading.modes import Closed
from polyframe.money import notional_e12

LIVE, MATCHED, DELAYED, UNMATCHED = "LIVE", "MATCHED", "DELAYED", "UNMATCHED"
CANCELED, EXPIRED = "CANCELED", "CANCELED_EXPIRED_ORDER"
NOT_ENOUGH_BALANCE = "CANCELED_NOT_ENOUGH_BALANCE"


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the desk takes it, its signature already checked.

    ``price_e4`` is the token's own limit price, ``expiration_s`` 0 unless it is a GTD,
    ``spends_e12`` as in :class:`~polyframe.exchange.matching.NewOrder`.
    """

    order_id: str
    api_key: str
    signer: str
    wallet: str
    token_id: str
    side: Side
    price_e4: int
    size_e6: int
    order_type: str = "GTC"
    expiration_s: int = 0
    post_only: bool = False
    spends_e12: int = 0


class AccountOrder(msgspec.Struct, kw_only=True):
    """An order of an account and its state; ``status`` is the venue's word.

    ``reserved_fee_e12`` is what is reserved of collateral beyond the cost while it is delayed.
    """

    request: OrderRequest
    market_id: str
    is_yes: bool
    outcome: str
    created_ns: int
    status: str = LIVE
    matched_e6: int = 0
    matched_e12: int = 0
    trade_ids: list[str] = []
    reserved_fee_e12: int = 0

    @property
    def order_id(self) -> str:
        """The EIP-712 digest."""
        return self.request.order_id

    @property
    def is_open(self) -> bool:
        """Whether it rests or waits for its delay to pass."""
        return self.status in (LIVE, DELAYED)

    @property
    def leaves_e6(self) -> int:
        """Micro-shares not yet matched."""
        return max(0, self.request.size_e6 - self.matched_e6)

    @property
    def asset(self) -> str:
        """What it pays with: collateral for a BUY, the token for a SELL."""
        return CASH if self.request.side is Side.BUY else self.request.token_id

    def cost(self, size_e6: int) -> int:
        """Return what ``size_e6`` shares reserve of :attr:`asset`, before fees."""
        if self.request.side is Side.SELL:
            return size_e6
        return notional_e12(self.request.price_e4, size_e6)

    def as_new_order(self) -> NewOrder:
        """Return it as the matching engine takes it."""
        request = self.request
        in_force = TimeInForce.GTC
        if request.order_type in ("FAK", "FOK"):
            in_force = TimeInForce(request.order_type)
        return NewOrder(
            request.order_id, request.wallet, self.is_yes, request.side, request.price_e4,
            request.size_e6, in_force, request.post_only, request.spends_e12,
        )  # fmt: skip


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """How the desk answers an order: accepted with a status, or refused with the venue's text.

    ``status`` is live, matched or delayed. Amounts are what was matched at once: shares in
    micro-shares and collateral in 1e-12 USD. ``http_status`` is that of a refusal, ``closed`` why
    no order of its kind is taken now.
    """

    order_id: str = ""
    status: str = ""
    side: Side = Side.BUY
    matched_e6: int = 0
    matched_e12: int = 0
    trade_ids: tuple[str, ...] = ()
    error: str = ""
    http_status: int = 400
    closed: Closed | None = None


class Cancellation(msgspec.Struct, frozen=True):
    """What a cancel did: ids taken off the book, and reasons by id for the rest.

    ``closed`` says why no cancel is taken now.
    """

    canceled: tuple[str, ...]
    not_canceled: dict[str, str]
    closed: Closed | None = None
