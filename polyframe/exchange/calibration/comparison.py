"""Two observed market channels side by side, with a verdict on every figure."""

from __future__ import annotations

import math

import msgspec

from polyframe.exchange.calibration.observer import Observer
from polyframe.exchange.calibration.samples import Samples

_FITS = 1.5
_MARKOUT_C = 0.3
_QUANTILES = (("p10", 0.1), ("p50", 0.5), ("p90", 0.9))


class Figure(msgspec.Struct, frozen=True):
    """One measured number; ``error`` is its standard error where it may be of either sign."""

    name: str
    unit: str
    value: float
    error: float | None = None


class Row(msgspec.Struct, frozen=True):
    """A line of the comparison. ``ratio`` is simulated by recorded, None where it says nothing."""

    name: str
    unit: str
    recorded: float
    simulated: float
    ratio: float | None
    fits: bool | None
    verdict: str


def figures(seen: Observer) -> list[Figure]:
    """Return everything an observer measured, in the order of the table."""
    messages = sum(seen.kinds.values())
    minutes = seen.live_minutes
    rows = [Figure("messages", "1/min", _per(messages, minutes))]
    rows += [
        Figure(f"share of {kind}", "share", _per(count, messages))
        for kind, count in seen.kinds.items()
    ]
    rows.append(Figure("entries a price_change", "count", seen.entries.mean()))
    rows += _quantiles("spread", "ticks", seen.spreads)
    rows += _quantiles("size at the touch", "shares", seen.touch_sizes)
    rows += _quantiles("size within 5 c", "shares", seen.near_sizes)
    rows += _quantiles("touch by ten levels", "share", seen.touch_shares)
    rows += _quantiles("levels in the book", "count", seen.level_counts)
    rows += _quantiles("wait between messages", "s", seen.waits_s)
    variation = seen.waits_s.deviation() / seen.waits_s.mean() if seen.waits_s.values else math.nan
    rows.append(Figure("variation of the wait", "cv", variation))
    rows += _quantiles("trade size", "shares", seen.trade_sizes)
    rows.append(Figure("trades", "1/h", _per(60 * len(seen.trade_sizes.values), minutes)))
    moves = seen.minute_moves.values
    squares = math.fsum(move * move for move in moves) / len(moves) if moves else math.nan
    rows.append(Figure("mid moves", "c/sqrt(min)", math.sqrt(squares)))
    rows.append(Figure("levels that mirror", "share", _per(seen.mirrored, seen.levels)))
    for name, earned in (("touch maker", seen.touch_maker), ("queued maker", seen.queued_maker)):
        rows.append(_signed(f"{name} at once", earned.at_once))
        rows += [
            _signed(f"{name} after {horizon_s} s", samples)
            for horizon_s, samples in earned.later.items()
        ]
    return rows


def compare(recorded: Observer, simulated: Observer) -> list[Row]:
    """Return one row for every figure.

    A figure fits within a factor of 1.5. One that may be of either sign (what a maker earns)
    fits within 0.3 cents or two standard errors of the difference.
    """
    return [
        _row(ours, theirs)
        for theirs, ours in zip(figures(recorded), figures(simulated), strict=True)
    ]


def table(rows: list[Row]) -> list[str]:
    """Return the comparison as lines of text, aligned."""
    cells = [("", "unit", "recorded", "simulated", "ratio", "verdict")]
    cells += [
        (
            row.name, row.unit, _text(row.recorded), _text(row.simulated),
            "" if row.ratio is None else f"{row.ratio:.2f}", row.verdict,
        )
        for row in rows
    ]  # fmt: skip
    widths = [max(len(line[place]) for line in cells) for place in range(6)]
    return [
        "  ".join(
            cell.rjust(width) if 2 <= place <= 4 else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]


def _row(simulated: Figure, recorded: Figure) -> Row:
    name, unit = recorded.name, recorded.unit
    ours, theirs = simulated.value, recorded.value
    if math.isnan(ours) or math.isnan(theirs):
        return Row(name, unit, theirs, ours, None, None, "not measured")
    if recorded.error is not None:
        errors = math.hypot(recorded.error, simulated.error or 0.0)
        allowed = max(_MARKOUT_C, 0.0 if math.isnan(errors) else 2.0 * errors)
        off = ours - theirs
        fits = abs(off) <= allowed
        verdict = "fits" if fits else f"{abs(off):.2f} c too {'high' if off > 0 else 'low'}"
        return Row(name, unit, theirs, ours, None, fits, f"{verdict} (+-{allowed:.2f} c)")
    if ours == theirs:
        return Row(name, unit, theirs, ours, 1.0, True, "fits")
    if not ours or not theirs:
        return Row(name, unit, theirs, ours, None, False, "one of them is zero")
    ratio = ours / theirs
    factor = max(ratio, 1.0 / ratio)
    verdict = "fits" if factor <= _FITS else f"x{factor:.1f} too {'high' if ratio > 1 else 'low'}"
    return Row(name, unit, theirs, ours, ratio, factor <= _FITS, verdict)


def _quantiles(name: str, unit: str, samples: Samples) -> list[Figure]:
    return [Figure(f"{name}, {label}", unit, samples.quantile(at)) for label, at in _QUANTILES]


def _signed(name: str, samples: Samples) -> Figure:
    return Figure(name, "c/share", samples.mean(), samples.standard_error())


def _per(count: float, by: float) -> float:
    return count / by if by else math.nan


def _text(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
