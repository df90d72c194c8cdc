"""The built-in guards' readings: the numbers behind their votes, and no others."""

from __future__ import annotations

from typing import Any

import pytest

from polyframe import Quote, QuoteLeg, Reading
from polyframe.testing.builders import (
    NOW_NS,
    a_book,
    a_market,
    a_plugin,
    a_portfolio,
    a_position,
)
from polyframe_markout import Markout
from polyframe_portfolio_risk import PortfolioRisk
from polyframe_qs import Qs
from polyframe_qs.score import score
from polyframe_rrs import Rrs

QUOTE = Quote("0xm1", 0.5, QuoteLeg(4800, 400_000_000), QuoteLeg(5200, 400_000_000))


def by_name(readings: Any) -> dict[str, Reading]:
    return {reading.name: reading for reading in readings}


def test_portfolio_risk_tells_the_losses_that_its_vetoes_name() -> None:
    market = a_market(position=a_position(yes=50, cost_usd=25))
    portfolio = a_portfolio(equity_usd=5000, peak_equity_usd=5100, markets=[market])
    plugin = a_plugin(PortfolioRisk)
    told = by_name(plugin.explain_quote(QUOTE, market, portfolio, NOW_NS))
    vetoes = plugin.pre_quote_veto(QUOTE, market, portfolio, NOW_NS)
    assert vetoes
    for veto in vetoes:
        reading = told[f"{veto.side}_{veto.code.partition('.')[2]}_usd"]
        assert (reading.value, reading.limit) == (veto.observed, veto.limit)
    assert told["drawdown_usd"] == Reading("drawdown_usd", 100.0, 765.0)
    assert told["daily_loss_usd"].value == 0.0


def test_portfolio_risk_tells_the_account_s_losses_without_a_quote() -> None:
    market = a_market()
    portfolio = a_portfolio(markets=[market])
    told = a_plugin(PortfolioRisk).explain_quote(Quote("0xm1"), market, portfolio, NOW_NS)
    assert [reading.name for reading in told] == ["daily_loss_usd", "drawdown_usd"]


@pytest.mark.parametrize(
    "market",
    [
        a_market(book=a_book(5100, 4900), book_age_s=9.0, jump_1h=0.2, hours_to_close=10.0),
        a_market(book=a_book(4900, 5100, bid_size=1, ask_size=1)),
    ],
)
def test_qs_tells_what_its_vetoes_name(market: Any) -> None:
    plugin = a_plugin(Qs)
    told = by_name(plugin.explain_quote(market))
    named = {
        "qs.near_close_volatile": "jump_1h",
        "qs.crossed": "spread_c",
        "qs.stale": "book_age_s",
        "qs.liquidity": "resting_usd",
    }
    vetoes = [veto for veto in plugin.pre_quote_veto(QUOTE, market) if veto.code in named]
    assert vetoes
    for veto in vetoes:
        reading = told[named[veto.code]]
        assert (reading.value, reading.limit) == (veto.observed, veto.limit)


def test_qs_tells_the_score_it_would_rank_by() -> None:
    plugin, market = a_plugin(Qs), a_market()
    told = by_name(plugin.explain_quote(market))["score"]
    assert told == Reading("score", score(market, plugin.config).total)


@pytest.mark.parametrize(("component", "limit"), [("maker", 0.35), ("satellite", 0.25)])
def test_rrs_tells_its_score_and_the_component_s_limit(component: str, limit: float) -> None:
    plugin, market = a_plugin(Rrs), a_market()
    quote = Quote("0xm1", component=component)
    [reading] = plugin.explain_quote(quote, market)
    assert reading == Reading("score", plugin.score(market.spec).value, limit)


def test_markout_tells_nothing_before_the_first_fill() -> None:
    assert a_plugin(Markout).explain_quote(QUOTE, a_market(), NOW_NS) == []
