"""Which plugin API a class runs with, and what this polyframe makes of it."""

from __future__ import annotations

from typing import Any

import pluggy
import pytest

from polyframe import Plugin, hookimpl
from polyframe.errors import PluginRefused
from polyframe.hooks import PROJECT, Hooks
from polyframe.runtime import plugins
from polyframe.runtime.plugins import check_class, check_hooks, deprecations_of


class Observer(Plugin):
    api_versions = (1, 1)

    @hookimpl
    def on_book(self, market):
        pass


def saying(versions: tuple[int, int]) -> type:
    return type("Saying", (Observer,), {"api_versions": versions})


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "API_VERSION", 2)


@pytest.mark.parametrize("versions", [(1, 1), (1, 2), (2, 2)])
def test_a_second_version_takes_plugins_of_the_first(
    versions: tuple[int, int], second: None
) -> None:
    check_class("saying", saying(versions))


def test_what_is_no_longer_understood_is_refused(
    second: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "OLDEST_API_VERSION", 2)
    with pytest.raises(PluginRefused, match="API 1, this polyframe speaks 2: upgrade the plugin"):
        check_class("saying", saying((1, 1)))
    check_class("saying", saying((1, 2)))


def test_a_plugin_of_the_future_is_refused() -> None:
    with pytest.raises(PluginRefused, match="API 2, this polyframe speaks 1: upgrade polyframe"):
        check_class("saying", saying((2, 2)))


def test_the_old_name_is_refused_beside_an_inherited_range() -> None:
    class Dated(Plugin):
        api_version = 1

        @hookimpl
        def on_book(self, market):
            pass

    with pytest.raises(PluginRefused, match=r"write api_versions = \(1, 1\)"):
        check_class("dated", Dated)


def test_a_hook_that_is_not_there_may_be_a_newer_polyframe_s() -> None:
    class Early(Observer):
        @hookimpl
        def on_resolution(self, market):
            pass

    with pytest.raises(PluginRefused, match="or a newer polyframe has it"):
        check_hooks("early", Early)


hookspec = pluggy.HookspecMarker(PROJECT)


class NextHooks(Hooks):
    """The contract as it may be one day."""

    @hookspec(warn_on_impl=DeprecationWarning("on_book is deprecated: implement on_touch"))
    def on_book(self, market: Any, now_ns: int) -> None:
        """Deprecated."""

    @hookspec(warn_on_impl_args={"fill": DeprecationWarning("on_fill(fill): read market.fills")})
    def on_fill(self, fill: Any, market: Any, portfolio: Any, now_ns: int) -> None:
        """Deprecated in part."""


def test_a_specification_marks_what_is_on_its_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fills(Observer):
        @hookimpl
        def on_fill(self, fill):
            pass

    monkeypatch.setattr(plugins, "Hooks", NextHooks)
    texts = [one.text.partition(" (")[0] for one in deprecations_of("fills", Fills)]
    assert sorted(texts) == [
        "on_book is deprecated: implement on_touch",
        "on_fill(fill): read market.fills",
    ]
