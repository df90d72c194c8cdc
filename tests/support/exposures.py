"""Worst-case losses of an account by brute force: state by state, order by order."""

from collections import Counter, defaultdict


def outcomes_e12(account, market_id, without=frozenset(), more=()):
    """Return the value (if YES, if NO) when in each state every order that loses there fills.

    Orders named in ``without`` are left out, those in ``more`` count besides.
    """
    position = account.position(market_id)
    if_yes = position.yes_e6 * 10**6 - position.cost_e12
    if_no = position.no_e6 * 10**6 - position.cost_e12
    orders = [one for one in account.orders(market_id) if one.order_id not in without]
    for order in (*orders, *(one for one in more if one.market_id == market_id)):
        paid, won = order.price_e4 * 100 * order.leaves_e6, 10**6 * order.leaves_e6
        in_yes, in_no = (won - paid, -paid) if order.is_yes else (-paid, won - paid)
        if not order.is_buy:
            in_yes, in_no = -in_yes, -in_no
        if_yes += min(0, in_yes)
        if_no += min(0, in_no)
    return if_yes, if_no


def exposures_e12(account, without=frozenset(), more=()):
    """Return the worst-case losses by market, by cluster and of the account."""
    markets, groups = {}, defaultdict(list)
    with_orders = {order.market_id for order in (*account.orders(), *more)}
    for market_id in sorted(with_orders | account.positions().keys()):
        market = account.market(market_id)
        value = outcomes_e12(account, market_id, without, more)
        markets[market_id] = max(0, -min(value))
        nets = market.spec.neg_risk and market.spec.market_event_id
        groups[market.cluster_id, nets or f"alone {market_id}"].append(value)
    clusters = Counter()
    for (cluster, _), values in groups.items():
        states = [sum(if_no for _, if_no in values)]
        for winner in range(len(values)):
            states.append(sum(pair[at != winner] for at, pair in enumerate(values)))
        clusters[cluster] += max(0, -min(states))
    return markets, clusters, sum(clusters.values())
