"""What the simulated markets are about: questions, rules and sources, per category.

Names of clubs, films and candidates are invented. The clear texts carry what a careful market
states: a named source, a deadline with its time zone, the tie, the postponement and the
fallback. The vague ones are worded as disputed markets were.
"""

from __future__ import annotations

from random import Random

import msgspec


class Subject(msgspec.Struct, frozen=True):
    """One thing to ask about; ``{deadline}`` in ``question`` and ``claim`` is filled in later."""

    category: str
    event_title: str
    question: str
    claim: str
    source: str
    url: str
    outcomes: tuple[str, str] = ("Yes", "No")


class FeeTerms(msgspec.Struct, frozen=True):
    """A category's taker fee and maker rebate share (venue.md 5.1)."""

    rate: float
    rebate_share: float
    fee_type: str


FEES = {
    "Crypto": FeeTerms(0.07, 0.20, "crypto_fees_v2"),
    "Sports": FeeTerms(0.05, 0.15, "sports_fees_v2"),
    "Finance": FeeTerms(0.04, 0.25, "finance_fees_v2"),
    "Politics": FeeTerms(0.04, 0.25, "politics_fees_v2"),
    "Tech": FeeTerms(0.04, 0.25, "tech_fees_v2"),
    "Economics": FeeTerms(0.05, 0.25, "economics_fees_v2"),
    "Culture": FeeTerms(0.05, 0.25, "culture_fees_v2"),
    "Weather": FeeTerms(0.05, 0.25, "weather_fees_v2"),
    "Geopolitics": FeeTerms(0.0, 0.0, ""),
}

_CITIES = (
    "Oslo", "Lisbon", "Toronto", "Nairobi", "Lima", "Seoul", "Vienna", "Denver", "Osaka", "Perth",
    "Dublin", "Santiago", "Athens", "Helsinki", "Chicago", "Hanoi", "Madrid", "Auckland",
    "Prague", "Boston", "Accra", "Montevideo", "Seattle", "Zurich",
)  # fmt: skip
_CLUBS = (
    "Harbour City", "Northgate Rovers", "Ironbridge", "Silver Lake", "Eastmoor", "Kingsport",
    "Redwater", "Highfield United", "Stonecross", "Bay Mariners", "Old Mill", "Ravenhill",
    "Copperton", "Westvale", "Lakeside Athletic", "Fairhaven", "Summit FC", "Granite Falls",
    "Blackwood", "Meridian", "Clearbrook", "Riverton", "Ashford Town", "Juniper Hill",
)  # fmt: skip
_COINS = ("Bitcoin", "Ethereum", "Solana", "XRP", "Litecoin", "Chainlink", "Avalanche", "Cardano")
_STOCKS = (
    "Nvidia", "Apple", "Microsoft", "Toyota", "Siemens", "Nestle", "Shell", "Airbus", "Sony",
    "Tesla", "Intel", "Boeing",
)  # fmt: skip
_COUNTRIES = (
    "Norway", "Portugal", "Canada", "Kenya", "Peru", "South Korea", "Austria", "Japan",
    "Australia", "Ireland", "Chile", "Greece", "Finland", "Vietnam", "Spain", "New Zealand",
    "Uruguay", "Ghana",
)  # fmt: skip
_FILMS = (
    "The Glass Orchard", "Nine Lanterns", "Paper Comet", "Low Tide", "The Cartographer",
    "Winter Static", "Hollow Crown Road", "Saltwater", "A Quiet Ledger", "Northern Line",
)  # fmt: skip
_LABS = ("Arclight", "Basalt", "Cobalt Labs", "Driftwood AI", "Evergreen Systems", "Foxglove")
CANDIDATES = (
    "Mara Ellison", "Tobias Renn", "Ines Calder", "Rafael Orsted", "June Whitlock", "Anton Bellamy",
    "Sigrid Vale", "Omar Lindqvist",
)  # fmt: skip


class _Template(msgspec.Struct, frozen=True):
    """A kind of question: ``{x}`` is the entity, ``{y}`` its opponent, ``{n}`` a number."""

    category: str
    entities: tuple[str, ...]
    numbers: range
    event_title: str
    question: str
    claim: str
    source: str
    url: str
    outcomes: tuple[str, str] = ("Yes", "No")


_TEMPLATES = (
    _Template(
        "Weather", _CITIES, range(4, 33),
        "Highest temperature in {x}",
        "Will {x} reach {n} C by {deadline}?",
        "the highest temperature recorded at {x} Airport is {n}.0 C or higher on any day up to "
        "{deadline}",
        "the {x} Airport station page of Weather Underground",
        "https://www.wunderground.com/history",
    ),
    _Template(
        "Sports", _CLUBS, range(1, 2),
        "{x} vs. {y}",
        "{x} vs. {y}",
        "{x} win the league match against {y} scheduled to be played by {deadline}",
        "the official league match report",
        "https://www.meridian-league.com/results",
        ("{x}", "{y}"),
    ),
    _Template(
        "Sports", _CLUBS, range(1, 5),
        "{x} vs. {y}",
        "{x} vs. {y}: O/U {n}.5",
        "the match {x} vs. {y}, scheduled to be played by {deadline}, ends with more than {n}.5 "
        "goals",
        "the official league match report",
        "https://www.meridian-league.com/results",
        ("Over", "Under"),
    ),
    _Template(
        "Crypto", _COINS, range(100, 900, 5),
        "{x} above ${n}?",
        "Will {x} be above ${n} on {deadline}?",
        "the Binance 1 minute candle for {x}/USDT at 12:00 ET on {deadline} has a final Close "
        "price of ${n} or higher",
        "Binance, the {x}/USDT Close price",
        "https://www.binance.com/en/trade",
    ),
    _Template(
        "Finance", _STOCKS, range(40, 400),
        "{x} close above ${n}?",
        "Will {x} close above ${n} by {deadline}?",
        "the official closing price of {x} is ${n}.00 or higher on any trading day up to "
        "{deadline}",
        "the Nasdaq historical quotes page",
        "https://www.nasdaq.com/market-activity",
    ),
    _Template(
        "Economics", _COUNTRIES, range(1, 7),
        "{x} central bank rate",
        "Will {x} set its rate at {n}.25% or lower by {deadline}?",
        "the policy rate published by the central bank of {x} is {n}.25% or lower at any time up "
        "to {deadline}",
        "the official website of the central bank of {x}",
        "https://www.bis.org/cbanks.htm",
    ),
    _Template(
        "Culture", _FILMS, range(20, 160),
        "{x} box office",
        "Will '{x}' gross ${n}m by {deadline}?",
        "the domestic gross of '{x}' shown by Box Office Mojo is ${n},000,000 or more up to "
        "{deadline}",
        "Box Office Mojo, the domestic total",
        "https://www.boxofficemojo.com",
    ),
    _Template(
        "Tech", _LABS, range(1250, 1490),
        "{x} leaderboard score",
        "Will {x} score {n} by {deadline}?",
        "a model of {x} has a score of {n} or higher on the public leaderboard on any day up to "
        "{deadline}",
        "the public leaderboard's text ranking",
        "https://lmarena.ai/leaderboard/text",
    ),
)  # fmt: skip


def clear_subject(index: int, rng: Random) -> Subject:
    """Return a well-defined subject; ``index`` walks the categories and their entities."""
    template = _TEMPLATES[index % len(_TEMPLATES)]
    turn = index // len(_TEMPLATES)
    count = len(template.entities)
    # Opponents shift by one every round, so that a pairing comes back late.
    first = 2 * turn % count
    names = {
        "x": template.entities[turn % count],
        "y": "",
        "n": str(template.numbers[rng.randrange(len(template.numbers))]),
        "deadline": "{deadline}",
    }
    if "{y}" in template.question:
        second = (first + 1 + 2 * (turn // (count // 2))) % count
        names |= {"x": template.entities[first], "y": template.entities[second]}
    home, away = (outcome.format(**names) for outcome in template.outcomes)
    return Subject(
        template.category,
        template.event_title.format(**names),
        template.question.format(**names),
        template.claim.format(**names),
        template.source.format(**names),
        template.url,
        (home, away),
    )


# Markets of one event that do not exclude each other: one decision each.
_GROUP_SIZE = 6


def grouped_subject(place: int) -> Subject:
    """Return market number ``place`` of a row of events of six markets each."""
    group = place // _GROUP_SIZE
    country = _COUNTRIES[place % len(_COUNTRIES)]
    return Subject(
        "Economics",
        f"Which central banks will cut in round {group + 1}?",
        f"Will the central bank of {country} cut its rate by {{deadline}}?",
        f"the policy rate published by the central bank of {country} is lower than on the day "
        "before this market was created, at any time up to {deadline}",
        f"the official website of the central bank of {country}",
        "https://www.bis.org/cbanks.htm",
    )


UP_OR_DOWN = "Up or Down"


def updown_subject(index: int) -> Subject:
    """Return a subject on which way a coin's price goes, settled on a price feed by itself."""
    coin = _COINS[index % len(_COINS)]
    return Subject(
        "Crypto",
        f"{coin} {UP_OR_DOWN}",
        f"{coin} {UP_OR_DOWN} on {{deadline}}?",
        f"the Chainlink price of {coin}/USD at 12:00 ET on {{deadline}} is equal to or higher "
        "than the one 24 hours before",
        f"Chainlink, the {coin}/USD data stream",
        "https://data.chain.link/streams",
        ("Up", "Down"),
    )


_AFTERTHOUGHTS = (
    "Figures as first published are used; later revisions are not considered. If the source is not "
    "available for 48 hours after the deadline, the Associated Press report is used instead.",
    "If the source is not available for 48 hours after the deadline, the Associated Press report "
    "is used instead.",
    "The source is read once, on the morning after the deadline.",
    "If the source has not published by then, a consensus of credible reporting will be used.",
)  # fmt: skip


def clear_rules(subject: Subject, deadline: str, rng: Random) -> str:
    """Return rules with a source, a deadline and its zone, the tie and the postponement.

    What happens when the source fails is said with more or less care.
    """
    first, second = subject.outcomes
    return (
        f'This market will resolve to "{first}" if {subject.claim.format(deadline=deadline)}. '
        f'Otherwise, this market will resolve to "{second}".\n\n'
        f"The deadline is 11:59 PM ET on {deadline}. The resolution source is {subject.source} "
        f"({subject.url}). A value exactly equal to the stated number counts as reaching it.\n\n"
        "If the event is postponed, this market will remain open until it has been completed. "
        "If it is canceled entirely, with no make-up, this market will resolve 50-50. "
        f"{rng.choice(_AFTERTHOUGHTS)}"
    )


_VAGUE = (
    ("Will there be a significant escalation between {a} and {b} by {{deadline}}?",
     "a significant escalation takes place between {a} and {b}"),
    ("Will {a} and {b} reach a ceasefire deal by {{deadline}}?",
     "{a} and {b} are widely considered to have reached a meaningful ceasefire agreement or deal"),
    ("Will the leader of {a} appear to back down by {{deadline}}?",
     "the leader of {a} is generally regarded as having backed down"),
    ("Will {a} invade {b} by {{deadline}}?",
     "{a} commences a major military offensive, or similar, intended to control parts of {b}"),
)  # fmt: skip


def vague_subject(index: int) -> Subject:
    """Return a subject worded as disputed markets were."""
    question, claim = _VAGUE[index % len(_VAGUE)]
    names = {"a": f"Norland {index // 4 + 1}", "b": f"Sudmark {index // 4 + 1}"}
    return Subject(
        "Geopolitics", f"{names['a']} and {names['b']}", question.format(**names),
        claim.format(**names), "", "",
    )  # fmt: skip


def vague_rules(subject: Subject) -> str:
    """Return rules that leave the decision to judgement."""
    return (
        f'This market will resolve to "Yes" if {subject.claim}. Otherwise, this market will '
        'resolve to "No".\n\nStatements that may be interpreted as such could qualify. The primary '
        "resolution source will be a consensus of credible reporting."
    )
