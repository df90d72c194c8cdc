"""Faults of venue state as they happen: a calendar over the protocols of ``targets``.

A change that lasts is undone when its opening is over, or when the faults are cleared.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from polyframe.errors import VenueError
from polyframe.exchange.faults import settlement_kinds as settlement
from polyframe.exchange.faults import venue_kinds as kinds
from polyframe.exchange.faults.fault import Fault
from polyframe.exchange.faults.plan import ActiveFault
from polyframe.exchange.faults.targets import DeskTarget, LagTarget, MarketTarget, ModeChange
from polyframe.money import PRICE_ONE_E4, SHARE_E6, parse_price_e4
from polyframe.polymarket.contracts import EXCHANGES

Undo = Callable[[int], None]
_Target = TypeVar("_Target")
_MOST_REFUSALS = 100
_CLEARED_AT_START = "CANCELED"


class VenueFaults:
    """Makes venue faults happen when their time comes.

    ``refused`` holds the last ones a market could not go through, with its reason; ``refusals``
    counts them all.

    Args:
        market_ids: condition ids in the order of their listing, for faults that give a number.
        markets: what changes markets; None when nothing can (a recording).
        desk: what keeps orders and balances; None when there is none.
        gamma: Gamma's façade, None when it cannot lag.
        data: the Data API's façade, likewise.
    """

    def __init__(
        self,
        market_ids: Callable[[], Sequence[str]],
        markets: MarketTarget | None = None,
        desk: DeskTarget | None = None,
        gamma: LagTarget | None = None,
        data: LagTarget | None = None,
    ) -> None:
        self._market_ids = market_ids
        self._markets = markets
        self._desk = desk
        self._gamma = gamma
        self._data = data
        self._calendar: list[tuple[int, int, Callable[[int], None]]] = []
        self._pushed = 0
        self._undo: dict[int, Undo] = {}
        self.refused: deque[str] = deque(maxlen=_MOST_REFUSALS)
        self.refusals = 0

    def plan(self, active: ActiveFault) -> None:
        """Put a fault into the calendar, once it was checked."""
        if isinstance(active.fault, settlement.TradeFault | settlement.TransactionFault):
            return  # asked about one by one
        self._at(active.opened_ns(0), lambda now_ns: self._open(active, 0, now_ns))

    def tick(self, now_ns: int) -> None:
        """Let everything happen that is due."""
        while self._calendar and self._calendar[0][0] <= now_ns:
            heapq.heappop(self._calendar)[2](now_ns)

    def clear(self, now_ns: int) -> None:
        """Forget what is to come and undo what lasts."""
        self._calendar.clear()
        undo, self._undo = self._undo, {}
        for one in undo.values():
            one(now_ns)

    # --- the calendar --------------------------------------------------------------

    def _at(self, due_ns: int, act: Callable[[int], None]) -> None:
        self._pushed += 1
        heapq.heappush(self._calendar, (due_ns, self._pushed, act))

    def _open(self, active: ActiveFault, opening: int, now_ns: int) -> None:
        if active.is_spent:
            return
        fault = active.fault
        began_ns = active.opened_ns(opening)
        undo = None
        try:
            undo = self._begin(fault, began_ns, now_ns)
            active.strike()
        except ValueError as error:  # a market cannot be disputed before it is proposed
            self.refusals += 1
            self.refused.append(f"{fault.kind}: {error}")
        if undo is not None:
            # A second opening replaces the first one's end.
            self._undo[active.index] = undo
            if fault.for_s is not None:
                self._at(
                    began_ns + round(fault.for_s * 1e9),
                    lambda at_ns: self._end(active.index, undo, at_ns),
                )
        if fault.every_s is not None:
            following = opening + 1
            self._at(
                active.opened_ns(following), lambda at_ns: self._open(active, following, at_ns)
            )

    def _end(self, index: int, undo: Undo, now_ns: int) -> None:
        if self._undo.get(index) is undo:
            del self._undo[index]
            undo(now_ns)

    # --- what happens --------------------------------------------------------------

    def _begin(self, fault: Fault, began_ns: int, now_ns: int) -> Undo | None:
        """Make a fault happen; return how it is undone, None for what stays."""
        if isinstance(fault, kinds.MarketFault):
            return self._begin_market(fault, self._market(fault), now_ns)
        until_ns = None if fault.for_s is None else began_ns + round(fault.for_s * 1e9)
        match fault:
            case kinds.GammaLag():
                return _lag(_need(fault, self._gamma), fault.lag_s, now_ns)
            case kinds.DataLag():
                return _lag(_need(fault, self._data), fault.lag_s, now_ns)
        desk = _need(fault, self._desk)
        match fault:
            case kinds.Mode():
                desk.set_mode(
                    ModeChange(
                        mode=fault.mode, retry_after_s=fault.retry_after_s, until_ns=until_ns
                    ),
                    now_ns,
                )
                return lambda at_ns: desk.set_mode(ModeChange(mode="running"), at_ns)
            case kinds.EngineRestart():
                return self._restart(fault, desk, began_ns, now_ns)
            case kinds.LoseOrders():
                desk.lose_orders(now_ns)
            case kinds.HeartbeatRefusal():
                desk.refuse_heartbeats(until_ns or 2**62, now_ns)
                return lambda at_ns: desk.refuse_heartbeats(at_ns, at_ns)
            case settlement.BalanceLag():
                desk.set_balance_lag(fault.lag_s, now_ns)
                return lambda at_ns: desk.set_balance_lag(0.0, at_ns)
            case settlement.AllowanceRevoked():
                spender = _spender(fault)
                desk.set_allowance(spender, False, now_ns)
                return lambda at_ns: desk.set_allowance(spender, True, at_ns)
        return None

    def _restart(
        self, fault: kinds.EngineRestart, desk: DeskTarget, began_ns: int, now_ns: int
    ) -> Undo:
        back_ns = began_ns + round(fault.restart_s * 1e9)
        runs_ns = back_ns + round(fault.post_only_s * 1e9)
        if fault.loses_orders:
            desk.lose_orders(now_ns)
        desk.set_mode(
            ModeChange(mode="restarting", retry_after_s=fault.retry_after_s, until_ns=back_ns),
            now_ns,
        )
        post_only = ModeChange(mode="post_only", until_ns=runs_ns)
        self._at(back_ns, lambda at_ns: desk.set_mode(post_only, at_ns))
        self._at(runs_ns, lambda at_ns: desk.set_mode(ModeChange(mode="running"), at_ns))
        return lambda at_ns: desk.set_mode(ModeChange(mode="running"), at_ns)

    def _begin_market(self, fault: kinds.MarketFault, market_id: str, now_ns: int) -> Undo | None:
        if isinstance(fault, kinds.GameStart | kinds.CloseMarket):
            desk = _need(fault, self._desk)
            status = fault.status if isinstance(fault, kinds.CloseMarket) else _CLEARED_AT_START
            desk.clear_market(market_id, status, now_ns)
            if isinstance(fault, kinds.GameStart):
                return None
        markets = _need(fault, self._markets)
        match fault:
            case kinds.TickChange():
                markets.change_tick(market_id, parse_price_e4(fault.tick), now_ns)
            case kinds.Halt() | kinds.CloseMarket():
                markets.halt(market_id, now_ns)
                return lambda at_ns: markets.resume(market_id, at_ns)
            case kinds.Propose():
                markets.propose(market_id, now_ns)
            case kinds.Dispute():
                markets.dispute(market_id, now_ns)
            case kinds.Resolve():
                markets.resolve(market_id, _payouts_e6(fault.yes_pays), now_ns)
            case kinds.FeeChange():
                markets.set_fees(market_id, fault.rate, now_ns)
            case kinds.MinSizeChange():
                markets.set_min_size(market_id, round(fault.shares * SHARE_E6), now_ns)
        return None

    # --- what it needs -------------------------------------------------------------

    def check(self, fault: Fault) -> None:
        """Refuse a fault that has nothing to happen to.

        Raises:
            VenueError: it needs a market, a desk or a façade that is not there.
        """
        if isinstance(fault, kinds.MarketFault):
            self._market(fault)
            if not isinstance(fault, kinds.GameStart):
                _need(fault, self._markets)
            if isinstance(fault, kinds.GameStart | kinds.CloseMarket):
                _need(fault, self._desk)
        elif isinstance(fault, kinds.GammaLag):
            _need(fault, self._gamma)
        elif isinstance(fault, kinds.DataLag):
            _need(fault, self._data)
        else:
            _need(fault, self._desk)
            if isinstance(fault, settlement.AllowanceRevoked):
                _spender(fault)

    def _market(self, fault: kinds.MarketFault) -> str:
        market_ids = self._market_ids()
        wanted = fault.market
        if wanted.isdecimal() and int(wanted) < len(market_ids):
            return market_ids[int(wanted)]
        if wanted in market_ids:
            return wanted
        raise VenueError(
            f"fault {fault.kind}: there is no market {wanted[:70]!r}; give a condition id, or a "
            f"number below {len(market_ids)}"
        )


def _spender(fault: settlement.AllowanceRevoked) -> str:
    """Return the contract as it is written everywhere, or an empty text for all of them."""
    for contract in ("", *EXCHANGES):
        if contract.lower() == fault.spender.lower():
            return contract
    raise VenueError(
        f"fault {fault.kind}: {fault.spender[:70]!r} is no exchange contract; leave spender out, "
        f"or take one of {', '.join(EXCHANGES)}"
    )


def _need(fault: Fault, target: _Target | None) -> _Target:
    if target is None:
        raise VenueError(
            f"fault {fault.kind}: this exchange has nothing it could happen to; recordings take no "
            "orders and change no market, serve a simulation"
        )
    return target


def _lag(facade: LagTarget, lag_s: float, now_ns: int) -> Undo:
    facade.set_lag(lag_s, now_ns)
    return lambda at_ns: facade.set_lag(0.0, at_ns)


def _payouts_e6(yes_pays: float) -> tuple[int, int]:
    yes_e6 = round(yes_pays * PRICE_ONE_E4) * (SHARE_E6 // PRICE_ONE_E4)
    return yes_e6, SHARE_E6 - yes_e6
