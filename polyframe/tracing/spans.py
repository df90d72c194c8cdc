"""Decisions and fills as spans: ``decide quote`` and ``fill``. docs/tracing.md names every field.

A decision's span lasts from its cause (``since_ns``) to the decision, and the time that deciding
took where it was measured. A fill's span lies in the trace of the decision that placed its order,
and links to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from polyframe.model import Decision, Fill, MarketSpec, Quote, QuoteLeg
from polyframe.tracing.span import (
    Span,
    SpanContext,
    SpanEvent,
    decision_context,
    fill_context,
)

PAPER = "paper"
DECIDE = "decide quote"
FILL = "fill"
_LONGEST_TITLE = 200
_PLUGIN_ERROR = "runtime.plugin_error"


class SpanBuilder:
    """Builds the spans of one run.

    Args:
        run_id: the run's id; with the decision's number it makes the trace's id.
        config_hash: of the strategy in force.
        mode: paper, rehearsal or production; told where orders are real.
    """

    def __init__(self, run_id: str, config_hash: str, mode: str = PAPER) -> None:
        self._run_id = run_id
        self._run = {"polyframe.run.id": run_id, "polyframe.config.hash": config_hash}
        if mode != PAPER:
            self._run["polyframe.mode"] = mode

    def context(self, decision: Decision) -> SpanContext:
        """Return the ids that a decision's span has."""
        return decision_context(self._run_id, decision.decision_id)

    def decision(
        self,
        decision: Decision,
        spec: MarketSpec | None,
        took_ns: int | None = None,
        skipped_before: int = 0,
    ) -> Span:
        """Return a decision's span.

        Args:
            decision: the record.
            spec: its market's metadata, None when it is not known any more.
            took_ns: the wall time that asking everybody and acting took, None in a replay and
                where nobody was asked.
            skipped_before: unchanged decisions of this market since its last span that were
                not sampled.
        """
        codes = list(dict.fromkeys(cast.veto.code for cast in decision.vetoes))
        attributes: dict[str, Any] = {
            **self._run,
            "polyframe.decision.id": decision.decision_id,
            "polyframe.decision.outcome": decision.outcome,
            "polyframe.decision.trigger": decision.trigger,
            "polyframe.component": decision.proposal.component,
            **_market(decision.market_id, spec),
            "polyframe.market.state": str(decision.state),
            "polyframe.inventory.net_yes": decision.net_yes_e6 / 1e6,
        }
        _put_price(attributes, "polyframe.book.bid", decision.best_bid_e4)
        _put_price(attributes, "polyframe.book.ask", decision.best_ask_e4)
        if decision.book_age_s is not None:
            attributes["polyframe.book.age_s"] = decision.book_age_s
        if decision.origin:
            attributes["polyframe.decision.origin"] = decision.origin
        if skipped_before:
            attributes["polyframe.decision.skipped_before"] = skipped_before
        if decision.proposed_by:
            attributes["polyframe.proposal.plugin"] = decision.proposed_by
            attributes["polyframe.proposal.policy"] = decision.proposal.policy
        if decision.outcome != "unchanged":
            # What is right as it rests was explained when it was placed.
            _put_quote(attributes, "polyframe.proposal", decision.proposal)
            for name, number in decision.proposal.inputs:
                attributes[f"polyframe.proposal.input.{name}"] = float(number)
        _put_quote(attributes, "polyframe.target", decision.target)
        attributes |= _votes(decision)
        if codes:
            attributes["polyframe.veto.codes"] = codes
        if decision.held_by:
            attributes["polyframe.held_by"] = list(decision.held_by)
        if decision.commands:
            attributes["polyframe.commands"] = list(decision.commands)
        since_ns = decision.since_ns or decision.ts_ns
        attributes["polyframe.decision.waited_s"] = (decision.ts_ns - since_ns) / 1e9
        if took_ns is not None:
            attributes["polyframe.decision.took_s"] = took_ns / 1e9
        return Span(
            name=DECIDE,
            context=self.context(decision),
            start_ns=since_ns,
            end_ns=decision.ts_ns + (took_ns or 0),
            attributes=attributes,
            events=tuple(_events(decision)),
            error="a plugin broke" if _PLUGIN_ERROR in codes else None,
        )

    def fill(self, fill: Fill, spec: MarketSpec | None) -> Span:
        """Return a fill's span."""
        decided = decision_context(self._run_id, fill.decision_id)
        attributes: dict[str, Any] = {
            **self._run,
            "polyframe.decision.id": fill.decision_id,
            "polyframe.component": fill.component,
            **_market(fill.market_id, spec),
            "polyframe.fill.trade_id": fill.trade_id,
            "polyframe.fill.order_id": fill.order_id,
            "polyframe.fill.token": "YES" if fill.is_yes else "NO",
            "polyframe.fill.side": "BUY" if fill.is_buy else "SELL",
            "polyframe.fill.price": fill.price_e4 / 1e4,
            "polyframe.fill.size": fill.size_e6 / 1e6,
            "polyframe.fill.fee_usd": fill.fee_e12 / 1e12,
            "polyframe.fill.is_maker": fill.is_maker,
        }
        if fill.mid_before_e6 is not None:
            attributes["polyframe.fill.mid_before"] = fill.mid_before_e6 / 1e6
        if fill.is_reversal:
            attributes["polyframe.fill.reverses"] = fill.reverses
        return Span(
            name=FILL,
            context=fill_context(self._run_id, fill.decision_id, fill.trade_id, fill.order_id),
            parent_span_id=decided.span_id,
            start_ns=fill.ts_ns,
            end_ns=fill.ts_ns,
            attributes=attributes,
            links=(decided,),
        )


def _market(market_id: str, spec: MarketSpec | None) -> dict[str, Any]:
    found = {"polyframe.market.id": market_id}
    if spec is not None:
        found["polyframe.market.slug"] = spec.slug
        found["polyframe.market.question"] = spec.question[:_LONGEST_TITLE]
    return found


def _put_price(attributes: dict[str, Any], name: str, price_e4: int | None) -> None:
    if price_e4 is not None:
        attributes[name] = price_e4 / 1e4


def _put_quote(attributes: dict[str, Any], name: str, quote: Quote) -> None:
    if quote.fair is not None:
        attributes[f"{name}.fair"] = quote.fair
    for side, leg in (("bid", quote.bid), ("ask", quote.ask)):
        _put_leg(attributes, f"{name}.{side}", leg)


def _put_leg(attributes: dict[str, Any], name: str, leg: QuoteLeg | None) -> None:
    if leg is not None:
        attributes[f"{name}.price"] = leg.price_e4 / 1e4
        attributes[f"{name}.size"] = leg.size_e6 / 1e6


def _votes(decision: Decision) -> dict[str, list[str]]:
    """Return who was asked and let it pass, who refused, and who changed the quote."""
    refused = list(dict.fromkeys(cast.plugin for cast in decision.vetoes))
    votes = {
        "polyframe.votes.vetoed": refused,
        "polyframe.votes.passed": [name for name in decision.asked if name not in refused],
        "polyframe.votes.shaped": [shape.plugin for shape in decision.shapes],
        # Who refused and who passed, each in order, do not tell the order of all.
        "polyframe.votes.asked": list(decision.asked) if {*decision.asked} & {*refused} else [],
    }
    return {name: plugins for name, plugins in votes.items() if plugins}


def _events(decision: Decision) -> Iterable[SpanEvent]:
    """Yield what single plugins did: ``shape``, ``reading`` and ``veto`` events."""
    ts_ns = decision.ts_ns
    for shape in decision.shapes:
        shaped: dict[str, Any] = {"polyframe.plugin": shape.plugin}
        _put_leg(shaped, "polyframe.shape.bid", shape.bid)
        _put_leg(shaped, "polyframe.shape.ask", shape.ask)
        yield SpanEvent("shape", ts_ns, shaped)
    readings: dict[str, dict[str, Any]] = {}
    for told in decision.readings:
        of_plugin = readings.setdefault(told.plugin, {"polyframe.plugin": told.plugin})
        name = f"polyframe.reading.{told.reading.name}"
        of_plugin[name] = float(told.reading.value)
        if told.reading.limit is not None:
            of_plugin[f"{name}.limit"] = float(told.reading.limit)
    for of_plugin in readings.values():
        yield SpanEvent("reading", ts_ns, of_plugin)
    for cast in decision.vetoes:
        veto: dict[str, Any] = {
            "polyframe.plugin": cast.plugin,
            "polyframe.veto.code": cast.veto.code,
            "polyframe.veto.side": cast.veto.side or "both",
        }
        for name, number in (("observed", cast.veto.observed), ("limit", cast.veto.limit)):
            if number is not None:
                veto[f"polyframe.veto.{name}"] = float(number)
        yield SpanEvent("veto", ts_ns, veto)
