"""``polyframe doctor``: can this machine and this account trade, and if not, what is to be done?"""

from __future__ import annotations

import json
from pathlib import Path

import click

from polyframe import cli
from polyframe.cli import one_line
from polyframe.cli.account_choice import json_option, urls_of, venue_option
from polyframe.cli.credentials import load
from polyframe.cli.run_options import state_option

_WORST = 1


@click.command("doctor")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--profile",
    type=click.Choice(["paper", "production"]),
    default="production",
    show_default=True,
    help="paper leaves the account out.",
)
@venue_option
@state_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    file: Path | None,
    profile: str,
    venue: str | None,
    state_folder: Path,
    as_json: bool,
) -> None:
    """Check machine, venue, account and FILE; every check runs, and says what to do.

    It changes nothing, neither here nor at the venue. It ends with 1 when a check failed.
    """
    from polyframe.doctor.checkup import check_all

    findings = [
        one._replace(found=cli.redact(one.found), fix=cli.redact(one.fix))
        for one in check_all(file, profile, urls_of(venue), state_folder, load)
    ]
    failed = any(one.result == "fail" for one in findings)
    if as_json:
        checks = [one._asdict() for one in findings]
        click.echo(json.dumps({"ok": not failed, "checks": checks}, indent=2))
    else:
        width = max(len(one.name) for one in findings)
        for one in findings:
            fix = f"  -> {one.fix}" if one.fix else ""
            click.echo(one_line(f"{one.result}  {one.name.ljust(width)}  {one.found}{fix}"))
    if failed:
        ctx.exit(_WORST)
