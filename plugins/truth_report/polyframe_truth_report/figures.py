"""A figure as the report shows it: its value, how much it rests on, how sure it is, or why not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

DECIMALS = 9
MEASURED = "measured, not estimated: no interval"


def figure(
    value: float | None,
    n: int,
    *,
    interval: Sequence[float] | None = None,
    reason: str = "",
) -> dict[str, Any]:
    """Return ``{value, n, interval, reason}``: finite numbers, or null and why.

    ``interval`` is 95 %. ``reason`` says why the value, or else the interval, is null.
    """
    is_known = value is not None and math.isfinite(value)
    if not is_known and not reason:
        reason = "no data" if value is None else "not finite"
    if interval is not None and not all(map(math.isfinite, interval)):
        interval = None
    if is_known and interval is None and not reason:
        reason = MEASURED
    return {
        "value": _rounded(value) if is_known and value is not None else None,
        "n": n,
        "interval": None if interval is None or not is_known else [_rounded(x) for x in interval],
        "reason": reason,
    }


def _rounded(value: float) -> float:
    return round(value, DECIMALS) + 0.0  # + 0.0: no minus zero
