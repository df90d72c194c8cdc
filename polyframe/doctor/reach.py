"""Can the venue be reached, does it agree on the time, and does it trade with this place?"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

import anyio
import msgspec

from polyframe.doctor.findings import Finding, doubt, fault, sound
from polyframe.polymarket.clob_public import server_time
from polyframe.polymarket.geoblock import geoblock_fault
from polyframe.polymarket.hosts import VenueUrls, is_loopback
from polyframe.polymarket.rest import RestClient, RestError

TIMEOUT_S: Final = 3.0
"""Longest wait for one answer (wall clock)."""


class Reach(msgspec.Struct):
    """What the probes brought: latencies by name in ms, faults by name, and the clocks.

    ``ahead_s`` is by how much our clock is ahead of the venue's at the least, None when the
    venue did not say its time.
    """

    latencies_ms: dict[str, float] = {}
    faults: dict[str, str] = {}
    ahead_s: float | None = None

    @property
    def has_clob(self) -> bool:
        """Whether the CLOB answers."""
        return "clob" in self.latencies_ms

    def clock(self) -> int:
        """Return the venue's time in UTC nanoseconds, as well as it is known."""
        return time.time_ns() - round((self.ahead_s or 0.0) * 1e9)


async def probe(urls: VenueUrls) -> Reach:
    """Return what of a venue answers; every host and socket at once, each with its own limit."""
    found = Reach()

    async def ask(name: str, question: Callable[[], Awaitable[None]]) -> None:
        started = time.monotonic()
        try:
            with anyio.fail_after(TIMEOUT_S):
                await question()
        except TimeoutError:
            found.faults[name] = f"no answer within {TIMEOUT_S:g} s"
        except RestError as error:
            found.faults[name] = str(error)
        else:
            found.latencies_ms[name] = (time.monotonic() - started) * 1e3

    async def look_at_clock() -> None:
        # Imported here: it is the engine's, and a doctor of paper has no use for it.
        from polyframe.runtime.live.watches import least_skew_s

        async with RestClient(urls.clob, attempts=1, timeout_s=TIMEOUT_S) as rest:
            sent_ns = time.time_ns()
            told_s = await server_time(rest)
            found.ahead_s = least_skew_s(sent_ns, time.time_ns(), told_s)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask, "clob", look_at_clock)
        tasks.start_soon(ask, "gamma", lambda: _get(urls.gamma, "/markets/keyset", "limit"))
        tasks.start_soon(ask, "data", lambda: _get(urls.data, "/v2/status"))
        tasks.start_soon(ask, "market socket", lambda: _connect(urls.market_ws))
        tasks.start_soon(ask, "user socket", lambda: _connect(urls.user_ws))
    return found


async def _get(host: str, path: str, count: str = "") -> None:
    async with RestClient(host, attempts=1, timeout_s=TIMEOUT_S) as rest:
        await rest.get(path, [(count, "1")] if count else ())


async def _connect(url: str) -> None:
    from websockets.asyncio.client import connect
    from websockets.exceptions import WebSocketException

    try:
        async with connect(
            url, open_timeout=TIMEOUT_S, close_timeout=0.5, proxy=None if is_loopback(url) else True
        ):
            pass
    except (OSError, WebSocketException) as error:
        raise RestError(f"{url}: {error or type(error).__name__}") from None


def network(found: Reach) -> Finding:
    """Return whether every host and socket answers."""
    told = ", ".join(f"{name} {ms:.0f} ms" for name, ms in sorted(found.latencies_ms.items()))
    if not found.faults:
        return sound("network", told)
    if not told:
        # One reason stands for all: a machine without a network has one fault and not five.
        wrong = f"nothing of the venue answers: {found.faults.get('clob', '')}"
    else:
        each = (f"{name}: {reason}" for name, reason in sorted(found.faults.items()))
        wrong = f"{', '.join(each)} (answering: {told})"
    fix = "check the connection, the proxy settings and Polymarket's status page"
    return fault("network", wrong, fix)


def clock(found: Reach, most_s: float, *, is_ours: bool = False) -> Finding:
    """Return whether our clock is right enough for the venue.

    Args:
        found: what was probed.
        most_s: ``production.max_clock_skew_s``.
        is_ours: the venue is an exchange on this machine, whose speed is a setting.
    """
    if found.ahead_s is None:
        return doubt("clock", "not known: the CLOB does not answer")
    told = f"at least {abs(found.ahead_s):.1f} s {'ahead of' if found.ahead_s > 0 else 'behind'}"
    if abs(found.ahead_s) > most_s:
        fix = (
            "run with the exchange's own --speed; at 1, set the clock (NTP)"
            if is_ours
            else "set the clock and keep it set (NTP: timedatectl set-ntp true)"
        )
        return fault("clock", f"{told} the venue's clock, at most {most_s:g} s is allowed", fix)
    round_trip = f"round trip {found.latencies_ms.get('clob', 0):.0f} ms"
    if found.ahead_s:
        return sound("clock", f"{told} the venue's clock, {round_trip}")
    return sound("clock", f"agrees with the venue's to the second it tells, {round_trip}")


async def place(urls: VenueUrls) -> Finding:
    """Return whether the venue trades with where we are."""
    try:
        with anyio.fail_after(TIMEOUT_S):
            blocked = await geoblock_fault(urls.geoblock)
    except (TimeoutError, RestError):
        return doubt("geoblock", f"not known: {urlsplit(urls.geoblock).netloc} does not answer")
    if blocked is None:
        return sound("geoblock", "the venue trades with this place")
    return fault("geoblock", blocked, "trade from a place that Polymarket serves")
