"""What a plugin may read: books, positions, orders, markets, the account.

Protocols only; the runtime's own objects satisfy them. A view is read-only and valid during the
hook call. Prices are in YES space unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from polyframe.model import BookSide, MarketSpec, MarketState, TradeLeg


class BookView(Protocol):
    """One market's book in YES price space. A missing side is None, never 0 or 1."""

    @property
    def best_bid_e4(self) -> int | None: ...
    @property
    def best_ask_e4(self) -> int | None: ...
    @property
    def best_bid_size(self) -> float: ...
    @property
    def best_ask_size(self) -> float: ...
    @property
    def mid(self) -> float | None:
        """(bid + ask) / 2; None when one-sided, locked or crossed."""
        ...

    @property
    def microprice(self) -> float | None:
        """The mid weighted by the opposite sizes; None where the mid is."""
        ...

    @property
    def spread_e4(self) -> int | None:
        """Ask - bid; zero or negative when locked or crossed; None when one-sided."""
        ...

    def size_at(self, side: BookSide, price_e4: int) -> float:
        """Shares displayed at a price."""
        ...

    def depth_usd(self, side: BookSide, within_e4: int) -> float:
        """Dollars resting within a distance of the side's best price (its own side's notional)."""
        ...

    def levels(self, side: BookSide, count: int) -> list[tuple[int, float]]:
        """The best ``count`` levels ``(price_e4, size)``, best first."""
        ...


class PositionView(Protocol):
    """What we hold of one market's two tokens, in micro-shares."""

    @property
    def yes_e6(self) -> int: ...
    @property
    def no_e6(self) -> int: ...
    @property
    def net_yes_e6(self) -> int:
        """YES minus NO: the signed exposure once pairs are netted."""
        ...

    @property
    def cost_e12(self) -> int:
        """Cash spent on what is held (average cost), both tokens."""
        ...


class OrderView(Protocol):
    """One order of ours that may still fill."""

    @property
    def order_id(self) -> str: ...
    @property
    def market_id(self) -> str: ...
    @property
    def is_yes(self) -> bool: ...
    @property
    def is_buy(self) -> bool: ...
    @property
    def price_e4(self) -> int:
        """The token's own price."""
        ...

    @property
    def leaves_e6(self) -> int: ...
    @property
    def component(self) -> str:
        """What it belongs to: ``maker`` for a quote, else its trade's component."""
        ...

    @property
    def side(self) -> BookSide:
        """Which side of the YES book it rests on."""
        ...

    @property
    def yes_price_e4(self) -> int: ...


class MarketView(Protocol):
    """Everything a plugin may know of one market."""

    @property
    def spec(self) -> MarketSpec: ...
    @property
    def market_id(self) -> str: ...
    @property
    def cluster_id(self) -> str: ...
    @property
    def tick_e4(self) -> int:
        """The tick in force now (the feed's word beats the metadata's)."""
        ...

    @property
    def min_size_e6(self) -> int: ...
    @property
    def book(self) -> BookView: ...
    @property
    def has_book(self) -> bool:
        """Whether a snapshot of this epoch has arrived."""
        ...

    @property
    def state(self) -> MarketState: ...
    @property
    def hours_to_close(self) -> float | None: ...
    @property
    def book_age_s(self) -> float | None:
        """Seconds since the last proof that the book is current; None without one."""
        ...

    @property
    def max_book_age_s(self) -> float:
        """The profile's oldest quotable book."""
        ...

    @property
    def updates_per_s(self) -> float:
        """Book updates a second over the last minute (churn)."""
        ...

    @property
    def jump_1h(self) -> float:
        """Range of the mid over the last hour, in price (0.03 = 3 cents)."""
        ...

    @property
    def orders(self) -> Sequence[OrderView]: ...
    @property
    def position(self) -> PositionView: ...


class PortfolioView(Protocol):
    """Cash, holdings and open orders of the account, exact."""

    @property
    def bankroll_e12(self) -> int: ...
    @property
    def cash_e12(self) -> int: ...
    @property
    def equity_e12(self) -> int:
        """Cash plus holdings at their marks."""
        ...

    @property
    def peak_equity_e12(self) -> int: ...
    @property
    def day_start_equity_e12(self) -> int: ...
    @property
    def reserved_e12(self) -> int:
        """Cash promised to open BUY orders."""
        ...

    def position(self, market_id: str) -> PositionView:
        """The holdings in one market (zeros when none)."""
        ...

    def positions(self) -> Mapping[str, PositionView]:
        """Every market with a holding."""
        ...

    def orders(self, market_id: str | None = None) -> Sequence[OrderView]:
        """Orders that may still fill, in-flight ones included."""
        ...

    def legs_to_come(self) -> Mapping[str, Sequence[TradeLeg]]:
        """What trades under way have still to send after their order in flight, by component.

        A leg that is being put to the vetoes is in none of them, nor what follows it.
        """
        ...

    def market(self, market_id: str) -> MarketView | None:
        """Another market's view, for clusters and events."""
        ...
