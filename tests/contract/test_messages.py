"""What the contract test tells when something is wrong is about what is wrong."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest

import polyframe
from polyframe import Veto, hookimpl
from polyframe.testing import CHECKS, ContractBroken, subject_of
from tight_guard import Guard


def message(check: str, kind: type, **settings: Any) -> str:
    with pytest.raises(ContractBroken) as broken:
        CHECKS[check](subject_of(kind, name=kind.__name__.lower(), settings=settings))
    return str(broken.value)


def test_an_exception_that_none_did_not_cause_is_not_put_down_to_none() -> None:
    class Choosy(Guard):
        codes = ()

        @hookimpl
        def pre_quote_veto(self, market):
            raise TypeError("unhashable type: 'list'")

    text = message("survives_every_world", Choosy)
    assert "is None" not in text
    assert "say what you do in it" in text


def test_a_place_is_the_plugin_s_own_with_its_folder() -> None:
    class Deep(Guard):
        codes = ()

        @hookimpl
        def pre_quote_veto(self, market):
            textwrap.dedent(market.book.best_ask_e4)

    assert "(contract/test_messages.py:" in message("survives_every_world", Deep)


class Code(StrEnum):
    NO = "enumerated.no"


def test_a_code_of_an_enum_is_named() -> None:
    class Enumerated(Guard):
        codes = ("enumerated.no",)

        @hookimpl
        def pre_quote_veto(self, market):
            return [Veto(Code.NO)]

    assert "code 'enumerated.no' is a Code, not plain text" in message(
        "answers_are_sound", Enumerated
    )


def test_a_config_of_another_kind_is_told_so() -> None:
    class Other(Guard):
        codes = ()

        class Config(msgspec.Struct):
            limit: float = 1.0

    text = message("settings_are_closed_and_described", Other)
    assert "its Config is not derived from polyframe.Config" in text


@pytest.mark.parametrize(
    ("kind", "default", "shown"),
    [
        (str, "", '[str, setting("what it does", unit="name")] = "..."'),
        (bool, False, '[bool, setting("what it does", unit="switch")] = False'),
        (int, 1, '[int, setting("what it does", unit="count")] = 1'),
        (tuple[str, ...], (), '[tuple[str, ...], setting("what it does", unit="name")] = ()'),
        (float | None, None, '[float, setting("what it does", unit="s")] = 1.0'),
    ],
)
def test_the_example_of_a_setting_is_of_its_type(kind: Any, default: Any, shown: str) -> None:
    config = msgspec.defstruct(
        "Config", [("it", Annotated[kind, msgspec.Meta()], default)], bases=(polyframe.Config,)
    )
    plain = type("Plain", (Guard,), {"codes": (), "Config": config})
    assert shown in message("settings_are_closed_and_described", plain)


def test_one_word_too_much_is_one_failure(tmp_path: Path) -> None:
    """A name that nobody offers fails once; the checks that need the plugin are skipped."""
    (tmp_path / "test_contract.py").write_text(
        "from polyframe.testing import PluginContract\n\n"
        "class TestContract(PluginContract):\n    plugin = 'makr'\n"
    )
    done = pytest_in(tmp_path)
    assert f"1 failed, {len(CHECKS) - 1} skipped" in done.stdout
    assert "did you mean 'maker'" in done.stdout


def test_what_is_deprecated_is_shown_at_the_end_and_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "from polyframe.hooks import Hooks\n"
        "Hooks.report_section.polyframe_spec['warn_on_impl'] = DeprecationWarning('write facts')\n"
    )
    (tmp_path / "test_contract.py").write_text(
        "from polyframe.testing import PluginContract\n\n"
        "class TestContract(PluginContract):\n    plugin = 'truth_report'\n"
    )
    done = pytest_in(tmp_path, "-W", "error", "-k", "shape or api_range")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "deprecated, and still running" in done.stdout
    assert "truth_report: write facts (" in done.stdout


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
