"""The shell: sockets, files, signals and the clock around the pure turn.

Everything asynchronous of a run is here. Batches come in through :meth:`Shell.take`, one at a
time; each is recorded, handled and recorded again before the next.
"""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from anyio.abc import TaskGroup

from polyframe import __version__
from polyframe.commands import Command, FetchMarkets, Resubscribe, Subscribe
from polyframe.errors import PolyframeError, VenueError
from polyframe.events import Event, RawFrame, RunStarted, RunStopping, Tick
from polyframe.model import Fill, ReportPeriod
from polyframe.polymarket.feed import MarketFeed
from polyframe.runtime.assemble import Machine
from polyframe.runtime.day import DAY_NS, DayRecord, day_text
from polyframe.runtime.engine import Begin
from polyframe.runtime.facts import run_facts, summary
from polyframe.runtime.metadata import Metadata
from polyframe.runtime.orderly_stop import end_trades, let_pass, say_held_alone
from polyframe.runtime.report_writer import write_atomically, write_report
from polyframe.runtime.run_state import RunState, what_is_missing, write_state
from polyframe.runtime.status import StatusSink
from polyframe.runtime.stop_signals import STOPS, WantedNow, is_interrupt, stop_signals
from polyframe.runtime.tape import Head, TapeWriter, events_of
from polyframe.runtime.unpaired import unpaired
from polyframe.runtime.venues import Venue
from polyframe.strategy import Strategy
from polyframe.tracing.opening import Tracing

if TYPE_CHECKING:
    from polyframe.runtime.live.desk import LiveDesk

_SECOND_NS = 1_000_000_000
# Below this a sleep is the scheduler's, not ours.
_SHORTEST_SLEEP_S = 0.01
_FLUSH_S = 1.0
# Spans are built this long after their decisions at the most (wall time).
_TRACE_S = 0.5
# Cancels of an orderly stop are confirmed within this much market time, or it is said.
_STOP_LIMIT_NS = 120 * _SECOND_NS
_REPORT_PLUGIN = "truth_report"


class Shell:
    """One run of a strategy at a venue.

    Args:
        strategy: the resolved strategy file.
        classes: its plugins.
        plugin_versions: ``distribution==version`` by plugin name, for manifest and tape.
        venue: the open venue.
        run_folder: the run's own directory, existing and empty.
        reports_folder: where daily reports go.
        status: where status and log lines go.
        before: what an earlier run left, None to begin with the bankroll.
        desk: who carries real orders; None on paper, where nothing in the process can.
    """

    def __init__(
        self,
        strategy: Strategy,
        classes: Mapping[str, type],
        plugin_versions: Mapping[str, str],
        venue: Venue,
        run_folder: Path,
        reports_folder: Path,
        status: StatusSink,
        before: RunState | None = None,
        desk: LiveDesk | None = None,
    ) -> None:
        settings = strategy.settings
        self.strategy = strategy
        self.venue = venue
        self.status = status
        self.run_folder = run_folder
        self.run_id = run_folder.name
        self._reports_folder = reports_folder
        self._settings = settings
        account = None if before is None else before.account
        documents = {} if before is None else before.plugins
        # A plugin that is not asked in this run may be in the next one.
        self._documents_of_others = {n: d for n, d in documents.items() if n not in classes}
        self.machine = Machine(
            settings,
            classes,
            strategy.plugins,
            {name: document for name, document in documents.items() if name in classes},
            status.line,
            time.perf_counter_ns,
            account,
            Begin() if desk is None else desk.begin,
        )
        self.desk = desk
        self._started_ns = venue.clock()
        head = Head(
            version=__version__,
            run_id=self.run_id,
            source=venue.source,
            profile=strategy.profile,
            speed=venue.speed,
            config_hash=strategy.config_hash,
            strategy=strategy.resolved,
            plugins=dict(plugin_versions),
            stores=self.machine.stores(),
            account=account,
            begin=Begin() if desk is None else desk.begin,
        )
        self._head = head
        write_atomically(run_folder / "manifest.json", head.manifest())
        if before is not None:
            self.machine.engine.warnings += what_is_missing(before, classes)
            if desk is None:  # with real orders more is known when the account is resumed
                found = unpaired(self.machine.engine.portfolio)
                self.machine.engine.warnings += [str(one) for one in found]
        self.tape_folder = run_folder / "tape"
        self.tape = TapeWriter(self.tape_folder, head, round(settings.tape.rotate_mb * 1024 * 1024))
        self.tracing = Tracing(
            settings.tracing, head, self.machine.engine, run_folder, os.environ, status.line
        )
        if self.tracing.tracer is not None:
            self.machine.engine.decider.timer = time.perf_counter_ns
        self.feed = MarketFeed(
            venue.ws_url,
            venue.clob_url,
            settings.feed,
            clock=venue.clock,
            sink=self.take,
            proof_ns=self.machine.engine.markets.token_proof_ns,
            speed=venue.speed,
        )
        self.metadata = Metadata(
            venue.gamma_url, settings.universe.max_markets, venue.clock, lambda e: self.take(e)
        )
        self._waiting: deque[Sequence[RawFrame | Event]] = deque()
        self._new_fills: list[Fill] = []
        self._is_handling = False
        self._is_settled = False
        self._tasks: TaskGroup | None = None
        self._stop = anyio.Event()
        self._stop_reason = ""
        self._cycles_saved = 0
        self._day = self._started_ns // DAY_NS
        self._record = DayRecord(
            self.machine.engine, self.machine.venue, self.machine.codes, self._started_ns,
            None if desk is None else desk.counters,
        )  # fmt: skip
        self.report_path: Path | None = None
        if desk is not None:
            desk.join(self.machine, self.metadata, self.take, self.stop)

    # --- one batch ---------------------------------------------------------------------

    def take(self, batch: Sequence[RawFrame | Event]) -> None:
        """Handle a batch, and whatever handling it brings about, in order."""
        if self._is_settled:
            return  # what sockets still deliver after the last decision belongs to nobody
        self._waiting.append(batch)
        if self._is_handling:
            return
        self._is_handling = True
        try:
            while self._waiting:
                self._handle(self._waiting.popleft())
        finally:
            self._is_handling = False

    def _handle(self, batch: Sequence[RawFrame | Event]) -> None:
        self.tape.batch(batch)
        outcome = self.machine.turn.handle(events_of(batch))
        self.tape.outcome(outcome)
        self.tracing.take(outcome)
        if self.desk is not None:
            self._new_fills += outcome.fills
        for command in outcome.commands:
            self._execute(command)
        if self.machine.engine.moment.now_ns >= (self._day + 1) * DAY_NS:
            self._roll_day()

    def _execute(self, command: Command) -> None:
        match command:
            case Subscribe(token_ids=token_ids):
                self.feed.set_tokens(token_ids)
            case Resubscribe(token_ids=token_ids):
                self.feed.resubscribe(token_ids)
            case FetchMarkets(market_ids=market_ids):
                if self._tasks is not None:
                    self._tasks.start_soon(self.metadata.fetch, market_ids)
            case _ if self.desk is not None:
                self.desk.execute(command)

    # --- tasks -------------------------------------------------------------------------

    async def run(self, for_s: float | None) -> dict[str, Any]:
        """Run until the time is over, the venue has ended, or somebody stops it.

        Returns:
            The summary of the run.
        """
        try:
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                tasks.start_soon(self._watch_signals)
                tasks.start_soon(self._watch_end)
                if for_s is not None:
                    tasks.start_soon(self._watch_time, for_s)
                self.take([RunStarted(self.venue.clock(), self.run_id, self.venue.source)])
                if self.desk is not None:
                    self.desk.hold_until_reconciled()
                await self._first_fetch()
                tasks.start_soon(self.feed.run)
                tasks.start_soon(self._tick)
                tasks.start_soon(self._show)
                tasks.start_soon(self._trace)
                if self.desk is not None:
                    tasks.start_soon(self.desk.run)
                await self._stop.wait()
                await self._settle()
                tasks.cancel_scope.cancel()
        except BaseException as error:
            if self.desk is not None:
                await self.desk.give_up(is_impatient=is_interrupt(error))
            raise
        finally:
            self._tasks = None
            facts = self._finish()
        return facts

    async def _first_fetch(self) -> None:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:

                async def give_up() -> None:
                    await self._stop.wait()
                    scope.cancel()

                tasks.start_soon(give_up)
                result = await self.metadata.universe()
                if not result.markets:
                    raise VenueError(
                        f"{self.metadata.gamma_url} listed no market to trade: "
                        f"{result.detail or dict(result.skipped)}"
                    )
                self.metadata.give(result, universe=True)
                tasks.cancel_scope.cancel()

    async def _tick(self) -> None:
        tick_s = max(self._settings.cycle.tick_s / self.venue.speed, _SHORTEST_SLEEP_S)
        flushed_s = anyio.current_time()
        while True:
            await anyio.sleep(tick_s)
            now_ns = self.venue.clock()
            self.take([Tick(now_ns)])
            self._record.look(
                (shard.shard, shard.uptime_s is not None) for shard in self.feed.stats().shards
            )
            if self.desk is not None:
                self.desk.look(self._new_fills, now_ns)
                self._new_fills = []
            self._save_state()
            if anyio.current_time() - flushed_s > _FLUSH_S:
                flushed_s = anyio.current_time()
                self.tape.flush()

    async def _show(self) -> None:
        while True:
            live = None if self.desk is None else self.desk.status()
            self.status.show(self.machine, self.venue, self._head, live)
            await anyio.sleep(self.status.period_s)

    async def _trace(self) -> None:
        while True:
            await anyio.sleep(_TRACE_S)
            await self.tracing.flush(anyio.current_time())

    async def _watch_signals(self) -> None:
        with anyio.open_signal_receiver(*stop_signals()) as signals:
            async for number in signals:
                if self._stop.is_set():
                    # The second time somebody means it: no more waiting for confirmations.
                    raise WantedNow
                self.stop(STOPS[number])

    async def _watch_end(self) -> None:
        await self.venue.ended.wait()
        self.stop("the source has ended")

    async def _watch_time(self, for_s: float) -> None:
        await anyio.sleep(for_s)
        self.stop(f"{for_s:g} s are over")

    def stop(self, reason: str) -> None:
        """Ask for an orderly stop: pull everything, confirm, report."""
        if not self._stop.is_set():
            self._stop_reason = reason
            self._stop.set()

    @property
    def stop_reason(self) -> str:
        """Why the run stopped, "" while it goes on."""
        return self._stop_reason

    # --- the end -----------------------------------------------------------------------

    async def _settle(self) -> None:
        """Pull every order and see it confirmed: by the venue, or in market time on paper."""
        venue, engine, reason = self.venue, self.machine.engine, self._stop_reason
        await end_trades(self.machine, self.take, venue.clock, venue.speed, reason)
        now_ns = max(venue.clock(), engine.moment.now_ns)
        self.take([RunStopping(now_ns, reason)])
        orders = engine.orders
        if self.desk is not None:
            await self.desk.settle()
            self.desk.look(self._new_fills, self.venue.clock())
        elif self.machine.paper is not None:
            let_pass(
                self.machine.paper, engine, self.take, now_ns + _STOP_LIMIT_NS,
                lambda: bool(orders.markets_with_live()),
            )  # fmt: skip
        self._is_settled = True
        lost_s = self.venue.lost_ns() / _SECOND_NS
        if lost_s >= 1:
            self.status.line("Clock slowed", {"lost_market_s": f"{lost_s:.0f}"})
            engine.warnings.append(
                f"the machine could not keep up with the speed: {lost_s:.0f} s of market time "
                "were not simulated"
            )
        left = sum(1 for _ in orders.all_live())
        self.status.line("Orders left", {"count": left})
        if left:
            engine.warnings.append(f"{left} orders not confirmed gone at the stop")

    def _finish(self) -> dict[str, Any]:
        now_ns = max(self._started_ns, self.machine.engine.moment.now_ns)
        self.tracing.settle()
        say_held_alone(self.machine.engine, self.status.line)
        try:
            self._write_report(now_ns)
        finally:
            # A report that cannot be written costs neither the tape's end nor the summary.
            self._save_state(force=True)
            self.tape.close()
            self._summarise(now_ns)
            # Last, since a collector that does not answer is waited for.
            self.tracing.close()
        return self._summarise(now_ns)

    def _summarise(self, now_ns: int) -> dict[str, Any]:
        report = None if self.report_path is None else str(self.report_path)
        result = summary(self._facts(now_ns), report, str(self.tape_folder))
        text = json.dumps(result, allow_nan=False) + "\n"
        part = self.run_folder / "summary.json.part"
        part.write_text(text, encoding="utf-8")
        part.replace(self.run_folder / "summary.json")
        return result

    def _facts(self, now_ns: int) -> dict[str, Any]:
        run = {
            "id": self.run_id,
            "mode": "paper" if self.desk is None else self.desk.mode,
            "profile": self.strategy.profile,
            "source": self.venue.source,
            "why": self.venue.why,
            "speed": self.venue.speed,
            "strategy": self._settings.name,
            "config_hash": self.strategy.config_hash,
            "version": __version__,
            "plugins": dict(self._head.plugins),
            "seed": self._settings.seed,
            "continues": "" if self._head.account is None else self._head.account.run_id,
            "started_ns": self._started_ns,
            "ended_ns": now_ns,
            "stop_reason": self._stop_reason,
            "tape": str(self.tape_folder),
        }
        facts = run_facts(self.machine.engine, self.machine.venue, run, self.machine.codes)
        stats = self.feed.stats()
        facts["feed"]["sockets"] = [
            {"shard": s.shard, "tokens": s.tokens, "frames": s.frames, "sessions": s.sessions,
             "uptime_s": None if s.uptime_s is None else round(s.uptime_s, 3)}
            for s in stats.shards
        ]  # fmt: skip
        facts["feed"]["witness_failures"] = stats.witness_failures
        facts["tracing"] = self.tracing.counts()
        facts["live"] = None if self.desk is None else self.desk.facts()
        return facts

    def _roll_day(self) -> None:
        """Report the day that has ended; the ledger has closed it at midnight."""
        now_ns = self.machine.engine.moment.now_ns
        try:
            self._write_report(now_ns)
        except PolyframeError as error:
            # A full disk at midnight stops no trading: the day is lost, and said so.
            self.machine.engine.warnings.append(f"report of {day_text(self._day)}: {error}")
            self.status.line("Report not written", {"reason": str(error)})
        self._record.start_day()
        self._day = now_ns // DAY_NS

    def _write_report(self, now_ns: int) -> None:
        facts = self._facts(now_ns)
        day = facts["day"] = self._record.facts(self._day, now_ns)
        period = ReportPeriod(
            day=day["day"], start_ns=day["start_ns"], end_ns=day["end_ns"], facts=facts
        )
        sections = self.machine.dispatcher.report_section(period)
        main = sections.pop(_REPORT_PLUGIN, None)
        if main is None:
            self.status.line("No report", {"reason": f"{_REPORT_PLUGIN} is not in the file"})
            return
        content = {"report": main, "sections": sections}
        self.report_path = write_report(
            self._reports_folder, day_text(self._day), self.run_id, content
        )
        write_atomically(self.run_folder / f"report-{day['day']}.json", content)

    def _save_state(self, *, force: bool = False) -> None:
        cycles = self.machine.engine.cycles
        if not force and cycles == self._cycles_saved:
            return
        self._cycles_saved = cycles
        if self.desk is not None:
            self.desk.save({**self._documents_of_others, **self.machine.stores()}, force=force)
            return
        state = RunState(
            source=self.venue.source,
            is_whole=force,
            account=self.machine.engine.portfolio.carried(self.run_id),
            plugins={**self._documents_of_others, **self.machine.stores()},
        )
        try:
            write_state(self.run_folder, state)
        except PolyframeError as error:
            # A full disk stops no trading and costs no report: the next cycle tries again.
            self.status.line("State not saved", {"reason": str(error)})
            if force:
                self.machine.engine.warnings.append(f"--continue cannot go on from here: {error}")
