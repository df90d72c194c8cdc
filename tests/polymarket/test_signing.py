"""Keys, orders, auth and wallets: venue.md's vectors, and the official client as the oracle."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from typing import get_args

import msgspec
import pytest
from eth_account import Account
from eth_utils import keccak, to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st
from polymarket._internal import wallet as sdk_wallet
from polymarket._internal.actions.orders.post import build_post_order_request
from polymarket._internal.actions.orders.typed_data import (
    build_order_signature,
    build_order_typed_data,
)
from polymarket._internal.actions.orders.types import UnsignedOrder
from polymarket._internal.hmac import build_hmac_signature
from polymarket._internal.l1_auth import sign_api_key_auth
from polymarket.environments import PRODUCTION
from polymarket.models.clob.orders import OrderType as SdkOrderType
from polymarket.models.clob.orders import SignedOrder as SdkSignedOrder

from polyframe.events import Side
from polyframe.polymarket.auth import (
    ApiCredentials,
    clob_auth_signer,
    l1_headers,
    l2_headers,
    l2_signature,
)
from polyframe.polymarket.keys import (
    PrivateKey,
    address_bytes,
    checksum_address,
    keccak256,
    recover_address,
)
from polyframe.polymarket.order_signing import (
    Exchange,
    Order,
    SignatureType,
    order_digest,
    order_id,
    order_signer,
    sign_order,
    struct_hash,
)
from polyframe.polymarket.order_wire import OrderPost, OrderType, SignedOrder, signed_order
from polyframe.polymarket.wallets import deposit_wallets, proxy_wallet, safe_wallet, wallet_type

# The key of venue.md 9: the integer 1.
KEY = PrivateKey((1).to_bytes(32))
ADDRESS = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
DEPOSIT = "0x73310C2E333fB7fb177Dcb43e164958a9D443d6f"
TOKEN = "107505882767731489358349912513945399560393482969656700824895970500493757150417"
ORDER = Order(
    salt=479249096354,
    maker=ADDRESS,
    signer=ADDRESS,
    token_id=TOKEN,
    maker_amount=5200000,
    taker_amount=10000000,
    side=Side.BUY,
    signature_type=SignatureType.EOA,
    timestamp_ms=1782753357257,
)
FROM_WALLET = msgspec.structs.replace(
    ORDER, maker=DEPOSIT, signer=DEPOSIT, signature_type=SignatureType.DEPOSIT_WALLET
)
DERIVATION = PRODUCTION._config.wallet_derivation

keys = st.integers(1, 2**255).map(lambda number: PrivateKey(number.to_bytes(32)))
addresses = st.binary(min_size=20, max_size=20).map(checksum_address)
amounts = st.integers(0, 2**256 - 1)
orders = st.builds(
    Order,
    salt=st.integers(0, 2**53 - 1),
    maker=addresses,
    signer=addresses,
    token_id=amounts.map(str),
    maker_amount=amounts,
    taker_amount=amounts,
    side=st.sampled_from(Side),
    signature_type=st.sampled_from(SignatureType),
    timestamp_ms=st.integers(0, 2**53),
    metadata=st.binary(min_size=32, max_size=32),
    builder=st.binary(min_size=32, max_size=32),
)


def sdk_order(order: Order, exchange: Exchange) -> UnsignedOrder:
    return UnsignedOrder(
        chain_id=137,
        builder="0x" + order.builder.hex(),
        exchange_address=exchange.contract,
        expiration=0,
        maker=order.maker,
        maker_amount=order.maker_amount,
        metadata="0x" + order.metadata.hex(),
        order_type="GTC",
        salt=order.salt,
        side=order.side.value,
        signature_type=int(order.signature_type),
        signer=order.signer,
        taker_amount=order.taker_amount,
        timestamp=order.timestamp_ms,
        token_id=order.token_id,
        protocol_version=exchange.value[1],
    )


def sdk_signature(order: Order, exchange: Exchange, secret: bytes) -> str:
    unsigned = sdk_order(order, exchange)
    typed = build_order_typed_data(unsigned)
    signed = Account.from_key(secret).sign_typed_data(full_message=typed)
    return build_order_signature(unsigned, "0x" + signed.signature.hex())


# --- keys ----------------------------------------------------------------------------


def test_the_key_of_the_vectors_has_their_address() -> None:
    assert KEY.address == ADDRESS
    for text in ("0x" + "00" * 31 + "01", "00" * 31 + "01\n"):
        assert PrivateKey.from_hex(text).address == ADDRESS


def test_a_private_key_never_shows_itself() -> None:
    secret = bytes(range(1, 33))
    key = PrivateKey(secret)
    shown = [repr(key), str(key), f"{key}", f"{key:>99}", repr([key]), ascii(key)]
    assert not [text for text in shown if secret.hex()[:8] in text]
    assert all(key.address in text for text in shown)
    for take in (pickle.dumps, copy.copy, copy.deepcopy, msgspec.json.encode, json.dumps):
        with pytest.raises(TypeError):
            take(key)
    assert not hasattr(key, "__dict__")


@pytest.mark.parametrize("text", ["", "0x12", "zz" * 32, "00" * 32, "ff" * 32, "deadbeef" * 9])
def test_a_wrong_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="a private key is") as caught:
        PrivateKey.from_hex(text)
    assert not text or text not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.binary(max_size=80), st.binary(min_size=20, max_size=20))
def test_keccak_and_checksums_are_ethereums(data: bytes, raw: bytes) -> None:
    assert keccak256(data) == keccak(data)
    assert checksum_address(raw) == to_checksum_address(raw)
    assert address_bytes(checksum_address(raw)) == raw


@given(keys, st.binary(min_size=32, max_size=32))
@settings(max_examples=30)
def test_who_signed_is_recovered(key: PrivateKey, digest: bytes) -> None:
    signature = key.sign(digest)
    assert recover_address(digest, signature) == key.address
    assert signature == key.sign(digest)


def test_a_malleable_or_broken_signature_is_refused() -> None:
    digest = keccak256(b"anything")
    signature = KEY.sign(digest)
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    high = (order - int.from_bytes(signature[32:64])).to_bytes(32)
    flipped = signature[:32] + high + bytes([27 + 28 - signature[64]])
    for broken in (
        flipped,
        signature[:64],
        signature[:64] + b"\x00",
        bytes(64) + b"\x1b",
        b"\xff" * 32 + signature[32:],
        signature + b"\x00",
    ):
        with pytest.raises(ValueError, match=r"signature|signed"):
            recover_address(digest, broken)


# --- orders --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exchange", "separator", "digest"),
    [
        (
            Exchange.STANDARD,
            "3264e159346253e26a64e00b69032db0e7d32f94628de3e6eecb50304d7af3d2",
            "2739e86ee098f21df7a7a6c39a8d26f2c5a03b8d6b9db9f7b28794c7b870b008",
        ),
        (
            Exchange.NEG_RISK,
            "9b858f53327b0bd13af8ec14cfb35234fb9eb7b0504d1a4e61f433840d30e81a",
            "5001cb72ecb8cee8a21fffc2deea68b42309c07f4f2bc0b3fe191c254cc31769",
        ),
        (
            Exchange.V3,
            "466c63910185bbd55e8679264200c4e0abdcbb0c6264eb3d41d13326022e095b",
            "38cb884f3dd1803e45a23ffd96c2e8adc92739eb70847d0ca340c09643952829",
        ),
    ],
)
def test_domains_and_order_ids_of_the_vectors(
    exchange: Exchange, separator: str, digest: str
) -> None:
    assert exchange.domain_separator().hex() == separator
    assert struct_hash(ORDER).hex() == (
        "7f39f7b9d13bea99620b54398c3af719f3b32cacce682d78bd88b6a9339c213d"
    )
    assert order_id(ORDER, exchange) == "0x" + digest


def test_the_signature_of_the_vectors() -> None:
    assert sign_order(ORDER, Exchange.STANDARD, KEY).hex() == (
        "660ce6dfc1268145c5fe9d331d200eed30d88cac7beefc82834ec6094e829da8"
        "66d03299d1ed43e7e5cdbf57a9660966694abef3352bef049e38372f1b02027f1b"
    )


def test_the_wallet_signature_of_the_vectors() -> None:
    assert order_digest(FROM_WALLET, Exchange.STANDARD).hex() == (
        "a36a98d48aeac64845c50a64c27c290c8439458209bebc8b1ff296681ada3515"
    )
    signature = sign_order(FROM_WALLET, Exchange.STANDARD, KEY)
    assert len(signature) == 317
    assert signature.hex().endswith("00ba")
    assert order_signer(FROM_WALLET, Exchange.STANDARD, signature) == ADDRESS


@given(orders, st.sampled_from(Exchange), st.integers(1, 2**255))
@settings(max_examples=40, deadline=None)
def test_we_sign_as_the_official_client_does(order: Order, exchange: Exchange, key: int) -> None:
    ours = PrivateKey(key.to_bytes(32))
    signature = sign_order(order, exchange, ours)
    assert "0x" + signature.hex() == sdk_signature(order, exchange, key.to_bytes(32))
    assert order_signer(order, exchange, signature) == ours.address


@given(orders, st.sampled_from(Exchange))
@settings(max_examples=30)
def test_another_field_is_another_order(order: Order, exchange: Exchange) -> None:
    seen = {order_id(order, exchange)}
    changes = {
        "salt": order.salt + 1,
        "maker": checksum_address(bytes(20 * [7])),
        "signer": checksum_address(bytes(20 * [8])),
        "token_id": str(int(order.token_id) ^ 1),
        "maker_amount": order.maker_amount ^ 1,
        "taker_amount": order.taker_amount ^ 1,
        "side": Side.BUY if order.side is Side.SELL else Side.SELL,
        "signature_type": SignatureType((order.signature_type + 1) % 4),
        "timestamp_ms": order.timestamp_ms + 1,
        "metadata": bytes([order.metadata[0] ^ 1]) + order.metadata[1:],
        "builder": bytes([order.builder[0] ^ 1]) + order.builder[1:],
    }
    assert set(changes) == set(Order.__struct_fields__)
    for name, value in changes.items():
        seen.add(order_id(msgspec.structs.replace(order, **{name: value}), exchange))
    assert len(seen) == 1 + len(changes)


def test_a_signature_for_another_exchange_is_somebody_elses() -> None:
    signature = sign_order(ORDER, Exchange.STANDARD, KEY)
    assert order_signer(ORDER, Exchange.STANDARD, signature) == ADDRESS
    assert order_signer(ORDER, Exchange.NEG_RISK, signature) != ADDRESS
    wallet = sign_order(FROM_WALLET, Exchange.STANDARD, KEY)
    with pytest.raises(ValueError, match="does not end with this order's domain"):
        order_signer(FROM_WALLET, Exchange.V3, wallet)
    with pytest.raises(ValueError, match="does not end with"):
        order_signer(FROM_WALLET, Exchange.STANDARD, wallet[:65])
    with pytest.raises(ValueError, match="does not end with"):
        order_signer(msgspec.structs.replace(FROM_WALLET, salt=1), Exchange.STANDARD, wallet)


def test_a_session_keys_wrapped_signature_is_read() -> None:
    session = PrivateKey((2).to_bytes(32))
    inner = sign_order(FROM_WALLET, Exchange.STANDARD, session)
    wrapped = sdk_wallet.wrap_deposit_wallet_signature(
        signer=session.address, signer_type="SESSION_KEY", signature="0x" + inner.hex()
    )
    raw = bytes.fromhex(wrapped[2:])
    assert order_signer(FROM_WALLET, Exchange.STANDARD, raw) == session.address
    foreign = sdk_wallet.wrap_deposit_wallet_signature(
        signer=ADDRESS, signer_type="SESSION_KEY", signature="0x" + inner.hex()
    )
    with pytest.raises(ValueError, match="did not sign this"):
        order_signer(FROM_WALLET, Exchange.STANDARD, bytes.fromhex(foreign[2:]))
    for at in (0, 40, 70, 100, len(raw) - 33):
        broken = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        with pytest.raises(ValueError, match="wrapped"):
            order_signer(FROM_WALLET, Exchange.STANDARD, broken)
    with pytest.raises(ValueError, match="wrapped"):
        order_signer(FROM_WALLET, Exchange.STANDARD, raw[-32:])


def test_the_exchange_of_a_market() -> None:
    assert Exchange.of_market("v1", neg_risk=False) is Exchange.STANDARD
    assert Exchange.of_market("", neg_risk=True) is Exchange.NEG_RISK
    assert Exchange.of_market("v2", neg_risk=True) is Exchange.V3
    config = PRODUCTION._config
    assert [each.contract for each in Exchange] == [
        config.standard_exchange,
        config.neg_risk_exchange,
        config.exchange_v3,
    ]


@pytest.mark.parametrize(
    "change",
    [{"salt": -1}, {"maker_amount": 2**256}, {"maker": "0x12"}, {"metadata": b"short"}],
)
def test_what_has_no_encoding_is_no_order(change: dict) -> None:
    with pytest.raises(ValueError, match=r"uint256|address|32 bytes"):
        order_id(msgspec.structs.replace(ORDER, **change), Exchange.STANDARD)


# --- the body ------------------------------------------------------------------------


@pytest.mark.parametrize("post_only", [True, False])
def test_the_body_is_the_official_clients_byte_for_byte(post_only: bool) -> None:
    signature = sign_order(ORDER, Exchange.STANDARD, KEY)
    official = SdkSignedOrder(
        **{
            field.name: getattr(sdk_order(ORDER, Exchange.STANDARD), field.name)
            for field in dataclasses.fields(SdkSignedOrder)
            if field.name not in ("signature", "post_only", "order_type", "expiration")
        },
        order_type="GTD",
        expiration=1782753999,
        signature="0x" + signature.hex(),
        post_only=post_only,
    )
    _, payload = build_post_order_request(official, owner_api_key="a-key")
    theirs = json.dumps(payload, separators=(",", ":")).encode()
    ours = OrderPost(
        order=signed_order(ORDER, signature, expiration_s=1782753999),
        order_type="GTD",
        owner="a-key",
        post_only=True if post_only else msgspec.UNSET,
    )
    assert msgspec.json.encode(ours) == theirs
    read = msgspec.json.decode(theirs, type=OrderPost)
    assert read == ours
    assert read.is_post_only is post_only
    assert read.order.order() == ORDER
    assert read.order.expiration_s == 1782753999
    assert order_signer(read.order.order(), Exchange.STANDARD, read.order.signature_bytes) == (
        ADDRESS
    )


def test_order_types_are_the_official_clients() -> None:
    assert set(get_args(OrderType)) == set(get_args(SdkOrderType))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("salt", "1"),
        ("salt", -1),
        ("salt", 1.5),
        ("signatureType", "0"),
        ("signatureType", 4),
        ("makerAmount", 5200000),
        ("makerAmount", "05"),
        ("makerAmount", "5.2"),
        ("makerAmount", ""),
        ("timestamp", 1782753357257),
        ("tokenId", "0x12"),
        ("side", "buy"),
        ("side", 0),
        ("maker", "0x12"),
        ("metadata", "0x"),
        ("signature", "0x1"),
        ("signature", None),
    ],
)
def test_a_field_of_another_type_is_refused(field: str, value: object) -> None:
    wire = msgspec.to_builtins(signed_order(ORDER, b"\x00" * 65))
    assert msgspec.convert(wire, SignedOrder).order() == ORDER
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps({**wire, field: value}), type=SignedOrder)
    del wire[field]
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps(wire), type=SignedOrder)


# --- auth ----------------------------------------------------------------------------


def test_the_l1_signature_of_the_vectors() -> None:
    headers = l1_headers(KEY, 1782753357)
    assert headers == {
        "POLY_ADDRESS": ADDRESS,
        "POLY_SIGNATURE": (
            "0xc4b9ec5e681e23240d7831eb93a48142f909da0ccf05b8c468eae0b7c4e23d7c"
            "054a64771db858d287d09c3da7cac6bd6a59b20a1c9cbfb899345a537eff449a1b"
        ),
        "POLY_TIMESTAMP": "1782753357",
        "POLY_NONCE": "0",
    }
    signature = bytes.fromhex(headers["POLY_SIGNATURE"][2:])
    assert clob_auth_signer(ADDRESS, "1782753357", 0, signature) == ADDRESS
    assert clob_auth_signer(ADDRESS, "1782753358", 0, signature) != ADDRESS
    assert clob_auth_signer(ADDRESS, "1782753357", 1, signature) != ADDRESS
    assert clob_auth_signer(DEPOSIT, "1782753357", 0, signature) != ADDRESS
    with pytest.raises(ValueError, match="uint256"):
        clob_auth_signer(ADDRESS, "1782753357", -1, signature)


@given(st.integers(1, 2**255), st.integers(0, 2**40), st.integers(0, 2**64))
@settings(max_examples=20, deadline=None)
def test_l1_is_the_official_clients(key: int, timestamp_s: int, nonce: int) -> None:
    official = sign_api_key_auth(
        Account.from_key(key.to_bytes(32)), chain_id=137, timestamp=timestamp_s, nonce=nonce
    )
    headers = l1_headers(PrivateKey(key.to_bytes(32)), timestamp_s, nonce)
    assert headers["POLY_SIGNATURE"] == official.signature
    assert headers["POLY_ADDRESS"] == official.address


ZEROS = "A" * 43 + "="


@pytest.mark.parametrize(
    ("timestamp_s", "method", "path", "body", "expected"),
    [
        (1782753357, "GET", "/data/orders", b"", "TFAzVJK4eLYF9p91eYdaGjHTl_WZ2o3fl2CTC0fX5bc="),
        (
            1782753357,
            "DELETE",
            "/order",
            b'{"orderID":"0x11"}',
            "yzuEN3fbUIvEmMp3Uy6Wx_zBym6RIo7IXFkX7zHRnkE=",
        ),
        (
            1000000,
            "test-sign",
            "/orders",
            b'{"hash": "0x123"}',
            "ZwAdJKvoYRlEKDkNMwd5BuwNNtg93kNaR_oU2HrfVvc=",
        ),
    ],
)
def test_the_hmacs_of_the_vectors(
    timestamp_s: int, method: str, path: str, body: bytes, expected: str
) -> None:
    assert l2_signature(ZEROS, timestamp_s, method, path, body) == expected
    assert l2_signature(ZEROS.rstrip("="), str(timestamp_s), method, path, body) == expected


@given(st.text(max_size=40))
def test_l2_is_the_official_clients(body: str) -> None:
    official = build_hmac_signature(
        secret=ZEROS, timestamp=5, method="POST", path="/order", body=body
    )
    assert l2_signature(ZEROS, 5, "POST", "/order", body.encode()) == official


def test_credentials_keep_their_secrets_to_themselves() -> None:
    credentials = ApiCredentials("a-key", ZEROS, "open sesame")
    assert "AAAA" not in f"{credentials}{credentials!r}"
    assert "sesame" not in f"{credentials}{credentials!r}"
    wire = b'{"apiKey":"a-key","secret":"' + ZEROS.encode() + b'","passphrase":"open sesame"}'
    assert msgspec.json.encode(credentials) == wire
    assert msgspec.json.decode(wire, type=ApiCredentials) == credentials
    headers = l2_headers(credentials, ADDRESS, 1782753357, "GET", "/data/orders")
    assert headers == {
        "POLY_ADDRESS": ADDRESS,
        "POLY_API_KEY": "a-key",
        "POLY_PASSPHRASE": "open sesame",
        "POLY_SIGNATURE": "TFAzVJK4eLYF9p91eYdaGjHTl_WZ2o3fl2CTC0fX5bc=",
        "POLY_TIMESTAMP": "1782753357",
    }


# --- wallets -------------------------------------------------------------------------


def test_the_wallets_of_the_vectors_key() -> None:
    assert DEPOSIT in deposit_wallets(ADDRESS)
    assert wallet_type(ADDRESS, DEPOSIT.lower()) is SignatureType.DEPOSIT_WALLET


@given(addresses)
@settings(max_examples=50)
def test_wallets_are_the_official_clients(signer: str) -> None:
    beacon, uups = deposit_wallets(signer)
    assert beacon == sdk_wallet.derive_beacon_deposit_wallet_address(signer, DERIVATION)
    assert uups == sdk_wallet.derive_uups_deposit_wallet_address(signer, DERIVATION)
    assert proxy_wallet(signer) == sdk_wallet.derive_proxy_wallet_address(signer, DERIVATION)
    assert safe_wallet(signer) == sdk_wallet.derive_safe_wallet_address(signer, DERIVATION)
    for wallet in (signer, beacon, uups, proxy_wallet(signer), safe_wallet(signer)):
        official = sdk_wallet.classify_wallet_type(signer=signer, wallet=wallet, config=DERIVATION)
        assert wallet_type(signer, wallet) == sdk_wallet.signature_type_for(official)
    assert wallet_type(signer, checksum_address(bytes(20 * [9]))) is None
