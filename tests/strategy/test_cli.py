"""The command line: lazy verbs, one line per mistake, exit codes, JSON."""

from __future__ import annotations

import errno
import json
import re
import subprocess
import sys
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from polyframe import __version__
from polyframe.cli import VERBS, main
from polyframe.errors import PluginNotFound, StrategyError, UsageError, VenueError
from polyframe.runtime.live import arming
from polyframe.runtime.plugins import configs_of

HEAVY = (
    *("jsonschema", "ruamel", "aiohttp", "httpx", "websockets", "rich", "numpy", "anyio"),
    *("coincurve", "Crypto"),
)


@pytest.fixture
def invoke(monkeypatch, configs):
    """Run the command with this area's own plugins in place of the installed ones."""
    asked = []
    strange = set()

    def load_plugin_classes(requests, production):
        asked.append(([request.name for request in requests], production))
        if missing := [r.name for r in requests if r.name not in configs]:
            raise PluginNotFound(f"no installed distribution offers {missing[0]!r}")
        return {r.name: SimpleNamespace(Config=configs[r.name]) for r in requests}

    fake = SimpleNamespace(
        load_plugin_classes=load_plugin_classes,
        configs_of=configs_of,
        without_pin=lambda requests: {r.name: "wants a pin" for r in requests if r.name in strange},
    )
    monkeypatch.setitem(sys.modules, "polyframe.runtime.plugins", fake)
    monkeypatch.setattr(arming, "_versions", lambda strategy: {"polyframe-mm": "1"})

    def run(*args):
        return CliRunner().invoke(main, list(args))

    run.asked, run.strange = asked, strange
    return run


@pytest.fixture
def verb(monkeypatch):
    """Put a verb in place whose body is the given function."""

    def place(body):
        command = click.command("boom")(body)
        monkeypatch.setitem(sys.modules, "polyframe.cli.boom", SimpleNamespace(command=command))
        monkeypatch.setitem(VERBS, "boom", ("polyframe.cli.boom", "Test."))
        return CliRunner().invoke(main, ["boom"])

    return place


def test_help_lists_every_verb_without_importing_any():
    code = (
        "import sys; from polyframe.cli import main, VERBS\n"
        "main(['--help'], standalone_mode=False)\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "loaded += [module for module, _ in VERBS.values() if module in sys.modules]\n"
        "print('loaded', loaded)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded []"
    for verb_name, (_, summary) in VERBS.items():
        assert f"  {verb_name} " in done.stdout
        assert summary in done.stdout
    assert list(VERBS) == [
        *("run", "check", "replay", "universe", "report", "why", "trace"),
        *("doctor", "status", "orders", "positions", "cancel-all", "kill", "resume", "keystore"),
        *("validate-paper", "calibrate", "exchange", "schema", "plugins", "new-plugin"),
    ]


def test_version_and_misspelt_verbs():
    assert CliRunner().invoke(main, ["--version"]).output == f"polyframe {__version__}\n"
    result = CliRunner().invoke(main, ["chek"])
    assert result.exit_code == 2
    assert "there is no verb 'chek'; did you mean check?" in result.output


@pytest.mark.parametrize(
    ("error", "exit_code", "stderr"),
    [
        (VenueError("no\nanswer\x1b[31m"), 5, "polyframe: error: no\\nanswer\\x1b[31m\n"),
        (UsageError("contradiction"), 2, "polyframe: error: contradiction\n"),
        (
            StrategyError(["s.yaml:1: a: b", "s.yaml:2: c: d"]),
            3,
            "s.yaml:1: a: b\ns.yaml:2: c: d\n",
        ),
        (KeyboardInterrupt(), 130, "polyframe: interrupted\n"),
        (BrokenPipeError(), 141, ""),
    ],
)
def test_a_users_mistake_is_one_line_and_an_exit_code(verb, error, exit_code, stderr):
    def body():
        raise error

    result = verb(body)
    assert (result.exit_code, result.stderr) == (exit_code, stderr)


def test_a_full_disk_is_one_line(verb):
    @click.option("--runs")
    @click.option("--reports")
    def body(runs, reports):
        raise OSError(errno.ENOSPC, "No space left on device", "tape-0001.jsonl.zst")

    result = verb(body)
    text = (
        "polyframe: error: tape-0001.jsonl.zst: No space left on device; make room or choose other "
        "folders (--runs, --reports); the tape so far is kept\n"
    )
    assert (result.exit_code, result.stderr) == (1, text)


def test_a_full_disk_under_a_verb_that_only_prints_speaks_of_no_tape(verb):
    def body():
        raise OSError(errno.ENOSPC, "No space left on device")

    result = verb(body)
    text = (
        "polyframe: error: standard output: No space left on device; make room or write elsewhere\n"
    )
    assert (result.exit_code, result.stderr) == (1, text)


def test_a_closed_standard_output_is_no_error():
    code = "import sys; sys.stdout = None; from polyframe.cli import main; main(['--version'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_bug_is_not_dressed_up_as_a_mistake(verb):
    def body():
        raise ZeroDivisionError

    assert isinstance(verb(body).exception, ZeroDivisionError)


def test_a_reader_that_leaves_early_is_no_error():
    code = (
        "import sys, types, click; from polyframe.cli import VERBS, main\n"
        "body = lambda: [click.echo('x' * 1000) for _ in range(1000)]\n"
        "command = click.command('many')(body)\n"
        "sys.modules['many'] = types.SimpleNamespace(command=command)\n"
        "VERBS['many'] = ('many', ''); main(['many'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 141


def test_check_says_ok_for_both_profiles(invoke, write, base):
    result = invoke("check", write(base))
    assert result.exit_code == 0, result.output
    first, second = result.stdout.splitlines()
    assert first.startswith("s.yaml: paper: ok, ")
    assert second.startswith("s.yaml: production: ok, ")
    assert first.rsplit(" ", 1)[1] == second.rsplit(" ", 1)[1]
    assert invoke.asked == [(["score", "guard"], False)]
    assert len(invoke("check", "s.yaml", "--profile", "paper").stdout.splitlines()) == 1
    assert invoke.asked[-1] == (["score", "guard"], False)


def test_check_says_what_holds_on_paper_where_production_wants_a_pin(invoke, write, base):
    invoke.strange.add("guard")
    result = invoke("check", write(base))
    assert result.exit_code == 3
    [sound] = result.stdout.splitlines()
    assert sound.startswith("s.yaml: paper: ok, ")
    assert re.fullmatch(r"s\.yaml:\d+: plugins\.guard: wants a pin\n", result.stderr)
    invoke.asked.clear()
    alone = invoke("check", "s.yaml", "--profile", "production")
    assert (alone.exit_code, alone.stdout) == (3, "")
    assert invoke.asked == []  # nothing that nobody reviewed was imported


def test_check_tells_the_problems_of_both_profiles_once(invoke, write, base):
    path = write(base.replace("  max_book_age_s: 5", "  max_book_age_s: 9\n  ping: 3"))
    result = invoke("check", path)
    assert result.exit_code == 3
    assert result.stdout == ""
    assert [line.split(": ")[:2] for line in result.stderr.splitlines()] == [
        ["s.yaml:3", "feed.max_book_age_s"],
        ["s.yaml:4", "feed.ping"],
    ]
    shown = json.loads(invoke("check", path, "--json").stdout)
    assert shown == {"file": path, "ok": False, "problems": result.stderr.splitlines()}


def test_check_reads_the_file_before_it_loads_plugins(invoke, write):
    result = invoke("check", write("plugins: [\n"))
    assert (result.exit_code, invoke.asked) == (3, [])
    assert invoke("check", "nowhere.yaml").stderr == (
        "nowhere.yaml:1: (file): there is no such file; check the path\n"
    )
    result = invoke("check", write("plugins: {ghost: {}}\n"))
    assert (result.exit_code, result.stderr) == (
        4,
        "polyframe: error: no installed distribution offers 'ghost'\n",
    )


def test_check_diff_is_a_table_of_what_differs(invoke, write, base):
    same = invoke("check", write(base), "--diff", "paper", "production").stdout.splitlines()
    assert same[0] == "s.yaml: paper and production do not differ"
    assert re.fullmatch("arm: [0-9a-f]{12}", same[1])
    text = base.replace("paper: {}", "paper: {feed: {max_book_age_s: 120}, name: a}")
    text = text.replace("production: {}", "production: {feed: {max_book_age_s: 5}, name: b}")
    table, _, arm = invoke("check", write(text), "--diff", "paper", "production").stdout.rpartition(
        "arm: "
    )
    assert table == (
        "key                  paper  production  unit\n"
        "name                 a      b           name\n"
        "feed.max_book_age_s  120.0  5.0         s\n"
    )
    assert arm.strip() != same[1].removeprefix("arm: ")
    forward = invoke("check", "s.yaml", "--diff", "paper", "production", "--json").stdout
    assert json.loads(forward)["arm"] == arm.strip()
    shown = json.loads(invoke("check", "s.yaml", "--diff", "production", "paper", "--json").stdout)
    assert shown["profiles"] == ["production", "paper"]
    assert "arm" not in shown
    assert shown["differences"][1] == {
        "path": "feed.max_book_age_s",
        "values": [5.0, 120.0],
        "unit": "s",
    }
    both = invoke("check", "s.yaml", "--diff", "paper", "production", "--profile", "paper")
    assert both.exit_code == 2


def test_schema_covers_the_plugins_the_file_names(invoke, write, base):
    result = invoke("schema", write(base))
    assert result.exit_code == 0, result.output
    schema = json.loads(result.stdout)
    Draft202012Validator.check_schema(schema)
    assert list(schema["properties"]["plugins"]["properties"]) == ["score", "guard"]


def test_schema_without_a_file_asks_for_the_built_in_plugins(invoke):
    assert invoke("schema").exit_code == 4
    assert invoke.asked == [
        (["qs", "rrs", "markout", "portfolio_risk", "maker", "truth_report"], False)
    ]


def test_check_says_what_is_sound_on_paper_where_production_wants_more(invoke, write, base):
    result = invoke("check", write(base.partition("limits:")[0]))
    assert result.exit_code == 3
    [sound] = result.stdout.splitlines()
    assert sound.startswith("s.yaml: paper: ok, ")
    assert [": must be written for production" in line for line in result.stderr.splitlines()] == [
        True
    ] * 6
    assert invoke("check", "s.yaml", "--profile", "paper").exit_code == 0
