"""Gamma's read-only façade: keyset paging over markets and events, with the filters in use."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web

from polyframe.exchange.recording import market_token_ids
from polyframe.exchange.rest_answers import answer, refusal
from polyframe.exchange.source import GammaMarket, Source

_MOST_A_PAGE = 100
_DEFAULT_PAGE = 20

SortKey = tuple[int, float, str, str]

_NUMBER_FILTERS = {"liquidity_num": "liquidityNum", "volume_num": "volumeNum"}
_DATE_FILTERS = {"start_date": "startDate", "end_date": "endDate"}


def gamma_routes(source: Source) -> list[web.RouteDef]:
    """Return the Gamma routes over a source."""
    gamma = _Gamma(source)
    return [
        web.get("/markets/keyset", gamma.markets),
        web.get("/events/keyset", gamma.events),
        web.get("/markets/{id}", gamma.market),
        web.get("/events/{id}", gamma.event),
    ]


class _BadRequest(Exception):
    """A query Gamma refuses, with its text."""


class _Gamma:
    """The handlers."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def markets(self, request: web.Request) -> web.Response:
        try:
            chosen = [one for one in self._source.markets() if _matches(one, request.query)]
            page, cursor = _page(chosen, request.query)
        except _BadRequest as refused:
            return refusal(str(refused), 422)
        with_tags = request.query.get("include_tag") == "true"
        return _keyset("markets", [_market(one, with_tags=with_tags) for one in page], cursor)

    async def events(self, request: web.Request) -> web.Response:
        try:
            chosen = [one for one in self._source.markets() if _matches(one, request.query)]
            page, cursor = _page(_market_events(chosen), request.query)
        except _BadRequest as refused:
            return refusal(str(refused), 422)
        return _keyset("events", page, cursor)

    async def market(self, request: web.Request) -> web.Response:
        wanted = request.match_info["id"]
        for market in self._source.markets():
            if str(market.get("id", "")) == wanted:
                with_tags = request.query.get("include_tag") == "true"
                return answer(_market(market, with_tags=with_tags))
        return refusal("id not found", 404)

    async def event(self, request: web.Request) -> web.Response:
        wanted = request.match_info["id"]
        for market_event in _market_events(self._source.markets()):
            if str(market_event.get("id", "")) == wanted:
                return answer(market_event)
        return refusal("id not found", 404)


def _keyset(name: str, page: list[Any], cursor: str) -> web.Response:
    """Return a page; the last one has no ``next_cursor``."""
    return answer({name: page, "next_cursor": cursor} if cursor else {name: page})


def _market(market: GammaMarket, *, with_tags: bool) -> dict[str, Any]:
    return {key: value for key, value in market.items() if with_tags or key != "tags"}


def _market_events(markets: Iterable[GammaMarket]) -> list[dict[str, Any]]:
    """Return the events of some markets, each with its markets inside."""
    events: dict[str, dict[str, Any]] = {}
    for market in markets:
        for market_event in market.get("events") or ():
            known = events.setdefault(
                str(market_event.get("id", "")),
                {"active": True, "closed": False, **market_event, "markets": []},
            )
            known["markets"].append(
                {key: value for key, value in market.items() if key not in ("events", "tags")}
            )
    for known in events.values():
        for name in ("liquidity", "volume"):
            known[name] = sum(one.get(f"{name}Num") or 0.0 for one in known["markets"])
        known["volume24hr"] = sum(one.get("volume24hr") or 0.0 for one in known["markets"])
        known["closed"] = all(one.get("closed") for one in known["markets"])
    return list(events.values())


def _matches(market: GammaMarket, query: Any) -> bool:
    """Whether a market passes the query's filters; repeated keys are alternatives."""
    if "closed" in query and bool(market.get("closed")) != (query["closed"] == "true"):
        return False
    for name, field in (("condition_ids", "conditionId"), ("id", "id"), ("slug", "slug")):
        wanted = query.getall(name, None)
        if wanted and str(market.get(field, "")) not in wanted:
            return False
    wanted = query.getall("clob_token_ids", None)
    if wanted and not any(token_id in wanted for token_id in market_token_ids(market)):
        return False
    wanted = query.getall("tag_id", None)
    if wanted and not any(str(tag.get("id")) in wanted for tag in market.get("tags") or ()):
        return False
    return all(
        _within(market.get(field), query, name, _number) for name, field in _NUMBER_FILTERS.items()
    ) and all(_within(market.get(field), query, name, str) for name, field in _DATE_FILTERS.items())


def _within(value: Any, query: Any, name: str, parse: Callable[[str], Any]) -> bool:
    """Whether a value is inside ``<name>_min`` .. ``<name>_max``; ISO dates compare as text."""
    least, most = query.get(f"{name}_min"), query.get(f"{name}_max")
    if least is None and most is None:
        return True
    if value is None:
        return False
    return not (
        (least is not None and value < parse(least)) or (most is not None and value > parse(most))
    )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _BadRequest(f"invalid number {text[:40]!r}") from None


def _page(items: list[Any], query: Any) -> tuple[list[Any], str]:
    """Return one page in the asked order, and the cursor of the next, empty on the last.

    The cursor holds the last item's sort key, so that values moving between two
    requests neither repeat nor hide the rest.
    """
    if "offset" in query:
        raise _BadRequest("offset is not supported, use after_cursor")
    try:
        limit = min(max(int(query.get("limit", _DEFAULT_PAGE)), 1), _MOST_A_PAGE)
    except ValueError:
        raise _BadRequest("invalid limit") from None
    field = query.get("order", "id")
    descending = query.get("ascending", "true") == "false"
    ordered = sorted(items, key=lambda one: _sort_key(one, field), reverse=descending)
    after = _read_cursor(query.get("after_cursor", ""))
    if after is not None:
        ordered = [
            one
            for one in ordered
            if (_sort_key(one, field) < after if descending else _sort_key(one, field) > after)
        ]
    page = ordered[:limit]
    if len(ordered) <= limit:
        return page, ""
    text = json.dumps(_sort_key(page[-1], field))
    return page, base64.urlsafe_b64encode(text.encode()).decode()


def _sort_key(item: Any, field: str) -> SortKey:
    """Return what orders an item: numbers, then texts, ties by id; absent values come first."""
    value = item.get(field)
    item_id = str(item.get("id", ""))
    if field == "id":
        return (0, float(item_id) if item_id.isdecimal() else 0.0, "", item_id)
    if isinstance(value, (int, float)):
        return (1, float(value), "", item_id)
    return (2, 0.0, value, item_id) if isinstance(value, str) else (0, 0.0, "", item_id)


def _read_cursor(cursor: str) -> SortKey | None:
    if not cursor:
        return None
    try:
        kind, number, text, item_id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        return (int(kind), float(number), str(text), str(item_id))
    except (binascii.Error, ValueError, TypeError, UnicodeError):
        raise _BadRequest("invalid after_cursor") from None
