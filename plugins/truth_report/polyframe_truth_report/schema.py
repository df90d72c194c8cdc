"""The JSON Schema of the daily document (draft 2020-12). A changed meaning is a new version."""

from __future__ import annotations

from typing import Any

from polyframe_truth_report.real_schema import PRODUCTION, SAFETY
from polyframe_truth_report.schema_words import (
    COUNT,
    COUNTS,
    DAY,
    FLAG,
    MAYBE,
    NUMBER,
    TEXT,
    WHOLE,
    closed,
    fact,
    named,
)

SCHEMA_ID = "polyframe.report/4"
_SHARE: dict[str, Any] = {"type": ["number", "null"], "minimum": 0, "maximum": 1.000001}

_PARTS: dict[str, Any] = {
    "type": "object",
    "properties": named(
        "spread adverse inventory fees rebates rewards resolution other total volume_usd"
        " sum equity_change error",
        MAYBE,
    ),
}
_PARTS_BY_NAME: dict[str, Any] = {"type": "object", "additionalProperties": _PARTS}
_ATTRIBUTION = fact(
    {
        **named("start_equity_usd end_equity_usd horizon_s", MAYBE),
        "total": _PARTS,
        "by_component": _PARTS_BY_NAME,
        "by_market": _PARTS_BY_NAME,
    }
)
_INTERVAL: dict[str, Any] = {
    "type": ["array", "null"],
    "items": NUMBER,
    "minItems": 2,
    "maxItems": 2,
}
_FIGURE = {
    **closed({"value": MAYBE, "n": COUNT, "interval": _INTERVAL, "reason": TEXT}),
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
_AVERAGES = closed(
    {
        "n": COUNT,
        **named("share_weighted_c equal_weighted_c notional_weighted_bps median_c", MAYBE),
        "total_usd": NUMBER,
    }
)
_CRITERION = {
    **closed(
        {
            "name": TEXT,
            "observed": MAYBE,
            "relation": {"enum": [">=", ">", "<=", "<"]},
            "limit": NUMBER,
            "unit": TEXT,
            "met": {"type": ["boolean", "null"]},
            "note": TEXT,
        }
    ),
    "if": {"properties": {"observed": {"type": "null"}}},
    "then": {"properties": {"met": {"type": "null"}, "note": {"minLength": 1}}},
}
_GATE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "gate": {"enum": ["A", "B", "C"]},
        "step": TEXT,
        "verdict": {"enum": ["GO", "EXTEND", "NO-GO", "N/A"]},
        "why": {**TEXT, "minLength": 1},
        "criteria": {"type": "array", "items": _CRITERION},
        "profile": TEXT,
    },
    "required": ["gate", "step", "verdict", "why", "criteria"],
    "additionalProperties": False,
    "allOf": [
        # GO is not said while a criterion is unknown or not met.
        {
            "if": {"properties": {"verdict": {"const": "GO"}}},
            "then": {
                "properties": {"criteria": {"items": {"properties": {"met": {"const": True}}}}},
            },
        },
        # What does not apply is judged on nothing, everything else on something.
        {
            "if": {"properties": {"verdict": {"const": "N/A"}}},
            "then": {"properties": {"criteria": {"maxItems": 0}}},
            "else": {"properties": {"criteria": {"minItems": 1}}},
        },
    ],
}
_FILL = {
    "type": "object",
    "properties": {
        **named("ts_ns decision_id", WHOLE),
        **named("trade_id order_id market_id cluster_id component token side", TEXT),
        **named("is_maker is_reversal is_reversed has_mid_before", FLAG),
        **named("price shares mid_before spread_usd adverse_usd fee_usd rebate_accrued_usd", MAYBE),
    },
}
_FILLS = closed(
    {
        **named("traded settled listed", COUNT),
        "totals": closed(named("spread_usd adverse_usd fee_usd rebate_accrued_usd", NUMBER)),
        "latest": {"type": "array", "items": _FILL},
    }
)
_MAKER = closed(
    {
        **named("decisions_by_outcome fills_by_component", COUNTS),
        **named("quotes_placed cancels replaces reversed_fills orders_filled", COUNT),
        **named("fills maker_fills", WHOLE),
        "filled_shares": NUMBER,
        **named("fill_rate_per_quote effective_half_spread_c", MAYBE),
        "quote_uptime": closed(
            {
                "active_market_hours": NUMBER,
                **named("two_sided one_sided share_weighted notional_weighted", _SHARE),
            }
        ),
        "half_spreads": {
            **closed(named("effective adverse realised", _AVERAGES)),
            "type": ["object", "null"],
        },
    }
)
_HEALTH = closed(
    {
        "sockets": {"type": ["array", "null"]},
        "reconnects": {},
        **named("cancel_all_triggers pulls_by_trigger", COUNTS),
        "stale_quote_incidents": COUNT,
        **named(
            "stale_evidence_fills ledgers_compared ledger_differences discarded slow_plugin_calls"
            " plugins_detached plugins_vetoing_everything plugin_problems",
            {},
        ),
    }
)
_PERFORMANCE = closed(
    {
        "days_per_year": {"const": 365},
        **named(
            "equity_usd return_today return_total sharpe sortino calmar max_drawdown exposure_usd"
            " exposure_largest_market_usd turnover hit_rate_days",
            _FIGURE,
        ),
    }
)

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://polyframe.example/schemas/report-4.json",
    "title": "polyframe daily report",
    "description": (
        "One run's part of one UTC day. Money in USD rounded to 1e-6, instants in UTC "
        "nanoseconds, returns, rates and drawdowns as shares. What is not under run_to_date, "
        "portfolio, fill_profiles, feed or performance is the day's own, and of safety and "
        "production what is not a state of things. A null has its reason "
        "in `nulls`, keyed by JSON Pointer, or beside it in `reason` or `note`."
    ),
    **closed(
        {
            "schema": {"const": SCHEMA_ID},
            "day": DAY,
            **named("start_ns end_ns", WHOLE),
            "is_whole_day": FLAG,
            **named("source mode", TEXT),
            "run": fact({}),
            "portfolio": fact(
                {
                    **named(
                        "bankroll_usd equity_usd cash_usd unredeemed_usd realised_usd"
                        " unrealised_usd peak_equity_usd max_drawdown_usd exposure_usd"
                        " exposure_largest_market_usd",
                        MAYBE,
                    ),
                    "positions": {"type": ["array", "null"]},
                }
            ),
            "fill_profiles": fact({}),
            "feed": fact({}),
            "attribution": _ATTRIBUTION,
            **dict.fromkeys(
                ("orders", "decisions", "trades", "merges", "vetoes", "profiles"), fact({})
            ),
            "run_to_date": closed(
                {
                    "attribution": _ATTRIBUTION,
                    **dict.fromkeys(
                        ("orders", "decisions", "trades", "merges", "vetoes"), fact({})
                    ),
                }
            ),
            "fills": _FILLS,
            "maker": _MAKER,
            "capacity": {
                **closed({"is_limited": FLAG, "withheld_shares": {"type": "object"}}),
                "type": ["object", "null"],
            },
            "safety": SAFETY,
            "production": PRODUCTION,
            "health": _HEALTH,
            "performance": _PERFORMANCE,
            "gates": closed(dict.fromkeys(("A", "B", "C"), _GATE)),
            "equity_curve": {
                "type": "array",
                "items": closed(
                    {
                        "day": DAY,
                        **named("start_usd end_usd low_usd high_usd", NUMBER),
                        "drawdown": {"type": "number", "maximum": 0},
                    }
                ),
            },
            "warnings": {"type": "array", "items": TEXT},
            "nulls": {
                "type": "object",
                "additionalProperties": {"type": "string", "minLength": 1},
            },
        }
    ),
}
# Facts the runtime may add later travel here without a new version.
SCHEMA["properties"]["more"] = {"type": "object"}
