"""A bare client of the exchange's private side: headers, bodies and signatures by our own code."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
from polymarket._internal.actions.relayer.gasless import build_safe_payload
from polymarket._internal.actions.relayer.signing.safe import sign_safe_transaction
from polymarket.calls import erc20_approval_call

from polyframe.events import Side
from polyframe.exchange.server import EmbeddedExchange
from polyframe.polymarket.amounts import limit_amounts
from polyframe.polymarket.auth import ApiCredentials, l1_headers, l2_headers
from polyframe.polymarket.contracts import COLLATERAL, STANDARD_EXCHANGE
from polyframe.polymarket.keys import PrivateKey, keccak256
from polyframe.polymarket.order_signing import CHAIN_ID, Exchange, Order, SignatureType, sign_order
from polyframe.polymarket.order_wire import OrderPost, OrderType, signed_order
from polyframe.polymarket.wallets import safe_wallet


def safe_approval(key: PrivateKey, nonce: int = 0) -> dict[str, Any]:
    """Return the body with which a key's Safe lets the standard exchange move its collateral."""
    safe = safe_wallet(key.address)
    call = erc20_approval_call(
        token_address=COLLATERAL, spender=STANDARD_EXCHANGE, amount=2**256 - 1
    )
    signature = sign_safe_transaction(
        _Signer(key), safe_address=safe, to=call.to, data=call.data, value=0, operation=0,
        nonce=str(nonce), chain_id=CHAIN_ID,
    )  # fmt: skip
    body: dict[str, Any] = build_safe_payload(
        signer_address=key.address, wallet=safe, target=call.to, data=call.data, value=0,
        operation=0, nonce=str(nonce), signature=signature, metadata="",
    )  # fmt: skip
    return body


class _Signer:
    """A key as the official client's signing functions use an account."""

    def __init__(self, key: PrivateKey) -> None:
        self._key = key

    def sign_message(self, message: Any) -> Any:
        digest = keccak256(b"\x19" + message.version + message.header + message.body)
        return SimpleNamespace(signature=self._key.sign(digest))


class PrivateClient:
    """One account; ``now_s`` is what it believes the time is."""

    def __init__(self, exchange: EmbeddedExchange, number: int) -> None:
        self.exchange = exchange
        self.key = PrivateKey(number.to_bytes(32))
        self.http = httpx.AsyncClient(base_url=exchange.urls.clob_url, trust_env=False)
        self.credentials = ApiCredentials("", "", "")
        self.now_s = exchange.clock() // 10**9
        self._salt = number * 1_000

    @property
    def address(self) -> str:
        return self.key.address

    async def __aenter__(self) -> PrivateClient:
        made = await self.http.post("/auth/api-key", headers=l1_headers(self.key, self.now_s))
        assert made.status_code == 200, made.text
        self.credentials = msgspec.json.decode(made.content, type=ApiCredentials)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.http.aclose()

    async def ask(
        self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None
    ) -> httpx.Response:
        """Send a private request with honest headers."""
        raw = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        headers = l2_headers(self.credentials, self.address, self.now_s, method, path, raw)
        return await self.http.request(method, path, params=query, content=raw, headers=headers)

    def post(
        self,
        token_id: str,
        price_e4: int,
        shares: int,
        *,
        side: Side = Side.BUY,
        order_type: OrderType = "GTC",
        post_only: bool = False,
        expiration_s: int = 0,
        exchange: Exchange = Exchange.STANDARD,
        kind: SignatureType = SignatureType.EOA,
        maker: str = "",
        signer: str = "",
        tick_e4: int = 1,
    ) -> dict[str, Any]:
        """Return the body of POST /order for a new, signed order."""
        self._salt += 1
        made, taken = limit_amounts(side, price_e4, shares * 10**6, tick_e4)
        order = Order(
            salt=self._salt,
            maker=maker or self.address,
            signer=signer or self.address,
            token_id=token_id,
            maker_amount=made,
            taker_amount=taken,
            side=side,
            signature_type=kind,
            timestamp_ms=self.now_s * 1_000,
        )
        signature = sign_order(order, exchange, self.key)
        body = OrderPost(
            order=signed_order(order, signature, expiration_s),
            order_type=order_type,
            owner=self.credentials.key,
            post_only=post_only or msgspec.UNSET,
        )
        plain: dict[str, Any] = msgspec.to_builtins(body)
        return plain
