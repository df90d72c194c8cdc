"""Every answer of the exchange against the venue's field tables: all routes, all messages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import websockets
from jsonschema import Draft202012Validator

from loopback_exchange import (
    SPEED,
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
from polyframe.exchange.admin import TOKEN_HEADER, admin_routes
from polyframe.exchange.faults import venue_kinds as kinds
from polyframe.exchange.faults.settlement_kinds import RetryingTrades
from polyframe.exchange.public.gamma_objects import market_token_ids
from polyframe.exchange.server import EmbeddedExchange
from polyframe.exchange.simulation.source import SimulatedSource
from polyframe.exchange.trading.terms import PrivateTerms
from polyframe.polymarket.auth import l1_headers
from polyframe.polymarket.contracts import COLLATERAL
from private_client import PrivateClient, safe_approval
from venue_routes import HEARTBEAT_MISMATCH, ROUTES, SOCKETS
from venue_schemas import ERROR, MARKET_MESSAGES, USER_MESSAGES, Schema

pytestmark = pytest.mark.anyio
TOKEN = "a-token"
DAY = "2027-01-15"


def check(schema: Schema, value: Any, what: str) -> None:
    problems = [
        f"{what}: {'.'.join(map(str, error.absolute_path))}: {error.message[:300]}"
        for error in Draft202012Validator(schema).iter_errors(value)
    ]
    assert not problems, "\n".join(problems[:5])


def test_the_tables_are_schemas() -> None:
    for schema in (*ROUTES.values(), *MARKET_MESSAGES.values(), *USER_MESSAGES.values()):
        Draft202012Validator.check_schema(schema)


class Walk:
    """A running exchange with an account that rests, trades and cancels, and every route of it."""

    def __init__(self, exchange: EmbeddedExchange, client: PrivateClient, wall: Wall) -> None:
        self.exchange = exchange
        self.client = client
        self.wall = wall
        self.walked: dict[str, None] = {}
        self.market = next(
            one
            for one in exchange.source.markets()
            if 0.2 < one.get("bestBid", 0) < one.get("bestAsk", 1) < 0.8
            and one["clobRewards"]
            and not one["negRisk"]
            and not one["secondsDelay"]
            and one.get("version", "v1") == "v1"
            and one["orderPriceMinTickSize"] == 0.01
        )
        self.yes, self.no = market_token_ids(self.market)
        self.bid_e4 = round(self.market["bestBid"] * 10_000)
        self.ask_e4 = round(self.market["bestAsk"] * 10_000)

    async def ask(
        self, key: str, path: str, body: Any = None, *, private: bool = False
    ) -> httpx.Response:
        """Ask a route and hold the answer to its table, a refusal to the venue's error body."""
        method = key.split()[0]
        url, _, query = path.partition("?")
        if private:
            asked = dict(one.split("=", 1) for one in query.split("&")) if query else None
            answer = await self.client.ask(method, url, body, asked)
        else:
            headers = {TOKEN_HEADER: TOKEN} if url.startswith("/admin") else {}
            answer = await self.client.http.request(
                method, path, json=body, headers=headers, follow_redirects=False
            )
        assert answer.headers["content-type"].startswith("application/json")
        if answer.status_code == 200 or key == "GET /prices-history":
            check(ROUTES[key], answer.json(), f"{key} ({path})")
            self.walked[key] = None
        elif answer.json().get("error_msg"):
            check(HEARTBEAT_MISMATCH, answer.json(), f"{key} ({path})")
        else:
            check(ERROR, answer.json(), f"{key} ({path})")
        return answer

    async def public(self) -> None:
        token, no = self.yes, self.no
        condition = self.market["conditionId"]
        event = self.market["events"][0]
        tokens = [{"token_id": token}, {"token_id": no}]
        sides = [{"token_id": token, "side": "BUY"}, {"token_id": no, "side": "SELL"}]
        for path in (
            "/ok",
            "/time",
            "/version",
            "/api/geoblock",
            "/prices-history",
            "/simplified-markets",
        ):
            await self.ask(f"GET {path}", path)
        for path in ("/sampling-markets", "/sampling-simplified-markets", "/markets"):
            await self.ask(f"GET {path}", path)
        for name in (
            "book", "midpoint", "spread", "last-trade-price", "tick-size", "neg-risk", "fee-rate",
        ):  # fmt: skip
            await self.ask(f"GET /{name}", f"/{name}?token_id={token}")
            await self.ask(f"GET /{name}", f"/{name}?token_id=1")
        await self.ask("GET /price", f"/price?token_id={token}&side=BUY")
        for name in ("books", "midpoints", "spreads", "last-trades-prices"):
            await self.ask(f"POST /{name}", f"/{name}", tokens)
            await self.ask(f"POST /{name}", f"/{name}", {})
        await self.ask("POST /prices", "/prices", sides)
        for market in self.exchange.source.markets():
            first = market_token_ids(market)[0]
            await self.ask("GET /book", f"/book?token_id={first}")
            await self.ask(
                "GET /clob-markets/{condition_id}", f"/clob-markets/{market['conditionId']}"
            )
            await self.ask("GET /markets/{id}", f"/markets/{market['conditionId']}")
        await self.ask("GET /markets-by-token/{token_id}", f"/markets-by-token/{no}")
        await self.ask("GET /markets/{id}", f"/markets/{self.market['id']}?include_tag=true")
        for prefix in ("", "/gamma"):
            for name, path in {
                "/markets/keyset": "/markets/keyset?limit=100&include_tag=true",
                "/markets/slug/{slug}": f"/markets/slug/{self.market['slug']}",
                "/markets/{id}/tags": f"/markets/{self.market['id']}/tags",
                "/markets": "/markets?limit=100",
                "/markets/{id}": f"/markets/{self.market['id']}",
                "/events/keyset": "/events/keyset?limit=100",
                "/events/slug/{slug}": f"/events/slug/{event['slug']}",
                "/events/{id}": f"/events/{event['id']}",
                "/events": "/events?limit=100",
                "/tags/slug/{slug}": f"/tags/slug/{self.market['tags'][0]['slug']}",
                "/tags": "/tags",
            }.items():
                await self.ask(f"GET {prefix}{name}", prefix + path)
            await self.ask(f"GET {prefix}/markets/keyset", f"{prefix}/markets/keyset?offset=1")
        for name, path in {
            "current": "current",
            "multi": "multi",
            "{condition_id}": condition,
        }.items():
            await self.ask(f"GET /rewards/markets/{name}", f"/rewards/markets/{path}")

    async def data(self) -> None:
        wallet, condition = self.client.address, self.market["conditionId"]
        for prefix in ("", "/data-api"):
            for name, query in {
                "positions": f"user={wallet}",
                "value": f"user={wallet}",
                "trades": f"user={wallet}&taker_only=false",
                "activity": f"user={wallet}",
                "status": "",
                "approvals": f"user={wallet}",
                "holders": f"condition={condition}",
                "oi": f"condition={condition}",
                "prices-history": f"token_id={self.yes}&interval=max",
            }.items():
                key = f"GET {prefix}/v2/{name}"
                answer = await self.ask(key, f"{prefix}/v2/{name}?{query}")
                assert answer.json()["data"], f"{key} shows something"
            await self.ask(f"GET {prefix}/v2/positions", f"{prefix}/v2/positions")
        await self.ask(
            "GET /rebates/current", f"/rebates/current?date={DAY}&maker_address={wallet}"
        )

    async def account(self) -> None:
        """Rest, trade, cancel; read all of it."""
        client, market_id = self.client, self.market["conditionId"]

        async def ask(key: str, path: str = "", body: Any = None) -> Any:
            answer = await self.ask(key, path or key.split()[1], body, private=True)
            return answer.json()

        l1 = l1_headers(client.key, client.now_s)
        derived = await client.http.get("/auth/derive-api-key", headers=l1)
        check(ROUTES["GET /auth/derive-api-key"], derived.json(), "derive")
        check(ERROR, (await client.http.post("/auth/api-key", headers=l1)).json(), "again")
        check(ERROR, (await client.http.get("/data/orders")).json(), "unauthorized")
        self.walked |= dict.fromkeys(("POST /auth/api-key", "GET /auth/derive-api-key"))
        for path in ("/auth/api-keys", "/auth/ban-status/closed-only", "/v1/user/rate-limit-tier"):
            await ask(f"GET {path}")
        await self.ask("GET /deployed", f"/deployed?address={client.key.address}&type=WALLET")
        refused = await self.ask("GET /deployed", "/deployed?address=0x1")
        assert refused.status_code == 400
        below = self.bid_e4 - 500
        resting = await ask("POST /order", "", client.post(self.yes, below, 100))
        assert resting["status"] == "live"
        taking = client.post(self.yes, self.ask_e4 + 300, 50)
        assert (await ask("POST /order", "", taking))["status"] == "matched"
        assert "error" in await ask("POST /order", "", client.post(self.yes, below, 1))
        crossing = client.post(self.yes, self.ask_e4 + 300, 10, post_only=True)
        legs = await ask("POST /orders", "", [client.post(self.no, 500, 20), crossing])
        assert [leg["orderID"] != "" for leg in legs] == [True, False]
        assert (await ask("GET /data/orders"))["count"] == 2
        await ask("GET /data/orders", f"/data/orders?id={resting['orderID']}")
        await ask("GET /data/order/{id}", f"/data/order/{resting['orderID']}")
        assert (await ask("GET /data/trades"))["count"] >= 1
        for kind in ("asset_type=COLLATERAL", f"asset_type=CONDITIONAL&token_id={self.yes}"):
            for path in ("/balance-allowance", "/balance-allowance/update"):
                await ask(f"GET {path}", f"{path}?signature_type=0&{kind}")
        beat = await ask("POST /v1/heartbeats", "", {"heartbeat_id": ""})
        await ask("POST /v1/heartbeats", "", beat)
        assert "error_msg" in await ask("POST /v1/heartbeats", "", {"heartbeat_id": "stale"})
        await ask("GET /order-scoring", f"/order-scoring?order_id={resting['orderID']}")
        await ask("POST /orders-scoring", "", [resting["orderID"]])
        for name in ("user", "user/total", "user/markets"):
            await ask(f"GET /rewards/{name}", f"/rewards/{name}?date={DAY}&signature_type=0")
        await ask("GET /rewards/user/percentages", "/rewards/user/percentages?signature_type=0")
        await ask("DELETE /order", "", {"orderID": resting["orderID"]})
        gone = await ask("DELETE /orders", "", [resting["orderID"]])
        assert gone["not_canceled"]
        await ask("DELETE /cancel-market-orders", "", {"market": market_id})
        await ask("DELETE /cancel-all")
        await ask("GET /notifications", "/notifications?signature_type=0")
        await ask("DELETE /notifications", "/notifications?ids=1")

    async def chain(self) -> None:
        """Approve through the relayer as a Safe, and ask a node everything it answers."""
        owner = self.client.address
        for path in ("/v1/account/transactions/params", "/relay-payload"):
            for query in (
                f"address={owner}&type=SAFE",
                "address=0x1&type=SAFE",
                f"address={owner}",
            ):
                await self.ask(f"GET {path}", f"{path}?{query}")
        body = safe_approval(self.client.key)
        await self.ask("POST /submit", "/submit", body)  # without a key
        key = {"RELAYER_API_KEY": "any", "RELAYER_API_KEY_ADDRESS": owner}
        sent = await self.client.http.post("/submit", json=body, headers=key)
        assert sent.status_code == 200, sent.text
        check(ROUTES["POST /submit"], sent.json(), "submit")
        self.walked["POST /submit"] = None
        busy = await self.client.http.post("/submit", json=body, headers=key)
        check(ERROR, busy.json(), "submit again")
        path = f"/v1/account/transactions/{sent.json()['transactionID']}"
        await produced(self.exchange, self.wall, 60.0)
        told = await self.ask("GET /v1/account/transactions/{id}", path)
        assert told.json()["state"] == "STATE_CONFIRMED"
        await self.ask("GET /v1/account/transactions/{id}", "/v1/account/transactions/none")
        asked = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(
                [
                    ("eth_chainId", []), ("eth_gasPrice", []), ("eth_blockNumber", []),
                    ("eth_getBalance", [owner, "latest"]),
                    ("eth_getBlockByNumber", ["latest", False]),
                    ("eth_getTransactionCount", [owner, "pending"]), ("eth_call", [{}, "latest"]),
                    ("eth_getTransactionReceipt", [told.json()["transaction_hash"]]),
                    ("eth_getTransactionReceipt", ["0x0"]), ("eth_sendRawTransaction", ["0x00"]),
                    ("eth_estimateGas", [{"from": owner, "to": COLLATERAL, "data": "0x12345678"}]),
                    ("eth_mine", []),
                ]
            )
        ]  # fmt: skip
        for path in ("/rpc", "/rpc/"):
            answers = await self.ask(f"POST {path}", path, asked)
            refused = [one["id"] for one in answers.json() if "error" in one]
            assert refused == [6, 9, 10, 11]
            for body in (asked[0], {"id": None}, [], 3):
                await self.ask(f"POST {path}", path, body)

    async def admin(self) -> None:
        market = self.market["conditionId"]
        await self.ask("GET /admin/state", "/admin/state")
        for name, body in {
            "fund": {"address": self.client.address, "usd": 5},
            "account": {"address": self.client.address, "tier": "Gold"},
            "pairs": {"address": self.client.address, "market": market, "shares": -1},
            "tick": {"market": market, "tick": "0.001"},
            "mode": {"mode": "running"},
            "fault": {"kind": "drop", "count": 1},
            "settlement": {"kind": "failed_trades", "count": 1},
            "clear": {},
            "resolution": {"market": market, "step": "propose"},
        }.items():
            await self.ask(f"POST /admin/{name}", f"/admin/{name}", body)
            await self.ask(f"POST /admin/{name}", f"/admin/{name}", {"nonsense": 1})


@asynccontextmanager
async def walking(*faults: Any) -> AsyncIterator[Walk]:
    wall = Wall()
    source = SimulatedSource(7, 60, 1.0, START_NS)
    exchange = EmbeddedExchange(
        source, speed=SPEED, monotonic_ns=wall, more_routes=admin_routes(TOKEN),
        accounts=PrivateTerms(seed=3, enforces_limits=False),
    )  # fmt: skip
    exchange.injection.add(faults)
    async with exchange, PrivateClient(exchange, 1) as client:
        yield Walk(exchange, client, wall)


async def test_every_route_answers_as_the_venues_tables_say() -> None:
    async with walking() as walk:
        await walk.account()
        await produced(walk.exchange, walk.wall, 300.0)
        await walk.public()
        await walk.chain()
        await walk.data()
        await walk.admin()
        condition = walk.market["conditionId"]
        for prefix in ("", "/data-api"):
            path = f"{prefix}/v2/resolutions"
            await walk.ask(f"GET {path}", f"{path}?condition={condition}")
        await walk.ask("DELETE /auth/api-key", "/auth/api-key", private=True)
        app = walk.exchange.app
        assert app is not None
        served = {
            f"{route.method} {route.resource.canonical}"
            for route in app.router.routes()
            if route.resource is not None and route.method != "HEAD"
        }
        assert served - set(SOCKETS) == set(ROUTES), (
            "a new route needs a table, and a gone one none"
        )
        assert set(walk.walked) == set(ROUTES), "every route was asked and answered with success"


async def test_every_market_message_is_as_the_tables_say() -> None:
    wall = Wall()
    seen: dict[str, int] = {}

    def take(received: list[str]) -> None:
        for message in messages(received):
            kind = message["event_type"]
            check(MARKET_MESSAGES[kind], message, kind)
            seen[kind] = seen.get(kind, 0) + 1

    faults = (kinds.TickChange(at_s=30.0), kinds.Resolve(at_s=60.0, market="1"))
    async with (
        following(wall, *faults) as (exchange, _),
        subscribed(exchange, tokens_of(exchange), custom_feature_enabled=True) as socket,
    ):
        take(await texts(socket))
        await produced(exchange, wall, 600.0)
        take(await texts(socket))
    wall = Wall()
    quiet = simulated(wall, markets=60, seed=9, activity=0.005)
    async with quiet as exchange, subscribed(exchange, [], custom_feature_enabled=True) as socket:
        await produced(exchange, wall, 8 * 3_600)
        take(await texts(socket))
    assert set(seen) == set(MARKET_MESSAGES), "every type was seen"


async def test_every_user_message_is_as_the_tables_say() -> None:
    retrying = RetryingTrades(count=1, retries_s=5.0, ends="FAILED")
    async with walking(retrying) as walk:
        client, exchange = walk.client, walk.exchange
        credentials = client.credentials
        async with websockets.connect(exchange.urls.user_ws_url, proxy=None) as socket:
            auth = {
                "apiKey": credentials.key,
                "secret": credentials.secret,
                "passphrase": credentials.passphrase,
            }
            await socket.send(json.dumps({"type": "user", "auth": auth}))
            assert await texts(socket) == []
            await produced(exchange, walk.wall, 1.0)
            bodies = [
                client.post(walk.yes, walk.bid_e4 - 500, 100),
                client.post(walk.yes, walk.ask_e4 + 300, 50),
                client.post(walk.yes, walk.ask_e4 + 300, 50),
            ]
            placed = [await client.ask("POST", "/order", body) for body in bodies]
            assert [one.status_code for one in placed] == [200, 200, 200]
            await client.ask("DELETE", "/cancel-all")
            await produced(exchange, walk.wall, 600.0)
            await asyncio.sleep(0)
            received = messages(await texts(socket))
    for message in received:
        check(USER_MESSAGES[message["event_type"]], message, message["event_type"])
    orders = {one["type"] for one in received if one["event_type"] == "order"}
    trades = {one["status"] for one in received if one["event_type"] == "trade"}
    assert orders == {"PLACEMENT", "UPDATE", "CANCELLATION"}
    assert trades == {"MATCHED", "MINED", "CONFIRMED", "RETRYING", "FAILED"}
