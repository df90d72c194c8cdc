"""Other Pythons, and what is seen of a plugin's own lines in them."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from polyframe.testing import PluginContract, Scenario, subject_of
from polyframe.testing.elsewhere import SEEDS, elsewhere
from polyframe.testing.outside import watched
from tight_guard import Guard

_FIRST = "print(*(next(iter(pair)) for pair in ({'bid', 'ask'}, {'YES', 'NO'}, {'buy', 'sell'})))"


def test_the_seeds_disagree_on_what_a_market_has_two_of() -> None:
    orders = [
        subprocess.run(
            [sys.executable, "-c", _FIRST],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for seed in SEEDS
    ]
    assert [len(set(firsts)) for firsts in zip(*orders, strict=True)] == [2, 2, 2]


def test_after_comes_after_the_restart() -> None:
    def after(world: Scenario) -> None:
        world.book("30c x 5 | 31c x 5", at_s=7, market="0xafter", label="afterwards")

    subject = subject_of(Guard, name="guard", after=after)
    way = subject.tour
    assert "afterwards" not in [moment.label for moment in way.before]
    assert "afterwards" in [moment.label for moment in way.after]
    restarted = elsewhere(subject).restarted
    assert restarted is not None
    assert "0xafter" in {line.market_id for line in restarted.lines}
    assert PluginContract.after.__doc__


LIBRARY = """
import os, time
HOME = os.environ.get("HOME")
STARTED = time.time()
"""
OWN = """
import logging, library_that_reads_the_clock
from pathlib import Path
TEXT = Path(__file__).read_text()
"""


def test_what_a_library_does_when_imported_is_its_own_business(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "library_that_reads_the_clock.py").write_text(LIBRARY)
    own = tmp_path / "own_module.py"
    own.write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    told: list[str] = []
    with watched(told.append, home=str(own), may_read=True, own_only=True):
        __import__("own_module")
    assert told == []
    own.write_text(OWN + LIBRARY)
    del sys.modules["own_module"]
    with watched(told.append, home=str(own), may_read=True, own_only=True):
        __import__("own_module")
    assert [text.partition(",")[0] for text in told] == [
        "reads the environment (os.environ",
        "reads the clock (time.time",
    ]


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: time.gmtime(5), None),
        (lambda: time.gmtime(), "reads the clock"),
        (lambda: time.strftime("%H", time.gmtime(5)), None),
        (lambda: time.strftime("%H"), "reads the clock"),
        (lambda: time.ctime(), "reads the clock"),
        (lambda: time.localtime(5), "reads the time zone"),
        (lambda: datetime.datetime.fromtimestamp(5, datetime.UTC), None),
        (lambda: datetime.datetime.fromtimestamp(5, tz=datetime.UTC), None),
        (lambda: datetime.datetime.fromtimestamp(5), "reads the time zone"),  # noqa: DTZ006
        (lambda: threading.Lock().acquire(False), None),
        (lambda: threading.Lock().acquire(True, 1), "waits for a time"),
        (lambda: threading.Event().wait(0.001), "waits for a time"),
        (lambda: Path("/no/such").exists(), "looks at a file (os.stat"),
        (lambda: os.access("/no/such", 0), "looks at a file (os.access"),
        (lambda: os.path.lexists("/no/such"), "looks at a file (os.lstat"),
    ],
)
def test_what_is_told_and_what_is_not(act: Callable[[], object], words: str | None) -> None:
    told: list[str] = []
    with watched(told.append):
        act()
    assert [text.startswith(words or "?") for text in told[:1]] == ([True] if words else [])


def test_reading_a_file_may_be_allowed_and_writing_is_not(tmp_path: Path) -> None:
    told: list[str] = []
    with watched(told.append, may_read=True):
        assert Path(__file__).exists()
        Path(__file__).read_bytes()
        list(tmp_path.iterdir())
    assert told == []
    with watched(told.append, may_read=True):
        (tmp_path / "new").write_bytes(b"")
    assert told
