"""What the venue says of our orders and holdings, booked: order states, fills, rebates, merges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from polyframe import events
from polyframe.model import Fill
from polyframe.runtime.account import Account
from polyframe.runtime.agenda import Agenda
from polyframe.runtime.approving import Approving
from polyframe.runtime.dispatch import Dispatcher
from polyframe.runtime.fills import fill_of
from polyframe.runtime.markets import Markets, Moment
from polyframe.runtime.merging import Merging
from polyframe.runtime.orders import Orders
from polyframe.runtime.portfolio import Portfolio
from polyframe.runtime.redeeming import Redeeming


class OrderAnswers:
    """Books the venue's answers and puts the markets they touch on the agenda.

    ``handlers`` has one function per event type; ``new_fills`` collects what was booked until
    somebody takes it.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        account: Account,
        portfolio: Portfolio,
        orders: Orders,
        markets: Markets,
        merging: Merging,
        redeeming: Redeeming,
        approving: Approving,
        agenda: Agenda,
        moment: Moment,
        warn: Callable[[str], None],
    ) -> None:
        self._dispatcher = dispatcher
        self._account = account
        self._portfolio = portfolio
        self._orders = orders
        self._markets = markets
        self._approving = approving
        self._agenda = agenda
        self._moment = moment
        self._warn = warn
        self.new_fills: list[Fill] = []
        self.handlers: Mapping[type[Any], Callable[[Any], None]] = {
            events.OrderAccepted: self._on_accepted,
            events.OrderRejected: self._on_rejected,
            events.OrderUncertain: self._on_uncertain,
            events.OrderAdopted: self._on_adopted,
            events.OrderCancelled: self._on_cancelled,
            events.CancelRejected: self._on_cancel_rejected,
            events.OrderFilled: self._on_filled,
            events.HoldingsSettling: self._on_settling,
            events.ProceedsSettling: self._on_proceeds,
            events.RebatePaid: self._on_rebate,
            events.RewardPaid: self._on_reward,
            events.CashMoved: self._on_cash,
            events.PairsMerged: merging.merged,
            events.MergeFailed: merging.refused,
            events.TokensRedeemed: redeeming.redeemed,
            events.RedeemFailed: redeeming.refused,
            events.AllowancesRefreshed: approving.refreshed,
        }

    def _on_accepted(self, event: events.OrderAccepted) -> None:
        self._orders.accepted(event.order_id)

    def _on_rejected(self, event: events.OrderRejected) -> None:
        self._approving.rejected(event.code)
        order = self._orders.rejected(event.order_id, event.code)
        if order is not None:
            self._agenda.touch(order.market_id, "rejected")

    def _on_uncertain(self, event: events.OrderUncertain) -> None:
        order = self._orders.uncertain(event.order_id)
        if order is not None:
            self._warn(f"order {event.order_id} is of unknown fate: {event.reason}")

    def _on_adopted(self, event: events.OrderAdopted) -> None:
        market = self._markets.find(event.market_id)
        if market is None:
            # Whoever tells of an earlier run's order owes its market first: a fill would be lost.
            self._warn(f"order {event.order_id} of a market nobody fetched: {event.market_id}")
            return
        # Not decided upon at once: it keeps its place in the queue if the next cycle wants it.
        self._orders.adopt(event, event.token_id == market.spec.token_ids[0])

    def _on_cancelled(self, event: events.OrderCancelled) -> None:
        order = self._orders.cancelled(event.order_id)
        if order is not None:
            self._agenda.touch(order.market_id, "cancelled", urgent=True)

    def _on_cancel_rejected(self, event: events.CancelRejected) -> None:
        order = self._orders.cancel_rejected(event.order_id)
        if order is not None:
            # It may still rest. Not urgent: what beat the cancel is usually on its way.
            self._agenda.touch(order.market_id, "cancel_rejected")

    def _on_filled(self, event: events.OrderFilled) -> None:
        if self._portfolio.has_booked(event.trade_id, event.order_id):
            return
        is_reversal = bool(event.reverses)
        order = (
            self._orders.reversed(event.order_id, event.size_e6)
            if is_reversal
            else self._orders.filled(event.order_id, event.size_e6)
        )
        market = None if order is None else self._markets.find(order.market_id)
        if order is None or market is None:
            self._warn(f"fill for an unknown order {event.order_id}")
            return
        fill = fill_of(event, order, market)
        if not self._portfolio.apply(fill):
            return
        self.new_fills.append(fill)
        self._dispatcher.on_fill(fill, market, self._account, self._moment.now_ns)
        self._agenda.touch(order.market_id, "fill", urgent=True)

    def _on_settling(self, event: events.HoldingsSettling) -> None:
        self._portfolio.settling(event.market_id, event.yes_e6, event.no_e6)

    def _on_proceeds(self, event: events.ProceedsSettling) -> None:
        self._portfolio.unsettled_e12 = event.amount_e12

    def _on_rebate(self, event: events.RebatePaid) -> None:
        self._portfolio.pay_rebate(event.market_id, "maker", event.amount_e12)

    def _on_reward(self, event: events.RewardPaid) -> None:
        self._portfolio.pay_reward(event.market_id, "maker", event.amount_e12)

    def _on_cash(self, event: events.CashMoved) -> None:
        self._portfolio.move_cash(event.amount_e12)
        self._warn(f"{event.amount_e12 / 1e12:+.6f} USD moved: {event.reason}")
