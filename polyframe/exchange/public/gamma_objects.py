"""Reading Gamma's market objects, whose lists are texts that hold lists (venue.md 6.1)."""

from __future__ import annotations

import json
from typing import Any

from polyframe.exchange.source import GammaMarket


def market_token_ids(market: GammaMarket) -> list[str]:
    """Return a market's token ids, none when the field is absent or broken.

    Protocol V2 markets trade ``positionIds``, a real array (venue.md 1.4).
    """
    if market.get("version") == "v2" and market.get("positionIds"):
        token_ids: Any = market["positionIds"]
    else:
        token_ids = _decoded(market.get("clobTokenIds"))
    return [str(token_id) for token_id in token_ids] if isinstance(token_ids, list) else []


def market_outcomes(market: GammaMarket) -> list[str]:
    """Return the outcomes' names in the order of the token ids."""
    names = _decoded(market.get("outcomes"))
    return [str(name) for name in names] if isinstance(names, list) else []


def market_prices(market: GammaMarket) -> list[float]:
    """Return the outcomes' prices; of a resolved market, what a share pays."""
    try:
        return [float(price) for price in _decoded(market.get("outcomePrices")) or ()]
    except (TypeError, ValueError):
        return []


def resolution_steps(market: GammaMarket) -> list[str]:
    """Return what has happened to the resolution so far, oldest first."""
    steps = _decoded(market.get("umaResolutionStatuses"))
    return [str(step) for step in steps] if isinstance(steps, list) else []


def market_event(market: GammaMarket) -> dict[str, Any]:
    """Return the event a market belongs to, empty when it has none."""
    events: Any = market.get("events") or ()
    return dict(events[0]) if events else {}


def _decoded(text: Any) -> Any:
    try:
        return json.loads(text or "[]")
    except (TypeError, ValueError):
        return []
