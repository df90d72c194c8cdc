"""A simulated exchange on the loopback interface for tests, its time moved by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import websockets

from polyframe.exchange.faults.fault import Fault
from polyframe.exchange.public.gamma_objects import market_token_ids
from polyframe.exchange.server import EmbeddedExchange
from polyframe.exchange.simulation.source import SimulatedSource

START_NS = 1_800_000_000 * 10**9
S_NS = 10**9
SPEED = 1e6  # a wall microsecond is a market second


class Wall:
    """A wall clock that moves when told."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns

    def pass_market_s(self, seconds: float) -> None:
        """Let so much market time pass."""
        self.now_ns += round(seconds * 1_000)


def simulated(
    wall: Wall, *faults: Fault, markets: int = 30, seed: int = 7, activity: float = 1.0
) -> EmbeddedExchange:
    """Return a simulated exchange with faults planned from its start."""
    source = SimulatedSource(seed, markets, activity, START_NS)
    exchange = EmbeddedExchange(source, speed=SPEED, monotonic_ns=wall)
    exchange.injection.add(faults)
    return exchange


@asynccontextmanager
async def rest(exchange: EmbeddedExchange) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client of the exchange's REST."""
    async with httpx.AsyncClient(base_url=exchange.urls.clob_url, trust_env=False) as client:
        yield client


@asynccontextmanager
async def subscribed(
    exchange: EmbeddedExchange, tokens: list[str], **more: object
) -> AsyncIterator[websockets.ClientConnection]:
    """Open a market socket that follows tokens."""
    async with websockets.connect(
        exchange.urls.ws_url, max_size=None, max_queue=None, proxy=None
    ) as socket:
        await socket.send(json.dumps({"type": "market", "assets_ids": tokens, **more}))
        yield socket


@asynccontextmanager
async def following(
    wall: Wall, *faults: Fault
) -> AsyncIterator[tuple[EmbeddedExchange, websockets.ClientConnection]]:
    """Serve a simulated exchange with faults, and follow every token of it."""
    async with (
        simulated(wall, *faults) as exchange,
        subscribed(exchange, tokens_of(exchange)) as socket,
    ):
        yield exchange, socket


def tokens_of(exchange: EmbeddedExchange, count: int = 1_000) -> list[str]:
    """Return the token ids of the first markets."""
    markets = exchange.source.markets()[:count]
    return [token for one in markets for token in market_token_ids(one)]


async def produced(exchange: EmbeddedExchange, wall: Wall, seconds: float) -> None:
    """Let market time pass and wait until the exchange has acted on all of it."""
    await exchange.channel.subscribed.wait()
    while not exchange.clock.is_running:  # noqa: ASYNC110 - a turn of the loop, no waiting
        await asyncio.sleep(0)
    wall.pass_market_s(seconds)
    turn = exchange.turns
    while exchange.turns < turn + 2:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0)


async def texts(socket: websockets.ClientConnection) -> list[str]:
    """Return everything the exchange has sent so far, up to its answer to a PING."""
    await socket.send("PING")
    received: list[str] = []
    while True:
        text = await asyncio.wait_for(socket.recv(), 10)
        if text == "PONG":
            return received
        received.append(str(text))


def messages(received: list[str]) -> list[dict[str, Any]]:
    """Return the messages of frames, arrays taken apart."""
    found: list[dict[str, Any]] = []
    for text in received:
        frame = json.loads(text)
        found += frame if isinstance(frame, list) else [frame]
    return found
