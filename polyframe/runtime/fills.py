"""From the venue's word on an execution to the fill that ledger and plugins see."""

from __future__ import annotations

from polyframe.events import OrderFilled
from polyframe.model import Fill
from polyframe.runtime.markets import Market
from polyframe.runtime.orders import Order


def fill_of(event: OrderFilled, order: Order, market: Market) -> Fill:
    """Return the fill; one that takes another back is the same trade the other way round."""
    is_reversal = bool(event.reverses)
    return Fill(
        ts_ns=event.ts_ns,
        trade_id=event.trade_id,
        order_id=event.order_id,
        market_id=order.market_id,
        token_id=order.token_id,
        is_yes=order.is_yes,
        is_buy=order.is_buy is not is_reversal,
        price_e4=event.price_e4,
        size_e6=event.size_e6,
        fee_e12=-event.fee_e12 if is_reversal else event.fee_e12,
        is_maker=event.is_maker,
        component=order.component,
        decision_id=order.decision_id,
        mid_before_e6=market.book.mid_e6 if market.has_book else None,
        reverses=event.reverses,
    )
