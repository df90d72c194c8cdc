"""``polyframe report``: a day's report as Markdown, or the schema of its file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from polyframe.errors import PolyframeError, UsageError

_REPORT_PLUGIN = "truth_report"


@click.command("report")
@click.argument("day", required=False)
@click.option(
    "--reports",
    "reports_folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("reports"),
    show_default=True,
)
@click.option("--run", "run_id", help="Only this run of the day.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of Markdown.")
@click.option("--schema", "wants_schema", is_flag=True, help="Print the file's JSON Schema.")
def command(
    day: str | None, reports_folder: Path, run_id: str | None, as_json: bool, wants_schema: bool
) -> None:
    """Show the report of DAY (YYYY-MM-DD, UTC), the latest one without it.

    Runs of a day are shown one after the other: paper and real are never added up.
    """
    from polyframe.runtime.report_writer import file_schema, find_report, read_report

    if wants_schema:
        if day is not None or run_id is not None:
            raise UsageError("--schema: the schema is of every day and run; leave DAY and --run")
        click.echo(json.dumps(file_schema(_offered("report_schema")), indent=1))
        return
    path = find_report(reports_folder, day)
    found = read_report(path)
    runs: dict[str, Any] = found["runs"]
    if run_id is not None:
        if run_id not in runs:
            raise UsageError(
                f"--run {run_id!r}: {path} has no such run; it holds {', '.join(runs) or 'none'}"
            )
        runs = {run_id: runs[run_id]}
    if as_json:
        click.echo(json.dumps({**found, "runs": runs}, allow_nan=False))
        return
    show = _offered("render_markdown")
    if show is None:
        raise PolyframeError(f"the {_REPORT_PLUGIN} plugin renders no Markdown; use --json")
    for name, run in runs.items():
        for text in _shown(show, name, run):
            click.echo(text)


def _shown(show: Any, name: str, run: Mapping[str, Any]) -> list[str]:
    """Return a run's lines; what was written by another version is named, not guessed at."""
    from polyframe.runtime.lines import visible

    report, sections = run.get("report"), run.get("sections")
    if not isinstance(report, Mapping) or "error" in report:
        why = report.get("error") if isinstance(report, Mapping) else "there is none"
        return [f"# Run {visible(name)}", "", f"no report: {visible(str(why))}", ""]
    offered = _offered("report_schema")
    version = None if offered is None else offered["properties"]["schema"].get("const")
    if version is not None and report.get("schema") != version:
        written = visible(str(report.get("schema")))
        return [f"# Run {visible(name)}", "", f"a report of {written}, not {version}: --json", ""]
    lines = show(report, sections if isinstance(sections, Mapping) else {})
    return [*(visible(str(text)) for text in lines), ""]


def _offered(name: str) -> Any:
    """Return what the report plugin's class offers beside its hooks; None without it.

    Raises:
        PolyframeError: the plugin is not installed.
    """
    from polyframe.runtime.plugins import load_plugin_classes
    from polyframe.strategy import PluginRequest

    classes = load_plugin_classes([PluginRequest(_REPORT_PLUGIN)], production=False)
    return getattr(classes[_REPORT_PLUGIN], name, None)
