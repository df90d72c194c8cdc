"""The universes one can ask for: which kinds of market they hold, and how those behave.

A kind says what a market is (its dates, words, game); its character how its traders behave
(``character.py``). Shares are of the markets asked for; what rounding leaves over is filled with
``fill`` in turn.
"""

from __future__ import annotations

import math
from random import Random
from typing import Literal

import msgspec

from polyframe.exchange.simulation import character as ch
from polyframe.exchange.simulation.categories import deeper, tempered
from polyframe.exchange.simulation.character import Character

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
    "wild": ch.IN_PLAY,
    "updown": ch.LIVELY,
    "in_play": ch.IN_PLAY,
    "upcoming": ch.CALM,
}
"""Kind -> how its traders behave, before its category's temper."""


class Profile(msgspec.Struct, frozen=True):
    """A universe's mixture: ``(kind, share)``, and what fills the rest.

    ``depth`` multiplies the characters' sizes, and ``depth_spread`` is the standard deviation of
    its logarithm from market to market; ``far_levels`` counts the prices at either end of the
    range at which orders lie that nobody expects to fill.
    """

    shares: tuple[tuple[str, float], ...]
    fill: tuple[str, ...]
    depth: float = 1.0
    depth_spread: float = 0.0
    far_levels: int = 5


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
    "calm": Profile(
        (("calm", 0.80), ("together", 0.08), ("neg_risk", 0.12)),
        ("calm",),
        depth_spread=1.3,
        far_levels=20,
    ),
    # Many trades, many quotes, news by the hour.
    "busy": Profile(
        (("lively", 0.72), ("updown", 0.12), ("neg_risk", 0.12)),
        ("lively",),
        depth=2.5,
        depth_spread=1.3,
        far_levels=12,
    ),
    # Games: most have begun, some begin while one watches, and their books are cleared.
    "in_play": Profile((("in_play", 0.75), ("upcoming", 0.25)), ("in_play",)),
    # Calm to look at; whoever trades much has read the news.
    "hostile": Profile((("hostile", 1.0),), ("hostile",)),
}


def character_of(profile: ProfileName, kind: str, category: str, rng: Random) -> Character:
    """Return how the traders of one market behave.

    ``rng`` draws the market's depth; it is asked only where the profile lets depths differ.
    """
    mixture = PROFILES[profile]
    character = tempered(CHARACTERS[kind], category)
    if character.book != "two_sided":
        return character
    if mixture.depth_spread:
        depth = mixture.depth * math.exp(rng.gauss(0.0, mixture.depth_spread))
        character = deeper(character, depth)
    return msgspec.structs.replace(character, far_levels=mixture.far_levels)
