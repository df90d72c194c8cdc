"""What a run's spans come to: decisions by outcome, refusals by code, fills, the slowest."""

from __future__ import annotations

import heapq
from collections import Counter
from typing import NamedTuple

from polyframe.explain.facts import (
    OTHER_LEG,
    QUOTING,
    codes_of,
    commands,
    decided_ns,
    decision_id,
    is_of_the_stop,
    orders_placed,
    outcome,
    skipped_before,
    vetoes,
)
from polyframe.model import MAKER
from polyframe.tracing.span import Span
from polyframe.tracing.spans import FILL

_SLOWEST = 3
REVERSES = "polyframe.fill.reverses"
"""The attribute of a fill that takes another one back."""


class SpanFilter(NamedTuple):
    """Which spans are wanted; None is no condition. Instants are UTC ns, both included.

    ``code`` is a veto's, or its beginning when it ends with a dot; ``plugin`` proposed, changed
    or refused. Fills have no outcome, code or plugin.
    """

    outcome: str | None = None
    code: str | None = None
    plugin: str | None = None
    market_id: str | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    only_fills: bool = False

    @property
    def is_about_decisions(self) -> bool:
        """Whether no fill can be meant."""
        return not (self.outcome is None and self.code is None and self.plugin is None)

    def takes(self, span: Span) -> bool:
        """Whether a span is wanted."""
        ns = decided_ns(span)
        if self.since_ns is not None and ns < self.since_ns:
            return False
        if self.until_ns is not None and ns > self.until_ns:
            return False
        if self.market_id not in (None, span.attributes["polyframe.market.id"]):
            return False
        if span.name == FILL:
            return not self.is_about_decisions
        if self.only_fills or self.outcome not in (None, outcome(span)):
            return False
        if self.plugin is not None and self.plugin not in plugins_of(span):
            return False
        return self._takes_code(span)

    def _takes_code(self, span: Span) -> bool:
        code = self.code
        if code is None:
            return True
        found = codes_of(span)
        return any(has.startswith(code) for has in found) if code.endswith(".") else code in found


def plugins_of(span: Span) -> set[str]:
    """Return the plugins that proposed, changed or refused."""
    told = span.attributes
    names = {str(told[key]) for key in ("polyframe.proposal.plugin",) if key in told}
    for key in ("polyframe.votes.vetoed", "polyframe.votes.shaped"):
        names.update(str(name) for name in told.get(key, ()))
    return names


def orders_text(span: Span) -> str:
    """Return how many orders a decision placed or took with, and cancelled: ``+2 -1``."""
    placed = sum(1 for _ in orders_placed(span))
    cancelled = sum(told.startswith("cancel ") for told in commands(span))
    return " ".join(f"{n:+d}" for n in (placed, -cancelled) if n)


def _execution(fill: Span, name: str) -> tuple[str, str]:
    told = fill.attributes
    return str(told.get(f"polyframe.fill.{name}")), str(told.get("polyframe.fill.order_id"))


class Tally:
    """Counts spans as they come, oldest first.

    Attributes:
        outcomes: decisions on quotes by outcome.
        trades: decisions on trades by component and outcome.
        vetoes: decisions by plugin and code of a veto; one side counts as much as both, or as
            each of them.
        alone: refused decisions by the plugin that alone refused them: who blocks most.
        fills: fills that stand by component, and whether we rested.
        taken_back: fills whose settlement failed, by component; they are none of ``fills``.
        markets: ids of the markets decided on.
        not_sampled: unchanged decisions known to have no span.
        first_ns, last_ns: UTC ns, None without spans.
    """

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.trades: Counter[tuple[str, str]] = Counter()
        self.vetoes: Counter[tuple[str, str]] = Counter()
        self.alone: Counter[str] = Counter()
        self.fills: Counter[tuple[str, bool]] = Counter()
        self.taken_back: Counter[str] = Counter()
        self._standing: dict[tuple[str, str], tuple[str, bool]] = {}
        self._reversed: set[tuple[str, str]] = set()
        self.markets: set[str] = set()
        self.not_sampled = 0
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self._slowest: list[tuple[float, int, int, Span]] = []

    @property
    def decisions(self) -> int:
        """How many decisions have a span."""
        return self.outcomes.total() + self.trades.total()

    @property
    def slowest(self) -> list[tuple[float, Span]]:
        """The decisions that took longest, with the wall seconds they took."""
        return [(took_s, span) for took_s, *_, span in sorted(self._slowest, reverse=True)]

    def add(self, span: Span) -> None:
        """Count a span."""
        told = span.attributes
        ns = decided_ns(span)
        self.first_ns = ns if self.first_ns is None else min(ns, self.first_ns)
        self.last_ns = ns if self.last_ns is None else max(ns, self.last_ns)
        component = str(told["polyframe.component"])
        if span.name == FILL:
            self._add_fill(span, component)
            return
        self.markets.add(told["polyframe.market.id"])
        if component == MAKER:
            self.outcomes[outcome(span)] += 1
        else:
            self.trades[component, outcome(span)] += 1
        self.not_sampled += skipped_before(span)
        cast = dict.fromkeys(
            (str(veto.get("polyframe.plugin")), str(veto.get("polyframe.veto.code")))
            for veto in vetoes(span)
        )
        self.vetoes.update(list(cast))
        # Nobody is against a leg that only goes with its trade, or a market because a run ends.
        is_refusal = outcome(span) not in QUOTING and not is_of_the_stop(span)
        if is_refusal and all(code != OTHER_LEG for _, code in cast):
            plugins = {plugin for plugin, _ in cast}
            self.alone.update(plugins if len(plugins) == 1 else ())
        self._add_slowest(span)

    def is_taken_back(self, fill: Span) -> bool:
        """Whether a fill's settlement failed, as far as the spans that were counted tell."""
        return _execution(fill, "trade_id") in self._reversed

    def _add_fill(self, span: Span, component: str) -> None:
        if REVERSES not in span.attributes:
            key = component, bool(span.attributes.get("polyframe.fill.is_maker"))
            self._standing[_execution(span, "trade_id")] = key
            self.fills[key] += 1
            return
        taken = _execution(span, "reverses")
        self.taken_back[component] += 1
        self._reversed.add(taken)
        if taken in self._standing:  # and not of a time before the first span that is wanted
            self.fills[self._standing.pop(taken)] -= 1

    def _add_slowest(self, span: Span) -> None:
        took_s = span.attributes.get("polyframe.decision.took_s")
        if took_s is not None:
            # Two runs' spans in one folder: numbers come twice, and spans have no order.
            entry = (took_s, -decision_id(span), -self.decisions, span)
            if len(self._slowest) < _SLOWEST:
                heapq.heappush(self._slowest, entry)
            elif entry[:3] > self._slowest[0][:3]:
                heapq.heapreplace(self._slowest, entry)
