"""API keys over REST (venue.md 1.7)."""

from __future__ import annotations

from aiohttp import web

from polyframe.exchange.private.api_keys import EXISTS, ApiKeys, Caller
from polyframe.exchange.private.requests import Doorman
from polyframe.exchange.rest_answers import answer, refusal
from polyframe.exchange.trading.desk import OrderDesk


def auth_routes(doorman: Doorman, desk: OrderDesk) -> list[web.RouteDef]:
    """Return the routes that make, show and delete API keys."""
    auth = _Auth(doorman.keys, desk)
    return [
        web.post("/auth/api-key", doorman.signed(auth.create)),
        web.get("/auth/derive-api-key", doorman.signed(auth.derive)),
        web.get("/auth/api-keys", doorman.private(auth.list)),
        web.delete("/auth/api-key", doorman.private(auth.delete)),
        web.get("/auth/ban-status/closed-only", doorman.private(auth.closed_only)),
    ]


class _Auth:
    """The handlers."""

    def __init__(self, keys: ApiKeys, desk: OrderDesk) -> None:
        self._keys = keys
        self._desk = desk

    async def create(self, request: web.Request, address: str, nonce: int) -> web.Response:
        made = self._keys.create(address, nonce)
        return refusal(EXISTS) if made is None else answer(made)

    async def derive(self, request: web.Request, address: str, nonce: int) -> web.Response:
        known = self._keys.derive(address, nonce)
        return refusal("Could not derive api key!") if known is None else answer(known)

    async def list(self, request: web.Request, caller: Caller, body: bytes) -> web.Response:
        return answer({"apiKeys": self._keys.of_address(caller.address)})

    async def delete(self, request: web.Request, caller: Caller, body: bytes) -> web.Response:
        self._keys.delete(caller.api_key)
        return answer("OK")

    async def closed_only(self, request: web.Request, caller: Caller, body: bytes) -> web.Response:
        return answer({"closed_only": caller.address.lower() in self._desk.closed_only})
