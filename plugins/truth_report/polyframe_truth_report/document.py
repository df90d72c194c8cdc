"""Builds the daily document from the runtime's facts and the plugin's own counts. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeGuard

from polyframe import ReportPeriod
from polyframe_truth_report import gates, production
from polyframe_truth_report.activity import Activity
from polyframe_truth_report.clean import NO_SIMULATION, SIMULATED, Cleaner
from polyframe_truth_report.config import Config
from polyframe_truth_report.curve import EquityDay
from polyframe_truth_report.evidence import PROFILE, DayEvidence
from polyframe_truth_report.health import health
from polyframe_truth_report.performance import MISSING, daily_returns, performance
from polyframe_truth_report.schema import SCHEMA_ID
from polyframe_truth_report.spreads import spreads
from polyframe_truth_report.uptime import DayUptime
from polyframe_truth_report.walk_forward import WalkForward

COMPONENTS = ("maker", "taker", "arb", "satellite")
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
DAY_COUNTERS = ("orders", "decisions", "trades", "merges", "vetoes")
PASSED_ON = ("run", "portfolio", "fill_profiles", "feed")
TO_DATE = ("attribution", *DAY_COUNTERS)
# Told where they belong: safety's by the day, the account's only of real orders.
ARRANGED = ("safety", "live")
TOLERANCE_USD = 1e-6
# Ten figures, each rounded to 1e-6, can be off by half of it each.
_ROUNDING_USD = 10 * 0.5e-6
_NOT_IN_MORE = frozenset({*PASSED_ON, *TO_DATE, *ARRANGED, "day", "ledgers", "plugins", "warnings"})


class Counted(NamedTuple):
    """What the plugin itself kept of the period and of the days before it, and was given."""

    activity: Activity
    uptime: DayUptime
    curve: Mapping[str, EquityDay]
    evidence: Mapping[str, DayEvidence]
    walk_forward: WalkForward | None


def build(period: ReportPeriod, counted: Counted, config: Config) -> dict[str, Any]:
    """Return the document of a period: finite numbers, or null with a reason.

    The reason stands in ``nulls`` by JSON Pointer, or beside the number in a figure
    (``reason``) and in a gate's criterion (``note``).
    """
    facts = period.facts
    run, day = _mapping(facts.get("run")), _mapping(facts.get("day"))
    mode = str(run.get("mode", "unknown"))
    cleaner = Cleaner(config.max_text_chars, SIMULATED if production.is_real(mode) else None)
    document: dict[str, Any] = {
        "schema": SCHEMA_ID,
        "day": cleaner.text(period.day),
        "start_ns": period.start_ns,
        "end_ns": period.end_ns,
        "is_whole_day": day.get("is_whole") is True,
        "source": cleaner.text(str(run.get("source", "unknown"))),
        "mode": cleaner.text(mode),
    }
    for name in PASSED_ON:
        document[name] = _passed_on(facts, name, f"/{name}", cleaner)
    document["attribution"] = _attribution(day, cleaner)
    for name in DAY_COUNTERS:
        document[name] = _passed_on(day, name, f"/{name}", cleaner)
    document["profiles"] = _passed_on(day, "profiles", "/profiles", cleaner)
    document["run_to_date"] = {
        name: _passed_on(facts, name, f"/run_to_date/{name}", cleaner) for name in TO_DATE
    }
    fills = [fill for fill in _sequence(day.get("fills")) if isinstance(fill, Mapping)]
    document["fills"] = cleaner.clean(_fills(fills, config.max_fills_listed), "/fills")
    document["maker"] = _maker(counted, fills, cleaner)
    document["capacity"] = _capacity(day, mode, cleaner)
    document["safety"] = cleaner.clean(production.safety(facts), "/safety")
    document["production"] = _production(mode, facts, cleaner)
    document["health"] = cleaner.clean(health(facts, counted.activity), "/health")
    portfolio = _mapping(facts.get("portfolio"))
    document["performance"] = performance(counted.curve, portfolio, day, config)
    document["gates"] = _gates(mode, counted, config, cleaner)
    document["equity_curve"] = [
        {
            "day": name,
            "start_usd": round(equity.start_e12 / 1e12, 6),
            "end_usd": round(equity.end_e12 / 1e12, 6),
            "low_usd": round(equity.low_e12 / 1e12, 6),
            "high_usd": round(equity.high_e12 / 1e12, 6),
            "drawdown": round(equity.drawdown, 6) + 0.0,
        }
        for name, equity in counted.curve.items()
    ]
    warnings = [str(warning) for warning in _sequence(facts.get("warnings"))]
    warnings += accounting_warnings(day)
    warnings += [f"run to date: {text}" for text in accounting_warnings(facts)]
    if _sequence(_mapping(facts.get("ledgers")).get("differences")):
        warnings.append("the engine's ledger and the venue's differ: see health")
    if document["production"] is not None:
        warnings += production.warnings(document["production"], document["safety"]["standing"])
    document["warnings"] = [cleaner.text(warning) for warning in warnings]
    more = {name: facts[name] for name in facts if name not in _NOT_IN_MORE}
    if more:
        document["more"] = cleaner.clean(more, "/more")
    document["nulls"] = cleaner.nulls
    return document


def _production(mode: str, facts: Mapping[str, Any], cleaner: Cleaner) -> Any:
    if not isinstance(facts.get("live"), Mapping):
        reason = MISSING if production.is_real(mode) else "no real order was sent"
        return cleaner.null("/production", reason)
    return cleaner.clean(production.production(mode, facts), "/production")


def accounting_warnings(facts: Mapping[str, Any]) -> list[str]:
    """Return what does not add up in ``facts["attribution"]["total"]``."""
    total = _mapping(_mapping(facts.get("attribution")).get("total"))
    if not total:
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


def _passed_on(facts: Mapping[str, Any], name: str, path: str, cleaner: Cleaner) -> Any:
    if isinstance(facts.get(name), Mapping):
        return cleaner.clean(facts[name], path)
    return cleaner.null(path, MISSING)


def _attribution(day: Mapping[str, Any], cleaner: Cleaner) -> Any:
    """The day's parts; the four components are always there, and zero when idle."""
    given = day.get("attribution")
    if not isinstance(given, Mapping):
        return cleaner.null("/attribution", MISSING)
    by_component = _mapping(given.get("by_component"))
    idle = {name: 0.0 for name in (*PARTS, "total", "volume_usd")} | {"fills": 0}
    names = dict.fromkeys((*COMPONENTS, *by_component))
    return cleaner.clean(
        {
            "start_equity_usd": day.get("start_equity_usd"),
            "end_equity_usd": day.get("end_equity_usd"),
            **given,
            "by_component": {name: by_component.get(name, idle) for name in names},
        },
        "/attribution",
    )


def _fills(fills: Sequence[Mapping[str, Any]], most: int) -> dict[str, Any]:
    """The day's latest fills one by one, and totals over all of them.

    ``adverse_usd`` sums over the fills whose horizon ended today, as the attribution does.
    """
    traded = [fill for fill in fills if fill.get("is_traded")]
    shown = traded[max(0, len(traded) - most) :]
    hidden = ("is_traded", "is_settled")

    def total(name: str, rows: Sequence[Mapping[str, Any]]) -> float:
        return math.fsum(fill[name] for fill in rows if _is_finite(fill.get(name)))

    return {
        "traded": len(traded),
        "settled": sum(1 for fill in fills if fill.get("is_settled")),
        "listed": len(shown),
        "totals": {
            "spread_usd": total("spread_usd", traded),
            "adverse_usd": total("adverse_usd", fills),
            "fee_usd": total("fee_usd", traded),
            "rebate_accrued_usd": total("rebate_accrued_usd", traded),
        },
        "latest": [
            {name: value for name, value in fill.items() if name not in hidden} for fill in shown
        ],
    }


def _maker(
    counted: Counted, fills: Sequence[Mapping[str, Any]], cleaner: Cleaner
) -> dict[str, Any]:
    section, reasons = counted.activity.section()
    uptime, why = counted.uptime.section()
    for name, reason in why.items():
        cleaner.null(f"/maker/quote_uptime/{name}", reason)
    for name, reason in reasons.items():
        cleaner.null(f"/maker/{name}", reason)
    section["quote_uptime"] = uptime
    try:
        section["half_spreads"] = spreads(fills)
    except (KeyError, TypeError) as error:
        section["half_spreads"] = None
        cleaner.null("/maker/half_spreads", f"unreadable fills: {error!r}")
    for kind, found in (section["half_spreads"] or {}).items():
        for name, value in found.items():
            if value is None:
                cleaner.null(f"/maker/half_spreads/{kind}/{name}", "no settled maker fill")
    cleaned: dict[str, Any] = cleaner.clean(section, "/maker")
    return cleaned


def _capacity(day: Mapping[str, Any], mode: str, cleaner: Cleaner) -> Any:
    """Shares the participation cap withheld, by profile; a limited day says so."""
    if production.is_real(mode):
        return cleaner.null("/capacity", NO_SIMULATION)
    shares = {
        name: profile.get("capacity_limited_shares")
        for name, profile in _mapping(day.get("profiles")).items()
        if isinstance(profile, Mapping)
    }
    limited = any(_is_finite(value) and value > 0 for value in shares.values())
    return cleaner.clean({"is_limited": limited, "withheld_shares": shares}, "/capacity")


def _gates(mode: str, counted: Counted, config: Config, cleaner: Cleaner) -> dict[str, Any]:
    drawdown = min((day.drawdown for day in counted.curve.values()), default=None)
    found = {
        "A": gates.gate_a(counted.walk_forward, config),
        "B": {"profile": PROFILE, **gates.gate_b(counted.evidence, config, mode)},
        "C": gates.gate_c(daily_returns(counted.curve), drawdown, mode, config),
    }
    for each in found.values():
        each["why"] = cleaner.text(each["why"])
    return found


def _is_finite(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()
