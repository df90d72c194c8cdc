"""What is taken from a crossed book, what is not and why, and what the budget does about it."""

from __future__ import annotations

import dataclasses
import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyframe import Fill, MarketState, ReportPeriod, Trade, TradeLeg
from polyframe.model import FeeSchedule
from polyframe.money import SHARE_E6, complement_e4, notional_e12, taker_fee_e12, usd, usd_e12
from polyframe.testing.builders import (
    NOW_NS,
    FakeMarket,
    a_book,
    a_context,
    a_cycle,
    a_fill,
    a_market,
    a_plugin,
    a_portfolio,
    a_position,
    a_spec,
    an_order,
)
from polyframe_parity_arb import ParityArb
from polyframe_parity_arb.parity import gain_e12, walk

SECOND_NS = 1_000_000_000
LATER_NS = NOW_NS + SECOND_NS
PERIOD = ReportPeriod(day="2026-05-28", start_ns=NOW_NS, end_ns=NOW_NS + 1, facts={})
POLITICS = FeeSchedule(rate=0.04, exponent=1.0, rebate_share=0.25)
# YES asked at 0.48 and bid at 0.52: a pair costs 0.96 before fees.
CROSSED = a_book(bid_e4=5200, ask_e4=4800, bid_size=40.0, ask_size=30.0)


def crossed(**changes) -> FakeMarket:
    return a_market(**{"book": CROSSED, **changes})


def watched(market: FakeMarket, store=None, **config) -> ParityArb:
    """A plugin that has seen the market's book twice, a second apart."""
    plugin = a_plugin(ParityArb, a_context("parity_arb", store=store), **config)
    plugin.on_book(market, NOW_NS)
    plugin.on_book(market, LATER_NS)
    return plugin


def trades(market: FakeMarket, portfolio=None, plugin=None, now_ns=LATER_NS, **config):
    plugin = plugin or watched(market, **config)
    return plugin.propose_trades([market], portfolio or a_portfolio(markets=[market]), now_ns)


def refusals(plugin: ParityArb) -> dict[str, int]:
    refused = plugin.report_section(PERIOD)["refused"]
    return {reason: count for reason, count in refused.items() if count}


def filled(leg: TradeLeg, number=1, component="arb", **changes) -> Fill:
    return a_fill(number, leg, **{"ts_ns": LATER_NS, "component": component, **changes})


# --- the arithmetic --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask_e4", "bid_e4", "fees", "gain_usd"),
    [
        (4800, 5200, FeeSchedule(), 0.04),
        # Politics, rate 0.04: 0.04 * 0.48 * 0.52 = 0.009984, twice (venue.md 5.1), 5 decimals.
        (4800, 5200, POLITICS, 0.04 - 2 * 0.00998),
        (5200, 4800, POLITICS, -0.04 - 2 * 0.00998),
    ],
)
def test_gain_of_a_pair_golden(ask_e4, bid_e4, fees, gain_usd):
    assert usd(gain_e12(a_spec(fees=fees), ask_e4, bid_e4)) == pytest.approx(gain_usd, abs=1e-12)


def test_both_books_are_walked_until_a_pair_no_longer_earns_enough():
    asks = [(4800, 10.0), (4900, 10.0), (5170, 100.0)]
    bids = [(5200, 15.0), (5100, 50.0)]
    match = walk(a_spec(), asks, bids, 0.005, lambda ask_e4, bid_e4: 10**12)
    # 10 at 0.48/0.52, 5 at 0.49/0.52, 5 at 0.49/0.51; 0.517 against 0.51 earns nothing.
    assert match is not None
    assert (match.size_e6, match.ask_e4, match.bid_e4) == (20_000_000, 4900, 5100)
    assert (match.ask_depth_e6, match.bid_depth_e6) == (20_000_000, 65_000_000)
    assert usd(match.gain_e12) == pytest.approx(10 * 0.04 + 5 * 0.03 + 5 * 0.02)


# --- buying ----------------------------------------------------------------------------


def test_both_outcomes_are_bought_the_scarcer_first():
    (trade,) = trades(crossed())
    yes, no = trade.legs
    assert (yes.is_yes, yes.is_buy, yes.limit_e4, yes.size_e6) == (True, True, 4800, 30_000_000)
    assert (no.is_yes, no.is_buy, no.limit_e4, no.size_e6) == (False, True, 4800, 30_000_000)
    assert (trade.component, trade.within_s) == ("arb", 5.0)
    assert dict(trade.inputs)["gain_usd"] == pytest.approx(30 * 0.04)


def test_the_bids_go_first_when_they_are_scarcer():
    (trade,) = trades(crossed(book=a_book(5200, 4800, bid_size=20.0, ask_size=30.0)))
    assert [leg.is_yes for leg in trade.legs] == [False, True]


def test_an_ordinary_book_never_has_parity():
    # YES ask + NO ask = 1 + spread in one book: there is nothing to take.
    assert trades(a_market()) == []
    assert trades(a_market(book=a_book(5000, 5000))) == []


def test_fees_can_eat_a_crossing():
    market = crossed(spec=a_spec(fees=FeeSchedule(rate=0.07)))
    (trade,) = trades(market)
    assert dict(trade.inputs)["gain_usd"] == pytest.approx(30 * (0.04 - 2 * 0.01747), abs=1e-6)
    plugin = watched(crossed(spec=a_spec(fees=FeeSchedule(rate=0.075))))
    assert trades(crossed(spec=a_spec(fees=FeeSchedule(rate=0.075))), plugin=plugin) == []
    assert refusals(plugin) == {"edge": 1}


# --- selling ---------------------------------------------------------------------------


def test_own_pairs_are_sold_first_the_mirror_of_buying():
    market = crossed()
    plugin = watched(market)
    (bought,) = trades(market, plugin=plugin)
    for number, leg in enumerate(bought.legs):
        plugin.on_fill(filled(leg, number), LATER_NS)
    holding = dataclasses.replace(market, position=a_position(30, 30, 28.8))
    (sold,) = trades(holding, plugin=plugin, now_ns=LATER_NS + 11 * SECOND_NS)
    assert [leg.is_buy for leg in sold.legs] == [False, False]
    by_token = {leg.is_yes: leg for leg in sold.legs}
    assert (by_token[True].limit_e4, by_token[False].limit_e4) == (5200, 5200)
    assert by_token[True].size_e6 == 30_000_000
    # Asks are the scarcer: they are what selling NO takes.
    assert [leg.is_yes for leg in sold.legs] == [False, True]


def test_pairs_of_others_and_promised_ones_are_not_sold():
    market = crossed(position=a_position(100, 100, 95))
    (trade,) = trades(market)
    assert all(leg.is_buy for leg in trade.legs)
    store = {"holdings": {"0xm1": dict(yes_e6=30 * SHARE_E6, no_e6=30 * SHARE_E6,
                                       yes_cost_e12=10**12, no_cost_e12=10**12)}}  # fmt: skip
    promised = crossed(
        position=a_position(30, 30, 28.8),
        orders=[an_order(side="ask", yes_price_e4=9900, shares=28, sells_holding=True)],
    )
    (trade,) = trades(promised, plugin=watched(promised, store))
    assert all(leg.is_buy for leg in trade.legs)


# --- what is refused -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "market"),
    [
        ("neg_risk", crossed(spec=a_spec(neg_risk=True))),
        ("neg_risk", crossed(spec=a_spec(neg_risk_augmented=True))),
        ("not_accepting", crossed(spec=a_spec(accepting_orders=False))),
        ("not_accepting", crossed(spec=a_spec(closed=True))),
        ("state", crossed(state=MarketState.WATCH)),
        ("delayed", crossed(spec=a_spec(seconds_delay=3.0))),
        ("stale", crossed(book_age_s=5.01, max_book_age_s=120.0)),
        ("stale", crossed(book_age_s=None)),
        ("stale", crossed(has_book=False)),
        ("edge", crossed(book=a_book(5040, 5000))),
        ("size", crossed(book=a_book(5200, 4800, bid_size=4.99))),
        ("own_order", crossed(orders=[an_order(side="ask", yes_price_e4=4800, shares=1)])),
        ("own_order", crossed(orders=[an_order(side="bid", yes_price_e4=5200, shares=1)])),
    ],
)
def test_a_crossing_is_refused_with_its_reason(reason, market):
    plugin = watched(market)
    assert trades(market, plugin=plugin) == []
    assert trades(market, plugin=plugin) == []
    assert refusals(plugin) == {reason: 1}  # once a crossing, however often it is looked at


def test_a_leg_smaller_than_a_dollar_is_not_sent():
    market = crossed(book=a_book(200, 100, bid_size=50.0, ask_size=50.0))
    plugin = watched(market)
    assert trades(market, plugin=plugin) == []
    assert refusals(plugin) == {"size": 1}


def test_a_transient_crossing_is_left_alone():
    # venue.md 7.6: books appear crossed for a few messages.
    market = crossed()
    plugin = a_plugin(ParityArb)
    plugin.on_book(market, NOW_NS)
    assert trades(market, plugin=plugin, now_ns=NOW_NS + SECOND_NS) == []  # one message only
    plugin.on_book(market, NOW_NS + SECOND_NS)
    assert len(trades(market, plugin=plugin, now_ns=NOW_NS + SECOND_NS)) == 1

    hasty = a_plugin(ParityArb)
    hasty.on_book(market, NOW_NS)
    hasty.on_book(market, NOW_NS + 1)
    assert trades(market, plugin=hasty, now_ns=NOW_NS + SECOND_NS // 5 - 1) == []
    assert len(trades(market, plugin=hasty, now_ns=NOW_NS + SECOND_NS // 5)) == 1


@pytest.mark.parametrize("between", [a_market(), a_market(book=a_book(None, 4800))])
def test_a_book_that_was_whole_in_between_begins_anew(between):
    market = crossed()
    plugin = watched(market)
    plugin.on_book(between, LATER_NS + 1)
    plugin.on_book(market, LATER_NS + 2)
    assert trades(market, plugin=plugin, now_ns=LATER_NS + 3) == []
    assert refusals(plugin) == {"brief": 1}
    assert plugin.report_section(PERIOD)["crossings_seen"] == 2


@pytest.mark.parametrize(
    ("again", "after_s"),
    [(crossed(), 6.0), (dataclasses.replace(crossed(), tick_e4=10), 0.1)],
)
def test_silence_and_a_new_price_grid_begin_anew(again, after_s):
    plugin = watched(crossed())
    later_ns = LATER_NS + round(after_s * SECOND_NS)
    plugin.on_book(again, later_ns)
    assert trades(again, plugin=plugin, now_ns=later_ns) == []
    assert refusals(plugin) == {"brief": 1}


# --- the budget ------------------------------------------------------------------------

DEEP = a_book(5200, 4800, bid_size=10_000.0, ask_size=10_000.0)


def test_the_market_cap_bounds_each_leg_alone():
    (trade,) = trades(crossed(book=DEEP))
    # 1 % of 5,000 USD at 0.48: 104.16 shares, and the pair stays far below the budget.
    assert {leg.size_e6 for leg in trade.legs} == {104_160_000}


def test_what_the_market_may_lose_already_counts():
    held = crossed(book=DEEP, position=a_position(yes=80, cost_usd=40))
    (trade,) = trades(held)
    assert {leg.size_e6 for leg in trade.legs} == {20_830_000}  # 10 USD left at 0.48
    full = crossed(book=DEEP, position=a_position(yes=100, cost_usd=50))
    plugin = watched(full)
    assert trades(full, plugin=plugin) == []
    assert refusals(plugin) == {"budget": 1}


def test_trades_under_way_and_pairs_held_share_one_budget():
    markets = [
        dataclasses.replace(crossed(book=DEEP, spec=a_spec(f"0xm{n}")), market_id=f"0xm{n}")
        for n in range(9)
    ]
    portfolio = a_portfolio(markets=markets)
    plugin = a_plugin(ParityArb)
    for at in (NOW_NS, LATER_NS):
        for market in markets:
            plugin.on_book(market, at)
    found = plugin.propose_trades(markets, portfolio, LATER_NS)
    spent = sum(notional_e12(leg.limit_e4, leg.size_e6) for t in found for leg in t.legs)
    assert usd_e12(236.5) < spent <= usd_e12(237.5)  # 95 % of it: equity may fall between legs
    assert "budget" in refusals(plugin)
    for trade in found:
        for leg in trade.legs:
            quote = leg.as_quote("arb")
            market = portfolio.market(leg.market_id)
            assert plugin.pre_quote_veto(quote, market, portfolio, LATER_NS) is None
    # Filled, the money is spent; expired, nothing is proposed into a full budget either.
    for number, trade in enumerate(found):
        for leg in trade.legs:
            plugin.on_fill(filled(leg, f"{number}-{leg.is_yes}"), LATER_NS)
    assert plugin.propose_trades(markets, a_portfolio(), LATER_NS + 11 * SECOND_NS) == []


def test_cash_bounds_the_trade():
    market = crossed(book=DEEP)
    (trade,) = trades(market, a_portfolio(cash_usd=20, markets=[market]))
    assert {leg.size_e6 for leg in trade.legs} == {20_830_000}


def test_a_market_is_not_proposed_twice_at_once():
    market = crossed()
    plugin = watched(market)
    assert len(trades(market, plugin=plugin)) == 1
    assert trades(market, plugin=plugin, now_ns=LATER_NS + 9 * SECOND_NS) == []
    assert len(trades(market, plugin=plugin, now_ns=LATER_NS + 10 * SECOND_NS)) == 1


def test_the_veto_names_what_is_used_and_the_budget():
    market = crossed()
    plugin = watched(market)
    (trade,) = trades(market, plugin=plugin)
    (veto,) = plugin.pre_quote_veto(
        trade.legs[0].as_quote("arb"), market, a_portfolio(equity_usd=100), LATER_NS
    )
    assert (veto.code, veto.limit) == ("parity_arb.budget", 5.0)
    assert veto.observed == pytest.approx(28.8, abs=0.01)


def test_a_strange_arb_leg_is_held_to_the_budget_and_an_unwinding_one_is_free():
    plugin = a_plugin(ParityArb)
    market = crossed()
    leg = TradeLeg("0xm1", True, True, 4800, 600 * SHARE_E6)
    assert plugin.pre_quote_veto(leg.as_quote("arb"), market, a_portfolio(), NOW_NS)
    assert plugin.pre_quote_veto(leg.as_quote("maker"), market, a_portfolio(), NOW_NS) is None
    plugin.on_fill(filled(leg), NOW_NS)
    unwinding = TradeLeg("0xm1", True, False, 4700, 300 * SHARE_E6)
    assert plugin.pre_quote_veto(unwinding.as_quote("arb"), market, a_portfolio(), NOW_NS) is None


def test_reversed_and_resolved_pairs_give_their_budget_back():
    leg = TradeLeg("0xm1", True, True, 4800, 100 * SHARE_E6)
    plugin = a_plugin(ParityArb)
    plugin.on_fill(filled(leg), LATER_NS)
    plugin.on_fill(filled(leg, 2, component="maker"), LATER_NS)
    assert plugin.report_section(PERIOD)["held_cost_usd"] == 48.0
    plugin.on_fill(filled(leg, 3, reverses="t-1", is_buy=False), LATER_NS)
    assert plugin.report_section(PERIOD)["held_cost_usd"] == 0.0
    plugin.on_fill(filled(leg, 4), LATER_NS)
    half = a_portfolio(positions={"0xm1": a_position(yes=50)})
    plugin.on_cycle_end(a_cycle(), half, LATER_NS)
    assert plugin.report_section(PERIOD)["held_cost_usd"] == 24.0
    plugin.on_cycle_end(a_cycle(), a_portfolio(), LATER_NS)
    section = plugin.report_section(PERIOD)
    assert (section["held_cost_usd"], section["markets_held"]) == (0.0, 0)
    assert section["budget_usd"] == 250.0


@pytest.mark.parametrize(("account_yes", "account_no"), [(90, 0), (0, 50), (20, 0), (0, 0)])
def test_pairs_merged_away_leave_no_half_behind(account_yes, account_no):
    # Others hold more of one token: what is missing of one side is gone from both.
    plugin = a_plugin(ParityArb)
    for number, is_yes in enumerate((True, False)):
        plugin.on_fill(
            filled(TradeLeg("0xm1", is_yes, True, 4800, 30 * SHARE_E6), number), LATER_NS
        )
    assert plugin.report_section(PERIOD)["held_cost_usd"] == 28.8
    account = a_portfolio(positions={"0xm1": a_position(yes=account_yes, no=account_no)})
    plugin.on_cycle_end(a_cycle(), account, LATER_NS)
    section = plugin.report_section(PERIOD)
    assert (section["held_cost_usd"], section["markets_held"]) == (0.0, 0)


def test_holdings_survive_a_restart():
    store: dict = {}
    first = a_plugin(ParityArb, a_context("parity_arb", store=store))
    first.on_fill(filled(TradeLeg("0xm1", True, True, 4800, 100 * SHARE_E6)), LATER_NS)
    kept = json.loads(msgspec.json.encode(store))
    again = a_plugin(ParityArb, a_context("parity_arb", store=kept))
    assert again.report_section(PERIOD)["held_cost_usd"] == 48.0


def test_a_retry_during_the_trade_is_a_mistake_in_the_file():
    with pytest.raises(msgspec.ValidationError, match="retry_s"):
        a_plugin(ParityArb, retry_s=4.0)


# --- properties ------------------------------------------------------------------------


@st.composite
def books(draw: st.DrawFn) -> FakeMarket:
    tick_e4 = draw(st.sampled_from([1, 10, 50, 100]))
    ticks = 10_000 // tick_e4
    touch = draw(st.integers(2, ticks - 2))
    sizes = st.integers(1, 20_000).map(lambda cents: cents / 100)

    def side(best: int, step: int) -> list[tuple[int, float]]:
        prices = [best + step * n for n in range(draw(st.integers(1, 4)))]
        return [(p * tick_e4, draw(sizes)) for p in prices if 0 < p < ticks]

    # Mostly crossed: a bid above the ask.
    overlap = draw(st.integers(-1, min(ticks - 1 - touch, max(3, 1500 // tick_e4))))
    bid = min(max(1, touch + overlap), ticks - 1)
    spec = a_spec(
        tick_e4=tick_e4,
        neg_risk=draw(st.integers(0, 9)) == 0,
        fees=FeeSchedule(draw(st.sampled_from([0.0, 0.03, 0.04, 0.07])), 1.0),
    )
    return a_market(
        spec=spec,
        book=a_book(bids=side(bid, -1), asks=side(touch, 1)),
        book_age_s=draw(st.sampled_from([0.0, 4.9, 5.0] * 3 + [5.1, None])),
        position=a_position(yes=draw(st.integers(0, 50)), no=draw(st.integers(0, 50)), cost_usd=20),
        orders=draw(
            st.lists(
                st.builds(
                    an_order,
                    side=st.sampled_from(["bid", "ask"]),
                    yes_price_e4=st.integers(1, ticks - 1).map(lambda n: n * tick_e4),
                    shares=st.integers(1, 30),
                ),
                max_size=1,
            )
        ),
    )


@settings(max_examples=300, deadline=None)
@given(
    market=books(), equity=st.sampled_from([0, 50, 700, 5000, 100_000]), pairs=st.integers(0, 40)
)
def test_every_proposal_earns_fits_and_is_sendable(market, equity, pairs):
    portfolio = a_portfolio(equity_usd=equity, markets=[market])
    own = {"yes_e6": pairs * SHARE_E6, "no_e6": pairs * SHARE_E6,
           "yes_cost_e12": usd_e12(pairs) // 2, "no_cost_e12": usd_e12(pairs) // 2}  # fmt: skip
    document = json.dumps({"holdings": {"0xm1": own} if pairs else {}})
    plugin = watched(market, json.loads(document))
    found = trades(market, portfolio, plugin)
    assert found == trades(market, portfolio, watched(market, json.loads(document)))
    for trade in found:
        check(trade, market, equity, pairs)
        votes = [
            plugin.pre_quote_veto(leg.as_quote("arb"), market, portfolio, LATER_NS)
            for leg in trade.legs
        ]
        assert votes == [None, None]


def check(trade: Trade, market: FakeMarket, equity: float, pairs: int) -> None:
    yes, no = sorted(trade.legs, key=lambda leg: not leg.is_yes)
    assert (yes.is_yes, no.is_yes) == (True, False)
    assert yes.is_buy == no.is_buy
    assert not market.spec.neg_risk
    assert market.book_age_s in (0.0, 4.9, 5.0)
    assert yes.size_e6 == no.size_e6 >= market.min_size_e6
    assert yes.size_e6 % 10_000 == 0
    fees = market.spec.fees
    money = sum(notional_e12(leg.limit_e4, leg.size_e6) for leg in trade.legs)
    paid = sum(
        taker_fee_e12(leg.limit_e4, leg.size_e6, fees.rate, fees.exponent) for leg in trade.legs
    )
    one, least = notional_e12(10_000, yes.size_e6), usd_e12(0.005) * yes.size_e6 // SHARE_E6
    rounding = 3 * 10**7 + 2 * 10**7 * yes.size_e6 // SHARE_E6
    if yes.is_buy:
        assert money + paid <= one - least + rounding
        assert money + paid + usd_e12(pairs) <= usd_e12(equity * 0.05)
    else:
        assert money - paid >= one + least - rounding
        assert yes.size_e6 <= pairs * SHARE_E6
    for leg in trade.legs:
        assert leg.limit_e4 % market.tick_e4 == 0
        assert 0 < leg.limit_e4 < 10_000
        assert notional_e12(leg.limit_e4, leg.size_e6) >= usd_e12(1) or not leg.is_buy
        side = "ask" if leg.side == "bid" else "bid"
        shown = sum(
            size
            for price, size in market.book.levels(side, 1000)
            if (price <= leg.yes_price_e4 if side == "ask" else price >= leg.yes_price_e4)
        )
        assert leg.size_e6 <= shown * SHARE_E6 + 1e-3
        price_e4 = leg.yes_price_e4 if leg.side == "bid" else complement_e4(leg.yes_price_e4)
        assert notional_e12(price_e4, leg.size_e6) <= usd_e12(equity * 0.01)
        for order in market.orders:
            meets = (
                order.yes_price_e4 <= leg.yes_price_e4
                if leg.side == "bid"
                else order.yes_price_e4 >= leg.yes_price_e4
            )
            assert order.side == leg.side or not meets
