"""The Data API v2 as far as an exchange with accounts can answer it (venue.md 2.13)."""

from __future__ import annotations

import base64
import binascii
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from aiohttp import web

from polyframe.exchange.account_books import AccountBooks, FrozenBooks, NoAccounts
from polyframe.exchange.public.approvals import approvals_of
from polyframe.exchange.public.data_rows import (
    Row,
    activity_row,
    facts_by_token,
    holder_rows,
    open_interest_row,
    position_row,
    resolution_row,
    trade_row,
)
from polyframe.exchange.public.gamma_objects import market_token_ids
from polyframe.exchange.public.lag import Lagged
from polyframe.exchange.rest_answers import answer, refusal
from polyframe.exchange.source import GammaMarket, Source

_S_NS = 10**9
_MOST_A_PAGE = 1_000
_DEFAULT_PAGE = 100
_SAMPLE_NS = 60 * _S_NS
_MOST_SAMPLES = 2_000
_STATUSES = ("OPEN", "REDEEMABLE", "REDEEMABLE_LOST", "MERGEABLE", "CLOSED")

State = tuple[AccountBooks, Sequence[GammaMarket]]
Handler = Callable[[web.Request, AccountBooks, Sequence[GammaMarket]], Awaitable[web.Response]]


class _BadQuery(Exception):
    """A query the Data API refuses, with its text."""


class DataFacade:
    """Serves positions, trades, activity and what follows from them, without authentication.

    Args:
        source: whose markets.
        clock: market time, UTC ns.
        books: the accounts; None where none are kept.
    """

    def __init__(
        self, source: Source, clock: Callable[[], int], books: AccountBooks | None = None
    ) -> None:
        self._source = source
        self._clock = clock
        self._books: AccountBooks = NoAccounts() if books is None else books
        self._past: Lagged[State] = Lagged(self._frozen, clock)
        self._prices: deque[tuple[int, dict[str, float]]] = deque(maxlen=_MOST_SAMPLES)
        self._keeps_prices = False
        self.set_lag = self._past.set_lag

    def note(self, now_ns: int) -> None:
        """Remember the present state while a lag is set, and prices once somebody asked."""
        self._past.note(now_ns)
        if self._keeps_prices and now_ns - self._prices[-1][0] >= _SAMPLE_NS:
            self._sample(now_ns)

    def routes(self, prefix: str = "") -> list[web.RouteDef]:
        """Return the routes, below a prefix."""
        found: list[tuple[str, Handler]] = [
            ("/v2/positions", self.positions),
            ("/v2/value", self.value),
            ("/v2/trades", self.trades),
            ("/v2/activity", self.activity),
            ("/v2/resolutions", self.resolutions),
            ("/v2/status", self.status),
            ("/v2/approvals", self.approvals),
            ("/v2/holders", self.holders),
            ("/v2/oi", self.open_interest),
            ("/v2/prices-history", self.prices_history),
        ]
        return [web.get(prefix + path, partial(self._answer, handler)) for path, handler in found]

    async def _answer(self, handler: Handler, request: web.Request) -> web.Response:
        live: State = (self._books, self._source.markets())
        books, markets = self._past() if self._past.lags else live
        try:
            return await handler(request, books, markets)
        except _BadQuery as refused:
            return refusal(str(refused))

    def _frozen(self) -> State:
        return FrozenBooks(self._books), tuple(self._source.markets())

    # --- rows ----------------------------------------------------------------------

    async def positions(
        self, request: web.Request, books: AccountBooks, markets: Sequence[GammaMarket]
    ) -> web.Response:
        """Return positions of a wallet, or of everybody in one market; closed ones on request."""
        conditions = _listed(request, "condition", "condition_id")
        wallet = request.query.get("user", "")
        if not wallet and len(conditions) != 1:
            raise _BadQuery("user or exactly one condition is required")
        wanted = request.query.get("status")
        if wanted is not None and wanted not in _STATUSES:
            raise _BadQuery("invalid status")
        facts = facts_by_token(markets)
        rows = []
        for owner in [wallet] if wallet else books.wallets():
            positions = books.positions(owner)
            held_ids = [held.token_id for held in positions if held.size_e6]
            for held in positions:
                known = facts.get(held.token_id)
                if known is None or (conditions and held.market_id not in conditions):
                    continue
                is_paired = held.token_id in held_ids and known.opposite_id in held_ids
                row = position_row(owner, held, known, is_paired=is_paired)
                if _has_status(row, wanted):
                    rows.append(row)
        return _page(rows, request)

    async def value(
        self, request: web.Request, books: AccountBooks, markets: Sequence[GammaMarket]
    ) -> web.Response:
        """Return what a wallet's positions are worth."""
        wallet = _user(request)
        conditions = _listed(request, "condition", "condition_id")
        facts = facts_by_token(markets)
        value = sum(
            held.size_e6 / 1e6 * facts[held.token_id].price
            for held in books.positions(wallet)
            if held.token_id in facts and (not conditions or held.market_id in conditions)
        )
        return answer({"data": {"proxy_wallet": wallet, "value": round(value, 6)}})

    async def trades(
        self, request: web.Request, books: AccountBooks, markets: Sequence[GammaMarket]
    ) -> web.Response:
        """Return trades, the newest first; only takers' unless ``taker_only=false``."""
        wallet = request.query.get("user", "").lower()
        conditions = _listed(request, "condition", "condition_id")
        side = request.query.get("side")
        takers_only = request.query.get("taker_only", "true").lower() != "false"
        start, end = _window(request)
        facts = facts_by_token(markets)
        rows = [
            trade_row(trade, facts[trade.token_id])
            for trade in reversed(books.trades())
            if trade.token_id in facts
            and (not wallet or trade.wallet.lower() == wallet)
            and (not conditions or trade.market_id in conditions)
            and (side is None or trade.side.value == side)
            and (trade.is_taker or not takers_only)
            and start <= trade.ts_ns // _S_NS <= end
        ]
        return _page(rows, request)

    async def activity(
        self, request: web.Request, books: AccountBooks, markets: Sequence[GammaMarket]
    ) -> web.Response:
        """Return what happened to a wallet, the newest first."""
        wallet = _user(request)
        kinds = _listed(request, "type")
        conditions = _listed(request, "condition", "condition_id")
        start, end = _window(request)
        facts = facts_by_token(markets)
        by_market = {str(one.market.get("conditionId", "")): one for one in facts.values()}
        rows = [
            activity_row(one, facts.get(one.token_id) or by_market.get(one.market_id))
            for one in books.activity(wallet)
            if (not kinds or one.kind in kinds)
            and (not conditions or one.market_id in conditions)
            and start <= one.ts_ns // _S_NS <= end
        ]
        if request.query.get("sort_direction", "DESC").upper() != "ASC":
            rows.reverse()
        return _page(rows, request)

    async def resolutions(
        self, request: web.Request, books: AccountBooks, markets: Sequence[GammaMarket]
    ) -> web.Response:
        """Return how far the resolution of markets is."""
        conditions = _listed(request, "condition", "condition_id")
        question = request.query.get("question_id")
        if not conditions and question is None:
            raise _BadQuery("condition or question_id is required")
        now_s = self._clock() // _S_NS
        rows = [
            resolution_row(market, now_s)
            for market in markets
            if market.get("conditionId") in conditions
            or (question is not None and market.get("questionID") == question)
        ]
        return answer({"data": [row for row in rows if row is not None]})

    async def holders(
        self, request: web.Request, books: AccountBooks, markets: Sequence[GammaMarket]
    ) -> web.Response:
        """Return who holds the tokens of some markets."""
        chosen = _of_conditions(request, markets)
        if not chosen:
            raise _BadQuery("condition is required")
        token_ids = [token_id for market in chosen for token_id in market_token_ids(market)]
        return _page(holder_rows(books, token_ids), request)

    async def open_interest(
        self, request: web.Request, books: AccountBooks, markets: Sequence[GammaMarket]
    ) -> web.Response:
        """Return open interest by market, or of all markets together."""
        if _listed(request, "condition", "condition_id"):
            chosen = _of_conditions(request, markets)
            return answer({"data": [open_interest_row(books, market) for market in chosen]})
        total = sum(open_interest_row(books, market)["value"] for market in markets)
        return answer({"data": [{"condition_id": "GLOBAL", "value": total}]})

    async def approvals(
        self, request: web.Request, books: AccountBooks, markets: Sequence[GammaMarket]
    ) -> web.Response:
        """Return which contracts may move a wallet's funds."""
        wallet = _user(request)
        return answer({"data": approvals_of(wallet, books.approvals(wallet))})

    async def status(
        self, request: web.Request, books: AccountBooks, markets: Sequence[GammaMarket]
    ) -> web.Response:
        """Return how fresh the answers are."""
        lag_s = self._past.lag_ns // _S_NS
        now_s = self._clock() // _S_NS
        return answer({"data": {"indexed_at": now_s - lag_s, "lag_seconds": lag_s}})

    async def prices_history(
        self, request: web.Request, books: AccountBooks, markets: Sequence[GammaMarket]
    ) -> web.Response:
        """Return a token's mids, a point a minute, kept from the first question on."""
        token_id = request.query.get("token_id", "")
        if not token_id or token_id not in facts_by_token(markets):
            raise _BadQuery("invalid token_id")
        if sum(name in request.query for name in ("interval", "start", "as_of")) != 1:
            raise _BadQuery("exactly one of interval, start, as_of is required")
        now_ns = self._clock()
        if not self._keeps_prices:
            self._keeps_prices = True
            self._sample(now_ns)
        start, end = _window(request)
        rows = [
            {"timestamp": at_ns // _S_NS, "price": prices[token_id], "resolution_seconds": 60}
            for at_ns, prices in self._prices
            if token_id in prices and start <= at_ns // _S_NS <= end
        ]
        if "as_of" in request.query:
            as_of = _seconds(request, "as_of", 0)
            rows = [row for row in rows if row["timestamp"] <= as_of][-1:]
        return _page(rows, request)

    def _sample(self, now_ns: int) -> None:
        facts = facts_by_token(self._source.markets())
        self._prices.append((now_ns, {token_id: one.price for token_id, one in facts.items()}))


# --- queries and pages -------------------------------------------------------------


def _user(request: web.Request) -> str:
    wallet = request.query.get("user", "")
    if not wallet:
        raise _BadQuery("user is required")
    return wallet


def _listed(request: web.Request, *names: str) -> list[str]:
    """Return every value of a parameter under any of its names, repeated or with commas."""
    texts = [text for name in names for text in request.query.getall(name, [])]
    return [one for text in texts for one in text.split(",") if one]


def _of_conditions(request: web.Request, markets: Sequence[GammaMarket]) -> list[GammaMarket]:
    wanted = _listed(request, "condition", "condition_id")
    return [market for market in markets if market.get("conditionId") in wanted]


def _window(request: web.Request) -> tuple[int, int]:
    return _seconds(request, "start", 0), _seconds(request, "end", 2**62)


def _seconds(request: web.Request, name: str, default: int) -> int:
    try:
        return int(request.query.get(name, default))
    except ValueError:
        raise _BadQuery(f"invalid {name}") from None


def _has_status(row: Row, wanted: str | None) -> bool:
    if wanted is None:
        return bool(row["status"] != "CLOSED")
    if wanted == "REDEEMABLE_LOST":
        return bool(row["redeemable"] and row["current_price"] == 0)
    return bool(row["mergeable"]) if wanted == "MERGEABLE" else bool(row["status"] == wanted)


def _page(rows: Sequence[Row], request: web.Request) -> web.Response:
    """Return one page in the Data API's envelope."""
    limit = min(max(_seconds(request, "limit", _DEFAULT_PAGE), 1), _MOST_A_PAGE)
    start = _cursor_start(request.query.get("cursor", ""))
    page = rows[start : start + limit]
    following = start + len(page)
    has_more = following < len(rows)
    cursor = base64.urlsafe_b64encode(str(following).encode()).decode() if has_more else None
    return answer(
        {
            "data": list(page),
            "pagination": {
                "limit": limit, "offset": start, "has_more": has_more, "next_cursor": cursor,
            },
        }
    )  # fmt: skip


def _cursor_start(cursor: str) -> int:
    try:
        return max(0, int(base64.urlsafe_b64decode(cursor.encode()))) if cursor else 0
    except (binascii.Error, ValueError, UnicodeError):
        raise _BadQuery("invalid cursor") from None
