r"""Makes any mapping safe to publish: finite rounded numbers, reasons for nulls, visible text.

Text from the venue is hostile until escaped: control characters, bidirectional overrides and
zero-width characters are shown as ``\u202e``, so that no title can rewrite a line around it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

MONEY_DECIMALS = 6
NOT_REPORTED = "not reported by the runtime"
NO_SIMULATION = "orders were real: nothing was simulated"
# What the runtime means by a null of this name.
_MEANT = {
    "adverse_usd": "its horizon has not ended",
    "uptime_s": "the socket is down",
    "median_time_to_fill_s": "no order was filled",
    "mark": "no two-sided book",
    "value_usd": "no mark",
    "announced_usd": "not stated to this run",
    "booked_usd": "not booked yet",
    "predicted_low_usd": "the day was over when the run began",
    "predicted_high_usd": "the day was over when the run began",
    "clock_skew_s": "not measured yet",
    "last_ns": "not compared yet",
    "is_beyond_bound": "not compared yet",
    **dict.fromkeys(
        ("share_weighted_c", "equal_weighted_c", "notional_weighted_bps"),
        "no fill at its horizon",
    ),
}

SIMULATED: Mapping[str, str] = dict.fromkeys(
    ("stale_evidence_fills", "stale_evidence_shares", "headline_equity_usd",
     "capacity_limited_shares", "rebates_accrued_usd", "rebates_lapsed_usd"),
    NO_SIMULATION,
)  # fmt: skip
"""What the nulls of these names mean where orders were real."""


def visible(text: str) -> str:
    """Return a text with every control, format, bidi and odd blank character escaped."""
    if text.isprintable():
        return text
    return "".join(ch if ch.isprintable() else _escaped(ch) for ch in text)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


class Cleaner:
    """Cleans values and collects why each null is null, by its path in the document.

    Args:
        max_text_chars: longer texts are cut.
        meant: what nulls of a name mean in this document, besides what they always do.
    """

    def __init__(self, max_text_chars: int, meant: Mapping[str, str] | None = None) -> None:
        self.nulls: dict[str, str] = {}
        self._most = max_text_chars
        self._meant = _MEANT | dict(meant or {})

    def clean(self, value: Any, path: str = "") -> Any:
        """Return JSON-ready data: numbers rounded to 1e-6, keys as text, order kept."""
        if isinstance(value, bool) or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        if isinstance(value, float):
            if math.isfinite(value):
                return round(value, MONEY_DECIMALS) + 0.0  # + 0.0: no minus zero
            return self.null(path, f"not finite: {value}")
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {
                (name := self.text(str(key))): self.clean(item, f"{path}/{_token(name)}")
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.clean(item, f"{path}/{index}") for index, item in enumerate(value)]
        if value is None:
            return self.null(path, self._meant.get(path.rpartition("/")[2], NOT_REPORTED))
        return self.null(path, f"not JSON: {type(value).__name__}")

    def null(self, path: str, reason: str) -> None:
        """Record why the value at a path is null; a reason given earlier stays."""
        self.nulls.setdefault(path, reason)

    def text(self, text: str) -> str:
        """Return a visible text, cut at the limit."""
        shown = visible(text)
        return shown if len(shown) <= self._most else shown[: self._most - 3] + "..."


def _token(key: str) -> str:
    """Return a key as a JSON Pointer token (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")
