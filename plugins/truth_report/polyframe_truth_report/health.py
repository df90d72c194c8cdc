"""Health: counters that should be zero or near it, each from who counted it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polyframe_truth_report.activity import CANCEL_ALL, Activity


def health(facts: Mapping[str, Any], activity: Activity) -> dict[str, Any]:
    """Return the day's health; a counter the runtime did not tell is None."""
    day = _mapping(facts, "day")
    feed, plugins = _mapping(day, "feed"), _mapping(facts, "plugins")
    ledgers, profiles = _mapping(facts, "ledgers"), _mapping(day, "profiles")
    base, sockets = _mapping(profiles, "base"), day.get("sockets")
    # A hazard that pulls, pulls everything.
    pulls_all = {*CANCEL_ALL, *_mapping(day, "hazards")}
    return {
        "sockets": sockets if isinstance(sockets, list | tuple) else None,
        "reconnects": feed.get("reconnects"),
        "cancel_all_triggers": activity.cancel_alls(pulls_all),
        "pulls_by_trigger": dict(sorted(activity.pulls.items())),
        "stale_quote_incidents": activity.stale_incidents,
        "stale_evidence_fills": base.get("stale_evidence_fills"),
        "ledgers_compared": ledgers.get("compared"),
        "ledger_differences": ledgers.get("differences"),
        "discarded": {
            "unreadable_messages": feed.get("parse_errors"),
            "unknown_tokens": feed.get("unknown_tokens"),
            "books_mismatched": feed.get("books_mismatched"),
            "witness_differed": feed.get("witness_differed"),
            "duplicate_fills": _mapping(day, "orders").get("duplicate_fills"),
            "unexpected_answers": _mapping(day, "orders").get("unexpected_answers"),
            "markouts": {
                name: _mapping(profile, "realised").get("discarded")
                for name, profile in profiles.items()
                if isinstance(profile, Mapping)
            },
        },
        "slow_plugin_calls": plugins.get("slow_calls"),
        "plugins_detached": plugins.get("detached"),
        "plugins_vetoing_everything": plugins.get("vetoing_everything"),
        "plugin_problems": plugins.get("problems"),
    }


def _mapping(facts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = facts.get(name)
    return value if isinstance(value, Mapping) else {}
