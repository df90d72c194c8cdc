"""The CLOB's public REST: books and what follows from them, in the venue's exact types."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from polyframe.exchange.recording import market_token_ids
from polyframe.exchange.rest_answers import answer, refusal
from polyframe.exchange.source import BookMessage, GammaMarket, Source
from polyframe.exchange.wire import wire_price
from polyframe.money import parse_price_e4, price_text

_MOST_TOKENS = 500
_NO_BOOK = "No orderbook exists for the requested token id"
_NO_MARKET = "market not found"


class _TokenRequest(msgspec.Struct):
    token_id: str


_tokens_decoder = msgspec.json.Decoder(list[_TokenRequest])


def clob_routes(source: Source, clock: Callable[[], int]) -> list[web.RouteDef]:
    """Return the public CLOB routes over a source and its clock (UTC ns)."""
    clob = _Clob(source, clock)
    return [
        web.get("/ok", clob.ok),
        web.get("/time", clob.time),
        web.get("/version", clob.version),
        web.get("/book", clob.book),
        web.post("/books", clob.books),
        web.get("/midpoint", clob.midpoint),
        web.post("/midpoints", clob.midpoints),
        web.get("/spread", clob.spread),
        web.post("/spreads", clob.spreads),
        web.get("/last-trade-price", clob.last_trade_price),
        web.get("/tick-size", clob.tick_size),
        web.get("/neg-risk", clob.neg_risk),
        web.get("/markets-by-token/{token_id}", clob.market_by_token),
        web.get("/clob-markets/{condition_id}", clob.clob_market),
    ]


class _Clob:
    """The handlers."""

    def __init__(self, source: Source, clock: Callable[[], int]) -> None:
        self._source = source
        self._clock = clock

    async def ok(self, request: web.Request) -> web.Response:
        return answer("OK")

    async def time(self, request: web.Request) -> web.Response:
        return answer(self._clock() // 10**9)

    async def version(self, request: web.Request) -> web.Response:
        return answer({"version": 2})

    async def book(self, request: web.Request) -> web.Response:
        return self._of_token(request, lambda book: book)

    async def midpoint(self, request: web.Request) -> web.Response:
        return self._of_token(request, lambda book: _named("mid", _midpoint(book)))

    async def spread(self, request: web.Request) -> web.Response:
        return self._of_token(request, lambda book: _named("spread", _spread(book)))

    async def tick_size(self, request: web.Request) -> web.Response:
        return self._of_token(
            request, lambda book: {"minimum_tick_size": float(book["tick_size"] or 0.01)}
        )

    async def neg_risk(self, request: web.Request) -> web.Response:
        return self._of_token(request, lambda book: {"neg_risk": book["neg_risk"]})

    async def last_trade_price(self, request: web.Request) -> web.Response:
        token_id = request.query.get("token_id", "")
        trade = self._source.last_trade(token_id)
        if not token_id or trade is None:
            return refusal(_NO_BOOK, 404) if token_id else refusal("Invalid token id")
        return answer({"price": trade[0] or "0.5", "side": trade[1]})

    async def books(self, request: web.Request) -> web.Response:
        return await self._of_tokens(request, lambda books: list(books.values()))

    async def midpoints(self, request: web.Request) -> web.Response:
        return await self._of_tokens(request, lambda books: _map(books, _midpoint))

    async def spreads(self, request: web.Request) -> web.Response:
        return await self._of_tokens(request, lambda books: _map(books, _spread))

    async def market_by_token(self, request: web.Request) -> web.Response:
        token_id = request.match_info["token_id"]
        for market in self._source.markets():
            token_ids = market_token_ids(market)
            if token_id in token_ids:
                return answer(
                    {
                        "condition_id": market.get("conditionId", ""),
                        "primary_token_id": token_ids[0],
                        "secondary_token_id": token_ids[-1],
                    }
                )
        return refusal(_NO_MARKET, 404)

    async def clob_market(self, request: web.Request) -> web.Response:
        condition_id = request.match_info["condition_id"]
        for market in self._source.markets():
            if market.get("conditionId") == condition_id:
                return answer(_short_market(market, self._source))
        return refusal(_NO_MARKET, 404)

    def _of_token(self, request: web.Request, part: Callable[[BookMessage], Any]) -> web.Response:
        token_id = request.query.get("token_id", "")
        if not token_id:
            return refusal("Invalid token id")
        book = self._source.book(token_id)
        body = None if book is None else part(book)
        return refusal(_NO_BOOK, 404) if body is None else answer(body)

    async def _of_tokens(
        self, request: web.Request, part: Callable[[dict[str, BookMessage]], Any]
    ) -> web.Response:
        try:
            asked = _tokens_decoder.decode(await request.read())
        except msgspec.DecodeError:
            return refusal("Invalid payload")
        if len(asked) > _MOST_TOKENS:
            return refusal("Payload exceeds the limit")
        books = {}
        for one in asked:
            book = self._source.book(one.token_id)
            if book is not None:
                books[one.token_id] = book
        return answer(part(books))


def _named(name: str, value: str | None) -> dict[str, str] | None:
    return None if value is None else {name: value}


def _map(
    books: dict[str, BookMessage], part: Callable[[BookMessage], str | None]
) -> dict[str, str]:
    values = ((token_id, part(book)) for token_id, book in books.items())
    return {token_id: value for token_id, value in values if value is not None}


def _touch_e4(book: BookMessage) -> tuple[int, int] | None:
    """Return best bid and ask, both last in their arrays; None for a one-sided book."""
    if not book["bids"] or not book["asks"]:
        return None
    return parse_price_e4(book["bids"][-1]["price"]), parse_price_e4(book["asks"][-1]["price"])


def _midpoint(book: BookMessage) -> str | None:
    touch = _touch_e4(book)
    if touch is None:
        return None
    total = sum(touch)
    # Half a grid step needs a fifth decimal.
    return wire_price(total // 2) if total % 2 == 0 else f"{total / 20_000:.5f}"


def _spread(book: BookMessage) -> str | None:
    touch = _touch_e4(book)
    if touch is None:
        return None
    spread_e4 = touch[1] - touch[0]
    return wire_price(spread_e4) if spread_e4 >= 0 else f"-{price_text(-spread_e4)}"


def _short_market(market: GammaMarket, source: Source) -> dict[str, Any]:
    """Return the short-key market info: booleans left out when false (venue.md 2.4)."""
    token_ids = market_token_ids(market)
    outcomes = json.loads(market.get("outcomes") or "[]")
    book = source.book(token_ids[0]) if token_ids else None
    tick = float((book or {}).get("tick_size") or market.get("orderPriceMinTickSize") or 0.01)
    info: dict[str, Any] = {
        "c": market.get("conditionId", ""),
        "t": [
            {"t": token_id, "o": outcome}
            for token_id, outcome in zip(token_ids, outcomes, strict=False)
        ],
        "mts": tick,
        "mos": market.get("orderMinSize", 5),
        "mbf": 0,
        "tbf": 0,
        "sd": market.get("secondsDelay", 0),
        "gst": market.get("gameStartTime"),
        "aot": market.get("acceptingOrdersTimestamp"),
        "r": {"mi": market.get("rewardsMinSize", 0), "ma": market.get("rewardsMaxSpread", 0)},
    }
    fees = market.get("feeSchedule")
    if fees:
        info["fd"] = {
            "r": fees.get("rate", 0),
            "e": fees.get("exponent", 1),
            "to": fees.get("takerOnly", True),
        }
    flags = {
        "nr": market.get("negRisk"),
        "ao": market.get("acceptingOrders"),
        "cbos": market.get("enableOrderBook"),
    }
    return info | {key: True for key, value in flags.items() if value}
