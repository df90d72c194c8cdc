"""Faults of sockets and messages, injected on a loopback exchange and seen by its clients."""

from __future__ import annotations

import asyncio
import itertools
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import websockets

from loopback_exchange import (
    S_NS,
    START_NS,
    Wall,
    following,
    messages,
    produced,
    simulated,
    subscribed,
    texts,
    tokens_of,
)
from polyframe.exchange.faults import message_kinds as kinds
from polyframe.exchange.faults import socket_kinds as sockets
from polyframe.exchange.faults.catalogue import KINDS
from polyframe.exchange.faults.plan import FaultPlan
from polyframe.exchange.faults.streams import StreamFaults
from polyframe.exchange.recording import RecordingSource, gamma_path
from polyframe.exchange.server import EmbeddedExchange

pytestmark = pytest.mark.anyio
MINUTE_S = 60.0
_MESSAGE_KINDS = [kind for kind in KINDS.values() if kind.group == "message"]


async def seen(*faults: Any, seconds: float = MINUTE_S) -> tuple[list[str], dict[str, int]]:
    """Return what one client of all tokens received in a market minute, and the strikes."""
    wall = Wall()
    async with following(wall, *faults) as (exchange, socket):
        received = await texts(socket)
        await produced(exchange, wall, seconds)
        received += await texts(socket)
        return received, exchange.injection.struck


async def test_no_faults_no_difference_in_bytes() -> None:
    plain, struck = await seen()
    assert struck == {}
    far = kinds.Drop(at_s=86_400.0)
    with_far_fault, struck = await seen(far)
    assert with_far_fault == plain
    assert struck == {"drop": 0}, "planned, and never struck"
    wall = Wall()
    async with (
        simulated(wall, far) as exchange,
        subscribed(exchange, tokens_of(exchange)) as socket,
    ):
        received = await texts(socket)
        exchange.injection.clear()
        await produced(exchange, wall, MINUTE_S)
        assert received + await texts(socket) == plain


async def test_the_same_seed_strikes_the_same_messages() -> None:
    faults = (kinds.Drop(share=0.2), kinds.NegativeSize(share=0.1), kinds.Reorder(share=0.3))
    first, struck = await seen(*faults)
    again, struck_again = await seen(*faults)
    assert first == again
    assert struck == struck_again
    assert all(struck.values())
    plain, _ = await seen()
    assert first != plain


# --- messages ----------------------------------------------------------------------


async def test_dropped_duplicated_and_late_messages() -> None:
    plain, _ = await seen()
    dropped, struck = await seen(kinds.Drop(share=0.25))
    assert len(dropped) == len(plain) - struck["drop"]
    assert 0.1 < struck["drop"] / len(plain) < 0.4
    doubled, struck = await seen(kinds.Duplicate(count=3, copies=2, events=("price_change",)))
    assert len(doubled) == len(plain) + 6
    assert struck == {"duplicate": 3}
    overtaken, _ = await seen(kinds.Reorder(share=0.5, within_s=2.0, for_s=50.0))
    assert sorted(overtaken) == sorted(plain)
    assert overtaken != plain
    late, _ = await seen(kinds.Delay(count=1, up_to_s=30.0, at_s=5.0))
    assert late == plain, "late, and in order"


async def test_a_delayed_message_holds_back_all_after_it() -> None:
    wall = Wall()
    async with following(wall, kinds.Delay(count=1, up_to_s=600.0, at_s=5.0)) as (exchange, socket):
        await texts(socket)
        await produced(exchange, wall, 6.0)
        stamps = [int(one["timestamp"]) for one in messages(await texts(socket))]
        assert max(stamps) <= (START_NS + 6 * S_NS) // 10**6
        await produced(exchange, wall, 4.0)
        assert await texts(socket) == []
        await produced(exchange, wall, 600.0)
        assert len(await texts(socket)) > 100


def _numbers(value: Any, names: tuple[str, ...]) -> list[str]:
    if isinstance(value, list):
        return [number for one in value for number in _numbers(one, names)]
    if not isinstance(value, dict):
        return []
    own = [str(value[name]) for name in names if name in value]
    return own + [n for v in value.values() for n in _numbers(v, names)]


async def test_malformed_messages() -> None:
    (cut, *_), _ = await seen(kinds.TruncatedJson(count=1))
    with pytest.raises(json.JSONDecodeError):
        json.loads(cut)
    for value in ("NaN", "1e400", "Infinity"):
        strange, struck = await seen(kinds.NotFinite(value=value, count=40))
        assert struck == {"not_finite": 40}
        carrying = [text for text in strange if f":{value}" in text or f':"{value}"' in text]
        assert len(carrying) == 40
        assert any(f':"{value}"' in text for text in carrying)
        assert any(f":{value}" in text for text in carrying)
    received, _ = await seen(kinds.NegativeSize(count=1))
    assert [n for n in _numbers(json.loads(received[0]), ("size",)) if n.startswith("-")]
    wrong, _ = await seen(kinds.WrongTypes(share=1.0))
    texts_only = ("market", "asset_id", "timestamp", "hash", "bids", "asks", "price_changes")
    assert any(
        not isinstance(one.get(name, ""), str | list)
        for one in messages(wrong)
        for name in texts_only
    )


async def test_frames_nobody_expects() -> None:
    plain, _ = await seen()
    unknown, _ = await seen(kinds.UnknownEvent(count=2, event_type="book_v9"))
    assert [one["event_type"] for one in messages(unknown)].count("book_v9") == 2
    assert len(unknown) == len(plain) + 2
    giant, _ = await seen(kinds.GiantArray(count=1, elements=50_000))
    assert len(json.loads(giant[0])) == 50_000
    deep, _ = await seen(kinds.DeepNesting(count=1, depth=10_000))
    assert deep[0] == "[" * 10_000 + "]" * 10_000
    assert deep[1:] == plain


async def test_well_formed_and_wrong() -> None:
    wall = Wall()
    async with simulated(wall, kinds.WrongAsset(count=1, events=("price_change",))) as exchange:
        tokens = tokens_of(exchange)
        async with subscribed(exchange, tokens) as socket:
            await texts(socket)
            await produced(exchange, wall, 10.0)
            named = _numbers(messages(await texts(socket)), ("asset_id",))
            assert len({one for one in named if one not in tokens}) == 1
    plain, _ = await seen()
    hashes, _ = await seen(kinds.WrongHash(count=1))
    assert len(set(_hashes(hashes)) - set(_hashes(plain))) == 1
    off, _ = await seen(kinds.OffGrid(count=1, events=("price_change",)))
    changed = _numbers([one for one in messages(off) if "price_changes" in one], ("price",))
    assert len([price for price in changed if len(price) == 7]) == 1, "five decimals"


def _hashes(received: list[str]) -> list[str]:
    return [one["hash"] for one in messages(received) if one["event_type"] == "book"]


async def test_a_crossed_delta_is_taken_back() -> None:
    plain, _ = await seen()
    received, struck = await seen(kinds.CrossedDelta(count=1, at_s=5.0, lasts_s=2.0))
    assert struck == {"crossed_delta": 1}
    extra = [json.loads(text) for text in received if text not in plain]
    (bid,), (gone,) = (one["price_changes"] for one in extra)
    assert float(bid["price"]) > float(bid["best_ask"])
    assert (bid["side"], gone["size"], gone["price"]) == ("BUY", "0", bid["price"])


async def test_scopes() -> None:
    wall = Wall()
    async with simulated(wall) as exchange:
        first, second = tokens_of(exchange, 1)
        market = exchange.source.markets()[0]["conditionId"]
        exchange.injection.add(
            [kinds.Drop(tokens=(first,)), kinds.Drop(channel="user"), kinds.Drop(events=("trade",))]
        )
        async with subscribed(exchange, [first], initial_dump=True) as one:
            assert await texts(one) == []
        async with subscribed(exchange, [second]) as other:
            assert len(await texts(other)) == 1
        exchange.injection.clear()
        exchange.injection.add([kinds.Drop(markets=(market,))])
        async with subscribed(exchange, [second]) as other:
            assert await texts(other) == []


# --- sockets -----------------------------------------------------------------------


async def test_a_silent_socket_answers_pings_only() -> None:
    wall = Wall()
    async with following(wall, sockets.SilentSocket(at_s=10.0, for_s=30.0)) as (exchange, socket):
        assert await texts(socket)
        await produced(exchange, wall, 10.0)
        assert await texts(socket)
        await produced(exchange, wall, 29.0)
        assert await texts(socket) == []
        await produced(exchange, wall, 5.0)
        assert await texts(socket)
        assert exchange.injection.struck == {"silent_socket": 1}


async def test_a_half_open_socket_says_nothing_at_all() -> None:
    wall = Wall()
    async with following(wall, sockets.HalfOpen(at_s=10.0)) as (exchange, socket):
        await texts(socket)
        await produced(exchange, wall, 11.0)
        while True:
            try:
                await asyncio.wait_for(socket.recv(), 0.05)
            except TimeoutError:
                break
        await socket.send("PING")
        await produced(exchange, wall, 30.0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.05)


async def test_subscriptions_without_snapshot() -> None:
    wall = Wall()
    async with following(wall, sockets.NoSnapshot()) as (exchange, socket):
        assert await texts(socket) == []
        await produced(exchange, wall, MINUTE_S)
        assert await texts(socket), "changes come all the same"
    async with simulated(Wall(), sockets.AssetCap(most_assets=5)) as exchange:
        tokens = tokens_of(exchange)
        async with subscribed(exchange, tokens) as socket:
            assert [one["asset_id"] for one in messages(await texts(socket))] == tokens[:5]


async def test_stalled_tokens_have_live_siblings() -> None:
    wall = Wall()
    async with simulated(wall) as exchange:
        tokens = tokens_of(exchange)
        stalled = tokens[:2]
        exchange.injection.add([sockets.TokenStall(tokens=tuple(stalled), rescue_share=1.0)])
        async with subscribed(exchange, tokens) as socket:
            first = messages(await texts(socket))
            assert [one["asset_id"] for one in first] == tokens[2:]
            await produced(exchange, wall, 600.0)
            named = set(_numbers(messages(await texts(socket)), ("asset_id",)))
            assert named
            assert not named & set(stalled)
            for operation in ("unsubscribe", "subscribe"):
                await socket.send(json.dumps({"operation": operation, "assets_ids": stalled}))
            rescued = messages(await texts(socket))
            assert [one["asset_id"] for one in rescued] == stalled
            assert exchange.injection.struck == {"token_stall": 2}


@pytest.mark.parametrize("code", [None, 1012])
async def test_disconnects(code: int | None) -> None:
    wall = Wall()
    async with following(wall, sockets.Disconnect(at_s=30.0, code=code)) as (exchange, socket):
        await texts(socket)
        await produced(exchange, wall, 31.0)
        with pytest.raises(websockets.ConnectionClosed) as closed:  # noqa: PT012 - what came before
            while True:
                await asyncio.wait_for(socket.recv(), 10)
        told = closed.value.rcvd
        assert (None if told is None else told.code) == code
        async with subscribed(exchange, tokens_of(exchange)) as again:
            await texts(again)
            await produced(exchange, wall, 60.0)
            assert await texts(again), "who comes back stays"


async def test_a_disconnect_storm_meets_everybody_again_and_again() -> None:
    wall = Wall()
    storm = sockets.DisconnectStorm(at_s=10.0, for_s=60.0, lives_s=2.0)
    async with following(wall, storm) as (exchange, socket):
        await texts(socket)
        await produced(exchange, wall, 9.0)
        assert await texts(socket)
        for _ in range(3):
            async with subscribed(exchange, tokens_of(exchange, 1)) as socket:
                await texts(socket)
                await produced(exchange, wall, 3.0)
                with pytest.raises(websockets.ConnectionClosed):  # noqa: PT012 - as above
                    while True:
                        await asyncio.wait_for(socket.recv(), 10)
        await produced(exchange, wall, 60.0)
        async with subscribed(exchange, tokens_of(exchange)) as socket:
            await texts(socket)
            await produced(exchange, wall, 10.0)
            assert await texts(socket)


async def test_faults_begin_and_end_while_sockets_live() -> None:
    wall = Wall()
    async with simulated(wall) as exchange, subscribed(exchange, tokens_of(exchange)) as socket:
        await texts(socket)
        await produced(exchange, wall, 10.0)
        await texts(socket)
        exchange.injection.add([kinds.Delay(up_to_s=600.0)], from_now=True)
        await produced(exchange, wall, 10.0)
        before = len(await texts(socket))
        exchange.injection.clear()
        released = await texts(socket)
        assert len(released) > before, "what was held back is sent, not lost"


async def test_what_is_held_back_at_a_recordings_end_is_sent(tmp_path: Path) -> None:
    book = {"event_type": "book", "asset_id": "1", "market": "0xaa", "bids": [], "asks": []}
    lines = [
        {"recv_ms": 1_000, "frame": {**book, "asset_id": "2"}},
        {"recv_ms": 2_000, "frame": book},
    ]
    path = tmp_path / "short.frames.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    gamma_path(path).write_text("[]")
    exchange = EmbeddedExchange(RecordingSource(path), speed=1e6)
    exchange.injection.add([kinds.Delay(up_to_s=600.0)])
    async with exchange, subscribed(exchange, ["1"]) as socket:
        (told,) = json.loads(await asyncio.wait_for(socket.recv(), 10))
        assert told["asset_id"] == "1"


# --- user events -------------------------------------------------------------------

ORDER = {
    "event_type": "order", "type": "CANCELLATION", "id": "0x1", "market": "0xaa", "asset_id": "5",
    "size_matched": "0", "outcome": "Yes", "created_at": "1782753357", "status": "CANCELED",
}  # fmt: skip


def of_user(fault: Any, message: dict[str, Any], now_ns: int = START_NS) -> list[dict[str, Any]]:
    plan = FaultPlan(0, START_NS)
    plan.add(fault)
    stream = StreamFaults(plan, "user", START_NS)
    return [json.loads(one) for one in stream.outgoing(msgspec.json.encode(message), now_ns)]


def test_user_events_as_they_were_captured() -> None:
    (event,) = of_user(kinds.MillisecondTimes(), ORDER)
    assert event["created_at"] == "1782753357000"
    (event,) = of_user(kinds.SuffixedStatus(), ORDER)
    assert event["status"].startswith("CANCELED_order couldn't be fully filled.")
    assert of_user(kinds.SuffixedStatus(), {**ORDER, "type": "PLACEMENT"})[0]["status"] == (
        "CANCELED"
    )
    (event,) = of_user(kinds.EmptyNumerics(), ORDER)
    assert (event["size_matched"], event["created_at"], event["outcome"]) == ("", "", "")
    assert of_user(kinds.EmptyNumerics(), {"event_type": "trade"}) == [{"event_type": "trade"}]


def test_user_events_come_again() -> None:
    plan = FaultPlan(0, START_NS)
    plan.add(kinds.Redelivered(after_s=5.0, count=1))
    stream = StreamFaults(plan, "user", START_NS)
    payload = msgspec.json.encode(ORDER)
    assert stream.outgoing(payload, START_NS) == [payload]
    assert stream.due(START_NS + 4 * S_NS) == []
    assert stream.due(START_NS + 5 * S_NS) == [payload]
    assert plan.struck == {"redelivered": 1}
    market = StreamFaults(plan, "market", START_NS)
    assert market.outgoing(payload, START_NS) == [payload]
    assert plan.struck == {"redelivered": 1}


def test_damage_of_a_frame_that_is_already_broken_is_none() -> None:
    plan = FaultPlan(0, START_NS)
    plan.add(kinds.TruncatedJson())
    for fault in (kinds.WrongHash(), kinds.CrossedDelta(), kinds.NotFinite(), kinds.WrongTypes()):
        plan.add(fault)
    stream = StreamFaults(plan, "market", START_NS)
    (cut,) = stream.outgoing(msgspec.json.encode(ORDER), START_NS)
    assert len(cut) < len(msgspec.json.encode(ORDER))
    assert plan.struck["truncated_json"] == 1
    assert sum(plan.struck.values()) == 1


def test_every_message_fault_follows_every_other_on_one_socket() -> None:
    one_book = {"event_type": "book", "asset_id": "1", "market": "Tromsø", "hash": "ab"}
    one_book |= {side: [{"price": "0.4", "size": "10"}] for side in ("bids", "asks")}
    entry = {"asset_id": "1", "price": "0.4", "size": "5", "best_bid": "0.4", "best_ask": "0.6"}
    change = {"event_type": "price_change", "market": "0xa", "price_changes": [entry, entry]}
    frames = [msgspec.json.encode(one) for one in (one_book, change, [one_book] * 2, ORDER)]
    for first, second in itertools.permutations(_MESSAGE_KINDS, 2):
        plan = FaultPlan(3, START_NS)
        for kind in (first, second):  # an array of a hundred thousand takes its time
            plan.add(kind(elements=9) if kind is kinds.GiantArray else kind())
        for channel in ("market", "user"):
            stream = StreamFaults(plan, channel, START_NS)
            for number in range(3):
                for frame in frames:
                    stream.outgoing(frame, START_NS + number * S_NS)
        assert plan.struck[plan.of("message")[0].fault.kind]


def test_two_stalls_at_once_stall_both_tokens() -> None:
    plan = FaultPlan(3, START_NS)
    for token_id in ("1", "2"):
        plan.add(sockets.TokenStall(tokens=(token_id,), rescue_share=1.0))
    stream = StreamFaults(plan, "market", START_NS)

    def passed() -> list[str]:
        frames = [json.dumps({"event_type": "book", "asset_id": one}).encode() for one in "123"]
        return [one["asset_id"] for frame in frames for one in messages(_sent(stream, frame))]

    assert passed() == ["3"]
    assert plan.struck == {"token_stall": 2}
    stream.subscribed(["2"])
    assert passed() == ["2", "3"]


def _sent(stream: StreamFaults, frame: bytes) -> list[str]:
    return [one.decode() for one in stream.outgoing(frame, START_NS)]
