"""Seconds of the production profile at the embedded exchange: its report, spans and replay."""

from __future__ import annotations

import json
import re
import secrets
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from operator_bench import quiet_process
from polyframe.cli import main
from polyframe.secrets.credentials import NAMES
from polyframe_truth_report import SCHEMA, render_markdown

STRATEGY = """\
name: churn
seed: 7
capital: {bankroll_usd: 5000, merge_above_usd: 5}
cycle: {cycle_s: 10, warmup_max_s: 2, max_active: 40, max_per_cluster: 20}
universe: {max_markets: 40}
limits:
  max_order_usd: 60
  max_market_usd: 70
  max_total_usd: 2200
  max_open_orders: 90
  max_daily_loss_usd: 2500
quoting: {min_interval_s: 0.2, drift_ticks: 0, mutations_per_pass: 60, mutations_per_min: 3000}
embedded: {markets: 40, activity: 3, profile: busy}
plugins:
  qs: {}
  rrs: {}
  portfolio_risk: {}
  maker: {half_width: 0.002, outside: 0, chase_ticks_per_min: 20, base_usd: 30}
  truth_report: {}
profiles:
  paper: {feed: {max_book_age_s: 120}, venue: {fallback: embedded}}
  production: {feed: {max_book_age_s: 5}, venue: {fallback: none}}
"""


class Done:
    """One run that has ended, and what it wrote."""

    def __init__(self, folder: Path, output: str) -> None:
        self.folder = folder
        self.output = output
        self.summary: dict[str, Any] = json.loads((folder / "s.json").read_text())
        self.run = Path(self.summary["tape"]).parent
        runs = json.loads(Path(self.summary["report"]).read_text())["runs"]
        self.report: dict[str, Any] = runs[self.summary["run_id"]]["report"]


def polyframe(*arguments: object) -> str:
    done = CliRunner().invoke(main, [str(one) for one in arguments], env=dict.fromkeys(NAMES))
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder = tmp_path_factory.mktemp("real")
    file = folder / "churn.yaml"
    file.write_text(STRATEGY)
    arm = polyframe("check", file, "--diff", "paper", "production").split()[-1]
    environ = dict.fromkeys(NAMES) | {"POLY_PRIVATE_KEY": secrets.token_hex(32)}
    with quiet_process():
        result = CliRunner().invoke(
            main,
            ["run", str(file), "--profile", "production", "--arm", arm, "--venue", "embedded",
             "--speed", "5", "--for", "7s", "--plain", "--summary-json", str(folder / "s.json"),
             "--runs", str(folder / "runs"), "--reports", str(folder / "reports"),
             "--state", str(folder / "state")],
            env=environ,
        )  # fmt: skip
    assert result.exit_code == 0, result.output
    return Done(folder, result.output)


def nulls_of(value: Any, path: str = "") -> list[str]:
    """Paths of the nulls whose reason does not stand beside them."""
    if value is None:
        return [path]
    if isinstance(value, dict):
        if "reason" in value or "note" in value:
            return []
        return [found for key, item in value.items() for found in nulls_of(item, f"{path}/{key}")]
    if isinstance(value, list):
        return [found for at, item in enumerate(value) for found in nulls_of(item, f"{path}/{at}")]
    return []


def test_its_report_is_one_of_the_schema_and_every_null_has_a_reason(done: Done) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(done.report)
    assert sorted(nulls_of(done.report)) == sorted(done.report["nulls"])
    assert done.report["mode"] == "rehearsal"
    assert "Plugin problem" not in done.output


def test_it_says_what_was_sent_and_that_the_book_was_proved_empty(done: Done) -> None:
    found = done.report["production"]
    assert found["is_rehearsal"]
    assert found["orders"]["sent"] == done.summary["orders"] > 10
    assert found["orders"]["requests"] > 0
    assert found["orders"]["unknown_now"] == found["orders"]["not_settled_now"] == 0
    assert found["orders"]["refused"] == sum(found["orders"]["refused_by_code"].values())
    assert found["reconciliations"]["made"] >= 1
    assert found["reconciliations"]["last_ns"] > 0
    assert found["heartbeats"]["sent"] > 0
    assert found["account"]["wallet"].startswith("0x")
    assert found["account"]["set_aside_usd"] == 5000.0
    assert found["is_left_unproved"] is False
    safety = done.report["safety"]
    assert safety["hazards_raised"]["reconciling"] >= 1
    reasons = [sweep["reason"] for sweep in safety["latest_cancel_alls"]]
    assert (reasons[0], reasons[-1]) == ("start", "stopping")
    assert safety["cancel_alls"] >= 2


def test_its_money_adds_up_and_the_stored_books_agree(done: Done) -> None:
    total = done.report["attribution"]["total"]
    assert abs(total["error"]) <= 1e-6
    assert done.report["health"]["ledger_differences"] == []
    real = done.report["profiles"]["real"]
    assert list(done.report["profiles"]) == list(done.report["fill_profiles"]) == ["real"]
    assert real["end_equity_usd"] - real["start_equity_usd"] == pytest.approx(
        total["equity_change"], abs=2e-6
    )
    assert real["fills"] == done.report["fill_profiles"]["real"]["fills"] > 0
    earned = {(one["day"], one["programme"]): one
              for one in done.report["production"]["earnings"]["by_day"]}  # fmt: skip
    today = earned[done.report["day"], "rebate"]
    assert today["booked_usd"] is None
    assert today["predicted_low_usd"] == pytest.approx(
        done.report["fills"]["totals"]["rebate_accrued_usd"], abs=1e-5
    )


def test_what_only_a_simulation_has_is_null_with_a_reason(done: Done) -> None:
    nulls = done.report["nulls"]
    for path in ("/capacity", "/health/stale_evidence_fills", "/profiles/real/stale_evidence_fills",
                 "/fill_profiles/real/headline_equity_usd"):  # fmt: skip
        assert nulls[path] == "orders were real: nothing was simulated"


def test_no_gate_takes_a_rehearsal_for_a_proof(done: Done) -> None:
    gates = done.report["gates"]
    assert (gates["B"]["verdict"], gates["B"]["criteria"]) == ("N/A", [])
    assert "does not apply to real orders" in gates["B"]["why"]
    assert gates["C"]["verdict"] == "EXTEND"
    assert "a rehearsal's days do not count" in gates["C"]["why"]


def test_the_verb_shows_it(done: Done) -> None:
    text = polyframe("report", "--reports", done.folder / "reports")
    assert "**REHEARSAL**" in text
    assert "## Real fills" in text
    assert "| `orders.sent`" in text
    assert "Paper profiles" not in text
    assert all(line.isprintable() for line in render_markdown(done.report))


def test_its_lines_say_how_the_way_to_the_venue_stands(done: Done) -> None:
    status = [line for line in done.output.splitlines() if "Z status " in line]
    assert re.search(r"Z status HAZARDS=reconciling:hold mode=rehearsal unknown=0 ", status[0])
    assert "reconciled=never" in status[0]
    assert "hazards: reconciling=" in done.output
    assert "book: verified empty" in done.output
    assert done.summary["hazards_raised"]["reconciling"] >= 1


def test_its_spans_carry_the_mode_and_are_read_like_any_others(done: Done) -> None:
    runs = done.folder / "runs"
    spans = [json.loads(line) for line in polyframe("trace", "--runs", runs, "--json").splitlines()]
    assert {span["attributes"]["polyframe.mode"] for span in spans} == {"rehearsal"}
    placed = next(span for span in spans if span["attributes"].get("polyframe.commands"))
    told = placed["attributes"]["polyframe.commands"][0].split()[1]
    assert polyframe("trace", told, "--runs", runs)
    assert polyframe("why", placed["attributes"]["polyframe.market.id"], "--runs", runs)


def test_it_replays_without_a_difference(done: Done) -> None:
    found = json.loads(polyframe("replay", done.run, "--json"))
    assert (found["differences"], found["is_whole"]) == (0, True)
    assert found["decisions"] == done.summary["decisions"]
    assert found["order_events"] > 0
