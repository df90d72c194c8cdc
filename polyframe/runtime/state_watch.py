"""Noticing that a market moved on its way to resolution: recorded and told, once a move."""

from __future__ import annotations

from collections.abc import Callable

from polyframe.model import MarketState
from polyframe.runtime.markets import Market
from polyframe.runtime.states import StateChange


class StateWatch:
    """Remembers each market's last state; ``new`` are the moves nobody has collected yet."""

    def __init__(self, log: Callable[..., None]) -> None:
        self._log = log
        self._states: dict[str, MarketState] = {}
        self.new: list[StateChange] = []

    def look(self, market: Market, now_ns: int) -> bool:
        """Look at a market; True when it moved since the last look (the first says nothing)."""
        state, reason = market.state_and_reason
        old = self._states.get(market.market_id)
        if old is state:
            return False
        self._states[market.market_id] = state
        if old is None:
            return False
        self.new.append(StateChange(now_ns, market.market_id, old, state, reason))
        self._log(
            "Market state", market=market.market_id, old=old, new=state, reason=reason or "none"
        )
        return True
