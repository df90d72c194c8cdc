"""The runtime's own vetoes: facts that forbid a quote, whatever any plugin thinks."""

from __future__ import annotations

from typing import NamedTuple

from polyframe.model import SIDES, BookSide, Quote, QuoteLeg, Veto
from polyframe.money import notional_e12, usd
from polyframe.runtime import limits, safety
from polyframe.runtime.account import Account
from polyframe.runtime.limits import Limits
from polyframe.runtime.markets import Market
from polyframe.runtime.orders import Route, route
from polyframe.runtime.states import ALLOWED

# Every code the runtime itself may cast; counted even when zero.
CODES = (
    "runtime.not_accepting", "runtime.state", "runtime.feed_down", "runtime.not_fresh",
    "runtime.no_mid", "runtime.reduce_only", "runtime.off_tick", "runtime.would_cross",
    "runtime.own_cross", "runtime.below_min_size", "runtime.insufficient_funds",
    "runtime.plugin_error", "runtime.cluster_full", "runtime.rank", "runtime.stopping",
    "runtime.other_leg", *limits.CODES, *safety.CODES,
)  # fmt: skip


class Checked(NamedTuple):
    """The runtime's vetoes and, per side, the order that would be placed (None: no leg)."""

    vetoes: tuple[Veto, ...]
    bid: Route | None
    ask: Route | None


def reduce_only(quote: Quote, market: Market) -> Quote:
    """Return the quote cut to what its market's state allows: never more than flattens us."""
    if ALLOWED[market.state].may_add or quote.is_empty:
        return quote
    net_e6 = market.position.net_yes_e6
    return Quote(
        quote.market_id,
        quote.fair,
        _cut(quote.bid, -net_e6),
        _cut(quote.ask, net_e6),
        quote.policy,
        quote.inputs,
    )


def _cut(leg: QuoteLeg | None, most_e6: int) -> QuoteLeg | None:
    if leg is None or most_e6 <= 0:
        return None
    return leg if leg.size_e6 <= most_e6 else QuoteLeg(leg.price_e4, most_e6)


def check(
    quote: Quote,
    proposal: Quote,
    market: Market,
    account: Account,
    held_to: Limits,
    now_ns: int,
) -> Checked:
    """Return every reason of the runtime's own not to rest ``quote``, and the routed orders.

    ``proposal`` is the quote before :func:`reduce_only`, to tell a dropped leg from a leg
    that was never wanted. ``held_to`` are the hard limits.
    """
    vetoes: list[Veto] = []
    spec = market.spec
    if spec.closed or not spec.accepting_orders:
        vetoes.append(Veto("runtime.not_accepting"))
    if not ALLOWED[market.state].may_quote:
        vetoes.append(Veto("runtime.state"))
    if not market.connected:
        vetoes.append(Veto("runtime.feed_down"))
    elif not market.is_fresh:
        vetoes.append(
            Veto("runtime.not_fresh", observed=market.book_age_s, limit=market.max_book_age_s)
        )
    if market.has_book and not market.book.is_two_sided:
        vetoes.append(Veto("runtime.no_mid"))
    for side in SIDES:
        if proposal.leg(side) is not None and quote.leg(side) is None:
            vetoes.append(Veto("runtime.reduce_only", side))
    yes_free_e6, no_free_e6 = account.free_tokens_e6(market.market_id)
    for order in market.orders:
        # A sell that this leg would keep or replace gives its tokens back to the side.
        if not order.is_buy and order.component == quote.component:
            if order.is_yes:
                yes_free_e6 += order.leaves_e6
            else:
                no_free_e6 += order.leaves_e6
    routes: dict[BookSide, Route | None] = {"bid": None, "ask": None}
    # Both legs may leave in one pass: what the first would reserve, the second cannot spend.
    free_e12 = account.free_e12
    first_leg_e12 = first_leg_orders = 0
    for side in SIDES:
        leg = quote.leg(side)
        if leg is None:
            continue
        routed = route(side, leg.price_e4, leg.size_e6, yes_free_e6, no_free_e6, market.min_size_e6)
        routes[side] = routed
        found = _leg_vetoes(side, leg, routed, quote, market)
        found += held_to.vetoes(side, routed, market, now_ns, quote.component,
                                first_leg_e12, first_leg_orders)  # fmt: skip
        if routed.is_buy:
            cost_e12 = notional_e12(routed.price_e4, routed.size_e6)
            replaced_e12 = sum(
                order.reserved_e12
                for order in market.orders
                if order.side == side and order.component == quote.component
            )
            most_e12 = free_e12 + replaced_e12
            if cost_e12 > most_e12:
                found.append(Veto("runtime.insufficient_funds", side, usd(cost_e12), usd(most_e12)))
            elif not found:
                free_e12 -= max(0, cost_e12 - replaced_e12)
                first_leg_e12 = max(0, cost_e12 - replaced_e12)
        if not found:
            first_leg_orders = 1
        vetoes.extend(found)
    return Checked(tuple(vetoes), routes["bid"], routes["ask"])


def _leg_vetoes(
    side: BookSide, leg: QuoteLeg, routed: Route, quote: Quote, market: Market
) -> list[Veto]:
    found: list[Veto] = []
    tick_e4 = market.tick_e4
    book = market.book
    if leg.price_e4 % tick_e4 or not tick_e4 <= leg.price_e4 <= 10_000 - tick_e4:
        found.append(Veto("runtime.off_tick", side, leg.price_e4 / 1e4, tick_e4 / 1e4))
    touch_e4 = book.best_ask_e4 if side == "bid" else book.best_bid_e4
    if touch_e4 is not None and (
        leg.price_e4 >= touch_e4 if side == "bid" else leg.price_e4 <= touch_e4
    ):
        found.append(Veto("runtime.would_cross", side, leg.price_e4 / 1e4, touch_e4 / 1e4))
    other = quote.leg("ask" if side == "bid" else "bid")
    if other is not None and crosses(side, leg.price_e4, other.price_e4, tick_e4):
        found.append(Veto("runtime.own_cross", side, leg.price_e4 / 1e4, other.price_e4 / 1e4))
    if routed.size_e6 < max(market.min_size_e6, 1):
        found.append(
            Veto("runtime.below_min_size", side, routed.size_e6 / 1e6, market.min_size_e6 / 1e6)
        )
    return found


def crosses(side: BookSide, price_e4: int, other_e4: int, tick_e4: int) -> bool:
    """Whether our leg on one side is less than a tick away from ours on the other.

    In YES space this is the rule YES bid + NO bid <= 1 - tick.
    """
    gap_e4 = other_e4 - price_e4 if side == "bid" else price_e4 - other_e4
    return gap_e4 < tick_e4
