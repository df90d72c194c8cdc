"""The schema of what a report says of safety, and of an account that trades with real orders."""

from __future__ import annotations

from typing import Any

from polyframe_truth_report.schema_words import (
    COUNT,
    FLAG,
    MAYBE,
    MAYBE_COUNT,
    MAYBE_COUNTS,
    MAYBE_TEXT,
    TEXT,
    WHOLE,
    closed,
    named,
    rows,
)

SAFETY: dict[str, Any] = closed(
    {
        "hazards_raised": MAYBE_COUNTS,
        "standing": rows(closed({**named("hazard action detail", TEXT), "since_ns": MAYBE_COUNT})),
        "cancel_alls": COUNT,
        "cancel_alls_left": COUNT,
        "latest_cancel_alls": rows(
            closed({"ts_ns": WHOLE, "reason": TEXT, "left": WHOLE, "took_s": MAYBE})
        ),
    }
)
_DIFFERENCE = closed({**named("what name ours theirs explained_by", TEXT), "is_beyond_bound": FLAG})
PRODUCTION: dict[str, Any] = closed(
    {
        "is_rehearsal": FLAG,
        "is_left_unproved": {"type": ["boolean", "null"]},
        "account": closed(
            {
                **named("wallet wallet_type", MAYBE_TEXT),
                **named("cash_moved_usd unredeemed_usd set_aside_usd", MAYBE),
                "set_aside_tokens": {"type": "object", "additionalProperties": MAYBE},
                **named("foreign_orders foreign_fills", MAYBE_COUNT),
            }
        ),
        "orders": closed(
            {
                **named("sent requests cancel_requests refused", MAYBE_COUNT),
                "refused_by_code": MAYBE_COUNTS,
                **named("unknown_now not_settled_now", MAYBE_COUNT),
            }
        ),
        "settlements": closed(named("failed fills_taken_back", MAYBE_COUNT)),
        "reconciliations": closed(
            {
                **named("made failed differences_seen last_ns", MAYBE_COUNT),
                "is_beyond_bound": {"type": ["boolean", "null"]},
                "differences": rows(_DIFFERENCE),
            }
        ),
        "heartbeats": closed(named("sent missed", MAYBE_COUNT)),
        "user_channel": closed(named("reconnects unreadable", MAYBE_COUNT)),
        "clock_skew_s": MAYBE,
        "conversions": closed(named("merges_asked merges_failed done failed unknown", MAYBE_COUNT)),
        "earnings": closed(
            {
                **named("booked_rewards_usd booked_rebates_usd", MAYBE),
                "by_day": rows(
                    closed(
                        {
                            **named("day programme", TEXT),
                            **named(
                                "announced_usd booked_usd predicted_low_usd predicted_high_usd",
                                MAYBE,
                            ),
                        }
                    )
                ),
            }
        ),
    },
    type=["object", "null"],
)
