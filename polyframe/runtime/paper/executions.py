"""Turning evidence into fills: prints (R3, R4), crosses (R5), the cap (R14), reversals (R12)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

from polyframe.events import OrderEvent, OrderFilled, RebatePaid, TradePrint
from polyframe.money import maker_rebate_e12
from polyframe.runtime.paper.admission import Funds
from polyframe.runtime.paper.ledger import PaperFill, ProfileLedger
from polyframe.runtime.paper.market import PaperMarket
from polyframe.runtime.paper.queue_model import (
    BASE,
    OPTIMISTIC,
    PESSIMISTIC,
    PROFILES,
    QueuedOrder,
    serve,
)
from polyframe.settings import PaperSettings

Action = Callable[[int], list[OrderEvent]]
Schedule = Callable[[int, Action], None]
SECOND_NS = 10**9
DAY_NS = 86_400 * SECOND_NS
# The production limit of a quotable book (feed.max_book_age_s, productionMax): a fill on
# older evidence is no evidence (quant.md A2.7).
STALE_EVIDENCE_NS = 5 * SECOND_NS
# A receipt further than this from the venue's time says nothing about either clock.
_USABLE_CLOCK_GAP_MS = 60_000
_GHOST_DELAY_S = (2.0, 60.0)


class Executions:
    """The three ledgers and the only place that writes to them.

    Args:
        settings: the fill model's numbers.
        ghosts: seeded stream of R12.
        bankroll_e12: cash every profile starts with.
        schedule: called with (due ns, action) for what happens later.
    """

    def __init__(
        self, settings: PaperSettings, ghosts: Random, bankroll_e12: int, schedule: Schedule
    ) -> None:
        self.ledgers = tuple(ProfileLedger(name, bankroll_e12) for name in PROFILES)
        self.funds = Funds(self.ledgers[BASE].account)
        self._settings = settings
        self._window_ns = round(settings.pairing_window_s * SECOND_NS)
        self._ghosts = ghosts
        self._schedule = schedule
        self._rebate_days: set[int] = set()
        # Drawn once per order and piece of evidence, shared by the profiles: one path.
        self._ghost_draws: dict[str, int | None] = {}

    # --- evidence ------------------------------------------------------------------------

    def on_print(self, market: PaperMarket, event: TradePrint, price_e4: int) -> list[OrderEvent]:
        """Share a print among the own orders it can have met; ``price_e4`` in YES space."""
        ts_ns, size_e6 = event.ts_ns, event.size_e6
        hits_bids, lifts_asks = market.sides_of(price_e4, ts_ns, self._window_ns)
        is_clear = hits_bids != lifts_asks
        for is_bid in (True, False):
            watch = market.levels.get((is_bid, price_e4))
            if watch is not None and (not is_clear or is_bid == hits_bids):
                watch.explain_by_print(size_e6, ts_ns)
        bids, asks = market.queue(is_bid=True), market.queue(is_bid=False)
        printed_ms: int | None = event.venue_ms
        if abs(ts_ns // 1_000_000 - event.venue_ms) > _USABLE_CLOCK_GAP_MS:
            printed_ms = None
        self._ghost_draws.clear()
        events: list[OrderEvent] = []

        def give(profile: int, queue: list[QueuedOrder], pool_e6: int) -> int:
            if not queue or pool_e6 <= 0:
                return pool_e6
            fills, left_e6 = serve(profile, queue, price_e4, pool_e6, printed_ms)
            for order, filled_e6 in fills:
                events.extend(self._fill(market, order, profile, filled_e6, ts_ns, "print"))
            return left_e6

        for profile in range(len(PROFILES)):
            if is_clear:
                give(profile, bids if hits_bids else asks, size_e6)
            elif profile != PESSIMISTIC:
                # Inside the spread: half to each side; the optimistic profile also gives
                # one side what the other had no use for, so the print is still one pool.
                half = size_e6 // 2
                bids_left, asks_left = give(profile, bids, half), give(profile, asks, half)
                if profile == OPTIMISTIC:
                    give(profile, bids, asks_left)
                    give(profile, asks, bids_left)
        return events

    def on_book(self, market: PaperMarket, ts_ns: int) -> None:
        """Look for own orders the displayed book crosses (R5).

        The optimistic profile fills at once, which no event tells; the base profile waits.
        """
        for order in sorted(market.orders.values(), key=lambda o: o.priority):
            self._cross_fill(market, order, OPTIMISTIC, order.leaves_e6[OPTIMISTIC], ts_ns)
            if not market.crossing_e6(order, BASE):
                order.cross_waiting = False
            elif not order.cross_waiting:
                order.cross_waiting = True
                order.cross_episode += 1
                due_ns = ts_ns + self._window_ns
                self._schedule(due_ns, partial(self._end_wait, market, order, order.cross_episode))

    def _end_wait(
        self, market: PaperMarket, order: QueuedOrder, episode: int, due_ns: int
    ) -> list[OrderEvent]:
        if order.is_ended or not order.cross_waiting or order.cross_episode != episode:
            return []
        order.cross_waiting = False
        # The queue may have moved without a book event: the optimistic profile looks first.
        self._cross_fill(market, order, OPTIMISTIC, order.leaves_e6[OPTIMISTIC], due_ns)
        return self._cross_fill(market, order, BASE, order.leaves_e6[BASE], due_ns)

    def _cross_fill(
        self, market: PaperMarket, order: QueuedOrder, profile: int, most_e6: int, ts_ns: int
    ) -> list[OrderEvent]:
        leaves_e6 = order.leaves_e6[profile]
        size_e6 = min(leaves_e6, most_e6, market.crossing_e6(order, profile) if leaves_e6 else 0)
        if size_e6 <= 0:
            return []
        market.consume_crossing(order, profile, size_e6)
        self._ghost_draws.clear()
        events = self._fill(market, order, profile, size_e6, ts_ns, "cross")
        order.cross_credit_e6[profile] += leaves_e6 - order.leaves_e6[profile]
        return events

    # --- booking -------------------------------------------------------------------------

    def _fill(
        self,
        market: PaperMarket,
        order: QueuedOrder,
        profile: int,
        size_e6: int,
        ts_ns: int,
        cause: str,
    ) -> list[OrderEvent]:
        ledger = self.ledgers[profile]
        room_e6 = market.room_e6(profile, ts_ns, self._settings.participation)
        if size_e6 > room_e6:
            ledger.capacity_limited_e6 += size_e6 - room_e6
            size_e6 = room_e6
        if size_e6 <= 0:
            return []
        order.leaves_e6[profile] -= size_e6
        if profile == BASE and cause == "print" and order.cross_waiting:
            # The late print the wait was for: what it filled, the cross cannot fill again.
            market.consume_crossing(order, BASE, size_e6)
        market.own_volume[profile].add(ts_ns, size_e6)
        proof_ns = market.proof_ns
        fill = PaperFill(
            ts_ns=ts_ns,
            trade_id=f"{ledger.profile}-{len(ledger.fills) + 1}",
            order_id=order.order_id,
            market_id=order.market_id,
            is_yes=order.is_yes,
            is_buy=order.is_buy,
            price_e4=order.price_e4,
            size_e6=size_e6,
            cause=cause,
            is_stale=proof_ns is None or ts_ns - proof_ns > STALE_EVIDENCE_NS,
        )
        waited_ns = None
        if order.first_fill_ns[profile] is None:
            order.first_fill_ns[profile] = ts_ns
            waited_ns = ts_ns - order.effective_ns
        ledger.fill(fill, waited_ns)
        self._accrue(market, ledger, fill, ts_ns, 1)
        self._draw_ghost(market, order, profile, fill)
        if profile != BASE:
            return []
        self.funds.reserve(order, -size_e6)
        return [_filled(fill, ts_ns, fill.trade_id, "")]

    def _accrue(
        self, market: PaperMarket, ledger: ProfileLedger, fill: PaperFill, ts_ns: int, sign: int
    ) -> None:
        fees = market.fees
        rebate_e12 = maker_rebate_e12(
            fill.price_e4, fill.size_e6, fees.rate, fees.exponent, fees.rebate_share
        )
        if not rebate_e12:
            return
        day = ts_ns // DAY_NS
        ledger.accrue_rebate(day, market.market_id, sign * rebate_e12)
        if day not in self._rebate_days:
            self._rebate_days.add(day)
            self._schedule((day + 1) * DAY_NS, partial(self._pay_rebates, day))

    def _pay_rebates(self, day: int, due_ns: int) -> list[OrderEvent]:
        self._rebate_days.discard(day)
        paid = [ledger.pay_rebates(day) for ledger in self.ledgers]
        return [RebatePaid(due_ns, market_id, amount) for market_id, amount in paid[BASE]]

    def _draw_ghost(
        self, market: PaperMarket, order: QueuedOrder, profile: int, fill: PaperFill
    ) -> None:
        if self._settings.ghost_probability <= 0:
            return
        if order.order_id not in self._ghost_draws:
            is_ghost = self._ghosts.random() < self._settings.ghost_probability
            delay_ns = round(self._ghosts.uniform(*_GHOST_DELAY_S) * SECOND_NS)
            self._ghost_draws[order.order_id] = delay_ns if is_ghost else None
        delay = self._ghost_draws[order.order_id]
        if delay is not None:
            self._schedule(fill.ts_ns + delay, partial(self._reverse, market, profile, fill))

    def _reverse(
        self, market: PaperMarket, profile: int, fill: PaperFill, due_ns: int
    ) -> list[OrderEvent]:
        ledger = self.ledgers[profile]
        ledger.reverse(fill)
        self._accrue(market, ledger, fill, due_ns, -1)
        if profile != BASE:
            return []
        return [_filled(fill, due_ns, f"{fill.trade_id}-reversed", fill.trade_id)]


def _filled(fill: PaperFill, ts_ns: int, trade_id: str, reverses: str) -> OrderFilled:
    return OrderFilled(
        ts_ns=ts_ns,
        order_id=fill.order_id,
        trade_id=trade_id,
        price_e4=fill.price_e4,
        size_e6=fill.size_e6,
        fee_e12=0,
        is_maker=True,
        reverses=reverses,
    )
