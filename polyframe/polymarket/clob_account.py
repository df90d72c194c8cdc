"""What the CLOB says of our account over REST: orders, fills, balances; read raw.

The official client's models refuse whole pages for one odd row, and give no raw JSON, so these
reads are our own requests with L2 headers (venue.md 1.7). They change nothing and are retried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import anyio
import msgspec

from polyframe.events import Unrecognised
from polyframe.polymarket.account_codec import (
    IsOurs,
    Page,
    decode_order,
    decode_orders_page,
    decode_trades_page,
    nobody,
)
from polyframe.polymarket.account_fields import DECODER, UNREADABLE
from polyframe.polymarket.account_words import VenueFill, VenueOrder
from polyframe.polymarket.auth import ApiCredentials, l2_headers
from polyframe.polymarket.clob_public import server_time
from polyframe.polymarket.keys import address_bytes, checksum_address
from polyframe.polymarket.official_client import ClobError
from polyframe.polymarket.order_building import TradingWallet, is_v2_token
from polyframe.polymarket.rest import Params, RestClient, RestError

_MOST_PAGES = 1_000
_BALANCES_AT_ONCE = 4  # GET /balance-allowance allows 200 in 10 s (venue.md 2.11)
_S_NS = 10**9


class Balances(msgspec.Struct, frozen=True, kw_only=True):
    """What the wallet holds, in base units (1e-6 USD, micro-shares), and who may move it.

    ``allowances`` of the cash, ``token_allowances`` of each token, by the spender's address
    with its checksum; an unlimited one is 2**256 - 1.
    """

    cash_e6: int
    allowances: dict[str, int]
    tokens_e6: dict[str, int]
    token_allowances: dict[str, dict[str, int]]


class AccountReads:
    """Questions about one account; whoever made it closes it.

    Args:
        clob_url: the CLOB's host.
        credentials: the API key.
        wallet: whose money it is.
        clock: UTC nanoseconds; stamps what is read.
        timeout_s: longest time of one attempt, wall clock.
        attempts: how often a question is asked in all.
        is_ours: whether an order id of the venue's is known to be ours.
        on_unread: takes the rows of trades that could not be read, synchronously.

    Every question raises :class:`ClobError` where the venue does not answer it usably.
    """

    def __init__(
        self,
        clob_url: str,
        credentials: ApiCredentials,
        wallet: TradingWallet,
        *,
        clock: Callable[[], int],
        timeout_s: float,
        attempts: int = 3,
        is_ours: IsOurs = nobody,
        on_unread: Callable[[list[Unrecognised]], None] = lambda _rows: None,
    ) -> None:
        self._credentials = credentials
        self._wallet = wallet
        self._clock = clock
        self._is_ours = is_ours
        self._on_unread = on_unread
        self._rest = RestClient(
            clob_url, attempts=attempts, timeout_s=timeout_s, headers=self._headers
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._rest.__aexit__(None, None, None)

    async def open_orders(self) -> list[VenueOrder]:
        """Return every open order of the API key, foreign ones too.

        An order that cannot be read is a :class:`ClobError`: a list that leaves one out would
        say that it is gone. Beyond the venue's page (hundreds of orders) one may be missed whose
        neighbours end meanwhile: only :meth:`order` proves that one is gone.
        """
        orders: dict[str, VenueOrder] = {}
        for page in await self._pages("/data/orders", (), decode_orders_page):
            for word in page.words:
                if not isinstance(word, VenueOrder):
                    raise ClobError(f"/data/orders: {_told(word)}")
                orders[word.order_id] = word
        return list(orders.values())

    async def order(self, venue_id: str) -> VenueOrder | None:
        """Return an order in whatever status, None only where the venue says there is none.

        That is a 404 in the venue's own words; after any other kind of nothing the list is
        asked for this id too.
        """
        path = f"/data/order/{venue_id}"
        try:
            fields = _decoded(await self._get(path, ()), path)
        except _NotFound as error:
            if error.is_in_words:
                return None
            fields = None
        if fields not in (None, "", {}, []):
            return self._read_order(fields, venue_id)
        pages = await self._pages("/data/orders", (("id", venue_id),), decode_orders_page)
        words = [word for page in pages for word in page.words]
        for word in words:
            if not isinstance(word, VenueOrder):
                raise ClobError(f"/data/orders?id={venue_id}: {_told(word)}")
            if word.order_id.lower() == venue_id.lower():
                return word
        if words:
            raise ClobError(f"/data/orders?id={venue_id}: other orders came instead")
        return None

    async def fills_since(self, unix_s: int) -> list[VenueFill]:
        """Return our fills of trades matched since a second, in the venue's order.

        Whether the second itself counts is not documented: ask with some overlap.
        A trade that cannot be read goes to ``on_unread`` and is missing here: the balance will
        show what it did.
        """
        after = (("after", str(unix_s)),) if unix_s > 0 else ()
        fills: dict[tuple[str, str, int], VenueFill] = {}
        unread: list[Unrecognised] = []
        for page in await self._pages("/data/trades", after, self._decode_trades):
            for word in page.words:
                if isinstance(word, VenueFill):
                    fills.setdefault(word.key, word)
                elif isinstance(word, Unrecognised):
                    unread.append(word)
        if unread:
            self._on_unread(unread)
        return list(fills.values())

    async def balances(self, token_ids: Iterable[str] = ()) -> Balances:
        """Return what the venue believes the wallet holds: cash, and these tokens."""
        wanted = list(dict.fromkeys(token_ids))
        cash_e6, allowances = await self._balance((("asset_type", "COLLATERAL"),))
        found: dict[str, tuple[int, dict[str, int]]] = {}
        limit = anyio.CapacityLimiter(_BALANCES_AT_ONCE)

        async def ask(token_id: str) -> None:
            kind = "CONDITIONAL-V2" if is_v2_token(token_id) else "CONDITIONAL"
            async with limit:
                found[token_id] = await self._balance(
                    (("asset_type", kind), ("token_id", token_id))
                )

        failed: list[ClobError] = []
        try:
            async with anyio.create_task_group() as tasks:
                for token_id in wanted:
                    tasks.start_soon(ask, token_id)
        except* ClobError as group:
            failed += [one for one in group.exceptions if isinstance(one, ClobError)]
        if failed:  # raised here: inside of ``except*`` it would become a group again
            raise failed[0]
        return Balances(
            cash_e6=cash_e6,
            allowances=allowances,
            tokens_e6={token_id: found[token_id][0] for token_id in wanted},
            token_allowances={token_id: found[token_id][1] for token_id in wanted},
        )

    async def closed_only(self) -> bool:
        """Return whether the account may only reduce (venue.md 2.2)."""
        path = "/auth/ban-status/closed-only"
        answer = _decoded(await self._get(path, ()), path)
        said = answer.get("closed_only") if isinstance(answer, dict) else None
        if not isinstance(said, bool):
            raise ClobError(f"{path}: neither true nor false: {answer!r:.100}")
        return said

    async def rate_tier(self) -> str | None:
        """Return the signer's rate-limit tier, None where the venue does not say it."""
        path = "/v1/user/rate-limit-tier"
        try:
            answer = _decoded(await self._get(path, ()), path)
        except _NotFound:
            return None
        said = answer.get("tier") if isinstance(answer, dict) else answer
        return said if isinstance(said, str) and said else None

    async def server_time(self) -> int:
        """Return the CLOB's clock in Unix seconds."""
        try:
            return await server_time(self._rest)
        except RestError as error:
            raise ClobError(str(error), error.status) from None

    # --- one request -------------------------------------------------------------------

    def _headers(self, method: str, path: str, body: bytes) -> dict[str, str]:
        now_s = self._clock() // _S_NS
        return l2_headers(self._credentials, self._wallet.owner, now_s, method, path, body)

    async def read(self, path: str, params: Params) -> bytes:
        """Return the body of a GET that has no method of its own here.

        Raises:
            ClobError: no usable answer.
        """
        return await self._get(path, params)

    async def _get(self, path: str, params: Params) -> bytes:
        try:
            return await self._rest.get(path, params)
        except RestError as error:
            if error.status == 404:
                raise _NotFound(str(error), error.body) from None
            raise ClobError(str(error), error.status) from None

    async def _pages(
        self, path: str, params: Params, decode: Callable[[bytes, int], Page]
    ) -> list[Page]:
        pages: list[Page] = []
        cursors: dict[str, None] = {}
        cursor = ""
        while True:
            more = (("next_cursor", cursor),) if cursor else ()
            page = decode(await self._get(path, (*params, *more)), self._clock())
            if page.fault:
                raise ClobError(f"{path}: {page.fault}")
            pages.append(page)
            cursor = page.next_cursor
            if not cursor:
                return pages
            if cursor in cursors or len(pages) >= _MOST_PAGES:
                raise ClobError(f"{path}: its pages do not end")
            cursors[cursor] = None

    def _decode_trades(self, raw: bytes, ts_ns: int) -> Page:
        return decode_trades_page(raw, ts_ns, api_key=self._credentials.key, is_ours=self._is_ours)

    def _read_order(self, fields: Any, venue_id: str) -> VenueOrder:
        word = decode_order(fields, self._clock())
        if isinstance(word, Unrecognised):
            raise ClobError(f"/data/order/{venue_id}: {_told(word)}")
        if word.order_id.lower() != venue_id.lower():
            raise ClobError(f"/data/order/{venue_id}: order {word.order_id[:80]} came instead")
        return word

    async def _balance(self, params: Sequence[tuple[str, str]]) -> tuple[int, dict[str, int]]:
        path = "/balance-allowance"
        kind = str(int(self._wallet.signature_type))
        answer = _decoded(await self._get(path, (*params, ("signature_type", kind))), path)
        try:
            spenders = answer.get("allowances") or {}
            allowances = {_spender(one): _base_units(spenders[one]) for one in spenders}
            return _base_units(answer["balance"]), allowances
        except (KeyError, TypeError, AttributeError, ValueError):
            raise ClobError(f"{path}: unreadable: {answer!r:.150}") from None


class _NotFound(ClobError):
    """A 404; ``is_in_words`` where the venue itself says so, not something before it."""

    def __init__(self, message: str, body: bytes) -> None:
        super().__init__(message, 404)
        try:
            said = DECODER.decode(body)
        except UNREADABLE:
            said = None
        error = said.get("error") if isinstance(said, dict) else None
        self.is_in_words = isinstance(error, str) and "not found" in error.lower()


def _decoded(raw: bytes, path: str) -> Any:
    if not raw.strip():
        return None
    try:
        return DECODER.decode(raw)
    except UNREADABLE as error:
        raise ClobError(f"{path}: no JSON: {error}") from None


def _told(word: object) -> str:
    if isinstance(word, Unrecognised):
        return f"unreadable ({word.reason}): {word.sample}"
    return "a row that is no order"


def _base_units(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("no base units")
    return int(value)


def _spender(address: str) -> str:
    try:
        return checksum_address(address_bytes(address))
    except ValueError:
        return address
