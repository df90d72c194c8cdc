"""Every check, in the order they are told, whatever becomes of the ones before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anyio

from polyframe.doctor import custody, files, machine, reach, standing
from polyframe.doctor.findings import Finding
from polyframe.polymarket.hosts import VenueUrls, is_loopback
from polyframe.runtime.live.account_folder import AccountFolder, accounts_in, source_of
from polyframe.secrets.credentials import Credentials
from polyframe.secrets.files import CredentialsRefused
from polyframe.settings import Settings

FOLDERS = (Path("runs"), Path("reports"))


def check_all(
    file: Path | None,
    profile: str,
    urls: VenueUrls,
    state_root: Path,
    load: Callable[[], Credentials],
) -> list[Finding]:
    """Return every finding; nothing is created, cancelled or placed.

    Args:
        file: a strategy file, None to leave it out.
        profile: ``production``, or ``paper``, which needs no account.
        urls: the venue.
        state_root: where accounts are kept.
        load: loads the credentials.
    """
    found = [machine.python(), machine.packages()]
    settings = Settings()
    if file is None:
        found += files.installed_plugins()
    else:
        told, strategy = files.strategy_file(file, profile)
        found += told
        settings = settings if strategy is None else strategy.settings
    found.append(machine.disk((*FOLDERS, state_root)))
    credentials: Credentials | CredentialsRefused | None = None
    if profile == "production":
        try:
            credentials = load()
        except CredentialsRefused as error:
            credentials = error
    found += anyio.run(_of_venue, urls, settings, credentials)
    if credentials is not None:
        found += custody.checks(_folder(state_root, urls, credentials))
    return found


async def _of_venue(
    urls: VenueUrls, settings: Settings, credentials: Credentials | CredentialsRefused | None
) -> list[Finding]:
    place: list[Finding] = []

    async def look_around() -> None:
        place.append(await reach.place(urls))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(look_around)
        probed = await reach.probe(urls)
        account: list[Finding] = []
        if isinstance(credentials, CredentialsRefused):
            account = standing.refused(credentials)
        elif credentials is not None:
            account = await standing.checks(credentials, urls, probed, settings)
    most_s = settings.production.max_clock_skew_s
    clock = reach.clock(probed, most_s, is_ours=is_loopback(urls.clob))
    return [reach.network(probed), clock, *place, *account]


def _folder(
    state_root: Path, urls: VenueUrls, credentials: Credentials | CredentialsRefused
) -> AccountFolder | None:
    """Return the folder of the credentials' account, or the only one there is of this venue."""
    source = source_of(urls)
    if isinstance(credentials, Credentials):
        return AccountFolder(state_root, source, credentials.account)
    found = [address for name, address in accounts_in(state_root) if name == source]
    return AccountFolder(state_root, source, found[0]) if len(found) == 1 else None
