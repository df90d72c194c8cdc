"""How markets of one category differ from the usual one: pace, depth, hours, announced news."""

from __future__ import annotations

import math

import msgspec

from polyframe.exchange.simulation.character import Character, Day


class Temper(msgspec.Struct, frozen=True, kw_only=True):
    """Factors on a character, and the category's own clock.

    ``pace`` multiplies the rates of takers, ``depth`` the sizes at a level, ``moves`` the
    volatility; ``news_per_day`` counts announcements whose hour is known.
    """

    pace: float = 1.0
    depth: float = 1.0
    moves: float = 1.0
    news_per_day: float = 0.0
    day: Day = Day(20.0, 0.25)


# Hours are UTC. Sport is an American evening, shares and rates an American working day; coins
# never sleep. Releases (rates, figures, films' week-ends) have an hour everybody knows.
TEMPERS = {
    "Sports": Temper(pace=1.15, depth=1.0, moves=1.0, day=Day(1.0, 0.35)),
    "Crypto": Temper(pace=1.2, depth=0.9, moves=1.15, news_per_day=0.5, day=Day(16.0, 0.15)),
    "Politics": Temper(pace=0.9, depth=1.3, moves=0.85, news_per_day=0.3),
    "Finance": Temper(pace=1.0, depth=0.9, moves=1.05, news_per_day=1.0, day=Day(17.0, 0.35)),
    "Economics": Temper(pace=0.85, depth=1.2, moves=0.8, news_per_day=0.6, day=Day(15.0, 0.3)),
    "Tech": Temper(pace=0.9, depth=0.9, moves=1.0, news_per_day=0.2),
    "Culture": Temper(pace=0.85, depth=0.9, moves=0.95, news_per_day=0.3),
    "Weather": Temper(pace=0.9, depth=0.9, moves=0.95, news_per_day=1.0, day=Day(15.0, 0.2)),
    "Geopolitics": Temper(pace=1.1, depth=1.0, moves=1.1),
}


def tempered(character: Character, category: str) -> Character:
    """Return a character as it is in a category; one without traders stays as it is."""
    temper = TEMPERS.get(category)
    if temper is None or character.book != "two_sided":
        return character
    return msgspec.structs.replace(
        deeper(character, temper.depth),
        volatility=character.volatility * temper.moves,
        noise_per_h=character.noise_per_h * temper.pace,
        sweeps_per_h=character.sweeps_per_h * temper.pace,
        informed_per_h=character.informed_per_h * temper.pace,
        news_per_day=temper.news_per_day,
        day=temper.day,
    )


def deeper(character: Character, factor: float) -> Character:
    """Return a character whose resting orders are ``factor`` times as large."""
    least, most = character.level_shares
    mean, deviation = character.patient_log_shares
    return msgspec.structs.replace(
        character,
        level_shares=(max(5.0, least * factor), max(5.0, most * factor)),
        patient_log_shares=(mean + math.log(factor), deviation),
    )
