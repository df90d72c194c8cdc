"""``polyframe check``: is this strategy file usable, and what differs between its profiles?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from polyframe.cli import report_error
from polyframe.errors import StrategyError
from polyframe.strategy import (
    PROFILES,
    Difference,
    Strategy,
    check_profiles,
    count_settings,
    profile_diff,
    read_source,
    requests_of,
)

_PROFILE = click.Choice(PROFILES)


@click.command("check")
@click.argument("file", type=click.Path())
@click.option("--profile", type=_PROFILE, help="Check this profile only.")
@click.option(
    "--diff", nargs=2, type=_PROFILE, metavar="A B", help="Show the settings that differ."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    file: str,
    profile: str | None,
    diff: tuple[str, str] | None,
    as_json: bool,
) -> None:
    """Check the strategy FILE under both profiles, or under one.

    Every problem is one line, file:line: path: what, and what to do.
    """
    if diff and profile:
        raise click.UsageError("--diff compares two profiles; leave --profile out")
    wanted = tuple(dict.fromkeys(diff)) if diff else ((profile,) if profile else PROFILES)
    try:
        strategies = _checked(file, wanted)
    except StrategyError as error:
        if as_json:
            click.echo(_json({"file": file, "ok": False, "problems": error.problems}))
        else:
            report_error(error)
        ctx.exit(error.exit_code)
    if diff:
        rows = profile_diff(strategies[diff[0]], strategies[diff[1]])
        _print_difference(file, diff, rows, as_json=as_json)
    elif as_json:
        shown = {
            name: {"settings": count_settings(one), "config_hash": one.config_hash}
            for name, one in strategies.items()
        }
        click.echo(_json({"file": file, "ok": True, "profiles": shown}))
    else:
        for name, one in strategies.items():
            click.echo(
                f"{file}: {name}: ok, {count_settings(one)} keys, "
                f"{len(one.plugins)} plugins, config {one.config_hash}"
            )


def _checked(file: str, profiles: Sequence[str]) -> dict[str, Strategy]:
    source = read_source(file)
    requests = requests_of(source)
    from polyframe.runtime.plugins import configs_of, load_plugin_classes

    classes = load_plugin_classes(requests, production="production" in profiles)
    configs = configs_of(classes)
    return check_profiles(source, profiles, configs)


def _print_difference(
    file: str, names: tuple[str, str], rows: Sequence[Difference], *, as_json: bool
) -> None:
    left, right = names
    if as_json:
        # A list and not a mapping: the two names may be the same.
        differences = [
            {"path": row.path, "values": [row.paper, row.production], "unit": row.unit}
            for row in rows
        ]
        click.echo(_json({"file": file, "profiles": list(names), "differences": differences}))
        return
    if not rows:
        click.echo(f"{file}: {left} and {right} do not differ")
        return
    table = [("key", left, right, "unit")]
    table += [(row.path, _cell(row.paper), _cell(row.production), row.unit) for row in rows]
    widths = [max(len(line[column]) for line in table) for column in range(4)]
    for line in table:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2)
