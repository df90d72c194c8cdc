"""Orders as the exchange contracts sign them (EIP-712, venue.md 1.4 to 1.6); pure.

The typed data is fixed, so it is encoded by hand: every field of an order is one 32-byte word.
An order's id is the digest its maker signs, on every wallet type (venue.md 1.6).
"""

from __future__ import annotations

from enum import Enum, IntEnum
from functools import lru_cache
from typing import Final

import msgspec

from polyframe.events import Side
from polyframe.polymarket import contracts
from polyframe.polymarket.keys import (
    SIGNATURE_BYTES,
    PrivateKey,
    address_bytes,
    checksum_address,
    keccak256,
    recover_address,
)

CHAIN_ID: Final = 137
ZERO_BYTES32: Final = bytes(32)

_ORDER_TYPE = (
    b"Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,"
    b"uint256 takerAmount,uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,"
    b"bytes32 builder)"
)
_DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_WRAPPED_TYPE = (
    b"TypedDataSign(Order contents,string name,string version,uint256 chainId,"
    b"address verifyingContract,bytes32 salt)" + _ORDER_TYPE
)
_ORDER_TYPE_HASH = keccak256(_ORDER_TYPE)
_WRAPPED_TYPE_HASH = keccak256(_WRAPPED_TYPE)
_WALLET_NAME_HASH = keccak256(b"DepositWallet")
_WALLET_VERSION_HASH = keccak256(b"1")
_TYPE_TRAILER = _ORDER_TYPE + len(_ORDER_TYPE).to_bytes(2, "big")
_WALLET_SIGNATURE_BYTES = SIGNATURE_BYTES + 64 + len(_TYPE_TRAILER)
# A session key's signature ends with this word (ERC-6492's magic; venue.md 1.5).
_SESSION_MAGIC = bytes.fromhex("6492" * 16)
_MOST_UINT256 = 2**256 - 1


class SignatureType(IntEnum):
    """Which wallet makes the order (venue.md 1.5)."""

    EOA = 0
    POLY_PROXY = 1
    GNOSIS_SAFE = 2
    DEPOSIT_WALLET = 3


class Exchange(Enum):
    """The three verifying contracts and their domain versions (venue.md 1.4)."""

    STANDARD = (contracts.STANDARD_EXCHANGE, "2")
    NEG_RISK = (contracts.NEG_RISK_EXCHANGE, "2")
    V3 = (contracts.EXCHANGE_V3, "3")

    @classmethod
    def of_market(cls, version: str, *, neg_risk: bool) -> Exchange:
        """Return the exchange of a market by Gamma's ``version`` ("v2", else CTF) and kind."""
        contract = contracts.exchange_contract(version, neg_risk=neg_risk)
        return next(one for one in cls if one.contract == contract)

    @property
    def contract(self) -> str:
        """The address of the verifying contract, which is also the spender of allowances."""
        return self.value[0]

    def domain_separator(self, chain_id: int = CHAIN_ID) -> bytes:
        """Return the EIP-712 domain separator."""
        return _domain_separator(*self.value, chain_id)


@lru_cache(maxsize=16)
def _domain_separator(contract: str, version: str, chain_id: int) -> bytes:
    return keccak256(
        keccak256(_DOMAIN_TYPE)
        + keccak256(b"Polymarket CTF Exchange")
        + keccak256(version.encode())
        + _word(chain_id)
        + _address_word(contract)
    )


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is signed: no expiration, no fee, no nonce (venue.md 0.2).

    Amounts are 1e-6 USD and micro-shares: a BUY makes USD and takes shares, a SELL the reverse.
    ``timestamp_ms`` only makes the order unique. ``metadata`` and ``builder`` are 32 bytes.
    """

    salt: int
    maker: str
    signer: str
    token_id: str
    maker_amount: int
    taker_amount: int
    side: Side
    signature_type: SignatureType
    timestamp_ms: int
    metadata: bytes = ZERO_BYTES32
    builder: bytes = ZERO_BYTES32


def struct_hash(order: Order) -> bytes:
    """Return the EIP-712 struct hash of an order.

    Raises:
        ValueError: a number beyond uint256, an address or a bytes32 that is none.
    """
    if len(order.metadata) != 32 or len(order.builder) != 32:
        raise ValueError("metadata and builder are 32 bytes each")
    return keccak256(
        _ORDER_TYPE_HASH
        + _word(order.salt)
        + _address_word(order.maker)
        + _address_word(order.signer)
        + _word(int(order.token_id))
        + _word(order.maker_amount)
        + _word(order.taker_amount)
        + _word(order.side is Side.SELL)
        + _word(order.signature_type)
        + _word(order.timestamp_ms)
        + order.metadata
        + order.builder
    )


def order_digest(order: Order, exchange: Exchange) -> bytes:
    """Return what an order's maker signs (types 0 to 2), 32 bytes; ValueError as above."""
    return _digest(exchange, struct_hash(order))


def order_id(order: Order, exchange: Exchange) -> str:
    """Return the order's id as the venue writes it: 0x and the digest in hex."""
    return "0x" + order_digest(order, exchange).hex()


def sign_order(order: Order, exchange: Exchange, key: PrivateKey) -> bytes:
    """Return the signature that goes on the wire, whatever the wallet type.

    A deposit wallet's (type 3) is 317 bytes: the owner's over the wrapped order, then what
    the wallet needs to check it (ERC-7739).
    """
    if order.signature_type is not SignatureType.DEPOSIT_WALLET:
        return key.sign(order_digest(order, exchange))
    return key.sign(_wrapped_digest(order, exchange)) + _trailer(order, exchange)


def order_signer(order: Order, exchange: Exchange, signature: bytes) -> str:
    """Return the address (with checksum) of the key that signed an order.

    For types 0 to 2 that must be ``order.signer``. For type 3 it is the owner of the deposit
    wallet ``order.signer``, or a session key: then the caller compares it with the address of
    the API key, and the owner's with :func:`polyframe.polymarket.wallets.deposit_wallets`.

    Raises:
        ValueError: not a signature of this order's type; for type 3 also one whose appended
            domain, contents or type string is not this order's.
    """
    if order.signature_type is not SignatureType.DEPOSIT_WALLET:
        return recover_address(order_digest(order, exchange), signature)
    session_signer, inner = _unwrapped(signature)
    if len(inner) != _WALLET_SIGNATURE_BYTES or inner[SIGNATURE_BYTES:] != _trailer(
        order, exchange
    ):
        raise ValueError("the wallet signature does not end with this order's domain and contents")
    signer = recover_address(_wrapped_digest(order, exchange), inner[:SIGNATURE_BYTES])
    if session_signer not in ("", signer):
        raise ValueError(f"the session key {session_signer} did not sign this")
    return signer


def _wrapped_digest(order: Order, exchange: Exchange) -> bytes:
    wrapped = keccak256(
        _WRAPPED_TYPE_HASH
        + struct_hash(order)
        + _WALLET_NAME_HASH
        + _WALLET_VERSION_HASH
        + _word(CHAIN_ID)
        + _address_word(order.signer)
        + ZERO_BYTES32
    )
    return _digest(exchange, wrapped)


def _trailer(order: Order, exchange: Exchange) -> bytes:
    return exchange.domain_separator() + struct_hash(order) + _TYPE_TRAILER


def _unwrapped(signature: bytes) -> tuple[str, bytes]:
    """The session key named by a wrapped signature ("" if it is not wrapped), and the inner one."""
    if not signature.endswith(_SESSION_MAGIC):
        return "", signature
    # abi.encode(bytes32 signerId, bytes32 0, bytes signature): three words, length, bytes, zeros.
    body = signature[: -len(_SESSION_MAGIC)]
    signer_id, empty, offset, length = (body[at : at + 32] for at in (0, 32, 64, 96))
    size = int.from_bytes(length, "big")
    inner, padding = body[128 : 128 + size], body[128 + size :]
    if (
        signer_id[:12] != bytes(12)
        or empty != ZERO_BYTES32
        or offset != _word(96)
        or len(inner) != size
        or padding != bytes(-size % 32)
    ):
        raise ValueError("the session key's signature is not wrapped as the wallet reads it")
    return checksum_address(signer_id[12:]), inner


def _digest(exchange: Exchange, hashed: bytes) -> bytes:
    return keccak256(b"\x19\x01" + exchange.domain_separator() + hashed)


def _word(number: int) -> bytes:
    if not 0 <= number <= _MOST_UINT256:
        raise ValueError(f"{str(number)[:90]} is no uint256")
    return number.to_bytes(32, "big")


def _address_word(address: str) -> bytes:
    return bytes(12) + address_bytes(address)
