"""The writer at a run's end, and when the disk fails: nothing is lost between disk and engine."""

from __future__ import annotations

import threading
from typing import Any

import anyio
import pytest

from live_venue import START
from live_words import Teller, a_fill
from polyframe.errors import PolyframeError
from polyframe.runtime.live.changes import Change
from polyframe.runtime.live.rows import LedgerRow
from polyframe.runtime.live.writer import AccountWriter

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Disk:
    """A store that writes when it is let, or refuses."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.may_write = threading.Event()
        self.may_write.set()
        self.is_writing = threading.Event()
        self.refuses = False

    def apply(self, rows: Any) -> None:
        self.is_writing.set()
        assert self.may_write.wait(10)
        self.refuse()
        self.rows += rows

    def refuse(self) -> None:
        if self.refuses:
            raise PolyframeError("full")


@pytest.fixture
def told() -> Teller:
    return Teller()


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def heard() -> list[Any]:
    return []


@pytest.fixture
def writer(told, disk, heard) -> AccountWriter:
    return AccountWriter(disk, told.ledger, heard.extend, lambda _: None, lambda _: (),
                         lambda _: None)  # fmt: skip


def a_late_fill(told: Teller) -> Change:
    return a_late_fill_of(told, 1)


def a_late_fill_of(told: Teller, number: int) -> Change:
    order = told.resting(number)
    return told.ledger.heard([a_fill(order, 4, trade_id=f"t{number}")], START)


async def until(seen: threading.Event) -> None:
    while not seen.is_set():
        await anyio.lowlevel.checkpoint()


async def test_a_fill_that_nobody_hears_is_left_for_the_next_run(told, disk, heard, writer):
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(writer.run)
        disk.may_write.clear()
        waiting = writer.put(a_late_fill(told))
        await until(disk.is_writing)
        # The run's last word to its engine, while the fill is on its way to the disk.
        writer.stop_telling()
        disk.may_write.set()
        await waiting.done.wait()
        tasks.cancel_scope.cancel()
    assert [row.seq for row in disk.rows if isinstance(row, LedgerRow)] == [1]
    assert heard == []
    # What a snapshot says it has heard of: the next run is told of booking 1.
    assert told.ledger.given_seq == 0


async def test_rows_that_were_about_to_be_written_are_left_to_whoever_ends_the_run(
    told, disk, writer
):
    change = a_late_fill(told)
    writer.put(change)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await writer._write()  # cancelled before its first row
    assert disk.rows == []
    assert writer.rows_left() == list(change.rows)


async def test_drained_means_that_nothing_is_queued_when_one_goes_on(told, heard, writer):
    first, second = a_late_fill(told), a_late_fill_of(told, 2)
    async with anyio.create_task_group() as tasks:

        async def another() -> None:
            await writer.drained()
            writer.put(second)

        async def the_end() -> None:
            await writer.drained()
            writer.stop_telling()
            tasks.cancel_scope.cancel()

        writer.put(first)
        for task in (another, the_end, writer.run):
            tasks.start_soon(task)
    assert heard == [*first.events, *second.events]


async def test_a_snapshot_that_fails_keeps_nobody_waiting(told, disk, writer):
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(writer.run)
        disk.refuses = True
        begun, go_on = threading.Event(), threading.Event()

        def save() -> None:
            begun.set()
            assert go_on.wait(10)
            disk.refuse()

        writer.request_snapshot(save)
        await until(begun)
        waiting = writer.put(a_late_fill(told))
        go_on.set()
        with anyio.fail_after(5):
            await waiting.done.wait()
        assert not waiting.is_durable
        tasks.cancel_scope.cancel()
