"""The admin endpoint: what an exchange is doing, and what is to happen to it, by loopback HTTP.

It exists only where it was asked for. Every request needs the token in ``X-Admin-Token`` and a
loopback ``Host``; changes are POST, so that no page a browser shows can make one.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal

import msgspec
from aiohttp import web

from polyframe.errors import PolyframeError, StrategyError
from polyframe.exchange.faults.fault import Fault
from polyframe.exchange.faults.script import fault_of
from polyframe.exchange.faults.targets import VenueMode
from polyframe.exchange.faults.venue_kinds import Dispute, Propose, Resolve, TickChange
from polyframe.exchange.payload import read_json
from polyframe.exchange.rate_limits import TIERS
from polyframe.exchange.rest_answers import answer, refusal
from polyframe.exchange.state import exchange_state
from polyframe.exchange.trading.accounts import CASH
from polyframe.money import SHARE_E6, usd_e12

if TYPE_CHECKING:
    from polyframe.exchange.private.side import PrivateSide
    from polyframe.exchange.server import EmbeddedExchange

TOKEN_HEADER = "X-Admin-Token"
_any_decoder = msgspec.json.Decoder()
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_PORT = re.compile(r":[0-9]*$")
_MOST_USD = 10**12

Handler = Callable[[web.Request], Awaitable[web.Response]]


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a POST may carry."""


class _ModeBody(_Body, frozen=True, kw_only=True):
    mode: VenueMode
    retry_after_s: int | None = None


class _FundBody(_Body, frozen=True, kw_only=True):
    address: str
    usd: float = 0.0
    token_id: str = ""
    shares: float = 0.0


class _AccountBody(_Body, frozen=True, kw_only=True):
    address: str
    closed_only: bool | None = None
    banned: bool | None = None
    tier: str | None = None


class _PairsBody(_Body, frozen=True, kw_only=True):
    address: str
    market: str
    shares: float


class _ResolutionBody(_Body, frozen=True, kw_only=True):
    market: str
    step: Literal["propose", "dispute", "resolve"]
    yes_pays: float = 1.0


class _TickBody(_Body, frozen=True, kw_only=True):
    market: str
    tick: str


class _Refused(Exception):
    """A request that cannot be done, with its reason."""


def admin_routes(token: str) -> Callable[[EmbeddedExchange], list[web.RouteDef]]:
    """Return what gives an exchange its admin endpoint (``EmbeddedExchange.more_routes``)."""
    return lambda exchange: Admin(exchange, token).routes()


class Admin:
    """The routes below ``/admin``.

    Args:
        exchange: what is administered.
        token: what every request must carry.
    """

    def __init__(self, exchange: EmbeddedExchange, token: str) -> None:
        self._exchange = exchange
        self._token = token.encode()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        posts: dict[str, Handler] = {
            "mode": self._mode,
            "fault": self._fault,
            "clear": self._clear,
            "fund": self._fund,
            "account": self._account,
            "pairs": self._pairs,
            "resolution": self._resolution,
            "tick": self._tick,
            "settlement": self._settlement,
        }
        return [
            web.get("/admin/state", self._guarded(self._state)),
            *(web.post(f"/admin/{name}", self._guarded(one)) for name, one in posts.items()),
        ]

    def _guarded(self, handler: Handler) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            if _PORT.sub("", request.host) not in _LOOPBACK:
                return refusal("the admin endpoint answers on the loopback interface only", 403)
            told = request.headers.get(TOKEN_HEADER, "").encode(errors="surrogateescape")
            if not hmac.compare_digest(told, self._token):
                return refusal(f"{TOKEN_HEADER} is missing or wrong", 401)
            try:
                return await handler(request)
            except msgspec.DecodeError as error:
                return refusal(str(error))
            except StrategyError as error:
                return refusal("; ".join(error.problems))
            except (_Refused, PolyframeError) as error:
                return refusal(str(error))

        return handle

    # --- requests ------------------------------------------------------------------

    async def _state(self, request: web.Request) -> web.Response:
        return answer(exchange_state(self._exchange))

    async def _mode(self, request: web.Request) -> web.Response:
        body = read_json(msgspec.json.Decoder(_ModeBody), await request.read())
        asked = {"kind": "mode", "mode": body.mode, "retry_after_s": body.retry_after_s}
        return self._happen(fault_of(asked))

    async def _fault(self, request: web.Request) -> web.Response:
        return self._happen(fault_of(read_json(_any_decoder, await request.read())))

    async def _settlement(self, request: web.Request) -> web.Response:
        fault = fault_of(read_json(_any_decoder, await request.read()))
        if fault.group != "settlement":
            raise _Refused(f"{fault.kind} is no fault of settlement; post it to /admin/fault")
        return self._happen(fault)

    async def _clear(self, request: web.Request) -> web.Response:
        self._exchange.injection.clear()
        self._exchange.hand_out()
        return answer({"ok": True})

    async def _resolution(self, request: web.Request) -> web.Response:
        body = read_json(msgspec.json.Decoder(_ResolutionBody), await request.read())
        match body.step:
            case "propose":
                return self._happen(Propose(market=body.market))
            case "dispute":
                return self._happen(Dispute(market=body.market))
        if not 0 <= body.yes_pays <= 1:
            raise _Refused("yes_pays is out of bounds; write 0 <= yes_pays <= 1 (USD)")
        return self._happen(Resolve(market=body.market, yes_pays=body.yes_pays))

    async def _tick(self, request: web.Request) -> web.Response:
        body = read_json(msgspec.json.Decoder(_TickBody), await request.read())
        fault = fault_of({"kind": "tick_change", "market": body.market, "tick": body.tick})
        assert isinstance(fault, TickChange)
        return self._happen(fault)

    async def _fund(self, request: web.Request) -> web.Response:
        body = read_json(msgspec.json.Decoder(_FundBody), await request.read())
        private = self._accounts_of(body.address)
        if not (0 <= body.usd <= _MOST_USD and 0 <= body.shares <= _MOST_USD):
            raise _Refused("usd and shares are amounts of 0 or more")
        now_ns = self._exchange.clock()
        desk = private.desk
        terms = desk.terms(body.token_id) if body.shares else None
        if body.shares and terms is None:
            raise _Refused(f"there is no token {body.token_id[:80]!r}")
        if body.usd:
            desk.custody.fund(body.address, CASH, usd_e12(body.usd), now_ns)
        if terms is not None:
            size_e6 = round(body.shares * SHARE_E6)
            desk.custody.fund(body.address, body.token_id, size_e6, now_ns, terms.market_id)
        return answer({"ok": True})

    async def _account(self, request: web.Request) -> web.Response:
        body = read_json(msgspec.json.Decoder(_AccountBody), await request.read())
        private = self._accounts_of(body.address)
        if body.tier is not None and body.tier not in TIERS:
            raise _Refused(f"there is no tier {body.tier[:40]!r}; choose of {', '.join(TIERS)}")
        desk, address = private.desk, body.address.lower()
        for listed, is_listed in ((desk.closed_only, body.closed_only), (desk.banned, body.banned)):
            if is_listed:
                listed[address] = None
            elif is_listed is not None:
                listed.pop(address, None)
        if body.tier is not None:
            private.limits.set_tier(address, body.tier)
        return answer({"ok": True})

    async def _pairs(self, request: web.Request) -> web.Response:
        body = read_json(msgspec.json.Decoder(_PairsBody), await request.read())
        desk = self._accounts_of(body.address).desk
        if not 0 < abs(body.shares) <= _MOST_USD:
            raise _Refused("shares is a number of pairs: positive merges, negative splits")
        terms = desk.terms_of_market(body.market)
        if terms is None:
            raise _Refused(f"there is no market {body.market[:80]!r}")
        size_e6 = round(body.shares * SHARE_E6)
        now_ns = self._exchange.clock()
        desk.custody.merge(body.address, terms.market_id, terms.token_ids, size_e6, now_ns)
        return answer({"ok": True})

    def _accounts_of(self, address: str) -> PrivateSide:
        """Return the private side, once the address is one and there are accounts at all."""
        private = self._exchange.private
        if private is None:
            raise _Refused("this exchange keeps no accounts; serve a simulation")
        # Imported here: a recording has no accounts, and needs no curve.
        from polyframe.polymarket.keys import address_bytes

        try:
            address_bytes(address)
        except ValueError as error:
            raise _Refused(str(error)) from error
        return private

    def _happen(self, fault: Fault) -> web.Response:
        """Plan a fault from now on and let what is due at once happen."""
        exchange, injection = self._exchange, self._exchange.injection
        exchange.hand_out()  # what happened before now comes first
        before = injection.refusals
        injection.add([fault], from_now=True)
        injection.tick(exchange.clock())
        exchange.hand_out()
        if injection.refusals > before:
            raise _Refused(injection.refused[-1])
        return answer({"ok": True, "kind": fault.kind})
