"""Gamma's filters, orders and pages over market objects (venue.md 2.12); pure."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from multidict import MultiMapping

from polyframe.exchange.public.gamma_objects import market_token_ids
from polyframe.exchange.source import GammaMarket

MOST_A_PAGE = 100
_DEFAULT_PAGE = 20

Query = MultiMapping[str]
"""A request's query: repeated keys are alternatives."""

SortKey = tuple[int, float, str, str]

_NUMBERS = {"liquidity_num": "liquidityNum", "volume_num": "volumeNum"}
_DATES = {"start_date": "startDate", "end_date": "endDate"}
_OWN_NAMES = {"id": "id", "slug": "slug"}
_LISTS = {
    "condition_ids": "conditionId",
    "question_ids": "questionID",
    "game_id": "gameId",
    "sports_market_types": "sportsMarketType",
}
_TEXTS = {"uma_resolution_status": "umaResolutionStatus", "resolution_status": "resolutionStatus"}


class BadQuery(Exception):
    """A query Gamma refuses, with its text."""


def is_true(query: Query, name: str) -> bool | None:
    """Return a switch of the query, None when it is absent.

    Raises:
        BadQuery: it is neither true nor false.
    """
    text = query.get(name)
    if text is None:
        return None
    if text.lower() not in ("true", "false"):
        raise BadQuery(f"invalid {name}")
    return bool(text.lower() == "true")


def chosen(
    markets: Iterable[GammaMarket], query: Query, *, closed_by_default: bool | None = None
) -> list[GammaMarket]:
    """Return the markets a query asks for.

    Args:
        markets: all of them.
        query: the request's.
        closed_by_default: what ``closed`` means when the query does not say; None is both.

    Raises:
        BadQuery: a value cannot be used.
    """
    return [
        market
        for market in markets
        if _is_itself(market, query, closed_by_default) and _matches(market, query)
    ]


def chosen_events(
    markets: Iterable[GammaMarket], query: Query, *, closed_by_default: bool | None = None
) -> list[dict[str, Any]]:
    """Return the events of the markets a query asks for; id, slug and closed are the event's.

    Raises:
        BadQuery: a value cannot be used.
    """
    events = events_of(market for market in markets if _matches(market, query))
    return [one for one in events if _is_itself(one, query, closed_by_default)]


def _is_itself(item: Mapping[str, Any], query: Query, closed_by_default: bool | None) -> bool:
    closed = is_true(query, "closed")
    closed = closed_by_default if closed is None else closed
    return (closed is None or bool(item.get("closed")) == closed) and _is_among(
        item, query, _OWN_NAMES
    )


def _is_among(item: Mapping[str, Any], query: Query, names: Mapping[str, str]) -> bool:
    return all(
        str(item.get(field, "")) in wanted
        for name, field in names.items()
        if (wanted := _values(query, name))
    )


def _matches(market: GammaMarket, query: Query) -> bool:
    return (
        _is_among(market, query, _LISTS)
        and all(
            str(market.get(field) or "") == query.get(name)
            for name, field in _TEXTS.items()
            if query.get(name) is not None
        )
        and _has_version(market, query)
        and _has_token(market, query)
        and _has_tags(market, query)
        and _has_rewards(market, query)
        and all(
            _within(market.get(field), query, name, _number) for name, field in _NUMBERS.items()
        )
        and all(_within(market.get(field), query, name, str) for name, field in _DATES.items())
    )


def _values(query: Query, name: str) -> list[str]:
    # Repeated keys are the documented form; a list with commas is what some clients send.
    return [one for text in query.getall(name, ()) for one in text.split(",")]


def _has_version(market: GammaMarket, query: Query) -> bool:
    version = query.get("version")
    if version is None:
        return True
    if version not in ("v1", "v2"):
        raise BadQuery("invalid version")
    return bool((market.get("version") or "v1") == version)


def _has_token(market: GammaMarket, query: Query) -> bool:
    for name in ("clob_token_ids", "position_ids"):
        wanted = _values(query, name)
        ids = (
            market_token_ids(market) if name == "clob_token_ids" else market.get("positionIds", ())
        )
        if wanted and not any(str(one) in wanted for one in ids):
            return False
    return True


def _has_tags(market: GammaMarket, query: Query) -> bool:
    wanted = _values(query, "tag_id")
    if not wanted:
        return True
    own = [str(tag.get("id")) for tag in market.get("tags") or ()]
    match query.get("tag_match", "any"):
        case "any":
            return any(one in own for one in wanted)
        case "all":
            return all(one in own for one in wanted)
    raise BadQuery("invalid tag_match")


def _has_rewards(market: GammaMarket, query: Query) -> bool:
    least = query.get("rewards_min_size")
    return least is None or (market.get("rewardsMinSize") or 0) >= _number(least)


def _within(value: Any, query: Query, name: str, parse: Callable[[str], Any]) -> bool:
    """Whether a value is inside ``<name>_min`` .. ``<name>_max``; ISO dates compare as text."""
    least, most = query.get(f"{name}_min"), query.get(f"{name}_max")
    if least is None and most is None:
        return True
    low = None if least is None else parse(least)
    high = None if most is None else parse(most)
    if value is None:
        return False
    return not ((low is not None and value < low) or (high is not None and value > high))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BadQuery(f"invalid number {text[:40]!r}") from None


def events_of(markets: Iterable[GammaMarket]) -> list[dict[str, Any]]:
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
        inside = known["markets"]
        for name in ("liquidity", "volume"):
            known[name] = sum(one.get(f"{name}Num") or 0.0 for one in inside)
        known["volume24hr"] = sum(one.get("volume24hr") or 0.0 for one in inside)
        known["closed"] = all(one.get("closed") for one in inside)
    return list(events.values())


def tags_of(markets: Iterable[GammaMarket]) -> list[dict[str, Any]]:
    """Return every tag of some markets once, in order of appearance."""
    tags: dict[str, dict[str, Any]] = {}
    for market in markets:
        for tag in market.get("tags") or ():
            tags.setdefault(str(tag.get("id", "")), dict(tag))
    return list(tags.values())


# --- pages -------------------------------------------------------------------------


def keyset_page(items: Sequence[Any], query: Query) -> tuple[list[Any], str]:
    """Return one page in the asked order, and the cursor of the next, empty on the last.

    The cursor holds the last item's sort key, so that values moving between two
    requests neither repeat nor hide the rest.

    Raises:
        BadQuery: a value cannot be used.
    """
    if query.get("offset") is not None:
        raise BadQuery("offset is not supported, use after_cursor")
    limit = min(max(_whole(query, "limit", _DEFAULT_PAGE), 1), MOST_A_PAGE)
    field, descending, ordered = _ordered(items, query)
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


def offset_page(items: Sequence[Any], query: Query) -> list[Any]:
    """Return ``limit`` items from ``offset`` on, in the asked order.

    Raises:
        BadQuery: a value cannot be used.
    """
    limit = min(max(_whole(query, "limit", _DEFAULT_PAGE), 0), MOST_A_PAGE)
    offset = max(_whole(query, "offset", 0), 0)
    return _ordered(items, query)[2][offset : offset + limit]


def _ordered(items: Sequence[Any], query: Query) -> tuple[str, bool, list[Any]]:
    field = query.get("order", "id")
    descending = is_true(query, "ascending") is False
    return (
        field,
        descending,
        sorted(items, key=lambda one: _sort_key(one, field), reverse=descending),
    )


def _whole(query: Query, name: str, default: int) -> int:
    try:
        return int(query.get(name, default))
    except ValueError:
        raise BadQuery(f"invalid {name}") from None


def _sort_key(item: Mapping[str, Any], field: str) -> SortKey:
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
        raise BadQuery("invalid after_cursor") from None
