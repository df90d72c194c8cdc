"""Worst-case loss: the goldens of quant.md A5.1, and exactness against every subset of orders."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from polyframe.money import usd, usd_e12
from polyframe.testing.builders import (
    FakeOrder,
    FakePosition,
    a_market,
    a_portfolio,
    a_position,
    a_spec,
    an_order,
)
from polyframe_portfolio_risk.account import exposures
from polyframe_portfolio_risk.exposure import (
    Exclusive,
    Outcomes,
    holding,
    market_loss_e12,
    with_orders,
)

E12_PER_SHARE_E6 = 10**6  # a micro-share that pays 1 USD is worth 1e-6 USD


def event_loss_e12(values):
    group = Exclusive()
    for one in values:
        group = group.joined(one)
    return group.loss_e12


def states_usd(values):
    none = sum(one.no_e12 for one in values)
    wins = [none - one.no_e12 + one.yes_e12 for one in values]
    return [usd(state) for state in [*wins, none]]


# --- goldens -------------------------------------------------------------------------


def test_g18_pair_netting():
    # 100 YES at 0.55 and 80 NO at 0.50 cost 95 USD; states +5 / -15.
    values = holding(a_position(yes=100, no=80, cost_usd=95))
    assert (usd(values.yes_e12), usd(values.no_e12)) == (5.0, -15.0)
    assert market_loss_e12(values) == usd_e12(15)


def test_g17_event_states():
    # YES_A 100 at 0.40, NO_B 50 at 0.70, YES_C 20 at 0.25.
    values = [
        holding(a_position(yes=100, cost_usd=40)),
        holding(a_position(no=50, cost_usd=35)),
        holding(a_position(yes=20, cost_usd=5)),
    ]
    assert states_usd(values) == [70.0, -80.0, -10.0, -30.0]
    assert event_loss_e12(values) == usd_e12(80)


def test_that_none_of_the_listed_wins_always_counts():
    # YES of both outcomes: either win would pay.
    values = [holding(a_position(yes=10, cost_usd=4)), holding(a_position(yes=10, cost_usd=5))]
    assert states_usd(values) == [1.0, 1.0, -9.0]
    assert event_loss_e12(values) == usd_e12(9)
    assert event_loss_e12([]) == 0


def test_converting_no_into_yes_of_the_others_changes_no_state():
    # One NO_A of a whole event of three is one YES in each of the other two.
    as_no = [holding(a_position(no=10, cost_usd=6)), Outcomes(0, 0), Outcomes(0, 0)]
    as_yes = [
        holding(a_position(cost_usd=6)),
        holding(a_position(yes=10)),
        holding(a_position(yes=10)),
    ]
    assert states_usd(as_no)[:3] == states_usd(as_yes)[:3]


def test_both_sides_of_a_quote_do_not_add_up():
    # A bid at 0.48 and an ask at 0.52 cannot both lose: the worst state is one of them.
    both = with_orders(
        Outcomes(0, 0),
        [an_order(side="bid", yes_price_e4=4800), an_order(side="ask", yes_price_e4=5200)],
    )
    assert market_loss_e12(both) == usd_e12(48)


def test_selling_what_is_held_reduces():
    held = holding(a_position(yes=100, cost_usd=50))
    selling = with_orders(held, [an_order(side="ask", yes_price_e4=5500, sells_holding=True)])
    assert market_loss_e12(selling) == market_loss_e12(held) == usd_e12(50)


# --- exactness -----------------------------------------------------------------------

sizes = st.integers(0, 300).map(lambda hundredths: hundredths * 10_000)


@st.composite
def orders(draw, market_id):
    return FakeOrder(
        "o",
        market_id,
        is_yes=draw(st.booleans()),
        is_buy=draw(st.booleans()),
        price_e4=draw(st.integers(1, 9999)),
        leaves_e6=draw(sizes),
    )


@st.composite
def holdings(draw):
    return FakePosition(draw(sizes), draw(sizes), draw(st.integers(0, 5 * 10**12)))


def order_payoff_e12(order, yes_wins):
    """The payoff of one order that filled, from the token's own point of view."""
    pays = E12_PER_SHARE_E6 if order.is_yes == yes_wins else 0
    cost = order.price_e4 * 100
    return order.leaves_e6 * (pays - cost if order.is_buy else cost - pays)


def holding_payoff_e12(position, yes_wins):
    winning_e6 = position.yes_e6 if yes_wins else position.no_e6
    return winning_e6 * E12_PER_SHARE_E6 - position.cost_e12


def brute_force_loss_e12(markets):
    """The worst over every state and every subset of orders that may fill."""
    worst = 0
    every_order = [
        (i, order) for i, (_, open_orders) in enumerate(markets) for order in open_orders
    ]
    for winner in range(-1, len(markets)):
        held = sum(
            holding_payoff_e12(position, i == winner) for i, (position, _) in enumerate(markets)
        )
        for filled in product([False, True], repeat=len(every_order)):
            value = held + sum(
                order_payoff_e12(order, i == winner)
                for (i, order), is_filled in zip(every_order, filled, strict=True)
                if is_filled
            )
            worst = max(worst, -value)
    return worst


@settings(deadline=None, max_examples=150)
@given(holdings(), st.lists(orders("m"), max_size=6))
def test_a_market_is_exact_over_all_subsets(position, open_orders):
    values = with_orders(holding(position), open_orders)
    assert market_loss_e12(values) == brute_force_loss_e12([(position, open_orders)])


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(holdings(), st.lists(orders("m"), max_size=2)), min_size=1, max_size=4))
def test_an_event_is_exact_over_all_subsets(markets):
    values = [with_orders(holding(position), open_orders) for position, open_orders in markets]
    assert event_loss_e12(values) == brute_force_loss_e12(markets)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-(10**13), 10**13), st.integers(-(10**13), 10**13))))
def test_the_fold_does_not_depend_on_order_and_a_last_market_joins_in_one_step(pairs):
    values = [Outcomes(*pair) for pair in pairs]
    assert event_loss_e12(values) == event_loss_e12(values[::-1])
    if values:
        group = Exclusive()
        for one in values[:-1]:
            group = group.joined(one)
        last = values[-1]
        assert event_loss_e12(values) == max(0, group.loss_if_not(last), group.loss_if(last))


# --- the account ---------------------------------------------------------------------


def test_account_nets_events_and_sums_clusters():
    def outcome(name, position):
        spec = a_spec(name, neg_risk=True, market_event_id="race")
        return a_market(spec=spec, cluster_id="politics", position=position)

    markets = [
        # Golden G17: the race can lose 80 USD.
        outcome("A", a_position(yes=100, cost_usd=40)),
        outcome("B", a_position(no=50, cost_usd=35)),
        outcome("C", a_position(yes=20, cost_usd=5)),
        # Not exclusive: its own worst case adds to the cluster.
        a_market("D", cluster_id="politics", orders=[an_order("D", "bid", 4800, 100)]),
        a_market("E", cluster_id="sports", position=a_position(no=10, cost_usd=3)),
    ]
    now = exposures(a_portfolio(markets=markets))
    assert {name: usd(loss) for name, loss in now.markets.items()} == {
        "A": 40.0,
        "B": 35.0,
        "C": 5.0,
        "D": 48.0,
        "E": 3.0,
    }
    assert {name: usd(loss) for name, loss in now.clusters.items()} == {
        "politics": 128.0,
        "sports": 3.0,
    }
    assert usd(now.aggregate_e12) == 131.0


def test_a_market_the_runtime_dropped_still_counts():
    now = exposures(a_portfolio(positions={"gone": a_position(yes=10, cost_usd=6)}))
    assert usd(now.aggregate_e12) == 6.0
