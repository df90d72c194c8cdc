"""``polyframe trace``: the summary, the list and its filters, one decision in full."""

import json
import subprocess
import sys

import pytest

from polyframe.model import TradeLeg
from span_world import SpanWorld, a_veto

PLACED = ("place o-000001 BUY YES 100@0.47", "place o-000002 BUY NO 100@0.47")

SUMMARY = """\
run        20260528T120000Z-abc, source embedded
from       2026-05-28 12:00:00.000 to 2026-05-28 12:00:04.000 UTC, 4 s
decisions  4 on 2 markets; 3 more that changed nothing were sampled out
           vetoed 2, quoted 1, unchanged 1
vetoes     qs.liquidity 2, runtime.no_mid 1
alone      qs 1
fills      maker (rested) 1
slowest    9 ms (decision 2, vetoed), 0.5 ms (decision 1, quoted), 0.5 ms
           (decision 3, vetoed)

time          id  market        outcome    bid / ask    orders  vetoes
────────────────────────────────────────────────────────────────────────────────
12:00:02.000  3   will-0xm2-h…  vetoed                          qs.liquidity +1
12:00:04.000  4   will-0xm1-h…  unchanged  0.47 / 0.53"""


@pytest.fixture
def world(tmp_path):
    made = SpanWorld(tmp_path)
    made.decide(0, "quoted", commands=PLACED)
    made.decide(1, "vetoed", "0xm2", vetoes=(a_veto("qs.liquidity"),), took_ns=9_000_000)
    vetoes = (a_veto("qs.liquidity"), a_veto("runtime.no_mid"))
    made.decide(2, "vetoed", "0xm2", vetoes=vetoes)
    made.fill(3, "o-000001", 1)
    made.decide(4, "unchanged", skipped_before=3)
    yield made
    made.close()


def listed(world, *arguments):
    """Return the numbers of the decisions that JSON lists; a fill's is negative."""
    found = map(json.loads, world.screen("trace", "--json", *arguments).splitlines())
    return [
        span["attributes"]["polyframe.decision.id"] * (-1 if span["name"] == "fill" else 1)
        for span in found
    ]


def test_the_summary_and_the_last_decisions(world):
    shown = world.screen("trace", "--last", "2")
    assert shown.startswith(SUMMARY.partition("\n\n")[0])
    assert shown.splitlines()[-2].split()[:2] == ["12:00:02.000", "3"]
    assert "qs.liquidity +1" in world.screen("trace", width=120)


def test_two_runs_in_one_folder_have_decisions_of_the_same_number(world):
    path = world.trace / "spans-0001.jsonl"
    line = path.read_bytes().splitlines()[0]
    path.write_bytes(b"%b\n%b\n" % (line, line.replace(b"NORMAL", b"CLOSED")))
    assert "decisions  2 on 1 market" in world.screen("trace")


def test_who_blocks_most_is_counted_in_decisions(world):
    sides = tuple(a_veto("portfolio_risk.market_cap", side) for side in ("bid", "ask"))
    for _ in range(2):
        world.decide(5, "vetoed", vetoes=sides)
    # One side of a quote, a leg that only goes with its trade and the end of the run are no
    # refusal by one alone.
    world.decide(8, "pulled", trigger="stopping", vetoes=(a_veto("runtime.stopping"),))
    world.decide(6, "quoted", vetoes=sides[:1])
    leg = TradeLeg("0xm1", True, True, 4800, 100_000_000).as_quote("arb")
    world.decide(7, "vetoed", proposal=leg, vetoes=(a_veto("runtime.other_leg"),))
    found = world.screen("trace", "--last", "0", width=120)
    told = [" ".join(line.split()) for line in found.splitlines()]
    assert (
        "vetoes portfolio_risk.market_cap 3, qs.liquidity 2, runtime.no_mid 1, "
        "runtime.stopping 1, runtime.other_leg 1"
    ) in " ".join(told)
    assert "alone portfolio_risk 2, qs 1" in told


def test_what_is_no_terminal_gets_no_blanks_at_the_ends_of_lines(world):
    for arguments in (("trace",), ("trace", "1"), ("trace", "--fills")):
        lines = world.polyframe(*arguments).stdout.splitlines()
        assert lines == [line.rstrip() for line in lines]


@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        ((), [1, 2, 3, -1, 4]),
        (("--last", "2"), [-1, 4]),
        (("--outcome", "vetoed"), [2, 3]),
        (("--market", "0xm1"), [1, -1, 4]),
        (("--code", "runtime.no_mid"), [3]),
        (("--code", "qs."), [2, 3]),
        (("--plugin", "runtime"), [3]),
        (("--since", "12:00:02"), [3, -1, 4]),
        (("--until", "12:00:02"), [1, 2, 3]),
        (("--since", "-2s", "--until", "12:00:03"), [-1]),
        (("--since", "12:00", "--until", "12:00"), [1, 2, 3, -1, 4]),
        (("--until", "2026-05-28"), [1, 2, 3, -1, 4]),
        (("--since", "12:00:02", "--until", "12:00:02"), [3]),
        (("--fills",), [-1]),
        (("--fills", "--market", "0xm1"), [-1]),
    ],
)
def test_filters(world, arguments, numbers):
    assert listed(world, *arguments) == numbers


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--outcome", "vetod"), "--outcome 'vetod': this run has none; did you mean vetoed?"),
        (("--code", "qs.liquidty"), "did you mean qs.liquidity?"),
        (("--plugin", "x", "--json"), "seen are maker, qs, runtime"),
        (("1", "--outcome", "vetoed"), "ID names one decision"),
        (("--fills", "--code", "qs."), "a fill has no outcome"),
        (("o-000009",), "has no decision 'o-000009'"),
        (("99",), "has no decision '99'"),
        (("\x1b[31m",), "has no decision"),
    ],
)
def test_mistakes_are_one_line(world, arguments, words):
    result = world.polyframe("trace", *arguments)
    assert (result.exit_code, result.output.count("\n")) == (2, 1), result.output
    assert words in result.output
    assert "\x1b" not in result.output


def test_nothing_fits(world):
    result = world.polyframe("trace", "--outcome", "vetoed", "--market", "0xm1")
    assert (result.exit_code, result.stderr) == (
        1,
        "polyframe: error: run 20260528T120000Z-abc: no span fits\n",
    )


def test_one_decision_in_full_by_any_of_its_names(world):
    by_number = world.screen("trace", "1")
    assert by_number.startswith("quoting 0.47 / 0.53 since 12:00:00.000 (decision 1)")
    assert "filled                    12:00:03.000 BUY YES 100@0.49 o-000001, maker" in by_number
    trace_id = json.loads(world.screen("trace", "1", "--json"))["decision"]["trace_id"]
    for name in ("o-000001", trace_id, trace_id[:12]):
        assert world.screen("trace", name) == by_number


def test_fills_are_listed(world):
    last = world.screen("trace", "--fills", width=120).splitlines()[-1].split()
    assert last == [
        "12:00:03.000", "1", "will-0xm1-happen", "o-000001", "BUY", "YES", "100@0.49", "maker",
        "0.5",
    ]  # fmt: skip


def test_a_fill_whose_settlement_failed_is_taken_back_and_counts_no_more(world):
    world.fill(4, "o-000001", 1, trade_id="t8", size_e6=40_000_000)
    world.fill(64, "o-000001", 1, trade_id="t8!failed", size_e6=40_000_000, is_buy=False,
               reverses="t8")  # fmt: skip
    text = world.screen("trace", "--fills", width=120)
    assert [" ".join(line.split()[4:-2]) for line in text.splitlines()[-3:]] == [
        "BUY YES 100@0.49", "BUY YES 40@0.49, taken back", "takes back BUY YES 40@0.49",
    ]  # fmt: skip
    told = [" ".join(line.split()) for line in text.splitlines()]
    assert "fills maker (rested) 1" in told
    assert "taken back maker 1" in told
    # What stood when it was taken back is another question.
    early = world.screen("trace", "--fills", "--until", "12:00:30", width=120)
    assert "fills maker (rested) 2" in [" ".join(line.split()) for line in early.splitlines()]
    assert "taken back" not in early
    late = world.screen("trace", "--fills", "--since", "12:00:30", width=120)
    assert "\nfills" not in late


@pytest.mark.parametrize(
    ("options", "begins"), [(("--json",), '{"name": "decide quote"'), (("--last", "5000"), "run ")]
)
def test_a_reader_may_leave_early(world, options, begins):
    for _ in range(2000):
        world.decide(5, "quoted")
    command = [sys.executable, "-m", "polyframe", "trace", *options, "--runs", str(world.runs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline().startswith(begins.encode())
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141
