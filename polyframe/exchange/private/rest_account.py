"""What an account may read of itself: orders, trades, balances, heartbeats (venue.md 2.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from polyframe.exchange.payload import read_json
from polyframe.exchange.private.api_keys import Caller
from polyframe.exchange.private.intake import wallet_of
from polyframe.exchange.private.messages import rest_order, rest_trade
from polyframe.exchange.private.paging import page_of
from polyframe.exchange.private.requests import Doorman
from polyframe.exchange.rest_answers import answer, refusal
from polyframe.exchange.trading.accounts import CASH, base_units
from polyframe.exchange.trading.desk import OrderDesk
from polyframe.exchange.trading.settlement import Trade
from polyframe.polymarket.contracts import COLLATERAL, token_contract
from polyframe.polymarket.order_signing import Exchange

_S_NS = 10**9


class _Heartbeat(msgspec.Struct):
    heartbeat_id: str = ""


_heartbeat_decoder = msgspec.json.Decoder(_Heartbeat)


class AccountRoutes:
    """Reads over a desk, and the heartbeat.

    Args:
        desk: what keeps orders, trades and wallets.
        clock: market time, UTC ns.
        acted: called after the desk did something.
    """

    def __init__(
        self, desk: OrderDesk, clock: Callable[[], int], acted: Callable[[], None]
    ) -> None:
        self._desk = desk
        self._clock = clock
        self._acted = acted

    def routes(self, doorman: Doorman) -> list[web.RouteDef]:
        """Return the routes, each behind the L2 check."""
        return [
            web.get("/data/orders", doorman.private(self.orders)),
            web.get("/data/order/{id}", doorman.private(self.order)),
            web.get("/data/trades", doorman.private(self.trades)),
            web.post("/v1/heartbeats", doorman.private(self.heartbeat)),
            web.get("/balance-allowance", doorman.private(self.balance)),
            web.get("/balance-allowance/update", doorman.private(self.refresh)),
        ]

    async def orders(self, request: web.Request, caller: Caller, body: bytes) -> web.Response:
        """GET /data/orders: live ones; by ``id`` in any status."""
        query, registry = request.query, self._desk.registry
        wanted = query.get("id", "")
        if wanted:
            known = registry.orders.get(wanted)
            chosen = [known] if known is not None and _is_its(known.request.api_key, caller) else []
        else:
            ids = registry.open_ids(
                caller.api_key, query.get("market", ""), query.get("asset_id", "")
            )
            chosen = [registry.orders[order_id] for order_id in ids]
        return page_of([rest_order(order) for order in chosen], query.get("next_cursor", ""))

    async def order(self, request: web.Request, caller: Caller, body: bytes) -> web.Response:
        """GET /data/order/{id}: in any status."""
        order = self._desk.registry.orders.get(request.match_info["id"])
        if order is None or not _is_its(order.request.api_key, caller):
            return refusal("order not found", 404)
        return answer(rest_order(order))

    async def trades(self, request: web.Request, caller: Caller, body: bytes) -> web.Response:
        """GET /data/trades: newest first, as taker or as maker."""
        query = request.query
        try:
            after_s, before_s = int(query.get("after", "0")), int(query.get("before", str(2**62)))
        except ValueError:
            return refusal("Invalid trade params payload")
        known, wanted = self._desk.settlement.trades, query.get("id", "")
        of_id = [known[wanted]] if wanted in known else []
        chosen = [
            rest_trade(trade, caller.api_key)
            for trade in (of_id if wanted else reversed(known.values()))
            if trade.involves(caller.api_key)
            and after_s <= trade.matched_ns // _S_NS <= before_s
            and _matches(trade, query)
        ]
        return page_of(chosen, query.get("next_cursor", ""))

    async def heartbeat(self, request: web.Request, caller: Caller, body: bytes) -> web.Response:
        """POST /v1/heartbeats."""
        try:
            given = read_json(_heartbeat_decoder, body).heartbeat_id
        except msgspec.MsgspecError:
            return refusal("Invalid payload")
        beat = self._desk.heartbeat(caller.api_key, given, self._clock())
        self._acted()
        if beat.is_accepted:
            return answer({"heartbeat_id": beat.heartbeat_id})
        return answer({"error_msg": "Invalid Heartbeat ID", "heartbeat_id": beat.heartbeat_id}, 400)

    async def balance(self, request: web.Request, caller: Caller, body: bytes) -> web.Response:
        """GET /balance-allowance: base units of the wallet that goes with the signature type."""
        asset = self._asset(request)
        if asset is None:
            return refusal("Invalid asset type")
        address = self._address(request, caller)
        if address is None:
            return refusal("Invalid signature type")
        held = self._desk.custody.wallet(address).refresh(
            asset, self._clock(), self._desk.settlement.balance_lag_ns
        )
        kept_by = self._token(asset)
        allowances = {
            exchange.contract: str(
                self._desk.custody.allowances.amount(address, kept_by, exchange.contract)
            )
            for exchange in Exchange
        }
        return answer({"balance": str(base_units(asset, held.shown)), "allowances": allowances})

    async def refresh(self, request: web.Request, caller: Caller, body: bytes) -> web.Response:
        """GET /balance-allowance/update: lets the venue's cache look again."""
        asset, address = self._asset(request), self._address(request, caller)
        if asset is not None and address is not None:
            self._desk.custody.wallet(address).refresh(asset, self._clock(), 0)
        return answer("")

    def _address(self, request: web.Request, caller: Caller) -> str | None:
        """Return the wallet that goes with the signature type, None for a type that is none."""
        try:
            kind = int(request.query.get("signature_type", "0"))
            return wallet_of(caller.address, kind, tuple(self._desk.custody.wallets))
        except ValueError:
            return None

    def _token(self, asset: str) -> str:
        """Return the contract that keeps an asset."""
        terms = None if asset == CASH else self._desk.terms(asset)
        return COLLATERAL if terms is None else token_contract(terms.version)

    def _asset(self, request: web.Request) -> str | None:
        """Return the asset a balance is asked for, None when the question makes no sense."""
        kind, token_id = request.query.get("asset_type", ""), request.query.get("token_id", "")
        if kind == "COLLATERAL":
            return CASH
        if kind not in ("CONDITIONAL", "CONDITIONAL-V2"):
            return None
        return token_id if token_id and self._desk.terms(token_id) is not None else None


def _is_its(api_key: str, caller: Caller) -> bool:
    return api_key == caller.api_key


def _matches(trade: Trade, query: Any) -> bool:
    """Whether a trade passes the filters; an asset or address may be any party's."""
    market, asset = query.get("market", ""), query.get("asset_id", "")
    address = query.get("maker_address", "").lower()
    return (
        (not market or trade.market_id == market)
        and (not asset or any(leg.token_id == asset for leg in trade.legs))
        and (not address or any(leg.address.lower() == address for leg in trade.legs))
    )
