"""The whole account's exposure, and everything in it but one market. Pure.

An event's exposure is its worst state when it is negative-risk (at most one market wins), and
a market's own otherwise; a cluster's is the sum over its events (all may go wrong together),
and the account's the sum over everything.
"""

from __future__ import annotations

from typing import NamedTuple

from polyframe import MarketView, OrderView, PortfolioView
from polyframe_portfolio_risk.exposure import (
    NOTHING,
    Exclusive,
    Outcomes,
    holding,
    market_loss_e12,
    with_orders,
)

GroupKey = tuple[str, str]
"""(cluster id, event id or market id): what is netted together."""


class Rest(NamedTuple):
    """All but one market: its event, and what cluster and account lose besides that event."""

    event: Exclusive
    cluster_others_e12: int
    aggregate_others_e12: int


def market_values(portfolio: PortfolioView) -> dict[str, Outcomes]:
    """Return each market's value by state, holdings and open orders, where there are any."""
    orders: dict[str, list[OrderView]] = {}
    for order in portfolio.orders():
        orders.setdefault(order.market_id, []).append(order)
    values = {
        market_id: with_orders(holding(position), orders.pop(market_id, ()))
        for market_id, position in portfolio.positions().items()
    }
    values.update((market_id, with_orders(NOTHING, some)) for market_id, some in orders.items())
    return values


def group_of(market_id: str, market: MarketView | None) -> GroupKey:
    """Return what a market nets with; one the runtime no longer knows stands for itself."""
    if market is None:
        return f"unknown:{market_id}", market_id
    spec = market.spec
    nets_with_event = spec.neg_risk and spec.market_event_id
    return market.cluster_id, f"event:{spec.market_event_id}" if nets_with_event else market_id


def grouped(
    values: dict[str, Outcomes], portfolio: PortfolioView, leave_out: str = ""
) -> dict[GroupKey, Exclusive]:
    """Return the exclusive groups of all markets but ``leave_out``."""
    groups: dict[GroupKey, Exclusive] = {}
    empty = Exclusive()
    for market_id, outcomes in values.items():
        if market_id != leave_out:
            key = group_of(market_id, portfolio.market(market_id))
            groups[key] = groups.get(key, empty).joined(outcomes)
    return groups


def rest_of(market: MarketView, portfolio: PortfolioView) -> Rest:
    """Return the account without one market, in one pass over positions and open orders."""
    own = group_of(market.market_id, market)
    groups = grouped(market_values(portfolio), portfolio, leave_out=market.market_id)
    event = groups.pop(own, Exclusive())
    losses = [(key[0], group.loss_e12) for key, group in groups.items()]
    return Rest(
        event,
        sum(loss for cluster_id, loss in losses if cluster_id == own[0]),
        sum(loss for _, loss in losses),
    )


class Exposures(NamedTuple):
    """Worst-case losses in 1e-12 USD by market, by cluster and in all."""

    markets: dict[str, int]
    clusters: dict[str, int]
    aggregate_e12: int


def exposures(portfolio: PortfolioView) -> Exposures:
    """Return the whole account's exposures, sorted by id, open orders included."""
    values = market_values(portfolio)
    clusters: dict[str, int] = {}
    for (cluster_id, _), group in grouped(values, portfolio).items():
        clusters[cluster_id] = clusters.get(cluster_id, 0) + group.loss_e12
    return Exposures(
        {market_id: market_loss_e12(values[market_id]) for market_id in sorted(values)},
        dict(sorted(clusters.items())),
        sum(clusters.values()),
    )
