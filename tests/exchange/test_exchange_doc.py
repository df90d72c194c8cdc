"""docs/exchange.md against the code: kinds, options, routes, variables, the example script."""

from __future__ import annotations

import re
from pathlib import Path

from fault_reference import COMMON, SCOPES, reference
from polyframe.cli.exchange import command
from polyframe.exchange.faults.script import parse_script
from venue_routes import ROUTES

TEXT = (Path(__file__).parents[2] / "docs" / "exchange.md").read_text(encoding="utf-8")


def test_the_reference_is_what_the_schema_says() -> None:
    told = re.search(r"<!-- kinds.*?-->\n\n(.*?)\n\n<!-- end of kinds -->", TEXT, re.DOTALL)
    assert told is not None
    assert told[1] == reference(), "write tests/support/fault_reference.py's text into the document"
    for name in (*COMMON[1:], *SCOPES):
        assert f"`{name}`" in TEXT


def test_the_example_is_a_script() -> None:
    example = re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert example is not None
    assert len(parse_script(example[1]).faults) == 5


def test_options_admin_routes_and_variables_are_all_there() -> None:
    options = {name for one in command.params for name in one.opts}
    assert {name for name in options if f"`{name}" not in TEXT} == set()
    admin = {key for key in ROUTES if "/admin/" in key}
    assert {key for key in admin if f"`{key}`" not in TEXT} == set()
    for name in ("CLOB_URL", "GAMMA_URL", "DATA_URL", "WS_MARKET_URL", "WS_USER_URL", "CHAIN_ID"):
        assert f"`POLYMARKET_{name}`" in TEXT


def test_every_point_names_a_test_that_exists() -> None:
    section = TEXT.partition("## The thirty points")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \|(.*)\|$", section, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 31))
    tests = Path(__file__).parents[1]
    existing = {
        name
        for folder in ("exchange", "exchange_clients")
        for path in (tests / folder).rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))
    }
    for number, row in rows:
        named = set(re.findall(r"`(test_\w+)`", row))
        assert named, f"point {number} names no test"
        assert named <= existing, named - existing
