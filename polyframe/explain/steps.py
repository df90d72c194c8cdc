"""A decision step by step: who proposed, shaped, passed and refused, and what came of it.

Everything returned is escaped: texts in spans are the market's, plugins' and files'.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from polyframe.explain.facts import QUOTING, commands, decided_ns, is_trade, outcome, vetoes
from polyframe.explain.moments import clock_text, near_text
from polyframe.explain.story import Story
from polyframe.explain.wording import RUNTIME, number
from polyframe.model import SIDES
from polyframe.runtime.lines import visible
from polyframe.tracing.span import Span

_MOST_FILLS = 6
_READINGS_SHOWN = 2
_INPUT = "polyframe.proposal.input."
_READING, _LIMIT = "polyframe.reading.", ".limit"


class Row(NamedTuple):
    """One step: what happened (``passed``, ``VETO``), who did it, and the rest of it."""

    step: str
    who: str
    what: str


def rows(story: Story) -> list[Row]:
    """Return the steps of the explained decision in the order they were taken, then what came."""
    span = story.explained
    told = span.attributes
    now_ns = decided_ns(story.last)
    found = [*_proposal(span), *_shapes(span), *_votes(span, story.readings_from or span, now_ns)]
    if outcome(span) in QUOTING or is_trade(span):
        found.append(Row("target", "", _legs(told, "polyframe.target")))
    sent = "\n".join(visible(text) for text in commands(span))
    if sent:
        found.append(Row("sent", "", sent))
    if outcome(story.last) in QUOTING and story.resting:
        orders = [
            f"{order.side} {number(order.size)}@{number(order.price)} {visible(order.order_id)} "
            f"of decision {order.decision_id}, {near_text(order.at_ns, now_ns)}"
            for order in story.resting
        ]
        found.append(Row("rests", "", "\n".join(orders)))
    fills = [fill_text(fill) for fill in story.fills]
    if fills:
        more = len(fills) - _MOST_FILLS
        shown = fills[:_MOST_FILLS] + ([f"and {more} more"] if more > 0 else [])
        found.append(Row("filled", "", "\n".join(shown)))
    return found


def _proposal(span: Span) -> list[Row]:
    told = span.attributes
    plugin = visible(str(told.get("polyframe.proposal.plugin", "")))
    if not plugin:
        was_asked = any(name.startswith("polyframe.votes.") for name in told) and (
            told.get("polyframe.votes.passed") or told.get("polyframe.votes.vetoed") != [RUNTIME]
        )
        return [Row("proposed", "nobody", "no plugin wanted a quote")] if was_asked else []
    if outcome(span) == "unchanged":
        return []
    policy = visible(str(told.get("polyframe.proposal.policy", "")))
    fair = told.get("polyframe.proposal.fair")
    parts = [] if fair is None else [f"fair {number(fair)}"]
    parts.append(_legs(told, "polyframe.proposal"))
    inputs = ", ".join(
        f"{visible(name.removeprefix(_INPUT))} {number(value, 5)}"
        for name, value in told.items()
        if name.startswith(_INPUT)
    )
    what = f"{policy}: {', '.join(parts)}" if policy else ", ".join(parts)
    return [Row("proposed", plugin, f"{what}\n{inputs}" if inputs else what)]


def _legs(told: Mapping[str, Any], of: str) -> str:
    legs = [text for side in SIDES if (text := _leg(told, of, side)) is not None]
    return ", ".join(legs) or "nothing"


def _leg(told: Mapping[str, Any], of: str, side: str) -> str | None:
    price, size = told.get(f"{of}.{side}.price"), told.get(f"{of}.{side}.size")
    return None if price is None else f"{side} {number(size)}@{number(price)}"


def _shapes(span: Span) -> list[Row]:
    found = []
    before = {side: _leg(span.attributes, "polyframe.proposal", side) for side in SIDES}
    for event in span.events:
        if event.name != "shape":
            continue
        changes = []
        for side in SIDES:
            after = _leg(event.attributes, "polyframe.shape", side)
            if outcome(span) != "unchanged" and after != before[side]:
                gone = "dropped" if after is None else after.removeprefix(f"{side} ")
                changes.append(f"{before[side] or f'{side} none'} -> {gone}")
            elif outcome(span) == "unchanged" and after is not None:
                changes.append(after)  # what was proposed is not told of these
            before[side] = after
        what = ", ".join(changes) or "nothing to see"
        plugin = str(event.attributes.get("polyframe.plugin"))
        if plugin == RUNTIME:
            found.append(Row("cut", RUNTIME, f"{what} (reduce only)"))
        else:
            found.append(Row("shaped", visible(plugin), what))
    return found


def _votes(span: Span, read: Span, now_ns: int) -> list[Row]:
    """Return a step a plugin; ``read`` is the decision that tells the numbers behind the votes."""
    cast: dict[str, list[Mapping[str, Any]]] = {}
    for veto in vetoes(span):
        cast.setdefault(str(veto.get("polyframe.plugin")), []).append(veto)
    told = {
        str(event.attributes.get("polyframe.plugin")): event.attributes
        for event in read.events
        if event.name == "reading"
    }
    as_of = "" if read is span else f" (as of {near_text(decided_ns(read), now_ns)[:-4]})"
    asked = _asked(span, [plugin for plugin in cast if plugin != RUNTIME])
    found = []
    if RUNTIME in cast:
        found.append(
            Row("VETO", RUNTIME, "\n".join(_veto(RUNTIME, veto) for veto in cast[RUNTIME]))
        )
    for plugin in asked:
        readings = told.get(plugin, {})
        if plugin in cast:
            codes = [str(veto.get("polyframe.veto.code")) for veto in cast[plugin]]
            lines = [
                *(_veto(plugin, veto) for veto in cast[plugin]),
                *_readings(readings, codes, as_of),
            ]
            found.append(Row("VETO", visible(plugin), "\n".join(lines)))
        else:
            found.append(Row("passed", visible(plugin), "\n".join(_readings(readings, (), as_of))))
    if any("runtime.plugin_error" in str(veto.get("polyframe.veto.code")) for veto in vetoes(span)):
        found.append(Row("see", "", "what broke: the 'Plugin problem' lines of the run's log.txt"))
    if not asked:
        why = (
            "getting out of a leg is asked of nobody"
            if outcome(span) == "unwinding"
            else "the runtime had refused already"
        )
        found.append(Row("not asked", "the plugins", why))
    return found


def _asked(span: Span, refused: list[str]) -> list[str]:
    """Return who was asked, in that order where the span has it, else those who refused first."""
    passed = span.attributes.get("polyframe.votes.passed", ())
    names = span.attributes.get("polyframe.votes.asked") or [*refused, *passed]
    return [str(name) for name in names]


def _veto(plugin: str, veto: Mapping[str, Any]) -> str:
    """Return a veto; its code without the plugin's name, which stands beside it."""
    code = str(veto.get("polyframe.veto.code")).removeprefix(f"{plugin}.")
    text = f"{visible(code)} ({visible(str(veto.get('polyframe.veto.side')))})"
    observed, limit = veto.get("polyframe.veto.observed"), veto.get("polyframe.veto.limit")
    if observed is None:
        return text if limit is None else f"{text}: limit {number(limit, 7)}"
    if limit is None:
        return f"{text}: {number(observed, 7)}"
    sign = ">" if observed > limit else "<" if observed < limit else "="
    return f"{text}: {number(observed, 7)} {sign} limit {number(limit, 7)}"


def _readings(told: Mapping[str, Any], codes: Iterable[str], as_of: str) -> list[str]:
    """Return the numbers that mattered, as one line at most: of the refusal, or near a limit."""
    words = [code.rpartition(".")[2] for code in codes]
    found = []
    for key, value in told.items():
        name = key.removeprefix(_READING)
        if name == key or key.endswith(_LIMIT):
            continue
        limit = told.get(f"{key}{_LIMIT}")
        is_named = any(word in name for word in words)
        text = f"{visible(name)} {number(value, 4)}"
        text = text if limit is None else f"{text} (limit {number(limit, 4)})"
        found.append((not is_named, _distance(value, limit), text))
    found.sort(key=lambda reading: reading[:2])
    shown = [reading for reading in found if not reading[0]] or found
    text = ", ".join(text for _, _, text in shown[:_READINGS_SHOWN])
    return [f"{text}{as_of}"] if found else []


def _distance(value: Any, limit: Any) -> float:
    """Return how far a number is from its limit; one without a limit is neither near nor far."""
    if limit is None:
        return 1.0
    if not (value > 0 and limit > 0):
        return 10.0
    return abs(math.log(value / limit))


def fill_text(fill: Span) -> str:
    """Return a fill in one line."""
    told = fill.attributes
    parts = [
        clock_text(decided_ns(fill)),
        str(told.get("polyframe.fill.side")),
        str(told.get("polyframe.fill.token")),
        f"{number(told.get('polyframe.fill.size'))}@{number(told.get('polyframe.fill.price'))}",
        str(told.get("polyframe.fill.order_id")),
    ]
    words = "maker" if told.get("polyframe.fill.is_maker") else "taker"
    if "polyframe.fill.reverses" in told:
        words += ", takes a fill back"
    return f"{visible(' '.join(parts))}, {words}"
