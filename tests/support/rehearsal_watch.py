"""What the exchange saw of an account, order by order: held to caps and limits from its side.

Nothing of the engine is used: costs are folded anew from the exchange's own trades, exposures are
enumerated state by state. An order counts from when the venue has it, so one that was signed
before and arrives late is judged among everything that rests by then.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from exposures import exposures_e12
from polyframe.events import Side
from polyframe.exchange.trading.desk import Answer, OrderDesk
from polyframe.exchange.trading.orders import AccountOrder, OrderRequest, Placement
from polyframe.exchange.trading.settlement import FAILED, Leg, Trade

S_NS = 10**9


@dataclass
class Held:
    """One market's tokens at average cost, folded from what happened to the account."""

    yes_e6: int = 0
    no_e6: int = 0
    yes_cost_e12: Fraction = Fraction(0)
    no_cost_e12: Fraction = Fraction(0)

    @property
    def cost_e12(self) -> Fraction:
        return self.yes_cost_e12 + self.no_cost_e12

    def move(self, is_yes: bool, size_e6: int, paid_e12: int) -> None:
        """Buy, or sell (negative) at average cost."""
        held, cost = (self.yes_e6, self.yes_cost_e12) if is_yes else (self.no_e6, self.no_cost_e12)
        cost += paid_e12 if size_e6 > 0 else cost * size_e6 / held if held else 0
        if is_yes:
            self.yes_e6, self.yes_cost_e12 = held + size_e6, cost
        else:
            self.no_e6, self.no_cost_e12 = held + size_e6, cost


@dataclass(frozen=True)
class Resting:
    """An order as exposures are counted."""

    order_id: str
    market_id: str
    is_yes: bool
    is_buy: bool
    price_e4: int
    leaves_e6: int

    @property
    def yes_price_e4(self) -> int:
        return self.price_e4 if self.is_yes else 10_000 - self.price_e4

    @property
    def is_bid(self) -> bool:
        return self.is_yes == self.is_buy


class Watch:
    """Sits at the desk's door and looks at every order of one account.

    Args:
        desk: the exchange's.
        address: the wallet that trades.
    """

    def __init__(self, desk: OrderDesk, address: str) -> None:
        self._desk = desk
        self._address = address.lower()
        self.refusals: Counter[str] = Counter()
        self.broken: list[str] = []
        self.worst_market_e12 = 0
        self.worst_all_e12 = 0
        self.most_open = 0
        self.dearest_e12 = 0
        self.legs_ns: list[int] = []
        self.taken = 0
        self.fills = 0
        self.failed_ns: dict[str, int] = {}
        self._legs: dict[str, list[tuple[Trade, Leg]]] = {}
        self._exposure_e12: dict[str, int] = {}
        place, changed = desk.place, desk.settlement._changed

        def watched(request: OrderRequest, now_ns: int, answer: Answer) -> None:
            def answered(placed: Placement) -> None:
                if placed.error:
                    self.refusals[placed.error.split(" -> ")[0].split("0x")[0][:60]] += 1
                answer(placed)

            place(request, now_ns, answered)
            self._placed(request, now_ns)

        def traded(trade: Trade, now_ns: int) -> None:
            self._traded(trade, now_ns)
            changed(trade, now_ns)

        desk.place = watched  # type: ignore[method-assign]
        desk.settlement._changed = traded

    # --- what happens ------------------------------------------------------------------------

    def _is_ours(self, wallet: str) -> bool:
        return wallet.lower() == self._address

    def _traded(self, trade: Trade, now_ns: int) -> None:
        if trade.status == "MATCHED":
            for leg in trade.legs:
                if leg.wallet is None or not self._is_ours(leg.wallet.address):
                    continue
                self.fills += 1
                self._legs.setdefault(trade.market_id, []).append((trade, leg))
                order = self._desk.registry.orders[leg.order_id]
                if leg is trade.taker and order.request.post_only:
                    self.broken.append(f"post-only {leg.order_id} took")
        elif trade.status == FAILED:
            self.failed_ns[trade.market_id] = now_ns

    def _placed(self, request: OrderRequest, now_ns: int) -> None:
        if not self._is_ours(request.wallet):
            self.broken.append(f"an order of {request.wallet}")
            return
        self.legs_ns.append(now_ns)
        order = self._desk.registry.orders.get(request.order_id)
        if order is None:
            return
        self.taken += 1
        self._judge(order, now_ns)

    # --- judgement ---------------------------------------------------------------------------

    def _judge(self, order: AccountOrder, now_ns: int) -> None:
        request, market_id = order.request, order.market_id
        tick_e4 = self._desk.source.matching_book(market_id).tick_e4
        if request.price_e4 % tick_e4 or not 0 < request.price_e4 < 10_000:
            self.broken.append(f"off the grid: {request}")
        mine = self.resting(market_id)
        bids = [one.yes_price_e4 for one in mine if one.is_bid]
        asks = [one.yes_price_e4 for one in mine if not one.is_bid]
        if bids and asks and max(bids) >= min(asks):
            self.broken.append(f"crosses itself in {market_id}: bids {bids}, asks {asks}")
        self.most_open = max(self.most_open, len(self.resting()))
        if request.side is Side.BUY:
            cost_e12 = request.price_e4 * request.size_e6 * 100
            self.dearest_e12 = max(self.dearest_e12, cost_e12)
        before_e12 = self._exposure_e12.get(market_id, 0)
        markets, _, total_e12 = exposures_e12(self)
        here_e12 = int(markets[market_id])
        self._exposure_e12[market_id] = here_e12
        # A settlement that failed gives back what had been sold: nobody could have known.
        failed_ns = self.failed_ns.get(market_id, -S_NS * 10**9)
        if here_e12 > before_e12 and now_ns - failed_ns > 120 * S_NS:
            self.worst_market_e12 = max(self.worst_market_e12, here_e12)
        if all(now_ns - one > 120 * S_NS for one in self.failed_ns.values()):
            self.worst_all_e12 = max(self.worst_all_e12, int(total_e12))

    def most_legs_within(self, window_ns: int) -> int:
        """The largest number of orders that came within any window."""
        most, first = 0, 0
        for last, at_ns in enumerate(self.legs_ns):
            while self.legs_ns[first] <= at_ns - window_ns:
                first += 1
            most = max(most, last - first + 1)
        return most

    # --- the account, as exposures are counted -----------------------------------------------

    def resting(self, market_id: str = "") -> list[Resting]:
        """What rests of the account, in one market or everywhere."""
        return [
            Resting(
                one.order_id, one.market_id, one.is_yes, one.request.side is Side.BUY,
                one.request.price_e4, one.leaves_e6,
            )
            for one in self._desk.registry.open.values()
            if self._is_ours(one.request.wallet) and market_id in ("", one.market_id)
        ]  # fmt: skip

    def orders(self, market_id: str | None = None) -> list[Resting]:
        return self.resting(market_id or "")

    def positions(self) -> dict[str, Held]:
        return {market_id: self.position(market_id) for market_id in self._legs}

    def position(self, market_id: str) -> Held:
        """Fold a market's trades that did not fail, merges and redemptions, in order of time."""
        desk = self._desk
        if market_id in desk.custody.payouts_e6:
            return Held()
        moves: list[tuple[int, int, Any]] = [
            (trade.matched_ns, 0, leg)
            for trade, leg in self._legs.get(market_id, ())
            if trade.status != FAILED
        ]
        moves += [
            (one.ts_ns, 1, one)
            for one in desk.custody.journal._entries.get(self._address, ())
            if one.market_id == market_id and one.kind == "MERGE"
        ]
        held = Held()
        token_ids = desk._terms[market_id].token_ids
        for _, kind, what in sorted(moves, key=lambda one: one[:2]):
            is_yes = what.token_id == token_ids[0]
            if kind == 0 and what.side is Side.BUY:
                held.move(is_yes, what.size_e6, what.price_e4 * what.size_e6 * 100)
            else:
                held.move(is_yes, -what.size_e6, 0)
        return held

    def market(self, market_id: str) -> Any:
        return _Market(self._desk.source.market(market_id) or {})


class _Market:
    """A market as :mod:`exposures` asks for it; all are of one cluster."""

    def __init__(self, gamma: Any) -> None:
        self.cluster_id = "all"
        self.spec = self
        self.neg_risk = bool(gamma.get("negRisk"))
        events = gamma.get("events") or [{}]
        self.market_event_id = str(events[0].get("id", ""))
