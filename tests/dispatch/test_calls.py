"""The six hazards of calling through pluggy, and what the compiled calls do instead."""

from __future__ import annotations

import itertools
import sys
from typing import Any

import pluggy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyframe import Plugin, PluginVeto, Quote, QuoteLeg, ReportPeriod, Veto, hookimpl
from polyframe.errors import PluginRefused
from polyframe.plugin import Log
from polyframe.runtime.dispatch import Dispatcher, Shaped
from polyframe.runtime.plugins import build_contexts, register
from polyframe.runtime.signatures import HOOK_ARGUMENTS
from polyframe.testing.builders import NOW_NS, a_cycle, a_market, a_portfolio

MARKET = a_market("0xm1")
PORTFOLIO = a_portfolio(markets=[MARKET])
QUOTE = Quote("0xm1", 0.5, QuoteLeg(4800, 10_000_000), QuoteLeg(5200, 10_000_000))
PERIOD = ReportPeriod(day="2026-05-28", start_ns=NOW_NS, end_ns=NOW_NS + 1, facts={})


def witness(heard: list[str]) -> type:
    """Return a plugin class that notes its name in every hook and answers in each."""

    class Witness(Plugin):
        def _note(self, hook):
            heard.append(f"{self.context.name}.{hook}")

        @hookimpl
        def on_book(self, market):
            self._note("on_book")

        @hookimpl
        def on_fill(self, fill):
            self._note("on_fill")

        @hookimpl
        def on_cycle_end(self, cycle):
            self._note("on_cycle_end")

        @hookimpl
        def shape_quote(self, quote):
            self._note("shape_quote")

        @hookimpl
        def pre_quote_veto(self, quote):
            self._note("pre_quote_veto")

        @hookimpl
        def explain_quote(self, quote):
            self._note("explain_quote")

        @hookimpl
        def report_section(self, period):
            self._note("report_section")
            return {"by": self.context.name}

    return Witness


def call_everything(calls: Dispatcher) -> None:
    calls.on_book(MARKET, NOW_NS, True)
    calls.on_fill(None, MARKET, PORTFOLIO, NOW_NS)  # type: ignore[arg-type]
    calls.on_cycle_end(a_cycle(), PORTFOLIO, NOW_NS)
    calls.shape_quote(QUOTE, MARKET, PORTFOLIO, NOW_NS)
    calls.pre_quote_veto(QUOTE, MARKET, PORTFOLIO, NOW_NS)
    calls.explain_quote(QUOTE, MARKET, PORTFOLIO, NOW_NS)
    calls.report_section(PERIOD)


# --- (a) order ---------------------------------------------------------------------------


@pytest.mark.parametrize("names", list(itertools.permutations(["qs", "rrs", "markout"])))
def test_every_hook_is_called_in_file_order(dispatcher: Any, names: tuple[str, ...]) -> None:
    heard: list[str] = []
    call_everything(dispatcher(**{name: witness(heard) for name in names}))
    assert heard == [
        f"{name}.{hook}"
        for hook in (
            "on_book",
            "on_fill",
            "on_cycle_end",
            "shape_quote",
            "pre_quote_veto",
            "explain_quote",
            "report_section",
        )
        for name in names
    ]


# --- (b) attribution ---------------------------------------------------------------------


def test_every_answer_says_whose_it_is(dispatcher: Any) -> None:
    class One(Plugin):
        codes = ("one.a", "one.b")

        @hookimpl
        def pre_quote_veto(self):
            return [Veto("one.a", "bid", 1.0, 2.0), Veto("one.b")]

    class Two(Plugin):
        codes = ("two.a",)

        @hookimpl
        def pre_quote_veto(self):
            return (Veto("two.a"),)

        @hookimpl
        def rank_markets(self, markets):
            return [market.market_id for market in markets]

        @hookimpl
        def propose_quote(self, market):
            return Quote(market.market_id)

        @hookimpl
        def report_section(self):
            return {"n": 2}

    calls = dispatcher(one=One, two=Two)
    assert calls.pre_quote_veto(QUOTE, MARKET, PORTFOLIO, NOW_NS) == (
        PluginVeto("one", Veto("one.a", "bid", 1.0, 2.0)),
        PluginVeto("one", Veto("one.b")),
        PluginVeto("two", Veto("two.a")),
    )
    assert calls.rank_markets([MARKET], NOW_NS) == ("two", ["0xm1"])
    assert calls.propose_quote(MARKET, PORTFOLIO, NOW_NS).quote.policy == "two"
    assert calls.report_section(PERIOD) == {"two": {"n": 2}}
    assert calls.codes == {"one": ("one.a", "one.b"), "two": ("two.a",)}


# --- (c) isolation -----------------------------------------------------------------------


@pytest.mark.parametrize("hook", list(HOOK_ARGUMENTS))
def test_one_plugin_that_raises_hides_nothing_from_the_others(dispatcher: Any, hook: str) -> None:
    def broken(self):
        raise RuntimeError("broken")

    heard: list[str] = []
    members = {hook: hookimpl(broken)}
    calls = dispatcher(
        first=witness(heard), broken=type("Broken", (Plugin,), members), last=witness(heard)
    )
    call_everything(calls)
    calls.rank_markets([MARKET], NOW_NS)
    calls.propose_quote(MARKET, PORTFOLIO, NOW_NS)
    calls.propose_trades([MARKET], PORTFOLIO, NOW_NS)
    assert len(heard) == 14
    [problem] = calls.problems
    assert (problem.plugin, problem.hook) == ("broken", hook)
    assert problem.message.startswith("RuntimeError: broken (test_calls.py:")


def test_leaving_the_process_is_not_an_error_to_isolate(dispatcher: Any) -> None:
    class Interrupted(Plugin):
        @hookimpl
        def on_book(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dispatcher(odd=Interrupted).on_book(MARKET, NOW_NS, True)


# --- (d) wrappers and (e) async: refused at load (see tests/plugins/test_shapes.py) ------


def test_a_wrapper_cannot_erase_a_veto(registered: Any) -> None:
    class Eraser(Plugin):
        @hookimpl(wrapper=True)
        def pre_quote_veto(self):
            yield
            return []

    with pytest.raises(PluginRefused, match="wrapper"):
        registered(eraser=Eraser)


def test_an_async_veto_is_refused(registered: Any) -> None:
    class Late(Plugin):
        @hookimpl
        async def pre_quote_veto(self):
            return []

    with pytest.raises(PluginRefused, match="async def"):
        registered(late=Late)


# --- (f) speed: direct calls only --------------------------------------------------------


def test_no_hook_goes_through_pluggy(dispatcher: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    calls = dispatcher(one=witness(heard))

    def refuse(self, **arguments):
        raise AssertionError("called through pluggy")

    # pytest stands on pluggy too: the calls are compared outside of the patch.
    with monkeypatch.context() as patch:
        patch.setattr(pluggy.HookCaller, "__call__", refuse)
        call_everything(calls)
        calls.rank_markets([MARKET], NOW_NS)
        calls.propose_quote(MARKET, PORTFOLIO, NOW_NS)
    assert not calls.problems
    assert len(heard) == 7


def test_a_busy_hook_is_called_straight_from_the_fused_code(dispatcher: Any) -> None:
    callers: list[str] = []

    class Looks(Plugin):
        @hookimpl
        def on_book(self, market):
            callers.append(sys._getframe(1).f_code.co_filename)

        @hookimpl
        def pre_quote_veto(self, now_ns, quote):
            callers.append(sys._getframe(1).f_code.co_filename)

    calls = dispatcher(looks=Looks)
    calls.on_book(MARKET, NOW_NS, True)
    calls.pre_quote_veto(QUOTE, MARKET, PORTFOLIO, NOW_NS)
    assert callers == ["<fused on_book>", "<fused pre_quote_veto>"]


# --- arguments ---------------------------------------------------------------------------


@pytest.mark.parametrize("hook", list(HOOK_ARGUMENTS))
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_choice_and_order_of_arguments_gets_the_right_values(
    hook: str, data: st.DataObject
) -> None:
    allowed = HOOK_ARGUMENTS[hook]
    chosen = data.draw(
        st.permutations(allowed).flatmap(
            lambda order: st.integers(0, len(order)).map(lambda count: order[:count])
        )
    )
    got: dict[str, object] = {}
    scope: dict[str, Any] = {"got": got}
    exec(
        f"def f({', '.join(['self', *chosen])}): got.update({{n: v for n, v in locals().items()"
        " if n != 'self'})",
        scope,
    )
    kind = type("Any", (Plugin,), {hook: hookimpl(scope["f"])})
    plugins = register(
        {"any": kind}, {"any": kind.Config()}, build_contexts(["any"], 7, {}, lambda name: Log())
    )
    calls = Dispatcher(plugins)
    fill, cycle = object(), a_cycle()
    arguments: dict[str, tuple[object, ...]] = {
        "on_book": (MARKET, NOW_NS),
        "on_fill": (fill, MARKET, PORTFOLIO, NOW_NS),
        "on_cycle_end": (cycle, PORTFOLIO, NOW_NS),
        "rank_markets": ([MARKET], NOW_NS),
        "propose_quote": (MARKET, PORTFOLIO, NOW_NS),
        "shape_quote": (QUOTE, MARKET, PORTFOLIO, NOW_NS),
        "propose_trades": ([MARKET], PORTFOLIO, NOW_NS),
        "pre_quote_veto": (QUOTE, MARKET, PORTFOLIO, NOW_NS),
        "explain_quote": (QUOTE, MARKET, PORTFOLIO, NOW_NS),
        "report_section": (PERIOD,),
    }
    passed = arguments[hook]
    getattr(calls, hook)(*passed, *((True,) if hook == "on_book" else ()))
    assert not calls.problems
    expected = dict(zip(allowed, passed, strict=True))
    assert got == {name: expected[name] for name in chosen}


# --- the same answers as pluggy's own call -----------------------------------------------


@settings(max_examples=30, deadline=None)
@given(
    answers=st.lists(
        st.one_of(st.none(), st.lists(st.sampled_from(["a", "b", "c"]), max_size=3)), max_size=4
    )
)
def test_vetoes_are_the_same_as_by_a_plain_pluggy_call(answers: list[list[str] | None]) -> None:
    def voter(name: str, reasons: list[str] | None) -> type:
        answer = None if reasons is None else [Veto(f"{name}.{reason}") for reason in reasons]

        class Voter(Plugin):
            codes = (f"{name}.a", f"{name}.b", f"{name}.c")

            @hookimpl
            def pre_quote_veto(self, market):
                return answer

            @hookimpl
            def report_section(self):
                return None if reasons is None else {"reasons": reasons}

        return Voter

    classes = {f"p{at}": voter(f"p{at}", reasons) for at, reasons in enumerate(answers)}
    plugins = register(
        classes,
        {name: kind.Config() for name, kind in classes.items()},  # type: ignore[attr-defined]
        build_contexts(classes, 7, {}, lambda name: Log()),
    )
    calls = Dispatcher(plugins)
    plain = plugins.manager.hook.pre_quote_veto(
        quote=QUOTE, market=MARKET, portfolio=PORTFOLIO, now_ns=NOW_NS
    )
    compiled = calls.pre_quote_veto(QUOTE, MARKET, PORTFOLIO, NOW_NS)
    assert sorted(item.veto.code for item in compiled) == sorted(
        veto.code for vetoes in plain for veto in vetoes
    )
    sections = plugins.manager.hook.report_section(period=PERIOD)
    assert sorted(map(repr, calls.report_section(PERIOD).values())) == sorted(map(repr, sections))


def test_facts_reach_the_same_plugins_as_by_a_plain_pluggy_call(registered: Any) -> None:
    heard: list[str] = []
    plugins = registered(one=witness(heard), two=witness(heard))
    Dispatcher(plugins).on_book(MARKET, NOW_NS, True)
    compiled, heard[:] = list(heard), []
    plugins.manager.hook.on_book(market=MARKET, now_ns=NOW_NS)
    assert sorted(compiled) == sorted(heard)


# --- who hears of which book change ------------------------------------------------------


def test_top_only_plugins_hear_of_the_touch_only(dispatcher: Any) -> None:
    heard: list[str] = []
    every, top = witness(heard), witness(heard)
    top.on_book_when = "top"  # type: ignore[attr-defined]
    calls = dispatcher(top=top, every=every)
    calls.on_book(MARKET, NOW_NS, False)
    assert heard == ["every.on_book"]
    heard.clear()
    calls.on_book(MARKET, NOW_NS, True)
    assert heard == ["top.on_book", "every.on_book"]


def test_no_plugin_at_all_is_no_opinion(dispatcher: Any) -> None:
    calls = dispatcher()
    call_everything(calls)
    assert calls.rank_markets([MARKET], NOW_NS) is None
    assert calls.propose_quote(MARKET, PORTFOLIO, NOW_NS).quote == Quote("0xm1")
    assert calls.shape_quote(QUOTE, MARKET, PORTFOLIO, NOW_NS) == Shaped(QUOTE)
    assert calls.pre_quote_veto(QUOTE, MARKET, PORTFOLIO, NOW_NS) == ()
    assert calls.report_section(PERIOD) == {}
