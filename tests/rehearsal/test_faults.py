"""The production profile rehearsed on a bad day: every fault of the script, and two kills."""

import json
import logging
from math import inf
from pathlib import Path

import pytest

from polyframe.exchange.faults.catalogue import KINDS
from polyframe.exchange.faults.script import read_script
from polyframe.exchange.faults.settlement_kinds import FailedTrades, GhostFills, Reorg
from rehearsal import Rehearsal
from rehearsal_verdict import judge_books, judge_files

pytestmark = pytest.mark.anyio
LOG = logging.getLogger("rehearsal")
SCRIPT = Path(__file__).parents[2] / "examples" / "production.faults.yaml"
# The script's time in three parts: each begins when the engine quotes. The third number is when the
# engine is killed in it, 0 for never.
ACTS_S = ((0.0, 155.0, 48.0), (155.0, 230.0, 0.0), (230.0, inf, 34.0))
# Within this much market time after the last fault it quotes again (quant.md I25).
RECOVERS_S = 60


def test_the_bad_day_has_every_kind_of_fault():
    script = {one.kind for one in read_script(SCRIPT).faults}
    assert KINDS.keys() - script == {"failed_trades", "reorg"}  # two failures pull: the test below


async def test_a_bad_day_loses_nothing_and_ends_with_quotes(tmp_path, stage):
    async with Rehearsal(tmp_path, speed=5, profile="mixed", activity=2, renew_s=60) as rehearsal:
        clock, injection = rehearsal.exchange.clock, rehearsal.exchange.injection
        run = await rehearsal.start()
        for begins_s, ends_s, kill_s in ACTS_S:
            seen = rehearsal.orders
            await rehearsal.until(lambda seen=seen: rehearsal.orders >= seen + 15, run)
            began_ns = clock()
            over_s = rehearsal.strike(SCRIPT, begins_s, ends_s)
            if ends_s == inf:
                # What redemptions may meet needs something to redeem.
                assert len(rehearsal.resolve_held(3)) == 3
            if kill_s:
                due_ns = began_ns + round(kill_s * 1e9)
                await rehearsal.until(lambda due_ns=due_ns: clock() >= due_ns, run)
                if ends_s == inf:
                    await rehearsal.until(lambda: injection.struck["silent_socket"], run)
                await run.kill()
                run = await rehearsal.start()
            due_ns = began_ns + round(over_s * 1e9)
            await rehearsal.until(lambda due_ns=due_ns: clock() >= due_ns, run)
        struck = injection.struck
        injection.clear()
        over_ns, seen = clock(), rehearsal.orders
        await rehearsal.until(lambda: rehearsal.orders > seen, run)
        recovered_s = (clock() - over_ns) / 1e9
        await run.stop()
        await rehearsal.close_books()
        books = judge_books(rehearsal, is_quiet=False)
        secrets = rehearsal.secrets
    stage.close()
    LOG.info("%s %s, recovered within %.1f s", books.figures, struck, recovered_s)
    assert books.faults == []
    assert [kind for kind, count in struck.items() if not count] == []
    assert recovered_s < RECOVERS_S
    assert "FAILED" in books.figures["fills_by_status"]
    assert not any(run.count("action=halt") for run in rehearsal.runs)
    files = judge_files(rehearsal, secrets)
    LOG.info("%s", files.figures)
    assert files.faults == []


async def test_settlements_that_fail_pull_everything_and_the_report_says_why(tmp_path, stage):
    async with Rehearsal(tmp_path, speed=6, profile="mixed", activity=6, renew_s=60) as rehearsal:
        injection = rehearsal.exchange.injection
        injection.add([FailedTrades(count=1), GhostFills(count=1, share=1.0), Reorg(count=1)])
        run = await rehearsal.start()
        await rehearsal.until(lambda: "hazard=settlements_fail" in run.text(), run)
        await rehearsal.until(lambda: not rehearsal.watch.resting(), run)
        seen = rehearsal.orders
        await rehearsal.market_s(30, run)
        assert rehearsal.orders == seen
        await run.stop()
        (line,) = [one for one in run.text().splitlines() if "hazard=settlements_fail" in one]
        assert "action=pull" in line
        assert "settlements failed within 600 s (at most 2%)" in line
        await rehearsal.close_books()
        books = judge_books(rehearsal)
    stage.close()
    LOG.info("%s", books.figures)
    assert books.faults == []
    assert books.figures["fills_by_status"]["FAILED"] >= 2
    (report,) = rehearsal.run_folders()[0].glob("report-*.json")
    (standing,) = json.loads(report.read_text())["report"]["safety"]["standing"]
    assert (standing["hazard"], standing["action"]) == ("settlements_fail", "pull")
    # The window outlasts the run: the next one begins pulled, and says so.
    assert "hazard=settlements_fail" in rehearsal.runs[-1].text()
