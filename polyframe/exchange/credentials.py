"""API keys the embedded exchange issues: a function of address, nonce and seed; pure."""

from __future__ import annotations

import base64
import hashlib

from polyframe.polymarket.auth import ApiCredentials
from polyframe.polymarket.keys import address_bytes


def issue_credentials(address: str, nonce: int, seed: int) -> ApiCredentials:
    """Return the same triple whenever the same key of an address is asked for.

    They protect nothing but a test exchange on loopback: whoever knows the seed knows them.

    Args:
        address: the signer's, in any letter case.
        nonce: which of its keys.
        seed: the exchange's.

    Raises:
        ValueError: no address.
    """

    def derived(what: str) -> bytes:
        text = f"{what}:{seed}:{address_bytes(address).hex()}:{nonce}"
        return hashlib.sha256(text.encode()).digest()

    return ApiCredentials(
        key=_uuid_text(derived("key")),
        secret=base64.urlsafe_b64encode(derived("secret")).decode(),
        passphrase=derived("passphrase").hex(),
    )


def _uuid_text(raw: bytes) -> str:
    """Sixteen bytes as a UUID that says it is random (RFC 9562, version 4)."""
    digits = bytearray(raw[:16])
    digits[6] = digits[6] & 0x0F | 0x40
    digits[8] = digits[8] & 0x3F | 0x80
    text = digits.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
