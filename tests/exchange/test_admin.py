"""The admin endpoint over loopback sockets: who may, and what it does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from loopback_exchange import SPEED, START_NS, Wall, rest, simulated
from polyframe.exchange.admin import TOKEN_HEADER, admin_routes
from polyframe.exchange.public.gamma_objects import market_token_ids
from polyframe.exchange.server import EmbeddedExchange
from polyframe.exchange.simulation.source import SimulatedSource
from polyframe.exchange.trading.accounts import CASH
from polyframe.exchange.trading.terms import PrivateTerms

pytestmark = pytest.mark.anyio
TOKEN = "a-token"
WALLET = "0x00000000000000000000000000000000000000A1"


@asynccontextmanager
async def administered() -> AsyncIterator[tuple[EmbeddedExchange, httpx.AsyncClient]]:
    source = SimulatedSource(7, 20, 1.0, START_NS)
    exchange = EmbeddedExchange(
        source,
        speed=SPEED,
        monotonic_ns=Wall(),
        accounts=PrivateTerms(),
        more_routes=admin_routes(TOKEN),
    )
    async with exchange, rest(exchange) as client:
        client.headers[TOKEN_HEADER] = TOKEN
        yield exchange, client


async def post(client: httpx.AsyncClient, name: str, body: Any, status: int = 200) -> Any:
    answer = await client.post(f"/admin/{name}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_who_may() -> None:
    async with administered() as (_, client):
        assert (await client.get("/admin/state")).status_code == 200
        for headers in ({TOKEN_HEADER: ""}, {TOKEN_HEADER: "another"}, {TOKEN_HEADER: "é"}):
            raw = {name: value.encode("latin-1") for name, value in headers.items()}
            refused = await client.get("/admin/state", headers=raw)
            assert refused.status_code == 401
            assert TOKEN not in refused.text
        for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example"):
            refused = await client.get("/admin/state", headers={"Host": host})
            assert refused.status_code == 403
        for host in ("localhost:1", "localhost", "127.0.0.1", "[::1]", "[::1]:80"):
            ours = await client.get("/admin/state", headers={"Host": host})
            assert ours.status_code == 200, host
        for name in (
            *("mode", "fault", "clear", "fund", "account", "pairs"),
            *("resolution", "tick", "settlement"),
        ):
            assert (await client.get(f"/admin/{name}")).status_code == 405, "changes are POST"
    async with simulated(Wall()) as exchange, rest(exchange) as client:
        assert (await client.get("/admin/state")).status_code == 404, "only where asked for"


async def test_state_tells_what_goes_on() -> None:
    async with administered() as (exchange, client):
        await post(client, "fund", {"address": WALLET, "usd": 250})
        await post(client, "fault", {"kind": "drop", "share": 0.5})
        state = (await client.get("/admin/state")).json()
        assert state["market_time_ns"] == str(START_NS)
        assert (state["mode"], state["is_running"]) == ("running", False)
        assert state["faults"] == {"drop": 0}
        assert state["served"]["requests"] == 3
        assert state["wallets"] == [
            {"address": WALLET, "cash_usd": 10_250.0, "tokens": 0, "open_orders": 0}
        ]
        assert exchange.private is not None
        assert exchange.private.desk.custody.journal.cash_e12(WALLET) == 10_250 * 10**12


async def test_modes_faults_and_clearing() -> None:
    async with administered() as (exchange, client):
        assert exchange.private is not None
        modes = exchange.private.desk.modes
        await post(client, "mode", {"mode": "cancel_only"})
        assert modes.change.mode == "cancel_only"
        await post(client, "fault", {"kind": "server_error", "route": "/ok"})
        assert (await client.get("/ok")).status_code == 500
        await post(client, "clear", {})
        assert (await client.get("/ok")).status_code == 200
        assert modes.change.mode == "running"
        await post(client, "settlement", {"kind": "failed_trades", "count": 3})
        assert exchange.injection.struck["failed_trades"] == 0
        bad = {
            "mode": ({"mode": "asleep"}, "asleep"),
            "fault": ({"kind": "drop", "share": 3}, "share"),
            "settlement": ({"kind": "drop"}, "no fault of settlement"),
        }
        for name, (body, text) in bad.items():
            assert text in (await post(client, name, body, 400))["error"]
        assert "unknown field" in (await post(client, "mode", {"mood": 1}, 400))["error"]
        assert (await client.post("/admin/mode", content=b"{")).status_code == 400


async def test_markets_change_at_once() -> None:
    async with administered() as (exchange, client):
        market = exchange.source.markets()[0]
        condition, (yes, no) = market["conditionId"], market_token_ids(market)
        await post(client, "tick", {"market": condition, "tick": "0.001"})
        tick = (await client.get("/tick-size", params={"token_id": yes})).json()
        assert tick == {"minimum_tick_size": 0.001}
        wrong = await post(client, "tick", {"market": condition, "tick": "0.3"}, 400)
        assert "0.3" in wrong["error"]
        missing = await post(client, "tick", {"market": "0x1", "tick": "0.1"}, 400)
        assert "there is no market" in missing["error"]
        early = await post(client, "resolution", {"market": condition, "step": "dispute"}, 400)
        assert early["error"].startswith("dispute: ")
        await post(client, "resolution", {"market": condition, "step": "propose"})
        await post(client, "resolution", {"market": condition, "step": "dispute"})
        told = (await client.get(f"/v2/resolutions?condition={condition}")).json()["data"][0]
        assert told["was_disputed"] is True
        resolve = {"market": condition, "step": "resolve", "yes_pays": 0.0}
        await post(client, "resolution", resolve | {"yes_pays": 1.5}, 400)
        await post(client, "resolution", resolve)
        after = (await client.get(f"/markets/{condition}")).json()
        assert [one["winner"] for one in after["tokens"]] == [False, True]
        await post(client, "fund", {"address": WALLET, "token_id": no, "shares": 5})
        assert "no token" in (
            await post(client, "fund", {"address": WALLET, "token_id": "1", "shares": 5}, 400)
        )["error"]  # fmt: skip
        nobody = {"address": "0x" + "z" * 40, "usd": 1}
        for body in ({"address": "0x1", "usd": 1}, nobody, {"address": WALLET, "usd": -1}):
            await post(client, "fund", body, 400)


async def test_a_refused_deposit_moves_nothing() -> None:
    async with administered() as (exchange, client):
        assert exchange.private is not None
        wallet = exchange.private.desk.custody.wallet(WALLET)
        before = wallet.holding(CASH).balance
        body = {"address": WALLET, "usd": 5, "shares": 3, "token_id": "1"}
        await post(client, "fund", body, 400)
        assert wallet.holding(CASH).balance == before


async def test_an_account_is_treated_as_told() -> None:
    async with administered() as (exchange, client):
        assert exchange.private is not None
        desk, limits = exchange.private.desk, exchange.private.limits
        told = {"address": WALLET, "closed_only": True, "banned": True, "tier": "Gold"}
        await post(client, "account", told)
        assert WALLET.lower() in desk.closed_only
        assert WALLET.lower() in desk.banned
        assert limits.tier_of(WALLET).name == "Gold"
        await post(client, "account", {"address": WALLET, "banned": False})
        assert WALLET.lower() not in desk.banned
        assert WALLET.lower() in desk.closed_only, "what is left out stays"
        await post(client, "account", {"address": WALLET, "tier": "Tin"}, 400)
        await post(client, "account", {"address": "0x1", "banned": True}, 400)


async def test_pairs_are_split_and_merged_at_a_dollar() -> None:
    async with administered() as (exchange, client):
        assert exchange.private is not None
        market = exchange.source.markets()[0]
        wallet = exchange.private.desk.custody.wallet(WALLET)
        before = wallet.holding(CASH).balance
        pairs = {"address": WALLET, "market": market["conditionId"]}
        await post(client, "pairs", {**pairs, "shares": -25})
        held = [wallet.holding(token).balance for token in market_token_ids(market)]
        assert held == [25_000_000, 25_000_000]
        assert wallet.holding(CASH).balance == before - 25 * 10**12
        await post(client, "pairs", {**pairs, "shares": 26}, 400)
        await post(client, "pairs", {**pairs, "shares": 25})
        assert wallet.holding(CASH).balance == before
        await post(client, "pairs", {**pairs, "market": "0x1", "shares": 1}, 400)


async def test_the_hundredth_refusal_is_not_the_last() -> None:
    async with administered() as (exchange, client):
        body = {"market": exchange.source.markets()[0]["conditionId"], "step": "dispute"}
        for _ in range(103):
            await post(client, "resolution", body, 400)


async def test_a_mode_is_held_to_a_scripts_bounds() -> None:
    async with administered() as (_, client):
        for seconds in (-5, 10**30):
            await post(client, "mode", {"mode": "disabled", "retry_after_s": seconds}, 400)
