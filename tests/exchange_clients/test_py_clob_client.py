"""The venue's older client (py-clob-client-v2), unmodified, on the embedded exchange."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
import pytest
from py_clob_client_v2.client import ClobClient
from py_clob_client_v2.clob_types import (
    AssetType,
    BalanceAllowanceParams,
    BookParams,
    MarketOrderArgsV2,
    OpenOrderParams,
    OrderArgsV2,
    OrderMarketCancelParams,
    OrderPayload,
    OrderScoringParams,
    OrderType,
    PostOrdersV2Args,
    TradeParams,
)
from py_clob_client_v2.exceptions import PolyApiException
from py_clob_client_v2.http_helpers import helpers

from client_venue import (
    Quiet,
    key_of,
    lively_market,
    market_stream,
    open_exchange,
    quiet_market,
    trader,
)
from polyframe.exchange.server import EmbeddedExchange

pytestmark = pytest.mark.anyio

MAKER, TAKER = 21, 22
FAST = 25.0


@pytest.fixture(autouse=True)
def _own_connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Its one connection pool is made at import, with the proxies of that moment."""
    with httpx.Client(http2=True, trust_env=False) as http:
        monkeypatch.setattr(helpers, "_http_client", http)
        yield


class Old:
    """The synchronous client, each call in a thread of its own."""

    def __init__(self, client: ClobClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return partial(asyncio.to_thread, getattr(self._client, name))


@asynccontextmanager
async def old_client(exchange: EmbeddedExchange, number: int) -> AsyncIterator[Old]:
    client = Old(ClobClient(exchange.urls.clob_url, 137, key=key_of(number)))
    credentials = await client.create_or_derive_api_key()
    await client.set_api_creds(credentials)
    yield client


def bid(market: Quiet, price: float, size: float = 10, **options: Any) -> OrderArgsV2:
    return OrderArgsV2(token_id=market.yes, price=price, size=size, side="BUY", **options)


async def test_it_reads() -> None:
    async with open_exchange() as exchange, old_client(exchange, MAKER) as client:
        market = lively_market(exchange)
        assert await client.get_ok() == "OK"
        assert await client.get_version() == 2
        assert int(await client.get_server_time()) > 1_700_000_000
        book = await client.get_order_book(market.yes)
        assert book["asset_id"] == market.yes
        assert await client.get_order_book_hash(book) == book["hash"]
        (same,) = await client.get_order_books([BookParams(token_id=market.yes)])
        assert same["bids"] == book["bids"]
        assert "mid" in await client.get_midpoint(market.yes)
        assert "spread" in await client.get_spread(market.yes)
        assert await client.get_tick_size(market.yes) == "0.01"
        assert await client.get_neg_risk(market.yes) is False
        info = await client.get_clob_market_info(market.condition_id)
        assert {token["t"] for token in info["t"]} == {market.yes, market.no}


async def test_it_lists_markets() -> None:
    async with open_exchange() as exchange, old_client(exchange, MAKER) as client:
        market = lively_market(exchange)
        one = await client.get_market(market.condition_id)
        assert one["condition_id"] == market.condition_id
        page = await client.get_sampling_markets()
        assert page["data"]


async def test_a_key_is_created_once_and_derived_after() -> None:
    async with (
        open_exchange() as exchange,
        old_client(exchange, MAKER) as first,
        old_client(exchange, MAKER) as second,
    ):
        assert await first.get_api_keys() == await second.get_api_keys()
        with pytest.raises(PolyApiException) as caught:
            await second.create_api_key()
        assert caught.value.status_code == 400
        assert (await first.get_closed_only_mode())["closed_only"] is False


async def test_it_places_lists_and_cancels() -> None:
    async with open_exchange() as exchange, old_client(exchange, MAKER) as client:
        market = quiet_market(exchange)
        gtc = await client.create_and_post_order(bid(market, 0.41))
        assert gtc["success"], gtc
        assert gtc["status"] == "live"
        signed = await client.create_order(bid(market, 0.42, expiration=int(time.time()) + 600))
        gtd = await client.post_order(signed, OrderType.GTD)
        maker_only = await client.post_order(
            await client.create_order(bid(market, 0.43)), OrderType.GTC, True
        )
        batch = await client.post_orders(
            [
                PostOrdersV2Args(
                    order=await client.create_order(bid(market, price)), orderType=OrderType.GTC
                )
                for price in (0.3, 0.31)
            ]
        )
        ids = [gtc["orderID"], gtd["orderID"], maker_only["orderID"]]
        ids += [leg["orderID"] for leg in batch]
        listed = await client.get_open_orders(OpenOrderParams(market=market.condition_id))
        assert {order["id"] for order in listed} == set(ids)
        order = await client.get_order(gtd["orderID"])
        assert (order["order_type"], order["price"]) == ("GTD", "0.42")
        scoring = await client.is_order_scoring(OrderScoringParams(orderId=ids[0]))
        assert scoring == {"scoring": False}

        gone = await client.cancel_order(OrderPayload(orderID=ids[0]))
        assert gone == {"canceled": [ids[0]], "not_canceled": {}}
        gone = await client.cancel_orders(ids[:2])
        assert gone["canceled"] == [ids[1]]
        assert list(gone["not_canceled"]) == [ids[0]]
        gone = await client.cancel_market_orders(OrderMarketCancelParams(asset_id=market.yes))
        assert set(gone["canceled"]) == set(ids[2:])
        last = await client.create_and_post_order(bid(market, 0.2))
        assert (await client.cancel_all())["canceled"] == [last["orderID"]]
        with pytest.raises(PolyApiException) as caught:
            await client.create_and_post_order(bid(market, 0.4, size=4))
        assert caught.value.status_code == 400
        assert "lower than the minimum: 5" in str(caught.value)


async def test_it_takes_and_sees_the_trade() -> None:
    async with (
        open_exchange(FAST) as exchange,
        trader(exchange, 1_000) as clock,
        old_client(exchange, MAKER) as maker,
        old_client(exchange, TAKER) as taker,
    ):
        market = quiet_market(exchange)
        async with market_stream(clock, [market.yes]):
            resting = await maker.create_and_post_order(bid(market, 0.52))
            taken = await taker.create_and_post_market_order(
                MarketOrderArgsV2(
                    token_id=market.no, amount=2.4, side="BUY", price=0.48,
                    order_type=OrderType.FAK,
                )
            )  # fmt: skip
            assert taken["success"], taken
            assert taken["status"] == "matched"
            assert taken["transactionsHashes"], "it waits for the transaction of its trade"
            for client, side in ((maker, "MAKER"), (taker, "TAKER")):
                (trade,) = await client.get_trades(TradeParams(id=taken["tradeIDs"][0]))
                assert trade["trader_side"] == side
                assert trade["maker_orders"][0]["order_id"] == resting["orderID"]
            cash = await taker.get_balance_allowance(
                BalanceAllowanceParams(asset_type=AssetType.COLLATERAL)
            )
            assert int(cash["balance"]) > 0
            beat = await taker.post_heartbeat()
            assert beat["heartbeat_id"]
