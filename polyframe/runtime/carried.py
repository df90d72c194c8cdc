"""What one run leaves to the next: the account as it stood, beside the plugins' documents.

Orders are not carried: a paper order lives and dies with its run. The next run's result begins
at the equity it takes over, so no run is credited with another one's.
"""

from __future__ import annotations

import msgspec


class CarriedPosition(msgspec.Struct, frozen=True, kw_only=True):
    """One market's holding: tokens, their average cost, its mark, and whose it is.

    ``net_yes_e6`` is YES minus NO by component, in micro-shares.
    """

    market_id: str
    yes_e6: int
    no_e6: int
    yes_cost_e12: int
    no_cost_e12: int
    yes_mark_e6: int
    net_yes_e6: dict[str, int]


class CarriedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Cash and holdings of a run, and what its losses are measured from.

    ``day`` is the UTC day (since 1970) whose first equity ``day_start_equity_e12`` is, None
    when the run saw no event. ``unredeemed_e12`` is the part of the cash, by market, that has yet
    to be redeemed.
    """

    run_id: str
    cash_e12: int
    peak_equity_e12: int
    day: int | None
    day_start_equity_e12: int
    positions: tuple[CarriedPosition, ...]
    unredeemed_e12: dict[str, int] = {}

    @property
    def cost_e12(self) -> int:
        """What the holdings cost."""
        return sum(held.yes_cost_e12 + held.no_cost_e12 for held in self.positions)
