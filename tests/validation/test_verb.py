"""``polyframe validate-paper``: tables, JSON, exit codes, and one line per mistake."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from polyframe.cli import main
from polyframe.runtime import report_writer
from polyframe.validation import judge as judge_module
from polyframe.validation import study
from polyframe.validation.comparison import compare, in_band
from polyframe.validation.document import SCHEMA
from polyframe.validation.estimates import Estimate
from source_tree import ROOT

MAKER = str(ROOT / "strategies" / "maker.yaml")


@pytest.fixture(scope="module")
def some_rows():
    from polyframe.settings import PaperSettings

    plan = study.Plan(orders=60, seed=1, settings=PaperSettings())
    return [row for some in study.compared(plan, "calm") for row in some]


@pytest.fixture
def invoke(monkeypatch, some_rows):
    plans = []

    def compared(plan, traders, make_source):
        plans.append((plan, traders))
        yield some_rows

    monkeypatch.setattr(study, "compared", compared)

    def run(*args):
        return CliRunner().invoke(main, ["validate-paper", *args])

    run.plans = plans
    return run


def test_tables_and_json_tell_the_same(invoke, tmp_path, some_rows):
    path = tmp_path / "found.json"
    asked = (MAKER, "--profiles", "calm", "--orders", "50", "--no-judge", "--seed", "5")
    shown = invoke(*asked, "--json-file", str(path))
    found = json.loads(path.read_text())
    assert found["schema"] == SCHEMA
    assert (found["strategy"], found["seed"], found["orders"]) == ("maker.yaml", 5, 50)
    assert found["judge"] is None
    assert "…" not in shown.output  # no figure is cut
    comparison = compare("calm", some_rows)
    assert shown.exit_code == (0 if comparison.holds else 1)
    assert found["holds"] == comparison.holds
    assert found["traders"][0]["real"] == msgspec.to_builtins(comparison.real) | {
        "curve": list(comparison.real.curve),
        "markout_c": list(comparison.real.markout_c),
        "earned_usd": list(comparison.real.earned_usd),
    }
    assert f"calm: {len(some_rows)} orders in" in shown.stdout
    assert f"{comparison.real.rate:.4f}" in shown.stdout
    assert "twin (headline)" in shown.stdout
    assert f"calm: {len(some_rows)} of 50 orders" not in shown.stdout
    assert [p.name for p in tmp_path.iterdir()] == ["found.json"]
    plan, traders = invoke.plans[0]
    assert traders == "calm"
    assert found["paper"] == msgspec.to_builtins(plan.settings)
    printed = invoke(*asked, "--json")
    assert json.loads(printed.stdout) == found


def test_the_strategy_files_numbers_are_used(invoke, tmp_path):
    text = (ROOT / "strategies" / "maker.yaml").read_text()
    changed = text.replace("queue_power: 1.25", "queue_power: 2.5")
    assert changed != text
    path = tmp_path / "mine.yaml"
    path.write_text(changed)
    invoke(str(path), "--profiles", "calm", "--orders", "50", "--no-judge")
    assert invoke.plans[0][0].settings.queue_power == 2.5


def test_without_the_judge_one_line_says_so(invoke, monkeypatch):
    monkeypatch.setattr(judge_module, "find_spec", lambda name: None)
    shown = invoke("--profiles", "calm", "--orders", "50")
    line = "the outside judge was skipped: pip install 'polyframe-mm[judge]' (mbo-queue)"
    assert line in shown.stderr.splitlines()


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("--profiles", "calm,wild"), "--profiles: there is no 'wild'; choose of mixed, calm"),
        (("--profiles", ","), "--profiles: name at least one"),
        (("--json-file", "nowhere/x.json"), "its folder does not exist"),
        (("--json-file", ""), "give the path of a file"),
    ],
)
def test_mistakes_are_one_line(invoke, args, text):
    shown = invoke(*args)
    assert shown.exit_code == 2
    assert text in shown.stderr
    assert len(shown.stderr.splitlines()) == 1


def test_too_few_orders_are_no_verdict(invoke):
    shown = invoke("--profiles", "calm", "--orders", "5000", "--no-judge")
    assert shown.exit_code == 1
    assert "orders came about; ask for fewer" in shown.stderr


def test_interrupted_in_one_line(monkeypatch):
    def compared(plan, traders, make_source):
        raise KeyboardInterrupt

    monkeypatch.setattr(study, "compared", compared)
    shown = CliRunner().invoke(main, ["validate-paper", "--no-judge"])
    assert (shown.exit_code, shown.stderr) == (130, "polyframe: interrupted\n")


@pytest.mark.parametrize(
    ("value", "se", "word"),
    [
        (1.0, 0.01, "holds"),
        (1.06, 0.04, "unclear"),  # too much, but it may be the truth
        (1.06, 0.02, "fails"),  # how much too much is unclear, that it is too much is not
        (0.93, 0.02, "unclear"),  # caution may be as little as is allowed
        (0.9, 0.01, "fails"),
    ],
)
def test_flattery_fails_sooner_than_caution(value, se, word):
    estimate = Estimate(value, se, value - 2 * se, value + 2 * se)
    assert in_band(estimate, 0.95, 1.05, 1.0) == word
    assert in_band(None, 0.95, 1.05, 1.0) == "unclear"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="a folder nobody writes in")
def test_a_folder_that_takes_no_file_is_told_before_the_work(invoke):
    refused = invoke("--json-file", "/proc/self/x.json")
    assert refused.exit_code == 2
    assert "nothing can be written in its folder" in refused.stderr
    assert invoke.plans == []


def test_a_file_that_cannot_be_written_in_the_end_costs_the_file_alone(
    invoke, monkeypatch, tmp_path
):
    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(report_writer, "write_atomically", full)
    path = tmp_path / "found.json"
    done = invoke("--profiles", "calm", "--orders", "50", "--no-judge", "--json-file", str(path))
    assert done.exit_code == 1
    assert "orders in 16 markets" in done.stdout
    assert done.stderr.splitlines()[-1].endswith("cannot be written: No space left on device")
