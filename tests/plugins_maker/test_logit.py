"""The logit formulas against their golden numbers, and what they promise for every input."""

from __future__ import annotations

import math
from random import Random
from statistics import fmean, pstdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyframe_maker import classic, logit

prices = st.floats(0.001, 0.999)
gammas = st.floats(1e-4, 0.2)
shares = st.floats(-5000, 5000)


# --- goldens -------------------------------------------------------------------------


def test_g1_reservation():
    assert logit.reservation(0.60, 0.01, 50) == pytest.approx(0.476383862223051, abs=1e-15)


def test_g2_indifference_for_one_share_and_for_ten():
    one = logit.indifference_bid(0.6, 0.01, 50, 1), logit.indifference_ask(0.6, 0.01, 50, 1)
    assert one == pytest.approx((0.4751368523549324, 0.4776312648114853), abs=1e-12)
    # Forty digits of the formula: .46393652351127905..., .48887043425457811...
    ten = logit.indifference_bid(0.6, 0.01, 50, 10), logit.indifference_ask(0.6, 0.01, 50, 10)
    assert ten == pytest.approx((0.4639365235, 0.4888704343), abs=1e-10)


def test_second_order_approximation_of_the_reservation():
    approximation = 0.6 - 0.01 * 50 * 0.6 * 0.4
    assert approximation == pytest.approx(0.48)
    error = logit.reservation(0.6, 0.0001, 50) - (0.6 - 0.0001 * 50 * 0.6 * 0.4)
    assert abs(error) < 1e-5


def test_g3_adverse_selection_is_a_constant_shift():
    shift = logit.adverse_shift(0.05)
    assert shift == pytest.approx(0.100083459, abs=1e-9)
    assert logit.shifted(0.6, shift) == pytest.approx(0.6237623762376238, abs=1e-12)
    assert logit.shifted(0.6, -shift) == pytest.approx(0.5757575757575757, abs=1e-12)
    # Glosten and Milgrom's own expectation: p (1 + a) / (p (1 + a) + (1 - p)(1 - a)).
    assert logit.shifted(0.6, shift) == pytest.approx(0.6 * 1.05 / (0.6 * 1.05 + 0.4 * 0.95))


def test_inventory_and_adverse_selection_add():
    centre, shift = logit.reservation(0.6, 0.01, 50), logit.adverse_shift(0.05)
    assert logit.shifted(centre, -shift) == pytest.approx(0.451498404, abs=1e-9)
    assert logit.shifted(centre, shift) == pytest.approx(0.501387138, abs=1e-9)


def test_g4_three_outcomes():
    found = logit.outcome_reservations((0.5, 0.3, 0.2), 0.01, (30, 0, -10))
    assert found == pytest.approx((0.41551618, 0.33653290, 0.24795092), abs=5e-9)
    assert math.fsum(found) == pytest.approx(1.0, abs=1e-15)


def test_g4_comes_out_of_the_binary_formula_with_the_rest_of_the_event():
    event = [(0.5, 30.0), (0.3, 0.0), (0.2, -10.0)]
    expected = (0.41551618, 0.33653290, 0.24795092)
    for index, (price, inventory) in enumerate(event):
        others = event[:index] + event[index + 1 :]
        rest = logit.rest_inventory(others, price, 0.01)
        own = logit.reservation(price, 0.01, inventory - rest)
        assert own == pytest.approx(expected[index], abs=5e-9)


# The two classics quote in price and would leave (0, 1), so the maker has no code of them: here
# they are models to compare with, checked so that the comparison is with the real ones.


def glft(a, k, gamma, xi, sigma, delta):
    """Guéant's closed form: (c1, c2, half-spread, skew a unit), fill intensity A e^(-k d)."""
    base = 1.0 + xi * delta / k
    c1 = math.log(base) / (xi * delta)
    c2 = math.sqrt(gamma / (2 * a * delta * k) * base ** (k / (xi * delta) + 1))
    return c1, c2, c1 + delta / 2 * sigma * c2, sigma * c2


def test_g5_guéant_stationary():
    c1, c2, half, skew = glft(a=0.5, k=0.3, gamma=0.05, xi=0.05, sigma=0.4, delta=1.0)
    assert (c1, c2) == pytest.approx((3.083013596545167, 0.700225848530212), abs=1e-12)
    assert (half, skew) == pytest.approx((3.223058766, 0.280090339), abs=1e-9)
    assert (half + 4 * skew, half - 4 * skew) == pytest.approx((4.343420, 2.102697), abs=1e-6)


def avellaneda_stoikov(s, q, gamma, sigma, k, tau):
    """The 2008 model: (reservation, total spread)."""
    risk = gamma * sigma**2 * tau
    return s - q * risk, risk + 2 / gamma * math.log(1 + gamma / k)


def test_g6_avellaneda_stoikov():
    centre, spread = avellaneda_stoikov(100, 3, 0.1, 2, 1.5, 0.5)
    assert centre == pytest.approx(99.4)
    assert spread == pytest.approx(1.4907704227514234, abs=1e-12)
    assert avellaneda_stoikov(100, 3, 0.1, 2, 1.5, 1.0)[0] == pytest.approx(98.8)


def test_avellaneda_stoikov_experiment():
    """Their table: skewing more than halves the inventory and costs little of the mean.

    Seeded, 300 paths of s=100, T=1, sigma=2, dt=.005, gamma=.1, k=1.5, A=140.
    """
    rng = Random(42)
    dt, sigma, gamma, k, a = 0.005, 2.0, 0.1, 1.5, 140.0
    steps = round(1 / dt)
    mean_spread = fmean(
        avellaneda_stoikov(0, 0, gamma, sigma, k, 1 - i * dt)[1] for i in range(steps)
    )
    assert mean_spread == pytest.approx(1.4918, abs=2e-3)
    profits: dict[bool, list[float]] = {True: [], False: []}
    inventories: dict[bool, list[int]] = {True: [], False: []}
    for _ in range(300):
        # Both strategies see the same path and the same luck, so few paths tell them apart.
        state = {True: [0.0, 0], False: [0.0, 0]}
        s = 100.0
        for i in range(steps):
            lucks = rng.random(), rng.random()
            for skews, (cash, q) in state.items():
                centre, spread = avellaneda_stoikov(s, q, gamma, sigma, k, 1 - i * dt)
                if not skews:
                    centre, spread = s, mean_spread
                bid, ask = centre - spread / 2, centre + spread / 2
                if lucks[0] < a * math.exp(-k * (s - bid)) * dt:
                    cash, q = cash - bid, q + 1
                if lucks[1] < a * math.exp(-k * (ask - s)) * dt:
                    cash, q = cash + ask, q - 1
                state[skews] = [cash, q]
            s += sigma * math.sqrt(dt) * (1 if rng.random() < 0.5 else -1)
        for skews, (cash, q) in state.items():
            profits[skews].append(cash + q * s)
            inventories[skews].append(q)
    assert pstdev(inventories[True]) < pstdev(inventories[False]) / 2
    assert fmean(profits[True]) > 0.94 * fmean(profits[False])
    assert pstdev(profits[True]) < pstdev(profits[False])


def test_weighted_mid():
    assert classic.fair_value("microprice", 0.53, 0.535, 0.01) == pytest.approx(0.535)
    assert classic.fair_value("microprice", 0.53, 0.539, 0.01) == pytest.approx(0.535)
    assert classic.fair_value("microprice", 0.53, 0.521, 0.001) == pytest.approx(0.5295)
    assert classic.fair_value("mid", 0.53, 0.535, 0.01) == 0.53


def test_gamma_of_a_budget():
    assert logit.gamma_of_budget(0.5, 50.0) == pytest.approx(0.013863, abs=1e-6)
    assert logit.loss_bound_usd(0.6, 0.01) == pytest.approx((91.63, 51.08), abs=5e-3)


def test_g27_unlimited_selling_loses_the_budget_and_no_more():
    received = sum(logit.indifference_ask(0.6, 0.01, -i, 1) for i in range(3000))
    assert 3000 - received == pytest.approx(51.0826, abs=1e-4)
    assert 3000 - received <= logit.loss_bound_usd(0.6, 0.01)[1] == pytest.approx(51.0826, abs=1e-4)


def test_expected_rebate_in_logits():
    # 0.25c a share at 0.5 in a 4 % market: a hundredth of a log-odd.
    assert logit.rebate_per_share(0.5, 0.04, 1.0, 0.25) == pytest.approx(0.0025)
    assert logit.rebate_per_share(0.5, 0.04, 1.0, 0.25) / 0.25 == pytest.approx(0.01)


def test_unwinding_early_counts_less():
    # sigma 0.001 per sqrt(s) over an hour at p = 0.5: 0.25 x 1e-6 x 3600 = 0.0009 of the risk.
    assert logit.unwind_share(0.5, 0.001, 3600.0, 0.0) == pytest.approx(0.0009)
    assert logit.unwind_share(0.5, 0.001, 3600.0, 0.1) == 0.1
    assert logit.unwind_share(0.5, 1.0, 3600.0, 0.1) == 1.0
    assert logit.unwind_share(0.5, None, 3600.0, 0.1) == 1.0
    assert logit.unwind_share(0.5, 0.001, None, 0.1) == 1.0


# --- properties ----------------------------------------------------------------------


@settings(deadline=None)
@given(prices, gammas, shares, st.floats(0.01, 500))
def test_indifference_prices_stay_inside_and_around_the_reservation(p, gamma, q, n):
    bid, ask = logit.indifference_bid(p, gamma, q, n), logit.indifference_ask(p, gamma, q, n)
    centre = logit.reservation(p, gamma, q)
    assert -1e-9 <= bid <= centre + 1e-9
    assert centre - 1e-9 <= ask <= 1 + 1e-9


@settings(deadline=None)
@given(prices, gammas, st.floats(-500, 500), st.floats(0.01, 500))
def test_telling_it_the_other_way_round_mirrors_it(p, gamma, q, n):
    assert logit.reservation(p, gamma, q) == pytest.approx(1 - logit.reservation(1 - p, gamma, -q))
    assert logit.indifference_bid(p, gamma, q, n) == pytest.approx(
        1 - logit.indifference_ask(1 - p, gamma, -q, n), abs=1e-9
    )


@settings(deadline=None)
@given(prices, st.floats(1, 500), st.lists(st.floats(0.1, 200), max_size=30))
def test_any_run_of_fills_at_indifference_prices_loses_at_most_the_budget(p, budget, sizes):
    gamma = logit.gamma_of_budget(p, budget)
    q = paid = 0.0
    for n in sizes:
        paid += n * logit.indifference_bid(p, gamma, q, n)
        q += n
    assert paid <= budget + 1e-6  # NO wins: everything paid is gone


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.02, 1), st.floats(-300, 300)), min_size=2, max_size=8), gammas
)
def test_the_binary_form_of_an_event_is_the_event(event, gamma):
    total = math.fsum(weight for weight, _ in event)
    outcomes = [(weight / total, q) for weight, q in event]
    whole = logit.outcome_reservations([p for p, _ in outcomes], gamma, [q for _, q in outcomes])
    for index, (p, q) in enumerate(outcomes):
        rest = logit.rest_inventory(outcomes[:index] + outcomes[index + 1 :], p, gamma)
        assert logit.reservation(p, gamma, q - rest) == pytest.approx(whole[index], abs=1e-7)


@settings(deadline=None)
@given(st.floats(0, 0.95))
def test_the_informed_share_is_the_one_whose_shift_was_seen(alpha):
    assert logit.informed_share(logit.adverse_shift(alpha)) == pytest.approx(alpha, abs=1e-12)
    assert logit.informed_share(-0.1) == 0.0
