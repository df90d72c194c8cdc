"""The live screen: legible in a small terminal, whatever a market calls itself."""

import io

import pytest
from rich.console import Console

from polyframe.runtime.status import _quotes
from runtime_driver import Driver, spec

TITLES = {
    "m1": "Will a barrel of oil cost more than $90 at the end of May?",
    "m2": "\x1b[2J\x1b]0;title\x07[red]Will it[/red] \u202eend \r\nthis year?",
}


def shown(width):
    driver = Driver()
    driver.start(*(spec(name, question=title) for name, title in TITLES.items()))
    for name in TITLES:
        driver.book(1, 48, 52, market=name)
    driver.engine.active = tuple(TITLES)
    console = Console(file=io.StringIO(), width=width, color_system=None, legacy_windows=False)
    console.print(_quotes(driver.engine))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [66, 80, 200])
def test_a_title_takes_one_line(width):
    below_the_head = shown(width).partition("┡")[2].splitlines()
    assert len(below_the_head) == 1 + len(TITLES) + 1


def test_a_title_is_text_and_steers_nothing():
    text = shown(200)
    assert "[red]Will it[/red]" in text
    assert not {"\x1b", "\x07", "\r", "\u202e"} & set(text)
