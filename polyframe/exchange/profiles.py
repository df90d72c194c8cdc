"""The universes one can ask for: which kinds of market they hold, and how those behave.

A kind says what a market is (its dates, words, game); its character how its traders behave
(:mod:`polyframe.exchange.character`). Shares are of the markets asked for; what rounding leaves
over is filled with ``fill`` in turn.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from polyframe.exchange import character as ch
from polyframe.exchange.character import Character

ProfileName = Literal["mixed", "calm", "busy", "in_play", "hostile"]

CHARACTERS: dict[str, Character] = {
    "lively": ch.LIVELY,
    "calm": ch.CALM,
    "hostile": ch.HOSTILE,
    "together": ch.CALM,
    "neg_risk": ch.CALM,
    "vague": ch.THIN,
    "last_day": ch.LIVELY,
    "last_three_days": ch.CALM,
    "past_end": ch.PAST_END,
    "no_end": ch.THIN,
    "dead": ch.DEAD,
    "wild": ch.WILD,
    "updown": ch.LIVELY,
    "in_play": ch.IN_PLAY,
    "upcoming": ch.CALM,
}
"""Kind -> how its traders behave, before its category's temper."""


class Profile(msgspec.Struct, frozen=True):
    """A universe's mixture: ``(kind, share)``, and what fills the rest."""

    shares: tuple[tuple[str, float], ...]
    fill: tuple[str, ...]


PROFILES: dict[ProfileName, Profile] = {
    # Everything a market maker has to tell apart; more than half is ordinary.
    "mixed": Profile(
        (
            ("lively", 0.28),
            ("calm", 0.28),
            ("hostile", 0.04),
            ("together", 0.04),
            ("neg_risk", 0.09),
            ("vague", 0.05),
            ("last_day", 0.04),
            ("last_three_days", 0.05),
            ("past_end", 0.03),
            ("no_end", 0.02),
            ("dead", 0.04),
            ("wild", 0.04),
        ),
        ("lively", "calm"),
    ),
    # Long-dated, deep, slow: what liquidity programmes pay for.
    "calm": Profile((("calm", 0.80), ("together", 0.08), ("neg_risk", 0.12)), ("calm",)),
    # Many trades, many quotes, news by the hour.
    "busy": Profile((("lively", 0.72), ("updown", 0.12), ("neg_risk", 0.12)), ("lively",)),
    # Games: most have begun, some begin while one watches, and their books are cleared.
    "in_play": Profile((("in_play", 0.75), ("upcoming", 0.25)), ("in_play",)),
    # Calm to look at; whoever trades much has read the news.
    "hostile": Profile((("hostile", 1.0),), ("hostile",)),
}
