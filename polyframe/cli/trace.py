"""``polyframe trace``: what a run's spans come to, its last decisions, or one in full."""

from __future__ import annotations

import difflib
import json
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from polyframe.cli.run_options import run_option, runs_option
from polyframe.errors import PolyframeError, UsageError

if TYPE_CHECKING:
    from polyframe.explain.lookup import RunSpans, Wanted
    from polyframe.explain.tally import SpanFilter
    from polyframe.tracing.span import Span

_SHOWN = 20


@click.command("trace")
@click.argument("wanted", metavar="[ID]", required=False)
@click.option("--last", type=click.IntRange(min=0), help="Show this many; 20, and all with --json.")
@click.option("--outcome", help="Only decisions of this outcome: quoted, vetoed, pulled, ...")
@click.option("--market", help="Only this market: id, slug or words, as 'polyframe why' takes it.")
@click.option("--code", help="Only decisions with this veto code; 'plugin.' for all of a plugin's.")
@click.option("--plugin", help="Only decisions that this plugin proposed, changed or refused.")
@click.option("--since", help="Only from this moment on: a time (UTC) or -5m before the last span.")
@click.option("--until", help="Only up to this moment; 14:03 is that whole minute.")
@click.option("--fills", is_flag=True, help="Only fills.")
@run_option
@runs_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a span.")
def command(
    wanted: str | None,
    last: int | None,
    outcome: str | None,
    market: str | None,
    code: str | None,
    plugin: str | None,
    since: str | None,
    until: str | None,
    fills: bool,
    run_name: str | None,
    runs_folder: Path,
    as_json: bool,
) -> None:
    """Sum up a run's decisions and fills and list the last ones; with ID show one in full.

    ID is a decision's number, the beginning of a trace id, or the id of an order it placed.
    """
    from polyframe.cli.decision_screen import telling_gaps
    from polyframe.explain.lookup import RunSpans, find_run
    from polyframe.explain.moments import parse_moment
    from polyframe.explain.tally import SpanFilter

    narrowed = [outcome, market, code, plugin, since, until, last, fills or None]
    if wanted is not None and any(option is not None for option in narrowed):
        raise UsageError("ID names one decision: leave the options that choose among several")
    if fills and any(option is not None for option in (outcome, code, plugin)):
        raise UsageError("--fills: a fill has no outcome, code or plugin; leave those options")
    spans = RunSpans(find_run(runs_folder, run_name))
    with telling_gaps(spans):
        if wanted is not None:
            _show_one(spans, wanted, as_json)
            return
        wants = SpanFilter(
            outcome,
            code,
            plugin,
            None if market is None else spans.market(market).market_id,
            None if since is None else parse_moment(since, "--since", spans.last_ns).first_ns,
            None if until is None else parse_moment(until, "--until", spans.last_ns).last_ns,
            fills,
        )
        if as_json:
            _print_json(spans, wants, last)
        else:
            _show_many(spans, wants, _SHOWN if last is None else last)


def _show_one(spans: RunSpans, wanted: str, as_json: bool) -> None:
    from polyframe.cli.decision_screen import show_story, story_json
    from polyframe.explain.facts import decision_id
    from polyframe.explain.lookup import of_market
    from polyframe.explain.story import tell_story

    span = spans.decision(wanted)
    newest_first = spans.newest_first(of_market(span.attributes["polyframe.market.id"]))
    story = tell_story(newest_first, wanted_id=decision_id(span))
    if story is None:
        raise PolyframeError(f"decision {decision_id(span)} cannot be found again: look once more")
    if as_json:
        click.echo(json.dumps(story_json(story, spans)))
    else:
        show_story(story, spans, (spans.last_ns, "the run's last span"))


def _print_json(spans: RunSpans, wants: SpanFilter, last: int | None) -> None:
    from polyframe.cli.decision_screen import span_json

    found = spans.oldest_first(_wanted(wants))
    is_any = False
    for span in found if last is None else deque(found, maxlen=last):
        is_any = True
        click.echo(json.dumps(span_json(span)))
    if not is_any and last != 0:
        _refuse_unknown(spans, wants)


def _show_many(spans: RunSpans, wants: SpanFilter, last: int) -> None:
    from polyframe.cli.decision_screen import screen
    from polyframe.cli.span_tables import decision_table, fill_table, summary
    from polyframe.explain.tally import Tally
    from polyframe.tracing.spans import FILL

    tally = Tally()
    shown: deque[Span] = deque(maxlen=last)
    for span in spans.oldest_first(_wanted(wants)):
        tally.add(span)
        if (span.name == FILL) == wants.only_fills:
            shown.append(span)
    if tally.first_ns is None:
        _refuse_unknown(spans, wants)
        raise PolyframeError(f"run {spans.run_id}: no span fits")
    with screen() as console:
        console.print(summary(tally, spans))
        if shown:
            fits, width = list(shown), console.width
            console.print()
            console.print(
                fill_table(fits, width, tally) if wants.only_fills else decision_table(fits, width)
            )


def _wanted(wants: SpanFilter) -> Wanted:
    """Return what finds the spans; lines without the bytes that all of them hold are passed by."""
    from polyframe.explain.lookup import Wanted, of_market

    if wants.market_id is not None:
        return Wanted(of_market(wants.market_id).needle, wants.takes)
    if wants.only_fills:
        return Wanted(b'"name":"fill"', wants.takes)
    if wants.code is not None and wants.code.isascii() and wants.code.isprintable():
        return Wanted(json.dumps(wants.code)[1:-1].encode(), wants.takes)
    return Wanted(b"", wants.takes)


def _refuse_unknown(spans: RunSpans, wants: SpanFilter) -> None:
    """Name an outcome, code or plugin that the run has never seen: it is misspelt.

    Raises:
        UsageError: there is one.
    """
    from polyframe.explain.facts import codes_of, outcome
    from polyframe.explain.lookup import EVERY
    from polyframe.explain.tally import plugins_of
    from polyframe.tracing.spans import FILL

    if not wants.is_about_decisions:
        return
    outcomes: set[str] = set()
    codes: set[str] = set()
    plugins: set[str] = set()
    for span in spans.oldest_first(EVERY):
        if span.name != FILL:
            outcomes.add(outcome(span))
            codes.update(codes_of(span))
            plugins.update(plugins_of(span))
    codes |= {f"{code.partition('.')[0]}." for code in codes}
    _refuse("--outcome", wants.outcome, outcomes)
    _refuse("--code", wants.code, codes)
    _refuse("--plugin", wants.plugin, plugins)


def _refuse(option: str, value: str | None, seen: Iterable[str]) -> None:
    if value is None or value in seen:
        return
    from polyframe.runtime.lines import visible

    known = sorted(seen)
    near = difflib.get_close_matches(value[:80], known, n=3)
    hint = (
        f"did you mean {' or '.join(near)}?" if near else f"seen are {', '.join(known) or 'none'}"
    )
    raise UsageError(f"{option} '{visible(value[:80])}': this run has none; {visible(hint)}")
