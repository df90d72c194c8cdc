"""The operator's verbs against an embedded exchange of this process, with throwaway keys.

The exchange serves in the test's event loop while a verb runs in a thread with a loop of its own.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from click.testing import CliRunner, Result

from polyframe import cli
from polyframe.exchange import server
from polyframe.exchange.clock import MarketClock
from polyframe.exchange.server import EmbeddedExchange
from polyframe.exchange.simulation.source import SimulatedSource
from polyframe.exchange.trading.terms import PrivateTerms
from polyframe.polymarket.keys import PrivateKey
from polyframe.secrets.credentials import NAMES

KEY = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
ADDRESS = PrivateKey.from_hex(KEY).address
CREDENTIALS = {"POLY_PRIVATE_KEY": KEY, "TRADING_ADDRESS": ADDRESS}
NOWHERE = "http://127.0.0.1:9"


class WallClock(MarketClock):
    """This machine's time, or so much more, however long the exchange took to begin."""

    def __init__(
        self, origin_ns: int, speed: float, monotonic_ns: Callable[[], int], ahead_ns: int
    ) -> None:
        super().__init__(origin_ns, speed, monotonic_ns)
        self._ahead_ns = ahead_ns

    def __call__(self) -> int:
        return time.time_ns() + self._ahead_ns


@asynccontextmanager
async def open_venue(
    *, ahead_s: float = 0.0, has_api_key: bool = True, **terms: Any
) -> AsyncIterator[EmbeddedExchange]:
    """Serve a small exchange whose clock runs, by default with the throwaway key's API key."""
    ahead_ns = round(ahead_s * 1e9)
    source = SimulatedSource(7, 8, 1.0, time.time_ns() + ahead_ns)
    with mock.patch.object(server, "MarketClock", lambda *args: WallClock(*args, ahead_ns)):
        served = EmbeddedExchange(source, accounts=PrivateTerms(seed=7, **terms))
    async with served as exchange:
        assert exchange.private is not None
        if has_api_key:
            exchange.private.keys.create(ADDRESS, 0)
        exchange.start()
        yield exchange


def url_of(exchange: EmbeddedExchange) -> str:
    """Return what ``--venue`` takes."""
    return exchange.urls.clob_url


def api_of(exchange: EmbeddedExchange) -> dict[str, str]:
    """Return the throwaway key's API credentials as an operator's environment has them."""
    assert exchange.private is not None
    made = exchange.private.keys.credentials(ADDRESS, 0)
    return {
        "POLY_API_KEY": made.key,
        "POLY_API_SECRET": made.secret,
        "POLY_API_PASSPHRASE": made.passphrase,
    }


def run(*args: str, environ: dict[str, str] | None = None) -> Result:
    """Run a verb with these credentials and no others."""
    nothing: dict[str, str | None] = dict.fromkeys(NAMES)
    with quiet_process():
        return CliRunner().invoke(
            cli.main, list(args), env={**nothing, **(CREDENTIALS if environ is None else environ)}
        )


async def run_beside(*args: str, environ: dict[str, str] | None = None) -> Result:
    """Run a verb while the exchange of this loop goes on serving."""
    return await asyncio.to_thread(run, *args, environ=environ)


@contextmanager
def quiet_process() -> Iterator[None]:
    """Take back what a verb that loads secrets does to its process."""
    redact, hook = cli.redact, sys.excepthook
    try:
        yield
    finally:
        cli.redact, sys.excepthook = redact, hook


def state_of(tmp_path: Path) -> Path:
    """Return a state folder that is the test's own."""
    return tmp_path / "state"
