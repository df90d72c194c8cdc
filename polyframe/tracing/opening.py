"""From the strategy file's ``tracing`` section and the environment to an open tracer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyframe.errors import PolyframeError, UsageError
from polyframe.model import MarketSpec
from polyframe.runtime.plugins import one_line
from polyframe.settings import TracingSettings
from polyframe.tracing.files import FOLDER, SpanFiles
from polyframe.tracing.otlp_json import SpanLines
from polyframe.tracing.spans import SpanBuilder
from polyframe.tracing.tracer import SpanSink, Tracer

if TYPE_CHECKING:
    from polyframe.runtime.engine import Engine
    from polyframe.runtime.tape import Head
    from polyframe.runtime.turn import Outcome
    from polyframe.tracing.metrics import Metrics
    from polyframe.tracing.sdk import Complaints, SdkSpans

_MEGABYTE = 1024 * 1024
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
_HTTP = "http/protobuf"
# A gauge read more often tells nothing more, and reading them walks through every book.
_LEAST_LOOK_S = 1.0

Say = Callable[[str, Mapping[str, object]], None]


def resource_attributes(head: Head) -> dict[str, str | float]:
    """Return what is true of every span of a run."""
    return {
        "service.name": "polyframe",
        "service.version": head.version,
        "service.instance.id": head.run_id,
        "polyframe.run.id": head.run_id,
        "polyframe.config.hash": head.config_hash,
        "polyframe.profile": head.profile,
        "polyframe.source": head.source,
        "polyframe.speed": head.speed,
        "polyframe.strategy.name": str(head.strategy["settings"]["name"]),
    }


def file_tracer(head: Head, settings: TracingSettings, engine: Engine, folder: Path) -> Tracer:
    """Return a tracer that only writes span files, as a replay uses it.

    Raises:
        OSError: the folder cannot be written.
    """
    return Tracer(
        SpanBuilder(head.run_id, head.config_hash),
        [_span_files(head, settings, folder)],
        _spec_finder(engine),
        unchanged_share=settings.unchanged_share,
    )


def _span_files(head: Head, settings: TracingSettings, folder: Path) -> SpanFiles:
    lines = SpanLines(resource_attributes(head), head.version)
    return SpanFiles(folder, lines, round(settings.rotate_mb * _MEGABYTE))


def _spec_finder(engine: Engine) -> Callable[[str], MarketSpec | None]:
    def find(market_id: str) -> MarketSpec | None:
        market = engine.markets.find(market_id)
        return None if market is None else market.spec

    return find


class Tracing:
    """The tracer of one run with everything around it: sinks, metrics, complaints.

    Args:
        settings: the strategy file's ``tracing`` section.
        head: whose run it is.
        engine: where metadata and gauges are read.
        run_folder: the run's own directory.
        environ: the process's environment.
        say: writes a status line.

    Raises:
        UsageError: the environment asks for a protocol that is not spoken.
        PolyframeError: the run's folder cannot be written.
    """

    def __init__(
        self,
        settings: TracingSettings,
        head: Head,
        engine: Engine,
        run_folder: Path,
        environ: Mapping[str, str],
        say: Say,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._say = say
        self._metrics: Metrics | None = None
        self._complaints: Complaints | None = None
        self._looked_s: float | None = None
        self._fault: str | None = None
        self._broken: Tracer | None = None
        self._sdk: list[SdkSpans] = []
        self._otlp = collector_of(settings, environ)
        attributes = resource_attributes(head)
        sinks: list[SpanSink] = []
        folder = run_folder / FOLDER
        try:
            if settings.file:
                sinks.append(_span_files(head, settings, folder))
            if settings.file or settings.console or self._otlp is not None:
                self._open_sdk(folder, attributes)
        except OSError as error:
            raise PolyframeError(f"{folder}: cannot be written: {error.strerror}") from error
        self.tracer: Tracer | None = None
        if sinks or self._sdk:
            self.tracer = Tracer(
                SpanBuilder(head.run_id, head.config_hash),
                [*sinks, *self._sdk],
                _spec_finder(engine),
                unchanged_share=settings.unchanged_share,
                counter=self._metrics,
                on_loss=lambda sink, reason: say("Spans lost", {"sink": sink, "reason": reason}),
            )

    def _open_sdk(self, folder: Path, attributes: Mapping[str, str | float]) -> None:
        # Here and not above: a run without tracing starts without the SDK.
        from polyframe.tracing import metrics, sdk

        settings = self._settings
        resource = sdk.resource_from(attributes)
        self._complaints = sdk.listen()
        readers = []
        if settings.file:
            readers.append(metrics.file_reader(folder / "metrics.jsonl", settings.metrics_s))
        if self._otlp is not None:
            endpoint = self._otlp or None
            self._sdk.append(sdk.open_otlp(endpoint, resource, settings.queue_spans))
            readers.append(metrics.otlp_reader(endpoint, settings.metrics_s))
        if settings.console:
            self._sdk.append(sdk.open_console(resource))
        self._metrics = metrics.Metrics(readers, resource)

    def take(self, outcome: Outcome) -> None:
        """Take what a batch led to."""
        if self.tracer is not None:
            self.tracer.take(outcome)

    async def flush(self, wall_s: float) -> None:
        """Build and hand on what was taken; ``wall_s`` is a monotonic wall clock."""
        if self.tracer is None:
            return
        try:
            await self._flush(self.tracer, wall_s)
        except Exception as error:  # noqa: BLE001 - a broken observer is detached, never fatal
            self._detach(error)

    async def _flush(self, tracer: Tracer, wall_s: float) -> None:
        await tracer.flush()
        if self._looked_s is None or wall_s - self._looked_s >= _LEAST_LOOK_S:
            self._looked_s = wall_s
            if self._metrics is not None:
                self._metrics.look(self._engine)
            self._pass_on_complaints()

    def _pass_on_complaints(self) -> None:
        for complaint in [] if self._complaints is None else self._complaints.take():
            self._say("Trace export", {"problem": complaint})

    def _detach(self, error: Exception) -> None:
        self._fault = f"tracing broke and was stopped: {one_line(error)}"
        self._say("Tracing stopped", {"reason": self._fault})
        self._broken, self.tracer = self.tracer, None
        if self._broken is not None:
            self._broken.close_sinks(0.0)

    def close(self) -> list[str]:
        """Hand on the rest, close everything, and return what there is to warn of."""
        if self.tracer is not None:
            try:
                return self._close(self.tracer)
            except Exception as error:  # noqa: BLE001 - a broken observer is detached, never fatal
                self._detach(error)
        return [] if self._fault is None else [self._fault]

    def _close(self, tracer: Tracer) -> list[str]:
        from polyframe.tracing import sdk

        limit_s = self._settings.close_limit_s
        tracer.close(limit_s)
        if self._metrics is not None:
            self._metrics.look(self._engine)
            self._metrics.close(limit_s)
        self._pass_on_complaints()
        if self._complaints is not None:
            sdk.stop_listening(self._complaints)
        lost = {**tracer.lost, **{sink.name: sink.lost for sink in self._sdk}}
        return [
            f"{count} spans did not reach {name}; 'polyframe replay --spans' builds them again"
            for name, count in lost.items()
            if count
        ]

    def counts(self) -> dict[str, Any] | None:
        """Return how many spans there were of how many decisions; None without tracing."""
        tracer = self.tracer or self._broken
        if tracer is None:
            return None
        return {
            "decisions": tracer.decisions,
            "fills": tracer.fills,
            "spans": tracer.spans,
            "unchanged_not_sampled": tracer.skipped,
            "exported": {sink.name: sink.sent for sink in self._sdk},
        }


def collector_of(settings: TracingSettings, environ: Mapping[str, str]) -> str | None:
    """Return the collector's base URL, "" where the environment names it, None without one.

    Raises:
        UsageError: the environment asks for a protocol that is not spoken.
    """
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    endpoint = settings.otlp_endpoint
    if not endpoint and not any(environ.get(name) for name in _ENDPOINTS):
        return None
    for name in _PROTOCOLS:
        if environ.get(name, _HTTP) not in ("", _HTTP):
            raise UsageError(
                f"{name}={environ[name]!r}: spans are sent as {_HTTP} only; set it to that, and "
                "the endpoint to the collector's OTLP/HTTP port (4318)"
            )
    return endpoint
