"""Handing spans to OpenTelemetry: the official exporters, fed with spans that are built late.

Imported only when an exporter of the SDK is on. A collector that is slow or gone must never hold
up a quote: spans wait in the SDK's bounded queue and are sent from its thread; what the queue
cannot hold is dropped, counted and told.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
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
_DELAY_MS = 1000


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
    """A sink of one exporter: spans wait in the SDK's queue for its thread."""

    def __init__(
        self, name: str, exporter: SpanExporter, resource: Resource, queue_spans: int
    ) -> None:
        self.name = name
        self._resource = resource
        self._exporter = Counted(exporter)
        self._given = 0
        self._processor = BatchSpanProcessor(
            self._exporter,
            max_queue_size=queue_spans,
            max_export_batch_size=min(_BATCH, queue_spans),
            schedule_delay_millis=_DELAY_MS,
        )
        self.closing = Closing()

    def write(self, spans: Sequence[Span]) -> None:
        """Hand spans over; returns at once, whatever the collector does."""
        self._given += len(spans)
        for span in spans:
            self._processor.on_end(readable(span, self._resource))

    def close(self) -> None:
        """Begin to send what waits; ``closing`` is waited for, with a limit."""
        self.closing.start(self._processor.shutdown)

    @property
    def sent(self) -> int:
        """Spans that got through."""
        return self._exporter.sent

    @property
    def lost(self) -> int:
        """Spans that were given and did not get through; final once closed."""
        return self._given - self._exporter.sent


class Closing:
    """Work that ends a thing of the SDK, in a thread that is left behind when it takes too long.

    The SDK's own limits do not hold: its last export waits for retries without end.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None

    def start(self, work: Callable[[], object]) -> None:
        """Begin."""
        self._thread = threading.Thread(target=work, daemon=True, name="trace-closing")
        self._thread.start()

    def wait_until(self, deadline_s: float) -> None:
        """Wait until the work is done, or until a moment of ``time.monotonic``."""
        if self._thread is not None:
            self._thread.join(max(0.0, deadline_s - time.monotonic()))


def open_otlp(url: str, resource: Resource, queue_spans: int) -> SdkSpans:
    """Return the sink of an OTLP/HTTP collector.

    Args:
        url: its endpoint for traces. Headers, certificates, timeouts and compression are the
            exporter's own ``OTEL_EXPORTER_OTLP_*`` variables.
        resource: what is true of every span.
        queue_spans: spans that may wait for the collector.

    Raises:
        ValueError: one of those variables has no meaning.
    """
    return SdkSpans("otlp", OTLPSpanExporter(endpoint=url), resource, queue_spans)


def open_console(resource: Resource, queue_spans: int) -> SdkSpans:
    """Return the sink that prints each span as a line of JSON on standard error.

    From the SDK's thread: a terminal that is stopped, or a pipe that nobody reads, must not hold
    up a quote.
    """
    exporter = ConsoleSpanExporter(
        out=sys.stderr, formatter=lambda span: span.to_json(indent=None) + "\n"
    )
    return SdkSpans("console", exporter, resource, queue_spans)


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


def resource_from(attributes: Mapping[str, str | float], environ: Mapping[str, str]) -> Resource:
    """Return the SDK's resource; ``OTEL_SERVICE_NAME`` and ``OTEL_RESOURCE_ATTRIBUTES`` add to it.

    A service's name in the environment is the user's and wins; what a run is stays ours.
    """
    is_named = "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    ours = dict(attributes)
    if is_named or environ.get("OTEL_SERVICE_NAME"):
        del ours["service.name"]
    return Resource.create(ours)
