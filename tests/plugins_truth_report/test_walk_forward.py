"""The walk-forward file: what is read, what is refused with line and field, what gate A says."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyframe import ReportPeriod
from polyframe.errors import PluginRefused
from polyframe.runtime.plugins import register
from polyframe.testing.builders import NOW_NS, a_context, a_cycle, a_plugin, a_portfolio
from polyframe_truth_report import TruthReport, gates
from polyframe_truth_report.config import Config
from polyframe_truth_report.walk_forward import WalkForward, parse
from runtime_driver import Driver, spec

PERIOD = ReportPeriod(day="2026-05-28", start_ns=NOW_NS, end_ns=NOW_NS + 1, facts={})
# Golden G22's net returns (quant.md A5.4).
TEN_DAYS = [0.01, -0.02, 0.015, 0, -0.005, 0.02, -0.03, 0.01, 0.005, 0.012]
COST = 0.0008
SHA256 = "0123456789abcdef" * 4
GOOD = {"day": "2026-05-01", "gross_return": 0.0021, "cost_return": 0.0007}


def line(**changes: Any) -> str:
    return json.dumps({**GOOD, **changes})


def without(field: str) -> str:
    return json.dumps({name: value for name, value in GOOD.items() if name != field})


def text_of(net: list[float], cost: float = COST) -> str:
    first = date(2026, 3, 1)
    return "\n".join(
        line(day=str(first + timedelta(days=n)), gross_return=value + cost, cost_return=cost)
        for n, value in enumerate(net)
    )


def research(net: list[float], cost: float = COST) -> WalkForward:
    return parse(text_of(net, cost), "w.jsonl", SHA256)


def judged(
    found: WalkForward | None, config: Config
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    gate = gates.gate_a(found, config)
    return gate, gate["criteria"]


# --- the file ----------------------------------------------------------------------------


def test_a_file_is_read_line_by_line() -> None:
    text = "\n".join(["# fold 1", "", line(), line(day="2026-05-04", gross_return=-1)])
    found = parse(text, "w.jsonl", SHA256)
    assert found.days == (date(2026, 5, 1), date(2026, 5, 4))
    assert found.left_out == 2
    assert found.net() == pytest.approx([0.0014, -1.0007], abs=1e-15)
    assert found.net(1.5) == pytest.approx([0.00105, -1.00105], abs=1e-15)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "w.jsonl:3: not a JSON object: "),
        ("[]", "w.jsonl:3: Expected `object`, got `array`"),
        (line(day="2026-05-32"), "w.jsonl:3: day: invalid RFC3339 encoded date"),
        (line(day="2026-05-03T00:00:00Z"), "w.jsonl:3: day: invalid RFC3339 encoded date"),
        (line(day="2026-05-02"), "w.jsonl:3: day: 2026-05-02 is not after 2026-05-02 on line 2"),
        (line(), "w.jsonl:3: day: 2026-05-01 is not after 2026-05-02 on line 2"),
        (line(gross_return="0.1"), "w.jsonl:3: gross_return: expected `float`, got `str`"),
        (line(gross_return=None), "w.jsonl:3: gross_return: expected `float`, got `null`"),
        (line(gross_return=-1.01), "w.jsonl:3: gross_return: expected `float` >= -1.0"),
        (line(gross_return=21), "w.jsonl:3: gross_return: expected `float` <= 10.0"),
        (line(gross_return=float("nan")), "w.jsonl:3: not a JSON object: "),
        ('{"gross_return": 1e999}', "w.jsonl:3: gross_return: number out of range"),
        (line(cost_return=-0.0001), "w.jsonl:3: cost_return: expected `float` >= 0.0"),
        (line(cost_return=True), "w.jsonl:3: cost_return: expected `float`, got `bool`"),
        (line(net_return=0.1), "w.jsonl:3: net_return: no such field"),
        (without("cost_return"), "w.jsonl:3: cost_return: is missing"),
    ],
)
def test_a_problem_names_file_line_and_field(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r"w\.jsonl:3: ") as caught:
        parse(f"# head\n{line(day='2026-05-02')}\n{text}", "w.jsonl", SHA256)
    assert str(caught.value).startswith(problem)


def test_every_problem_is_told_at_once_up_to_twenty() -> None:
    with pytest.raises(ValueError, match="cost_return") as caught:
        parse("\n".join([line(cost_return=-1)] * 22), "w.jsonl", SHA256)
    told = str(caught.value).split("\n")
    assert [text.split(":")[1] for text in told[:20]] == [str(n) for n in range(1, 21)]
    assert told[20:] == ["... and 2 more"]


@pytest.mark.parametrize("text", ["", "# nothing yet\n\n"])
def test_a_file_without_a_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^w\.jsonl: holds no day$"):
        parse(text, "w.jsonl", SHA256)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        told = ""
        parse(text, "w.jsonl", SHA256)
    except ValueError as error:
        told = str(error)
    assert all(one.startswith(("w.jsonl:", "... and")) for one in told.split("\n") if told)


@given(st.lists(st.tuples(st.floats(-1, 10), st.floats(0, 10)), min_size=1, max_size=40))
def test_whatever_the_file_holds_the_gate_is_finite_or_says_why(
    rows: list[tuple[float, float]],
) -> None:
    first = date(2026, 3, 1)
    text = "\n".join(
        line(day=str(first + timedelta(days=n)), gross_return=gross, cost_return=cost)
        for n, (gross, cost) in enumerate(rows)
    )
    gate, criteria = judged(parse(text, "w.jsonl", SHA256), Config())
    json.dumps(gate, allow_nan=False)
    assert all(one["note"] for one in criteria if one["observed"] is None)
    assert gate["verdict"] != "GO", "40 days are too few"


# --- the verdict -------------------------------------------------------------------------


def test_g22_the_ten_day_series() -> None:
    _, (days, left_out, sharpe, stressed) = judged(research(TEN_DAYS), Config(gate_a_min_days=10))
    assert (days["observed"], days["limit"], days["met"]) == (10, 10, True)
    assert days["note"] == "2026-03-01 to 2026-03-10, file's SHA-256 0123456789ab"
    assert (left_out["observed"], left_out["met"]) == (0, True)
    assert sharpe["observed"] == pytest.approx(2.0360544, abs=5e-8)
    # 1.96 sqrt((1 + (2.0360544^2 / 365) / 2) / 10 x 365) = 11.8747.
    assert sharpe["note"] == "10 days, 95 % -9.84 to 13.91"
    # A constant cost moves the mean only: (0.0017 - 0.0004) / 0.0159516631 x sqrt(365).
    assert stressed["observed"] == pytest.approx(1.5569828, abs=5e-8)
    assert stressed["name"] == "walk-forward Sharpe at 1.5x costs"


def test_sixty_good_days_are_a_go() -> None:
    gate, criteria = judged(research(TEN_DAYS * 6), Config())
    assert (gate["verdict"], gate["why"]) == ("GO", "every criterion is met")
    assert [one["met"] for one in criteria] == [True] * 4


@pytest.mark.parametrize(
    ("found", "verdict", "why"),
    [
        (None, "EXTEND", "no walk-forward result: walk_forward_file is not set"),
        (research(TEN_DAYS), "EXTEND", "not enough: days out of sample"),
        (research([0.001] * 60), "EXTEND", "60 days, no variation"),
        (research([0.02, -0.019] * 30), "NO-GO", "not met: walk-forward Sharpe"),
        (
            research(TEN_DAYS * 6, cost=0.0035),
            "NO-GO",
            "not met: walk-forward Sharpe at 1.5x costs",
        ),
        (
            research([-r for r in TEN_DAYS] * 6),
            "NO-GO",
            "not met: walk-forward Sharpe, walk-forward Sharpe at 1.5x costs",
        ),
    ],
)
def test_the_gate_says_what_is_missing_or_not_met(
    found: WalkForward | None, verdict: str, why: str
) -> None:
    gate, _ = judged(found, Config())
    assert (gate["verdict"], gate["why"]) == (verdict, why)


def test_leaving_days_out_is_no_way_to_a_go() -> None:
    lines = [line(day=f"2026-0{month}-{day:02}", gross_return=0.01 + day * 1e-4)
             for month in (5, 7) for day in range(1, 31)]  # fmt: skip
    gate, (_, left_out, *_) = judged(parse("\n".join(lines), "w.jsonl", SHA256), Config())
    assert (left_out["observed"], left_out["met"]) == (31, False)
    assert (gate["verdict"], gate["why"]) == ("EXTEND", "not enough: days between without a line")


# --- from the file into the plugin, the document and the tape ----------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "walk_forward.jsonl"
    path.write_text(text_of(TEN_DAYS * 6) + "\n", encoding="utf-8")
    return path


def built(file: Path | str, store: dict[str, Any], lines: Any = None) -> Any:
    context = a_context("truth_report", store=store, lines=lines)
    return a_plugin(TruthReport, context, walk_forward_file=str(file))


def verdict(plugin: Any) -> str:
    return str(plugin.report_section(PERIOD)["gates"]["A"]["verdict"])


def test_the_report_is_judged_on_the_file_and_names_its_hash(file: Path) -> None:
    store: dict[str, Any] = {}
    lines: list[Any] = []
    plugin = built(file, store, lines)
    kept = store["walk_forward"]
    assert kept["text"] == file.read_text(encoding="utf-8")
    assert len(kept["sha256"]) == 64
    assert lines == [
        ("Walk-forward result", {"file": str(file), "days": 60, "sha256": kept["sha256"]}),
    ]
    gate = plugin.report_section(PERIOD)["gates"]["A"]
    assert gate["verdict"] == "GO"
    assert kept["sha256"][:12] in gate["criteria"][0]["note"]


def test_a_replay_needs_no_file_and_does_not_see_that_it_has_changed(file: Path) -> None:
    store: dict[str, Any] = {}
    built(file, store)
    head = msgspec.json.encode(store)
    file.write_text(line(), encoding="utf-8")
    assert verdict(built(file, msgspec.json.decode(head))) == "GO"
    file.unlink()
    assert verdict(built(file, msgspec.json.decode(head))) == "GO"


def test_a_restart_reads_the_file_again(file: Path) -> None:
    store: dict[str, Any] = {}
    built(file, store).on_cycle_end(a_cycle(), a_portfolio(), NOW_NS)
    saved = msgspec.json.decode(msgspec.json.encode(store))
    file.write_text(line(), encoding="utf-8")
    assert verdict(built(file, saved)) == "EXTEND"


def test_a_run_that_ended_before_its_first_cycle_is_a_run_before_this_one(file: Path) -> None:
    store: dict[str, Any] = {}
    assert verdict(built(file, store)) == "GO"
    file.write_text(line(), encoding="utf-8")
    assert verdict(built(file, store)) == "EXTEND"


def test_a_recorded_text_that_was_changed_is_refused(file: Path) -> None:
    store: dict[str, Any] = {}
    built(file, store)
    store["walk_forward"]["text"] = line()
    with pytest.raises(ValueError, match="SHA-256"):
        built(file, store)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"missing\.jsonl: cannot be read: No such file"):
        built(tmp_path / "missing.jsonl", {})
    strange = tmp_path / "strange.jsonl"
    strange.write_bytes(line().encode() + b"\n\xff\n")
    with pytest.raises(ValueError, match=r"strange\.jsonl:2: not UTF-8"):
        built(strange, {})
    strange.write_bytes(b"#" * 1_000_001)
    with pytest.raises(ValueError, match="larger than 1000000 bytes"):
        built(strange, {})


def test_the_runtime_refuses_a_bad_file_before_the_first_event(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text(f"{line(cost_return=-1)}\n{without('day')}", encoding="utf-8")
    config = msgspec.convert({"walk_forward_file": str(bad)}, Config)
    both = r"bad\.jsonl:1: cost_return: expected `float` >= 0\.0; .*bad\.jsonl:2: day: is missing$"
    with pytest.raises(PluginRefused, match=both):
        register(
            {"truth_report": TruthReport}, {"truth_report": config}, {"truth_report": a_context()}
        )


def test_without_a_file_nothing_is_kept() -> None:
    store: dict[str, Any] = {}
    gate = built("", store).report_section(PERIOD)["gates"]["A"]
    assert "walk_forward" not in store
    assert (gate["verdict"], gate["why"]) == ("EXTEND", gates.NO_WALK_FORWARD)


def test_the_head_of_a_tape_carries_the_result(file: Path) -> None:
    class Report(TruthReport):  # the driver configures by class
        class Config(TruthReport.Config, frozen=True, kw_only=True):
            walk_forward_file: str = str(file)

    driver = Driver(classes=(Report,))
    driver.start(spec())
    kept = driver.machine.stores()["report"]["walk_forward"]
    assert kept["is_unused"]
    assert kept["text"] == file.read_text(encoding="utf-8")
    driver.book(1, 49, 51)
    driver.at(2)
    assert not kept["is_unused"]
