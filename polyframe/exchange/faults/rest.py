"""Faults of REST answers as a middleware of the exchange's server."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware

from polyframe.exchange.faults import rest_kinds as kinds
from polyframe.exchange.faults.plan import ActiveFault, FaultPlan
from polyframe.exchange.faults.targets import (
    CANCEL_ONLY_TEXT,
    DISABLED_TEXT,
    RESTARTING_TEXT,
)
from polyframe.exchange.wire import encode
from polyframe.polymarket.codec import book_hash

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_POLL_S = 0.005
_NEVER = ("/ws/", "/admin/")
_USUAL = {
    400: "Invalid order payload",
    401: "Unauthorized/Invalid api key",
    403: "'address' address banned",
    404: "market not found",
}
_PAGE = (
    "<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Something went wrong</h1>"
    "</body></html>"
)
_GHOST = {
    "bids": [{"price": "0.01", "size": "1000000"}],
    "asks": [{"price": "0.99", "size": "1000000"}],
}


class RestFaults:
    """Strikes requests; while no REST fault is planned it costs one look-up a request.

    Args:
        plan: the exchange's.
        clock: market time, UTC ns.
    """

    def __init__(self, plan: FaultPlan, clock: Callable[[], int]) -> None:
        self._plan = plan
        self._clock = clock
        self._late: set[asyncio.Task[None]] = set()  # kept alive, never walked

    def middleware(self) -> Middleware:
        """Return the middleware."""

        @web.middleware
        async def inject(request: web.Request, handler: Handler) -> web.StreamResponse:
            faults = self._plan.of("rest")
            if not faults or request.path.startswith(_NEVER):
                return await handler(request)
            for active in faults:
                if self._strikes(active, request):
                    active.strike()
                    return await self._answer(active, request, handler)
            return await handler(request)

        return inject

    async def close(self) -> None:
        """Give up what was to be processed late."""
        tasks = list(self._late)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _strikes(self, active: ActiveFault, request: web.Request) -> bool:
        fault = active.fault
        assert isinstance(fault, kinds.RestFault)
        return (
            active.opening(self._clock()) is not None
            and matches(fault.route, request.method, request.path)
            and active.draws()
        )

    async def _answer(
        self, active: ActiveFault, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        fault = active.fault
        plain = plain_answer(fault, self._clock() // 10**9)
        if plain is not None:
            await request.read()  # a body left unread would be taken for the next request
            return plain
        match fault:
            case kinds.SlowDrip():
                return await self._drip(request, await handler(request), fault.bytes_per_s)
            case kinds.TimeoutBefore():
                await request.read()
                await self._pass(fault.hangs_s, request)
                return _cut(request)
            case kinds.TimeoutAfter():
                await handler(request)
                await self._pass(fault.hangs_s, request)
                return _cut(request)
            case kinds.ResponseLost():
                await handler(request)
                return _cut(request)
            case kinds.RetriesAllLive():
                await handler(request)
                return _json({"error": "internal server error"}, 500)
            case kinds.AcceptedLate():
                await request.read()  # kept by the request for the handler
                task = asyncio.create_task(self._later(fault.after_s, request, handler))
                self._late.add(task)
                task.add_done_callback(self._late.discard)
                return _cut(request)
            case kinds.NoOrderId():
                return _edited(await handler(request), _without_id)
            case kinds.SuccessWithError():
                return _unplaced(await request.read(), fault.error)
            case kinds.StaleBook():
                return _edited(await handler(request), _ghost)
            case _:
                return _cut(request)

    async def _later(self, after_s: float, request: web.Request, handler: Handler) -> None:
        await self._pass(after_s, None)
        with contextlib.suppress(web.HTTPException):  # a refusal that nobody is there to read
            await handler(request)

    async def _pass(self, market_s: float, request: web.Request | None) -> None:
        """Wait for market time to pass, or for the client to leave."""
        due_ns = self._clock() + round(market_s * 1e9)
        # Market time may stand still or run at any speed: there is nothing to wait on but it.
        while self._clock() < due_ns:
            if request is not None and request.transport is None:
                return
            await asyncio.sleep(_POLL_S)

    async def _drip(
        self, request: web.Request, answer: web.StreamResponse, bytes_per_s: float
    ) -> web.StreamResponse:
        body = _body(answer)
        dripping = web.StreamResponse(status=answer.status, headers=dict(answer.headers))
        dripping.content_length = len(body)
        await dripping.prepare(request)
        step = max(1, len(body) // 50)
        for start in range(0, len(body), step):
            await self._pass(step / bytes_per_s, request)
            await dripping.write(body[start : start + step])
        await dripping.write_eof()
        return dripping


def matches(route: str, method: str, path: str) -> bool:
    """Whether a request is meant by a fault's ``route``."""
    return any(
        fnmatchcase(f"{method} {path}" if " " in one else path, one) for one in route.split("|")
    )


def plain_answer(fault: Any, now_s: int) -> web.Response | None:
    """Return the answer of a fault that needs no handler and no time; None for the others."""
    match fault:
        case kinds.Refused():
            return _json({"error": fault.error or _USUAL[fault.status]}, fault.status)
        case kinds.Restarting():
            return _json({"error": RESTARTING_TEXT}, 425, _retry_after(fault.retry_after_s))
        case kinds.TooManyRequests():
            headers = _retry_after(fault.retry_after_s)
            if fault.from_limiter:
                headers |= {
                    "Poly-RateLimit-Remaining": "0",
                    "Poly-RateLimit-Reset": str(now_s + (fault.retry_after_s or 1)),
                    "Poly-RateLimit-Tier": "Standard",
                }
            return _json({"error": "Too Many Requests"}, 429, headers)
        case kinds.ServerError():
            text = {500: "internal server error", 502: "bad gateway", 503: DISABLED_TEXT}
            return _json({"error": text[fault.status]}, fault.status)
        case kinds.CancelOnly():
            return _json({"error": CANCEL_ONLY_TEXT}, 503)
        case kinds.HtmlBody():
            return web.Response(text=_PAGE, status=fault.status, content_type="text/html")
        case kinds.Redirect():
            return web.Response(status=fault.status, headers={"Location": fault.location})
    return None


def _retry_after(seconds: int | None) -> dict[str, str]:
    return {} if seconds is None else {"Retry-After": str(seconds)}


def _json(body: Any, status: int, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=encode(body), status=status, content_type="application/json", headers=headers
    )


def _cut(request: web.Request) -> web.Response:
    """Cut the line; the response returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _body(answer: web.StreamResponse) -> bytes:
    body = answer.body if isinstance(answer, web.Response) else None
    return body if isinstance(body, bytes) else b""


def _edited(answer: web.StreamResponse, edit: Callable[[Any], Any]) -> web.Response:
    """Return a JSON answer after an edit; what is no 200 stays as it is."""
    body = _body(answer)
    if answer.status == 200 and body:
        body = encode(edit(json.loads(body)))
    return web.Response(body=body, status=answer.status, content_type="application/json")


def _without_id(placed: Any) -> Any:
    if isinstance(placed, list):
        return [_without_id(one) for one in placed]
    return {**placed, "orderID": ""} if isinstance(placed, dict) else placed


def _ghost(book: Any) -> Any:
    if isinstance(book, list):
        return [_ghost(one) for one in book]
    if not isinstance(book, dict) or "bids" not in book:  # a route that shows no book
        return book
    ghost = {**book, **_GHOST}
    return {**ghost, "hash": book_hash(ghost)}


def _unplaced(body: bytes, error: str) -> web.Response:
    answer = {
        "errorMsg": error, "orderID": "", "takingAmount": "", "makingAmount": "", "status": "",
        "success": True,
    }  # fmt: skip
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        asked = {}
    return _json([answer] * len(asked) if isinstance(asked, list) else answer, 200)
