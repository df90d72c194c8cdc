"""How good a market is to quote, 0 to 1, in a form that cannot saturate. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from polyframe import BookView, MarketView
from polyframe_qs.config import Config
from polyframe_qs.edge import Edge, Term, edge, edge_term

_CENT_E4 = 100
QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Score:
    """A market's score and the terms (each 0..1) it is the weighted sum of.

    ``edge`` is None where the score does not use it, or the market has no mid.
    """

    total: float
    depth: float
    churn: float
    jump: float
    resolution: float
    depth_usd: float
    edge: Edge | None = None
    explained: tuple[tuple[str, Term], ...] = ()


def score(market: MarketView, config: Config) -> Score:
    """Return the quoteability score of a market.

    ``depth`` is x/(x + scale) of the money near the mid: it grows without ever reaching 1,
    so two markets tie only when they are equal. Without a mid it is 0. With ``edge_weight`` w the
    expected net edge counts w and the four terms together 1 - w, so the score stays in 0..1.
    """
    weighted_usd = depth_usd(market.book, config)
    depth = weighted_usd / (weighted_usd + config.depth_scale_usd)
    churn = 1.0 / (1.0 + market.updates_per_s)
    jump = 1.0 / (1.0 + config.jump_scale * market.jump_1h)
    resolution = resolution_term(market.hours_to_close, config)
    total = (
        config.depth_weight * depth
        + config.churn_weight * churn
        + config.jump_weight * jump
        + config.resolution_weight * resolution
    )
    found: Edge | None = None
    if config.edge_weight > 0:
        found = edge(market, config)
        term = 0.0 if found is None else edge_term(found.per_dollar_day, config.edge_scale)
        total = (1.0 - config.edge_weight) * total + config.edge_weight * term
    return Score(
        total,
        depth,
        churn,
        jump,
        resolution,
        weighted_usd,
        found,
        _explained(market, (depth, churn, jump, resolution)),
    )


def _explained(
    market: MarketView, terms: tuple[float, float, float, float]
) -> tuple[tuple[str, Term], ...]:
    """Return the four terms of the score with their source and age."""
    depth, churn, jump, resolution = terms
    age_s = market.book_age_s
    return (
        ("depth", Term(depth, "score", "book within 3 cents of mid", age_s)),
        ("churn", Term(churn, "score", "book updates of the last minute", age_s)),
        ("jump", Term(jump, "score", "mids of the last hour", age_s)),
        ("resolution", Term(resolution, "score", "metadata end date")),
    )


def explained(known: Score) -> dict[str, Any]:
    """Return a score and each of its terms as JSON-ready data: value, unit, source, age_s."""
    edge_terms = () if known.edge is None else tuple(known.edge.terms.items())
    return {
        "score": round(known.total, 6),
        "edge_per_dollar_day": (
            None if known.edge is None else round(known.edge.per_dollar_day, 8)
        ),
        "terms": {
            name: {
                "value": round(term.value, 8),
                "unit": term.unit,
                "source": term.source,
                "age_s": None if term.age_s is None else round(term.age_s, 3),
            }
            for name, term in (*known.explained, *edge_terms)
        },
    }


def depth_usd(book: BookView, config: Config) -> float:
    """Return the money within 3 cents of the mid, each order counted once, by its nearest band."""
    spread_e4 = book.spread_e4
    if spread_e4 is None or spread_e4 <= 0:
        return 0.0
    near, middle, far = (_within_usd(book, cents, spread_e4) for cents in (1, 2, 3))
    return (
        config.depth_near_share * near
        + config.depth_middle_share * (middle - near)
        + config.depth_far_share * (far - middle)
    )


def _within_usd(book: BookView, cents: int, spread_e4: int) -> float:
    # The touch is half a spread from the mid; what is left of the distance lies behind it.
    behind_e4 = (2 * cents * _CENT_E4 - spread_e4) // 2
    if behind_e4 < 0:
        return 0.0
    return book.depth_usd("bid", behind_e4) + book.depth_usd("ask", behind_e4)


def resolution_term(hours_to_close: float | None, config: Config) -> float:
    """Return the value of the time left: a step function of the hours; unknown is 0."""
    if hours_to_close is None:
        return 0.0
    if hours_to_close > config.resolution_long_h:
        return config.resolution_long
    if hours_to_close > config.resolution_medium_h:
        return config.resolution_medium
    if hours_to_close > config.resolution_short_h:
        return config.resolution_short
    return config.resolution_near


def distribution(scores: Sequence[float]) -> dict[str, object]:
    """Return quantiles of the scores and how many share their value with another (``tied``)."""
    ordered = sorted(scores)
    tied = sum(
        1
        for i, value in enumerate(ordered)
        if (i > 0 and ordered[i - 1] == value) or (i + 1 < len(ordered) and ordered[i + 1] == value)
    )
    return {
        "count": len(ordered),
        "tied": tied,
        "quantiles": {
            f"{share:.2f}": round(ordered[round(share * (len(ordered) - 1))], 6)
            for share in QUANTILES
        }
        if ordered
        else None,
    }
