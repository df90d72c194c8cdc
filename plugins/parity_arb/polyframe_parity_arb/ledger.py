"""What the parity trades hold and what it cost, kept in the plugin's JSON document.

The account's position mixes every component's tokens; a budget at cost needs our own.
"""

from __future__ import annotations

from typing import Any

from polyframe import Fill, PortfolioView
from polyframe.money import notional_e12

Holding = dict[str, int]
"""``yes_e6``, ``no_e6`` and what they cost: ``yes_cost_e12``, ``no_cost_e12``."""


class Ledger:
    """Own holdings by market.

    Args:
        store: the plugin's document; changed in place.
    """

    def __init__(self, store: dict[str, Any]) -> None:
        self._holdings: dict[str, Holding] = store.setdefault("holdings", {})

    def on_fill(self, fill: Fill) -> None:
        """Book one of our own fills; a reversal is the same trade the other way round."""
        held = self._holdings.setdefault(
            fill.market_id, {"yes_e6": 0, "no_e6": 0, "yes_cost_e12": 0, "no_cost_e12": 0}
        )
        size, cost = _keys(fill.is_yes)
        if fill.is_buy:
            held[size] += fill.size_e6
            held[cost] += notional_e12(fill.price_e4, fill.size_e6) + fill.fee_e12
        else:
            _keep(held, fill.is_yes, max(0, held[size] - fill.size_e6))
        if not held["yes_e6"] and not held["no_e6"]:
            del self._holdings[fill.market_id]

    def settle(self, portfolio: PortfolioView) -> None:
        """Forget what the account no longer holds: merged, paid out, or sold by others.

        Pairs are merged whole while other components may hold more of one token, so what is
        missing of one side is gone from both.
        """
        for market_id in list(self._holdings):
            held, position = self._holdings[market_id], portfolio.position(market_id)
            gone_e6 = max(0, held["yes_e6"] - position.yes_e6, held["no_e6"] - position.no_e6)
            for is_yes in (True, False):
                _keep(held, is_yes, max(0, held[_keys(is_yes)[0]] - gone_e6))
            if not held["yes_e6"] and not held["no_e6"]:
                del self._holdings[market_id]

    def pairs_e6(self, market_id: str, portfolio: PortfolioView) -> int:
        """Return the pairs of one market that are ours, held, and in no open sell order."""
        held = self._holdings.get(market_id)
        if held is None:
            return 0
        position = portfolio.position(market_id)
        yes_e6, no_e6 = position.yes_e6, position.no_e6
        for order in portfolio.orders(market_id):
            if not order.is_buy and order.is_yes:
                yes_e6 -= order.leaves_e6
            elif not order.is_buy:
                no_e6 -= order.leaves_e6
        return max(0, min(held["yes_e6"], held["no_e6"], yes_e6, no_e6))

    def shares_e6(self, market_id: str, is_yes: bool) -> int:
        """Return how many of one market's YES or NO tokens are ours."""
        held = self._holdings.get(market_id)
        return 0 if held is None else held[_keys(is_yes)[0]]

    @property
    def cost_e12(self) -> int:
        """What everything we hold cost, fees included, in 1e-12 USD."""
        return sum(held["yes_cost_e12"] + held["no_cost_e12"] for held in self._holdings.values())

    @property
    def markets(self) -> int:
        """Markets with a holding of ours."""
        return len(self._holdings)


def _keys(is_yes: bool) -> tuple[str, str]:
    return ("yes_e6", "yes_cost_e12") if is_yes else ("no_e6", "no_cost_e12")


def _keep(held: Holding, is_yes: bool, keep_e6: int) -> None:
    """Cut a holding; its cost shrinks in proportion, rounded up so that a budget never gains."""
    size, cost = _keys(is_yes)
    if keep_e6 < held[size]:
        held[cost] = -(-held[cost] * keep_e6 // held[size])
        held[size] = keep_e6
