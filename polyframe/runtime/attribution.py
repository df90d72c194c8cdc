"""Where money came from: its parts, each fill's own parts, and one UTC day's share of them.

The ledger accumulates since the run began; a day is what was added between two midnights. All
of it is integer 1e-12 USD, so a day's parts are its change of equity exactly (quant.md A5.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from polyframe.model import Fill

PartsKey = tuple[str, str]
"""(market, component)."""


class Attribution:
    """Where a market's (and component's) money came from, in 1e-12 USD, signed."""

    __slots__ = (
        "adverse_e12", "fees_e12", "fills", "inventory_e12", "net_yes_e6", "rebates_e12",
        "resolution_e12", "rewards_e12", "spread_e12", "volume_e12",
    )  # fmt: skip

    def __init__(self) -> None:
        self.spread_e12 = 0
        self.adverse_e12 = 0
        self.inventory_e12 = 0
        self.fees_e12 = 0
        self.rebates_e12 = 0
        self.rewards_e12 = 0
        self.resolution_e12 = 0
        self.net_yes_e6 = 0
        self.fills = 0
        self.volume_e12 = 0

    def add(self, other: Attribution) -> None:
        """Add another one's parts to this one."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def since(self, earlier: Attribution | None) -> Attribution:
        """Return what was added since an earlier state of the same parts."""
        added = Attribution()
        for name in self.__slots__:
            before = 0 if earlier is None else getattr(earlier, name)
            setattr(added, name, getattr(self, name) - before)
        return added

    @property
    def total_e12(self) -> int:
        """The sum of all parts. ``inventory_e12`` includes what is shown as adverse."""
        return (
            self.spread_e12 + self.inventory_e12 + self.fees_e12 + self.rebates_e12
            + self.rewards_e12 + self.resolution_e12
        )  # fmt: skip


class FillParts:
    """One fill's own parts, in 1e-12 USD.

    ``adverse_e12`` and ``settled_day`` are None until the horizon is over, and for good when
    the fill was taken back before that; ``mid_before_e6`` is the mark its spread was measured
    against. Days are UTC days since 1970.
    """

    __slots__ = (
        "adverse_e12", "fill", "is_reversed", "mid_before_e6", "settled_day", "spread_e12",
        "traded_day",
    )  # fmt: skip

    def __init__(self, fill: Fill, mid_before_e6: int, spread_e12: int, day: int) -> None:
        self.fill = fill
        self.mid_before_e6 = mid_before_e6
        self.spread_e12 = spread_e12
        self.traded_day = day
        self.settled_day: int | None = None
        self.adverse_e12: int | None = None
        self.is_reversed = False

    def settle(self, mark_e6: int, day: int) -> int:
        """Book the move from the mid before to the horizon's mark and return it."""
        fill, self.settled_day = self.fill, day
        self.adverse_e12 = fill.sign * fill.size_e6 * (mark_e6 - self.mid_before_e6)
        return self.adverse_e12


class DayParts(NamedTuple):
    """One UTC day of the ledger: from its first instant (or the run's) to its last.

    ``traded`` are the day's fills, ``settled`` those whose horizon ended in it: each fill is
    in exactly one day's ``settled`` once its horizon is over. ``moved_e12`` is what was paid in
    (negative: out), which ``start_equity_e12`` contains: it is no profit.
    """

    day: int
    start_equity_e12: int
    end_equity_e12: int
    parts: Mapping[PartsKey, Attribution]
    traded: tuple[FillParts, ...]
    settled: tuple[FillParts, ...]
    moved_e12: int = 0

    @property
    def error_e12(self) -> int:
        """Sum of all parts minus the day's change of equity; zero, or a bug."""
        parts = sum(part.total_e12 for part in self.parts.values())
        return parts - (self.end_equity_e12 - self.start_equity_e12)
