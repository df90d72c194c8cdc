"""Caps: what is shrunk, what is refused with which numbers, and that limits hold."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyframe import MarketState, Quote, QuoteLeg, ReportPeriod, TradeLeg
from polyframe.money import usd_e12
from polyframe.testing.builders import (
    NOW_NS,
    FakePortfolio,
    a_market,
    a_plugin,
    a_portfolio,
    a_position,
    a_spec,
    an_order,
)
from polyframe_portfolio_risk import PortfolioRisk
from polyframe_portfolio_risk.account import exposures


def risk():
    """A fresh plugin: the halt is a latch, and one test must not halt the next."""
    return a_plugin(PortfolioRisk)


def leg(price_e4, shares):
    return QuoteLeg(price_e4, round(shares * 1_000_000))


def two_sided(shares=100, bid_e4=4800, ask_e4=5200, market_id="0xm1"):
    return Quote(market_id, 0.5, leg(bid_e4, shares), leg(ask_e4, shares), "classic")


def vetoes(quote, market, headroom_use=0.95, **account):
    portfolio = a_portfolio(markets=[market, *account.pop("others", [])], **account)
    plugin = a_plugin(PortfolioRisk, headroom_use=headroom_use)
    return [
        (veto.code.removeprefix("portfolio_risk."), veto.side)
        for veto in plugin.pre_quote_veto(quote, market, portfolio, NOW_NS)
    ]


def shaped(quote, market, **account):
    portfolio = a_portfolio(markets=[market, *account.pop("others", [])], **account)
    return risk().shape_quote(quote, market, portfolio) or quote


def test_fifty_dollars_a_side_fit_the_default_account():
    assert vetoes(two_sided(104), a_market(), headroom_use=1.0) == []
    # New risk uses 95 % of the cap: 47.50 USD a side.
    assert shaped(two_sided(104), a_market()) == two_sided(98.95)


def test_the_market_cap_refuses_with_its_numbers():
    market = a_market()
    found = risk().pre_quote_veto(two_sided(105), market, a_portfolio(markets=[market]), NOW_NS)
    assert [(veto.code, veto.side) for veto in found] == [
        ("portfolio_risk.market_cap", "bid"),
        ("portfolio_risk.market_cap", "ask"),
    ]
    assert (found[0].observed, found[0].limit) == (50.4, 50.0)


def test_a_cent_less_equity_shrinks_instead_of_refusing():
    # A cap of 49.90 USD, of which new risk uses 95 %: 98.76 shares at 0.48.
    market = a_market()
    quote = shaped(two_sided(104.16), market, equity_usd=4990)
    assert quote.bid == leg(4800, 98.76)
    assert quote.ask == leg(5200, 98.76)
    assert vetoes(quote, market, equity_usd=4990) == []
    assert quote.fair == 0.5


@pytest.mark.parametrize(
    ("changes", "limit_usd"),
    [
        ({}, 50.0),
        ({"hours_to_close": 48.0}, 50.0),
        ({"hours_to_close": 47.9}, 25.0),
        ({"hours_to_close": None}, 25.0),
        ({"state": MarketState.WATCH, "hours_to_close": 60.0}, 40.0),
        ({"state": MarketState.WATCH, "hours_to_close": 30.0}, 20.0),
        ({"state": MarketState.CLOSE_WINDOW, "hours_to_close": 10.0}, 12.5),
        ({"state": MarketState.DISPUTED}, 0.0),
        ({"state": MarketState.UNKNOWN}, 0.0),
    ],
)
def test_caps_by_state_and_time_to_close(changes, limit_usd):
    market = a_market(**changes)
    found = risk().pre_quote_veto(two_sided(500), market, a_portfolio(markets=[market]), NOW_NS)
    assert [veto.limit for veto in found if veto.code.endswith("market_cap")] == [limit_usd] * 2


def test_without_equity_nothing_may_be_added():
    assert ("market_cap", "bid") in vetoes(two_sided(1), a_market(), equity_usd=0)
    assert ("market_cap", "bid") in vetoes(
        two_sided(1), a_market(), equity_usd=-5, day_start_equity_usd=0, peak_equity_usd=0
    )


def test_inventory_uses_up_the_room_of_its_own_side_only():
    market = a_market(position=a_position(yes=80, cost_usd=40))
    quote = shaped(two_sided(100), market)
    assert quote.bid == leg(4800, 15.62)  # 47.50 less the 40 held: 15.62 shares
    assert quote.ask == leg(5200, 100)


def test_a_leg_that_only_reduces_passes_a_broken_cap():
    # 90 USD at risk against 50: selling is free, buying is not.
    market = a_market(position=a_position(yes=180, cost_usd=90))
    assert vetoes(two_sided(100), market) == [("market_cap", "bid")]
    closing = dataclasses.replace(market, state=MarketState.DISPUTED)
    assert ("market_cap", "ask") not in vetoes(two_sided(100), closing)


def test_two_sides_do_not_excuse_each_other():
    # An ask of 50 USD rests; with a cap of 12.50 that is no reason to let a bid of 48 pass.
    market = a_market(
        state=MarketState.CLOSE_WINDOW,
        hours_to_close=10.0,
        orders=[an_order(side="ask", yes_price_e4=5000, shares=100)],
    )
    assert ("market_cap", "bid") in vetoes(two_sided(100), market)


def test_a_leg_replaces_what_rests_on_its_side():
    market = a_market(orders=[an_order(side="bid", yes_price_e4=4700, shares=100)])
    assert vetoes(two_sided(98), market) == []


def test_a_larger_resting_order_counts_until_it_is_gone():
    market = a_market(orders=[an_order(side="bid", yes_price_e4=4800, shares=200)])
    assert vetoes(two_sided(10), market) == [("market_cap", "bid")]


def test_a_leg_with_no_legal_size_left_is_refused_by_name():
    # 2 USD of room buy 4.16 shares; the market's least is 5.
    market = a_market(position=a_position(yes=96, cost_usd=48))
    quote = shaped(two_sided(100), market)
    assert quote.bid == leg(4800, 5)
    assert vetoes(quote, market) == [("market_cap", "bid")]


def test_only_the_cap_without_room_is_named():
    # Nothing left of the aggregate cap, all of the market's: the market's is not the reason.
    others = _full_markets(40)
    quote = shaped(two_sided(100), a_market(), others=others)
    assert quote == two_sided(5)
    assert vetoes(quote, a_market(), others=others) == [
        ("aggregate_cap", "bid"),
        ("aggregate_cap", "ask"),
    ]


def test_the_distance_to_the_cap_is_not_for_new_risk():
    # 2.45 USD under the cap, nothing under 95 % of it: refused with the limit that it broke.
    market = a_market(position=a_position(yes=95.1, cost_usd=47.55))
    quote = shaped(two_sided(5), market)
    assert quote == two_sided(5)
    assert vetoes(quote, market, headroom_use=1.0) == []
    [veto] = risk().pre_quote_veto(quote, market, a_portfolio(markets=[market]), NOW_NS)
    assert (veto.code, veto.side) == ("portfolio_risk.market_cap", "bid")
    assert (veto.observed, veto.limit) == (49.95, 47.5)


def test_what_takes_may_use_a_cap_to_its_end():
    # Who proposes a trade has sized it to the cap itself.
    market = a_market()
    taken = TradeLeg(market.market_id, True, True, 4800, 104_000_000).as_quote("satellite")
    assert vetoes(taken, market) == []


def test_a_cent_of_lost_equity_does_not_pull_what_rests():
    # 47.50 USD rest on the bid; the cap falls from 50 to 49.99 and everything stays.
    resting = [an_order(yes_price_e4=4800, shares=98.95)]
    market = a_market(orders=resting)
    quote = shaped(two_sided(100), market, equity_usd=4999)
    assert quote.bid == leg(4800, 98.95)
    assert vetoes(quote, market, equity_usd=4999) == []
    others = _full_markets(39)
    assert ("aggregate_cap", "bid") not in vetoes(quote, market, others=others, equity_usd=4999)


def _full_markets(count, cluster_id=None):
    return [
        a_market(
            f"other{i}",
            cluster_id=cluster_id or f"cluster{i}",
            position=a_position(yes=100, cost_usd=50),
        )
        for i in range(count)
    ]


def test_the_cluster_cap():
    market = a_market(cluster_id="politics")
    # 11 markets x 50 USD leave 50 of the 600 USD; 12 leave nothing.
    whole = {"headroom_use": 1.0}
    assert vetoes(two_sided(100), market, others=_full_markets(11, "politics"), **whole) == []
    assert vetoes(two_sided(100), market, others=_full_markets(12, "politics"), **whole) == [
        ("cluster_cap", "bid"),
        ("cluster_cap", "ask"),
    ]
    assert vetoes(two_sided(100), market, others=_full_markets(12), **whole) == []


def test_the_aggregate_cap():
    whole = {"headroom_use": 1.0}
    assert vetoes(two_sided(100), a_market(), others=_full_markets(39), **whole) == []
    assert vetoes(two_sided(100), a_market(), others=_full_markets(40), **whole) == [
        ("aggregate_cap", "bid"),
        ("aggregate_cap", "ask"),
    ]


def test_a_hedge_in_an_exclusive_event_needs_no_room():
    # NO_B loses when B wins. Buying YES_B pays then: the event's worst case falls, so the bid
    # passes although the cluster is over its cap. Selling YES_B adds to it.
    def outcome(name, **changes):
        spec = a_spec(name, neg_risk=True, market_event_id="race")
        return a_market(spec=spec, cluster_id="race", **changes)

    others = [outcome(f"x{i}", position=a_position(no=100, cost_usd=60)) for i in range(2)]
    b = outcome("B", position=a_position(no=1500, cost_usd=900))
    quote = Quote("B", 0.4, leg(3800, 100), leg(4200, 100))
    assert vetoes(quote, b, others=others) == [("market_cap", "ask"), ("cluster_cap", "ask")]


@pytest.mark.parametrize(
    "settings_given", [{"market_cap_share": 1.5}, {"headroom_use": 0}, {"daily_loss_share": 0}]
)
def test_settings_are_bounded(settings_given):
    with pytest.raises(msgspec.ValidationError):
        a_plugin(PortfolioRisk, **settings_given)


# --- properties ----------------------------------------------------------------------

prices = st.integers(1, 99).map(lambda cents: cents * 100)
shares = st.integers(0, 40_000).map(lambda hundredths: hundredths / 100)


@st.composite
def accounts(draw):
    """An account of five markets, three of them one exclusive event, and a quote for the first."""

    def market(i):
        name = f"m{i}"
        spec = a_spec(name, neg_risk=i < 3, market_event_id="race" if i < 3 else name)
        yes, no = draw(shares), draw(shares)
        orders = [
            an_order(name, draw(st.sampled_from(["bid", "ask"])), draw(prices), draw(shares))
            for _ in range(draw(st.integers(0, 2)))
        ]
        return a_market(
            spec=spec,
            cluster_id="politics" if i < 4 else "sports",
            position=a_position(yes, no, round((yes + no) * draw(st.floats(0, 1)), 2)),
            orders=orders,
        )

    markets = [market(i) for i in range(5)]
    bid, ask = draw(prices), draw(prices)
    size = draw(st.floats(5, 500))
    quote = Quote("m0", 0.5, leg(bid, round(size, 2)), leg(ask, round(size, 2)))
    return markets, quote, draw(st.floats(0, 50_000))


def _with_orders_of_first(markets, orders):
    return [dataclasses.replace(markets[0], orders=tuple(orders)), *markets[1:]]


@settings(deadline=None, max_examples=200)
@given(accounts())
def test_what_passes_keeps_every_cap_or_makes_nothing_worse(case):
    markets, quote, equity_usd = case
    market = markets[0]
    equity_usd = round(equity_usd, 2)
    portfolio = a_portfolio(equity_usd=equity_usd, markets=markets)
    refused = {
        veto.side for veto in risk().pre_quote_veto(quote, market, portfolio, NOW_NS) if veto.side
    }
    placed = [
        an_order("m0", side, wanted.price_e4, wanted.size_e6 / 1e6)
        for side, wanted in (("bid", quote.bid), ("ask", quote.ask))
        if side not in refused
    ]
    before = exposures(a_portfolio(markets=_with_orders_of_first(markets, [])))
    after = exposures(a_portfolio(markets=_with_orders_of_first(markets, placed)))
    equity_e12 = usd_e12(equity_usd)
    cluster = market.cluster_id
    for was, now, share in (
        (before.markets.get("m0", 0), after.markets.get("m0", 0), 100),
        (before.clusters.get(cluster, 0), after.clusters.get(cluster, 0), 12),
        (before.aggregate_e12, after.aggregate_e12, 40),
    ):
        limit = equity_e12 * share // (100 if share != 100 else 10_000)
        assert now <= max(was, limit)


@settings(deadline=None, max_examples=200)
@given(accounts())
def test_what_is_shaped_is_refused_only_where_not_even_the_least_fits(case):
    markets, quote, equity_usd = case
    markets = _with_orders_of_first(markets, [])
    portfolio = a_portfolio(equity_usd=round(equity_usd, 2), markets=markets)
    fitted = risk().shape_quote(quote, markets[0], portfolio) or quote

    found = risk().pre_quote_veto(fitted, markets[0], portfolio, NOW_NS)
    least_e6 = -(-max(1, markets[0].min_size_e6) // 10_000) * 10_000
    for side in ("bid", "ask"):
        wanted, got = quote.leg(side), fitted.leg(side)
        assert got.price_e4 == wanted.price_e4
        assert got.size_e6 <= wanted.size_e6
        assert got.size_e6 % 10_000 == 0
        refusals = [veto for veto in found if veto.side == side]
        assert all(veto.observed > veto.limit for veto in refusals)
        if got.size_e6 < wanted.size_e6:
            assert got.size_e6 >= least_e6
        if refusals:
            assert got.size_e6 <= least_e6


def test_a_decision_looks_at_each_market_once():
    # 40 markets with a holding and a quote each: linear work, so that a cycle stays quadratic.
    others = [
        dataclasses.replace(
            market,
            orders=(an_order(market.market_id, "bid"), an_order(market.market_id, "ask", 5200)),
        )
        for market in _full_markets(40)
    ]
    market = a_market()
    looked_up: list[str] = []

    class Counting(FakePortfolio):
        def market(self, market_id):
            looked_up.append(market_id)
            return super().market(market_id)

        def orders(self, market_id=None):
            looked_up.append("orders")
            return super().orders(market_id)

    plain = a_portfolio(markets=[market, *others])
    counting = Counting(**{f.name: getattr(plain, f.name) for f in dataclasses.fields(plain)})
    risk().pre_quote_veto(two_sided(100), market, counting, NOW_NS)
    assert sorted(looked_up) == sorted([*(other.market_id for other in others), "orders"])


# --- trades beside quotes --------------------------------------------------------------


@pytest.mark.parametrize(
    ("quote_of", "order_of", "refused"),
    [("maker", "maker", False), ("maker", "arb", True), ("arb", "maker", True),
     ("arb", "arb", True)],
)  # fmt: skip
def test_only_a_quote_replaces_and_only_a_quote(quote_of, order_of, refused):
    # 45 USD rest, 45 more are wanted, 50 may be lost.
    resting = an_order(yes_price_e4=4500, shares=100, component=order_of)
    market = a_market(orders=[resting])
    quote = Quote("0xm1", 0.5, leg(4500, 100), component=quote_of)
    expected = [("market_cap", "bid")] if refused else []
    assert vetoes(quote, market) == expected
    room = shaped(quote, market).bid.size_e6
    assert (room < 12 * 1_000_000) is refused


def test_the_report_says_whose_cap_refused_with_the_last_numbers():
    plugin = risk()
    market = a_market(cluster_id="politics")
    others = _full_markets(12, "politics")
    period = ReportPeriod(day="2026-05-28", start_ns=NOW_NS, end_ns=NOW_NS + 1, facts={})
    for shares in (100, 104):
        plugin.pre_quote_veto(
            two_sided(shares), market, a_portfolio(markets=[market, *others]), NOW_NS
        )
    told = plugin.report_section(period)["refusals"]
    assert told[0] == {
        "code": "portfolio_risk.cluster_cap", "of": "politics", "refusals": 4,
        "observed_usd": 649.92, "limit_usd": 600.0, "last_ns": NOW_NS,
    }  # fmt: skip
    assert {(each["code"], each["of"]) for each in told[1:]} == {
        ("portfolio_risk.market_cap", market.market_id),
    }
    tomorrow = ReportPeriod(
        day="2026-05-29", start_ns=NOW_NS + 86_400 * 10**9, end_ns=NOW_NS + 86_401 * 10**9, facts={}
    )
    assert plugin.report_section(tomorrow)["refusals"] == []
