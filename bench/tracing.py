"""What tracing costs: on the path of a quote, off it, and in a whole replay.

The control is a span of the OpenTelemetry SDK, started, filled and ended as instrumented code
does it (BatchSpanProcessor, exporter that drops). The decisions are real ones: of a tape given
by ``--tape``, else of a short run on the embedded exchange that is made first.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from polyframe.model import Decision
from polyframe.runtime.plugins import configs_of, load_plugin_classes
from polyframe.runtime.replay import Replay
from polyframe.runtime.tape import TapeReader
from polyframe.runtime.turn import Outcome
from polyframe.strategy import PluginRequest, strategy_from_resolved
from polyframe.tracing.opening import file_tracer
from polyframe.tracing.otlp_json import SpanLines
from polyframe.tracing.sdk import readable
from polyframe.tracing.span import Span
from polyframe.tracing.spans import SpanBuilder
from polyframe.tracing.tracer import Tracer

ROOT = Path(__file__).parents[1]
SLICE = 64
Case = Callable[[], None]


class Dropped(SpanExporter):
    """Takes spans and does nothing, so that only the SDK's own work is measured."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Drop them."""
        return SpanExportResult.SUCCESS


def main() -> None:
    """Print the tables."""
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        tape = options.tape or recorded(Path(folder), options.seconds)
        decisions, outcomes = decided(tape)
        figures = {
            "decisions": len(decisions),
            "per_decision_us": per_decision(decisions, outcomes, options.rounds),
            "replay": whole_replays(tape, Path(folder), options.rounds),
        }
    show(figures)
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def arguments() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tape", type=Path, help="a run's folder; made on the spot without it")
    parser.add_argument("--seconds", type=float, default=20, help="wall seconds of that run")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def recorded(folder: Path, seconds: float) -> Path:
    """Make a run of the shipped strategy and return its folder."""
    command = [
        sys.executable, "-m", "polyframe", "run", str(ROOT / "strategies" / "maker.yaml"),
        "--profile", "paper", "--venue", "embedded", "--speed", "20", "--for", f"{seconds}s",
        "--plain",
    ]  # fmt: skip
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    [run] = (folder / "runs").iterdir()
    return run


def decided(tape: Path) -> tuple[list[Decision], list[Outcome]]:
    """Return a tape's decisions, and the outcomes of its batches that decided something."""
    decisions: list[Decision] = []
    outcomes: list[Outcome] = []
    for _, _, out in TapeReader(tape).steps():
        if out is None or not out.decisions:
            continue
        outcome = Outcome()
        outcome.decisions = list(out.decisions)
        outcome.took_ns = [1000] * len(out.decisions)
        decisions += out.decisions
        outcomes.append(outcome)
    return decisions, outcomes


def per_decision(
    decisions: list[Decision], outcomes: list[Outcome], rounds: int
) -> dict[str, float]:
    """Return each case's median microseconds a decision."""
    builder, resource = SpanBuilder("run", "hash"), Resource({"service.name": "polyframe"})
    lines = SpanLines({"service.name": "polyframe"}, "0")
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(Dropped()))
    sdk = provider.get_tracer("polyframe")
    # As the goal is stated: 15 attributes at the start, 5 events.
    few = {f"polyframe.attribute.{number}": number / 7 for number in range(15)}
    off: list[Tracer | None] = [None]

    def sliced(work: Callable[[list[Span]], object]) -> None:
        for at in range(0, len(decisions), SLICE):
            work([builder.decision(one, None, 1000) for one in decisions[at : at + SLICE]])

    def sdk_few() -> None:
        for _ in decisions:
            span = sdk.start_span("decide quote", attributes=few)
            for _ in range(5):
                span.add_event("vote", {"plugin": "qs"})
            span.end()

    def sdk_same() -> None:
        def work(spans: list[Span]) -> None:
            for one in spans:
                span = sdk.start_span(one.name, attributes=one.attributes)
                for event in one.events:
                    span.add_event(event.name, event.attributes)
                span.end()

        sliced(work)

    def no_tracer() -> None:
        for outcome in outcomes:
            tracer = off[0]
            if tracer is not None:
                tracer.take(outcome)

    def trail() -> None:
        tracer = Tracer(builder, (), lambda _: None)
        for outcome in outcomes:
            if tracer is not None:
                tracer.take(outcome)

    cases: dict[str, Case] = {
        "SDK span, 15 attributes + 5 events (control)": sdk_few,
        "SDK span of the same content": sdk_same,
        "hot path, off": no_tracer,
        "hot path, on (append)": trail,
        "late: build": lambda: sliced(lambda spans: None),
        "late: build + file line": lambda: sliced(lambda spans: [lines.line(s) for s in spans]),
        "late: build + SDK's ReadableSpan": lambda: sliced(
            lambda spans: [readable(s, resource) for s in spans]
        ),
        "late: build + OTLP protobuf": lambda: sliced(
            lambda spans: encode_spans([readable(s, resource) for s in spans]).SerializeToString()
        ),
    }
    taken = in_turn(cases, rounds)
    provider.shutdown()
    return {name: seconds / len(decisions) * 1e6 for name, seconds in taken.items()}


def whole_replays(tape: Path, folder: Path, rounds: int) -> dict[str, float]:
    """Return the median seconds of replaying the tape without and with tracing."""
    number = iter(range(10**6))

    def replayed(*, traced: bool = False, told: bool = True) -> Case:
        def work() -> None:
            reader = TapeReader(tape)
            head = reader.head
            names = [PluginRequest(one["name"], one["dist"]) for one in head.strategy["plugins"]]
            classes = load_plugin_classes(names, production=False)
            configs = configs_of(classes)
            strategy = strategy_from_resolved(head.strategy, configs, head.profile)
            replay = Replay(reader, strategy.settings, classes, strategy.plugins)
            tracer = None
            if traced:
                target = folder / f"spans-{next(number)}"
                settings = strategy.settings.tracing
                tracer = file_tracer(head, settings, replay.machine.engine, target)
                replay.watch = tracer.take_now
                replay.machine.engine.decider.timer = time.perf_counter_ns
            if not told:
                # Nobody is asked for numbers: what being able to explain costs the engine. There
                # is no switch for it, since the numbers are part of the record; hence the ignore.
                replay.machine.dispatcher.explain_quote = lambda *_: ()  # type: ignore[method-assign]
            differences = sum(1 for _ in replay.differences())
            assert not (told and differences), f"{differences} differences: other decisions now"
            if tracer is not None:
                tracer.close()

        return work

    return in_turn(
        {
            "off (control)": replayed(),
            "off, and no plugin asked for its numbers": replayed(told=False),
            "on, spans to file": replayed(traced=True),
        },
        rounds,
    )


def in_turn(cases: dict[str, Case], rounds: int) -> dict[str, float]:
    """Return the median seconds of each case, run round by round in turn."""
    taken: dict[str, list[float]] = {name: [] for name in cases}
    for case in cases.values():
        case()  # not counted
    for _ in range(rounds):
        for name, case in cases.items():
            gc.collect()
            started = time.perf_counter()
            case()
            taken[name].append(time.perf_counter() - started)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def show(figures: dict[str, Any]) -> None:
    """Print the figures as tables."""
    print(f"{figures['decisions']} decisions")
    for title, unit in (("per_decision_us", "us/decision"), ("replay", "s")):
        rows = figures[title]
        control = next(iter(rows.values()))
        print(f"\n{unit:>12}  ratio")
        for name, value in rows.items():
            print(f"{value:12.3f}  {value / control:6.3f}x  {name}")


if __name__ == "__main__":
    main()
