"""Each built-in plugin's README says what its Config and its codes are, row by row."""

from __future__ import annotations

from importlib import import_module
from typing import Any, get_type_hints

import msgspec
import pytest

from source_tree import ROOT

CLASSES = {
    "maker": "Maker",
    "markout": "Markout",
    "parity_arb": "ParityArb",
    "portfolio_risk": "PortfolioRisk",
    "qs": "Qs",
    "rrs": "Rrs",
    "satellite": "Satellite",
    "truth_report": "TruthReport",
}
# Name, default, unit, floor and description, exactly as the Config has them.
WHOLE_ROWS = {"parity_arb", "satellite"}
# Name, default and unit.
WITH_UNITS = {"maker", "qs", "portfolio_risk"}


def plugin(name: str) -> Any:
    return getattr(import_module(f"polyframe_{name}"), CLASSES[name])


def readme(name: str) -> str:
    return (ROOT / "plugins" / name / "README.md").read_text(encoding="utf-8")


def row(name: str, field: msgspec.structs.FieldInfo) -> str:
    (meta,) = get_type_hints(plugin(name).Config, include_extras=True)[field.name].__metadata__
    extra = meta.extra_json_schema
    default = field.default if isinstance(field.default, str) else f"{field.default:g}"
    floor = ""
    if "productionMax" in extra:
        floor = f"at most {extra['productionMax']:g}"
    if "productionMin" in extra:
        floor = f"at least {extra['productionMin']:g}"
    if "productionRequired" in extra:
        floor = f"{floor}; must be written".removeprefix("; ")
    if name in WHOLE_ROWS:
        cells = (f"`{field.name}`", default, extra["unit"], floor, meta.description)
        return f"| {' | '.join(cells)} |"
    return f"| `{field.name}` | {default} | {extra['unit']} |"


def test_no_plugin_is_forgotten():
    assert sorted(CLASSES) == sorted(path.name for path in (ROOT / "plugins").iterdir())


@pytest.mark.parametrize("name", sorted(WHOLE_ROWS | WITH_UNITS))
def test_the_settings_table_is_the_config(name):
    text = readme(name)
    rows = [row(name, field) for field in msgspec.structs.fields(plugin(name).Config)]
    assert [each for each in rows if each not in text] == []


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_setting_and_code_is_named(name):
    text = readme(name)
    names = [field.name for field in msgspec.structs.fields(plugin(name).Config)]
    assert [each for each in (*names, *plugin(name).codes) if f"`{each}`" not in text] == []


@pytest.mark.parametrize("name", ["parity_arb", "satellite"])
def test_every_refusal_is_explained(name):
    refusals = import_module(f"polyframe_{name}.proposal").REFUSALS
    assert [reason for reason in refusals if f"`{reason}`" not in readme(name)] == []


@pytest.mark.parametrize("name", ["maker", "parity_arb", "portfolio_risk", "qs", "satellite"])
def test_every_code_has_a_row(name):
    text = readme(name)
    assert [code for code in plugin(name).codes if f"| `{code}` |" not in text] == []
