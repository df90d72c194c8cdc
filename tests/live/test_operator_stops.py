"""What an operator does to a production run: kills, resumes, stops, stalls and starts it twice.

The engine is a process of its own; the exchange is in this one, and what it holds is believed.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
from collections.abc import Awaitable, Callable

import anyio
import pytest

from engine_process import Desk
from exchange_side import S_NS, ExchangeSide, exchange_of

# Long runs over lines that shorter tests reach: tracing them would double their time.
pytestmark = pytest.mark.no_cover

Scene = Callable[[Desk, ExchangeSide], Awaitable[None]]
SPEED = 4.0


@pytest.fixture
def play(tmp_path):
    def played(scene: Scene, speed: float = SPEED) -> None:
        async def whole() -> None:
            async with exchange_of(speed) as exchange:
                await scene(Desk(tmp_path, exchange), ExchangeSide(exchange))

        anyio.run(whole)

    return played


def test_a_day_of_an_operator(play):
    async def scene(desk: Desk, side: ExchangeSide) -> None:
        async with desk.engine() as engine:
            await side.until(lambda: side.resting >= 10, "quoting")

            second = await desk.run_again()
            assert second.code == 2
            [line] = second.err
            assert f"process {engine.process.pid} trades for it already" in line
            assert side.resting >= 10

            killed = await desk.verb("kill", "--why", "lunch", "--venue", desk.url)
            assert killed.code == 0, killed.err
            assert side.resting == 0
            await side.until(lambda: bool(engine.said("Cancel-all verified reason=kill_switch")),
                             "the engine's own proof")  # fmt: skip
            killed_ns = side.now_ns
            await side.pass_s(5)
            assert side.came_since(killed_ns) == []
            resumed = await desk.verb("resume", "--venue", desk.url)
            assert resumed.code == 0
            await side.until(lambda: side.resting >= 10, "quoting again")

            # Nobody beats the heart of a process that stands still: the venue cancels by itself.
            engine.send(signal.SIGSTOP)
            stopped_ns = side.now_ns
            await side.until(lambda: side.resting == 0, "cancelled by the venue")
            took_s = (side.last_gone_ns() - stopped_ns) / S_NS
            assert 5 <= took_s <= 16
            engine.send(signal.SIGCONT)
            went_on_ns = side.now_ns
            await side.until(lambda: bool(engine.said("Hazard hazard=heartbeat_lost action=pull")),
                             "seen")  # fmt: skip
            await side.until(lambda: side.resting >= 10, "quoting again", 60)
            assert side.now_ns - went_on_ns < 60 * S_NS

            engine.send(signal.SIGUSR1)
            await side.until(lambda: side.resting == 0, "killed by signal", 5)
            await side.until(lambda: bool(list(desk.folder.glob("state/*/KILL"))), "kept")
            engine.send(signal.SIGTERM)
            ended = await engine.ended()
            assert ended.code == 0, ended.err
            assert engine.said("Run stopping reason=terminated")
            assert "book: verified empty" in ended.out
        assert side.resting == 0
        refused = await desk.run_again()
        assert refused.code == 2
        [line] = refused.err
        assert "killed (SIGUSR1" in line
        assert "polyframe resume" in line
        assert (await desk.verb("resume", "--venue", desk.url)).code == 0
        # The account goes on where it was; --for is wall time.
        after = await desk.run_again("--for", "2s", "--summary-json", "s.json")
        assert after.code == 0, after.err
        assert side.resting == 0
        summary = json.loads((desk.folder / "s.json").read_text())
        assert summary["left_unproved"] is False
        assert summary["orders"] > 0

    play(scene)


def test_the_second_ctrl_c_ends_at_once_and_says_what_is_not_proved(play):
    async def scene(desk: Desk, side: ExchangeSide) -> None:
        async with desk.engine() as engine:
            await side.until(lambda: side.resting >= 10, "quoting")
            side.fault("timeout_before", hangs_s=1_000)
            engine.send(signal.SIGINT)
            await side.until(lambda: bool(engine.said("Run stopping")), "stopping")
            engine.send(signal.SIGINT)
            ended = await engine.ended()
            assert ended.code == 130
            assert len(ended.err) == 2, ended.err
            assert "THE BOOK IS NOT PROVED EMPTY" in ended.err[0]
            assert ended.err[1] == "polyframe: interrupted"
            assert any("THE BOOK IS NOT PROVED EMPTY" in line for line in ended.out)
            side.clear()
        await side.until(lambda: side.resting == 0, "cancelled by the venue", 20)

    play(scene)


def test_a_terminal_that_is_gone_loses_lines_and_nothing_else(play):
    async def scene(desk: Desk, side: ExchangeSide) -> None:
        theirs, ours = os.pipe()
        async with desk.engine(out=ours) as engine:
            os.close(ours)
            await side.until(lambda: side.resting >= 10, "quoting", 120)
            os.close(theirs)
            await side.pass_s(10)
            assert side.resting >= 10
            engine.send(signal.SIGHUP)
            ended = await engine.ended()
            assert not any("Traceback" in line for line in ended.err), ended.err
        assert side.resting == 0
        [log] = desk.folder.glob("runs/*/log.txt")
        assert 'Run stopping reason="hung up"' in log.read_text()
        assert "Book verified empty" in log.read_text()

    play(scene)


def test_a_terminal_that_takes_nothing_holds_nobody_up(play):
    async def scene(desk: Desk, side: ExchangeSide) -> None:
        theirs, ours = os.pipe()
        with os.fdopen(theirs, "rb") as never_read:
            fcntl.fcntl(never_read, fcntl.F_SETPIPE_SZ, 4096)
            async with desk.engine(out=ours) as engine:
                os.close(ours)
                await side.until(lambda: side.resting >= 10, "quoting", 120)
                [log] = desk.folder.glob("runs/*/log.txt")
                await side.until(lambda: len(log.read_text()) > 2 * 4096, "more lines", 120)
                assert side.resting >= 10
                engine.send(signal.SIGTERM)
                ended = await engine.ended()
            assert (ended.code, ended.err) == (0, [])
        assert side.resting == 0
        assert "Book verified empty" in log.read_text()

    play(scene)
