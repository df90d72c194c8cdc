"""From the strategy file's ``tracing`` section and the environment to an open tracer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyframe.errors import PolyframeError, UsageError
from polyframe.model import MarketSpec
from polyframe.runtime.plugins import one_line
from polyframe.settings import TracingSettings
from polyframe.tracing.collector import Collector, collector_of
from polyframe.tracing.files import FOLDER, SpanFiles
from polyframe.tracing.otlp_json import SpanLines
from polyframe.tracing.spans import SpanBuilder
from polyframe.tracing.tracer import SpanSink, Tracer

if TYPE_CHECKING:
    from polyframe.runtime.engine import Engine
    from polyframe.runtime.tape import Head
    from polyframe.runtime.turn import Outcome
    from polyframe.tracing.complaints import Complaints
    from polyframe.tracing.metrics import Metrics
    from polyframe.tracing.sdk import SdkSpans

_MEGABYTE = 1024 * 1024
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
        "polyframe.mode": head.mode,
        "polyframe.speed": head.speed,
        "polyframe.strategy.name": str(head.strategy["settings"]["name"]),
    }


def file_tracer(head: Head, settings: TracingSettings, engine: Engine, folder: Path) -> Tracer:
    """Return a tracer that only writes span files, as a replay uses it.

    Raises:
        OSError: the folder cannot be written.
    """
    return Tracer(
        SpanBuilder(head.run_id, head.config_hash, head.mode),
        [_span_files(head, settings, folder)],
        _spec_finder(engine),
        unchanged_share=settings.unchanged_share,
    )


def _span_files(head: Head, settings: TracingSettings, folder: Path) -> SpanFiles:
    lines = SpanLines(resource_attributes(head), head.version)
    return SpanFiles(
        folder,
        lines,
        round(settings.rotate_mb * _MEGABYTE),
        round(settings.reserve_mb * _MEGABYTE),
    )


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
        UsageError: the environment asks for what is not spoken here.
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
        self._is_detached = False
        self._sdk: list[SdkSpans] = []
        collector = collector_of(settings.otlp_endpoint, environ)
        folder = run_folder / FOLDER
        sinks: list[SpanSink] = []
        try:
            if settings.file:
                sinks.append(_span_files(head, settings, folder))
            if settings.file or settings.console or collector.is_named:
                self._open_sdk(folder, resource_attributes(head), collector, environ)
        except OSError as error:
            raise PolyframeError(f"{folder}: cannot be written: {error.strerror}") from error
        except ValueError as error:
            raise UsageError(f"an OTEL_ variable in the environment: {error}") from error
        sinks += self._sdk
        self.tracer = (
            Tracer(
                SpanBuilder(head.run_id, head.config_hash, head.mode),
                sinks,
                _spec_finder(engine),
                unchanged_share=settings.unchanged_share,
                counter=self._metrics,
                on_loss=lambda sink, reason: say("Spans lost", {"sink": sink, "reason": reason}),
            )
            if sinks
            else None
        )

    def _open_sdk(
        self,
        folder: Path,
        attributes: Mapping[str, str | float],
        collector: Collector,
        environ: Mapping[str, str],
    ) -> None:
        # Here and not above: a run without tracing starts without the SDK.
        from polyframe.tracing import complaints, metrics, sdk

        settings = self._settings
        self._complaints = complaints.listen(environ)
        resource = sdk.resource_from(attributes, environ)
        readers = []
        if settings.file:
            readers.append(metrics.file_reader(folder / "metrics.jsonl", settings.metrics_s))
        if collector.traces_url is not None:
            self._sdk.append(sdk.open_otlp(collector.traces_url, resource, settings.queue_spans))
        if collector.metrics_url is not None:
            readers.append(metrics.otlp_reader(collector.metrics_url, settings.metrics_s))
        if settings.console:
            self._sdk.append(sdk.open_console(resource, settings.queue_spans))
        self._metrics = metrics.Metrics(readers, resource)
        self._closing = sdk.Closing()

    def take(self, outcome: Outcome) -> None:
        """Take what a batch led to."""
        if self.tracer is not None and not self._is_detached:
            self.tracer.take(outcome)

    async def flush(self, wall_s: float) -> None:
        """Build and hand on what was taken; ``wall_s`` is a monotonic wall clock."""
        if self.tracer is None or self._is_detached:
            return
        try:
            await self.tracer.flush()
            if self._looked_s is None or wall_s - self._looked_s >= _LEAST_LOOK_S:
                self._looked_s = wall_s
                self._look()
        except Exception as error:  # noqa: BLE001 - a broken observer is detached, never fatal
            self._detach(error)

    def settle(self) -> None:
        """Build and hand on the last spans, before a run writes what it made."""
        if self.tracer is None or self._is_detached:
            return
        try:
            self.tracer.flush_now()
            self._look()
        except Exception as error:  # noqa: BLE001 - a broken observer is detached, never fatal
            self._detach(error)

    def _look(self) -> None:
        if self._metrics is not None:
            self._metrics.look(self._engine)
        for complaint in [] if self._complaints is None else self._complaints.take():
            self._say("Trace export", {"problem": complaint})

    def _detach(self, error: Exception) -> None:
        self._is_detached = True
        fault = f"tracing broke and was stopped: {one_line(error)}"
        self._say("Tracing stopped", {"reason": fault})
        self._engine.warnings.append(fault)

    def close(self) -> None:
        """Close everything, all within ``close_limit_s`` of wall time.

        It may take that long, so what a run makes is written before.
        """
        if self.tracer is None:
            return
        deadline_s = time.monotonic() + self._settings.close_limit_s
        self.tracer.close_sinks()
        if self._metrics is not None:
            limit_s, metrics = self._settings.close_limit_s, self._metrics
            self._closing.start(lambda: metrics.shut_down(limit_s))
            for closing in (self._closing, *(sink.closing for sink in self._sdk)):
                closing.wait_until(deadline_s)
        for complaint in [] if self._complaints is None else self._complaints.take():
            self._say("Trace export", {"problem": complaint})

    def counts(self) -> dict[str, Any] | None:
        """Return how many spans there were of how many decisions; None without tracing.

        ``exported`` and ``lost`` are final once closed; until then what waits counts as lost.
        """
        tracer = self.tracer
        if tracer is None:
            return None
        lost = {**tracer.lost, **{sink.name: sink.lost for sink in self._sdk}}
        return {
            "decisions": tracer.decisions,
            "fills": tracer.fills,
            "spans": tracer.spans,
            "unchanged_not_sampled": tracer.skipped,
            "exported": {sink.name: sink.sent for sink in self._sdk},
            "lost": {name: count for name, count in lost.items() if count},
        }
