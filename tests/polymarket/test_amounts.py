"""Amounts from price and size and back: venue.md 9.4, and the official client as the oracle."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from polymarket._internal.actions.orders.limit import _compute_limit_order_amounts
from polymarket._internal.actions.orders.market import _compute_market_order_amounts

from polyframe.events import Side
from polyframe.money import PRICE_ONE_E4
from polyframe.polymarket.amounts import limit_amounts, market_buy_amounts, order_terms

TICKS_E4 = (1_000, 100, 50, 25, 10, 1)


@st.composite
def grid_prices(draw) -> tuple[int, int]:
    tick_e4 = draw(st.sampled_from(TICKS_E4))
    return draw(st.integers(1, PRICE_ONE_E4 // tick_e4 - 1)) * tick_e4, tick_e4


def scaled(number: int, decimals: int) -> Decimal:
    return Decimal(number).scaleb(-decimals)


def test_the_vectors() -> None:
    assert limit_amounts(Side.BUY, 5_200, 10_000_000, 100) == (5_200_000, 10_000_000)
    assert limit_amounts(Side.BUY, 5_100, 10_019_000, 100) == (5_105_100, 10_010_000)
    assert limit_amounts(Side.SELL, 5_200, 10_000_000, 100) == (10_000_000, 5_200_000)
    assert market_buy_amounts(10_000_000, 5_200, 100) == (10_000_000, 19_230_700)


@given(grid_prices(), st.integers(10_000, 10**13), st.sampled_from(Side))
def test_a_limit_orders_amounts_are_the_official_clients(
    grid: tuple[int, int], size_e6: int, side: Side
) -> None:
    price_e4, tick_e4 = grid
    ours = limit_amounts(side, price_e4, size_e6, tick_e4)
    assert ours == _compute_limit_order_amounts(
        price=scaled(price_e4, 4),
        size=scaled(size_e6, 6),
        side=side.value,
        tick_size=scaled(tick_e4, 4).normalize(),
    )


@given(grid_prices(), st.integers(10_000, 10**13))
def test_a_market_buys_amounts_are_the_official_clients(grid: tuple[int, int], usd_e6: int) -> None:
    price_e4, tick_e4 = grid
    official = _compute_market_order_amounts(
        amount=scaled(usd_e6, 6),
        price=scaled(price_e4, 4),
        side="BUY",
        tick_size=scaled(tick_e4, 4).normalize(),
    )
    assume(official[1] > 0)
    assert market_buy_amounts(usd_e6, price_e4, tick_e4) == official


@given(grid_prices(), st.integers(10_000, 10**13), st.sampled_from(Side))
def test_a_limit_order_says_exactly_its_price(
    grid: tuple[int, int], size_e6: int, side: Side
) -> None:
    price_e4, tick_e4 = grid
    terms = order_terms(side, *limit_amounts(side, price_e4, size_e6, tick_e4))
    assert terms.is_on_e4_grid
    assert terms.price_e4 == price_e4
    assert terms.price == Fraction(price_e4, PRICE_ONE_E4)
    assert terms.size_e6 == size_e6 // 10_000 * 10_000


@given(grid_prices(), st.integers(1_000_000, 10**12))
def test_a_market_buy_can_lift_an_ask_at_its_limit(grid: tuple[int, int], usd_e6: int) -> None:
    price_e4, tick_e4 = grid
    terms = order_terms(Side.BUY, *market_buy_amounts(usd_e6, price_e4, tick_e4))
    assert terms.price >= Fraction(price_e4, PRICE_ONE_E4)
    assert terms.price_e4 >= price_e4


def test_a_derived_price_off_the_grid_is_told() -> None:
    buy = order_terms(Side.BUY, 10_000_000, 19_230_700)
    assert (buy.price_e4, buy.is_on_e4_grid, buy.size_e6) == (5_200, False, 19_230_700)
    sell = order_terms(Side.SELL, 19_230_700, 10_000_000)
    assert (sell.price_e4, sell.is_on_e4_grid, sell.size_e6) == (5_201, False, 19_230_700)


@pytest.mark.parametrize(
    ("maker", "taker"), [(0, 1), (1, 0), (-1, 1), (10, 10), (11, 10), (1, 100_000)]
)
def test_amounts_without_a_price_are_refused(maker: int, taker: int) -> None:
    with pytest.raises(ValueError, match=r"positive|outside"):
        order_terms(Side.BUY, maker, taker)


@pytest.mark.parametrize(
    ("price_e4", "size_e6", "tick_e4"),
    [
        (5_250, 10**6, 100),
        (0, 10**6, 100),
        (10_000, 10**6, 100),
        (5_200, 9_999, 100),
        (5_200, 10**6, 20),
    ],
)
def test_what_cannot_be_ordered_is_refused(price_e4: int, size_e6: int, tick_e4: int) -> None:
    for ask in (
        lambda: limit_amounts(Side.BUY, price_e4, size_e6, tick_e4),
        lambda: market_buy_amounts(size_e6, price_e4, tick_e4),
    ):
        with pytest.raises(ValueError, match=r"grid|less than|buy nothing"):
            ask()
