"""Placing and cancelling over REST, with the venue's bodies and texts (venue.md 2.5, 2.6, 2.9)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from polyframe.exchange.payload import read_json
from polyframe.exchange.private.api_keys import Caller
from polyframe.exchange.private.intake import BAD_PAYLOAD, Intake
from polyframe.exchange.private.limits import SignerLimits
from polyframe.exchange.private.messages import placement_body, refused_leg
from polyframe.exchange.private.requests import Doorman
from polyframe.exchange.rate_limits import Budget
from polyframe.exchange.rest_answers import answer, refusal
from polyframe.exchange.trading.admission import NO_BOOK
from polyframe.exchange.trading.desk import OrderDesk
from polyframe.exchange.trading.modes import Closed
from polyframe.exchange.trading.orders import Cancellation, Placement
from polyframe.polymarket.order_wire import OrderPost

MOST_ORDERS = 15
MOST_CANCELS = 1_000

_post_decoder = msgspec.json.Decoder(OrderPost)
_posts_decoder = msgspec.json.Decoder(list[OrderPost])
_ids_decoder = msgspec.json.Decoder(list[str])


class _CancelOne(msgspec.Struct, rename={"order_id": "orderID"}):
    order_id: str


class _CancelMarket(msgspec.Struct):
    market: str = ""
    asset_id: str = ""


_cancel_one_decoder = msgspec.json.Decoder(_CancelOne)
_cancel_market_decoder = msgspec.json.Decoder(_CancelMarket)


class OrderRoutes:
    """Order entry over a desk.

    Args:
        desk: what takes the orders.
        intake: what a posted order has to satisfy before.
        limits: the signers' token buckets.
        clock: market time, UTC ns.
        acted: called after the desk did something, to hand out what came of it.
        legs_fail_openly: whether a batch's refused leg says ``success: false``; the venue says
            true and leaves the order id empty (venue.md 0.2.7).
    """

    def __init__(
        self,
        desk: OrderDesk,
        intake: Intake,
        limits: SignerLimits,
        clock: Callable[[], int],
        acted: Callable[[], None],
        *,
        legs_fail_openly: bool = False,
    ) -> None:
        self._desk = desk
        self._intake = intake
        self._limits = limits
        self._clock = clock
        self._acted = acted
        self._legs_fail_openly = legs_fail_openly

    def routes(self, doorman: Doorman) -> list[web.RouteDef]:
        """Return the routes, each behind the L2 check."""
        return [
            web.post("/order", doorman.private(self.place)),
            web.post("/orders", doorman.private(self.place_batch)),
            web.delete("/order", doorman.private(self.cancel)),
            web.delete("/orders", doorman.private(self.cancel_batch)),
            web.delete("/cancel-all", doorman.private(self.cancel_all)),
            web.delete("/cancel-market-orders", doorman.private(self.cancel_market)),
        ]

    # --- placing -------------------------------------------------------------------

    async def place(self, request: web.Request, caller: Caller, body: bytes) -> web.Response:
        """POST /order."""
        try:
            post = read_json(_post_decoder, body)
        except msgspec.MsgspecError:
            return self._malformed(BAD_PAYLOAD, caller, "orders")
        spent = self._limits.spend(caller.address, "orders", 1, self._clock())
        if spent.refused is not None:
            return spent.refused
        placed = await self._place(post, caller)
        if placed.closed is not None:
            return _closed(placed.closed, spent.headers)
        if placed.error:
            return refusal(placed.error, placed.http_status, spent.headers)
        return answer(placement_body(placed), headers=spent.headers)

    async def place_batch(self, request: web.Request, caller: Caller, body: bytes) -> web.Response:
        """POST /orders: 200 with one answer a leg, in request order."""
        try:
            posts = read_json(_posts_decoder, body)
        except msgspec.MsgspecError:
            return self._malformed(BAD_PAYLOAD, caller, "orders")
        if not posts:
            return self._malformed(BAD_PAYLOAD, caller, "orders")
        if len(posts) > MOST_ORDERS:
            text = f"Too many orders in payload: {len(posts)}, max allowed: {MOST_ORDERS}"
            return self._malformed(text, caller, "orders")
        spent = self._limits.spend(caller.address, "orders", len(posts), self._clock())
        if spent.refused is not None:
            return spent.refused
        # Together: a leg that is held does not keep the others waiting.
        legs = await asyncio.gather(*(self._place(post, caller) for post in posts))
        whole = next((leg.closed for leg in legs if _closes_batch(leg.closed)), None)
        if whole is not None:
            return _closed(whole, spent.headers)
        return answer([self._leg(leg) for leg in legs], headers=spent.headers)

    async def _place(self, post: OrderPost, caller: Caller) -> Placement:
        closed = self._desk.modes.refuse_order(post_only=post.is_post_only, now_ns=self._clock())
        if closed is not None:  # a venue that takes no order does not look at it
            return Placement(error=closed.text, http_status=closed.http_status, closed=closed)
        token_id = post.order.token_id
        terms = self._desk.terms(token_id)
        if terms is None:
            return Placement(error=NO_BOOK, http_status=404)
        tick_e4 = self._desk.source.matching_book(terms.market_id).tick_e4
        asked = self._intake.request(post, caller, terms, tick_e4)
        if isinstance(asked, str):
            return Placement(error=asked)
        answered: asyncio.Future[Placement] = asyncio.get_running_loop().create_future()
        self._desk.place(asked, self._clock(), lambda placed: _tell(answered, placed))
        self._acted()
        return await answered

    def _malformed(self, text: str, caller: Caller, budget: Budget) -> web.Response:
        """Refuse what is no request: it costs nothing, and its answer tells the bucket too."""
        spent = self._limits.spend(caller.address, budget, 0, self._clock())
        return refusal(text, headers=spent.headers)

    def _leg(self, placed: Placement) -> dict[str, Any]:
        if placed.error:
            return refused_leg(placed.error, success=not self._legs_fail_openly)
        return placement_body(placed)

    # --- cancelling ----------------------------------------------------------------

    async def cancel(self, request: web.Request, caller: Caller, body: bytes) -> web.Response:
        """DELETE /order."""
        try:
            order_id = read_json(_cancel_one_decoder, body).order_id
        except msgspec.MsgspecError:
            return self._malformed("Invalid orderID", caller, "cancels")
        return self._cancel_ids(caller, [order_id])

    async def cancel_batch(self, request: web.Request, caller: Caller, body: bytes) -> web.Response:
        """DELETE /orders."""
        try:
            order_ids = read_json(_ids_decoder, body)
        except msgspec.MsgspecError:
            return self._malformed("Invalid orderID", caller, "cancels")
        if len(order_ids) > MOST_CANCELS:
            return self._malformed(
                f"Too many orders in payload, max allowed: {MOST_CANCELS}", caller, "cancels"
            )
        return self._cancel_ids(caller, order_ids)

    async def cancel_all(self, request: web.Request, caller: Caller, body: bytes) -> web.Response:
        """DELETE /cancel-all: every open order of the API key."""
        return self._cancel_many(caller)

    async def cancel_market(
        self, request: web.Request, caller: Caller, body: bytes
    ) -> web.Response:
        """DELETE /cancel-market-orders: those of one market or token."""
        try:
            asked = read_json(_cancel_market_decoder, body)
        except msgspec.MsgspecError:
            return self._malformed("Invalid payload", caller, "cancels")
        if not asked.market and not asked.asset_id:
            return self._malformed("Invalid payload", caller, "cancels")
        return self._cancel_many(caller, asked.market, asked.asset_id)

    def _cancel_ids(self, caller: Caller, order_ids: list[str]) -> web.Response:
        now_ns = self._clock()
        spent = self._limits.spend(caller.address, "cancels", len(order_ids), now_ns)
        if spent.refused is not None:
            return spent.refused
        done = self._desk.cancel(caller.api_key, order_ids, now_ns)
        return self._cancelled(done, spent.headers)

    def _cancel_many(self, caller: Caller, market_id: str = "", token_id: str = "") -> web.Response:
        now_ns = self._clock()
        spent = self._limits.spend(caller.address, "cancels", 1, now_ns)
        if spent.refused is not None:
            return spent.refused
        done = self._desk.cancel_all(caller.api_key, now_ns, market_id=market_id, token_id=token_id)
        headers = self._limits.owe_cancels(caller.address, len(done.canceled), now_ns)
        return self._cancelled(done, headers)

    def _cancelled(self, done: Cancellation, headers: dict[str, str]) -> web.Response:
        self._acted()
        if done.closed is not None:
            return _closed(done.closed, headers)
        body = {"canceled": list(done.canceled), "not_canceled": done.not_canceled}
        return answer(body, headers=headers)


def _tell(answered: asyncio.Future[Placement], placed: Placement) -> None:
    if not answered.done():  # the client may be gone
        answered.set_result(placed)


def _closes_batch(closed: Closed | None) -> bool:
    """Whether no leg was looked at: post-only mode refuses leg by leg, the others all at once."""
    return closed is not None and not closed.code


def _closed(closed: Closed, headers: dict[str, str]) -> web.Response:
    """Return a mode's refusal (venue.md 2.9)."""
    body: dict[str, Any] = {"error": closed.text}
    if closed.code:
        body["code"] = closed.code
    headers = dict(headers)
    if closed.retry_after_s is not None:
        headers["Retry-After"] = str(closed.retry_after_s)
        if closed.code:
            body["retry_after_seconds"] = closed.retry_after_s
    return answer(body, closed.http_status, headers)
