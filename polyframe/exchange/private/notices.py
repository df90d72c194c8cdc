"""An account's notifications: what it would find in the site's bell (venue.md 2.2)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aiohttp import web

from polyframe.exchange.private.api_keys import Caller
from polyframe.exchange.private.requests import Doorman
from polyframe.exchange.rest_answers import answer, refusal
from polyframe.exchange.trading.events import AccountEvent, EventKind
from polyframe.exchange.trading.orders import CANCELED, UNMATCHED, AccountOrder
from polyframe.exchange.trading.settlement import FAILED
from polyframe.exchange.wire import wire_price
from polyframe.money import size_text

_CANCELLED, _FILLED, _FILL_FAILED = 1, 2, 8
_MOST_KEPT = 200


class Notices:
    """The last notifications of every API key; what an account did itself is no news.

    Args:
        orders: every account's orders by id.
    """

    def __init__(self, orders: Mapping[str, AccountOrder]) -> None:
        self._orders = orders
        self._kept: dict[str, deque[dict[str, Any]]] = {}
        self._count = 0

    def routes(self, doorman: Doorman) -> list[web.RouteDef]:
        """Return the routes, each behind the L2 check."""
        return [
            web.get("/notifications", doorman.private(self.list)),
            web.delete("/notifications", doorman.private(self.drop)),
        ]

    def note(self, events: Iterable[AccountEvent]) -> None:
        """Keep what is news: fills, failed fills, and cancels that the venue made."""
        for event in events:
            for kind, api_key, payload in self._told(event):
                self._count += 1
                kept = self._kept.setdefault(api_key, deque(maxlen=_MOST_KEPT))
                kept.append(
                    {
                        "id": self._count,
                        "owner": api_key,
                        "type": kind,
                        "payload": payload,
                        "timestamp": event.ts_ns // 10**9,
                    }
                )

    def _told(self, event: AccountEvent) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """Each piece of news as its type, whose it is, and its payload: always about an order."""
        order, trade = event.order, event.trade
        if order is not None:
            key = order.request.api_key
            if event.kind is EventKind.CANCELLATION and order.status != CANCELED:
                yield _CANCELLED, key, _payload(order, order.matched_e6)
            elif event.kind is EventKind.UPDATE and order.status != UNMATCHED:
                yield _FILLED, key, _payload(order, order.matched_e6, order.trade_ids[-1])
        elif trade is not None and trade.status == FAILED:
            for leg in trade.legs:
                known = self._orders.get(leg.order_id)
                if known is not None:
                    void = _payload(known, leg.size_e6, trade.trade_id, trade.transaction_hash)
                    yield _FILL_FAILED, leg.owner, void

    async def list(self, request: web.Request, caller: Caller, body: bytes) -> web.Response:
        """GET /notifications: newest first."""
        return answer(list(reversed(self._kept.get(caller.api_key, ()))))

    async def drop(self, request: web.Request, caller: Caller, body: bytes) -> web.Response:
        """DELETE /notifications?ids=1,2."""
        try:
            ids = [int(one) for one in request.query.get("ids", "").split(",")]
        except ValueError:
            return refusal("Invalid payload")
        kept = self._kept.get(caller.api_key)
        if kept is not None:
            rest = [one for one in kept if one["id"] not in ids]
            self._kept[caller.api_key] = deque(rest, maxlen=_MOST_KEPT)
        return answer("OK")


def _payload(
    order: AccountOrder, matched_e6: int, trade_id: str = "", transaction_hash: str = ""
) -> dict[str, Any]:
    request = order.request
    return {
        "asset_id": request.token_id,
        "market": order.market_id,
        "order_id": order.order_id,
        "side": request.side.value,
        "type": request.order_type,
        "price": wire_price(request.price_e4),
        "original_size": size_text(request.size_e6),
        "matched_size": size_text(matched_e6),
        "remaining_size": size_text(max(0, request.size_e6 - matched_e6)),
        "outcome": order.outcome,
        "outcome_index": 0 if order.is_yes else 1,
        "trade_id": trade_id,
        "transaction_hash": transaction_hash,
    }
