"""The account as plugins see it: ledger, open orders and markets behind one read-only view."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from polyframe.model import TradeLeg
from polyframe.runtime.markets import Market, Markets
from polyframe.runtime.merging import Merging, free_tokens_e6
from polyframe.runtime.orders import Order, Orders
from polyframe.runtime.portfolio import Portfolio
from polyframe.runtime.position import Position

_NOTHING = Position()


class Account:
    """Satisfies :class:`polyframe.views.PortfolioView`."""

    def __init__(
        self, portfolio: Portfolio, orders: Orders, markets: Markets, merging: Merging
    ) -> None:
        self._portfolio = portfolio
        self._orders = orders
        self._markets = markets
        self._merging = merging
        self._legs_to_come: Callable[[], Mapping[str, Sequence[TradeLeg]]] = dict

    def watch_trades(self, legs_to_come: Callable[[], Mapping[str, Sequence[TradeLeg]]]) -> None:
        """Learn where to ask for what trades under way have still to send."""
        self._legs_to_come = legs_to_come

    @property
    def bankroll_e12(self) -> int:
        """What the run started with."""
        return self._portfolio.bankroll_e12

    @property
    def cash_e12(self) -> int:
        """Cash, promised or not."""
        return self._portfolio.cash_e12

    @property
    def equity_e12(self) -> int:
        """Cash plus holdings at their marks."""
        return self._portfolio.equity_e12

    @property
    def peak_equity_e12(self) -> int:
        """Highest equity so far."""
        return self._portfolio.peak_equity_e12

    @property
    def day_start_equity_e12(self) -> int:
        """Equity when the UTC day began, also in an earlier run that this one goes on with."""
        return self._portfolio.loss_basis_e12

    @property
    def reserved_e12(self) -> int:
        """Cash promised to open BUY orders."""
        return self._orders.reserved_e12

    @property
    def free_e12(self) -> int:
        """Cash that is here and not promised to anything."""
        waiting_e12 = sum(self._portfolio.unredeemed_e12.values())
        waiting_e12 += self._portfolio.unsettled_e12
        return self._portfolio.cash_e12 - self._orders.reserved_e12 - waiting_e12

    def position(self, market_id: str) -> Position:
        """The holdings in one market (zeros when none)."""
        return self._portfolio.held().get(market_id, _NOTHING)

    def positions(self) -> Mapping[str, Position]:
        """Every market with a holding."""
        return self._portfolio.held()

    def component_net_e6(self, market_id: str, component: str) -> int:
        """One component's YES less its NO of a market, in micro-shares."""
        return self._portfolio.component_net_e6(market_id, component)

    def orders(self, market_id: str | None = None) -> Sequence[Order]:
        """Orders that may still fill, in-flight ones included."""
        if market_id is not None:
            return self._orders.live(market_id)
        return list(self._orders.all_live())

    def legs_to_come(self) -> Mapping[str, Sequence[TradeLeg]]:
        """What trades under way have still to send, by component."""
        return self._legs_to_come()

    def market(self, market_id: str) -> Market | None:
        """Another market's view."""
        return self._markets.find(market_id)

    def settling_e6(self, market_id: str) -> tuple[int, int]:
        """YES and NO bought and not delivered yet: nobody can sell them."""
        return self._portfolio.settling_e6(market_id)

    def free_tokens_e6(self, market_id: str) -> tuple[int, int]:
        """YES and NO delivered, promised neither to open SELL orders nor to a merge under way."""
        yes_e6, no_e6 = free_tokens_e6(self.position(market_id), self._orders.live(market_id))
        leaving_e6 = self._merging.under_way_e6(market_id)
        settling = self._portfolio.settling_e6(market_id)
        return (
            max(0, yes_e6 - leaving_e6 - settling[0]),
            max(0, no_e6 - leaving_e6 - settling[1]),
        )
