"""What a plugin class and its hook methods must look like; each refusal says what to do."""

from __future__ import annotations

import functools
from typing import Annotated, Any

import pytest

import polyframe
from polyframe import Plugin, hookimpl, setting
from polyframe.errors import PluginRefused
from polyframe.plugin import Log
from polyframe.runtime.dispatch import Dispatcher
from polyframe.runtime.plugins import build_contexts, check_class, check_hooks, register
from polyframe.runtime.signatures import HOOK_ARGUMENTS


class Sound(Plugin):
    codes = ("sound.loud", "sound.off_key")

    @hookimpl
    def pre_quote_veto(self, market, quote):
        return None


def registered(**classes: type) -> Any:
    configs = {name: kind.Config() for name, kind in classes.items()}
    return register(classes, configs, build_contexts(classes, 7, {}, lambda name: Log()))


def variation(**members: Any) -> type:
    return type("Odd", (Sound,), members)


# --- the class -------------------------------------------------------------------------


def test_a_sound_class_passes_and_is_registered_in_order() -> None:
    class Second(Plugin):
        @hookimpl
        def on_book(self, market):
            pass

    plugins = registered(sound=Sound, second=Second)
    assert list(plugins.instances) == ["sound", "second"]
    assert plugins.codes == {"sound": Sound.codes, "second": ()}
    assert plugins.manager.get_plugin("second") is plugins.instances["second"]


def test_a_class_needs_no_base_class() -> None:
    class Plain:
        Config = polyframe.Config
        api_versions = (polyframe.OLDEST_API_VERSION, polyframe.API_VERSION)

        def __init__(self, config, context):
            self.name = context.name

        @hookimpl
        def on_book(self, market):
            pass

    assert registered(plain=Plain).instances["plain"].name == "plain"


class Open(polyframe.Config, forbid_unknown_fields=False):
    pass


class WithDist(polyframe.Config):
    dist: Annotated[str, setting("a pin", unit="name")] = ""


class WithRenamedDist(polyframe.Config, rename={"pin": "dist"}):
    pin: Annotated[str, setting("a pin", unit="name")] = ""


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Sound(None, None), "a Sound, not a class"),
        (len, "not a class"),
        (variation(Config=None), "class Config"),
        (variation(Config=dict), "class Config"),
        (variation(Config=Open), "forbid unknown fields"),
        (variation(Config=WithDist), "'dist'"),
        (variation(Config=WithRenamedDist), "'dist'"),
        (variation(codes="sound.loud"), "mind the comma"),
        (variation(codes=["sound.loud"]), "a list, not a tuple"),
        (variation(codes=("other.loud",)), "does not start with 'sound.'"),
        (variation(codes=("runtime.plugin_error",)), "does not start with"),
        (variation(codes=("sound.Loud",)), "a-z, 0-9 and _"),
        (variation(codes=("sound.",)), "a-z, 0-9 and _"),
        (variation(codes=("sound.a.b",)), "a-z, 0-9 and _"),
        (variation(codes=("sound.a\n",)), "a-z, 0-9 and _"),
        (variation(codes=(5,)), "a-z, 0-9 and _"),
        (variation(codes=("sound.a", "sound.a")), "declared twice"),
        (variation(api_versions=(2, 3)), "2 to 3, this polyframe speaks 1: upgrade polyframe"),
        (variation(api_versions=(0, 0)), "0, this polyframe speaks 1: upgrade the plugin"),
        (variation(api_versions=None), "does not say which plugin API"),
        (variation(api_versions=1), "not a pair"),
        (variation(api_versions=(True, 1)), "not a pair"),
        (variation(api_versions=(1, 0)), "not a pair"),
        (variation(api_versions=(1, 1, 1)), "not a pair"),
        (variation(on_book_when="sometimes"), "'change' or 'top'"),
    ],
)
def test_an_ill_shaped_class_is_refused(found: object, words: str) -> None:
    with pytest.raises(PluginRefused, match=words) as refusal:
        check_class("sound", found)
    assert str(refusal.value).startswith("plugin 'sound': ")


@pytest.mark.parametrize("name", ["Sound", "so-und", "sound.x", "", "runtime"])
def test_a_bad_or_reserved_name_is_refused(name: str) -> None:
    with pytest.raises(PluginRefused, match="name"):
        check_class(name, variation(codes=()))


@pytest.mark.parametrize("versions", [(1, 1), (0, 1), (1, 9), (0, 9)])
def test_ranges_that_meet_run(versions: tuple[int, int]) -> None:
    check_class("sound", variation(api_versions=versions))


def test_a_constructor_that_raises_is_one_line() -> None:
    class Fussy(Sound):
        codes = ()

        def __init__(self, config, context):
            raise ValueError("not\ntoday")

    with pytest.raises(
        PluginRefused, match=r"Fussy\(config, context\) failed: ValueError: not; today"
    ):
        registered(fussy=Fussy)


# --- the hook methods ------------------------------------------------------------------


def _forwarding(function: Any) -> Any:
    @functools.wraps(function)
    def forward(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return forward


async def _late(self, market):
    pass


def _wrap_generator(self, market):
    yield


async def _late_generator(self, market):
    yield


def _with_default(self, market, now_ns=0):
    pass


def _star(self, *args):
    pass


def _double_star(self, market, **rest):
    pass


def _keyword_only(self, *, market):
    pass


def _unknown_argument(self, market, portfolio):
    pass


def _misspelt_argument(self, markt):
    pass


def _no_self():
    pass


def _sound(self, market):
    pass


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (hookimpl(wrapper=True)(_wrap_generator), "is a wrapper"),
        (hookimpl(hookwrapper=True)(_wrap_generator), "is a wrapper"),
        (hookimpl(tryfirst=True)(_forwarding(_sound)), "tryfirst"),
        (hookimpl(trylast=True)(_forwarding(_sound)), "trylast"),
        (hookimpl(optionalhook=True)(_forwarding(_sound)), "optionalhook"),
        (hookimpl(specname="on_fill")(_forwarding(_sound)), "specname"),
        (hookimpl(_late), "async def"),
        (hookimpl(_late_generator), "async def"),
        (hookimpl(_forwarding(_late)), "async def"),
        (hookimpl(_forwarding(_wrap_generator)), "is a generator"),
        (hookimpl(_with_default), "gives now_ns a default"),
        (hookimpl(_star), "name the arguments"),
        (hookimpl(_double_star), "name the arguments"),
        (hookimpl(_keyword_only), "name the arguments"),
        (hookimpl(_unknown_argument), "takes 'portfolio'"),
        (hookimpl(_misspelt_argument), "did you mean 'market'"),
        (hookimpl(_no_self), "takes no self"),
        (_sound, "no @hookimpl"),
    ],
)
def test_a_hook_method_that_could_go_wrong_silently_is_refused(function: Any, words: str) -> None:
    odd = type("Odd", (Plugin,), {"on_book": function})
    with pytest.raises(PluginRefused, match=words) as refusal:
        registered(odd=odd)
    assert "Odd.on_book" in str(refusal.value)


@pytest.mark.parametrize(
    ("method", "marked", "words"),
    [
        ("on_books", True, "did you mean 'on_book'"),
        ("on_trade", True, "no such hook"),
        ("pre_quote_vetoes", False, "looks like the hook 'pre_quote_veto'"),
        ("on_cycle_ended", False, "looks like the hook 'on_cycle_end'"),
    ],
)
def test_a_misspelt_hook_is_refused_with_a_hint(method: str, marked: bool, words: str) -> None:
    def function(self, market):
        pass

    member = hookimpl(function) if marked else function
    with pytest.raises(PluginRefused, match=words):
        check_hooks("odd", type("Odd", (Sound,), {method: member}))


def test_own_methods_and_properties_are_left_alone() -> None:
    class Busy(Sound):
        codes = ()

        def _on_books(self):
            pass

        def spread(self):
            pass

        @property
        def on_booked(self):
            raise AssertionError("a property must not run because it was looked at")

    assert registered(busy=Busy)


def test_static_and_class_methods_may_be_hooks() -> None:
    got: list[object] = []

    class Flat(Plugin):
        @staticmethod
        @hookimpl
        def on_book(now_ns, market):
            got.append((market, now_ns))

        @classmethod
        @hookimpl
        def pre_quote_veto(cls, portfolio):
            got.append((cls, portfolio))

    calls = Dispatcher(registered(flat=Flat))
    calls.on_book("market", 5, True)  # type: ignore[arg-type]
    calls.pre_quote_veto("quote", "market", "portfolio", 5)  # type: ignore[arg-type]
    assert got == [("market", 5), (Flat, "portfolio")]
    assert not calls.problems


def test_a_plugin_without_hooks_is_refused() -> None:
    with pytest.raises(PluginRefused, match="implements no hook"):
        registered(idle=type("Idle", (Plugin,), {}))


def test_a_hook_set_on_the_instance_is_refused() -> None:
    class Sly(Sound):
        codes = ()

        def __init__(self, config, context):
            super().__init__(config, context)
            self.pre_quote_veto = lambda quote: None

    with pytest.raises(PluginRefused, match="set on the instance"):
        registered(sly=Sly)


def test_the_contract_is_read_from_the_specifications() -> None:
    assert HOOK_ARGUMENTS["pre_quote_veto"] == ("quote", "market", "portfolio", "now_ns")
    assert list(HOOK_ARGUMENTS) == [
        "on_book",
        "on_fill",
        "on_cycle_end",
        "rank_markets",
        "propose_quote",
        "shape_quote",
        "propose_trades",
        "pre_quote_veto",
        "explain_quote",
        "report_section",
    ]
