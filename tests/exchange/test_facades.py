"""The read-only façades over loopback sockets: Gamma, the CLOB's market reads, Data v2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from loopback_exchange import S_NS, START_NS, Wall, produced, rest, simulated, subscribed, tokens_of
from polyframe.events import Side
from polyframe.exchange.account_books import (
    Approval,
    FrozenBooks,
    HeldPosition,
    NoAccounts,
    WalletActivity,
    WalletTrade,
)
from polyframe.exchange.faults import venue_kinds as kinds
from polyframe.exchange.public.gamma_objects import (
    market_event,
    market_outcomes,
    market_prices,
    market_token_ids,
    resolution_steps,
)
from polyframe.exchange.public.lag import Lagged
from polyframe.exchange.public.rest_data import DataFacade
from polyframe.exchange.server import EmbeddedExchange
from polyframe.exchange.simulation.source import SimulatedSource
from polyframe.polymarket.contracts import COLLATERAL, CONDITIONAL_TOKENS

pytestmark = pytest.mark.anyio
WALLET = "0xAbC0000000000000000000000000000000000001"


async def get(client: httpx.AsyncClient, path: str, status: int = 200) -> Any:
    answer = await client.get(path)
    assert answer.status_code == status, f"{path}: {answer.text[:200]}"
    return answer.json()


# --- Gamma -------------------------------------------------------------------------


async def test_gamma_by_offset_slug_and_tag() -> None:
    async with simulated(Wall(), markets=60) as exchange, rest(exchange) as client:
        listed = exchange.source.markets()
        first = await get(client, "/gamma/markets?limit=25&offset=0")
        second = await get(client, "/gamma/markets?limit=25&offset=25")
        assert isinstance(first, list)
        assert len({one["id"] for one in [*first, *second]}) == 50
        assert await get(client, "/markets?limit=25&offset=0") == first, "on the shared root"
        assert await get(client, "/gamma/markets?offset=1000") == []
        market = listed[3]
        assert (await get(client, f"/markets/slug/{market['slug']}"))["id"] == market["id"]
        assert (await get(client, f"/markets/{market['id']}"))["id"] == market["id"]
        assert await get(client, f"/gamma/markets/{market['id']}/tags") == market["tags"]
        events = await get(client, "/events?limit=100")
        (one,) = (e for e in events if e["id"] == market["events"][0]["id"])
        assert (await get(client, f"/events/slug/{one['slug']}"))["id"] == one["id"]
        tags = await get(client, "/tags?limit=100")
        assert market["tags"][0] in tags
        assert await get(client, f"/tags/slug/{tags[0]['slug']}") == tags[0]
        for path in ("/markets/slug/no", "/events/slug/no", "/markets/1/tags", "/tags/slug/no"):
            assert await get(client, path, 404) == {"error": "id not found"}


async def test_gamma_filters() -> None:
    async with simulated(Wall(), markets=80) as exchange, rest(exchange) as client:
        listed = exchange.source.markets()

        async def ids(query: str) -> set[str]:
            answer = await get(client, f"/markets/keyset?limit=100&{query}")
            return {one["id"] for one in answer["markets"]}

        everything = {one["id"] for one in listed}
        a, b = listed[0], listed[1]
        both = {a["id"], b["id"]}
        assert await ids(f"question_ids={a['questionID']}&question_ids={b['questionID']}") == both
        assert await ids(f"slug={a['slug']}&slug={b['slug']}") == both
        assert await ids(f"id={a['id']},{b['id']}") == both
        assert await ids("version=v2") | await ids("version=v1") == everything
        assert not await ids("version=v2") & await ids("version=v1")
        assert await ids("rewards_min_size=0") == everything
        assert await ids("rewards_min_size=1000000") == set()
        proposed = {one["id"] for one in listed if one["umaResolutionStatus"] == "proposed"}
        assert await ids("uma_resolution_status=proposed") == proposed
        tag, other = (str(one["tags"][0]["id"]) for one in (a, listed[7]))
        with_tag = {one["id"] for one in listed if str(one["tags"][0]["id"]) == tag}
        assert await ids(f"tag_id={tag}") == with_tag
        assert await ids(f"tag_id={tag}&tag_id={other}&tag_match=any") >= with_tag
        if tag != other:
            assert await ids(f"tag_id={tag}&tag_id={other}&tag_match=all") == set()
        positions = [one for one in listed if one.get("positionIds")]
        for one in positions[:1]:
            assert await ids(f"position_ids={one['positionIds'][0]}") == {one["id"]}
        assert await ids("position_ids=1") == set()
        rich = {one["id"] for one in listed if one["volumeNum"] >= 10_000}
        assert await ids("volume_num_min=10000") == rich
        for bad in ("version=v9", "tag_id=1&tag_match=some", "closed=maybe", "ascending=1"):
            assert (await client.get(f"/markets/keyset?{bad}")).status_code == 422
        assert (await client.get("/gamma/markets?offset=x")).status_code == 422


async def test_closed_markets_and_events_are_shown_by_offset_only_on_request() -> None:
    wall = Wall()
    served = simulated(wall, markets=40, activity=0.002)
    async with served as exchange, rest(exchange) as client:
        async with subscribed(exchange, tokens_of(exchange)[:2]):
            await produced(exchange, wall, 48 * 3_600)
        closed = {one["id"] for one in exchange.source.markets() if one["closed"]}
        assert closed
        opened = await get(client, "/gamma/markets?limit=100")
        assert not closed & {one["id"] for one in opened}
        assert {one["id"] for one in await get(client, "/gamma/markets?closed=true")} == closed
        assert not any(one["closed"] for one in await get(client, "/events?limit=100"))
        over = await get(client, "/events?closed=true&limit=100")
        assert over
        assert all(one["closed"] for one in over)
        keyset = (await get(client, "/events/keyset?limit=100"))["events"]
        assert {one["id"] for one in over} <= {one["id"] for one in keyset}
        market = next(one for one in exchange.source.markets() if one["closed"])
        told = await get(client, f"/markets/{market['conditionId']}")
        assert [one["winner"] for one in told["tokens"]].count(True) == 1
        row = (await get(client, f"/v2/resolutions?condition={market['conditionId']}"))["data"][0]
        assert (row["status"], sum(row["payouts"])) == ("resolved", 1_000_000)


async def test_gamma_lags() -> None:
    wall = Wall()
    served = simulated(wall, kinds.GammaLag(lag_s=600.0, for_s=3_600.0), markets=8, activity=0.2)
    path = "/markets/keyset?limit=100"
    async with served as exchange, rest(exchange) as client, subscribed(exchange, []):
        await produced(exchange, wall, 1.0)
        before = await get(client, path)
        await produced(exchange, wall, 300.0)
        assert await get(client, path) == before, "a standstill"
        for _ in range(20):
            await produced(exchange, wall, 60.0)
        later = await get(client, path)
        assert later != before
        assert later["markets"] != exchange.source.markets()
        await produced(exchange, wall, 3_600.0)
        told = (await get(client, "/gamma/markets?limit=100&closed=false"))[0]
        (now,) = (one for one in exchange.source.markets() if one["id"] == told["id"])
        assert told["volume"] == now["volume"], "over with the fault"


def test_a_lag_serves_the_newest_state_that_is_old_enough() -> None:
    now = [0]
    state = [0]
    view = Lagged(lambda: state[0], lambda: now[0])
    assert view() == 0
    view.set_lag(10.0, 0)
    seen = []
    for second in range(40):
        now[0], state[0] = second * S_NS, second
        seen.append(view())
    assert all(0 <= second - 10 - old <= 1 for second, old in enumerate(seen) if second > 11)
    assert set(seen[:10]) == {0}
    view.set_lag(0.0, now[0])
    assert view() == 39


# --- the CLOB's market reads -------------------------------------------------------


async def test_prices_of_tokens() -> None:
    async with simulated(Wall()) as exchange, rest(exchange) as client:
        gamma = next(m for m in exchange.source.markets() if "bestBid" in m and "bestAsk" in m)
        yes, no = market_token_ids(gamma)
        bid = (await get(client, f"/price?token_id={yes}&side=BUY"))["price"]
        ask = (await get(client, f"/price?token_id={yes}&side=sell"))["price"]
        assert (float(bid), float(ask)) == (gamma["bestBid"], gamma["bestAsk"])
        assert await get(client, f"/price?token_id={yes}&side=up", 400) == {"error": "Invalid side"}
        assert (await client.get("/price?token_id=1&side=BUY")).status_code == 404
        asked = [{"token_id": yes, "side": "BUY"}, {"token_id": yes, "side": "SELL"}]
        prices = (
            await client.post("/prices", json=[*asked, {"token_id": "1", "side": "BUY"}])
        ).json()
        assert prices == {yes: {"BUY": bid, "SELL": ask}}
        bad = await client.post("/prices", json=[{"token_id": yes}])
        assert (bad.status_code, bad.json()) == (400, {"error": "Invalid side"})
        assert (await client.post("/last-trades-prices", json=[{"token_id": no}])).json() == []
        assert (await client.post("/last-trades-prices", content=b"{")).status_code == 400
        assert await get(client, f"/fee-rate?token_id={yes}") == {"base_fee": "0"}
        assert "v2/prices-history" in (await get(client, "/prices-history", 404))["error"]


async def test_last_trades_leave_out_what_never_traded() -> None:
    wall = Wall()
    async with simulated(wall) as exchange, rest(exchange) as client:
        tokens = tokens_of(exchange)
        async with subscribed(exchange, tokens[:1]):
            await produced(exchange, wall, 600.0)
        asked = [{"token_id": token} for token in tokens]
        trades = (await client.post("/last-trades-prices", json=asked)).json()
        traded = [token for token in tokens if (exchange.source.last_trade(token) or ("",))[0]]
        assert [one["token_id"] for one in trades] == traded
        assert traded


async def test_markets_page_by_page() -> None:
    async with simulated(Wall(), markets=700) as exchange, rest(exchange) as client:
        seen: list[str] = []
        cursor = ""
        while cursor != "LTE=":
            page = await get(client, "/markets" + (f"?next_cursor={cursor}" if cursor else ""))
            seen += [one["condition_id"] for one in page["data"]]
            assert (page["limit"], page["count"]) == (500, len(page["data"]))
            cursor = page["next_cursor"]
        assert seen == [one["conditionId"] for one in exchange.source.markets()]
        empty = await get(client, "/markets?next_cursor=LTE=")
        assert (empty["data"], empty["next_cursor"]) == ([], "LTE=")
        assert (await get(client, "/markets?next_cursor=MA=="))["data"][0]["condition_id"] == seen[
            0
        ]
        await get(client, "/simplified-markets?next_cursor=!", 400)
        one = await get(client, f"/markets/{seen[0]}")
        gamma = exchange.source.markets()[0]
        assert [t["token_id"] for t in one["tokens"]] == market_token_ids(gamma)
        assert (one["closed"], one["minimum_tick_size"]) == (False, gamma["orderPriceMinTickSize"])
        assert await get(client, "/markets/0x1", 404) == {"error": "market not found"}
        sampled = await get(client, "/sampling-markets")
        rewarded = [m["conditionId"] for m in exchange.source.markets() if m["clobRewards"]]
        assert [m["condition_id"] for m in sampled["data"]] == rewarded
        assert sampled["data"][0]["rewards"]["rates"][0]["rewards_daily_rate"] > 0
        short = await get(client, "/sampling-simplified-markets")
        assert set(short["data"][0]) < set(sampled["data"][0])


def test_gamma_objects_that_are_broken_read_as_nothing() -> None:
    assert market_token_ids({"clobTokenIds": "["}) == []
    assert market_token_ids({"version": "v2", "positionIds": ["5"], "clobTokenIds": "[]"}) == ["5"]
    assert market_outcomes({"outcomes": "3"}) == []
    assert market_prices({"outcomePrices": '["x"]'}) == []
    assert resolution_steps({}) == []
    assert market_event({}) == {}


# --- Data v2 -----------------------------------------------------------------------


class Books(NoAccounts):
    """One wallet with two tokens of one market and one of another."""

    def __init__(self, exchange: EmbeddedExchange) -> None:
        first, second = exchange.source.markets()[:2]
        self.market_id = first["conditionId"]
        self.yes, self.no = market_token_ids(first)
        self.other = market_token_ids(second)[0]
        self.other_market = second["conditionId"]
        self.approved: list[Approval] = []
        self.extra: list[WalletTrade] = []

    def wallets(self) -> Sequence[str]:
        return (WALLET,)

    def positions(self, wallet: str) -> Sequence[HeldPosition]:
        if wallet.lower() != WALLET.lower():
            return ()
        common: dict[str, Any] = {"fees_e12": 0, "first_ns": START_NS, "last_ns": START_NS + S_NS}
        return (
            HeldPosition(
                token_id=self.yes, market_id=self.market_id, size_e6=10_000_000,
                bought_e6=20_000_000, cost_e12=4 * 10**12, realised_e12=10**12, **common,
            ),
            HeldPosition(
                token_id=self.no, market_id=self.market_id, size_e6=2_500_000,
                bought_e6=2_500_000, cost_e12=10**12, realised_e12=0, **common,
            ),
            HeldPosition(
                token_id=self.other, market_id=self.other_market, size_e6=0,
                bought_e6=5_000_000, cost_e12=0, realised_e12=-(10**12), **common,
            ),
        )  # fmt: skip

    def trades(self) -> Sequence[WalletTrade]:
        common: dict[str, Any] = {
            "wallet": WALLET, "market_id": self.market_id, "token_id": self.yes,
            "size_e6": 5_000_000, "fee_e12": 0, "transaction_hash": "0xff",
        }  # fmt: skip
        return [
            WalletTrade(
                trade_id=str(n), side=Side.BUY if n % 2 else Side.SELL, price_e4=4_000 + n,
                is_taker=n < 4, ts_ns=START_NS + n * S_NS, **common,
            )
            for n in range(6)
        ] + self.extra  # fmt: skip

    def activity(self, wallet: str) -> Sequence[WalletActivity]:
        trade = WalletActivity(
            kind="TRADE", wallet=WALLET, market_id=self.market_id, token_id=self.yes,
            side=Side.BUY, price_e4=4_000, size_e6=5_000_000, amount_e12=2 * 10**12, ts_ns=START_NS,
        )  # fmt: skip
        merge = WalletActivity(
            kind="MERGE", wallet=WALLET, market_id=self.market_id, amount_e12=10**12,
            ts_ns=START_NS + S_NS,
        )  # fmt: skip
        funded = WalletActivity(
            kind="DEPOSIT", wallet=WALLET, amount_e12=100 * 10**12, ts_ns=START_NS + 2 * S_NS
        )
        return (trade, merge, funded)

    def approvals(self, wallet: str) -> Sequence[Approval]:
        return self.approved


def with_books(wall: Wall) -> tuple[EmbeddedExchange, Books]:
    exchange = simulated(wall)
    books = Books(exchange)
    exchange.data = DataFacade(exchange.source, exchange.clock, books)
    return exchange, books


async def test_positions_and_their_value() -> None:
    exchange, books = with_books(Wall())
    async with exchange, rest(exchange) as client:
        page = await get(client, f"/v2/positions?user={WALLET.lower()}")
        assert page["pagination"] == {
            "limit": 100, "offset": 0, "has_more": False, "next_cursor": None,
        }  # fmt: skip
        yes, no = page["data"]
        assert (yes["token_id"], yes["opposite_token_id"]) == (books.yes, books.no)
        assert (yes["current_size"], yes["total_size"], yes["avg_price"]) == (10.0, 20.0, 0.4)
        assert yes["total_pnl"] == pytest.approx(1 + 10 * yes["current_price"] - 4)
        assert (yes["status"], yes["mergeable"], yes["redeemable"]) == ("OPEN", True, False)
        assert no["outcome_index"] == 1
        value = (await get(client, f"/v2/value?user={WALLET}"))["data"]["value"]
        assert value == pytest.approx(yes["current_value"] + no["current_value"])
        (closed,) = (await get(client, f"/v2/positions?user={WALLET}&status=CLOSED"))["data"]
        assert (closed["token_id"], closed["realized_pnl"]) == (books.other, -1.0)
        merge = await get(client, f"/v2/positions?user={WALLET}&status=MERGEABLE")
        assert len(merge["data"]) == 2
        in_market = await get(client, f"/v2/positions?condition={books.market_id}")
        assert len(in_market["data"]) == 2
        lost = await get(client, f"/data-api/v2/positions?user={WALLET}&status=REDEEMABLE_LOST")
        assert lost["data"] == []
        for query in ("", "?user=0x1&status=MAYBE", "?user=0x1&cursor=!"):
            assert "error" in await get(client, f"/v2/positions{query}", 400)
        holders = (await get(client, f"/v2/holders?condition={books.market_id}"))["data"]
        assert [one["holders"][0]["amount"] for one in holders] == [10.0, 2.5]
        interest = (await get(client, f"/v2/oi?condition_id={books.market_id}"))["data"]
        assert interest == [{"condition_id": books.market_id, "value": 10.0}]
        assert (await get(client, "/v2/oi"))["data"][0]["condition_id"] == "GLOBAL"


async def test_trades_and_activity() -> None:
    exchange, books = with_books(Wall())
    async with exchange, rest(exchange) as client:
        trades = (await get(client, f"/v2/trades?user={WALLET}&taker_only=false"))["data"]
        assert [one["price"] for one in trades][:2] == [0.4005, 0.4004], "the newest first"
        assert len((await get(client, f"/v2/trades?user={WALLET}"))["data"]) == 4
        sells = await get(
            client, f"/v2/trades?side=SELL&taker_only=false&condition={books.market_id}"
        )
        assert {one["side"] for one in sells["data"]} == {"SELL"}
        start = START_NS // S_NS + 2
        assert len((await get(client, f"/v2/trades?start={start}&end={start + 2}"))["data"]) == 2
        seen, cursor = [], ""
        while cursor is not None:
            page = await get(client, f"/v2/trades?taker_only=false&limit=4&cursor={cursor}")
            seen += page["data"]
            cursor = page["pagination"]["next_cursor"]
        assert seen == trades
        activity = (await get(client, f"/v2/activity?user={WALLET}"))["data"]
        assert [one["type"] for one in activity] == ["DEPOSIT", "MERGE", "TRADE"]
        assert (activity[2]["usdc_size"], activity[2]["size"]) == (2.0, 5.0)
        assert "condition_id" not in activity[0]
        some = await get(client, f"/v2/activity?user={WALLET}&type=TRADE,MERGE&sort_direction=ASC")
        assert [one["type"] for one in some["data"]] == ["TRADE", "MERGE"]
        await get(client, "/v2/activity", 400)
        await get(client, "/v2/trades?start=x", 400)


async def test_approvals_status_and_history() -> None:
    wall = Wall()
    exchange, books = with_books(wall)
    async with exchange, rest(exchange) as client:
        told = (await get(client, f"/v2/approvals?user={WALLET}"))["data"]
        assert (told["address"], told["chain_id"], len(told["contracts"])) == (WALLET, 137, 17)
        assert all(one["approved"] for one in told["contracts"])
        exchange_v2 = "0xE111180000D2663C0091E4F400237545B87B996B"
        books.approved += [
            Approval(token=COLLATERAL, spender=exchange_v2, amount=0),
            Approval(token=CONDITIONAL_TOKENS, spender=exchange_v2, amount=2**256 - 1),
        ]
        told = (await get(client, f"/v2/approvals?user={WALLET}"))["data"]
        assert [one["approved"] for one in told["contracts"]].count(False) == 1
        assert (await get(client, "/v2/status"))["data"]["lag_seconds"] == 0
        path = f"/v2/prices-history?token_id={books.yes}&interval=max&limit=1000"
        assert len((await get(client, path))["data"]) == 1
        async with subscribed(exchange, [books.yes]):
            await produced(exchange, wall, 1.0)
            for second in range(0, 300, 30):
                exchange.data.note(START_NS + second * S_NS)
        points = (await get(client, path))["data"]
        assert [one["timestamp"] - START_NS // S_NS for one in points] == [0, 60, 120, 180, 240]
        as_of = START_NS // S_NS + 130
        last = await get(client, f"/v2/prices-history?token_id={books.yes}&as_of={as_of}")
        assert last["data"] == [points[2]]
        for query in ("", f"?token_id={books.yes}", "?token_id=1&interval=max"):
            await get(client, f"/v2/prices-history{query}", 400)
        await get(client, "/v2/holders", 400)
        await get(client, "/v2/resolutions", 400)


async def test_the_data_api_lags() -> None:
    wall = Wall()
    exchange, books = with_books(wall)
    async with exchange, rest(exchange) as client:
        exchange.data.set_lag(3_600.0, START_NS)
        before = await get(client, "/v2/trades?taker_only=false")
        books.extra.append(books.trades()[0])
        assert await get(client, "/v2/trades?taker_only=false") == before
        assert (await get(client, "/v2/status"))["data"]["lag_seconds"] == 3_600
        exchange.data.set_lag(0.0, START_NS)
        now = await get(client, "/v2/trades?taker_only=false")
        assert len(now["data"]) == len(before["data"]) + 1
    frozen = FrozenBooks(books)
    assert list(frozen.positions(WALLET.upper())) == list(books.positions(WALLET))
    assert frozen.cash_e12(WALLET) == 0
    assert list(frozen.activity(WALLET)) == list(books.activity(WALLET))
    assert list(frozen.approvals(WALLET)) == []


async def test_an_exchange_without_accounts_has_nothing_to_tell() -> None:
    async with simulated(Wall()) as exchange, rest(exchange) as client:
        for path in ("positions", "activity"):
            assert (await get(client, f"/v2/{path}?user={WALLET}"))["data"] == []
        assert (await get(client, "/v2/trades"))["data"] == []
        assert (await get(client, f"/v2/value?user={WALLET}"))["data"]["value"] == 0


async def test_a_market_that_holds_takers_says_so_in_the_short_form() -> None:
    source = SimulatedSource(7, 40, 1e-9, START_NS, profile="busy")
    async with EmbeddedExchange(source) as exchange, rest(exchange) as client:
        found = {True: 0, False: 0}
        for market in source.markets():
            info = await get(client, f"/clob-markets/{market['conditionId']}")
            assert info.get("itode", False) is bool(market.get("itode"))
            found[bool(market.get("itode"))] += 1
        assert found[True] > 0
        assert found[False] > 0
