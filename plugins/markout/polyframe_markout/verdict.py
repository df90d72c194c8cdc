"""What a rule says of a market, and what the breaker saw."""

from __future__ import annotations

from typing import NamedTuple


class Verdict(NamedTuple):
    """``ok``, ``mild``, ``probing`` or ``toxic``, with the mean behind it and its limit, cents."""

    decision: str
    observed_c: float | None = None
    limit_c: float | None = None


class Trip(NamedTuple):
    """Bad clusters in a row: the least bad of them, and what a cluster may lose, in cents."""

    observed_c: float
    limit_c: float
