"""The desk: real orders at the edge, everything asynchronous about them, started and stopped here.

    engine -> commands -> desk -> sender, sweeper, chores -> venue
    venue -> user channel, answers, reads -> ledger -> writer (disk) -> engine

What it may believe is the ledger's business, what must be durable the writer's; the desk joins
them, and raises the hazards that the engine cannot see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import anyio
import msgspec

from polyframe.commands import (
    CancelAll,
    CancelOrder,
    Command,
    MergePairs,
    PlaceOrder,
    RedeemTokens,
    RefreshAllowances,
)
from polyframe.errors import PolyframeError
from polyframe.events import (
    Event,
    HazardCleared,
    HazardRaised,
    OrderRejected,
)
from polyframe.hazards import Action, Hazard
from polyframe.model import FeeSchedule, Fill, MarketSpec
from polyframe.polymarket.chores import Chores
from polyframe.polymarket.official_client import ClobError
from polyframe.polymarket.user_feed import UserFeed
from polyframe.runtime.assemble import Machine
from polyframe.runtime.day import DAY_NS
from polyframe.runtime.engine import Begin
from polyframe.runtime.fill_profiles import RealProfile
from polyframe.runtime.live import account_facts
from polyframe.runtime.live.changes import Change
from polyframe.runtime.live.chore_runner import ChoreRunner
from polyframe.runtime.live.deliveries import Deliveries
from polyframe.runtime.live.earnings_keeper import EarningsKeeper
from polyframe.runtime.live.ending import Ending
from polyframe.runtime.live.halt_keeper import HaltKeeper
from polyframe.runtime.live.journal_rows import ReconciliationRow, SweepRow
from polyframe.runtime.live.opening import LiveAccount
from polyframe.runtime.live.order_sender import OrderSender
from polyframe.runtime.live.payouts import PayoutKeeper
from polyframe.runtime.live.reconciler import Reconciler
from polyframe.runtime.live.reconciliation import Reconciliation
from polyframe.runtime.live.settlement_watch import SettlementWatch
from polyframe.runtime.live.sweeper import Sweep, Sweeper
from polyframe.runtime.live.user_words import UserWords
from polyframe.runtime.live.venue_books import VenueBooks
from polyframe.runtime.live.watches import (
    ClockWatch,
    Heartbeat,
    KillWatch,
    ModeWatch,
    clock_fix,
)
from polyframe.runtime.live.writer import AccountWriter
from polyframe.runtime.metadata import Metadata
from polyframe.runtime.status import LiveStatus
from polyframe.runtime.unpaired import unpaired

_S_NS = 10**9
_LOOK_S = 0.2
_RETRY_S = 1.0
# Refusals that say nothing against us: the market moved, or we ourselves held the order back.
_NO_FAULT = frozenset(
    {"post_only_would_cross", "post_only_mode", "held", "not_stored", "gate_tick",
     "gate_expiration", "market_not_ready", "rate_limited", "never_arrived", "restarting",
     "cancel_only", "trading_disabled", "unreachable", "no_match"}
)  # fmt: skip


class LiveDesk:
    """Carries the orders of one run to the venue, and everything it says back.

    Args:
        account: the opened account.
        line: writes a line of the run's log.
    """

    def __init__(
        self, account: LiveAccount, line: Callable[[str, Mapping[str, object]], None]
    ) -> None:
        self._account = account
        self._line = line
        self._settings = account.settings.production
        self.mode = account.mode
        self.begin: Begin = account.begin
        self._ending = Ending(account, line)
        self._watch = SettlementWatch(self._settings, account.ledger.fills)
        self._is_reconciled_once = False

    def join(
        self,
        machine: Machine,
        metadata: Metadata,
        take: Callable[[Sequence[Event]], None],
        stop: Callable[[str], None],
    ) -> None:
        """Meet the engine: called once, before anything runs."""
        account, settings = self._account, self._settings
        clob, ledger, clock, speed = account.clob, account.ledger, account.clock, account.speed
        self._engine = machine.engine
        self._metadata = metadata
        self._take = take
        self._stop = stop
        ledger_books = VenueBooks(ledger, self._engine)
        if not isinstance(machine.venue, RealProfile):
            raise TypeError("a machine with a paper venue fills on paper: it takes no desk")
        machine.venue.books = ledger_books
        self._deliveries = Deliveries(ledger, self._spec_of, clock)
        self._writer = AccountWriter(
            account.store, ledger, take, self._store_failed, self._deliveries.beside, self._wrote
        )
        self._sender = OrderSender(
            clob, ledger, self._writer, clock=clock, speed=speed,
            spec_of=self._spec_of, is_held=lambda: self._engine.safety.is_held, take=take,
            gate_broke=self._gate_broke,
        )  # fmt: skip
        self._sweeper = Sweeper(
            clob, ledger, self._writer, self._sender, take=take, clock=clock, speed=speed,
            verify_ns=round(settings.verify_s * _S_NS),
            is_alone=settings.foreign_orders == "cancel", began=self._sweeping,
            done=self._swept,
        )  # fmt: skip
        self._earnings = EarningsKeeper(
            clob, ledger, self._writer, opened_ns=account.store.opened_ns() or clock(),
            clock=clock, speed=speed, line=self._line,
        )  # fmt: skip
        self._payouts = PayoutKeeper(
            ledger, self._writer, ledger_books, metadata.fetch, clock=clock, line=self._line
        )
        self._reconciler = Reconciler(
            clob, ledger, self._writer, settings, clock=clock, speed=speed, alarm=self._alarm,
            payouts=self._payouts, told=self._compared, earnings=self._earnings,
            acceptances=account.folder, line=self._line,
        )  # fmt: skip
        self._user = UserWords(
            ledger, self._writer, settings, clock=clock, alarm=self._alarm,
            compare=self._reconciler.want, close_gap=self._reconciler.hold,
        )  # fmt: skip
        self._chores = ChoreRunner(
            Chores(clob.client), clob, ledger, self._writer, clock=clock, speed=speed,
            spec_of=self._spec_of, payout_e6=ledger_books.payout_e6,
            compare=self._reconciler.want, line=self._line,
        )  # fmt: skip
        self._heartbeat = Heartbeat(clob, settings, clock, speed, self._alarm)
        self._clock_watch = ClockWatch(
            clob, settings, clock, speed, self._alarm, lambda: self._engine.moment.now_ns,
            clock_fix(is_live=account.mode == "production"),
        )  # fmt: skip
        self._kill_watch = KillWatch(account.folder, self._alarm, self._resumed)
        self._halts = HaltKeeper(self._engine.safety, self._kill_watch, self._line)
        self._mode_watch = ModeWatch(clob, speed, self._alarm, self._reconciler.hold)

    # --- what the shell asks ---------------------------------------------------------------

    def hold_until_reconciled(self) -> None:
        """Let nothing new leave until the venue's books have been compared with ours."""
        self._alarm(Hazard.RECONCILING, Action.HOLD, "the run begins")

    def execute(self, command: Command) -> None:
        """Carry out one command; the answer comes as events."""
        match command:
            case PlaceOrder():
                self._sender.place(command)
            case CancelOrder():
                self._sender.cancel(command)
            case CancelAll(reason=reason):
                self._sweeper.ask(reason)
            case MergePairs() | RedeemTokens() | RefreshAllowances():
                self._chores.put(command)

    async def run(self) -> None:
        """Begin, then trade until cancelled."""
        account = self._account
        feed = UserFeed(
            account.urls.user_ws, account.clob.credentials, account.settings.feed,
            clock=account.clock, is_ours=account.ledger.is_ours, on_words=self._user.on_words,
            on_up=self._user.on_up, on_down=self._user.on_down,
        )  # fmt: skip
        self._feed = feed
        async with anyio.create_task_group() as tasks:
            for task in (
                self._writer.run, self._sender.run_places, self._sender.run_cancels,
                self._sweeper.run, self._heartbeat.run, self._clock_watch.run,
                self._kill_watch.run, self._mode_watch.run, feed.run, self._user.run,
                self._watch_alarms, self._halts.run,
            ):  # fmt: skip
                tasks.start_soon(task)
            await self._resume()
            tasks.start_soon(self._reconciler.run_questions)
            tasks.start_soon(self._reconciler.run_comparisons)
            tasks.start_soon(self._chores.run)
            tasks.start_soon(self._earnings.run)

    async def settle(self) -> None:
        """See the book empty, proved by the venue, and everything it said booked."""
        await self._ending.settle(self._sweeper, self._writer)

    async def give_up(self, *, is_impatient: bool) -> None:
        """See the book empty, whatever has failed; say loudly where nothing proves it.

        Args:
            is_impatient: somebody wants the end now: nothing is waited for.
        """
        await self._ending.give_up(is_impatient=is_impatient)

    @property
    def is_left_unproved(self) -> bool:
        """Whether the run ended without the venue's proof that nothing rests."""
        return self._ending.is_left_unproved

    def look(self, fills: Sequence[Fill], now_ns: int) -> None:
        """Take a look, at every tick: what rests earns, and what was filled."""
        self._earnings.filled(fills, self._fees_of)
        self._earnings.look(
            [
                market
                for market_id in self._engine.orders.markets_with_live()
                if (market := self._engine.markets.find(market_id)) is not None
            ],
            now_ns,
        )

    def save(self, documents: Mapping[str, dict[str, Any]], *, force: bool) -> None:
        """Save the account and the plugins' documents as of now; at once when forced."""
        account = self._account
        carried = self._engine.portfolio.carried(account.run_id)
        kept = msgspec.json.decode(msgspec.json.encode(documents))
        upto_seq, now_ns = account.ledger.given_seq, account.clock()
        account.ledger.forget(now_ns - DAY_NS)

        def write() -> None:
            account.store.save_snapshot(carried, kept, upto_seq, now_ns)

        if not force:
            self._writer.request_snapshot(write)
            return
        try:
            account.store.apply(self._writer.rows_left())
            write()
        except PolyframeError as error:
            self._engine.warnings.append(f"the account could not be saved: {error}")
            self._line("Account not saved", {"reason": str(error)})

    def facts(self) -> dict[str, Any]:
        """Return what a report says of the account and the way to it, JSON-ready."""
        today = self._account.clock() // DAY_NS
        return {
            **self.counters(),
            **account_facts.standing(self._account, self._reconciler, self._clock_watch),
            "is_left_unproved": self.is_left_unproved,
            "earnings": self._earnings.facts(range(today - 2, today + 1)),
        }

    def counters(self) -> dict[str, Any]:
        """Return what of the facts has only been counted up since the run began."""
        return account_facts.counters(
            self._sender, self._heartbeat, self._user, self._reconciler, self._chores, self._watch
        )

    def status(self) -> LiveStatus:
        """Return what a screen shows of the way to the venue."""
        return account_facts.live_status(self._account, self._heartbeat, self._reconciler)

    # --- the beginning ---------------------------------------------------------------------

    async def _resume(self) -> None:
        """Give the engine what was booked after its snapshot, see what rests, compare."""
        account = self._account
        await self._heartbeat.acknowledged()
        await self._user.connected()
        await self._know_markets()
        await self._writer.durable(account.ledger.resume(account.clock()))
        self._user.release()
        self._take(self._deliveries.under_way())
        if self._settings.resting_orders == "cancel":
            self._sweeper.ask("start")
            await self._sweeper.proved()
        while True:
            try:
                await self._reconciler.ask()
                break
            except ClobError as error:
                self._line("The venue does not answer", {"reason": str(error)})
                await anyio.sleep(_RETRY_S)
        await self._writer.drained()
        self._say_unpaired()

    def _say_unpaired(self) -> None:
        """Name what an earlier run left alone, once no order of it is in doubt any more."""
        for one in unpaired(self._engine.portfolio):
            self._engine.warnings.append(str(one))
            self._line("Held alone", {"what": str(one), "until": "somebody pairs or sells it"})

    async def _know_markets(self) -> None:
        """Fetch every market the engine is going to hear of: a fill of an unknown one is lost.

        What is held or owes us is asked for once: it may have resolved while nobody ran.
        """
        ours = (*self._payouts.markets_held(), *self._engine.portfolio.unredeemed_e12)
        if unknown := self._unknown(ours):
            await self._metadata.fetch(unknown)
        while missing := self._unknown(self._account.ledger.markets_to_resume()):
            await self._metadata.fetch(missing)
            if still := self._unknown(missing):
                self._line("Markets of open orders are missing", {"count": len(still)})
                await anyio.sleep(_RETRY_S)

    def _unknown(self, market_ids: Sequence[str]) -> tuple[str, ...]:
        wanted = dict.fromkeys(market_ids)
        return tuple(one for one in wanted if self._engine.markets.find(one) is None)

    # --- what is seen ----------------------------------------------------------------------

    def _fees_of(self, market_id: str) -> FeeSchedule | None:
        spec = self._spec_of(market_id)
        return None if spec is None else spec.fees

    def _spec_of(self, market_id: str) -> MarketSpec | None:
        market = self._engine.markets.find(market_id)
        return None if market is None else market.current_spec

    def _alarm(self, hazard: Hazard, action: Action | None, detail: str = "") -> None:
        standing = self._engine.safety.standing.get(hazard)
        now_ns = self._account.clock()
        if action is None:
            if standing is not None and standing.action is not Action.HALT:
                self._take([HazardCleared(now_ns, hazard)])
        elif standing is None or (
            standing.action is not action and standing.action is not Action.HALT
        ):
            self._take([HazardRaised(now_ns, hazard, action, detail)])

    def _resumed(self) -> None:
        """The operator ended what the switch named: what still holds raises it again."""
        now_ns = self._account.clock()
        self._watch.resumed()
        self._reconciler.hold("resumed")
        for hazard in self._halts.resumed():
            self._take([HazardCleared(now_ns, hazard)])
        if self._writer.has_failed:
            self._store_failed("nothing is stored since it failed: stop, and start again")

    def _store_failed(self, reason: str) -> None:
        self._alarm(Hazard.STORE_FAILED, Action.HALT, reason)

    def _gate_broke(self, detail: str) -> None:
        self._alarm(Hazard.LIMIT_BROKEN, Action.HALT, f"the last gate refused {detail}")

    def _wrote(self, change: Change) -> None:
        now_ns = self._account.clock()
        self._watch.saw(change.rows, now_ns)
        for event in change.events:
            if isinstance(event, OrderRejected) and event.code not in _NO_FAULT:
                self._watch.rejected(now_ns)

    async def _watch_alarms(self) -> None:
        """Act on what settlements and refusals add up to."""
        while True:
            await anyio.sleep(_LOOK_S)
            alarms = self._watch.alarms(self._account.clock())
            if Hazard.REJECTS in alarms:
                self._alarm(Hazard.REJECTS, Action.HALT, alarms[Hazard.REJECTS])
            failing = alarms.get(Hazard.SETTLEMENTS_FAIL)
            self._alarm(
                Hazard.SETTLEMENTS_FAIL, None if failing is None else Action.PULL, failing or ""
            )

    def _compared(self, found: Reconciliation) -> None:
        self._writer.note(
            ReconciliationRow(
                ts_ns=found.ts_ns, run_id=self._account.run_id,
                is_beyond_bound=found.is_beyond_bound, found=found,
            )
        )  # fmt: skip
        self._line(
            "Reconciled",
            {"orders": found.orders, "settling": found.moving_fills,
             "differences": len(found.unexplained), "beyond_bound": found.is_beyond_bound},
        )  # fmt: skip
        for one in found.unexplained:
            self._line(
                "Difference",
                {"what": one.what, "name": one.name, "ours": one.ours, "venue": one.theirs},
            )

    def _sweeping(self, reason: str) -> None:
        self._alarm(Hazard.SWEEPING, Action.HOLD, reason)

    def _swept(self, sweep: Sweep, is_all: bool) -> None:
        if is_all:
            self._alarm(Hazard.SWEEPING, None)
        self._writer.note(
            SweepRow(
                ts_ns=sweep.verified_ns, run_id=self._account.run_id, reason=sweep.reason,
                took_ns=sweep.verified_ns - sweep.asked_ns, left=0,
            )
        )  # fmt: skip
