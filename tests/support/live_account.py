"""An account at the embedded exchange through the production gateway, its time moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from loopback_exchange import S_NS, SPEED, Wall
from polyframe.commands import PlaceOrder
from polyframe.events import Side
from polyframe.exchange.faults.fault import Fault
from polyframe.exchange.server import EmbeddedExchange
from polyframe.exchange.simulation.source import SimulatedSource
from polyframe.exchange.trading.terms import PrivateTerms
from polyframe.live_settings import LimitSettings, ProductionSettings
from polyframe.model import MarketSpec
from polyframe.polymarket.clob import Clob
from polyframe.polymarket.clob_opening import open_clob
from polyframe.polymarket.gamma_market import parse_market
from polyframe.polymarket.hosts import loopback_urls
from polyframe.polymarket.order_signing import SignatureType
from polyframe.polymarket.venue_modes import ModeNow

START_NS = 1_796_000_000 * S_NS
PATIENT = ProductionSettings(request_timeout_s=30.0)


@dataclass(frozen=True)
class Hidden:
    """A throwaway key."""

    number: int = field(repr=False)

    def reveal(self) -> str:
        return f"0x{self.number:064x}"


class Venue:
    """A still exchange with accounts, and a wall to move."""

    def __init__(self, markets: int = 30, **terms: Any) -> None:
        self.wall = Wall()
        source = SimulatedSource(7, markets, 1e-9, START_NS)
        accounts = PrivateTerms(seed=3, **terms)
        self.exchange = EmbeddedExchange(
            source, speed=SPEED, monotonic_ns=self.wall, accounts=accounts
        )
        self.modes: list[ModeNow] = []
        self.url = ""  # of something that stands before the exchange

    async def __aenter__(self) -> Venue:
        await self.exchange.__aenter__()
        self.exchange.start()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.exchange.__aexit__(*error)

    def fault(self, *faults: Fault) -> None:
        """Plan faults from now on."""
        self.exchange.injection.add(faults)

    async def pass_s(self, market_s: float) -> None:
        """Let market time pass, and the exchange act on all of it."""
        while not self.exchange.clock.is_running:  # noqa: ASYNC110 - a turn of the loop
            await asyncio.sleep(0)
        self.wall.pass_market_s(market_s)
        turn = self.exchange.turns
        while self.exchange.turns < turn + 2:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)

    def market(self, wanted: Callable[[dict[str, Any]], bool] = lambda _one: True) -> MarketSpec:
        """The first market with a book around the middle that is wanted."""
        for gamma in self.exchange.source.markets():
            one = dict(gamma)
            if (
                one.get("bestBid", 0) > 0.2
                and one.get("bestAsk", 1) < 0.8
                and not one["secondsDelay"]
                and not one.get("itode")
                and wanted(one)
            ):
                spec = parse_market(one)
                assert isinstance(spec, MarketSpec), spec
                return spec
        raise AssertionError("no such market")

    def plain(self) -> MarketSpec:
        """A market of the standard exchange with a grid of a cent."""
        return self.market(
            lambda one: (
                one.get("version", "v1") == "v1"
                and not one["negRisk"]
                and one["orderPriceMinTickSize"] == 0.01
            )
        )

    @asynccontextmanager
    async def account(
        self,
        number: int = 77,
        *,
        settings: ProductionSettings = PATIENT,
        limits: LimitSettings = LimitSettings(),  # noqa: B008 - immutable
        signature_type: SignatureType | None = SignatureType.EOA,
        **options: Any,
    ) -> AsyncIterator[Clob]:
        """Open an account with a throwaway key."""
        async with open_clob(
            loopback_urls(self.url or self.exchange.urls.clob_url),
            Hidden(number),
            settings=settings,
            limits=limits,
            clock=self.exchange.clock,
            signature_type=signature_type,
            on_mode=self.modes.append,
            **options,
        ) as clob:
            yield clob

    def command(self, spec: MarketSpec, **changes: Any) -> PlaceOrder:
        """A post-only BUY of ten YES at five cents, far from anybody."""
        asked: dict[str, Any] = {
            "order_id": "o-000001",
            "market_id": spec.market_id,
            "token_id": spec.token_ids[0],
            "side": Side.BUY,
            "price_e4": 500,
            "size_e6": 10_000_000,
            "expires_ns": None,
            "post_only": True,
            "component": "maker",
            "decision_id": 1,
        }
        return PlaceOrder(**{**asked, **changes})

    def sign(self, clob: Clob, spec: MarketSpec, **changes: Any) -> Any:
        """Such an order, signed."""
        return clob.sign(self.command(spec, **changes), spec, self.exchange.clock())
