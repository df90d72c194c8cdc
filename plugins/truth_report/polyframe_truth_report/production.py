"""Safety of every run, and the account of one with real orders: facts, arranged by the day. Pure.

Counters are the day's own; everything else is how things stood when the report was built.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

PRODUCTION, REHEARSAL = "production", "rehearsal"
REAL = "real"
"""The one fill profile of real orders."""
_MOST_SWEEPS = 50
_DIFFERENCE = ("what", "name", "ours", "theirs", "explained_by")


def is_real(mode: str) -> bool:
    """Whether a run's orders were real, at the live venue or at one that stands in for it."""
    return mode in (PRODUCTION, REHEARSAL)


def safety(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return hazards and cancel-alls: of the day, and what stands."""
    day = _mapping(facts, "day")
    sweeps = [
        {
            "ts_ns": _count(one, "ts_ns") or 0,
            "reason": str(one.get("reason")),
            "left": _count(one, "left") or 0,
            "took_s": _number(one, "took_s"),
        }
        for one in _rows(day, "cancel_alls")
    ]
    standing = _mapping(facts, "safety", "standing")
    return {
        "hazards_raised": _counts(day, "hazards"),
        "standing": [
            {
                "hazard": hazard,
                "action": str(one.get("action")),
                "detail": str(one.get("detail")),
                "since_ns": _count(one, "since_ns"),
            }
            for hazard, one in standing.items()
            if isinstance(one, Mapping)
        ],
        "cancel_alls": sum(not one["left"] for one in sweeps),
        "cancel_alls_left": sum(bool(one["left"]) for one in sweeps),
        "latest_cancel_alls": sweeps[-_MOST_SWEEPS:],
    }


def production(mode: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of the account and the way to the venue; None is not known.

    Args:
        mode: production, or a rehearsal.
        facts: the runtime's; ``live`` is there.
    """
    live, day = _mapping(facts, "live"), _mapping(facts, "day")
    today, orders, merges = (_mapping(day, name) for name in ("live", "orders", "merges"))
    refused = _counts(orders, "rejected_by_code")
    total = _mapping(day, "attribution", "total")
    return {
        "is_rehearsal": mode != PRODUCTION,
        "is_left_unproved": _flag(live, "is_left_unproved"),
        "account": {
            "wallet": _text(live, "wallet"),
            "wallet_type": _text(live, "wallet_type"),
            "cash_moved_usd": _number(day, "cash_moved_usd"),
            "unredeemed_usd": _number(_mapping(facts, "portfolio"), "unredeemed_usd"),
            "set_aside_usd": _number(_mapping(live, "set_aside"), "cash_usd"),
            "set_aside_tokens": {
                token_id: shares
                for token_id, shares in _mapping(live, "set_aside", "tokens").items()
                if _is_number(shares)
            },
            "foreign_orders": _count(live, "foreign_orders"),
            "foreign_fills": _count(live, "foreign_fills"),
        },
        "orders": {
            "sent": _count(orders, "placed"),
            "requests": _count(today, "requests"),
            "cancel_requests": _count(today, "cancel_requests"),
            "refused": None if refused is None else sum(refused.values()),
            "refused_by_code": refused,
            "unknown_now": _count(live, "orders_unknown"),
            "not_settled_now": _count(live, "orders_not_settled"),
        },
        "settlements": {
            "failed": _count(today, "settlements_failed"),
            "fills_taken_back": _count(_mapping(day, "profiles", REAL), "reversed_fills"),
        },
        "reconciliations": {
            "made": _count(today, "reconciliations"),
            "failed": _count(today, "reconciliation_failures"),
            "differences_seen": _count(today, "differences_seen"),
            "last_ns": _count(live, "reconciled_ns"),
            "is_beyond_bound": _flag(live, "is_beyond_bound"),
            "differences": [
                {
                    **{name: str(one.get(name, "")) for name in _DIFFERENCE},
                    "is_beyond_bound": one.get("is_beyond_bound") is True,
                }
                for one in _rows(live, "differences")
            ],
        },
        "heartbeats": _counted(today, "heartbeats", "sent", "missed"),
        "user_channel": _counted(today, "user_channel", "reconnects", "unreadable"),
        "clock_skew_s": _number(live, "clock_skew_s"),
        "conversions": {
            "merges_asked": _count(merges, "asked"),
            "merges_failed": _count(merges, "failed"),
            **_counted(today, "chores", "done", "failed", "unknown"),
        },
        "earnings": {
            "booked_rewards_usd": _number(total, "rewards"),
            "booked_rebates_usd": _number(total, "rebates"),
            "by_day": [
                row
                for name, one in _mapping(live, "earnings").items()
                if isinstance(one, Mapping)
                for row in _earned(name, one)
            ],
        },
    }


def warnings(section: Mapping[str, Any], standing: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what nobody may overlook of a run with real orders."""
    found = [
        f"hazard {one['hazard']} ({one['action']}) stands: {one['detail']}" for one in standing
    ]
    if section["is_left_unproved"]:
        found.append(
            "the book is not proved empty: run 'polyframe cancel-all', look at the account"
        )
    unknown = section["orders"]["unknown_now"]
    if unknown:
        found.append(f"orders of unknown fate, which may rest at the venue: {unknown}")
    found += [
        f"the venue's books differ: {one['what']} {one['name']}, ours {one['ours']}, "
        f"theirs {one['theirs']}"
        for one in section["reconciliations"]["differences"]
        if not one["explained_by"]
    ]
    foreign = section["account"]["foreign_fills"]
    if foreign:
        found.append(f"fills of orders that are not ours: {foreign}")
    return found


def _earned(day: str, one: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return both programmes' day: what the venue stated, what is booked, what we predicted."""
    rebate = _number(one, "predicted_rebate_usd")
    low, high = (_number(one, f"predicted_reward_{end}_usd") for end in ("low", "high"))
    return [
        {
            "day": day,
            "programme": programme,
            "announced_usd": _number(one, f"announced_{programme}_usd"),
            "booked_usd": _number(one, f"booked_{programme}_usd"),
            "predicted_low_usd": least,
            "predicted_high_usd": most,
        }
        for programme, least, most in (("reward", low, high), ("rebate", rebate, rebate))
    ]


def _counted(today: Mapping[str, Any], name: str, *names: str) -> dict[str, Any]:
    return {one: _count(_mapping(today, name), one) for one in names}


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(facts: Mapping[str, Any], name: str) -> float | None:
    value = facts.get(name)
    return float(value) if _is_number(value) else None


def _count(facts: Mapping[str, Any], name: str) -> int | None:
    value = facts.get(name)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _counts(facts: Mapping[str, Any], name: str) -> dict[str, int] | None:
    value = facts.get(name)
    if not isinstance(value, Mapping):
        return None
    return {key: count for key in value if (count := _count(value, key)) is not None}


def _text(facts: Mapping[str, Any], name: str) -> str | None:
    value = facts.get(name)
    return value if isinstance(value, str) else None


def _flag(facts: Mapping[str, Any], name: str) -> bool | None:
    value = facts.get(name)
    return value if isinstance(value, bool) else None


def _rows(facts: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = facts.get(name)
    if not isinstance(value, list | tuple):
        return []
    return [item for item in value if isinstance(item, Mapping)]


def _mapping(facts: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    value: Any = facts
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}
