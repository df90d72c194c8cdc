"""Orders and trades as the venue writes them: over REST and on the user channel (venue.md 2-3)."""

from __future__ import annotations

from typing import Any

from polyframe.events import Side
from polyframe.exchange.trading.events import AccountEvent
from polyframe.exchange.trading.orders import AccountOrder, Placement
from polyframe.exchange.trading.settlement import Leg, Trade
from polyframe.exchange.wire import wire_price
from polyframe.money import USD_E12, size_text

_S_NS = 10**9
_MS_NS = 10**6


def placement_body(placement: Placement) -> dict[str, Any]:
    """Return the answer to an accepted order (venue.md 2.6): what is received and given."""
    body: dict[str, Any] = {
        "errorMsg": "", "orderID": placement.order_id, "takingAmount": "", "makingAmount": "",
        "status": placement.status, "success": True,
    }  # fmt: skip
    if placement.trade_ids:
        shares, usd = size_text(placement.matched_e6), usd_text(placement.matched_e12)
        is_buy = placement.side is Side.BUY
        body["takingAmount"], body["makingAmount"] = (shares, usd) if is_buy else (usd, shares)
        body["tradeIDs"] = list(placement.trade_ids)
        body["transactionsHashes"] = []
    return body


def refused_leg(text: str, *, success: bool) -> dict[str, Any]:
    """Return a refused leg of a batch: it may even call itself a success (venue.md 0.2.7)."""
    return {
        "errorMsg": text, "orderID": "", "takingAmount": "", "makingAmount": "", "status": "",
        "success": success,
    }  # fmt: skip


def rest_order(order: AccountOrder) -> dict[str, Any]:
    """Return an order as ``/data/orders`` shows it (venue.md 2.7)."""
    return {
        **_order(order),
        "associate_trades": list(order.trade_ids),
        "created_at": order.created_ns // _S_NS,
    }


def order_event(event: AccountEvent) -> dict[str, Any]:
    """Return an order's event on the user channel (venue.md 3.4)."""
    order = event.order
    assert order is not None
    return {
        "event_type": "order",
        "type": event.kind.value,
        **_order(order),
        "order_owner": order.request.api_key,
        "associate_trades": list(order.trade_ids) or None,
        "created_at": str(order.created_ns // _S_NS),
        "timestamp": str(event.ts_ns // _MS_NS),
    }


def rest_trade(trade: Trade, api_key: str) -> dict[str, Any]:
    """Return a trade as one party's ``/data/trades`` shows it (venue.md 2.8)."""
    body = _trade(trade, api_key)
    body["status"] = f"TRADE_STATUS_{trade.status}"
    body["transaction_hash"] = trade.transaction_hash
    for leg in body["maker_orders"]:
        del leg["outcome_index"]
    return body


def trade_event(event: AccountEvent, api_key: str) -> dict[str, Any]:
    """Return a trade's event as one party gets it on the user channel (venue.md 3.4)."""
    trade = event.trade
    assert trade is not None
    return {
        "event_type": "trade",
        "type": "TRADE",
        **_trade(trade, api_key),
        "trade_owner": trade.taker.owner,
        "timestamp": str(event.ts_ns // _MS_NS),
    }


def usd_text(amount_e12: int) -> str:
    """Return dollars as a plain decimal without trailing zeros, all twelve digits kept."""
    whole, fraction = divmod(amount_e12, USD_E12)
    digits = f"{fraction:012d}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def _order(order: AccountOrder) -> dict[str, Any]:
    request = order.request
    return {
        "id": order.order_id,
        "status": order.status,
        "owner": request.api_key,
        "maker_address": request.wallet,
        "market": order.market_id,
        "asset_id": request.token_id,
        "side": request.side.value,
        "original_size": size_text(request.size_e6),
        "size_matched": size_text(order.matched_e6),
        "price": wire_price(request.price_e4),
        "outcome": order.outcome,
        "expiration": str(request.expiration_s),
        "order_type": request.order_type,
    }


def _trade(trade: Trade, api_key: str) -> dict[str, Any]:
    taker = trade.taker
    is_taker = taker.wallet is not None and taker.owner == api_key
    own = taker if is_taker else _maker_of(trade, api_key)
    return {
        "id": trade.trade_id,
        "taker_order_id": taker.order_id,
        "market": trade.market_id,
        "asset_id": taker.token_id,
        "side": taker.side.value,
        "size": size_text(taker.size_e6),
        "fee_rate_bps": "0",
        "price": wire_price(taker.price_e4),
        "status": trade.status,
        "match_time": str(trade.matched_ns // _S_NS),
        "last_update": str(trade.updated_ns // _S_NS),
        "outcome": taker.outcome,
        "bucket_index": trade.bucket_index,
        "owner": own.owner,
        "maker_address": own.address,
        "transaction_hash": trade.transaction_hash or None,
        "trader_side": "TAKER" if is_taker else "MAKER",
        "maker_orders": [_maker_order(leg) for leg in trade.makers],
    }


def _maker_of(trade: Trade, api_key: str) -> Leg:
    return next(leg for leg in trade.makers if leg.owner == api_key)


def _maker_order(leg: Leg) -> dict[str, Any]:
    return {
        "order_id": leg.order_id,
        "owner": leg.owner,
        "maker_address": leg.address,
        "matched_amount": size_text(leg.size_e6),
        "price": wire_price(leg.price_e4),
        "fee_rate_bps": "0",
        "asset_id": leg.token_id,
        "outcome": leg.outcome,
        "outcome_index": leg.outcome_index,
        "side": leg.side.value,
    }
