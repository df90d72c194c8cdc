"""Builds the daily document from the runtime's facts and the plugin's own counts. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from polyframe import ReportPeriod
from polyframe_truth_report import metrics
from polyframe_truth_report.activity import Activity
from polyframe_truth_report.clean import Cleaner
from polyframe_truth_report.config import Config
from polyframe_truth_report.curve import EquityDay
from polyframe_truth_report.schema import SCHEMA_ID

FACTS = (
    "run",
    "portfolio",
    "attribution",
    "orders",
    "decisions",
    "vetoes",
    "paper_profiles",
    "feed",
)
PARTS = (
    "spread",
    "adverse",
    "inventory",
    "fees",
    "rebates",
    "rewards",
    "resolution",
    "other",
)
TOLERANCE_USD = 1e-6
# Ten figures, each rounded to 1e-6, can be off by half of it each.
_ROUNDING_USD = 10 * 0.5e-6
MISSING = "missing from the runtime's facts"


def build(
    period: ReportPeriod,
    activity: Activity,
    curve: Mapping[str, EquityDay],
    config: Config,
) -> dict[str, Any]:
    """Return the document of a period: finite numbers, or null with a reason in ``nulls``.

    ``curve`` is the equity curve of the period's own mode and source, the period's day last.
    """
    cleaner = Cleaner(config.max_text_chars)
    facts = period.facts
    run = facts.get("run")
    run = run if isinstance(run, Mapping) else {}
    document: dict[str, Any] = {
        "schema": SCHEMA_ID,
        "day": cleaner.text(period.day),
        "start_ns": period.start_ns,
        "end_ns": period.end_ns,
        "source": cleaner.text(str(run.get("source", "unknown"))),
        "mode": cleaner.text(str(run.get("mode", "unknown"))),
    }
    for name in FACTS:
        if isinstance(facts.get(name), Mapping):
            document[name] = cleaner.clean(facts[name], f"/{name}")
        else:
            document[name] = None
            cleaner.null(f"/{name}", MISSING)
    warnings = [str(warning) for warning in facts.get("warnings") or ()]
    warnings += accounting_warnings(facts)
    maker, reasons = activity.section()
    for key, reason in reasons.items():
        cleaner.null(f"/maker/{key}", reason)
    document["maker"] = cleaner.clean(maker, "/maker")
    document["performance"] = _performance(curve, config, cleaner)
    document["equity_curve"] = [
        {
            "day": day,
            "start_usd": round(equity.start_e12 / 1e12, 6),
            "end_usd": round(equity.end_e12 / 1e12, 6),
            "low_usd": round(equity.low_e12 / 1e12, 6),
            "high_usd": round(equity.high_e12 / 1e12, 6),
            "drawdown": round(equity.drawdown, 6) + 0.0,
        }
        for day, equity in curve.items()
    ]
    for name in facts:
        if name not in FACTS and name != "warnings":
            document.setdefault("more", {})[cleaner.text(str(name))] = cleaner.clean(
                facts[name], f"/more/{name}"
            )
    document["warnings"] = cleaner.clean(warnings, "/warnings")
    document["nulls"] = dict(sorted(cleaner.nulls.items()))
    return document


def accounting_warnings(facts: Mapping[str, Any]) -> list[str]:
    """Return what does not add up: the parts against their sum, the sum against equity."""
    attribution = facts.get("attribution")
    total = attribution.get("total") if isinstance(attribution, Mapping) else None
    if not isinstance(total, Mapping):
        return ["the attribution is missing: nothing proves that the PnL adds up"]
    numbers = {name: total.get(name) for name in (*PARTS, "sum", "equity_change", "error")}
    wrong = sorted(name for name, value in numbers.items() if not _is_finite(value))
    if wrong:
        return [f"the attribution cannot be checked: no finite {', '.join(wrong)}"]
    warnings: list[str] = []
    parts = math.fsum(float(numbers[name] or 0) for name in PARTS)
    claimed, change = float(numbers["sum"] or 0), float(numbers["equity_change"] or 0)
    error = float(numbers["error"] or 0)
    if abs(error) > TOLERANCE_USD:
        warnings.append(f"the attribution is off by {error:.6f} USD")
    if abs(parts - claimed) > _ROUNDING_USD:
        warnings.append(f"the parts sum to {parts:.6f} USD, not to {claimed:.6f}")
    if abs(claimed - change) > TOLERANCE_USD + _ROUNDING_USD:
        warnings.append(f"the attribution sums to {claimed:.6f} USD, equity moved {change:.6f}")
    return warnings


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _performance(
    curve: Mapping[str, EquityDay], config: Config, cleaner: Cleaner
) -> dict[str, Any]:
    returns = [value for day in curve.values() if (value := day.simple_return) is not None]
    days = len(returns)

    def enough(name: str, value: Any, least: int) -> Any:
        if days < least:
            return cleaner.null(f"/performance/{name}", f"insufficient: {days} days < {least}")
        if value is None:
            return cleaner.null(f"/performance/{name}", "undefined: no variation or no loss")
        return cleaner.clean(value, f"/performance/{name}")

    least = config.min_days_for_ratios
    today = returns[-1] if returns else None
    if today is None:
        cleaner.null("/performance/return_today", "no equity was seen")
    interval = metrics.sharpe_interval(returns)
    return {
        "days": days,
        "days_per_year": metrics.DAYS_PER_YEAR,
        "return_today": None if today is None else round(today, 9) + 0.0,
        "return_total": round(metrics.total_return(returns), 9) + 0.0,
        "max_drawdown": round(min((d.drawdown for d in curve.values()), default=0.0), 9) + 0.0,
        "sharpe": enough("sharpe", metrics.sharpe(returns), least),
        "sharpe_95": enough("sharpe_95", None if interval is None else list(interval), least),
        "sortino": enough("sortino", metrics.sortino(returns), least),
        "calmar": enough("calmar", metrics.calmar(returns), config.min_days_for_calmar),
    }
