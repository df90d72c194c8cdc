"""Worst-case loss over the states a market or an event can end in. Pure, exact integers.

Money is 1e-12 USD. Values are what the state pays less what was paid for it, so they are
negative when the state loses. Source: quant.md A5.1 (goldens G17, G18); any subset of the
open orders may fill, and adding each order's loss in each state is exact for the worst one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from polyframe import OrderView, PositionView
from polyframe.money import PRICE_ONE_E4, complement_e4, notional_e12


class Outcomes(NamedTuple):
    """A market's value in 1e-12 USD if YES wins and if it does not."""

    yes_e12: int
    no_e12: int


NOTHING = Outcomes(0, 0)


def holding(position: PositionView) -> Outcomes:
    """Return what the holdings are worth in each state, less their cost; pairs net themselves."""
    return Outcomes(
        notional_e12(PRICE_ONE_E4, position.yes_e6) - position.cost_e12,
        notional_e12(PRICE_ONE_E4, position.no_e6) - position.cost_e12,
    )


def bid_loss_e12(yes_price_e4: int, size_e6: int) -> int:
    """Return what an order on the bid side loses when YES does not win: its price a share.

    Buying YES at p loses p; selling a held NO at 1 - p gives up 1 for 1 - p: p again.
    """
    return notional_e12(yes_price_e4, size_e6)


def ask_loss_e12(yes_price_e4: int, size_e6: int) -> int:
    """Return what an order on the ask side loses when YES wins: 1 - p a share."""
    return notional_e12(complement_e4(yes_price_e4), size_e6)


def with_orders(held: Outcomes, orders: Iterable[OrderView]) -> Outcomes:
    """Return the values when, in each state, exactly the orders that lose there fill."""
    yes_e12, no_e12 = held
    for order in orders:
        price_e4 = order.yes_price_e4
        if order.side == "bid":
            no_e12 -= bid_loss_e12(price_e4, order.leaves_e6)
        else:
            yes_e12 -= ask_loss_e12(price_e4, order.leaves_e6)
    return Outcomes(yes_e12, no_e12)


def market_loss_e12(values: Outcomes) -> int:
    """Return the worst-case loss of one market by itself, never below zero."""
    return max(0, -values.yes_e12, -values.no_e12)


class Exclusive(NamedTuple):
    """Markets of which at most one ends YES, folded so that one more can join in O(1).

    ``none_e12`` is their value when none of them wins; ``worst_win_e12`` the most that is
    lost on top of that when one of them does (zero or negative).
    """

    none_e12: int = 0
    worst_win_e12: int = 0

    def joined(self, values: Outcomes) -> Exclusive:
        """Return the group with one more market."""
        return Exclusive(
            self.none_e12 + values.no_e12,
            min(self.worst_win_e12, values.yes_e12 - values.no_e12),
        )

    def loss_if_not(self, values: Outcomes) -> int:
        """Return the loss, in 1e-12 USD and signed, if a further market does not end YES."""
        return -(self.none_e12 + self.worst_win_e12 + values.no_e12)

    def loss_if(self, values: Outcomes) -> int:
        """Return the loss, signed, if a further market ends YES, so that none of these does."""
        return -(self.none_e12 + values.yes_e12)

    @property
    def loss_e12(self) -> int:
        """The worst-case loss of the group, never below zero."""
        return max(0, -(self.none_e12 + self.worst_win_e12))
