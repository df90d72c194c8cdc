"""The predictions file: what is read, what is refused with line and field, what a tape carries."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyframe import ReportPeriod
from polyframe.errors import PluginRefused
from polyframe.runtime.plugins import register
from polyframe.testing.builders import (
    NOW_NS,
    a_context,
    a_cycle,
    a_plugin,
    a_portfolio,
    a_spec,
)
from polyframe_satellite import Satellite
from polyframe_satellite.predictions import parse

PERIOD = ReportPeriod(day="2026-05-28", start_ns=NOW_NS, end_ns=NOW_NS + 1, facts={})
GOOD = {
    "market": "0xm1",
    "probability": 0.8,
    "confidence": 0.7,
    "robustness": 4,
    "tier": "A",
    "expiry": "2026-07-01T00:00:00Z",
}


def line(**changes) -> str:
    return json.dumps({**GOOD, **changes})


def without(field: str) -> str:
    return json.dumps({name: value for name, value in GOOD.items() if name != field})


def test_a_file_is_read_line_by_line():
    text = "\n".join(["# by market", "", line(), line(market="will-it-rain", tier="C")])
    found = parse(text, "p.jsonl")
    assert len(found) == 2
    by_id = found.of(a_spec("0xm1"))
    assert by_id is not None
    assert by_id[1:5] == (0.8, 0.7, 4, "A")
    assert by_id.expiry_ns == 1_782_864_000_000_000_000
    by_slug = found.of(a_spec("0xm2", slug="will-it-rain"))
    assert by_slug is not None
    assert by_slug.tier == "C"
    assert found.of(a_spec("0xm3")) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "p.jsonl:3: not a JSON object: "),
        ("[]", "p.jsonl:3: Expected `object`, got `array`"),
        (line(probability=1.0), "p.jsonl:3: probability: expected `float` < 1.0"),
        (line(probability=0), "p.jsonl:3: probability: expected `float` > 0.0"),
        (line(probability="0.5"), "p.jsonl:3: probability: expected `float`, got `str`"),
        (line(confidence=1.1), "p.jsonl:3: confidence: expected `float` <= 1.0"),
        (line(robustness=6), "p.jsonl:3: robustness: expected `int` <= 5"),
        (line(robustness=3.5), "p.jsonl:3: robustness: expected `int`, got `float`"),
        (line(tier="D"), "p.jsonl:3: tier: invalid enum value 'D'"),
        (line(expiry="tomorrow"), "p.jsonl:3: expiry: invalid RFC3339 encoded datetime"),
        (line(expiry="2026-07-01T00:00:00"), "p.jsonl:3: expiry: expected `datetime` with a time"),
        (line(market=""), "p.jsonl:3: market: expected `str` of length >= 1"),
        (line(edge=0.2), "p.jsonl:3: edge: no such field"),
        (without("tier"), "p.jsonl:3: tier: is missing"),
        (line(market="0xm9"), "p.jsonl:3: market: predicted twice, first on line 2"),
    ],
)
def test_a_problem_names_file_line_and_field(text, problem):
    with pytest.raises(ValueError, match=r"p\.jsonl:3: ") as caught:
        parse(f"# head\n{line(market='0xm9')}\n{text}", "p.jsonl")
    assert str(caught.value).startswith(problem)


def test_every_problem_is_told_at_once():
    with pytest.raises(ValueError, match="tier") as caught:
        parse("\n".join([line(tier="D"), line(market="b", robustness=9), "{"]), "p.jsonl")
    assert [text.split(":")[1] for text in str(caught.value).split("\n")] == ["1", "2", "3"]


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    try:
        told = ""
        parse(text, "p.jsonl")
    except ValueError as error:
        told = str(error)
    assert all(one.startswith(("p.jsonl:", "... and")) for one in told.split("\n") if told)


# --- from the file into the plugin, the document and the tape ----------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "predictions.jsonl"
    path.write_text(line() + "\n", encoding="utf-8")
    return path


def built(file: Path | str, store: dict, lines=None) -> Satellite:
    return a_plugin(
        Satellite, a_context("satellite", store=store, lines=lines), predictions_file=str(file)
    )


def test_the_document_carries_the_text_and_its_hash(file):
    store: dict = {}
    lines: list = []
    plugin = built(file, store, lines)
    kept = store["predictions"]
    assert kept["text"] == file.read_text(encoding="utf-8")
    assert len(kept["sha256"]) == 64
    assert plugin.report_section(PERIOD)["predictions_sha256"] == kept["sha256"]
    assert lines == [
        ("Predictions", {"file": str(file), "count": 1, "sha256": kept["sha256"]}),
    ]


def test_a_replay_needs_no_file(file):
    store: dict = {}
    built(file, store)
    head = msgspec.json.decode(msgspec.json.encode(store))
    file.unlink()
    assert built(file, head).report_section(PERIOD)["predictions"] == 1


def test_a_replay_does_not_see_that_the_file_has_changed(file):
    store: dict = {}
    built(file, store)
    head = msgspec.json.decode(msgspec.json.encode(store))
    file.write_text("", encoding="utf-8")
    assert built(file, head).report_section(PERIOD)["predictions"] == 1


def test_a_restart_reads_the_file_again(file):
    store: dict = {}
    built(file, store).on_cycle_end(a_cycle(), a_portfolio())
    file.write_text(line() + "\n" + line(market="0xm2") + "\n", encoding="utf-8")
    saved = msgspec.json.decode(msgspec.json.encode(store))
    assert built(file, saved).report_section(PERIOD)["predictions"] == 2


def test_a_recorded_text_that_was_changed_is_refused(file):
    store: dict = {}
    built(file, store)
    store["predictions"]["text"] = line(probability=0.99)
    with pytest.raises(ValueError, match="SHA-256"):
        built(file, store)


def test_what_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"missing\.jsonl: cannot be read: No such file"):
        built(tmp_path / "missing.jsonl", {})
    strange = tmp_path / "strange.jsonl"
    strange.write_bytes(line().encode() + b"\n\xff\n")
    with pytest.raises(ValueError, match=r"strange\.jsonl:2: not UTF-8"):
        built(strange, {})
    strange.write_bytes(b"#" * 1_000_001)
    with pytest.raises(ValueError, match="larger than 1000000 bytes"):
        built(strange, {})


def test_the_runtime_refuses_a_bad_file_before_the_first_event(tmp_path):
    bad = tmp_path / "bad.jsonl"
    bad.write_text(line(tier="E"), encoding="utf-8")
    config = msgspec.convert({"predictions_file": str(bad)}, Satellite.Config)
    with pytest.raises(PluginRefused, match=r"bad\.jsonl:1: tier: invalid enum value 'E'"):
        register({"satellite": Satellite}, {"satellite": config}, {"satellite": a_context()})


def test_without_a_file_nothing_is_kept_and_nothing_is_proposed():
    store: dict = {}
    plugin = built("", store)
    assert "predictions" not in store
    assert plugin.propose_trades([], a_portfolio(), NOW_NS) is None
    assert plugin.report_section(PERIOD)["predictions_sha256"] is None
