"""One account, one engine; a lock that dies with its holder; a switch that is thrown in doubt."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from polyframe.errors import PolyframeError, UsageError
from polyframe.polymarket.hosts import LIVE_URLS, loopback_urls
from polyframe.runtime.live import account_folder
from polyframe.runtime.live.account_folder import AccountFolder, Kill, accounts_in, source_of

ADDRESS = "0x" + "aB" * 20
SIGNER = "0x" + "12" * 20


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A temp directory of the machine that is this test's own."""
    root = tmp_path / "machine"
    root.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(root))
    monkeypatch.setenv("TMPDIR", str(root))
    return root


@pytest.fixture
def folder(tmp_path):
    return AccountFolder(tmp_path / "state", "live", ADDRESS)


@contextmanager
def engine(folder, signer=""):
    """Another process that holds the account until it is killed."""
    code = (
        "import sys, pathlib\n"
        "from polyframe.runtime.live.account_folder import AccountFolder\n"
        f"folder = AccountFolder(pathlib.Path({str(folder.path.parent)!r}), 'live', {ADDRESS!r})\n"
        f"with folder.lock({signer!r}):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


# --- the folder ---------------------------------------------------------------------------


def test_the_folder_is_ours_alone(folder, tmp_path):
    folder.make()
    folder.make()
    assert folder.path == tmp_path / "state" / f"live-{ADDRESS.lower()}"
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert folder.store_path == folder.path / "account.sqlite"
    folder.path.chmod(0o750)
    with pytest.raises(UsageError, match="run: chmod 700"):
        folder.make()
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be made: Not a directory"):
        AccountFolder(tmp_path / "file", "live", ADDRESS).make()


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("live", "0x12"),
        ("live", "../" + ADDRESS),
        ("../live", ADDRESS),
        ("", ADDRESS),
        ("a/b", ADDRESS),
    ],
)
def test_only_accounts_have_folders(tmp_path, source, address):
    with pytest.raises(UsageError, match="names no account"):
        AccountFolder(tmp_path, source, address)


def test_venues_have_names_and_accounts_are_found(tmp_path):
    assert source_of(LIVE_URLS) == "live"
    loopback = source_of(loopback_urls("http://127.0.0.1:8137/"))
    assert loopback == "loopback-8137"
    assert accounts_in(tmp_path / "state") == []
    for source in ("live", loopback):
        AccountFolder(tmp_path / "state", source, ADDRESS).make()
    (tmp_path / "state" / "notes").mkdir()
    assert accounts_in(tmp_path / "state") == [
        ("live", ADDRESS.lower()),
        ("loopback-8137", ADDRESS.lower()),
    ]


# --- the lock ---------------------------------------------------------------------------------


def test_a_second_engine_gets_one_line_with_the_first_ones_pid(folder):
    assert folder.holder() is None
    with engine(folder) as process:
        with pytest.raises(UsageError) as caught, folder.lock():
            pass
        text = str(caught.value)
        assert f"process {process.pid} trades for it already in {folder.path}" in text
        assert "\n" not in text
        assert folder.holder() == (process.pid, str(folder.path))
    with folder.lock():
        assert folder.holder() == (os.getpid(), str(folder.path))
    assert folder.holder() is None


def test_the_lock_is_free_again_after_sigkill(folder):
    with engine(folder) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        with folder.lock():
            pass


def test_two_state_folders_of_one_account_collide(folder, tmp_path):
    elsewhere = AccountFolder(tmp_path / "elsewhere", "live", ADDRESS.lower())
    with engine(folder) as process:
        with pytest.raises(UsageError, match=f"process {process.pid}"), elsewhere.lock():
            pass
        assert elsewhere.holder() == (process.pid, str(folder.path))
        # Another venue's account of the same address is another account.
        with AccountFolder(tmp_path / "state", "loopback-1", ADDRESS).lock():
            pass


def test_two_wallets_of_one_key_collide_where_the_key_is_named(folder, tmp_path):
    other = AccountFolder(tmp_path / "state", "live", "0x" + "cd" * 20)
    with engine(folder, SIGNER) as process:
        with other.lock():
            pass
        with pytest.raises(UsageError, match=f"process {process.pid}"), other.lock(SIGNER):
            pass


def test_what_fails_half_way_holds_nothing(folder, machine):
    (machine / f"polyframe-{os.geteuid()}-live-{ADDRESS.lower()}.lock").mkdir()
    with pytest.raises(UsageError, match="cannot be locked"), folder.lock():
        pass
    assert folder.holder() is None


def test_a_link_in_the_temp_directory_is_not_followed(folder, machine, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (machine / f"polyframe-{os.geteuid()}-live-{ADDRESS.lower()}.lock").symlink_to(victim)
    with pytest.raises(UsageError, match="cannot be locked"), folder.lock():
        pass
    assert victim.read_text() == "precious"


def test_somebody_who_has_not_said_who_holds_it_all_the_same(folder):
    with folder.lock():
        (folder.path / "lock").write_text("")
        assert folder.holder() == (0, "")
        with pytest.raises(UsageError, match=r"process \? trades"), folder.lock():
            pass


# --- the kill switch -----------------------------------------------------------------------------


def test_thrown_and_taken_back(folder):
    assert folder.killed() is None
    with pytest.raises(UsageError, match="nothing is to be resumed"):
        folder.resume()
    thrown = folder.kill("fat finger\nin the strategy", "anna")
    assert folder.killed() == thrown == folder.kill("later", "bert")
    assert thrown.when.endswith("+00:00")
    assert (thrown.by, thrown.why) == ("anna", "fat finger\nin the strategy")
    told = json.loads((folder.path / "KILL").read_text())
    assert set(told) == {"when", "by", "why"}
    assert stat.S_IMODE((folder.path / "KILL").stat().st_mode) == 0o600
    assert folder.resume() == thrown
    assert folder.killed() is None
    assert list(folder.path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b"\xff", b"[" * 99_999, b'{"when": 1}'])
def test_a_switch_that_cannot_be_read_is_thrown(folder, content):
    folder.make()
    (folder.path / "KILL").write_bytes(content)
    killed = folder.killed()
    assert killed is not None
    assert killed.when == ""
    assert "cannot be read" in killed.why
    assert folder.kill("a reason", "me").why == "a reason"
    assert folder.resume().why == "a reason"


def test_a_switch_that_is_no_file_is_thrown(folder):
    folder.make()
    (folder.path / "KILL").mkdir()
    assert folder.killed() is not None
    with pytest.raises(PolyframeError, match="cannot be removed"):
        folder.resume()
    (folder.path / "KILL").rmdir()
    (folder.path / "KILL").symlink_to("nowhere")
    assert folder.killed() is not None


def test_it_is_on_disk_before_anybody_hears_of_it(folder, monkeypatch):
    """Written beside, flushed, moved into place, and the folder flushed too, in this order."""
    steps = []
    real_sync, real_replace = os.fsync, Path.replace

    def fsync(opened):
        is_folder = stat.S_ISDIR(os.fstat(opened).st_mode)
        steps.append("flush folder" if is_folder else "flush file")
        real_sync(opened)

    def replace(self, target):
        steps.append("replace")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    folder.kill("x", "y")
    assert steps == ["flush file", "replace", "flush folder"]


def test_a_full_disk_is_said_and_leaves_nothing_behind(folder, monkeypatch):
    folder.make()

    def full(opened):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(account_folder.os, "fsync", full)
    with pytest.raises(PolyframeError, match="No space left on device; stop the engine itself"):
        folder.kill("x", "y")
    assert list(folder.path.iterdir()) == []


def test_a_kill_says_three_things():
    assert Kill._fields == ("when", "by", "why")
