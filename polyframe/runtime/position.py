"""What is held of one market: tokens and their average cost."""

from __future__ import annotations

from polyframe.money import SHARE_E6

_YES_E6 = SHARE_E6


class Position:
    """What is held of one market; satisfies :class:`polyframe.views.PositionView`."""

    __slots__ = ("no_cost_e12", "no_e6", "realised_e12", "yes_cost_e12", "yes_e6")

    def __init__(self) -> None:
        self.yes_e6 = 0
        self.no_e6 = 0
        self.yes_cost_e12 = 0
        self.no_cost_e12 = 0
        self.realised_e12 = 0

    @property
    def net_yes_e6(self) -> int:
        """YES minus NO."""
        return self.yes_e6 - self.no_e6

    @property
    def cost_e12(self) -> int:
        """Cash spent on what is held, at average cost."""
        return self.yes_cost_e12 + self.no_cost_e12

    @property
    def is_flat(self) -> bool:
        """Whether nothing is held."""
        return self.yes_e6 == 0 and self.no_e6 == 0

    def value_e12(self, yes_mark_e6: int) -> int:
        """What the holding is worth at a YES mark; NO is worth 1 minus it."""
        return self.yes_e6 * yes_mark_e6 + self.no_e6 * (_YES_E6 - yes_mark_e6)

    def trade(self, is_yes: bool, is_buy: bool, size_e6: int, cash_e12: int) -> int:
        """Book a trade of ``cash_e12`` notional; a sell realises against average cost.

        What is sold beyond the holding (a purchase taken back after it was sold on) is
        booked as the other token bought: -1 YES is +1 NO and one dollar less. Returns
        those dollars.
        """
        held, cost = (self.yes_e6, self.yes_cost_e12) if is_yes else (self.no_e6, self.no_cost_e12)
        minted_e12 = 0
        if is_buy:
            held, cost = held + size_e6, cost + cash_e12
        else:
            covered_e6 = min(size_e6, held)
            short_e6 = size_e6 - covered_e6
            if short_e6:
                minted_e12 = short_e6 * SHARE_E6
                short_cash_e12 = cash_e12 * short_e6 // size_e6
                cash_e12 -= short_cash_e12
                self.trade(not is_yes, True, short_e6, minted_e12 - short_cash_e12)
            removed = cost * covered_e6 // held if held > 0 else 0
            held, cost = held - covered_e6, cost - removed
            self.realised_e12 += cash_e12 - removed
        if is_yes:
            self.yes_e6, self.yes_cost_e12 = held, cost
        else:
            self.no_e6, self.no_cost_e12 = held, cost
        return minted_e12

    def merge(self, size_e6: int) -> None:
        """Turn pairs into as many dollars, which realises them against their average cost."""
        yes_cost_e12 = self.yes_cost_e12 * size_e6 // self.yes_e6
        no_cost_e12 = self.no_cost_e12 * size_e6 // self.no_e6
        self.yes_e6, self.yes_cost_e12 = self.yes_e6 - size_e6, self.yes_cost_e12 - yes_cost_e12
        self.no_e6, self.no_cost_e12 = self.no_e6 - size_e6, self.no_cost_e12 - no_cost_e12
        self.realised_e12 += size_e6 * SHARE_E6 - yes_cost_e12 - no_cost_e12
