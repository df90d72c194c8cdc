"""The tracer: what is kept, what a sink's failure costs, and files that rotate."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import msgspec
import pytest

from polyframe import Decision, PluginVeto, Veto
from polyframe.runtime.turn import Outcome
from polyframe.testing.builders import a_decision, a_fill, a_market
from polyframe.tracing.files import SpanFiles, span_files
from polyframe.tracing.otlp_json import SpanLines, spans_of
from polyframe.tracing.span import Span
from polyframe.tracing.spans import SpanBuilder
from polyframe.tracing.tracer import Tracer
from span_lines import lines_of

MARKETS = {name: a_market(name) for name in ("0xm1", "0xm2")}
LINES = SpanLines({"service.name": "polyframe"}, "0.1.0")


class Kept:
    """A sink in memory; ``fails`` is the error number it raises with."""

    def __init__(self, name: str = "kept") -> None:
        self.name = name
        self.spans: list[Span] = []
        self.fails = 0
        self.closed = False

    def write(self, spans: Sequence[Span]) -> None:
        if self.fails:
            raise OSError(self.fails, "No space left on device")
        self.spans.extend(spans)

    def close(self) -> None:
        self.closed = True


def tracer(*sinks: Any, **options: Any) -> Tracer:
    return Tracer(
        SpanBuilder("run", "hash"), sinks, lambda market_id: MARKETS[market_id].spec, **options
    )


def outcome_of(decisions: Sequence[Decision] = (), fills: Sequence[Any] = ()) -> Outcome:
    outcome = Outcome()
    outcome.decisions, outcome.fills = list(decisions), list(fills)
    return outcome


def decision(number: int, outcome: str = "quoted", market: str = "0xm1", **more: Any) -> Decision:
    made = a_decision(MARKETS[market], decision_id=number, outcome=outcome)
    return msgspec.structs.replace(made, **more)


def numbers(spans: Sequence[Span]) -> list[Any]:
    return [span.attributes["polyframe.decision.id"] for span in spans if span.name != "fill"]


def test_nothing_is_built_when_a_batch_is_taken() -> None:
    kept = Kept()
    one = tracer(kept)
    one.take(outcome_of([decision(1)], [a_fill()]))
    assert kept.spans == []
    one.flush_now()
    # What was filled in a batch was filled before it was decided upon.
    assert [span.name for span in kept.spans] == ["fill", "decide quote"]


def test_every_decision_is_in_exactly_one_span_in_order() -> None:
    kept = Kept()
    one = tracer(kept)
    for number in range(1, 403, 3):
        one.take(outcome_of([decision(number + at) for at in range(3)]))
    anyio.run(one.flush)
    assert numbers(kept.spans) == list(range(1, 403))
    assert (one.decisions, one.spans, one.skipped) == (402, 402, 0)


def test_the_time_a_decision_took_is_its_own() -> None:
    kept = Kept()
    one = tracer(kept)
    outcome = outcome_of([decision(1), decision(2)])
    outcome.took_ns = [1000, 0]
    one.take_now(outcome)
    took = [span.attributes["polyframe.decision.took_s"] for span in kept.spans]
    assert took == [1e-6, 0.0]


def test_only_unchanged_decisions_are_sampled_and_each_is_accounted_for() -> None:
    kept = Kept()
    one = tracer(kept, unchanged_share=0.2)
    refused = (PluginVeto("qs", Veto("qs.stale", "bid")),)
    kinds = ("quoted", "pulled", "vetoed", "deferred", "no_proposal")
    decisions = [
        decision(number, kinds[number % 5] if number % 4 == 0 else "unchanged",
                 "0xm1" if number % 3 else "0xm2",
                 vetoes=refused if number % 40 == 1 else ())
        for number in range(1, 2001)
    ]  # fmt: skip
    one.take_now(outcome_of(decisions, [a_fill()]))
    always = {d.decision_id for d in decisions if d.outcome != "unchanged" or d.vetoes}
    assert always <= set(numbers(kept.spans))
    skipped = sum(
        span.attributes.get("polyframe.decision.skipped_before", 0) for span in kept.spans
    )
    # Whatever came after a market's last span is in the count only.
    assert 0 <= one.skipped - skipped < 40
    assert one.decisions == len(numbers(kept.spans)) + one.skipped == 2000
    share = (len(numbers(kept.spans)) - len(always)) / (2000 - len(always))
    assert abs(share - 0.2) < 0.05
    assert [span.name for span in kept.spans].count("fill") == 1


def test_the_same_decisions_are_sampled_again() -> None:
    decisions = [decision(number, "unchanged") for number in range(300)]
    kept = [Kept(), Kept()]
    for sink in kept:
        tracer(sink, unchanged_share=0.3).take_now(outcome_of(decisions))
    assert kept[0].spans == kept[1].spans
    assert 0 < len(kept[0].spans) < 300


def test_a_sink_that_fails_loses_spans_and_nobody_else_s() -> None:
    said: list[tuple[str, str]] = []
    broken, sound = Kept("file"), Kept("otlp")
    one = tracer(broken, sound, on_loss=lambda name, why: said.append((name, why)))
    broken.fails = errno.ENOSPC
    for number in (1, 2):
        one.take_now(outcome_of([decision(number)]))
    broken.fails = 0
    one.take_now(outcome_of([decision(3)]))
    one.close()
    assert said == [("file", "No space left on device")]
    assert one.lost == {"file": 2}
    assert (numbers(broken.spans), numbers(sound.spans)) == ([3], [1, 2, 3])
    assert broken.closed
    assert sound.closed


def test_a_record_that_makes_no_span_costs_only_itself() -> None:
    said: list[tuple[str, str]] = []
    kept = Kept()
    one = tracer(kept, on_loss=lambda name, why: said.append((name, why)))
    odd = msgspec.structs.replace(decision(2), vetoes=None)
    one.take_now(outcome_of([decision(1), odd, decision(3), odd]))
    assert numbers(kept.spans) == [1, 3]
    assert one.lost == {"spans": 2}
    [(name, why)] = said
    assert name == "spans"
    assert why.startswith("a span cannot be built: ")


def test_closing_hands_on_what_was_taken() -> None:
    kept = Kept()
    one = tracer(kept)
    one.take(outcome_of([decision(1)]))
    one.close()
    assert numbers(kept.spans) == [1]


# --- files ---------------------------------------------------------------------------------


def read(folder: Path) -> list[Any]:
    return numbers(
        [s for path in span_files(folder) for line in lines_of(path) for s in spans_of(line)]
    )


def test_full_files_are_compressed_and_nothing_is_lost_or_told_twice(tmp_path: Path) -> None:
    one = tracer(SpanFiles(tmp_path, LINES, rotate_bytes=20_000))
    for number in range(1, 200):
        one.take_now(outcome_of([decision(number)]))
    one.close()
    names = [path.name for path in span_files(tmp_path)]
    assert len(names) > 3
    assert names[:-1] == [f"spans-{at:04d}.jsonl.zst" for at in range(1, len(names))]
    assert names[-1] == f"spans-{len(names):04d}.jsonl"
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert read(tmp_path) == list(range(1, 200))


def test_a_line_torn_off_is_no_line(tmp_path: Path) -> None:
    one = tracer(SpanFiles(tmp_path, LINES, rotate_bytes=10**6))
    one.take_now(outcome_of([decision(1), decision(2)]))
    one.close()
    [path] = span_files(tmp_path)
    path.write_bytes(path.read_bytes()[:-10])
    assert read(tmp_path) == [1]


def test_a_plain_file_and_its_compressed_copy_count_once(tmp_path: Path) -> None:
    for name in ("spans-0001.jsonl", "spans-0001.jsonl.zst", "spans-0001.jsonl.zst.part"):
        (tmp_path / name).write_bytes(b"")
    [path] = span_files(tmp_path)
    assert path.name == "spans-0001.jsonl.zst"


def test_a_disk_that_cannot_hold_the_compressed_file_keeps_the_plain_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.replace

    def full(self: Path, target: Path) -> Path:
        if self.suffix == ".part":
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", full)
    one = tracer(SpanFiles(tmp_path, LINES, rotate_bytes=2_000))
    for number in range(1, 6):
        one.take_now(outcome_of([decision(number)]))
    one.close()
    assert {path.suffix for path in tmp_path.iterdir()} == {".jsonl"}
    assert read(tmp_path) == [1, 2, 3, 4, 5]


def test_the_disk_s_last_room_is_left_to_the_tape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [1000]
    monkeypatch.setattr(
        "polyframe.tracing.files.disk_usage", lambda _: SimpleNamespace(free=free[0])
    )
    said: list[tuple[str, str]] = []
    files = SpanFiles(tmp_path, LINES, rotate_bytes=10**6, reserve_bytes=500)
    one = tracer(files, on_loss=lambda name, why: said.append((name, why)))
    for number, room in enumerate((1000, 499, 499, 501), start=1):
        free[0] = room
        one.take_now(outcome_of([decision(number)]))
    one.close()
    assert said == [("file", "the disk's last room is kept for the tape")]
    assert one.lost == {"file": 2}
    assert read(tmp_path) == [1, 4]


def test_a_next_file_that_cannot_be_opened_leaves_the_one_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, refused = Path.open, [True]

    def refuse(self: Path, *args: Any, **options: Any) -> Any:
        if self.name == "spans-0002.jsonl" and refused[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, *args, **options)

    monkeypatch.setattr(Path, "open", refuse)
    one = tracer(SpanFiles(tmp_path, LINES, rotate_bytes=2_000))
    for number in range(1, 4):
        one.take_now(outcome_of([decision(number)]))
    refused[0] = False
    one.take_now(outcome_of([decision(4)]))
    one.take_now(outcome_of([decision(5)]))
    one.close()
    assert one.lost == {}
    assert read(tmp_path) == [1, 2, 3, 4, 5]
    assert span_files(tmp_path)[0].name == "spans-0001.jsonl.zst"
