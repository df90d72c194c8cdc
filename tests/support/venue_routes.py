"""Every route of the exchange and the schema of what it answers with success."""

from __future__ import annotations

from venue_schemas import (
    ACTIVITY,
    ADDRESS,
    APPROVALS,
    BOOK,
    CANCELLED,
    CONDITION,
    DATA_TRADE,
    DECIMAL,
    DESCRIBED_PROGRAMME,
    DIGITS,
    EARNING,
    ERROR,
    FLAG,
    GAMMA_EVENT,
    GAMMA_MARKET,
    HOLDERS,
    LONG_MARKET,
    NOTIFICATION,
    NUMBER,
    ORDER,
    PLACED,
    POSITION,
    PROGRAMME,
    REBATE,
    REFUSED_LEG,
    RELAYED,
    RELAYER_PARAMS,
    RESOLUTION,
    RPC_ANSWER,
    SHORT_MARKET,
    SIDE,
    SIGNED_DECIMAL,
    SIMPLIFIED_MARKET,
    SUBMITTED,
    TAG,
    TEXT,
    TOTAL,
    TRADE,
    UUID,
    WHOLE,
    Schema,
    data,
    either,
    envelope,
    keyed,
    many,
    only,
    page,
    shape,
)

_CREDENTIALS = shape({"apiKey": UUID, "secret": TEXT, "passphrase": TEXT})
_KEYSET_MARKETS = shape({"markets": many(GAMMA_MARKET)}, {"next_cursor": TEXT})
_KEYSET_EVENTS = shape({"events": many(GAMMA_EVENT)}, {"next_cursor": TEXT})
_DONE = shape({"ok": only(True)}, {"kind": TEXT})
_GAMMA: dict[str, Schema] = {
    "GET /markets/keyset": _KEYSET_MARKETS,
    "GET /markets/slug/{slug}": GAMMA_MARKET,
    "GET /markets/{id}/tags": many(TAG),
    "GET /events/keyset": _KEYSET_EVENTS,
    "GET /events/slug/{slug}": GAMMA_EVENT,
    "GET /events/{id}": GAMMA_EVENT,
    "GET /events": many(GAMMA_EVENT),
    "GET /tags/slug/{slug}": TAG,
    "GET /tags": many(TAG),
}
_DATA: dict[str, Schema] = {
    "GET /v2/positions": envelope(POSITION),
    "GET /v2/value": data(shape({"proxy_wallet": ADDRESS, "value": NUMBER})),
    "GET /v2/trades": envelope(DATA_TRADE),
    "GET /v2/activity": envelope(ACTIVITY),
    "GET /v2/resolutions": data(many(RESOLUTION, minItems=1)),
    "GET /v2/status": data(shape({"indexed_at": WHOLE, "lag_seconds": WHOLE})),
    "GET /v2/approvals": data(APPROVALS),
    "GET /v2/holders": envelope(HOLDERS),
    "GET /v2/oi": data(many(shape({"condition_id": TEXT, "value": NUMBER}), minItems=1)),
    "GET /v2/prices-history": envelope(
        shape({"timestamp": WHOLE, "price": NUMBER, "resolution_seconds": WHOLE})
    ),
}


def _below(prefix: str, routes: dict[str, Schema]) -> dict[str, Schema]:
    return {key.replace(" ", f" {prefix}", 1): schema for key, schema in routes.items()}


ROUTES: dict[str, Schema] = {
    "GET /ok": only("OK"),
    "GET /time": WHOLE,
    "GET /version": shape({"version": only(2)}),
    "GET /api/geoblock": shape({"blocked": FLAG, "ip": TEXT, "country": TEXT, "region": TEXT}),
    "GET /book": BOOK,
    "POST /books": many(BOOK, minItems=1),
    "GET /price": shape({"price": DECIMAL}),
    "POST /prices": keyed(
        {"type": "object", "propertyNames": SIDE, "additionalProperties": DECIMAL}
    ),
    "GET /midpoint": shape({"mid": DECIMAL}),
    "POST /midpoints": keyed(DECIMAL),
    "GET /spread": shape({"spread": SIGNED_DECIMAL}),
    "POST /spreads": keyed(SIGNED_DECIMAL),
    "GET /last-trade-price": shape({"price": DECIMAL, "side": only("BUY", "SELL", "")}),
    "POST /last-trades-prices": many(
        shape({"price": DECIMAL, "side": SIDE, "token_id": DIGITS}), minItems=1
    ),
    "GET /tick-size": shape({"minimum_tick_size": NUMBER}),
    "GET /neg-risk": shape({"neg_risk": FLAG}),
    "GET /fee-rate": shape({"base_fee": DIGITS}),
    "GET /prices-history": ERROR,
    "GET /markets-by-token/{token_id}": shape(
        {"condition_id": CONDITION}, {"primary_token_id": DIGITS, "secondary_token_id": DIGITS}
    ),
    "GET /clob-markets/{condition_id}": SHORT_MARKET,
    "GET /markets": either(page(LONG_MARKET), many(GAMMA_MARKET)),
    "GET /markets/{id}": either(LONG_MARKET, GAMMA_MARKET),
    "GET /simplified-markets": page(SIMPLIFIED_MARKET),
    "GET /sampling-markets": page(LONG_MARKET),
    "GET /sampling-simplified-markets": page(SIMPLIFIED_MARKET),
    **_GAMMA,
    **_below("/gamma", _GAMMA),
    "GET /gamma/markets": many(GAMMA_MARKET),
    "GET /gamma/markets/{id}": GAMMA_MARKET,
    **_DATA,
    **_below("/data-api", _DATA),
    "POST /auth/api-key": _CREDENTIALS,
    "GET /auth/derive-api-key": _CREDENTIALS,
    "GET /auth/api-keys": shape({"apiKeys": many(UUID)}),
    "DELETE /auth/api-key": only("OK"),
    "GET /auth/ban-status/closed-only": shape({"closed_only": FLAG}),
    "POST /order": PLACED,
    "POST /orders": many(either(PLACED, REFUSED_LEG), minItems=1),
    "DELETE /order": CANCELLED,
    "DELETE /orders": CANCELLED,
    "DELETE /cancel-all": CANCELLED,
    "DELETE /cancel-market-orders": CANCELLED,
    "GET /data/orders": page(ORDER),
    "GET /data/order/{id}": ORDER,
    "GET /data/trades": page(TRADE),
    "POST /v1/heartbeats": shape({"heartbeat_id": TEXT}),
    "GET /balance-allowance": shape({"balance": DIGITS, "allowances": keyed(DIGITS)}),
    "GET /balance-allowance/update": only(""),
    "GET /order-scoring": shape({"scoring": FLAG}),
    "POST /orders-scoring": keyed(FLAG),
    "GET /v1/user/rate-limit-tier": shape({"tier": TEXT}),
    "GET /deployed": shape({"deployed": FLAG}),
    "GET /v1/account/transactions/params": RELAYER_PARAMS,
    "GET /relay-payload": RELAYER_PARAMS,
    "POST /submit": SUBMITTED,
    "GET /v1/account/transactions/{id}": RELAYED,
    "POST /rpc": either(RPC_ANSWER, many(RPC_ANSWER, minItems=1)),
    "POST /rpc/": either(RPC_ANSWER, many(RPC_ANSWER, minItems=1)),
    "GET /notifications": many(NOTIFICATION),
    "DELETE /notifications": only("OK"),
    "GET /rewards/markets/current": page(PROGRAMME),
    "GET /rewards/markets/multi": shape(
        page(DESCRIBED_PROGRAMME)["properties"], {"total_count": WHOLE}
    ),
    "GET /rewards/markets/{condition_id}": page(DESCRIBED_PROGRAMME),
    "GET /rebates/current": many(REBATE),
    "GET /rewards/user": page(EARNING),
    "GET /rewards/user/total": many(shape(TOTAL)),
    "GET /rewards/user/percentages": keyed(NUMBER),
    "GET /rewards/user/markets": shape(
        page(DESCRIBED_PROGRAMME)["properties"], {"total_count": WHOLE}
    ),
    "GET /admin/state": {"type": "object"},
    **{
        f"POST /admin/{name}": _DONE
        for name in (
            *("mode", "fault", "clear", "fund", "account", "pairs"),
            *("resolution", "tick", "settlement"),
        )
    },
}
"""``METHOD /path`` as the router writes it -> the schema of what it answers with success."""
SOCKETS = ("GET /ws/market", "GET /ws/user")
HEARTBEAT_MISMATCH = shape({"error_msg": TEXT, "heartbeat_id": TEXT})
