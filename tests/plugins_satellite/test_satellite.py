"""Which predictions are traded, how large, when they are sold, and what the budget allows."""

from __future__ import annotations

import dataclasses
import json
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyframe import Fill, MarketState, Quote, QuoteLeg, ReportPeriod, TradeLeg
from polyframe.model import FeeSchedule
from polyframe.money import SHARE_E6, notional_e12, taker_fee_e12, usd, usd_e12
from polyframe.testing.builders import (
    HOUR_NS,
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
    mirrored,
)
from polyframe_satellite import Satellite
from polyframe_satellite.sizing import cvar_usd, kelly, purchase, shrunk

PERIOD = ReportPeriod(day="2026-05-28", start_ns=NOW_NS, end_ns=NOW_NS + 1, facts={})
MINUTE_NS = 60_000_000_000
EXPIRY_NS = NOW_NS + 480 * HOUR_NS  # 2026-06-17
DEEP = a_book(4900, 5100, bid_size=5000.0, ask_size=5000.0)


def store_of(*rows: dict) -> dict:
    """A tape head's document with these predictions, so that no file is needed."""
    text = "\n".join(json.dumps(row) for row in rows)
    return {
        "predictions": {
            "file": "p.jsonl",
            "text": text,
            "sha256": sha256(text.encode()).hexdigest(),
            "is_unused": True,
        }
    }


def believed(probability: float = 0.8, market: str = "0xm1", **changes) -> dict:
    return {
        "market": market,
        "probability": probability,
        "confidence": 0.7,
        "robustness": 4,
        "tier": "A",
        "expiry": "2026-06-17T00:00:00Z",
        **changes,
    }


def satellite(*rows: dict, store=None, **config) -> Satellite:
    document = {**store_of(*(rows or (believed(),))), **(store or {})}
    context = a_context("satellite", store=document)
    return a_plugin(Satellite, context, predictions_file="p.jsonl", **config)


def deep(**changes) -> FakeMarket:
    return a_market(**{"book": DEEP, **changes})


def trades(market: FakeMarket, plugin=None, portfolio=None, now_ns=NOW_NS):
    plugin = plugin or satellite()
    return plugin.propose_trades([market], portfolio or a_portfolio(markets=[market]), now_ns)


def refusals(plugin: Satellite) -> dict[str, int]:
    refused = plugin.report_section(PERIOD)["refused"]
    return {reason: count for reason, count in refused.items() if count}


def filled(leg: TradeLeg, number=1, component="satellite", **changes) -> Fill:
    return a_fill(number, leg, **{"ts_ns": NOW_NS, "component": component, **changes})


# --- goldens ---------------------------------------------------------------------------


def test_kelly_golden():
    # quant.md A5.2: belief .60 against a price of .55.
    assert kelly(0.60, 0.55) == pytest.approx(0.1111, abs=5e-5)
    assert kelly(0.5, 0.55) == 0.0
    assert kelly(0.5, 1.0) == 0.0


def test_shrinking_goes_half_way():
    assert shrunk(0.8, 0.5, 0.5) == pytest.approx(0.65)
    assert shrunk(0.2, 0.5, 0.5) == pytest.approx(0.35)


def test_g19_cvar_of_a_single_long():
    # G19 of quant.md: a 97 % favourite still carries a 50-dollar tail on 90 dollars.
    assert cvar_usd(100, 0.90, 0.97, 0.95) == pytest.approx(50.0)
    assert cvar_usd(100, 0.90, 0.94, 0.95) == pytest.approx(90.0)
    assert cvar_usd(100, 0.90, 0.95, 0.95) == pytest.approx(90.0)


def test_the_stake_is_a_quarter_of_kelly_with_the_probability_shrunk():
    # Belief .80, mid .50, so .65; ask .51: f = .14 / .49, a quarter of it of 600 USD.
    market = deep()
    (trade,) = trades(market, satellite(market_cap_share=1.0), a_portfolio(equity_usd=600))
    (leg,) = trade.legs
    stake = 0.25 * 0.14 / 0.49 * 600
    assert dict(trade.inputs)["stake_usd"] == pytest.approx(stake, abs=1e-3)
    assert leg.size_e6 / SHARE_E6 == pytest.approx(stake / 0.51, abs=0.02)
    assert (leg.is_yes, leg.is_buy, leg.limit_e4) == (True, True, 5100)
    assert (trade.component, dict(trade.inputs)["edge"]) == ("satellite", pytest.approx(0.29))


def test_the_walk_stops_where_the_edge_ends():
    levels = [(5000, 10.0), (6000, 10.0), (6600, 10.0)]
    order = purchase(a_spec(), levels, 0.8, 0.75, 0.15, 10_000.0, usd_e12(10_000))
    assert order is not None
    assert (order.size_e6, order.limit_e4) == (20_000_000, 6000)
    with_fees = a_spec(fees=FeeSchedule(0.25, 1.0))
    order = purchase(with_fees, levels, 0.8, 0.75, 0.15, 10_000.0, usd_e12(10_000))
    assert order is not None
    assert order.limit_e4 == 5000


# --- both directions -------------------------------------------------------------------


def test_an_unlikely_outcome_is_bought_as_its_complement():
    (trade,) = trades(deep(), satellite(believed(0.2)))
    (leg,) = trade.legs
    assert (leg.is_yes, leg.is_buy, leg.limit_e4) == (False, True, 5100)


def test_the_mirrored_market_gets_the_mirrored_order():
    market = deep(book=a_book(3300, 3500, bid_size=5000.0, ask_size=5000.0))
    ((yes,),) = (trade.legs for trade in trades(market, satellite(believed(0.8))))
    ((no,),) = (trade.legs for trade in trades(mirrored(market), satellite(believed(0.2))))
    assert (yes.limit_e4, yes.size_e6) == (no.limit_e4, no.size_e6)
    assert (yes.is_yes, no.is_yes) == (True, False)


def test_a_market_is_found_by_its_slug():
    assert trades(deep(), satellite(believed(market="will-0xm1-happen")))


# --- what is refused -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "row", "market"),
    [
        ("expired", {"expiry": "2026-01-01T00:00:00Z"}, {}),
        ("tier", {"tier": "C"}, {}),
        ("robustness", {"robustness": 3}, {}),
        ("not_accepting", {}, {"spec": a_spec(accepting_orders=False)}),
        ("state", {}, {"state": MarketState.WATCH}),
        ("delayed", {}, {"spec": a_spec(seconds_delay=5.0)}),
        ("stale", {}, {"book_age_s": 5.1, "max_book_age_s": 120.0}),
        ("stale", {}, {"book_age_s": None}),
        ("stale", {}, {"has_book": False}),
        ("no_mid", {}, {"book": a_book(None, 5100, ask_size=9000.0)}),
        ("no_mid", {}, {"book": a_book(5200, 5100, ask_size=9000.0, bid_size=9000.0)}),
        ("liquidity", {}, {"book": a_book(4900, 5100, bid_size=1000.0, ask_size=1000.0)}),
        ("edge", {"probability": 0.6599}, {}),
        ("edge", {"probability": 0.3401}, {}),
        ("edge", {}, {"spec": a_spec(fees=FeeSchedule(0.7, 1.0))}),
        ("own_order", {}, {"orders": [an_order(side="ask", yes_price_e4=5100)]}),
        ("kelly", {}, {"book": a_book(500, 6400, bid_size=90_000.0, ask_size=9000.0)}),
        ("budget", {}, {"position": a_position(yes=200, cost_usd=100)}),
        ("size", {}, {"book": a_book(4900, 5100, bid_size=9000.0, ask_size=4.0)}),
    ],
)
def test_a_prediction_is_refused_with_its_reason(reason, row, market):
    plugin = satellite(believed(**{"probability": 0.8, **row}))
    assert trades(deep(**market), plugin) == []
    assert trades(deep(**market), plugin) == []
    assert refusals(plugin) == {reason: 1}


def test_the_least_edge_and_confidence_are_enough():
    assert trades(deep(), satellite(believed(0.66)))
    assert trades(deep(), satellite(believed(0.8, confidence=0.7), min_confidence=0.7))
    plugin = satellite(believed(0.8, confidence=0.69), min_confidence=0.7)
    assert trades(deep(), plugin) == []
    assert refusals(plugin) == {"confidence": 1}


# --- one position for one belief -------------------------------------------------------


def position_of(trade) -> tuple[TradeLeg, FakeMarket]:
    (leg,) = trade.legs
    shares = leg.size_e6 / SHARE_E6
    held = a_position(yes=shares, cost_usd=shares * leg.limit_e4 / 1e4)
    return leg, deep(position=held)


def test_a_belief_gets_one_position_and_a_new_belief_another():
    plugin = satellite()
    (trade,) = trades(deep(), plugin)
    leg, _ = position_of(trade)
    assert trades(deep(), plugin, now_ns=NOW_NS + 59 * MINUTE_NS // 60) == []
    plugin.on_fill(filled(leg), deep(), NOW_NS)
    plugin.on_fill(filled(leg, 2, is_buy=False), deep(), NOW_NS)
    assert trades(deep(), plugin, now_ns=NOW_NS + MINUTE_NS) == []
    assert refusals(plugin) == {"traded": 1}
    kept = json.loads(msgspec.json.encode(plugin.context.store))
    kept.pop("predictions")
    assert trades(deep(), satellite(store=kept)) == []
    assert trades(deep(), satellite(believed(0.81), store=kept))


def test_a_position_is_held_until_the_market_agrees():
    plugin = satellite()
    (trade,) = trades(deep(), plugin)
    leg, held = position_of(trade)
    plugin.on_fill(filled(leg), deep(), NOW_NS)
    later_ns = NOW_NS + MINUTE_NS
    assert trades(held, plugin, now_ns=later_ns) == []
    nearly = dataclasses.replace(held, book=a_book(7800, 7900, bid_size=5000.0))
    assert trades(nearly, plugin, now_ns=later_ns) == []
    agreed = dataclasses.replace(
        held, book=a_book(bids=[(7900, 20.0), (7810, 20.0), (7000, 5000.0)], asks=[(8000, 9.0)])
    )
    ((sold,),) = (trade.legs for trade in trades(agreed, plugin, now_ns=later_ns))
    assert (sold.is_yes, sold.is_buy, sold.limit_e4, sold.size_e6) == (
        True,
        False,
        7810,
        40_000_000,
    )


def test_a_no_position_is_sold_at_its_own_prices():
    plugin = satellite(believed(0.2))
    plugin.on_fill(filled(TradeLeg("0xm1", False, True, 5100, 50 * SHARE_E6)), deep(), NOW_NS)
    agreed = a_market(
        book=a_book(2000, 2100, ask_size=5000.0), position=a_position(no=50, cost_usd=25.5)
    )
    ((sold,),) = (trade.legs for trade in trades(agreed, plugin))
    assert (sold.is_yes, sold.is_buy, sold.limit_e4) == (False, False, 7900)
    assert sold.size_e6 == 50 * SHARE_E6


@pytest.mark.parametrize("gone", [{"expiry": "2026-01-01T00:00:00Z"}, {"market": "0xother"}])
def test_an_expired_or_withdrawn_belief_is_sold_near_the_best_bid(gone):
    plugin = satellite(believed(**{"probability": 0.8, **gone}))
    plugin.on_fill(filled(TradeLeg("0xm1", True, True, 5100, 50 * SHARE_E6)), deep(), NOW_NS)
    book = a_book(bids=[(4000, 10.0), (3500, 10.0), (3400, 100.0)], asks=[(5000, 5.0)])
    ((sold,),) = (
        trade.legs
        for trade in trades(a_market(book=book, position=a_position(50, 0, 25.5)), plugin)
    )
    assert (sold.limit_e4, sold.size_e6) == (3500, 20_000_000)


@pytest.mark.parametrize(
    "market",
    [
        {"book_age_s": 6.0},
        {"state": MarketState.PROPOSED},
        {"book": a_book(None, 9000)},
        {"book": a_book(9000, 9100, bid_size=4.0)},
        {"position": a_position(yes=4, cost_usd=2)},
        {"orders": [an_order(side="ask", yes_price_e4=9990, shares=48, sells_holding=True)]},
        {"orders": [an_order(side="bid", yes_price_e4=9000)]},
        {"spec": a_spec(closed=True)},
    ],
)
def test_a_sale_waits_for_a_sound_book_and_free_tokens(market):
    plugin = satellite()
    plugin.on_fill(filled(TradeLeg("0xm1", True, True, 5100, 50 * SHARE_E6)), deep(), NOW_NS)
    sellable = a_market(book=a_book(9000, 9100), position=a_position(50, 0, 25.5))
    assert trades(dataclasses.replace(sellable, **_view(market)), plugin) == []
    assert trades(sellable, plugin)


def _view(changes: dict) -> dict:
    return {key: tuple(value) if key == "orders" else value for key, value in changes.items()}


def test_without_a_file_a_position_is_left_alone():
    store: dict = {}
    plugin = a_plugin(Satellite, a_context("satellite", store=store))
    plugin.on_fill(filled(TradeLeg("0xm1", True, True, 5100, 50 * SHARE_E6)), deep(), NOW_NS)
    assert trades(deep(position=a_position(50, 0, 25.5)), plugin) is None


# --- the budget ------------------------------------------------------------------------


def many(count: int) -> list[FakeMarket]:
    return [deep(spec=a_spec(f"0xm{n}")) for n in range(count)]


def test_all_positions_share_the_budget():
    markets = many(20)
    portfolio = a_portfolio(markets=markets)
    plugin = satellite(*(believed(market=m.market_id) for m in markets))
    found = plugin.propose_trades(markets, portfolio, NOW_NS)
    spent = sum(notional_e12(leg.limit_e4, leg.size_e6) for t in found for leg in t.legs)
    # 15 positions of 1 % of 5,000 USD each, and what rounding left: not a cent above 15 %.
    assert usd_e12(749) < spent <= usd_e12(750)
    for trade in found:
        (leg,) = trade.legs
        market = portfolio.market(leg.market_id)
        assert plugin.pre_quote_veto(leg.as_quote("satellite"), market, portfolio, NOW_NS) is None
        plugin.on_fill(filled(leg, leg.market_id), market, NOW_NS)
    assert plugin.propose_trades(markets, a_portfolio(), NOW_NS + MINUTE_NS) == []
    assert usd(spent) == pytest.approx(plugin.report_section(PERIOD)["held_cost_usd"])


def test_the_veto_names_what_is_used_and_the_budget():
    plugin = satellite()
    ((leg,),) = (trade.legs for trade in trades(deep(), plugin))
    (veto,) = plugin.pre_quote_veto(
        leg.as_quote("satellite"), deep(), a_portfolio(equity_usd=100), NOW_NS
    )
    assert (veto.code, veto.limit) == ("satellite.budget", 15.0)
    assert veto.observed == pytest.approx(50, abs=0.1)


def test_a_strange_leg_is_held_to_the_budget_and_a_sale_is_free():
    plugin = satellite()
    big = TradeLeg("0xm1", False, True, 5100, 2000 * SHARE_E6)
    assert plugin.pre_quote_veto(big.as_quote("satellite"), deep(), a_portfolio(), NOW_NS)
    plugin.on_fill(filled(big), deep(), NOW_NS)
    sale = TradeLeg("0xm1", False, False, 5000, 1000 * SHARE_E6)
    assert plugin.pre_quote_veto(sale.as_quote("satellite"), deep(), a_portfolio(), NOW_NS) is None


def test_resolved_positions_and_reversals_give_their_budget_back():
    plugin = satellite()
    leg = TradeLeg("0xm1", True, True, 5000, 100 * SHARE_E6)
    plugin.on_fill(filled(leg), deep(), NOW_NS)
    plugin.on_fill(filled(leg, 2, component="maker"), deep(), NOW_NS)
    assert plugin.report_section(PERIOD)["held_cost_usd"] == 50.0
    plugin.on_fill(filled(leg, 3, is_buy=False, reverses="t-1"), deep(), NOW_NS)
    assert plugin.report_section(PERIOD)["held_cost_usd"] == 0.0
    plugin.on_fill(filled(leg, 4), deep(), NOW_NS)
    plugin.on_cycle_end(a_cycle(), a_portfolio())
    section = plugin.report_section(PERIOD)
    assert (section["held_cost_usd"], section["positions"]) == (0.0, [])
    assert section["budget_usd"] == 750.0


# --- the maker does not sell the satellite's tokens -------------------------------------


def test_the_maker_may_sell_what_is_not_the_satellites():
    plugin = satellite()
    plugin.on_fill(filled(TradeLeg("0xm1", True, True, 5100, 60 * SHARE_E6)), deep(), NOW_NS)
    market = deep(position=a_position(yes=100, cost_usd=50))

    def votes(bid: float, ask: float):
        quote = Quote(
            "0xm1",
            bid=QuoteLeg(4800, round(bid * SHARE_E6)),
            ask=QuoteLeg(5200, round(ask * SHARE_E6)),
        )
        return plugin.pre_quote_veto(quote, market, a_portfolio(), NOW_NS)

    assert votes(500, 40) == []
    (veto,) = votes(500, 41)
    assert (veto.code, veto.side, veto.observed, veto.limit) == ("satellite.holding", "ask", 41, 40)
    nobody = satellite()
    assert nobody.pre_quote_veto(Quote("0xm1"), market, a_portfolio(), NOW_NS) is None


def test_a_no_position_guards_the_bid():
    plugin = satellite(believed(0.2))
    plugin.on_fill(filled(TradeLeg("0xm1", False, True, 5100, 60 * SHARE_E6)), deep(), NOW_NS)
    market = deep(position=a_position(no=60, cost_usd=30))
    quote = Quote("0xm1", bid=QuoteLeg(4800, SHARE_E6), ask=QuoteLeg(5200, SHARE_E6))
    (veto,) = plugin.pre_quote_veto(quote, market, a_portfolio(), NOW_NS)
    assert (veto.code, veto.side) == ("satellite.holding", "bid")


# --- the report ------------------------------------------------------------------------


def test_the_report_shows_positions_with_their_tail():
    plugin = satellite(believed(0.97), believed(0.6, market="0xm2"))
    markets = [deep(), deep(spec=a_spec("0xm2"))]
    plugin.propose_trades(markets, a_portfolio(markets=markets), NOW_NS)
    plugin.on_fill(filled(TradeLeg("0xm1", True, True, 9000, 100 * SHARE_E6)), deep(), NOW_NS)
    section = plugin.report_section(PERIOD)
    (position,) = section["positions"]
    assert position == {
        "market_id": "0xm1",
        "outcome": "yes",
        "shares": 100.0,
        "cost_usd": 90.0,
        "believed": 0.97,
        "cvar_95_usd": 50.0,  # G19
    }
    counts = (section["markets_seen"], section["opened"], section["fills"])
    assert counts == (2, 1, 1)
    assert refusals(plugin) == {"edge": 1}
    msgspec.json.encode(section)


# --- properties ------------------------------------------------------------------------


@st.composite
def markets(draw: st.DrawFn) -> FakeMarket:
    tick_e4 = draw(st.sampled_from([1, 10, 50, 100]))
    ticks = 10_000 // tick_e4
    bid = draw(st.integers(1, ticks - 2))
    ask = min(ticks - 1, bid + draw(st.integers(0, max(1, 800 // tick_e4))))
    sizes = st.integers(1, 2_000_000).map(lambda cents: cents / 100)

    def side(best: int, step: int) -> list[tuple[int, float]]:
        prices = [best + step * n for n in range(draw(st.integers(1, 4)))]
        return [(p * tick_e4, draw(sizes)) for p in prices if 0 < p < ticks]

    return a_market(
        spec=a_spec(
            tick_e4=tick_e4, fees=FeeSchedule(draw(st.sampled_from([0.0, 0.04, 0.07])), 1.0)
        ),
        book=a_book(bids=side(bid, -1), asks=side(ask, 1)),
        book_age_s=draw(st.sampled_from([0.0, 5.0] * 4 + [5.1, None])),
        state=draw(st.sampled_from([MarketState.NORMAL] * 5 + [MarketState.WATCH])),
        position=a_position(yes=draw(st.integers(0, 60)), no=draw(st.integers(0, 60)), cost_usd=20),
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
    market=markets(),
    probability=st.floats(0.01, 0.99),
    equity=st.sampled_from([0, 50, 700, 5000, 100_000]),
    own=st.sampled_from([0, 0, 0, 30]),
)
def test_every_proposal_has_an_edge_fits_and_is_sendable(market, probability, equity, own):
    portfolio = a_portfolio(equity_usd=equity, markets=[market])

    def plugin() -> Satellite:
        built = satellite(believed(probability))
        if own:
            built.on_fill(
                filled(TradeLeg("0xm1", True, True, 5000, own * SHARE_E6)), market, NOW_NS
            )
        return built

    chosen = plugin()
    found = trades(market, chosen, portfolio)
    assert found == trades(market, plugin(), portfolio)
    for trade in found:
        (leg,) = trade.legs
        assert market.book_age_s in (0.0, 5.0)
        assert leg.limit_e4 % market.tick_e4 == 0
        assert 0 < leg.limit_e4 < 10_000
        assert leg.size_e6 >= market.min_size_e6
        assert leg.size_e6 % 10_000 == 0
        taken = market.book.levels("ask" if leg.side == "bid" else "bid", 1000)
        shown = sum(
            size
            for price, size in taken
            if (price <= leg.yes_price_e4 if leg.side == "bid" else price >= leg.yes_price_e4)
        )
        assert leg.size_e6 <= shown * SHARE_E6 + 1e-3
        assert chosen.pre_quote_veto(leg.as_quote("satellite"), market, portfolio, NOW_NS) is None
        fees = market.spec.fees
        fee = taker_fee_e12(leg.limit_e4, leg.size_e6, fees.rate, fees.exponent)
        if leg.is_buy:
            assert not own
            assert market.state is MarketState.NORMAL
            cost = notional_e12(leg.limit_e4, leg.size_e6) + fee
            assert cost <= usd_e12(equity * 0.01)
            assert cost <= usd_e12(equity * 0.15)
            pays = probability if leg.is_yes else 1 - probability
            assert pays - cost / leg.size_e6 / SHARE_E6 >= 0.15 - 1e-5
        else:
            assert own
            assert leg.is_yes
            assert leg.size_e6 <= min(own * SHARE_E6, market.position.yes_e6)
