"""Performance ratios from daily simple returns, own implementation (quant.md A5.4).

UTC days, 365 a year, flat days kept. A ratio that is not defined is None, never NaN or infinite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random

DAYS_PER_YEAR = 365
# Equal returns differ by this much, as a share of the largest, when they were computed.
_ROUNDING = 1e-12


def mean(values: Sequence[float]) -> float | None:
    """Return the arithmetic mean; None without values."""
    return math.fsum(values) / len(values) if values else None


def sample_sd(values: Sequence[float]) -> float | None:
    """Return the standard deviation with ddof 1; None below two values."""
    if len(values) < 2:
        return None
    centre = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - centre) ** 2 for value in values) / (len(values) - 1))


def sharpe(returns: Sequence[float]) -> float | None:
    """Return ``mean / sd x sqrt(365)``; None when there is no variation but rounding."""
    average, sd = mean(returns), sample_sd(returns)
    if average is None or sd is None or sd <= _ROUNDING * max(map(abs, returns)):
        return None
    return average / sd * math.sqrt(DAYS_PER_YEAR)


def sharpe_interval(returns: Sequence[float]) -> tuple[float, float] | None:
    """Return the 95 % interval of the Sharpe ratio for independent returns (Lo 2002)."""
    ratio = sharpe(returns)
    if ratio is None:
        return None
    daily = ratio / math.sqrt(DAYS_PER_YEAR)
    half = 1.96 * math.sqrt((1 + daily**2 / 2) / len(returns) * DAYS_PER_YEAR)
    return ratio - half, ratio + half


def sortino(returns: Sequence[float]) -> float | None:
    """Return ``mean / downside x sqrt(365)``, the downside over all days; None without losses."""
    average = mean(returns)
    if average is None:
        return None
    downside = math.sqrt(math.fsum(min(value, 0.0) ** 2 for value in returns) / len(returns))
    return average / downside * math.sqrt(DAYS_PER_YEAR) if downside else None


def total_return(returns: Sequence[float]) -> float:
    """Return the compounded return."""
    return math.prod(1 + value for value in returns) - 1


def max_drawdown(returns: Sequence[float]) -> float:
    """Return the deepest fall from a peak as a share, zero or negative; the start is a peak too."""
    equity = peak = 1.0
    deepest = 0.0
    for value in returns:
        equity *= 1 + value
        peak = max(peak, equity)
        deepest = min(deepest, equity / peak - 1)
    return deepest


def cagr(returns: Sequence[float]) -> float | None:
    """Return the yearly compound growth; None without days, after a total loss, or too large."""
    growth = 1 + total_return(returns)
    if not returns or growth <= 0:
        return None
    exponent = DAYS_PER_YEAR / len(returns) * math.log(growth)
    return math.exp(exponent) - 1 if exponent < 700 else None


def calmar(returns: Sequence[float]) -> float | None:
    """Return ``CAGR / |max drawdown|``; None without a drawdown."""
    growth, deepest = cagr(returns), max_drawdown(returns)
    return growth / -deepest if growth is not None and deepest else None


def blocks_of(days: int) -> int:
    """Return the block length of the bootstrap, ``days^(1/3)``, at least 1."""
    return max(1, round(math.pow(days, 1 / 3)))


def bootstrap_interval(
    returns: Sequence[float],
    statistic: Callable[[Sequence[float]], float | None],
    draws: int,
    rng: Random,
) -> tuple[float, float] | None:
    """Return the 95 % percentile interval of a statistic by circular block bootstrap.

    Blocks keep the dependence from day to day. None when the statistic is not defined for
    one draw in twenty or more: the interval would be that of the lucky ones.
    """
    days = len(returns)
    if days < 2:
        return None
    block = blocks_of(days)
    twice = [*returns, *returns]
    found: list[float] = []
    for _ in range(draws):
        sample: list[float] = []
        while len(sample) < days:
            start = rng.randrange(days)
            sample += twice[start : start + block]
        value = statistic(sample[:days])
        if value is not None:
            found.append(value)
    if len(found) <= 0.95 * draws:
        return None
    found.sort()
    return found[int(0.025 * (len(found) - 1))], found[math.ceil(0.975 * (len(found) - 1))]
