"""What a decision and a fill look like as spans, and that their lines are OTLP's."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import msgspec
import pytest
from google.protobuf.json_format import ParseDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from polyframe import Decision, PluginVeto, Quote, QuoteLeg, Reading, Veto
from polyframe.model import PluginReading, PluginShape
from polyframe.testing.builders import NOW_NS, a_decision, a_fill, a_market, a_position
from polyframe.tracing.otlp_json import SpanLines, resource_of, spans_of
from polyframe.tracing.span import (
    Span,
    SpanContext,
    SpanEvent,
    decision_context,
    fill_context,
    is_sampled,
)
from polyframe.tracing.spans import SpanBuilder

RUN, HASH = "20261128T000000Z-0123abcd", "0123abcd" * 8
BUILDER = SpanBuilder(RUN, HASH)
LINES = SpanLines({"service.name": "polyframe", "polyframe.speed": 20.0}, "0.1.0")
MARKET = a_market(position=a_position(yes=12.5))
QUOTE = Quote(
    "0xm1", 0.5, QuoteLeg(4800, 60_000_000), QuoteLeg(5200, 50_000_000), "classic",
    (("mid", 0.5), ("skew", -0.001)),
)  # fmt: skip


def decided(**changes: Any) -> Decision:
    fields: dict[str, Any] = {
        "since_ns": NOW_NS - 400_000_000,
        "proposed_by": "maker",
        "asked": ("qs", "rrs", "portfolio_risk"),
    }
    decision = a_decision(MARKET, proposal=QUOTE, decision_id=77)
    return msgspec.structs.replace(decision, **(fields | changes))


REFUSED = decided(
    outcome="vetoed",
    vetoes=(
        PluginVeto("runtime", Veto("runtime.rank", None, None, 40)),
        PluginVeto("portfolio_risk", Veto("portfolio_risk.market_cap", "bid", 61.5, 50.0)),
    ),
    target=Quote("0xm1", 0.5),
    shapes=(PluginShape("portfolio_risk", QuoteLeg(4800, 55_000_000), None),),
    readings=(
        PluginReading("rrs", Reading("score", 0.12, 0.35)),
        PluginReading("portfolio_risk", Reading("bid_market_cap_usd", 61.5, 50)),
        PluginReading("portfolio_risk", Reading("drawdown_usd", 3)),
    ),
)


def test_a_decision_s_span_has_all_that_led_to_it() -> None:
    span = BUILDER.decision(REFUSED, MARKET.spec, took_ns=250_000)
    assert span.name == "decide quote"
    assert (span.start_ns, span.end_ns) == (NOW_NS - 400_000_000, NOW_NS + 250_000)
    assert span.attributes == {
        "polyframe.run.id": RUN,
        "polyframe.config.hash": HASH,
        "polyframe.decision.id": 77,
        "polyframe.decision.outcome": "vetoed",
        "polyframe.decision.trigger": "cycle",
        "polyframe.decision.waited_s": 0.4,
        "polyframe.decision.took_s": 0.00025,
        "polyframe.component": "maker",
        "polyframe.market.id": "0xm1",
        "polyframe.market.slug": "will-0xm1-happen",
        "polyframe.market.question": "Will 0xm1 happen?",
        "polyframe.market.state": "NORMAL",
        "polyframe.inventory.net_yes": 12.5,
        "polyframe.book.bid": 0.49,
        "polyframe.book.ask": 0.51,
        "polyframe.book.age_s": 1.0,
        "polyframe.proposal.plugin": "maker",
        "polyframe.proposal.policy": "classic",
        "polyframe.proposal.fair": 0.5,
        "polyframe.proposal.bid.price": 0.48,
        "polyframe.proposal.bid.size": 60.0,
        "polyframe.proposal.ask.price": 0.52,
        "polyframe.proposal.ask.size": 50.0,
        "polyframe.proposal.input.mid": 0.5,
        "polyframe.proposal.input.skew": -0.001,
        "polyframe.target.fair": 0.5,
        "polyframe.votes.vetoed": ["runtime", "portfolio_risk"],
        "polyframe.votes.passed": ["qs", "rrs"],
        "polyframe.votes.asked": ["qs", "rrs", "portfolio_risk"],
        "polyframe.votes.shaped": ["portfolio_risk"],
        "polyframe.veto.codes": ["runtime.rank", "portfolio_risk.market_cap"],
    }
    assert [(event.name, event.attributes) for event in span.events] == [
        (
            "shape",
            {
                "polyframe.plugin": "portfolio_risk",
                "polyframe.shape.bid.price": 0.48,
                "polyframe.shape.bid.size": 55.0,
            },
        ),
        (
            "reading",
            {
                "polyframe.plugin": "rrs",
                "polyframe.reading.score": 0.12,
                "polyframe.reading.score.limit": 0.35,
            },
        ),
        (
            "reading",
            {
                "polyframe.plugin": "portfolio_risk",
                "polyframe.reading.bid_market_cap_usd": 61.5,
                "polyframe.reading.bid_market_cap_usd.limit": 50.0,
                "polyframe.reading.drawdown_usd": 3.0,
            },
        ),
        (
            "veto",
            {
                "polyframe.plugin": "runtime",
                "polyframe.veto.code": "runtime.rank",
                "polyframe.veto.side": "both",
                "polyframe.veto.limit": 40.0,
            },
        ),
        (
            "veto",
            {
                "polyframe.plugin": "portfolio_risk",
                "polyframe.veto.code": "portfolio_risk.market_cap",
                "polyframe.veto.side": "bid",
                "polyframe.veto.observed": 61.5,
                "polyframe.veto.limit": 50.0,
            },
        ),
    ]


def test_an_unchanged_decision_is_short_and_keeps_its_votes() -> None:
    span = BUILDER.decision(decided(outcome="unchanged"), MARKET.spec, skipped_before=3)
    assert span.events == ()
    assert not any(name.startswith("polyframe.proposal.bid") for name in span.attributes)
    assert span.attributes["polyframe.target.bid.price"] == 0.48
    assert span.attributes["polyframe.votes.passed"] == ["qs", "rrs", "portfolio_risk"]
    assert span.attributes["polyframe.decision.skipped_before"] == 3
    assert "polyframe.decision.took_s" not in span.attributes


def test_a_broken_plugin_is_the_span_s_error() -> None:
    broken = decided(vetoes=(PluginVeto("qs", Veto("runtime.plugin_error")),))
    assert BUILDER.decision(broken, None).error == "a plugin broke"
    assert BUILDER.decision(REFUSED, None).error is None


def test_a_market_gone_from_the_books_is_still_named() -> None:
    attributes = BUILDER.decision(decided(), None).attributes
    assert attributes["polyframe.market.id"] == "0xm1"
    assert "polyframe.market.question" not in attributes


def test_a_fill_lies_in_its_decision_s_trace_and_links_to_it() -> None:
    span = BUILDER.fill(a_fill(decision_id=77, fee_e12=5 * 10**9), MARKET.spec)
    decision = BUILDER.decision(decided(), MARKET.spec).context
    assert (span.context.trace_id, span.parent_span_id) == (decision.trace_id, decision.span_id)
    assert span.links == (decision,)
    assert span.context.span_id != decision.span_id
    assert (span.start_ns, span.end_ns) == (NOW_NS, NOW_NS)
    told = {
        name.removeprefix("polyframe.fill."): value
        for name, value in span.attributes.items()
        if name.startswith("polyframe.fill.")
    }
    assert told == {
        "trade_id": "t1", "order_id": "o1", "token": "YES", "side": "BUY", "price": 0.49,
        "size": 100.0, "fee_usd": 0.005, "is_maker": True, "mid_before": 0.5,
    }  # fmt: skip


def test_a_reversal_says_what_it_takes_back() -> None:
    fill = a_fill(trade_id="t1-back", reverses="t1")
    assert BUILDER.fill(fill, None).attributes["polyframe.fill.reverses"] == "t1"


# --- ids ---------------------------------------------------------------------------------------


def test_ids_come_from_the_run_and_the_number_alone() -> None:
    one = decision_context(RUN, 1)
    assert one == decision_context(RUN, 1)
    assert (len(one.trace_id), len(one.span_id)) == (32, 16)
    others = {decision_context(RUN, 2), decision_context(RUN + "x", 1), one}
    assert len({context.trace_id for context in others}) == 3
    assert fill_context(RUN, 1, "t1", "o1") != fill_context(RUN, 1, "t1", "o2")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_sampling_keeps_about_its_share_and_more_of_a_larger_one(share: float) -> None:
    ids = [decision_context(RUN, number).trace_id for number in range(4000)]
    kept = [trace_id for trace_id in ids if is_sampled(trace_id, share)]
    assert abs(len(kept) / 4000 - share) < 0.03
    assert all(is_sampled(trace_id, min(1.0, share + 0.1)) for trace_id in kept)


def test_sampling_is_that_of_opentelemetry() -> None:
    from opentelemetry.sdk.trace.sampling import Decision as Kept
    from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

    official = TraceIdRatioBased(0.3)
    for number in range(500):
        trace_id = decision_context(RUN, number).trace_id
        result = official.should_sample(None, int(trace_id, 16), "decide quote")
        assert is_sampled(trace_id, 0.3) is (result.decision is Kept.RECORD_AND_SAMPLE)


# --- lines -------------------------------------------------------------------------------------


def official(line: bytes) -> ExportTraceServiceRequest:
    """Parse a line as the official protobuf, ids from OTLP's hex to protobuf's base64."""
    request = json.loads(line)
    for span in request["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for holder in (span, *span.get("links", ())):
            for name in ("traceId", "spanId", "parentSpanId"):
                if name in holder:
                    raw = bytes.fromhex(holder[name])
                    holder[name] = base64.b64encode(raw).decode()
    return ParseDict(request, ExportTraceServiceRequest())


@pytest.mark.parametrize(
    "span",
    [
        BUILDER.decision(REFUSED, MARKET.spec, 1000),
        BUILDER.decision(decided(outcome="unchanged"), None),
        BUILDER.decision(decided(vetoes=(PluginVeto("qs", Veto("runtime.plugin_error")),)), None),
        BUILDER.fill(a_fill(), MARKET.spec),
    ],
)
def test_a_line_is_a_request_of_the_official_protocol_and_reads_back(span: Span) -> None:
    line = LINES.line(span)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert spans_of(line) == [span]
    [of_resource] = official(line).resource_spans
    assert of_resource.resource.attributes[0].value.string_value == "polyframe"
    [of_scope] = of_resource.scope_spans
    [parsed] = of_scope.spans
    assert parsed.trace_id.hex() == span.context.trace_id
    assert parsed.start_time_unix_nano == span.start_ns
    assert len(parsed.attributes) == len(span.attributes)
    assert [event.name for event in parsed.events] == [event.name for event in span.events]
    assert parsed.status.code == (0 if span.error is None else 2)


def test_the_resource_reads_back() -> None:
    line = LINES.line(BUILDER.decision(REFUSED, None))
    assert resource_of(line) == {"service.name": "polyframe", "polyframe.speed": 20.0}


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b"[]", b"{}", b'{"resourceSpans":[{}]}', b"17", b"null", b'{"resourceSpans":[1]}'],
)
def test_what_is_no_line_of_spans_is_one_error(line: bytes) -> None:
    with pytest.raises(ValueError, match="not a line of spans"):
        spans_of(line)
    with pytest.raises(ValueError, match="not a line of spans"):
        resource_of(line)


_names = st.text(min_size=1, max_size=20)
_values = st.one_of(
    st.text(max_size=60),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.text(max_size=9), max_size=4),
)
_attributes = st.dictionaries(_names, _values, max_size=5)
_hex = st.integers(0, 2**64 - 1).map("{:016x}".format)
_contexts = st.builds(lambda a, b, c: SpanContext(a + b, c), _hex, _hex, _hex)
_instants = st.integers(0, 2**62)
_events = st.builds(SpanEvent, _names, _instants, _attributes)


@given(
    st.builds(
        Span,
        name=_names,
        context=_contexts,
        parent_span_id=st.none() | _hex,
        start_ns=_instants,
        end_ns=_instants,
        attributes=_attributes,
        events=st.lists(_events, max_size=3).map(tuple),
        links=st.lists(_contexts, max_size=2).map(tuple),
        error=st.none() | st.text(min_size=1, max_size=9),
    )
)
def test_any_span_reads_back_as_it_was_written(span: Span) -> None:
    [read] = spans_of(LINES.line(span))
    assert read == span
    for name, value in span.attributes.items():
        assert type(read.attributes[name]) is type(value)
        if isinstance(value, float):
            assert math.copysign(1, read.attributes[name]) == math.copysign(1, value)
