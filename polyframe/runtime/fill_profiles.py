"""Fills and results by profile: three answers of the paper venue, one of a real one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median_low
from typing import Protocol

from polyframe.events import OrderAccepted, OrderAdopted, OrderEvent, OrderFilled
from polyframe.model import Fill
from polyframe.money import notional_e12
from polyframe.runtime.orders import Orders
from polyframe.runtime.paper import PaperFill, ProfileResult
from polyframe.runtime.portfolio import Portfolio

REAL = "real"


class FillProfiles(Protocol):
    """What a report reads of the venue that answered our orders."""

    @property
    def profile_names(self) -> tuple[str, ...]:
        """The profiles, the one that the engine follows among them (``engine_profile``)."""
        ...

    @property
    def engine_profile(self) -> str:
        """The profile whose fills the engine books."""
        ...

    def results(self, marks_e6: Mapping[str, int] | None = None) -> dict[str, ProfileResult]:
        """Every profile's outcome; ``marks_e6`` are YES mids in 1e-6 by market."""
        ...

    def fills(self, profile: str) -> Sequence[PaperFill]:
        """A profile's fills so far, in order."""
        ...


class BooksOfTheVenue(Protocol):
    """Cash and holdings as somebody other than the engine keeps them."""

    def cash_e12(self) -> int:
        """Cash, what resolved markets still owe included, in 1e-12 USD."""
        ...

    def net_yes_e6(self) -> Mapping[str, int]:
        """YES minus NO by market, in micro-shares; markets that paid out are left out."""
        ...


class RealProfile:
    """The one profile of real orders: what was filled, read as the paper venue's would be.

    Args:
        portfolio: whose equity it is.
        orders: whose orders they are.

    ``books`` are what cash and holdings are compared with in the report, once somebody keeps them.
    """

    profile_names = (REAL,)
    engine_profile = REAL

    def __init__(self, portfolio: Portfolio, orders: Orders) -> None:
        self._portfolio = portfolio
        self._orders = orders
        self.books: BooksOfTheVenue | None = None
        self._fills: list[PaperFill] = []
        self._accepted_ns: dict[str, int] = {}
        self._placed_e6 = 0
        self._to_first_fill_ns: dict[str, int] = {}
        self._standing_e6: Counter[str] = Counter()
        self._filled_e6 = 0
        self._volume_e12 = 0
        self._reversed = 0

    def note(self, events: Iterable[OrderEvent], fills: Iterable[Fill]) -> None:
        """Take in what one batch brought."""
        for event in events:
            match event:
                case OrderAccepted() | OrderAdopted(is_live=True):
                    self._rests(event.order_id, event.ts_ns)
                case OrderFilled(reverses=""):
                    since_ns = self._accepted_ns.get(event.order_id, event.ts_ns)
                    self._to_first_fill_ns.setdefault(event.order_id, event.ts_ns - since_ns)
        for fill in fills:
            step = -1 if fill.is_reversal else 1
            self._reversed += fill.is_reversal
            self._filled_e6 += step * fill.size_e6
            self._volume_e12 += step * notional_e12(fill.price_e4, fill.size_e6)
            self._standing_e6[fill.order_id] += step * fill.size_e6
            self._fills.append(
                PaperFill(
                    fill.ts_ns, fill.trade_id, fill.order_id, fill.market_id, fill.is_yes,
                    fill.is_buy, fill.price_e4, fill.size_e6, REAL, False, fill.fee_e12,
                    fill.reverses,
                )
            )  # fmt: skip

    def _rests(self, order_id: str, ts_ns: int) -> None:
        order = self._orders.find(order_id)
        if order is not None and order_id not in self._accepted_ns:
            self._accepted_ns[order_id] = ts_ns
            self._placed_e6 += order.size_e6

    def fills(self, profile: str) -> Sequence[PaperFill]:
        """Return the fills of this run so far, those that take others back among them.

        ``profile`` is always the one there is.
        """
        return tuple(self._fills)

    def results(self, marks_e6: Mapping[str, int] | None = None) -> dict[str, ProfileResult]:
        """Return the one result; the marks are the portfolio's own."""
        portfolio = self._portfolio
        parts = [part for _, _, part in portfolio.attribution()]
        filled = [one for one in self._accepted_ns if self._standing_e6[one] > 0]
        times_ns = [self._to_first_fill_ns[one] for one in filled]
        books = self.books
        held = {market_id: held.net_yes_e6 for market_id, held in portfolio.held().items()}
        result = ProfileResult(
            profile=REAL,
            fills=len(self._fills) - 2 * self._reversed,
            filled_e6=self._filled_e6,
            volume_e12=self._volume_e12,
            cash_e12=portfolio.cash_e12 if books is None else books.cash_e12(),
            positions_e6=held if books is None else books.net_yes_e6(),
            realised_e12=portfolio.realised_e12,
            unrealised_e12=portfolio.unrealised_e12,
            rebates_e12=sum(part.rebates_e12 for part in parts),
            rebates_accrued_e12=0,
            rebates_lapsed_e12=0,
            equity_e12=portfolio.equity_e12,
            headline_equity_e12=portfolio.equity_e12,
            unmarked_markets=(),
            stale_fills=0,
            stale_filled_e6=0,
            capacity_limited_e6=0,
            reversed_fills=self._reversed,
            orders=len(self._accepted_ns),
            orders_filled=len(filled),
            placed_e6=self._placed_e6,
            median_time_to_fill_ns=median_low(times_ns) if times_ns else None,
        )
        return {REAL: result}
