"""A decision in a line: the headline, its refusals, its cause, numbers as short as can be.

Everything returned is escaped: texts in spans are the market's, plugins' and files'.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from polyframe.explain.facts import (
    OTHER_LEG,
    QUOTING,
    codes_of,
    commands,
    decided_ns,
    decision_id,
    dropped_by,
    is_trade,
    outcome,
    vetoes,
)
from polyframe.explain.moments import clock_text, near_text, span_text
from polyframe.explain.story import Story
from polyframe.model import SIDES
from polyframe.runtime.lines import visible
from polyframe.tracing.span import Span

RUNTIME = "runtime"
"""Who the engine's own checks and cuts are told of as."""
_MOST_CODES = 4


def headline(story: Story) -> str:
    """Return in one line what the market looks like and since when."""
    last, explained = story.last, story.explained
    kind, now_ns = outcome(last), decided_ns(last)
    since = f"since {near_text(decided_ns(explained), now_ns)} (decision {decision_id(explained)})"
    if is_trade(last):
        return _trade_headline(last)
    if kind == "pulled":
        return f"pulled at {clock_text(now_ns)}: {reasons_text(last)}"
    if kind not in QUOTING:
        quiet_ns = story.quiet_since_ns or now_ns
        return f"not quoted since {near_text(quiet_ns, now_ns)}: {reasons_text(last)}"
    # What rests may be a little off the target, and is right all the same.
    rests = {order.side: order.price for order in story.resting} if kind != "deferred" else {}
    quote = quote_text(last, rests)
    missing = _missing_sides(story)
    if kind == "deferred":
        began = near_text(story.waiting_since_ns or now_ns, now_ns)
        held = visible(", ".join(map(str, last.attributes.get("polyframe.held_by", ()))))
        why = f"held by {held}" if held else "the budget of order changes is used up"
        return f"waiting since {began} to quote {quote}{missing}: {why}"
    if kind == "unchanged":
        if explained is last:
            return f"quoting {quote}{missing}: right as it rests; placed before these spans begin"
        return f"quoting {quote}{missing} {since}: {_confirmed_text(story)}"
    if len(story.resting) < sum(has_leg(last, side) for side in SIDES):
        return f"changing to {quote}{missing}: {_change_text(last)}"
    if story.confirmations:
        return f"quoting {quote}{missing} {since}: {_confirmed_text(story)}"
    return f"quoting {quote}{missing} {since}"


def _confirmed_text(story: Story) -> str:
    times = "once" if story.confirmations == 1 else f"{story.confirmations} times"
    return f"right as it rests, confirmed {times}"


def _trade_headline(span: Span) -> str:
    component = visible(str(span.attributes["polyframe.component"]))
    kind = outcome(span)
    at = f"at {clock_text(decided_ns(span))}"
    codes = codes_of(span)
    if kind == "vetoed" and set(codes) <= {OTHER_LEG}:
        told = f" ({OTHER_LEG})" if codes else ""  # older spans have no code for it
        return f"a leg of a trade ({component}) not taken {at}: another leg was refused{told}"
    if kind == "vetoed":
        return f"a leg of a trade ({component}) refused {at}: {codes_text(span)}"
    verb = {"taking": "takes", "unwinding": "unwinds"}.get(kind, visible(kind))
    sent = "; ".join(visible(told) for told in commands(span))
    return f"{component} {verb} {at}: {sent or 'nothing'}"


def _change_text(span: Span) -> str:
    cancels = [told for told in commands(span) if told.startswith("cancel ")]
    if cancels:
        return "the old orders are cancelled first"
    return "what was placed is filled or gone already"


def has_leg(span: Span, side: str) -> bool:
    """Whether a decision's target has a side."""
    return f"polyframe.target.{side}.price" in span.attributes


def quote_text(span: Span, rests: Mapping[str, float] = MappingProxyType({})) -> str:
    """Return a quote's prices: ``0.47 / 0.53``, ``bid 0.47 only``, ``nothing``.

    Args:
        span: a decision.
        rests: what rests by side, where known; else the target says it.
    """
    found = {
        side: number(rests.get(side, span.attributes[f"polyframe.target.{side}.price"]))
        for side in SIDES
        if has_leg(span, side)
    }
    if len(found) == len(SIDES):
        return " / ".join(found.values())
    return next((f"{side} {price} only" for side, price in found.items()), "nothing")


def _missing_sides(story: Story) -> str:
    """Say why a side of a quote is missing."""
    said = ""
    for side in SIDES:
        if has_leg(story.last, side):
            continue
        why = codes_text(story.last, side)
        if not why:
            plugin = dropped_by(story.last, side)
            why = "not proposed" if plugin is None else f"dropped by {_dropper(plugin)}"
        said += f" (no {side}: {why})"
    return said


def reasons_text(span: Span) -> str:
    """Return why a decision quotes nothing: refusals, and sides that a plugin dropped."""
    dropped: dict[str, list[str]] = {}
    for side in SIDES:
        if (plugin := dropped_by(span, side)) is not None and not codes_text(span, side):
            dropped.setdefault(_dropper(plugin), []).append(side)
    codes = codes_text(span)
    if not codes and len(dropped) == 1:
        return f"dropped by {next(iter(dropped))}"
    found = [f"{' and '.join(sides)} dropped by {plugin}" for plugin, sides in dropped.items()]
    if codes or found:
        return ", ".join([*([codes] if codes else []), *found])
    told = span.attributes
    if any(f"polyframe.proposal.{side}.price" in told for side in SIDES):
        plugin = visible(str(told.get("polyframe.proposal.plugin", "a plugin")))
        return f"nothing is left of what {plugin} proposed"
    return "no plugin proposed a quote"


def _dropper(plugin: str) -> str:
    return "the runtime (reduce only)" if plugin == RUNTIME else visible(plugin)


def codes_text(span: Span, side: str | None = None) -> str:
    """Return a decision's veto codes with their sides, "" without any.

    Args:
        span: a decision.
        side: only what is against this side; sides are not named then.
    """
    sides: dict[str, list[str]] = {}
    for veto in vetoes(span):
        against = str(veto.get("polyframe.veto.side"))
        if side is None or against in (side, "both"):
            told = sides.setdefault(visible(str(veto.get("polyframe.veto.code"))), [])
            if against not in told:
                told.append(against)
    # What is against the whole market first: nothing else needs to be read then.
    order = sorted(sides, key=lambda code: "both" not in sides[code])
    shown = [
        code if side is not None else f"{code} ({_sides_text(sides[code])})"
        for code in order[:_MOST_CODES]
    ]
    more = [f"{len(order) - _MOST_CODES} more"] if len(order) > _MOST_CODES else []
    return ", ".join([*shown, *more])


def _sides_text(sides: list[str]) -> str:
    return "both" if "both" in sides or len(sides) > 1 else visible(sides[0])


def outcome_text(span: Span, now_ns: int) -> str:
    """Return another decision in one line; ``now_ns`` is the one the screen is about."""
    at = f"{near_text(decided_ns(span), now_ns)} (decision {decision_id(span)})"
    if is_trade(span):
        return f"{_trade_headline(span)} (decision {decision_id(span)})"
    if outcome(span) in QUOTING:
        verb = "waiting to quote" if outcome(span) == "deferred" else "quoting"
        return f"{verb} {quote_text(span)} at {at}, {visible(outcome(span))}"
    return f"{visible(outcome(span))} at {at}: {reasons_text(span)}"


def timing(span: Span) -> str:
    """Return what caused a decision and how long it took."""
    told = span.attributes
    trigger = str(told.get("polyframe.decision.trigger"))
    # What had to wait for the budget was caused by something else at first.
    origin = str(told.get("polyframe.decision.origin") or trigger)
    first = "" if origin == trigger else f" (first: {visible(origin)})"
    parts = [f"trigger {visible(trigger)}{first}"]
    waited_s = told.get("polyframe.decision.waited_s", 0.0)
    if waited_s:
        parts.append(f"waited {span_text(waited_s)}")
    if (took_s := told.get("polyframe.decision.took_s")) is not None:
        parts.append(f"took {span_text(took_s)}")
    return ", ".join(parts)


def book(span: Span) -> str:
    """Return the book and the inventory that a decision saw."""
    told = span.attributes
    sides = " / ".join(number(told.get(f"polyframe.book.{side}")) for side in SIDES)
    age_s = told.get("polyframe.book.age_s")
    age = "no book yet" if age_s is None else f"{span_text(age_s)} old"
    net = number(told.get("polyframe.inventory.net_yes"))
    return f"book {sides}, {age}; inventory {net} YES"


def number(value: Any, digits: int = 9) -> str:
    """Return a number as short as it can be told; ``-`` for none."""
    if value is None:
        return "-"
    if not isinstance(value, int | float) or not math.isfinite(value):
        return visible(str(value))
    text = f"{value + 0.0:.{digits}g}"  # + 0.0: minus zero is zero
    return text if "e" not in text or abs(value) < 1 else f"{value:.0f}"
