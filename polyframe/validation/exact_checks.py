"""What is exact of every order: its moments, and the volume it was filled from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from polyframe.validation.outcomes import REAL, Compared, Outcome
from polyframe.validation.study import HEADLINE, VIEWS

Word = Literal["holds", "unclear", "fails"]


class Verdict(msgspec.Struct, frozen=True):
    """One target: what was asked, what was found, and the word for it."""

    view: str
    target: str
    found: str
    word: Word


def same_moments(rows: Sequence[Compared]) -> Verdict:
    """Hold every reading to the same latencies: fills alone do not show a quick cancel.

    A quick cancel loses fills, and the ones that hurt; it looks cautious and flatters the result.
    Every order that was not filled whole ends with its own cancel, whatever was filled of it.
    """
    differ = removed = 0
    for row in rows:
        real = row.outcomes[REAL]
        if real.is_removed:
            removed += 1  # the venue's own doing, of which the feed says nothing
            continue
        readings = (real, *(row.outcomes[f"{view}.base"] for view in VIEWS))
        differ += any(not _is_on_time(row, outcome) for outcome in readings)
    return Verdict(
        HEADLINE,
        "orders and cancels take effect when the real ones do",
        f"{differ} of {len(rows)} do not; the venue itself removed {removed}",
        "fails" if differ else "holds",
    )


def _is_on_time(row: Compared, outcome: Outcome) -> bool:
    times = outcome.times
    if outcome.effective_ns is None:
        return True
    if outcome.effective_ns != times.arrives_ns:
        return False
    if any(not times.arrives_ns <= ts_ns <= times.cancelled_ns for ts_ns, _ in outcome.fills):
        return False
    return outcome.filled_e6 == row.order.size_e6 or outcome.ended_ns == times.cancelled_ns


def within_prints(rows: Sequence[Compared]) -> Verdict:
    """Hold each instant to what was printed in it.

    Beside a real order nothing trades through its price before it is filled whole; alone it does,
    and there the ratios are too wide to show that such a print was used for more than it was.
    """
    readings = [f"{view}.{profile}" for view in VIEWS for profile in ("pessimistic", "base")]
    count = sum(any(row.outcomes[name].exceeds_prints for name in readings) for row in rows)
    return Verdict(
        HEADLINE,
        "no instant gives more than was printed in it",
        f"{count} of {len(rows)} orders were given more",
        "fails" if count else "holds",
    )
