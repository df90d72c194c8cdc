"""The paper venue: answers to our orders, simulated from the market everyone else made.

Sans-I/O and deterministic: time comes with the calls, randomness from the seed. One path
of orders, latencies and cancels; three profiles read it side by side and the base profile
is the one whose fills the engine sees (quant.md A2.4, docs/paper-model.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from heapq import heappop, heappush
from random import Random
from typing import Any

from polyframe.events import (
    BestBidAsk,
    BookSnapshot,
    BookWitness,
    CancelOrder,
    CancelRejected,
    Event,
    FeedConnected,
    FeedLost,
    MarketResolved,
    MarketsFetched,
    OrderAccepted,
    OrderCancelled,
    OrderEvent,
    OrderFilled,
    OrderRejected,
    PlaceOrder,
    PriceChange,
    TickSizeChange,
    TradePrint,
)
from polyframe.money import PRICE_ONE_E4
from polyframe.runtime.paper.admission import refuse_command
from polyframe.runtime.paper.executions import SECOND_NS, Action, Executions
from polyframe.runtime.paper.latency import Latency
from polyframe.runtime.paper.ledger import PaperFill, ProfileResult
from polyframe.runtime.paper.market import Level, PaperMarket
from polyframe.runtime.paper.queue_model import (
    BASE,
    PROFILES,
    QueuedOrder,
    ahead_after_drop,
    displayed_e6,
    profile_powers,
)
from polyframe.settings import PaperSettings

# How long a cross fill of an order that is gone still waits for its print (R5).
_LATE_PRINT_NS = 60 * SECOND_NS
Levels = tuple[tuple[int, float], ...]


class PaperVenue:
    """A venue that fills post-only orders from public prints, and says how sure it is.

    The caller owes, for every input event: ``advance(event.ts_ns)``, then the engine, then
    ``observe(event)``; and ``submit`` for what the engine answered.

    Args:
        settings: the fill model (latencies, queue exponent, window, cap, ghosts).
        seed: of the latency and the ghost stream.
        bankroll_e12: cash of every profile at the start.
    """

    def __init__(self, settings: PaperSettings, seed: int, bankroll_e12: int) -> None:
        self._entry = Latency(settings.entry)
        self._cancel_latency = Latency(settings.cancel)
        self._latencies = Random(f"{seed}:paper.latency")
        self._window_ns = round(settings.pairing_window_s * SECOND_NS)
        self._powers = profile_powers(settings.queue_power)
        self._due: list[tuple[int, int, Action]] = []
        self._scheduled = 0
        self._numbers = 0
        self._markets: dict[str, PaperMarket] = {}
        self._by_token: dict[str, PaperMarket] = {}
        self._orders: dict[str, QueuedOrder] = {}
        self._order_ids: set[str] = set()
        ghosts = Random(f"{seed}:paper.ghosts")
        self._executions = Executions(settings, ghosts, bankroll_e12, self._schedule)
        self._funds = self._executions.funds
        self._observers: dict[type, Callable[[Any], list[OrderEvent]]] = {
            PriceChange: self._on_price_change,
            BookSnapshot: self._on_snapshot,
            TradePrint: self._on_print,
            BestBidAsk: self._on_best_bid_ask,
            BookWitness: self._on_witness,
            TickSizeChange: self._on_tick_size_change,
            MarketResolved: self._on_resolved,
            MarketsFetched: self._on_markets,
            FeedLost: self._on_feed,
            FeedConnected: self._on_feed,
        }

    # --- what the caller sees --------------------------------------------------------------

    def submit(self, commands: Sequence[PlaceOrder | CancelOrder], now_ns: int) -> None:
        """Take commands sent at ``now_ns``; each spends one latency draw, in this order."""
        for command in commands:
            if isinstance(command, PlaceOrder):
                self._submit_place(command, now_ns)
            else:
                due_ns = now_ns + self._cancel_latency.draw_ns(self._latencies)
                order = self._orders.get(command.order_id)
                if order is not None:
                    # A cancel never overtakes the order it is for.
                    due_ns = max(due_ns, order.effective_ns)
                self._schedule(due_ns, partial(self._cancel, command.order_id))

    def advance(self, to_ns: int) -> list[OrderEvent]:
        """Return everything due at or before ``to_ns``, in time order, stamped when due."""
        events: list[OrderEvent] = []
        while self._due and self._due[0][0] <= to_ns:
            due_ns, _, action = heappop(self._due)
            events += self._follow_up(action(due_ns), due_ns)
        return events

    def observe(self, event: Event) -> list[OrderEvent]:
        """Learn from an input event the engine has seen; return the base profile's answers."""
        observer = self._observers.get(type(event))
        return self._follow_up(observer(event), event.ts_ns) if observer is not None else []

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

    # --- orders ----------------------------------------------------------------------------

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
        self._orders[order_id] = order
        market.arriving[order_id] = order
        market.watch(order)
        if market.is_book_known:
            market.note_touch(now_ns)
            order.max_displayed_e6 = market.displayed_e6(order.is_bid, order.yes_price_e4)
        self._schedule(due_ns, partial(self._arrive, command, market, order))

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

    def _end_all(self, market: PaperMarket, reason: str, ts_ns: int) -> list[OrderEvent]:
        return [e for o in list(market.orders.values()) for e in self._end(o, reason, ts_ns)]

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

    # --- market data -----------------------------------------------------------------------

    def _on_markets(self, event: MarketsFetched) -> list[OrderEvent]:
        events: list[OrderEvent] = []
        for spec in event.markets:
            market = self._markets.get(spec.market_id)
            if market is None:
                market = self._markets[spec.market_id] = PaperMarket(spec)
                for token_id in spec.token_ids:
                    self._by_token[token_id] = market
                continue
            market.fees = spec.fees
            market.min_size_e6 = spec.min_size_e6
            market.is_accepting = spec.accepting_orders
            if spec.closed and not market.is_closed:
                market.is_closed = True
                events += self._end_all(market, "market_closed", event.ts_ns)
            if not market.is_book_known:
                # The feed's word on the tick beats the metadata's while there is a feed.
                events += self._set_tick(market, spec.tick_e4, event.ts_ns)
        return events

    def _on_price_change(self, event: PriceChange) -> list[OrderEvent]:
        market = self._markets.get(event.market_id)
        if market is None or not market.is_book_known:
            return []
        market.proof_ns = event.ts_ns
        yes_token = market.token_ids[0]
        set_level = market.book.set_level
        watched = market.levels
        for change in event.changes:
            is_bid, price_e4 = change.is_bid, change.price_e4
            if change.token_id != yes_token:
                is_bid, price_e4 = not is_bid, PRICE_ONE_E4 - price_e4
            old = set_level(is_bid, price_e4, change.size)
            if watched and old != change.size and (is_bid, price_e4) in watched:
                level = (is_bid, price_e4)
                self._on_level(market, level, displayed_e6(old), event.ts_ns)
        self._after_book(market, event.ts_ns)
        return []

    def _on_snapshot(self, event: BookSnapshot) -> list[OrderEvent]:
        market = self._by_token.get(event.token_id)
        if market is None:
            return []
        events: list[OrderEvent] = []
        if event.tick_e4 is not None:
            events = self._set_tick(market, event.tick_e4, event.ts_ns)
        if event.min_size_e6 is not None:
            market.min_size_e6 = event.min_size_e6
        before = {level: market.displayed_e6(*level) for level in market.levels}
        market.book.replace(*_in_yes_space(market, event.token_id, event.bids, event.asks))
        market.proof_ns = event.ts_ns
        if market.is_book_known:
            for level, old_e6 in before.items():
                self._on_level(market, level, old_e6, event.ts_ns)
        else:
            # After a gap nothing says what was printed or cancelled: only the display counts.
            market.is_book_known = True
            for order in market.orders.values():
                shown = market.displayed_e6(order.is_bid, order.yes_price_e4)
                order.ahead_e6 = [min(ahead, shown) for ahead in order.ahead_e6]
            for order in market.arriving.values():
                shown = market.displayed_e6(order.is_bid, order.yes_price_e4)
                order.max_displayed_e6 = max(order.max_displayed_e6, shown)
        self._after_book(market, event.ts_ns)
        return events

    def _on_level(self, market: PaperMarket, level: Level, old_e6: int, ts_ns: int) -> None:
        """A watched level changed: remember the most for arrivals, attribute a drop later."""
        new_e6 = market.displayed_e6(*level)
        for order in market.arriving.values():
            if (order.is_bid, order.yes_price_e4) == level:
                order.max_displayed_e6 = max(order.max_displayed_e6, new_e6)
        if new_e6 >= old_e6:
            return  # R7: what joins, joins behind us
        watch = market.levels[level]
        left_e6 = watch.unexplained(old_e6 - new_e6, ts_ns, self._window_ns)
        self._numbers += 1
        watch.drops.append([self._numbers, left_e6])
        attribute = partial(self._attribute_drop, market, level, self._numbers)
        self._schedule(ts_ns + self._window_ns, attribute)

    def _attribute_drop(
        self, market: PaperMarket, level: Level, number: int, due_ns: int
    ) -> list[OrderEvent]:
        """R6 and R8: no print explained this drop in the window, so it was cancelled."""
        watch = market.levels.get(level)
        if watch is None or not watch.drops or watch.drops[0][0] != number:
            return []
        waiting_e6 = sum(left for _, left in watch.drops)
        drop_e6 = watch.drops.popleft()[1]
        total_e6 = market.displayed_e6(*level) + waiting_e6
        for order in market.orders.values():
            if (order.is_bid, order.yes_price_e4) == level:
                order.ahead_e6 = [
                    ahead_after_drop(ahead, total_e6, drop_e6, power)
                    for ahead, power in zip(order.ahead_e6, self._powers, strict=True)
                ]
        return []

    def _after_book(self, market: PaperMarket, ts_ns: int) -> None:
        if market.is_watched:
            market.note_touch(ts_ns)
            market.trim_consumed()
            if market.orders:
                self._executions.on_book(market, ts_ns)

    def _on_print(self, event: TradePrint) -> list[OrderEvent]:
        market = self._by_token.get(event.token_id)
        if market is None or event.size_e6 <= 0:
            return []
        price_e4 = market.yes_price_e4(event.token_id, event.price_e4)
        key = (price_e4, event.size_e6, event.venue_ms, event.transaction_hash)
        if market.is_duplicate(event.ts_ns, key, event.token_id, event.taker_side, self._window_ns):
            return []
        market.volume.add(event.ts_ns, event.size_e6)
        if not market.orders and not market.settling:
            return []
        return self._executions.on_print(market, event, price_e4)

    def _on_best_bid_ask(self, event: BestBidAsk) -> list[OrderEvent]:
        market = self._by_token.get(event.token_id)
        if market is not None and market.is_book_known:
            bid, ask = market.book.best_bid_e4, market.book.best_ask_e4
            if event.token_id != market.token_ids[0]:
                bid, ask = _complement(ask), _complement(bid)
            if (bid, ask) == (event.best_bid_e4, event.best_ask_e4):
                market.proof_ns = event.ts_ns
        return []

    def _on_witness(self, event: BookWitness) -> list[OrderEvent]:
        market = self._by_token.get(event.token_id)
        if market is not None and market.is_book_known:
            bids, asks = _in_yes_space(market, event.token_id, event.bids, event.asks)
            if market.book.agreement(bids, asks) == "same":
                market.proof_ns = event.ts_ns
        return []

    def _on_tick_size_change(self, event: TickSizeChange) -> list[OrderEvent]:
        market = self._by_token.get(event.token_id)
        return [] if market is None else self._set_tick(market, event.new_tick_e4, event.ts_ns)

    def _set_tick(self, market: PaperMarket, tick_e4: int, ts_ns: int) -> list[OrderEvent]:
        """R13: a new grid starts a new book; orders off it are gone."""
        if tick_e4 == market.tick_e4:
            return []
        market.tick_e4 = tick_e4
        market.book.clear(tick_e4)
        market.forget_book()
        events: list[OrderEvent] = []
        for order in list(market.orders.values()):
            if order.price_e4 % tick_e4:
                events += self._end(order, "tick_change", ts_ns)
        return events

    def _on_resolved(self, event: MarketResolved) -> list[OrderEvent]:
        market = self._markets.get(event.market_id)
        if market is None:
            return []
        market.is_closed = True
        events = self._end_all(market, "market_resolved", event.ts_ns)
        if event.winning_token_id in market.token_ids:
            is_yes_winner = event.winning_token_id == market.token_ids[0]
            for ledger in self._executions.ledgers:
                ledger.settle(market.market_id, is_yes_winner)
        return events

    def _on_feed(self, event: FeedLost | FeedConnected) -> list[OrderEvent]:
        for token_id in event.token_ids:
            market = self._by_token.get(token_id)
            if market is not None and market.is_book_known:
                market.forget_book()
        return []


def _reject(order_id: str, refusal: tuple[str, str], due_ns: int) -> list[OrderEvent]:
    code, message = refusal
    return [OrderRejected(due_ns, order_id, code, message)]


def _complement(price_e4: int | None) -> int | None:
    return None if price_e4 is None else PRICE_ONE_E4 - price_e4


def _in_yes_space(
    market: PaperMarket, token_id: str, bids: Levels, asks: Levels
) -> tuple[Levels, Levels]:
    if token_id == market.token_ids[0]:
        return bids, asks
    return (
        tuple((PRICE_ONE_E4 - price, size) for price, size in asks),
        tuple((PRICE_ONE_E4 - price, size) for price, size in bids),
    )
