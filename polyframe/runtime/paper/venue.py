"""The paper venue: answers to our orders, simulated from the market everyone else made.

Sans-I/O and deterministic: time comes with the calls, randomness from the seed. One path
of orders, latencies and cancels; three profiles read it side by side and the base profile
is the one whose fills the engine sees (quant.md A2.4, docs/paper-model.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from heapq import heappop, heappush
from random import Random

from polyframe.commands import CancelOrder, MergePairs, OrderCommand, PlaceOrder
from polyframe.events import (
    CancelRejected,
    Event,
    MergeFailed,
    OrderAccepted,
    OrderCancelled,
    OrderEvent,
    OrderFilled,
    OrderRejected,
    PairsMerged,
)
from polyframe.runtime.paper.admission import refuse_command
from polyframe.runtime.paper.executions import SECOND_NS, Action, Executions
from polyframe.runtime.paper.latency import Latency
from polyframe.runtime.paper.ledger import PaperFill, ProfileResult
from polyframe.runtime.paper.market import Level, PaperMarket
from polyframe.runtime.paper.market_data import MarketData
from polyframe.runtime.paper.queue_model import BASE, PROFILES, QueuedOrder
from polyframe.runtime.paper.taking import take, worst_fee_e12
from polyframe.settings import PaperSettings

# How long a cross fill of an order that is gone still waits for its print (R5).
_LATE_PRINT_NS = 60 * SECOND_NS


class PaperVenue:
    """A venue that fills resting orders from public prints, taking ones from the book.

    The caller owes, for every input event: ``advance(event.ts_ns)``, then the engine, then
    ``observe(event)``; and ``submit`` for what the engine answered.

    Args:
        settings: the fill model (latencies, queue exponent, window, cap, ghosts).
        seed: of the latency and the ghost stream.
        bankroll_e12: cash of every profile at the start.
    """

    profile_names = PROFILES
    engine_profile = PROFILES[BASE]

    def __init__(self, settings: PaperSettings, seed: int, bankroll_e12: int) -> None:
        self._entry = Latency(settings.entry)
        self._cancel_latency = Latency(settings.cancel)
        self._latencies = Random(f"{seed}:paper.latency")
        self._merge_latency = Latency(settings.merge)
        self._merge_latencies = Random(f"{seed}:paper.merge")
        self._due: list[tuple[int, int, Action]] = []
        self._scheduled = 0
        self._numbers = 0
        self._orders: dict[str, QueuedOrder] = {}
        self._order_ids: set[str] = set()
        ghosts = Random(f"{seed}:paper.ghosts")
        self._executions = Executions(settings, ghosts, bankroll_e12, self._schedule)
        self._funds = self._executions.funds
        self._data = MarketData(settings, self._executions, self._schedule, self._end)
        self._markets = self._data.markets

    # --- what the caller sees --------------------------------------------------------------

    def submit(self, commands: Sequence[OrderCommand], now_ns: int) -> None:
        """Take commands sent at ``now_ns``; each spends one latency draw, in this order."""
        for command in commands:
            match command:
                case PlaceOrder():
                    self._submit_place(command, now_ns)
                case CancelOrder():
                    self._submit_cancel(command, now_ns)
                case MergePairs():
                    due_ns = now_ns + self._merge_latency.draw_ns(self._merge_latencies)
                    self._schedule(due_ns, partial(self._merge, command))

    def advance(self, to_ns: int) -> list[OrderEvent]:
        """Return everything due at or before ``to_ns``, in time order, stamped when due."""
        events: list[OrderEvent] = []
        while self._due and self._due[0][0] <= to_ns:
            due_ns, _, action = heappop(self._due)
            events += self._follow_up(action(due_ns), due_ns)
        return events

    def observe(self, event: Event) -> list[OrderEvent]:
        """Learn from an input event the engine has seen; return the base profile's answers."""
        return self._follow_up(self._data.observe(event), event.ts_ns)

    def adopt(self, market_id: str, is_yes: bool, size_e6: int, cost_e12: int) -> None:
        """Take over shares a resumed run already holds, before anything else happens.

        ``bankroll_e12`` must then be cash plus the cost of all such shares.
        """
        for ledger in self._executions.ledgers:
            ledger.adopt(market_id, is_yes, size_e6, cost_e12)

    def next_due_ns(self) -> int | None:
        """Return when ``advance`` has something to do next, None when nothing is under way."""
        return self._due[0][0] if self._due else None

    def results(self, marks_e6: Mapping[str, int] | None = None) -> dict[str, ProfileResult]:
        """Return every profile's outcome; ``marks_e6`` are YES mids in 1e-6 by market."""
        marks = marks_e6 or {}
        return {ledger.profile: ledger.result(marks) for ledger in self._executions.ledgers}

    def fills(self, profile: str = "base") -> Sequence[PaperFill]:
        """Return a profile's fills so far, in order."""
        return tuple(self._executions.ledgers[PROFILES.index(profile)].fills)

    def ahead_e6(self, order_id: str) -> dict[str, int] | None:
        """Return the queue ahead of a resting order per profile, None when it does not rest."""
        order = self._orders.get(order_id)
        if order is None or order_id not in self._markets[order.market_id].orders:
            return None
        return dict(zip(PROFILES, order.ahead_e6, strict=True))

    # --- merges ----------------------------------------------------------------------------

    def _merge(self, command: MergePairs, due_ns: int) -> list[OrderEvent]:
        """Merge what the executing profile has free: all of it or nothing, as on chain.

        The other profiles hold what their own fills brought; each merges what it has.
        """
        merge_id, market_id, size_e6 = command.merge_id, command.market_id, command.size_e6
        if self._funds.free_pairs_e6(market_id) < size_e6:
            return [MergeFailed(due_ns, merge_id, market_id, "fewer pairs are held and free")]
        for ledger in self._executions.ledgers:
            ledger.merge(market_id, size_e6)
        return [PairsMerged(due_ns, merge_id, market_id, size_e6)]

    # --- orders ----------------------------------------------------------------------------

    def _submit_cancel(self, command: CancelOrder, now_ns: int) -> None:
        due_ns = now_ns + self._cancel_latency.draw_ns(self._latencies)
        order = self._orders.get(command.order_id)
        if order is not None:
            # A cancel never overtakes the order it is for.
            due_ns = max(due_ns, order.effective_ns)
        self._schedule(due_ns, partial(self._cancel, command.order_id))

    def _schedule(self, due_ns: int, action: Action) -> None:
        self._scheduled += 1
        heappush(self._due, (due_ns, self._scheduled, action))

    def _submit_place(self, command: PlaceOrder, now_ns: int) -> None:
        due_ns = now_ns + self._entry.draw_ns(self._latencies)
        order_id = command.order_id
        market = self._markets.get(command.market_id)
        if order_id in self._order_ids:
            refusal = ("duplicate_order_id", "an order of this id was sent before")
            self._schedule(due_ns, partial(_reject, order_id, refusal))
            return
        self._order_ids.add(order_id)
        if market is None or command.token_id not in market.token_ids:
            refusal = ("unknown_market", "the market or its token is not known here")
            self._schedule(due_ns, partial(_reject, order_id, refusal))
            return
        self._numbers += 1
        order = QueuedOrder(
            order_id=order_id,
            market_id=command.market_id,
            is_yes=command.token_id == market.token_ids[0],
            is_buy=command.side == "BUY",
            price_e4=command.price_e4,
            size_e6=command.size_e6,
            number=self._numbers,
            sent_ns=now_ns,
            effective_ns=due_ns,
            expires_ns=command.expires_ns,
        )
        if not command.post_only:
            when_sent = dict(market.takeable(order)) if market.is_book_known else {}
            self._schedule(due_ns, partial(self._take, command, market, order, when_sent))
            return
        self._orders[order_id] = order
        market.arriving[order_id] = order
        market.watch(order)
        if market.is_book_known:
            market.note_touch(now_ns)
            order.max_displayed_e6 = market.displayed_e6(order.is_bid, order.yes_price_e4)
        self._schedule(due_ns, partial(self._arrive, command, market, order))

    def _take(
        self,
        command: PlaceOrder,
        market: PaperMarket,
        order: QueuedOrder,
        when_sent: dict[Level, int],
        due_ns: int,
    ) -> list[OrderEvent]:
        refusal = refuse_command(command, market, order.sent_ns) or self._funds.refuse(
            order, worst_fee_e12(market, order)
        )
        if refusal is not None:
            return _reject(order.order_id, refusal, due_ns)
        return take(market, order, when_sent, self._executions, due_ns)

    def _arrive(
        self, command: PlaceOrder, market: PaperMarket, order: QueuedOrder, due_ns: int
    ) -> list[OrderEvent]:
        del market.arriving[order.order_id]
        refusal = refuse_command(command, market, order.sent_ns) or self._funds.refuse(order)
        if refusal is None and market.would_cross(order):
            refusal = ("post_only_would_cross", "invalid post-only order: order crosses book")
        if refusal is not None:
            order.is_ended = True
            del self._orders[order.order_id]
            market.unwatch(order)
            return _reject(order.order_id, refusal, due_ns)
        displayed = market.displayed_e6(order.is_bid, order.yes_price_e4)
        for profile in range(len(PROFILES)):
            # What is ahead of an older own order is ahead of a younger one as well.
            older = [o.ahead_e6[profile] for o in self._at_level(market, order)]
            order.ahead_e6[profile] = max(displayed, order.max_displayed_e6, *older, 0)
        market.orders[order.order_id] = order
        self._funds.reserve(order, order.size_e6)
        for ledger in self._executions.ledgers:
            ledger.accept(order.size_e6)
        if order.expires_ns is not None:
            self._schedule(max(order.expires_ns, due_ns), partial(self._expire, order))
        return [OrderAccepted(due_ns, order.order_id)]

    def _at_level(self, market: PaperMarket, order: QueuedOrder) -> list[QueuedOrder]:
        level = (order.is_bid, order.yes_price_e4)
        return [o for o in market.orders.values() if (o.is_bid, o.yes_price_e4) == level]

    def _cancel(self, order_id: str, due_ns: int) -> list[OrderEvent]:
        order = self._orders.get(order_id)
        if order is None or order_id not in self._markets[order.market_id].orders:
            return [CancelRejected(due_ns, order_id, "the order is not live")]
        return self._end(order, "requested", due_ns)

    def _expire(self, order: QueuedOrder, due_ns: int) -> list[OrderEvent]:
        return [] if order.is_ended else self._end(order, "expired", due_ns)

    def _end(self, order: QueuedOrder, reason: str, ts_ns: int) -> list[OrderEvent]:
        """Take an order off the book in all profiles; the executing one decides."""
        market = self._markets[order.market_id]
        del market.orders[order.order_id]
        del self._orders[order.order_id]
        self._funds.reserve(order, -order.leaves_e6[BASE])
        order.is_ended = True
        order.leaves_e6 = [0, 0, 0]
        order.ahead_e6 = [0, 0, 0]
        if any(order.cross_credit_e6):
            market.settling.append(order)
            self._schedule(ts_ns + _LATE_PRINT_NS, partial(self._forget, market, order))
        market.unwatch(order)
        return [OrderCancelled(ts_ns, order.order_id, reason)] if reason else []

    def _forget(self, market: PaperMarket, order: QueuedOrder, due_ns: int) -> list[OrderEvent]:
        market.forget(order)
        return []

    def _follow_up(self, events: list[OrderEvent], ts_ns: int) -> list[OrderEvent]:
        """End what the base profile has filled; after a reversal, what is not covered."""
        more: list[OrderEvent] = []
        for event in events:
            if isinstance(event, OrderFilled):
                order = self._orders.get(event.order_id)
                if order is not None and not order.leaves_e6[BASE]:
                    self._end(order, "", ts_ns)
                if event.reverses:
                    more += self._end_uncovered(ts_ns)
        return events + more if more else events

    def _end_uncovered(self, ts_ns: int) -> list[OrderEvent]:
        """Cancel the youngest orders the balance no longer covers (venue.md 4.5)."""
        events: list[OrderEvent] = []
        for order in reversed(list(self._orders.values())):
            if order.order_id not in self._markets[order.market_id].orders:
                continue
            if order.is_buy:
                is_short = self._funds.cash_short_e12() > 0
            else:
                is_short = self._funds.shares_short_e6(order.market_id, order.is_yes) > 0
            if is_short:
                events += self._end(order, "insufficient_balance", ts_ns)
        return events


def _reject(order_id: str, refusal: tuple[str, str], due_ns: int) -> list[OrderEvent]:
    code, message = refusal
    return [OrderRejected(due_ns, order_id, code, message)]
