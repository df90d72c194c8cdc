"""``polyframe resume``: takes the kill switch back, after showing what it was thrown for."""

from __future__ import annotations

import getpass
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from polyframe.cli import one_line
from polyframe.cli.account_choice import account_option, json_option, of_venue_option, the_account
from polyframe.cli.run_options import state_option
from polyframe.errors import UsageError

if TYPE_CHECKING:
    from polyframe.runtime.live.account_folder import AccountFolder


@click.command("resume")
@state_option
@of_venue_option
@account_option
@json_option
@click.option(
    "--accept-differences",
    "accepts",
    is_flag=True,
    help="Book the cash and the tokens that the last comparison halted for: a deposit, say.",
)
def command(
    state_folder: Path, venue: str | None, account: str | None, as_json: bool, accepts: bool
) -> None:
    """Allow trading again after a kill or a halt that threw the switch.

    An engine that still runs goes on by itself; otherwise the next run may start. What is accepted
    is booked by its first comparison, if that shows the same amounts; anything else halts again.
    """
    folder = the_account(state_folder, venue, account)
    accepted: list[str] = []
    if folder.killed() is not None:
        # One that was given before is void: what differs now may be something else.
        folder.drop_accepted()
        accepted = _accept(folder) if accepts else []
    thrown = folder.resume()
    holder = folder.holder()
    if as_json:
        pid = None if holder is None else holder.pid
        told = {"account": folder.name, "killed": thrown._asdict(), "engine_pid": pid,
                "accepted": accepted}  # fmt: skip
        click.echo(json.dumps(told, indent=2))
        return
    for said in accepted:
        click.echo(f"{folder.name}: accepted: {one_line(said)}")
    when = f" on {thrown.when} by {thrown.by}" if thrown.when else ""
    click.echo(f"{folder.name}: was killed{one_line(when)}: {one_line(thrown.why)}")
    click.echo(
        "resumed: a run may start" if holder is None else f"resumed: process {holder.pid} goes on"
    )


def _accept(folder: AccountFolder) -> list[str]:
    """Write down the differences of the last comparison, and return each as a line.

    Raises:
        UsageError: there is none that could be accepted, or its amounts are not exact yet.
        PolyframeError: the account cannot be read, or the acceptance not be written.
    """
    from polyframe.runtime.live.acceptance import accept
    from polyframe.runtime.live.account_reading import read_account

    last = read_account(folder.store_path, most=1).reconciliation
    if last is None or not last.is_beyond_bound:
        raise UsageError(
            "--accept-differences: the last comparison of the books halted for none; resume "
            "without it, and look again when a run has compared them"
        )
    if last.found.moving_fills:
        raise UsageError(
            f"--accept-differences: {last.found.moving_fills} fills settled while the books were "
            "compared, so no amount is exact; wait for the next 'Reconciled', or resume without it"
        )
    accepted = accept(last.found, datetime.now(UTC).isoformat(timespec="milliseconds"), _who())
    folder.accept(accepted)
    return [
        f"{one.what} {one.name}: ours {one.ours}, the venue's {one.theirs}"
        for one in last.found.differences
        if one.is_beyond_bound
    ]


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"uid {os.getuid()}"
