"""Where a run's market data comes from: the live venue, the embedded exchange, a recording.

This is the one place where runs differ. Whatever is chosen speaks Polymarket's protocol, so
everything after it is the same code.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import anyio

from polyframe.errors import UsageError, VenueError
from polyframe.polymarket import hosts
from polyframe.polymarket.clob_public import server_time
from polyframe.polymarket.hosts import VenueUrls
from polyframe.polymarket.rest import RestClient, RestError
from polyframe.settings import Settings

_RECORDING = "recording:"
_CLOCK_PATIENCE_S = 3.0


class Venue(NamedTuple):
    """An open venue.

    ``source`` is what reports say (live, embedded, recording, url); ``why`` is told on the
    first line; ``clock`` returns market time in UTC ns; ``ended`` is set when nothing more
    will come; ``lost_ns`` is how far market time fell behind the speed asked for; ``urls`` are all
    its addresses, for whoever has credentials.
    """

    source: str
    why: str
    gamma_url: str
    clob_url: str
    ws_url: str
    clock: Callable[[], int]
    speed: float
    ended: anyio.Event
    lost_ns: Callable[[], int] = lambda: 0
    urls: VenueUrls = hosts.LIVE_URLS


def check_choice(choice: str | None, speed: float, *, is_real: bool = False) -> None:
    """Refuse what no venue can be opened by, before anything is asked or written.

    Args:
        choice: as :func:`open_venue` takes it.
        speed: market seconds per wall second.
        is_real: whether orders are sent to it.

    Raises:
        UsageError: the choice is none, or the speed does not fit it.
    """
    if choice is None or choice == "embedded":
        return
    if choice == "live":
        if speed != 1:
            raise UsageError("--speed is for recordings and the embedded exchange; live time is 1")
    elif choice.startswith(_RECORDING):
        if is_real:
            raise UsageError(f"--venue {choice}: a recording takes no orders; it is for paper")
    elif not choice.startswith(("http://", "https://")):
        raise UsageError(
            f"--venue {choice!r}: choose live, embedded, recording:PATH or a loopback URL"
        )
    elif not hosts.is_loopback(choice):
        raise UsageError(
            f"--venue {choice}: only a loopback URL may be given; Polymarket's own addresses "
            "are fixed in the code (--venue live)"
        )


@asynccontextmanager
async def open_venue(
    choice: str | None, settings: Settings, speed: float, *, is_real: bool = False
) -> AsyncIterator[Venue]:
    """Open the venue a run asked for, or the best one there is.

    Args:
        choice: ``live``, ``embedded``, ``recording:PATH``, a loopback URL, or None: the live
            venue when it answers within ``venue.probe_timeout_s``, else ``venue.fallback``.
        settings: the core's settings.
        speed: market seconds per wall second; 1 for the live venue.
        is_real: whether orders are sent to it: it then has to have accounts, and its clock is
            what orders are signed by.

    Raises:
        VenueError: nothing there answers.
        UsageError: the choice is none of these, or the speed does not fit it.
    """
    check_choice(choice, speed, is_real=is_real)
    if choice is None:
        fault = await _probe(hosts.CLOB_URL, settings.venue.probe_timeout_s)
        if fault is None:
            choice, why = "live", "Polymarket answers"
        elif settings.venue.fallback == "embedded":
            choice, why = "embedded", f"Polymarket does not answer ({fault})"
        else:
            raise VenueError(
                f"Polymarket does not answer ({fault}) and venue.fallback is none: check the "
                "network, or run with --venue embedded"
            )
    elif choice == "live":
        fault = await _probe(hosts.CLOB_URL, settings.venue.probe_timeout_s)
        if fault is not None:
            raise VenueError(
                f"Polymarket does not answer ({fault}): check the network, or run with "
                "--venue embedded"
            )
        why = "asked for"
    else:
        why = "asked for"
    if choice == "live":
        check_choice(choice, speed)  # also where nobody chose it
        yield Venue(
            "live", why, hosts.GAMMA_URL, hosts.CLOB_URL, hosts.MARKET_WS_URL, time.time_ns, 1.0,
            anyio.Event(),
        )  # fmt: skip
    elif choice == "embedded" or choice.startswith(_RECORDING):
        # Imported here: a live run needs no server.
        from polyframe.exchange import open_recording, open_simulated

        if choice == "embedded":
            source = "embedded"
            embedded = settings.embedded
            exchange = open_simulated(
                settings.seed,
                embedded.markets,
                embedded.activity,
                speed,
                stalls_per_h=embedded.stalls_per_h,
                profile=embedded.profile,
                with_accounts=is_real,
            )
        else:
            path = Path(choice.removeprefix(_RECORDING))
            source = f"{_RECORDING}{path.name}"
            exchange = open_recording(path, speed)
        async with exchange:
            urls = exchange.urls
            yield Venue(
                source,
                why,
                urls.gamma_url,
                urls.clob_url,
                urls.ws_url,
                exchange.clock,
                speed,
                exchange.ended,
                lambda: exchange.clock.lost_ns,
                hosts.loopback_urls(urls.clob_url),
            )
    else:
        fault = await _probe(choice, settings.venue.probe_timeout_s)
        if fault is not None:
            raise VenueError(f"{choice} does not answer ({fault}): start it, or choose another")
        its = hosts.loopback_urls(choice)
        clock = _paced_clock(speed, time.time_ns())
        if is_real and speed != 1:
            clock = _paced_clock(speed, await _market_time_ns(choice, speed))
        gamma_url = its.gamma if is_real else choice
        yield Venue(
            "url", why, gamma_url, its.clob, its.market_ws, clock, speed, anyio.Event(),
            urls=its,
        )  # fmt: skip


async def _probe(clob_url: str, timeout_s: float) -> str | None:
    """Return None when the venue answers in time, else what went wrong."""
    try:
        with anyio.fail_after(timeout_s):
            async with RestClient(clob_url, attempts=1, timeout_s=timeout_s) as rest:
                await server_time(rest)
    except TimeoutError:
        return f"no answer within {timeout_s:g} s"
    except RestError as error:
        return str(error)
    return None


async def _market_time_ns(clob_url: str, speed: float) -> int:
    """Return an exchange's market time now; it says whole seconds, so the next one is awaited.

    Raises:
        VenueError: its time stands still.
    """
    with anyio.move_on_after(_CLOCK_PATIENCE_S):
        return await _next_second_ns(clob_url, speed)
    raise VenueError(f"{clob_url}: its clock stands: start its market first")


async def _next_second_ns(clob_url: str, speed: float) -> int:
    async with RestClient(clob_url) as rest:
        first_s = await server_time(rest)
        while (now_s := await server_time(rest)) == first_s:  # noqa: ASYNC110 - REST tells nobody
            await anyio.sleep(0.05 / speed)
    return now_s * 10**9


def _paced_clock(speed: float, origin_ns: int) -> Callable[[], int]:
    started_ns = time.monotonic_ns()
    return lambda: origin_ns + round((time.monotonic_ns() - started_ns) * speed)
