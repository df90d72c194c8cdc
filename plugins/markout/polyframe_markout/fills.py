"""One fill that is followed: what it was, and the mids found for it so far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from polyframe_markout.measures import Sample, markout_e6

DISCARD_REASONS = ("late", "no_mid", "tick_changed", "resolved", "dropped")


def horizon_name(horizon_s: float) -> str:
    """Return a horizon's key in documents: ``30``, ``120``, ``0.5``."""
    return f"{horizon_s:g}"


@dataclass(slots=True)
class TrackedFill:
    """A maker fill and the YES mids and microprices found so far, by horizon name.

    Prices are in 1e-6; ``rebate_e12`` is the rebate expected under the fees of its moment.
    """

    ts_ns: int
    trade_id: str
    order_id: str
    market_id: str
    cluster_id: str
    market_event_id: str
    category: str
    sign: int
    price_e6: int
    size_e6: int
    rebate_e12: int
    mid_before_e6: int | None
    micro_before_e6: int | None
    tick_e4: int
    mids_e6: dict[str, int] = field(default_factory=dict)
    micros_e6: dict[str, int] = field(default_factory=dict)
    discarded: dict[str, str] = field(default_factory=dict)
    _sealed: list[Any] | None = field(default=None, compare=False, repr=False)

    def seal(self) -> None:
        """Make the row once and for all: every horizon has its answer."""
        self._sealed = self.as_row()

    def as_row(self) -> list[Any]:
        """Return the fields as a JSON array, in order, that later changes do not reach."""
        if self._sealed is not None:
            return self._sealed
        row = [getattr(self, name) for name in ROW]
        row[-3:] = [dict(found) for found in row[-3:]]
        return row

    @classmethod
    def of_row(cls, row: Sequence[Any]) -> TrackedFill:
        """Return the fill that :meth:`as_row` wrote."""
        return cls(*row[:-3], *(dict(found) for found in row[-3:]))

    def sample(self, horizon: str) -> Sample | None:
        """Return the markout at a horizon; None while unknown or discarded."""
        return self._sample(self.mids_e6.get(horizon))

    def micro_sample(self, horizon: str) -> Sample | None:
        """Return the same against the microprice."""
        return self._sample(self.micros_e6.get(horizon))

    def _sample(self, later_e6: int | None) -> Sample | None:
        if later_e6 is None:
            return None
        return Sample(
            markout_e6(self.sign, self.price_e6, later_e6),
            self.size_e6,
            self.price_e6,
            self.ts_ns,
            self.market_event_id,
            self.sign,
            self.rebate_e12,
        )


ROW = tuple(one.name for one in fields(TrackedFill) if one.name != "_sealed")
"""The order of a stored row."""


def samples(fills: Iterable[TrackedFill], horizon: str, since_ns: int = 0) -> list[Sample]:
    """Return the markouts of the fills measured at a horizon, made at or after an instant."""
    return [
        sample
        for fill in fills
        if fill.ts_ns >= since_ns and (sample := fill.sample(horizon)) is not None
    ]
