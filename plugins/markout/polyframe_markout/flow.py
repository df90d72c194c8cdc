"""How one-sided our own fills are: VPIN with sides that are certain. Reported, never a rule.

VPIN (Easley, Lopez de Prado and O'Hara 2012) is the mean of ``|bought - sold| / V`` over buckets
of an equal volume V. Of public trades it needs the taker's side, which the feed does not tell
reliably; of our own fills the side is known (quant.md A3.4, golden G14).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean

from polyframe_markout.fills import TrackedFill

FILLS_PER_BUCKET = 10
"""A bucket is as many shares as ten fills of the mean size: fills of random sides show 0.25."""


def imbalances(trades: Iterable[tuple[int, int]], bucket_e6: int) -> list[float]:
    """Return ``|bought - sold| / V`` of each full bucket, in order of time.

    Args:
        trades: (+1 bought or -1 sold, micro-shares); one that is larger than what its bucket
            has left goes on in the next.
        bucket_e6: V in micro-shares, at least 1.
    """
    found: list[float] = []
    net_e6 = filled_e6 = 0
    for sign, size_e6 in trades:
        while size_e6 > 0:
            part_e6 = min(size_e6, bucket_e6 - filled_e6)
            net_e6 += sign * part_e6
            filled_e6 += part_e6
            size_e6 -= part_e6
            if filled_e6 == bucket_e6:
                found.append(abs(net_e6) / bucket_e6)
                net_e6 = filled_e6 = 0
    return found


def imbalances_of_fills(fills: Sequence[TrackedFill]) -> list[float]:
    """Return the imbalances of one market's fills; none below ``FILLS_PER_BUCKET`` fills."""
    if len(fills) < FILLS_PER_BUCKET:
        return []
    bucket_e6 = sum(fill.size_e6 for fill in fills) * FILLS_PER_BUCKET // len(fills)
    return imbalances([(fill.sign, fill.size_e6) for fill in fills], bucket_e6)


def vpin(found: Sequence[float]) -> float | None:
    """Return the mean imbalance, 0 (as much bought as sold) to 1; None without a bucket."""
    return fmean(found) if found else None
