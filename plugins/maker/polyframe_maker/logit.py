"""The ``logit`` policy: inventory, adverse selection and margin add up in log-odds. Pure functions.

Prices are YES prices in (0, 1), inventory is net YES shares, ``gamma`` is risk aversion per share.
With exponential utility and a payoff of 0 or 1 the marginal reservation price is exactly
``S(L(p) - gamma q)``: the cost function of a logarithmic market scoring rule with b = 1/gamma
(Hanson 2003). It never leaves (0, 1) and bounds the loss: see :func:`loss_bound_usd`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

# Outcomes below this do not set an event's common gamma: ln(1/p) of a longshot would make the
# favourites' skew absurd, and the loss room of each market bounds what a longshot can cost.
LONGSHOT = 0.05
_LEAST_PRICE = 1e-9


def sigmoid(x: float) -> float:
    """Return S(x) = 1/(1 + e^-x), without overflow."""
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    grown = math.exp(x)
    return grown / (1.0 + grown)


def log_odds(p: float) -> float:
    """Return L(p) = ln(p/(1 - p)); prices a rounding error from 0 or 1 are pulled inside."""
    inside = min(max(p, _LEAST_PRICE), 1.0 - _LEAST_PRICE)
    return math.log(inside / (1.0 - inside))


# --- inventory -----------------------------------------------------------------------


def reservation(p: float, gamma: float, q: float) -> float:
    """Return the price at which the next small share is worth neither buying nor selling."""
    return sigmoid(log_odds(p) - gamma * q)


def certainty_value(p: float, gamma: float, q: float) -> float:
    """Return V(q) = -(1/gamma) ln(p e^(-gamma q) + 1 - p): what q shares are worth, USD."""
    return -_log_mix(p, -gamma * q) / gamma


def _log_mix(p: float, x: float) -> float:
    """Return ln(p e^x + 1 - p) for any x."""
    if x > 0:
        return x + math.log(p + (1.0 - p) * math.exp(-x))
    return math.log1p(p * math.expm1(x))


def indifference_bid(p: float, gamma: float, q: float, shares: float) -> float:
    """Return the price a share at which buying ``shares`` more changes nothing for us."""
    if shares <= 0:
        return reservation(p, gamma, q)
    return (certainty_value(p, gamma, q + shares) - certainty_value(p, gamma, q)) / shares


def indifference_ask(p: float, gamma: float, q: float, shares: float) -> float:
    """Return the price a share at which selling ``shares`` changes nothing for us."""
    if shares <= 0:
        return reservation(p, gamma, q)
    return (certainty_value(p, gamma, q) - certainty_value(p, gamma, q - shares)) / shares


def outcome_reservations(
    prices: Sequence[float], gamma: float, inventory: Sequence[float]
) -> list[float]:
    """Return r_i = p_i e^(-gamma q_i) / sum_j p_j e^(-gamma q_j) of an exhaustive event.

    n NO shares of outcome k enter as q_k = -n (with n dollars of cash, which change no price).
    """
    exponents = [math.log(p) - gamma * q for p, q in zip(prices, inventory, strict=True)]
    highest = max(exponents)
    weights = [math.exp(exponent - highest) for exponent in exponents]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def rest_inventory(others: Sequence[tuple[float, float]], p: float, gamma: float) -> float:
    """Return the inventory, in shares of "not this outcome", that an event's other outcomes are.

    ``others`` are ``(price, net YES shares)``. It is what to subtract from the own inventory so
    that the binary formula gives the event's: ``L(r_i) = L(p_i) - gamma (q_i - rest)``. Where the
    others' prices leave a part of 1 - p uncovered, nothing is held of that part.
    """
    covered = math.fsum(price for price, _ in others)
    uncovered = 1.0 - p - covered
    if covered <= 0 or not any(q for _, q in others):
        return 0.0
    exponents = [-gamma * q for _, q in others]
    if uncovered > _LEAST_PRICE:  # else it is float noise, and e^0 beside e^-50 would not be
        exponents.append(0.0)
        others = (*others, (uncovered, 0.0))
        covered += uncovered
    highest = max(exponents)
    mass = math.fsum(
        price * math.exp(exponent - highest)
        for (price, _), exponent in zip(others, exponents, strict=True)
    )
    return -(highest + math.log(mass / covered)) / gamma


# --- risk aversion -------------------------------------------------------------------


def gamma_of_budget(p: float, budget_usd: float) -> float:
    """Return gamma = max(ln 1/p, ln 1/(1 - p)) / budget: unlimited flow loses no more than it."""
    return -math.log(min(p, 1.0 - p)) / budget_usd


def loss_bound_usd(p: float, gamma: float) -> tuple[float, float]:
    """Return the most that (buying, selling) without limit at indifference prices can lose."""
    return -math.log(1.0 - p) / gamma, -math.log(p) / gamma


def unwind_share(
    p: float, belief_volatility: float | None, half_life_s: float | None, floor: float
) -> float:
    """Return the share of gamma that counts when inventory is usually sold again before the end.

    min(1, QV_unwind / (p (1 - p))) with QV_unwind = (p (1 - p) sigma)^2 T: the variance while we
    hold it against the variance until it pays out, which is p (1 - p) for every martingale that
    ends at 0 or 1. ``belief_volatility`` in log-odds per square root of a second; 1 when either
    measure is unknown.
    """
    if belief_volatility is None or half_life_s is None:
        return 1.0
    variance = p * (1.0 - p)
    return min(1.0, max(floor, variance * belief_volatility**2 * half_life_s))


# --- half-spread ---------------------------------------------------------------------


def adverse_shift(alpha: float) -> float:
    """Return ln((1 + alpha)/(1 - alpha)): Glosten-Milgrom's half-spread in log-odds.

    ``alpha`` is the informed share of the flow, in [0, 1).
    """
    return math.log1p(alpha) - math.log1p(-alpha)


def informed_share(impact: float) -> float:
    """Return the alpha whose :func:`adverse_shift` is a price impact in log-odds; 0 below 0."""
    return math.tanh(max(impact, 0.0) / 2.0)


def rebate_per_share(p: float, rate: float, exponent: float, rebate_share: float) -> float:
    """Return the expected maker rebate of a filled share, USD: share x rate x (p (1 - p))^e."""
    return float(rebate_share * rate * (p * (1.0 - p)) ** exponent)


def shifted(price: float, shift: float) -> float:
    """Return a price moved by ``shift`` in log-odds."""
    return sigmoid(log_odds(price) + shift)
