"""Real orders leave only under the hash of exactly what was shown."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from polyframe.cli import arming as verb
from polyframe.cli import main
from polyframe.errors import UsageError
from polyframe.runtime import claimants
from polyframe.runtime.live import arming
from polyframe.runtime.live.arming import arm_hash, check_armed
from polyframe.runtime.plugins import configs_of, load_plugin_classes
from polyframe.strategy import check_profiles, read_source, requests_of
from written_limits import WRITTEN_LIMITS

ROOT = Path(__file__).parents[2]
TEXT = f"""\
name: armed
{WRITTEN_LIMITS}plugins: {{qs: {{}}, maker: {{}}}}
profiles:
  paper: {{feed: {{max_book_age_s: 120}}}}
  production: {{feed: {{max_book_age_s: 5}}}}
"""


def both(text, tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(text)
    source = read_source(path)
    classes = load_plugin_classes(requests_of(source), production=False)
    found = check_profiles(source, ["paper", "production"], configs_of(classes))
    return found["paper"], found["production"]


def test_check_ends_with_the_hash_that_arms(tmp_path):
    paper, production = both(TEXT, tmp_path)
    done = CliRunner().invoke(main, ["check", production.path, "--diff", "paper", "production"])
    told = done.stdout.splitlines()[-1].removeprefix("arm: ")
    assert re.fullmatch("[0-9a-f]{12}", told)
    assert (
        told == arm_hash(paper, production) == check_armed(paper, production, f" {told.upper()} ")
    )


def test_every_change_is_another_hash(tmp_path, monkeypatch):
    first = arm_hash(*both(TEXT, tmp_path))
    assert arm_hash(*both("# a comment\n" + TEXT, tmp_path)) == first
    changed = [
        TEXT.replace("max_order_usd: 100", "max_order_usd: 101"),
        TEXT.replace("max_book_age_s: 120", "max_book_age_s: 60"),
        TEXT.replace("max_book_age_s: 5", "max_book_age_s: 4"),
        TEXT.replace("qs: {}, maker: {}", "maker: {}, qs: {}"),
        TEXT.replace("maker: {}", "maker: {base_usd: 51}"),
        TEXT.replace("qs: {}, ", ""),
    ]
    hashes = {arm_hash(*both(text, tmp_path)) for text in changed}
    assert len(hashes | {first}) == len(changed) + 1
    real = claimants.find_claimant

    def newer(name, pin):
        found = real(name, pin)
        return claimants.Claimant(found.name, found.distribution, "99.0", found.entry_point)

    monkeypatch.setattr(arming, "find_claimant", newer)
    assert arm_hash(*both(TEXT, tmp_path)) != first


def test_no_hash_or_another_ones_is_one_line(tmp_path):
    paper, production = both(TEXT, tmp_path)
    good = arm_hash(paper, production)
    for given, said in (
        (None, "wants --arm HASH: see what differs"),
        ("", "wants --arm HASH"),
        (good[:-1], "that is not the hash of"),
        ("é" * 12, "that is not the hash of"),
        ("0" * 12, "has changed since; look at it again with 'polyframe check"),
    ):
        with pytest.raises(UsageError, match=re.escape(said)) as caught:
            check_armed(paper, production, given)
        assert "\n" not in str(caught.value)
        assert production.path in str(caught.value)
        assert caught.value.exit_code == 2
        assert good not in str(caught.value), "the hash is not given away to who did not look"


class Terminal:
    """What the prompt reads, and whether anybody is there."""

    def __init__(self, monkeypatch, typed, *, is_terminal=True):
        self.shown: list[str] = []
        monkeypatch.setattr(verb, "_is_terminal", lambda: is_terminal)
        monkeypatch.setattr(verb.click, "echo", lambda text: self.shown.append(text))
        monkeypatch.setattr(verb.click, "prompt", lambda *args, **named: typed)


def test_alone_it_shows_the_difference_and_asks_for_the_hash(tmp_path, monkeypatch):
    paper, production = both(TEXT, tmp_path)
    good = arm_hash(paper, production)
    terminal = Terminal(monkeypatch, good)
    assert verb.require_armed(paper, production, verb.ASK) == good
    assert any("feed.max_book_age_s" in line for line in terminal.shown)
    assert terminal.shown[-1] == f"arm: {good}"
    for typed, said in (("", "nothing was typed"), ("yes", "not the hash")):
        Terminal(monkeypatch, typed)
        with pytest.raises(UsageError, match=said):
            verb.require_armed(paper, production, verb.ASK)


def test_without_a_terminal_nobody_is_asked(tmp_path, monkeypatch):
    paper, production = both(TEXT, tmp_path)
    Terminal(monkeypatch, arm_hash(paper, production), is_terminal=False)
    with pytest.raises(UsageError, match="asks on a terminal, and there is none"):
        verb.require_armed(paper, production, verb.ASK)
    good = arm_hash(paper, production)
    assert verb.require_armed(paper, production, good) == good


def test_the_option_takes_a_hash_or_stands_alone():
    import click

    @click.command()
    @verb.arm_option
    def command(arm):
        click.echo(repr(arm))

    for args, said in (([], "None"), (["--arm"], "'ask'"), (["--arm", "0a1b"], "'0a1b'")):
        assert CliRunner().invoke(command, args).output.strip() == said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("max_book_age_s: 5", "max_book_age_s: 30"), "feed.max_book_age_s: 30 is looser than"),
        (
            ("paper: {feed", "paper: {venue: {fallback: embedded}, feed"),
            "stands in paper only",
        ),
        (
            ("production: {feed", "production: {venue: {fallback: embedded}, feed"),
            "production trades on the live venue or not at all",
        ),
        (("max_order_usd: 100, ", ""), "limits.max_order_usd: must be written for production"),
    ],
)
def test_a_looser_file_is_refused_in_one_line(tmp_path, change, said):
    path = tmp_path / "s.yaml"
    text = TEXT.replace(*change)
    if "production: {venue" in text:
        text = text.replace("paper: {feed", "paper: {venue: {fallback: embedded}, feed")
    path.write_text(text)
    done = CliRunner().invoke(main, ["check", str(path), "--profile", "production"])
    assert done.exit_code == 3
    (line,) = done.stderr.splitlines()
    assert re.match(rf"{re.escape(str(path))}:\d+: ", line)
    assert said in line


def test_the_strategies_that_come_along_can_be_armed():
    for name in ("maker", "rehearsal"):
        path = str(ROOT / "strategies" / f"{name}.yaml")
        done = CliRunner().invoke(main, ["check", path, "--diff", "paper", "production", "--json"])
        assert re.fullmatch("[0-9a-f]{12}", json.loads(done.stdout)["arm"])
