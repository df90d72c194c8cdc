"""The README's tables are the Config, the refusals and the codes, row by row."""

from __future__ import annotations

from pathlib import Path
from typing import get_type_hints

import msgspec
import pytest

from polyframe_parity_arb import ParityArb
from polyframe_parity_arb.proposal import REFUSALS

README = (Path(__file__).parents[2] / "plugins" / "parity_arb" / "README.md").read_text(
    encoding="utf-8"
)


def row(field: msgspec.structs.FieldInfo) -> str:
    (meta,) = get_type_hints(ParityArb.Config, include_extras=True)[field.name].__metadata__
    extra = meta.extra_json_schema
    default = field.default if isinstance(field.default, str) else f"{field.default:g}"
    floor = ""
    if "productionMax" in extra:
        floor = f"at most {extra['productionMax']:g}"
    if "productionMin" in extra:
        floor = f"at least {extra['productionMin']:g}"
    cells = (f"`{field.name}`", default, extra["unit"], floor, meta.description)
    return f"| {' | '.join(cells)} |"


@pytest.mark.parametrize(
    "field", msgspec.structs.fields(ParityArb.Config), ids=lambda field: field.name
)
def test_the_settings_table_is_the_config(field):
    assert row(field) in README


def test_every_code_and_refusal_is_explained():
    for code in ParityArb.codes:
        assert f"| `{code}` |" in README
    for reason in REFUSALS:
        assert f"`{reason}`" in README
