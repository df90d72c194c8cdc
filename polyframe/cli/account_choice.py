"""Which account a verb is about: credentials, the state folder, the venue, ``--account``."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from polyframe.cli import redact_with
from polyframe.errors import UsageError
from polyframe.polymarket.hosts import LIVE_URLS, VenueUrls, loopback_urls
from polyframe.runtime.live.account_folder import AccountFolder, accounts_in, source_of

if TYPE_CHECKING:
    from polyframe.secrets.credentials import Credentials

state_option = click.option(
    "--state",
    "state_root",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("state"),
    show_default=True,
    help="The folder of all accounts.",
)
venue_option = click.option(
    "--venue", "venue", metavar="live|URL", help="Polymarket, or a loopback URL.  [default: live]"
)
account_option = click.option(
    "--account", "account", metavar="NAME", help="Its folder's name or its address."
)
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


def load() -> Credentials:
    """Return who trades, by the environment and ``.env`` of the working directory.

    From here on this process strikes the secrets out of every error it tells.

    Raises:
        CredentialsRefused: see :func:`polyframe.secrets.credentials.load_credentials`.
    """
    from polyframe.secrets.credentials import load_credentials

    is_terminal = sys.stdin is not None and sys.stdin.isatty()
    credentials = load_credentials(os.environ, Path.cwd(), _ask if is_terminal else None)
    redact_with(credentials.redactor().redact)
    return credentials


def _ask(path: str) -> str:
    answer: str = click.prompt(f"Password of {path}", hide_input=True, err=True)
    return answer


def candidates(state_root: Path, venue: str | None, account: str | None) -> list[AccountFolder]:
    """Return the accounts of a state folder that fit ``--venue`` and ``--account``."""
    wanted = None if venue is None else source_of(urls_of(venue))
    return [
        AccountFolder(state_root, source, address)
        for source, address in accounts_in(state_root)
        if wanted in (None, source)
        and (account is None or account.lower() in (address, f"{source}-{address}"))
    ]


def the_account(state_root: Path, venue: str | None, account: str | None) -> AccountFolder:
    """Return the one account a verb is about; several are told apart by the credentials.

    Raises:
        UsageError: there is none, or none of several is meant.
    """
    found = candidates(state_root, venue, account)
    if not found:
        which = "no account" if account is None else f"no account {account}"
        raise UsageError(
            f"{state_root}: {which} in it; a production run makes one (--state names the folder)"
        )
    if len(found) == 1:
        return found[0]
    mine = [one for one in found if one.name.endswith(_own_address())]
    if len(mine) != 1:
        names = ", ".join(one.name for one in found)
        raise UsageError(f"{state_root} has several accounts; choose one with --account: {names}")
    return mine[0]


def _own_address() -> str:
    """Return the address of the credentials' account, or what no account is called."""
    try:
        return load().account.lower()
    except UsageError:
        return "(none)"
