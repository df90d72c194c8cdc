"""Sockets against REST and against each other: the same books, the same story, in one order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import websockets

from polyframe.events import Side
from polyframe.exchange import channel
from polyframe.exchange.public.gamma_objects import market_token_ids
from polyframe.exchange.server import EmbeddedExchange
from polyframe.exchange.simulation.source import SimulatedSource
from polyframe.exchange.trading.terms import PrivateTerms
from polyframe.polymarket.codec import book_hash
from private_client import PrivateClient

pytestmark = pytest.mark.anyio
START_NS = 1_796_000_000 * 10**9
Message = dict[str, Any]


def opened(markets: int = 60) -> EmbeddedExchange:
    """Nobody trades but the tests; the wall stands, so nothing settles."""
    source = SimulatedSource(7, markets, 1e-9, START_NS)
    return EmbeddedExchange(source, monotonic_ns=lambda: 0, accounts=PrivateTerms(seed=3))


def plain_market(exchange: EmbeddedExchange) -> tuple[str, str, int, int]:
    """YES, NO, best bid and best ask in 0.0001, two cents apart or more."""
    for gamma in exchange.source.markets():
        bid, ask = gamma.get("bestBid", 0), gamma.get("bestAsk", 1)
        if (
            0.2 < bid < ask - 0.015 < 0.8
            and not gamma["secondsDelay"]
            and not gamma["negRisk"]
            and not gamma.get("itode")
            and gamma["orderPriceMinTickSize"] == 0.01
            and gamma.get("version", "v1") == "v1"
        ):
            yes, no = market_token_ids(gamma)
            return yes, no, round(bid * 10_000), round(ask * 10_000)
    raise AssertionError("no plain market")


class Reader:
    def __init__(self, socket: Any) -> None:
        self.socket = socket

    async def messages(self) -> list[Message]:
        """Everything sent so far: a PONG comes behind it."""
        await self.socket.send("PING")
        found: list[Message] = []
        while (text := await asyncio.wait_for(self.socket.recv(), 10)) != "PONG":
            decoded = json.loads(text)
            found += decoded if isinstance(decoded, list) else [decoded]
        return found


@asynccontextmanager
async def market_socket(exchange: EmbeddedExchange, **frame: Any) -> AsyncIterator[Reader]:
    async with websockets.connect(exchange.urls.ws_url, proxy=None, max_size=None) as socket:
        await socket.send(json.dumps({"type": "market", **frame}))
        yield Reader(socket)


@asynccontextmanager
async def user_socket(exchange: EmbeddedExchange, client: PrivateClient) -> AsyncIterator[Reader]:
    async with websockets.connect(exchange.urls.user_ws_url, proxy=None) as socket:
        one = client.credentials
        auth = {"apiKey": one.key, "secret": one.secret, "passphrase": one.passphrase}
        await socket.send(json.dumps({"type": "user", "auth": auth}))
        reader = Reader(socket)
        assert await reader.messages() == []
        yield reader


def level_map(book: Message) -> dict[tuple[str, str], str]:
    return {
        (side, level["price"]): level["size"]
        for side, name in (("BUY", "bids"), ("SELL", "asks"))
        for level in book[name]
    }


def mirrored(book: Message) -> dict[tuple[str, str], str]:
    flipped = {"BUY": "SELL", "SELL": "BUY"}
    return {
        (flipped[side], f"{1 - float(price):.4f}".rstrip("0")): size
        for (side, price), size in level_map(book).items()
    }


async def test_books_of_sockets_and_rest_agree_hash_by_hash_through_our_own_orders() -> None:
    async with opened() as exchange, PrivateClient(exchange, 1) as maker:
        yes, no, bid, ask = plain_market(exchange)
        async with (
            PrivateClient(exchange, 2) as taker,
            market_socket(exchange, assets_ids=[yes, no], custom_feature_enabled=True) as reader,
        ):
            books = {one["asset_id"]: level_map(one) for one in await reader.messages()}
            orders = (
                (maker, no, 10_000 - ask + 100, 15, Side.BUY),  # an offer of YES inside the touch
                (maker, yes, bid - 200, 25, Side.BUY),
                (taker, yes, ask, 40, Side.BUY),  # takes our NO bid, then the crowd's offers
                (taker, no, 10_000 - bid, 30, Side.BUY),
            )
            for client, token, price_e4, shares, side in orders:
                body = client.post(token, price_e4, shares, side=side)
                placed = (await client.ask("POST", "/order", body)).json()
                assert placed["success"], placed
                digest = placed["orderID"]
                told = await reader.messages()
                kinds = [one["event_type"] for one in told]
                ranks = [
                    ("last_trade_price", "price_change", "book", "best_bid_ask").index(one)
                    for one in kinds
                ]
                assert ranks == sorted(ranks), kinds
                assert ("book" in kinds) == (placed["status"] == "matched")
                for one in told:
                    if one["event_type"] == "price_change":
                        for change in one["price_changes"]:
                            assert change["hash"] == digest
                            key = (change["side"], change["price"])
                            if change["size"] == "0":
                                books[change["asset_id"]].pop(key, None)
                            else:
                                books[change["asset_id"]][key] = change["size"]
                    elif one["event_type"] == "book":
                        plain = {key: one[key] for key in one if key != "event_type"}
                        assert book_hash(plain) == one["hash"]
                        assert books[one["asset_id"]] == level_map(one)
                rest = {}
                for token_id in (yes, no):
                    book = (await client.http.get("/book", params={"token_id": token_id})).json()
                    assert book_hash(book) == book["hash"]
                    assert level_map(book) == books[token_id]
                    assert book["bids"] == sorted(book["bids"], key=lambda one: float(one["price"]))
                    asks = sorted(book["asks"], key=lambda one: -float(one["price"]))
                    assert book["asks"] == asks
                    rest[token_id] = book
                assert mirrored(rest[no]) == level_map(rest[yes])


async def test_the_story_is_told_once_a_socket_and_in_its_order() -> None:
    async with opened() as exchange, PrivateClient(exchange, 1) as maker:
        yes, _, _, ask = plain_market(exchange)
        async with (
            PrivateClient(exchange, 2) as taker,
            user_socket(exchange, maker) as first,
            user_socket(exchange, maker) as second,
            user_socket(exchange, taker) as other,
        ):
            ids = []
            for shares in (10, 20):  # two makers of one account at one price: one trade
                body = maker.post(yes, ask - 100, shares, side=Side.BUY)
                ids.append((await maker.ask("POST", "/order", body)).json()["orderID"])
            assert exchange.private is not None
            exchange.private.desk.custody.fund(taker.address, yes, 10**9, exchange.clock())
            body = taker.post(yes, ask - 100, 25, side=Side.SELL, order_type="FAK")
            taken = (await taker.ask("POST", "/order", body)).json()
            assert (taken["makingAmount"], len(taken["tradeIDs"])) == ("25", 1)
            told = await first.messages()
            assert told == await second.messages()
            said = [(one["type"], one["status"], one.get("size_matched")) for one in told]
            assert said == [
                ("PLACEMENT", "LIVE", "0"),
                ("PLACEMENT", "LIVE", "0"),
                ("TRADE", "MATCHED", None),
                ("UPDATE", "MATCHED", "10"),
                ("UPDATE", "LIVE", "15"),
            ]
            trade = told[2]
            assert trade["trader_side"] == "MAKER"
            assert [(one["order_id"], one["matched_amount"]) for one in trade["maker_orders"]] == [
                (ids[0], "10"),
                (ids[1], "15"),
            ]
            assert trade["owner"] == maker.credentials.key != trade["trade_owner"]
            mine = await other.messages()
            assert [one["type"] for one in mine] == ["PLACEMENT", "TRADE", "UPDATE"]
            assert mine[1]["trader_side"] == "TAKER"
            assert mine[2]["associate_trades"] == [trade["id"]] == taken["tradeIDs"]


async def test_the_rest_of_a_fak_is_cancelled_after_its_fill() -> None:
    async with opened() as exchange, PrivateClient(exchange, 1) as taker:
        yes, _, _, ask = plain_market(exchange)
        async with user_socket(exchange, taker) as reader:
            book = (await taker.http.get("/book", params={"token_id": yes})).json()
            shown = float(book["asks"][-1]["size"])
            body = taker.post(yes, ask, int(shown) + 50, order_type="FAK")
            await taker.ask("POST", "/order", body)
            told = [
                (one["type"], one["status"], one.get("size_matched"))
                for one in await reader.messages()
            ]
        size = f"{shown:g}"
        assert told[0] == ("PLACEMENT", "LIVE", "0")
        assert {one[0] for one in told[1:-2]} == {"TRADE"}
        assert told[-2:] == [("UPDATE", "LIVE", size), ("CANCELLATION", "CANCELED", size)]


async def test_an_account_that_meets_itself_is_told_of_both_orders() -> None:
    async with opened() as exchange, PrivateClient(exchange, 1) as client:
        yes, no, _, ask = plain_market(exchange)
        async with user_socket(exchange, client) as reader:
            resting = client.post(yes, ask - 100, 10)
            await client.ask("POST", "/order", resting)
            await client.ask("POST", "/order", client.post(no, 10_000 - ask + 100, 10))
            told = await reader.messages()
        assert [one["type"] for one in told] == [
            "PLACEMENT", "PLACEMENT", "TRADE", "UPDATE", "UPDATE",
        ]  # fmt: skip
        trade = told[2]
        assert (trade["trader_side"], trade["owner"]) == ("TAKER", client.credentials.key)
        assert trade["maker_orders"][0]["owner"] == client.credentials.key
        assert {one["size_matched"] for one in told[3:]} == {"10"}


async def test_one_socket_follows_five_hundred_tokens() -> None:
    async with opened(markets=260) as exchange:
        markets = exchange.source.markets()
        tokens = [token for one in markets for token in market_token_ids(one)][:500]
        async with market_socket(exchange, assets_ids=tokens) as reader:
            books = await reader.messages()
        assert [one["asset_id"] for one in books] == tokens


async def test_a_dump_may_be_declined_and_a_flag_toggled() -> None:
    async with opened() as exchange, PrivateClient(exchange, 1) as client:
        yes, no, _, ask = plain_market(exchange)
        async with market_socket(exchange, assets_ids=[yes], initial_dump=False) as reader:
            assert await reader.messages() == []

            async def kinds() -> set[str]:
                body = client.post(yes, ask - 100, 10, post_only=True)
                placed = (await client.ask("POST", "/order", body)).json()
                await client.ask("DELETE", "/order", {"orderID": placed["orderID"]})
                return {one["event_type"] for one in await reader.messages()}

            assert await kinds() == {"price_change"}
            again = {"operation": "subscribe", "assets_ids": [yes], "custom_feature_enabled": True}
            await reader.socket.send(json.dumps(again))
            assert await reader.messages() == [], "followed already: only the flag changes"
            assert await kinds() == {"price_change", "best_bid_ask"}
            await reader.socket.send(json.dumps({**again, "custom_feature_enabled": False}))
            assert await kinds() == {"price_change"}
            await reader.socket.send(
                json.dumps({"operation": "unsubscribe", "assets_ids": [yes, no]})
            )
            assert await kinds() == set()


async def test_a_user_socket_that_does_not_read_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channel, "_MOST_BUFFERED_FRAMES", 3)
    async with opened() as exchange, PrivateClient(exchange, 1) as client:
        yes, _, bid, _ = plain_market(exchange)
        async with user_socket(exchange, client) as reader:
            body = [client.post(yes, bid - 100, 10, post_only=True) for _ in range(6)]
            await client.ask("POST", "/orders", body)
            await asyncio.wait_for(reader.socket.wait_closed(), 10)
        placed = await client.ask("GET", "/data/orders")
        assert placed.json()["count"] == 6, "its orders stand"
