"""Cancel everything at a venue, ask until nothing rests, and say so: cancel-all and kill."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from polyframe import cli
from polyframe.cli import one_line
from polyframe.errors import VenueError

if TYPE_CHECKING:
    from polyframe.polymarket.hosts import VenueUrls
    from polyframe.polymarket.operator_requests import Emptied
    from polyframe.secrets.credentials import Credentials

WITHIN_S = 10.0
_REQUEST_S = 3.0
_ATTEMPTS = 3
_AGAIN_S = 0.5
_REFUSED = 401
_SHOWN = 10


def cancel_and_verify(credentials: Credentials, urls: VenueUrls) -> Emptied:
    """Cancel everything of these credentials' API key, within ten seconds of wall time.

    Raises:
        VenueError: no API key is known, so nothing could be asked.
    """
    import anyio

    return anyio.run(_empty, credentials, urls)


async def _empty(credentials: Credentials, urls: VenueUrls) -> Emptied:
    import anyio

    from polyframe.polymarket.operator_requests import OperatorAccount, derive_api_key
    from polyframe.polymarket.rest import RestError

    clock = await venue_clock(urls.clob, _REQUEST_S)
    api = None if credentials.api is None else credentials.api.reveal()
    for attempt in range(_ATTEMPTS if api is None else 0):
        try:
            api = await derive_api_key(urls.clob, credentials.key, clock, _REQUEST_S)
            break
        except RestError as error:
            if error.status == _REFUSED or attempt == _ATTEMPTS - 1:
                raise VenueError(
                    f"NOTHING WAS CANCELLED, and what rests is not known: {error}: try again, "
                    "from another machine, or cancel on Polymarket's website"
                ) from None
            await anyio.sleep(_AGAIN_S)
    if api is None:
        raise VenueError(
            f"{urls.clob}: no API key was ever made for {credentials.signer}: nothing of it can "
            "rest, and nothing could be asked; check that this is the key that trades"
        )
    account = OperatorAccount(
        urls.clob, api, credentials.trading_wallet, clock=clock, timeout_s=_REQUEST_S
    )
    async with account:
        return await account.empty(WITHIN_S)


async def venue_clock(clob_url: str, timeout_s: float) -> Callable[[], int]:
    """Return the venue's time in UTC nanoseconds, by our clock and one look at its.

    A clock that is wrong must not keep anybody from cancelling. Without an answer it is ours.
    """
    from polyframe.polymarket.clob_public import server_time
    from polyframe.polymarket.rest import RestClient, RestError
    from polyframe.runtime.live.watches import least_skew_s

    async with RestClient(clob_url, attempts=1, timeout_s=timeout_s) as rest:
        sent_ns = time.time_ns()
        try:
            told_s = await server_time(rest)
        except RestError:
            return time.time_ns
        ahead_ns = round(least_skew_s(sent_ns, time.time_ns(), told_s) * 1e9)
    return lambda: time.time_ns() - ahead_ns


def as_json(urls: VenueUrls, done: Emptied) -> dict[str, Any]:
    """Return what happened as plain data; ``left`` is null when the venue never said."""
    return {
        "venue": urls.clob,
        "is_empty": done.is_empty,
        "cancelled": done.cancelled,
        "left": None if done.left is None else [order.order_id for order in done.left],
        "took_s": round(done.took_s, 3),
        "trouble": cli.redact(done.trouble),
    }


def tell(ctx: click.Context, told: list[tuple[VenueUrls, Emptied]], *, json_with: Any) -> None:
    """Say how it went; the verb ends with 0 only where every venue said that nothing rests.

    Args:
        ctx: of the verb.
        told: what happened at each venue.
        json_with: what else the JSON says; None prints lines.
    """
    if json_with is not None:
        cancelled = [as_json(urls, done) for urls, done in told]
        click.echo(json.dumps({**json_with, "cancelled": cancelled}, indent=2))
    else:
        for urls, done in told:
            if done.is_empty:
                by = "by this" if done.cancelled else "by this, whatever the engine had cancelled"
                click.echo(
                    f"{urls.clob}: nothing rests any more: {done.cancelled} orders cancelled {by}, "
                    f"verified after {done.took_s:.1f} s"
                )
    for urls, done in told:
        if not done.is_empty:
            _tell_left(urls, done)
    if not all(done.is_empty for _, done in told):
        ctx.exit(VenueError.exit_code)


def _tell_left(urls: VenueUrls, done: Emptied) -> None:
    what = "ORDERS MAY STILL REST" if done.left is None else f"{len(done.left)} ORDERS STILL REST"
    why = f" ({one_line(cli.redact(done.trouble))})" if done.trouble else ""
    click.echo(
        f"polyframe: error: {what} at {urls.clob} after {done.took_s:.1f} s{why}: try again, or "
        "cancel them on Polymarket's website",
        err=True,
    )
    for order in (done.left or ())[:_SHOWN]:
        click.echo(
            f"  {order.order_id} {order.side.name} {order.size_e6 / 1e6:g} at "
            f"{order.price_e4 / 1e4:g}, token {order.token_id}",
            err=True,
        )
