"""Public books and the server's clock over loopback HTTP."""

from __future__ import annotations

import json

import anyio
import pytest
from aiohttp import web

from polyframe.polymarket.clob_public import fetch_book, fetch_books, server_time
from polyframe.polymarket.rest import RestClient, RestError

NOW = 1_700_000_000_000_000_000


def book(token_id: str) -> dict[str, object]:
    return {
        "market": "0x1",
        "asset_id": token_id,
        "timestamp": "1782753357257",
        "hash": "",
        "bids": [{"price": "0.4", "size": "10"}],
        "asks": [],
    }


class Clob:
    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.app = web.Application()
        self.app.router.add_post("/books", self.books)
        self.app.router.add_get("/book", self.book)
        self.app.router.add_get("/time", self.time)

    async def books(self, request: web.Request) -> web.Response:
        asked = [each["token_id"] for each in json.loads(await request.read())]
        self.batches.append(asked)
        return web.json_response(
            [book(token_id) for token_id in asked if token_id != "none"] + [book("stranger")]
        )

    async def book(self, request: web.Request) -> web.Response:
        if request.query["token_id"] == "none":
            error = {"error": "No orderbook exists for the requested token id"}
            return web.json_response(error, status=404)
        if request.query["token_id"] == "banned":
            raise web.HTTPForbidden
        return web.json_response(book(request.query["token_id"]))

    async def time(self, request: web.Request) -> web.Response:
        return web.Response(text="1782753357")


@pytest.mark.anyio
async def test_books_come_in_batches_and_only_those_asked_for(serve) -> None:
    clob = Clob()
    tokens = [*(f"t{number}" for number in range(5)), "none", "t0"]
    async with serve(clob.app) as url, RestClient(url) as rest:
        books = await fetch_books(rest, tokens, clock=lambda: NOW, batch=4)
    assert [each.token_id for each in books] == ["t0", "t1", "t2", "t3", "t4"]
    assert clob.batches == [["t0", "t1", "t2", "t3"], ["t4", "none"]]
    assert (books[0].ts_ns, books[0].venue_ms) == (NOW, 1782753357257)
    assert (books[0].bids, books[0].asks) == (((4000, 10.0),), ())


@pytest.mark.anyio
async def test_a_single_book_or_none(serve) -> None:
    async with serve(Clob().app) as url, RestClient(url) as rest:
        found = await fetch_book(rest, "t1", clock=lambda: NOW)
        assert found is not None
        assert found.token_id == "t1"
        assert await fetch_book(rest, "none", clock=lambda: NOW) is None
        with pytest.raises(RestError) as refused:
            await fetch_book(rest, "banned", clock=lambda: NOW)
    assert refused.value.status == 403


@pytest.mark.anyio
async def test_the_servers_clock(serve) -> None:
    async with serve(Clob().app) as url, RestClient(url) as rest:
        assert await server_time(rest) == 1782753357


@pytest.mark.anyio
async def test_a_redirect_is_not_followed(serve) -> None:
    async def elsewhere(request: web.Request) -> web.Response:
        raise web.HTTPFound("http://127.0.0.1:9/time")

    app = web.Application()
    app.router.add_get("/time", elsewhere)
    async with serve(app) as url, RestClient(url) as rest:
        with pytest.raises(RestError) as refused:
            await server_time(rest)
    assert refused.value.status == 302


@pytest.mark.anyio
async def test_silence_is_a_failure_within_the_time_given(serve) -> None:
    released = anyio.Event()

    async def never(request: web.Request) -> web.Response:
        await released.wait()
        return web.Response(text="1")

    app = web.Application()
    app.router.add_get("/time", never)
    async with serve(app) as url, RestClient(url, attempts=1, timeout_s=0.05) as rest:
        with pytest.raises(RestError, match=r"no answer in 0\.05 s"):
            await server_time(rest)
        released.set()
