"""A market's unified YES/NO order book with price-time priority, on integers only.

An order on either token becomes one entry in YES price space: BUY YES at p and SELL NO at
1 - p are bids at p; SELL YES at p and BUY NO at 1 - p are offers at p. Two buyers of
different tokens *mint* a pair, two sellers *merge* one (venue.md 4.3). The maker gets its own
limit price; the improvement is the taker's. No clock, no sockets, no randomness in here.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from enum import StrEnum

import msgspec

from polyframe.events import Side
from polyframe.money import PRICE_ONE_E4, notional_e12, price_text, size_text

# A duplicate is recognised among what rests and this many last orders: memory stays bounded.
_REMEMBERED_IDS = 1_000


class TimeInForce(StrEnum):
    """How long an order lives: until cancelled, or fill-and-kill, or fill-or-kill."""

    GTC = "GTC"
    FAK = "FAK"
    FOK = "FOK"


class NewOrder(msgspec.Struct, frozen=True, gc=False):
    """An order as sent: ``price_e4`` is the token's own price.

    Where ``spends_e12`` is not 0 a BUY that takes spends so much (1e-12 USD), whatever number of
    shares that brings: at better prices than its own more than ``size_e6``.
    """

    order_id: str
    owner: str
    is_yes: bool
    side: Side
    price_e4: int
    size_e6: int
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    spends_e12: int = 0

    @property
    def is_bid(self) -> bool:
        """Whether it rests on the bid side of the YES book."""
        return self.is_yes == (self.side is Side.BUY)

    @property
    def yes_price_e4(self) -> int:
        """The price in YES space."""
        return self.price_e4 if self.is_yes else PRICE_ONE_E4 - self.price_e4


class RestingOrder(msgspec.Struct, gc=False):
    """What is left of an order on the book; ``yes_price_e4`` is in YES space."""

    order: NewOrder
    yes_price_e4: int
    leaves_e6: int


class MatchKind(StrEnum):
    """How a match settles: tokens change hands, a pair is minted, or a pair is burned."""

    NORMAL = "normal"
    MINT = "mint"
    MERGE = "merge"


class Match(msgspec.Struct, frozen=True, gc=False):
    """One maker order met by a taker, at the maker's limit price in YES space."""

    maker: NewOrder
    taker: NewOrder
    yes_price_e4: int
    size_e6: int

    @property
    def kind(self) -> MatchKind:
        """How it settles (venue.md 4.3)."""
        if self.maker.side is not self.taker.side:
            return MatchKind.NORMAL
        return MatchKind.MINT if self.taker.side is Side.BUY else MatchKind.MERGE

    @property
    def taker_price_e4(self) -> int:
        """The price in the taker's own token."""
        return _own_price_e4(self.taker.is_yes, self.yes_price_e4)


class Execution(msgspec.Struct, frozen=True):
    """What became of a new order. ``rejection`` is the venue's text, empty when accepted."""

    matches: tuple[Match, ...] = ()
    resting_e6: int = 0
    rejection: str = ""


class Transfer(msgspec.Struct, frozen=True):
    """What one party of a match gains: cash in 1e-12 USD and tokens in micro-shares."""

    owner: str
    cash_e12: int
    yes_e6: int
    no_e6: int


def settlement(match: Match) -> tuple[Transfer, Transfer]:
    """Return what maker and taker gain, before fees.

    The sums over both are zero, but for a mint (one YES and one NO appear for the cash paid)
    and a merge (they vanish for the cash paid out): cash + pairs is conserved exactly.
    """
    return _gain(match.maker, match), _gain(match.taker, match)


def _gain(order: NewOrder, match: Match) -> Transfer:
    sign = 1 if order.side is Side.BUY else -1
    price_e4 = _own_price_e4(order.is_yes, match.yes_price_e4)
    tokens_e6 = sign * match.size_e6
    return Transfer(
        order.owner,
        -sign * notional_e12(price_e4, match.size_e6),
        tokens_e6 if order.is_yes else 0,
        0 if order.is_yes else tokens_e6,
    )


def _own_price_e4(is_yes: bool, yes_price_e4: int) -> int:
    return yes_price_e4 if is_yes else PRICE_ONE_E4 - yes_price_e4


class _BookSide:
    """One side's levels: a FIFO of orders per price, prices kept sorted ascending."""

    def __init__(self) -> None:
        self.prices: list[int] = []
        self.queues: dict[int, dict[str, RestingOrder]] = {}
        self.totals: dict[int, int] = {}

    def add(self, resting: RestingOrder) -> None:
        price = resting.yes_price_e4
        queue = self.queues.get(price)
        if queue is None:
            insort(self.prices, price)
            queue = self.queues[price] = {}
            self.totals[price] = 0
        queue[resting.order.order_id] = resting
        self.totals[price] += resting.leaves_e6

    def reduce(self, resting: RestingOrder, size_e6: int) -> None:
        """Take ``size_e6`` off an order; an empty order and an empty level go away."""
        price = resting.yes_price_e4
        resting.leaves_e6 -= size_e6
        self.totals[price] -= size_e6
        if resting.leaves_e6 == 0:
            queue = self.queues[price]
            del queue[resting.order.order_id]
            if not queue:
                del self.queues[price], self.totals[price]
                del self.prices[bisect_left(self.prices, price)]


class MatchingBook:
    """One market's matching engine.

    Args:
        tick_e4: the price grid; every price is a multiple within [tick, 1 - tick].
        min_size_e6: the least order size in micro-shares.
    """

    def __init__(self, tick_e4: int, min_size_e6: int) -> None:
        self.tick_e4 = tick_e4
        self.min_size_e6 = min_size_e6
        self.last_trade_yes_e4: int | None = None
        self._bids = _BookSide()
        self._asks = _BookSide()
        self._open: dict[str, RestingOrder] = {}
        self._recent: dict[str, None] = {}
        self._touched: dict[tuple[bool, int], None] = {}

    # --- reading -------------------------------------------------------------------

    @property
    def best_bid_e4(self) -> int | None:
        """The highest bid in YES space, None when nobody bids."""
        prices = self._bids.prices
        return prices[-1] if prices else None

    @property
    def best_ask_e4(self) -> int | None:
        """The lowest offer in YES space, None when nobody offers."""
        prices = self._asks.prices
        return prices[0] if prices else None

    def level_e6(self, is_bid: bool, yes_price_e4: int) -> int:
        """Return the shares resting at a YES price, in micro-shares."""
        return (self._bids if is_bid else self._asks).totals.get(yes_price_e4, 0)

    def levels(self, is_bid: bool) -> list[tuple[int, int]]:
        """Return ``(yes_price_e4, size_e6)`` of one side, worst first as the venue sends it."""
        side = self._bids if is_bid else self._asks
        ordered = side.prices if is_bid else reversed(side.prices)
        return [(price, side.totals[price]) for price in ordered]

    def resting(self, order_id: str) -> RestingOrder | None:
        """Return what is left of an order, None when it does not rest."""
        return self._open.get(order_id)

    def orders(self) -> tuple[RestingOrder, ...]:
        """Return everything that rests, oldest first."""
        return tuple(self._open.values())

    def queue(self, is_bid: bool, yes_price_e4: int) -> tuple[str, ...]:
        """Return the order ids at a price, first in line first."""
        return tuple((self._bids if is_bid else self._asks).queues.get(yes_price_e4, ()))

    def take_changes(self) -> list[tuple[bool, int, int]]:
        """Return and forget the levels touched since the last call.

        Each is ``(is_bid, yes_price_e4, new total in micro-shares)``, in order of first touch.
        """
        touched, self._touched = self._touched, {}
        return [(is_bid, price, self.level_e6(is_bid, price)) for is_bid, price in touched]

    # --- writing -------------------------------------------------------------------

    def set_tick(self, tick_e4: int) -> None:
        """Change the grid for new orders; what rests stays."""
        self.tick_e4 = tick_e4

    def submit(self, order: NewOrder) -> Execution:
        """Match an order, rest what is left of a GTC, and say what happened."""
        rejection = self.refusal(order)
        if rejection:
            return Execution(rejection=rejection)
        self._recent[order.order_id] = None
        if len(self._recent) > _REMEMBERED_IDS:
            del self._recent[next(iter(self._recent))]
        matches, leaves_e6 = self._match(order)
        if order.time_in_force is not TimeInForce.GTC:
            return Execution(matches)
        if leaves_e6:
            self._rest(order, leaves_e6)
        return Execution(matches, leaves_e6)

    def _rest(self, order: NewOrder, leaves_e6: int) -> None:
        resting = RestingOrder(order, order.yes_price_e4, leaves_e6)
        self._open[order.order_id] = resting
        (self._bids if order.is_bid else self._asks).add(resting)
        self._touched[order.is_bid, resting.yes_price_e4] = None

    def rest_unmatched(self, order: NewOrder) -> bool:
        """Rest an order whatever it crosses, as a venue whose matching stalls shows it.

        Returns whether it was sound enough to rest. Whoever comes next meets it as usual.
        """
        if self.refusal(order):
            return False
        self._rest(order, order.size_e6)
        return True

    def cancel(self, order_id: str) -> int:
        """Take an order off the book; return the micro-shares that were left, 0 if it was gone."""
        resting = self._open.pop(order_id, None)
        if resting is None:
            return 0
        leaves_e6 = resting.leaves_e6
        is_bid = resting.order.is_bid
        (self._bids if is_bid else self._asks).reduce(resting, leaves_e6)
        self._touched[is_bid, resting.yes_price_e4] = None
        return leaves_e6

    def clear(self) -> list[str]:
        """Cancel everything, as the venue does when a market resolves; return the order ids."""
        order_ids = list(self._open)
        for order_id in order_ids:
            self.cancel(order_id)
        return order_ids

    def refusal(self, order: NewOrder) -> str:
        """Return the venue's reason to refuse an order, or an empty string (venue.md 2.9)."""
        if order.order_id in self._open or order.order_id in self._recent:
            return f"order {order.order_id} is invalid. Duplicated."
        price_e4, tick_e4 = order.price_e4, self.tick_e4
        if price_e4 % tick_e4 or not tick_e4 <= price_e4 <= PRICE_ONE_E4 - tick_e4:
            return (
                f"order {order.order_id} is invalid. Price ({price_text(price_e4)}) "
                f"breaks minimum tick size rule: {price_text(tick_e4)}"
            )
        if order.size_e6 < self.min_size_e6:
            return (
                f"order {order.order_id} is invalid. Size ({size_text(order.size_e6)}) "
                f"lower than the minimum: {size_text(self.min_size_e6)}"
            )
        if order.post_only and self.crosses(order):
            return "invalid post-only order: order crosses book"
        if order.time_in_force is TimeInForce.FOK and not self._is_fillable(order):
            return "order couldn't be fully filled. FOK orders are fully filled or killed."
        if order.time_in_force is TimeInForce.FAK and not self.crosses(order):
            return (
                "no orders found to match with FAK order. FAK orders are partially filled "
                "or killed if no match is found."
            )
        return ""

    def crosses(self, order: NewOrder) -> bool:
        """Whether it could match at once; a locked price counts."""
        if order.is_bid:
            best = self.best_ask_e4
            return best is not None and order.yes_price_e4 >= best
        best = self.best_bid_e4
        return best is not None and order.yes_price_e4 <= best

    def _is_fillable(self, order: NewOrder) -> bool:
        """Whether what is there at an order's limit or better is all it wants."""
        limit = order.yes_price_e4
        totals = (self._asks if order.is_bid else self._bids).totals
        there = [
            (_own_price_e4(order.is_yes, price), total)
            for price, total in totals.items()
            if (price <= limit if order.is_bid else price >= limit)
        ]
        if order.spends_e12:
            return sum(notional_e12(*level) for level in there) >= order.spends_e12
        return sum(total for _, total in there) >= order.size_e6

    def _match(self, order: NewOrder) -> tuple[tuple[Match, ...], int]:
        leaves_e6, left_e12 = order.size_e6, order.spends_e12
        opposite = self._asks if order.is_bid else self._bids
        matches: list[Match] = []
        while leaves_e6 and self.crosses(order):
            price = opposite.prices[0 if order.is_bid else -1]
            resting = next(iter(opposite.queues[price].values()))
            if order.spends_e12:
                share_e12 = notional_e12(_own_price_e4(order.is_yes, price), 1)
                leaves_e6 = left_e12 // share_e12
                if not leaves_e6:
                    break
                left_e12 -= min(leaves_e6, resting.leaves_e6) * share_e12
            size_e6 = min(leaves_e6, resting.leaves_e6)
            matches.append(Match(resting.order, order, price, size_e6))
            opposite.reduce(resting, size_e6)
            if resting.leaves_e6 == 0:
                del self._open[resting.order.order_id]
            self._touched[not order.is_bid, price] = None
            leaves_e6 -= size_e6
        if matches:
            self.last_trade_yes_e4 = matches[-1].yes_price_e4
        return tuple(matches), leaves_e6
