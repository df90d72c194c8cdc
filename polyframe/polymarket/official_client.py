"""The official client (``polymarket-client`` 0.14.0): opened here, and its errors made values.

It is imported when it is opened and not before: paper, replay and every verb that places nothing
load neither it nor its signing libraries. Only its plain requests are used: its ``place_*`` methods
would approve contracts on the way. Without a relayer key, which it is never given here, it cannot
deploy a wallet either, as it would when it is opened.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Protocol

import anyio
import httpx

from polyframe.errors import VenueError
from polyframe.polymarket.auth import ApiCredentials
from polyframe.polymarket.clob_outcomes import Failure, FailureKind, Leg
from polyframe.polymarket.hosts import LIVE_URLS, VenueUrls, is_loopback
from polyframe.polymarket.keys import PrivateKey
from polyframe.polymarket.order_building import TradingWallet, wallet_address
from polyframe.polymarket.order_signing import CHAIN_ID, SignatureType
from polyframe.polymarket.request_budget import LimitState
from polyframe.polymarket.signed_intent import SignedIntent, VenueContracts
from polyframe.polymarket.wallets import wallet_type

if TYPE_CHECKING:
    from polymarket import AsyncSecureClient
    from polymarket.environments import Environment

_NOBODY = "127.0.0.1:9"
_LOOPBACK = "127.0.0.1,localhost,::1"
_OPENING_S = 30.0
_NEEDS_RELAYER = "Gasless transactions require"  # its words where it would have to deploy
_UNDEPLOYED = "the deposit wallet does not exist yet: make it at polymarket.com, or name another"
_NO_REASON = "Unknown order failure"  # the client's words where the venue had none
# The line was never open: nothing can have been sent.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


class HiddenText(Protocol):
    """A secret text that only :meth:`reveal` gives away."""

    def reveal(self) -> str:
        """Return it."""
        ...


class ClobError(VenueError):
    """The CLOB did not answer a question, or not usably; the text is one line with the reason.

    ``status`` is the HTTP status, None where there was none.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


def sdk_environment(urls: VenueUrls, speed: float = 1.0) -> Environment:
    """Return the official client's environment of a venue.

    Loopback is its production environment with every address replaced: what the embedded
    exchange does not serve is an address where nobody listens. ``speed`` is how many market
    seconds a wall second has there.

    Raises:
        ClobError: neither Polymarket nor this machine, or a client that signs for another chain
            or speaks to another host than ours.
    """
    from polymarket._internal.environment import PRODUCTION_CONFIG, create_environment
    from polymarket.environments import PRODUCTION

    if urls == LIVE_URLS:
        if (PRODUCTION_CONFIG.clob_url, PRODUCTION_CONFIG.chain_id) != (urls.clob, CHAIN_ID):
            raise ClobError(
                f"the official client speaks to {PRODUCTION_CONFIG.clob_url} on chain "
                f"{PRODUCTION_CONFIG.chain_id}, polyframe to {urls.clob} on {CHAIN_ID}"
            )
        return PRODUCTION
    if not all(is_loopback(url) for url in urls):
        raise ClobError("a venue is Polymarket's own addresses, or all of this machine")
    nowhere: dict[str, Any] = {
        field.name: f"{'ws' if '_ws_' in field.name else 'http'}://{_NOBODY}"
        for field in fields(PRODUCTION_CONFIG)
        if field.name.endswith("_url")
    }
    served = {
        "clob_url": urls.clob,
        "gamma_url": urls.gamma,
        "data_url": urls.data,
        "relayer_url": urls.relayer,
        "rpc_url": urls.rpc,
        "clob_market_ws_url": urls.market_ws,
        "clob_user_ws_url": urls.user_ws,
    }
    # Its chain keeps market time, and the client asks by the wall's.
    asked_ms = max(5, round(PRODUCTION_CONFIG.relayer_poll_frequency_ms / speed))
    config = replace(PRODUCTION_CONFIG, **{**nowhere, **served}, relayer_poll_frequency_ms=asked_ms)
    return create_environment(name="embedded", config=config)


def sdk_contracts(environment: Environment) -> VenueContracts:
    """Return the chain and the exchange contracts that the official client signs for."""
    from polymarket._internal.environment import get_environment_config

    config = get_environment_config(environment)
    return VenueContracts(
        config.chain_id, config.standard_exchange, config.neg_risk_exchange, config.exchange_v3
    )


@contextmanager
def without_proxy(url: str) -> Iterator[None]:
    """While a client for this machine is made, no proxy of the environment stands before it.

    The official client takes proxies from the environment, for loopback too, and offers no way to
    say otherwise; what it makes keeps what it found then.
    """
    if not is_loopback(url):
        yield
        return
    before = {name: os.environ.get(name) for name in ("NO_PROXY", "no_proxy")}
    for name, value in before.items():
        os.environ[name] = ",".join(filter(None, (value, _LOOPBACK)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def choose_wallet(owner: str, wallet: str, signature_type: SignatureType | None) -> str | None:
    """Return the wallet to ask the official client for, None for its own choice.

    It chooses between the two deposit wallets a key may have: the one that is deployed.

    Args:
        owner: the key's address.
        wallet: the address that was asked for, "" for none.
        signature_type: the kind that was asked for; None goes by the address, or takes a
            deposit wallet.

    Raises:
        ClobError: the address is no wallet of this key's, or one of another kind.
    """
    if not wallet:
        if signature_type in (None, SignatureType.DEPOSIT_WALLET):
            return None
        return wallet_address(owner, signature_type)
    try:
        found = wallet_type(owner, wallet)
    except ValueError as error:
        raise ClobError(str(error)) from None
    if found is None:
        raise ClobError(f"{wallet} is not a wallet of {owner}: use the key that owns it")
    if signature_type not in (None, found):
        raise ClobError(
            f"{wallet} is a wallet of signature type {found.value}, not {signature_type:d}"
        )
    return wallet


async def open_client(
    urls: VenueUrls,
    key: HiddenText,
    *,
    wallet: str | None,
    credentials: ApiCredentials | None,
    relayer: HiddenText | None = None,
    speed: float = 1.0,
    on_limits: Callable[[LimitState], None],
) -> tuple[AsyncSecureClient, TradingWallet, VenueContracts]:
    """Open the official client; the caller closes it.

    Args:
        urls: the venue's addresses.
        key: the private key in hex.
        wallet: see :func:`choose_wallet`.
        credentials: the API key; None derives it, or creates it where there is none.
        relayer: the relayer's API key, None for none.
        speed: market seconds a wall second.
        on_limits: told of a signer's bucket by every answer that speaks of it, synchronously
            and in the task that asked.

    Raises:
        ClobError: the venue refuses key, wallet or credentials, or does not answer.
    """
    from polymarket import AsyncSecureClient
    from polymarket.auth import RelayerApiKey
    from polymarket.models import ApiKeyCreds

    # At DEBUG the HTTP/2 codec writes down every header, and these hold the credentials.
    logging.getLogger("hpack").setLevel(logging.WARNING)
    environment = sdk_environment(urls, speed)
    given = relayed = None
    if relayer is not None:
        signer = PrivateKey.from_hex(key.reveal()).address
        relayed = RelayerApiKey(key=relayer.reveal(), address=signer)
    if credentials is not None:
        given = ApiKeyCreds(
            key=credentials.key, secret=credentials.secret, passphrase=credentials.passphrase
        )
    with without_proxy(urls.clob):
        try:
            with anyio.fail_after(_OPENING_S):
                client = await AsyncSecureClient.create(
                    private_key="0x" + key.reveal().strip().removeprefix("0x"),
                    wallet=wallet,
                    environment=environment,
                    credentials=given,
                    api_key=relayed,
                    on_rate_limit_update=lambda update: on_limits(
                        LimitState(
                            remaining=update.remaining,
                            reset_s=update.reset,
                            tier=update.tier,
                            is_warning=update.warning,
                        )
                    ),
                )
        except Exception as error:  # noqa: BLE001 - whatever it was, there is no account
            failure = failure_of(error)
            text = _UNDEPLOYED if _NEEDS_RELAYER in failure.text else failure.text
            raise ClobError(
                f"{urls.clob}: the account cannot be opened: {text}", failure.status
            ) from None
    try:
        await _unshare(client, is_local=is_loopback(urls.clob))
        if given is not None and client.credentials.key != given.key:
            # The client makes itself other ones without a word.
            raise ClobError(
                f"{urls.clob}: the API key {given.key} is not one of {client.signer}; "
                "give the right credentials, or none to have them derived"
            )
        address, owner = str(client.wallet), str(client.signer)
        kind = wallet_type(owner, address)
        if kind is None:
            raise ClobError(f"{address} is not a wallet of {owner}")
    except BaseException:
        with anyio.CancelScope(shield=True):
            await client.close()
        raise
    return client, TradingWallet(address, owner, kind), sdk_contracts(environment)


async def _unshare(client: AsyncSecureClient, *, is_local: bool) -> None:
    """Give every private request under way a connection of its own: HTTP/1.1.

    The client's HTTP/2 puts orders, cancels and heartbeats on one connection. One that hangs (a
    line that is gone and has not said so) hangs all of them, and since what is not answered in
    time is given up here before httpx notices, it is never replaced.
    """
    transport: Any = client._ctx.secure_clob
    shared: httpx.AsyncClient = transport._client
    transport._client = httpx.AsyncClient(
        base_url=shared.base_url,
        timeout=shared.timeout,
        event_hooks=shared.event_hooks,
        trust_env=not is_local,
    )
    await shared.aclose()


async def post(client: AsyncSecureClient, intents: Sequence[SignedIntent]) -> list[Leg]:
    """Post signed orders in one request; the legs as they were answered, perhaps fewer.

    Raises:
        Exception: the client's, for :func:`failure_of`.
    """
    orders = [_sdk_order(intent) for intent in intents]
    if len(orders) == 1:
        return [_leg(await client.post_order(orders[0]))]
    return [_leg(answer) for answer in await client.post_orders(orders)]


def failure_of(error: BaseException) -> Failure:
    """Return what an error of the official client says of its request.

    What it does not know (a defect of the client, say) is LOST: the request may have left.
    """
    from polymarket import errors

    text = " ".join(str(error).split()) or type(error).__name__
    match error:
        case TimeoutError():
            return Failure(kind=FailureKind.TIMEOUT, text="no answer in time")
        case errors.OrderHeartbeatMismatchError():
            return Failure(
                kind=FailureKind.STATUS,
                text=text,
                status=error.status,
                heartbeat_id=error.heartbeat_id,
            )
        case errors.RequestRejectedError():
            return Failure(
                kind=FailureKind.STATUS,
                text=text,
                status=error.status,
                retry_after_s=error.retry_after,
            )
        case errors.RateLimitError():
            limit = error.rate_limit
            return Failure(
                kind=FailureKind.STATUS,
                text=text,
                status=429,
                retry_after_s=error.retry_after,
                is_limiter=limit is not None,
                reset_s=None if limit is None else limit.reset,
            )
        case errors.UserInputError() | errors.SigningError():
            return Failure(kind=FailureKind.STATUS, text=f"invalid: {text}", status=400)
        case errors.UnexpectedResponseError():
            return Failure(kind=FailureKind.MALFORMED, text=text)
        case errors.TransportError():
            is_unsent = isinstance(error.__cause__, _NEVER_SENT)
            kind = FailureKind.NOT_SENT if is_unsent else FailureKind.LOST
            if isinstance(error.__cause__, httpx.TimeoutException) and not is_unsent:
                kind = FailureKind.TIMEOUT
            return Failure(kind=kind, text=text)
    return Failure(kind=FailureKind.LOST, text=f"{type(error).__name__}: {text}")


def _sdk_order(intent: SignedIntent) -> Any:
    from polymarket.models.clob.orders import SignedOrder

    order = intent.post.order
    return SignedOrder(
        builder=_as_named(order.builder),
        expiration=order.expiration_s,
        maker=_as_named(order.maker),
        maker_amount=int(order.maker_amount),
        metadata=_as_named(order.metadata),
        order_type=intent.post.order_type,
        post_only=intent.post.is_post_only,
        salt=order.salt,
        side=order.side.value,
        signature=_as_named(order.signature),
        signature_type=int(order.signature_type),
        signer=_as_named(order.signer),
        taker_amount=int(order.taker_amount),
        timestamp=int(order.timestamp),
        token_id=_as_named(order.token_id),
    )


def _as_named(text: str) -> Any:
    """A text where the client has a name of its own for texts."""
    return text


def _leg(answer: Any) -> Leg:
    if answer.ok:
        return Leg(is_accepted=True, venue_id=str(answer.order_id), status=str(answer.status))
    error = "" if answer.message == _NO_REASON else str(answer.message)
    return Leg(is_accepted=False, error=error, is_unmatched=answer.code == "unmatched")
