"""What every private route does first: know the caller, by L1 or L2 headers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from polyframe.exchange.private.api_keys import BAD_L1, BAD_L2, ApiKeys, Caller, l1_caller
from polyframe.exchange.rest_answers import refusal

PrivateHandler = Callable[[web.Request, Caller, bytes], Awaitable[web.Response]]
SignedHandler = Callable[[web.Request, str, int], Awaitable[web.Response]]
Handler = Callable[[web.Request], Awaitable[web.Response]]


class Doorman:
    """Lets only known callers through.

    Args:
        keys: the API keys that exist.
        clock: market time, UTC ns.
        asked: called when somebody shows headers that fit.
        max_skew_s: how far a request's timestamp may be from market time; None takes any.
    """

    def __init__(
        self,
        keys: ApiKeys,
        clock: Callable[[], int],
        asked: Callable[[], None],
        max_skew_s: float | None = None,
    ) -> None:
        self.keys = keys
        self._clock = clock
        self._asked = asked
        self._max_skew_s = max_skew_s

    def private(self, handler: PrivateHandler) -> Handler:
        """Return a handler that answers 401 unless the L2 headers fit the exact body."""

        async def checked(request: web.Request) -> web.Response:
            body = await request.read()
            caller = self.keys.caller_of_request(
                request.headers, request.method, request.path, body
            )
            if caller is None or not self._is_timely(request):
                return refusal(BAD_L2, 401)
            self._asked()
            return await handler(request, caller, body)

        return checked

    def signed(self, handler: SignedHandler) -> Handler:
        """Return a handler that answers 401 unless the L1 headers are signed by their address."""

        async def checked(request: web.Request) -> web.Response:
            found = l1_caller(request.headers)
            if found is None or not self._is_timely(request):
                return refusal(BAD_L1, 401)
            self._asked()
            return await handler(request, *found)

        return checked

    def _is_timely(self, request: web.Request) -> bool:
        if self._max_skew_s is None:
            return True
        try:
            sent_s = int(request.headers.get("POLY_TIMESTAMP", ""))
        except ValueError:
            return False
        return abs(sent_s - self._clock() / 1e9) <= self._max_skew_s
