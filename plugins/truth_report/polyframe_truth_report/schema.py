"""The JSON Schema of the daily document (draft 2020-12). A changed meaning is a new version."""

from __future__ import annotations

from typing import Any

SCHEMA_ID = "polyframe.report/1"

_NUMBER: dict[str, Any] = {"type": "number"}
_MAYBE: dict[str, Any] = {"type": ["number", "null"]}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_WHOLE: dict[str, Any] = {"type": "integer"}
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


def _fact(required: dict[str, Any]) -> dict[str, Any]:
    """A section passed on from the runtime: it may gain keys, and is null when missing."""
    return {"type": ["object", "null"], "properties": required, "additionalProperties": True}


_PARTS: dict[str, Any] = {
    "type": "object",
    "properties": {
        name: _MAYBE
        for name in (
            "spread",
            "adverse",
            "inventory",
            "fees",
            "rebates",
            "rewards",
            "resolution",
            "other",
            "sum",
            "equity_change",
            "error",
        )
    },
}
_PARTS_BY_NAME: dict[str, Any] = {"type": "object", "additionalProperties": _PARTS}

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://polyframe.example/schemas/report-1.json",
    "title": "polyframe daily report",
    "description": (
        "Money in USD rounded to 1e-6, instants in UTC nanoseconds, returns and drawdowns as "
        "shares. A null has its reason in `nulls`, keyed by JSON Pointer."
    ),
    **_closed(
        {
            "schema": {"const": SCHEMA_ID},
            "day": _DAY,
            "start_ns": _WHOLE,
            "end_ns": _WHOLE,
            "source": _TEXT,
            "mode": _TEXT,
            "run": _fact({}),
            "portfolio": _fact(
                {
                    **{
                        name: _MAYBE
                        for name in (
                            "bankroll_usd",
                            "equity_usd",
                            "cash_usd",
                            "realised_usd",
                            "unrealised_usd",
                            "peak_equity_usd",
                            "max_drawdown_usd",
                        )
                    },
                    "positions": {"type": ["array", "null"]},
                }
            ),
            "attribution": _fact(
                {
                    "total": _PARTS,
                    "by_market": _PARTS_BY_NAME,
                    "by_component": _PARTS_BY_NAME,
                }
            ),
            "orders": _fact({}),
            "decisions": _fact({}),
            "vetoes": _fact({}),
            "paper_profiles": _fact({}),
            "feed": _fact({}),
            "maker": _closed(
                {
                    "decisions_by_outcome": _COUNTS,
                    "quotes_placed": _COUNT,
                    "cancels": _COUNT,
                    "replaces": _COUNT,
                    "fills": _WHOLE,
                    "maker_fills": _WHOLE,
                    "reversed_fills": _COUNT,
                    "fills_by_component": _COUNTS,
                    "filled_shares": _NUMBER,
                    "orders_filled": _COUNT,
                    "fill_rate_per_quote": _MAYBE,
                    "effective_half_spread_c": _MAYBE,
                }
            ),
            "performance": _closed(
                {
                    "days": _COUNT,
                    "days_per_year": {"const": 365},
                    "return_today": _MAYBE,
                    "return_total": _NUMBER,
                    "max_drawdown": {"type": "number", "maximum": 0},
                    "sharpe": _MAYBE,
                    "sharpe_95": {
                        "type": ["array", "null"],
                        "items": _NUMBER,
                        "minItems": 2,
                        "maxItems": 2,
                    },
                    "sortino": _MAYBE,
                    "calmar": _MAYBE,
                }
            ),
            "equity_curve": {
                "type": "array",
                "items": _closed(
                    {
                        "day": _DAY,
                        "start_usd": _NUMBER,
                        "end_usd": _NUMBER,
                        "low_usd": _NUMBER,
                        "high_usd": _NUMBER,
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
