"""What the satellite holds and what it cost, kept in the plugin's JSON document.

The account's position mixes every component's tokens; the budget and the exit need our own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from polyframe import Fill, PortfolioView
from polyframe.money import notional_e12

_KEYS = {True: ("yes_e6", "yes_cost_e12"), False: ("no_e6", "no_cost_e12")}


class Held(NamedTuple):
    """One market's tokens of ours, and what they cost, fees included."""

    market_id: str
    is_yes: bool
    size_e6: int
    cost_e12: int


class Ledger:
    """Own holdings by market, and which beliefs have been traded.

    Args:
        store: the plugin's document; changed in place.
    """

    def __init__(self, store: dict[str, Any]) -> None:
        self._holdings: dict[str, dict[str, int]] = store.setdefault("holdings", {})
        self._traded: dict[str, str] = store.setdefault("traded", {})

    def on_fill(self, fill: Fill, belief: str | None) -> None:
        """Book one of our own fills; a reversal is the same trade the other way round.

        ``belief`` is the identity of the market's prediction: it has had its position now.
        """
        held = self._holdings.setdefault(
            fill.market_id, {"yes_e6": 0, "no_e6": 0, "yes_cost_e12": 0, "no_cost_e12": 0}
        )
        size, cost = _KEYS[fill.is_yes]
        if fill.is_buy:
            held[size] += fill.size_e6
            held[cost] += notional_e12(fill.price_e4, fill.size_e6) + fill.fee_e12
            if belief is not None and not fill.is_reversal:
                self._traded[fill.market_id] = belief
        else:
            _keep(held, fill.is_yes, max(0, held[size] - fill.size_e6))
        self._drop_if_flat(fill.market_id)

    def settle(self, portfolio: PortfolioView) -> None:
        """Forget what the account no longer holds: resolved, or sold by others."""
        for market_id in list(self._holdings):
            held, position = self._holdings[market_id], portfolio.position(market_id)
            _keep(held, True, min(held["yes_e6"], max(0, position.yes_e6)))
            _keep(held, False, min(held["no_e6"], max(0, position.no_e6)))
            self._drop_if_flat(market_id)

    def of(self, market_id: str) -> Held | None:
        """Return the market's holding, the larger side if there are two; None without one."""
        held = self._holdings.get(market_id)
        if held is None:
            return None
        is_yes = held["yes_e6"] >= held["no_e6"]
        size, cost = _KEYS[is_yes]
        return Held(market_id, is_yes, held[size], held[cost])

    def shares_e6(self, market_id: str, is_yes: bool) -> int:
        """Return how many of one market's YES or NO tokens are ours."""
        held = self._holdings.get(market_id)
        return 0 if held is None else held[_KEYS[is_yes][0]]

    def sellable_e6(self, held: Held, portfolio: PortfolioView) -> int:
        """Return what of a holding the account has and has promised to no open sell order."""
        position = portfolio.position(held.market_id)
        free_e6 = position.yes_e6 if held.is_yes else position.no_e6
        for order in portfolio.orders(held.market_id):
            if not order.is_buy and order.is_yes == held.is_yes:
                free_e6 -= order.leaves_e6
        return max(0, min(held.size_e6, free_e6))

    def has_traded(self, market_id: str, belief: str) -> bool:
        """Whether this very belief has had its position."""
        return self._traded.get(market_id) == belief

    @property
    def cost_e12(self) -> int:
        """What everything we hold cost, fees included, in 1e-12 USD."""
        return sum(held["yes_cost_e12"] + held["no_cost_e12"] for held in self._holdings.values())

    def __iter__(self) -> Iterator[Held]:
        """Every holding, by market id."""
        for market_id in sorted(self._holdings):
            for is_yes in (True, False):
                size, cost = _KEYS[is_yes]
                held = self._holdings[market_id]
                if held[size]:
                    yield Held(market_id, is_yes, held[size], held[cost])

    def _drop_if_flat(self, market_id: str) -> None:
        held = self._holdings[market_id]
        if not held["yes_e6"] and not held["no_e6"]:
            del self._holdings[market_id]


def _keep(held: dict[str, int], is_yes: bool, keep_e6: int) -> None:
    """Cut a holding; its cost shrinks in proportion, rounded up so that a budget never gains."""
    size, cost = _KEYS[is_yes]
    if keep_e6 < held[size]:
        held[cost] = -(-held[cost] * keep_e6 // held[size])
        held[size] = keep_e6
