"""Gamma's market objects, and the paging that fetches them."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import zstandard
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from polyframe.model import FeeSchedule, MarketSpec, RewardTerms
from polyframe.polymarket.category import SLUGS, category_of
from polyframe.polymarket.gamma import fetch_markets, fetch_universe
from polyframe.polymarket.gamma_market import instant_ns, parse_market
from polyframe.polymarket.rest import RestClient

SAMPLE = {
    "id": "1557558",
    "question": "Bitcoin Up or Down?",
    "conditionId": "0x7844",
    "slug": "btc-updown-5m-1773307200",
    "resolutionSource": "https://data.chain.link/streams/btc-usd",
    "endDate": "2026-03-12T09:25:00Z",
    "eventStartTime": "2026-03-12T09:20:00Z",
    "description": 'This market will resolve to "Up" if ...',
    "outcomes": '["Up", "Down"]',
    "clobTokenIds": '["1042", "7118"]',
    "version": "v1",
    "active": True,
    "closed": False,
    "archived": False,
    "acceptingOrders": True,
    "enableOrderBook": True,
    "orderPriceMinTickSize": 0.01,
    "orderMinSize": 5,
    "negRisk": False,
    "volume24hr": 9.5,
    "liquidity": "20328.3747",
    "feesEnabled": True,
    "feeType": "crypto_fees_v2",
    "feeSchedule": {"exponent": 1, "rate": 0.07, "takerOnly": True, "rebateRate": 0.2},
    "rewardsMinSize": 50,
    "rewardsMaxSpread": 4.5,
    "clobRewards": [{"rewardsDailyRate": 2}, {"rewardsDailyRate": "1.5"}],
    "secondsDelay": 3,
    "umaResolutionStatuses": "[]",
    "umaResolutionStatus": "",
    "customLiveness": 0,
    "events": [{"id": 260654, "title": "Bitcoin", "seriesSlug": "btc-up-or-down-5m"}],
}


def parsed(**changes: object) -> MarketSpec:
    market = parse_market({**SAMPLE, **changes})
    assert isinstance(market, MarketSpec), market
    return market


def without(*keys: str) -> dict[str, object]:
    return {key: value for key, value in SAMPLE.items() if key not in keys}


# --- one market ----------------------------------------------------------------------


def test_the_sample_market_field_by_field() -> None:
    market = parsed()
    assert market.market_id == "0x7844"
    assert market.outcomes == ("Up", "Down")
    assert market.token_ids == ("1042", "7118")
    assert (market.tick_e4, market.min_size_e6) == (100, 5_000_000)
    assert market.fees == FeeSchedule(0.07, 1.0, True, 0.2)
    assert market.rewards == RewardTerms(50.0, 4.5, 3.5)
    assert (market.market_event_id, market.market_event_title) == ("260654", "Bitcoin")
    assert market.category == "crypto"
    assert market.end_ns == instant_ns("2026-03-12T09:25:00Z")
    assert market.game_start_ns == instant_ns("2026-03-12T09:20:00Z")
    assert (market.volume_24h_usd, market.liquidity_usd) == (9.5, 20328.3747)
    assert market.seconds_delay == 3.0
    assert market.liveness_s is None
    assert market.accepting_orders


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"conditionId": ""}, "no condition id"),
        ({"outcomes": '["A", "B", "C"]'}, "not binary: 3 outcomes"),
        ({"outcomes": "Yes, No"}, "no outcomes"),
        ({"clobTokenIds": None}, "no token ids"),
        ({"clobTokenIds": '["1", ""]'}, "empty token ids"),
        ({"clobTokenIds": '["1", "1"]'}, "both outcomes have one token id"),
        ({"enableOrderBook": False}, "no order book"),
        ({"orderPriceMinTickSize": None}, "no usable tick size"),
        ({"orderPriceMinTickSize": 0.003}, "no usable tick size"),
        ({"orderPriceMinTickSize": True}, "no usable tick size"),
        ({"orderMinSize": "many"}, "no usable minimum size"),
        ({"feeSchedule": {"exponent": 1}}, "unreadable fee schedule"),
        ({"feeSchedule": {"exponent": 1, "rate": "NaN"}}, "unreadable fee schedule"),
        ({"feeSchedule": "0.07"}, "unreadable fee schedule"),
        ({"version": "v2"}, "no token ids"),
    ],
)
def test_what_an_order_depends_on_is_never_guessed(changes: dict[str, object], reason: str) -> None:
    assert parse_market({**SAMPLE, **changes}) == reason


def test_fees_switched_off_or_without_a_schedule_are_zero() -> None:
    assert parsed(feesEnabled=False).fees == FeeSchedule()
    assert parsed(feeSchedule=None).fees == FeeSchedule()
    market = parse_market(without("feesEnabled"))
    assert isinstance(market, MarketSpec)
    assert market.fees.rate == 0.07


def test_numbers_and_their_texts_are_twins() -> None:
    twin = parsed(
        orderPriceMinTickSize="0.001",
        orderMinSize="5",
        feeSchedule={"exponent": "1", "rate": "0.07", "rebateRate": "0.2"},
        volume24hr="9.5",
        liquidityNum=20328.3747,
        customLiveness="3600",
        active="true",
    )
    assert twin.tick_e4 == 10
    assert twin.liveness_s == 3600.0
    same = parsed(orderPriceMinTickSize=0.001, customLiveness=3600)
    assert twin == same


def test_a_v2_market_trades_its_position_ids() -> None:
    assert parsed(version="v2", positionIds=["71", "72"]).token_ids == ("71", "72")


def test_negative_risk_comes_from_the_market_or_its_event() -> None:
    event = {"id": "1", "negRisk": True, "enableNegRisk": True, "negRiskAugmented": True}
    market = parsed(events=[event])
    assert (market.neg_risk, market.neg_risk_augmented) == (True, True)
    plain = parsed(negRisk=True, events=[{**event, "enableNegRisk": False}])
    assert (plain.neg_risk, plain.neg_risk_augmented) == (True, False)
    assert not parsed(events=[]).neg_risk


HALVES = {"outcomePrices": '["0.5", "0.5"]'}
YES_WON = {"outcomePrices": '["1", "0"]'}


@pytest.mark.parametrize(
    ("changes", "payout_e6"),
    [
        ({}, None),  # open: prices are prices
        ({"outcomePrices": '["1", "0"]'}, None),
        ({"closed": True, "outcomePrices": '["1", "0"]'}, 1_000_000),
        ({"closed": True, "outcomePrices": '["0", "1"]'}, 0),
        ({"closed": True, "outcomePrices": ["0", "1"]}, 0),
        ({"closed": True, "outcomePrices": '["0.9995", "0.0005"]'}, None),
        # A last price of a half, or the payout of "unknown": only the oracle can tell.
        ({"closed": True, "outcomePrices": '["0.5", "0.5"]'}, None),
        (
            {
                "closed": True,
                "outcomePrices": '["0.5", "0.5"]',
                "umaResolutionStatuses": '["proposed", "resolved"]',
            },
            500_000,
        ),
        (
            {"closed": True, "outcomePrices": '["0.5", "0.5"]', "resolutionStatus": "resolved"},
            500_000,
        ),
        (
            {"closed": True, "outcomePrices": '["0.5", "0.5"]', "automaticallyResolved": True},
            500_000,
        ),
        # An answer that stands to be disputed pays nobody yet.
        ({"closed": True, "outcomePrices": '["1", "0"]', "umaResolutionStatus": "disputed"}, None),
        (
            {"closed": True, "outcomePrices": '["1", "0"]', "umaResolutionStatus": "resolved"},
            1_000_000,
        ),
        ({"closed": True, "outcomePrices": '["1"]'}, None),
        ({"closed": True, "outcomePrices": "nonsense"}, None),
        ({"closed": True}, None),
    ],
)
def test_a_payout_is_read_where_it_is_one(changes: dict[str, object], payout_e6: int) -> None:
    assert parse_market({**SAMPLE, **changes}).yes_payout_e6 == payout_e6


def test_the_resolution_history_ends_with_the_current_status() -> None:
    history = '["proposed", "disputed"]'
    assert parsed(umaResolutionStatuses=history).uma_statuses == ("proposed", "disputed")
    grown = parsed(umaResolutionStatuses=history, umaResolutionStatus="proposed")
    assert grown.uma_statuses == ("proposed", "disputed", "proposed")
    assert parsed(umaResolutionStatuses="broken").uma_statuses == ()


@pytest.mark.parametrize("key", ["active", "acceptingOrders"])
def test_orders_are_accepted_only_where_the_venue_says_so(key: str) -> None:
    market = parse_market(without(key))
    assert isinstance(market, MarketSpec)
    assert not market.accepting_orders
    assert not parsed(**{key: False}).accepting_orders
    assert not parsed(closed=True).accepting_orders


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-04-05 15:10:00+00", "2026-04-05T15:10:00+00:00"),
        ("2026-03-11T09:29:01.328428Z", "2026-03-11T09:29:01.328428+00:00"),
        ("2026-03-11T09:29:01.5Z", "2026-03-11T09:29:01.500000+00:00"),
        ("2026-03-31", "2026-03-31T00:00:00+00:00"),
        ("2026-03-31T12:00:00", "2026-03-31T12:00:00+00:00"),
        ("2026-03-31T12:00:00-05:00", "2026-03-31T17:00:00+00:00"),
    ],
)
def test_every_spelling_of_a_date(text: str, iso: str) -> None:
    at_ns = instant_ns(text)
    assert at_ns is not None
    seconds, rest = divmod(at_ns, 10**9)
    at = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)
    assert at.isoformat() == iso


@pytest.mark.parametrize("nothing", ["", "  ", None, 0, "soon", "2026-13-01", "NaN"])
def test_no_date_is_none(nothing: object) -> None:
    assert instant_ns(nothing) is None


def test_the_last_day_of_time_fits_the_tape() -> None:
    assert instant_ns("9999-12-31T00:00:00Z") == 2**63 - 1


@pytest.mark.parametrize(
    ("facts", "category"),
    [
        ({"tags": ["politics", "geopolitics"]}, "geopolitics"),
        ({"tags": ["politics"], "fee_type": "sports_fees_v2"}, "sports"),
        ({"tags": ["fed-rates", "politics"]}, "politics"),
        ({"is_game": True}, "sports"),
        ({"series": "eth-up-or-down-5m"}, "crypto"),
        ({"tags": ["unheard-of"]}, "other"),
    ],
)
def test_categories(facts: dict[str, object], category: str) -> None:
    absent = {"tags": [], "fee_type": "", "series": "", "is_game": False}
    assert category_of(**{**absent, **facts}) == category


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from([*SAMPLE, "tags", "gameStartTime"]), JSON, max_size=6))
def test_no_market_object_raises_and_every_market_fits_the_tape(changes: dict) -> None:
    market = parse_market({**SAMPLE, **changes})
    if isinstance(market, MarketSpec):
        encoded = msgspec.json.encode(market)
        assert msgspec.json.decode(encoded, type=MarketSpec) == market


# --- recordings ----------------------------------------------------------------------


def test_every_recorded_market_parses_or_says_why(recording) -> None:
    packed = recording("gamma_markets.jsonl.zst").read_bytes()
    lines = zstandard.ZstdDecompressor().stream_reader(packed).read().split(b"\n")
    rows = [msgspec.json.decode(line) for line in lines if line]
    found = [parse_market(row) for row in rows]
    skipped = Counter(each for each in found if isinstance(each, str))
    markets = [each for each in found if isinstance(each, MarketSpec)]
    assert len(rows) == 11_754
    assert skipped == {"no order book": 21}
    assert {each.tick_e4 for each in markets} == {10, 100}
    assert sum(each.neg_risk_augmented for each in markets) == 2_770
    assert sum(bool(each.uma_statuses) for each in markets) == 91
    assert {each.liveness_s for each in markets} == {None, 3600.0}
    assert sum(each.game_start_ns is not None for each in markets) > 5_000
    assert {"sports", "crypto", "mentions"} <= {each.category for each in markets}


@pytest.mark.parametrize("name", ["mlb_20250617.gamma.json", "mlb_20250619.gamma.json"])
def test_recorded_games_parse(recording, name: str) -> None:
    found = [parse_market(row) for row in json.loads(recording(name).read_bytes())]
    assert found
    assert all(isinstance(each, MarketSpec) and each.category == "sports" for each in found)


# --- fetching ------------------------------------------------------------------------


def row(number: int, **changes: object) -> dict[str, object]:
    ids = json.dumps([f"{number}-yes", f"{number}-no"])
    return {**SAMPLE, "conditionId": f"0x{number}", "clobTokenIds": ids, **changes}


class Gamma:
    """Keyset paging over rows; ``script`` answers the first requests, None meaning a page."""

    def __init__(self, rows: list[dict[str, object]], script: list[web.Response | None] = ()):
        self.rows = rows
        self.script = list(script)
        self.queries: list[dict[str, list[str]]] = []
        self.app = web.Application()
        self.app.router.add_get("/markets/keyset", self.page)

    async def page(self, request: web.Request) -> web.Response:
        query = {key: request.query.getall(key) for key in request.query}
        self.queries.append(query)
        scripted = self.script.pop(0) if self.script else None
        if scripted is not None:
            return scripted
        start = int(query.get("after_cursor", ["0"])[0])
        ids = query.get("condition_ids")
        closed = query["closed"] == ["true"]
        rows = [
            each
            for each in self.rows
            if each["closed"] is closed and (ids is None or each["conditionId"] in ids)
        ]
        limit = int(query["limit"][0])
        answer: dict[str, object] = {"markets": rows[start : start + limit]}
        if start + limit < len(rows):
            answer["next_cursor"] = str(start + limit)
        return web.json_response(answer)


def client(url: str, **changes: object) -> RestClient:
    quick = {"backoff_base_s": 0.001, "timeout_s": 5.0, "rng": random.Random(1)}
    return RestClient(url, **{**quick, **changes})


@pytest.mark.anyio
async def test_the_universe_comes_page_by_page_without_repeats(serve) -> None:
    gamma = Gamma([*(row(number) for number in range(240)), row(3), row(900, orderMinSize=None)])
    async with serve(gamma.app) as url, client(url) as rest:
        result = await fetch_universe(rest, limit=1000)
    assert result.complete
    assert result.fetched == 242
    assert [each.market_id for each in result.markets] == [f"0x{each}" for each in range(240)]
    assert result.skipped == (("no usable minimum size", 1),)
    assert [query.get("after_cursor") for query in gamma.queries] == [None, ["100"], ["200"]]
    first = gamma.queries[0]
    assert first["include_tag"] == ["true"]
    assert first["order"] == ["volume24hr"]
    assert (first["ascending"], first["closed"], first["limit"]) == (["false"], ["false"], ["100"])


@pytest.mark.anyio
async def test_the_limit_ends_the_paging(serve) -> None:
    gamma = Gamma([row(number) for number in range(500)])
    async with serve(gamma.app) as url, client(url) as rest:
        result = await fetch_universe(rest, limit=150)
    assert (len(result.markets), result.complete, len(gamma.queries)) == (150, True, 2)


@pytest.mark.anyio
async def test_a_throttled_page_is_asked_again_when_the_venue_says(serve) -> None:
    throttled = web.Response(status=429, headers={"Retry-After": "0"})
    broken = web.Response(status=502, text="bad gateway")
    gamma = Gamma([row(number) for number in range(3)], [throttled, broken])
    async with serve(gamma.app) as url, client(url) as rest:
        result = await fetch_universe(rest, limit=10)
    assert (len(result.markets), result.complete) == (3, True)
    assert len(gamma.queries) == 3


@pytest.mark.anyio
async def test_too_long_a_retry_after_is_a_failure_at_once(serve) -> None:
    gamma = Gamma([row(1)], [web.Response(status=429, headers={"Retry-After": "3600"})])
    async with serve(gamma.app) as url, client(url) as rest:
        result = await fetch_universe(rest, limit=10)
    assert not result.complete
    assert "HTTP 429" in result.detail
    assert len(gamma.queries) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("body", ["<html>", "{}", "[" * 50_000, '{"markets": 7}'])
async def test_a_broken_page_leaves_a_list_that_says_it_is_short(serve, body: str) -> None:
    gamma = Gamma([row(number) for number in range(150)], [None, web.Response(text=body)])
    async with serve(gamma.app) as url, client(url) as rest:
        result = await fetch_universe(rest, limit=1000)
    assert not result.complete
    assert len(result.markets) == 100
    assert "broke off after 100 rows" in result.detail


@pytest.mark.anyio
async def test_an_unreachable_gamma_is_an_empty_list_that_says_so() -> None:
    async with client("http://127.0.0.1:1", attempts=2) as rest:
        result = await fetch_universe(rest, limit=10)
    assert (result.markets, result.complete) == ((), False)
    assert result.detail


@pytest.mark.anyio
async def test_a_repeating_cursor_ends(serve) -> None:
    async def page(request: web.Request) -> web.Response:
        return web.json_response({"markets": [row(1)], "next_cursor": "same"})

    app = web.Application()
    app.router.add_get("/markets/keyset", page)
    async with serve(app) as url, client(url) as rest:
        result = await fetch_universe(rest, limit=10)
    assert not result.complete
    assert "repeats" in result.detail


@pytest.mark.anyio
async def test_an_endless_answer_is_refused(serve) -> None:
    gamma = Gamma([row(1, description="x" * 100_000)])
    async with serve(gamma.app) as url, client(url, most_bytes=50_000) as rest:
        result = await fetch_universe(rest, limit=10)
    assert not result.complete
    assert "longer than 50000 bytes" in result.detail


@pytest.mark.anyio
async def test_a_refresh_finds_closed_markets_and_names_what_is_missing(serve) -> None:
    gamma = Gamma([row(number) for number in range(60)] + [row(77, closed=True)])
    wanted = [f"0x{number}" for number in range(59, -1, -1)]
    async with serve(gamma.app) as url, client(url) as rest:
        whole = await fetch_markets(rest, [*wanted, "0x77"])
        short = await fetch_markets(rest, ["0x5", "0xnone"])
    assert whole.complete
    assert [each.market_id for each in whole.markets] == [*wanted, "0x77"]
    assert whole.markets[-1].closed
    assert [len(query["condition_ids"]) for query in gamma.queries[:2]] == [50, 11]
    assert not short.complete
    assert "1 of 2 markets not had" in short.detail
    assert [each.market_id for each in short.markets] == ["0x5"]


def test_the_documented_category_table_is_the_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "market-data.md").read_text()
    table = page.partition("| category | tag slugs |")[2]
    documented = dict(re.findall(r"^\| ([a-z]+) \| ([a-z0-9 -]+) \|$", table, re.MULTILINE))
    assert documented == {name: " ".join(slugs) for name, slugs in SLUGS.items()}
