"""From commands to signed intents: venue.md 9.2 and 9.4, lives, wallets, and the last gate."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from polymarket._internal.protocol import is_v2_position_id

from polyframe.commands import PlaceOrder
from polyframe.events import Side
from polyframe.model import MarketSpec
from polyframe.polymarket.gamma_market import parse_market
from polyframe.polymarket.keys import PrivateKey
from polyframe.polymarket.order_building import (
    TradingWallet,
    build_order,
    exchange_of,
    is_v2_token,
    order_amounts,
    stated_expiration_s,
    wallet_address,
)
from polyframe.polymarket.order_signing import Exchange, SignatureType, order_signer
from polyframe.polymarket.signed_intent import (
    SignedIntent,
    SigningRefused,
    VenueContracts,
    sign_intent,
)

S_NS = 10**9
KEY = PrivateKey((1).to_bytes(32))
ADDRESS = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
DEPOSIT = "0x73310C2E333fB7fb177Dcb43e164958a9D443d6f"
TOKEN = "107505882767731489358349912513945399560393482969656700824895970500493757150417"
V2_TOKEN = str((1 << 248) | (7 << 104) | 1)
EOA = TradingWallet(ADDRESS, ADDRESS, SignatureType.EOA)
# venue.md 9.2
SALT, NOW_NS = 479249096354, 1_782_753_357_257 * 10**6
DIGESTS = {
    Exchange.STANDARD: "0x2739e86ee098f21df7a7a6c39a8d26f2c5a03b8d6b9db9f7b28794c7b870b008",
    Exchange.NEG_RISK: "0x5001cb72ecb8cee8a21fffc2deea68b42309c07f4f2bc0b3fe191c254cc31769",
}
SIGNATURE = (
    "0x660ce6dfc1268145c5fe9d331d200eed30d88cac7beefc82834ec6094e829da8"
    "66d03299d1ed43e7e5cdbf57a9660966694abef3352bef049e38372f1b02027f1b"
)


def command(**changes: Any) -> PlaceOrder:
    asked: dict[str, Any] = {
        "order_id": "o-000001", "market_id": "0xcid", "token_id": TOKEN, "side": Side.BUY,
        "price_e4": 5_200, "size_e6": 10_000_000, "expires_ns": None, "post_only": True,
        "component": "maker", "decision_id": 1,
    }  # fmt: skip
    return PlaceOrder(**{**asked, **changes})


def spec(**changes: Any) -> MarketSpec:
    parsed = parse_market(
        {
            "conditionId": "0xcid", "outcomes": ["Yes", "No"], "clobTokenIds": [TOKEN, "2"],
            "orderPriceMinTickSize": 0.01, "orderMinSize": 5, "negRisk": False,
        }
    )  # fmt: skip
    assert isinstance(parsed, MarketSpec)
    return msgspec.structs.replace(parsed, **changes)


def sign(what: PlaceOrder | None = None, market: MarketSpec | None = None, **more: Any) -> Any:
    options: dict[str, Any] = {
        "wallet": EOA, "key": KEY, "api_key": "key", "salt": SALT, "now_ns": NOW_NS,
        "max_order_usd": 100.0,
    }  # fmt: skip
    return sign_intent(what or command(), market or spec(), **{**options, **more})


@pytest.mark.parametrize("exchange", DIGESTS)
def test_the_venues_vector_by_its_id(exchange: Exchange) -> None:
    intent = sign(market=spec(neg_risk=exchange is Exchange.NEG_RISK))
    assert (intent.venue_id, intent.exchange) == (DIGESTS[exchange], exchange.name)
    assert (intent.order_id, intent.post.owner) == ("o-000001", "key")
    assert (intent.post.order.maker_amount, intent.post.order.taker_amount) == (
        "5200000", "10000000",
    )  # fmt: skip


def test_the_venues_vector_by_its_signature() -> None:
    assert sign().post.order.signature == SIGNATURE


def test_the_venues_vector_of_a_deposit_wallet() -> None:
    wallet = TradingWallet(DEPOSIT, ADDRESS, SignatureType.DEPOSIT_WALLET)
    intent = sign(wallet=wallet)
    assert intent.venue_id == "0xa36a98d48aeac64845c50a64c27c290c8439458209bebc8b1ff296681ada3515"
    signature = intent.post.order.signature_bytes
    assert (len(signature), signature[-2:].hex()) == (317, "00ba")
    assert (intent.post.order.maker, intent.post.order.signer) == (DEPOSIT, DEPOSIT)


@pytest.mark.parametrize("kind", SignatureType)
def test_every_wallet_names_its_maker_and_its_signer(kind: SignatureType) -> None:
    wallet = TradingWallet(wallet_address(ADDRESS, kind), ADDRESS, kind)
    built = build_order(
        command(), tick_e4=100, neg_risk=False, wallet=wallet, salt=1, now_ns=NOW_NS
    )
    assert built.order.maker == wallet.address
    deposit = kind is SignatureType.DEPOSIT_WALLET
    assert built.order.signer == (wallet.address if deposit else ADDRESS)
    assert (wallet.address == ADDRESS) == (kind is SignatureType.EOA)
    intent = sign(wallet=wallet)
    signed = intent.post.order
    assert order_signer(signed.order(), Exchange.STANDARD, signed.signature_bytes) == ADDRESS


@pytest.mark.parametrize(
    ("changes", "amounts"),
    [
        # venue.md 9.4
        ({"price_e4": 5_200}, (5_200_000, 10_000_000)),
        ({"price_e4": 5_100, "size_e6": 10_019_000}, (5_105_100, 10_010_000)),
        ({"side": Side.SELL, "price_e4": 5_200}, (10_000_000, 5_200_000)),
        # Ten dollars at 0.52: what takes spends whole cents.
        (
            {"price_e4": 5_200, "size_e6": 19_230_769, "post_only": False},
            (9_990_000, 19_211_500),
        ),
        ({"price_e4": 5_000, "size_e6": 20_000_000, "post_only": False}, (10_000_000, 20_000_000)),
        (
            {"side": Side.SELL, "price_e4": 5_200, "size_e6": 7_139_999, "post_only": False},
            (7_130_000, 3_707_600),
        ),
    ],
)
def test_amounts(changes: dict[str, Any], amounts: tuple[int, int]) -> None:
    assert order_amounts(command(**changes), 100) == amounts


@settings(max_examples=300, deadline=None)
@given(
    tick_e4=st.sampled_from([1_000, 100, 50, 25, 10, 1]),
    at=st.floats(0, 1),
    size_e6=st.integers(1, 10**10),
    side=st.sampled_from(Side),
)
def test_what_takes_never_pays_a_worse_grid_price_nor_asks_for_more(
    tick_e4: int, at: float, size_e6: int, side: Side
) -> None:
    price_e4 = min(max(round(at * 10_000) // tick_e4 * tick_e4, tick_e4), 10_000 - tick_e4)
    asked = command(side=side, price_e4=price_e4, size_e6=size_e6, post_only=False)
    try:
        maker, taker = order_amounts(asked, tick_e4)
    except ValueError:
        assume(False)
    usd, shares = (maker, taker) if side is Side.BUY else (taker, maker)
    assert shares <= size_e6
    assert usd * 10_000 <= price_e4 * size_e6
    price = Fraction(usd, shares)
    if side is Side.BUY:
        assert usd % 10_000 == 0
        assert Fraction(price_e4, 10_000) <= price < Fraction(price_e4 + tick_e4, 10_000)
    else:
        assert price == Fraction(price_e4, 10_000)
    intent = sign(asked, spec(tick_e4=tick_e4), max_order_usd=1e9)
    assert int(intent.post.order.maker_amount) == maker


def test_lives() -> None:
    now_s = NOW_NS // S_NS
    assert stated_expiration_s(NOW_NS + 600 * S_NS, NOW_NS) == now_s + 660
    for short_s in (0, 60, 120):
        stated = stated_expiration_s(NOW_NS + short_s * S_NS, NOW_NS)
        assert stated * S_NS >= NOW_NS + 183 * S_NS  # on arrival it still has its 180 s
        assert stated <= now_s + 184
    gtc, gtd, fak = (
        sign(command(**changes)).post
        for changes in (
            {},
            {"expires_ns": NOW_NS + 600 * S_NS},
            {"expires_ns": NOW_NS + 600 * S_NS, "post_only": False},
        )
    )
    assert (gtc.order_type, gtc.order.expiration, gtc.is_post_only) == ("GTC", "0", True)
    assert (gtd.order_type, gtd.order.expiration_s, gtd.is_post_only) == ("GTD", now_s + 660, True)
    assert (fak.order_type, fak.order.expiration, fak.is_post_only) == ("FAK", "0", False)


@given(st.one_of(st.integers(0, 2**256 - 1), st.sampled_from([int(TOKEN), int(V2_TOKEN)])))
def test_the_exchange_is_the_one_that_the_official_client_takes(number: int) -> None:
    assert is_v2_token(str(number)) == is_v2_position_id(str(number))


def test_the_exchange_goes_by_token_and_kind() -> None:
    assert exchange_of(TOKEN, neg_risk=False) is Exchange.STANDARD
    assert exchange_of(TOKEN, neg_risk=True) is Exchange.NEG_RISK
    assert exchange_of(V2_TOKEN, neg_risk=True) is Exchange.V3
    assert not is_v2_token("")
    assert not is_v2_token("0x1")


# --- the gate ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "changes", "more"),
    [
        ("tick", {"price_e4": 5_250}, {}),
        ("tick", {"price_e4": 0}, {}),
        ("tick", {"price_e4": 10_000}, {}),
        ("limit", {"size_e6": 200_000_000}, {}),
        ("limit", {"size_e6": 200_000_000, "side": Side.SELL}, {}),
        ("expiration", {"expires_ns": NOW_NS}, {}),
        ("invalid", {"token_id": "3"}, {}),
        ("invalid", {"market_id": "0xother"}, {}),
        ("invalid", {"size_e6": 9_999}, {}),
        ("invalid", {}, {"salt": 2**53}),
        ("contract", {}, {"venue": VenueContracts(chain_id=80_002)}),
        ("contract", {}, {"venue": VenueContracts(standard="0x" + "11" * 20)}),
        ("auth", {}, {"key": PrivateKey((2).to_bytes(32))}),
    ],
)
def test_the_gate_refuses(code: str, changes: dict[str, Any], more: dict[str, Any]) -> None:
    with pytest.raises(SigningRefused) as refused:
        sign(command(**changes), **more)
    assert refused.value.code == code
    assert "\n" not in str(refused.value)


def test_the_gate_lets_the_limit_itself_through() -> None:
    assert sign(command(size_e6=20_000_000), max_order_usd=10.4)
    with pytest.raises(SigningRefused):
        sign(command(size_e6=20_010_000), max_order_usd=10.4)


# --- stored intents ---------------------------------------------------------------------


def test_an_intent_survives_its_bytes_and_nothing_else_passes_for_one() -> None:
    intent = sign()
    raw = intent.to_bytes()
    assert SignedIntent.from_bytes(raw) == intent
    for bad in (
        b"", b"{}", raw[:-2], raw.replace(b"5200000", b"5200001"),
        raw.replace(b"STANDARD", b"NEG_RISK"), raw.replace(b"STANDARD", b"NOBODY"),
        raw.replace(b'"maker":"0x', b'"maker":"0y'), b"[" * 100_000,
    ):  # fmt: skip
        with pytest.raises(ValueError, match="stored order"):
            SignedIntent.from_bytes(bad)


def test_an_intent_never_shows_the_key() -> None:
    shown = repr(sign()) + sign().to_bytes().decode()
    assert (1).to_bytes(32).hex() not in shown
