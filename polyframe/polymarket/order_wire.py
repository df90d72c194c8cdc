"""The body of ``POST /order`` as structs, byte for byte as the official client sends it; pure.

Formats: venue.md 2.5. ``salt`` and ``signatureType`` are JSON numbers, everything else text.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from polyframe.events import Side
from polyframe.polymarket.order_signing import Order, SignatureType

OrderType = Literal["GTC", "GTD", "FOK", "FAK"]

_Uint = Annotated[str, msgspec.Meta(pattern=r"^(0|[1-9][0-9]*)$", max_length=78)]
_Address = Annotated[str, msgspec.Meta(pattern=r"^0x[0-9a-fA-F]{40}$")]
_Bytes32 = Annotated[str, msgspec.Meta(pattern=r"^0x[0-9a-fA-F]{64}$")]
_Hex = Annotated[str, msgspec.Meta(pattern=r"^0x([0-9a-fA-F]{2})*$", max_length=8_192)]


class SignedOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A signed order on the wire; ``expiration`` is Unix seconds, "0" unless GTD, and unsigned."""

    builder: _Bytes32
    expiration: _Uint
    maker: _Address
    maker_amount: _Uint
    metadata: _Bytes32
    salt: Annotated[int, msgspec.Meta(ge=0)]
    side: Side
    signature: _Hex
    signature_type: SignatureType
    signer: _Address
    taker_amount: _Uint
    timestamp: _Uint
    token_id: _Uint

    def order(self) -> Order:
        """Return what was signed, with numbers as integers."""
        return Order(
            salt=self.salt,
            maker=self.maker,
            signer=self.signer,
            token_id=self.token_id,
            maker_amount=int(self.maker_amount),
            taker_amount=int(self.taker_amount),
            side=self.side,
            signature_type=self.signature_type,
            timestamp_ms=int(self.timestamp),
            metadata=bytes.fromhex(self.metadata[2:]),
            builder=bytes.fromhex(self.builder[2:]),
        )

    @property
    def signature_bytes(self) -> bytes:
        """The signature without its 0x."""
        return bytes.fromhex(self.signature[2:])

    @property
    def expiration_s(self) -> int:
        """Unix seconds, 0 where the order has no end."""
        return int(self.expiration)


class OrderPost(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of ``POST /order``; ``POST /orders`` is an array of them.

    ``owner`` is the API key. ``post_only`` is left out unless it is said, as the official
    client does; the older one always says it.
    """

    defer_exec: bool = False
    order: SignedOrder
    order_type: OrderType
    owner: str
    post_only: bool | msgspec.UnsetType = msgspec.UNSET

    @property
    def is_post_only(self) -> bool:
        """Whether it must not take."""
        return self.post_only is True


def signed_order(order: Order, signature: bytes, expiration_s: int = 0) -> SignedOrder:
    """Return an order and its signature as they go on the wire."""
    return SignedOrder(
        builder="0x" + order.builder.hex(),
        expiration=str(expiration_s),
        maker=order.maker,
        maker_amount=str(order.maker_amount),
        metadata="0x" + order.metadata.hex(),
        salt=order.salt,
        side=order.side,
        signature="0x" + signature.hex(),
        signature_type=order.signature_type,
        signer=order.signer,
        taker_amount=str(order.taker_amount),
        timestamp=str(order.timestamp_ms),
        token_id=order.token_id,
    )
