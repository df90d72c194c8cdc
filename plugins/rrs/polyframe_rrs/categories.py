"""What kind of question a market asks, and how often that kind is disputed.

Rates are disputed / settled UMA requests by category over 123,499 settled requests, December
2023 to August 2026 (MarketFlow settlement register 9b25803e6ca8, CC BY 4.0).
"""

from __future__ import annotations

import re

from polyframe import MarketSpec

DISPUTE_RATE_BY_CATEGORY: dict[str, float] = {
    "macro": 15 / 1086,
    "entertainment": 72 / 5268,
    "politics": 146 / 14273,
    "sports": 136 / 26503,
    "crypto": 37 / 9248,
}
BASE_DISPUTE_RATE = 957 / 123_499

# Asked in this order: a game is a game whatever else its text mentions.
_NAMES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(rf"\b(?:{words})\b"))
    for name, words in (
        (
            "sports",
            "sports?|soccer|football|basketball|baseball|hockey|tennis|cricket|esports|ufc|mma|"
            "boxing|"
            "golf|formula 1|f1|nascar|olympics?|mlb|nba|nfl|nhl|wnba|cbb|cfb|ncaa|fifa|uefa|epl|"
            "atp|wta|ipl|serie a|la liga|bundesliga|ligue 1|premier league|champions league|"
            "europa league|conference league|world cup|super bowl|stanley cup|world series|"
            "grand prix|playoffs?|championship",
        ),
        (
            "crypto",
            "crypto|crypto prices|bitcoin|btc|ethereum|eth|solana|xrp|dogecoin|memecoins?|"
            "stablecoins?|tokens?|airdrops?|binance|chainlink|coingecko|fdv",
        ),
        (
            "macro",
            "macro|economy|economic policy|inflation|cpi|ppi|gdp|nonfarm|payrolls?|unemployment|"
            "jobless|jobs report|fed rates|fomc|federal funds|interest rates?|rate cuts?|recession|"
            "sofr|treasury yields?|central bank|bank of (?:england|japan|canada)|ecb",
        ),
        (
            "politics",
            "politics|elections?|president(?:ial|cy)?|prime minister|parliament(?:ary)?|senate|"
            "congress|governor|primary|nominee|referendum|geopolitics|world affairs|ukraine|russia|"
            "israel|iran|gaza|china|taiwan|nato|united nations|trump|biden|putin|zelenskyy?|"
            "ceasefire|war|military|tariffs?|executive orders?|cabinet|supreme court|government|"
            "democrats?|democratic|republicans?|minister|legislation",
        ),
        (
            "entertainment",
            "entertainment|pop culture|culture|movies?|films?|box office|rotten tomatoes|netflix|"
            "spotify|billboard|albums?|songs?|oscars?|academy awards?|grammys?|emmys?|"
            "golden globes?|"
            "eurovision|celebrit(?:y|ies)|youtube|mrbeast|taylor swift|gta vi",
        ),
    )
)


def category_of(spec: MarketSpec) -> str:
    """Return one of the register's categories, or ``other``.

    The venue's own category and tags are believed first; without them (most of Gamma) a
    scheduled game is sports, and otherwise the words of question and event title decide, then
    those of the rules.
    """
    labels = " | ".join((spec.category, *spec.tags))
    if (named := _first_named(labels)) is not None:
        return named
    if spec.game_start_ns is not None:
        return "sports"
    title = f"{spec.question} | {spec.market_event_title}"
    return _first_named(title) or _first_named(spec.rules[:2000]) or "other"


def dispute_rate(category: str) -> float:
    """Return the share of settled requests of a category that were disputed."""
    return DISPUTE_RATE_BY_CATEGORY.get(category, BASE_DISPUTE_RATE)


def _first_named(text: str) -> str | None:
    text = text.lower()
    for name, words in _NAMES:
        if words.search(text):
            return name
    return None
