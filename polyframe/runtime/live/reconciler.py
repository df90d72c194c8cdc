"""Evidence fetched: what is doubted is asked for by its id, gaps are read, books are compared.

Order of a comparison: balances, then open orders, then trades; so whatever a balance shows of a
trade, the ledger has heard of (:mod:`.reconciliation`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import anyio

from polyframe.hazards import Action, Hazard
from polyframe.live_settings import ProductionSettings
from polyframe.polymarket.account_words import VenueMode
from polyframe.polymarket.clob import Clob
from polyframe.polymarket.official_client import ClobError
from polyframe.runtime.live.acceptance import Accepted, bookings
from polyframe.runtime.live.earnings_keeper import EarningsKeeper
from polyframe.runtime.live.ledger import LiveLedger
from polyframe.runtime.live.payouts import PayoutKeeper
from polyframe.runtime.live.reconciliation import (
    BALANCE_LAG_NS,
    Difference,
    Reconciliation,
    compare,
)
from polyframe.runtime.live.statements import Balances
from polyframe.runtime.live.watches import Alarm
from polyframe.runtime.live.writer import AccountWriter

_ASK_S = 0.5  # market: how often doubts are looked at
_SHORTEST_S = 0.05  # wall
# A difference is acted upon when a second look, this much later, still shows it.
_LOOK_AGAIN_S = 5.0
# A settlement's end shows in the balances within a minute: so long what was accepted waits for it.
_MOST_LOOKS = 30
_MOST_TOKENS_A_LOOK = 400
_ASKED_AT_MOST = 3
_ASKED_AT_ONCE = 8
_E6 = 10**6
# Market: trades are read this often whatever the user channel says. One that answers PINGs and
# carries nothing looks like one that has nothing to say.
_TRUST_S = 15.0
_SHORTEST_TRUST_S = 1.0  # wall
# Cancels are not taken either.
_AWAY = frozenset({VenueMode.RESTARTING, VenueMode.DISABLED})


class Acceptances(Protocol):
    """Where the operator writes down the differences he accepts."""

    def accepted(self) -> Accepted | None:
        """Return what he accepts, None for nothing."""
        ...

    def drop_accepted(self) -> None:
        """Forget it: it was looked for."""
        ...


class Reconciler:
    """Asks the venue what the ledger wants to know, and compares both books.

    Args:
        clob: the venue.
        ledger: what we know.
        writer: makes what is heard durable.
        settings: how often, and the bounds.
        clock: market time, UTC ns.
        speed: market seconds a wall second.
        alarm: raises and clears hazards.
        payouts: knows what resolved markets pay.
        told: called with every comparison.
        earnings: what was announced, and is booked when a comparison finds it.
        acceptances: what the operator accepts.
        line: writes a line of the run's log.
    """

    def __init__(
        self,
        clob: Clob,
        ledger: LiveLedger,
        writer: AccountWriter,
        settings: ProductionSettings,
        *,
        clock: Callable[[], int],
        speed: float,
        alarm: Alarm,
        payouts: PayoutKeeper,
        told: Callable[[Reconciliation], None],
        earnings: EarningsKeeper,
        acceptances: Acceptances,
        line: Callable[[str, Mapping[str, object]], None],
    ) -> None:
        self._acceptances = acceptances
        self._line = line
        self._earnings = earnings
        self._clob = clob
        self._ledger = ledger
        self._writer = writer
        self._settings = settings
        self._clock = clock
        self._speed = speed
        self._alarm = alarm
        self._payouts = payouts
        self._told = told
        self._wanted: dict[str, None] = {"start": None}
        self._held_since_begun = False
        self._wake = anyio.Event()
        self._named: set[str] = set()
        self.last: Reconciliation | None = None
        self._why_not = ""
        self.comparisons = 0
        self.failures = 0
        self.differences = 0

    def want(self, reason: str) -> None:
        """Have the books compared as soon as possible."""
        self._wanted[reason] = None
        self._wake.set()

    def hold(self, reason: str) -> None:
        """Let nothing new leave until the books have been compared from now on."""
        self._held_since_begun = True
        self._alarm(Hazard.RECONCILING, Action.HOLD, reason)
        self.want(reason)

    # --- doubts ----------------------------------------------------------------------------

    async def run_questions(self) -> None:
        """Ask what is doubted until cancelled."""
        pause_s = max(_SHORTEST_S, _ASK_S / self._speed)
        trust_s = max(_SHORTEST_TRUST_S, _TRUST_S / self._speed)
        trusted_until = anyio.current_time() + trust_s
        while True:
            if anyio.current_time() >= trusted_until:
                trusted_until = anyio.current_time() + trust_s
                self._ledger.user_feed_back(self._clock() - round(2 * trust_s * self._speed * 1e9))
            try:
                await self.ask()
            except ClobError:
                self.failures += 1
                await anyio.sleep(pause_s)
            await anyio.sleep(pause_s)

    async def ask(self) -> int:
        """Ask everything that is doubted once; return how much it was.

        Raises:
            ClobError: the venue does not answer; what was heard is kept, and one order that
                cannot be read keeps no other from being read.
        """
        now_ns = self._clock()
        questions = self._ledger.questions(now_ns)
        failures: list[ClobError] = []
        # After a pull every order may be in doubt: one after the other would take its time.
        left = iter(questions.order_ids)
        async with anyio.create_task_group() as tasks:
            for _ in range(min(_ASKED_AT_ONCE, len(questions.order_ids))):
                tasks.start_soon(self._read_orders, left, failures)
        if questions.trades_since_s is not None:
            await self._read_trades(questions.trades_since_s)
        doomed = [*questions.strays]
        if self._settings.foreign_orders == "cancel":
            doomed += [order.order_id for order in self._ledger.foreign.orders()]
        if doomed:
            answer = await self._clob.cancel(doomed)
            self._writer.put(self._ledger.cancelled(answer, self._clock()))
        if questions.turned_away and self._clob.mode.mode not in _AWAY:
            await self._ask_engine(questions.turned_away)
        if failures:
            raise failures[0]
        return len(questions.order_ids) + len(doomed) + (questions.trades_since_s is not None)

    async def _read_orders(self, left: Iterator[str], failures: list[ClobError]) -> None:
        for venue_id in left:
            asked_ns = self._clock()
            try:
                found = await self._clob.order(venue_id)
            except ClobError as error:
                failures.append(error)
                continue
            self._writer.put(self._ledger.read_order(venue_id, found, asked_ns, self._clock()))

    async def _ask_engine(self, venue_ids: Sequence[str]) -> None:
        """Ask an engine that may be back whether it has what it turned away; nobody wants that."""
        asked_ns = self._clock()
        answer = await self._clob.cancel(venue_ids)
        self._writer.put(self._ledger.engine_asked(answer, asked_ns, self._clock()))
        if answer.refused:
            self.want("the matching engine answers again")

    async def _ask_again(self) -> None:
        """Ask until nothing that was doubted went unanswered, some times at the most.

        Raises:
            ClobError: the venue does not answer.
        """
        for _ in range(_ASKED_AT_MOST - 1):
            with suppress(ClobError):
                await self.ask()
                return
        await self.ask()

    async def _read_trades(self, since_s: int) -> None:
        asked_ns = self._clock()
        found = await self._clob.fills_since(since_s)
        self._writer.put(self._ledger.read_trades(found, since_s, asked_ns, self._clock()))

    # --- comparisons -----------------------------------------------------------------------

    async def run_comparisons(self) -> None:
        """Compare when asked and every ``reconcile_s``, until cancelled."""
        while True:
            with anyio.move_on_after(self._settings.reconcile_s / self._speed):
                if not self._wanted:
                    await self._wake.wait()
            self._wake = anyio.Event()
            self._wanted.clear()
            self._held_since_begun = False
            try:
                await self.compare()
            except ClobError as error:
                self.failures += 1
                self._wanted["the venue did not answer"] = None
                if str(error) != self._why_not:
                    self._why_not = str(error)
                    self._line("Books not compared", {"reason": self._why_not})
                self._alarm(Hazard.RECONCILING, Action.HOLD, f"the venue does not answer: {error}")
                await anyio.sleep(1.0)

    async def compare(self) -> Reconciliation:
        """Read the venue's books and compare; halt on what stays beyond its bound.

        Raises:
            ClobError: the venue does not answer.
        """
        found = await self._compare_once()
        if found.is_beyond_bound or found.unexplained:
            # Words may be under way: what a second look does not show was no difference. A market
            # may have resolved while nobody listened.
            await self._payouts.learn(one.name for one in found.unexplained if one.what == "token")
            await anyio.sleep(max(0.2, _LOOK_AGAIN_S / self._speed))
            found = await self._compare_once()
        if (accepted := self._acceptances.accepted()) is not None:
            found = await self._accept(accepted, found)
        self.last = found
        self._why_not = ""
        self.comparisons += 1
        self._name_new(found)
        self._told(found)
        if found.is_beyond_bound:
            worst = next(one for one in found.differences if one.is_beyond_bound)
            self._alarm(Hazard.DIFFERENCES, Action.HALT, told_in_words(worst))
        if not self._held_since_begun:
            # What holds since this comparison began is answered by the next one. What is merely
            # wanted holds nobody: a venue that sends nonsense without end would hold us for ever.
            self._alarm(Hazard.RECONCILING, None)
        return found

    async def _accept(self, accepted: Accepted, found: Reconciliation) -> Reconciliation:
        """Book what the operator accepts, once nothing settles that could be part of it.

        Raises:
            ClobError: the venue does not answer.
        """
        for _ in range(_MOST_LOOKS):
            if not (found.is_beyond_bound and found.moving_fills):
                break
            await anyio.sleep(max(0.2, _LOOK_AGAIN_S / self._speed))
            found = await self._compare_once()
        changes = bookings(self._ledger, accepted, found, self._settings, self._clock())
        for change in changes:
            if not await self._writer.durable(change):
                return found
        self._acceptances.drop_accepted()
        self._line("Accepted", {"bookings": len(changes), "by": accepted.by})
        return await self._compare_once() if changes else found

    async def _compare_once(self) -> Reconciliation:
        tokens = [*self._ledger.books.wallet_tokens_e6()][:_MOST_TOKENS_A_LOOK]
        asked_ns = self._clock()
        held = await self._clob.balances(tokens)
        orders_asked_ns = self._clock()
        open_orders = await self._clob.open_orders()
        self._writer.put(self._ledger.read_orders(open_orders, orders_asked_ns, self._clock()))
        await self._ask_again()
        balances = Balances(
            asked_ns=asked_ns, cash_e12=held.cash_e6 * _E6, tokens_e6=held.tokens_e6
        )
        announced_e12 = self._earnings.pending_e12()
        found = compare(
            self._ledger, balances, self._clock(), self._settings, self._payouts.payouts_e6(),
            announced_e12,
        )  # fmt: skip
        # Beyond all that settlements may have brought: what one of them explains pays no reward.
        most_without_e12 = found.expected_cash_e12[1] - announced_e12
        self._earnings.settle(found.cash_e12 - most_without_e12)
        self._payouts.look(held.tokens_e6, asked_ns, BALANCE_LAG_NS)
        return found

    def _name_new(self, found: Reconciliation) -> None:
        names = {f"{one.what} {one.name}" for one in found.unexplained}
        self.differences += len(names - self._named)
        self._named = names


def told_in_words(one: Difference) -> str:
    """Return a difference as one line."""
    return f"{one.what} {one.name}: ours {one.ours}, the venue's {one.theirs}"
