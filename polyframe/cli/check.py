"""``polyframe check``: is this strategy file usable, and what differs between its profiles?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import click

from polyframe.cli import report_error
from polyframe.cli.arming import print_difference
from polyframe.errors import StrategyError
from polyframe.plugin import Config
from polyframe.strategy import (
    PROFILES,
    Problem,
    Source,
    Strategy,
    check_profiles,
    count_settings,
    profile_diff,
    read_source,
    refusal,
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
    refused: StrategyError | None = None
    strategies: dict[str, Strategy] = {}
    try:
        strategies, refused = _checked(file, wanted)
    except StrategyError as error:
        refused = error
    if refused is not None:
        # What is sound is said all the same: a plugin without a pin can be traded on paper.
        if as_json:
            click.echo(_json({"file": file, "ok": False, "problems": refused.problems}))
        else:
            _print_sound(file, strategies)
            report_error(refused)
        ctx.exit(refused.exit_code)
    if diff:
        _tell_difference(file, diff, strategies, as_json=as_json)
    elif as_json:
        shown = {
            name: {"settings": count_settings(one), "config_hash": one.config_hash}
            for name, one in strategies.items()
        }
        click.echo(_json({"file": file, "ok": True, "profiles": shown}))
    else:
        _print_sound(file, strategies)


def _tell_difference(
    file: str, names: tuple[str, str], strategies: Mapping[str, Strategy], *, as_json: bool
) -> None:
    """Print what differs; from paper to production, also the hash that ``run --arm`` wants."""
    from polyframe.runtime.live.arming import arm_hash

    left, right = (strategies[name] for name in names)
    rows = profile_diff(left, right)
    arm = arm_hash(left, right) if names == ("paper", "production") else None
    if as_json:
        # A list and not a mapping: the two names may be the same.
        differences = [
            {"path": row.path, "values": [row.paper, row.production], "unit": row.unit}
            for row in rows
        ]
        told = {"file": file, "profiles": list(names), "differences": differences}
        click.echo(_json(told if arm is None else {**told, "arm": arm}))
        return
    print_difference(file, names, rows)
    if arm is not None:
        click.echo(f"arm: {arm}")


def _print_sound(file: str, strategies: Mapping[str, Strategy]) -> None:
    for name, one in strategies.items():
        click.echo(
            f"{file}: {name}: ok, {count_settings(one)} keys, "
            f"{len(one.plugins)} plugins, config {one.config_hash}"
        )


def _checked(
    file: str, profiles: Sequence[str]
) -> tuple[dict[str, Strategy], StrategyError | None]:
    """Return the sound profiles, and what production alone refuses: plugins without a pin."""
    from polyframe.runtime.plugins import configs_of, load_plugin_classes, without_pin

    source = read_source(file)
    requests = requests_of(source)
    bare = without_pin(requests) if "production" in profiles else {}
    problems = [
        Problem(source.lines["plugins", name], ("plugins", name), text)
        for name, text in bare.items()
    ]
    refused = refusal(source.path, problems) if problems else None
    sound = [name for name in profiles if refused is None or name != "production"]
    if not sound:
        return {}, refused  # and nothing unreviewed was imported
    configs = configs_of(load_plugin_classes(requests, production=False))
    try:
        return check_profiles(source, sound, configs), refused
    except StrategyError as error:
        return _sound_alone(source, sound, configs), error


def _sound_alone(
    source: Source, profiles: Sequence[str], configs: Mapping[str, type[Config]]
) -> dict[str, Strategy]:
    """Return those of several profiles that nothing is wrong with."""
    found: dict[str, Strategy] = {}
    for profile in profiles if len(profiles) > 1 else ():
        with suppress(StrategyError):
            found |= check_profiles(source, [profile], configs)
    return found


def _json(value: Any) -> str:
    return json.dumps(value, indent=2)
