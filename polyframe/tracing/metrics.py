"""Metrics of a run through the OpenTelemetry SDK; docs/tracing.md has their names and units.

Counters are fed from the decisions when their spans are built, gauges once a flush: nothing here
is called from the path of a quote. The export interval is wall time.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricExportResult,
    MetricReader,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource

from polyframe import __version__
from polyframe.model import SIDES, Decision, FeedHealth, Fill, Reading
from polyframe.tracing.otlp_json import SCOPE

if TYPE_CHECKING:
    from polyframe.runtime.engine import Engine

_CAP = "_cap_usd"
_TICK_TO_QUOTE_S = (
    0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0,
    2.0, 5.0,
)  # fmt: skip


class MetricLines(MetricExporter):
    """Writes each export as a line of OTLP's JSON mapping."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = path.open("w", encoding="utf-8")

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Write one line; called from the reader's thread."""
        try:
            self._file.write(_line(metrics_data))
            self._file.flush()
        except OSError:
            return MetricExportResult.FAILURE
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Nothing is held back."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Close the file."""
        self._file.close()


def _line(metrics_data: MetricsData) -> str:
    # OTLP's JSON mapping has enumerations as numbers.
    request = MessageToDict(encode_metrics(metrics_data), use_integers_for_enums=True)
    return json.dumps(request, allow_nan=False) + "\n"


def file_reader(path: Path, interval_s: float) -> MetricReader:
    """Return the reader that writes lines to a file.

    Raises:
        OSError: the file cannot be written.
    """
    return PeriodicExportingMetricReader(MetricLines(path), interval_s * 1000)


def otlp_reader(url: str, interval_s: float) -> MetricReader:
    """Return the reader that sends to an OTLP/HTTP collector's endpoint for metrics.

    Raises:
        ValueError: one of the exporter's environment variables has no meaning.
    """
    return PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=url), interval_s * 1000)


class Metrics:
    """The instruments of one run."""

    def __init__(self, readers: Sequence[MetricReader], resource: Resource) -> None:
        # Closed by hand, within a limit: at the interpreter's exit there is none.
        self._provider = MeterProvider(
            metric_readers=readers, resource=resource, shutdown_on_exit=False
        )
        meter = self._provider.get_meter(SCOPE, __version__)
        self._decisions = meter.create_counter(
            "polyframe.decisions", "{decision}", "decisions by outcome"
        )
        self._vetoes = meter.create_counter("polyframe.vetoes", "{veto}", "vetoes by code")
        self._fills = meter.create_counter("polyframe.fills", "{fill}", "fills by component")
        self._volume = meter.create_counter("polyframe.fills.volume", "{USD}", "notional of fills")
        self._tick_to_quote = meter.create_histogram(
            "polyframe.tick_to_quote",
            "s",
            "from a book change to the order or cancel that answers it",
            explicit_bucket_boundaries_advisory=_TICK_TO_QUOTE_S,
        )
        self._exposure = meter.create_gauge(
            "polyframe.exposure", "{USD}", "largest worst-case loss that was let through, by cap"
        )
        self._of_cap = meter.create_gauge(
            "polyframe.exposure.share_of_cap", "1", "the same as a share of its cap"
        )
        self._equity = meter.create_gauge("polyframe.equity", "{USD}", "cash and marked holdings")
        self._feed_age = meter.create_gauge("polyframe.feed.age", "s", "age of the books")
        self._books = meter.create_gauge("polyframe.feed.books", "{book}", "books by freshness")
        self._counts: Counter[tuple[str, ...]] = Counter()
        self._largest: dict[tuple[str, str], tuple[float, float]] = {}

    def decided(self, decision: Decision, took_ns: int | None) -> None:
        """Count a decision, its vetoes and the caps its readings name."""
        counts = self._counts
        counts["decision", decision.outcome] += 1
        for cast in decision.vetoes:
            counts["veto", cast.veto.code, cast.plugin, cast.veto.side or "both"] += 1
        for told in decision.readings:
            reading = told.reading
            # What a refused leg would have lost is nobody's exposure.
            if reading.limit and reading.name.endswith(_CAP) and _is_let_through(decision, reading):
                cap = reading.name.removesuffix("_usd").removeprefix("bid_").removeprefix("ask_")
                used = (reading.value / reading.limit, reading.value)
                key = (told.plugin, cap)
                self._largest[key] = max(used, self._largest.get(key, used))
        # A replacement begins with a cancel: that is when the market has been answered.
        if decision.commands and "book" in (decision.trigger, decision.origin):
            waited_s = (decision.ts_ns - decision.since_ns) / 1e9
            self._tick_to_quote.record(waited_s + (took_ns or 0) / 1e9)

    def filled(self, fill: Fill) -> None:
        """Count a fill."""
        attributes: dict[str, str | bool] = {
            "polyframe.component": fill.component,
            "polyframe.fill.is_maker": fill.is_maker,
            "polyframe.fill.is_reversal": fill.is_reversal,
        }
        self._fills.add(1, attributes)
        self._volume.add(fill.price_e4 * fill.size_e6 / 1e10, attributes)

    def look(self, engine: Engine) -> None:
        """Pass on what was counted, and read the gauges."""
        counts, self._counts = self._counts, Counter()
        for (kind, *names), count in counts.items():
            if kind == "decision":
                self._decisions.add(count, {"polyframe.decision.outcome": names[0]})
            else:
                keys = ("polyframe.veto.code", "polyframe.plugin", "polyframe.veto.side")
                self._vetoes.add(count, dict(zip(keys, names, strict=True)))
        for (plugin, cap), (share, usd) in self._largest.items():
            attributes = {"polyframe.plugin": plugin, "polyframe.cap": cap}
            self._exposure.set(usd, attributes)
            self._of_cap.set(share, attributes)
        self._largest.clear()
        self._equity.set(engine.portfolio.equity_e12 / 1e12)
        self._health(engine.markets.health())

    def _health(self, health: FeedHealth) -> None:
        ages: Mapping[str, float | None] = {"median": health.median_age_s, "max": health.max_age_s}
        for name, age_s in ages.items():
            if age_s is not None:
                self._feed_age.set(age_s, {"polyframe.statistic": name})
        for name, books in (
            ("all", health.tokens),
            ("with_book", health.tokens_with_book),
            ("fresh_10s", health.fresh_10s),
            ("fresh_60s", health.fresh_60s),
        ):
            self._books.set(books, {"polyframe.freshness": name})

    def shut_down(self, limit_s: float) -> None:
        """Export a last time and stop; may block longer than ``limit_s``, the SDK's word."""
        self._provider.shutdown(timeout_millis=limit_s * 1000)


def _is_let_through(decision: Decision, reading: Reading) -> bool:
    """Whether the leg that a reading names, or any where it names none, is still in the target."""
    for side in SIDES:
        if reading.name.startswith(f"{side}_"):
            return decision.target.leg(side) is not None
    return not decision.target.is_empty
