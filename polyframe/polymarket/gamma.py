"""Market metadata from Gamma over HTTP: the whole universe, or a refresh of known markets.

A short list is never passed off as a whole one: every result says whether it is complete,
how many rows were seen, and why rows were skipped.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from polyframe.model import MarketSpec
from polyframe.polymarket.gamma_market import parse_market
from polyframe.polymarket.rest import Params, RestClient, RestError

PAGE_ROWS = 100  # the venue's largest page (venue.md 2.12)
# 66 characters an id and its key: about 4 kB of URL.
_IDS_PER_REQUEST = 50
# Rows that cannot be traded do not count towards the limit; this bounds the search past them.
_SEARCH_FACTOR = 4


class FetchResult(msgspec.Struct, frozen=True):
    """What Gamma gave.

    ``complete`` is False when something broke off or is missing, and ``detail`` then says
    what. ``fetched`` counts rows seen, ``skipped`` those that cannot be traded, by reason.
    """

    markets: tuple[MarketSpec, ...]
    complete: bool
    detail: str = ""
    fetched: int = 0
    skipped: tuple[tuple[str, int], ...] = ()


class _Collected:
    """Markets so far, in the order they came, each once."""

    def __init__(self) -> None:
        self.markets: dict[str, MarketSpec] = {}
        self.skipped: Counter[str] = Counter()
        self.fetched = 0

    def add(self, rows: list[Any]) -> None:
        self.fetched += len(rows)
        for row in rows:
            market = parse_market(row) if isinstance(row, dict) else "not an object"
            if isinstance(market, str):
                self.skipped[market] += 1
            else:
                self.markets.setdefault(market.market_id, market)

    def result(self, markets: Sequence[MarketSpec], detail: str) -> FetchResult:
        return FetchResult(
            markets=tuple(markets),
            complete=not detail,
            detail=detail,
            fetched=self.fetched,
            skipped=tuple(sorted(self.skipped.items())),
        )


async def fetch_universe(rest: RestClient, *, limit: int, order: str = "volume24hr") -> FetchResult:
    """Return up to ``limit`` open, tradable markets, the most active first.

    Args:
        rest: a client of the Gamma host.
        limit: markets wanted.
        order: Gamma's numeric field to order by, descending (``volume`` would sort as text).
    """
    collected = _Collected()
    params: list[tuple[str, str]] = [
        ("limit", str(min(PAGE_ROWS, max(1, limit)))),
        ("closed", "false"),
        ("order", order),
        ("ascending", "false"),
        ("include_tag", "true"),
    ]
    cursor = ""
    seen_cursors: set[str] = set()
    detail = ""
    while len(collected.markets) < limit:
        if collected.fetched > limit * _SEARCH_FACTOR + 10 * PAGE_ROWS:
            detail = f"gave up after {collected.fetched} rows of which few can be traded"
            break
        try:
            rows, cursor = await _page(
                rest, [*params, ("after_cursor", cursor)] if cursor else params
            )
        except RestError as error:
            detail = f"broke off after {collected.fetched} rows: {error}"
            break
        collected.add(rows)
        if not cursor:
            break
        if cursor in seen_cursors:
            detail = f"Gamma repeats a page after {collected.fetched} rows"
            break
        seen_cursors.add(cursor)
    return collected.result(list(collected.markets.values())[:limit], detail)


async def fetch_markets(rest: RestClient, market_ids: Sequence[str]) -> FetchResult:
    """Return these markets as they stand now, closed ones included, in the order asked for.

    Args:
        rest: a client of the Gamma host.
        market_ids: condition ids; any number.
    """
    wanted = list(dict.fromkeys(market_ids))
    collected = _Collected()
    failures: list[str] = []
    # Gamma hides closed markets unless asked, and then hides the open ones.
    for closed in ("false", "true"):
        missing = [each for each in wanted if each not in collected.markets]
        for start in range(0, len(missing), _IDS_PER_REQUEST):
            chunk = missing[start : start + _IDS_PER_REQUEST]
            params = [
                ("limit", str(PAGE_ROWS)),
                ("closed", closed),
                ("include_tag", "true"),
                *(("condition_ids", market_id) for market_id in chunk),
            ]
            try:
                rows, _ = await _page(rest, params)
            except RestError as error:
                failures.append(str(error))
            else:
                collected.add(rows)
    found = [collected.markets[each] for each in wanted if each in collected.markets]
    if len(found) < len(wanted):
        failures.insert(0, f"{len(wanted) - len(found)} of {len(wanted)} markets not had")
    elif failures:
        failures.clear()  # every market came in the end
    return collected.result(found, "; ".join(failures[:3]))


async def _page(rest: RestClient, params: Params) -> tuple[list[Any], str]:
    """One keyset page: its rows and the cursor of the next, "" on the last."""
    raw = await rest.get("/markets/keyset", params)
    try:
        # Numbers stay text: ticks are read exactly, and NaN or 1e400 spoils one market only.
        answer = json.loads(raw, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise RestError(f"/markets/keyset answered what is not JSON: {error}") from None
    rows = answer.get("markets") if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise RestError("/markets/keyset answered without markets")
    cursor = answer.get("next_cursor")
    return rows, cursor if isinstance(cursor, str) else ""
