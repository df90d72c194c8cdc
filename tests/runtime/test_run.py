"""``polyframe run`` as a user runs it: real sockets on loopback, real files, a real replay."""

import json
import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from polyframe.cli import main
from polyframe.cli.run import _most_frequent
from polyframe.runtime.report_writer import write_report

# Long runs over lines that shorter tests reach: tracing them would double their time.
pytestmark = pytest.mark.no_cover

REPOSITORY = Path(__file__).parents[2]
STRATEGY = REPOSITORY / "strategies" / "maker.yaml"
FILES = ["manifest.json", "log.txt", "state.json", "summary.json"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PAPER_MODE", raising=False)
    return tmp_path


def polyframe(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def nulls_of(value, name=""):
    """Return the names of all nulls."""
    if isinstance(value, dict):
        return set().union(*(nulls_of(item, key) for key, item in value.items()))
    if isinstance(value, list):
        return set().union(*(nulls_of(item, name) for item in value))
    return {name} if value is None else set()


def run(*arguments):
    result = polyframe(
        "run", STRATEGY, "--profile", "paper", "--summary-json", "summary.json", *arguments
    )
    assert result.exit_code == 0, result.output
    return json.loads(Path("summary.json").read_text()), result.output


def replay(tape, hash_seed):
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run(
        [sys.executable, "-m", "polyframe", "replay", tape, "--json"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_end_of_a_run_names_the_vetoes_that_refused_most():
    counts = {f"p.c{number}": number for number in range(12)}
    told = _most_frequent(counts).split()
    assert told == [f"p.c{number}={number}" for number in range(11, 3, -1)]
    assert _most_frequent({"p.b": 1, "p.a": 1, "p.never": 0}) == "p.a=1 p.b=1"
    assert _most_frequent({"p.never": 0}) == "none"


def test_a_paper_run_without_a_network_ends_with_everything_promised(folder, nowhere):
    summary, output = run("--speed", "20", "--for", "8s", "--cycle-s", "20")
    lines = output.splitlines()
    told = [text.partition(" ")[2] for text in lines]
    assert told[0].startswith(
        'polyframe mode=paper source=embedded why="Polymarket does not answer'
    )
    for name in ("Prefilter", "Warmup complete", "QS veto summary", "QS_SAMPLE", "Active set",
                 "FEED_HEALTH", "status", "Orders left count=0"):  # fmt: skip
        assert any(text.startswith(name) for text in told), name
    stopped = next(n for n, text in enumerate(told) if text.startswith("Orders left"))
    times = [datetime.fromisoformat(text.partition(" ")[0]) for text in lines[: stopped + 1]]
    assert times == sorted(times)
    # Market time, which a person finds again in tape and spans.
    assert (times[-1] - times[0]).total_seconds() > 60
    kept = Path(summary["tape"]).with_name("log.txt").read_text().splitlines()
    assert kept == lines[: len(kept)]
    assert len(kept) == stopped + 1
    assert summary["source"] == "embedded"
    assert summary["orders"] > 20
    assert summary["smallest_active_set_after_warmup"] > 0
    assert summary["attribution_error_usd"] == 0
    assert summary["books_mismatched"] == 0
    assert summary["plugin_problems"] == 0
    [vetoes] = [text for text in lines if text.startswith("vetoes: ")]
    most = max(summary["vetoes"].values())
    assert vetoes.split()[1] in {f"{code}={most}" for code in summary["vetoes"]}
    run_folder = Path(summary["tape"]).parent
    assert all((run_folder / name).is_file() for name in FILES)
    report = json.loads(Path(summary["report"]).read_text())
    day = report["runs"][summary["run_id"]]["report"]
    assert day["source"] == "embedded"
    schema = json.loads(polyframe("report", "--schema").stdout)
    assert list(Draft202012Validator(schema).iter_errors(report)) == []
    for name, section in report["runs"][summary["run_id"]]["sections"].items():
        assert sorted(nulls_of(section) - section.get("nulls", {}).keys()) == [], name
    # Shares, not fills: one print may fill a generous profile in fewer pieces.
    shares = {name: one["filled_shares"] for name, one in day["fill_profiles"].items()}
    assert shares["pessimistic"] <= shares["base"] <= shares["optimistic"]
    for hash_seed in ("0", "12345"):
        replayed = replay(summary["tape"], hash_seed)
        assert replayed.returncode == 0, replayed.stdout + replayed.stderr
        result = json.loads(replayed.stdout)
        assert (result["differences"], result["decisions"]) == (0, summary["decisions"])


def test_a_real_recording_is_traded_and_replays(folder, recording):
    summary, _ = run("--venue", f"recording:{recording}", "--speed", "400", "--for", "60s")
    assert summary["source"] == f"recording:{recording.name}"
    assert summary["orders"] > 20
    assert summary["fills"]["base"] > 0
    assert summary["attribution_error_usd"] == 0
    assert summary["books_checked"] > 500
    assert summary["books_mismatched"] < 0.05 * summary["books_checked"]
    # A recording keeps its own dates.
    assert summary["report"].endswith("2025-06-19.json")
    replayed = replay(summary["tape"], "1")
    assert json.loads(replayed.stdout)["differences"] == 0


def test_two_runs_of_a_day_stand_side_by_side(folder, recording):
    for _ in range(2):
        summary, _ = run("--venue", f"recording:{recording}", "--speed", "900", "--for", "2s")
    report = json.loads(Path(summary["report"]).read_text())
    assert len(report["runs"]) == 2


def test_ctrl_c_is_an_orderly_stop(folder):
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "polyframe", "run", STRATEGY, "--profile", "paper", "--venue",
         "embedded", "--speed", "10", "--summary-json", "s.json"],
        env=environment, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        lines = []
        for text in process.stdout:
            lines.append(text)
            if "Z Active set" in text:
                process.send_signal(signal.SIGINT)
                break
        rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Run stopping reason=interrupted" in rest
    assert "Orders left count=0" in rest
    assert json.loads(Path("s.json").read_text())["orders"] > 0


# --- mistakes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--venue", "nonsense"], 2, "choose live, embedded"),
        (["--venue", "https://example.org"], 2, "only a loopback URL"),
        (["--venue", "http://127.0.0.1:1"], 5, "does not answer"),
        (["--venue", "recording:nothing.frames.jsonl.zst"], 5, "nothing.frames.jsonl.zst"),
        (["--venue", "live"], 5, "does not answer"),
        (["--venue", "live", "--speed", "5"], 2, "live time is 1"),
        (["--for", "soon"], 2, "no duration"),
        (["--for", "0s"], 2, "no time"),
        (["--speed", "nan"], 2, "nan is not a number"),
        (["--cycle-s", "nan"], 2, "nan is not a number"),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(folder, nowhere, arguments, code, words):
    result = polyframe("run", STRATEGY, "--profile", "paper", *arguments)
    assert result.exit_code == code
    assert words in result.output
    assert "Traceback" not in result.output
    # What the command line alone gives away leaves nothing behind.
    assert code != 2 or not Path("runs").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--summary-json", "nowhere/s.json"], 2, "no such directory"),
        (["--summary-json", "."], 2, "is a directory"),
        (["--reports", "file/reports"], 1, "file/reports: cannot be written"),
    ],
)
def test_what_cannot_be_written_is_said_before_the_first_trade(folder, arguments, code, words):
    Path("file").touch()
    result = polyframe("run", STRATEGY, "--profile", "paper", "--venue", "embedded", *arguments)
    assert result.exit_code == code
    assert words in result.output
    assert not Path("runs").exists()


def test_a_report_that_cannot_be_written_costs_neither_tape_nor_summary(folder, recording):
    Path("reports").mkdir()
    Path("reports/2025-06-19.json").write_text('{"mine": 1}')
    result = polyframe(
        "run", STRATEGY, "--profile", "paper", "--venue", f"recording:{recording}",
        "--speed", "900", "--for", "2s",
    )  # fmt: skip
    assert result.exit_code == 1
    assert "nothing was overwritten" in result.output
    [run_folder] = Path("runs").iterdir()
    assert json.loads((run_folder / "summary.json").read_text())["report"] is None
    replayed = json.loads(replay(run_folder, "0").stdout)
    assert (replayed["differences"], replayed["is_whole"]) == (0, True)


def test_no_fallback_without_leave(folder, nowhere):
    text = STRATEGY.read_text().replace("fallback: embedded", "fallback: none")
    Path("mine.yaml").write_text(text)
    result = polyframe("run", "mine.yaml", "--profile", "paper")
    assert result.exit_code == 5
    assert "venue.fallback is none" in result.output


def test_production_is_refused_in_one_line(folder):
    result = polyframe("run", STRATEGY, "--profile", "production")
    assert result.exit_code == 2
    assert "wants --arm HASH" in result.output
    assert len(result.output.splitlines()) == 1


@pytest.mark.parametrize(
    ("mode", "profile", "words"),
    [("false", "paper", "contradicts"), ("true", "production", "contradicts"),
     ("maybe", "paper", "true or false")],
)  # fmt: skip
def test_the_environments_mode_is_a_cross_check(folder, monkeypatch, mode, profile, words):
    monkeypatch.setenv("PAPER_MODE", mode)
    result = polyframe("run", STRATEGY, "--profile", profile)
    assert result.exit_code == 2
    assert words in result.output


def test_a_file_that_is_no_report_of_ours_is_left_alone(tmp_path):
    (tmp_path / "2025-01-01.json").write_text('{"mine": 1}')
    with pytest.raises(Exception, match="nothing was overwritten"):
        write_report(tmp_path, "2025-01-01", "r", {})
    assert (tmp_path / "2025-01-01.json").read_text() == '{"mine": 1}'
    (tmp_path / "2025-01-02.json").write_text("{")
    with pytest.raises(Exception, match="not JSON"):
        write_report(tmp_path, "2025-01-02", "r", {})
    with pytest.raises(ValueError, match="JSON"):
        write_report(tmp_path, "2025-01-03", "r", {"x": float("nan")})
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "2025-01-01.json",
        "2025-01-02.json",
    ]
