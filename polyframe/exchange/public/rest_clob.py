"""The CLOB's public REST of tokens: books and what follows from them, in the venue's types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from polyframe.exchange.payload import read_json
from polyframe.exchange.rest_answers import answer, refusal
from polyframe.exchange.source import BookMessage, Source
from polyframe.exchange.wire import wire_price
from polyframe.money import parse_price_e4, price_text

_MOST_TOKENS = 500
_SIDES = ("BUY", "SELL")
_NO_BOOK = "No orderbook exists for the requested token id"


class _TokenRequest(msgspec.Struct):
    token_id: str
    side: str = ""


_tokens_decoder = msgspec.json.Decoder(list[_TokenRequest])


def clob_routes(source: Source, clock: Callable[[], int]) -> list[web.RouteDef]:
    """Return the public CLOB routes over a source and its clock (UTC ns)."""
    clob = _Clob(source, clock)
    return [
        web.get("/ok", clob.ok),
        web.get("/time", clob.time),
        web.get("/version", clob.version),
        web.get("/api/geoblock", clob.geoblock),
        web.get("/book", clob.book),
        web.post("/books", clob.books),
        web.get("/midpoint", clob.midpoint),
        web.post("/midpoints", clob.midpoints),
        web.get("/spread", clob.spread),
        web.post("/spreads", clob.spreads),
        web.get("/price", clob.price),
        web.post("/prices", clob.prices),
        web.get("/last-trade-price", clob.last_trade_price),
        web.post("/last-trades-prices", clob.last_trades_prices),
        web.get("/tick-size", clob.tick_size),
        web.get("/neg-risk", clob.neg_risk),
        web.get("/fee-rate", clob.fee_rate),
        web.get("/prices-history", clob.prices_history),
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

    async def geoblock(self, request: web.Request) -> web.Response:
        """The website's: may this address trade? (venue.md 2.1). Here everybody may."""
        return answer({"blocked": False, "ip": "127.0.0.1", "country": "IE", "region": "L"})

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

    async def price(self, request: web.Request) -> web.Response:
        side = request.query.get("side", "")
        if side.upper() not in _SIDES:
            return refusal("Invalid side")
        return self._of_token(request, lambda book: _named("price", _price(book, side)))

    async def prices(self, request: web.Request) -> web.Response:
        asked = await self._asked(request)
        if isinstance(asked, web.Response):
            return asked
        found: dict[str, dict[str, str]] = {}
        for one in asked:
            book = self._source.book(one.token_id)
            if one.side.upper() not in _SIDES:
                return refusal("Invalid side")
            price = None if book is None else _price(book, one.side)
            if price is not None:
                # The docs show numbers here; the venue's client 0.14.0 reads nothing but strings.
                found.setdefault(one.token_id, {})[one.side.upper()] = price
        return answer(found)

    async def last_trades_prices(self, request: web.Request) -> web.Response:
        asked = await self._asked(request)
        if isinstance(asked, web.Response):
            return asked
        trades = ((one.token_id, self._source.last_trade(one.token_id)) for one in asked)
        return answer(
            [
                {"price": trade[0], "side": trade[1], "token_id": token_id}
                for token_id, trade in trades
                if trade is not None and trade[0]
            ]
        )

    async def fee_rate(self, request: web.Request) -> web.Response:
        # Legacy: V2 fees are in the market's schedule, and this number is nobody's fee.
        return self._of_token(request, lambda book: {"base_fee": "0"})

    async def prices_history(self, request: web.Request) -> web.Response:
        return refusal("prices-history is not served here: use /v2/prices-history", 404)

    async def books(self, request: web.Request) -> web.Response:
        return await self._of_tokens(request, lambda books: list(books.values()))

    async def midpoints(self, request: web.Request) -> web.Response:
        return await self._of_tokens(request, lambda books: _map(books, _midpoint))

    async def spreads(self, request: web.Request) -> web.Response:
        return await self._of_tokens(request, lambda books: _map(books, _spread))

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
        asked = await self._asked(request)
        if isinstance(asked, web.Response):
            return asked
        books = {}
        for one in asked:
            book = self._source.book(one.token_id)
            if book is not None:
                books[one.token_id] = book
        return answer(part(books))

    async def _asked(self, request: web.Request) -> list[_TokenRequest] | web.Response:
        """Return the tokens of a body, or the refusal."""
        try:
            asked = read_json(_tokens_decoder, await request.read())
        except msgspec.DecodeError:
            return refusal("Invalid payload")
        return refusal("Payload exceeds the limit") if len(asked) > _MOST_TOKENS else asked


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


def _price(book: BookMessage, side: str) -> str | None:
    """Return the best bid for BUY and the best ask for SELL.

    The page's text says the opposite of its own samples (venue.md 2.2); the samples are followed.
    """
    levels = book["bids" if side.upper() == "BUY" else "asks"]
    return levels[-1]["price"] if levels else None


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
