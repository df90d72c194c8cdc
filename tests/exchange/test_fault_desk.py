"""Venue and settlement faults on a running exchange, as an account and a follower see them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import websockets

from loopback_exchange import SPEED, START_NS, Wall, messages, produced, texts
from polyframe.exchange.faults import message_kinds, rest_kinds, settlement_kinds
from polyframe.exchange.faults import venue_kinds as kinds
from polyframe.exchange.faults.fault import Fault
from polyframe.exchange.public.gamma_objects import market_token_ids
from polyframe.exchange.server import EmbeddedExchange
from polyframe.exchange.simulation.source import SimulatedSource
from polyframe.exchange.trading.terms import PrivateTerms
from polyframe.polymarket.contracts import STANDARD_EXCHANGE
from private_client import PrivateClient, safe_approval

pytestmark = pytest.mark.anyio


class Account:
    """One account in one market of a still exchange, and its user channel."""

    def __init__(
        self, exchange: EmbeddedExchange, client: PrivateClient, wall: Wall,
        socket: websockets.ClientConnection,
    ) -> None:  # fmt: skip
        self.exchange = exchange
        self.client = client
        self.wall = wall
        self.socket = socket
        self.number, self.market = next(
            (number, one)
            for number, one in enumerate(exchange.source.markets())
            if 0.2 < one.get("bestBid", 0) < one.get("bestAsk", 1) < 0.8
            and not one["negRisk"]
            and not one["secondsDelay"]
            and one.get("version", "v1") == "v1"
            and one["orderPriceMinTickSize"] == 0.01
        )
        self.yes = market_token_ids(self.market)[0]
        self.bid_e4 = round(self.market["bestBid"] * 10_000)
        self.ask_e4 = round(self.market["bestAsk"] * 10_000)

    async def inject(self, *faults: Fault) -> None:
        self.exchange.injection.add(faults, from_now=True)
        await self.wait(0.1)

    async def wait(self, seconds: float) -> None:
        await produced(self.exchange, self.wall, seconds)
        self.client.now_s = self.exchange.clock() // 10**9

    async def rest(self, shares: int = 100, **more: Any) -> httpx.Response:
        body = self.client.post(self.yes, self.bid_e4 - 500, shares, **more)
        return await self.client.ask("POST", "/order", body)

    async def take(self, shares: int = 20) -> httpx.Response:
        body = self.client.post(self.yes, self.ask_e4, shares)
        return await self.client.ask("POST", "/order", body)

    async def live(self) -> int:
        return (await self.client.ask("GET", "/data/orders")).json()["count"]

    async def events(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in messages(await texts(self.socket)) if one["event_type"] == kind]


@asynccontextmanager
async def account() -> AsyncIterator[Account]:
    wall = Wall()
    source = SimulatedSource(7, 60, 1e-9, START_NS)
    exchange = EmbeddedExchange(
        source, speed=SPEED, monotonic_ns=wall, accounts=PrivateTerms(seed=3)
    )
    async with (
        exchange,
        PrivateClient(exchange, 1) as client,
        websockets.connect(exchange.urls.user_ws_url, proxy=None) as socket,
    ):
        auth = {
            "apiKey": client.credentials.key,
            "secret": client.credentials.secret,
            "passphrase": client.credentials.passphrase,
        }
        await socket.send(json.dumps({"type": "user", "auth": auth}))
        await texts(socket)
        yield Account(exchange, client, wall, socket)


async def test_an_engine_restart_that_loses_orders() -> None:
    async with account() as one:
        assert (await one.rest()).json()["status"] == "live"
        await one.events("order")
        await one.inject(kinds.EngineRestart(restart_s=60.0, retry_after_s=30, loses_orders=True))
        refused = await one.rest()
        assert (refused.status_code, refused.headers["Retry-After"]) == (425, "30")
        await one.wait(60.0)
        refused = await one.rest()
        assert (refused.status_code, refused.json()["code"]) == (503, "post_only_mode")
        assert 0 < refused.json()["retry_after_seconds"] <= 120
        assert (await one.rest(post_only=True)).status_code == 200
        await one.wait(121.0)
        assert (await one.rest()).status_code == 200
        assert await one.live() == 2, "the first one is gone"
        told = await one.events("order")
        assert {event["type"] for event in told} == {"PLACEMENT"}, "and nobody was told"


@pytest.mark.parametrize(
    ("mode", "status"), [("cancel_only", 503), ("disabled", 503), ("restarting", 425)]
)
async def test_modes_come_and_go(mode: Any, status: int) -> None:
    async with account() as one:
        resting = (await one.rest()).json()["orderID"]
        await one.inject(kinds.Mode(mode=mode, for_s=30.0))
        assert (await one.rest()).status_code == status
        cancelled = await one.client.ask("DELETE", "/order", {"orderID": resting})
        assert (cancelled.status_code == 200) == (mode == "cancel_only")
        await one.wait(31.0)
        assert (await one.rest()).status_code == 200


async def test_markets_halt_close_and_resolve_with_live_orders() -> None:
    async with account() as one:
        market = str(one.number)
        await one.rest()
        await one.inject(kinds.Halt(market=market, for_s=30.0))
        assert (await one.rest()).status_code == 400
        assert await one.live() == 1
        await one.wait(31.0)
        assert (await one.rest()).status_code == 200
        await one.events("order")
        await one.inject(kinds.GameStart(market=market))
        told = await one.events("order")
        assert [event["status"] for event in told] == ["CANCELED", "CANCELED"]
        await one.rest()
        await one.inject(kinds.CloseMarket(market=market))
        (_, gone) = await one.events("order")
        assert gone["status"] == "CANCELED_MARKET_NOT_FOUND"
        assert (await one.rest()).status_code == 400
    async with account() as one:
        await one.rest()
        await one.inject(kinds.Resolve(market=str(one.number), yes_pays=0.5))
        gone = (await one.events("order"))[-1]
        assert gone["status"] == "CANCELED_MARKET_RESOLVED"
        told = await one.client.http.get(f"/markets/{one.market['conditionId']}")
        assert (told.json()["closed"], told.json()["is_50_50_outcome"]) == (True, True)


async def test_terms_change_under_live_orders() -> None:
    async with account() as one:
        market = str(one.number)
        await one.inject(kinds.MinSizeChange(market=market, shares=50))
        assert "lower than the minimum: 50" in (await one.rest(20)).json()["error"]
        await one.inject(kinds.TickChange(market=market, tick="0.1"))
        assert "minimum tick size rule: 0.1" in (await one.rest()).json()["error"]
        await one.inject(kinds.FeeChange(market=market, rate=0.5))
        info = await one.client.http.get(f"/clob-markets/{one.market['conditionId']}")
        assert info.json()["fd"]["r"] == 0.5


async def test_heartbeats_are_refused() -> None:
    async with account() as one:
        beat = (await one.client.ask("POST", "/v1/heartbeats", {"heartbeat_id": ""})).json()
        await one.inject(kinds.HeartbeatRefusal(for_s=5.0))
        refused = await one.client.ask("POST", "/v1/heartbeats", beat)
        assert refused.status_code == 400
        assert refused.json()["error_msg"] == "Invalid Heartbeat ID"
        await one.wait(6.0)
        following = {"heartbeat_id": refused.json()["heartbeat_id"]}
        assert (await one.client.ask("POST", "/v1/heartbeats", following)).status_code == 200


@pytest.mark.parametrize(
    ("fault", "statuses", "shares"),
    [
        (settlement_kinds.FailedTrades(), ["MATCHED", "FAILED"], 0),
        (settlement_kinds.Reorg(), ["MATCHED", "MINED", "FAILED"], 0),
        (settlement_kinds.GhostFills(share=1.0), ["MATCHED", "FAILED"], 0),
        (
            settlement_kinds.RetryingTrades(retries_s=50.0),
            ["MATCHED", "RETRYING", "MINED", "CONFIRMED"],
            20,
        ),
        (
            settlement_kinds.RetryingTrades(retries_s=50.0, ends="FAILED"),
            ["MATCHED", "RETRYING", "FAILED"],
            0,
        ),
    ],
)
async def test_trades_have_the_fate_they_were_given(
    fault: Fault, statuses: list[str], shares: int
) -> None:
    async with account() as one:
        await one.inject(fault)
        assert (await one.take()).json()["status"] == "matched"
        await one.wait(200.0)
        trades = await one.events("trade")
        first = [event["status"] for event in trades if event["id"] == trades[0]["id"]]
        assert first == statuses
        query = {"asset_type": "CONDITIONAL", "token_id": one.yes, "signature_type": "0"}
        balance = await one.client.ask("GET", "/balance-allowance", query=query)
        assert int(balance.json()["balance"]) == shares * 1_000_000
        assert one.exchange.injection.struck[fault.kind] >= 1


@pytest.mark.parametrize(
    ("fault", "after_s", "states"),
    [
        (settlement_kinds.FailedTransactions(count=1), 10.0, ["STATE_FAILED"] * 2),
        (
            settlement_kinds.SlowTransactions(count=1, after_s=60.0),
            40.0,
            ["STATE_EXECUTED", "STATE_CONFIRMED"],
        ),
    ],
)
async def test_transactions_have_the_fate_they_were_given(
    fault: Fault, after_s: float, states: list[str]
) -> None:
    async with account() as one:
        await one.inject(fault)
        owner = one.client.address
        key = {"RELAYER_API_KEY": "any", "RELAYER_API_KEY_ADDRESS": owner}

        async def send() -> str:
            body = safe_approval(one.client.key)
            sent = await one.client.http.post("/submit", json=body, headers=key)
            return f"/v1/account/transactions/{sent.json()['transactionID']}"

        path, seen = await send(), []
        for _ in range(2):
            await one.wait(after_s)
            seen.append((await one.client.http.get(path)).json()["state"])
        assert seen == states
        assert one.exchange.injection.struck[fault.kind] == 1
        if states[-1] == "STATE_FAILED":
            path = await send()  # the nonce is unused, and the fault is spent
            await one.wait(20.0)
            assert (await one.client.http.get(path)).json()["state"] == "STATE_CONFIRMED"


async def test_balances_lag_and_allowances_are_revoked() -> None:
    async with account() as one:
        query = {"asset_type": "CONDITIONAL", "token_id": one.yes, "signature_type": "0"}

        async def balance() -> int:
            told = await one.client.ask("GET", "/balance-allowance", query=query)
            return int(told.json()["balance"])

        await balance()
        await one.inject(settlement_kinds.BalanceLag(lag_s=600.0, for_s=300.0))
        await one.take()
        await one.wait(60.0)
        assert await balance() == 0, "settled, and not yet shown"
        await one.wait(300.0)
        assert await balance() == 20_000_000
        await one.inject(settlement_kinds.AllowanceRevoked(spender=STANDARD_EXCHANGE, for_s=10.0))
        refused = await one.rest()
        assert "the allowance is not enough" in refused.json()["error"]
        await one.wait(11.0)
        assert (await one.rest()).status_code == 200


async def test_placements_whose_outcome_nobody_knows() -> None:
    async with account() as one:
        await one.inject(rest_kinds.ResponseLost(count=1))
        body = one.client.post(one.yes, one.bid_e4 - 500, 100)
        with pytest.raises(httpx.TransportError):
            await one.client.ask("POST", "/order", body)
        assert await one.live() == 1
        again = await one.client.ask("POST", "/order", body)
        assert "Duplicated." in again.json()["error"], "the same bytes are safe to send again"
        await one.inject(rest_kinds.AcceptedLate(count=1, after_s=40.0))
        with pytest.raises(httpx.TransportError):
            await one.rest()
        assert await one.live() == 1
        await one.wait(41.0)
        while await one.live() < 2:
            pass
        await one.inject(rest_kinds.RetriesAllLive())
        retries = [(await one.rest()).status_code for _ in range(3)]
        assert retries == [500, 500, 500]
        assert await one.live() == 5


async def test_user_events_arrive_as_they_were_captured() -> None:
    async with account() as one:
        await one.inject(
            message_kinds.MillisecondTimes(count=1), message_kinds.Redelivered(count=1, after_s=5)
        )
        placed = (await one.rest()).json()["orderID"]
        (event,) = await one.events("order")
        assert len(event["created_at"]) == 13
        await one.wait(6.0)
        assert await one.events("order") == [event]
        one.exchange.injection.clear()
        await one.inject(message_kinds.SuffixedStatus(), message_kinds.EmptyNumerics())
        await one.client.ask("DELETE", "/order", {"orderID": placed})
        (event,) = await one.events("order")
        assert event["status"].startswith("CANCELED_order couldn't")
        assert (event["size_matched"], event["outcome"]) == ("", "")
