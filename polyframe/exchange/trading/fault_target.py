"""What a fault script may do to the desk: ``DeskTarget`` of polyframe/exchange/faults."""

from __future__ import annotations

from polyframe.exchange.faults.targets import ModeChange, TradeFates
from polyframe.exchange.trading.desk import OrderDesk
from polyframe.polymarket.contracts import EXCHANGES

_S_NS = 10**9


class DeskFaults:
    """Faults of the venue, of settlement and of balances, done to a desk."""

    def __init__(self, desk: OrderDesk) -> None:
        self._desk = desk

    def set_mode(self, change: ModeChange, now_ns: int) -> None:
        """Change the venue's mode."""
        self._desk.modes.change = change

    def lose_orders(self, now_ns: int) -> int:
        """Forget every live order without telling anybody; return how many."""
        return self._desk.lose_orders(now_ns)

    def clear_market(self, market_id: str, status: str, now_ns: int) -> int:
        """Cancel all live orders of accounts in a market, telling why; return how many."""
        return self._desk.clear_market(market_id, status, now_ns)

    def refuse_heartbeats(self, until_ns: int, now_ns: int) -> None:
        """Refuse heartbeats until then."""
        self._desk.heartbeats.refuses_until_ns = until_ns

    def use_fates(self, fates: TradeFates | None) -> None:
        """Ask ``fates`` what becomes of every new trade."""
        self._desk.settlement.fates = fates

    def set_balance_lag(self, lag_s: float, now_ns: int) -> None:
        """Show and check balances as they were so many seconds ago."""
        self._desk.settlement.balance_lag_ns = int(lag_s * _S_NS)

    def set_allowance(self, spender: str, is_given: bool, now_ns: int) -> None:
        """Take a spender's allowance away, or give it back, in every wallet; "" means all."""
        for address in [spender] if spender else EXCHANGES:
            self._desk.custody.allowances.refuse(address, is_refused=not is_given)
