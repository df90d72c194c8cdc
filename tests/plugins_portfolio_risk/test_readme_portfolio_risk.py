"""The README's settings table is the Config, row by row."""

from __future__ import annotations

from pathlib import Path
from typing import get_type_hints

import msgspec

from polyframe_portfolio_risk import PortfolioRisk

README = Path(__file__).parents[2] / "plugins" / "portfolio_risk" / "README.md"


def test_the_settings_table_is_the_config():
    hints = get_type_hints(PortfolioRisk.Config, include_extras=True)
    for field in msgspec.structs.fields(PortfolioRisk.Config):
        (meta,) = hints[field.name].__metadata__
        default = field.default if isinstance(field.default, str) else f"{field.default:g}"
        unit = meta.extra_json_schema["unit"]
        assert f"| `{field.name}` | {default} | {unit} |" in README.read_text(encoding="utf-8")


def test_every_veto_code_is_explained():
    text = README.read_text(encoding="utf-8")
    assert [code for code in PortfolioRisk.codes if f"| `{code}` |" not in text] == []
