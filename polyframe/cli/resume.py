"""``polyframe resume``: takes the kill switch back, after showing what it was thrown for."""

from __future__ import annotations

import json
from pathlib import Path

import click

from polyframe.cli import one_line
from polyframe.cli.account_choice import account_option, json_option, the_account, venue_option
from polyframe.cli.run_options import state_option


@click.command("resume")
@state_option
@venue_option
@account_option
@json_option
def command(state_folder: Path, venue: str | None, account: str | None, as_json: bool) -> None:
    """Allow trading again after a kill or a halt that threw the switch.

    An engine that still runs goes on by itself; otherwise the next run may start.
    """
    folder = the_account(state_folder, venue, account)
    thrown = folder.resume()
    holder = folder.holder()
    if as_json:
        pid = None if holder is None else holder.pid
        told = {"account": folder.name, "killed": thrown._asdict(), "engine_pid": pid}
        click.echo(json.dumps(told, indent=2))
        return
    when = f" on {thrown.when} by {thrown.by}" if thrown.when else ""
    click.echo(f"{folder.name}: was killed{one_line(when)}: {one_line(thrown.why)}")
    click.echo(
        "resumed: a run may start" if holder is None else f"resumed: process {holder.pid} goes on"
    )
