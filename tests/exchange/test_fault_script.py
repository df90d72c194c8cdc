"""Fault scripts: what they may say, how they are refused, and that the schema says the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from polyframe.cli import main
from polyframe.errors import StrategyError
from polyframe.exchange.faults.catalogue import KINDS, summary
from polyframe.exchange.faults.fault import Fault
from polyframe.exchange.faults.script import (
    fault_of,
    kind_schema,
    parse_script,
    read_script,
    script_schema,
)
from polyframe.exchange.faults.venue_kinds import Halt, Mode

REQUIRED: dict[str, dict[str, Any]] = {
    "mode": {"mode": "cancel_only"}, "fee_change": {"rate": 0.1}, "min_size_change": {"shares": 9},
}  # fmt: skip


def test_every_kind_is_written_by_its_name_alone_or_with_what_it_needs() -> None:
    lines = [
        msgspec.json.encode({"kind": kind, **REQUIRED.get(kind, {})}).decode() for kind in KINDS
    ]
    script = parse_script("seed: 3\nfaults:\n" + "".join(f"  - {line}\n" for line in lines))
    assert [one.kind for one in script.faults] == list(KINDS)
    assert script.seed == 3
    document = {"faults": [msgspec.json.decode(line) for line in lines]}
    Draft202012Validator(script_schema()).validate(document)
    assert len({one.group for one in script.faults}) == 5


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_has_a_unit_bounds_and_a_meaning(kind: str) -> None:
    schema = kind_schema(kind)
    assert schema["additionalProperties"] is False
    assert summary(kind).endswith(".")
    for name, field in schema["properties"].items():
        if name == "kind":
            continue
        branches = field.get("anyOf", [field])
        assert branches[0].get("description"), name
        for branch in branches:
            if branch.get("type") in ("number", "integer"):
                assert {"minimum", "exclusiveMinimum"} & branch.keys(), name
                assert {"maximum", "exclusiveMaximum"} & branch.keys(), name


def test_a_script_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text("faults:\n  - kind: halt\n    market: '3'\n    at_s: 60\n    for_s: 30\n")
    (fault,) = read_script(path).faults
    assert fault == Halt(market="3", at_s=60.0, for_s=30.0)
    with pytest.raises(StrategyError, match="no such file"):
        read_script(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("faults:\n  - kind: dorp", "f:2: faults[0].kind: there is no fault of kind 'dorp'; did"),
        ("faults:\n  - share: 0.1", "f:2: faults[0].kind: is missing; choose one of"),
        ("faults:\n  - drop", "f:2: faults[0]: is not a fault; write '- kind: drop'"),
        ("faults:\n  - kind: drop\n    share: 12", "f:3: faults[0].share: 12 is out of bounds"),
        ("faults:\n  - kind: drop\n    shar: 1", "did you mean share?"),
        ("faults:\n  - kind: drop\n    for_s: 2s", "f:3: faults[0].for_s: expected a number"),
        ("faults:\n  - {kind: mode}", "f:2: faults[0].mode: is missing and has no default"),
        ("faults:\n  - {kind: mode, mode: off}", "f:2: faults[0].mode: 'off' is not one of"),
        ("faults:\n  - {kind: drop, every_s: 2, for_s: 3}", "for_s is longer than every_s"),
        ("faults:\n  - {kind: drop, every_s: 1e-9}", "f:2: faults[0].every_s: 1e-09 is out of"),
        ('faults:\n  - {kind: redirect, location: "a\\r\\nb"}', "location holds a line break"),
        ("faults: 3", "f:1: faults: expected a list"),
        ("sed: 3", "f:1: sed: unknown key; did you mean seed?"),
        ("seed: -1", "f:1: seed: -1 is out of bounds"),
        ("faults:\n  - &a {kind: drop}", "the anchor &a is not used"),
    ],
)
def test_mistakes_name_file_line_and_what_to_do(text: str, problem: str) -> None:
    with pytest.raises(StrategyError) as refused:
        parse_script(text, "f")
    assert any(problem in line for line in refused.value.problems), refused.value.problems


def test_a_number_that_is_none_is_told_once() -> None:
    with pytest.raises(StrategyError) as refused:
        parse_script("faults:\n  - {kind: drop, share: .nan}", "f")
    (line,) = refused.value.problems
    assert line.startswith("f:2: faults[0].share: .nan is not a finite number")


def test_one_fault_from_plain_data() -> None:
    assert fault_of({"kind": "mode", "mode": "disabled"}) == Mode(mode="disabled")
    for value in (None, 3, {"kind": 3}, {"kind": "drop", "share": "much"}):
        with pytest.raises(StrategyError):
            fault_of(value)


def test_every_kind_is_injected_somewhere() -> None:
    texts = [path.read_text() for path in Path(__file__).parent.glob("test_fault_*.py")]
    untried = [
        kind
        for kind, found in KINDS.items()
        if not any(re.search(rf"\b{found.__name__}\(", text) for text in texts)
    ]
    assert untried == []


def test_the_schema_is_printed_for_editors() -> None:
    printed = CliRunner().invoke(main, ["schema", "--faults"])
    assert msgspec.json.decode(printed.output) == script_schema()
    refused = CliRunner().invoke(main, ["schema", "--faults", "a.yaml"])
    assert (refused.exit_code, refused.stdout) == (2, "")


def test_openings() -> None:
    fault = Fault.__subclasses__()[0](at_s=10.0, for_s=5.0, every_s=20.0)
    seconds = {9: None, 10: 0, 14: 0, 15: None, 29: None, 30: 1, 50: 2}
    assert {second: fault.window(second * 10**9) for second in seconds} == seconds
    for_ever = Fault.__subclasses__()[0](at_s=10.0)
    assert for_ever.window(10**18) == 0


def test_the_example_is_a_script_and_the_readme_names_one_that_exists() -> None:
    root = Path(__file__).parents[2]
    script = read_script(root / "examples" / "bad-day.faults.yaml")
    assert len({fault.kind for fault in script.faults}) == len(script.faults) >= 9
    named = re.findall(r"--faults (\S+)", (root / "README.md").read_text(encoding="utf-8"))
    assert named
    assert all((root / one).is_file() for one in named)
