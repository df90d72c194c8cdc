"""Finding a run, a market and the spans that tell of it, however the files lie."""

import json

import pytest

from polyframe.errors import PolyframeError, UsageError
from polyframe.tracing.lookup import RunSpans, find_run, market_needle
from polyframe.tracing.story import decision_id
from span_world import SpanWorld

CHILE = "0xaa11" + 60 * "0"
JAPAN = "0xaa22" + 60 * "0"


@pytest.fixture
def world(tmp_path):
    made = SpanWorld(tmp_path)
    made.market(CHILE, "Will Chile cut its rate by January?", "chile-rate-cut")
    made.market(JAPAN, "Will Japan set its rate at 6.25%?", "japan-rate")
    made.decide(0, "quoted", CHILE)
    made.decide(1, "quoted", JAPAN)
    yield made
    made.close()


def numbers(spans):
    return [decision_id(span) for span in spans]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (CHILE, CHILE), ("0xaa11", CHILE), ("aa22", JAPAN), ("0xAA22", JAPAN),
        ("chile-rate-cut", CHILE), ("rate CHILE", CHILE), ("6.25", JAPAN), ("japan", JAPAN),
        ("janu", CHILE),
    ],
)  # fmt: skip
def test_a_market_by_any_name(world, wanted, found):
    assert RunSpans(world.run).market(wanted).market_id == found


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("rate", "'rate' fits 2 markets: chile-rate-cut (0xaa11000000), japan-rate (0xaa22000000)"),
        ("0xaa", "'0xaa' fits 2 markets: "),
        ("chlie", "no market of this run is 'chlie'; nearest: chile-rate-cut"),
        ("zzzz", "no market of this run is 'zzzz'; the run decided on 2 others"),
        ("\x1b[31m", "no market of this run is '\\u001b[31m'"),
    ],
)
def test_which_market_is_not_clear(world, wanted, words):
    result = world.polyframe("why", wanted)
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert words in result.output


def test_only_five_candidates_are_told(world):
    for number in range(7):
        world.decide(2, "quoted", f"0xbb{number}")
    result = world.polyframe("why", "happen")
    assert result.output.count("will-0xbb") == 5
    assert "and 2 more; give more words" in result.output


def test_a_torn_line_is_no_line_yet(world):
    path = world.trace / "spans-0001.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + whole.splitlines()[0][:300])
    spans = RunSpans(world.run)
    assert numbers(spans.newest_first(b"")) == [2, 1]
    assert numbers(spans.oldest_first(b"")) == [1, 2]
    assert spans.corrupt == 0


def test_a_corrupt_line_is_left_out_and_told_once(world):
    line = (world.trace / "spans-0001.jsonl").read_bytes().splitlines()[0]
    with (world.trace / "spans-0001.jsonl").open("ab") as file:
        file.write(line.replace(b'"intValue":"1"', b'"intValue":"x"') + b"\n")
        file.write(line[:400] + b"\n" + b"[" * 100_000 + b"\n")
        file.write(line.replace(b"decide quote", b"GET /") + b"\n")
    result = world.polyframe("trace")
    assert result.exit_code == 0
    assert result.stderr == "polyframe: 4 lines are no span and left out\n"
    assert "2 on 2 markets" in result.stdout


def test_rotated_files_are_read_as_one(tmp_path):
    world = SpanWorld(tmp_path, rotate_bytes=1)
    written = [world.decide(at_s, "quoted") for at_s in range(6)]
    world.close()
    assert len(list(world.trace.glob("*.jsonl.zst"))) == 6
    spans = RunSpans(world.run)
    needle = market_needle("0xm1")
    assert numbers(spans.oldest_first(needle)) == written
    assert numbers(spans.newest_first(needle)) == written[::-1]
    until_ns = spans.last_ns - 3 * 10**9
    assert numbers(spans.newest_first(needle, until_ns)) == [3, 2, 1]


def test_a_file_that_was_compressed_meanwhile_is_found(tmp_path):
    world = SpanWorld(tmp_path)
    world.decide(0, "quoted")
    spans = RunSpans(world.run)
    world._files._rotate_bytes = 1
    world.decide(1, "quoted")
    world.close()
    assert not (world.trace / "spans-0001.jsonl").exists()
    assert numbers(spans.newest_first(b"")) == [2, 1]


def test_a_damaged_file_is_read_up_to_the_damage(tmp_path):
    world = SpanWorld(tmp_path, rotate_bytes=1)
    world.decide(0, "quoted")
    world.decide(1, "quoted")
    world.close()
    (world.trace / "spans-0002.jsonl.zst").write_bytes(b"no zstd data")
    result = world.polyframe("why", "0xm1")
    assert result.stdout.startswith("quoting") or result.stdout.startswith("changing")
    assert result.stderr == "polyframe: spans-0002.jsonl.zst is damaged: read up to the damage\n"


def test_blocks_end_anywhere(world, monkeypatch):
    for at_s in range(2, 20):
        world.decide(at_s, "quoted", JAPAN)
    for size in (500, 3_000, 10_000):
        monkeypatch.setattr("polyframe.tracing.lookup._BLOCK_BYTES", size)
        spans = RunSpans(world.run)
        assert numbers(spans.newest_first(market_needle(JAPAN))) == [*range(20, 1, -1)]
        assert numbers(spans.oldest_first(b"")) == [*range(1, 21)]


def test_which_run(tmp_path):
    runs = tmp_path / "runs"
    for name in ("20260101T000000Z-aa", "20260102T000000Z-bb", "20260102T000000Z-cc"):
        SpanWorld(tmp_path, name).close()
    (runs / "20270101T000000Z-none").mkdir()
    assert find_run(runs, None).name.endswith("-cc")
    assert find_run(runs, "20260101").name.endswith("-aa")
    assert find_run(runs, str(runs / "20260102T000000Z-bb")).name.endswith("-bb")
    for wanted, words in (("20260102", "2 runs begin so"), ("x", "no such run; the latest is")):
        with pytest.raises(UsageError, match=words):
            find_run(runs, wanted)
    with pytest.raises(UsageError, match="no run lies here"):
        find_run(tmp_path / "nowhere", None)


def test_a_run_without_spans_says_what_to_do(tmp_path):
    world = SpanWorld(tmp_path)
    world.close()
    with pytest.raises(PolyframeError, match="no decision yet"):
        RunSpans(world.run)
    (world.trace / "spans-0001.jsonl").unlink()
    (world.run / "manifest.json").write_text(json.dumps({}))
    result = world.polyframe("why", "x")
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert "no spans" in result.output
    assert "polyframe replay" in result.output
