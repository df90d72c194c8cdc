"""The queue rules alone: golden values (promise 13) and their order-keeping properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyframe.runtime.paper.queue_model import (
    BASE,
    QueuedOrder,
    ahead_after_drop,
    profile_powers,
    serve,
)

E6 = 1_000_000
sizes = st.integers(min_value=0, max_value=10**12)
powers = st.sampled_from([None, 1.0, 1.25, 1.5, 2.0, 3.0, 3.7])


def make_order(number, *, cents=52, size=50, ahead=0, is_buy=True):
    order = QueuedOrder(
        order_id=f"o{number}", market_id="m", is_yes=True, is_buy=is_buy, price_e4=cents * 100,
        size_e6=round(size * E6), number=number, sent_ns=0, effective_ns=0, expires_ns=None,
    )  # fmt: skip
    order.ahead_e6 = [round(ahead * E6)] * 3
    return order


@pytest.mark.parametrize(
    ("power", "front", "total", "drop", "expected"),
    [
        (None, 60, 100, 20, 60.0),
        (2.0, 60, 100, 20, 52.8),
        (1.0, 60, 100, 20, 48.0),
        (3.0, 5, 500, 100, 4.9999),
    ],
)
def test_promise_13_one_step_table(power, front, total, drop, expected):
    """G8: the models this venue has, at the documented values."""
    ahead = ahead_after_drop(front * E6, total * E6, drop * E6, power)
    assert ahead == round(expected * E6)


def test_promise_13_three_prints_at_our_price():
    """G9: 100 ahead, order of 50; prints of 80, 30, 50 fill 0, 10, 40."""
    order = make_order(1, ahead=100)
    given_e6 = []
    for volume in (80, 30, 50):
        fills, _ = serve(BASE, [order], 5200, volume * E6, None)
        got = sum(size for _, size in fills)
        order.leaves_e6[BASE] -= got
        given_e6.append(got // E6)
    assert given_e6 == [0, 10, 40]


@given(sizes, sizes, sizes, sizes, powers)
def test_promise_1_a_cancellation_never_swaps_two_depths(a, b, total, drop, power):
    shallow, deep = sorted((a, b))
    drop = min(drop, total)
    after = [ahead_after_drop(x, total, drop, power) for x in (shallow, deep)]
    slack = 0 if power is None or (4 * power).is_integer() else 1 + total // 10**9
    assert after[0] <= after[1] + slack


@given(sizes, sizes, sizes, powers)
def test_the_queue_never_goes_negative_grows_or_exceeds_the_display(ahead, total, drop, power):
    drop = min(drop, total)
    after = ahead_after_drop(ahead, total, drop, power)
    assert 0 <= after <= min(ahead, total - drop)


@given(sizes, sizes, sizes, st.floats(min_value=1.0, max_value=6.0))
def test_promise_6_profiles_keep_their_order_at_a_cancellation(ahead, total, drop, n):
    drop = min(drop, total)
    pessimistic, base, optimistic = (
        ahead_after_drop(ahead, total, drop, power) for power in profile_powers(n)
    )
    assert pessimistic >= base >= optimistic - 1


orders = st.lists(
    st.tuples(st.integers(50, 53), st.integers(1, 100), st.integers(0, 100)), max_size=6
)


@given(orders, st.integers(49, 54), st.integers(1, 400))
def test_promise_3_one_print_is_one_pool_for_all_levels_and_orders(specs, cents, volume):
    """Own fills plus public shares consumed, with several own orders on a level, <= print."""
    own = [make_order(i, cents=c, size=s, ahead=a) for i, (c, s, a) in enumerate(specs)]
    own.sort(key=lambda o: o.priority)
    before = [o.ahead_e6[BASE] for o in own]
    fills, left = serve(BASE, own, cents * 100, volume * E6, None)
    consumed = max(
        (
            was - order.ahead_e6[BASE]
            for order, was in zip(own, before, strict=True)
            if order.yes_price_e4 == cents * 100
        ),
        default=0,
    )
    got = sum(size for _, size in fills)
    assert left >= 0
    assert got + consumed + left == volume * E6


def test_older_own_order_is_served_first_and_public_volume_is_consumed_once():
    older, younger = make_order(1, size=10, ahead=30), make_order(2, size=10, ahead=40)
    fills, left = serve(BASE, [older, younger], 5200, 55 * E6, None)
    # 30 public, 10 ours, 10 public, and 5 of our younger order.
    assert [(o.order_id, size // E6) for o, size in fills] == [("o1", 10), ("o2", 5)]
    assert left == 0


def test_print_through_the_price_skips_the_queue_but_is_size_limited():
    order = make_order(1, cents=52, size=50, ahead=1000)
    fills, _ = serve(BASE, [order], 5100, 20 * E6, None)
    assert [size // E6 for _, size in fills] == [20]


def test_a_trade_the_venue_dates_before_our_arrival_is_not_ours():
    order = make_order(1, size=50)
    order.effective_ns = 2_000_000_000
    assert serve(BASE, [order], 5200, 20 * E6, 1_999) == ([], 20 * E6)
    assert serve(BASE, [order], 5200, 20 * E6, 2_000)[0][0][1] == 20 * E6
