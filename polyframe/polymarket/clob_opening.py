"""Opening an account at the CLOB: key, wallet and credentials to a :class:`.Clob`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio

from polyframe.events import Unrecognised
from polyframe.live_settings import LimitSettings, ProductionSettings
from polyframe.polymarket.account_codec import IsOurs, nobody
from polyframe.polymarket.auth import ApiCredentials
from polyframe.polymarket.clob import Clob
from polyframe.polymarket.clob_account import AccountReads
from polyframe.polymarket.hosts import VenueUrls
from polyframe.polymarket.keys import PrivateKey
from polyframe.polymarket.official_client import (
    ClobError,
    HiddenText,
    choose_wallet,
    open_client,
)
from polyframe.polymarket.order_signing import SignatureType
from polyframe.polymarket.request_budget import SignerLimits
from polyframe.polymarket.venue_modes import ModeNow


@asynccontextmanager
async def open_clob(
    urls: VenueUrls,
    key: HiddenText,
    *,
    settings: ProductionSettings,
    limits: LimitSettings,
    clock: Callable[[], int],
    wallet: str = "",
    signature_type: SignatureType | None = None,
    credentials: ApiCredentials | None = None,
    relayer: HiddenText | None = None,
    speed: float = 1.0,
    is_ours: IsOurs = nobody,
    on_mode: Callable[[ModeNow], None] = lambda _mode: None,
    on_unread: Callable[[list[Unrecognised]], None] = lambda _rows: None,
) -> AsyncIterator[Clob]:
    """Open an account at the CLOB; the official client is imported now and not before.

    Args:
        urls: Polymarket's addresses, or the embedded exchange's.
        key: the private key in hex; only revealed here.
        settings: timeouts (wall clock) and the order budget.
        limits: what one order may cost.
        clock: UTC nanoseconds of market time.
        wallet: the address whose money it is; "" goes by ``signature_type``.
        signature_type: the kind of wallet; None goes by ``wallet``, or, without one, takes the
            key's deposit wallet as the official client does.
        credentials: the API key; None derives it, or creates it where there is none.
        relayer: the relayer's API key; without it only a plain address can merge and redeem.
        speed: market seconds a wall second: how often a loopback chain is asked.
        is_ours: whether an order id of the venue's is known to be ours: its fills are ours
            under another API key too.
        on_mode: told of the engine's mode when an answer changes it, synchronously.
        on_unread: takes rows of trades that could not be read, synchronously.

    Raises:
        ClobError: no usable key, wallet or credentials, or the venue refuses or does not answer.
    """
    try:
        signer = PrivateKey.from_hex(key.reveal())
    except ValueError as error:
        raise ClobError(str(error)) from None
    heard = SignerLimits()
    client, owned, contracts = await open_client(
        urls,
        key,
        wallet=choose_wallet(signer.address, wallet, signature_type),
        credentials=credentials,
        relayer=relayer,
        speed=speed,
        on_limits=heard.heard,
    )
    made = client.credentials
    known = ApiCredentials(made.key, made.secret, made.passphrase)
    reads = AccountReads(
        urls.clob,
        known,
        owned,
        clock=clock,
        timeout_s=settings.request_timeout_s,
        is_ours=is_ours,
        on_unread=on_unread,
    )
    clob = Clob(
        client,
        reads,
        wallet=owned,
        credentials=known,
        key=signer,
        contracts=contracts,
        settings=settings,
        limits=limits,
        heard=heard,
        clock=clock,
        on_mode=on_mode,
    )
    try:
        yield clob
    finally:
        with anyio.CancelScope(shield=True):
            await client.close()
            await reads.aclose()
