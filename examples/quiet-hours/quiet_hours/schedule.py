"""Which quiet times lie ahead of a market: announcements that concern it, its game, each day's."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from polyframe import MarketSpec

from quiet_hours.config import Announcement, Config

__all__ = ["REASONS", "Reason", "Schedule", "Spell"]

Reason = Literal["announcement", "daily", "game"]
REASONS: tuple[Reason, ...] = ("announcement", "daily", "game")

_S_NS = 1_000_000_000
_DAY_NS = 86_400 * _S_NS


class Spell(NamedTuple):
    """A time without quotes: from when, why, and until when (None: nobody knows)."""

    start_ns: int
    reason: Reason
    end_ns: int | None


class Schedule:
    """The quiet times of every market, worked out once for each version of its metadata."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._daily = [(start_s * _S_NS, lasts_s * _S_NS) for start_s, lasts_s in config.daily_s]
        self._announced = [
            (announcement, _pattern(announcement)) for announcement in config.announcements
        ]
        self._known: dict[str, tuple[MarketSpec, list[Spell]]] = {}
        self._concerned: dict[str, list[Announcement]] = {}

    def spells(self, spec: MarketSpec, now_ns: int) -> list[Spell]:
        """Return what is not over yet, as it begins; daily ones of the next day included."""
        before = self._known.get(spec.market_id)
        if before is None or before[0] is not spec:
            self._known[spec.market_id] = spec, self._once(spec)
        _, once = self._known[spec.market_id]
        ahead = [spell for spell in once if spell.end_ns is None or now_ns < spell.end_ns]
        return sorted([*ahead, *self._each_day(now_ns)], key=lambda spell: spell.start_ns)

    def concerned(self, announcement: Announcement) -> int:
        """Return how many of the markets asked about an announcement concerns."""
        return sum(announcement in found for found in self._concerned.values())

    def _once(self, spec: MarketSpec) -> list[Spell]:
        before_ns, after_ns = (
            int(s * _S_NS) for s in (self._config.before_s, self._config.after_s)
        )
        text = "\n".join(
            (
                spec.question,
                spec.market_event_title,
                spec.group_item_title,
                spec.category,
                *spec.tags,
            )
        )
        concerned = [
            announcement
            for announcement, pattern in self._announced
            if pattern is None or pattern.search(text)
        ]
        self._concerned[spec.market_id] = concerned
        found = [
            Spell(one.at_ns - before_ns, "announcement", one.at_ns + after_ns) for one in concerned
        ]
        if self._config.games and spec.game_start_ns is not None:
            found.append(Spell(spec.game_start_ns - before_ns, "game", None))
        return found

    def _each_day(self, now_ns: int) -> list[Spell]:
        today_ns = now_ns // _DAY_NS * _DAY_NS
        return [
            Spell(start_ns, "daily", start_ns + lasts_ns)
            for offset_ns, lasts_ns in self._daily
            # Yesterday's may go on over midnight, tomorrow's may begin soon.
            for start_ns in (today_ns + days * _DAY_NS + offset_ns for days in (-1, 0, 1))
            if now_ns < start_ns + lasts_ns
        ]


def _pattern(announcement: Announcement) -> re.Pattern[str] | None:
    """Return what finds any of the words as a whole one; None when every market is concerned."""
    if not announcement.words:
        return None
    words = "|".join(re.escape(word.strip()) for word in announcement.words)
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)
