"""Gamma's read-only façade: markets, events and tags, by keyset or by offset, with a lag."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from aiohttp import web

from polyframe.exchange.public.gamma_query import (
    BadQuery,
    chosen,
    chosen_events,
    events_of,
    is_true,
    keyset_page,
    offset_page,
    tags_of,
)
from polyframe.exchange.public.lag import Lagged
from polyframe.exchange.rest_answers import answer, refusal
from polyframe.exchange.source import GammaMarket, Source

_NOT_FOUND = "id not found"
Handler = Callable[[web.Request], Awaitable[web.Response]]


class GammaFacade:
    """Serves Gamma's view of a source's markets.

    Args:
        source: whose markets.
        clock: market time, UTC ns.
    """

    def __init__(self, source: Source, clock: Callable[[], int]) -> None:
        self._markets: Lagged[Sequence[GammaMarket]] = Lagged(source.markets, clock)
        self.set_lag = self._markets.set_lag
        self.note = self._markets.note

    def routes(self, prefix: str = "") -> list[web.RouteDef]:
        """Return the routes that are Gamma's alone, below a prefix."""
        found: list[tuple[str, Handler]] = [
            ("/markets/keyset", self.keyset_markets),
            ("/markets/slug/{slug}", self.market_by_slug),
            ("/markets/{id}/tags", self.market_tags),
            ("/events/keyset", self.keyset_events),
            ("/events/slug/{slug}", self.event_by_slug),
            ("/events/{id}", self.event),
            ("/events", self.events),
            ("/tags/slug/{slug}", self.tag_by_slug),
            ("/tags", self.tags),
        ]
        if prefix:  # without one, the CLOB has a say in these (see server)
            found += [("/markets/{id}", self.market), ("/markets", self.markets)]
        return [web.get(prefix + path, partial(self.answering, handler)) for path, handler in found]

    async def answering(self, handler: Handler, request: web.Request) -> web.Response:
        """Answer by a handler; a query it cannot use gets Gamma's 422."""
        try:
            return await handler(request)
        except BadQuery as refused:
            return refusal(str(refused), 422)

    # --- lists ---------------------------------------------------------------------

    async def keyset_markets(self, request: web.Request) -> web.Response:
        """Return a page of markets and the cursor of the next."""
        page, cursor = keyset_page(chosen(self._markets(), request.query), request.query)
        return _keyset("markets", _shown(page, request), cursor)

    async def keyset_events(self, request: web.Request) -> web.Response:
        """Return a page of events and the cursor of the next."""
        page, cursor = keyset_page(chosen_events(self._markets(), request.query), request.query)
        return _keyset("events", page, cursor)

    async def markets(self, request: web.Request) -> web.Response:
        """Return markets by offset; closed ones only on request."""
        found = chosen(self._markets(), request.query, closed_by_default=False)
        return answer(_shown(offset_page(found, request.query), request))

    async def events(self, request: web.Request) -> web.Response:
        """Return events by offset; closed ones only on request."""
        found = chosen_events(self._markets(), request.query, closed_by_default=False)
        return answer(offset_page(found, request.query))

    async def tags(self, request: web.Request) -> web.Response:
        """Return every tag."""
        return answer(offset_page(tags_of(self._markets()), request.query))

    # --- single objects ------------------------------------------------------------

    async def market(self, request: web.Request) -> web.Response:
        """Return one market by id."""
        return self._one_market(request, "id")

    async def market_by_slug(self, request: web.Request) -> web.Response:
        """Return one market by slug."""
        return self._one_market(request, "slug")

    async def market_tags(self, request: web.Request) -> web.Response:
        """Return one market's tags."""
        market = self._find(self._markets(), "id", request)
        return refusal(_NOT_FOUND, 404) if market is None else answer(market.get("tags") or [])

    async def event(self, request: web.Request) -> web.Response:
        """Return one event by id."""
        return self._one_of(events_of(self._markets()), "id", request)

    async def event_by_slug(self, request: web.Request) -> web.Response:
        """Return one event by slug."""
        return self._one_of(events_of(self._markets()), "slug", request)

    async def tag_by_slug(self, request: web.Request) -> web.Response:
        """Return one tag by slug."""
        return self._one_of(tags_of(self._markets()), "slug", request)

    def _one_market(self, request: web.Request, field: str) -> web.Response:
        market = self._find(self._markets(), field, request)
        return refusal(_NOT_FOUND, 404) if market is None else answer(_shown([market], request)[0])

    def _one_of(self, found: Sequence[Any], field: str, request: web.Request) -> web.Response:
        one = self._find(found, field, request)
        return refusal(_NOT_FOUND, 404) if one is None else answer(one)

    def _find(self, found: Sequence[Any], field: str, request: web.Request) -> Any:
        wanted = request.match_info[field]
        return next((one for one in found if str(one.get(field, "")) == wanted), None)


def _keyset(name: str, page: list[Any], cursor: str) -> web.Response:
    """Return a page; the last one has no ``next_cursor``."""
    return answer({name: page, "next_cursor": cursor} if cursor else {name: page})


def _shown(markets: Sequence[GammaMarket], request: web.Request) -> list[dict[str, Any]]:
    with_tags = is_true(request.query, "include_tag") is True
    return [
        {key: value for key, value in market.items() if with_tags or key != "tags"}
        for market in markets
    ]
