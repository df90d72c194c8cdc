"""How much of the time in which a market was active our quotes stood there, by UTC day.

A market is active from the cycle that selects it to the cycle that drops it. Our orders are
looked at whenever its touch changes, at its fills and at each cycle; between two looks they
count as they stood at the first. A maker's order counts while it may still fill.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from polyframe import MarketView, PortfolioView

_DAY_NS = 86_400_000_000_000


@dataclass(slots=True)
class Standing:
    """What stood in one market at the last look; shares in micro-shares, money in 1e-12 USD."""

    since_ns: int
    bid_e6: int = 0
    ask_e6: int = 0
    bid_e12: int = 0
    ask_e12: int = 0

    def look(self, market: MarketView | None) -> None:
        """Take the market's orders in; a bid's money is price x size, an ask's (1 - p) x size."""
        self.bid_e6 = self.ask_e6 = self.bid_e12 = self.ask_e12 = 0
        for order in () if market is None else market.orders:
            if order.component != "maker":
                continue
            leaves_e6, price_e4 = order.leaves_e6, order.yes_price_e4
            if order.side == "bid":
                self.bid_e6 += leaves_e6
                self.bid_e12 += leaves_e6 * price_e4 * 100
            else:
                self.ask_e6 += leaves_e6
                self.ask_e12 += leaves_e6 * (10_000 - price_e4) * 100


@dataclass(slots=True)
class DayUptime:
    """One day's sums: nanoseconds, share-seconds and dollar-seconds."""

    active_ns: int = 0
    two_sided_ns: int = 0
    one_sided_ns: int = 0
    share_s: float = 0.0
    paired_share_s: float = 0.0
    usd_s: float = 0.0
    paired_usd_s: float = 0.0

    def add(self, standing: Standing, elapsed_ns: int) -> None:
        """Add a stretch of time in which nothing changed."""
        bid_e6, ask_e6 = standing.bid_e6, standing.ask_e6
        self.active_ns += elapsed_ns
        if not bid_e6 and not ask_e6:
            return
        elapsed_s = elapsed_ns / 1e9
        self.share_s += (bid_e6 + ask_e6) / 1e6 * elapsed_s
        self.usd_s += (standing.bid_e12 + standing.ask_e12) / 1e12 * elapsed_s
        if not bid_e6 or not ask_e6:
            self.one_sided_ns += elapsed_ns
            return
        self.two_sided_ns += elapsed_ns
        paired_e6 = min(bid_e6, ask_e6)
        self.paired_share_s += 2 * paired_e6 / 1e6 * elapsed_s
        paired_e12 = standing.bid_e12 * paired_e6 / bid_e6 + standing.ask_e12 * paired_e6 / ask_e6
        self.paired_usd_s += paired_e12 / 1e12 * elapsed_s

    def section(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Return the uptime and the reasons of its nulls by key."""
        shares = {
            "two_sided": (self.two_sided_ns, self.active_ns, "no market was active"),
            "one_sided": (self.one_sided_ns, self.active_ns, "no market was active"),
            "share_weighted": (self.paired_share_s, self.share_s, "nothing rested"),
            "notional_weighted": (self.paired_usd_s, self.usd_s, "nothing rested"),
        }
        found: dict[str, Any] = {"active_market_hours": self.active_ns / 3.6e12}
        found |= {name: part / of if of else None for name, (part, of, _) in shares.items()}
        return found, {name: why for name, (_, of, why) in shares.items() if not of}


@dataclass(slots=True)
class Uptime:
    """Follows the active markets."""

    days: dict[int, DayUptime] = field(default_factory=dict)
    _standing: dict[str, Standing] = field(default_factory=dict)

    def look(self, market: MarketView, now_ns: int) -> None:
        """Look at one market's orders; nothing happens unless it is active."""
        standing = self._standing.get(market.market_id)
        if standing is not None:
            self._pass(standing, now_ns)
            standing.look(market)

    def cycle(self, active: Iterable[str], portfolio: PortfolioView, now_ns: int) -> None:
        """Look at every market; from here on these are active."""
        for standing in self._standing.values():
            self._pass(standing, now_ns)
        before, self._standing = self._standing, {}
        for market_id in active:
            standing = before.get(market_id) or Standing(now_ns)
            standing.look(portfolio.market(market_id))
            self._standing[market_id] = standing

    def day(self, number: int, now_ns: int) -> DayUptime:
        """Return a day's sums up to an instant of it or after it."""
        for standing in self._standing.values():
            self._pass(standing, now_ns)
        return self.days.setdefault(number, DayUptime())

    def keep(self, days: Collection[int]) -> None:
        """Forget every other day."""
        self.days = {number: sums for number, sums in self.days.items() if number in days}

    def _pass(self, standing: Standing, now_ns: int) -> None:
        while standing.since_ns < now_ns:
            number = standing.since_ns // _DAY_NS
            until_ns = min(now_ns, (number + 1) * _DAY_NS)
            self.days.setdefault(number, DayUptime()).add(standing, until_ns - standing.since_ns)
            standing.since_ns = until_ns
