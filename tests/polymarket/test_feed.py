"""The market feed against a loopback venue that can be made to misbehave."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import msgspec
import pytest
from aiohttp import web
from websockets.asyncio.server import ServerConnection, serve

from polyframe.events import BookSnapshot, BookWitness, FeedConnected, FeedLost
from polyframe.polymarket.codec import decode
from polyframe.polymarket.feed import MarketFeed, RawFrame
from polyframe.settings import FeedSettings

pytestmark = pytest.mark.anyio
NS = 1_000_000_000
# Long where a test does not want it, so that only what it provokes can happen.
QUIET = FeedSettings(
    max_book_age_s=600.0,
    ping_s=60.0,
    pong_timeout_s=60.0,
    connect_timeout_s=5.0,
    backoff_base_s=0.001,
    backoff_cap_s=0.01,
    first_book_s=600.0,
)


def book(token_id: str) -> dict[str, Any]:
    return {
        "event_type": "book",
        "market": "0x1",
        "asset_id": token_id,
        "timestamp": "1",
        "bids": [{"price": "0.4", "size": "10"}],
        "asks": [{"price": "0.6", "size": "10"}],
    }


class Bench:
    """A venue, a feed, and everything either of them has seen."""

    def __init__(self) -> None:
        self.now_ns = 1_700_000_000 * NS
        self.batches: list[list[Any]] = []
        self.sockets: list[ServerConnection] = []
        self.heard: list[tuple[int, Any]] = []  # (socket, frame from the client)
        self.asked_rest: list[list[str]] = []
        self.rest_bids: dict[str, str] = {}
        self.proofs: dict[str, int] = {}
        self.answers_ping = True
        self.mute = False
        self.deaf_to: set[str] = set()
        self.feed: MarketFeed
        self._moved = anyio.Event()

    # what the feed gets

    def clock(self) -> int:
        return self.now_ns

    def sink(self, batch: list[Any]) -> None:
        self.batches.append(batch)
        for item in batch:
            if isinstance(item, RawFrame):
                for event in decode(item.data, item.ts_ns):
                    if isinstance(event, BookSnapshot):
                        self.proofs[event.token_id] = event.ts_ns
            elif isinstance(item, (FeedConnected, FeedLost)):
                for token_id in item.token_ids:
                    self.proofs.pop(token_id, None)
            elif isinstance(item, BookWitness):
                self.proofs[item.token_id] = item.ts_ns
        self.stir()

    # what the venue does

    async def converse(self, socket: ServerConnection) -> None:
        number = len(self.sockets)
        self.sockets.append(socket)
        async for frame in socket:
            if frame == "PING":
                self.heard.append((number, frame))
                if self.answers_ping:
                    await socket.send("PONG")
            else:
                message = json.loads(frame)
                self.heard.append((number, message))
                asked = message["assets_ids"] if message.get("operation") != "unsubscribe" else ()
                books = [book(each) for each in asked if each not in self.deaf_to]
                if books and not self.mute:
                    await socket.send(json.dumps(books))
            self.stir()

    async def books(self, request: web.Request) -> web.Response:
        asked = [each["token_id"] for each in json.loads(await request.read())]
        self.asked_rest.append(asked)
        self.stir()
        return web.json_response(
            [
                {**book(each), "bids": [{"price": self.rest_bids.get(each, "0.4"), "size": "1"}]}
                for each in asked
            ]
        )

    # what the test asks

    def stir(self) -> None:
        self._moved.set()

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait for a condition; it is looked at whenever anything has happened."""
        with anyio.fail_after(10):
            while not holds():
                self._moved = anyio.Event()
                await self._moved.wait()

    def items(self, kind: type) -> list[Any]:
        return [item for batch in self.batches for item in batch if isinstance(item, kind)]

    def subscribed(self) -> list[tuple[int, list[str]]]:
        """Every first subscription: (socket, tokens)."""
        return [
            (number, message["assets_ids"])
            for number, message in self.heard
            if isinstance(message, dict) and "type" in message
        ]

    def operations(self) -> list[tuple[int, str, list[str]]]:
        return [
            (number, message["operation"], message["assets_ids"])
            for number, message in self.heard
            if isinstance(message, dict) and "operation" in message
        ]


@asynccontextmanager
async def running(
    serve_http: Any, tokens: list[str], bench: Bench | None = None, **changes: Any
) -> AsyncIterator[Bench]:
    bench = bench or Bench()
    app = web.Application()
    app.router.add_post("/books", bench.books)
    settings = msgspec.structs.replace(QUIET, **changes)
    async with (
        serve(bench.converse, "127.0.0.1", 0, compression=None) as venue,
        serve_http(app) as rest_url,
    ):
        port = next(iter(venue.sockets)).getsockname()[1]
        bench.feed = MarketFeed(
            f"ws://127.0.0.1:{port}",
            rest_url,
            settings,
            clock=bench.clock,
            sink=bench.sink,
            proof_ns=bench.proofs.get,
            rng=random.Random(1),
        )
        bench.feed.set_tokens(tokens)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bench.feed.run)
            yield bench
            tasks.cancel_scope.cancel()


# --- a good day ----------------------------------------------------------------------


async def test_books_are_unknown_until_the_initial_dump(serve) -> None:
    async with running(serve, ["a", "b"]) as bench:
        await bench.until(lambda: bench.items(RawFrame))
        (connected,) = bench.items(FeedConnected)
        (frame,) = bench.items(RawFrame)
    assert bench.heard[0] == (
        0,
        {"type": "market", "assets_ids": ["a", "b"], "custom_feature_enabled": True},
    )
    assert connected == FeedConnected(bench.now_ns, 0, ("a", "b"))
    assert bench.batches.index([connected]) < bench.batches.index([frame])
    assert (frame.shard, frame.ts_ns) == (0, bench.now_ns)
    assert [event.token_id for event in decode(frame.data, frame.ts_ns)] == ["a", "b"]
    assert not bench.items(FeedLost)


async def test_tokens_are_spread_over_sockets(serve) -> None:
    tokens = [f"t{number}" for number in range(7)]
    async with running(serve, tokens, tokens_per_socket=3) as bench:
        await bench.until(lambda: len(bench.proofs) == 7)
        stats = bench.feed.stats()
    assert sorted(len(each) for _, each in bench.subscribed()) == [1, 3, 3]
    assert sorted(token for _, each in bench.subscribed() for token in each) == tokens
    assert [each.tokens for each in stats.shards] == [3, 3, 1]
    assert stats.frames == 3
    assert stats.received_bytes > 0
    assert all(each.uptime_s is not None for each in stats.shards)


async def test_pings_are_sent_and_pongs_are_kept_out_of_the_feed(serve) -> None:
    async with running(serve, ["a"], ping_s=0.01) as bench:
        await bench.until(lambda: sum(frame == "PING" for _, frame in bench.heard) >= 3)
    assert all(item.data != b"PONG" for item in bench.items(RawFrame))


async def test_a_burst_is_one_batch_with_one_stamp(serve) -> None:
    async with running(serve, ["a"]) as bench:
        await bench.until(lambda: bench.proofs)
        before = len(bench.batches)
        # Written to the transport at once, so that the client reads them at once.
        socket = bench.sockets[0]
        for number in range(200):
            socket.protocol.send_text(json.dumps({"n": number}).encode())
        socket.send_data()
        await bench.until(lambda: len(bench.items(RawFrame)) == 201)
    assert len(bench.batches) - before < 20
    numbers = [json.loads(item.data)["n"] for item in bench.items(RawFrame)[1:]]
    assert numbers == list(range(200))


async def test_tokens_come_and_go_without_a_reconnect(serve) -> None:
    async with running(serve, ["a", "b"]) as bench:
        await bench.until(lambda: len(bench.proofs) == 2)
        bench.feed.set_tokens(["b", "c"])
        await bench.until(lambda: "c" in bench.proofs)
        assert len(bench.sockets) == 1
        assert bench.operations() == [(0, "unsubscribe", ["a"]), (0, "subscribe", ["c"])]
        assert bench.items(FeedConnected)[1].token_ids == ("c",)
        bench.feed.set_tokens([])
        await bench.sockets[0].wait_closed()
    assert not bench.items(FeedLost)
    assert bench.feed.stats().shards == ()
    assert bench.feed.stats().frames == 2


async def test_a_full_socket_leads_to_another(serve) -> None:
    async with running(serve, ["a", "b"], tokens_per_socket=2) as bench:
        await bench.until(lambda: len(bench.proofs) == 2)
        bench.feed.set_tokens(["a", "b", "c"])
        await bench.until(lambda: "c" in bench.proofs)
    assert bench.subscribed() == [(0, ["a", "b"]), (1, ["c"])]


async def test_resubscribing_brings_a_fresh_book(serve) -> None:
    async with running(serve, ["a", "b"]) as bench:
        await bench.until(lambda: len(bench.proofs) == 2)
        bench.feed.resubscribe(["b", "unknown"])
        await bench.until(lambda: len(bench.items(RawFrame)) == 2)
    assert bench.operations() == [(0, "unsubscribe", ["b"]), (0, "subscribe", ["b"])]
    assert bench.items(FeedConnected)[1].token_ids == ("b",)


# --- bad days ------------------------------------------------------------------------


async def test_a_dropped_socket_is_lost_and_then_subscribed_again(serve) -> None:
    async with running(serve, ["a"]) as bench:
        await bench.until(lambda: bench.proofs)
        await bench.sockets[0].close(1012, "restart")
        await bench.until(lambda: len(bench.subscribed()) == 2 and bench.proofs)
        (lost,) = bench.items(FeedLost)
        assert bench.feed.stats().reconnects == 1
    assert (lost.shard, lost.token_ids) == (0, ("a",))
    assert "1012" in lost.reason


async def test_silence_is_a_loss(serve) -> None:
    bench = Bench()
    bench.answers_ping = False
    async with running(serve, ["a"], bench, ping_s=0.02, pong_timeout_s=0.1):
        await bench.until(lambda: len(bench.subscribed()) == 2)
    assert bench.items(FeedLost)[0].reason == "silent for 0.1 s"


async def test_a_refused_connection_is_a_loss_and_tried_again() -> None:
    bench = Bench()
    feed = MarketFeed(
        "ws://127.0.0.1:1",
        "http://127.0.0.1:1",
        QUIET,
        clock=bench.clock,
        sink=bench.sink,
        proof_ns=bench.proofs.get,
        rng=random.Random(1),
    )
    feed.set_tokens(["a"])
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(feed.run)
        await bench.until(lambda: len(bench.items(FeedLost)) >= 3)
        tasks.cancel_scope.cancel()
    assert bench.items(FeedLost)[0].reason.startswith("cannot connect: ")
    assert not bench.items(FeedConnected)


async def test_a_token_without_a_book_is_asked_for_again_then_given_a_new_socket(serve) -> None:
    bench = Bench()
    bench.deaf_to = {"c"}
    async with running(serve, ["a", "b", "c"], bench, first_book_s=0.08):
        await bench.until(lambda: len(bench.proofs) == 2)
        bench.now_ns += NS
        await bench.until(lambda: len(bench.operations()) == 2)
        assert bench.operations() == [(0, "unsubscribe", ["c"]), (0, "subscribe", ["c"])]
        bench.deaf_to = set()
        bench.now_ns += NS
        await bench.until(lambda: "c" in bench.proofs)
        stats = bench.feed.stats()
    assert bench.subscribed() == [(0, ["a", "b", "c"]), (1, ["c"])]
    assert bench.operations()[2:] == [(0, "unsubscribe", ["c"])]
    assert (stats.redriven_tokens, stats.moved_tokens, stats.rebuilt_sockets) == (1, 1, 0)
    assert not bench.items(FeedLost)


async def test_a_socket_without_any_book_is_rebuilt_though_it_pongs(serve) -> None:
    bench = Bench()
    bench.mute = True
    async with running(serve, ["a", "b"], bench, first_book_s=0.08, ping_s=0.01):
        await bench.until(lambda: bench.subscribed())
        bench.now_ns += NS
        await bench.until(lambda: len(bench.operations()) == 2)
        bench.mute = False
        bench.now_ns += NS
        await bench.until(lambda: len(bench.proofs) == 2)
    assert [number for number, _ in bench.subscribed()] == [0, 1]
    assert bench.items(FeedLost)[0].reason == "no first book for 2 tokens"


async def test_an_unproved_book_is_witnessed_over_rest(serve) -> None:
    async with running(
        serve, ["a", "b", "c"], max_book_age_s=0.2, witness_share=0.4, witness_batch=2
    ) as bench:
        await bench.until(lambda: len(bench.proofs) == 3)
        assert bench.asked_rest == []
        bench.now_ns += NS
        await bench.until(lambda: len(bench.items(BookWitness)) == 3)
        assert [len(each) for each in bench.asked_rest] == [2, 1]
        assert bench.feed.stats().witness_books == 3
    first = bench.items(BookWitness)[0]
    assert (first.ts_ns, first.bids) == (bench.now_ns, ((4000, 1.0),))


async def test_a_socket_that_stays_silent_while_rest_moves_is_rebuilt(serve) -> None:
    async with running(serve, ["a"], max_book_age_s=0.2, witness_share=0.4, ping_s=0.01) as bench:
        await bench.until(lambda: bench.proofs)
        for seen, bid in enumerate(["0.4", "0.41", "0.42"]):
            bench.rest_bids["a"] = bid
            bench.now_ns += NS
            await bench.until(lambda seen=seen: len(bench.items(BookWitness)) > seen)
        await bench.until(lambda: len(bench.subscribed()) == 2)
        assert bench.feed.stats().rebuilt_sockets == 1
    assert bench.items(FeedLost)[0].reason == "REST books move and the socket is silent"


async def test_a_socket_that_ignores_two_requests_is_rebuilt(serve) -> None:
    async with running(serve, ["a"]) as bench:
        await bench.until(lambda: bench.proofs)
        bench.mute = True
        bench.feed.resubscribe(["a"])
        await bench.until(lambda: len(bench.operations()) == 2)
        bench.now_ns += 601 * NS
        bench.mute = False
        bench.feed.resubscribe(["a"])
        await bench.until(lambda: len(bench.subscribed()) == 2)
    assert bench.items(FeedLost)[0].reason == "asked for books twice and heard nothing"


async def test_an_error_of_the_sink_gets_out() -> None:
    class Broken(Exception):
        pass

    def sink(batch: list[Any]) -> None:
        raise Broken

    feed = MarketFeed(
        "ws://127.0.0.1:1",
        "http://127.0.0.1:1",
        QUIET,
        clock=lambda: 1,
        sink=sink,
        proof_ns=lambda token_id: None,
    )
    feed.set_tokens(["a"])
    with pytest.raises(ExceptionGroup) as caught:
        await feed.run()
    assert caught.group_contains(Broken)
