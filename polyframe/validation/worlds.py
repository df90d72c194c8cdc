"""One world: the exchange with its crowd, what the public sees of it, and our orders in it.

A world is played in rounds. Before a round it is copied: in one copy the orders of the round are
sent to the exchange and to a paper venue that sees the feed less our own size (``twin``), in
the other to a paper venue alone (``apart``). Both begin the round as the same market to the
last order, and the copy without real orders is the one that goes on (docs/adr/0011).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from random import Random

from polyframe.commands import CancelOrder, OrderCommand, PlaceOrder
from polyframe.events import (
    Event,
    MarketsFetched,
    OrderAccepted,
    OrderCancelled,
    OrderEvent,
    OrderFilled,
    TradePrint,
)
from polyframe.exchange.source import TradableSource
from polyframe.exchange.wire import encode, socket_book
from polyframe.money import PRICE_ONE_E4, SHARE_E6, notional_e12, usd_e12
from polyframe.polymarket.codec import decode
from polyframe.polymarket.gamma_market import parse_market
from polyframe.runtime.paper import PROFILES, PaperFill, PaperVenue
from polyframe.runtime.paper.latency import Latency
from polyframe.settings import PaperSettings
from polyframe.validation.outcomes import (
    HORIZONS_S,
    REAL,
    CommandTimes,
    Fill,
    Outcome,
    outcome_of,
)
from polyframe.validation.own_size import OwnSize
from polyframe.validation.public_view import PublicView
from polyframe.validation.real_orders import RealOrders
from polyframe.validation.scripted_maker import ShadowOrder, wants_out

_BANKROLL_USD = 1_000_000_000
_SHARES_HELD_E6 = 1_000_000 * SHARE_E6
MakeVenue = Callable[[PaperSettings, int, int], PaperVenue]


class PaperOrders:
    """A paper venue, and what it said of each order."""

    def __init__(self, venue: PaperVenue) -> None:
        self.venue = venue
        self.accepted_ns: dict[str, int] = {}
        self.ended_ns: dict[str, int] = {}
        self._filled_e6: dict[str, int] = {}
        self._sizes_e6: dict[str, int] = {}

    def submit(self, commands: Sequence[OrderCommand], now_ns: int) -> None:
        """Send commands."""
        for command in commands:
            if isinstance(command, PlaceOrder):
                self._sizes_e6[command.order_id] = command.size_e6
        self.venue.submit(commands, now_ns)

    def advance(self, to_ns: int) -> None:
        """Let what is due happen."""
        self._note(self.venue.advance(to_ns))

    def observe(self, event: Event) -> None:
        """Show it an event of the feed."""
        self.advance(event.ts_ns)
        self._note(self.venue.observe(event))

    def _note(self, events: Sequence[OrderEvent]) -> None:
        for event in events:
            match event:
                case OrderAccepted():
                    self.accepted_ns[event.order_id] = event.ts_ns
                case OrderCancelled():
                    self.ended_ns[event.order_id] = event.ts_ns
                case OrderFilled() if not event.reverses:
                    filled_e6 = self._filled_e6.get(event.order_id, 0) + event.size_e6
                    self._filled_e6[event.order_id] = filled_e6
                    if filled_e6 == self._sizes_e6[event.order_id]:
                        self.ended_ns[event.order_id] = event.ts_ns


class World:
    """A world under way.

    Args:
        source: the exchange; its time is ``source.start_ns``.
        settings: the paper model; its latencies are those of the real orders as well.
        seed: of the latencies.
        make_venue: how a paper venue is made.
    """

    def __init__(
        self,
        source: TradableSource,
        settings: PaperSettings,
        seed: int,
        make_venue: MakeVenue = PaperVenue,
    ) -> None:
        self._source = source
        self.now_ns = source.start_ns
        specs = [spec for spec in map(parse_market, source.markets()) if not isinstance(spec, str)]
        self.view = PublicView(specs)
        # Every command spends one draw: this stream is the venue's own, draw by draw, and
        # tells when the same command reaches the exchange.
        self._entry, self._cancel = Latency(settings.entry), Latency(settings.cancel)
        self._latencies = Random(f"{seed}:paper.latency")
        self.paper = PaperOrders(make_venue(settings, seed, usd_e12(_BANKROLL_USD)))
        self.paper.observe(MarketsFetched(self.now_ns, tuple(specs)))
        for spec in specs:
            cost_e12 = notional_e12(5_000, _SHARES_HELD_E6)
            for is_yes in (True, False):
                self.paper.venue.adopt(spec.market_id, is_yes, _SHARES_HELD_E6, cost_e12)
        self._own = OwnSize(self.view)
        self._real: RealOrders | None = None
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._pushed = 0
        self._live: dict[str, list[ShadowOrder]] = {}
        self._arrives_ns: dict[str, int] = {}
        self._cancels_ns: dict[str, tuple[int, int]] = {}
        self._printed_e6: dict[tuple[str, int], int] = {}
        self._see_books()

    def _see_books(self) -> None:
        """Begin as a socket does: with both books of every market."""
        for market in self.view.markets.values():
            for token_id in market.spec.token_ids:
                book = self._source.book(token_id)
                if book is not None:
                    self._see(encode(socket_book(book)), self.now_ns)

    # --- time ------------------------------------------------------------------------------

    def run_until(self, to_ns: int) -> None:
        """Let the market trade; our orders' moments are met on the way."""
        while True:
            stop_ns = min(to_ns, self._due[0][0]) if self._due else to_ns
            frames = self._source.advance(stop_ns, 1)
            for frame in frames:
                self._see(frame.payload, frame.ts_ns)
            if frames:
                continue
            self.now_ns = stop_ns
            if self._due and self._due[0][0] <= stop_ns:
                heappop(self._due)[2]()
            elif stop_ns == to_ns:
                self.paper.advance(to_ns)
                return

    def _see(self, payload: bytes, ts_ns: int) -> None:
        for told in decode(payload, ts_ns):
            event: Event = told
            if isinstance(told, TradePrint):
                moment = (told.market_id, ts_ns)
                self._printed_e6[moment] = self._printed_e6.get(moment, 0) + told.size_e6
            if self._real is not None:
                event = self._own.strip(told)
            else:
                self.view.observe(told)
            self.paper.observe(event)
            for order in list(self._live.get(getattr(event, "market_id", ""), ())):
                if wants_out(order, self.view.markets[order.market_id]):
                    self._send_cancel(order, ts_ns)

    # --- a round ---------------------------------------------------------------------------

    def real_copy(self) -> World:
        """Return this world as it is, with orders going to the exchange as well."""
        twin = copy.deepcopy(self)
        twin._real = RealOrders(twin._source, twin._own)
        return twin

    def play(self, orders: Sequence[ShadowOrder]) -> Mapping[str, Mapping[str, Outcome]]:
        """Send a round's orders now and let them live; return outcomes by reading and order.

        Readings are the paper profiles, and ``real`` where orders went to the exchange too.
        """
        sent_ns = self.now_ns
        commands = [_command(order) for order in orders]
        self.paper.submit(commands, sent_ns)
        for order in orders:
            arrives_ns = sent_ns + self._entry.draw_ns(self._latencies)
            self._arrives_ns[order.order_id] = arrives_ns
            self._live.setdefault(order.market_id, []).append(order)
            if self._real is not None:
                self._at(arrives_ns, self._arrival(order))
            self._at(sent_ns + order.life_ns, self._end_of_life(order))
        while self._live or self._due:
            self.run_until(self._due[0][0])
        self.run_until(self.now_ns + HORIZONS_S[-1] * 10**9 + 1)
        return self._outcomes(orders)

    def _at(self, due_ns: int, action: Callable[[], None]) -> None:
        self._pushed += 1
        heappush(self._due, (due_ns, self._pushed, action))

    def _arrival(self, order: ShadowOrder) -> Callable[[], None]:
        return lambda: self._real.place(order, self.now_ns) if self._real else None

    def _end_of_life(self, order: ShadowOrder) -> Callable[[], None]:
        def send() -> None:
            if order in self._live.get(order.market_id, ()):
                self._send_cancel(order, self.now_ns)

        return send

    def _send_cancel(self, order: ShadowOrder, now_ns: int) -> None:
        """Cancel, whatever may have been filled: the maker of the rule does not look."""
        live = self._live[order.market_id]
        live.remove(order)
        if not live:
            del self._live[order.market_id]
        self.paper.submit([CancelOrder(order.order_id, "rule")], now_ns)
        due_ns = now_ns + self._cancel.draw_ns(self._latencies)
        due_ns = max(due_ns, self._arrives_ns[order.order_id])
        self._cancels_ns[order.order_id] = (now_ns, due_ns)
        real = self._real
        self._at(due_ns, lambda: real.cancel(order, self.now_ns) if real else None)

    def _outcomes(self, orders: Sequence[ShadowOrder]) -> dict[str, dict[str, Outcome]]:
        paper, found = self.paper, {}
        times = {
            order.order_id: CommandTimes(
                self._arrives_ns.pop(order.order_id), *self._cancels_ns.pop(order.order_id)
            )
            for order in orders
        }
        for profile in PROFILES:
            fills = {order.order_id: list[Fill]() for order in orders}
            given_e6: dict[tuple[str, int], int] = {}
            for fill in reversed(paper.venue.fills(profile)):
                if fill.ts_ns < orders[0].sent_ns:
                    break
                moment = (fill.market_id, fill.ts_ns)
                given_e6[moment] = given_e6.get(moment, 0) + fill.size_e6
                if fill.order_id in fills:
                    fills[fill.order_id].append(_booked(fill))
            found[profile] = {
                order.order_id: outcome_of(
                    order,
                    self.view.markets[order.market_id],
                    times[order.order_id],
                    paper.accepted_ns.get(order.order_id),
                    paper.ended_ns.get(order.order_id),
                    reversed(fills[order.order_id]),
                    exceeds_prints=self._exceeds(order.market_id, fills[order.order_id], given_e6),
                )
                for order in orders
            }
        if self._real is not None:
            found[REAL] = {
                order.order_id: self._real.outcome(
                    order, self.view.markets[order.market_id], times[order.order_id]
                )
                for order in orders
            }
        for market in self.view.markets.values():
            market.forget()
        self._printed_e6.clear()
        return found

    def _exceeds(
        self, market_id: str, fills: Iterable[Fill], given_e6: Mapping[tuple[str, int], int]
    ) -> bool:
        """Say whether an instant with prints gave our orders more than they were.

        An instant without one is a cross (R5), which is not limited by what was printed.
        """
        moments = {(market_id, fill.ts_ns) for fill in fills} & self._printed_e6.keys()
        return any(given_e6[moment] > self._printed_e6[moment] for moment in moments)


def _booked(fill: PaperFill) -> Fill:
    yes_price_e4 = fill.price_e4 if fill.is_yes else PRICE_ONE_E4 - fill.price_e4
    return Fill(fill.ts_ns, fill.size_e6, yes_price_e4)


def _command(order: ShadowOrder) -> PlaceOrder:
    return PlaceOrder(
        order_id=order.order_id,
        market_id=order.market_id,
        token_id=order.token_id,
        side=order.side,
        price_e4=order.price_e4,
        size_e6=order.size_e6,
        expires_ns=None,
        post_only=True,
        component="maker",
        decision_id=0,
    )
