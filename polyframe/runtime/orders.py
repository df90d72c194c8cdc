"""Our orders: one life-cycle table, one registry, and the one function that picks the token.

in flight -> resting -> gone
|    |      |
|    +-> unknown     (its request was not answered: it may rest, now or later)
+-> leaving +        (a cancel was asked; fills still count until it is confirmed)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from polyframe.commands import PlaceOrder
from polyframe.events import OrderAdopted, Side
from polyframe.model import BookSide
from polyframe.money import complement_e4, floor_size_e6, notional_e12, price_text, size_text


class OrderStatus(StrEnum):
    """Where an order is on its way."""

    IN_FLIGHT = "in_flight"
    UNKNOWN = "unknown"
    RESTING = "resting"
    LEAVING = "leaving"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


LIVE = frozenset(
    {OrderStatus.IN_FLIGHT, OrderStatus.UNKNOWN, OrderStatus.RESTING, OrderStatus.LEAVING}
)

# (status, what the venue said) -> status. A pair that is not here changes nothing and is
# counted: the venue may repeat itself or answer late.
TRANSITIONS: dict[tuple[OrderStatus, str], OrderStatus] = {
    (OrderStatus.IN_FLIGHT, "accepted"): OrderStatus.RESTING,
    (OrderStatus.IN_FLIGHT, "rejected"): OrderStatus.REJECTED,
    (OrderStatus.IN_FLIGHT, "cancel_asked"): OrderStatus.LEAVING,
    (OrderStatus.IN_FLIGHT, "cancelled"): OrderStatus.CANCELLED,
    (OrderStatus.IN_FLIGHT, "filled"): OrderStatus.FILLED,
    (OrderStatus.IN_FLIGHT, "uncertain"): OrderStatus.UNKNOWN,
    (OrderStatus.UNKNOWN, "uncertain"): OrderStatus.UNKNOWN,
    (OrderStatus.UNKNOWN, "accepted"): OrderStatus.RESTING,
    (OrderStatus.UNKNOWN, "rejected"): OrderStatus.REJECTED,
    (OrderStatus.UNKNOWN, "cancel_asked"): OrderStatus.LEAVING,
    (OrderStatus.UNKNOWN, "cancelled"): OrderStatus.CANCELLED,
    (OrderStatus.UNKNOWN, "filled"): OrderStatus.FILLED,
    # A cancel that was refused before the order itself was.
    (OrderStatus.RESTING, "rejected"): OrderStatus.REJECTED,
    (OrderStatus.RESTING, "cancel_asked"): OrderStatus.LEAVING,
    (OrderStatus.RESTING, "cancelled"): OrderStatus.CANCELLED,
    (OrderStatus.RESTING, "filled"): OrderStatus.FILLED,
    (OrderStatus.LEAVING, "accepted"): OrderStatus.LEAVING,
    (OrderStatus.LEAVING, "uncertain"): OrderStatus.LEAVING,
    (OrderStatus.LEAVING, "rejected"): OrderStatus.REJECTED,
    (OrderStatus.LEAVING, "cancelled"): OrderStatus.CANCELLED,
    (OrderStatus.LEAVING, "filled"): OrderStatus.FILLED,
    (OrderStatus.LEAVING, "cancel_rejected"): OrderStatus.RESTING,
}


class Route(NamedTuple):
    """Which token to trade for one side of a quote, at the token's own price."""

    is_yes: bool
    is_buy: bool
    price_e4: int
    size_e6: int


def route(
    side: BookSide, yes_price_e4: int, size_e6: int, yes_free_e6: int, no_free_e6: int, min_e6: int
) -> Route:
    """Return how one side of a quote becomes an order.

    Selling what is not held is impossible on this venue. An ask is SELL YES when enough
    YES is held (``*_free_e6``: held and not promised to another sell), else BUY NO at
    1 - p; a bid is SELL NO when enough NO is held, else BUY YES. A sell is cut to what is
    held: getting out comes before getting bigger. Sizes are whole steps of the venue's.
    """
    size_e6 = floor_size_e6(size_e6)
    free_e6 = floor_size_e6(yes_free_e6 if side == "ask" else no_free_e6)
    if free_e6 >= max(min_e6, 1):
        size_e6 = min(size_e6, free_e6)
        if side == "ask":
            return Route(True, False, yes_price_e4, size_e6)
        return Route(False, False, complement_e4(yes_price_e4), size_e6)
    if side == "ask":
        return Route(False, True, complement_e4(yes_price_e4), size_e6)
    return Route(True, True, yes_price_e4, size_e6)


class Order:
    """One order of ours; satisfies :class:`polyframe.views.OrderView`.

    ``filled_e6`` may exceed ``size_e6``: a BUY that takes binds dollars at the venue, and what
    the price was better buys more. ``reversed_e6`` is what of it failed to settle; the venue
    relists none of that.
    """

    __slots__ = (
        "component", "decision_id", "expires_ns", "filled_e6", "is_buy", "is_unknown", "is_yes",
        "market_id",
        "order_id", "placed_ns", "price_e4", "reversed_e6", "size_e6", "status", "token_id",
    )  # fmt: skip

    def __init__(self, command: PlaceOrder | OrderAdopted, is_yes: bool, now_ns: int) -> None:
        self.order_id = command.order_id
        self.market_id = command.market_id
        self.token_id = command.token_id
        self.is_yes = is_yes
        self.is_buy = command.side is Side.BUY
        self.price_e4 = command.price_e4
        self.size_e6 = command.size_e6
        self.filled_e6 = 0
        self.reversed_e6 = 0
        self.expires_ns = command.expires_ns
        self.component = command.component
        self.decision_id = command.decision_id
        self.placed_ns = now_ns
        self.is_unknown = False
        self.status = OrderStatus.IN_FLIGHT

    @property
    def leaves_e6(self) -> int:
        """What may still fill."""
        return max(0, self.size_e6 - self.filled_e6)

    @property
    def got_e6(self) -> int:
        """What of it stands: filled, and not taken back."""
        return self.filled_e6 - self.reversed_e6

    @property
    def side(self) -> BookSide:
        """Which side of the YES book it rests on."""
        return "bid" if self.is_yes == self.is_buy else "ask"

    @property
    def yes_price_e4(self) -> int:
        """The price in YES space."""
        return self.price_e4 if self.is_yes else complement_e4(self.price_e4)

    @property
    def is_live(self) -> bool:
        """Whether it may still fill."""
        return self.status in LIVE

    def expires_by(self, moment_ns: int) -> bool:
        """Whether the venue takes it off the book by then."""
        return self.expires_ns is not None and self.expires_ns <= moment_ns

    @property
    def reserved_e12(self) -> int:
        """Cash a BUY still promises; a SELL promises tokens instead."""
        return notional_e12(self.price_e4, self.leaves_e6) if self.is_buy else 0

    def __str__(self) -> str:
        verb, token = ("BUY" if self.is_buy else "SELL"), ("YES" if self.is_yes else "NO")
        return (
            f"{self.order_id} {verb} {token} {size_text(self.size_e6)}@{price_text(self.price_e4)}"
        )


class Orders:
    """Every order of the run; the only code that changes one."""

    def __init__(self) -> None:
        self._by_id: dict[str, Order] = {}
        self._live: dict[str, list[Order]] = {}
        self.unexpected = 0
        self.rejected_by_code: dict[str, int] = {}
        self.placed = 0
        self.adopted = 0
        self.live_count = 0
        self.cancel_requests = 0
        self.reserved_e12 = 0

    def place(self, command: PlaceOrder, is_yes: bool, now_ns: int) -> Order:
        """Register an order as it leaves."""
        order = Order(command, is_yes, now_ns)
        self._by_id[order.order_id] = order
        self._add_live(order)
        self.placed += 1
        return order

    def adopt(self, event: OrderAdopted, is_yes: bool) -> Order | None:
        """Register an order of an earlier run; None when it is known already."""
        if event.order_id in self._by_id:
            self.unexpected += 1
            return None
        order = Order(event, is_yes, event.placed_ns)
        order.filled_e6 = event.filled_e6
        self._by_id[order.order_id] = order
        self.adopted += 1
        if not event.is_live:
            order.status = OrderStatus.CANCELLED
            return order
        order.is_unknown = event.is_uncertain
        order.status = OrderStatus.UNKNOWN if event.is_uncertain else OrderStatus.RESTING
        self._add_live(order)
        return order

    def _add_live(self, order: Order) -> None:
        self._live.setdefault(order.market_id, []).append(order)
        self.live_count += 1
        self.reserved_e12 += order.reserved_e12

    def find(self, order_id: str) -> Order | None:
        """Return an order of this run."""
        return self._by_id.get(order_id)

    def live(self, market_id: str) -> Sequence[Order]:
        """Orders of one market that may still fill, oldest first."""
        return self._live.get(market_id, ())

    def all_live(self) -> Iterable[Order]:
        """Every order that may still fill."""
        for orders in self._live.values():
            yield from orders

    def markets_with_live(self) -> list[str]:
        """Markets in which something may still fill."""
        return list(self._live)

    def has_to_leave(self, market_id: str) -> bool:
        """Whether something of ours in a market is not even on its way out."""
        return any(order.status is not OrderStatus.LEAVING for order in self.live(market_id))

    def ask_cancel(self, order: Order) -> bool:
        """Note that a cancel leaves; False when one is under way already."""
        if order.status is OrderStatus.LEAVING:
            return False
        self.cancel_requests += 1
        return self._move(order, "cancel_asked")

    def accepted(self, order_id: str) -> Order | None:
        """The venue took it."""
        order = self._said(order_id, "accepted")
        if order is not None:
            order.is_unknown = False
        return order

    def uncertain(self, order_id: str) -> Order | None:
        """Nobody knows what became of the request."""
        order = self._said(order_id, "uncertain")
        if order is not None:
            order.is_unknown = True
        return order

    def rejected(self, order_id: str, code: str) -> Order | None:
        """The venue refused it."""
        order = self._said(order_id, "rejected")
        if order is not None:
            self.rejected_by_code[code] = self.rejected_by_code.get(code, 0) + 1
        return order

    def cancelled(self, order_id: str) -> Order | None:
        """It is off the book."""
        return self._said(order_id, "cancelled")

    def cancel_rejected(self, order_id: str) -> Order | None:
        """The cancel found nothing to do, which says nothing of an order of unknown fate."""
        order = self._said(order_id, "cancel_rejected")
        if order is not None and order.is_unknown:
            order.status = OrderStatus.UNKNOWN
        return order

    def filled(self, order_id: str, size_e6: int) -> Order | None:
        """Part or all of it traded. None when the order is unknown."""
        order = self._by_id.get(order_id)
        if order is None:
            self.unexpected += 1
            return None
        was_live = order.is_live
        before_e12 = order.reserved_e12
        order.filled_e6 += size_e6
        order.is_unknown = False
        if was_live:
            self.reserved_e12 += order.reserved_e12 - before_e12
            if order.leaves_e6 == 0:
                self._move(order, "filled")
        return order

    def reversed(self, order_id: str, size_e6: int) -> Order | None:
        """A fill of it failed to settle. None when the order is unknown."""
        order = self._by_id.get(order_id)
        if order is not None:
            order.reversed_e6 += size_e6
        return order

    def _said(self, order_id: str, what: str) -> Order | None:
        order = self._by_id.get(order_id)
        if order is None:
            self.unexpected += 1
            return None
        return order if self._move(order, what) else None

    def _move(self, order: Order, what: str) -> bool:
        status = TRANSITIONS.get((order.status, what))
        if status is None:
            self.unexpected += 1
            return False
        order.status = status
        if status not in LIVE:
            self.reserved_e12 -= order.reserved_e12
            self.live_count -= 1
            live = self._live[order.market_id]
            live.remove(order)
            if not live:
                del self._live[order.market_id]
        return True
