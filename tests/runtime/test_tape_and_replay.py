"""The tape holds everything a replay needs, survives a cut, and a replay finds any difference."""

import json

import msgspec
import pytest
import zstandard

from polyframe import Plugin, events, hookimpl
from polyframe.errors import TapeError
from polyframe.events import RawFrame
from polyframe.runtime.replay import Replay
from polyframe.runtime.tape import Head, Out, TapeReader, TapeWriter, events_of
from polyframe.runtime.turn import Outcome
from runtime_driver import SETTINGS, Driver, TwoCents, spec

HEAD = Head(
    version="0", run_id="r", source="test", profile="paper", speed=1.0, config_hash="x",
    strategy={}, plugins={"two_cents": "here==1"}, stores={"two_cents": {"n": 1}},
)  # fmt: skip


def frame(ts_ns, **content):
    return RawFrame(ts_ns, 0, json.dumps(content).encode())


def a_book(ts_ns, bid, ask):
    return frame(
        ts_ns, event_type="book", market="m1", asset_id="m1-yes", timestamp="1", hash="",
        bids=[{"price": bid, "size": "500"}], asks=[{"price": ask, "size": "500"}],
    )  # fmt: skip


def batches(driver):
    yield [events.RunStarted(driver.ts(0), "run", "test")]
    yield [events.MarketsFetched(driver.ts(0), (spec(),))]
    yield [events.FeedConnected(driver.ts(0), 0, ("m1-yes", "m1-no"))]
    yield [a_book(driver.ts(1), "0.49", "0.51"), events.Tick(driver.ts(2))]
    for n in range(3, 30):
        cents = 49 + n // 4 % 2 * 4
        yield [a_book(driver.ts(n), f"0.{cents}", f"0.{cents + 2}")]
        trade = frame(
            driver.ts(n + 0.5), event_type="last_trade_price", market="m1", asset_id="m1-yes",
            price=f"0.{cents - 1}", size="30", side="SELL", timestamp=str(n * 1000),
        )  # fmt: skip
        yield [trade, events.Tick(driver.ts(n + 0.6))]
    yield [events.RunStopping(driver.ts(40), "enough")]
    yield [events.Tick(driver.ts(41))]


@pytest.fixture
def recorded(tmp_path):
    driver = Driver()
    tape = TapeWriter(tmp_path / "tape", HEAD, rotate_bytes=10**9)
    for batch in batches(driver):
        tape.batch(batch)
        outcome = driver.machine.turn.handle(events_of(batch))
        tape.outcome(outcome)
        tape.flush()
    tape.close()
    assert driver.engine.portfolio.fills > 3
    return tmp_path


def replayed(path, classes=None, settings=SETTINGS):
    classes = classes or {"two_cents": TwoCents}
    configs = {name: kind.Config() for name, kind in classes.items()}
    replay = Replay(TapeReader(path), settings, classes, configs)
    return list(replay.differences()), replay.result()


def text_of(file):
    with file.open("rb") as raw:
        return zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True).read()


def test_a_replay_has_no_differences(recorded):
    differences, result = replayed(recorded)
    assert differences == []
    assert result.is_whole
    assert result.decisions > 30
    assert result.fills > 3


def test_a_replay_reads_the_plugins_documents_from_the_head(recorded):
    reader = TapeReader(recorded / "tape" / "tape-0001.jsonl.zst")
    assert reader.head == HEAD


def test_a_changed_plugin_is_found_out(recorded):
    class OneMoreCent(TwoCents):
        @hookimpl
        def propose_quote(self, market, now_ns):
            quote = TwoCents.propose_quote(self, market, now_ns)
            if quote is None:
                return None
            leg = msgspec.structs.replace(quote.bid, price_e4=quote.bid.price_e4 - 100)
            return msgspec.structs.replace(quote, bid=leg)

    differences, result = replayed(recorded, {"two_cents": OneMoreCent})
    assert result.differences == len(differences) > 0
    first = differences[0]
    assert first.where.startswith("tape-0001.jsonl.zst:")
    assert first.what == "decisions[0]"
    assert "4700" in first.replayed
    assert "4700" not in first.recorded


def test_an_observer_more_changes_no_decision(recorded):
    class Watcher(Plugin):
        @hookimpl
        def on_book(self, market):
            pass

    differences, _ = replayed(recorded, {"two_cents": TwoCents, "watcher": Watcher})
    assert differences == []


def test_a_cut_tape_is_a_tape_of_what_was_before(recorded):
    file = recorded / "tape" / "tape-0001.jsonl.zst"
    whole = TapeReader(file)
    count = len(list(whole.steps()))
    text = text_of(file)
    lines = text.split(b"\n")
    cut = b"\n".join(lines[: len(lines) // 2]) + b"\n" + lines[len(lines) // 2][:10]
    file.write_bytes(zstandard.ZstdCompressor().compress(cut))
    differences, result = replayed(recorded)
    assert differences == []
    assert 0 < result.batches < count
    assert not result.is_whole


def test_torn_bytes_end_the_tape_without_a_word(recorded):
    file = recorded / "tape" / "tape-0001.jsonl.zst"
    data = file.read_bytes()
    file.write_bytes(data[: len(data) - 7])
    differences, result = replayed(recorded)
    assert differences == []
    assert result.batches > 50
    assert not result.is_whole


def test_a_flipped_recorded_decision_is_a_difference(recorded):
    file = recorded / "tape" / "tape-0001.jsonl.zst"
    text = text_of(file)
    assert b'"outcome":"quoted"' in text
    changed = text.replace(b'"outcome":"quoted"', b'"outcome":"vetoed"', 1)
    file.write_bytes(zstandard.ZstdCompressor().compress(changed))
    (difference,), _ = replayed(recorded)
    assert (difference.recorded, difference.replayed) == ('outcome="vetoed"', 'outcome="quoted"')


def test_rotation_keeps_one_line_of_batches(tmp_path):
    driver = Driver()
    tape = TapeWriter(tmp_path, HEAD, rotate_bytes=400)
    for batch in batches(driver):
        tape.batch(batch)
        tape.outcome(driver.machine.turn.handle(events_of(batch)))
        tape.flush()
    tape.close()
    assert len(list(tmp_path.glob("tape-*.jsonl.zst"))) > 3
    differences, result = replayed(tmp_path)
    assert differences == []
    assert result.batches == tape.batches


def test_frames_that_are_no_text_come_back_byte_for_byte(tmp_path):
    tape = TapeWriter(tmp_path, HEAD, rotate_bytes=10**9)
    batch = [RawFrame(1, 0, b"\xff\xfe{"), RawFrame(2, 3, '{"é":1}'.encode()), events.Tick(3)]
    tape.batch(batch)
    tape.outcome(Outcome())
    tape.close()
    ((_, read, out),) = TapeReader(tmp_path).steps()
    assert read == batch
    assert out == Out()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"k":"in","b":[]}\n', "no head"),
        (b"[1]\n", "not a tape line"),
        (b"not json\n", "not JSON"),
        (b'{"k":"head","format":99,"version":"9.9"}\n', "format 99"),
        (b"", "no head"),
    ],
)
def test_what_is_no_tape_is_named(tmp_path, content, words):
    file = tmp_path / "tape-0001.jsonl.zst"
    file.write_bytes(zstandard.ZstdCompressor().compress(content))
    with pytest.raises(TapeError, match=words):
        TapeReader(file)


def test_a_batch_that_is_none_is_named(recorded):
    file = recorded / "tape" / "tape-0001.jsonl.zst"
    text = text_of(file)
    broken = text.replace(b'{"k":"in","b":[{', b'{"k":"in","b":[{"x":1,', 1)
    broken = broken.replace(b'"event":"RunStarted"', b'"event":"Nonsense"', 1)
    file.write_bytes(zstandard.ZstdCompressor().compress(broken))
    with pytest.raises(TapeError, match=r"tape-0001.jsonl.zst:2: not a batch"):
        list(TapeReader(file).steps())


def test_nothing_there(tmp_path):
    with pytest.raises(TapeError, match="no tape there"):
        TapeReader(tmp_path)
