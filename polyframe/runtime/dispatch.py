"""Calling the plugins: in file order, attributed, each isolated from the others.

pluggy registers and validates; it does not call. Its own call runs the last registered first,
loses who answered, stops at the first exception, and costs ten times a plain loop. Here every
hook is compiled once from ``HookCaller.get_hookimpls()``: the two busy ones into code (see
``fused``), the others into a tuple of ``(plugin, function)``; each call is one direct call on
positional arguments.

What happens to a plugin that fails (docs/hooks.md, "When a plugin fails"):

* A *guard* (it implements ``pre_quote_veto`` or ``shape_quote``) fails closed. Raising in
  ``pre_quote_veto``, or answering what the hook does not allow, vetoes that market. Raising in
  any other hook, but those that only tell (``report_section``, ``explain_quote``), vetoes every
  market until the run ends: an exception may have left a half-made update behind, so nothing the
  plugin says later can be trusted.
* A *policy* (``propose_quote``, ``propose_trades`` or ``rank_markets``) that fails gave no
  answer; at the third failure it is detached. Nothing is quoted without a policy.
* An *observer* (neither) that raises is detached at once.

Slow calls are counted, never acted upon: a decision must not depend on the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from polyframe.model import (
    Cycle,
    Fill,
    PluginReading,
    PluginShape,
    PluginVeto,
    Quote,
    ReportPeriod,
    Trade,
    Veto,
)
from polyframe.runtime.answers import (
    PLUGIN_ERROR,
    WrongAnswer,
    close_coroutine,
    quote_fault,
    ranking_of,
    readings_fault,
    section_of,
    shape_fault,
    trades_fault,
    vetoes_fault,
)
from polyframe.runtime.failures import Failures, Outcome, PluginProblem, fault_text
from polyframe.runtime.fused import (
    Clock,
    Implementation,
    fused_facts,
    fused_vetoes,
    with_all_arguments,
)
from polyframe.runtime.plugins import Registered
from polyframe.runtime.signatures import HOOK_ARGUMENTS
from polyframe.views import MarketView, PortfolioView

_BROKEN = Veto(PLUGIN_ERROR)
# Never answers: a plugin cannot get hold of them.
_FAILED: Any = object()
_VETO_ALL: Any = object()


class PluginQuote(NamedTuple):
    """A proposal and who made it; "" when nobody did."""

    plugin: str
    quote: Quote


class Shaped(NamedTuple):
    """A quote after every shape, who changed it, and a veto for each shape that failed."""

    quote: Quote
    shapes: tuple[PluginShape, ...] = ()
    vetoes: tuple[PluginVeto, ...] = ()


class PluginTrade(NamedTuple):
    """A trade and who proposed it."""

    plugin: str
    trade: Trade


class _Impl(NamedTuple):
    """One plugin's implementation of one hook, taking the hook's arguments by position."""

    plugin: str
    function: Callable[..., Any]


class Dispatcher:
    """Every hook as a method, called by the engine only.

    ``timer`` returns monotonic nanoseconds (the shell passes ``time.perf_counter_ns``); without
    one nothing is timed. ``on_problem`` is called when a plugin fails in a new way, not at each
    repetition.
    """

    def __init__(
        self,
        registered: Registered,
        *,
        timer: Callable[[], int] | None = None,
        budget_ns: int = 5_000_000,
        on_problem: Callable[[PluginProblem], None] | None = None,
    ) -> None:
        self.plugins = tuple(registered.instances)
        self.codes: Mapping[str, tuple[str, ...]] = registered.codes
        self.halts = registered.halts
        self.slow_calls: dict[tuple[str, str], int] = {}
        self.vetoers: tuple[str, ...] = ()
        self._clock = None if timer is None else Clock(timer, budget_ns, self._overran)
        self._allowed = {name: frozenset(declared) for name, declared in self.codes.items()}
        self._impls = {hook: _implementations(registered, hook) for hook in HOOK_ARGUMENTS}
        self._every_change = {
            name
            for name, instance in registered.instances.items()
            if getattr(instance, "on_book_when", "change") == "change"
        }
        self._failures = Failures(
            {
                name: tuple(hook for hook, impls in self._impls.items() if name in impls)
                for name in self.plugins
            },
            on_problem,
        )
        self._arrange()

    def _arrange(self) -> None:
        """Lay the calls out anew, without those who lost their place.

        ``vetoers`` are then the plugins that ``pre_quote_veto`` asks, in order.
        """
        trusted = [name for name in self.plugins if not self._failures.is_out(name)]
        calls = {
            hook: [impls[name] for name in trusted if name in impls]
            for hook, impls in self._impls.items()
        }
        on_book = calls["on_book"]
        on_change = [impl for impl in on_book if impl.plugin in self._every_change]
        self._on_touch = fused_facts("on_book", on_book, self._failed, self._clock)
        self._on_change = fused_facts("on_book", on_change, self._failed, self._clock)
        self._on_fill = _tuple_of("on_fill", calls)
        self._on_cycle_end = _tuple_of("on_cycle_end", calls)
        self._rank_markets = _tuple_of("rank_markets", calls)
        self._propose_quote = _tuple_of("propose_quote", calls)
        self._propose_trades = _tuple_of("propose_trades", calls)
        self._shape_quote = _tuple_of("shape_quote", calls)
        self._explain_quote = _tuple_of("explain_quote", calls)
        self._report_section = _tuple_of("report_section", calls)
        vetoers = [
            Implementation(name, _veto_all, ())
            if self._failures.is_closed(name)
            else self._impls["pre_quote_veto"][name]
            for name in self.plugins
            if self._failures.is_closed(name)
            or (name in self._impls["pre_quote_veto"] and not self._failures.is_out(name))
        ]
        self.vetoers = tuple(vetoer.plugin for vetoer in vetoers)
        self._pre_quote_veto = fused_vetoes(
            "pre_quote_veto", vetoers, self._veto_failed, self._take, self._clock
        )

    # --- what went wrong -----------------------------------------------------------------

    @property
    def problems(self) -> tuple[PluginProblem, ...]:
        """What went wrong so far: one entry per plugin and hook, in order of first failure."""
        return self._failures.problems

    @property
    def detached(self) -> tuple[str, ...]:
        """Plugins no longer called, in file order."""
        return tuple(name for name in self.plugins if self._failures.is_detached(name))

    @property
    def closed(self) -> tuple[str, ...]:
        """Plugins that veto every market because they broke, in file order."""
        return tuple(name for name in self.plugins if self._failures.is_closed(name))

    def _failed(self, plugin: str, hook: str, fault: Exception | str) -> None:
        """Record a failure: an exception, or a sentence on a wrong answer."""
        raised = isinstance(fault, Exception)
        if self._failures.add(plugin, hook, fault_text(fault), raised=raised) is not Outcome.KEPT:
            self._arrange()

    def _overran(self, plugin: str, hook: str) -> None:
        key = (plugin, hook)
        self.slow_calls[key] = self.slow_calls.get(key, 0) + 1

    # --- facts ---------------------------------------------------------------------------

    def on_book(self, market: MarketView, now_ns: int, top_changed: bool) -> None:
        """Tell of a changed book: everybody if the touch changed, else who wants every change."""
        tell = self._on_touch if top_changed else self._on_change
        if tell is not None:
            tell(market, now_ns)

    def on_fill(
        self, fill: Fill, market: MarketView, portfolio: PortfolioView, now_ns: int
    ) -> None:
        """Tell of an execution that the portfolio already contains."""
        for impl in self._on_fill:
            self._ask(impl, "on_fill", fill, market, portfolio, now_ns)

    def on_cycle_end(self, cycle: Cycle, portfolio: PortfolioView, now_ns: int) -> None:
        """Tell of a finished selection cycle."""
        for impl in self._on_cycle_end:
            self._ask(impl, "on_cycle_end", cycle, portfolio, now_ns)

    # --- opinions --------------------------------------------------------------------------

    def rank_markets(
        self, markets: Sequence[MarketView], now_ns: int
    ) -> tuple[str, list[str]] | None:
        """Return who ranked and the market ids, best first; None when nobody ranked.

        A failing or wrong ranking is passed over and the next plugin is asked.
        """
        if not self._rank_markets:
            return None
        known = {market.market_id for market in markets}
        for impl in self._rank_markets:
            # A copy each: a plugin that sorts the list in place sorts its own.
            answer = self._ask(impl, "rank_markets", list(markets), now_ns)
            if answer is None or answer is _FAILED:
                continue
            try:
                return impl.plugin, ranking_of(answer, known)
            except WrongAnswer as error:
                close_coroutine(answer)
                self._failed(impl.plugin, "rank_markets", str(error))
        return None

    def propose_quote(
        self, market: MarketView, portfolio: PortfolioView, now_ns: int
    ) -> PluginQuote:
        """Return the first proposal, its policy named after the plugin if it has no name.

        An empty quote of nobody's when nobody proposes, and when the first proposal is not a
        sound quote.
        """
        for impl in self._propose_quote:
            answer = self._ask(impl, "propose_quote", market, portfolio, now_ns)
            if answer is None or answer is _FAILED:
                continue
            fault = quote_fault(answer, market.market_id)
            if fault is not None:
                close_coroutine(answer)
                self._failed(impl.plugin, "propose_quote", fault)
                break
            return PluginQuote(impl.plugin, _signed(answer, impl.plugin))
        return PluginQuote("", Quote(market.market_id))

    @property
    def has_traders(self) -> bool:
        """Whether any plugin proposes trades at all."""
        return bool(self._propose_trades)

    def propose_trades(
        self, markets: Sequence[MarketView], portfolio: PortfolioView, now_ns: int
    ) -> tuple[PluginTrade, ...]:
        """Return every plugin's trades, in file order; an unsound answer counts as none."""
        found: list[PluginTrade] = []
        for impl in self._propose_trades:
            answer = self._ask(impl, "propose_trades", list(markets), portfolio, now_ns)
            if answer is None or answer is _FAILED:
                continue
            fault = trades_fault(answer)
            if fault is None:
                found.extend(PluginTrade(impl.plugin, trade) for trade in answer)
            else:
                close_coroutine(answer)
                self._failed(impl.plugin, "propose_trades", fault)
        return tuple(found)

    def shape_quote(
        self, quote: Quote, market: MarketView, portfolio: PortfolioView, now_ns: int
    ) -> Shaped:
        """Return the quote after every shape.

        A failed shape leaves the quote before it; the veto then keeps it from resting.
        """
        shapes: tuple[PluginShape, ...] = ()
        vetoes: tuple[PluginVeto, ...] = ()
        for impl in self._shape_quote:
            if quote.is_empty:
                break
            answer = self._ask(impl, "shape_quote", quote, market, portfolio, now_ns)
            if answer is None:
                continue
            if answer is not _FAILED:
                fault = shape_fault(answer, quote, market)
                if fault is None:
                    if answer != quote:
                        shapes = (*shapes, PluginShape(impl.plugin, answer.bid, answer.ask))
                    quote = answer
                    continue
                close_coroutine(answer)
                self._failed(impl.plugin, "shape_quote", fault)
            vetoes = (*vetoes, PluginVeto(impl.plugin, _BROKEN))
        return Shaped(quote, shapes, vetoes)

    def pre_quote_veto(
        self, quote: Quote, market: MarketView, portfolio: PortfolioView, now_ns: int
    ) -> tuple[PluginVeto, ...]:
        """Return every veto of every plugin, in file order, then in the plugin's own order."""
        ask = self._pre_quote_veto
        return ask(quote, market, portfolio, now_ns) if ask is not None else ()

    def _take(self, plugin: str, answer: Any, vetoes: list[PluginVeto]) -> None:
        if answer is _VETO_ALL:
            vetoes.append(PluginVeto(plugin, _BROKEN))
            return
        fault = vetoes_fault(answer, self._allowed[plugin])
        if fault is None:
            vetoes.extend([PluginVeto(plugin, veto) for veto in answer])
        else:
            close_coroutine(answer)
            self._veto_failed(plugin, "pre_quote_veto", fault, vetoes)

    def _veto_failed(
        self, plugin: str, hook: str, fault: Exception | str, vetoes: list[PluginVeto]
    ) -> None:
        self._failed(plugin, hook, fault)
        vetoes.append(PluginVeto(plugin, _BROKEN))

    def explain_quote(
        self, quote: Quote, market: MarketView, portfolio: PortfolioView, now_ns: int
    ) -> tuple[PluginReading, ...]:
        """Return the numbers behind every plugin's vote; a broken answer is left out."""
        found: list[PluginReading] = []
        for impl in self._explain_quote:
            answer = self._ask(impl, "explain_quote", quote, market, portfolio, now_ns)
            if answer is None or answer is _FAILED:
                continue
            fault = readings_fault(answer)
            if fault is None:
                found.extend([PluginReading(impl.plugin, reading) for reading in answer])
            else:
                close_coroutine(answer)
                self._failed(impl.plugin, "explain_quote", fault)
        return tuple(found)

    def report_section(self, period: ReportPeriod) -> dict[str, Any]:
        """Return each plugin's section as plain JSON data; a failed one says ``{"error": ...}``.

        A plugin that lost its place is not asked; its section says why.
        """
        sections: dict[str, Any] = {}
        answers = {impl.plugin: impl for impl in self._report_section}
        for plugin in self.plugins:
            if plugin in answers:
                answer = self._ask(answers[plugin], "report_section", period)
                if answer is None:
                    continue
                try:
                    if answer is not _FAILED:
                        sections[plugin] = section_of(answer)
                        continue
                except Exception as error:  # noqa: BLE001 - walking a mapping runs its code
                    close_coroutine(answer)
                    wrong = isinstance(error, WrongAnswer)
                    self._failed(plugin, "report_section", str(error) if wrong else error)
                sections[plugin] = {"error": self._failures.last_message(plugin)}
            elif plugin in self._impls["report_section"]:
                sections[plugin] = {"error": self._failures.last_message(plugin)}
        return sections

    # --- one call ----------------------------------------------------------------------------

    def _ask(self, impl: _Impl, hook: str, *arguments: Any) -> Any:
        """Call one implementation; return its answer, or ``_FAILED`` once recorded."""
        clock = self._clock
        started = clock.timer() if clock is not None else 0
        # Isolation costs nothing on Python 3.11 and later when nothing is raised.
        try:
            answer = impl.function(*arguments)
        except Exception as error:  # noqa: BLE001 - here a stranger's code ends
            self._failed(impl.plugin, hook, error)
            answer = _FAILED
        if clock is not None and clock.timer() - started > clock.budget_ns:
            self._overran(impl.plugin, hook)
        return answer


def _veto_all() -> object:
    """Stand in for a guard that broke."""
    return _VETO_ALL


def _signed(quote: Quote, plugin: str) -> Quote:
    if quote.policy:
        return quote
    signed: Quote = msgspec.structs.replace(quote, policy=plugin)
    return signed


def _implementations(registered: Registered, hook: str) -> dict[str, Implementation]:
    caller = getattr(registered.manager.hook, hook)
    return {
        impl.plugin_name: Implementation(impl.plugin_name, impl.function, tuple(impl.argnames))
        for impl in caller.get_hookimpls()
    }


def _tuple_of(hook: str, calls: Mapping[str, Sequence[Implementation]]) -> tuple[_Impl, ...]:
    return tuple(_Impl(impl.plugin, with_all_arguments(hook, impl)) for impl in calls[hook])
