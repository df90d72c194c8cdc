"""The embedded exchange as the official clients are pointed at it, and traders with throwaway keys.

Market time stands until somebody follows a market's stream, so every test that needs it to
pass follows one. Nothing here reaches beyond loopback: whatever the exchange does not serve is an
address where nobody listens.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from eth_account import Account
from polymarket import AsyncSecureClient
from polymarket._internal.environment import PRODUCTION_CONFIG, create_environment
from polymarket.environments import Environment
from polymarket.streams import MarketSpec, UserSpec

from polyframe.exchange.server import EmbeddedExchange
from polyframe.exchange.simulation.source import SimulatedSource
from polyframe.exchange.trading.terms import PrivateTerms

SEED = 7
MARKETS = 80
NOBODY = "127.0.0.1:9"
PATIENCE_S = 20.0


def open_exchange(speed: float = 1.0, **terms: Any) -> EmbeddedExchange:
    """A universe small enough to begin at once, with some markets that nobody else trades in."""
    source = SimulatedSource(SEED, MARKETS, 1.0, time.time_ns())
    return EmbeddedExchange(source, speed=speed, accounts=PrivateTerms(seed=SEED, **terms))


def environment(exchange: EmbeddedExchange) -> Environment:
    """The official client's production environment, every address of it replaced.

    It asks after a transaction every few milliseconds, because market time runs fast.
    """
    urls = exchange.urls
    nowhere = {
        field.name: f"{'ws' if '_ws_' in field.name else 'http'}://{NOBODY}"
        for field in dataclasses.fields(PRODUCTION_CONFIG)
        if field.name.endswith("_url")
    }
    config = dataclasses.replace(
        PRODUCTION_CONFIG,
        **{
            **nowhere,
            "clob_url": urls.clob_url,
            "gamma_url": urls.gamma_url,
            "data_url": urls.data_url,
            "relayer_url": urls.clob_url,
            "clob_market_ws_url": urls.ws_url,
            "clob_user_ws_url": urls.user_ws_url,
            "rpc_url": urls.rpc_url,
            "relayer_poll_frequency_ms": 5,
            "relayer_max_polls": 2_000,
        },
    )
    return create_environment(name="embedded", config=config)


def key_of(number: int) -> str:
    """A throwaway private key."""
    return f"0x{number:064x}"


def address_of(number: int) -> str:
    """Its address."""
    address: str = Account.from_key(key_of(number)).address
    return address


@dataclasses.dataclass(frozen=True)
class Quiet:
    """A market nobody else trades in: an empty book, a tick of a cent, no other terms."""

    gamma: dict[str, Any]

    @property
    def condition_id(self) -> str:
        return self.gamma["conditionId"]

    @property
    def yes(self) -> str:
        return json.loads(self.gamma["clobTokenIds"])[0]

    @property
    def no(self) -> str:
        return json.loads(self.gamma["clobTokenIds"])[1]

    @property
    def outcomes(self) -> list[str]:
        return json.loads(self.gamma["outcomes"])


def quiet_market(exchange: EmbeddedExchange) -> Quiet:
    """The first market with an empty book."""
    for gamma in exchange.source.markets():
        market = Quiet(dict(gamma))
        book = exchange.source.book(market.yes)
        if (
            book is not None
            and not book["bids"]
            and not book["asks"]
            and gamma["orderPriceMinTickSize"] == 0.01
            and not gamma["secondsDelay"]
        ):
            return market
    raise AssertionError(f"no market with an empty book among {MARKETS} of seed {SEED}")


def lively_market(exchange: EmbeddedExchange, *, is_rewarded: bool = False) -> Quiet:
    """The first market with a narrow book, and a reward programme if that is asked for."""
    for gamma in exchange.source.markets():
        spread = gamma.get("bestAsk", 1) - gamma.get("bestBid", 0)
        is_two_sided = 0 < spread < 0.025 and 0.2 < gamma["bestBid"] < 0.7
        if is_two_sided and (gamma["clobRewards"] or not is_rewarded):
            return Quiet(dict(gamma))
    raise AssertionError("no two-sided market")


@asynccontextmanager
async def trader(
    exchange: EmbeddedExchange, number: int, **options: Any
) -> AsyncIterator[AsyncSecureClient]:
    """An official client that trades from the address of a throwaway key."""
    client = await AsyncSecureClient.create(
        private_key=key_of(number),
        environment=environment(exchange),
        **{"wallet": address_of(number), **options},
    )
    try:
        yield client
    finally:
        await client.close()


class Stream:
    """One subscription of an official client, read with patience but never forever."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self.seen: list[Any] = []

    async def next(self, patience_s: float = PATIENCE_S) -> Any:
        """The next event."""
        event = await asyncio.wait_for(anext(self._handle), patience_s)
        self.seen.append(event)
        return event

    async def until(self, wanted: Callable[[Any], bool], patience_s: float = PATIENCE_S) -> Any:
        """The first event that is wanted; the ones before stay in ``seen``."""
        async with asyncio.timeout(patience_s):
            while True:
                event = await self.next(patience_s)
                if wanted(event):
                    return event

    async def first(self, wanted: Callable[[Any], bool], patience_s: float = PATIENCE_S) -> Any:
        """The first event that is wanted, be it among those already seen."""
        for event in self.seen:
            if wanted(event):
                return event
        return await self.until(wanted, patience_s)

    async def order(self, order_id: str, kind: str, patience_s: float = PATIENCE_S) -> Any:
        """What the first event of one kind says of one order."""
        event = await self.first(
            lambda one: (
                one.type == "order"
                and one.payload.id == order_id
                and one.payload.order_event_type == kind
            ),
            patience_s,
        )
        return event.payload

    async def trade(self, trade_id: str, status: str) -> Any:
        """What the first event of a trade in one status says of it."""
        event = await self.first(
            lambda one: (
                one.type == "trade" and one.payload.id == trade_id and one.payload.status == status
            )
        )
        return event.payload


@asynccontextmanager
async def market_stream(
    client: AsyncSecureClient, tokens: list[str], **options: Any
) -> AsyncIterator[Stream]:
    """A market stream whose first book has come: from here on market time passes."""
    handle = await client.subscribe(MarketSpec(asset_ids=tokens, **options))
    stream = Stream(handle)
    try:
        await stream.until(lambda event: event.type == "book")
        yield stream
    finally:
        await handle.close()


@asynccontextmanager
async def user_stream(
    client: AsyncSecureClient, market: Quiet, markets: list[str] | None = None
) -> AsyncIterator[Stream]:
    """A user stream that has shown it listens.

    The venue confirms no subscription, so orders are placed and cancelled until one is told of.
    """
    handle = await client.subscribe(UserSpec(markets=markets))
    stream = Stream(handle)
    try:
        for _ in range(50):
            knock = await client.place_limit_order(
                asset_id=market.yes, price="0.01", size="5", side="BUY", post_only=True
            )
            assert knock.ok, knock
            await client.cancel_order(order_id=knock.order_id)
            try:
                await stream.order(knock.order_id, "CANCELLATION", patience_s=0.5)
            except TimeoutError:
                continue
            break
        else:
            raise AssertionError("the user stream tells nothing")
        yield stream
    finally:
        await handle.close()
