"""From a strategy to a machine that can take batches: the same way for runs and replays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from polyframe.money import usd_e12
from polyframe.plugin import Config, Log
from polyframe.runtime.carried import CarriedAccount
from polyframe.runtime.dispatch import Dispatcher
from polyframe.runtime.engine import Begin, Engine
from polyframe.runtime.failures import PluginProblem
from polyframe.runtime.fill_profiles import RealProfile
from polyframe.runtime.paper import PaperVenue
from polyframe.runtime.plugins import build_contexts, register
from polyframe.runtime.turn import Turn
from polyframe.settings import Settings

WriteLine = Callable[[str, Mapping[str, object]], None]
_MILLISECOND_NS = 1_000_000


def no_line(message: str, fields: Mapping[str, object]) -> None:
    """Write nothing: what a replay does with log lines."""


class Machine:
    """A turn with everything it was built from, for the shell and the replay.

    ``account`` is what an earlier run left, None for a run that begins with the bankroll.
    ``begin`` says how the engine begins, and whether orders are real: then ``paper`` is None and
    nothing in this process can fill an order. ``venue`` is what answers them, for reports.
    """

    paper: PaperVenue | None
    venue: PaperVenue | RealProfile

    def __init__(
        self,
        settings: Settings,
        classes: Mapping[str, type],
        configs: Mapping[str, Config],
        stores: Mapping[str, dict[str, Any]],
        write: WriteLine,
        timer: Callable[[], int] | None,
        account: CarriedAccount | None = None,
        begin: Begin | None = None,
    ) -> None:
        def log(message: str, /, **fields: object) -> None:
            write(message, fields)

        def on_problem(problem: PluginProblem) -> None:
            log(
                "Plugin problem",
                plugin=problem.plugin,
                hook=problem.hook,
                action=problem.action,
                message=problem.message,
            )

        self.contexts = build_contexts(list(classes), settings.seed, stores, lambda _: Log(write))
        registered = register(classes, configs, self.contexts)
        for deprecation in registered.deprecations:
            log("Plugin deprecation", plugin=deprecation.plugin, message=deprecation.text)
        self.plugins = registered.instances
        self.dispatcher = Dispatcher(
            registered,
            timer=timer,
            budget_ns=round(settings.quoting.plugin_budget_ms * _MILLISECOND_NS),
            on_problem=on_problem,
        )
        self.engine = Engine(settings, self.dispatcher, log, begin)
        bankroll_e12 = usd_e12(settings.capital.bankroll_usd)
        if account is not None:
            self.engine.portfolio.take_over(account)
            bankroll_e12 = account.cash_e12 + account.cost_e12
        if begin is not None and begin.is_live:
            self.paper = None
            self.venue = RealProfile(self.engine.portfolio, self.engine.orders)
        else:
            self.paper = self.venue = _paper(settings, bankroll_e12, account)
        self.turn = Turn(self.engine, self.venue)

    @property
    def codes(self) -> tuple[str, ...]:
        """Every veto code the plugins declared."""
        return tuple(code for codes in self.dispatcher.codes.values() for code in codes)

    def stores(self) -> dict[str, dict[str, Any]]:
        """Every plugin's document as it stands."""
        return {name: context.store for name, context in self.contexts.items()}


def _paper(settings: Settings, bankroll_e12: int, account: CarriedAccount | None) -> PaperVenue:
    paper = PaperVenue(settings.paper, settings.seed, bankroll_e12)
    for held in () if account is None else account.positions:
        for is_yes, size_e6, cost_e12 in (
            (True, held.yes_e6, held.yes_cost_e12),
            (False, held.no_e6, held.no_cost_e12),
        ):
            if size_e6:
                paper.adopt(held.market_id, is_yes, size_e6, cost_e12)
    return paper
