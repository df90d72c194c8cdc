"""The README's promises: its plugin is a plugin, its commands exist, its table is whole."""

from __future__ import annotations

import re

import pytest

from polyframe import Plugin
from polyframe.cli import VERBS
from polyframe.runtime.plugins import check_class, check_hooks
from source_tree import ROOT, plugin_packages

README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_the_example_plugin_is_accepted() -> None:
    source, contract = _blocks("python")
    names: dict[str, type] = {}
    exec(compile(source, "README.md", "exec"), names)
    found = {
        value for value in names.values() if isinstance(value, type) and issubclass(value, Plugin)
    }
    (example,) = found - {Plugin}
    check_class("spread_guard", example)
    check_hooks("spread_guard", example)
    assert f":{example.__name__}" in _blocks("toml")[0]
    template = ROOT / "polyframe" / "cli" / "templates" / "plugin" / "test_contract.py.template"
    assert contract == template.read_text().replace("$plugin", "spread_guard")


def test_every_command_shown_exists() -> None:
    shown = [
        line.removeprefix("$ ").split()
        for block in _blocks("console")
        for line in block.splitlines()
        if line.startswith("$ ")
    ]
    verbs = {words[1] for words in shown if words[0] == "polyframe"}
    assert verbs
    assert verbs <= VERBS.keys()


def test_set_up_is_two_commands() -> None:
    first, second, *_ = _blocks("console")
    assert (first.strip(), second.strip()) == ("$ make demo", "$ make test")


@pytest.mark.parametrize("name", [package.parent.name for package in plugin_packages()])
def test_every_plugin_is_listed(name: str) -> None:
    assert f"| `{name}` |" in README
