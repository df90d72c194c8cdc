"""A span as one line of the OTLP file format, and back.

Each line is a whole ``ExportTraceServiceRequest`` in OTLP's JSON mapping (ids in hex, 64-bit
integers as text), so a collector's OTLP/JSON file receiver reads the files as they are:
https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from polyframe.tracing.span import Attributes, Span, SpanContext, SpanEvent

SCOPE = "polyframe"
_INTERNAL, _ERROR = 1, 2
_SAMPLED = 1
_encoder = msgspec.json.Encoder()
# What a line of another shape, or with numbers beyond all bounds, ends in when it is read.
_NOT_OURS = (
    msgspec.DecodeError, KeyError, TypeError, IndexError, AttributeError, OverflowError,
    RecursionError,
)  # fmt: skip


class SpanLines:
    """Writes spans of one resource as lines.

    Args:
        resource: what is true of every span: service, version, run, source.
        version: of the instrumentation, that is of polyframe.
    """

    def __init__(self, resource: Attributes, version: str) -> None:
        opened = _encoder.encode({"attributes": _key_values(resource)})
        scope = _encoder.encode({"name": SCOPE, "version": version})
        self._before = (
            b'{"resourceSpans":[{"resource":' + opened + b',"scopeSpans":[{"scope":' + scope
            + b',"spans":['
        )  # fmt: skip
        self._after = b"]}]}]}\n"

    def line(self, span: Span) -> bytes:
        """Return the span's line, its end included."""
        return self._before + _encoder.encode(_span(span)) + self._after


def spans_of(line: bytes) -> list[Span]:
    """Return the spans of a line.

    Raises:
        ValueError: it is not a line of this format.
    """
    try:
        request = msgspec.json.decode(line)
        return [
            _read_span(span)
            for of_resource in request["resourceSpans"]
            for of_scope in of_resource["scopeSpans"]
            for span in of_scope["spans"]
        ]
    except _NOT_OURS as error:
        raise ValueError(f"not a line of spans: {error}") from None


def resource_of(line: bytes) -> dict[str, Any]:
    """Return the attributes of a line's resource.

    Raises:
        ValueError: it is not a line of this format.
    """
    try:
        request = msgspec.json.decode(line)
        return _read_attributes(request["resourceSpans"][0]["resource"])
    except _NOT_OURS as error:
        raise ValueError(f"not a line of spans: {error}") from None


def _span(span: Span) -> dict[str, Any]:
    written: dict[str, Any] = {
        "traceId": span.context.trace_id,
        "spanId": span.context.span_id,
        "flags": _SAMPLED,
        "name": span.name,
        "kind": _INTERNAL,
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _key_values(span.attributes),
    }
    if span.parent_span_id is not None:
        written["parentSpanId"] = span.parent_span_id
    if span.events:
        written["events"] = [
            {
                "timeUnixNano": str(event.ts_ns),
                "name": event.name,
                "attributes": _key_values(event.attributes),
            }
            for event in span.events
        ]
    if span.links:
        written["links"] = [
            {"traceId": link.trace_id, "spanId": link.span_id} for link in span.links
        ]
    if span.error is not None:
        written["status"] = {"code": _ERROR, "message": span.error}
    return written


def _key_values(attributes: Attributes) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in attributes.items()]


def _value(value: Any) -> dict[str, Any]:
    kind = type(value)
    if kind is str:
        return {"stringValue": value}
    if kind is float:
        return {"doubleValue": value}
    if kind is bool:
        return {"boolValue": value}
    if kind is int:
        return {"intValue": str(value)}
    return {"arrayValue": {"values": [{"stringValue": item} for item in value]}}


def _read_span(span: Mapping[str, Any]) -> Span:
    return Span(
        name=span["name"],
        context=SpanContext(span["traceId"], span["spanId"]),
        parent_span_id=span.get("parentSpanId"),
        start_ns=int(span["startTimeUnixNano"]),
        end_ns=int(span["endTimeUnixNano"]),
        attributes=_read_attributes(span),
        events=tuple(
            SpanEvent(event["name"], int(event["timeUnixNano"]), _read_attributes(event))
            for event in span.get("events", ())
        ),
        links=tuple(SpanContext(link["traceId"], link["spanId"]) for link in span.get("links", ())),
        error=span.get("status", {}).get("message"),
    )


def _read_attributes(holder: Mapping[str, Any]) -> dict[str, Any]:
    return {item["key"]: _read_value(item["value"]) for item in holder.get("attributes", ())}


def _read_value(value: Mapping[str, Any]) -> Any:
    [(kind, content)] = value.items()
    if kind == "intValue":
        return int(content)
    if kind == "arrayValue":
        return [_read_value(item) for item in content.get("values", ())]
    if kind == "doubleValue":
        return float(content)
    return content
