"""A plugin that fails: guards fail closed, policies give no answer, observers are detached."""

from __future__ import annotations

from typing import Any

import pytest

from polyframe import Plugin, PluginVeto, Quote, QuoteLeg, ReportPeriod, Veto, hookimpl
from polyframe.runtime.answers import PLUGIN_ERROR
from polyframe.runtime.dispatch import Shaped
from polyframe.runtime.failures import PluginProblem
from polyframe.testing.builders import NOW_NS, a_cycle, a_market, a_portfolio

MARKET = a_market("0xm1")
OTHER = a_market("0xm2")
PORTFOLIO = a_portfolio(markets=[MARKET, OTHER])
QUOTE = Quote("0xm1", 0.5, QuoteLeg(4800, 10_000_000), QuoteLeg(5200, 10_000_000))
PERIOD = ReportPeriod(day="2026-05-28", start_ns=NOW_NS, end_ns=NOW_NS + 1, facts={})


def raising(*hooks: str, base: type = Plugin, **members: Any) -> type:
    def broken(self):
        raise RuntimeError("broken")

    return type("Raising", (base,), {**{hook: hookimpl(broken) for hook in hooks}, **members})


def vetoes(calls: Any, market: Any = MARKET) -> tuple[PluginVeto, ...]:
    return calls.pre_quote_veto(QUOTE, market, PORTFOLIO, NOW_NS)


def broken(plugin: str) -> PluginVeto:
    return PluginVeto(plugin, Veto(PLUGIN_ERROR))


class Quiet(Plugin):
    codes = ("quiet.no",)

    @hookimpl
    def pre_quote_veto(self):
        return None


# --- guards ------------------------------------------------------------------------------


def test_a_veto_that_raises_vetoes_that_market_each_time_and_is_asked_again(
    dispatcher: Any,
) -> None:
    class Choosy(Plugin):
        @hookimpl
        def pre_quote_veto(self, market):
            if market.market_id == "0xm1":
                raise ValueError("no such market")

    calls = dispatcher(choosy=Choosy)
    for _ in range(5):
        assert vetoes(calls) == (broken("choosy"),)
    assert vetoes(calls, OTHER) == ()
    [problem] = calls.problems
    assert (problem.count, problem.action) == (5, "vetoes this market")
    assert calls.closed == calls.detached == ()


class FakeVeto:
    code = "odd.no"
    side = None
    observed = limit = None


class Trap(list):
    def __iter__(self):
        raise RuntimeError("walked")


async def _coroutine():
    return []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: True, "a bool, not a list of Veto"),
        (lambda: False, "a bool, not a list"),
        (lambda: 0, "an int"),
        (lambda: "", "a str"),
        (lambda: Veto("odd.no"), "a Veto, not a list"),
        (lambda: {Veto("odd.no")}, "a set"),
        (lambda: [None], "holds nothing"),
        (lambda: ["odd.no"], "holds a str"),
        (lambda: [FakeVeto()], "holds a FakeVeto"),
        (lambda: Trap(), "a Trap"),
        (lambda: [Veto("other.no")], "'other.no' is not among"),
        (lambda: [Veto("odd.undeclared")], "not among the declared"),
        (lambda: [Veto(PLUGIN_ERROR)], "not among the declared"),
        (lambda: [Veto(["odd.no"])], "not among the declared"),
        (lambda: [Veto("odd.no", "both")], "side is 'both'"),
        (lambda: [Veto("odd.no", None, float("nan"))], "observed is nan"),
        (lambda: [Veto("odd.no", None, 1.0, float("inf"))], "limit is inf"),
        (lambda: [Veto("odd.no", None, True)], "observed is True"),
        (lambda: [Veto("odd.no", None, 2**70)], "not a finite plain number"),
        (lambda: [Veto("odd.no", None, type("F", (float,), {})(1.0))], "observed is a F"),
        (lambda: _coroutine(), "a coroutine"),
        (lambda: (v for v in [Veto("odd.no")]), "a generator"),
    ],
)
def test_a_wrong_answer_of_a_veto_vetoes_that_market(
    dispatcher: Any, answer: Any, words: str
) -> None:
    class Odd(Plugin):
        codes = ("odd.no",)

        @hookimpl
        def pre_quote_veto(self):
            return answer()

    calls = dispatcher(odd=Odd)
    assert vetoes(calls) == (broken("odd"),)
    assert words in calls.problems[0].message


def test_good_vetoes_beside_a_bad_one_are_dropped_for_the_plugin_error(dispatcher: Any) -> None:
    class Odd(Plugin):
        codes = ("odd.no",)

        @hookimpl
        def pre_quote_veto(self):
            return [Veto("odd.no"), Veto("odd.other")]

    assert vetoes(dispatcher(odd=Odd)) == (broken("odd"),)


def test_veto_answers_that_are_allowed(dispatcher: Any) -> None:
    class Fine(Plugin):
        codes = ("fine.no",)

        @hookimpl
        def pre_quote_veto(self, market):
            return () if market.market_id == "0xm2" else (Veto("fine.no", "ask", 3, 2.5),)

    calls = dispatcher(fine=Fine)
    assert vetoes(calls) == (PluginVeto("fine", Veto("fine.no", "ask", 3, 2.5)),)
    assert vetoes(calls, OTHER) == ()
    assert not calls.problems


@pytest.mark.parametrize("guard", ["pre_quote_veto", "shape_quote"])
@pytest.mark.parametrize("hook", ["on_book", "on_fill", "on_cycle_end"])
def test_a_guard_that_raises_elsewhere_vetoes_every_market_until_the_end(
    dispatcher: Any, guard: str, hook: str
) -> None:
    asked: list[str] = []

    def quiet(self):
        asked.append(guard)

    kind = raising(hook, **{guard: hookimpl(quiet)})
    calls = dispatcher(guard=kind)
    assert vetoes(calls) == ()
    asked.clear()
    calls.on_book(MARKET, NOW_NS, True)
    calls.on_fill(None, MARKET, PORTFOLIO, NOW_NS)
    calls.on_cycle_end(a_cycle(), PORTFOLIO, NOW_NS)
    assert (calls.closed, calls.detached) == (("guard",), ())
    for market in (MARKET, OTHER, MARKET):
        assert vetoes(calls, market) == (broken("guard"),)
    assert calls.shape_quote(QUOTE, MARKET, PORTFOLIO, NOW_NS) == Shaped(QUOTE)
    assert asked == []  # what it says can no longer be trusted, so it is not asked
    assert calls.problems[0].action == "vetoes every market"


def test_a_closed_guard_keeps_its_place_in_the_order(dispatcher: Any) -> None:
    def no(name: str) -> type:
        class No(Plugin):
            codes = (f"{name}.no",)

            @hookimpl
            def pre_quote_veto(self):
                return [Veto(f"{name}.no")]

        return No

    calls = dispatcher(a=no("a"), b=raising("on_book", base=no("b")), c=no("c"))
    calls.on_book(MARKET, NOW_NS, True)
    assert [(item.plugin, item.veto.code) for item in vetoes(calls)] == [
        ("a", "a.no"),
        ("b", PLUGIN_ERROR),
        ("c", "c.no"),
    ]


def test_a_guard_that_is_a_policy_too_is_closed_and_never_merely_detached(
    dispatcher: Any,
) -> None:
    class Both(Quiet):
        codes = ()

        @hookimpl
        def propose_quote(self):
            return "a quote"

    calls = dispatcher(both=Both)
    for _ in range(3):
        assert not calls.closed
        calls.propose_quote(MARKET, PORTFOLIO, NOW_NS)
    assert (calls.closed, calls.detached) == (("both",), ())
    assert vetoes(calls) == (broken("both"),)


def test_a_report_that_raises_closes_no_guard(dispatcher: Any) -> None:
    calls = dispatcher(guard=raising("report_section", base=Quiet, codes=()))
    section = calls.report_section(PERIOD)["guard"]
    assert section["error"].startswith("report_section: RuntimeError: broken")
    assert vetoes(calls) == ()
    assert not calls.closed
    calls.report_section(PERIOD)
    assert calls.problems[0].count == 2


# --- policies ------------------------------------------------------------------------------


class Always(Plugin):
    @hookimpl
    def propose_quote(self, market):
        return Quote(market.market_id, 0.5)

    @hookimpl
    def rank_markets(self, markets):
        return [market.market_id for market in markets]


def test_a_policy_that_raises_is_no_answer_and_the_third_time_detached(dispatcher: Any) -> None:
    calls = dispatcher(bad=raising("propose_quote", "rank_markets"), good=Always)
    assert calls.propose_quote(MARKET, PORTFOLIO, NOW_NS).quote.policy == "good"
    assert calls.rank_markets([MARKET], NOW_NS) == ("good", ["0xm1"])
    assert calls.detached == ()
    assert calls.propose_quote(MARKET, PORTFOLIO, NOW_NS).quote.policy == "good"
    assert calls.detached == ("bad",)
    calls.propose_quote(MARKET, PORTFOLIO, NOW_NS)
    assert [(p.hook, p.count, p.action) for p in calls.problems] == [
        ("propose_quote", 2, "detached"),
        ("rank_markets", 1, "no answer"),
    ]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("0xm1", "a str"),
        ({"0xm1"}, "a set"),
        (["0xm1", "0xm1"], "ranked twice"),
        (["0xm9"], "not among those to rank"),
        ([5], "an int"),
        (iter(["0xm1"]), "a list_iterator"),
    ],
)
def test_a_wrong_ranking_is_passed_over(dispatcher: Any, answer: Any, words: str) -> None:
    class Odd(Plugin):
        @hookimpl
        def rank_markets(self):
            return answer

    calls = dispatcher(odd=Odd, good=Always)
    assert calls.rank_markets([MARKET, OTHER], NOW_NS) == ("good", ["0xm1", "0xm2"])
    assert words in calls.problems[0].message


def test_the_first_ranking_wins_and_may_leave_out(dispatcher: Any) -> None:
    class Only(Plugin):
        @hookimpl
        def rank_markets(self, markets):
            markets.clear()  # its own copy: the next plugin still sees them all
            return ("0xm2",)

    class Nobody(Plugin):
        @hookimpl
        def rank_markets(self, markets):
            markets.clear()

    markets = [MARKET, OTHER]
    assert dispatcher(only=Only, good=Always).rank_markets(markets, NOW_NS) == ("only", ["0xm2"])
    assert dispatcher(nobody=Nobody, good=Always).rank_markets(markets, NOW_NS) == (
        "good",
        ["0xm1", "0xm2"],
    )
    assert markets == [MARKET, OTHER]


# --- observers -----------------------------------------------------------------------------


def test_an_observer_that_raises_is_detached_and_named(dispatcher: Any) -> None:
    told: list[PluginProblem] = []
    heard: list[str] = []

    class Observer(Plugin):
        @hookimpl
        def on_book(self, market):
            heard.append(market.market_id)
            raise ZeroDivisionError("division\nby zero")

        @hookimpl
        def report_section(self):
            return {}

    calls = dispatcher({"on_problem": told.append}, observer=Observer)
    calls.on_book(MARKET, NOW_NS, True)
    calls.on_book(MARKET, NOW_NS, True)
    assert heard == ["0xm1"]
    assert (calls.detached, calls.closed) == (("observer",), ())
    assert vetoes(calls) == ()
    [problem] = told
    assert (problem.plugin, problem.hook, problem.action) == ("observer", "on_book", "detached")
    assert problem.message.startswith("ZeroDivisionError: division by zero (test_failures.py:")
    assert "on_book: ZeroDivisionError" in calls.report_section(PERIOD)["observer"]["error"]


def test_a_repeated_problem_is_told_once_and_again_when_the_action_changes(
    dispatcher: Any,
) -> None:
    told: list[PluginProblem] = []
    calls = dispatcher({"on_problem": told.append}, bad=raising("propose_quote"))
    for _ in range(5):
        calls.propose_quote(MARKET, PORTFOLIO, NOW_NS)
    assert [(problem.count, problem.action) for problem in told] == [
        (1, "no answer"),
        (3, "detached"),
    ]


def test_an_exception_that_cannot_be_printed_is_still_one_problem(dispatcher: Any) -> None:
    class Unprintable(Exception):
        def __str__(self):
            raise RuntimeError("no text for you")

    class Odd(Plugin):
        @hookimpl
        def on_book(self):
            raise Unprintable

    calls = dispatcher(odd=Odd)
    calls.on_book(MARKET, NOW_NS, True)
    assert calls.problems[0].message.startswith("Unprintable: (its message cannot be shown)")


# --- reports and time ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ([1], "a section is a mapping"),
        ({"a": float("nan")}, "section.a is nan"),
        ({"a": [{"b": float("inf")}]}, "section.a[0].b is inf"),
        ({1: 2}, "the key 1, which is not text"),
        ({"a": object()}, "section.a is an object"),
        ({"a": {1, 2}}, "section.a is a set"),
        ({"a": "\ud800"}, "Unicode"),
        ({"a": 2**80}, "which JSON cannot carry"),
    ],
)
def test_a_section_json_cannot_carry_is_replaced(
    dispatcher: Any, section: object, words: str
) -> None:
    class Odd(Plugin):
        @hookimpl
        def report_section(self):
            return section

    class Good(Plugin):
        @hookimpl
        def report_section(self):
            return {"fills": 3, "by": ({"h": 1.5}, None, True)}

    calls = dispatcher(odd=Odd, good=Good)
    sections = calls.report_section(PERIOD)
    assert list(sections) == ["odd", "good"]
    assert words in sections["odd"]["error"]
    assert sections["good"] == {"fills": 3, "by": [{"h": 1.5}, None, True]}
    assert calls.problems[0].action == "section left out"


def test_a_section_is_a_copy_and_endless_nesting_is_refused(dispatcher: Any) -> None:
    kept: dict[str, Any] = {"rows": [1]}
    endless: dict[str, Any] = {}
    endless["self"] = endless

    class Keeps(Plugin):
        @hookimpl
        def report_section(self):
            return kept

    class Endless(Plugin):
        @hookimpl
        def report_section(self):
            return endless

    sections = dispatcher(keeps=Keeps, endless=Endless).report_section(PERIOD)
    kept["rows"].append(2)
    assert sections["keeps"] == {"rows": [1]}
    assert "nested deeper" in sections["endless"]["error"]


def test_slow_calls_are_counted_by_plugin_and_hook_and_change_nothing(dispatcher: Any) -> None:
    clock = [0]

    def slow(name: str, takes_ns: int) -> type:
        class Slow(Plugin):
            codes = (f"{name}.no",)

            @hookimpl
            def on_book(self):
                clock[0] += takes_ns

            @hookimpl
            def on_cycle_end(self):
                clock[0] += takes_ns

            @hookimpl
            def pre_quote_veto(self):
                clock[0] += takes_ns
                return [Veto(f"{name}.no")]

        return Slow

    classes = {"at": slow("at", 100), "over": slow("over", 101), "quick": slow("quick", 1)}
    timed = dispatcher({"timer": lambda: clock[0], "budget_ns": 100}, **classes)
    untimed = dispatcher(**classes)
    for calls in (timed, untimed):
        calls.on_book(MARKET, NOW_NS, True)
        calls.on_book(MARKET, NOW_NS, False)
        calls.on_cycle_end(a_cycle(), PORTFOLIO, NOW_NS)
    assert vetoes(timed) == vetoes(untimed)
    assert timed.slow_calls == {
        ("over", "on_book"): 2,
        ("over", "on_cycle_end"): 1,
        ("over", "pre_quote_veto"): 1,
    }
    assert untimed.slow_calls == {}
    assert not timed.problems
