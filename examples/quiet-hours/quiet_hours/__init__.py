"""quiet_hours: no quotes while news are due, smaller ones on the way there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from polyframe import (
    MAKER,
    Context,
    MarketView,
    Plugin,
    Quote,
    QuoteLeg,
    Reading,
    ReportPeriod,
    Veto,
    hookimpl,
)
from polyframe.money import floor_size_e6

from quiet_hours.config import Config as QuietHoursConfig
from quiet_hours.schedule import REASONS, Schedule

__all__ = ["QuietHours"]

_DAY_NS = 86_400_000_000_000
_S_NS = 1_000_000_000
_SHRUNK = "shrunk"


class QuietHours(Plugin):
    """Keeps quotes away from announcements, games and hours of the day (README.md has the rules).

    Trades are left alone: what takes chooses its moment, and a position must be closable.
    """

    # Versions of the hooks this is written for: the oldest and the newest.
    api_versions = (1, 1)
    Config = QuietHoursConfig
    config: QuietHoursConfig
    codes = tuple(f"quiet_hours.{reason}" for reason in REASONS)

    def __init__(self, config: QuietHoursConfig, context: Context) -> None:
        super().__init__(config, context)
        self._schedule = Schedule(config)
        # Day number -> what -> how often; kept in the store, so that a restart loses no count.
        self._days: dict[str, dict[str, int]] = context.store.setdefault("days", {})

    @hookimpl
    def shape_quote(self, quote: Quote, market: MarketView, now_ns: int) -> Quote | None:
        """Shrink both legs when a quiet time is near; what is then too small to send is dropped."""
        quiet_in_s = self._quiet_in_s(market, now_ns)
        if quiet_in_s is None or not 0 < quiet_in_s <= self.config.wary_s:
            return None
        self._count(now_ns, _SHRUNK)
        return msgspec.structs.replace(
            quote,
            bid=self._smaller(quote.bid, market.min_size_e6),
            ask=self._smaller(quote.ask, market.min_size_e6),
            inputs=(*quote.inputs, ("quiet_in_s", quiet_in_s)),
        )

    @hookimpl
    def pre_quote_veto(
        self, quote: Quote, market: MarketView, now_ns: int
    ) -> Sequence[Veto] | None:
        """Refuse quotes in a quiet time; ``observed`` is how many seconds of it are left."""
        if quote.component != MAKER:
            return None
        vetoes = {}
        for start_ns, reason, end_ns in self._schedule.spells(market.spec, now_ns):
            if start_ns <= now_ns:
                left_s = None if end_ns is None else (end_ns - now_ns) / _S_NS
                vetoes[reason] = Veto(f"quiet_hours.{reason}", None, left_s, 0.0)
        for reason in vetoes:
            self._count(now_ns, reason)
        return list(vetoes.values()) or None

    @hookimpl
    def explain_quote(self, market: MarketView, now_ns: int) -> Sequence[Reading] | None:
        """Return how long it is to the next quiet time; nothing when none lies ahead."""
        quiet_in_s = self._quiet_in_s(market, now_ns)
        return None if quiet_in_s is None else [Reading("quiet_in_s", quiet_in_s, 0.0)]

    @hookimpl
    def report_section(self, period: ReportPeriod) -> Mapping[str, Any]:
        """Return the day's refusals by reason, and how many markets each announcement concerns.

        None at all means that its words are wrong, or that its markets are not traded.
        """
        counted = self._days.get(str(period.start_ns // _DAY_NS), {})
        return {
            "refused": {reason: counted.get(reason, 0) for reason in REASONS},
            _SHRUNK: counted.get(_SHRUNK, 0),
            "announcements": [
                {
                    "at": announcement.at,
                    "words": list(announcement.words),
                    "markets": self._schedule.concerned(announcement),
                }
                for announcement in self.config.announcements
            ],
        }

    def _quiet_in_s(self, market: MarketView, now_ns: int) -> float | None:
        """Return the seconds to the next quiet time, 0 within one; None when none lies ahead."""
        spells = self._schedule.spells(market.spec, now_ns)
        return max(0.0, (spells[0].start_ns - now_ns) / _S_NS) if spells else None

    def _smaller(self, leg: QuoteLeg | None, min_size_e6: int) -> QuoteLeg | None:
        if leg is None:
            return None
        size_e6 = floor_size_e6(int(leg.size_e6 * self.config.wary_size_factor))
        return QuoteLeg(leg.price_e4, size_e6) if size_e6 >= min_size_e6 else None

    def _count(self, now_ns: int, what: str) -> None:
        day = now_ns // _DAY_NS
        if str(day) not in self._days:
            # The report of a day is written after it ended, so the day before is still needed.
            for old in [key for key in self._days if int(key) < day - 1]:
                del self._days[old]
            self._days[str(day)] = {}
        counted = self._days[str(day)]
        counted[what] = counted.get(what, 0) + 1
