"""What the maker proposes: goldens of the classic rule, and the properties every quote keeps."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyframe.money import complement_e4, notional_e12, usd
from polyframe.testing.builders import (
    NOW_NS,
    FakeMarket,
    FakePortfolio,
    a_book,
    a_market,
    a_plugin,
    a_portfolio,
    a_position,
    mirrored,
)
from polyframe_maker import Maker, classic
from polyframe_maker.config import Config


def quote(market: FakeMarket, portfolio: FakePortfolio | None = None, maker: Maker | None = None):
    maker = maker or a_plugin(Maker)  # a new one remembers no quote to hold this one back
    return maker.propose_quote(market, portfolio or a_portfolio(markets=[market]), NOW_NS)


def inputs(market: FakeMarket) -> dict[str, float]:
    return dict(quote(market).inputs)


@st.composite
def markets(draw: st.DrawFn) -> FakeMarket:
    tick_e4 = draw(st.sampled_from([1, 10, 50, 100]))
    ticks = 10_000 // tick_e4
    bid = draw(st.integers(1, ticks - 2))
    ask = draw(st.integers(bid + 1, min(ticks - 1, bid + max(1, 2000 // tick_e4))))
    return a_market(
        tick_e4=tick_e4,
        book=a_book(bid * tick_e4, ask * tick_e4),
        updates_per_s=draw(st.sampled_from([0.0, 0.5, 0.51, 9.0])),
        jump_1h=draw(st.sampled_from([0.0, 0.03, 0.0301, 0.2])),
        hours_to_close=draw(st.sampled_from([None, 1.0, 71.9, 72.0, 500.0])),
        position=a_position(
            yes=draw(st.integers(0, 20_000)) / 100, no=draw(st.integers(0, 20_000)) / 100
        ),
    )


# --- goldens -------------------------------------------------------------------------


def test_calm_market_golden():
    # mid 0.50: band 0.485 .. 0.515, quotes 0.005 outside.
    wanted = quote(a_market())
    assert (wanted.bid.price_e4, wanted.ask.price_e4) == (4800, 5200)
    assert wanted.fair == 0.5
    # 50 USD buys 104.16 YES at 0.48 and 104.16 NO at 0.48.
    assert wanted.bid.size_e6 == wanted.ask.size_e6 == 104_160_000


def test_rounding_is_away_from_the_mid():
    # mid 0.505: raw quotes 0.485 and 0.525 on a one-cent tick.
    wanted = quote(a_market(book=a_book(5000, 5100)))
    assert (wanted.bid.price_e4, wanted.ask.price_e4) == (4800, 5300)


def test_full_long_inventory_golden():
    # 100 YES at mid 0.50 are 50 USD, exactly the cap of 1 % of 5,000: f = 1, skew -0.01.
    wanted = quote(a_market(position=a_position(yes=100)))
    assert (wanted.bid.price_e4, wanted.ask.price_e4) == (4700, 5100)
    assert wanted.bid.size_e6 == 31_910_000  # 15 USD at 0.47
    assert wanted.ask.size_e6 == 102_040_000  # 50 USD at 1 - 0.51
    assert dict(wanted.inputs)["f"] == 1.0


def test_half_short_inventory_golden():
    # 50 NO at 1 - 0.50: f = -0.5, skew +0.005 -> 0.485 / 0.525; the ask is the adding side.
    wanted = quote(a_market(position=a_position(no=50), tick_e4=10))
    assert (wanted.bid.price_e4, wanted.ask.price_e4) == (4850, 5250)
    assert wanted.bid.size_e6 == 103_090_000  # 50 USD at 0.485
    assert wanted.ask.size_e6 == 68_420_000  # 32.50 USD at 0.475


def test_pairs_are_not_inventory():
    assert inputs(a_market(position=a_position(yes=300, no=300)))["f"] == 0.0


@pytest.mark.parametrize(
    ("changes", "half_width"),
    [
        ({}, 0.015),
        ({"updates_per_s": 0.5}, 0.015),
        ({"updates_per_s": 0.6}, 0.0225),
        ({"jump_1h": 0.53 - 0.50}, 0.015),  # three cents, whatever the float says
        ({"jump_1h": 0.031}, 0.0195),
        ({"hours_to_close": 72.0}, 0.015),
        ({"hours_to_close": 71.0}, 0.021),
        ({"hours_to_close": None}, 0.021),
        ({"updates_per_s": 1.0, "jump_1h": 0.1, "hours_to_close": 1.0}, 0.04095),
    ],
)
def test_half_width_golden(changes, half_width):
    assert inputs(a_market(**changes))["half_width"] == pytest.approx(half_width, abs=1e-12)


def test_post_only_against_the_live_book():
    # A wide book: the skewed ask would reach the bid; a long cap-full account wants out.
    maker = a_plugin(Maker, half_width=0.0005, outside=0.0, skew_max=0.05)
    market = a_market(book=a_book(4900, 5100), position=a_position(yes=200))
    wanted = quote(market, maker=maker)
    assert wanted.ask.price_e4 == 5000
    short = quote(mirrored(market), maker=maker)
    assert short.bid.price_e4 == 5000


def test_no_price_on_the_grid_no_leg():
    # mid 0.015 on a one-cent tick: the wanted bid is below the lowest price there is.
    low = quote(a_market(book=a_book(100, 200)))
    assert low.bid is None
    assert low.ask.price_e4 == 400
    high = quote(a_market(book=a_book(9800, 9900)))
    assert high.ask is None
    assert high.bid.price_e4 == 9600


def test_no_room_inside_the_touch_no_leg():
    # The best ask is the lowest price: any bid would trade or leave the grid.
    assert classic.on_grid(0.5, 0.6, 100, 100, 100)[0] is None
    assert classic.on_grid(0.4, 0.5, 100, 9900, 9900)[1] is None


@pytest.mark.parametrize(
    "book",
    [a_book(None, 9900), a_book(100, None), a_book(None, None), a_book(50, 50), a_book(51, 50)],
)
def test_no_mid_no_quote(book):
    # An empty bid once became 0.0, giving mid 0.495 and an offer at 0.52 for a 0.99 token.
    assert quote(a_market(book=book)) is None


def test_minimum_size_drops_the_leg_it_cannot_pay():
    # At full inventory the bid's 15 USD buy 31.91 shares; the market wants 50.
    wanted = quote(a_market(position=a_position(yes=100), min_size_e6=50_000_000))
    assert wanted.bid is None
    assert wanted.ask is not None


def test_no_equity_means_full_inventory():
    market = a_market(position=a_position(yes=1))
    wanted = quote(market, a_portfolio(equity_usd=0, markets=[market]))
    assert dict(wanted.inputs)["f"] == 1.0


@pytest.mark.parametrize(
    "settings",
    [{"half_width": 0}, {"size_cut": 1.1}, {"policy": "guess"}, {"base_usd": -1}, {"typo": 1}],
)
def test_settings_are_closed_and_bounded(settings):
    with pytest.raises(msgspec.ValidationError):
        a_plugin(Maker, **settings)


# --- properties ----------------------------------------------------------------------


@settings(deadline=None)
@given(markets())
def test_every_leg_is_on_the_grid_in_range_and_rests(market):
    wanted = quote(market)
    tick = market.tick_e4
    for leg in (wanted.bid, wanted.ask):
        if leg is not None:
            assert leg.price_e4 % tick == 0
            assert tick <= leg.price_e4 <= 10_000 - tick
            assert leg.size_e6 % 10_000 == 0
            assert leg.size_e6 >= market.min_size_e6
    if wanted.bid is not None:
        assert wanted.bid.price_e4 <= market.book.best_ask_e4 - tick
    if wanted.ask is not None:
        assert wanted.ask.price_e4 >= market.book.best_bid_e4 + tick
    if wanted.bid is not None and wanted.ask is not None:
        # YES bid + NO bid <= 1 - tick.
        assert wanted.bid.price_e4 + complement_e4(wanted.ask.price_e4) <= 10_000 - tick


@settings(deadline=None)
@given(markets())
def test_a_side_never_risks_more_than_its_budget(market):
    wanted = quote(market)
    net = market.position.net_yes_e6
    if wanted.bid is not None:
        assert usd(notional_e12(wanted.bid.price_e4, wanted.bid.size_e6)) <= 50.0
    if wanted.ask is not None:
        no_price = complement_e4(wanted.ask.price_e4)
        assert usd(notional_e12(no_price, wanted.ask.size_e6)) <= 50.0
    # The side that reduces is never shrunk: one size step of 50 USD at most is missing.
    reducing = wanted.ask if net > 0 else wanted.bid if net < 0 else None
    if reducing is not None:
        price = complement_e4(reducing.price_e4) if net > 0 else reducing.price_e4
        assert notional_e12(price, reducing.size_e6 + 10_000) > 50 * 10**12


@settings(deadline=None)
@given(markets())
def test_symmetric_under_the_mirror(market):
    wanted, other = quote(market), quote(mirrored(market))
    for leg, twin in ((wanted.bid, other.ask), (wanted.ask, other.bid)):
        assert (leg is None) == (twin is None)
        if leg is not None and twin is not None:
            assert leg.price_e4 == complement_e4(twin.price_e4)
            assert leg.size_e6 == twin.size_e6


@settings(deadline=None)
@given(markets(), st.integers(0, 30_000), st.integers(0, 30_000))
def test_monotone_in_inventory(market, more, less):
    long = dataclasses.replace(market, position=a_position(yes=(more + less) / 100))
    short = dataclasses.replace(market, position=a_position(yes=less / 100))
    if market.position.no_e6 > market.position.yes_e6:
        long, short = mirrored(short), mirrored(long)
    a, b = quote(long), quote(short)
    for side in ("bid", "ask"):
        leg, other = a.leg(side), b.leg(side)
        if leg is not None and other is not None:
            assert leg.price_e4 <= other.price_e4


@settings(deadline=None)
@given(markets())
def test_multipliers_only_widen(market):
    calm = dataclasses.replace(market, updates_per_s=0.0, jump_1h=0.0, hours_to_close=999.0)
    wanted, narrow = quote(market), quote(calm)
    if wanted.bid is not None:
        assert wanted.bid.price_e4 <= narrow.bid.price_e4
    if wanted.ask is not None:
        assert wanted.ask.price_e4 >= narrow.ask.price_e4


@settings(deadline=None)
@given(st.floats(0.001, 0.999), st.integers(-(10**12), 10**12), st.floats(-10, 1000))
def test_inventory_fraction_is_bounded_and_signed(mid, net, cap):
    f = classic.inventory_fraction(net, mid, cap)
    assert -1.0 <= f <= 1.0
    assert f * net >= 0


@settings(deadline=None)
@given(st.floats(-1, 1))
def test_budgets(f):
    bid, ask = classic.side_budgets_usd(Config(), f)
    assert 15.0 <= min(bid, ask) <= max(bid, ask) == 50.0
