"""A hook or an argument on its way out: the plugin is told so, and keeps running."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from polyframe import Plugin, hookimpl
from polyframe.cli.plugins import command
from polyframe.hooks import Hooks
from polyframe.plugin import Log
from polyframe.runtime.dispatch import Dispatcher
from polyframe.runtime.plugins import build_contexts, deprecations_of, register
from runtime_driver import Driver, TwoCents

OLD = "on_book is deprecated since API 2: implement on_touch"
OLD_ARGUMENT = "on_book(now_ns) is deprecated since API 2: read market.book_ns"


class OldTimer(Plugin):
    """Written for the contract as it was."""

    def __init__(self, config, context):
        super().__init__(config, context)
        self.seen: list[int] = []

    @hookimpl
    def on_book(self, market, now_ns):
        self.seen.append(now_ns)


class Careful(Plugin):
    """Takes what is not deprecated only."""

    @hookimpl
    def on_book(self, market):
        pass


@pytest.fixture
def deprecated_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Hooks.on_book.polyframe_spec, "warn_on_impl", DeprecationWarning(OLD))


@pytest.fixture
def deprecated_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    warning = {"now_ns": DeprecationWarning(OLD_ARGUMENT)}
    monkeypatch.setitem(Hooks.on_book.polyframe_spec, "warn_on_impl_args", warning)


def registered(**classes: type) -> Any:
    configs = {name: kind.Config() for name, kind in classes.items()}
    return register(classes, configs, build_contexts(classes, 7, {}, lambda name: Log()))


def test_nothing_of_today_s_contract_is_deprecated() -> None:
    assert registered(old=OldTimer).deprecations == ()


def test_a_deprecated_hook_is_told_and_still_called(deprecated_hook: None) -> None:
    plugins = registered(old=OldTimer)
    [(plugin, text)] = plugins.deprecations
    assert plugin == "old"
    assert text.startswith(OLD)
    assert "test_deprecation.py:" in text
    Dispatcher(plugins).on_book("market", 5, True)  # type: ignore[arg-type]
    assert plugins.instances["old"].seen == [5]


def test_a_deprecated_argument_is_told_to_who_takes_it(deprecated_argument: None) -> None:
    plugins = registered(old=OldTimer, careful=Careful)
    [(plugin, text)] = plugins.deprecations
    assert (plugin, text.startswith(OLD_ARGUMENT)) == ("old", True)
    Dispatcher(plugins).on_book("market", 5, True)  # type: ignore[arg-type]
    assert plugins.instances["old"].seen == [5]


def test_a_class_can_be_asked_without_building_it(deprecated_hook: None) -> None:
    assert [plugin for plugin, _ in deprecations_of("old", OldTimer)] == ["old"]


def test_a_run_says_it_in_one_line_and_goes_on(deprecated_hook: None) -> None:
    driver = Driver(classes=(TwoCents, OldTimer))
    said = [fields for message, fields in driver.lines if message == "Plugin deprecation"]
    assert [fields["plugin"] for fields in said] == ["two_cents", "oldtimer"]
    driver.start()
    driver.book(1, 49, 51)
    driver.at(1.5)
    assert driver.machine.plugins["oldtimer"].seen
    assert not driver.machine.dispatcher.problems


def test_show_prints_it(deprecated_hook: None) -> None:
    runner = CliRunner(env={"COLUMNS": "200"})
    facts = json.loads(runner.invoke(command, ["show", "maker", "--json"]).output)
    assert facts["deprecations"][0].startswith(OLD)
    assert f"deprecated: {OLD}" in runner.invoke(command, ["show", "maker"]).output
