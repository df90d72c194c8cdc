"""Frames to events: every message, every shape, and nothing that raises."""

from __future__ import annotations

import json
import lzma

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from polyframe.events import (
    BestBidAsk,
    BookSnapshot,
    BookWitness,
    LevelChange,
    MarketDataEvent,
    MarketListed,
    MarketResolved,
    PriceChange,
    Side,
    TickSizeChange,
    TradePrint,
    Unrecognised,
)
from polyframe.money import price_text
from polyframe.polymarket.codec import book_hash, decode, decode_books

NOW = 1_782_753_357_300_000_000
TOKEN = "107505882767731489358349912513945399560393482969656700824895970500493757150417"
BOOK = {
    "event_type": "book",
    "market": "0x747d",
    "asset_id": TOKEN,
    "timestamp": "1782753357257",
    "hash": "757614a95b18707273493fee795b0894694c35eb",
    "bids": [{"price": "0.07", "size": "33343.4"}, {"price": "0.08", "size": "100"}],
    "asks": [{"price": "0.10", "size": "218442.27"}, {"price": "0.09", "size": "13229.55"}],
}
PRINT = {
    "event_type": "last_trade_price",
    "market": "0x747d",
    "asset_id": TOKEN,
    "price": "0.08",
    "size": "219.217767",
    "fee_rate_bps": "0",
    "side": "SELL",
    "timestamp": "1782753357257",
    "transaction_hash": "0xeeef",
}
CHANGE = {
    "asset_id": "yes",
    "price": "0.51",
    "size": "150",
    "side": "BUY",
    "hash": "5662",
    "best_bid": "0.51",
    "best_ask": "0.52",
}
CHANGES = {
    "event_type": "price_change",
    "market": "0xdd22",
    "timestamp": "1703875201000",
    "price_changes": [CHANGE],
}


def read(message: object) -> list[MarketDataEvent]:
    return decode(json.dumps(message), NOW)


def one(message: object) -> MarketDataEvent:
    events = read(message)
    assert len(events) == 1
    return events[0]


# --- every message of the channel ----------------------------------------------------


def test_a_book_with_and_without_its_metadata() -> None:
    book = one(BOOK)
    assert book == BookSnapshot(
        NOW,
        1782753357257,
        "0x747d",
        TOKEN,
        ((700, 33343.4), (800, 100.0)),
        ((1000, 218442.27), (900, 13229.55)),
        None,
        None,
        BOOK["hash"],
    )
    rich = one({**BOOK, "tick_size": "0.001", "min_order_size": "5", "neg_risk": False})
    assert (rich.tick_e4, rich.min_size_e6) == (10, 5_000_000)


def test_a_price_change_of_both_tokens() -> None:
    no = {**CHANGE, "asset_id": "no", "price": "0.49", "side": "SELL", "size": "0"}
    change = one({**CHANGES, "price_changes": [CHANGE, {**no, "best_bid": "", "best_ask": "1"}]})
    assert change == PriceChange(
        NOW,
        1703875201000,
        "0xdd22",
        (
            LevelChange("yes", True, 5100, 150.0, 5100, 5200),
            LevelChange("no", False, 4900, 0.0, None, None),
        ),
    )


@pytest.mark.parametrize(
    "old",
    [
        {"asset_id": "yes", "price": "0.51", "size": "150", "side": "BUY", "hash": "5662"},
        {"asset_id": "yes", "changes": [{"price": "0.51", "size": "150", "side": "BUY"}]},
    ],
    ids=["flat", "changes"],
)
def test_the_two_shapes_of_a_price_change_before_september_2025(old: dict[str, object]) -> None:
    head = {"event_type": "price_change", "market": "0xdd22", "timestamp": "1703875201000"}
    assert one({**head, **old}).changes == (LevelChange("yes", True, 5100, 150.0),)


def test_a_print_keeps_its_size_exactly() -> None:
    assert one(PRINT) == TradePrint(
        NOW, 1782753357257, "0x747d", TOKEN, 800, 219_217_767, Side.SELL, "0xeeef"
    )
    assert one({**PRINT, "size": "0.12345678"}).size_e6 == 123_456
    assert one({**PRINT, "transaction_hash": None}).transaction_hash == ""


def test_ticks_touches_listings_and_resolutions() -> None:
    head = {"market": "0x31", "timestamp": "5", "asset_id": TOKEN}
    assert one(
        {
            "event_type": "tick_size_change",
            **head,
            "old_tick_size": "0.01",
            "new_tick_size": "0.001",
        }
    ) == TickSizeChange(NOW, 5, "0x31", TOKEN, 100, 10)
    assert one(
        {"event_type": "best_bid_ask", **head, "best_bid": "0.73", "best_ask": "", "spread": ""}
    ) == BestBidAsk(NOW, 5, "0x31", TOKEN, 7300, None)
    assert one(
        {"event_type": "new_market", **head, "question": "Q?", "assets_ids": ["7", "3"]}
    ) == MarketListed(NOW, 5, "0x31", ("7", "3"), "Q?")
    assert one(
        {"event_type": "market_resolved", **head, "winning_asset_id": "7"}
    ) == MarketResolved(NOW, 5, "0x31", "7")


def test_pong_is_nothing_and_an_array_is_its_objects() -> None:
    assert decode("PONG", NOW) == decode(b"PONG", NOW) == []
    assert [type(event) for event in read([BOOK, PRINT, CHANGES])] == [
        BookSnapshot,
        TradePrint,
        PriceChange,
    ]


def test_numbers_may_come_as_numbers() -> None:
    raw = '{"event_type":"last_trade_price","market":"m","asset_id":"a","price":0.08,"size":3.5,'
    assert decode(raw + '"side":"BUY","timestamp":1782753357257}', NOW) == [
        TradePrint(NOW, 1782753357257, "m", "a", 800, 3_500_000, Side.BUY)
    ]


# --- what cannot be read -------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        "\ud800",
        "INVALID OPERATION",
        "{",
        "[" * 100_000,
        '{"a":' * 100_000,
        "3",
        "null",
        "{}",
        '{"event_type":"surprise","market":"m","timestamp":"1"}',
        '{"event_type":["book"]}',
        "9" * 5000,
    ],
)
def test_an_unreadable_frame_is_one_unrecognised(raw: bytes | str) -> None:
    (event,) = decode(raw, NOW)
    assert isinstance(event, Unrecognised)
    assert event.ts_ns == NOW
    assert event.reason
    assert len(event.sample) <= 200
    msgspec.json.encode(event)


@pytest.mark.parametrize("size", ["-1", "NaN", "Infinity", "1e400", "", "1_0", " 5", "0x1", True])
def test_a_size_that_is_none_is_refused(size: object) -> None:
    (event,) = read({**CHANGES, "price_changes": [{**CHANGE, "size": size}]})
    assert isinstance(event, Unrecognised)


@pytest.mark.parametrize(
    "price",
    ["0.51234", "-0.1", "1.01", "NaN", "", "0", "1", "0,5", "\u0660.\u0665", "1e-1", None, [], 2],
)
def test_a_price_off_the_grid_is_refused(price: object) -> None:
    for message in ({**PRINT, "price": price}, {**BOOK, "bids": [{"price": price, "size": "1"}]}):
        (event,) = read(message)
        assert isinstance(event, Unrecognised)


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e400", "-1"])
def test_a_bad_change_costs_its_neighbours_nothing(literal: str) -> None:
    bad = f'{{"asset_id":"a","price":"0.5","size":{literal},"side":"BUY"}}'
    good = json.dumps(CHANGE)
    head = '"event_type":"price_change","market":"0xdd22","timestamp":"1703875201000"'
    frame = f'[{{{head},"price_changes":[{good},{bad},{good}]}},{json.dumps(BOOK)}]'
    change, unreadable, book = decode(frame, NOW)
    assert isinstance(change, PriceChange)
    assert [each.token_id for each in change.changes] == ["yes", "yes"]
    assert isinstance(unreadable, Unrecognised)
    assert isinstance(book, BookSnapshot)


def test_a_bad_object_costs_its_neighbours_nothing() -> None:
    events = read([BOOK, {"event_type": "surprise"}, 7, {**PRINT, "side": "BOTH"}, PRINT])
    assert [type(event) for event in events] == [
        BookSnapshot,
        Unrecognised,
        Unrecognised,
        Unrecognised,
        TradePrint,
    ]
    assert "surprise" in events[1].sample


@pytest.mark.parametrize(
    "message",
    [
        {**BOOK, "bids": [{"price": "0.07", "size": "1"}, {"price": "0.070", "size": "2"}]},
        {**BOOK, "timestamp": str(10**30)},
        {**BOOK, "market": "\ud800"},
        {**BOOK, "tick_size": "0.0003"},
        {**PRINT, "size": "9" * 18},
        {**CHANGES, "price_changes": {"0": CHANGE}},
        {**CHANGES, "timestamp": None},
    ],
    ids=["twice", "far future", "surrogate", "tick", "huge", "not an array", "no time"],
)
def test_what_would_poison_the_books_or_the_tape_is_refused(message: object) -> None:
    (event,) = read(message)
    assert isinstance(event, Unrecognised)
    msgspec.json.encode(event)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(), each, max_size=4),
    max_leaves=12,
)
KNOWN = sorted({*BOOK, *PRINT, *CHANGES, *CHANGE, "changes", "new_tick_size", "old_tick_size"})
KINDS = ["book", "price_change", "last_trade_price", "tick_size_change", "best_bid_ask"]
ALMOST = st.builds(
    lambda kind, rest: {"market": "m", "timestamp": "1", **rest, "event_type": kind},
    st.sampled_from(KINDS),
    st.dictionaries(
        st.sampled_from(KNOWN),
        JSON | st.sampled_from(["0.5", "1", "BUY", [CHANGE], [{"price": "0.5", "size": "1"}]]),
        max_size=8,
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.binary() | st.text() | JSON.map(json.dumps) | st.lists(ALMOST).map(json.dumps))
def test_decoding_never_raises_and_always_fits_the_tape(raw: bytes | str) -> None:
    for events in (decode(raw, NOW), decode_books(raw, NOW)):
        encoded = msgspec.json.encode(events)
        assert all(len(each.sample) <= 200 for each in events if isinstance(each, Unrecognised))
        assert msgspec.json.decode(encoded) is not None


# --- properties ----------------------------------------------------------------------

PRICES = st.integers(1, 9_999)
SIDES = st.dictionaries(PRICES, st.integers(1, 10**9), max_size=12)
CHANGE_OF = st.builds(
    LevelChange,
    st.sampled_from(["yes", "no"]),
    st.booleans(),
    PRICES,
    st.integers(0, 10**9).map(lambda hundredths: hundredths / 100),
    st.none() | PRICES,
    st.none() | PRICES,
)


def wire_change(change: LevelChange) -> dict[str, str]:
    return {
        "asset_id": change.token_id,
        "price": price_text(change.price_e4),
        "size": repr(change.size),
        "side": "BUY" if change.is_bid else "SELL",
        "best_bid": "" if change.best_bid_e4 is None else price_text(change.best_bid_e4),
        "best_ask": "" if change.best_ask_e4 is None else price_text(change.best_ask_e4),
    }


@settings(max_examples=60, deadline=None)
@given(st.lists(CHANGE_OF, min_size=1, max_size=5))
def test_a_price_change_reads_back_as_written(changes: list[LevelChange]) -> None:
    event = one({**CHANGES, "price_changes": [wire_change(change) for change in changes]})
    assert event.changes == tuple(changes)


@settings(max_examples=60, deadline=None)
@given(SIDES, SIDES, st.randoms(use_true_random=False))
def test_the_order_of_levels_means_nothing(bids: dict, asks: dict, rng) -> None:
    def levels(side: dict) -> list[dict[str, str]]:
        return [{"price": price_text(p), "size": str(s)} for p, s in side.items()]

    shuffled = {"bids": levels(bids), "asks": levels(asks)}
    straight = one({**BOOK, "bids": levels(bids), "asks": levels(asks)})
    for side in shuffled.values():
        rng.shuffle(side)
    other = one({**BOOK, **shuffled})
    assert dict(straight.bids) == dict(other.bids) == {p: float(s) for p, s in bids.items()}
    assert dict(straight.asks) == dict(other.asks)


# --- REST books ----------------------------------------------------------------------


def test_rest_books_become_witnesses_and_a_bad_one_is_told() -> None:
    rest = {key: value for key, value in BOOK.items() if key != "event_type"}
    raw = json.dumps([rest, {**rest, "bids": None}, {**rest, "asset_id": "b"}])
    first, bad, last = decode_books(raw, NOW)
    assert first == BookWitness(
        NOW,
        1782753357257,
        TOKEN,
        ((700, 33343.4), (800, 100.0)),
        ((1000, 218442.27), (900, 13229.55)),
    )
    assert isinstance(bad, Unrecognised)
    assert last.token_id == "b"
    assert isinstance(decode_books('{"error":"No orderbook exists"}', NOW)[0], Unrecognised)


# --- the book hash -------------------------------------------------------------------

HASHED = {
    "market": "0xaabbcc",
    "asset_id": "100",
    "timestamp": "123456789",
    "bids": [{"price": "0.3", "size": "100"}, {"price": "0.4", "size": "100"}],
    "asks": [{"price": "0.6", "size": "100"}, {"price": "0.7", "size": "100"}],
    "min_order_size": "100",
    "tick_size": "0.01",
    "neg_risk": False,
    "last_trade_price": "0.5",
}


def test_the_official_hash_vectors() -> None:
    assert book_hash(HASHED) == "0458ea5755c9f73d64a14636fa5c36ed460ec394"
    empty = {**HASHED, "bids": [], "asks": [], "last_trade_price": ""}
    assert book_hash(empty) == "6948261b907ad81475285e1f929d4013aec07795"
    assert book_hash({**HASHED, "hash": "anything"}) == book_hash(HASHED)


def test_a_hash_needs_every_field() -> None:
    with pytest.raises(KeyError):
        book_hash({key: value for key, value in HASHED.items() if key != "neg_risk"})


# --- recordings ----------------------------------------------------------------------


def test_recorded_rest_books_hash_exactly(recording) -> None:
    lines = lzma.decompress(recording("rest_books_20260311.jsonl.xz").read_bytes()).split(b"\n")
    books = [book for line in lines if line for book in json.loads(line)["books"]]
    assert len(books) == 60
    assert all(book_hash(book) == book["hash"] for book in books)
    witnesses = decode_books(json.dumps(books), NOW)
    assert all(isinstance(witness, BookWitness) for witness in witnesses)


def test_recorded_frames_rebuild_to_the_hashes_they_claim(recording) -> None:
    """Each change carries the hash of its token's book after the whole message."""
    metadata = {"min_order_size": "5", "tick_size": "0.01", "neg_risk": False}
    books: dict[str, dict] = {}
    checked = 0
    for line in recording("ws_frames_20251028.jsonl").read_text().split("\n"):
        if not line:
            continue
        assert not any(isinstance(event, Unrecognised) for event in decode(line, NOW))
        frame = json.loads(line)
        for message in frame if isinstance(frame, list) else [frame]:
            if message["event_type"] == "book":
                books[message["asset_id"]] = {**metadata, **message}
                assert book_hash(books[message["asset_id"]]) == message["hash"]
                checked += 1
                continue
            for change in message.get("price_changes", ()):
                book = books.get(change["asset_id"])
                if book is None:
                    continue
                side = "bids" if change["side"] == "BUY" else "asks"
                levels = {each["price"]: each["size"] for each in book[side]}
                levels[change["price"]] = change["size"]
                book[side] = [
                    {"price": price, "size": levels[price]}
                    for price in sorted(levels, key=float, reverse=side == "asks")
                    if levels[price] != "0"
                ]
                book["timestamp"] = message["timestamp"]
            for change in message.get("price_changes", ()):
                if change["asset_id"] in books:
                    assert book_hash(books[change["asset_id"]]) == change["hash"]
                    checked += 1
    assert checked >= 68


def test_recorded_games_decode_without_a_remainder(recording) -> None:
    packed = recording("mlb_20250617.frames.jsonl.zst").read_bytes()
    lines = zstandard.ZstdDecompressor().stream_reader(packed).read().split(b"\n")
    seen: dict[str, int] = {}
    for line in lines:
        if line:
            for event in decode(json.dumps(json.loads(line)["frame"]), NOW):
                seen[type(event).__name__] = seen.get(type(event).__name__, 0) + 1
    assert "Unrecognised" not in seen
    assert {"BookSnapshot", "PriceChange", "TradePrint", "TickSizeChange"} <= set(seen)
