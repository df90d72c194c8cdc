"""What the paper venue learns from the feed: books, prints, ticks, resolutions.

Keeps every :class:`PaperMarket` current and hands evidence on to ``executions``; orders are
ended through the callback the venue gives.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from polyframe.events import (
    BestBidAsk,
    BookSnapshot,
    BookWitness,
    Event,
    FeedConnected,
    FeedLost,
    MarketResolved,
    MarketsFetched,
    OrderEvent,
    PriceChange,
    TickSizeChange,
    TradePrint,
)
from polyframe.money import PRICE_ONE_E4, SHARE_E6
from polyframe.runtime.paper.executions import SECOND_NS, Executions, Schedule
from polyframe.runtime.paper.market import Level, PaperMarket
from polyframe.runtime.paper.queue_model import (
    QueuedOrder,
    ahead_after_drop,
    displayed_e6,
    profile_powers,
)
from polyframe.settings import PaperSettings

Levels = tuple[tuple[int, float], ...]
EndOrder = Callable[[QueuedOrder, str, int], list[OrderEvent]]


class MarketData:
    """Every market the paper venue knows.

    Args:
        settings: the fill model's numbers.
        executions: where prints and books become fills.
        schedule: called with (due ns, action) for what happens later.
        end_order: called with (order, reason, ns) to take an order off the book.
    """

    def __init__(
        self,
        settings: PaperSettings,
        executions: Executions,
        schedule: Schedule,
        end_order: EndOrder,
    ) -> None:
        self.markets: dict[str, PaperMarket] = {}
        self._by_token: dict[str, PaperMarket] = {}
        self._executions = executions
        self._schedule = schedule
        self._end_order = end_order
        self._window_ns = round(settings.pairing_window_s * SECOND_NS)
        self._powers = profile_powers(settings.queue_power)
        self._drops = 0
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

    def observe(self, event: Event) -> list[OrderEvent]:
        """Take an input event in; return the base profile's answers."""
        observer = self._observers.get(type(event))
        return observer(event) if observer is not None else []

    def end_all(self, market: PaperMarket, reason: str, ts_ns: int) -> list[OrderEvent]:
        """Take every order of a market off the book."""
        orders = list(market.orders.values())
        return [e for order in orders for e in self._end_order(order, reason, ts_ns)]

    def _on_markets(self, event: MarketsFetched) -> list[OrderEvent]:
        events: list[OrderEvent] = []
        for spec in event.markets:
            market = self.markets.get(spec.market_id)
            if market is None:
                market = self.markets[spec.market_id] = PaperMarket(spec)
                for token_id in spec.token_ids:
                    self._by_token[token_id] = market
                if spec.yes_payout_e6 is not None:  # held from an earlier run, paid since
                    self._pay_out(market, spec.yes_payout_e6)
                continue
            before, market.spec = market.spec, spec
            market.fees = spec.fees
            market.is_accepting = spec.accepting_orders
            # The feed's word on tick and minimum stands until the metadata changes its own.
            if spec.min_size_e6 != before.min_size_e6:
                market.min_size_e6 = spec.min_size_e6
            if spec.closed and not market.is_closed:
                market.is_closed = True
                events += self.end_all(market, "market_closed", event.ts_ns)
            if spec.yes_payout_e6 is not None:
                self._pay_out(market, spec.yes_payout_e6)
            if spec.tick_e4 != before.tick_e4:
                events += self._set_tick(market, spec.tick_e4, event.ts_ns)
        return events

    def _on_price_change(self, event: PriceChange) -> list[OrderEvent]:
        market = self.markets.get(event.market_id)
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
        self._drops += 1
        watch.drops.append([self._drops, left_e6])
        attribute = partial(self._attribute_drop, market, level, self._drops)
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
        market.trim_consumed()
        if market.is_watched:
            market.note_touch(ts_ns)
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
                events += self._end_order(order, "tick_change", ts_ns)
        return events

    def _on_resolved(self, event: MarketResolved) -> list[OrderEvent]:
        market = self.markets.get(event.market_id)
        if market is None:
            return []
        market.is_closed = True
        events = self.end_all(market, "market_resolved", event.ts_ns)
        if event.winning_token_id in market.token_ids:
            is_yes_winner = event.winning_token_id == market.token_ids[0]
            self._pay_out(market, SHARE_E6 if is_yes_winner else 0)
        return events

    def _pay_out(self, market: PaperMarket, yes_payout_e6: int) -> None:
        for ledger in self._executions.ledgers:
            ledger.settle(market.market_id, yes_payout_e6)

    def _on_feed(self, event: FeedLost | FeedConnected) -> list[OrderEvent]:
        for token_id in event.token_ids:
            market = self._by_token.get(token_id)
            if market is not None and market.is_book_known:
                market.forget_book()
        return []


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
