"""One market, one decision: propose, shape, veto, target, orders, record.

The same pipeline serves the selection cycle (where a market may also lose for want of a
place) and every change in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from polyframe.commands import CancelOrder, Command, PlaceOrder
from polyframe.events import Side
from polyframe.model import (
    MAKER,
    SIDES,
    BookSide,
    Decision,
    PluginReading,
    PluginShape,
    PluginVeto,
    Quote,
    TradeLeg,
    Veto,
)
from polyframe.money import complement_e4, price_text, size_text
from polyframe.runtime.account import Account
from polyframe.runtime.agenda import Cause
from polyframe.runtime.checks import check, crosses, reduce_only
from polyframe.runtime.dispatch import Dispatcher, Shaped
from polyframe.runtime.limits import Limits
from polyframe.runtime.markets import Market
from polyframe.runtime.orders import Order, Orders, Route
from polyframe.runtime.reconcile import MutationBudget, SideAction, reconcile
from polyframe.runtime.safety import Safety
from polyframe.runtime.states import ALLOWED
from polyframe.settings import QuotingSettings

_SECOND_NS = 1_000_000_000
RUNTIME = "runtime"


class Evaluation(NamedTuple):
    """What the plugins and the runtime think of quoting one market now.

    ``judged`` is the quote that was put to the vetoes; nobody was ``asked`` when the runtime
    refuses by itself.
    """

    proposal: Quote
    shaped: Quote
    judged: Quote
    vetoes: tuple[PluginVeto, ...]
    target: Quote
    bid: Route | None = None
    ask: Route | None = None
    proposed_by: str = ""
    asked: tuple[str, ...] = ()
    shapes: tuple[PluginShape, ...] = ()


class Decider:
    """Evaluates markets and turns targets into commands; owns decision and order numbers.

    ``first_order`` is the number of the first order's name: an account's orders never share one.

    With a ``timer`` (monotonic ns, set by the shell) ``took_ns`` has the time that each decision
    told since it was last emptied took, from asking to acting; None for one that asked nobody.
    """

    def __init__(
        self,
        settings: QuotingSettings,
        dispatcher: Dispatcher,
        account: Account,
        orders: Orders,
        record: Callable[[Decision], None],
        safety: Safety,
        limits: Limits,
        first_order: int = 1,
    ) -> None:
        self._settings = settings
        self._dispatcher = dispatcher
        self._account = account
        self._orders = orders
        self._record = record
        self.budget = MutationBudget(settings)
        self.decisions = 0
        self.timer: Callable[[], int] | None = None
        self.took_ns: list[int | None] = []
        self._refused_for: dict[str, frozenset[tuple[str, str | None]]] = {}
        self._asked_at_ns: int | None = None
        self.safety = safety
        self.limits = limits
        self._orders_named = first_order - 1

    def evaluate(self, market: Market, now_ns: int) -> Evaluation:
        """Ask everybody; nothing is changed and nothing leaves."""
        account, dispatcher = self._account, self._dispatcher
        self.start_clock()
        proposed_by, proposal = dispatcher.propose_quote(market, account, now_ns)
        shaped = Shaped(proposal)
        if not proposal.is_empty:
            shaped = dispatcher.shape_quote(proposal, market, account, now_ns)
        judged = reduce_only(shaped.quote, market)
        shapes = shaped.shapes
        if judged != shaped.quote:
            shapes = (*shapes, PluginShape(RUNTIME, judged.bid, judged.ask))
        checked = check(judged, shaped.quote, market, account, self.limits, now_ns)
        asked = dispatcher.vetoers
        vetoes = (
            *(PluginVeto(RUNTIME, veto) for veto in self.safety.vetoes),
            *(PluginVeto(RUNTIME, veto) for veto in checked.vetoes),
            *shaped.vetoes,
            *dispatcher.pre_quote_veto(judged, market, account, now_ns),
        )
        blocked = {veto.veto.side for veto in vetoes}
        bid = None if None in blocked or "bid" in blocked else checked.bid
        ask = None if None in blocked or "ask" in blocked else checked.ask
        target = Quote(
            market.market_id,
            judged.fair,
            judged.bid if bid is not None else None,
            judged.ask if ask is not None else None,
            judged.policy,
            judged.inputs,
        )
        return Evaluation(
            proposal, shaped.quote, judged, vetoes, target, bid, ask, proposed_by, asked,
            shapes,
        )  # fmt: skip

    def start_clock(self) -> None:
        """Time what is asked from here on, until the next decision is told."""
        if self.timer is not None:
            self._asked_at_ns = self.timer()

    def refuse(self, evaluation: Evaluation, veto: Veto) -> Evaluation:
        """Return the evaluation with one more refusal, and nothing to rest."""
        return evaluation._replace(
            vetoes=(*evaluation.vetoes, PluginVeto(RUNTIME, veto)),
            target=Quote(evaluation.target.market_id, evaluation.target.fair),
            bid=None,
            ask=None,
        )

    def refusal(self, market: Market, veto: Veto) -> Evaluation:
        """Return an evaluation that nobody was asked for: pull, for this one reason."""
        nothing = Quote(market.market_id)
        vetoes = (PluginVeto(RUNTIME, veto),)
        return Evaluation(nothing, nothing, nothing, vetoes, nothing)

    def act(
        self, market: Market, evaluation: Evaluation, cause: Cause, now_ns: int
    ) -> tuple[list[Command], bool]:
        """Bring the market's orders to the target and record the decision.

        Returns the commands, and whether something had to wait for the mutation budget.
        """
        decision_id = self.decisions + 1
        commands: list[Command] = []
        told: list[str] = []
        deferred = False
        had_live = bool(market.orders)
        unknown = [one.order_id for one in market.orders if one.is_unknown]
        actions = [
            reconcile(
                wanted,
                [o for o in market.orders if o.side == side and o.component == MAKER],
                tick_e4=market.tick_e4,
                now_ns=now_ns,
                settings=self._settings,
                may_exceed=ALLOWED[market.state].may_add,
            )
            for side, wanted in zip(SIDES, (evaluation.bid, evaluation.ask), strict=True)
        ]
        # Before anything is sent: the numbers are those that the vetoes went by.
        readings = self._readings(market, evaluation, actions, now_ns)
        for side, action in zip(SIDES, actions, strict=True):
            in_the_way = self._in_the_way(market, side, action.place)
            cancels = [
                *action.cancels,
                # An order that takes is over by itself: it is waited for.
                *((order, "own_cross") for order in in_the_way if order.component == MAKER),
            ]
            for order, reason in cancels:
                if self._orders.ask_cancel(order):
                    self.budget.note_cancel(now_ns)
                    commands.append(CancelOrder(order.order_id, reason))
                    told.append(f"cancel {order.order_id} {reason}")
            if action.place is None or in_the_way:
                continue
            # Where one order's fate is unknown, another could double it (quant.md I5).
            if not unknown and self.budget.take_place(now_ns):
                command = self._place(market, action.place, decision_id, now_ns)
                commands.append(command)
                told.append(_told(command, action.place))
            else:
                deferred = True
        outcome = _outcome(evaluation, commands, deferred, had_live)
        held_by = self._held_by(unknown) if deferred else ()
        self.tell(market, cause, outcome, evaluation, tuple(told), now_ns, readings, held_by)
        return commands, deferred

    def _held_by(self, unknown: Sequence[str]) -> tuple[str, ...]:
        hazards = (hazard.value for hazard in self.safety.standing)
        return (*hazards, *(f"unknown {order_id}" for order_id in unknown))

    def _readings(
        self, market: Market, evaluation: Evaluation, actions: Sequence[SideAction], now_ns: int
    ) -> tuple[PluginReading, ...]:
        """Return the numbers behind a decision that changes something, or refuses anew.

        Most decisions find that what rests is right, or that what stood against the market
        still does: they are not worth the calls.
        """
        known = self._refused_for.pop(market.market_id, None)
        if not evaluation.asked:
            return ()
        if evaluation.target.is_empty:
            reasons = frozenset((cast.veto.code, cast.veto.side) for cast in evaluation.vetoes)
            self._refused_for[market.market_id] = reasons
            is_news = reasons != known
        else:
            is_news = False
        if not (is_news or any(action.place is not None or action.cancels for action in actions)):
            return ()
        return self._dispatcher.explain_quote(evaluation.judged, market, self._account, now_ns)

    def tell(
        self,
        market: Market,
        cause: Cause,
        outcome: str,
        evaluation: Evaluation,
        commands: tuple[str, ...],
        now_ns: int,
        readings: tuple[PluginReading, ...] = (),
        held_by: tuple[str, ...] = (),
    ) -> None:
        """Record a decision under the next number."""
        self.decisions += 1
        if self.timer is not None:
            asked_at_ns, self._asked_at_ns = self._asked_at_ns, None
            self.took_ns.append(None if asked_at_ns is None else self.timer() - asked_at_ns)
        self._record(
            Decision(
                decision_id=self.decisions,
                ts_ns=now_ns,
                market_id=market.market_id,
                trigger=cause.trigger,
                outcome=outcome,
                proposal=evaluation.proposal,
                shaped=evaluation.shaped,
                vetoes=evaluation.vetoes,
                target=evaluation.target,
                commands=commands,
                best_bid_e4=market.book.best_bid_e4,
                best_ask_e4=market.book.best_ask_e4,
                book_age_s=market.book_age_s,
                state=market.state,
                net_yes_e6=market.position.net_yes_e6,
                since_ns=cause.since_ns,
                origin=cause.origin,
                proposed_by=evaluation.proposed_by,
                asked=evaluation.asked,
                shapes=evaluation.shapes,
                readings=readings,
                held_by=held_by,
            )
        )

    def take(self, market: Market, leg: TradeLeg, component: str, now_ns: int) -> PlaceOrder:
        """Register an order that takes; its decision is the next one told."""
        self.budget.note_taken(now_ns)
        routed = Route(leg.is_yes, leg.is_buy, leg.limit_e4, leg.size_e6)
        return self._send(market, routed, self.decisions + 1, now_ns, component, None)

    def _in_the_way(self, market: Market, side: BookSide, wanted: Route | None) -> list[Order]:
        """Return our orders on the other side that a new one would cross: they go first."""
        if wanted is None:
            return []
        price_e4 = wanted.price_e4 if wanted.is_yes else complement_e4(wanted.price_e4)
        return [
            order
            for order in market.orders
            if order.side != side and crosses(side, price_e4, order.yes_price_e4, market.tick_e4)
        ]

    def _place(self, market: Market, routed: Route, decision_id: int, now_ns: int) -> PlaceOrder:
        expires_ns = now_ns + round(self._settings.order_life_s * _SECOND_NS)
        return self._send(market, routed, decision_id, now_ns, MAKER, expires_ns)

    def _send(
        self,
        market: Market,
        routed: Route,
        decision_id: int,
        now_ns: int,
        component: str,
        expires_ns: int | None,
    ) -> PlaceOrder:
        self._orders_named += 1
        command = PlaceOrder(
            order_id=f"o-{self._orders_named:06d}",
            market_id=market.market_id,
            token_id=market.spec.token_ids[0 if routed.is_yes else 1],
            side=Side.BUY if routed.is_buy else Side.SELL,
            price_e4=routed.price_e4,
            size_e6=routed.size_e6,
            expires_ns=expires_ns,
            post_only=component == MAKER,
            component=component,
            decision_id=decision_id,
        )
        self._orders.place(command, routed.is_yes, now_ns)
        return command


def _told(command: PlaceOrder, routed: Route) -> str:
    token = "YES" if routed.is_yes else "NO"
    size, price = size_text(command.size_e6), price_text(command.price_e4)
    return f"place {command.order_id} {command.side} {token} {size}@{price}"


def _outcome(
    evaluation: Evaluation, commands: Sequence[Command], deferred: bool, had_live: bool
) -> str:
    if evaluation.bid is not None or evaluation.ask is not None:
        if commands:
            return "quoted"
        return "deferred" if deferred else "unchanged"
    if commands or had_live:
        return "pulled"
    return "vetoed" if evaluation.vetoes else "no_proposal"
