"""What a client reads of a market is what its orders are held to."""

from __future__ import annotations

import httpx
import pytest

from polyframe.exchange.public.gamma_objects import market_token_ids
from polyframe.exchange.server import EmbeddedExchange
from polyframe.exchange.simulation.source import SimulatedSource
from polyframe.exchange.trading.terms import PrivateTerms

pytestmark = pytest.mark.anyio
START_NS = 1_796_000_000 * 10**9


async def test_short_markets_say_the_terms_that_orders_meet() -> None:
    source = SimulatedSource(7, 300, 1e-9, START_NS)
    kinds: set[str] = set()
    async with (
        EmbeddedExchange(source, accounts=PrivateTerms(seed=3)) as exchange,
        httpx.AsyncClient(base_url=exchange.urls.clob_url, trust_env=False) as http,
    ):
        for gamma in source.markets():
            token_ids = market_token_ids(gamma)
            terms = source.terms(token_ids[0])
            assert terms is not None
            found = (await http.get(f"/markets-by-token/{token_ids[1]}")).json()
            assert found["condition_id"] == terms.market_id
            short = (await http.get(f"/clob-markets/{terms.market_id}")).json()
            assert tuple(one["t"] for one in short["t"]) == terms.token_ids
            assert short.get("itode", False) is (terms.taker_hold_ms > 0)
            assert short["sd"] == terms.taker_delay_s
            assert short.get("nr", False) is terms.neg_risk
            assert short.get("ao", False) is terms.is_accepting
            assert short.get("fd", {"r": 0.0})["r"] == terms.fee_rate
            assert short["mts"] == source.matching_book(terms.market_id).tick_e4 / 10_000
            kinds |= {key for key in ("itode", "nr", "ao", "fd") if key in short}
            kinds |= {terms.version, "sd" if short["sd"] else ""}
    assert {"itode", "nr", "ao", "fd", "sd", "v1", "v2"} <= kinds


async def test_programmes_name_the_tokens_that_trade() -> None:
    source = SimulatedSource(7, 300, 1e-9, START_NS)
    versions = set()
    async with (
        EmbeddedExchange(source, accounts=PrivateTerms(seed=3)) as exchange,
        httpx.AsyncClient(base_url=exchange.urls.clob_url, trust_env=False) as http,
    ):
        page = (await http.get("/rewards/markets/multi")).json()
        for row in page["data"]:
            gamma = source.market(row["condition_id"])
            assert gamma is not None
            assert [one["token_id"] for one in row["tokens"]] == market_token_ids(gamma)
            versions.add(gamma.get("version", "v1"))
            one = (await http.get(f"/rewards/markets/{row['condition_id']}")).json()
            assert one["data"] == [row]
    assert versions == {"v1", "v2"}


async def test_one_market_is_read_without_reading_them_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = SimulatedSource(7, 12, 1e-9, START_NS)
    gamma = source.markets()[3]
    async with (
        EmbeddedExchange(source, accounts=PrivateTerms(seed=3)) as exchange,
        httpx.AsyncClient(base_url=exchange.urls.clob_url, trust_env=False) as http,
    ):
        monkeypatch.setattr(source, "markets", lambda: pytest.fail("all markets were read"))
        condition_id, token_id = gamma["conditionId"], market_token_ids(gamma)[0]
        for path in (
            f"/markets-by-token/{token_id}",
            f"/clob-markets/{condition_id}",
            f"/markets/{condition_id}",
            f"/rewards/markets/{condition_id}",
        ):
            assert (await http.get(path)).status_code == 200
        for path in ("/markets-by-token/1", "/clob-markets/0x1", "/markets/0x1"):
            answer = await http.get(path)
            assert (answer.status_code, answer.json()) == (404, {"error": "market not found"})
