"""From a prediction and a book to an order, or to the reason why there is none. Pure."""

from __future__ import annotations

from polyframe import MarketState, MarketView, PortfolioView, Trade, TradeLeg
from polyframe.money import (
    PRICE_ONE_E4,
    SHARE_E6,
    complement_e4,
    notional_e12,
    share_e12,
    usd,
    usd_e12,
)
from polyframe_satellite.config import Config
from polyframe_satellite.ledger import Held
from polyframe_satellite.predictions import Prediction
from polyframe_satellite.sizing import (
    Level,
    cost_e12,
    edge,
    kelly,
    proceeds,
    purchase,
    sale,
    shrunk,
)

COMPONENT = "satellite"
REFUSALS = (
    "expired",
    "tier",
    "robustness",
    "confidence",
    "traded",
    "not_accepting",
    "state",
    "delayed",
    "stale",
    "no_mid",
    "liquidity",
    "edge",
    "own_order",
    "kelly",
    "budget",
    "size",
)
"""Why a prediction was not traded, in the order in which the reasons are looked for."""

_MAY_SELL = (MarketState.NORMAL, MarketState.WATCH, MarketState.CLOSE_WINDOW)
_FLOAT_E = 1e-9


def opening(
    market: MarketView,
    prediction: Prediction,
    portfolio: PortfolioView,
    spend_e12: int,
    config: Config,
    now_ns: int,
) -> Trade | str:
    """Return the purchase a prediction is worth now, or the reason why it is worth none.

    Args:
        market: the market the prediction is about.
        prediction: not traded before.
        portfolio: for the equity that stakes and caps are shares of.
        spend_e12: what budget and cash leave to spend.
        config: the plugin's settings.
        now_ns: the time, for the expiry.
    """
    reason = _unfit(prediction, config, now_ns) or _closed_to_buyers(market, config)
    mid = market.book.mid
    if reason is not None or mid is None:
        return reason or "no_mid"
    within_e4 = round(config.liquidity_within_c * 100)
    resting_usd = sum(market.book.depth_usd(side, within_e4) for side in ("bid", "ask"))
    if resting_usd < config.min_liquidity_usd:
        return "liquidity"
    # Only one direction can have an edge: the book is not crossed.
    is_yes = prediction.probability > mid
    probability = prediction.probability if is_yes else 1.0 - prediction.probability
    offers = _levels(market, is_yes, is_buy=True, count=config.max_levels)
    best_e4 = offers[0][0]
    if edge(market.spec, probability, best_e4) < config.min_edge - _FLOAT_E:
        return "edge"
    offers = _not_ours(offers, market, is_yes, is_buy=True)
    if not offers:
        return "own_order"
    believed = shrunk(probability, mid if is_yes else 1.0 - mid, config.shrink_share)
    if not kelly(believed, usd(cost_e12(market.spec, offers[0][0]))):
        return "kelly"
    room_e12 = min(spend_e12, _market_room_e12(market, is_yes, portfolio, config))
    order = purchase(
        market.spec,
        offers,
        probability,
        believed,
        config.min_edge,
        config.kelly_share * usd(max(0, portfolio.equity_e12)),
        max(0, room_e12),
    )
    if order is None:
        return "budget"
    if not _is_large_enough(order.size_e6, order.limit_e4, market, config):
        return "size"
    leg = TradeLeg(market.market_id, is_yes, True, order.limit_e4, order.size_e6)
    return Trade(
        COMPONENT,
        (leg,),
        config.order_within_s,
        (
            ("probability", prediction.probability),
            ("believed", round(believed, 9)),
            ("mid", mid),
            ("edge", round(order.edge, 9)),
            ("kelly", round(order.kelly, 9)),
            ("stake_usd", round(order.stake_usd, 6)),
            ("room_usd", round(usd(max(0, room_e12)), 6)),
            ("robustness", float(prediction.robustness)),
        ),
    )


def closing(
    market: MarketView,
    held: Held,
    prediction: Prediction | None,
    sellable_e6: int,
    config: Config,
    now_ns: int,
) -> Trade | None:
    """Return the sale a holding calls for, or None while it is held.

    A holding whose prediction has expired, or is no longer in the file, is sold near the best
    bid. While it is believed, it is sold only where holding is worth less than ``exit_edge``
    more than the money now; else it is held until the market resolves.
    """
    stale = market.book_age_s is None or market.book_age_s > config.max_book_age_s
    if stale or not market.has_book or market.state not in _MAY_SELL:
        return None
    if market.spec.closed or not market.spec.accepting_orders or market.book.mid is None:
        return None
    bids = _levels(market, held.is_yes, is_buy=False, count=config.max_levels)
    bids = _not_ours(bids, market, held.is_yes, is_buy=False)
    if not bids:
        return None
    believed = None
    if prediction is not None and now_ns < prediction.expiry_ns:
        believed = prediction.probability if held.is_yes else 1.0 - prediction.probability
        wanted = [
            price_e4
            for price_e4, _ in bids
            if believed - proceeds(market.spec, price_e4) < config.exit_edge - _FLOAT_E
        ]
        if not wanted:
            return None
        least_e4 = min(wanted)
    else:
        least_e4 = bids[0][0] - round(config.exit_within * PRICE_ONE_E4)
    sold = sale(bids, least_e4, sellable_e6)
    if sold is None or sold[0] < market.min_size_e6:
        return None
    size_e6, limit_e4 = sold
    leg = TradeLeg(market.market_id, held.is_yes, False, limit_e4, size_e6)
    inputs = [("held", held.size_e6 / SHARE_E6), ("limit", limit_e4 / PRICE_ONE_E4)]
    if believed is not None:
        inputs.append(("believed", believed))
    return Trade(COMPONENT, (leg,), config.order_within_s, tuple(inputs))


def _unfit(prediction: Prediction, config: Config, now_ns: int) -> str | None:
    """Return what is wrong with the prediction itself."""
    if now_ns >= prediction.expiry_ns:
        return "expired"
    if prediction.tier > config.worst_tier:
        return "tier"
    if prediction.robustness < config.min_robustness:
        return "robustness"
    if prediction.confidence < config.min_confidence:
        return "confidence"
    return None


def _closed_to_buyers(market: MarketView, config: Config) -> str | None:
    """Return what forbids to open a position in the market now."""
    spec = market.spec
    if spec.closed or not spec.accepting_orders:
        return "not_accepting"
    if market.state is not MarketState.NORMAL:
        return "state"
    if spec.seconds_delay >= config.order_within_s:
        return "delayed"
    age_s = market.book_age_s
    if not market.has_book or age_s is None or age_s > config.max_book_age_s:
        return "stale"
    return None


def _levels(market: MarketView, is_yes: bool, *, is_buy: bool, count: int) -> list[Level]:
    """Return what the token can be bought from or sold to, best first, at its own prices."""
    if is_yes:
        return market.book.levels("ask" if is_buy else "bid", count)
    mirrored = market.book.levels("bid" if is_buy else "ask", count)
    return [(complement_e4(price_e4), size) for price_e4, size in mirrored]


def _not_ours(
    levels: list[Level], market: MarketView, is_yes: bool, *, is_buy: bool
) -> list[Level]:
    """Return the levels before our own nearest order: behind it we would trade with ourselves."""
    side = "ask" if is_yes == is_buy else "bid"
    own = [order.yes_price_e4 for order in market.orders if order.side == side]
    if not own:
        return levels
    prices = own if is_yes else [complement_e4(price_e4) for price_e4 in own]
    if is_buy:
        return [level for level in levels if level[0] < min(prices)]
    return [level for level in levels if level[0] > max(prices)]


def _market_room_e12(
    market: MarketView, is_yes: bool, portfolio: PortfolioView, config: Config
) -> int:
    """Return how much more the market may lose, beside what is held and resting in it."""
    cap_e12 = share_e12(portfolio.equity_e12, config.market_cap_share)
    position = market.position
    # What a YES purchase loses it loses when NO wins; then the NO tokens held pay.
    pays_e6 = position.no_e6 if is_yes else position.yes_e6
    value_e12 = notional_e12(PRICE_ONE_E4, pays_e6) - position.cost_e12
    for order in market.orders:
        if is_yes and order.side == "bid":
            value_e12 -= notional_e12(order.yes_price_e4, order.leaves_e6)
        elif not is_yes and order.side == "ask":
            value_e12 -= notional_e12(complement_e4(order.yes_price_e4), order.leaves_e6)
    return cap_e12 + min(0, value_e12)


def _is_large_enough(size_e6: int, price_e4: int, market: MarketView, config: Config) -> bool:
    return size_e6 >= market.min_size_e6 and notional_e12(price_e4, size_e6) >= usd_e12(
        config.min_order_usd
    )
