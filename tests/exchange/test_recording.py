"""Recordings as a source: the recorded bytes, the books they imply, and broken files."""

import json
from pathlib import Path

import pytest
import zstandard

from polyframe.errors import TapeError, VenueError
from polyframe.exchange.recording import RecordingSource, gamma_path
from polyframe.exchange.source import Frame
from polyframe.polymarket.codec import book_hash

MARKET = {
    "conditionId": "0xaa",
    "clobTokenIds": '["1", "2"]',
    "orderPriceMinTickSize": 0.01,
    "orderMinSize": 5,
}


def write(folder: Path, lines: list[str], *, gamma: object = (MARKET,), pack: bool = True) -> Path:
    text = "\n".join(lines).encode() + b"\n"
    path = folder / ("x.frames.jsonl.zst" if pack else "x.frames.jsonl")
    path.write_bytes(zstandard.compress(text) if pack else text)
    if gamma is not None:
        gamma_path(path).write_text(gamma if isinstance(gamma, str) else json.dumps(gamma))
    return path


def line(recv_ms: int, frame: object) -> str:
    return json.dumps({"recv_ms": recv_ms, "frame": frame}, ensure_ascii=False)


def book(token: str, bids: dict[str, str], asks: dict[str, str], **more: object) -> dict:
    def told(side: dict[str, str]) -> list[dict[str, str]]:
        return [{"price": price, "size": size} for price, size in side.items()]

    return {
        "event_type": "book", "market": "0xaa", "asset_id": token, "timestamp": "1",
        "bids": told(bids), "asks": told(asks), **more,
    }  # fmt: skip


def drain(source: RecordingSource) -> list[Frame]:
    frames: list[Frame] = []
    while not source.ended:
        frames += source.advance(2**63, 100)
    return frames


def test_the_whole_recording_gives_the_books_its_frames_build(recording_path: Path) -> None:
    source = RecordingSource(recording_path)
    built: dict[str, dict[str, dict[str, str]]] = {}
    ticks: dict[str, str] = {}
    count = 0
    while not source.ended:
        for frame in source.advance(2**63, 500):
            count += 1
            message = json.loads(frame.payload)
            if message["event_type"] == "book":
                built[message["asset_id"]] = {
                    side: {one["price"]: one["size"] for one in message[name]}
                    for side, name in (("BUY", "bids"), ("SELL", "asks"))
                }
                ticks[message["asset_id"]] = message["tick_size"]
            elif message["event_type"] == "tick_size_change":
                ticks[message["asset_id"]] = message["new_tick_size"]
            for change in message.get("price_changes", ()):
                side = built[change["asset_id"]][change["side"]]
                side[change["price"]] = change["size"]
                if float(change["size"]) == 0:
                    del side[change["price"]]
    with zstandard.open(recording_path, "rb") as lines:
        assert count == lines.read().count(b"\n")
    assert len(built) >= 6
    for token, sides in built.items():
        rest = source.book(token)
        assert rest["bids"] == [
            {"price": price, "size": sides["BUY"][price]}
            for price in sorted(sides["BUY"], key=float)
        ]
        assert rest["asks"] == [
            {"price": price, "size": sides["SELL"][price]}
            for price in sorted(sides["SELL"], key=float, reverse=True)
        ]
        assert rest["tick_size"] == ticks[token]
        assert rest["hash"] == book_hash(rest)


def test_time_is_the_recordings_own(recording_path: Path) -> None:
    source = RecordingSource(recording_path)
    start_ns = source.start_ns
    assert 1.7e18 < start_ns < 1.8e18
    frames = source.advance(start_ns + 60 * 10**9, 10**6)
    assert frames
    assert all(frame.ts_ns <= start_ns + 60 * 10**9 for frame in frames)
    assert source.advance(start_ns + 60 * 10**9, 10**6) == []
    for frame in frames:
        assert json.loads(frame.payload)["timestamp"].startswith("1750")


def test_payloads_are_byte_for_byte_what_was_recorded(tmp_path: Path) -> None:
    odd = '{"event_type":"book","asset_id":"1",  "market":"0xaa","bids":[],"asks":[],"note":"a b"}'
    path = write(tmp_path, [f'{{"recv_ms":5,"frame":{odd}}}'])
    (frame,) = drain(RecordingSource(path))
    assert frame.payload.decode() == odd


def test_old_shapes_arrays_unknown_kinds_and_absent_fields_are_served(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        [
            line(1_000, [book("1", {"0.4": "10"}, {"0.6": "5"}), book("2", {}, {})]),
            line(2_000, {"event_type": "price_change", "asset_id": "1", "price": "0.4",
                         "size": "7", "side": "BUY", "timestamp": "2"}),
            line(2_000, {"event_type": "price_change", "asset_id": "1", "timestamp": "3",
                         "changes": [{"price": "0.41", "side": "BUY", "size": "1"}]}),
            line(1_500, {"event_type": "price_change", "market": "0xaa", "timestamp": "4",
                         "price_changes": [{"asset_id": "9", "price": "0.5", "size": "1",
                                            "side": "BUY"}]}),
            line(7_200_000, {"event_type": "weather", "asset_id": "2"}),
            "",
            line(7_200_001, {"event_type": "new_market", "assets_ids": ["7"]}),
            line(7_200_002, {"event_type": "last_trade_price", "asset_id": "1", "price": "0.41",
                             "side": "SELL", "size": "3"}),
        ],
        gamma=[{"conditionId": "0xaa"}, {"clobTokenIds": "not json"}],
    )  # fmt: skip
    source = RecordingSource(path)
    frames = drain(source)
    assert [frame.ts_ns // 10**6 for frame in frames] == [
        1_000, 1_000, 2_000, 2_000, 2_000, 7_200_000, 7_200_001, 7_200_002,
    ]  # fmt: skip
    assert frames[0].array == frames[1].array != 0
    assert frames[6].for_everyone
    rest = source.book("1")
    assert rest["bids"] == [{"price": "0.4", "size": "7"}, {"price": "0.41", "size": "1"}]
    assert rest["last_trade_price"] == "0.41"
    assert source.last_trade("1") == ("0.41", "SELL")
    assert rest["tick_size"] == ""
    assert source.book("9") is None, "a change without a snapshot makes no book"


def test_other_line_separators_do_not_end_a_line(tmp_path: Path) -> None:
    path = write(tmp_path, [line(1, {"event_type": "new_market", "question": "a\u2028b\x85c"})] * 2)
    assert len(drain(RecordingSource(path))) == 2


def test_a_plain_file_is_read_too(tmp_path: Path) -> None:
    path = write(tmp_path, [line(1, book("1", {}, {}))], pack=False)
    assert len(drain(RecordingSource(path))) == 1


@pytest.mark.parametrize("bad", ['{"recv_ms": 1}', "not json", '{"recv_ms":1,"frame":7}'])
def test_a_corrupt_line_is_named(tmp_path: Path, bad: str) -> None:
    good = line(1, book("1", {}, {}))
    source = RecordingSource(write(tmp_path, [good, good, bad, good]))
    with pytest.raises(TapeError, match=r"x\.frames\.jsonl\.zst:3: not a frame line") as told:
        drain(source)
    assert "\n" not in str(told.value)


def test_a_last_line_torn_while_it_was_written_ends_the_recording(tmp_path: Path) -> None:
    path = write(tmp_path, [line(1, book("1", {}, {}))] * 3, pack=False)
    path.write_bytes(path.read_bytes()[:-20])
    source = RecordingSource(path)
    assert len(source.advance(10**18, 100)) == 2
    assert source.ended
    source.close()


def test_a_file_that_is_not_zstd_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, [line(1, book("1", {}, {}))])
    path.write_bytes(b"plain text")
    with pytest.raises(TapeError, match=":1: not a frame line"):
        RecordingSource(path)


def test_missing_and_broken_files_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(VenueError, match="no such recording"):
        RecordingSource(tmp_path / "nothing.frames.jsonl.zst")
    path = write(tmp_path, [line(1, {})], gamma=None)
    with pytest.raises(VenueError, match=r"x\.gamma\.json: missing"):
        RecordingSource(path)
    for broken in ("{", '{"a": 1}', "[1]"):
        gamma_path(path).write_text(broken)
        with pytest.raises(VenueError, match=r"x\.gamma\.json: not a list of Gamma markets"):
            RecordingSource(path)
    empty = write(tmp_path, [""])
    with pytest.raises(TapeError, match="no frames"):
        RecordingSource(empty)
