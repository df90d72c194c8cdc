"""The venue's two ways to say who asks: a signed L1 message, and an L2 HMAC per request; pure.

Formats: venue.md 1.7. Time is the caller's, Unix seconds.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import msgspec

from polyframe.polymarket.keys import PrivateKey, address_bytes, keccak256, recover_address
from polyframe.polymarket.order_signing import CHAIN_ID

CLOB_AUTH_MESSAGE = "This message attests that I control the given wallet"

_AUTH_TYPE_HASH = keccak256(
    b"ClobAuth(address address,string timestamp,uint256 nonce,string message)"
)
_DOMAIN_TYPE_HASH = keccak256(b"EIP712Domain(string name,string version,uint256 chainId)")
_DOMAIN_SEPARATOR = keccak256(
    _DOMAIN_TYPE_HASH + keccak256(b"ClobAuthDomain") + keccak256(b"1") + CHAIN_ID.to_bytes(32)
)
_MESSAGE_HASH = keccak256(CLOB_AUTH_MESSAGE.encode())


class ApiCredentials(msgspec.Struct, frozen=True):
    """An API key (a UUID) with its secret (urlsafe base64) and passphrase, as REST sends them.

    Only the key shows in a ``repr``: it is in every order's body anyway.
    """

    key: str = msgspec.field(name="apiKey")
    secret: str
    passphrase: str

    def __repr__(self) -> str:
        return f"ApiCredentials(key={self.key!r}, secret=..., passphrase=...)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        # msgspec has one that shows every field, and a traceback with locals asks for it.
        return [("key", self.key)]


def clob_auth_digest(address: str, timestamp: str, nonce: int) -> bytes:
    """Return the EIP-712 digest of the L1 message, 32 bytes.

    Args:
        address: the signer's.
        timestamp: Unix seconds, as the header says them.
        nonce: which of the address's API keys is meant, from 0.

    Raises:
        ValueError: no address, or a nonce beyond uint256.
    """
    if not 0 <= nonce < 2**256:
        raise ValueError(f"a nonce is a uint256, not {str(nonce)[:90]}")
    hashed = keccak256(
        _AUTH_TYPE_HASH
        + bytes(12)
        + address_bytes(address)
        + keccak256(timestamp.encode())
        + nonce.to_bytes(32)
        + _MESSAGE_HASH
    )
    return keccak256(b"\x19\x01" + _DOMAIN_SEPARATOR + hashed)


def clob_auth_signer(address: str, timestamp: str, nonce: int, signature: bytes) -> str:
    """Return who signed the L1 message; honest only if it is ``address``.

    Raises:
        ValueError: no address, no nonce, or no signature.
    """
    return recover_address(clob_auth_digest(address, timestamp, nonce), signature)


def l1_headers(key: PrivateKey, timestamp_s: int, nonce: int = 0) -> dict[str, str]:
    """Return the headers with which an API key is created or derived."""
    signature = key.sign(clob_auth_digest(key.address, str(timestamp_s), nonce))
    return {
        "POLY_ADDRESS": key.address,
        "POLY_SIGNATURE": "0x" + signature.hex(),
        "POLY_TIMESTAMP": str(timestamp_s),
        "POLY_NONCE": str(nonce),
    }


def l2_signature(
    secret: str, timestamp_s: int | str, method: str, path: str, body: bytes = b""
) -> str:
    """Return the HMAC of one request, urlsafe base64.

    Args:
        secret: the API secret, urlsafe base64, its padding optional.
        timestamp_s: Unix seconds, as the header says them.
        method: upper case.
        path: without the query.
        body: the bytes that are sent.

    Raises:
        ValueError: the secret is no base64.
    """
    raw = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    message = f"{timestamp_s}{method}{path}".encode() + body
    return base64.urlsafe_b64encode(hmac.new(raw, message, hashlib.sha256).digest()).decode()


def l2_headers(
    credentials: ApiCredentials,
    address: str,
    timestamp_s: int,
    method: str,
    path: str,
    body: bytes = b"",
) -> dict[str, str]:
    """Return the headers of one private request; ``address`` is the signer's, never a wallet's."""
    return {
        "POLY_ADDRESS": address,
        "POLY_API_KEY": credentials.key,
        "POLY_PASSPHRASE": credentials.passphrase,
        "POLY_SIGNATURE": l2_signature(credentials.secret, timestamp_s, method, path, body),
        "POLY_TIMESTAMP": str(timestamp_s),
    }
