"""The production profile rehearsed: thousands of orders, and kills at any moment.

Each test runs the engine as a process of its own against an exchange in this one, and holds all
that it stored and told to the exchange's books. ``POLYFRAME_NIGHTLY=1`` asks for more kills,
``POLYFRAME_SEED`` for others.
"""

import asyncio
import logging
import os
import sys
from random import Random

import pytest

from rehearsal import Rehearsal
from rehearsal_verdict import judge_books, judge_files

pytestmark = pytest.mark.anyio
LOG = logging.getLogger("rehearsal")
IS_NIGHTLY = os.environ.get("POLYFRAME_NIGHTLY", "") not in ("", "0")
ORDERS = 2_500
SEED = int(os.environ.get("POLYFRAME_SEED", "20260528"))
KILLS = 50 if IS_NIGHTLY else 5


async def test_thousands_of_orders_and_every_book_is_equal(tmp_path, stage):
    async with Rehearsal(tmp_path, speed=6, profile="mixed", activity=3) as rehearsal:
        run = await rehearsal.start()
        await rehearsal.until(lambda: rehearsal.orders >= ORDERS, run)
        await run.stop()
        await rehearsal.close_books()
        books = judge_books(rehearsal)
        secrets = rehearsal.secrets
    stage.close()
    LOG.info("%s", books.figures)
    assert books.faults == []
    assert books.figures["fills"] > 30
    assert books.figures["runs"] == 2
    command = [sys.executable, "-m", "polyframe", "replay", str(rehearsal.run_folders()[0])]
    replay = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    files = await asyncio.to_thread(judge_files, rehearsal, secrets)
    told, _ = await replay.communicate()
    LOG.info("%s", files.figures)
    assert (replay.returncode, b"differences=0" in told) == (0, True), told
    assert files.faults == []
    assert files.figures["cut off"] == 0
    assert files.figures["orders decided"] >= ORDERS


async def test_kills_at_any_moment_lose_no_fill_and_no_order(tmp_path, stage):
    chance = Random(SEED)
    async with Rehearsal(tmp_path, speed=6, profile="mixed", activity=3) as rehearsal:
        for _ in range(KILLS):
            run = await rehearsal.start()
            if chance.random() < 0.7:
                wanted = rehearsal.orders + chance.randint(1, 120)
                await rehearsal.until(lambda wanted=wanted: rehearsal.orders >= wanted, run)
            else:  # it may not even have begun
                await asyncio.sleep(chance.uniform(0.0, 4.0))
            await asyncio.sleep(chance.uniform(0.0, 0.2))
            await run.kill()
        run = await rehearsal.start()
        wanted = rehearsal.orders + 50
        await rehearsal.until(lambda: rehearsal.orders >= wanted, run)
        await run.stop()
        await rehearsal.close_books()
        books = judge_books(rehearsal)
        secrets = rehearsal.secrets
    stage.close()
    LOG.info("%s", books.figures)
    assert books.faults == []
    assert books.figures["fills"] > 5
    files = judge_files(rehearsal, secrets)
    LOG.info("%s", files.figures)
    assert files.faults == []
    assert files.figures["cut off"] >= KILLS // 2
