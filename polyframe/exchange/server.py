"""The embedded exchange: one loopback server speaking Polymarket's protocol.

It runs in the caller's event loop, binds 127.0.0.1 only, and serves one
:class:`~polyframe.exchange.source.Source`: Gamma, CLOB REST and ``/ws/market`` on one port. With
accounts it takes orders too: the private REST routes and ``/ws/user``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Self

import anyio
import msgspec
from aiohttp import web
from aiohttp.typedefs import Middleware

from polyframe.errors import PolyframeError, VenueError
from polyframe.exchange.clock import MarketClock
from polyframe.exchange.faults.injection import Injection
from polyframe.exchange.faults.targets import MarketTarget
from polyframe.exchange.ip_gate import DATA_PREFIX, GAMMA_PREFIX, RPC_PATH, ip_gate
from polyframe.exchange.ip_limits import IpLimits
from polyframe.exchange.public.rest_clob import clob_routes
from polyframe.exchange.public.rest_data import DataFacade
from polyframe.exchange.public.rest_gamma import GammaFacade
from polyframe.exchange.public.rest_markets import ClobMarkets
from polyframe.exchange.sockets import MarketChannel
from polyframe.exchange.source import Frame, Source, is_tradable
from polyframe.exchange.trading.fault_target import DeskFaults
from polyframe.exchange.trading.terms import PrivateTerms

if TYPE_CHECKING:
    from polyframe.exchange.private.side import PrivateSide

_HOST = "127.0.0.1"
_PUMP_S = 0.02
_MOST_FRAMES_A_TURN = 250
_LARGEST_BODY_BYTES = 2**20
_DRAIN_S = 5.0


class ExchangeUrls(msgspec.Struct, frozen=True):
    """Where the exchange listens."""

    gamma_url: str
    clob_url: str
    ws_url: str
    data_url: str
    user_ws_url: str
    rpc_url: str


class EmbeddedExchange:
    """A market served on the loopback interface; use it as ``async with``.

    Market time stands at the source's start until the first market socket subscribes or the
    first account asks, so that nothing is missed; then it runs at ``speed`` market seconds a
    second.

    ``ended`` is set when the source's last frame has been sent, or when the source failed;
    the failure is in ``error`` and is raised when the ``async with`` block is left.

    Args:
        source: what is served.
        speed: market seconds per wall second.
        port: 0 lets the system choose.
        monotonic_ns: the wall clock, injectable for tests.
        fault_seed: of the chance in faults.
        accounts: how accounts are treated; None serves public data only. A source must be a
            :class:`~polyframe.exchange.source.TradableSource` for it.
        more_routes: returns routes to serve besides, such as the admin endpoint's.
        ip_limits: what a client address may ask, by the wall's clock; None lets all pass.
    """

    def __init__(
        self,
        source: Source,
        *,
        speed: float = 1.0,
        port: int = 0,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        fault_seed: int = 0,
        accounts: PrivateTerms | None = None,
        more_routes: Callable[[EmbeddedExchange], Iterable[web.RouteDef]] | None = None,
        ip_limits: IpLimits | None = None,
    ) -> None:
        self.clock = MarketClock(source.start_ns, speed, monotonic_ns)
        markets = source if isinstance(source, MarketTarget) else None
        self.private: PrivateSide | None = None
        if accounts is not None:
            self.private = self._open_accounts(source, accounts)
            source = self.private.desk
        self.source = source
        self.channel = MarketChannel(source, self.clock)
        self.gamma = GammaFacade(source, self.clock)
        self.data = DataFacade(
            source, self.clock, None if self.private is None else self.private.desk.custody.journal
        )
        self.injection = Injection(
            self.clock,
            source.start_ns,
            fault_seed,
            (self.channel,) if self.private is None else (self.channel, self.private.channel),
            lambda: [str(one.get("conditionId", "")) for one in source.markets()],
            markets=markets,
            desk=None if self.private is None else DeskFaults(self.private.desk),
            gamma=self.gamma,
            data=self.data,
        )
        self.ended = anyio.Event()
        self.error: PolyframeError | None = None
        self.frames_sent = 0
        self.requests = 0
        self.turns = 0  # of the pump, for whoever waits until time has been acted on
        self._port = port
        self._more_routes = more_routes
        self._gates = [] if ip_limits is None else [ip_gate(ip_limits, monotonic_ns)]
        self.app: web.Application | None = None  # once entered
        self._runner: web.AppRunner | None = None
        self._pump_task: asyncio.Task[None] | None = None

    @property
    def urls(self) -> ExchangeUrls:
        """The addresses, known once entered."""
        http, sockets = f"http://{_HOST}:{self._port}", f"ws://{_HOST}:{self._port}/ws"
        return ExchangeUrls(
            f"{http}{GAMMA_PREFIX}", http, f"{sockets}/market", f"{http}{DATA_PREFIX}",
            f"{sockets}/user", f"{http}{RPC_PATH}",
        )  # fmt: skip

    def _open_accounts(self, source: Source, accounts: PrivateTerms) -> PrivateSide:
        # Imported here: a market that takes no orders needs no curve.
        from polyframe.exchange.private.side import PrivateSide
        from polyframe.exchange.trading.desk import OrderDesk

        if not is_tradable(source):
            raise VenueError("this source is a recording: it serves public data, takes no orders")
        desk = OrderDesk(
            source, seed=accounts.seed, funds_usd=accounts.funds_usd,
            allowances_given=accounts.allowances_given, auto_redeems=accounts.auto_redeems,
        )  # fmt: skip
        desk.sells_unsettled = accounts.sells_unsettled
        return PrivateSide(desk, accounts, self.clock, self.hand_out, self.start)

    def start(self) -> None:
        """Let market time begin without waiting for anybody."""
        self.channel.subscribed.set()

    async def __aenter__(self) -> Self:
        """Bind the port and start serving.

        Raises:
            VenueError: the port cannot be bound.
        """
        app = web.Application(
            client_max_size=_LARGEST_BODY_BYTES,
            middlewares=[self._door(), *self._gates, self.injection.rest.middleware()],
        )
        for prefix in ("", GAMMA_PREFIX):
            app.add_routes(self.gamma.routes(prefix))
        for prefix in ("", DATA_PREFIX):
            app.add_routes(self.data.routes(prefix))
        app.add_routes(clob_routes(self.source, self.clock))
        app.add_routes(ClobMarkets(self.source, self.gamma).routes())
        app.router.add_get("/ws/market", self.channel.handle)
        if self.private is not None:
            app.add_routes(self.private.routes())
        if self._more_routes is not None:
            app.add_routes(self._more_routes(self))
        self.app = app
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, _HOST, self._port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            self.source.close()
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise VenueError(
                f"cannot listen on {_HOST}:{self._port}: {reason}; choose another port"
            ) from error
        self._port = self._runner.addresses[0][1]
        self._pump_task = asyncio.create_task(self._pump(), name="polyframe exchange pump")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close every socket and stop.

        Raises:
            PolyframeError: the source had failed and the block itself did not.
        """
        failure: BaseException | None = self.error
        if self._pump_task is not None:
            self._pump_task.cancel()
            (outcome,) = await asyncio.gather(self._pump_task, return_exceptions=True)
            if isinstance(outcome, Exception):  # a defect of a source, not of a file
                failure = outcome
        await self.injection.close()
        await self.channel.close()
        if self.private is not None:
            await self.private.channel.close()
        if self._runner is not None:
            await self._runner.cleanup()
        self.source.close()
        if failure is not None and kind is None:
            raise failure

    async def _pump(self) -> None:
        """Hand out what is due, again and again, leaving the loop to others in between."""
        await self.channel.subscribed.wait()
        self.clock.start()
        try:
            while not self.source.ended:
                now_ns = self.clock()
                await self._advance(now_ns)
                self.injection.tick(now_ns)
                self.turns += 1
                await asyncio.sleep(_PUMP_S)
            self.injection.release()
            # A reader still not done after that time has lost the end of the recording.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DRAIN_S):
                    await self.channel.drained()
        except PolyframeError as error:
            self.error = error
        finally:
            self.ended.set()

    async def _advance(self, to_ns: int) -> None:
        while True:
            frames = self.source.advance(to_ns, _MOST_FRAMES_A_TURN)
            self._deliver(frames)
            if len(frames) < _MOST_FRAMES_A_TURN:
                self.clock.produced(to_ns)
                return
            self.clock.produced(frames[-1].ts_ns)
            await asyncio.sleep(0)

    def hand_out(self) -> None:
        """Send at once what an account's request has brought about."""
        self._deliver(self.source.advance(self.clock(), _MOST_FRAMES_A_TURN))

    def _deliver(self, frames: list[Frame]) -> None:
        self.channel.deliver(frames)
        self.frames_sent += len(frames)
        if self.private is not None:
            self.private.deliver()

    def _door(self) -> Middleware:
        """Return the outermost middleware: it counts requests.

        A client that left before its request was read is nobody's error.
        """

        @web.middleware
        async def meet(
            request: web.Request,
            handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
        ) -> web.StreamResponse:
            self.requests += 1
            try:
                return await handler(request)
            except ConnectionResetError:
                return web.Response(status=400)  # nobody is there to read it

        return meet
