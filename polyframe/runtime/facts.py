"""The runtime's own facts as JSON-ready data: what reports and summaries are built from.

Money is float USD rounded to 1e-6 here and nowhere else; the rounded parts of the attribution
are shown with the exact error, computed before rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polyframe.events import BookVerified
from polyframe.hazards import Hazard
from polyframe.money import SHARE_E6
from polyframe.runtime.attribution import Attribution, PartsKey
from polyframe.runtime.checks import CODES
from polyframe.runtime.engine import Engine
from polyframe.runtime.fill_profiles import REAL, FillProfiles
from polyframe.runtime.paper import ProfileResult


def usd6(amount_e12: int) -> float:
    """Return 1e-12 USD as dollars rounded to six decimals."""
    return round(amount_e12 / 1e12, 6)


def run_facts(
    engine: Engine, venue: FillProfiles, run: Mapping[str, Any], codes: tuple[str, ...]
) -> dict[str, Any]:
    """Return everything the runtime knows of its own run.

    Args:
        engine: the engine after its last batch.
        venue: what answered its orders.
        run: identity of the run (id, source, mode, profile, hashes, times).
        codes: every veto code that could have been cast, so that a zero is a visible zero.
    """
    counted = counters(engine, codes)
    return {
        "run": dict(run),
        "portfolio": _portfolio(engine),
        "attribution": _attribution(engine),
        "orders": counted["orders"],
        "decisions": {
            **counted["decisions"],
            "largest_active_set": engine.largest_active,
            "smallest_active_set": engine.smallest_active,
        },
        "trades": counted["trades"],
        "merges": counted["merges"],
        "vetoes": counted["vetoes"],
        "fill_profiles": fill_profiles(engine, venue),
        "feed": feed(engine),
        "ledgers": ledgers(engine, venue),
        "safety": safety(engine),
        "plugins": {
            "detached": list(engine.dispatcher.detached),
            "vetoing_everything": list(engine.dispatcher.closed),
            "slow_calls": {
                f"{plugin}.{hook}": count
                for (plugin, hook), count in sorted(engine.dispatcher.slow_calls.items())
            },
            "problems": [
                {"plugin": p.plugin, "hook": p.hook, "message": p.message, "count": p.count,
                 "action": p.action}
                for p in engine.dispatcher.problems
            ],
        },
        "warnings": list(engine.warnings),
    }  # fmt: skip


def counters(engine: Engine, codes: tuple[str, ...]) -> dict[str, Any]:
    """Return everything that is only ever counted up since the run began."""
    return {
        "orders": {
            "placed": engine.orders.placed,
            "cancel_requests": engine.orders.cancel_requests,
            "rejected_by_code": dict(sorted(engine.orders.rejected_by_code.items())),
            "unexpected_answers": engine.orders.unexpected,
            "deferred_by_budget": engine.decider.budget.deferred,
            "fills": engine.portfolio.fills,
            "duplicate_fills": engine.portfolio.duplicate_fills,
        },
        "decisions": {
            "total": engine.decider.decisions,
            "by_outcome": dict(sorted(engine.outcomes.items())),
            "cycles": engine.cycles,
            "reseeds": engine.schedule.reseeds,
        },
        "trades": {
            "proposed": engine.desk.proposed,
            "sent": engine.desk.sent,
            "completed": engine.desk.completed,
            "unwound": engine.desk.unwound,
        },
        "merges": {
            "asked": engine.merging.asked,
            "failed": engine.merging.failed,
            "pairs_e6": engine.portfolio.merged_e6,
        },
        "vetoes": {code: engine.vetoes.get(code, 0) for code in (*CODES, *codes)},
        "hazards": {hazard.value: engine.safety.raised.get(hazard, 0) for hazard in Hazard},
        "feed": _feed_counters(engine),
    }


def safety(engine: Engine) -> dict[str, Any]:
    """Return the hazards that stand, how often each was raised, and what sweeps found."""
    watched = engine.safety
    return {
        "standing": {
            hazard.value: {
                "action": one.action.value,
                "detail": one.detail,
                "since_ns": one.since_ns,
            }
            for hazard, one in watched.standing.items()
        },
        "raised": dict(sorted(watched.raised.items())),
        "sweeps": [sweep_facts(sweep) for sweep in watched.sweeps],
    }


def sweep_facts(sweep: BookVerified) -> dict[str, Any]:
    """Return what the venue answered after a cancel-all, and when (UTC ns)."""
    return {
        "ts_ns": sweep.ts_ns,
        "reason": str(sweep.reason),
        "left": sweep.left,
        "took_s": sweep.took_ns / 1e9,
    }


def ledgers(engine: Engine, answered: FillProfiles) -> dict[str, Any]:
    """Return where the engine's books and the venue's disagree: nowhere.

    On paper those of the base profile, in production those that are rebuilt from what was stored.
    """
    portfolio = engine.portfolio
    venue = answered.results(portfolio.marks())[answered.engine_profile]
    differences = []
    if venue.cash_e12 != portfolio.cash_e12:
        differences.append(
            {
                "what": "cash_usd",
                "engine": portfolio.cash_e12 / 1e12,
                "venue": venue.cash_e12 / 1e12,
            }
        )
    held = {market_id: position.net_yes_e6 for market_id, position in portfolio.held().items()}
    for market_id in sorted(held.keys() | venue.positions_e6.keys()):
        ours_e6, theirs_e6 = held.get(market_id, 0), venue.positions_e6.get(market_id, 0)
        if ours_e6 != theirs_e6:
            differences.append(
                {"what": f"net YES of {market_id}", "engine": ours_e6 / 1e6,
                 "venue": theirs_e6 / 1e6}
            )  # fmt: skip
    return {"compared": 1 + len(held.keys() | venue.positions_e6.keys()),
            "differences": differences}  # fmt: skip


def _portfolio(engine: Engine) -> dict[str, Any]:
    portfolio = engine.portfolio
    positions = []
    # What the holding can still lose: pairs are cash, the rest can end worthless.
    exposed: dict[str, int] = {}
    for market_id, position in portfolio.held().items():
        mark_e6 = portfolio.mark_e6(market_id)
        market = engine.markets.find(market_id)
        if mark_e6 is not None:
            net_e6 = position.net_yes_e6
            exposed[market_id] = net_e6 * mark_e6 if net_e6 > 0 else -net_e6 * (SHARE_E6 - mark_e6)
        positions.append(
            {
                "market_id": market_id,
                "question": "" if market is None else market.spec.question,
                "yes": position.yes_e6 / 1e6,
                "no": position.no_e6 / 1e6,
                "mark": None if mark_e6 is None else mark_e6 / 1e6,
                "mark_flag": portfolio.flagged_marks.get(market_id, ""),
                "cost_usd": usd6(position.cost_e12),
                "value_usd": None if mark_e6 is None else usd6(position.value_e12(mark_e6)),
            }
        )
    return {
        "bankroll_usd": usd6(portfolio.bankroll_e12),
        "equity_usd": usd6(portfolio.equity_e12),
        "cash_usd": usd6(portfolio.cash_e12),
        "reserved_usd": usd6(engine.orders.reserved_e12),
        "unredeemed_usd": usd6(sum(portfolio.unredeemed_e12.values())),
        "realised_usd": usd6(portfolio.realised_e12),
        "unrealised_usd": usd6(portfolio.unrealised_e12),
        "peak_equity_usd": usd6(portfolio.peak_equity_e12),
        "max_drawdown_usd": usd6(portfolio.max_drawdown_e12),
        "exposure_usd": usd6(sum(exposed.values())),
        "exposure_largest_market_usd": usd6(max(exposed.values(), default=0)),
        "positions": positions,
    }


def _attribution(engine: Engine) -> dict[str, Any]:
    portfolio = engine.portfolio
    parts = {(m, c): part for m, c, part in portfolio.attribution()}
    return attribution(
        parts,
        portfolio.equity_e12 - portfolio.bankroll_e12,
        engine.settings.capital.adverse_horizon_s,
    )


def attribution(
    parts: Mapping[PartsKey, Attribution], change_e12: int, horizon_s: float
) -> dict[str, Any]:
    """Return parts in total, by component and by market, beside the change of equity."""
    total = Attribution()
    by_component: dict[str, Attribution] = {}
    by_market: dict[str, Attribution] = {}
    for (market_id, component), part in parts.items():
        for into in (
            total,
            by_component.setdefault(component, Attribution()),
            by_market.setdefault(market_id, Attribution()),
        ):
            into.add(part)
    return {
        "horizon_s": horizon_s,
        "total": {
            **_parts(total),
            "sum": usd6(total.total_e12),
            "equity_change": usd6(change_e12),
            "error": (total.total_e12 - change_e12) / 1e12,
        },
        "by_component": {name: _parts(part) for name, part in sorted(by_component.items())},
        "by_market": {name: _parts(part) for name, part in sorted(by_market.items())},
    }


def _parts(part: Attribution) -> dict[str, Any]:
    """Return the parts; what a mark moved within the horizon is shown as adverse."""
    return {
        "spread": usd6(part.spread_e12),
        "adverse": usd6(part.adverse_e12),
        "inventory": usd6(part.inventory_e12 - part.adverse_e12),
        "fees": usd6(part.fees_e12),
        "rebates": usd6(part.rebates_e12),
        "rewards": usd6(part.rewards_e12),
        "resolution": usd6(part.resolution_e12),
        "other": 0.0,
        "total": usd6(part.total_e12),
        "fills": part.fills,
        "volume_usd": usd6(part.volume_e12),
    }


def fill_profiles(engine: Engine, venue: FillProfiles) -> dict[str, Any]:
    """Return the fill profiles of the one path that was taken."""
    results = venue.results(engine.portfolio.marks())
    return {name: _profile(result) for name, result in results.items()}


def _profile(result: ProfileResult) -> dict[str, Any]:
    """Return one profile's outcome; what only a simulation has is None of the real one."""
    is_real = result.profile == REAL
    to_fill_ns = result.median_time_to_fill_ns

    def simulated(value: float) -> float | None:
        return None if is_real else value

    return {
        "fills": result.fills,
        "filled_shares": result.filled_e6 / 1e6,
        "volume_usd": usd6(result.volume_e12),
        "realised_usd": usd6(result.realised_e12),
        "unrealised_usd": usd6(result.unrealised_e12),
        "rebates_usd": usd6(result.rebates_e12),
        "rebates_accrued_usd": simulated(usd6(result.rebates_accrued_e12)),
        "rebates_lapsed_usd": simulated(usd6(result.rebates_lapsed_e12)),
        "equity_usd": usd6(result.equity_e12),
        "headline_equity_usd": simulated(usd6(result.headline_equity_e12)),
        "stale_evidence_fills": simulated(result.stale_fills),
        "stale_evidence_shares": simulated(result.stale_filled_e6 / 1e6),
        "reversed_fills": result.reversed_fills,
        "capacity_limited_shares": simulated(result.capacity_limited_e6 / 1e6),
        "net_yes_shares": {
            market_id: net_e6 / 1e6 for market_id, net_e6 in result.positions_e6.items() if net_e6
        },
        "orders": result.orders,
        "fill_rate_by_order": round(result.fill_rate_by_order, 6),
        "fill_rate_by_share": round(result.fill_rate_by_share, 6),
        "median_time_to_fill_s": None if to_fill_ns is None else round(to_fill_ns / 1e9, 3),
    }


def feed(engine: Engine) -> dict[str, Any]:
    """Return the feed's counters now."""
    health = engine.markets.health()
    return {
        **_feed_counters(engine),
        "tokens": health.tokens,
        "tokens_with_book": health.tokens_with_book,
        "fresh_10s": health.fresh_10s,
        "fresh_60s": health.fresh_60s,
        "median_age_s": health.median_age_s,
        "max_age_s": health.max_age_s,
    }


def _feed_counters(engine: Engine) -> dict[str, Any]:
    markets = engine.markets
    return {
        "messages": dict(sorted(markets.messages.items())),
        "parse_errors": markets.parse_errors,
        "unknown_tokens": markets.unknown_token,
        "reconnects": markets.reconnects,
        "books_checked": markets.check.checked,
        "books_at_touch": markets.check.at_touch,
        "books_ahead": markets.check.ahead,
        "books_mismatched": markets.check.mismatched,
        "witness_agreed": markets.witness_agreed,
        "witness_differed": markets.witness_differed,
    }


def summary(facts: Mapping[str, Any], report: str | None, tape: str | None) -> dict[str, Any]:
    """Return the one-line summary of a run (``--summary-json``)."""
    run, portfolio, decisions = facts["run"], facts["portfolio"], facts["decisions"]
    return {
        "run_id": run["id"],
        "mode": run["mode"],
        "profile": run["profile"],
        "source": run["source"],
        "speed": run["speed"],
        "config_hash": run["config_hash"],
        "decisions": decisions["total"],
        "decisions_by_outcome": decisions["by_outcome"],
        "quotes": decisions["by_outcome"].get("quoted", 0),
        "vetoes": facts["vetoes"],
        "orders": facts["orders"]["placed"],
        "orders_rejected": sum(facts["orders"]["rejected_by_code"].values()),
        "orders_rejected_by_code": facts["orders"]["rejected_by_code"],
        "hazards_raised": facts["safety"]["raised"],
        "hazards_standing": list(facts["safety"]["standing"]),
        "fills": {name: profile["fills"] for name, profile in facts["fill_profiles"].items()},
        "stale_evidence_fills": {
            name: profile["stale_evidence_fills"]
            for name, profile in facts["fill_profiles"].items()
        },
        "equity_usd": portfolio["equity_usd"],
        "equity_on_fresh_evidence_usd": {
            name: profile["headline_equity_usd"] for name, profile in facts["fill_profiles"].items()
        },
        "realised_usd": portfolio["realised_usd"],
        "unrealised_usd": portfolio["unrealised_usd"],
        "attribution_error_usd": facts["attribution"]["total"]["error"],
        "books_checked": facts["feed"]["books_checked"],
        "books_mismatched": facts["feed"]["books_mismatched"],
        "cycles": decisions["cycles"],
        "largest_active_set": decisions["largest_active_set"],
        "smallest_active_set_after_warmup": decisions["smallest_active_set"],
        "plugin_problems": len(facts["plugins"]["problems"]),
        "tracing": facts.get("tracing"),
        "live": facts.get("live"),
        "left_unproved": bool((facts.get("live") or {}).get("is_left_unproved")),
        "report": report,
        "tape": tape,
    }
