"""Which account a verb is about: credentials, the state folder, the venue, ``--account``."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from polyframe.cli.credentials import load
from polyframe.errors import UsageError
from polyframe.polymarket.hosts import LIVE_URLS, VenueUrls, loopback_urls
from polyframe.runtime.live.account_folder import AccountFolder, accounts_in, source_of

_Verb = TypeVar("_Verb", bound=Callable[..., Any])


def _venue(told: str) -> Callable[[_Verb], _Verb]:
    return click.option("--venue", "venue", metavar="live|URL", help=told)


def _account(told: str) -> Callable[[_Verb], _Verb]:
    told = f"Its folder's name or its address.  [default: {told}]"
    return click.option("--account", "account", metavar="NAME", help=told)


venue_option = _venue("Polymarket, or a loopback URL.  [default: live]")
of_venue_option = _venue(
    "Only accounts at Polymarket, or at a loopback URL.  [default: at any venue]"
)
killed_venue_option = _venue(
    "Only at Polymarket, or at a loopback URL.  [default: wherever the account has a folder; live "
    "where it has none]"
)
account_option = _account("the only one there is, or of several that of the credentials")
killed_account_option = _account("that of the credentials, or every one")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

_LOOPBACK = re.compile(r"loopback-([0-9]+)")


def urls_of(venue: str | None) -> VenueUrls:
    """Return the addresses of ``--venue``.

    Raises:
        UsageError: neither ``live`` nor a loopback URL.
    """
    if venue in (None, "live"):
        return LIVE_URLS
    try:
        return loopback_urls(venue)
    except ValueError:
        raise UsageError(
            f"--venue {venue}: choose live or a loopback URL; Polymarket's own addresses are fixed "
            "in the code"
        ) from None


def urls_of_source(source: str) -> VenueUrls | None:
    """Return the addresses of the venue an account's folder names, None for an unknown one."""
    if source == "live":
        return LIVE_URLS
    found = _LOOPBACK.fullmatch(source)
    return None if found is None else loopback_urls(f"http://127.0.0.1:{found[1]}")


def candidates(state_folder: Path, venue: str | None, account: str | None) -> list[AccountFolder]:
    """Return the accounts of a state folder that fit ``--venue`` and ``--account``."""
    wanted = None if venue is None else source_of(urls_of(venue))
    return [
        AccountFolder(state_folder, source, address)
        for source, address in accounts_in(state_folder)
        if wanted in (None, source)
        and (account is None or account.lower() in (address, f"{source}-{address}"))
    ]


def the_account(state_folder: Path, venue: str | None, account: str | None) -> AccountFolder:
    """Return the one account a verb is about; several are told apart by the credentials.

    Raises:
        UsageError: there is none, or none of several is meant.
    """
    found = candidates(state_folder, venue, account)
    if not found:
        which = "no account" if account is None else f"no account {account}"
        raise UsageError(
            f"{state_folder}: {which} in it; a production run makes one (--state names the folder)"
        )
    if len(found) == 1:
        return found[0]
    mine = [one for one in found if one.name.endswith(_own_address())]
    if len(mine) != 1:
        names = ", ".join(one.name for one in found)
        raise UsageError(f"{state_folder} has several accounts; choose one with --account: {names}")
    return mine[0]


def _own_address() -> str:
    """Return the address of the credentials' account, or what no account is called."""
    try:
        return load().account.lower()
    except UsageError:
        return "(none)"
