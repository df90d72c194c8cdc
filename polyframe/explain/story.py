"""What led to what a market looks like: a decision, what it goes back to, what was before.

Most decisions only find that what rests is right, or refuse for the reasons of the one before.
The story finds the decision that explains them. Spans come newest first, and no further back
than the story needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from polyframe.explain.facts import (
    QUOTING,
    Placed,
    commands,
    decided_ns,
    decision_id,
    has_readings,
    is_trade,
    orders_placed,
    outcome,
    reasons,
    skipped_before,
)
from polyframe.model import SIDES
from polyframe.tracing.span import Span
from polyframe.tracing.spans import FILL

_NOTHING_LEFT = 1e-9


class Story(NamedTuple):
    """A decision and what it takes to understand it.

    Attributes:
        last: the decision asked for.
        explained: the decision that explains it: the one that placed or changed what rests when
            ``last`` left everything as it was, else ``last``.
        confirmations: unchanged decisions since ``explained``, sampled out ones included.
        quiet_since_ns: since when there is no quote, UTC ns; None while there is one.
        same_since_ns: since when for these very reasons, UTC ns.
        same_count: decisions for these very reasons.
        before: the last decision that was different, None when the spans know none.
        last_quoted: the last decision before the silence that quoted.
        resting: what should rest, by side: placed, not cancelled, not filled.
        fills: of the orders that ``explained`` and the resting ones' decisions placed.
        later_trade: a later decision on a trade in this market.
        waiting_since_ns: since when a quote waits for the budget of order changes, UTC ns.
        readings_from: an earlier decision for the same reasons that tells the numbers behind the
            votes, when the explained one does not.
    """

    last: Span
    explained: Span
    confirmations: int = 0
    quiet_since_ns: int | None = None
    same_since_ns: int = 0
    same_count: int = 1
    before: Span | None = None
    last_quoted: Span | None = None
    resting: tuple[Placed, ...] = ()
    fills: tuple[Span, ...] = ()
    later_trade: Span | None = None
    waiting_since_ns: int | None = None
    readings_from: Span | None = None


def tell_story(
    newest_first: Iterable[Span], *, until_ns: int | None = None, wanted_id: int | None = None
) -> Story | None:
    """Return the story of a market's last decision, None when there is none.

    Args:
        newest_first: the spans of one market.
        until_ns: nothing later than this, UTC ns, is looked at.
        wanted_id: tell of the decision of this number instead. Without it a decision on a trade
            is told of only when there is none on a quote: the question is what rests.
    """
    spans = iter(newest_first)
    fills: list[Span] = []
    trade: Span | None = None
    last: Span | None = None
    confirmed = 0
    for span in spans:
        if until_ns is not None and decided_ns(span) > until_ns:
            continue
        if span.name == FILL:
            fills.append(span)
        elif wanted_id not in (None, decision_id(span)):
            continue
        elif is_trade(span):
            trade = trade or span
            confirmed += skipped_before(span)
            if wanted_id is not None:
                break
        else:
            last = span
            break
    if last is None:
        if trade is None:
            return None
        return Story(trade, trade, fills=_fills_of({decision_id(trade)}, fills))
    older = _noting(spans, fills)
    if outcome(last) in QUOTING:
        story = _quoting(last, older, fills, confirmed)
    else:
        story = _quiet(last, (span for span in older if not is_trade(span)))
    told = {decision_id(story.explained), *(order.decision_id for order in story.resting)}
    return story._replace(fills=_fills_of(told, fills), later_trade=trade)


def _noting(spans: Iterator[Span], fills: list[Span]) -> Iterator[Span]:
    """Yield the decisions; note the fills on the way."""
    for span in spans:
        if span.name == FILL:
            fills.append(span)
        else:
            yield span


def _quoting(last: Span, older: Iterator[Span], fills: list[Span], confirmed: int) -> Story:
    """Tell of a market with a quote; ``confirmed`` later decisions found it right."""
    resting = _Resting(last)
    explained: Span | None = last
    confirmations, before = confirmed, None
    if outcome(last) == "unchanged":
        explained = None
        confirmations += 1 + skipped_before(last)
    waiting_since_ns = last.start_ns if outcome(last) == "deferred" else None
    still_waits = waiting_since_ns is not None
    for span in older:
        kind = outcome(span)
        if is_trade(span):
            # Trades come between the quotes, and what was not sampled lies before any span.
            confirmations += skipped_before(span) if explained is None else 0
            continue
        if kind not in QUOTING:
            # Whatever rested before is gone.
            before = before or span
            break
        resting.note(span)
        still_waits = still_waits and kind == "deferred"
        if still_waits:
            waiting_since_ns = span.start_ns
        if explained is None:
            if kind == "quoted":
                explained = span
            else:
                confirmations += (kind == "unchanged") + skipped_before(span)
        elif before is None and not _is_step_of_change(span):
            before = span
        if explained is not None and before is not None and resting.is_known:
            break
    return Story(
        last,
        explained or last,
        confirmations,
        before=before,
        resting=resting.found(fills),
        waiting_since_ns=waiting_since_ns,
    )


def _is_step_of_change(span: Span) -> bool:
    """Whether a decision only made room for the next: cancelled first, or had to wait."""
    if outcome(span) == "deferred":
        return True
    return outcome(span) == "quoted" and not any(orders_placed(span))


class _Resting:
    """Finds what rests after ``last`` from it and older decisions: a side's newest order counts."""

    def __init__(self, last: Span) -> None:
        self._last = last
        self._gone: set[str] = set()
        self._by_side: dict[str, Placed | None] = {}
        self.note(last)

    @property
    def is_known(self) -> bool:
        return len(self._by_side) == len(SIDES)

    def note(self, span: Span) -> None:
        for told in commands(span):
            if told.startswith("cancel "):
                self._gone.add(told.split(" ")[1])
        for order in orders_placed(span):
            rests = order.order_id not in self._gone
            self._by_side.setdefault(order.side, order if rests else None)

    def found(self, fills: list[Span]) -> tuple[Placed, ...]:
        left = []
        for side in SIDES:
            order = self._by_side.get(side)
            # An order that ended by itself leaves no span; what is right has a leg in the target.
            is_wanted = f"polyframe.target.{side}.price" in self._last.attributes
            if order is None or not (is_wanted or outcome(self._last) == "deferred"):
                continue
            filled = sum(
                fill.attributes.get("polyframe.fill.size", 0.0)
                for fill in fills
                if fill.attributes.get("polyframe.fill.order_id") == order.order_id
                and "polyframe.fill.reverses" not in fill.attributes
                and decided_ns(fill) <= decided_ns(self._last)
            )
            if order.size - filled > _NOTHING_LEFT:
                left.append(order._replace(size=round(order.size - filled, 6)))
        return tuple(left)


def _quiet(last: Span, older: Iterator[Span]) -> Story:
    key = outcome(last), reasons(last)
    since_ns = same_since_ns = decided_ns(last)
    count = 1
    before: Span | None = None
    last_quoted: Span | None = None
    readings_from: Span | None = None
    for span in older:
        if outcome(span) in QUOTING:
            last_quoted = span
            break
        since_ns = decided_ns(span)
        if readings_from is None and reasons(span) == key[1] and has_readings(span):
            readings_from = span
        if before is None:
            if (outcome(span), reasons(span)) == key:
                same_since_ns, count = since_ns, count + 1
            else:
                before = span
    return Story(
        last,
        last,
        quiet_since_ns=since_ns,
        same_since_ns=same_since_ns,
        same_count=count,
        before=before or last_quoted,
        last_quoted=last_quoted,
        readings_from=None if has_readings(last) else readings_from,
    )


def _fills_of(decisions: set[int], fills: list[Span]) -> tuple[Span, ...]:
    """Return these decisions' fills, oldest first."""
    return tuple(fill for fill in reversed(fills) if decision_id(fill) in decisions)
