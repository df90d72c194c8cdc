"""Durable before believed: rows go to the disk, then their events to the engine, in one order.

Everything that changes the account passes here, one batch at a time. When the disk refuses once,
nothing is told and nothing is stored any more: the next run begins from what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import anyio
from anyio.to_thread import run_sync

from polyframe.errors import PolyframeError
from polyframe.events import Event
from polyframe.runtime.live.changes import Change
from polyframe.runtime.live.journal_rows import AnyRow, JournalRow
from polyframe.runtime.live.ledger import LiveLedger
from polyframe.runtime.live.store import LedgerStore


class _Waiting:
    """A change on its way to the disk; ``done`` is set when it is there, or was refused once."""

    __slots__ = ("change", "done", "is_durable")

    def __init__(self, change: Change) -> None:
        self.change = change
        self.done = anyio.Event()
        self.is_durable = False


class AccountWriter:
    """The one task that writes the store and tells the engine.

    Args:
        store: where rows go.
        ledger: told which events the engine was given.
        take: gives events to the engine.
        failed: called with the reason when the disk refuses.
        beside: returns what the engine has to hear with a change, before its events.
        wrote: called with every change whose events have been given.
    """

    def __init__(
        self,
        store: LedgerStore,
        ledger: LiveLedger,
        take: Callable[[Sequence[Event]], None],
        failed: Callable[[str], None],
        beside: Callable[[Change], Sequence[Event]],
        wrote: Callable[[Change], None],
    ) -> None:
        self._beside = beside
        self._wrote = wrote
        self._store = store
        self._ledger = ledger
        self._take = take
        self._failed = failed
        self._queue: list[_Waiting] = []
        self._wake = anyio.Event()
        self._journal: list[JournalRow] = []
        self._snapshot: Callable[[], None] | None = None
        self.has_failed = False
        self._is_over = False
        self._is_idle = anyio.Event()
        self._is_idle.set()

    def put(self, change: Change) -> _Waiting:
        """Queue a change; events follow when its rows are durable."""
        waiting = _Waiting(change)
        if self.has_failed:
            waiting.done.set()
        elif change.rows or change.events:
            self._queue.append(waiting)
            if self._is_idle.is_set():
                self._is_idle = anyio.Event()
            self._wake.set()
        else:
            waiting.is_durable = True
            waiting.done.set()
        return waiting

    def note(self, row: JournalRow) -> None:
        """Queue a row that is no part of the account."""
        if not self.has_failed:
            self._journal.append(row)
            self._wake.set()

    async def durable(self, change: Change) -> bool:
        """Queue a change and wait; False when the disk refused it."""
        waiting = self.put(change)
        await waiting.done.wait()
        return waiting.is_durable

    def request_snapshot(self, save: Callable[[], None]) -> None:
        """Have ``save`` called, in a worker thread, between two batches; the last one counts.

        It is called when the engine has been given everything that is durable.
        """
        self._snapshot = save
        self._wake.set()

    async def drained(self) -> None:
        """Wait until nothing is queued, at the moment when the caller goes on."""
        while not self._is_idle.is_set():
            await self._is_idle.wait()

    def stop_telling(self) -> None:
        """The engine hears nothing more: what is stored from now on is for the next run to tell."""
        self._is_over = True

    def rows_left(self) -> list[AnyRow]:
        """Return the rows that are not written, once nobody writes any more."""
        waiting = [] if self.has_failed else self._queue
        rows: list[AnyRow] = [row for one in waiting for row in one.change.rows]
        return rows + ([] if self.has_failed else self._journal)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._wake.wait()
            self._wake = anyio.Event()
            while self._queue or self._journal or self._snapshot is not None:
                await self._write()

    async def _write(self) -> None:
        # They stay in the queue until they are on the disk: whoever cancels us finds them there.
        batch, journal = list(self._queue), list(self._journal)
        rows: list[AnyRow] = [row for waiting in batch for row in waiting.change.rows]
        rows += journal
        try:
            if rows:
                await run_sync(self._store.apply, rows)
        except PolyframeError as error:
            self._fail(self._queue, str(error))
            return
        del self._queue[: len(batch)], self._journal[: len(journal)]
        if self._is_over:
            # A snapshot that counted these would lose them: nobody hears them in this run.
            self._close(batch)
            return
        events = [event for waiting in batch for event in self._beside(waiting.change)]
        events += [event for waiting in batch for event in waiting.change.events]
        if events:
            self._take(events)
        for waiting in batch:
            self._ledger.given(waiting.change)
            self._wrote(waiting.change)
        self._close(batch)
        await self._save_snapshot()

    def _close(self, batch: Sequence[_Waiting]) -> None:
        for waiting in batch:
            waiting.is_durable = True
            waiting.done.set()
        if not self._queue:
            self._is_idle.set()

    def _fail(self, batch: list[_Waiting], reason: str) -> None:
        """Believe nothing more: what is in memory and what is on disk are not the same account."""
        self.has_failed = True
        self._queue = []
        self._journal = []
        self._snapshot = None
        for waiting in batch:
            waiting.done.set()
        self._is_idle.set()
        self._failed(reason)

    async def _save_snapshot(self) -> None:
        save, self._snapshot = self._snapshot, None
        if save is None:
            return
        try:
            await run_sync(save)
        except PolyframeError as error:
            self._fail(self._queue, str(error))
