"""The truth report: one document a day that adds up, says where it does not, and judges gates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeGuard

from polyframe import (
    Context,
    Cycle,
    Fill,
    MarketView,
    Plugin,
    PortfolioView,
    ReportPeriod,
    hookimpl,
)
from polyframe.money import usd_e12
from polyframe_truth_report import evidence as evidence_days
from polyframe_truth_report import walk_forward_file
from polyframe_truth_report.activity import Activity
from polyframe_truth_report.config import Config as Settings
from polyframe_truth_report.curve import (
    NS_PER_DAY,
    EquityDay,
    days_document,
    days_from,
    joined,
    utc_day,
)
from polyframe_truth_report.document import Counted, build
from polyframe_truth_report.evidence import PROFILE, DayEvidence
from polyframe_truth_report.markdown import render_markdown
from polyframe_truth_report.schema import SCHEMA, SCHEMA_ID
from polyframe_truth_report.uptime import Uptime
from polyframe_truth_report.walk_forward import WalkForward, parse

__all__ = ["SCHEMA", "SCHEMA_ID", "Settings", "TruthReport", "render_markdown"]


class TruthReport(Plugin):
    """Counts what the maker did, keeps equity and evidence by day, and builds the document.

    ``report_schema`` and ``render_markdown`` are what ``polyframe report`` asks for.

    Raises:
        ValueError: the walk-forward file cannot be used; one ``file:line: field: what`` a problem.
    """

    Config = Settings
    api_versions: ClassVar = (1, 1)
    on_book_when: ClassVar = "top"
    report_schema: ClassVar[Mapping[str, Any]] = SCHEMA

    def __init__(self, config: Settings, context: Context) -> None:
        super().__init__(config, context)
        self._activity: dict[int, Activity] = {}
        self._uptime = Uptime()
        # Days as they were before this run: a second report does not count a day twice.
        store = context.store
        self._before = {s: days_from(saved) for s, saved in store.get("curves", {}).items()}
        self._evidence_before = {
            s: evidence_days.days_from(saved) for s, saved in store.get("evidence", {}).items()
        }
        # This run's days; under which mode and source they belong is told with the report.
        self._days: dict[str, EquityDay] = {}
        self._evidence: dict[str, DayEvidence] = {}
        self._walk_forward: WalkForward | None = None
        if config.walk_forward_file:
            text = walk_forward_file.text_of(store, config.walk_forward_file)
            sha256 = walk_forward_file.sha256_of(store)
            self._walk_forward = parse(text, config.walk_forward_file, sha256)
            context.log(
                "Walk-forward result",
                file=config.walk_forward_file,
                days=len(self._walk_forward.days),
                sha256=sha256,
            )

    @staticmethod
    def render_markdown(
        document: Mapping[str, Any], sections: Mapping[str, Any] | None = None
    ) -> Sequence[str]:
        """Return a document, and the sections beside it, as Markdown lines."""
        return render_markdown(document, sections)

    @hookimpl
    def on_book(self, market: MarketView, now_ns: int) -> None:
        """Look at what of ours stands in an active market."""
        self._uptime.look(market, now_ns)

    @hookimpl
    def on_fill(
        self, fill: Fill, market: MarketView, portfolio: PortfolioView, now_ns: int
    ) -> None:
        """Count a fill, and look at equity and at what still stands."""
        self._today(now_ns).fill(fill)
        self._uptime.look(market, now_ns)
        self._observe(portfolio, now_ns)

    @hookimpl
    def on_cycle_end(self, cycle: Cycle, portfolio: PortfolioView, now_ns: int) -> None:
        """Count the cycle's decisions (on the day the cycle ends) and look at equity."""
        walk_forward_file.used(self.context.store)
        today = self._today(now_ns)
        for decision in cycle.decisions:
            today.decide(decision)
        self._uptime.cycle(cycle.active, portfolio, now_ns)
        self._observe(portfolio, now_ns)

    @hookimpl
    def report_section(self, period: ReportPeriod) -> Mapping[str, Any] | None:
        """Return the period's document (:data:`SCHEMA`), built from the runtime's facts."""
        walk_forward_file.used(self.context.store)
        number = period.start_ns // NS_PER_DAY
        run = _mapping(period.facts, "run")
        scope = f"{run.get('mode', 'unknown')}/{run.get('source', 'unknown')}"
        self._take_facts(period)
        curve = joined(self._before.get(scope, {}), self._days)
        self.context.store.setdefault("curves", {})[scope] = days_document(
            curve, self.config.keep_days
        )
        evidence = evidence_days.joined(self._evidence_before.get(scope, {}), self._evidence)
        kept = evidence_days.days_document(evidence, self.config.gate_evidence_days)
        self.context.store.setdefault("evidence", {})[scope] = kept
        counted = Counted(
            self._activity.get(number, Activity()),
            self._uptime.day(number, period.end_ns),
            {day: equity for day, equity in curve.items() if day <= period.day} or curve,
            {day: found for day, found in evidence.items() if day in kept and day <= period.day},
            self._walk_forward,
        )
        document = build(period, counted, self.config)
        self._forget_before(number)
        return document

    def _today(self, now_ns: int) -> Activity:
        return self._activity.setdefault(now_ns // NS_PER_DAY, Activity())

    def _forget_before(self, number: int) -> None:
        """A reported day may be asked for again while it lasts; those before it are over."""
        self._activity = {day: kept for day, kept in self._activity.items() if day >= number}
        self._uptime.keep([day for day in self._uptime.days if day >= number])

    def _take_facts(self, period: ReportPeriod) -> None:
        """Take the day's bounds from the ledger, and what the pessimistic profile proves."""
        day = _mapping(period.facts, "day")
        start, end = day.get("start_equity_usd"), day.get("end_equity_usd")
        if _is_number(start) and _is_number(end):
            start_e12, end_e12 = usd_e12(start), usd_e12(end)
            low_e12, high_e12 = sorted((start_e12, end_e12))
            today = self._days.setdefault(
                period.day, EquityDay(start_e12, end_e12, low_e12, high_e12)
            )
            moved = day.get("cash_moved_usd")
            today.bound(start_e12, end_e12, usd_e12(moved) if _is_number(moved) else 0)
            self._days = dict(sorted(self._days.items()))
        try:
            profile = _mapping(_mapping(day, "profiles"), PROFILE)
            self._evidence[period.day] = evidence_days.day_from_facts(profile)
        except (KeyError, TypeError):
            # Without this profile, as with real orders, there is no evidence: the gates say so.
            return

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


def _mapping(facts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = facts.get(name)
    return value if isinstance(value, Mapping) else {}


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
