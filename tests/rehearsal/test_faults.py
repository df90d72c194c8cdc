"""The production profile rehearsed on a bad day: every fault of the script, and two kills."""

import json
import logging
from pathlib import Path

import pytest

from polyframe.exchange.faults.settlement_kinds import GhostFills, Reorg
from rehearsal import Rehearsal
from rehearsal_verdict import judge_books, judge_files

pytestmark = pytest.mark.anyio
LOG = logging.getLogger("rehearsal")
SCRIPT = Path(__file__).parents[2] / "examples" / "production.faults.yaml"
KILLS_S = (96.0, 252.0)
# Within this much market time after the last fault it quotes again (quant.md I25).
RECOVERS_S = 60


async def test_a_bad_day_loses_nothing_and_ends_with_quotes(tmp_path, stage):
    async with Rehearsal(tmp_path, speed=5, profile="mixed", activity=2, renew_s=60) as rehearsal:
        clock = rehearsal.exchange.clock
        run = await rehearsal.start()
        await rehearsal.until(lambda: rehearsal.orders >= 20, run)
        began_ns, over_s = clock(), rehearsal.strike(SCRIPT)
        for kill_s in (*KILLS_S, over_s):
            due_ns = began_ns + round(kill_s * 1e9)
            await rehearsal.until(lambda due_ns=due_ns: clock() >= due_ns, run)
            if kill_s != over_s:
                await run.kill()
                run = await rehearsal.start()
        struck = rehearsal.exchange.injection.struck
        rehearsal.exchange.injection.clear()
        over_ns, seen = clock(), rehearsal.orders
        await rehearsal.until(lambda: rehearsal.orders > seen, run)
        recovered_s = (clock() - over_ns) / 1e9
        await run.stop()
        await rehearsal.close_books()
        books = judge_books(rehearsal)
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
        injection.add([GhostFills(count=2, share=1.0, after_s=5.0), Reorg(count=1)])
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
