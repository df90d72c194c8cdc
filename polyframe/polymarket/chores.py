"""Money chores through the official client: merge pairs, redeem what paid out, give allowances.

Each says exactly what is known afterwards. :class:`ChoreDone`: it happened. :class:`ChoreFailed`:
it was refused or reverted, nothing moved. :class:`ChoreUnknown`: it was sent, or may have been, and
nobody has said what became of it; it may still happen, hours later. Whatever the client, the
relayer or a node raises becomes one of the three; only cancellation passes through.

The caller's part: store the intent before asking and the outcome after. After ChoreUnknown, and
after a restart between the two, read the balances (a merge lowers both tokens by its size) and book
what they tell before asking again. Asking twice loses no money: a second merge turns other pairs
into as many dollars, a second redemption finds nothing; only books that counted once are wrong.

Times are of the wall's clock: no chain runs at a market's speed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

import anyio
import msgspec
from polymarket.errors import (
    RateLimitError,
    RequestRejectedError,
    SigningError,
    TransactionFailedError,
    UserInputError,
)

from polyframe.model import MarketSpec

if TYPE_CHECKING:
    from polymarket import AsyncSecureClient
    from polymarket.models.clob.relayer import TransactionOutcome

_MOST_APPROVALS: Final = 17  # a plain address sends each allowance as a transaction of its own
_MOST_TEXT: Final = 300
# What a node says of a raw transaction it did not take; after anything else it may have.
_NOT_TAKEN: Final = (
    "nonce too low", "nonce too high", "insufficient funds", "underpriced", "intrinsic gas",
    "gas limit", "invalid sender", "invalid chain id", "not supported",
)  # fmt: skip


class ChoreCode(StrEnum):
    """Why a chore failed. NOTHING_HELD is for :meth:`Chores.redeem` alone, and stays inside it."""

    NOT_ENOUGH = "not_enough"
    NOTHING_HELD = "nothing_held"
    UNKNOWN_MARKET = "unknown_market"
    NO_RELAYER_KEY = "no_relayer_key"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    REVERTED = "reverted"


class ChoreDone(msgspec.Struct, frozen=True):
    """It happened. The client tells no hash of allowances: then there is none."""

    transaction_hashes: tuple[str, ...] = ()


class ChoreFailed(msgspec.Struct, frozen=True):
    """Nothing moved, and nothing will; ``message`` is the client's or the chain's words."""

    code: ChoreCode
    message: str


class ChoreUnknown(msgspec.Struct, frozen=True):
    """It may have happened, or may still: balances tell.

    ``transaction_hash`` and ``transaction_id`` (the relayer's) are "" where nobody told them.
    """

    message: str
    transaction_hash: str = ""
    transaction_id: str = ""


ChoreOutcome = ChoreDone | ChoreFailed | ChoreUnknown


class MissingApproval(msgspec.Struct, frozen=True):
    """A contract that may not move what it has to: collateral, or outcome tokens of ``token``."""

    token: str
    spender: str
    is_collateral: bool


class _Handle(Protocol):
    @property
    def transaction_hash(self) -> str | None: ...
    @property
    def transaction_id(self) -> str | None: ...
    async def wait(self) -> TransactionOutcome: ...


class Chores:
    """The chores of one account.

    Args:
        client: the account's official client, open; whoever opened it closes it. All wallets but
            plain addresses need its ``api_key`` (a relayer's or a builder's).
        send_s: longest time of reading and sending, in seconds.
        wait_s: longest time from sending to confirmation, in seconds.
        again_s: time between questions while nobody answers, in seconds.
    """

    def __init__(
        self,
        client: AsyncSecureClient,
        *,
        send_s: float = 60.0,
        wait_s: float = 120.0,
        again_s: float = 2.0,
    ) -> None:
        self._client = client
        self._send_s = send_s
        self._wait_s = wait_s
        self._again_s = again_s

    async def merge(self, market: MarketSpec, size_e6: int) -> ChoreOutcome:
        """Turn ``size_e6`` pairs of a market into dollars: CTF, neg-risk and version 2."""
        listed = await self._listed(market, closed=None)
        if isinstance(listed, ChoreFailed):
            return listed
        return await self._transact(
            lambda: self._client.merge_positions(condition_id=market.market_id, amount=size_e6)
        )

    async def redeem(self, market: MarketSpec) -> ChoreOutcome:
        """Turn what is held of a resolved market into dollars: CTF, neg-risk and version 2.

        The venue's own redeemer may have been there first. A CTF then redeems nothing and is done;
        under version 2 nothing is sent, and that is ChoreUnknown: whoever believes that it holds
        something has to read the balances.
        """
        version = await self._listed(market, closed=True)
        if isinstance(version, ChoreFailed):
            return version
        if version == "v2" and self._client.wallet_type == "EOA":
            return await self._redeem_each(market.token_ids)
        outcome = await self._transact(
            lambda: self._client.redeem_positions(condition_id=market.market_id)
        )
        return _nothing_held() if _holds_nothing(outcome) else outcome

    async def approvals(self) -> tuple[MissingApproval, ...] | ChoreFailed:
        """Return what is not allowed yet, as the venue's index has it; it may lag."""
        try:
            with anyio.fail_after(self._send_s):
                missing = (await self._client.get_trading_approvals_state()).missing
        except Exception as error:  # noqa: BLE001 - of a read nothing can be in doubt
            return ChoreFailed(ChoreCode.UNREACHABLE, _said(error))
        collateral = [(str(one.token_address), str(one.spender), True) for one in missing.erc20]
        tokens = [(str(one.token_address), str(one.operator), False) for one in missing.erc1155]
        return tuple(MissingApproval(*one) for one in (*collateral, *tokens))

    async def approve_missing(self) -> ChoreOutcome:
        """Give every allowance that is missing, as the chain has it; may be asked again at will.

        A plain address sends one transaction for each: after a failure earlier ones are given.
        """
        count = _MOST_APPROVALS if self._client.wallet_type == "EOA" else 1
        try:
            with anyio.fail_after(self._send_s + count * self._wait_s):
                await self._client.setup_trading_approvals()
        except Exception as error:  # noqa: BLE001 - what the client raises is sorted there
            return _judged(error)
        return ChoreDone()

    # --- one transaction ---------------------------------------------------------------

    async def _redeem_each(self, token_ids: Sequence[str]) -> ChoreOutcome:
        """Redeem outcome by outcome, so that it is known which of two transactions happened."""
        hashes: tuple[str, ...] = ()
        for token_id in token_ids:
            outcome = await self._transact(
                partial(self._client.redeem_positions, position_id=token_id)
            )
            if _holds_nothing(outcome):
                continue
            match outcome:
                case ChoreDone():
                    hashes += outcome.transaction_hashes
                case ChoreFailed() if hashes:
                    return ChoreUnknown(f"only one outcome is redeemed: {outcome.message}")
                case _:
                    return outcome
        return ChoreDone(hashes) if hashes else _nothing_held()

    async def _listed(self, market: MarketSpec, *, closed: bool | None) -> str | ChoreFailed:
        """Return the market's version if the venue lists it.

        The client asks again before it sends; but until here it is certain that nothing was sent.
        """
        try:
            with anyio.fail_after(self._send_s):
                pages = self._client.list_markets(
                    condition_ids=[market.market_id], closed=closed, page_size=1
                )
                found = (await pages.first_page()).items
        except Exception as error:  # noqa: BLE001 - of a read nothing can be in doubt
            return ChoreFailed(ChoreCode.UNREACHABLE, _said(error))
        if not found:
            kind = "closed market" if closed else "market"
            return ChoreFailed(
                ChoreCode.UNKNOWN_MARKET, f"the venue lists no {kind} {market.market_id}"
            )
        return str(found[0].version)

    async def _transact(self, send: Callable[[], Awaitable[_Handle]]) -> ChoreOutcome:
        try:
            with anyio.fail_after(self._send_s):
                handle = await send()
        except Exception as error:  # noqa: BLE001 - what the client raises is sorted there
            return _judged(error)
        return await self._wait(handle)

    async def _wait(self, handle: _Handle) -> ChoreOutcome:
        told = f"not confirmed in {self._wait_s:g} s"
        with anyio.move_on_after(self._wait_s):
            while True:
                try:
                    outcome = await handle.wait()
                except TransactionFailedError as error:
                    return ChoreFailed(ChoreCode.REVERTED, _said(error))
                except Exception as error:  # noqa: BLE001 - it is sent: only time ends the wait
                    told = f"not confirmed: {_said(error)}"
                    await anyio.sleep(self._again_s)
                else:
                    return ChoreDone((str(outcome.transaction_hash),))
        return ChoreUnknown(told, handle.transaction_hash or "", handle.transaction_id or "")


def _holds_nothing(outcome: ChoreOutcome) -> bool:
    return isinstance(outcome, ChoreFailed) and outcome.code is ChoreCode.NOTHING_HELD


def _nothing_held() -> ChoreUnknown:
    return ChoreUnknown("neither outcome is held: somebody redeemed it, or the node lags")


def _judged(error: Exception) -> ChoreOutcome:
    """Return what is known after the client raised while it read, signed or sent.

    Certain is only what the client refused itself, and what a host answered with a refusal.
    """
    text = _said(error)
    match error:
        case UserInputError():
            return ChoreFailed(_code_of(text), text)
        case SigningError() | RateLimitError():
            return ChoreFailed(ChoreCode.REFUSED, text)
        case TransactionFailedError():
            return ChoreFailed(ChoreCode.REVERTED, text)
        case RequestRejectedError() if hasattr(error, "method"):  # a node's answer
            is_certain = error.method != "eth_sendRawTransaction" or any(
                word in text.lower() for word in _NOT_TAKEN
            )
            if is_certain:
                is_revert = "revert" in text.lower()
                return ChoreFailed(ChoreCode.REVERTED if is_revert else ChoreCode.REFUSED, text)
        case RequestRejectedError() if 400 <= error.status < 500 and error.status != 408:
            return ChoreFailed(ChoreCode.REFUSED, text)
    return ChoreUnknown(text)


def _code_of(text: str) -> ChoreCode:
    """Return why the client itself refused; its words are those of version 0.14.0."""
    if "Relayer API Key" in text:
        return ChoreCode.NO_RELAYER_KEY
    if "no balance to redeem" in text:
        return ChoreCode.NOTHING_HELD
    if "mergeable" in text or "no complementary positions" in text:
        return ChoreCode.NOT_ENOUGH
    return ChoreCode.UNKNOWN_MARKET if "No market found" in text else ChoreCode.REFUSED


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}..."
