"""One log line: ``TIME Name key=value ...``, with everything that could forge a line escaped."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime

# Control, format (bidi, zero-width), surrogate, private, unassigned; line separators.
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_LONGEST_VALUE = 400


def visible(text: str) -> str:
    """Return text with every character that hides, reorders or breaks lines shown as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if unicodedata.category(char) not in _HIDDEN else f"\\u{ord(char):04x}"
        for char in text
    )


def line(message: str, fields: Mapping[str, object]) -> str:
    """Return ``message key=value ...``; a value with spaces or quotes is quoted."""
    parts = [visible(message)]
    for name, value in fields.items():
        text = visible(str(value))
        if len(text) > _LONGEST_VALUE:
            text = text[:_LONGEST_VALUE] + "..."
        if not text or any(char in text for char in ' "='):
            text = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        parts.append(f"{name}={text}")
    return " ".join(parts)


def at_text(ns: int) -> str:
    """Return UTC ns cut to the millisecond, as a line begins: ``2026-11-28T08:22:26.123Z``."""
    seconds, rest_ns = divmod(ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest_ns // 10**6:03d}Z"
