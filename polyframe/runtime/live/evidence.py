"""When an order's fate is known, and what has to be asked as long as it is not; pure.

The rules stand here, one beside the other, because each of them frees a reservation.
"""

from __future__ import annotations

from typing import Final

from polyframe.runtime.live.order_records import Record
from polyframe.runtime.live.order_states import OrderState

S_NS: Final = 10**9

DUST_E6: Final = 10_000
"""Sizes of an order and of its fills may differ by this, 0.01 share (venue.md 7.28)."""

# A stream tells within this what an answer told: before it has passed nobody is asked.
GRACE_NS: Final = 1 * S_NS
ASK_AGAIN_NS: Final = 2 * S_NS
# An order the venue once had is over when it was not found over this time.
FORGOTTEN_NS: Final = 10 * S_NS
# A trade is readable this long after its order was over.
TRADES_LAG_NS: Final = 10 * S_NS
# What takes leaves nothing behind; the venue may hold its match back for some seconds, and what
# then met nobody ends on the book, without an expiry (venue.md 4.7).
TAKING_NS: Final = 15 * S_NS
# The venue takes an expired order off within this.
EXPIRY_LAG_NS: Final = 5 * S_NS
# What an engine that is back has can be read within this.
RESTART_LAG_NS: Final = 5 * S_NS


def is_counted(record: Record) -> bool:
    """Whether the fills of an order that is over are all here, by the venue's own count."""
    row = record.row
    return row.is_counted and row.filled_e6 + DUST_E6 >= (row.matched_e6 or 0)


def note_short(record: Record, now_ns: int) -> None:
    """Note since when the venue counts more of an order than its fills that we know."""
    row = record.row
    is_short = (row.matched_e6 or 0) > row.filled_e6 + DUST_E6
    record.short_ns = (record.short_ns or now_ns) if is_short else 0


def never_arrived(record: Record, unknown_after_ns: int) -> bool:
    """Whether an unanswered order is proven not to have arrived, and not to arrive any more.

    It was not found by reads spread over ``unknown_after_ns`` since its request ended, or by one
    after its expiry, when the venue would not take it any more.
    """
    row, missing = record.row, record.missing_ns
    if row.state is not OrderState.UNKNOWN or missing is None or row.filled_e6 or row.matched_e6:
        return False
    is_expired = row.expires_ns is not None and missing[1] > row.expires_ns + EXPIRY_LAG_NS
    return is_expired or record.missing_for_ns >= unknown_after_ns


def must_be_cancelled(record: Record) -> bool:
    """Whether the engine has to be asked whether it has an order that it turned away.

    A cancel asks it: a read may be answered by what stands before an engine that is away.
    """
    is_turned_away = record.row.state is OrderState.UNKNOWN and record.turned_away_ns
    return bool(is_turned_away) and not record.absent_ns


def stayed_away(record: Record) -> bool:
    """Whether an order that a restarting engine turned away (425) is proven not to be there.

    That answer alone proves nothing (venue.md 2.10). But the engine was asked when it was back,
    and did not have it; and neither a list of the open orders nor a read by its id shows it.
    """
    row, missing = record.row, record.missing_ns
    if row.state is not OrderState.UNKNOWN or row.filled_e6 or row.matched_e6:
        return False
    return (
        bool(record.absent_ns)
        and record.unlisted_ns > record.absent_ns
        and missing is not None
        and missing[1] >= record.absent_ns + RESTART_LAG_NS
    )


def is_forgotten(record: Record) -> bool:
    """Whether the venue has lost an order that it had: nothing more will match."""
    return (
        record.row.state in (OrderState.LIVE, OrderState.CANCEL_SENT)
        and record.missing_for_ns >= FORGOTTEN_NS
    )


def proves_trades(record: Record, since_s: int, asked_ns: int) -> bool:
    """Whether a complete read of the trades shows every fill of an order that is over.

    When the venue has given no number it was asked for one before, and gave none again.
    """
    row = record.row
    return (
        row.state is OrderState.ENDING
        and since_s * S_NS <= row.placed_ns
        and row.state_ns + TRADES_LAG_NS <= asked_ns
        and (row.is_counted or record.asked_ns >= row.state_ns)
    )


def overstays(record: Record, now_ns: int) -> bool:
    """Whether an order that was to take and be gone is still there: nobody wants it to rest."""
    row = record.row
    return (
        not row.post_only and row.state is OrderState.LIVE and row.accepted_ns + TAKING_NS <= now_ns
    )


def must_be_read(record: Record, now_ns: int) -> bool:
    """Whether an order has to be read by its id now."""
    row = record.row
    if record.asked_ns and record.asked_ns + ASK_AGAIN_NS > now_ns:
        return False
    if record.doubted_ns or row.state is OrderState.UNKNOWN:
        return True
    has_waited = row.state_ns + GRACE_NS <= now_ns
    if row.state is OrderState.ENDING:
        return has_waited and not row.is_counted
    if row.state not in (OrderState.LIVE, OrderState.CANCEL_SENT):
        return False
    is_late = row.expires_ns is not None and row.expires_ns + EXPIRY_LAG_NS <= now_ns
    # What takes leaves nothing behind: its end should have been told with its fills.
    return is_late or (has_waited and not row.post_only)
