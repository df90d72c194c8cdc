"""What happened to accounts, frozen at the moment it happened, for the user channel."""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec.structs import replace

from polyframe.exchange.trading.orders import AccountOrder
from polyframe.exchange.trading.settlement import Trade


class EventKind(StrEnum):
    """The user channel's kinds of events (venue.md 3.4)."""

    PLACEMENT = "PLACEMENT"
    UPDATE = "UPDATE"
    CANCELLATION = "CANCELLATION"
    TRADE = "TRADE"


class AccountEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An order's or a trade's state at ``ts_ns``; exactly one of the two is set."""

    kind: EventKind
    ts_ns: int
    market_id: str
    order: AccountOrder | None = None
    trade: Trade | None = None

    @classmethod
    def of_order(cls, kind: EventKind, order: AccountOrder, ts_ns: int) -> AccountEvent:
        """Freeze an order as it is now."""
        frozen = replace(order, trade_ids=list(order.trade_ids))
        return cls(kind=kind, ts_ns=ts_ns, market_id=order.market_id, order=frozen)

    @classmethod
    def of_trade(cls, trade: Trade, ts_ns: int) -> AccountEvent:
        """Freeze a trade as it is now."""
        return cls(
            kind=EventKind.TRADE, ts_ns=ts_ns, market_id=trade.market_id, trade=replace(trade)
        )

    @property
    def api_keys(self) -> tuple[str, ...]:
        """The API keys it concerns."""
        if self.order is not None:
            return (self.order.request.api_key,)
        assert self.trade is not None
        owners = (leg.owner for leg in self.trade.legs if leg.wallet is not None)
        return tuple(dict.fromkeys(owners))
