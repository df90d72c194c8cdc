"""The relayer: who has no gas signs a batch of calls, and it is carried to the chain.

Wallets that are contracts (signature types 1 to 3) act through it. Routes, bodies and texts are
those the official client 0.14.0 speaks. One batch of a wallet is under way at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from aiohttp import web

from polyframe.exchange.chain.calls import (
    Call,
    Revert,
    call_of,
    hex_bytes,
    multisend_calls,
    proxy_calls,
)
from polyframe.exchange.chain.ledger import Chain, State
from polyframe.exchange.chain.signing import batch_signer, proxy_signer, safe_signer
from polyframe.exchange.payload import read_json
from polyframe.exchange.private.intake import wallet_of
from polyframe.exchange.rest_answers import answer, refusal
from polyframe.polymarket.contracts import PROXY_FACTORY, RELAY_HUB, SAFE_MULTISEND
from polyframe.polymarket.keys import address_bytes, checksum_address, keccak256
from polyframe.polymarket.order_signing import SignatureType
from polyframe.polymarket.wallets import wallet_type

RELAY = checksum_address(keccak256(b"polyframe relay")[12:])
"""Who carries proxy wallets' calls; the venue's relay has another address."""

_KINDS = {
    "WALLET": SignatureType.DEPOSIT_WALLET,
    "SAFE": SignatureType.GNOSIS_SAFE,
    "PROXY": SignatureType.POLY_PROXY,
}
_UNSIGNED = "invalid authorization"
_BAD = "bad request"
_BAD_SIGNATURE = "invalid signature"
_DELEGATE_CALL = 1


class _BatchCall(msgspec.Struct):
    target: str
    data: str
    value: str = "0"


class _BatchParams(msgspec.Struct, rename="camel"):
    deposit_wallet: str
    deadline: str
    calls: list[_BatchCall]


class _SignatureParams(msgspec.Struct, frozen=True, rename="camel"):
    gas_limit: str = "0"
    relay: str = ""
    relay_hub: str = ""
    operation: str = "0"


class _Submission(msgspec.Struct, rename="camel"):
    """The body of ``POST /submit``; which fields matter depends on the type."""

    type: str
    owner: str = msgspec.field(name="from")
    to: str
    nonce: str = ""
    signature: str = ""
    proxy_wallet: str = ""
    data: str = "0x"
    value: str = "0"
    deposit_wallet_params: _BatchParams | None = None
    signature_params: _SignatureParams = _SignatureParams()


class _Signed(msgspec.Struct, frozen=True):
    """What a submission asks for, once it is known who signed it."""

    wallet: str
    signer: str
    nonce: int
    calls: Sequence[Call]


_submission_decoder = msgspec.json.Decoder(_Submission)


class Relayer:
    """The relayer's routes.

    Args:
        chain: what it carries batches to.
        clock: market time, UTC ns.
        asked: called when somebody submits, to let market time begin.
    """

    def __init__(self, chain: Chain, clock: Callable[[], int], asked: Callable[[], None]) -> None:
        self._chain = chain
        self._clock = clock
        self._asked = asked

    def routes(self) -> list[web.RouteDef]:
        """Return the routes; a submission needs a key, whichever."""
        return [
            web.get("/deployed", self.deployed),
            web.get("/v1/account/transactions/params", self.parameters),
            web.get("/relay-payload", self.parameters),
            web.post("/submit", self.submit),
            web.get("/v1/account/transactions/{id}", self.transaction),
        ]

    async def deployed(self, request: web.Request) -> web.Response:
        """GET /deployed: every wallet exists, from the moment it is asked about.

        The official client asks before it trades from anything but the key's own address, and
        takes the wallet that exists: so must whoever answers for its balance (``wallet_of``).
        """
        try:
            address = checksum_address(address_bytes(request.query.get("address", "")))
        except ValueError:
            return refusal("invalid address")
        self._chain.desk.custody.wallet(address)
        return answer({"deployed": True})

    async def parameters(self, request: web.Request) -> web.Response:
        """GET /v1/account/transactions/params, /relay-payload: the nonce, and who relays."""
        kind = _KINDS.get(request.query.get("type", ""))
        try:
            owner = checksum_address(address_bytes(request.query.get("address", "")))
        except ValueError:
            return refusal("invalid address")
        if kind is None:
            return refusal("invalid type")
        wallet = wallet_of(owner, kind, tuple(self._chain.desk.custody.wallets))
        address = RELAY if request.path == "/relay-payload" else wallet
        return answer({"address": address, "nonce": str(self._chain.nonce(wallet))})

    async def submit(self, request: web.Request) -> web.Response:
        """POST /submit: check who signed it, and carry it."""
        try:
            body = read_json(_submission_decoder, await request.read())
        except msgspec.MsgspecError:
            return refusal(_BAD)
        if not _is_authorised(request, body.owner):
            return refusal(_UNSIGNED, 401)
        try:
            kind = _KINDS.get(body.type)
            signed = None if kind is None else _READERS[kind](body)
            is_owners = (
                signed is not None
                and signed.signer.lower() == body.owner.lower()
                and wallet_type(body.owner, signed.wallet) is kind
            )
        except (ValueError, Revert):
            return refusal(_BAD_SIGNATURE if body.type in _KINDS else _BAD)
        if signed is None:
            return refusal(_BAD)
        if not is_owners:
            return refusal(_BAD_SIGNATURE)
        self._asked()
        now_ns = self._clock()
        if (
            body.deposit_wallet_params is not None
            and int(body.deposit_wallet_params.deadline) * 10**9 < now_ns
        ):
            return refusal("batch deadline has passed")
        return self._carry(signed, body, kind is not SignatureType.POLY_PROXY, now_ns)

    def _carry(
        self, signed: _Signed, body: _Submission, is_contract: bool, now_ns: int
    ) -> web.Response:
        under_way = self._chain.pending(signed.wallet)
        if under_way is not None:
            return refusal(f"wallet busy: active action {under_way.transaction_id}")
        expected = self._chain.nonce(signed.wallet)
        if signed.nonce != expected:
            return refusal(f"batch nonce {signed.nonce} does not match on-chain nonce {expected}")
        made = self._chain.submit(
            signed.wallet, body.owner, signed.calls, now_ns, spends_nonce=not is_contract
        )
        return answer(
            {"transactionID": made.transaction_id, "transactionHash": "", "state": made.state}
        )

    async def transaction(self, request: web.Request) -> web.Response:
        """GET /v1/account/transactions/{id}: how far it is."""
        made = self._chain.by_id.get(request.match_info["id"])
        if made is None:
            return refusal("transaction not found", 404)
        told: dict[str, Any] = {
            "transaction_id": made.transaction_id,
            "transaction_hash": "" if made.state is State.NEW else made.hash,
            "state": made.state,
        }
        return answer(told | ({"error_msg": made.error} if made.error else {}))


def _is_authorised(request: web.Request, owner: str) -> bool:
    """Whether a key of the relayer or of a builder is shown; whose keys exist is not known here."""
    headers = request.headers
    if headers.get("RELAYER_API_KEY"):
        return headers.get("RELAYER_API_KEY_ADDRESS", "").lower() == owner.lower()
    return bool(headers.get("POLY_BUILDER_API_KEY") and headers.get("POLY_BUILDER_SIGNATURE"))


def _batch(body: _Submission) -> _Signed:
    params = body.deposit_wallet_params
    if params is None or not params.calls:
        raise ValueError("no calls")
    calls = [call_of(one.target, one.data, int(one.value)) for one in params.calls]
    nonce, deadline_s = int(body.nonce), int(params.deadline)
    wallet = checksum_address(address_bytes(params.deposit_wallet))
    signer = batch_signer(wallet, nonce, deadline_s, calls, hex_bytes(body.signature))
    return _Signed(wallet, signer, nonce, calls)


def _safe(body: _Submission) -> _Signed:
    outer = call_of(body.to, body.data, int(body.value))
    nonce, operation = int(body.nonce), int(body.signature_params.operation)
    wallet = checksum_address(address_bytes(body.proxy_wallet))
    signer = safe_signer(wallet, nonce, operation, outer, hex_bytes(body.signature))
    is_many = operation == _DELEGATE_CALL
    if is_many and outer.target.lower() != SAFE_MULTISEND.lower():
        raise ValueError("delegates to a stranger")
    return _Signed(wallet, signer, nonce, multisend_calls(outer.data) if is_many else [outer])


def _proxy(body: _Submission) -> _Signed:
    params = body.signature_params
    hub = params.relay_hub.lower()
    if body.to.lower() != PROXY_FACTORY.lower() or hub != RELAY_HUB.lower():
        raise ValueError("another factory or hub")
    data, nonce = hex_bytes(body.data), int(body.nonce)
    wallet = checksum_address(address_bytes(body.proxy_wallet))
    signer = proxy_signer(
        body.owner, PROXY_FACTORY, data, int(params.gas_limit), nonce, params.relay,
        hex_bytes(body.signature),
    )  # fmt: skip
    return _Signed(wallet, signer, nonce, proxy_calls(data))


_READERS: dict[SignatureType, Callable[[_Submission], _Signed]] = {
    SignatureType.DEPOSIT_WALLET: _batch,
    SignatureType.GNOSIS_SAFE: _safe,
    SignatureType.POLY_PROXY: _proxy,
}
