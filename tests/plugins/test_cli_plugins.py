"""``polyframe plugins``: what is installed and what it does, and ``show`` explains one plugin."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import msgspec
import pytest
from click.testing import CliRunner

import polyframe
from polyframe import setting
from polyframe.cli.plugins import command, settings_of
from polyframe.errors import PluginNotFound, PluginRefused

SOURCE = '''
    from typing import Annotated

    import msgspec
    import polyframe
    from polyframe import Plugin, Veto, hookimpl, setting

    class Inner(polyframe.Config):
        wait_s: Annotated[float, setting("how long", unit="s", gt=0, production_max=5)] = 2.0

    class Guard(Plugin):
        """Guards [bold]things[/bold]\\x1b[31m.

        More words.
        """

        class Config(polyframe.Config):
            limit: Annotated[int, setting("most of it", unit="count", ge=1, le=9)]
            inner: Inner = msgspec.field(default_factory=Inner)

        codes = ("{name}.much",)
        on_book_when = "top"

        @hookimpl
        def on_book(self, market):
            pass

        @hookimpl
        def pre_quote_veto(self, quote):
            return None
'''


def run(*arguments: str) -> str:
    result = CliRunner(env={"COLUMNS": "160"}).invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_without_import_the_list_names_every_claimant_and_imports_none(install: Any) -> None:
    install("acme-guard", "guard", version="1.2")
    install("zeta-guard", "guard", version="0.9")
    rows = json.loads(run("--no-import", "--json"))
    assert {"name": "maker", "distribution": "polyframe-mm", "version": polyframe.__version__} in (
        rows
    )
    assert [row for row in rows if row["name"] == "guard"] == [
        {"name": "guard", "distribution": "acme-guard", "version": "1.2"},
        {"name": "guard", "distribution": "zeta-guard", "version": "0.9"},
    ]
    table = run("--no-import")
    assert "acme-guard" in table
    assert "guard has 2 claimants" in table
    assert not {"acme_guard", "zeta_guard"} & set(sys.modules)


def test_the_list_says_what_each_plugin_does(install: Any) -> None:
    install("acme-guard", "guard", version="1.2", source=SOURCE)
    rows = {row["name"]: row for row in json.loads(run("--json"))}
    guard = rows["guard"]
    assert guard["hooks"] == ["on_book", "pre_quote_veto"]
    assert guard["codes"] == ["guard.much"]
    assert [(one["path"], one["unit"]) for one in guard["settings"]] == [
        ("limit", "count"),
        ("inner.wait_s", "s"),
    ]
    assert guard["fault"] is None
    assert rows["qs"]["codes"]
    assert all(row["fault"] is None for row in rows.values())
    table = run()
    for word in ("much", "pre_quote_veto", "propose_quote", "breaker", "acme-guard 1.2"):
        assert word in table


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("print('noise')\nraise RuntimeError('no\\ngood')", "cannot be imported: RuntimeError"),
        ("import sys\nsys.exit('bye')", "SystemExit: bye"),
        ("Guard = 5", "an int, not a class"),
        (SOURCE.replace("def on_book", "async def on_book"), "Guard.on_book is 'async def'"),
        (SOURCE.replace("wait_s: Annotated[float", "wait_s: Annotated[NoSuchType"), "NameError"),
    ],
)
def test_what_cannot_be_used_says_why_and_breaks_no_list(
    install: Any, source: str, words: str
) -> None:
    install("acme-guard", "guard", source=source)
    rows = {row["name"]: row for row in json.loads(run("--json"))}
    assert words in rows["guard"]["fault"]
    assert "\n" not in rows["guard"]["fault"]
    assert rows["maker"]["hooks"]
    table = run()
    assert "cannot be used" in table
    assert words in " ".join(table.split())
    assert "\x1b" not in table


def test_show_documents_hooks_codes_and_settings(install: Any) -> None:
    install("acme-guard", "guard", source=SOURCE)
    facts = json.loads(run("show", "guard", "--json"))
    assert facts["class"] == "acme_guard:Guard"
    assert facts["on_book_when"] == "top"
    assert list(facts["hooks"]) == ["on_book", "pre_quote_veto"]
    assert facts["hooks"]["on_book"] == {
        "arguments": "market, now_ns",
        "summary": "A market's book changed and is consistent.",
    }
    assert facts["codes"] == ["guard.much"]
    assert facts["settings"] == [
        {
            "path": "limit",
            "type": "integer",
            "unit": "count",
            "default": None,
            "required": True,
            "bounds": [">= 1", "<= 9"],
            "description": "most of it",
        },
        {
            "path": "inner.wait_s",
            "type": "number",
            "unit": "s",
            "default": 2.0,
            "required": False,
            "bounds": ["> 0", "production <= 5"],
            "description": "how long",
        },
    ]


def test_show_for_people_reads_no_markup_and_passes_no_control_characters(install: Any) -> None:
    install("acme-guard", "guard", source=SOURCE)
    shown = run("show", "guard")
    assert "Guards [bold]things[/bold]" in shown
    assert "\x1b" not in shown
    for word in ("pre_quote_veto", "guard.much", "inner.wait_s", "(required)", "production <= 5"):
        assert word in " ".join(shown.split())


def test_show_picks_by_pin_and_refuses_to_guess(install: Any) -> None:
    install("acme-guard", "guard", version="1.0")
    install("zeta-guard", "guard", version="2.0")
    with pytest.raises(PluginNotFound, match="choose one"):
        run("show", "guard")
    facts = json.loads(run("show", "guard", "--json", "--dist", "zeta-guard==2.0"))
    assert facts["distribution"] == "zeta-guard"


def test_show_refuses_what_a_run_would_refuse(install: Any) -> None:
    late = SOURCE.replace("def on_book", "async def on_book")
    install("acme-guard", "guard", source=late)
    with pytest.raises(PluginRefused, match="async def"):
        run("show", "guard")


def test_settings_of_knows_choices_and_optional_values() -> None:
    class Odd(polyframe.Config):
        mode: Annotated[str, msgspec.Meta(description="a word")] = "a"
        cap: Annotated[float, setting("most", unit="usd", ge=0)] | None = None

    mode, cap = settings_of(Odd)
    assert (mode["unit"], mode["description"]) == ("", "a word")
    assert cap["type"] == "number or null"
