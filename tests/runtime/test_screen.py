"""The live screen: legible in a small terminal, whatever a market calls itself."""

import io

import pytest
from rich.console import Console

from polyframe.runtime.status import _quotes
from runtime_driver import Driver, spec

HOSTILE = (
    "\x1b[2J\x1b]0;title\x07[red]Will it[/red] \u202eend \r\nbefore the year is over, or after?"
)


def shown(engine, width):
    console = Console(file=io.StringIO(), width=width, color_system=None, legacy_windows=False)
    console.print(_quotes(engine))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [66, 200])
def test_a_market_takes_two_lines_at_most_and_its_title_is_text(width):
    driver = Driver()
    names = [f"m{number}" for number in range(1, 5)]
    driver.start(*(spec(name, question=HOSTILE) for name in names))
    for name in names:
        driver.book(1, 48, 52, market=name)
    driver.engine.active = list(names)
    text = shown(driver.engine, width)
    body = text.partition("┡")[2]
    assert len(body.splitlines()) <= 2 * len(names) + 2
    assert not {"\x1b", "\x07", "\r", "\u202e"} & set(text)
    if width == 200:
        assert "[red]Will it[/red]" in body
