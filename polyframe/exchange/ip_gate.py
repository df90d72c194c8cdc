"""The limits of client addresses in front of the whole exchange (venue.md 2.11)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from polyframe.exchange.ip_limits import IpLimits, Service
from polyframe.exchange.rest_answers import refusal

GAMMA_PREFIX = "/gamma"
DATA_PREFIX = "/data-api"
"""The venue has a host for each; where two of them share a path, the prefix says whose it is."""
RPC_PATH = "/rpc"
"""Where the chain's node answers; it has a host of its own, and is none of the venue's."""

_NEVER = ("/admin/", "/ws/")


def ip_gate(limits: IpLimits, wall_ns: Callable[[], int]) -> Middleware:
    """Return the middleware that refuses an address whose window is full.

    Args:
        limits: counts the requests.
        wall_ns: a clock of the wall: what stands before the exchange knows no market time.
    """

    @web.middleware
    async def admit(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.path.startswith(_NEVER):
            return await handler(request)
        service, path = service_of(request.path)
        ip = request.remote or ""
        wait_s = limits.retry_after_s(ip, service, request.method, path, wall_ns())
        if wait_s is None:
            return await handler(request)
        await request.read()  # a body left unread would be taken for the next request
        return refusal("Too Many Requests", 429, {"Retry-After": str(wait_s)})

    return admit


def service_of(path: str) -> tuple[Service, str]:
    """Return which of the venue's hosts a path stands for, and the path on that host."""
    if path.startswith(f"{GAMMA_PREFIX}/"):
        return "gamma", path.removeprefix(GAMMA_PREFIX)
    if path.startswith(f"{DATA_PREFIX}/"):
        return "data", path.removeprefix(DATA_PREFIX)
    return "clob", path
