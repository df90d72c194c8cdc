"""An account's notifications: what it would find in the site's bell (venue.md 2.2)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from polyframe.exchange.private.api_keys import Caller
from polyframe.exchange.private.messages import rest_order, rest_trade
from polyframe.exchange.private.requests import Doorman
from polyframe.exchange.rest_answers import answer, refusal
from polyframe.exchange.trading.events import AccountEvent, EventKind
from polyframe.exchange.trading.orders import CANCELED
from polyframe.exchange.trading.settlement import FAILED, MATCHED

_CANCELLED, _FILLED, _FILL_FAILED = 1, 2, 8
_MOST_KEPT = 200


class Notices:
    """The last notifications of every API key; what an account did itself is no news."""

    def __init__(self) -> None:
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
            for api_key in event.api_keys:
                told = _notice(event, api_key)
                if told is not None:
                    self._count += 1
                    kept = self._kept.setdefault(api_key, deque(maxlen=_MOST_KEPT))
                    kept.append(
                        {
                            "id": self._count,
                            "owner": api_key,
                            "type": told[0],
                            "payload": told[1],
                            "timestamp": event.ts_ns // 10**9,
                        }
                    )

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


def _notice(event: AccountEvent, api_key: str) -> tuple[int, dict[str, Any]] | None:
    if event.trade is not None:
        kind = {MATCHED: _FILLED, FAILED: _FILL_FAILED}.get(event.trade.status)
        return None if kind is None else (kind, rest_trade(event.trade, api_key))
    order = event.order
    if event.kind is EventKind.CANCELLATION and order is not None and order.status != CANCELED:
        return _CANCELLED, rest_order(order)
    return None
