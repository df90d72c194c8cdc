"""Handing spans to OpenTelemetry: the official exporters, fed with spans that are built late.

Imported only when an exporter of the SDK is on. A collector that is slow or gone must never hold
up a quote: spans wait in the SDK's bounded queue and are sent from its thread; what the queue
cannot hold is dropped, counted and told.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    Link,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)

from polyframe import __version__
from polyframe.tracing.otlp_json import SCOPE
from polyframe.tracing.span import Span
from polyframe.tracing.span import SpanContext as Ids

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_UNSET = Status(StatusCode.UNSET)
_SCOPE = InstrumentationScope(SCOPE, __version__)
_BATCH = 512


class Counted(SpanExporter):
    """An exporter that counts what got through and what did not."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self.sent = 0
        self.failed = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export a batch; called from the SDK's thread."""
        result = self._inner.export(spans)
        if result is SpanExportResult.SUCCESS:
            self.sent += len(spans)
        else:
            self.failed += len(spans)
        return result

    def shutdown(self) -> None:
        """Close the exporter inside."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Return whether the exporter inside has nothing left."""
        return self._inner.force_flush(timeout_millis)


class SdkSpans:
    """A sink of one exporter.

    ``problems`` collects what the SDK had to say of failures, each sentence once.
    """

    def __init__(
        self,
        name: str,
        exporter: SpanExporter,
        resource: Resource,
        queue_spans: int | None,
    ) -> None:
        self.name = name
        self._resource = resource
        self._exporter = Counted(exporter)
        self._given = 0
        self._processor: BatchSpanProcessor | SimpleSpanProcessor = (
            SimpleSpanProcessor(self._exporter)
            if queue_spans is None
            else BatchSpanProcessor(
                self._exporter,
                max_queue_size=queue_spans,
                max_export_batch_size=min(_BATCH, queue_spans),
                schedule_delay_millis=1000,
            )
        )

    def write(self, spans: Sequence[Span]) -> None:
        """Hand spans over; returns at once, whatever the collector does."""
        self._given += len(spans)
        for span in spans:
            self._processor.on_end(readable(span, self._resource))

    def close(self, limit_s: float) -> None:
        """Send what waits, for at most ``limit_s`` of wall time; then leave it."""
        within(limit_s, self._processor.shutdown)

    @property
    def sent(self) -> int:
        """Spans that got through."""
        return self._exporter.sent

    @property
    def lost(self) -> int:
        """Spans that were given and did not get through; final once closed."""
        return self._given - self._exporter.sent


def within(limit_s: float, work: Callable[[], object]) -> None:
    """Wait for work at most ``limit_s`` of wall time, and leave it behind then.

    The SDK's own limits do not hold: its last export waits for retries without end.
    """
    thread = threading.Thread(target=work, daemon=True, name="trace-closing")
    thread.start()
    thread.join(limit_s)


def open_otlp(endpoint: str | None, resource: Resource, queue_spans: int) -> SdkSpans:
    """Return the sink of an OTLP/HTTP collector.

    Args:
        endpoint: its base URL; None where the ``OTEL_EXPORTER_OTLP_*`` variables say it. They
            also hold headers, certificates and timeouts.
        resource: what is true of every span.
        queue_spans: spans that may wait for the collector.
    """
    url = None if endpoint is None else f"{endpoint.rstrip('/')}/v1/traces"
    return SdkSpans("otlp", OTLPSpanExporter(endpoint=url), resource, queue_spans)


def open_console(resource: Resource) -> SdkSpans:
    """Return the sink that prints each span as a line of JSON on standard error."""
    import sys

    exporter = ConsoleSpanExporter(
        out=sys.stderr, formatter=lambda span: span.to_json(indent=None) + "\n"
    )
    return SdkSpans("console", exporter, resource, None)


def readable(span: Span, resource: Resource) -> ReadableSpan:
    """Return a span as the SDK's exporters read it."""
    context = _context(span.context)
    parent = (
        None
        if span.parent_span_id is None
        else _context(Ids(span.context.trace_id, span.parent_span_id))
    )
    return ReadableSpan(
        name=span.name,
        context=context,
        parent=parent,
        resource=resource,
        attributes=span.attributes,
        events=[Event(event.name, event.attributes, event.ts_ns) for event in span.events],
        links=[Link(_context(link)) for link in span.links],
        kind=SpanKind.INTERNAL,
        status=_UNSET if span.error is None else Status(StatusCode.ERROR, span.error),
        start_time=span.start_ns,
        end_time=span.end_ns,
        instrumentation_scope=_SCOPE,
    )


def _context(ids: Ids) -> SpanContext:
    return SpanContext(int(ids.trace_id, 16), int(ids.span_id, 16), False, _SAMPLED)


def resource_from(attributes: Mapping[str, str | float]) -> Resource:
    """Return the SDK's resource; ``OTEL_RESOURCE_ATTRIBUTES`` may add to it."""
    return Resource.create(dict(attributes))


class Complaints(logging.Handler):
    """Takes what the SDK logs, from whichever thread; each message once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: set[str] = set()
        self._new: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message that was not said yet."""
        text = " ".join(record.getMessage().split())[:300]
        if record.msg not in self._said:
            self._said.add(str(record.msg))
            self._new.append(text)

    def take(self) -> list[str]:
        """Return what is new."""
        taken, self._new = self._new, []
        return taken


def listen() -> Complaints:
    """Have the SDK's complaints told by the run instead of printed across its screen."""
    complaints = Complaints()
    logger = logging.getLogger("opentelemetry")
    logger.addHandler(complaints)
    logger.propagate = False
    return complaints


def stop_listening(complaints: Complaints) -> None:
    """Undo :func:`listen`."""
    logger = logging.getLogger("opentelemetry")
    logger.removeHandler(complaints)
    logger.propagate = True
