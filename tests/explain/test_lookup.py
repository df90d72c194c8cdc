"""Finding a run, a market and the spans that tell of it, however the files lie."""

import json

import pytest

from polyframe.errors import PolyframeError, UsageError
from polyframe.explain.facts import decision_id
from polyframe.explain.lookup import EVERY, RunSpans, find_run, of_market
from span_world import SpanWorld, a_veto

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
        ("janu", CHILE), ("will CHILE cut its rate by january?", CHILE), (f"  {CHILE} ", CHILE),
        ("will chile cut its rate by January", CHILE), ("Chile-Rate-CUT", CHILE),
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


def test_the_whole_of_a_question_goes_before_what_contains_it(world):
    for number, more in enumerate(("", " of 2027", "")):
        world.market(f"0xbb{number}", f"Will it rain{more}?", f"rain-{number}")
        world.decide(2, "quoted", f"0xbb{number}")
        if number == 1:
            assert RunSpans(world.run).market("WILL it  rain?").market_id == "0xbb0"
    assert "fits 2 markets: rain-0 (0xbb0), rain-2" in world.polyframe("why", "will it rain").output


@pytest.mark.parametrize("verb", [("why", ""), ("why", " "), ("trace", "--market", "")])
def test_no_words_are_no_market(world, verb):
    result = world.polyframe(*verb)
    assert (result.exit_code, result.output) == (
        2, "polyframe: error: name a market: its id, its slug or words of its question\n",
    )  # fmt: skip


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
    assert numbers(spans.newest_first(EVERY)) == [2, 1]
    assert numbers(spans.oldest_first(EVERY)) == [1, 2]
    assert spans.gaps == []


def test_a_corrupt_line_is_left_out_and_told_once(world):
    line = (world.trace / "spans-0001.jsonl").read_bytes().splitlines()[0]
    with (world.trace / "spans-0001.jsonl").open("ab") as file:
        file.write(line.replace(b'"intValue":"1"', b'"intValue":"x"') + b"\n")
        file.write(line[:400] + b"\n" + b"[" * 100_000 + b"\n")
        file.write(line.replace(b"decide quote", b"GET /") + b"\n")
    result = world.polyframe("trace")
    assert result.exit_code == 0
    assert result.stderr == "polyframe: 4 lines are not spans of ours and were left out\n"
    assert "2 on 2 markets" in result.stdout


def test_rotated_files_are_read_as_one(tmp_path):
    world = SpanWorld(tmp_path, rotate_bytes=1)
    written = [world.decide(at_s, "quoted") for at_s in range(6)]
    world.close()
    assert len(list(world.trace.glob("*.jsonl.zst"))) == 6
    spans = RunSpans(world.run)
    wanted = of_market("0xm1")
    assert numbers(spans.oldest_first(wanted)) == written
    assert numbers(spans.newest_first(wanted)) == written[::-1]
    until_ns = spans.last_ns - 3 * 10**9
    assert numbers(spans.newest_first(wanted, until_ns)) == [3, 2, 1]


def test_a_file_that_was_compressed_meanwhile_is_found(tmp_path):
    world = SpanWorld(tmp_path)
    world.decide(0, "quoted")
    spans = RunSpans(world.run)
    world._files._rotate_bytes = 1
    world.decide(1, "quoted")
    world.close()
    assert not (world.trace / "spans-0001.jsonl").exists()
    assert numbers(spans.newest_first(EVERY)) == [2, 1]


def test_a_damaged_file_is_read_up_to_the_damage(tmp_path):
    world = SpanWorld(tmp_path, rotate_bytes=1)
    world.decide(0, "quoted")
    world.decide(1, "quoted")
    world.close()
    (world.trace / "spans-0002.jsonl.zst").write_bytes(b"no zstd data")
    result = world.polyframe("why", "0xm1")
    assert result.stdout.startswith("quoting") or result.stdout.startswith("changing")
    assert result.stderr == "polyframe: spans-0002.jsonl.zst is damaged: read up to the damage\n"


def test_a_compressed_file_whose_end_is_missing_is_told(tmp_path):
    world = SpanWorld(tmp_path, rotate_bytes=300_000)
    for at_s in range(400):
        world.decide(at_s, "quoted")
    world.close()
    path = world.trace / "spans-0001.jsonl.zst"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    told = "polyframe: spans-0001.jsonl.zst is damaged: read up to the damage\n"
    result = world.polyframe("trace")
    assert (result.exit_code, result.stderr) == (0, told)
    # What cannot be found may lie there.
    assert world.polyframe("why", "nowhere").stderr.startswith(told)
    path.write_bytes(whole)
    assert world.polyframe("trace").stderr == ""


def test_files_that_are_gone_or_empty_are_told(tmp_path):
    world = SpanWorld(tmp_path, rotate_bytes=1)
    for at_s in range(8):
        world.decide(at_s, "quoted")
    world.close()
    for number in (2, 4, 5):
        (world.trace / f"spans-{number:04d}.jsonl.zst").unlink()
    (world.trace / "spans-0007.jsonl.zst").write_bytes(b"")
    assert world.polyframe("trace").stderr.splitlines() == [
        "polyframe: spans-0002 is missing",
        "polyframe: spans-0004 to spans-0005 are missing",
        "polyframe: spans-0007.jsonl.zst is empty",
    ]
    for path in world.trace.iterdir():
        path.write_bytes(b"")
    result = world.polyframe("trace")
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert "no span can be read: spans-0002 is missing; " in result.output


def test_files_go_by_their_number(tmp_path):
    world = SpanWorld(tmp_path, rotate_bytes=1)
    world._files._number = 9997
    for at_s in range(4):
        world.decide(at_s, "quoted")
    world.close()
    assert (world.trace / "spans-10000.jsonl.zst").exists()
    assert numbers(RunSpans(world.run).oldest_first(EVERY)) == [1, 2, 3, 4]
    assert numbers(RunSpans(world.run).newest_first(EVERY)) == [4, 3, 2, 1]


def respaced(path, together):
    """Write a file's spans as another tool might: with blanks, several in a line."""
    requests = [json.loads(line) for line in path.read_bytes().splitlines()]
    found = []
    for at in range(0, len(requests), together):
        first, *others = requests[at : at + together]
        for other in others:
            first["resourceSpans"] += other["resourceSpans"]
        found.append(first)
    return found


@pytest.mark.parametrize("separators", [(", ", ": "), (",", ":")])
@pytest.mark.parametrize("together", [1, 3])
def test_spans_that_another_tool_wrote_anew_are_found(world, separators, together):
    world.decide(2, "vetoed", JAPAN, vetoes=(a_veto("qs.liquidity"),))
    world.fill(3, "o-000001", 1, market_id=CHILE)
    world.decide(4, "quoted", CHILE, commands=("place o-000009 BUY YES 100@0.47",))
    asked = (
        ("why", "chile"), ("why", JAPAN), ("trace", "3"), ("trace", "o-000009"),
        ("trace", "--fills", "--json"), ("trace", "--code", "qs.", "--json"),
        ("trace", "--market", "japan", "--json"),
    )  # fmt: skip
    expected = [world.screen(*arguments) for arguments in asked]
    path = world.trace / "spans-0001.jsonl"
    lines = [json.dumps(one, separators=separators) for one in respaced(path, together)]
    path.write_text("".join(f"{line}\n" for line in lines))
    assert [world.screen(*arguments) for arguments in asked] == expected


def planted(span, where, name, value):
    """Put a value of any kind where a span has another one."""
    holder = span if where == "span" else span["events"][0]
    holder["attributes"] = [one for one in holder["attributes"] if one["key"] != name]
    holder["attributes"].append({"key": name, "value": value})


TEXT, HUGE = {"stringValue": "x"}, {"doubleValue": 1e300}
INFINITE, NONE = {"doubleValue": "Infinity"}, {"arrayValue": {"values": [{"intValue": "1"}]}}


@pytest.mark.parametrize(
    ("where", "name", "value"),
    [
        ("span", "polyframe.decision.waited_s", TEXT),
        ("span", "polyframe.decision.waited_s", HUGE),
        ("span", "polyframe.decision.waited_s", INFINITE),
        ("span", "polyframe.decision.took_s", TEXT),
        ("span", "polyframe.decision.took_s", HUGE),
        ("span", "polyframe.decision.skipped_before", TEXT),
        ("span", "polyframe.decision.skipped_before", {"intValue": "9" * 400}),
        ("span", "polyframe.decision.id", HUGE),
        ("span", "polyframe.decision.trigger", HUGE),
        ("span", "polyframe.book.age_s", TEXT),
        ("span", "polyframe.book.bid", {"doubleValue": "NaN"}),
        ("span", "polyframe.target.bid.price", TEXT),
        ("span", "polyframe.market.slug", {"boolValue": True}),
        ("span", "polyframe.votes.passed", TEXT),
        ("span", "polyframe.votes.asked", NONE),
        ("span", "polyframe.commands", NONE),
        ("span", "polyframe.commands", {"intValue": "1"}),
        ("event", "polyframe.veto.observed", TEXT),
        ("event", "polyframe.veto.limit", {"boolValue": True}),
        ("event", "polyframe.veto.side", HUGE),
        ("event", "polyframe.plugin", NONE),
        ("event", "polyframe.reading.score", TEXT),
    ],
)
def test_a_value_of_another_kind_makes_a_line_corrupt(world, where, name, value):
    world.decide(2, "vetoed", JAPAN, vetoes=(a_veto("qs.liquidity", "bid", 1.0, 2.0),))
    path = world.trace / "spans-0001.jsonl"
    *others, line = path.read_text().splitlines()
    request = json.loads(line)
    planted(request["resourceSpans"][0]["scopeSpans"][0]["spans"][0], where, name, value)
    path.write_text("\n".join([*others, json.dumps(request, separators=(",", ":")), ""]))
    for arguments in (("why", "japan"), ("trace",), ("trace", "2"), ("trace", "--json")):
        result = world.polyframe(*arguments)
        assert (result.exit_code, result.stderr) == (
            0, "polyframe: 1 line is not a span of ours and was left out\n",
        ), result.output  # fmt: skip
        assert "qs.liquidity" not in result.stdout


def test_what_no_reader_knows_may_be_anything(world):
    path = world.trace / "spans-0001.jsonl"
    text = path.read_text().replace(
        '{"key":"polyframe.component"',
        '{"key":"polyframe.decision.new","value":{"intValue":"7"}},{"key":"polyframe.component"',
    )
    assert "decision.new" in text
    path.write_text(text)
    assert world.polyframe("why", "japan").stderr == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("startTimeUnixNano", "9" * 25), ("endTimeUnixNano", 10.0**40), ("traceId", 7),
        ("startTimeUnixNano", "-5"), ("name", ["fill"]), ("endTimeUnixNano", "1e999"),
    ],
)  # fmt: skip
def test_a_span_of_no_time_or_id_is_corrupt(world, name, value):
    path = world.trace / "spans-0001.jsonl"
    request = json.loads(path.read_text().splitlines()[0])
    request["resourceSpans"][0]["scopeSpans"][0]["spans"][0][name] = value
    with path.open("a") as file:
        file.write(json.dumps(request, separators=(",", ":")) + "\n")
    for arguments in (("why", "chile"), ("trace",), ("trace", "1"), ("trace", "--json")):
        result = world.polyframe(*arguments)
        assert (result.exit_code, result.stderr) == (
            0, "polyframe: 1 line is not a span of ours and was left out\n",
        ), result.output  # fmt: skip


def test_blocks_end_anywhere(world, monkeypatch):
    for at_s in range(2, 20):
        world.decide(at_s, "quoted", JAPAN)
    for size in (500, 3_000, 10_000):
        monkeypatch.setattr("polyframe.explain.blocks._BLOCK_BYTES", size)
        spans = RunSpans(world.run)
        assert numbers(spans.newest_first(of_market(JAPAN))) == [*range(20, 1, -1)]
        assert numbers(spans.oldest_first(EVERY)) == [*range(1, 21)]


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
    build = f"its tape has every decision: build them with 'polyframe replay {world.run} --spans"
    for strategy, words in (
        ({"settings": {"tracing": {"file": False}}}, "no spans: the run had 'tracing: {file: fal"),
        ({"settings": {}}, "the run has no span file"),
        (None, "the run has no span file"),
    ):
        (world.run / "manifest.json").write_text(json.dumps({"strategy": strategy}))
        result = world.polyframe("why", "x")
        assert (result.exit_code, result.output.count("\n")) == (1, 1)
        assert words in result.output
        assert build in result.output


@pytest.mark.parametrize("manifest", [None, "{", "[" * 100_000])
def test_a_folder_that_is_no_run_is_not_told_what_a_run_had(tmp_path, manifest):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    if manifest is not None:
        (folder / "manifest.json").write_text(manifest)
    world = SpanWorld(tmp_path)
    world.close()
    result = world.polyframe("trace", "--run", str(folder))
    assert (result.exit_code, result.output) == (
        2, f"polyframe: error: {folder}: no run and no span files lie here\n",
    )  # fmt: skip
