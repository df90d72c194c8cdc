"""What a report shows of hazards, and of an account with real orders. Every text is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polyframe_truth_report.markdown_words import (
    code,
    in_unit,
    mapping,
    number,
    plain,
    rows_of,
    table,
    text_of,
    title,
)
from polyframe_truth_report.production import REAL

_SWEEPS_SHOWN = 10


def hazards(document: Mapping[str, Any]) -> list[str]:
    """Return the hazards that stand, a line each."""
    return [
        f"**HAZARD** {code(one.get('hazard'))} ({text_of(one.get('action'))}):"
        f" {text_of(one.get('detail'))}"
        for one in rows_of(mapping(document, "safety").get("standing"))
    ]


def real_fills(document: Mapping[str, Any]) -> list[str]:
    """Return the fills of real orders, of the run and of the day."""
    run = mapping(mapping(document, "fill_profiles"), REAL)
    day = mapping(mapping(document, "profiles"), REAL)
    realised = mapping(day, "realised")
    head = ["fills", "of the day", "taken back", "fill rate", "median s to fill", "equity, USD",
            "realised, c", "fills at their horizon"]  # fmt: skip
    row = [
        number(run.get("fills"), 0),
        number(day.get("fills"), 0),
        number(day.get("reversed_fills"), 0),
        in_unit("share", run.get("fill_rate_by_order")),
        number(run.get("median_time_to_fill_s"), 1),
        in_unit("usd", run.get("equity_usd")),
        number(realised.get("share_weighted_c"), 3),
        number(realised.get("n"), 0),
    ]
    return [*title("Real fills"), *table(head, [row])]


def production(document: Mapping[str, Any]) -> list[str]:
    """Return the account and the way to the venue, with what was paid beside what was predicted."""
    found, safety = mapping(document, "production"), mapping(document, "safety")
    nulls = mapping(document, "nulls")
    rows = [
        [code(f"{part}.{name}"), _cell(nulls, f"/production/{part}/{name}", value)]
        for part in ("account", "orders", "settlements", "reconciliations", "conversions")
        for name, value in mapping(found, part).items()
        if name != "differences"
    ]
    rows += [
        [code(name), _cell(nulls, f"/production/{name}", found.get(name))]
        for name in ("heartbeats", "user_channel", "clock_skew_s", "is_left_unproved")
    ]
    rows += [[code("hazards_raised"), plain(_raised(safety))]]
    lines = [*title("Account at the venue"), *table(["what", "value"], rows)]
    differences = rows_of(mapping(found, "reconciliations").get("differences"))
    if differences:
        head = list(dict.fromkeys(name for one in differences for name in one))
        cells = [[plain(one.get(name)) for name in head] for one in differences]
        lines += ["", "differences at the last comparison:", "", *table(head, cells)]
    return [*lines, *_cancel_alls(safety), *_earnings(found, nulls)]


def _raised(safety: Mapping[str, Any]) -> dict[str, Any]:
    raised = mapping(safety, "hazards_raised")
    return {name: count for name, count in raised.items() if count}


def _cancel_alls(safety: Mapping[str, Any]) -> list[str]:
    sweeps = rows_of(safety.get("latest_cancel_alls"))
    rows = [
        [text_of(one.get("reason")), number(one.get("took_s"), 2), number(one.get("left"), 0)]
        for one in sweeps[-_SWEEPS_SHOWN:]
    ]
    head = ["latest cancel-alls", "took, s", "left"]
    told = (
        f"cancel-alls proved {number(safety.get('cancel_alls'), 0)},"
        f" told late {number(safety.get('cancel_alls_left'), 0)}"
    )
    return ["", told, "", *table(head, rows)]


def _earnings(found: Mapping[str, Any], nulls: Mapping[str, Any]) -> list[str]:
    earnings = mapping(found, "earnings")
    rows = [
        [
            text_of(one.get("day")),
            text_of(one.get("programme")),
            *(
                _cell(nulls, f"/production/earnings/by_day/{at}/{name}", one.get(name))
                for name in ("announced_usd", "booked_usd", "predicted_low_usd",
                             "predicted_high_usd")
            ),
        ]
        for at, one in enumerate(rows_of(earnings.get("by_day")))
    ]  # fmt: skip
    head = ["day", "programme", "announced, USD", "booked, USD", "predicted, at least", "at most"]
    return [
        *title("Rewards and rebates"),
        f"booked this day: rewards {in_unit('usd', earnings.get('booked_rewards_usd'))},"
        f" rebates {in_unit('usd', earnings.get('booked_rebates_usd'))} USD",
        "",
        *table(head, rows),
    ]


def _cell(nulls: Mapping[str, Any], path: str, value: Any) -> str:
    """Return a value; one that is null with its reason."""
    if value is None and path in nulls:
        return f"- ({text_of(nulls[path])})"
    return plain(value)
