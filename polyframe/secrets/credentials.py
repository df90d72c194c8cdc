"""Who trades, from keystore, environment or ``.env``: loaded by production and the operator only.

Nothing here prints, logs or exports a value, and no message repeats one.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from polyframe.polymarket.auth import ApiCredentials, l2_signature
from polyframe.polymarket.keys import PrivateKey, address_bytes, checksum_address
from polyframe.polymarket.order_building import TradingWallet, wallet_address
from polyframe.polymarket.order_signing import SignatureType
from polyframe.polymarket.wallets import deposit_wallets, proxy_wallet, safe_wallet, wallet_type
from polyframe.secrets.files import CredentialsRefused, read_private
from polyframe.secrets.keystore import read_keystore
from polyframe.secrets.redactor import Redactor
from polyframe.secrets.secret import Secret

KEY: Final = "POLY_PRIVATE_KEY"
API_KEY: Final = "POLY_API_KEY"
API_SECRET: Final = "POLY_API_SECRET"
API_PASSPHRASE: Final = "POLY_API_PASSPHRASE"
WALLET: Final = "TRADING_ADDRESS"
KEYSTORE: Final = "POLY_KEYSTORE"
PASSWORD: Final = "POLY_KEYSTORE_PASSWORD"
SIGNATURE: Final = "POLY_SIGNATURE_TYPE"
RELAYER: Final = "POLY_RELAYER_KEY"
NAMES: Final = (
    KEY, API_KEY, API_SECRET, API_PASSPHRASE, WALLET, KEYSTORE, PASSWORD, SIGNATURE, RELAYER
)  # fmt: skip
ENV_FILE: Final = ".env"

AskPassword = Callable[[str], str]
_API = (API_KEY, API_SECRET, API_PASSPHRASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSecrets:
    """An API key whose other two parts stay hidden; the key itself is in every order's body."""

    key: str
    secret: Secret
    passphrase: Secret

    def reveal(self) -> ApiCredentials:
        """Return the three as a request's signature needs them."""
        return ApiCredentials(self.key, self.secret.reveal(), self.passphrase.reveal())


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who trades.

    ``key_hex`` is ``key`` as the official client wants it. ``api`` is None where only the key is
    known: the triple is then derived from it. ``wallet`` holds the funds, and the account's folder
    is named after it; where it ``is_wallet_named`` by nobody, it follows from the key and
    ``signature_type``, or is the key's newer deposit wallet. ``origin`` says in words where the key
    was found, and holds no secret.
    ``relayer`` is the relayer's API key, without which no wallet but a plain address can merge,
    redeem or approve.
    """

    key: PrivateKey
    key_hex: Secret
    api: ApiSecrets | None
    wallet: str
    is_wallet_named: bool
    signature_type: SignatureType
    origin: str
    password: Secret | None = None
    relayer: Secret | None = None

    @property
    def signer(self) -> str:
        """The key's own address: who signs, and whom API keys and rate limits belong to."""
        return self.key.address

    @property
    def account(self) -> str:
        """The address the account's folder is named after: the wallet's, before any network."""
        return self.wallet

    @property
    def trading_wallet(self) -> TradingWallet:
        """Whose money it is."""
        return TradingWallet(self.wallet, self.signer, self.signature_type)

    def redactor(self) -> Redactor:
        """Return what strikes these secrets out of a text."""
        api = () if self.api is None else (self.api.secret, self.api.passphrase)
        password = () if self.password is None else (self.password,)
        relayer = () if self.relayer is None else (self.relayer,)
        return Redactor((self.key_hex, *api, *password, *relayer))


def load_credentials(
    environ: Mapping[str, str], folder: Path, ask_password: AskPassword | None = None
) -> Credentials:
    """Return who trades; core dumps of this process are off from here on.

    A keystore (``POLY_KEYSTORE``) comes before a bare key; each name is looked for in the
    environment and then in ``.env``. A name without a value counts as absent.

    Args:
        environ: the environment; it is read and never changed.
        folder: where ``.env`` may lie: the working directory.
        ask_password: asks for the password of the keystore whose path it is given; None where
            nobody is there to answer.

    Raises:
        CredentialsRefused: something is missing, malformed, readable by others, or contradicts
            something else; the message is one line and repeats no value.
    """
    forbid_core_dumps()
    values, places = _values(environ, folder)
    key_hex, origin, password = _key(values, places, folder, ask_password)
    try:
        key = PrivateKey.from_hex(key_hex.reveal())
    except ValueError:
        raise CredentialsRefused(
            f"{KEY} of {origin} is no private key", "give 64 hex digits, with or without 0x"
        ) from None
    wallet, kind = _wallet(values, key.address)
    return Credentials(
        key=key,
        key_hex=key_hex,
        api=_api(values),
        wallet=wallet,
        is_wallet_named=WALLET in values,
        signature_type=kind,
        origin=origin,
        password=password,
        relayer=values.get(RELAYER),
    )


def forbid_core_dumps() -> None:
    """Keep this process's memory out of core files, where the system knows such a limit."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _values(environ: Mapping[str, str], folder: Path) -> tuple[dict[str, Secret], dict[str, str]]:
    """Return each name's value, and in words where it was found."""
    path = folder / ENV_FILE
    values: dict[str, Secret] = {}
    places: dict[str, str] = {}
    for place, found in (("the environment", environ), (ENV_FILE, _env_file(path))):
        for name in NAMES:
            if name not in values and (text := (found.get(name) or "").strip()):
                values[name], places[name] = Secret(text), place
    return values, places


def _env_file(path: Path) -> Mapping[str, str | None]:
    content = read_private(path)
    if content is None:
        return {}
    # Imported here: most runs have no such file.
    from dotenv import dotenv_values

    try:
        # Not interpolated: a passphrase may hold ${...}.
        return dotenv_values(stream=io.StringIO(content.decode()), interpolate=False)
    except UnicodeDecodeError:
        raise CredentialsRefused(f"{path}: is not UTF-8", "save it as UTF-8") from None


def _key(
    values: Mapping[str, Secret],
    places: Mapping[str, str],
    folder: Path,
    ask_password: AskPassword | None,
) -> tuple[Secret, str, Secret | None]:
    """Return the key, where it was found, and the password it took."""
    if KEYSTORE not in values:
        if KEY not in values:
            raise CredentialsRefused(
                "no key to sign with",
                f"name a keystore in {KEYSTORE} ('polyframe keystore new PATH' writes one), or set "
                f"{KEY} in the environment or in a {ENV_FILE} with mode 600",
            )
        return values[KEY], places[KEY], None
    named = values[KEYSTORE].reveal()
    if looks_like_key(named):
        raise CredentialsRefused(
            f"{KEYSTORE} holds what looks like a key", f"give a path; a bare key goes into {KEY}"
        )
    path = Path(named).expanduser()
    path = path if path.is_absolute() else folder / path
    password = values.get(PASSWORD)
    if password is None:
        if ask_password is None:
            raise CredentialsRefused(
                f"keystore {path}: no password", f"set {PASSWORD}, or start from a terminal"
            )
        password = Secret(ask_password(str(path)))
    key_hex = read_keystore(path, password)
    if KEY in values and not _is_same_key(values[KEY], key_hex):
        raise CredentialsRefused(
            f"{KEY} is another key than that of {KEYSTORE}", "leave one of them out"
        )
    return key_hex, f"keystore {path}", password


def looks_like_key(text: str) -> bool:
    """Return whether a text could be a private key: 64 hex digits, with or without 0x."""
    return re.fullmatch(r"(0x)?[0-9a-fA-F]{64}", text.strip()) is not None


def _is_same_key(bare: Secret, key_hex: Secret) -> bool:
    return Secret(bare.reveal().strip().removeprefix("0x").lower()) == key_hex


def _api(values: Mapping[str, Secret]) -> ApiSecrets | None:
    missing = [name for name in _API if name not in values]
    if len(missing) == len(_API):
        return None
    if missing:
        raise CredentialsRefused(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set, "
            "other parts of the API key are",
            "set all three, or none to derive them from the key",
        )
    key, secret, passphrase = (values[name] for name in _API)
    if not re.fullmatch(r"[0-9a-zA-Z-]{8,64}", key.reveal()):
        raise CredentialsRefused(f"{API_KEY} is no API key", "give a UUID")
    try:
        l2_signature(secret.reveal(), 0, "GET", "/")
    except ValueError:
        raise CredentialsRefused(f"{API_SECRET} is no API secret", "give urlsafe base64") from None
    return ApiSecrets(key=key.reveal(), secret=secret, passphrase=passphrase)


def _wallet(values: Mapping[str, Secret], signer: str) -> tuple[str, SignatureType]:
    """Return the wallet, and the signature type that goes with it."""
    said = _signature_type(values)
    if WALLET not in values:
        # Of its two deposit wallets the chain knows which has been used; a name must not wait for
        # the chain, so it is the newer one until somebody names the other.
        kind = SignatureType.DEPOSIT_WALLET if said is None else said
        return wallet_address(signer, kind), kind
    try:
        wallet = checksum_address(address_bytes(values[WALLET].reveal()))
    except ValueError:
        raise CredentialsRefused(f"{WALLET} is no address", "give 0x and 40 hex digits") from None
    kind_of_it = wallet_type(signer, wallet)
    if kind_of_it is None:
        # Neither is a session key of a stranger's deposit wallet of any use: no order of ours is
        # signed by one, and whose balance, trades and heartbeat it would see is told nowhere.
        raise CredentialsRefused(
            f"{WALLET} {wallet} is no wallet of the key's address {signer}",
            f"give one of {', '.join(wallets_of(signer))}, or the key that owns that wallet: a "
            "session key cannot trade here",
        )
    if said is not None and said is not kind_of_it:
        raise CredentialsRefused(
            f"{SIGNATURE} is {int(said)}, but {WALLET} {wallet} is of type {int(kind_of_it)}",
            "leave it out: it follows from the address",
        )
    return wallet, kind_of_it


def _signature_type(values: Mapping[str, Secret]) -> SignatureType | None:
    if SIGNATURE not in values:
        return None
    try:
        return SignatureType(int(values[SIGNATURE].reveal()))
    except ValueError:
        raise CredentialsRefused(
            f"{SIGNATURE} is no signature type", "give 0, 1, 2 or 3, or leave it out"
        ) from None


def wallets_of(signer: str) -> tuple[str, ...]:
    """Return the addresses a key of this address can trade from, the most likely first."""
    return (*deposit_wallets(signer), proxy_wallet(signer), safe_wallet(signer), signer)
