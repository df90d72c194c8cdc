"""Options that several verbs share: where runs lie, and which one is meant."""

from __future__ import annotations

from pathlib import Path

import click

runs_option = click.option(
    "--runs",
    "runs_folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs"),
    show_default=True,
    help="The folder of all runs.",
)
state_option = click.option(
    "--state",
    "state_folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("state"),
    show_default=True,
    help="The folder of all accounts that trade for real.",
)
run_option = click.option(
    "--run",
    "run_name",
    help="The run's id, its beginning, its folder, or one of span files; the latest without it.",
)
