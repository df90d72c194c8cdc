"""``polyframe why``: why a market is quoted as it is, or why it is not, plugin by plugin."""

from __future__ import annotations

import json
from itertools import filterfalse
from pathlib import Path

import click

from polyframe.cli.run_options import run_option, runs_option
from polyframe.errors import PolyframeError


@click.command("why")
@click.argument("market", nargs=-1, required=True)
@click.option(
    "--at",
    "at_text",
    help="The moment asked about, to its end: 2026-11-28T00:50:11Z, 00:50 (the run's last day, "
    "UTC) or -5m (before the run's last span). Default: the last decision before the stop.",
)
@run_option
@runs_option
@click.option("--json", "as_json", is_flag=True, help="Print the spans as JSON.")
def command(
    market: tuple[str, ...],
    at_text: str | None,
    run_name: str | None,
    runs_folder: Path,
    as_json: bool,
) -> None:
    """Say why MARKET is quoted as it is, or why it is not: one screen, plugin by plugin.

    MARKET is an id or the beginning of one, a slug, or words of the question. A decision that
    left everything as it was is explained by the one that placed what rests. --json has every
    number of every plugin; the screen shows those nearest to their limits.
    """
    from polyframe.cli.decision_screen import show_story, story_json, telling_gaps
    from polyframe.explain.facts import is_of_the_stop
    from polyframe.explain.lookup import RunSpans, find_run, of_market
    from polyframe.explain.moments import clock_text, day_text, parse_moment
    from polyframe.explain.story import tell_story

    spans = RunSpans(find_run(runs_folder, run_name))
    with telling_gaps(spans):
        until_ns = None
        if at_text is not None:
            until_ns = parse_moment(at_text, "--at", spans.last_ns).last_ns
        name = spans.market(" ".join(market))
        newest_first = spans.newest_first(of_market(name.market_id), until_ns)
        if at_text is None:
            # How a run ends explains nothing: what the market looked like before does.
            newest_first = filterfalse(is_of_the_stop, newest_first)
        story = tell_story(newest_first, until_ns=until_ns)
        if story is None:
            at = "" if until_ns is None else f" by {day_text(until_ns)} {clock_text(until_ns)} UTC"
            raise PolyframeError(f"no decision on {name.shown}{at} in run {spans.run_id}")
        if as_json:
            click.echo(json.dumps(story_json(story, spans)))
        elif until_ns is None:
            show_story(story, spans, (spans.last_ns, "the run's last span"))
        else:
            show_story(story, spans, (until_ns, "--at"))
