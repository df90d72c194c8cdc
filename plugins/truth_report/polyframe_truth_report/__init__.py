"""The truth report: one document a day that adds up, and says where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polyframe import Context, Cycle, Fill, Plugin, PortfolioView, ReportPeriod, hookimpl
from polyframe_truth_report.activity import Activity
from polyframe_truth_report.config import Config as Settings
from polyframe_truth_report.curve import (
    EquityDay,
    days_document,
    days_from,
    joined,
    utc_day,
)
from polyframe_truth_report.document import build
from polyframe_truth_report.schema import SCHEMA, SCHEMA_ID
from polyframe_truth_report.summary import render_summary

__all__ = ["SCHEMA", "SCHEMA_ID", "Settings", "TruthReport", "render_summary"]


class TruthReport(Plugin):
    """Counts what the maker did, keeps the equity curve, and builds the daily document."""

    Config = Settings

    def __init__(self, config: Settings, context: Context) -> None:
        super().__init__(config, context)
        self._activity = Activity()
        # The curves as they were before this run: a second report does not count a day twice.
        saved = context.store.get("curves", {})
        self._before = {scope: days_from(document) for scope, document in saved.items()}
        # This run's days; under which mode and source they belong is told with the report.
        self._days: dict[str, EquityDay] = {}

    @hookimpl
    def on_fill(self, fill: Fill, portfolio: PortfolioView, now_ns: int) -> None:
        """Count a fill and look at equity."""
        self._activity.fill(fill)
        self._observe(portfolio, now_ns)

    @hookimpl
    def on_cycle_end(self, cycle: Cycle, portfolio: PortfolioView, now_ns: int) -> None:
        """Count the cycle's decisions and look at equity."""
        for decision in cycle.decisions:
            self._activity.decide(decision)
        self._observe(portfolio, now_ns)

    @hookimpl
    def report_section(self, period: ReportPeriod) -> Mapping[str, Any] | None:
        """Return the period's document (:data:`SCHEMA`), built from the runtime's facts."""
        run = period.facts.get("run")
        run = run if isinstance(run, Mapping) else {}
        scope = f"{run.get('mode', 'unknown')}/{run.get('source', 'unknown')}"
        curve = joined(self._before.get(scope, {}), self._days)
        curves = self.context.store.setdefault("curves", {})
        curves[scope] = days_document(curve, self.config.keep_days)
        shown = {day: equity for day, equity in curve.items() if day <= period.day}
        return build(period, self._activity, shown or curve, self.config)

    def _observe(self, portfolio: PortfolioView, now_ns: int) -> None:
        day = utc_day(now_ns)
        equity_e12 = portfolio.equity_e12
        today = self._days.get(day)
        if today is None:
            # A day starts where the one before ended; the first with the account's own word.
            start_e12 = portfolio.day_start_equity_e12
            if self._days:
                start_e12 = next(reversed(self._days.values())).end_e12
            low_e12, high_e12 = min(start_e12, equity_e12), max(start_e12, equity_e12)
            today = self._days[day] = EquityDay(start_e12, equity_e12, low_e12, high_e12)
        today.observe(equity_e12, portfolio.peak_equity_e12)
