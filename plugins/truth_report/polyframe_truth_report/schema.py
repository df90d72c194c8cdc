"""The JSON Schema of the daily document (draft 2020-12). A changed meaning is a new version."""

from __future__ import annotations

from typing import Any

SCHEMA_ID = "polyframe.report/3"

_NUMBER: dict[str, Any] = {"type": "number"}
_MAYBE: dict[str, Any] = {"type": ["number", "null"]}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_WHOLE: dict[str, Any] = {"type": "integer"}
_FLAG: dict[str, Any] = {"type": "boolean"}
_SHARE: dict[str, Any] = {"type": ["number", "null"], "minimum": 0, "maximum": 1.000001}
_COUNTS: dict[str, Any] = {"type": "object", "additionalProperties": _WHOLE}
_TEXT: dict[str, Any] = {
    "type": "string",
    "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2066-\\u2069]*$",
}
_DAY: dict[str, Any] = {"type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}$"}


def _closed(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        **more,
    }


def _named(names: str, kind: dict[str, Any]) -> dict[str, Any]:
    return dict.fromkeys(names.split(), kind)


def _fact(known: dict[str, Any]) -> dict[str, Any]:
    """A section passed on from the runtime: it may gain keys, and is null when missing."""
    return {"type": ["object", "null"], "properties": known, "additionalProperties": True}


_PARTS: dict[str, Any] = {
    "type": "object",
    "properties": _named(
        "spread adverse inventory fees rebates rewards resolution other total volume_usd"
        " sum equity_change error",
        _MAYBE,
    ),
}
_PARTS_BY_NAME: dict[str, Any] = {"type": "object", "additionalProperties": _PARTS}
_ATTRIBUTION = _fact(
    {
        **_named("start_equity_usd end_equity_usd horizon_s", _MAYBE),
        "total": _PARTS,
        "by_component": _PARTS_BY_NAME,
        "by_market": _PARTS_BY_NAME,
    }
)
_INTERVAL: dict[str, Any] = {
    "type": ["array", "null"],
    "items": _NUMBER,
    "minItems": 2,
    "maxItems": 2,
}
_FIGURE = {
    **_closed({"value": _MAYBE, "n": _COUNT, "interval": _INTERVAL, "reason": _TEXT}),
    "description": "interval is 95 %; reason says why the value, or else the interval, is null",
    # A null without a reason is no answer.
    "if": {
        "anyOf": [
            {"properties": {"value": {"type": "null"}}},
            {"properties": {"interval": {"type": "null"}}},
        ]
    },
    "then": {"properties": {"reason": {"minLength": 1}}},
}
_AVERAGES = _closed(
    {
        "n": _COUNT,
        **_named("share_weighted_c equal_weighted_c notional_weighted_bps median_c", _MAYBE),
        "total_usd": _NUMBER,
    }
)
_CRITERION = {
    **_closed(
        {
            "name": _TEXT,
            "observed": _MAYBE,
            "relation": {"enum": [">=", ">", "<=", "<"]},
            "limit": _NUMBER,
            "unit": _TEXT,
            "met": {"type": ["boolean", "null"]},
            "note": _TEXT,
        }
    ),
    "if": {"properties": {"observed": {"type": "null"}}},
    "then": {"properties": {"met": {"type": "null"}, "note": {"minLength": 1}}},
}
_GATE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "gate": {"enum": ["A", "B", "C"]},
        "step": _TEXT,
        "verdict": {"enum": ["GO", "EXTEND", "NO-GO"]},
        "why": {**_TEXT, "minLength": 1},
        "criteria": {"type": "array", "items": _CRITERION, "minItems": 1},
        "profile": _TEXT,
    },
    "required": ["gate", "step", "verdict", "why", "criteria"],
    "additionalProperties": False,
    # GO is not said while a criterion is unknown or not met.
    "if": {"properties": {"verdict": {"const": "GO"}}},
    "then": {
        "properties": {"criteria": {"items": {"properties": {"met": {"const": True}}}}},
    },
}
_FILL = {
    "type": "object",
    "properties": {
        **_named("ts_ns decision_id", _WHOLE),
        **_named("trade_id order_id market_id cluster_id component token side", _TEXT),
        **_named("is_maker is_reversal is_reversed has_mid_before", _FLAG),
        **_named(
            "price shares mid_before spread_usd adverse_usd fee_usd rebate_accrued_usd", _MAYBE
        ),
    },
}
_FILLS = _closed(
    {
        **_named("traded settled listed", _COUNT),
        "totals": _closed(_named("spread_usd adverse_usd fee_usd rebate_accrued_usd", _NUMBER)),
        "latest": {"type": "array", "items": _FILL},
    }
)
_MAKER = _closed(
    {
        **_named("decisions_by_outcome fills_by_component", _COUNTS),
        **_named("quotes_placed cancels replaces reversed_fills orders_filled", _COUNT),
        **_named("fills maker_fills", _WHOLE),
        "filled_shares": _NUMBER,
        **_named("fill_rate_per_quote effective_half_spread_c", _MAYBE),
        "quote_uptime": _closed(
            {
                "active_market_hours": _NUMBER,
                **_named("two_sided one_sided share_weighted notional_weighted", _SHARE),
            }
        ),
        "half_spreads": {
            **_closed(_named("effective adverse realised", _AVERAGES)),
            "type": ["object", "null"],
        },
    }
)
_HEALTH = _closed(
    {
        "sockets": {"type": ["array", "null"]},
        "reconnects": {},
        **_named("cancel_all_triggers pulls_by_trigger", _COUNTS),
        "stale_quote_incidents": _COUNT,
        **_named(
            "stale_evidence_fills ledgers_compared ledger_differences discarded slow_plugin_calls"
            " plugins_detached plugins_vetoing_everything plugin_problems",
            {},
        ),
    }
)
_PERFORMANCE = _closed(
    {
        "days_per_year": {"const": 365},
        **_named(
            "equity_usd return_today return_total sharpe sortino calmar max_drawdown exposure_usd"
            " exposure_largest_market_usd turnover hit_rate_days",
            _FIGURE,
        ),
    }
)

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://polyframe.example/schemas/report-2.json",
    "title": "polyframe daily report",
    "description": (
        "One run's part of one UTC day. Money in USD rounded to 1e-6, instants in UTC "
        "nanoseconds, returns, rates and drawdowns as shares. What is not under run_to_date, "
        "portfolio, fill_profiles, feed or performance is the day's own. A null has its reason "
        "in `nulls`, keyed by JSON Pointer, or beside it in `reason` or `note`."
    ),
    **_closed(
        {
            "schema": {"const": SCHEMA_ID},
            "day": _DAY,
            **_named("start_ns end_ns", _WHOLE),
            "is_whole_day": _FLAG,
            **_named("source mode", _TEXT),
            "run": _fact({}),
            "portfolio": _fact(
                {
                    **_named(
                        "bankroll_usd equity_usd cash_usd realised_usd unrealised_usd"
                        " peak_equity_usd max_drawdown_usd exposure_usd"
                        " exposure_largest_market_usd",
                        _MAYBE,
                    ),
                    "positions": {"type": ["array", "null"]},
                }
            ),
            "fill_profiles": _fact({}),
            "feed": _fact({}),
            "attribution": _ATTRIBUTION,
            **dict.fromkeys(
                ("orders", "decisions", "trades", "merges", "vetoes", "profiles"), _fact({})
            ),
            "run_to_date": _closed(
                {
                    "attribution": _ATTRIBUTION,
                    **dict.fromkeys(
                        ("orders", "decisions", "trades", "merges", "vetoes"), _fact({})
                    ),
                }
            ),
            "fills": _FILLS,
            "maker": _MAKER,
            "capacity": _closed({"is_limited": _FLAG, "withheld_shares": {"type": "object"}}),
            "health": _HEALTH,
            "performance": _PERFORMANCE,
            "gates": _closed(dict.fromkeys(("A", "B", "C"), _GATE)),
            "equity_curve": {
                "type": "array",
                "items": _closed(
                    {
                        "day": _DAY,
                        **_named("start_usd end_usd low_usd high_usd", _NUMBER),
                        "drawdown": {"type": "number", "maximum": 0},
                    }
                ),
            },
            "warnings": {"type": "array", "items": _TEXT},
            "nulls": {
                "type": "object",
                "additionalProperties": {"type": "string", "minLength": 1},
            },
        }
    ),
}
# Facts the runtime may add later travel here without a new version.
SCHEMA["properties"]["more"] = {"type": "object"}
