"""Every order of accounts: which are open, what they reserve, whose side of a trade they are."""

from __future__ import annotations

import hashlib
from collections import deque

from polyframe.exchange.matching import NewOrder
from polyframe.exchange.publishing import public_order_id
from polyframe.exchange.source import MarketTerms
from polyframe.exchange.trading.custody import Custody
from polyframe.exchange.trading.orders import AccountOrder
from polyframe.exchange.trading.settlement import Leg
from polyframe.exchange.trading.venue_ids import venue_uuid

MOST_ENDED = 100_000
"""How many orders that have ended are still known by their id; the oldest are forgotten first."""


class OrderRegistry:
    """Orders by id, open ones apart; an open order's reservation is kept with it.

    ``taken`` counts every order, the forgotten ones too.
    """

    def __init__(self, custody: Custody) -> None:
        self.taken = 0
        self.orders: dict[str, AccountOrder] = {}
        self.open: dict[str, AccountOrder] = {}
        self._custody = custody
        self._ended: deque[str] = deque()

    def add(self, order: AccountOrder) -> None:
        """Take an order in and reserve what it may cost."""
        self.taken += 1
        self.orders[order.order_id] = order
        self.open[order.order_id] = order
        self.reserve(order, order.leaves_e6)

    def reserve(self, order: AccountOrder, size_e6: int) -> None:
        """Reserve what ``size_e6`` more shares of an order cost; a negative size frees it."""
        wallet = self._custody.wallet(order.request.wallet)
        wallet.holding(order.asset).reserved += order.cost(size_e6)

    def reserve_fee(self, order: AccountOrder, fee_e12: int) -> None:
        """Reserve a taker's fee while its order is delayed; 0 frees it."""
        wallet = self._custody.wallet(order.request.wallet)
        wallet.holding(order.asset).reserved += fee_e12 - order.reserved_fee_e12
        order.reserved_fee_e12 = fee_e12

    def close(self, order: AccountOrder, status: str) -> None:
        """End an order and free what is left of its reservation."""
        self.reserve(order, -order.leaves_e6)
        self.reserve_fee(order, 0)
        order.status = status
        self.open.pop(order.order_id, None)
        self._ended.append(order.order_id)
        if len(self._ended) > MOST_ENDED:
            self.orders.pop(self._ended.popleft(), None)

    def open_ids(self, api_key: str, market_id: str = "", token_id: str = "") -> list[str]:
        """Return the ids of an API key's open orders, of one market or token if one is named."""
        return [
            order.order_id
            for order in self.open.values()
            if order.request.api_key == api_key
            and (not market_id or order.market_id == market_id)
            and (not token_id or order.request.token_id == token_id)
        ]

    def leg(
        self, order: NewOrder, terms: MarketTerms, price_e4: int, size_e6: int, fee_e12: int
    ) -> Leg:
        """Return an order's side of a trade, its own price and fee, strangers' included."""
        index = 0 if order.is_yes else 1
        known = self.orders.get(order.order_id)
        if known is None:  # the crowd trades under names that only have to look right
            digest = hashlib.sha256(f"{terms.market_id}:{order.owner}".encode()).hexdigest()
            order_id = public_order_id(terms.market_id, order.order_id)
            owner, address, wallet = venue_uuid(digest), f"0x{digest[:40]}", None
        else:
            order_id, owner = order.order_id, known.request.api_key
            wallet = self._custody.wallet(known.request.wallet)
            address = wallet.address
        return Leg(
            order_id=order_id, owner=owner, address=address, token_id=terms.token_ids[index],
            outcome=terms.outcomes[index], outcome_index=index, side=order.side,
            price_e4=price_e4, size_e6=size_e6, fee_e12=fee_e12, wallet=wallet,
        )  # fmt: skip
