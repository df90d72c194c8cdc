"""Standard output that holds nobody up, whoever reads it or does not."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import pytest

from polyframe.runtime.status import PlainStatus, RunLog
from polyframe.runtime.terminal import Terminal

LINE = "x" * 1000


@pytest.fixture
def pipe() -> Iterator[tuple[TextIO, TextIO]]:
    theirs, ours = os.pipe()
    with (
        os.fdopen(theirs, "r", encoding="utf-8") as read,
        os.fdopen(ours, "w", encoding="utf-8") as write,
    ):
        yield read, write


def lines_until_full(status: PlainStatus) -> int:
    """Write lines that nobody reads until they are dropped; return how many were taken."""
    taken = 0
    while not status._missed:
        status.line(f"Line {taken}", {"text": LINE})
        taken += 1
    return taken - 1


def test_what_is_read_comes_whole_and_in_order(pipe: tuple[TextIO, TextIO]) -> None:
    read, write = pipe
    status = PlainStatus(Terminal(write), RunLog(None, lambda: 0))
    for number in range(20):
        status.line("Line", {"number": number})
    assert status.close()
    write.close()
    assert [line.split("number=")[1] for line in read] == [f"{n}\n" for n in range(20)]


def test_nobody_waits_for_a_reader_and_what_is_missing_is_said(
    pipe: tuple[TextIO, TextIO], tmp_path: Path
) -> None:
    read, write = pipe
    status = PlainStatus(Terminal(write), RunLog(tmp_path / "log.txt", lambda: 0))
    taken = lines_until_full(status)
    for number in range(taken):
        assert read.readline().split()[1:3] == ["Line", str(number)]
    status.line("Last", {})
    assert status.close()
    write.close()
    rest = [line.split(" ", 1)[1] for line in read]
    assert rest == ["Lines not shown count=1 kept=log.txt\n", "Last\n"]
    kept = (tmp_path / "log.txt").read_text().splitlines()
    assert len(kept) == taken + 2


def test_the_end_waits_for_nobody_either(pipe: tuple[TextIO, TextIO]) -> None:
    _, write = pipe
    terminal = Terminal(write)
    while terminal.write(LINE):
        pass
    assert not terminal.close(within_s=0.01)


def test_a_reader_that_has_gone_is_told_of(pipe: tuple[TextIO, TextIO], tmp_path: Path) -> None:
    read, write = pipe
    status = PlainStatus(Terminal(write), RunLog(tmp_path / "log.txt", lambda: 0))
    read.close()
    with pytest.raises(BrokenPipeError):
        lines_until_full(status)
    assert status.close()
    *_, last = (tmp_path / "log.txt").read_text().splitlines()
    assert " Line " in last


def test_a_line_is_shown_where_the_disk_is_full(pipe: tuple[TextIO, TextIO]) -> None:
    read, write = pipe
    status = PlainStatus(Terminal(write), RunLog(Path("/dev/full"), lambda: 0))
    with pytest.raises(OSError, match="No space"):
        status.line("Account not saved", {})
    with suppress(OSError):
        status.close()
    write.close()
    assert read.read().endswith("Account not saved\n")


def test_what_is_no_file_of_the_systems_is_written_directly() -> None:
    out = io.StringIO()
    terminal = Terminal(out)
    assert terminal.write("a line\n") == 7
    assert out.getvalue() == "a line\n"
    assert not terminal.isatty()
    assert terminal.close()


def test_a_closed_standard_output_takes_everything_and_shows_nothing() -> None:
    terminal = Terminal(None)
    assert terminal.write("a line\n") == 7
    terminal.flush()
    assert not terminal.isatty()
    assert terminal.close()
