"""How bad the worst twentieth of all endings is, when events move together. Pure.

The caps add events up as if all went wrong at once, which is a bound. This is the likely size of
it, for the report and never for a decision: the CVaR of a cluster's and of the account's loss
when events depend on each other through a Gaussian copula with a common factor, and a factor of
each cluster. Source: quant.md A5.1 (golden G20); CVaR after Acerbi and Tasche (2002).
"""

from __future__ import annotations

import math
from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from statistics import NormalDist
from typing import NamedTuple

from polyframe import PortfolioView
from polyframe.money import usd
from polyframe_portfolio_risk.account import GroupKey, group_of, market_values
from polyframe_portfolio_risk.exposure import Exclusive, Outcomes

ALPHA = 0.95
INSIDE = 0.5
"""Correlation of two events of one cluster."""
ACROSS = 0.1
"""Correlation of two events of different clusters."""
DRAWS = 4000
_STREAM = "portfolio_risk.scenario"


class Ending(NamedTuple):
    """One way an event can end, and the loss then; a gain is negative."""

    probability: float
    loss_usd: float


Event = tuple[Ending, ...]
"""Every way one event can end; the probabilities sum to 1."""


class Scenario(NamedTuple):
    """The CVaR in USD of each cluster's loss and of the account's; negative is a gain."""

    clusters_usd: dict[str, float]
    aggregate_usd: float


def endings(markets: Sequence[tuple[Outcomes, float | None]]) -> Event:
    """Return how markets of which at most one ends YES may end, at the prices of their YES.

    The values are those that the exposures are made of: open orders fill where they lose.
    Prices above 1 in sum are scaled down; what is left of 1 is that none of these wins. With
    a price missing, the worst loss counts as certain.
    """
    prices = [price for _, price in markets if price is not None]
    if len(prices) < len(markets):
        group = Exclusive()
        for values, _ in markets:
            group = group.joined(values)
        return (Ending(1.0, usd(group.loss_e12)),)
    none_e12 = sum(values.no_e12 for values, _ in markets)
    total = max(1.0, math.fsum(prices))
    wins = [
        Ending(price / total, -usd(none_e12 + values.yes_e12 - values.no_e12))
        for (values, _), price in zip(markets, prices, strict=True)
    ]
    return *wins, Ending(max(0.0, 1.0 - math.fsum(win.probability for win in wins)), -usd(none_e12))


def events_by_cluster(portfolio: PortfolioView) -> dict[str, list[Event]]:
    """Return every event in which something is held or ordered, at the mids, by cluster id."""
    groups: dict[GroupKey, list[tuple[Outcomes, float | None]]] = {}
    for market_id, values in market_values(portfolio).items():
        market = portfolio.market(market_id)
        mid = None if market is None else market.book.mid
        groups.setdefault(group_of(market_id, market), []).append((values, mid))
    clusters: dict[str, list[Event]] = {}
    for (cluster_id, _), markets in sorted(groups.items()):
        clusters.setdefault(cluster_id, []).append(endings(markets))
    return clusters


def cvar_usd(event: Iterable[Ending], alpha: float = ALPHA) -> float:
    """Return the mean loss over the worst ``1 - alpha`` of probability."""
    left = 1.0 - alpha
    lost = 0.0
    for probability, loss_usd in sorted(event, key=lambda ending: -ending.loss_usd):
        counted = min(probability, left)
        lost += counted * loss_usd
        left -= counted
    return lost / (1.0 - alpha)


def simulated(
    clusters: Mapping[str, Sequence[Event]],
    *,
    inside: float = INSIDE,
    across: float = ACROSS,
    draws: int = DRAWS,
) -> Scenario:
    """Return the CVaR over seeded draws; the same events always give the same figures.

    A low draw of an event is its worse ending, so that factors push all events the same way:
    with a correlation of 1 they would all end worst together, which is what the caps assume.
    """
    gauss = Random(_STREAM).gauss
    common_weight, cluster_weight = math.sqrt(across), math.sqrt(inside - across)
    own_weight = math.sqrt(1.0 - inside)
    common = [common_weight * gauss(0.0, 1.0) for _ in range(draws)]
    account = [0.0] * draws
    found: dict[str, float] = {}
    for name, events in clusters.items():
        factor = [one + cluster_weight * gauss(0.0, 1.0) for one in common]
        cluster = [0.0] * draws
        for bounds, losses in map(_ladder, events):
            cluster = [
                lost + losses[bisect(bounds, one + own_weight * gauss(0.0, 1.0))]
                for lost, one in zip(cluster, factor, strict=True)
            ]
        found[name] = _of_draws(cluster)
        account = [lost + more for lost, more in zip(account, cluster, strict=True)]
    return Scenario(found, _of_draws(account))


def _ladder(event: Event) -> tuple[list[float], list[float]]:
    """Return the normal quantiles between an event's endings, worst first, and their losses."""
    possible = [ending for ending in event if ending.probability > 0]
    possible.sort(key=lambda ending: -ending.loss_usd)
    bounds: list[float] = []
    reached = 0.0
    for ending in possible[:-1]:
        reached += ending.probability
        bounds.append(NormalDist().inv_cdf(reached) if reached < 1.0 else math.inf)
    return bounds, [ending.loss_usd for ending in possible]


def _of_draws(losses: Sequence[float]) -> float:
    return cvar_usd(Ending(times / len(losses), loss) for loss, times in Counter(losses).items())
