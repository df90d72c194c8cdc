"""What the metrics count and gauge, read back through the SDK's own in-memory reader."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource

from polyframe import PluginVeto, Quote, QuoteLeg, Reading, Veto
from polyframe.model import Decision, PluginReading
from polyframe.testing.builders import NOW_NS, a_decision, a_fill, a_market
from polyframe.tracing.metrics import Metrics
from runtime_driver import quoting_driver

QUOTE = Quote("0xm1", 0.5, QuoteLeg(4800, 60_000_000), QuoteLeg(5200, 50_000_000))


def told(name: str, value: float, limit: float = 50.0) -> PluginReading:
    return PluginReading("portfolio_risk", Reading(name, value, limit))


def decided(**changes: Any) -> Decision:
    return msgspec.structs.replace(a_decision(a_market(), proposal=QUOTE), **changes)


@pytest.fixture
def read() -> Any:
    """Return metrics, and a function that looks and returns the points of an instrument."""
    reader = InMemoryMetricReader()
    metrics = Metrics([reader], Resource({}))

    def points(name: str) -> list[tuple[dict[str, Any], Any]]:
        metrics.look(quoting_driver().engine)
        data = reader.get_metrics_data()
        return [
            (dict(point.attributes), getattr(point, "value", getattr(point, "sum", None)))
            for of_resource in (() if data is None else data.resource_metrics)
            for of_scope in of_resource.scope_metrics
            for metric in of_scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]

    yield metrics, points
    metrics.shut_down(1.0)


def test_exposure_is_what_was_let_through_by_side(read: Any) -> None:
    metrics, points = read
    refused_bid = (PluginVeto("portfolio_risk", Veto("portfolio_risk.market_cap", "bid")),)
    metrics.decided(
        decided(
            vetoes=refused_bid,
            target=Quote("0xm1", 0.5, None, QUOTE.ask),
            readings=(told("bid_market_cap_usd", 61.0), told("ask_market_cap_usd", 49.0)),
        ),
        None,
    )
    # Nothing of a quote that is refused whole, nor of a reading that is no cap.
    metrics.decided(
        decided(
            vetoes=refused_bid,
            target=Quote("0xm1", 0.5),
            readings=(told("ask_market_cap_usd", 99.0), told("drawdown_usd", 9.0)),
        ),
        None,
    )
    expected = {"polyframe.plugin": "portfolio_risk", "polyframe.cap": "market_cap"}
    assert points("polyframe.exposure") == [(expected, 49.0)]
    assert points("polyframe.exposure.share_of_cap") == [(expected, 0.98)]


def test_decisions_and_vetoes_are_counted_by_what_names_them(read: Any) -> None:
    metrics, points = read
    vetoes = tuple(PluginVeto("qs", Veto("qs.stale", side)) for side in (None, "bid", "ask", None))
    metrics.decided(decided(outcome="vetoed", vetoes=vetoes), None)
    metrics.decided(decided(outcome="unchanged"), None)
    counted = {tuple(names.values()): value for names, value in points("polyframe.vetoes")}
    assert counted == {
        ("qs.stale", "qs", "both"): 2,
        ("qs.stale", "qs", "bid"): 1,
        ("qs.stale", "qs", "ask"): 1,
    }
    outcomes = {
        names["polyframe.decision.outcome"]: n for names, n in points("polyframe.decisions")
    }
    assert outcomes == {"vetoed": 1, "unchanged": 1}


def test_a_fill_taken_back_counts_apart(read: Any) -> None:
    metrics, points = read
    metrics.filled(a_fill())
    metrics.filled(a_fill(2, reverses="t1"))
    by_reversal = {names["polyframe.fill.is_reversal"]: n for names, n in points("polyframe.fills")}
    assert by_reversal == {False: 1, True: 1}


@pytest.mark.parametrize(
    ("trigger", "origin", "commands", "counts"),
    [
        ("book", "", ("cancel o-1 drift",), True),
        ("budget", "book", ("place o-1 BUY YES 1@0.5",), True),
        ("budget", "cycle", ("place o-1 BUY YES 1@0.5",), False),
        ("book", "", (), False),
        ("cycle", "", ("place o-1 BUY YES 1@0.5",), False),
    ],
)
def test_tick_to_quote_is_from_the_book_to_what_answers_it(
    read: Any, trigger: str, origin: str, commands: tuple[str, ...], counts: bool
) -> None:
    metrics, points = read
    one = decided(
        trigger=trigger, origin=origin, commands=commands, since_ns=NOW_NS - 2_000_000_000
    )
    metrics.decided(one, 500_000_000)
    found = [value for _, value in points("polyframe.tick_to_quote")]
    assert found == ([2.5] if counts else [])
