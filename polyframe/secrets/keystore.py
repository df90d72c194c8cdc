"""An encrypted key on disk: the Web3 v3 keystore that wallets exchange, with scrypt."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any, Final, cast

from polyframe.polymarket.keys import PrivateKey
from polyframe.secrets.files import CredentialsRefused, read_private
from polyframe.secrets.secret import Secret

SHORTEST_PASSWORD: Final = 8


def new_key() -> Secret:
    """Return a fresh private key as 64 hex digits, from the system's chance."""
    while True:
        digits = secrets.token_bytes(32).hex()
        try:
            PrivateKey.from_hex(digits)
        except ValueError:  # beyond the curve's order: once in 2**128 times
            continue
        return Secret(digits)


def write_keystore(path: Path, key_hex: Secret, password: Secret) -> str:
    """Write a key, encrypted, into a new file that only we can read; return its address.

    Args:
        path: where; what is there already is never overwritten.
        key_hex: 64 hex digits, with or without 0x.
        password: what opens it again.

    Raises:
        CredentialsRefused: no key, too short a password, or the file cannot be made.
    """
    # Imported here: only whoever opens or writes a keystore pays for the ciphers.
    from eth_keyfile.keyfile import create_keyfile_json

    if len(password.reveal()) < SHORTEST_PASSWORD:
        raise CredentialsRefused(
            "the keystore's password is too short", f"choose {SHORTEST_PASSWORD} characters or more"
        )
    key = _key_of(key_hex, "the key")
    digits = key_hex.reveal().strip().removeprefix("0x")
    locked = create_keyfile_json(bytes.fromhex(digits), _utf8(password), kdf="scrypt")
    text = json.dumps(locked | {"address": key.address[2:].lower()}) + "\n"
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(opened, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(opened)
    except FileExistsError:
        raise CredentialsRefused(
            f"{path}: exists already, and a keystore is never overwritten", "choose another path"
        ) from None
    except OSError as error:
        raise CredentialsRefused(
            f"{path}: cannot be written: {error.strerror}", "choose another path"
        ) from None
    return key.address


def read_keystore(path: Path, password: Secret) -> Secret:
    """Return the key of a keystore as 64 hex digits.

    Raises:
        CredentialsRefused: it is not there, not ours alone, no keystore, or the password is
            another one.
    """
    from eth_keyfile.keyfile import decode_keyfile_json

    content = read_private(path)
    if content is None:
        raise CredentialsRefused(f"{path}: there is no such keystore", "correct POLY_KEYSTORE")
    try:
        locked = json.loads(content)
        key = Secret(bytes(decode_keyfile_json(locked, _utf8(password))).hex())
        _key_of(key, str(path))
    except ValueError as error:
        if str(error) == "MAC mismatch":
            raise CredentialsRefused(
                f"{path}: the password does not open it",
                "correct POLY_KEYSTORE_PASSWORD, or leave it out to be asked",
            ) from None
        raise _no_keystore(path) from None
    # What eth-keyfile raises of JSON that is no keystore, or asks for a terabyte of memory.
    except (KeyError, TypeError, AttributeError, NotImplementedError, MemoryError):
        raise _no_keystore(path) from None
    return key


def _no_keystore(path: Path) -> CredentialsRefused:
    return CredentialsRefused(
        f"{path}: is no Web3 v3 keystore", "write one with 'polyframe keystore import PATH'"
    )


def _key_of(key_hex: Secret, what: str) -> PrivateKey:
    try:
        return PrivateKey.from_hex(key_hex.reveal())
    except ValueError:
        raise CredentialsRefused(
            f"{what} is no private key", "give 64 hex digits, with or without 0x"
        ) from None


def _utf8(password: Secret) -> str:
    # The library takes bytes too, and would read text as Latin-1, which other wallets do not.
    return cast("Any", password.reveal().encode())  # type: ignore[no-any-return]
