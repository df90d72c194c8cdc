"""The fault reference of docs/exchange.md, written from the schema."""

from __future__ import annotations

import re
from typing import Any

from polyframe.exchange.faults.catalogue import KINDS, summary
from polyframe.exchange.faults.script import kind_schema

GROUPS = {
    "socket": "Sockets",
    "message": "Messages",
    "rest": "REST answers and ambiguous placements",
    "venue": "Venue state",
    "settlement": "Settlement",
}
COMMON = ("kind", "at_s", "for_s", "every_s", "count", "share")
SCOPES = ("channel", "events", "tokens", "markets", "route", "market")


def reference() -> str:
    """Return one table for each group: every kind, what it does, its own settings."""
    parts = []
    for group, title in GROUPS.items():
        rows = [
            f"| `{kind}` | {_sentence(kind)} | {_settings(kind)} |"
            for kind, found in KINDS.items()
            if found.group == group
        ]
        parts.append("\n".join([f"### {title}", "", "| kind | what happens | its own settings |",
                                "|---|---|---|", *rows]))  # fmt: skip
    return "\n\n".join(parts)


def _sentence(kind: str) -> str:
    return re.sub(r" \([^()]*(venue\.md|#)[^()]*\)", "", summary(kind)).replace("``", "`")


def _settings(kind: str) -> str:
    schema = kind_schema(kind)
    told = []
    for name, field in schema["properties"].items():
        usual = {"share": 1.0, "count": None}
        if name in usual and field.get("default") != usual[name]:
            told.append(f"`{name}` {_value(field['default'])}")
        elif name not in (*COMMON, *SCOPES):
            is_required = name in schema.get("required", ())
            usual_value = "required" if is_required else _value(field["default"])
            told.append(f"`{name}` {usual_value}{_unit(field)}")
    return "; ".join(told) or "-"


def _value(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f'"{text}"' if isinstance(value, str) else text


def _unit(field: dict[str, Any]) -> str:
    unit = field.get("unit", "")
    return "" if unit in ("name", "switch", "count", "share", "") else f" {unit}"
