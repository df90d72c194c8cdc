"""What the operator's verbs ask of an account: a few reads and the great cancel, nothing more.

The official client places orders; this is what must work beside it, without it, and while it
hangs. One attempt a request, each signed anew; errors never repeat a header.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import anyio
import msgspec

from polyframe.polymarket.account_words import Cancelled
from polyframe.polymarket.auth import ApiCredentials, l1_headers, l2_headers
from polyframe.polymarket.keys import PrivateKey
from polyframe.polymarket.rest import Params, RestClient, RestError

END_CURSOR: Final = "LTE="
_MOST_PAGES = 200
_AGAIN_S = 0.25
_T = TypeVar("_T")


class Collateral(msgspec.Struct, frozen=True):
    """Cash of the wallet in 1e-6 USD, and what each contract may move of it."""

    balance: int
    allowances: dict[str, int]


class RestingOrder(msgspec.Struct, frozen=True):
    """An open order as the venue lists it; numbers are the venue's texts."""

    id: str
    market: str
    asset_id: str
    side: str
    price: str
    original_size: str
    size_matched: str


class Emptied(msgspec.Struct, frozen=True, kw_only=True):
    """How cancelling everything went.

    ``left`` are the orders that rested at the last look, None when the venue never answered it:
    only an empty list means that nothing rests. ``cancelled`` are ids the venue named.
    ``took_s`` is wall time, ``trouble`` what the last failing request said, "" for none.
    """

    left: list[RestingOrder] | None
    cancelled: int
    took_s: float
    trouble: str

    @property
    def is_empty(self) -> bool:
        """Whether the venue itself said that nothing rests."""
        return self.left == []


class _ApiKeys(msgspec.Struct):
    keys: list[str] = msgspec.field(name="apiKeys")


class _ClosedOnly(msgspec.Struct):
    closed_only: bool


class _Tier(msgspec.Struct):
    tier: str


class _Balance(msgspec.Struct):
    balance: int | str
    allowances: dict[str, int | str]


class _Page(msgspec.Struct):
    data: list[RestingOrder]
    next_cursor: str | None = None


class _Cancelled(msgspec.Struct):
    canceled: list[str]
    not_canceled: dict[str, str] = {}


class AccountReads:
    """One account's requests over a client of the CLOB host.

    Args:
        rest: a client that makes one attempt, so that every request has its own signature.
        key: the signing key.
        api: the API credentials; None until :meth:`derive` has found them.
        clock_s: the venue's Unix seconds, as well as they are known.
    """

    def __init__(
        self,
        rest: RestClient,
        key: PrivateKey,
        api: ApiCredentials | None,
        clock_s: Callable[[], int],
    ) -> None:
        self._rest = rest
        self._key = key
        self._clock_s = clock_s
        self.api = api

    async def derive(self) -> bool:
        """Take the API credentials that belong to the key; False when none were ever made.

        Nothing is created.

        Raises:
            RestError: the venue does not answer, or refuses the key.
        """
        headers = l1_headers(self._key, self._clock_s())
        try:
            raw = await self._rest.get("/auth/derive-api-key", headers=headers)
        except RestError as error:
            if error.status in (400, 404):
                return False
            raise
        self.api = _decoded(raw, ApiCredentials, "/auth/derive-api-key")
        return True

    async def api_keys(self) -> list[str]:
        """Return the account's API keys.

        Raises:
            RestError: as for every read here: no answer, a refusal (status 401: the credentials
                do not fit), or an answer that cannot be read.
        """
        return (await self._read("/auth/api-keys", _ApiKeys)).keys

    async def closed_only(self) -> bool:
        """Return whether the account may only reduce what it holds."""
        return (await self._read("/auth/ban-status/closed-only", _ClosedOnly)).closed_only

    async def rate_tier(self) -> str:
        """Return the name of the signer's rate-limit tier (venue.md 2.11)."""
        return (await self._read("/v1/user/rate-limit-tier", _Tier)).tier

    async def collateral(self, signature_type: int) -> Collateral:
        """Return cash and allowances of the wallet that goes with a signature type."""
        path = "/balance-allowance"
        found = await self._read(
            path, _Balance, [("asset_type", "COLLATERAL"), ("signature_type", str(signature_type))]
        )
        try:
            allowances = {spender: int(amount) for spender, amount in found.allowances.items()}
            return Collateral(int(found.balance), allowances)
        except ValueError:
            raise RestError(f"{path}: an amount is no number") from None

    async def open_orders(self) -> list[RestingOrder]:
        """Return every open order of the API key."""
        path, cursor = "/data/orders", ""
        found: list[RestingOrder] = []
        for _ in range(_MOST_PAGES):
            page = await self._read(path, _Page, [("next_cursor", cursor)] if cursor else ())
            found += page.data
            cursor = page.next_cursor or END_CURSOR
            if cursor == END_CURSOR:
                return found
        raise RestError(f"{path}: more than {_MOST_PAGES} pages")

    async def cancel_all(self) -> Cancelled:
        """Ask once for every order of the API key to be cancelled."""
        path = "/cancel-all"
        raw = await self._rest.delete(path, self._headers("DELETE", path))
        answer = _decoded(raw, _Cancelled, path)
        return Cancelled(gone=tuple(answer.canceled), refused=answer.not_canceled)

    async def empty(self, within_s: float) -> Emptied:
        """Cancel everything, and again, until the venue says that nothing rests.

        Args:
            within_s: longest time for it (wall clock).
        """
        started = anyio.current_time()
        gone: set[str] = set()
        left: list[RestingOrder] | None = None
        trouble = ""
        with anyio.move_on_after(within_s):
            while left is None or left:
                try:
                    gone.update((await self.cancel_all()).gone)
                except RestError as error:
                    trouble = str(error)  # and look all the same: it may have been done
                try:
                    left = await self.open_orders()
                except RestError as error:
                    trouble = str(error)
                if left is None or left:
                    await anyio.sleep(_AGAIN_S)
        return Emptied(
            left=left,
            cancelled=len(gone),
            took_s=anyio.current_time() - started,
            trouble="" if left == [] else trouble,
        )

    async def _read(self, path: str, kind: type[_T], params: Params = ()) -> _T:
        raw = await self._rest.get(path, params, self._headers("GET", path))
        return _decoded(raw, kind, path)

    def _headers(self, method: str, path: str) -> dict[str, str]:
        if self.api is None:
            raise RestError(f"{path}: there are no API credentials to ask with")
        return l2_headers(self.api, self._key.address, self._clock_s(), method, path)


def _decoded(raw: bytes, kind: type[_T], path: str) -> _T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError as error:
        raise RestError(f"{path}: the answer cannot be read: {error}") from None


def nearest_skew_s(sent_s: float, received_s: float, told_s: int) -> float:
    """Return how far our clock is ahead of the venue's, 0 where they may agree.

    Args:
        sent_s: our Unix time when the question left.
        received_s: our Unix time when the answer had come.
        told_s: the venue's whole Unix seconds, so that its time was anywhere in that second.

    Returns:
        Seconds; negative when ours is behind.
    """
    if received_s < told_s:
        return received_s - told_s
    return max(0.0, sent_s - (told_s + 1))


async def geoblock(rest: RestClient, path: str) -> tuple[bool, str]:
    """Return whether the venue blocks this address, and the country it sees.

    Raises:
        RestError: no answer, or one that cannot be read.
    """
    found = _decoded(await rest.get(path), _Geoblock, path)
    return found.blocked, "-".join(part for part in (found.country, found.region) if part)


class _Geoblock(msgspec.Struct):
    blocked: bool
    country: str = ""
    region: str = ""
