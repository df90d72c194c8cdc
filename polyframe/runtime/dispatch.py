"""Calling the plugins: in file order, attributed, each isolated from the others.

pluggy registers and validates; it does not call. Its own call runs the last registered first,
loses who answered, stops at the first exception, and costs ten times a plain loop
(docs/adr, own dispatcher). Here every hook is a tuple of ``(plugin, function)`` compiled once from
``HookCaller.get_hookimpls()``, and every call is one direct call on positional arguments.

What happens to a plugin that fails (docs/hooks.md, "When a plugin fails"):

* A *guard* (it implements ``pre_quote_veto`` or ``shape_quote``) fails closed. Raising in
  ``pre_quote_veto``, or answering what the hook does not allow, vetoes that market. Raising in
  any other hook but ``report_section`` vetoes every market until the run ends: an exception may
  have left a half-made update behind, so nothing the plugin says later can be trusted.
* A *policy* (``propose_quote`` or ``rank_markets``) that fails gave no answer; at the third
  failure it is detached. Nothing is quoted without a policy.
* An *observer* (neither) that raises is detached at once.

Slow calls are counted, never acted upon: a decision must not depend on the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from polyframe.model import (
    Cycle,
    Fill,
    MarketView,
    PluginVeto,
    PortfolioView,
    Quote,
    ReportPeriod,
    Veto,
)
from polyframe.runtime.answers import (
    PLUGIN_ERROR,
    WrongAnswer,
    close_coroutine,
    quote_fault,
    ranking_of,
    section_of,
    shape_fault,
    vetoes_fault,
)
from polyframe.runtime.failures import Failures, Outcome, PluginProblem, fault_text
from polyframe.runtime.plugins import Registered
from polyframe.runtime.signatures import HOOK_ARGUMENTS

_BROKEN = Veto(PLUGIN_ERROR)
_FAILED: Any = object()  # never an answer: a plugin cannot get hold of it


class _Impl(NamedTuple):
    """One plugin's implementation of one hook, taking the hook's arguments by position."""

    plugin: str
    function: Callable[..., Any]


class _VetoImpl(NamedTuple):
    """A vetoing plugin, and the codes it may use."""

    plugin: str
    function: Callable[..., Any]
    codes: frozenset[str]


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
        self.slow_calls: dict[tuple[str, str], int] = {}
        self._timer = timer
        self._budget_ns = budget_ns
        self._impls = {hook: _compiled(registered, hook) for hook in HOOK_ARGUMENTS}
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
        """Lay the calls out anew, without those who lost their place."""
        trusted = [name for name in self.plugins if not self._failures.is_out(name)]
        calls = {
            hook: tuple(_Impl(name, impls[name]) for name in trusted if name in impls)
            for hook, impls in self._impls.items()
        }
        self._on_touch = calls["on_book"]
        self._on_change = tuple(
            impl for impl in calls["on_book"] if impl.plugin in self._every_change
        )
        self._on_fill = calls["on_fill"]
        self._on_cycle_end = calls["on_cycle_end"]
        self._rank_markets = calls["rank_markets"]
        self._propose_quote = calls["propose_quote"]
        self._shape_quote = calls["shape_quote"]
        self._report_section = calls["report_section"]
        self._pre_quote_veto = tuple(
            self._veto_impl(name)
            for name in self.plugins
            if self._failures.is_closed(name)
            or (name in self._impls["pre_quote_veto"] and not self._failures.is_out(name))
        )

    def _veto_impl(self, name: str) -> _VetoImpl:
        if self._failures.is_closed(name):
            return _VetoImpl(name, _veto_all, frozenset((PLUGIN_ERROR,)))
        function = self._impls["pre_quote_veto"][name]
        return _VetoImpl(name, function, frozenset(self.codes[name]))

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
        impls = self._on_touch if top_changed else self._on_change
        if not impls:
            return
        timer = self._timer
        started = timer() if timer is not None else 0
        for plugin, function in impls:
            # Any exception: this is where a stranger's code ends and the engine's begins.
            # Isolation costs nothing on Python 3.11 and later when nothing is raised.
            try:
                function(market, now_ns)
            except Exception as error:  # noqa: BLE001
                self._failed(plugin, "on_book", error)
            if timer is not None:
                ended = timer()
                if ended - started > self._budget_ns:
                    self._overran(plugin, "on_book")
                started = ended

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

    def propose_quote(self, market: MarketView, portfolio: PortfolioView, now_ns: int) -> Quote:
        """Return the first proposal, its policy named after the plugin if it has no name.

        An empty quote when nobody proposes, and when the first proposal is not a sound quote.
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
            return _signed(answer, impl.plugin)
        return Quote(market.market_id)

    def shape_quote(
        self, quote: Quote, market: MarketView, portfolio: PortfolioView, now_ns: int
    ) -> tuple[Quote, tuple[PluginVeto, ...]]:
        """Return the quote after every shape, and a veto for each shape that failed.

        A failed shape leaves the quote before it; the veto then keeps it from resting.
        """
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
                    quote = answer
                    continue
                close_coroutine(answer)
                self._failed(impl.plugin, "shape_quote", fault)
            vetoes = (*vetoes, PluginVeto(impl.plugin, _BROKEN))
        return quote, vetoes

    def pre_quote_veto(
        self, quote: Quote, market: MarketView, portfolio: PortfolioView, now_ns: int
    ) -> tuple[PluginVeto, ...]:
        """Return every veto of every plugin, in file order, then in the plugin's own order."""
        vetoes: list[PluginVeto] = []
        timer = self._timer
        started = timer() if timer is not None else 0
        for plugin, function, codes in self._pre_quote_veto:
            fault: Exception | str | None
            try:
                answer = function(quote, market, portfolio, now_ns)
                fault = None if answer is None else vetoes_fault(answer, codes)
            except Exception as error:  # noqa: BLE001  (see on_book)
                answer, fault = None, error
            if fault is not None:
                close_coroutine(answer)
                self._failed(plugin, "pre_quote_veto", fault)
                vetoes.append(PluginVeto(plugin, _BROKEN))
            elif answer is not None:
                vetoes.extend([PluginVeto(plugin, veto) for veto in answer])
            if timer is not None:
                ended = timer()
                if ended - started > self._budget_ns:
                    self._overran(plugin, "pre_quote_veto")
                started = ended
        return tuple(vetoes)

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
                # Any exception: walking a stranger's mapping runs the stranger's code.
                except Exception as error:  # noqa: BLE001
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
        timer = self._timer
        started = timer() if timer is not None else 0
        try:
            answer = impl.function(*arguments)
        except Exception as error:  # noqa: BLE001  (see on_book)
            self._failed(impl.plugin, hook, error)
            answer = _FAILED
        if timer is not None and timer() - started > self._budget_ns:
            self._overran(impl.plugin, hook)
        return answer


def _veto_all(quote: object, market: object, portfolio: object, now_ns: object) -> list[Veto]:
    """Stand in for a guard that broke."""
    return [_BROKEN]


def _signed(quote: Quote, plugin: str) -> Quote:
    if quote.policy:
        return quote
    return Quote(quote.market_id, quote.fair, quote.bid, quote.ask, plugin, quote.inputs)


def _compiled(registered: Registered, hook: str) -> dict[str, Callable[..., Any]]:
    """Return each plugin's implementation of a hook as a callable of all its arguments."""
    allowed = HOOK_ARGUMENTS[hook]
    caller = getattr(registered.manager.hook, hook)
    return {
        impl.plugin_name: _bound(impl.function, tuple(impl.argnames), allowed)
        for impl in caller.get_hookimpls()
    }


def _bound(
    function: Callable[..., Any], wanted: tuple[str, ...], allowed: tuple[str, ...]
) -> Callable[..., Any]:
    """Return ``function`` as one that takes all the hook's arguments by position.

    A lambda made from source forwards positional arguments with a plain call, several times
    faster than picking from a tuple or a dict at each call. Its source holds nothing but argument
    names of the contract, which the names wanted were checked against at load.
    """
    if wanted == allowed:
        return function
    unknown = [name for name in wanted if name not in allowed]
    if unknown:
        raise ValueError(f"{function!r} wants {unknown[0]!r}, which the hook does not have")
    source = f"lambda function: lambda {', '.join(allowed)}: function({', '.join(wanted)})"
    bound: Callable[..., Any] = eval(source, {})(function)
    return bound
