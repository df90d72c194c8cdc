"""The CLOB's public REST of markets: short, long and simplified, page by page."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from polyframe.exchange.public.gamma_objects import market_token_ids
from polyframe.exchange.public.market_shapes import (
    is_sampled,
    long_market,
    short_market,
    simplified_market,
)
from polyframe.exchange.public.rest_gamma import GammaFacade
from polyframe.exchange.rest_answers import answer, refusal
from polyframe.exchange.source import GammaMarket, Source

_NO_MARKET = "market not found"
_PAGE = 500
_END = "LTE="


class ClobMarkets:
    """The handlers.

    Two paths mean something else on Gamma's host: ``/markets`` with any query of Gamma's goes
    to ``gamma``, and so does ``/markets/{id}`` of an id that is no condition id.

    Args:
        source: whose markets.
        gamma: Gamma's façade on the same port.
    """

    def __init__(self, source: Source, gamma: GammaFacade) -> None:
        self._source = source
        self._gamma = gamma

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/markets-by-token/{token_id}", self.by_token),
            web.get("/clob-markets/{condition_id}", self.short),
            web.get("/markets", self.markets),
            web.get("/markets/{id}", self.market),
            web.get("/simplified-markets", self._listing(simplified_market, lambda _: True)),
            web.get("/sampling-markets", self._listing(self._long, is_sampled)),
            web.get("/sampling-simplified-markets", self._listing(simplified_market, is_sampled)),
        ]

    async def by_token(self, request: web.Request) -> web.Response:
        """Return the market of a token."""
        token_id = request.match_info["token_id"]
        market = self._source.market_of_token(token_id)
        if market is None:
            return refusal(_NO_MARKET, 404)
        token_ids = market_token_ids(market)
        return answer(
            {
                "condition_id": market.get("conditionId", ""),
                "primary_token_id": token_ids[0],
                "secondary_token_id": token_ids[-1],
            }
        )

    async def short(self, request: web.Request) -> web.Response:
        """Return one market with short keys."""
        market = self._source.market(request.match_info["condition_id"])
        return (
            refusal(_NO_MARKET, 404)
            if market is None
            else answer(short_market(market, self._source))
        )

    async def market(self, request: web.Request) -> web.Response:
        """Return one market with long keys, or Gamma's for an id of Gamma's."""
        wanted = request.match_info["id"]
        if not wanted.startswith("0x"):
            return await self._gamma.answering(self._gamma.market, request)
        market = self._source.market(wanted)
        return refusal(_NO_MARKET, 404) if market is None else answer(self._long(market))

    async def markets(self, request: web.Request) -> web.Response:
        """Return a page of long-key markets, or Gamma's list for a query of Gamma's."""
        if any(name != "next_cursor" for name in request.query):
            return await self._gamma.answering(self._gamma.markets, request)
        return self._page(request, self._source.markets(), self._long)

    def _long(self, market: GammaMarket) -> dict[str, Any]:
        return long_market(market, self._source)

    def _listing(
        self, shape: Callable[[GammaMarket], dict[str, Any]], keeps: Callable[[GammaMarket], bool]
    ) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.Response:
            kept = [market for market in self._source.markets() if keeps(market)]
            return self._page(request, kept, shape)

        return handle

    def _page(
        self,
        request: web.Request,
        markets: Sequence[GammaMarket],
        shape: Callable[[GammaMarket], dict[str, Any]],
    ) -> web.Response:
        start = _offset(request.query.get("next_cursor", ""))
        if start is None:
            return refusal("Invalid next_cursor")
        page = markets[start : start + _PAGE]
        following = start + len(page)
        return answer(
            {
                "limit": _PAGE,
                "count": len(page),
                "next_cursor": _cursor(following) if following < len(markets) else _END,
                "data": [shape(market) for market in page],
            }
        )


def _cursor(offset: int) -> str:
    return base64.b64encode(str(offset).encode()).decode()


def _offset(cursor: str) -> int | None:
    """Return where a page starts, None for a cursor nobody gave out; past the end is empty."""
    if cursor in ("", "MA=="):
        return 0
    if cursor == _END:
        return 2**31
    try:
        return max(0, int(base64.b64decode(cursor, validate=True)))
    except (binascii.Error, ValueError):
        return None
