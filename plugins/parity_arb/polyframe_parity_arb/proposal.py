"""From a crossed book to a trade, or to the reason why there is none. Pure."""

from __future__ import annotations

from typing import NamedTuple

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
from polyframe_parity_arb.config import Config
from polyframe_parity_arb.crossing import Crossing
from polyframe_parity_arb.parity import Match, Most, gain_e12, pair_cost_e12, takeable, walk

COMPONENT = "arb"
REFUSALS = (
    "neg_risk",
    "not_accepting",
    "state",
    "delayed",
    "stale",
    "brief",
    "own_order",
    "edge",
    "budget",
    "size",
)
"""Why a crossing was not taken, in the order in which the reasons are looked for."""


class Rooms(NamedTuple):
    """What may be lost by each side's leg alone, and spent on all pairs, in 1e-12 USD."""

    bid_e12: int
    ask_e12: int
    spend_e12: int


def rooms(market: MarketView, equity_e12: int, spend_e12: int, config: Config) -> Rooms:
    """Return the room under the market's cap for each side, and what may be spent.

    Both sides start from what is lost already if that side's outcome does not come, open
    orders included: a leg must fit even when the other one never fills.
    """
    cap_e12 = share_e12(equity_e12, config.market_cap_share)
    position = market.position
    no_e12 = notional_e12(PRICE_ONE_E4, position.no_e6) - position.cost_e12
    yes_e12 = notional_e12(PRICE_ONE_E4, position.yes_e6) - position.cost_e12
    for order in market.orders:
        if order.side == "bid":
            no_e12 -= notional_e12(order.yes_price_e4, order.leaves_e6)
        else:
            yes_e12 -= notional_e12(complement_e4(order.yes_price_e4), order.leaves_e6)
    return Rooms(cap_e12 + min(0, no_e12), cap_e12 + min(0, yes_e12), spend_e12)


def refusal(market: MarketView, crossing: Crossing, config: Config, now_ns: int) -> str | None:
    """Return what forbids to trade this crossing whatever it earns, or None."""
    spec = market.spec
    if spec.neg_risk or spec.neg_risk_augmented:
        return "neg_risk"
    if spec.closed or not spec.accepting_orders:
        return "not_accepting"
    if market.state is not MarketState.NORMAL:
        return "state"
    if spec.seconds_delay > 0:
        # A delayed order is matched when the crossing is long gone, and cannot be cancelled.
        return "delayed"
    age_s = market.book_age_s
    if not market.has_book or age_s is None or age_s > config.max_book_age_s:
        return "stale"
    enough = crossing.messages >= config.min_crossed_messages
    if not enough or crossing.age_s(now_ns) < config.min_crossed_s:
        return "brief"
    return None


def propose(
    market: MarketView, portfolio: PortfolioView, pairs_e6: int, spend_e12: int, config: Config
) -> Trade | str:
    """Return the trade a crossed book is worth, or the reason why it is worth none.

    Args:
        market: crossed, and refused by nothing else.
        portfolio: for the equity that caps are shares of.
        pairs_e6: pairs of our own that could be sold: selling them frees budget, so it goes first.
        spend_e12: what may be spent on new pairs.
        config: the plugin's settings.
    """
    asks, bids = takeable(market, config.max_levels)
    if not asks or not bids:
        return "own_order"
    spec = market.spec
    if gain_e12(spec, asks[0][0], bids[0][0]) < usd_e12(config.min_edge):
        return "edge"
    room = rooms(market, portfolio.equity_e12, spend_e12, config)

    def legs_most(ask_e4: int, bid_e4: int) -> int:
        # A pair's bid-side leg loses A a share and its ask-side leg 1 - B, bought or sold.
        no_e4 = complement_e4(bid_e4)
        return max(0, min(room.bid_e12 // (ask_e4 * 100), room.ask_e12 // (no_e4 * 100)))

    def buy_most(ask_e4: int, bid_e4: int) -> int:
        affordable = max(0, room.spend_e12) * SHARE_E6 // pair_cost_e12(spec, ask_e4, bid_e4)
        return min(legs_most(ask_e4, bid_e4), affordable)

    def sell_most(ask_e4: int, bid_e4: int) -> int:
        return min(legs_most(ask_e4, bid_e4), pairs_e6)

    def found(most: Most) -> Match | None:
        match = walk(spec, asks, bids, config.min_edge, most)
        return match if match is not None and _is_large_enough(match, market, config) else None

    for is_buy, most in ((False, sell_most), (True, buy_most)):
        match = found(most)
        if match is not None:
            return _trade(market, match, is_buy, config)
    return "size" if found(lambda ask_e4, bid_e4: 10**18) is None else "budget"


def cost_e12(market: MarketView, trade: Trade) -> int:
    """Return the most a trade of ours spends, fees included; 0 for one that sells."""
    if not trade.legs[0].is_buy:
        return 0
    by_token = {leg.is_yes: leg.limit_e4 for leg in trade.legs}
    each_e12 = pair_cost_e12(market.spec, by_token[True], complement_e4(by_token[False]))
    return -(-each_e12 * trade.legs[0].size_e6 // SHARE_E6)


def _is_large_enough(match: Match, market: MarketView, config: Config) -> bool:
    cheaper_e4 = min(match.ask_e4, complement_e4(match.bid_e4))
    return match.size_e6 >= market.min_size_e6 and notional_e12(
        cheaper_e4, match.size_e6
    ) >= usd_e12(config.min_leg_usd)


def _trade(market: MarketView, match: Match, is_buy: bool, config: Config) -> Trade:
    """Return both legs, the scarcer first: it is the one that may be gone."""
    yes_e4, no_e4 = match.ask_e4, complement_e4(match.bid_e4)
    if not is_buy:
        yes_e4, no_e4 = match.bid_e4, complement_e4(match.ask_e4)
    yes = TradeLeg(market.market_id, True, is_buy, yes_e4, match.size_e6)
    no = TradeLeg(market.market_id, False, is_buy, no_e4, match.size_e6)
    asks_are_scarcer = match.ask_depth_e6 <= match.bid_depth_e6
    # Buying YES takes the asks; selling YES takes the bids.
    legs = (yes, no) if asks_are_scarcer == is_buy else (no, yes)
    return Trade(
        COMPONENT,
        legs,
        config.legs_within_s,
        (
            ("ask", match.ask_e4 / PRICE_ONE_E4),
            ("bid", match.bid_e4 / PRICE_ONE_E4),
            ("pairs", match.size_e6 / SHARE_E6),
            ("gain_usd", round(usd(match.gain_e12), 6)),
            ("ask_depth", match.ask_depth_e6 / SHARE_E6),
            ("bid_depth", match.bid_depth_e6 / SHARE_E6),
        ),
    )
