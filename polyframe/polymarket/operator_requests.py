"""What an operator asks of the CLOB beside, without or after an engine; every request bounded.

The official client is not needed for any of it, so this works while it hangs. Nothing is created:
API credentials that do not exist yet are none.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

import anyio
import msgspec

from polyframe.polymarket.account_words import VenueOrder
from polyframe.polymarket.auth import ApiCredentials, l1_headers, l2_headers
from polyframe.polymarket.clob_account import AccountReads
from polyframe.polymarket.keys import PrivateKey
from polyframe.polymarket.official_client import ClobError
from polyframe.polymarket.order_building import TradingWallet
from polyframe.polymarket.rest import RestClient, RestError

_AGAIN_S = 0.25
_S_NS = 10**9
_T = TypeVar("_T")


class Emptied(msgspec.Struct, frozen=True, kw_only=True):
    """How cancelling everything went.

    ``left`` are the orders that rested at the last look, None when the venue never answered it:
    only no order at all means that nothing rests. ``cancelled`` counts the ids the venue named.
    ``took_s`` is wall time, ``trouble`` what the last failing request said, "" for none.
    """

    left: tuple[VenueOrder, ...] | None
    cancelled: int
    took_s: float
    trouble: str

    @property
    def is_empty(self) -> bool:
        """Whether the venue itself said that nothing rests."""
        return self.left == ()


class _ApiKeys(msgspec.Struct):
    keys: list[str] = msgspec.field(name="apiKeys")


class _Cancelled(msgspec.Struct):
    canceled: list[str]


async def derive_api_key(
    clob_url: str, key: PrivateKey, clock: Callable[[], int], timeout_s: float
) -> ApiCredentials | None:
    """Return the API credentials that belong to a key, None where none were ever made.

    Args:
        clob_url: the CLOB's host.
        key: the signer's.
        clock: the venue's time, UTC nanoseconds.
        timeout_s: longest time of the one attempt, wall clock.

    Raises:
        RestError: no answer, or the key is refused (status 401).
    """
    path = "/auth/derive-api-key"

    def headers(_method: str, _path: str, _body: bytes) -> dict[str, str]:
        return l1_headers(key, clock() // _S_NS)

    async with RestClient(clob_url, attempts=1, timeout_s=timeout_s, headers=headers) as rest:
        try:
            return _decoded(await rest.get(path), ApiCredentials, path)
        except RestError as error:
            if error.status in (400, 404):
                return None
            raise


class OperatorAccount:
    """One account as its operator sees it; an async context manager.

    ``reads`` asks for orders, balances and standing (:class:`.AccountReads`).

    Args:
        clob_url: the CLOB's host.
        api: the API credentials.
        wallet: whose money it is.
        clock: the venue's time, UTC nanoseconds.
        timeout_s: longest time of one attempt, wall clock; each request has one.
    """

    def __init__(
        self,
        clob_url: str,
        api: ApiCredentials,
        wallet: TradingWallet,
        *,
        clock: Callable[[], int],
        timeout_s: float,
    ) -> None:
        def headers(method: str, path: str, body: bytes) -> dict[str, str]:
            return l2_headers(api, wallet.owner, clock() // _S_NS, method, path, body)

        self.reads = AccountReads(
            clob_url, api, wallet, clock=clock, timeout_s=timeout_s, attempts=1
        )
        self._rest = RestClient(clob_url, attempts=1, timeout_s=timeout_s, headers=headers)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with anyio.CancelScope(shield=True):
            await self.reads.aclose()
            await self._rest.__aexit__(None, None, None)

    async def api_keys(self) -> list[str]:
        """Return the account's API keys.

        Raises:
            RestError: no answer, or the credentials are refused (status 401).
        """
        path = "/auth/api-keys"
        return _decoded(await self._rest.get(path), _ApiKeys, path).keys

    async def cancel_all(self) -> int:
        """Ask once for every order of the API key to be cancelled; return how many were.

        Raises:
            RestError: no answer or a refusal; it may have been done all the same.
        """
        path = "/cancel-all"
        return len(_decoded(await self._rest.delete(path), _Cancelled, path).canceled)

    async def empty(self, within_s: float) -> Emptied:
        """Cancel everything, again and again, until the venue says that nothing rests.

        Args:
            within_s: longest time for it (wall clock).
        """
        started = anyio.current_time()
        cancelled = 0
        left: tuple[VenueOrder, ...] | None = None
        trouble = ""
        with anyio.move_on_after(within_s):
            while left != ():
                try:
                    cancelled += await self.cancel_all()
                except RestError as error:
                    trouble = str(error)  # and look all the same: it may have been done
                try:
                    left = tuple(await self.reads.open_orders())
                except ClobError as error:
                    trouble = str(error)
                if left != ():
                    await anyio.sleep(_AGAIN_S)
        return Emptied(
            left=left,
            cancelled=cancelled,
            took_s=anyio.current_time() - started,
            trouble="" if left == () else trouble,
        )


def _decoded(raw: bytes, kind: type[_T], path: str) -> _T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError as error:
        raise RestError(f"{path}: the answer cannot be read: {error}") from None
