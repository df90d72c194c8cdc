"""``polyframe kill``: nobody trades any more, then everything is cancelled at the venue."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from polyframe import cli
from polyframe.cli import report_error
from polyframe.cli.account_choice import (
    candidates,
    json_option,
    killed_account_option,
    killed_venue_option,
    urls_of,
    urls_of_source,
)
from polyframe.cli.cancelling import cancel_and_verify, tell
from polyframe.cli.credentials import load
from polyframe.cli.run_options import state_option
from polyframe.errors import PolyframeError
from polyframe.runtime.live.account_folder import AccountFolder, source_of

if TYPE_CHECKING:
    from polyframe.polymarket.hosts import VenueUrls
    from polyframe.polymarket.operator_requests import Emptied
    from polyframe.secrets.credentials import Credentials


@click.command("kill")
@click.option("--why", default="no reason given", help="What the account's KILL file says.")
@state_option
@killed_venue_option
@killed_account_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    why: str,
    state_folder: Path,
    venue: str | None,
    account: str | None,
    as_json: bool,
) -> None:
    """Forbid trading (a running engine stops within a second), then cancel everything.

    It is the account of the credentials; where these cannot be had, every account of the state
    folder. 'polyframe resume' takes it back.
    """
    credentials: Credentials | None = None
    trouble = ""
    try:
        credentials = load()
    except PolyframeError as error:  # the switch is thrown all the same, and before this is told
        trouble = str(error)
    thrown = _throw(_meant(state_folder, venue, account, credentials), why)
    if not as_json:
        for folder, said in thrown.items():
            click.echo(f"{folder}: killed: {said}")
    told: list[tuple[VenueUrls, Emptied]] = []
    failures = [trouble]
    if credentials is not None:
        told, failures = _cancel(credentials, _venues(state_folder, venue, account, credentials))
    for failure in failures:
        what = "killed, but" if thrown else "no account was found to kill, and"
        report_error(PolyframeError(f"{what} NOTHING WAS CANCELLED: {failure}"))
    switches = {str(folder): said for folder, said in thrown.items()}
    more = {"killed": switches, "failures": [cli.redact(failure) for failure in failures]}
    tell(ctx, told, json_with=more if as_json else None)
    if failures:
        ctx.exit(PolyframeError.exit_code)


def _cancel(
    credentials: Credentials, venues: list[VenueUrls]
) -> tuple[list[tuple[VenueUrls, Emptied]], list[str]]:
    """Cancel at each venue; return what became of it, and why some could not even be asked."""
    told: list[tuple[VenueUrls, Emptied]] = []
    failures: list[str] = []
    for urls in venues:
        try:
            told.append((urls, cancel_and_verify(credentials, urls)))
        except PolyframeError as error:  # of one venue; the others are asked all the same
            failures.append(f"{urls.clob}: {error}")
    return told, failures


def _meant(
    state_folder: Path, venue: str | None, account: str | None, credentials: Credentials | None
) -> list[AccountFolder]:
    """Return the accounts to stop, the folders of engines that run from elsewhere among them."""
    found = candidates(state_folder, venue, account)
    if credentials is None or account is not None:
        return found
    own = [one for one in found if one.name.endswith(credentials.account.lower())]
    if not own:
        own = [AccountFolder(state_folder, source_of(urls_of(venue)), credentials.account)]
    for one in list(own):
        holder = one.holder()
        if holder is not None and holder.folder and Path(holder.folder) != one.path.resolve():
            source = one.name.rpartition("-")[0]
            elsewhere = Path(holder.folder).parent
            own.append(AccountFolder(elsewhere, source, credentials.account))
    return own


def _throw(folders: list[AccountFolder], why: str) -> dict[Path, str]:
    """Throw every switch that can be thrown; a disk that fails one stops no other."""
    thrown: dict[Path, str] = {}
    for folder in folders:
        try:
            thrown[folder.path] = folder.kill(why, _who()).why
        except PolyframeError as error:
            report_error(error)
    return thrown


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"uid {os.getuid()}"


def _venues(
    state_folder: Path, venue: str | None, account: str | None, credentials: Credentials
) -> list[VenueUrls]:
    """Return where to cancel: the venue that was named, or those of the account's folders."""
    if venue is not None:
        return [urls_of(venue)]
    own = [
        one
        for one in candidates(state_folder, None, account)
        if one.name.endswith(credentials.account.lower())
    ]
    sources = dict.fromkeys(one.name.rpartition("-")[0] for one in own)
    urls = [found for source in sources if (found := urls_of_source(source)) is not None]
    # An exchange inside the engine's own process can be reached by nobody else, and ends with it.
    return urls if own else [urls_of(None)]
