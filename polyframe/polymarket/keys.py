"""Keccak, Ethereum addresses, and signatures of 32-byte digests over secp256k1; pure.

A signature is deterministic (RFC 6979): the same key and digest give the same bytes. Importing
this module loads the curve, so only what signs or verifies does.
"""

from __future__ import annotations

import re
from typing import Final, NoReturn

from coincurve import PrivateKey as _CurveKey
from coincurve import PublicKey as _CurvePoint
from Crypto.Hash import keccak as _keccak

SIGNATURE_BYTES: Final = 65
_V_OFFSET = 27  # Ethereum writes the recovery id 0 or 1 as 27 or 28
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_HALF_ORDER = _ORDER // 2


def keccak256(data: bytes) -> bytes:
    """Return Ethereum's Keccak-256, which is not the SHA3-256 of the standard library."""
    return _keccak.new(digest_bits=256, data=data).digest()


def checksum_address(raw: bytes) -> str:
    """Return 20 bytes as an address whose letter case is its checksum (EIP-55)."""
    digits = raw.hex()
    check = keccak256(digits.encode()).hex()
    cased = (
        digit.upper() if int(nibble, 16) >= 8 else digit
        for digit, nibble in zip(digits, check, strict=False)
    )
    return "0x" + "".join(cased)


def address_bytes(address: str) -> bytes:
    """Return the 20 bytes of an address in whatever letter case.

    Raises:
        ValueError: it is not 0x and 40 hex digits.
    """
    if not _ADDRESS.fullmatch(address):
        raise ValueError(f"{address[:60]!r} is no address: 0x and 40 hex digits")
    return bytes.fromhex(address[2:])


def recover_address(digest: bytes, signature: bytes) -> str:
    """Return the address whose key made this signature of a digest, with its checksum.

    Any well-formed signature belongs to some address: the caller compares it with the one
    that claims to have signed.

    Raises:
        ValueError: not 65 bytes ``r || s || v``, v not 27 or 28, an s in the upper half
            (contracts refuse it, EIP-2), or no point of the curve.
    """
    if len(signature) != SIGNATURE_BYTES or signature[-1] - _V_OFFSET not in (0, 1):
        raise ValueError("a signature is 65 bytes, the last of them 27 or 28")
    if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
        raise ValueError("the signature's s is in the upper half of the curve's order")
    recoverable = signature[:64] + bytes([signature[-1] - _V_OFFSET])
    try:
        point = _CurvePoint.from_signature_and_message(recoverable, digest, hasher=None)
    except Exception as error:  # noqa: BLE001 - the library raises bare Exception for a bad point
        raise ValueError(f"nobody can have signed this: {error}") from None
    return _address_of(point)


def _address_of(point: _CurvePoint) -> str:
    return checksum_address(keccak256(point.format(compressed=False)[1:])[12:])


class PrivateKey:
    """A secp256k1 key that can sign and say its address, and nothing else.

    It never shows itself: not in ``repr``, a format, a pickle or a copy. ``address`` is the
    Ethereum address with its checksum.
    """

    __slots__ = ("_key", "address")

    address: str

    def __init__(self, secret: bytes) -> None:
        """Take 32 bytes.

        Raises:
            ValueError: not 32 bytes, or no valid scalar; the message does not repeat them.
        """
        if len(secret) != 32 or not 0 < int.from_bytes(secret, "big") < _ORDER:
            raise ValueError("a private key is 32 bytes between 1 and the curve's order")
        self._key = _CurveKey(secret)
        self.address = _address_of(self._key.public_key)

    @classmethod
    def from_hex(cls, text: str) -> PrivateKey:
        """Read 64 hex digits, with or without ``0x``.

        Raises:
            ValueError: they are not; the message does not repeat them.
        """
        digits = text.strip().removeprefix("0x")
        if not re.fullmatch(r"[0-9a-fA-F]{64}", digits):
            raise ValueError("a private key is 64 hex digits, with or without 0x")
        return cls(bytes.fromhex(digits))

    def sign(self, digest: bytes) -> bytes:
        """Return the 65 bytes ``r || s || v`` of a 32-byte digest, v 27 or 28, s low."""
        recoverable = self._key.sign_recoverable(digest, hasher=None)
        return recoverable[:64] + bytes([recoverable[64] + _V_OFFSET])

    def __repr__(self) -> str:
        return f"PrivateKey({self.address})"

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a private key is neither pickled nor copied")
