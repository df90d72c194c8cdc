"""The pieces that the document's schema is made of."""

from __future__ import annotations

from typing import Any

NUMBER: dict[str, Any] = {"type": "number"}
MAYBE: dict[str, Any] = {"type": ["number", "null"]}
COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
MAYBE_COUNT: dict[str, Any] = {"type": ["integer", "null"]}
WHOLE: dict[str, Any] = {"type": "integer"}
FLAG: dict[str, Any] = {"type": "boolean"}
COUNTS: dict[str, Any] = {"type": "object", "additionalProperties": WHOLE}
MAYBE_COUNTS: dict[str, Any] = {**COUNTS, "type": ["object", "null"]}
TEXT: dict[str, Any] = {
    "type": "string",
    "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2066-\\u2069]*$",
}
MAYBE_TEXT: dict[str, Any] = {**TEXT, "type": ["string", "null"]}
DAY: dict[str, Any] = {"type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}$"}


def closed(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return an object with exactly these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        **more,
    }


def named(names: str, kind: dict[str, Any]) -> dict[str, Any]:
    """Return properties of one kind."""
    return dict.fromkeys(names.split(), kind)


def rows(row: dict[str, Any]) -> dict[str, Any]:
    """Return a list of objects."""
    return {"type": "array", "items": row}


def fact(known: dict[str, Any]) -> dict[str, Any]:
    """Return a section passed on from the runtime: it may gain keys, and is null when missing."""
    return {"type": ["object", "null"], "properties": known, "additionalProperties": True}
