"""One decision on one screen, for ``polyframe why`` and ``polyframe trace ID``; or as JSON."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from polyframe.errors import PolyframeError
from polyframe.explain.facts import QUOTING, decided_ns, decision_id, outcome
from polyframe.explain.lookup import RunSpans
from polyframe.explain.moments import clock_text, day_text, near_text, span_text
from polyframe.explain.steps import rows
from polyframe.explain.story import Story
from polyframe.explain.wording import book, headline, outcome_text, timing
from polyframe.runtime.lines import visible
from polyframe.tracing.span import Span

if TYPE_CHECKING:
    from rich.console import Console

# Wider than a terminal's 80: what is piped is searched and cut by other tools.
_PIPED_WIDTH = 110
_STYLES = {
    "VETO": "bold red",
    "passed": "green",
    "shaped": "yellow",
    "cut": "yellow",
    "not asked": "bold red",
}


@contextmanager
def screen() -> Iterator[Console]:
    """Yield a console that takes every text as it is; it is written at the end.

    As the rest of the command line writes: rich itself ends the process with another code when
    the reader has left, and fills lines of tables with blanks that a file or a pipe is spared.
    """
    # Here and not above: help and JSON start without rich.
    from rich.console import Console

    as_wide_as_it_is = sys.stdout.isatty() or "COLUMNS" in os.environ
    width = None if as_wide_as_it_is else _PIPED_WIDTH
    console = Console(highlight=False, markup=False, emoji=False, width=width)
    with console.capture() as written:
        yield console
    # A line at a time: of one great text, Python may drop the end unnoticed (PYTHONUNBUFFERED).
    for line in written.get().splitlines():
        click.echo(line if console.is_terminal else line.rstrip(), color=True)


def show_story(story: Story, spans: RunSpans, moment: tuple[int, str]) -> None:
    """Print a decision's screen.

    Args:
        story: the decision.
        spans: its run.
        moment: UTC ns to which the decision's age is told, and its name.
    """
    from rich.table import Table
    from rich.text import Text

    with screen() as console:
        last, explained = story.last, story.explained
        told = last.attributes
        style = "bold" if outcome(last) in QUOTING else "bold red"
        console.print(Text(headline(story), style))
        question = told.get("polyframe.market.question")
        slug = told.get("polyframe.market.slug", "")
        source = visible(str(spans.resource.get("polyframe.source", "unknown")))
        lines = [
            visible(str(question)) if question else "(the market's metadata was not known)",
            f"{visible(str(told.get('polyframe.market.state')))}  {visible(str(slug))}",
            visible(str(told["polyframe.market.id"])),
            _when(last, moment),
            book(last),
            f"run {visible(spans.run_id)}, source {source}",
        ]
        for line in lines:
            console.print(Text(line))
        if explained is not last:
            number = decision_id(explained)
            console.print(
                Text(f"below: decision {number}, which made the change; {timing(explained)}")
            )
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        table.add_column(overflow="fold", ratio=1)
        for row in rows(story):
            table.add_row(Text(row.step, _STYLES.get(row.step, "")), Text(row.who), Text(row.what))
        console.print()
        console.print(table)
        console.print()
        for line in _around(story):
            console.print(Text(line))


def _when(span: Span, moment: tuple[int, str]) -> str:
    at_ns, name = moment
    ns = decided_ns(span)
    before = span_text(max(0, at_ns - ns) / 1e9)
    return (
        f"decision {decision_id(span)} at {day_text(ns)} {clock_text(ns)} UTC, {before} before "
        f"{name}; {timing(span)}"
    )


def _around(story: Story) -> list[str]:
    """Return what was before, and what the question was not about."""
    now_ns = decided_ns(story.last)
    found = []
    if story.same_count > 1:
        since = near_text(story.same_since_ns, now_ns)
        found.append(f"for these reasons since {since}, {story.same_count} decisions")
    if story.before is not None:
        found.append(f"before: {outcome_text(story.before, now_ns)}")
    if story.quiet_since_ns is not None and story.last_quoted is None:
        found.append("no quote before that in this run")
    elif story.last_quoted is not None and story.last_quoted is not story.before:
        found.append(f"last quote: {outcome_text(story.last_quoted, now_ns)}")
    if story.later_trade is not None:
        found.append(f"later, on a trade: {outcome_text(story.later_trade, now_ns)}")
    return found


@contextmanager
def telling_gaps(spans: RunSpans) -> Iterator[None]:
    """Tell on standard error, at the end, what of a run could not be read.

    A mistake is told with it: what is not found may lie where nothing can be read.
    """
    try:
        yield
    except PolyframeError:
        _tell(spans.gaps)
        raise
    _tell(spans.gaps)


def _tell(gaps: list[str]) -> None:
    for gap in gaps:
        click.echo(f"polyframe: {gap}", err=True)


def story_json(story: Story, spans: RunSpans) -> dict[str, Any]:
    """Return a decision with everything its screen is made of, JSON-ready."""
    return {
        "run": spans.run_id,
        "resource": dict(spans.resource),
        "headline": headline(story),
        "decision": span_json(story.last),
        "explained_by": span_json(story.explained),
        "confirmations": story.confirmations,
        "not_quoted_since_ns": story.quiet_since_ns,
        "same_reasons_since_ns": story.same_since_ns or None,
        "same_reasons_decisions": story.same_count,
        "resting": [order._asdict() for order in story.resting],
        "fills": [span_json(fill) for fill in story.fills],
        "before": _maybe(story.before),
        "last_quoted": _maybe(story.last_quoted),
        "later_trade": _maybe(story.later_trade),
        "waiting_since_ns": story.waiting_since_ns,
        "readings_from": _maybe(story.readings_from),
    }


def _maybe(span: Span | None) -> dict[str, Any] | None:
    return None if span is None else span_json(span)


def span_json(span: Span) -> dict[str, Any]:
    """Return a span as JSON: attributes and events flat, instants as UTC text and ns."""
    ns = decided_ns(span)
    return {
        "name": span.name,
        "trace_id": span.context.trace_id,
        "span_id": span.context.span_id,
        "parent_span_id": span.parent_span_id,
        "time": f"{day_text(ns)}T{clock_text(ns)}Z",
        "time_ns": ns,
        "start_ns": span.start_ns,
        "end_ns": span.end_ns,
        "attributes": dict(span.attributes),
        "events": [{"event": event.name, **event.attributes} for event in span.events],
        "error": span.error,
    }
