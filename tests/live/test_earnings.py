"""What the venue says it paid: raw rows to exact money, and when a day is final."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopback_exchange import SPEED, START_NS, Wall, produced
from polyframe.errors import VenueError
from polyframe.exchange.public.gamma_objects import market_token_ids
from polyframe.exchange.server import EmbeddedExchange
from polyframe.exchange.simulation.source import SimulatedSource
from polyframe.exchange.trading.programmes import utc_day
from polyframe.exchange.trading.terms import PrivateTerms
from polyframe.polymarket.earnings import (
    AGREE_APART_NS,
    DAY_NS,
    GIVE_UP_NS,
    DayReading,
    Earned,
    EarningKind,
    EarningsRead,
    days_to_read,
    end_ns,
    heard,
    is_final,
    paid_of,
    parse_rows,
    read_earnings,
    read_rewards,
)
from private_client import PrivateClient

pytestmark = pytest.mark.anyio
DAY = date(2026, 11, 27)
WALLET = "0x" + "Ab" * 20
MARKET, OTHER = "0x" + "11" * 32, "0x01" + "22" * 30
REWARD, REBATE = EarningKind.REWARD, EarningKind.REBATE


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def row(**changes: Any) -> dict[str, Any]:
    known = {
        "date": "2026-11-27", "condition_id": MARKET, "maker_address": WALLET.lower(),
        "earnings": Decimal("1.25"), "rebated_fees_usdc": "0.5", "asset_rate": 1,
    }  # fmt: skip
    return {name: value for name, value in (known | changes).items() if value is not ...}


def amounts(read: EarningsRead) -> dict[str, int]:
    return {one.market_id: one.amount_e12 for one in read.earned}


class Pages:
    """Answers the CLOB's two routes from texts, and remembers what it was asked."""

    def __init__(self, **bodies: str) -> None:
        self.bodies = bodies
        self.asked: list[tuple[str, dict[str, str]]] = []

    async def __call__(self, path: str, query: Sequence[tuple[str, str]]) -> bytes:
        known = dict(query)
        self.asked.append((path, known))
        name = path.strip("/").split("/")[0]
        return self.bodies[known.get("next_cursor") or name].encode()


# --- rows ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "amount_e12"),
    [
        (Decimal("1.25"), 1_250_000_000_000),
        ("0.000000000001", 1),
        (Decimal("0.1234567890129"), 123_456_789_012),
        (7, 7 * 10**12),
        ("12.50", 12_500_000_000_000),
        (Decimal("0.99999999999999999999999999999999999"), 999_999_999_999),
    ],
)
def test_amounts_are_exact_and_finer_digits_are_cut_off(told: Any, amount_e12: int) -> None:
    read = parse_rows(REWARD, DAY, WALLET, [row(earnings=told)])
    assert (amounts(read), read.unread) == ({MARKET: amount_e12}, ())


def test_rows_of_one_market_add_up_and_nothing_is_no_earning() -> None:
    rows = [
        row(), row(earnings="0.75"), row(condition_id=OTHER, earnings=0),
        row(condition_id=..., conditionId=OTHER, earnings="3", date="2026-11-27T00:00:00Z"),
    ]  # fmt: skip
    read = parse_rows(REWARD, DAY, WALLET, rows)
    assert amounts(read) == {MARKET: 2 * 10**12, OTHER: 3 * 10**12}
    assert read.earned[1].reference == f"2026-11-27 {OTHER}"
    rebates = parse_rows(REBATE, DAY, WALLET, [row()])
    assert rebates.earned == (Earned(REBATE, DAY, MARKET, 5 * 10**11),)


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        (None, "no row"),
        ("text", "no row"),
        (row(condition_id=...), "no market"),
        (row(condition_id=3), "no market"),
        (row(maker_address="0x" + "cd" * 20), "another wallet's"),
        (row(date="2026-11-26"), "of another day"),
        (row(date=1_700_000_000_000), "of another day"),
        (row(date="soon"), "of another day"),
        (row(asset_rate=Decimal("0.4")), "in another asset than dollars"),
        (row(earnings=...), "no number"),
        (row(earnings=True), "no number"),
        (row(earnings=[1]), "no number"),
        (row(earnings="much"), "no number"),
        (row(earnings="-1"), "less than nothing"),
        (row(earnings="NaN"), "no amount"),
        (row(earnings="Infinity"), "no amount"),
        (row(earnings=Decimal("1e999999999")), "no amount"),
        (row(earnings="1000000001"), "no amount"),
    ],
)
def test_an_odd_row_is_told_and_the_others_stay(odd: Any, why: str) -> None:
    read = parse_rows(REWARD, DAY, WALLET, [odd, row()])
    assert amounts(read) == {MARKET: 1_250_000_000_000}
    (told,) = read.unread
    assert told.startswith(f"{why}: ")
    assert len(told) < 250


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.lists(_JSON | st.dictionaries(st.sampled_from(list(row())), _JSON)))
def test_rows_of_any_shape_are_read_or_told(rows: list[Any]) -> None:
    read = parse_rows(REWARD, DAY, WALLET, rows)
    assert len(read.unread) <= len(rows)
    assert all(one.amount_e12 > 0 for one in read.earned)


def test_less_than_a_dollar_in_all_is_not_paid() -> None:
    def earned(kind: EarningKind, *cents: int) -> list[Earned]:
        return [Earned(kind, DAY, f"m{n}", one * 10**10) for n, one in enumerate(cents)]

    rewards, rebates = earned(REWARD, 60, 40), earned(REBATE, 60, 39)
    assert paid_of([*rewards, *rebates]) == rewards


# --- answers ---------------------------------------------------------------------------


async def test_pages_are_followed_and_a_bare_array_or_null_is_an_answer() -> None:
    rows = [json.dumps(row(earnings=n, condition_id=f"m{n}"), default=str) for n in (1, 2)]
    get = Pages(
        rewards=f'{{"data":[{rows[0]}],"next_cursor":"Mg=="}}',
        **{"Mg==": f'{{"data":[{rows[1]}],"next_cursor":"LTE="}}'},
        rebates="null",
    )
    rewards, rebates = await read_earnings(get, DAY, wallet=WALLET, signature_type=3)
    assert amounts(rewards) == {"m1": 10**12, "m2": 2 * 10**12}
    assert rebates == EarningsRead(REBATE, DAY, ())
    asked = {"date": "2026-11-27", "signature_type": "3"}
    assert get.asked == [
        ("/rewards/user", asked),
        ("/rewards/user", asked | {"next_cursor": "Mg=="}),
        ("/rebates/current", {"date": "2026-11-27", "maker_address": WALLET}),
    ]
    get = Pages(rewards=f"[{rows[0]}]", rebates="")
    rewards, _ = await read_earnings(get, DAY, wallet=WALLET, signature_type=0)
    assert amounts(rewards) == {"m1": 10**12}


async def test_a_number_loses_no_digit_on_its_way() -> None:
    told = json.dumps(row(earnings="X"), default=str).replace('"X"', "0.123456789012000001")
    get = Pages(rewards=f'{{"data":[{told}]}}')
    read = await read_rewards(get, DAY, wallet=WALLET, signature_type=0)
    assert amounts(read) == {MARKET: 123_456_789_012}


@pytest.mark.parametrize(
    "body",
    [
        "<html>", "3", '"text"', "{}", '{"data":3}', '{"error":"no"}', "[" * 10_000, "\ud800",
        '{"data":[],"next_cursor":"rewards"}',
    ],
)  # fmt: skip
async def test_what_is_no_answer_is_an_error_and_no_empty_day(body: str) -> None:
    class Bytes(Pages):
        async def __call__(self, path: str, query: Sequence[tuple[str, str]]) -> bytes:
            await super().__call__(path, query)
            return body.encode("utf-8", "surrogatepass")

    with pytest.raises(VenueError):
        await read_rewards(Bytes(rewards=""), DAY, wallet=WALLET, signature_type=0)


# --- when a day is final -----------------------------------------------------------------

END = end_ns(DAY)
H_NS = 3_600 * 10**9


def reading(*dollars: int, unread: tuple[str, ...] = ()) -> EarningsRead:
    earned = (Earned(REWARD, DAY, f"m{n}", one * 10**12) for n, one in enumerate(dollars))
    return EarningsRead(REWARD, DAY, tuple(earned), unread)


def known(*steps: tuple[float, EarningsRead]) -> DayReading:
    found: DayReading | None = None
    for hours, read in steps:
        found = heard(found, read, END + round(hours * H_NS))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("steps", "final"),
    [
        ([(0.1, reading(3))], False),
        ([(0.1, reading(3)), (0.5, reading(3))], False),
        ([(0.1, reading(3)), (1.1, reading(3))], True),
        ([(0.1, reading(3)), (1.1, reading(4))], False),
        ([(0.1, reading(3)), (1.1, reading(4)), (2.2, reading(4))], True),
        ([(-0.1, reading(3)), (1.0, reading(3))], False),
        ([(-2.0, reading(3)), (0.1, reading(3)), (1.2, reading(3))], True),
        ([(1.0, reading()), (30.0, reading())], False),
        ([(1.0, reading()), (48.0, reading())], True),
        ([(1.0, reading(3, unread=("odd",))), (9.0, reading(3, unread=("odd",)))], False),
        ([(1.0, reading(3, unread=("odd",))), (48.0, reading(4, unread=("odd",)))], True),
    ],
)
def test_a_day_is_final_when_two_readings_agree_or_two_days_have_passed(
    steps: list[tuple[float, EarningsRead]], final: bool
) -> None:
    assert is_final(known(*steps)) is final


@given(st.lists(st.tuples(st.floats(-24, 100), st.integers(0, 3)), min_size=1))
def test_no_day_is_final_before_it_is_over_nor_by_one_reading(
    steps: list[tuple[float, int]],
) -> None:
    ordered = sorted(steps)
    found = known(*[(hours, reading(usd) if usd else reading()) for hours, usd in ordered])
    if is_final(found):
        assert found.read_ns >= END + AGREE_APART_NS
        after = [usd for hours, usd in ordered if round(hours * H_NS) >= 0]
        assert found.read_ns >= END + GIVE_UP_NS or (after[-1] and after.count(after[-1]) > 1)


def test_days_that_ended_and_are_not_final_are_read() -> None:
    now_ns = end_ns(date(2026, 11, 29)) + H_NS
    done = {date(2026, 11, 28)}
    assert days_to_read(date(2026, 11, 27), now_ns, done) == [DAY, date(2026, 11, 29)]
    assert days_to_read(date(2026, 11, 30), now_ns, done) == []
    assert days_to_read(date(2026, 12, 9), now_ns, done) == []
    assert end_ns(date(1970, 1, 1)) == DAY_NS


# --- the exchange ------------------------------------------------------------------------


async def test_the_exchanges_own_programmes_are_read_to_the_last_digit() -> None:
    wall = Wall()
    source = SimulatedSource(7, 60, 1.0, START_NS)
    exchange = EmbeddedExchange(
        source, speed=SPEED, monotonic_ns=wall, accounts=PrivateTerms(seed=3)
    )
    day = datetime.fromtimestamp(START_NS // 10**9, UTC).date()
    async with exchange, PrivateClient(exchange, 1) as client:
        assert exchange.private is not None
        market = next(
            one
            for one in source.markets()
            if one["clobRewards"]
            and 0.3 < one.get("bestBid", 0) < one.get("bestAsk", 1) < 0.7
            and one["orderPriceMinTickSize"] == 0.01
            and not one["negRisk"]
            and one.get("version", "v1") == "v1"
        )
        yes, no = market_token_ids(market)
        bid_e4, ask_e4 = (round(market[side] * 10_000) for side in ("bestBid", "bestAsk"))
        for token_id, price_e4 in ((yes, bid_e4), (no, 10_000 - ask_e4)):
            shares = int(market["rewardsMinSize"]) + 100
            body = client.post(token_id, price_e4, shares, post_only=True)
            assert (await client.ask("POST", "/order", body)).status_code == 200
        await produced(exchange, wall, 1_800.0)

        async def get(path: str, query: Sequence[tuple[str, str]]) -> bytes:
            answer = await client.ask("GET", path, query=dict(query))
            assert answer.status_code == 200, answer.text
            return answer.content

        reads = await read_earnings(get, day, wallet=client.address, signature_type=0)
        programmes = exchange.private.desk.programmes
        for read, kind in zip(reads, ("reward", "rebate"), strict=True):
            theirs = programmes.earned(kind, utc_day(START_NS))  # type: ignore[arg-type]
            expected = {
                one.market_id: one.amount_e12
                for one in theirs
                if one.wallet == client.address.lower() and one.amount_e12
            }
            assert read.unread == ()
            assert amounts(read).keys() == expected.keys()
            for market_id, amount_e12 in amounts(read).items():
                # The venue tells rewards as JSON numbers: about sixteen digits of them.
                assert abs(amount_e12 - expected[market_id]) <= expected[market_id] // 10**14 + 1
        assert reads[0].earned
