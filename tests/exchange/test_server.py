"""The server over real loopback sockets: REST shapes, subscriptions, delivery, time, failure."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
import websockets
import zstandard

from loopback_exchange import S_NS, START_NS, Wall, rest, subscribed
from polyframe.errors import TapeError
from polyframe.exchange import channel, open_recording, open_simulated
from polyframe.exchange.recording import RecordingSource, gamma_path, market_token_ids
from polyframe.exchange.server import EmbeddedExchange
from polyframe.exchange.simulation.source import SimulatedSource
from polyframe.polymarket.codec import book_hash

pytestmark = pytest.mark.anyio


def simulated(wall: Wall, markets: int = 30, speed: float = 1e6) -> EmbeddedExchange:
    source = SimulatedSource(7, markets, 1.0, START_NS)
    return EmbeddedExchange(source, speed=speed, monotonic_ns=wall)


async def running(exchange: EmbeddedExchange) -> None:
    """Wait until the first subscription has arrived and time passes."""
    await exchange.channel.subscribed.wait()
    while not exchange.clock.is_running:  # noqa: ASYNC110 - a turn of the loop, no waiting
        await asyncio.sleep(0)


async def receive(socket: websockets.ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(socket.recv(), 10))


async def receive_until(
    socket: websockets.ClientConnection, wanted: Callable[[dict[str, Any]], bool]
) -> list[dict[str, Any]]:
    """Return the messages up to and including the first wanted one."""
    messages: list[dict[str, Any]] = []
    while True:
        frame = await receive(socket)
        for message in frame if isinstance(frame, list) else [frame]:
            messages.append(message)
            if wanted(message):
                return messages


def tokens_of(exchange: EmbeddedExchange, count: int = 1_000) -> list[str]:
    markets = exchange.source.markets()[:count]
    return [token for one in markets for token in market_token_ids(one)]


async def test_public_rest_has_the_venues_types() -> None:
    async with simulated(Wall()) as exchange, rest(exchange) as client:
        assert exchange.urls.ws_url.startswith("ws://127.0.0.1:")
        gamma = next(
            one
            for one in exchange.source.markets()
            if "bestBid" in one and "bestAsk" in one and not one["negRisk"]
        )
        yes, no = market_token_ids(gamma)
        bid, ask = gamma["bestBid"], gamma["bestAsk"]
        assert (await client.get("/ok")).json() == "OK"
        assert (await client.get("/time")).json() == START_NS // S_NS
        assert (await client.get("/version")).json() == {"version": 2}
        book = (await client.get("/book", params={"token_id": yes})).json()
        assert list(book) == [
            "market", "asset_id", "timestamp", "hash", "bids", "asks", "min_order_size",
            "tick_size", "neg_risk", "last_trade_price",
        ]  # fmt: skip
        assert book["hash"] == book_hash(book)
        assert book["min_order_size"] == "5"
        assert book["neg_risk"] is False
        assert float(book["bids"][-1]["price"]) == bid
        assert float(book["asks"][-1]["price"]) == ask
        books = await client.post("/books", json=[{"token_id": yes}, {"token_id": "1"}])
        assert [one["asset_id"] for one in books.json()] == [yes]
        mid = (await client.get("/midpoint", params={"token_id": yes})).json()["mid"]
        assert float(mid) == pytest.approx((bid + ask) / 2)
        mids = (await client.post("/midpoints", json=[{"token_id": no}])).json()
        assert float(mids[no]) == pytest.approx(1 - float(mid))
        spread = (await client.get("/spread", params={"token_id": no})).json()["spread"]
        assert float(spread) == pytest.approx(ask - bid)
        assert (await client.post("/spreads", json=[{"token_id": no}])).json() == {no: spread}
        last = (await client.get("/last-trade-price", params={"token_id": yes})).json()
        assert last == {"price": "0.5", "side": ""}, "never traded"
        tick = (await client.get("/tick-size", params={"token_id": yes})).json()
        assert tick == {"minimum_tick_size": gamma["orderPriceMinTickSize"]}
        assert (await client.get("/neg-risk", params={"token_id": yes})).json() == {
            "neg_risk": False
        }
        by_token = (await client.get(f"/markets-by-token/{no}")).json()
        assert by_token["condition_id"] == gamma["conditionId"]
        info = (await client.get(f"/clob-markets/{gamma['conditionId']}")).json()
        assert info["t"] == [
            {"t": token, "o": outcome}
            for token, outcome in zip((yes, no), json.loads(gamma["outcomes"]), strict=True)
        ]
        assert (info["mts"], info["mos"], info["ao"]) == (tick["minimum_tick_size"], 5, True)
        assert "nr" not in info, "booleans are left out when false"


async def test_refusals_have_the_venues_texts() -> None:
    async with simulated(Wall()) as exchange, rest(exchange) as client:
        asked = {
            "/book?token_id=1": (404, "No orderbook exists for the requested token id"),
            "/midpoint?token_id=1": (404, "No orderbook exists for the requested token id"),
            "/last-trade-price?token_id=1": (404, "No orderbook exists for the requested token id"),
            "/book": (400, "Invalid token id"),
            "/clob-markets/0x1": (404, "market not found"),
            "/markets-by-token/1": (404, "market not found"),
        }
        for path, (status, text) in asked.items():
            response = await client.get(path)
            assert (response.status_code, response.json()) == (status, {"error": text})
        bad = await client.post("/books", content=b"{")
        assert (bad.status_code, bad.json()) == (400, {"error": "Invalid payload"})
        many = await client.post("/books", json=[{"token_id": "1"}] * 501)
        assert many.json() == {"error": "Payload exceeds the limit"}
        assert (await client.post("/books", content=b" " * 2**21)).status_code == 413


async def test_a_market_without_orders_has_an_empty_book_not_a_404() -> None:
    async with simulated(Wall(), 100) as exchange, rest(exchange) as client:
        books = [
            (await client.get("/book", params={"token_id": token})).json()
            for token in tokens_of(exchange)
        ]
        assert any(book["bids"] == book["asks"] == [] for book in books)
        assert any((book["bids"] == []) != (book["asks"] == []) for book in books)


async def test_gamma_pages_by_keyset_and_filters() -> None:
    async with simulated(Wall(), 230) as exchange, rest(exchange) as client:
        seen: list[dict[str, Any]] = []
        params: dict[str, Any] = {"limit": 500, "order": "volume24hr", "ascending": "false"}
        pages = 0
        while True:
            page = (await client.get("/markets/keyset", params=params)).json()
            seen += page["markets"]
            pages += 1
            assert len(page["markets"]) <= 100
            if "next_cursor" not in page:
                break
            params["after_cursor"] = page["next_cursor"]
        assert (pages, len(seen), len({one["id"] for one in seen})) == (3, 230, 230)
        volumes = [one["volume24hr"] for one in seen]
        assert volumes == sorted(volumes, reverse=True)
        assert isinstance(seen[0]["clobTokenIds"], str)
        assert "tags" not in seen[0]

        async def ids(query: str) -> list[str]:
            answer = (await client.get(f"/markets/keyset?{query}")).json()
            return [one["id"] for one in answer["markets"]]

        two = seen[:2]
        assert set(await ids("&".join(f"condition_ids={one['conditionId']}" for one in two))) == {
            one["id"] for one in two
        }
        token = market_token_ids(two[0])[1]
        assert await ids(f"clob_token_ids={token}") == [two[0]["id"]]
        assert await ids("closed=true") == []
        assert len(await ids("closed=false&limit=7&include_tag=true")) == 7
        dated = await ids("end_date_min=2999-01-01&limit=5")
        assert dated == []
        one = (await client.get(f"/markets/{two[0]['id']}", params={"include_tag": "true"})).json()
        assert one["tags"]
        assert (await client.get("/markets/1")).status_code == 404
        for query in ("offset=0", "after_cursor=!", "limit=x", "volume_num_min=x"):
            assert (await client.get(f"/markets/keyset?{query}")).status_code == 422
        events = (await client.get("/events/keyset?limit=100")).json()["events"]
        market_event = max(events, key=lambda each: len(each["markets"]))
        assert len(market_event["markets"]) > 1
        again = (await client.get(f"/events/{market_event['id']}")).json()
        assert again["title"] == market_event["title"]


async def test_the_first_answer_is_an_array_of_books_and_then_objects() -> None:
    wall = Wall()
    async with simulated(wall) as exchange:
        tokens = tokens_of(exchange)
        async with subscribed(exchange, tokens) as socket:
            dump = await receive(socket)
            assert [one["asset_id"] for one in dump] == tokens
            assert {one["event_type"] for one in dump} == {"book"}
            wall.now_ns += 60_000  # a minute at this speed
            frame = await receive(socket)
            assert isinstance(frame, dict)
            messages = await receive_until(socket, lambda one: one["event_type"] == "book")
            kinds = [one["event_type"] for one in messages]
            assert kinds[-3:-1] == ["last_trade_price", "price_change"]
            assert "best_bid_ask" not in kinds, "only for flagged sockets"


async def test_subscriptions_change_while_connected() -> None:
    wall = Wall()
    async with simulated(wall) as exchange:
        tokens = tokens_of(exchange)
        async with subscribed(exchange, []) as socket:
            await socket.send("PING")
            assert await asyncio.wait_for(socket.recv(), 10) == "PONG"
            await socket.send("nonsense")
            await socket.send('{"asset_ids": ["wrong key"]}')
            change = {"operation": "subscribe", "assets_ids": tokens, "initial_dump": False}
            await socket.send(json.dumps(change | {"custom_feature_enabled": True}))
            await socket.send("PING")
            assert await asyncio.wait_for(socket.recv(), 10) == "PONG", "no dump was asked for"
            wall.now_ns += 60_000
            await receive_until(socket, lambda one: one["event_type"] == "best_bid_ask")
            await socket.send(json.dumps({"operation": "unsubscribe", "assets_ids": tokens}))
            await socket.send("PING")
            while await asyncio.wait_for(socket.recv(), 10) != "PONG":
                pass
            wall.now_ns += 60_000
            while exchange.clock() > exchange.clock._produced_ns:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0)
            await socket.send("PING")
            assert await asyncio.wait_for(socket.recv(), 10) == "PONG", "nothing in between"


async def test_announcements_reach_flagged_sockets_only() -> None:
    wall = Wall()
    source = SimulatedSource(9, 60, 0.005, START_NS)
    async with (
        EmbeddedExchange(source, speed=1e9, monotonic_ns=wall) as exchange,
        subscribed(exchange, tokens_of(exchange), initial_dump=False) as plain,
        subscribed(exchange, [], custom_feature_enabled=True) as flagged,
    ):
        await flagged.send("PING")
        assert await flagged.recv() == "PONG"
        wall.now_ns += 8 * 3_600
        (announced,) = await receive_until(flagged, lambda one: True)
        assert announced["event_type"] == "new_market"
        assert len(announced["assets_ids"]) == 2
        messages = await receive_until(
            plain, lambda one: int(one["timestamp"]) > int(announced["timestamp"])
        )
        assert not {one["event_type"] for one in messages} & {"new_market", "market_resolved"}


async def test_time_stands_until_the_first_subscription() -> None:
    wall = Wall()
    async with simulated(wall, speed=2.0) as exchange, rest(exchange) as client:
        wall.now_ns += 100 * S_NS
        assert (await client.get("/time")).json() == START_NS // S_NS
        async with subscribed(exchange, tokens_of(exchange)[:2]) as socket:
            await receive(socket)
            await running(exchange)
            wall.now_ns += S_NS // 4
            assert exchange.clock() == START_NS + S_NS // 2


async def test_a_slow_reader_is_cut_off_and_others_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channel, "_MOST_BUFFERED_BYTES", 200_000)
    wall = Wall()
    async with simulated(wall, 60) as exchange:
        tokens = tokens_of(exchange)
        async with (
            subscribed(exchange, tokens[:2]) as quick,
            subscribed(exchange, tokens, initial_dump=False) as slow,
        ):
            await slow.ping()
            slow.transport.pause_reading()
            assert len(await receive(quick)) == 2
            while exchange.channel.sockets == 2:
                wall.now_ns += 60_000
                await asyncio.sleep(0.001)
            slow.transport.resume_reading()
            with pytest.raises(websockets.ConnectionClosedError):  # noqa: PT012 - what was sent first
                while True:
                    await slow.recv()
            wall.now_ns += 600_000
            await receive(quick)


async def test_the_exchange_leaves_its_clients_with_a_close() -> None:
    async with simulated(Wall()) as exchange:
        context = subscribed(exchange, tokens_of(exchange)[:2])
        socket = await context.__aenter__()
        await receive(socket)
    with pytest.raises(websockets.ConnectionClosedOK) as told:
        await socket.recv()
    assert told.value.rcvd is not None
    assert told.value.rcvd.code == 1001
    await context.__aexit__(None, None, None)


def shortened(path: Path, folder: Path, lines: int) -> Path:
    short = folder / path.name
    with zstandard.open(path, "rb") as whole:
        head = b"\n".join(whole.read().split(b"\n")[:lines]) + b"\n"
    short.write_bytes(zstandard.compress(head))
    gamma_path(short).write_bytes(gamma_path(path).read_bytes())
    return short


async def test_a_recording_arrives_whole_and_in_order(recording_path: Path, tmp_path: Path) -> None:
    path = shortened(recording_path, tmp_path, 2_000)
    with zstandard.open(path, "rb") as lines:
        recorded = [json.loads(line)["frame"] for line in lines.read().splitlines()]
    wall = Wall()
    exchange = EmbeddedExchange(RecordingSource(path), speed=1e9, monotonic_ns=wall)
    async with exchange, rest(exchange) as client:
        tokens = tokens_of(exchange)
        async with subscribed(exchange, tokens, custom_feature_enabled=True) as socket:
            await running(exchange)
            wall.now_ns = S_NS
            received: list[dict[str, Any]] = []
            arrays = 0
            while len(received) < len(recorded):
                frame = await receive(socket)
                arrays += isinstance(frame, list)
                received += frame if isinstance(frame, list) else [frame]
            assert received == recorded
            first_books = {one["asset_id"] for one in recorded if one["event_type"] == "book"}
            assert arrays == len(first_books), "a token's first book is its initial dump"
            await asyncio.wait_for(exchange.ended.wait(), 10)
            token = next(iter(first_books))
            told = (await client.get("/book", params={"token_id": token})).json()
            assert told == exchange.source.book(token)
        async with subscribed(exchange, tokens) as late:
            dump = await receive(late)
            assert {one["asset_id"] for one in dump} == first_books & set(tokens)


async def test_each_socket_gets_its_part_of_a_recorded_array(tmp_path: Path) -> None:
    def book(token: str) -> dict[str, Any]:
        return {"event_type": "book", "market": "0xaa", "asset_id": token, "bids": [], "asks": []}

    lines = [
        {"recv_ms": 1_000, "frame": {"event_type": "book", "asset_id": "0", "market": "0xbb"}},
        {"recv_ms": 2_000, "frame": [book("1"), book("2"), book("3")]},
    ]
    path = tmp_path / "y.frames.jsonl.zst"
    path.write_bytes(zstandard.compress("".join(f"{json.dumps(x)}\n" for x in lines).encode()))
    gamma_path(path).write_text("[]")
    wall = Wall()
    exchange = EmbeddedExchange(RecordingSource(path), speed=1e9, monotonic_ns=wall)
    async with exchange, subscribed(exchange, ["2", "3"]) as socket:
        await running(exchange)
        wall.now_ns = S_NS
        assert await receive(socket) == [book("2"), book("3")]


async def test_a_recording_that_breaks_ends_and_raises(tmp_path: Path) -> None:
    path = tmp_path / "z.frames.jsonl.zst"
    good = '{"recv_ms":1,"frame":{"event_type":"book","asset_id":"1"}}'
    path.write_bytes(zstandard.compress(f"{good}\n{good}\nbroken\n".encode()))
    gamma_path(path).write_text("[]")
    with pytest.raises(TapeError, match=r"z\.frames\.jsonl\.zst:3"):  # noqa: PT012 - on leaving
        async with open_recording(path, speed=1.0) as exchange:
            async with subscribed(exchange, ["1"]):
                await asyncio.wait_for(exchange.ended.wait(), 10)
            assert isinstance(exchange.error, TapeError)


async def test_the_factories_serve(recording_path: Path) -> None:
    async with open_recording(recording_path, speed=2.0) as exchange, rest(exchange) as client:
        told = int((await client.get("/time")).text)
        assert told == exchange.source.start_ns // S_NS
    async with open_simulated(7, markets=10, activity=0.5, speed=3.0) as exchange:
        assert exchange.clock.speed == 3.0
        assert exchange.source.start_ns > START_NS // 2


async def test_a_client_that_leaves_early_is_nobodys_error(caplog) -> None:
    async with simulated(Wall()) as exchange:
        port = int(exchange.urls.clob_url.rsplit(":", 1)[1])
        stream = await anyio.connect_tcp("127.0.0.1", port)
        await stream.send(
            b"POST /books HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n["
        )
        async with rest(exchange) as client:  # another answer proves that the first was begun
            assert (await client.get("/ok")).status_code == 200
        await stream.aclose()
        async with rest(exchange) as client:
            assert (await client.get("/ok")).status_code == 200
    assert [record.message for record in caplog.records if record.name.startswith("aiohttp")] == []
