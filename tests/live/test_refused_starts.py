"""A refused start: told in one line, before anything is asked, and nothing is left of it."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from click.testing import CliRunner

from exchange_side import WALLET, exchange_of
from polyframe.cli import credentials, main
from polyframe.errors import VenueError
from polyframe.runtime import venues
from polyframe.runtime.live.account_folder import AccountFolder
from polyframe.runtime.live.arming import arm_hash
from polyframe.runtime.plugins import configs_of, load_plugin_classes
from polyframe.strategy import PROFILES, check_profiles, read_source, requests_of
from triggers import changed
from watched_run import trading
from written_limits import WRITTEN_LIMITS

FILE = f"""\
name: armed
{WRITTEN_LIMITS}plugins: {{maker: {{}}}}
profiles: {{paper: {{}}, production: {{}}}}
"""
RICH = changed(("bankroll_usd: 1000", "bankroll_usd: 1000000000"))


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """A folder of its own, and nothing that could be asked or opened."""

    def never(*_: object, **__: object) -> None:
        raise AssertionError("asked although it was to be refused")

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PAPER_MODE", raising=False)
    monkeypatch.setattr(venues, "_probe", never)
    monkeypatch.setattr(credentials, "load", never)
    return tmp_path


def armed(path: Path) -> str:
    path.write_text(FILE)
    source = read_source(path)
    classes = load_plugin_classes(requests_of(source), production=True)
    found = check_profiles(source, PROFILES, configs_of(classes))
    return arm_hash(found["paper"], found["production"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--venue", "live", "--speed", "5"], "live time is 1"),
        (["--venue", "recording:day.zst"], "a recording takes no orders"),
        (["--venue", "https://example.org"], "only a loopback URL"),
        (["--venue", "nonsense"], "choose live, embedded"),
    ],
)
def test_what_no_venue_can_be_opened_by_is_refused_before_a_key_is_read(offline, arguments, words):
    path = offline / "s.yaml"
    done = CliRunner().invoke(
        main, ["run", str(path), "--profile", "production", "--arm", armed(path), *arguments]
    )
    assert done.exit_code == 2, done.output
    assert words in done.output
    assert len(done.output.splitlines()) == 1
    assert not (offline / "state").exists()
    assert not (offline / "runs").exists()


@pytest.mark.parametrize("is_kept", [False, True])
def test_a_refused_start_leaves_no_account_behind_that_was_not_there(
    tmp_path, monkeypatch, is_kept
):
    monkeypatch.chdir(tmp_path)

    async def whole() -> None:
        async with exchange_of(8.0) as exchange:
            source = f"loopback-{exchange.urls.clob_url.rsplit(':')[-1]}"
            folder = AccountFolder(tmp_path / "state", source, WALLET)
            if is_kept:
                folder.make()
            async with trading(tmp_path, exchange, text=RICH, orders=0) as run:
                await run.finished.wait()
            assert isinstance(run.error, VenueError)
            assert "less than capital.bankroll_usd" in str(run.error)
            assert folder.path.exists() is is_kept
            # Whoever starts again with a file that does finds the way free.
            async with trading(tmp_path, exchange) as again:
                result = await again.stop()
            assert not result["left_unproved"]
            assert folder.store_path.exists()

    anyio.run(whole)


def test_what_somebody_else_has_put_there_stays(tmp_path):
    folder = AccountFolder(tmp_path, "live", WALLET)
    with folder.lock():
        folder.store_path.touch()
    folder.kill("look first", "a test")
    folder.remove_unused()
    assert folder.killed() is not None
    assert folder.store_path.exists()
    folder.resume()
    with folder.lock():
        folder.remove_unused()  # somebody trades with it
        assert folder.store_path.exists()
    folder.remove_unused()
    assert not folder.path.exists()
    folder.remove_unused()  # there is none any more: nothing to say


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("status", "[default: at any venue]"),
        ("orders", "[default: at any venue]"),
        ("positions", "[default: at any venue]"),
        ("resume", "[default: at any venue]"),
        ("kill", "[default: wherever the account has a folder; live where it has none]"),
        ("cancel-all", "[default: live]"),
        ("doctor", "[default: live]"),
    ],
)
def test_help_says_which_venue_is_meant_when_none_is_named(verb, words):
    told = CliRunner().invoke(main, [verb, "--help"], terminal_width=80).output
    assert words in " ".join(told.split())
