"""Which of the venue's fee categories a market belongs to; pure, one explicit table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

OTHER = "other"

# Tag slugs by category, the more telling category first: a market tagged both "geopolitics"
# and "politics" is geopolitics. docs/market-data.md shows the same table.
SLUGS: Mapping[str, Sequence[str]] = {
    "sports": (
        "sports", "games", "nba", "wnba", "nfl", "mlb", "nhl", "soccer", "football", "tennis",
        "esports", "ufc", "mma", "boxing", "cricket", "golf", "f1", "formula1", "epl", "ncaa",
        "cbb", "cfb", "basketball", "baseball", "hockey", "rugby", "olympics", "chess",
    ),
    "crypto": (
        "crypto", "bitcoin", "ethereum", "solana", "xrp", "crypto-prices", "up-or-down", "defi",
        "nft", "nfts", "stablecoins", "airdrops", "token-sales",
    ),
    "weather": ("weather", "climate", "temperature", "hurricanes", "natural-disasters"),
    "mentions": ("mentions", "mention-markets", "tweet-markets", "tweets"),
    "geopolitics": (
        "geopolitics", "ukraine", "russia", "israel", "gaza", "iran", "middle-east", "china",
        "taiwan", "nato", "foreign-policy", "war", "military-strikes", "venezuela",
    ),
    "politics": (
        "politics", "elections", "us-election", "us-elections", "global-elections",
        "world-elections", "midterms", "primaries", "congress", "senate", "house", "trump",
        "trump-presidency", "courts", "uk-politics",
    ),
    "economics": (
        "economics", "economy", "fed", "fed-rates", "inflation", "cpi", "gdp", "jobs", "macro",
        "macro-indicators", "recession", "tariffs", "interest-rates",
    ),
    "finance": (
        "finance", "stocks", "business", "earnings", "ipos", "commodities", "indices", "equities",
        "gold", "oil", "forex",
    ),
    "tech": (
        "tech", "technology", "ai", "openai", "big-tech", "science", "space", "spacex",
    ),
    "culture": (
        "culture", "pop-culture", "movies", "music", "awards", "oscars", "grammys", "celebrities",
        "tv", "video-games", "youtube", "mrbeast", "art", "religion",
    ),
}  # fmt: skip
_CATEGORY_BY_SLUG = {slug: name for name, slugs in SLUGS.items() for slug in slugs}
_RANK = {name: rank for rank, name in enumerate(SLUGS)}
# Without tags, some series say enough (the venue's series slugs of 2026).
_SERIES_PARTS = (("up-or-down", "crypto"), ("tweet", "mentions"))


def category_of(*, tags: Sequence[str], fee_type: str, series: str, is_game: bool) -> str:
    """Return the fee category, ``other`` where nothing tells.

    The venue's own fee type decides first (``crypto_fees_v2``, ``sports_fees``), then a game
    to be played, then tag slugs in the order of the table, then the event's series.

    Args:
        tags: tag slugs, lower case.
        fee_type: Gamma's ``feeType``, "" when absent.
        series: the event's ``seriesSlug``, "" when absent.
        is_game: whether the market has a game start or a sports market type.
    """
    fee_category = fee_type.partition("_")[0]
    if fee_category in _RANK:
        return fee_category
    if is_game:
        return "sports"
    known = [_CATEGORY_BY_SLUG[slug] for slug in tags if slug in _CATEGORY_BY_SLUG]
    if known:
        return min(known, key=_RANK.__getitem__)
    for part, category in _SERIES_PARTS:
        if part in series:
            return category
    return OTHER
