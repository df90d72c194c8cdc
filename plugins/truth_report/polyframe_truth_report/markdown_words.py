"""Words, numbers and tables of the Markdown: every text is escaped here, nothing else decides."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from polyframe_truth_report.clean import visible

# The last one is an entity, which would bring an escaped character back.
_MARKUP = re.compile(r"[\\`*\[\]|]|<(?=[A-Za-z/!?])|&(?=#?[A-Za-z0-9]+;)")
_LONGEST = 200


def title(text: str) -> list[str]:
    """Return a heading."""
    return ["", f"## {text}", ""]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table of cells that are Markdown already; "nothing" without rows."""
    if not rows:
        return ["nothing"]
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return f"| {' | '.join(padded)} |"

    return [line(head), f"|{'|'.join('-' * (width + 2) for width in widths)}|", *map(line, rows)]


def rows_of(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a list, empty when it is none."""
    if not isinstance(value, list | tuple):
        return []
    return [item for item in value if isinstance(item, Mapping)]


def mapping(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return an object within another one, empty when it is none."""
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}


def value_of(value: Any) -> float:
    """Return a number, 0 when it is none."""
    return float(value) if isinstance(value, int | float) else 0.0


def number(value: Any, decimals: int) -> str:
    """Return a number as text, ``-`` when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "-"
    return f"{value:.{decimals}f}" if isinstance(value, float) else str(value)


def in_unit(unit: str, value: Any) -> str:
    """Return a number in its unit (usd, share, ratio), ``-`` when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "-"
    return {"usd": f"{value:.2f}", "share": f"{value:.2%}"}.get(unit, f"{value:.2f}")


def plain(value: Any) -> str:
    """Return whatever it is in one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{text_of(name)} {plain(item)}" for name, item in value.items()) or "none"
    if isinstance(value, list | tuple):
        return "; ".join(plain(item) for item in value) or "none"
    return "-" if value is None else text_of(value)


def text_of(value: Any) -> str:
    """Return a text that is no Markdown: what would be markup gets a backslash."""
    shown = visible(str(value))
    if len(shown) > _LONGEST:
        shown = shown[: _LONGEST - 3] + "..."
    return _MARKUP.sub(r"\\\g<0>", shown)


def code(value: Any) -> str:
    """Return a name as a code span that nothing in it can end."""
    return f"`{visible(str(value))[:_LONGEST].replace('`', chr(39)).replace('|', '/')}`"
