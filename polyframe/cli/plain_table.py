"""A table of plain columns for pipes and terminals alike."""

from __future__ import annotations

from collections.abc import Sequence

import click

from polyframe.cli import one_line


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows with their columns aligned; what could steer a terminal is made visible."""
    shown = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in shown) for column in range(len(shown[0]))]
    for row in shown:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
