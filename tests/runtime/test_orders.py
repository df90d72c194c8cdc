"""The life-cycle table, the routing of a quote's side, and reconciliation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyframe.commands import PlaceOrder
from polyframe.events import Side
from polyframe.runtime.orders import LIVE, TRANSITIONS, Order, Orders, OrderStatus, route
from polyframe.runtime.reconcile import MutationBudget, reconcile
from polyframe.settings import QuotingSettings

SHARE = 1_000_000
SECOND = 10**9


def place(order_id="o-1", *, side=Side.BUY, price_e4=5000, shares=100, expires_ns=None):
    return PlaceOrder(
        order_id, "m", "t", side, price_e4, shares * SHARE, expires_ns, True, "maker", 1
    )


def test_every_status_that_may_fill_accepts_a_fill_and_no_other_does():
    for status in OrderStatus:
        assert ((status, "filled") in TRANSITIONS) is (status in LIVE)


def test_nothing_leads_out_of_an_end():
    assert not [pair for pair in TRANSITIONS if pair[0] not in LIVE]


def test_a_life_and_its_reservation():
    orders = Orders()
    order = orders.place(place(), True, 0)
    assert orders.reserved_e12 == 50 * 10**12
    orders.accepted("o-1")
    orders.filled("o-1", 40 * SHARE)
    assert (order.leaves_e6, orders.reserved_e12) == (60 * SHARE, 30 * 10**12)
    assert orders.ask_cancel(order)
    assert not orders.ask_cancel(order)
    orders.filled("o-1", 10 * SHARE)  # a fill while the cancel travels counts
    assert order.status is OrderStatus.LEAVING
    orders.cancelled("o-1")
    assert (orders.reserved_e12, list(orders.live("m")), orders.unexpected) == (0, [], 0)
    orders.cancelled("o-1")
    assert orders.unexpected == 1


def test_a_cancel_that_came_too_late_brings_the_order_back():
    orders = Orders()
    order = orders.place(place(), True, 0)
    orders.accepted("o-1")
    orders.ask_cancel(order)
    orders.cancel_rejected("o-1")
    assert order.status is OrderStatus.RESTING


def test_what_the_venue_says_of_strangers_is_counted():
    orders = Orders()
    assert orders.accepted("x") is None
    assert orders.filled("x", 1) is None
    assert orders.find("x") is None
    assert orders.unexpected == 2


def test_rejections_are_counted_by_code():
    orders = Orders()
    orders.place(place(), True, 0)
    orders.rejected("o-1", "post_only_would_cross")
    assert orders.rejected_by_code == {"post_only_would_cross": 1}
    assert orders.reserved_e12 == 0


steps = st.lists(
    st.sampled_from(["accepted", "rejected", "ask", "cancelled", "late", "fill", "more", "back"]),
    max_size=12,
)


@given(steps)
def test_the_reservation_is_always_what_live_buys_promise(names):
    orders = Orders()
    order = orders.place(place(), True, 0)
    for name in names:
        match name:
            case "accepted":
                orders.accepted("o-1")
            case "rejected":
                orders.rejected("o-1", "x")
            case "ask":
                orders.ask_cancel(order)
            case "cancelled":
                orders.cancelled("o-1")
            case "late":
                orders.cancel_rejected("o-1")
            case "fill":
                orders.filled("o-1", 30 * SHARE)
            case "more":
                orders.filled("o-1", 130 * SHARE)
            case "back":
                orders.reversed("o-1", 30 * SHARE)
        assert order.leaves_e6 == max(0, 100 * SHARE - order.filled_e6)
        assert orders.reserved_e12 >= 0
        assert orders.reserved_e12 == sum(o.reserved_e12 for o in orders.all_live())
        assert bool(orders.live("m")) is order.is_live
        assert orders.markets_with_live() == (["m"] if order.is_live else [])


# --- routing -------------------------------------------------------------------------------


def test_an_ask_sells_what_is_held_else_buys_the_complement():
    held = route("ask", 6000, 100 * SHARE, 100 * SHARE, 0, 5 * SHARE)
    assert held == (True, False, 6000, 100 * SHARE)
    none = route("ask", 6000, 100 * SHARE, 0, 0, 5 * SHARE)
    assert none == (False, True, 4000, 100 * SHARE)
    some = route("ask", 6000, 100 * SHARE, 30 * SHARE, 0, 5 * SHARE)
    assert some == (True, False, 6000, 30 * SHARE)
    dust = route("ask", 6000, 100 * SHARE, 4 * SHARE, 0, 5 * SHARE)
    assert dust.is_buy


@given(
    st.sampled_from(["bid", "ask"]),
    st.integers(1, 9999),
    st.integers(1, 500).map(lambda n: n * SHARE),
    st.integers(0, 300 * SHARE),
    st.integers(0, 300 * SHARE),
)
def test_routing_is_symmetric_and_never_sells_what_is_not_there(side, price, size, yes, no):
    there = route(side, price, size, yes, no, 5 * SHARE)
    other = "ask" if side == "bid" else "bid"
    mirror = route(other, 10_000 - price, size, no, yes, 5 * SHARE)
    assert (there.is_yes, there.is_buy) == (not mirror.is_yes, mirror.is_buy)
    assert (there.price_e4, there.size_e6) == (mirror.price_e4, mirror.size_e6)
    if not there.is_buy:
        assert there.size_e6 <= (yes if there.is_yes else no)
    assert there.size_e6 <= size
    order = Order(place(), there.is_yes, 0)
    order.is_buy, order.price_e4 = there.is_buy, there.price_e4
    assert (order.side, order.yes_price_e4) == (side, price)


# --- reconciliation ------------------------------------------------------------------------

SETTINGS = QuotingSettings()


def resting(**changes):
    orders = Orders()
    order = orders.place(place(**changes), True, 0)
    orders.accepted(order.order_id)
    return orders, order


def action(wanted, live, now_ns=0):
    return reconcile(wanted, live, tick_e4=100, now_ns=now_ns, settings=SETTINGS)


def test_an_order_keeps_its_place_while_price_and_size_hold():
    _, order = resting()
    wanted = route("bid", 5200, 110 * SHARE, 0, 0, SHARE)
    assert action(wanted, [order]) == ((), None)


@pytest.mark.parametrize(
    ("price_e4", "shares", "reason"),
    [(5300, 100, "drift"), (4700, 100, "drift"), (5000, 130, "size"), (5000, 79, "size")],
)
def test_a_misfit_is_cancelled_and_replaced_only_when_gone(price_e4, shares, reason):
    orders, order = resting()
    wanted = route("bid", price_e4, shares * SHARE, 0, 0, SHARE)
    first = action(wanted, [order])
    assert (first.cancels, first.place) == (((order, reason),), None)
    orders.ask_cancel(order)
    assert action(wanted, [order]) == ((), None)
    orders.cancelled(order.order_id)
    assert action(wanted, orders.live("m")).place == wanted


def test_other_reasons_to_replace():
    _, order = resting(expires_ns=100 * SECOND)
    wanted = route("bid", 5000, 100 * SHARE, 0, 0, SHARE)
    assert action(wanted, [order], 69 * SECOND).cancels == ()
    assert action(wanted, [order], 70 * SECOND).cancels == ((order, "expiry"),)
    assert action(None, [order]).cancels == ((order, "pulled"),)
    sell_no = route("bid", 5000, 100 * SHARE, 0, 100 * SHARE, SHARE)
    assert action(sell_no, [order]).cancels == ((order, "route"),)
    order.price_e4 = 5050
    assert action(wanted, [order]).cancels == ((order, "tick"),)


def test_two_orders_on_one_side_become_one():
    _, first = resting()
    _, second = resting(order_id="o-2")
    wanted = route("bid", 5000, 100 * SHARE, 0, 0, SHARE)
    assert action(wanted, [first, second]).cancels == ((second, "duplicate"),)


def test_places_wait_for_the_budget_and_cancels_never_do():
    budget = MutationBudget(QuotingSettings(mutations_per_pass=2, mutations_per_min=3))
    budget.start_pass(0)
    assert [budget.take_place(0) for _ in range(3)] == [True, True, False]
    budget.start_pass(SECOND)
    budget.note_cancel(SECOND)
    assert not budget.has_room(SECOND)
    assert not budget.take_place(SECOND)
    assert budget.deferred == 2
    budget.start_pass(61 * SECOND)
    assert budget.has_room(61 * SECOND)
    assert budget.take_place(61 * SECOND)
