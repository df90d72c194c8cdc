"""The account's words: golden frames of venue.md 3.4 and its captures, and anything else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyframe.events import Side, Unrecognised
from polyframe.polymarket.account_codec import (
    Word,
    decode_frame,
    decode_orders_page,
    decode_trades_page,
)
from polyframe.polymarket.account_words import OrderWord, TradeStatus, VenueFill, VenueOrder

TS = 1_782_753_400 * 10**9
KEY = "00000000-aaaa-bbbb-cccc-000000000001"
OTHER = "00000000-aaaa-bbbb-cccc-000000000002"
YES, NO = "1075", "2086"

PLACEMENT = {
    "event_type": "order", "type": "PLACEMENT", "id": "0xff35", "owner": KEY, "order_owner": KEY,
    "market": "0xcid", "asset_id": YES, "side": "BUY", "original_size": "10", "size_matched": "0",
    "price": "0.52", "associate_trades": None, "outcome": "Yes", "created_at": "1782753357",
    "expiration": "0", "order_type": "GTC", "status": "LIVE", "maker_address": "0x01",
    "timestamp": "1782753357257",
}  # fmt: skip
MAKER = {
    "order_id": "0xmaker", "owner": OTHER, "maker_address": "0x02", "matched_amount": "10",
    "price": "0.52", "fee_rate_bps": "0", "asset_id": YES, "outcome": "Yes", "outcome_index": 0,
    "side": "SELL",
}  # fmt: skip
TRADE = {
    "event_type": "trade", "type": "TRADE", "id": "t-1", "taker_order_id": "0xtaker",
    "market": "0xcid", "asset_id": YES, "side": "BUY", "size": "10", "fee_rate_bps": "0",
    "price": "0.52", "status": "MATCHED", "match_time": "1782753357",
    "last_update": "1782753357", "outcome": "Yes", "owner": KEY, "trade_owner": KEY,
    "maker_address": "0x01", "transaction_hash": None, "bucket_index": 0,
    "maker_orders": [MAKER], "trader_side": "TAKER", "timestamp": "1782753357257",
}  # fmt: skip


def words(message: Any, **options: Any) -> list[Word]:
    return decode_frame(json.dumps(message).encode(), TS, api_key=KEY, **options)


def order(**changes: Any) -> VenueOrder:
    (word,) = words({**PLACEMENT, **changes})
    assert isinstance(word, VenueOrder), word
    return word


def fills(message: dict[str, Any], **options: Any) -> list[VenueFill]:
    found = words(message, **options)
    assert all(isinstance(one, VenueFill) for one in found), found
    return [one for one in found if isinstance(one, VenueFill)]


def refusal(message: Any) -> str:
    (word,) = words(message)
    assert isinstance(word, Unrecognised), word
    return word.reason


def test_a_placement_is_read_in_full() -> None:
    assert order() == VenueOrder(
        ts_ns=TS, order_id="0xff35", owner=KEY, market_id="0xcid", token_id=YES, side=Side.BUY,
        price_e4=5_200, size_e6=10_000_000, matched_e6=0, word=OrderWord.LIVE,
        created_s=1_782_753_357,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "word", "reason"),
    [
        ("LIVE", "LIVE", ""),
        ("live", "LIVE", ""),
        ("MATCHED", "MATCHED", ""),
        ("DELAYED", "DELAYED", ""),
        ("INVALID", "INVALID", ""),
        ("CANCELED", "CANCELED", ""),
        ("CANCELLED", "CANCELED", ""),
        ("CANCELED_EXPIRED_ORDER", "CANCELED", "EXPIRED_ORDER"),
        ("CANCELED_NOT_ENOUGH_BALANCE", "CANCELED", "NOT_ENOUGH_BALANCE"),
        ("CANCELED_MARKET_RESOLVED", "CANCELED", "MARKET_RESOLVED"),
        ("ORDER_STATUS_CANCELED_MARKET_RESOLVED", "CANCELED", "MARKET_RESOLVED"),
        ("ORDER_STATUS_LIVE", "LIVE", ""),
        (
            "CANCELED_order couldn't be fully filled. FOK orders are fully filled or killed.",
            "CANCELED",
            "order couldn't be fully filled. FOK orders are fully filled or killed.",
        ),
        (
            "UNMATCHED_invalid post-only order: order crosses book",
            "UNMATCHED",
            "invalid post-only order: order crosses book",
        ),
        # Held, met nobody, and rests.
        ("UNMATCHED", "LIVE", "UNMATCHED"),
    ],
)
def test_statuses_are_a_word_and_a_reason(status: str, word: str, reason: str) -> None:
    found = order(status=status)
    assert (found.word.value, found.reason) == (word, reason)


def test_the_captured_kill_of_an_fok() -> None:
    killed = order(
        type="CANCELLATION", size_matched="", outcome="", created_at="",
        status="CANCELED_order couldn't be fully filled. FOK orders are fully filled or killed.",
    )  # fmt: skip
    assert (killed.word, killed.matched_e6, killed.created_s) == (OrderWord.CANCELED, None, None)


@pytest.mark.parametrize(
    ("kind", "status", "matched", "word"),
    [
        ("CANCELLATION", None, "0", "CANCELED"),
        ("CANCELLATION", "", "0", "CANCELED"),
        ("CANCELLATION", "LIVE", "0", "CANCELED"),
        ("CANCELLATION", "UNMATCHED", "0", "UNMATCHED"),
        ("PLACEMENT", None, "0", "LIVE"),
        ("UPDATE", "", "4", "LIVE"),
        ("UPDATE", "", "10", "MATCHED"),
    ],
)
def test_what_a_missing_status_means(kind: str, status: Any, matched: str, word: str) -> None:
    assert order(type=kind, status=status, size_matched=matched).word == word


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("1782753357", 1_782_753_357),
        (1782753357, 1_782_753_357),
        ("1782753357257", 1_782_753_357),
        (1782753357257, 1_782_753_357),
        (1782753357.25, 1_782_753_357),
        ("2026-06-29T17:15:57Z", 1_782_753_357),
        ("2026-06-29T19:15:57+02:00", 1_782_753_357),
        ("2026-06-29 17:15:57", 1_782_753_357),
        ("", None),
        (None, None),
        ("soon", None),
        (-5, None),
        ([], None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9" * 60, None),
    ],
)
def test_times_come_in_every_way(value: Any, wanted: int | None) -> None:
    assert order(created_at=value).created_s == wanted
    (fill,) = fills({**TRADE, "match_time": value, "timestamp": "", "last_update": None})
    assert fill.match_time_s == (TS // 10**9 if wanted is None else wanted)


@pytest.mark.parametrize(
    ("size", "wanted"),
    [("219.217767", 219_217_767), ("10", 10_000_000), (10, 10_000_000), (10.5, 10_500_000),
     ("0.0000019", 1), ("1e1", 10_000_000)],
)  # fmt: skip
def test_sizes_are_texts_or_numbers(size: Any, wanted: int) -> None:
    assert order(original_size=size).size_e6 == wanted


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"price": "0.52001"}, "not on the grid of 0.0001"),
        ({"price": "0"}, "not inside (0, 1)"),
        ({"price": "1"}, "not inside (0, 1)"),
        ({"price": "NaN"}, "is no number"),
        ({"price": ""}, "is no number"),
        ({"price": "1e-999999999"}, "is no number"),
        ({"price": True}, "is no number"),
        ({"original_size": "-1"}, "no credible size"),
        ({"original_size": ""}, "is no number"),
        ({"original_size": "1_0"}, "is no number"),
        ({"original_size": "1e30"}, "no credible size"),
        ({"size_matched": "much"}, "is no number"),
        ({"status": "EATEN"}, "order status of 'EATEN'"),
        ({"status": 7}, "status of 7"),
        ({"side": "HOLD"}, "a side of 'HOLD'"),
        ({"side": ""}, "no side"),
        ({"id": ""}, "no id"),
        ({"asset_id": 7}, "no asset_id"),
        ({"market": None}, "no market"),
        ({"event_type": "book"}, "an event type of 'book'"),
    ],
)
def test_what_cannot_be_read_says_why(changes: dict[str, Any], reason: str) -> None:
    assert reason in refusal({**PLACEMENT, **changes})


def test_a_frame_may_be_an_array_and_one_bad_message_harms_no_other() -> None:
    found = words([PLACEMENT, 7, {**PLACEMENT, "price": "x"}, TRADE])
    assert [type(one) for one in found] == [VenueOrder, Unrecognised, Unrecognised, VenueFill]
    assert words([]) == []


@pytest.mark.parametrize("raw", [b"", b"PONG", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a":\xff}'])
def test_what_is_no_json_is_one_unrecognised(raw: bytes) -> None:
    (word,) = decode_frame(raw, TS, api_key=KEY)
    assert isinstance(word, Unrecognised)
    assert len(word.sample) <= 200


# --- trades ---------------------------------------------------------------------------


def test_as_taker_we_pay_each_makers_price_in_our_tokens_terms() -> None:
    minted = {**MAKER, "order_id": "0xa", "asset_id": NO, "side": "BUY", "price": "0.49",
              "matched_amount": "4"}  # fmt: skip
    found = fills({**TRADE, "maker_orders": [{**MAKER, "matched_amount": "6"}, minted]})
    assert [(one.leg, one.price_e4, one.size_e6) for one in found] == [
        (0, 5_100, 4_000_000),
        (1, 5_200, 6_000_000),
    ]
    assert {one.key[:2] for one in found} == {("t-1", "0xtaker")}
    assert {(one.side, one.token_id, one.is_maker) for one in found} == {(Side.BUY, YES, False)}


def test_legs_are_the_same_whatever_the_order_of_the_makers() -> None:
    makers = [{**MAKER, "order_id": f"0x{at}", "price": f"0.5{at}"} for at in (3, 1, 2, 1)]
    forward = fills({**TRADE, "maker_orders": makers})
    assert fills({**TRADE, "maker_orders": makers[::-1]}) == forward
    assert [one.leg for one in forward] == [0, 1, 2, 3]


def test_a_trade_without_makers_is_one_leg_at_its_own_price() -> None:
    for missing in (None, []):
        (fill,) = fills({**TRADE, "maker_orders": missing})
        assert (fill.leg, fill.price_e4, fill.size_e6) == (0, 5_200, 10_000_000)


def test_as_maker_every_order_of_our_key_is_a_fill() -> None:
    mine = {**MAKER, "owner": KEY}
    told = {
        **TRADE, "trader_side": "MAKER", "owner": KEY, "price": "nonsense", "size": "",
        "maker_orders": [
            {**mine, "order_id": "0x1", "matched_amount": "3"},
            MAKER,
            {**mine, "order_id": "0x2", "price": "0.47", "asset_id": NO, "side": "BUY"},
            {**mine, "order_id": "0x1", "matched_amount": "2"},
        ],
    }  # fmt: skip
    found = {one.key: one for one in fills(told)}
    assert sorted(found) == [("t-1", "0x1", 0), ("t-1", "0x1", 1), ("t-1", "0x2", 0)]
    assert found["t-1", "0x1", 0].size_e6 + found["t-1", "0x1", 1].size_e6 == 5_000_000
    other = found["t-1", "0x2", 0]
    assert (other.token_id, other.price_e4, other.side) == (NO, 4_700, Side.BUY)
    assert all(one.is_maker for one in found.values())


@pytest.mark.parametrize(
    ("token", "taker_side", "wanted"),
    [(YES, "BUY", "SELL"), (YES, "SELL", "BUY"), (NO, "BUY", "BUY"), (NO, "SELL", "SELL")],
)
def test_the_missing_side_of_a_maker(token: str, taker_side: str, wanted: str) -> None:
    mine = {**MAKER, "owner": KEY, "asset_id": token}
    for side in (None, ""):
        told = {**TRADE, "trader_side": "MAKER", "side": taker_side,
                "maker_orders": [{**mine, "side": side}]}  # fmt: skip
        (fill,) = fills(told)
        assert fill.side == wanted


def test_orders_known_to_be_ours_are_ours_under_any_key() -> None:
    told = {**TRADE, "trader_side": "MAKER", "owner": OTHER}
    assert words(told) == []
    (made,) = fills(told, is_ours=lambda one: one == "0xmaker")
    assert (made.order_id, made.is_maker) == ("0xmaker", True)
    (took,) = fills(told, is_ours=lambda one: one == "0xtaker")
    assert (took.order_id, took.is_maker) == ("0xtaker", False)


def test_who_meets_itself_has_legs_on_both_sides() -> None:
    found = fills({**TRADE, "maker_orders": [{**MAKER, "owner": KEY}]})
    assert [(one.order_id, one.is_maker, one.side) for one in found] == [
        ("0xtaker", False, Side.BUY),
        ("0xmaker", True, Side.SELL),
    ]


@pytest.mark.parametrize("told", [None, "", "taker"])
def test_a_missing_trader_side_goes_by_the_owner(told: Any) -> None:
    (fill,) = fills({**TRADE, "trader_side": told})
    assert not fill.is_maker


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        ("MATCHED", "MATCHED"), ("MINED", "MINED"), ("CONFIRMED", "CONFIRMED"),
        ("RETRYING", "RETRYING"), ("FAILED", "FAILED"), ("TRADE_STATUS_CONFIRMED", "CONFIRMED"),
        ("MATCHED_NOT_BROADCASTED", "MATCHED"), ("TRADE_STATUS_FAILED", "FAILED"),
        ("FAILED_out of gas", "FAILED"),
    ],
)  # fmt: skip
def test_statuses_of_trades(status: str, wanted: str) -> None:
    (fill,) = fills({**TRADE, "status": status, "fee_rate_bps": ""})
    assert fill.status == TradeStatus(wanted)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "EXPLODED"}, "trade status of 'EXPLODED'"),
        ({"maker_orders": [{**MAKER, "price": "0.520001"}]}, "not on the grid"),
        ({"maker_orders": [{**MAKER, "matched_amount": ""}]}, "is no number"),
        ({"maker_orders": [{**MAKER, "matched_amount": "0"}]}, "a leg of 0"),
        ({"maker_orders": "many"}, "no list of objects"),
        ({"maker_orders": [7]}, "no list of objects"),
        ({"maker_orders": [], "price": "0.523333"}, "not on the grid"),
        ({"side": None}, "no side"),
        ({"taker_order_id": ""}, "a leg of"),
        ({"id": None}, "no id"),
    ],
)
def test_a_trade_that_cannot_be_read_brings_no_leg_at_all(
    changes: dict[str, Any], reason: str
) -> None:
    assert reason in refusal({**TRADE, **changes})


def test_pages_of_rest() -> None:
    rest_order = {**PLACEMENT, "status": "ORDER_STATUS_LIVE", "created_at": 1748779200}
    del rest_order["event_type"], rest_order["type"]
    page = decode_orders_page(
        json.dumps({"data": [rest_order], "next_cursor": "MTA="}).encode(), TS
    )
    assert [type(one) for one in page.words] == [VenueOrder]
    assert (page.next_cursor, page.fault) == ("MTA=", "")
    page = decode_trades_page(
        json.dumps({"data": [TRADE, 7], "next_cursor": "LTE="}).encode(), TS, api_key=KEY
    )
    assert [type(one) for one in page.words] == [VenueFill, Unrecognised]
    assert page.next_cursor == ""
    for raw in (b"<html>", b"[]", b'{"data": {}}', b'{"data": [], "next_cursor": 7}'):
        assert decode_orders_page(raw, TS).fault


# --- anything ---------------------------------------------------------------------------

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30),
    st.sampled_from(["0.52", "", "10", "LIVE", "BUY", "MATCHED", KEY, "1e400", "-0", "0x1"]),
)  # fmt: skip
names = st.sampled_from([*PLACEMENT, *TRADE, *MAKER])
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(names, st.text(max_size=8)), inner)
    ),
    max_leaves=20,
)


@settings(max_examples=400, deadline=None)
@given(values)
def test_any_json_gives_values(value: Any) -> None:
    raw = json.dumps(value).encode()
    for word in decode_frame(raw, TS, api_key=KEY, is_ours=lambda one: one.startswith("0x")):
        assert isinstance(word, VenueOrder | VenueFill | Unrecognised)
    for page in (decode_orders_page(raw, TS), decode_trades_page(raw, TS, api_key=KEY)):
        assert page.fault or isinstance(page.words, list)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([PLACEMENT, TRADE]), st.dictionaries(names, values, min_size=1, max_size=3))
def test_any_damage_gives_values_that_can_be_stored(
    message: dict[str, Any], damage: dict[str, Any]
) -> None:
    for word in words({**message, **damage}):
        if isinstance(word, VenueOrder):
            assert 0 < word.price_e4 < 10_000
            assert 0 <= word.size_e6 < 2**63
        elif isinstance(word, VenueFill):
            assert 0 < word.price_e4 < 10_000
            assert 0 < word.size_e6 < 2**63
            assert 0 < word.match_time_s < 2**40


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_values(raw: bytes) -> None:
    assert isinstance(decode_frame(raw, TS, api_key=KEY), list)
