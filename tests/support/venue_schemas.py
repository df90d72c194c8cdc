"""The field tables of venue.md 2 and 3 as JSON Schemas: what our exchange must answer, to the type.

A table that is complete is closed (``additionalProperties`` false); Gamma's objects and what the
tables only sketch stay open, with the types of the fields they name.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
DIGITS: Schema = {"type": "string", "pattern": r"^[0-9]+$"}
DECIMAL: Schema = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}
DECIMAL_OR_EMPTY: Schema = {"type": "string", "pattern": r"^([0-9]+(\.[0-9]+)?)?$"}
SIGNED_DECIMAL: Schema = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
HEX: Schema = {"type": "string", "pattern": r"^0x[0-9a-fA-F]+$"}
HEX_64: Schema = {"type": "string", "pattern": r"^0x[0-9a-fA-F]{64}$"}
CONDITION: Schema = {"type": "string", "pattern": r"^0x([0-9a-f]{62}|[0-9a-f]{64})$"}
ADDRESS: Schema = {"type": "string", "pattern": r"^0x[0-9a-fA-F]{40}$"}
SHA_1: Schema = {"type": "string", "pattern": r"^[0-9a-f]{40}$"}
# The order's hash that caused a change: 40 digits in captures of 2025, an order id since.
CAUSE: Schema = {"type": "string", "pattern": r"^([0-9a-f]{40}|0x[0-9a-f]{64})$"}
UUID: Schema = {"type": "string", "pattern": r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"}
SECONDS: Schema = {"type": "string", "pattern": r"^[0-9]{10}$"}
MILLISECONDS: Schema = {"type": "string", "pattern": r"^[0-9]{13}$"}
ISO: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
DAY: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"}
ODD_TIME: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00$"}
SIDE: Schema = {"enum": ["BUY", "SELL"]}
TICK: Schema = {"enum": ["0.1", "0.01", "0.005", "0.0025", "0.001", "0.0001"]}
NULL: Schema = {"type": "null"}


def either(*schemas: Schema) -> Schema:
    """One of several."""
    return {"anyOf": list(schemas)}


def only(*values: Any) -> Schema:
    """One of these values."""
    return {"enum": list(values)}


def many(item: Schema, **bounds: int) -> Schema:
    """An array."""
    return {"type": "array", "items": item, **bounds}


def keyed(value: Schema) -> Schema:
    """An object whose keys are ids."""
    return {"type": "object", "additionalProperties": value}


def shape(
    required: dict[str, Schema], optional: dict[str, Schema] | None = None, *, is_open: bool = False
) -> Schema:
    """An object; closed unless its table is not complete."""
    return {
        "type": "object",
        "properties": required | (optional or {}),
        "required": list(required),
        "additionalProperties": is_open,
    }


def list_text(item: str) -> Schema:
    """A text that holds a JSON array, as Gamma writes lists."""
    return {"type": "string", "pattern": rf"^\[({item}(, ?{item})*)?\]$"}


def page(row: Schema) -> Schema:
    """A page of the CLOB (venue.md 2.2)."""
    return shape({"limit": WHOLE, "count": WHOLE, "next_cursor": TEXT, "data": many(row)})


def envelope(row: Schema) -> Schema:
    """A page of the Data API (venue.md 2.13)."""
    pagination = shape(
        {"limit": WHOLE, "offset": WHOLE, "has_more": FLAG, "next_cursor": either(TEXT, NULL)}
    )
    return shape({"data": many(row), "pagination": pagination})


def data(value: Schema) -> Schema:
    """An answer of the Data API that is no page."""
    return shape({"data": value})


ERROR = shape({"error": TEXT}, {"code": TEXT, "retry_after_seconds": WHOLE})

# --- books and prices (2.2, 2.3) ---------------------------------------------------

LEVEL = shape({"price": DECIMAL, "size": DECIMAL})
_BOOK_HEAD = {
    "market": CONDITION,
    "asset_id": DIGITS,
    "timestamp": MILLISECONDS,
    "hash": SHA_1,
    "bids": many(LEVEL),
    "asks": many(LEVEL),
}
_BOOK_TAIL = {
    "min_order_size": DECIMAL,
    "tick_size": TICK,
    "neg_risk": FLAG,
    "last_trade_price": DECIMAL_OR_EMPTY,
}
BOOK = shape(_BOOK_HEAD | _BOOK_TAIL)

# --- markets of the CLOB (2.4) -----------------------------------------------------

SHORT_MARKET = shape(
    {},
    {
        "c": CONDITION,
        "t": many(shape({"t": DIGITS, "o": TEXT}), minItems=2, maxItems=2),
        "mts": NUMBER,
        "mos": NUMBER,
        "nr": only(True),
        "fd": shape({"r": NUMBER, "e": NUMBER, "to": FLAG}),
        "mbf": NUMBER,
        "tbf": NUMBER,
        "ao": only(True),
        "cbos": only(True),
        "sd": WHOLE,
        "gst": either(TEXT, NULL),
        "aot": either(ISO, NULL),
        "r": shape({}, {"mi": NUMBER, "ma": NUMBER, "moas": NUMBER}),
        "rfqe": only(True),
        "itode": only(True),
        "ibce": only(True),
        "oas": WHOLE,
    },
)
_RATES = many(shape({"asset_address": ADDRESS, "rewards_daily_rate": NUMBER}))
SIMPLIFIED_MARKET = shape(
    {
        "condition_id": CONDITION,
        "tokens": many(
            shape({"token_id": DIGITS, "outcome": TEXT, "price": NUMBER, "winner": FLAG}),
            minItems=2, maxItems=2,
        ),
        "rewards": shape(
            {"rates": either(_RATES, NULL), "min_size": NUMBER, "max_spread": NUMBER}
        ),
        "active": FLAG, "closed": FLAG, "archived": FLAG, "accepting_orders": FLAG,
    }
)  # fmt: skip
LONG_MARKET = shape(
    SIMPLIFIED_MARKET["properties"]
    | {
        "enable_order_book": FLAG, "accepting_order_timestamp": either(ISO, NULL),
        "minimum_order_size": NUMBER, "minimum_tick_size": NUMBER, "question_id": TEXT,
        "question": TEXT, "description": TEXT, "market_slug": TEXT,
        "end_date_iso": either(ISO, NULL), "game_start_time": either(TEXT, NULL),
        "seconds_delay": WHOLE, "fpmm": TEXT, "maker_base_fee": NUMBER, "taker_base_fee": NUMBER,
        "notifications_enabled": FLAG, "neg_risk": FLAG, "neg_risk_market_id": TEXT,
        "neg_risk_request_id": TEXT, "icon": TEXT, "image": TEXT, "is_50_50_outcome": FLAG,
        "tags": many(TEXT),
    },
    {"version": only("v1", "v2")},
)  # fmt: skip

# --- orders and trades (2.5 - 2.8) -------------------------------------------------

_PLACED_HEAD = {
    "errorMsg": TEXT,
    "takingAmount": DECIMAL_OR_EMPTY,
    "makingAmount": DECIMAL_OR_EMPTY,
}
PLACED = shape(
    _PLACED_HEAD
    | {
        "errorMsg": only(""),
        "orderID": HEX_64,
        "status": only("live", "matched", "delayed", "unmatched"),
        "success": only(True),
    },
    {"tradeIDs": many(UUID), "transactionsHashes": many(HEX)},
)
REFUSED_LEG = shape(
    _PLACED_HEAD | {"orderID": only(""), "status": only(""), "success": FLAG}
    | {"errorMsg": {"type": "string", "minLength": 1}}
)  # fmt: skip
CANCELLED = shape({"canceled": many(HEX_64), "not_canceled": keyed(TEXT)})

ORDER_STATUS = only(
    "LIVE", "MATCHED", "CANCELED", "CANCELED_MARKET_RESOLVED", "INVALID", "DELAYED", "UNMATCHED",
    "CANCELED_NOT_ENOUGH_BALANCE", "CANCELED_MARKET_NOT_FOUND", "CANCELED_EXPIRED_ORDER",
    "CANCELED_ORDER_TIMED_OUT",
)  # fmt: skip
_ORDER = {
    "id": HEX_64, "owner": UUID, "maker_address": ADDRESS, "market": CONDITION, "asset_id": DIGITS,
    "side": SIDE, "original_size": DECIMAL, "size_matched": DECIMAL, "price": DECIMAL,
    "outcome": TEXT, "expiration": either(DIGITS, NULL),
    "order_type": only("GTC", "GTD", "FOK", "FAK"), "status": ORDER_STATUS,
}  # fmt: skip
ORDER = shape(_ORDER | {"associate_trades": many(UUID), "created_at": WHOLE})

_MAKER_LEG = {
    "order_id": HEX_64, "owner": UUID, "maker_address": ADDRESS, "matched_amount": DECIMAL,
    "price": DECIMAL, "fee_rate_bps": DECIMAL_OR_EMPTY, "asset_id": DIGITS, "outcome": TEXT,
    "side": SIDE,
}  # fmt: skip
_TRADE = {
    "id": UUID, "taker_order_id": HEX_64, "market": CONDITION, "asset_id": DIGITS, "side": SIDE,
    "size": DECIMAL, "fee_rate_bps": DECIMAL_OR_EMPTY, "price": DECIMAL, "match_time": SECONDS,
    "last_update": SECONDS, "outcome": TEXT, "bucket_index": WHOLE, "owner": UUID,
    "maker_address": ADDRESS, "trader_side": only("TAKER", "MAKER"),
}  # fmt: skip
_STATUSES = ("MATCHED", "MINED", "CONFIRMED", "RETRYING", "FAILED")
TRADE = shape(
    _TRADE
    | {
        "status": only(*(f"TRADE_STATUS_{one}" for one in (*_STATUSES, "MATCHED_NOT_BROADCASTED"))),
        "maker_orders": many(shape(_MAKER_LEG), minItems=1),
    },
    {"transaction_hash": either(HEX, only(""))},
)

# --- the user channel (3.4) --------------------------------------------------------

USER_MESSAGES: dict[str, Schema] = {
    "order": shape(
        _ORDER
        | {
            "event_type": only("order"),
            "type": only("PLACEMENT", "UPDATE", "CANCELLATION"),
            "order_owner": UUID,
            "associate_trades": either(many(UUID), NULL),
            "created_at": SECONDS,
            "timestamp": MILLISECONDS,
        }
    ),
    "trade": shape(
        _TRADE
        | {
            "event_type": only("trade"),
            "type": only("TRADE"),
            "status": only(*_STATUSES),
            "trade_owner": UUID,
            "transaction_hash": either(HEX, NULL),
            "maker_orders": many(shape(_MAKER_LEG | {"outcome_index": only(0, 1)}), minItems=1),
            "timestamp": MILLISECONDS,
        }
    ),
}

# --- the market channel (3.2) ------------------------------------------------------

_CHANGE = shape(
    {"asset_id": DIGITS, "price": DECIMAL, "size": DECIMAL, "side": SIDE, "hash": CAUSE},
    {"best_bid": DECIMAL_OR_EMPTY, "best_ask": DECIMAL_OR_EMPTY},
)
_EVENT_MESSAGE = shape(
    {"id": DIGITS, "ticker": TEXT, "slug": TEXT, "title": TEXT, "description": TEXT}
)
MARKET_MESSAGES: dict[str, Schema] = {
    "book": shape({"event_type": only("book")} | _BOOK_HEAD, _BOOK_TAIL),
    "price_change": shape(
        {
            "event_type": only("price_change"),
            "market": CONDITION,
            "timestamp": MILLISECONDS,
            "price_changes": many(_CHANGE, minItems=1),
        }
    ),
    "last_trade_price": shape(
        {
            "event_type": only("last_trade_price"), "market": CONDITION, "asset_id": DIGITS,
            "price": DECIMAL, "size": DECIMAL, "fee_rate_bps": DECIMAL_OR_EMPTY, "side": SIDE,
            "timestamp": MILLISECONDS,
        },
        {"transaction_hash": HEX_64},
    ),
    "tick_size_change": shape(
        {
            "event_type": only("tick_size_change"), "market": CONDITION, "asset_id": DIGITS,
            "old_tick_size": TICK, "new_tick_size": TICK, "timestamp": MILLISECONDS,
        }
    ),
    "best_bid_ask": shape(
        {
            "event_type": only("best_bid_ask"), "market": CONDITION, "asset_id": DIGITS,
            "best_bid": DECIMAL, "best_ask": DECIMAL, "spread": SIGNED_DECIMAL,
            "timestamp": MILLISECONDS,
        }
    ),
    "new_market": shape(
        {
            "event_type": only("new_market"), "id": DIGITS, "question": TEXT, "market": CONDITION,
            "condition_id": CONDITION, "slug": TEXT, "description": TEXT,
            "assets_ids": many(DIGITS), "clob_token_ids": many(DIGITS), "outcomes": many(TEXT),
            "active": FLAG, "tags": many(TEXT), "order_price_min_tick_size": TICK,
            "group_item_title": TEXT, "sports_market_type": TEXT, "line": TEXT,
            "game_start_time": TEXT, "taker_base_fee": DECIMAL, "fees_enabled": FLAG,
            "fee_schedule": {"type": "object"}, "event_message": _EVENT_MESSAGE,
            "timestamp": MILLISECONDS,
        }
    ),
    "market_resolved": shape(
        {
            "event_type": only("market_resolved"), "id": DIGITS, "market": CONDITION,
            "assets_ids": many(DIGITS), "winning_asset_id": {"type": "string"},
            "winning_outcome": TEXT, "tags": many(TEXT), "timestamp": MILLISECONDS,
        }
    ),
}  # fmt: skip

# --- Gamma (2.12, 6) ---------------------------------------------------------------

TAG = shape({"id": DIGITS, "label": TEXT, "slug": TEXT}, is_open=True)
_FEES = shape({"rate": NUMBER, "exponent": NUMBER, "takerOnly": FLAG, "rebateRate": NUMBER})
GAMMA_MARKET = shape(
    {
        "id": DIGITS, "question": TEXT, "conditionId": CONDITION, "slug": TEXT,
        "resolutionSource": TEXT, "description": TEXT, "startDate": ISO,
        "outcomes": list_text('"[^"]*"'), "outcomePrices": list_text('"[0-9.]+"'),
        "clobTokenIds": list_text('"[0-9]+"'), "questionID": TEXT, "active": FLAG, "closed": FLAG,
        "archived": FLAG, "restricted": FLAG, "acceptingOrders": FLAG, "enableOrderBook": FLAG,
        "acceptingOrdersTimestamp": ISO, "negRisk": FLAG, "orderPriceMinTickSize": NUMBER,
        "orderMinSize": NUMBER, "volume": DECIMAL, "volumeNum": NUMBER, "volume24hr": NUMBER,
        "liquidity": DECIMAL, "liquidityNum": NUMBER, "liquidityClob": NUMBER,
        "feesEnabled": FLAG, "rewardsMinSize": NUMBER, "rewardsMaxSpread": NUMBER,
        "clobRewards": many({"type": "object"}), "holdingRewardsEnabled": FLAG,
        "secondsDelay": WHOLE, "clearBookOnStart": FLAG, "automaticallyActive": FLAG,
        "automaticallyResolved": FLAG, "manualActivation": FLAG, "umaResolutionStatus": TEXT,
        "umaResolutionStatuses": list_text('"[a-z]+"'), "groupItemTitle": TEXT,
        "groupItemThreshold": TEXT, "createdAt": ISO, "updatedAt": ISO,
    },
    {
        "version": only("v1", "v2"), "positionIds": many(DIGITS), "endDate": ISO,
        "endDateIso": DAY, "startDateIso": DAY, "gameStartTime": ODD_TIME, "closedTime": ODD_TIME,
        "eventStartTime": ISO, "bestBid": NUMBER, "bestAsk": NUMBER, "lastTradePrice": NUMBER,
        "spread": NUMBER, "feeType": TEXT, "feeSchedule": _FEES, "makerBaseFee": NUMBER,
        "takerBaseFee": NUMBER, "umaBond": TEXT, "umaReward": TEXT, "customLiveness": NUMBER,
        "resolutionStatus": only("inactive", "active", "resolved"), "sportsMarketType": TEXT,
        "line": NUMBER, "gameId": TEXT, "negRiskOther": FLAG, "events": many({"type": "object"}),
        "tags": many(TAG), "rfqEnabled": FLAG,
    },
    is_open=True,
)  # fmt: skip
GAMMA_EVENT = shape(
    {
        "id": DIGITS, "slug": TEXT, "title": TEXT, "active": FLAG, "closed": FLAG,
        "negRisk": FLAG, "enableNegRisk": FLAG, "negRiskAugmented": FLAG, "liquidity": NUMBER,
        "volume": NUMBER, "volume24hr": NUMBER, "markets": many(GAMMA_MARKET), "tags": many(TAG),
    },
    {"negRiskMarketID": HEX, "startDate": ISO, "endDate": ISO},
    is_open=True,
)  # fmt: skip

# --- Data v2 (2.13) ----------------------------------------------------------------

_DISPLAY = {"title": TEXT, "slug": TEXT, "event_slug": TEXT}
POSITION = shape(
    _DISPLAY
    | {
        "proxy_wallet": ADDRESS, "token_id": DIGITS, "opposite_token_id": DIGITS,
        "condition_id": CONDITION, "event_id": WHOLE, "outcome": TEXT, "opposite_outcome": TEXT,
        "outcome_index": only(0, 1), "status": only("OPEN", "REDEEMABLE", "CLOSED"),
        "current_size": NUMBER, "avg_price": NUMBER, "entry_cost_usdc": NUMBER,
        "entry_fees_usdc": NUMBER, "total_cost_usdc": NUMBER, "current_price": NUMBER,
        "current_value": NUMBER, "total_size": NUMBER, "realized_pnl": NUMBER,
        "unrealized_pnl": NUMBER, "total_pnl": NUMBER, "percent_pnl": NUMBER,
        "percent_realized_pnl": NUMBER, "redeemable": FLAG, "mergeable": FLAG,
        "negative_risk": FLAG, "archived": FLAG, "verified": FLAG, "end_date": TEXT,
        "last_event_at": WHOLE, "first_entry_at": WHOLE,
    }
)  # fmt: skip
_DATA_TRADE = {
    "proxy_wallet": ADDRESS, "token_id": DIGITS, "condition_id": CONDITION, "side": SIDE,
    "size": NUMBER, "price": NUMBER, "timestamp": WHOLE, "transaction_hash": TEXT, "icon": TEXT,
    "outcome": TEXT, "outcome_index": only(0, 1), **_DISPLAY,
}  # fmt: skip
DATA_TRADE = shape(_DATA_TRADE)
ACTIVITY = shape(
    {
        "proxy_wallet": ADDRESS, "timestamp": WHOLE, "transaction_hash": TEXT,
        "type": only(
            "TRADE", "SPLIT", "MERGE", "REDEEM", "REWARD", "CONVERSION", "DEPOSIT", "WITHDRAWAL",
            "MAKER_REBATE", "TAKER_REBATE",
        ),
        "usdc_size": NUMBER,
    },
    _DATA_TRADE | {"is_combo": FLAG},
)  # fmt: skip
_NUMBER_OR_NULL = either(NUMBER, NULL)
RESOLUTION = shape(
    {
        "question_id": TEXT, "condition_id": CONDITION,
        "status": only("proposed", "disputed", "reproposed", "resolved"), "extended_review": FLAG,
        "expected_settlement_time": _NUMBER_OR_NULL, "settlement_time_basis": either(TEXT, NULL),
        "was_disputed": FLAG, "new_version_q": FLAG, "proposed_price": NUMBER,
        "reproposed_price": NUMBER, "price": NUMBER, "transaction_hash": either(HEX, NULL),
        "log_index": either(WHOLE, NULL), "last_update_timestamp": WHOLE,
        "market_type": only("BINARY", "INCREMENTAL_NEGRISK", "ATOMIC_NEGRISK"),
        "payouts": either(many(WHOLE, minItems=2, maxItems=2), NULL), "resolution_source": TEXT,
        "reporter": TEXT, "was_arbitrated": FLAG, "resolved_block": either(WHOLE, NULL),
        "resolved_at": either(WHOLE, NULL),
    }
)  # fmt: skip
HOLDERS = shape(
    {
        "token_id": DIGITS,
        "holders": many(
            shape(
                {
                    "proxy_wallet": ADDRESS, "token_id": DIGITS, "amount": NUMBER,
                    "outcome_index": either(only(0, 1), NULL), "display_username_public": FLAG,
                    "verified": FLAG,
                }
            )
        ),
    }
)  # fmt: skip
APPROVALS = shape(
    {
        "address": ADDRESS,
        "chain_id": only(137),
        "contracts": many(
            shape(
                {
                    "token": ADDRESS, "spender": ADDRESS, "standard": only("ERC20", "ERC1155"),
                    "approved": FLAG,
                },
                {"amount": either(only("max"), DIGITS)},
            )
        ),
    }
)  # fmt: skip

# --- rewards (5.4) -----------------------------------------------------------------

_PROGRAMME = {
    "condition_id": CONDITION, "rewards_max_spread": NUMBER, "rewards_min_size": NUMBER,
    "rewards_config": many(
        shape(
            {
                "id": WHOLE, "asset_address": ADDRESS, "start_date": DAY, "end_date": DAY,
                "rate_per_day": NUMBER, "total_rewards": NUMBER,
            }
        ),
        minItems=1,
    ),
    "native_daily_rate": NUMBER, "sponsored_daily_rate": NUMBER, "total_daily_rate": NUMBER,
    "sponsors_count": WHOLE,
}  # fmt: skip
PROGRAMME = shape(_PROGRAMME)
DESCRIBED_PROGRAMME = shape(
    _PROGRAMME
    | {
        "market_id": DIGITS, "market_slug": TEXT, "question": TEXT,
        "market_competitiveness": NUMBER, "spread": NUMBER, "volume_24hr": NUMBER,
        "tokens": many(shape({"token_id": DIGITS, "outcome": TEXT, "price": NUMBER})),
        "event_id": DIGITS, "event_slug": TEXT, "one_day_price_change": NUMBER, "created_at": TEXT,
        "end_date": TEXT,
    },
    is_open=True,
)  # fmt: skip
EARNING = shape(
    {
        "date": DAY, "condition_id": CONDITION, "asset_address": ADDRESS, "maker_address": ADDRESS,
        "earnings": NUMBER, "asset_rate": NUMBER,
    }
)  # fmt: skip
REBATE = shape(
    {
        "date": DAY, "condition_id": CONDITION, "asset_address": ADDRESS, "maker_address": ADDRESS,
        "rebated_fees_usdc": DECIMAL,
    }
)  # fmt: skip
TOTAL = {key: value for key, value in EARNING["properties"].items() if key != "condition_id"}
NOTIFICATION = shape(
    {"id": WHOLE, "owner": UUID, "type": WHOLE, "payload": {"type": "object"}, "timestamp": WHOLE}
)

# What the official client 0.14.0 reads of the relayer and of a node.
RELAYER_STATE: Schema = only(
    *(f"STATE_{word}" for word in ("NEW", "EXECUTED", "MINED", "CONFIRMED", "FAILED"))
)
RELAYER_PARAMS = shape({"address": ADDRESS, "nonce": DIGITS})
SUBMITTED = shape({"transactionID": UUID, "transactionHash": only(""), "state": RELAYER_STATE})
RELAYED = shape(
    {
        "transaction_id": UUID,
        "transaction_hash": either(HEX_64, only("")),
        "state": RELAYER_STATE,
    },
    {"error_msg": TEXT},
)
_RPC = {"jsonrpc": only("2.0"), "id": either(WHOLE, NULL)}
RPC_ANSWER = either(
    shape(_RPC | {"result": either(HEX, NULL, {"type": "object"})}),
    shape(_RPC | {"error": shape({"code": WHOLE, "message": TEXT})}),
)
