"""Traced runs as a user has them: span files, a collector on loopback, replays, dead collectors."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from polyframe.cli import main
from polyframe.model import Decision, Fill
from polyframe.runtime.tape import TapeReader
from polyframe.tracing.files import span_files
from polyframe.tracing.otlp_json import resource_of, spans_of
from polyframe.tracing.span import Span, decision_context
from polyframe.tracing.tracer import Tracer
from span_lines import lines_of

# Long runs over lines that shorter tests reach: tracing them would double their time.
pytestmark = pytest.mark.no_cover

REPOSITORY = Path(__file__).parents[2]
STRATEGY = REPOSITORY / "strategies" / "maker.yaml"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("PAPER_MODE", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def strategy(folder: Path, **tracing: Any) -> Path:
    """Write the shipped strategy with another ``tracing`` section."""
    path = folder / "traced.yaml"
    content = YAML(typ="safe").load(STRATEGY)
    content["tracing"] = tracing
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(content, file)
    return path


def polyframe(*arguments: object) -> Any:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def run(file: Path, *more: object, wall: str = "5s") -> tuple[dict[str, Any], str]:
    result = polyframe(
        "run", file, "--profile", "paper", "--venue", "embedded", "--speed", "20", "--for", wall,
        "--cycle-s", "20", "--summary-json", "summary.json", "--plain", *more,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return json.loads(Path("summary.json").read_text()), result.output


def recorded(summary: dict[str, Any]) -> tuple[list[Decision], list[Fill]]:
    """Return the decisions and fills of a run's tape."""
    outs = [out for _, _, out in TapeReader(Path(summary["tape"])).steps() if out is not None]
    return (
        [decision for out in outs for decision in out.decisions],
        [fill for out in outs for fill in out.fills],
    )


def written(folder: Path) -> list[Span]:
    return [
        span for path in span_files(folder) for line in lines_of(path) for span in spans_of(line)
    ]


def by_decision(spans: list[Span]) -> Counter[int]:
    return Counter(
        span.attributes["polyframe.decision.id"] for span in spans if span.name == "decide quote"
    )


def test_every_decision_and_fill_is_in_one_span_of_file_and_collector(
    folder: Path, collector: Any
) -> None:
    summary, _ = run(strategy(folder, otlp_endpoint=collector.url), wall="8s")
    decisions, fills = recorded(summary)
    assert len(decisions) == summary["decisions"] > 500
    spans = written(Path(summary["tape"]).parent / "trace")
    once = {decision.decision_id: 1 for decision in decisions}
    assert by_decision(spans) == once
    assert sum(span.name == "fill" for span in spans) == len(fills) == summary["fills"]["base"]
    # The collector decoded the official protobuf, and has the same.
    received = Counter(span.span_id.hex() for span in collector.spans)
    assert received == Counter(span.context.span_id for span in spans)
    assert summary["tracing"] == {
        "decisions": len(decisions),
        "fills": len(fills),
        "spans": len(spans),
        "unchanged_not_sampled": 0,
        "exported": {"otlp": len(spans)},
        "lost": {},
    }
    outcomes = Counter(
        attribute.value.string_value
        for span in collector.spans
        for attribute in span.attributes
        if attribute.key == "polyframe.decision.outcome"
    )
    assert outcomes == summary["decisions_by_outcome"]
    placed_by = {decision_context(summary["run_id"], fill.decision_id) for fill in fills}
    assert {link for span in spans for link in span.links} == placed_by
    # Metrics arrive as well.
    assert {
        "polyframe.decisions", "polyframe.vetoes", "polyframe.exposure", "polyframe.equity",
        "polyframe.exposure.share_of_cap", "polyframe.feed.age", "polyframe.feed.books",
        "polyframe.tick_to_quote",
    } <= collector.instruments  # fmt: skip
    lines = (Path(summary["tape"]).parent / "trace" / "metrics.jsonl").read_text().splitlines()
    last = json.loads(lines[-1])["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
    [counted] = [metric for metric in last if metric["name"] == "polyframe.decisions"]
    assert sum(int(point["asInt"]) for point in counted["sum"]["dataPoints"]) == len(decisions)


def test_every_span_says_which_run_and_every_veto_is_an_event(folder: Path) -> None:
    summary, _ = run(STRATEGY)
    decisions, _ = recorded(summary)
    folder_of_spans = Path(summary["tape"]).parent / "trace"
    [path] = span_files(folder_of_spans)
    first = next(iter(lines_of(path)))
    resource = resource_of(first)
    assert resource["polyframe.run.id"] == summary["run_id"]
    assert resource["polyframe.source"] == "embedded"
    told = {
        span.attributes["polyframe.decision.id"]: span
        for span in written(folder_of_spans)
        if span.name == "decide quote"
    }
    for decision in decisions:
        span = told[decision.decision_id]
        assert span.attributes["polyframe.config.hash"] == summary["config_hash"]
        assert ("polyframe.decision.took_s" in span.attributes) is bool(decision.asked)
        vetoes = [event for event in span.events if event.name == "veto"]
        assert [event.attributes["polyframe.veto.code"] for event in vetoes] == [
            cast.veto.code for cast in decision.vetoes
        ]
        votes = {
            *span.attributes.get("polyframe.votes.passed", ()),
            *span.attributes.get("polyframe.votes.vetoed", ()),
        } - {"runtime"}
        assert votes == set(decision.asked)


def test_a_replay_builds_the_same_spans_under_the_same_ids(folder: Path) -> None:
    summary, _ = run(STRATEGY)
    result = polyframe("replay", summary["tape"], "--spans", "again")
    assert result.exit_code == 0, result.output

    def plain(span: Span) -> tuple[Any, ...]:
        # What is measured by the machine's clock is not replayed.
        attributes = dict(span.attributes)
        attributes.pop("polyframe.decision.took_s", None)
        return span.context, span.start_ns, attributes, span.events, span.links

    live = [plain(span) for span in written(Path(summary["tape"]).parent / "trace")]
    assert [plain(span) for span in written(Path("again"))] == live
    refused = polyframe("replay", summary["tape"], "--spans", "again")
    assert refused.exit_code == 2
    assert "there are spans already" in refused.stderr


def test_sampling_keeps_all_that_is_not_unchanged(folder: Path) -> None:
    summary, _ = run(strategy(folder, unchanged_share=0.1))
    decisions, _ = recorded(summary)
    told = by_decision(written(Path(summary["tape"]).parent / "trace"))
    kept = {d.decision_id for d in decisions if d.outcome != "unchanged" or d.vetoes}
    assert kept <= told.keys()
    skipped = summary["tracing"]["unchanged_not_sampled"]
    assert skipped == len(decisions) - len(told) > 0


def test_a_run_without_tracing_writes_no_span_and_loads_no_sdk(folder: Path) -> None:
    code = (
        "import sys; from polyframe.cli import main\n"
        "main(sys.argv[1:], standalone_mode=False)\n"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    command = [
        sys.executable, "-c", code, "run", strategy(folder, file=False), "--profile", "paper",
        "--venue", "embedded", "--speed", "20", "--for", "2s", "--plain",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [run_folder] = (folder / "runs").iterdir()
    assert not (run_folder / "trace").exists()


def test_a_collector_that_is_gone_ends_no_run_and_is_told_once(folder: Path, dead_url: str) -> None:
    file = strategy(folder, otlp_endpoint=dead_url, close_limit_s=0.5)
    summary, output = run(file, wall="3s")
    assert summary["decisions"] > 100
    assert summary["tracing"]["exported"] == {"otlp": 0}
    assert 1 <= output.count("Trace export problem=") <= 6
    assert summary["tracing"]["lost"] == {"otlp": summary["tracing"]["spans"]}
    trace = Path(summary["tape"]).parent / "trace"
    assert f"{summary['tracing']['spans']} spans did not reach otlp: {trace} has them" in output
    # The file has them all the same.
    assert len(written(Path(summary["tape"]).parent / "trace")) == summary["tracing"]["spans"]


def test_a_collector_that_does_not_answer_holds_up_no_decision(
    folder: Path, collector: Any
) -> None:
    collector.held.clear()
    file = strategy(folder, otlp_endpoint=collector.url, close_limit_s=0.5, queue_spans=200)
    summary, output = run(file, wall="3s")
    assert summary["decisions"] > 100
    assert summary["tracing"]["exported"] == {"otlp": 0}
    assert "Queue full, dropping" in output


def test_a_collector_that_does_not_answer_costs_no_report(folder: Path, collector: Any) -> None:
    """Whoever is tired of waiting for it, and stops the run by force, has everything."""
    collector.held.clear()
    file = strategy(folder, otlp_endpoint=collector.url, close_limit_s=60)
    command = [
        sys.executable, "-m", "polyframe", "run", file, "--profile", "paper", "--venue",
        "embedded", "--speed", "20", "--plain",
    ]  # fmt: skip
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for text in process.stdout:
            if "Z status " in text and "decisions=0" not in text:
                process.send_signal(signal.SIGINT)
            if "Z Orders left" in text:
                break
        [run_folder] = (folder / "runs").iterdir()
        while not (run_folder / "summary.json").exists() and process.poll() is None:
            pass
        process.kill()
    assert list((folder / "reports").glob("*.json"))
    assert TapeReader(run_folder).files
    assert json.loads((run_folder / "summary.json").read_text())["decisions"] > 0
    result = polyframe("replay", run_folder)
    assert result.exit_code == 0
    assert "(tape cut off)" not in result.output


def test_a_terminal_that_takes_nothing_holds_up_no_decision(folder: Path) -> None:
    file = strategy(folder, file=False, console=True, close_limit_s=0.5)
    command = [
        sys.executable, "-m", "polyframe", "run", file, "--profile", "paper", "--venue",
        "embedded", "--speed", "20", "--for", "3s", "--plain", "--summary-json", "summary.json",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        # Nobody reads its standard error, which holds 64 kB.
        assert process.wait() == 0
    finally:
        assert process.stderr is not None
        process.stderr.close()
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["tracing"]["lost"]["console"] > 0
    assert summary["decisions"] > 100


def test_the_environment_names_a_collector_too(
    folder: Path, collector: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    summary, _ = run(STRATEGY, wall="2s")
    assert summary["tracing"]["exported"] == {"otlp": summary["tracing"]["spans"]}
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    summary, _ = run(STRATEGY, wall="1s")
    assert summary["tracing"]["exported"] == {}


def test_a_protocol_that_is_not_spoken_is_one_line(
    folder: Path, collector: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    result = polyframe("run", STRATEGY, "--profile", "paper", "--venue", "embedded", "--for", "1s")
    assert result.exit_code == 2
    assert "OTEL_EXPORTER_OTLP_PROTOCOL='grpc'" in result.stderr
    assert "http/protobuf only" in result.stderr


@pytest.mark.parametrize("url", ["127.0.0.1:4318", "ftp://host", "http://", "http://a b"])
def test_an_endpoint_that_is_no_url_is_refused_with_file_and_line(folder: Path, url: str) -> None:
    result = polyframe("check", strategy(folder, otlp_endpoint=url), "--profile", "paper")
    assert result.exit_code == 3
    assert "tracing.otlp_endpoint" in result.stderr


def test_the_console_prints_a_line_a_span(folder: Path) -> None:
    file = strategy(folder, file=False, console=True)
    command = [
        sys.executable, "-m", "polyframe", "run", file, "--profile", "paper", "--venue",
        "embedded", "--speed", "20", "--for", "2s", "--plain", "--summary-json", "summary.json",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert len(lines) == json.loads((folder / "summary.json").read_text())["tracing"]["spans"]
    assert lines[0]["name"] == "decide quote"


@pytest.mark.parametrize("method", ["flush", "flush_now"])
def test_tracing_that_breaks_is_stopped_and_the_run_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def broken(self: Tracer, *_: object) -> None:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(Tracer, method, broken)
    summary, output = run(STRATEGY, wall="3s")
    assert output.count("Tracing stopped reason=") == 1
    assert summary["decisions"] > 100
    report = json.loads(Path(summary["report"]).read_text())["runs"][summary["run_id"]]["report"]
    assert [text for text in report["warnings"] if "RuntimeError: a bug of ours" in text]
