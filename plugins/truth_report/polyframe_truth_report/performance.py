"""The account's figures: equity, returns, ratios, drawdown, exposure, each with n and interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from polyframe_truth_report import metrics
from polyframe_truth_report.config import Config
from polyframe_truth_report.curve import EquityDay
from polyframe_truth_report.figures import figure

MISSING = "missing from the runtime's facts"
_Z_95 = 1.959963984540054
NO_LOSS = "undefined: no variation or no loss"
Statistic = Callable[[Sequence[float]], float | None]


def performance(
    curve: Mapping[str, EquityDay],
    portfolio: Mapping[str, Any],
    day: Mapping[str, Any],
    config: Config,
) -> dict[str, Any]:
    """Return every figure of the account.

    Args:
        curve: the equity curve of the report's own mode and source, its day last.
        portfolio: the runtime's facts on the account, empty when missing.
        day: the runtime's facts on the day, empty when missing.
        config: the days a ratio needs, and the draws of an interval.
    """
    returns = daily_returns(curve)
    days = len(returns)
    # Drawn anew with the same seed for every report: the same curve gives the same interval.
    rng = Random(f"truth_report:{days}")
    positions = portfolio.get("positions")
    held = len(positions) if isinstance(positions, Sequence) else 0
    deepest = min((equity.drawdown for equity in curve.values()), default=None)
    traded = _number(_mapping(day, "attribution", "total").get("volume_usd"))
    start, end = _number(day.get("start_equity_usd")), _number(day.get("end_equity_usd"))
    average = None if start is None or end is None else (start + end) / 2

    def ratio(statistic: Statistic, least: int) -> dict[str, Any]:
        if days < least:
            return figure(None, days, reason=f"insufficient: {days} days < {least}")
        value = statistic(returns)
        if value is None:
            return figure(None, days, reason=NO_LOSS)
        if statistic is metrics.sharpe:
            interval = metrics.sharpe_interval(returns)
        else:
            interval = metrics.bootstrap_interval(returns, statistic, config.bootstrap_draws, rng)
        reason = "" if interval is not None else "no interval: undefined for too many draws"
        return figure(value, days, interval=interval, reason=reason)

    return {
        "days_per_year": metrics.DAYS_PER_YEAR,
        "equity_usd": _fact(portfolio, "equity_usd", 1),
        "return_today": figure(
            returns[-1] if returns else None, min(days, 1), reason="" if days else "no equity seen"
        ),
        "return_total": figure(
            metrics.total_return(returns) if days else None,
            days,
            reason="" if days else "no equity seen",
        ),
        "sharpe": ratio(metrics.sharpe, config.min_days_for_ratios),
        "sortino": ratio(metrics.sortino, config.min_days_for_ratios),
        "calmar": ratio(metrics.calmar, config.min_days_for_calmar),
        "max_drawdown": figure(deepest, len(curve), reason="" if curve else "no equity seen"),
        "exposure_usd": _fact(portfolio, "exposure_usd", held),
        "exposure_largest_market_usd": _fact(portfolio, "exposure_largest_market_usd", held),
        "turnover": figure(
            traded / average if traded is not None and average else None,
            1,
            reason="" if traded is not None and average else MISSING,
        ),
        "hit_rate_days": _hit_rate(returns),
    }


def daily_returns(curve: Mapping[str, EquityDay]) -> list[float]:
    """Return the simple returns of all days that began with equity, flat days included."""
    return [value for day in curve.values() if (value := day.simple_return) is not None]


def _hit_rate(returns: Sequence[float]) -> dict[str, Any]:
    moved = [value for value in returns if value]
    if not moved:
        return figure(None, 0, reason="no day on which equity moved")
    n = len(moved)
    share = sum(1 for value in moved if value > 0) / n
    # Wilson's interval: the plain one is of no width at 0 and at 1.
    centre = (share + _Z_95**2 / (2 * n)) / (1 + _Z_95**2 / n)
    half = math.sqrt(share * (1 - share) / n + (_Z_95 / (2 * n)) ** 2) / (1 + _Z_95**2 / n) * _Z_95
    return figure(share, n, interval=(max(0.0, centre - half), min(1.0, centre + half)))


def _fact(facts: Mapping[str, Any], name: str, n: int) -> dict[str, Any]:
    value = _number(facts.get(name))
    if value is None:
        return figure(None, n, reason=MISSING if facts.get(name) is None else "not a number")
    return figure(value, n)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)


def _mapping(facts: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    value: Any = facts
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}
