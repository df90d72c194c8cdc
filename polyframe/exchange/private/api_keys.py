"""API keys of the exchange and who may ask with them (venue.md 1.7); pure.

A key is deterministic in the exchange's seed, the address and the nonce, so that a restarted
exchange knows the keys of the one before; a key counts only after it was created or derived.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

import msgspec

from polyframe.exchange.trading.venue_ids import venue_uuid
from polyframe.polymarket.auth import ApiCredentials, clob_auth_signer, l2_signature

BAD_L1 = "Invalid L1 Request headers"
BAD_L2 = "Unauthorized/Invalid api key"
EXISTS = "Could not create api key"
_MOST_HEADER_CHARS = 400


class Caller(msgspec.Struct, frozen=True):
    """Who asks: the API key and the signer's address."""

    api_key: str
    address: str


class ApiKeys:
    """The keys that exist.

    Args:
        seed: of secrets and passphrases.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._keys: dict[str, tuple[ApiCredentials, Caller]] = {}

    def credentials(self, address: str, nonce: int) -> ApiCredentials:
        """Return the triple of an address and a nonce, whether it exists or not."""
        name = f"{self._seed}:{address.lower()}:{nonce}"
        secret = hashlib.sha256(f"secret:{name}".encode()).digest()
        return ApiCredentials(
            venue_uuid(f"key:{name}"),
            base64.urlsafe_b64encode(secret).decode(),
            hashlib.sha256(f"passphrase:{name}".encode()).hexdigest(),
        )

    def create(self, address: str, nonce: int) -> ApiCredentials | None:
        """Create a key; None when this address has one for this nonce."""
        made = self.credentials(address, nonce)
        return None if made.key in self._keys else self._add(made, address)

    def derive(self, address: str, nonce: int) -> ApiCredentials | None:
        """Return an existing key's triple, None when it was not created."""
        made = self.credentials(address, nonce)
        return made if made.key in self._keys else None

    def of_address(self, address: str) -> list[str]:
        """Return an address's keys, oldest first."""
        keys = self._keys.values()
        return [one.key for one, caller in keys if caller.address.lower() == address.lower()]

    def delete(self, api_key: str) -> None:
        """Let a key exist no longer."""
        self._keys.pop(api_key, None)

    def caller_of_socket(self, api_key: str, secret: str, passphrase: str) -> Caller | None:
        """Return who a socket's raw credentials belong to, None when they are wrong."""
        found = self._keys.get(api_key)
        if found is None:
            return None
        known, caller = found
        is_right = hmac.compare_digest(_bytes(known.secret), _bytes(secret))
        is_right &= hmac.compare_digest(_bytes(known.passphrase), _bytes(passphrase))
        return caller if is_right else None

    def caller_of_request(
        self, headers: Mapping[str, str], method: str, path: str, body: bytes
    ) -> Caller | None:
        """Return who signed a request with L2 headers, None when the signature is wrong.

        ``path`` is without the query, ``body`` exactly what was sent.
        """
        found = self._keys.get(headers.get("POLY_API_KEY", ""))
        if found is None:
            return None
        known, caller = found
        timestamp = headers.get("POLY_TIMESTAMP", "")[:_MOST_HEADER_CHARS]
        try:
            wanted = l2_signature(known.secret, timestamp, method, path, body)
        except UnicodeError:  # header bytes that are no text were never signed
            return None
        given = headers.get("POLY_SIGNATURE", "")
        is_right = hmac.compare_digest(_bytes(wanted), _bytes(given))
        passphrase = headers.get("POLY_PASSPHRASE", "")
        is_right &= hmac.compare_digest(_bytes(known.passphrase), _bytes(passphrase))
        is_right &= headers.get("POLY_ADDRESS", "").lower() == caller.address.lower()
        return caller if is_right else None

    def _add(self, made: ApiCredentials, address: str) -> ApiCredentials:
        self._keys[made.key] = (made, Caller(made.key, address))
        return made


def l1_caller(headers: Mapping[str, str]) -> tuple[str, int] | None:
    """Return the address and nonce of a signed L1 request, None when it is not signed by it."""
    address = headers.get("POLY_ADDRESS", "")
    try:
        nonce = int(headers.get("POLY_NONCE", "0")[:_MOST_HEADER_CHARS])
        signature = bytes.fromhex(headers.get("POLY_SIGNATURE", "").removeprefix("0x"))
        signer = clob_auth_signer(address, headers.get("POLY_TIMESTAMP", ""), nonce, signature)
    except ValueError:
        return None
    return (signer, nonce) if signer.lower() == address.lower() else None


def _bytes(text: str) -> bytes:
    """Return the bytes of what a stranger sent, also where it is no text."""
    return text.encode(errors="surrogatepass")
