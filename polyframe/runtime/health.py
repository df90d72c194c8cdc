"""The ``FEED_HEALTH`` line."""

from __future__ import annotations

from polyframe.model import FeedHealth


def feed_health_fields(health: FeedHealth) -> dict[str, object]:
    """Return the feed's counters as the fields of one ``FEED_HEALTH`` line."""
    fields: dict[str, object] = dict(health.messages)
    fields.update(
        parse_errors=health.parse_errors,
        tokens=health.tokens,
        with_book=health.tokens_with_book,
        fresh_10s=health.fresh_10s,
        fresh_60s=health.fresh_60s,
        median_age_s=_seconds(health.median_age_s),
        max_age_s=_seconds(health.max_age_s),
        reconnects=health.reconnects,
        books_checked=health.books_checked,
        books_mismatched=health.books_mismatched,
        stalest=",".join(f"{token[:8]}:{age:.1f}" for token, age in health.stalest),
    )
    return fields


def _seconds(value: float | None) -> str:
    return "none" if value is None else f"{value:.1f}"
