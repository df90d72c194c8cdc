"""What a single span says: when, which outcome, who refused, what was placed, what was dropped."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from polyframe.model import MAKER
from polyframe.tracing.span import Span
from polyframe.tracing.spans import FILL

QUOTING = frozenset({"quoted", "unchanged", "deferred"})
OTHER_LEG = "runtime.other_leg"
"""The code of a leg that nobody is against: another leg of its trade was refused."""


class Placed(NamedTuple):
    """An order as the decision that placed it told: a YES-space price, shares, UTC ns."""

    order_id: str
    side: str
    price: float
    size: float
    decision_id: int
    at_ns: int


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
                if not all(map(math.isfinite, numbers)):
                    continue
                is_bid = (verb == "BUY") == (token == "YES")
                yes_price = numbers[0] if token == "YES" else round(1 - numbers[0], 4)
                yield Placed(
                    order_id, "bid" if is_bid else "ask", yes_price, numbers[1],
                    decision_id(span), decided_ns(span),
                )  # fmt: skip


def codes_of(span: Span) -> list[str]:
    """Return a decision's veto codes, each once."""
    return list(dict.fromkeys(str(veto.get("polyframe.veto.code")) for veto in vetoes(span)))


def skipped_before(span: Span) -> int:
    """Return how many decisions before this one found everything right and have no span."""
    count: int = span.attributes.get("polyframe.decision.skipped_before", 0)
    return count


def has_readings(span: Span) -> bool:
    """Whether a decision tells the numbers behind its votes."""
    return any(event.name == "reading" for event in span.events)


def dropped_by(span: Span, side: str) -> str | None:
    """Return the plugin that dropped a side which was proposed, None when none did."""
    # What is right as it rests does not tell what was proposed.
    had = outcome(span) == "unchanged" or f"polyframe.proposal.{side}.price" in span.attributes
    dropped: str | None = None
    for event in span.events:
        if event.name == "shape":
            has = f"polyframe.shape.{side}.price" in event.attributes
            if had and not has:
                dropped = str(event.attributes.get("polyframe.plugin"))
            had = has
    return None if had else dropped
