"""The plugin's own count of a UTC day: what was quoted, cancelled, replaced, pulled and filled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from polyframe import Decision, Fill

CANCEL_ALL = frozenset({"feed_lost", "stopping"})
"""Triggers that pull every quote of a socket, or of the account, at once; hazards do as well."""


@dataclass(slots=True)
class Activity:
    """Counts of decisions, orders and fills; sizes in micro-shares, earnings in 1e-12 USD."""

    decisions: Counter[str] = field(default_factory=Counter)
    placed: int = 0
    cancelled: int = 0
    replaced: int = 0
    fills: int = 0
    maker_fills: int = 0
    reversed_fills: int = 0
    filled_e6: int = 0
    earned_e12: int = 0
    earned_on_e6: int = 0
    components: Counter[str] = field(default_factory=Counter)
    pulls: Counter[str] = field(default_factory=Counter)
    pulled_at: set[tuple[str, int]] = field(default_factory=set)
    stale_incidents: int = 0
    filled_orders: dict[str, int] = field(default_factory=dict)

    def decide(self, decision: Decision) -> None:
        """Count a decision and the orders it changed.

        A replaced order is a cancel and a place in one decision. A stale-quote incident is a
        decision that pulled an order because its book had gone stale under it.
        """
        self.decisions[decision.outcome] += 1
        verbs = [command.partition(" ")[0] for command in decision.commands]
        placed, cancelled = verbs.count("place"), verbs.count("cancel")
        self.placed += placed
        self.cancelled += cancelled
        self.replaced += min(placed, cancelled)
        if decision.outcome == "pulled":
            self.pulls[decision.trigger] += 1
            self.pulled_at.add((decision.trigger, decision.ts_ns))
            self.stale_incidents += decision.trigger == "stale"

    def fill(self, fill: Fill) -> None:
        """Count a fill; a reversal takes back what its fill had added."""
        step = -1 if fill.is_reversal else 1
        if fill.is_reversal:
            self.reversed_fills += 1
        self.fills += step
        self.components[fill.component] += step
        if not fill.is_maker:
            return
        self.maker_fills += step
        self.filled_e6 += step * fill.size_e6
        left = self.filled_orders.get(fill.order_id, 0) + step * fill.size_e6
        if left > 0:
            self.filled_orders[fill.order_id] = left
        else:
            self.filled_orders.pop(fill.order_id, None)
        # A reversal's mid is that of another moment: the spread of the fill itself stands.
        if fill.mid_before_e6 is not None and not fill.is_reversal:
            earned_e6 = fill.sign * (fill.mid_before_e6 - fill.yes_price_e4 * 100)
            self.earned_e12 += earned_e6 * fill.size_e6
            self.earned_on_e6 += fill.size_e6

    def cancel_alls(self, triggers: Collection[str]) -> dict[str, int]:
        """Return the instants at which one of these pulled everything it reached, by trigger."""
        found = Counter(trigger for trigger, _ in sorted(self.pulled_at) if trigger in triggers)
        return dict(sorted(found.items()))

    def section(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Return the maker section and the reasons of its nulls by key."""
        reasons: dict[str, str] = {}
        rate = spread_c = None
        if self.placed:
            rate = len(self.filled_orders) / self.placed
        else:
            reasons["fill_rate_per_quote"] = "no quote was placed"
        if self.earned_on_e6:
            spread_c = self.earned_e12 / self.earned_on_e6 / 10_000
        else:
            reasons["effective_half_spread_c"] = "no maker fill with a mid before it"
        return {
            "decisions_by_outcome": dict(sorted(self.decisions.items())),
            "quotes_placed": self.placed,
            "cancels": self.cancelled,
            "replaces": self.replaced,
            "fills": self.fills,
            "maker_fills": self.maker_fills,
            "reversed_fills": self.reversed_fills,
            "fills_by_component": dict(sorted(self.components.items())),
            "filled_shares": self.filled_e6 / 1e6,
            "orders_filled": len(self.filled_orders),
            "fill_rate_per_quote": rate,
            "effective_half_spread_c": spread_c,
        }, reasons
