"""What led to what a market looks like: a decision, what it goes back to, what was before.

Most decisions only find that what rests is right, or refuse for the reasons of the one before.
The story finds the decision that explains them. Spans come newest first, and no further back
than the story needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from polyframe.model import MAKER, SIDES
from polyframe.tracing.span import Span
from polyframe.tracing.spans import FILL

QUOTING = frozenset({"quoted", "unchanged", "deferred"})
_NOTHING_LEFT = 1e-9


class Placed(NamedTuple):
    """An order as the decision that placed it told: a YES-space price, shares, UTC ns."""

    order_id: str
    side: str
    price: float
    size: float
    decision_id: int
    at_ns: int


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


def decided_ns(span: Span) -> int:
    """Return when a decision was taken, or a fill happened, UTC ns."""
    if span.name == FILL:
        return span.end_ns
    # The span begins with its cause; the float holds the wait to the nanosecond for 100 days.
    waited_s: float = span.attributes.get("polyframe.decision.waited_s", 0.0)
    return span.start_ns + round(waited_s * 1e9)


def decision_id(span: Span) -> int:
    """Return the number of a decision, or of the one that placed a fill's order."""
    found: int = span.attributes["polyframe.decision.id"]
    return found


def outcome(span: Span) -> str:
    """Return a decision's outcome."""
    return str(span.attributes["polyframe.decision.outcome"])


def is_trade(span: Span) -> bool:
    """Whether a decision is on a leg of a trade."""
    return bool(span.attributes["polyframe.component"] != MAKER)


def is_of_the_stop(span: Span) -> bool:
    """Whether a decision only pulled what rested because the run was stopping."""
    return span.attributes.get("polyframe.decision.trigger") == "stopping"


def vetoes(span: Span) -> list[dict[str, Any]]:
    """Return the attributes of a decision's vetoes, in the order they were cast."""
    return [event.attributes for event in span.events if event.name == "veto"]


def reasons(span: Span) -> frozenset[tuple[Any, Any]]:
    """Return code and side of a decision's vetoes."""
    return frozenset(
        (veto.get("polyframe.veto.code"), veto.get("polyframe.veto.side")) for veto in vetoes(span)
    )


def commands(span: Span) -> list[str]:
    """Return what a decision sent, one text a command."""
    return [str(told) for told in span.attributes.get("polyframe.commands", ())]


def orders_placed(span: Span) -> Iterator[Placed]:
    """Yield the orders a decision placed or took with."""
    for told in commands(span):
        match told.split(" "):
            case ["place" | "take", order_id, verb, token, at]:
                size, _, price = at.partition("@")
                try:
                    numbers = float(price), float(size)
                except ValueError:
                    continue
                is_bid = (verb == "BUY") == (token == "YES")
                yes_price = numbers[0] if token == "YES" else round(1 - numbers[0], 4)
                yield Placed(
                    order_id, "bid" if is_bid else "ask", yes_price, numbers[1],
                    decision_id(span), decided_ns(span),
                )  # fmt: skip


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
    for span in spans:
        if until_ns is not None and decided_ns(span) > until_ns:
            continue
        if span.name == FILL:
            fills.append(span)
        elif wanted_id not in (None, decision_id(span)):
            continue
        elif is_trade(span):
            trade = trade or span
            if wanted_id is not None:
                break
        else:
            last = span
            break
    if last is None:
        if trade is None:
            return None
        return Story(trade, trade, fills=_fills_of({decision_id(trade)}, fills))
    older = (told for told in _noting(spans, fills) if not is_trade(told))
    story = _quoting(last, older, fills) if outcome(last) in QUOTING else _quiet(last, older)
    told = {decision_id(story.explained), *(order.decision_id for order in story.resting)}
    return story._replace(fills=_fills_of(told, fills), later_trade=trade)


def _noting(spans: Iterator[Span], fills: list[Span]) -> Iterator[Span]:
    """Yield the decisions; note the fills on the way."""
    for span in spans:
        if span.name == FILL:
            fills.append(span)
        else:
            yield span


def _quoting(last: Span, older: Iterator[Span], fills: list[Span]) -> Story:
    resting = _Resting(last)
    explained = last if outcome(last) != "unchanged" else None
    confirmations, before = _confirmed(last), None
    for span in older:
        kind = outcome(span)
        if kind not in QUOTING:
            # Whatever rested before is gone.
            before = before or span
            break
        resting.note(span)
        if explained is None:
            if kind == "quoted":
                explained = span
            confirmations += _confirmed(span)
        elif before is None and not _is_step_of_change(span):
            before = span
        if explained is not None and before is not None and resting.is_known:
            break
    if explained is None:
        explained = last
    return Story(last, explained, confirmations, before=before, resting=resting.found(fills))


def _confirmed(span: Span) -> int:
    if outcome(span) != "unchanged":
        return 0
    return 1 + int(span.attributes.get("polyframe.decision.skipped_before", 0))


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
    for span in older:
        if outcome(span) in QUOTING:
            last_quoted = span
            break
        since_ns = decided_ns(span)
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
    )


def _fills_of(decisions: set[int], fills: list[Span]) -> tuple[Span, ...]:
    """Return these decisions' fills, oldest first."""
    return tuple(fill for fill in reversed(fills) if decision_id(fill) in decisions)
