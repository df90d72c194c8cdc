"""``--arm``: what an operator sees and types before real orders leave."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from polyframe.cli.plain_table import print_table
from polyframe.errors import UsageError

if TYPE_CHECKING:
    from polyframe.strategy import Difference, Strategy

ASK = "ask"
"""What ``--arm`` holds when no hash follows it."""

arm_option = click.option(
    "--arm",
    "arm",
    metavar="[HASH]",
    is_flag=False,
    flag_value=ASK,
    help="The hash that 'check --diff paper production' ends with; alone, to be asked for it.",
)


def require_armed(paper: Strategy, production: Strategy, arm: str | None) -> str:
    """Return the hash under which production may start, asking for it where ``--arm`` says so.

    Args:
        paper: the file's paper profile, with the same overrides as production's.
        production: what is about to trade.
        arm: what stood behind ``--arm``, :data:`ASK` for nothing, None without the option.

    Raises:
        UsageError: not armed, in one line.
    """
    from polyframe.runtime.live.arming import arm_hash, check_armed
    from polyframe.strategy import profile_diff

    if arm != ASK:
        return check_armed(paper, production, arm)
    if not _is_terminal():
        raise UsageError(
            f"--arm without a hash asks on a terminal, and there is none: give the hash that "
            f"'polyframe check {production.path} --diff paper production' ends with"
        )
    print_difference(production.path, ("paper", "production"), profile_diff(paper, production))
    click.echo(f"arm: {arm_hash(paper, production)}")
    typed = click.prompt("Real orders. Type the hash to go on", default="", show_default=False)
    if not typed:
        raise UsageError("--arm: nothing was typed, so nothing is armed")
    return check_armed(paper, production, typed)


def print_difference(path: str, names: tuple[str, str], rows: Sequence[Difference]) -> None:
    """Print the settings that differ between two profiles, as a table."""
    left, right = names
    if not rows:
        click.echo(f"{path}: {left} and {right} do not differ")
        return
    table = [("key", left, right, "unit")]
    table += [(row.path, _cell(row.paper), _cell(row.production), row.unit) for row in rows]
    print_table(table)


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()
