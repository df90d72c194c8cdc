"""A generated universe: Gamma-shaped markets of every kind a market maker has to tell apart.

More than half are ordinary: far from their end, clearly worded, two-sided. The rest are what
selection must refuse or treat with care: vague rules, exclusive outcomes (with an "Other"),
markets near, past or without their end, dead and one-sided books, in-play games.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

import msgspec

from polyframe.exchange.simulation import character as ch
from polyframe.exchange.simulation.character import Character
from polyframe.exchange.simulation.listed_gamma import (
    as_v2,
    deadline_of,
    gamma_market,
    is_v2,
    key_of,
    slug_of,
    utc,
)
from polyframe.exchange.simulation.profiles import PROFILES, ProfileName, character_of
from polyframe.exchange.simulation.subjects import (
    CANDIDATES,
    UP_OR_DOWN,
    Subject,
    clear_rules,
    clear_subject,
    grouped_subject,
    updown_subject,
    vague_rules,
    vague_subject,
)
from polyframe.exchange.source import GammaMarket

_HOUR_NS = 3_600 * 10**9
_GAME = 1  # clear subjects walk eight templates; the second is a match

# Kinds that are games under way or about to begin.
_IN_PLAY = ("wild", "in_play")
_GAMES = (*_IN_PLAY, "upcoming")


class Listing(msgspec.Struct, frozen=True):
    """A market with its hidden side.

    ``belief_id`` names the belief it shares with exclusive siblings and ``outcome_index`` its
    place there; ``probability`` is the belief's start. ``end_ns`` is None without an end date.
    ``game_start_ns`` is None without a game, ``in_play`` how its traders behave from then on.
    """

    gamma: dict[str, Any]
    kind: str
    character: Character
    probability: float
    belief_id: str
    outcome_index: int
    end_ns: int | None
    game_start_ns: int | None = None
    in_play: Character | None = None


def generate_universe(
    seed: int, count: int = 300, start_ns: int = 0, profile: ProfileName = "mixed"
) -> list[GammaMarket]:
    """Return ``count`` market objects as Gamma sends them; the same arguments, the same markets.

    Args:
        seed: of everything drawn.
        count: markets, at least 4.
        start_ns: market time (UTC ns) at which they are looked at.
        profile: what most of them are like.
    """
    listings = generate_listings(seed, count, start_ns, profile=profile)
    return [listing.gamma for listing in listings]


def generate_listings(
    seed: int, count: int, start_ns: int, *, first: int = 0, profile: ProfileName = "mixed"
) -> list[Listing]:
    """Return the markets of :func:`generate_universe` with their hidden parameters.

    ``first`` is the number of the first market, so that later listings get ids of their own.
    """
    rng = Random(f"universe:{seed}:{first}")
    kinds: list[str] = []
    mixture = PROFILES[profile]
    for kind, share in mixture.shares:
        kinds += [kind] * int(share * count)
    kinds += list(mixture.fill) * (count - len(kinds))
    kinds = sorted(kinds[:count], key=lambda kind: kind == "neg_risk")
    plain = kinds[: count - kinds.count("neg_risk")]
    rng.shuffle(plain)
    listings = [
        _listing(seed, index, kind, plain[: index - first].count(kind), start_ns, rng, profile)
        for index, kind in enumerate(plain, first)
    ]
    while len(listings) < count:
        room = count - len(listings)
        size = room if room < 8 else rng.randint(4, 6)
        listings += _exclusive_event(seed, first + len(listings), size, start_ns, rng, profile)
    return listings


def _listing(
    seed: int,
    index: int,
    kind: str,
    place: int,
    start_ns: int,
    rng: Random,
    profile: ProfileName,
) -> Listing:
    if kind == "vague":
        subject = vague_subject(index)
    elif kind == "together":
        subject = grouped_subject(place)
    else:  # what is in play is a game
        subject = clear_subject(_GAME + 8 * index if kind in _GAMES else index, rng)
    end_ns = _end_ns(kind, start_ns, rng)
    if kind == "updown" or (kind == "last_day" and subject.category == "Crypto"):
        subject = updown_subject(index)
    deadline = deadline_of(end_ns, start_ns)
    rules = vague_rules(subject) if kind == "vague" else clear_rules(subject, deadline, rng)
    probability = 0.5 + rng.uniform(-0.32, 0.32)
    # A fifth of the calm markets is on the fine grid, as popular long-shot markets are.
    fine = kind == "calm" and rng.random() < 0.2
    if fine:
        probability = rng.choice((0.08, 0.92)) + rng.uniform(-0.03, 0.03)
    gamma = gamma_market(seed, index, subject, rules, deadline, kind, end_ns, start_ns, rng)
    if fine:
        gamma["orderPriceMinTickSize"] = 0.001
    game_start_ns = _game_start_ns(kind, subject, start_ns, end_ns)
    if game_start_ns is not None:
        gamma |= {
            "gameStartTime": f"{utc(game_start_ns):%Y-%m-%d %H:%M:%S}+00",
            "secondsDelay": 3,
            "clearBookOnStart": True,
        }
    if subject.event_title.endswith(UP_OR_DOWN):
        gamma |= {"itode": True, "automaticallyResolved": True}
    if kind == "past_end":
        history = ["proposed", "disputed"][: rng.randint(0, 2)]
        gamma["umaResolutionStatuses"] = json.dumps(history)
        gamma["umaResolutionStatus"] = history[-1] if history else ""
    depth = Random(f"depth:{seed}:{index}")
    character = character_of(profile, kind, subject.category, depth)
    if kind == "dead" and index % 2:
        character = ch.ONE_SIDED
    if fine:  # spreads in ticks of a tenth of a cent
        character = msgspec.structs.replace(character, half_spread_ticks=(3, 8))
    in_play = (
        None if game_start_ns is None else character_of(profile, "in_play", subject.category, depth)
    )
    if is_v2(seed, index):
        gamma = as_v2(gamma, seed, index, module=1)
    return Listing(
        gamma, kind, character, probability, f"market:{index}", 0, end_ns, game_start_ns, in_play
    )


def _exclusive_event(
    seed: int, first: int, size: int, start_ns: int, rng: Random, profile: ProfileName
) -> list[Listing]:
    """Return one negative-risk event: outcomes that exclude each other, the last one "Other"."""
    augmented = size >= 4
    end_ns = _end_ns("calm", start_ns, rng)
    deadline = deadline_of(end_ns, start_ns)
    names = [*rng.sample(CANDIDATES, size - 1), "Other"] if augmented else CANDIDATES[:size]
    weights = [rng.uniform(0.3, 1.0) for _ in names]
    title = f"Winner of the district {first} election"
    listings = []
    for place, name in enumerate(names):
        subject = Subject(
            "Politics", title, f"Will {name} win the district {first} election?",
            f"{name if name != 'Other' else 'anyone not named in this event'} wins the district "
            f"{first} election scheduled to be held by {{deadline}}",
            "the certified result of the state electoral commission", "https://results.example.org",
        )  # fmt: skip
        rules = clear_rules(subject, deadline, rng)
        index = first + place
        gamma = gamma_market(
            seed, index, subject, rules, deadline, "neg_risk", end_ns, start_ns, rng
        )
        gamma |= {
            "negRisk": True,
            "negRiskOther": name == "Other",
            "negRiskRequestID": f"0x{key_of(seed, 'request', str(index))}",
            "groupItemTitle": name,
            "groupItemThreshold": str(place),
        }
        gamma["events"] = [
            {
                **gamma["events"][0],
                "id": str(900_000 + first),
                "slug": slug_of(title),
                "negRisk": True,
                "negRiskMarketID": f"0x{key_of(seed, 'group', str(first))}",
                "enableNegRisk": True,
                "negRiskAugmented": augmented,
            }
        ]
        if is_v2(seed, first):  # an event is of one protocol
            gamma = as_v2(gamma, seed, index, module=2)
        depth = Random(f"depth:{seed}:{index}")
        character = character_of(profile, "neg_risk", "Politics", depth)
        listings.append(
            Listing(gamma, "neg_risk", character, weights[place], f"event:{first}", place, end_ns)
        )
    return listings


def _game_start_ns(kind: str, subject: Subject, start_ns: int, end_ns: int | None) -> int | None:
    """Return when a game begins: it ends three hours later, or has begun half an hour ago."""
    if kind in _IN_PLAY:
        return start_ns - _HOUR_NS // 2
    is_game = kind == "upcoming" or (kind == "last_day" and subject.category == "Sports")
    return end_ns - 3 * _HOUR_NS if is_game and end_ns is not None else None


def _end_ns(kind: str, start_ns: int, rng: Random) -> int | None:
    match kind:
        case "no_end":
            return None
        case "wild" | "in_play":
            hours = rng.uniform(1.5, 6.0)
        case "upcoming":
            hours = rng.uniform(3.1, 6.0)
        case "updown":
            hours = rng.uniform(2.0, 23.0)
        case "last_day":
            hours = rng.uniform(2.0, 23.0)
        case "last_three_days":
            hours = rng.uniform(26.0, 70.0)
        case "past_end":
            hours = -rng.uniform(1.0, 40.0)
        case _:
            hours = rng.uniform(100.0, 1_500.0)
    return start_ns + int(hours * 3600) * 10**9
