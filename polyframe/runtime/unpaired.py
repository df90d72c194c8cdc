"""What trades of an earlier run may have left half done, as far as holdings tell of it.

Nobody knows of a trade after its process was killed: the component's own holdings are restored,
and a pair has as much YES as NO.
"""

from __future__ import annotations

from typing import NamedTuple

from polyframe.money import floor_size_e6, size_text
from polyframe.runtime.portfolio import Portfolio

# Satellites and takers hold one side on purpose, the maker too.
_PAIRING = ("arb",)


class Unpaired(NamedTuple):
    """What one component holds of one market without the other token beside it, micro-shares."""

    component: str
    market_id: str
    net_yes_e6: int

    def __str__(self) -> str:
        held, missing = ("YES", "NO") if self.net_yes_e6 > 0 else ("NO", "YES")
        return (
            f"{self.component} holds {size_text(abs(self.net_yes_e6))} {held} of "
            f"{self.market_id} with no {missing} beside them, from an earlier run: no trade is "
            "under way that would pair or sell them"
        )


def unpaired(portfolio: Portfolio) -> list[Unpaired]:
    """Return what components that only ever want pairs hold unpaired; crumbs are left out."""
    found = []
    for market_id in portfolio.held():
        for component in _PAIRING:
            net_e6 = portfolio.component_net_e6(market_id, component)
            if floor_size_e6(abs(net_e6)):
                found.append(Unpaired(component, market_id, net_e6))
    return found
