"""JSON over HTTP to one host, with every bound the venue's own clients leave out.

A request has a total time, an answer a largest size, a failure a fixed number of further
attempts; redirects are not followed. What cannot be had is a :class:`RestError`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import anyio
import httpx

from polyframe.errors import VenueError
from polyframe.polymarket.hosts import is_loopback

Params = Sequence[tuple[str, str]]
Headers = Callable[[str, str, bytes], Mapping[str, str]]
# 425: the matching engine restarts; 429 and 5xx: throttled or broken for the moment.
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_RETRY_AFTER_S = 60.0
_SHOWN_BYTES = 200


class RestError(VenueError):
    """No usable answer.

    ``status`` is the HTTP status, None when there was none; ``body`` how its answer began.
    """

    def __init__(self, message: str, status: int | None = None, body: bytes = b"") -> None:
        super().__init__(message)
        self.status = status
        self.body = body


class RestClient:
    """A connection pool to one host; an async context manager.

    Args:
        base_url: scheme and host, e.g. :data:`polyframe.polymarket.hosts.GAMMA_URL`.
        attempts: how often a request is tried in all.
        timeout_s: longest time of one attempt, connecting and body included (wall clock).
        backoff_base_s: bound of the first delay between attempts, doubled each time; the
            delay is drawn evenly below it (full jitter).
        backoff_cap_s: largest such bound.
        most_bytes: an answer longer than this, unpacked, is refused.
        headers: returns what a request carries besides, from its method, its path without the
            query, and its body; asked anew for each attempt. None adds nothing.
        rng: source of the jitter; pass a seeded one for tests.
    """

    def __init__(
        self,
        base_url: str,
        *,
        attempts: int = 4,
        timeout_s: float = 10.0,
        backoff_base_s: float = 0.25,
        backoff_cap_s: float = 8.0,
        most_bytes: int = 32 * 1024 * 1024,
        headers: Headers | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._attempts = attempts
        self._timeout_s = timeout_s
        self._backoff_base_s = backoff_base_s
        self._backoff_cap_s = backoff_cap_s
        self._most_bytes = most_bytes
        self._headers = headers
        self._rng = rng or random.Random()
        self._http = httpx.AsyncClient(
            base_url=self._base_url,
            timeout=timeout_s,
            follow_redirects=False,
            trust_env=not is_loopback(base_url),
            headers={"accept": "application/json", "user-agent": "polyframe"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def get(self, path: str, params: Params = ()) -> bytes:
        """Return the body of a GET; see :meth:`post` for what is raised."""
        return await self._request("GET", path, params, None)

    async def post(self, path: str, body: bytes) -> bytes:
        """Return the body of a POST of JSON; only for requests that change nothing.

        Raises:
            RestError: refused, or still failing after every attempt.
        """
        return await self._request("POST", path, (), body)

    async def delete(self, path: str) -> bytes:
        """Return the body of a DELETE that may be sent again; see :meth:`post`."""
        return await self._request("DELETE", path, (), None)

    async def _request(self, method: str, path: str, params: Params, body: bytes | None) -> bytes:
        failure = RestError(f"{self._base_url}{path}: not tried")
        wait_s = 0.0
        for attempt in range(self._attempts):
            if attempt:
                await anyio.sleep(max(wait_s, self._jittered_s(attempt)))
            try:
                with anyio.fail_after(self._timeout_s):
                    return await self._attempt(method, path, params, body)
            except _Throttled as throttled:
                failure, wait_s = throttled, throttled.retry_after_s
                if wait_s > _LONGEST_RETRY_AFTER_S:
                    raise
            except TimeoutError:
                wait_s = 0.0
                failure = RestError(f"{self._base_url}{path}: no answer in {self._timeout_s:g} s")
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                wait_s = 0.0
                reason = str(error) or type(error).__name__
                failure = RestError(f"{self._base_url}{path}: {reason}")
        raise failure

    def _jittered_s(self, attempt: int) -> float:
        bound_s = min(self._backoff_cap_s, self._backoff_base_s * 2.0 ** (attempt - 1))
        return self._rng.uniform(0.0, bound_s)

    async def _attempt(self, method: str, path: str, params: Params, body: bytes | None) -> bytes:
        headers = {"content-type": "application/json"} if body is not None else {}
        if self._headers is not None:
            headers |= self._headers(method, path, body or b"")
        async with self._http.stream(
            method, path, params=list(params), content=body, headers=headers
        ) as answer:
            content = bytearray()
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > self._most_bytes:
                    raise RestError(
                        f"{self._base_url}{path}: the answer is longer than "
                        f"{self._most_bytes} bytes",
                        answer.status_code,
                    )
        if answer.status_code == 200:
            return bytes(content)
        begun = bytes(content[:_SHOWN_BYTES])
        message = (
            f"{self._base_url}{path}: HTTP {answer.status_code} {begun.decode('utf-8', 'replace')}"
        ).rstrip()
        if answer.status_code in _TRANSIENT:
            raise _Throttled(
                message, answer.status_code, _retry_after_s(answer.headers.get("retry-after", ""))
            )
        raise RestError(message, answer.status_code, begun)


class _Throttled(RestError):
    """Worth another attempt, no sooner than the venue asks."""

    def __init__(self, message: str, status: int, retry_after_s: float) -> None:
        super().__init__(message, status)
        self.retry_after_s = retry_after_s


def _retry_after_s(header: str) -> float:
    """Seconds of a Retry-After header, which may also be an HTTP date; 0 when absent."""
    if header.isdigit():
        return float(header[:9])
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
