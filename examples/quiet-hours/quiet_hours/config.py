"""The settings: when quotes are to be away, and how they leave."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import polyframe
from polyframe import setting

__all__ = ["Announcement", "Config"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAILY = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")
_DAY_S = 86_400


class Announcement(polyframe.Config, frozen=True, kw_only=True):
    """A moment at which news are due, and the words by which its markets are known."""

    at: Annotated[str, setting("when, such as 2026-12-09T19:00:00Z", unit="name")]
    words: Annotated[
        tuple[str, ...],
        setting(
            "any of them, in question, event, category or tags; none: every market", unit="name"
        ),
    ] = ()

    def __post_init__(self) -> None:
        """Refuse what names no moment or no word."""
        _ = self.at_ns
        if not all(word.strip() for word in self.words):
            raise ValueError("words holds an empty one, which would be found everywhere")

    @property
    def at_ns(self) -> int:
        """The moment in UTC nanoseconds."""
        try:
            moment = datetime.fromisoformat(self.at)
        except ValueError:
            raise ValueError(f"at is {self.at!r}; write 2026-12-09T19:00:00Z") from None
        if moment.tzinfo is None:
            raise ValueError(f"at is {self.at!r} of no time zone; end it with Z or +01:00")
        return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


class Config(polyframe.Config, frozen=True, kw_only=True):
    """Quiet times, what is around them, and how quotes shrink on the way there."""

    announcements: Annotated[
        tuple[Announcement, ...], setting("moments at which news are due", unit="name")
    ] = ()
    daily: Annotated[
        tuple[str, ...],
        setting("UTC times of each day without quotes, such as 13:25-13:45", unit="name"),
    ] = ()
    games: Annotated[
        bool, setting("no quotes from before a game starts until it is decided", unit="switch")
    ] = True
    before_s: Annotated[
        float, setting("quiet so long before an announcement or game", unit="s", ge=0, le=86_400)
    ] = 300.0
    after_s: Annotated[
        float, setting("quiet so long after an announcement", unit="s", ge=0, le=86_400)
    ] = 900.0
    wary_s: Annotated[
        float,
        setting("quotes are smaller so long before any quiet time", unit="s", ge=0, le=86_400),
    ] = 900.0
    wary_size_factor: Annotated[
        float, setting("what is left of their size then", unit="share", ge=0, le=1)
    ] = 0.5

    def __post_init__(self) -> None:
        """Refuse what is no time of day."""
        _ = self.daily_s

    @property
    def daily_s(self) -> list[tuple[int, int]]:
        """Each daily time as the second of the day it begins at and how many seconds it lasts."""
        found = []
        for text in self.daily:
            match = _DAILY.fullmatch(text)
            if match is None:
                raise ValueError(f"daily holds {text!r}; write 13:25-13:45, in UTC")
            from_h, from_m, to_h, to_m = map(int, match.groups())
            start_s, end_s = from_h * 3600 + from_m * 60, to_h * 3600 + to_m * 60
            if start_s == end_s:
                raise ValueError(f"daily holds {text!r}, which ends where it begins")
            # One that ends at an earlier hour goes on over midnight.
            found.append((start_s, (end_s - start_s) % _DAY_S))
        return found
