"""Faults of REST answers and of placements, over loopback sockets."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from aiohttp import web

from loopback_exchange import S_NS, START_NS, Wall, rest, simulated, tokens_of
from polyframe.exchange.faults import rest_kinds as kinds
from polyframe.exchange.faults.plan import FaultPlan
from polyframe.exchange.faults.rest import RestFaults, matches
from polyframe.polymarket.codec import book_hash

pytestmark = pytest.mark.anyio


class Orders:
    """A server of two routes that accepts whatever it is sent, with faults before it."""

    def __init__(self, *faults: Any) -> None:
        self.now_ns = START_NS
        self.plan = FaultPlan(1, START_NS)
        for fault in faults:
            self.plan.add(fault)
        self.accepted: list[Any] = []
        self.arrived = asyncio.Event()

    async def place(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.accepted.append(body)
        self.arrived.set()
        answer = {"errorMsg": "", "orderID": "0x1", "status": "live", "success": True}
        return web.json_response([answer] * len(body) if isinstance(body, list) else answer)

    async def cancel(self, request: web.Request) -> web.Response:
        return web.json_response({"canceled": ["0x1"], "not_canceled": {}})

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[httpx.AsyncClient]:
        faults = RestFaults(self.plan, lambda: self.now_ns)
        app = web.Application(middlewares=[faults.middleware()])
        app.add_routes(
            [
                web.post("/order", self.place),
                web.post("/orders", self.place),
                web.delete("/order", self.cancel),
                web.get("/admin/state", self.cancel),
            ]
        )
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
                yield client
        finally:
            await faults.close()
            await runner.cleanup()


@pytest.mark.parametrize(
    ("fault", "status", "body", "headers"),
    [
        (kinds.Refused(), 400, {"error": "Invalid order payload"}, {}),
        (kinds.Refused(status=401), 401, {"error": "Unauthorized/Invalid api key"}, {}),
        (kinds.Refused(status=403, error="no"), 403, {"error": "no"}, {}),
        (kinds.Refused(status=404), 404, {"error": "market not found"}, {}),
        (
            kinds.Restarting(),
            425,
            {"error": "the matching engine is restarting"},
            {"Retry-After": None},
        ),
        (kinds.Restarting(retry_after_s=30), 425, None, {"Retry-After": "30"}),
        (
            kinds.TooManyRequests(),
            429,
            {"error": "Too Many Requests"},
            {
                "Retry-After": "1",
                "Poly-RateLimit-Remaining": "0",
                "Poly-RateLimit-Reset": str(START_NS // S_NS + 1),
            },
        ),
        (
            kinds.TooManyRequests(from_limiter=False, retry_after_s=None),
            429,
            None,
            {"Retry-After": None, "Poly-RateLimit-Remaining": None},
        ),
        (kinds.ServerError(), 500, {"error": "internal server error"}, {}),
        (kinds.ServerError(status=502), 502, {"error": "bad gateway"}, {}),
        (kinds.ServerError(status=503), 503, {"error": "trading is disabled"}, {}),
        (kinds.Redirect(), 302, None, {"Location": "/maintenance"}),
    ],
)
async def test_plain_answers(
    fault: Any, status: int, body: Any, headers: dict[str, str | None]
) -> None:
    orders = Orders(fault)
    async with orders.serving() as client:
        answer = await client.post("/order", json={})
        assert answer.status_code == status
        assert body is None or answer.json() == body
        for name, value in headers.items():
            assert answer.headers.get(name) == value
        assert orders.accepted == []
        assert orders.plan.struck == {fault.kind: 1}
        assert (await client.get("/admin/state")).status_code == 200, "never struck"


async def test_a_web_page_in_place_of_json() -> None:
    async with Orders(kinds.HtmlBody()).serving() as client:
        answer = await client.post("/order", json={})
        assert answer.status_code == 502
        assert answer.text.startswith("<!DOCTYPE html>")


async def test_cancel_only_lets_cancels_through() -> None:
    orders = Orders(kinds.CancelOnly())
    async with orders.serving() as client:
        for path in ("/order", "/orders"):
            answer = await client.post(path, json={})
            assert answer.status_code == 503
            assert answer.json()["error"].startswith("Trading is currently cancel-only.")
        assert (await client.delete("/order")).status_code == 200


async def test_windows_counts_and_chance() -> None:
    fault = kinds.ServerError(at_s=10, for_s=5, every_s=20, count=2)
    orders = Orders(fault)
    async with orders.serving() as client:
        answers = []
        for second in (0, 11, 16, 31, 51):
            orders.now_ns = START_NS + second * S_NS
            answers.append((await client.post("/order", json={})).status_code)
        assert answers == [200, 500, 200, 500, 200]
    often = Orders(kinds.ServerError(share=0.3))
    async with often.serving() as client:
        answers = [(await client.post("/order", json={})).status_code for _ in range(100)]
    again = Orders(kinds.ServerError(share=0.3))
    async with again.serving() as client:
        assert answers == [(await client.post("/order", json={})).status_code for _ in range(100)]
    assert 15 < answers.count(500) < 45


@pytest.mark.parametrize(
    ("fault", "accepted"),
    [
        (kinds.ConnectionReset(), 0),
        (kinds.TimeoutBefore(hangs_s=0.0), 0),
        (kinds.TimeoutAfter(hangs_s=0.0), 1),
        (kinds.ResponseLost(), 1),
    ],
)
async def test_lines_cut_before_and_after_the_order_was_accepted(fault: Any, accepted: int) -> None:
    orders = Orders(fault)
    async with orders.serving() as client:
        with pytest.raises(httpx.TransportError):
            await client.post("/order", json={"n": 1})
        assert len(orders.accepted) == accepted


async def test_a_request_hangs_in_market_time() -> None:
    orders = Orders(kinds.TimeoutBefore(hangs_s=30.0))
    async with orders.serving() as client:
        asked = asyncio.create_task(client.post("/order", json={}))
        while not orders.plan.struck["timeout_before"]:  # noqa: ASYNC110 - a turn of the loop
            await asyncio.sleep(0)
        assert not asked.done()
        orders.now_ns += 31 * S_NS
        with pytest.raises(httpx.TransportError):
            await asked


async def test_an_order_is_accepted_long_after_the_line_was_cut() -> None:
    orders = Orders(kinds.AcceptedLate(after_s=40.0))
    async with orders.serving() as client:
        with pytest.raises(httpx.TransportError):
            await client.post("/order", json={"n": 7})
        assert orders.accepted == []
        orders.now_ns += 41 * S_NS
        await asyncio.wait_for(orders.arrived.wait(), 10)
        assert orders.accepted == [{"n": 7}]


async def test_what_is_late_and_refused_is_nobodys_error(caplog: pytest.LogCaptureFixture) -> None:
    orders = Orders(kinds.AcceptedLate(after_s=0.0, route="/nowhere"))
    async with orders.serving() as client:
        with pytest.raises(httpx.TransportError):
            await client.get("/nowhere")
        assert (await client.delete("/order")).status_code == 200
    gc.collect()
    assert caplog.records == []


async def test_a_route_of_other_answers_leaves_them_as_they_are() -> None:
    faults = (kinds.StaleBook(route="/time|/markets"), kinds.NoOrderId(route="/ok"))
    async with simulated(Wall(), *faults) as exchange, rest(exchange) as client:
        assert isinstance((await client.get("/time")).json(), int)
        assert (await client.get("/ok")).json() == "OK"
        assert (await client.get("/markets")).json()["data"]
    orders = Orders(kinds.SuccessWithError())
    async with orders.serving() as client:
        answer = await client.post("/order", content=b"[" * 100_000)
        assert answer.json()["success"] is True


async def test_three_retries_are_all_live() -> None:
    orders = Orders(kinds.RetriesAllLive())
    async with orders.serving() as client:
        answers = [(await client.post("/order", json={"n": n})).status_code for n in range(4)]
    assert answers == [500, 500, 500, 200]
    assert len(orders.accepted) == 4


async def test_successes_that_are_none() -> None:
    orders = Orders(kinds.NoOrderId(count=2), kinds.SuccessWithError())
    async with orders.serving() as client:
        answer = (await client.post("/order", json={})).json()
        assert (answer["success"], answer["orderID"]) == (True, "")
        batch = (await client.post("/orders", json=[{}, {}])).json()
        assert [one["orderID"] for one in batch] == ["", ""]
        assert len(orders.accepted) == 2
        answer = (await client.post("/order", json={})).json()
        assert answer["success"] is True
        assert answer["errorMsg"] == "not enough balance / allowance"
        assert len((await client.post("/orders", json=[{}, {}])).json()) == 2
        assert len(orders.accepted) == 2, "not placed"


async def test_an_answer_drips() -> None:
    orders = Orders(kinds.SlowDrip(bytes_per_s=1.0))
    async with orders.serving() as client:
        asked = asyncio.create_task(client.post("/order", json={}))
        await asyncio.wait_for(orders.arrived.wait(), 10)
        while not asked.done():
            orders.now_ns += 100 * S_NS
            await asyncio.sleep(0)
        assert (await asked).json()["orderID"] == "0x1"


async def test_the_ghost_book() -> None:
    async with simulated(Wall(), kinds.StaleBook()) as exchange, rest(exchange) as client:
        token = tokens_of(exchange)[0]
        book = (await client.get("/book", params={"token_id": token})).json()
        assert [book["bids"][-1]["price"], book["asks"][-1]["price"]] == ["0.01", "0.99"]
        assert book["hash"] == book_hash(book)
        (same,) = (await client.post("/books", json=[{"token_id": token}])).json()
        assert same == book
        mid = await client.get("/midpoint", params={"token_id": token})
        assert mid.json()["mid"] != "0.5", "other routes know better"
        assert (await client.get("/book", params={"token_id": "1"})).status_code == 404


def test_routes() -> None:
    assert matches("*", "GET", "/book")
    assert matches("POST /order|POST /orders", "POST", "/orders")
    assert not matches("POST /order|POST /orders", "POST", "/orders-scoring")
    assert not matches("POST /order", "DELETE", "/order")
    assert matches("/v2/*", "GET", "/v2/positions")
