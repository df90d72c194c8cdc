"""Behind sockets or in virtual time: the same orders at the same instants meet the same market."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import msgspec
import pytest

from polyframe.exchange.private.intake import Intake
from polyframe.exchange.server import EmbeddedExchange
from polyframe.exchange.simulation.source import SimulatedSource
from polyframe.exchange.trading.desk import OrderDesk
from polyframe.exchange.trading.terms import PrivateTerms
from polyframe.polymarket.order_wire import OrderPost
from private_client import PrivateClient

pytestmark = pytest.mark.anyio
START_NS = 1_796_000_000 * 10**9
S_NS = 10**9
STEP_NS = 7 * S_NS
ORDERS = 40


def source() -> SimulatedSource:
    return SimulatedSource(11, 12, 3.0, START_NS)


def script(client: PrivateClient) -> list[dict[str, Any]]:
    """Signed orders at and around the touch of the first instant, on both tokens."""
    rng, bodies = Random(5), []
    markets = [
        one
        for one in source().markets()
        if 0.2 < one.get("bestBid", 0) < one.get("bestAsk", 1) < 0.8
        and one.get("version", "v1") == "v1"
        and not one["negRisk"]
        and one["orderPriceMinTickSize"] == 0.01
    ]
    for _ in range(ORDERS):
        market = rng.choice(markets)
        token = rng.choice(json.loads(market["clobTokenIds"]))
        cents = round(market["bestBid"] * 100) + rng.randint(-2, 3)
        is_yes = token == json.loads(market["clobTokenIds"])[0]
        price_e4 = cents * 100 if is_yes else 10_000 - cents * 100
        bodies.append(client.post(token, price_e4, rng.randint(5, 120)))
    return bodies


def facts(desk: OrderDesk) -> list[tuple[Any, ...]]:
    """What the exchange itself knows in the end."""
    trades = [
        (one.trade_id, one.taker.order_id, one.taker.size_e6, one.taker.price_e4, one.matched_ns)
        for one in desk.settlement.trades.values()
    ]
    orders = [(one.order_id, one.status, one.matched_e6) for one in desk.registry.orders.values()]
    holdings = [
        (asset, held.balance, held.reserved, held.owed)
        for wallet in desk.custody.wallets.values()
        for asset, held in wallet.holdings.items()
    ]
    return [*trades, *orders, *holdings]


async def test_sockets_and_virtual_time_agree_to_the_last_trade() -> None:
    now_ns = 0
    exchange = EmbeddedExchange(
        source(), monotonic_ns=lambda: now_ns, accounts=PrivateTerms(seed=11)
    )
    async with exchange, PrivateClient(exchange, 1) as client:
        bodies = script(client)
        for body in bodies:
            now_ns += STEP_NS
            exchange.clock.produced(START_NS + now_ns)  # the pump keeps up, however slow the test
            answered = await client.ask("POST", "/order", body)
            assert answered.status_code in (200, 400), answered.text
        assert exchange.private is not None
        caller = exchange.private.keys.caller_of_socket(
            client.credentials.key, client.credentials.secret, client.credentials.passphrase
        )
        assert caller is not None
        by_socket = facts(exchange.private.desk)

    desk = OrderDesk(source(), seed=11)
    for turn, body in enumerate(bodies, 1):
        at_ns = START_NS + turn * STEP_NS
        desk.advance(at_ns - S_NS, 2**31)
        asked = msgspec.convert(body, OrderPost)
        terms = desk.terms(asked.order.token_id)
        assert terms is not None
        request = Intake().request(asked, caller, terms, 100)
        assert not isinstance(request, str)
        desk.place(request, at_ns, lambda _: None)
    in_virtual_time = facts(desk)
    assert in_virtual_time == by_socket
    assert len(desk.settlement.trades) > 5, "orders met the crowd"
