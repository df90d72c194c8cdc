"""A maker that decides by public information alone, and the orders it wants.

Whether an order was filled, in whatever world, changes nothing it does: lives are drawn before, and
a cancel comes early only because the public market has left the order behind or is coming for it.
That is what makes a real order and its paper twin comparable.
"""

from __future__ import annotations

import math
from random import Random

import msgspec

from polyframe.events import Side
from polyframe.money import PRICE_ONE_E4, SHARE_E6
from polyframe.validation.public_view import PublicMarket

_SHARES = (5.0, 200.0)
_LIFE_S = (60.0, 600.0)
_WIDEST_E4 = 1_000  # a book wider than ten cents has no touch worth joining
_PRICES_E4 = (500, 9_500)
_TICKS = 3
PLACEMENTS = ("join", "improve", "behind")


class ShadowOrder(msgspec.Struct, frozen=True, gc=False):
    """One order as sent to both worlds.

    ``cluster`` names the market of one world; ``placement`` is one of PLACEMENTS as it came out;
    ``is_bid`` and ``yes_price_e4`` are the order in YES space, ``price_e4`` its token's own.
    """

    order_id: str
    cluster: str
    market_id: str
    token_id: str
    is_yes: bool
    side: Side
    is_bid: bool
    price_e4: int
    yes_price_e4: int
    size_e6: int
    placement: str
    tick_e4: int
    mid_e6: int
    sent_ns: int
    life_ns: int


def is_quotable(market: PublicMarket, until_ns: int) -> bool:
    """Say whether the maker quotes a market: open past ``until_ns``, two-sided, not extreme."""
    book, spec = market.book, market.spec
    if not market.is_open or (spec.end_ns is not None and spec.end_ns <= until_ns):
        return False
    if not book.is_two_sided:
        return False
    low, high = book.best_bid_e4, book.best_ask_e4
    if low is None or high is None:
        return False
    return _PRICES_E4[0] <= low and high <= _PRICES_E4[1] and high - low <= _WIDEST_E4


def wants_out(order: ShadowOrder, market: PublicMarket) -> bool:
    """Say whether an order is cancelled before its life is over, by what the public sees.

    Either its side's touch has moved some ticks past it, or the mid has come as many ticks nearer
    than it was at sending: the moment in which a cancel's latency costs money.
    """
    best = market.book.best_bid_e4 if order.is_bid else market.book.best_ask_e4
    sign = 1 if order.is_bid else -1
    least_e4 = _TICKS * order.tick_e4
    if best is not None:
        behind_e4 = order.tick_e4 if order.placement == "behind" else 0
        if sign * (best - order.yes_price_e4) - behind_e4 >= least_e4:
            return True
    mid_e6 = market.book.mid_e6
    return mid_e6 is not None and sign * (order.mid_e6 - mid_e6) >= 100 * least_e4


class ScriptedMaker:
    """Draws orders from a seeded stream.

    Args:
        rng: the stream.
    """

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._numbers = 0

    def life_ns(self) -> int:
        """Return how long the next round's orders are meant to live."""
        return round(self._log_uniform(*_LIFE_S) * 1e9)

    def orders(
        self, market: PublicMarket, cluster: str, now_ns: int, life_ns: int
    ) -> list[ShadowOrder]:
        """Return two orders a side, at different prices, none crossing another."""
        book = market.book
        bid, ask = book.best_bid_e4, book.best_ask_e4
        if bid is None or ask is None:
            return []
        found: list[ShadowOrder] = []
        best_own: dict[bool, int] = {}
        for is_bid in (True, False):
            prices: set[int] = set()
            for wish in self._rng.sample(PLACEMENTS, 2):
                own, opposite = (bid, ask) if is_bid else (ask, bid)
                price, placement = self._price(wish, own, opposite, market.tick_e4)
                crossed = best_own.get(not is_bid)
                if crossed is not None and (price >= crossed if is_bid else price <= crossed):
                    price, placement = own, "join"
                order = self._order(market, cluster, is_bid, price, placement, now_ns, life_ns)
                if price in prices or not market.tick_e4 <= price <= PRICE_ONE_E4 - market.tick_e4:
                    continue
                prices.add(price)
                best = best_own.get(is_bid)
                if best is None or (price > best if is_bid else price < best):
                    best_own[is_bid] = price
                found.append(order)
        return found

    def _price(self, wish: str, own: int, opposite: int, tick_e4: int) -> tuple[int, str]:
        inwards = tick_e4 if opposite > own else -tick_e4
        if wish == "improve" and abs(opposite - own) > tick_e4:
            return own + inwards, wish
        if wish == "behind":
            return own - inwards, wish
        return own, "join"

    def _order(
        self,
        market: PublicMarket,
        cluster: str,
        is_bid: bool,
        price_e4: int,
        placement: str,
        now_ns: int,
        life_ns: int,
    ) -> ShadowOrder:
        is_yes = self._rng.random() < 0.5
        shares = int(self._log_uniform(*_SHARES))
        self._numbers += 1
        return ShadowOrder(
            order_id=f"shadow-{self._numbers}",
            cluster=cluster,
            market_id=market.spec.market_id,
            token_id=market.spec.token_ids[0 if is_yes else 1],
            is_yes=is_yes,
            side=Side.BUY if is_bid == is_yes else Side.SELL,
            is_bid=is_bid,
            price_e4=price_e4 if is_yes else PRICE_ONE_E4 - price_e4,
            yes_price_e4=price_e4,
            size_e6=max(shares * SHARE_E6, market.spec.min_size_e6),
            placement=placement,
            tick_e4=market.tick_e4,
            mid_e6=market.book.mid_e6 or 0,
            sent_ns=now_ns,
            life_ns=life_ns,
        )

    def _log_uniform(self, least: float, most: float) -> float:
        return least * math.exp(self._rng.random() * math.log(most / least))
