"""Plain frozen views of a market and an account, as :mod:`polyframe.testing.builders` fills them.

They satisfy the Protocols of ``polyframe.model`` and hold nothing but values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from polyframe import money
from polyframe.model import BookSide, MarketSpec, MarketState, TradeLeg
from polyframe.views import BookView, MarketView, OrderView, PositionView

Level = tuple[int, float]
"""A book level: price_e4 and shares."""


@dataclass(frozen=True)
class FakeBook:
    """A book in YES price space from two lists of ``(price_e4, shares)``, best first."""

    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()

    @property
    def best_bid_e4(self) -> int | None:
        """The highest bid."""
        return self.bids[0][0] if self.bids else None

    @property
    def best_ask_e4(self) -> int | None:
        """The lowest ask."""
        return self.asks[0][0] if self.asks else None

    @property
    def best_bid_size(self) -> float:
        """Shares at the best bid."""
        return self.bids[0][1] if self.bids else 0.0

    @property
    def best_ask_size(self) -> float:
        """Shares at the best ask."""
        return self.asks[0][1] if self.asks else 0.0

    @property
    def spread_e4(self) -> int | None:
        """Best ask less best bid; None when one-sided."""
        if not self.bids or not self.asks:
            return None
        return self.asks[0][0] - self.bids[0][0]

    @property
    def mid(self) -> float | None:
        """(bid + ask) / 2; None when one-sided, locked or crossed."""
        if self.spread_e4 is None or self.spread_e4 <= 0:
            return None
        return (self.bids[0][0] + self.asks[0][0]) / (2 * money.PRICE_ONE_E4)

    @property
    def microprice(self) -> float | None:
        """The mid weighted by the opposite sizes."""
        if self.mid is None:
            return None
        bid_size, ask_size = self.bids[0][1], self.asks[0][1]
        weighted = self.bids[0][0] * ask_size + self.asks[0][0] * bid_size
        return weighted / (bid_size + ask_size) / money.PRICE_ONE_E4

    def size_at(self, side: BookSide, price_e4: int) -> float:
        """Shares displayed at a price."""
        return dict(self._of(side)).get(price_e4, 0.0)

    def depth_usd(self, side: BookSide, within_e4: int) -> float:
        """Dollars locked within a distance of the side's best: a bid locks p, an ask 1 - p."""
        levels = self._of(side)
        return sum(
            (price if side == "bid" else money.complement_e4(price)) * size / money.PRICE_ONE_E4
            for price, size in levels
            if abs(price - levels[0][0]) <= within_e4
        )

    def levels(self, side: BookSide, count: int) -> list[Level]:
        """The best ``count`` levels, best first."""
        return list(self._of(side)[:count])

    def _of(self, side: BookSide) -> tuple[Level, ...]:
        return self.bids if side == "bid" else self.asks


@dataclass(frozen=True)
class FakePosition:
    """Holdings in micro-shares and what they cost in 1e-12 USD."""

    yes_e6: int = 0
    no_e6: int = 0
    cost_e12: int = 0

    @property
    def net_yes_e6(self) -> int:
        """YES minus NO."""
        return self.yes_e6 - self.no_e6


@dataclass(frozen=True)
class FakeOrder:
    """One open order; the price is the token's own."""

    order_id: str
    market_id: str
    is_yes: bool
    is_buy: bool
    price_e4: int
    leaves_e6: int
    component: str = "maker"

    @property
    def side(self) -> BookSide:
        """Buying YES or selling NO rests on the bid side of the YES book."""
        return "bid" if self.is_yes == self.is_buy else "ask"

    @property
    def yes_price_e4(self) -> int:
        """The price in YES space."""
        return self.price_e4 if self.is_yes else money.complement_e4(self.price_e4)


@dataclass(frozen=True)
class FakeMarket:
    """A market view made of plain values."""

    spec: MarketSpec
    market_id: str
    cluster_id: str
    tick_e4: int
    min_size_e6: int
    book: BookView
    has_book: bool
    state: MarketState
    hours_to_close: float | None
    book_age_s: float | None
    max_book_age_s: float
    updates_per_s: float
    jump_1h: float
    orders: Sequence[OrderView]
    position: PositionView


@dataclass(frozen=True)
class FakePortfolio:
    """An account; positions and orders are those of its markets and the ones given."""

    bankroll_e12: int
    cash_e12: int
    equity_e12: int
    peak_equity_e12: int
    day_start_equity_e12: int
    by_market: Mapping[str, PositionView] = field(default_factory=dict)
    open_orders: tuple[OrderView, ...] = ()
    markets: Mapping[str, MarketView] = field(default_factory=dict)
    to_come: Mapping[str, Sequence[TradeLeg]] = field(default_factory=dict)

    @property
    def reserved_e12(self) -> int:
        """Cash promised to open BUY orders."""
        return sum(
            money.notional_e12(order.price_e4, order.leaves_e6)
            for order in self.open_orders
            if order.is_buy
        )

    def position(self, market_id: str) -> PositionView:
        """The holdings in one market (zeros when none)."""
        return self.by_market.get(market_id, FakePosition())

    def positions(self) -> Mapping[str, PositionView]:
        """Every market with a holding."""
        return self.by_market

    def orders(self, market_id: str | None = None) -> Sequence[OrderView]:
        """Open orders, of one market or all."""
        if market_id is None:
            return self.open_orders
        return tuple(order for order in self.open_orders if order.market_id == market_id)

    def legs_to_come(self) -> Mapping[str, Sequence[TradeLeg]]:
        """What trades under way have still to send, by component."""
        return self.to_come

    def market(self, market_id: str) -> MarketView | None:
        """A market of this account's world."""
        return self.markets.get(market_id)
