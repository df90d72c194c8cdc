"""How sure a mean is: standard errors under dependence, and shrinkage (quant.md A3.3).

Pure functions of numbers. Variances are divided by n, as in the golden values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

Z_95 = NormalDist().inv_cdf(0.975)


def newey_west_lag(n: int) -> int:
    """Return the Bartlett lag ``floor(4 (n / 100)^(2/9))``, at least 1."""
    return max(1, math.floor(4 * math.pow(n / 100, 2 / 9)))


def spread(values: Sequence[float]) -> float:
    """Return the standard deviation, variance divided by n; 0 for no values."""
    if not values:
        return 0.0
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))


def iid_se(values: Sequence[float]) -> float | None:
    """Return the standard error of the mean of independent values; None below two."""
    return spread(values) / math.sqrt(len(values)) if len(values) >= 2 else None


def newey_west_se(values: Sequence[float], lag: int | None = None) -> float | None:
    """Return the Newey-West standard error of the mean; None below two values.

    It can come out *below* :func:`iid_se` under negative autocorrelation; :func:`careful_se`
    is the larger of the two.
    """
    n = len(values)
    if n < 2:
        return None
    lag = newey_west_lag(n) if lag is None else lag
    mean = math.fsum(values) / n
    centred = [value - mean for value in values]
    variance = _autocovariance(centred, 0) + 2 * math.fsum(
        (1 - k / (lag + 1)) * _autocovariance(centred, k) for k in range(1, min(lag, n - 1) + 1)
    )
    return math.sqrt(max(0.0, variance) / n)


def careful_se(values: Sequence[float]) -> float | None:
    """Return the larger of the independent and the Newey-West standard error."""
    independent, robust = iid_se(values), newey_west_se(values)
    if independent is None or robust is None:
        return None
    return max(independent, robust)


def lag_one(values: Sequence[float]) -> float:
    """Return the autocorrelation at lag 1; 0 where the values do not vary."""
    mean = math.fsum(values) / len(values) if values else 0.0
    centred = [value - mean for value in values]
    variance = _autocovariance(centred, 0) if values else 0.0
    return _autocovariance(centred, 1) / variance if variance > 0 else 0.0


def ar1_inflation(n: int, rho: float) -> float:
    """Return by how much AR(1) dependence inflates the variance of a mean of n values.

    ``n / inflation`` is the effective n. Requires ``|rho| < 1``.
    """
    return (1 + rho) / (1 - rho) - 2 * rho * (1 - rho**n) / (n * (1 - rho) ** 2)


def _autocovariance(centred: Sequence[float], k: int) -> float:
    return math.fsum(centred[i] * centred[i - k] for i in range(k, len(centred))) / len(centred)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over ``count`` clusters and its standard error, None below two clusters."""

    mean: float
    se: float | None
    count: int

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval under a normal distribution."""
        if self.se is None:
            return None
        return self.mean - Z_95 * self.se, self.mean + Z_95 * self.se


def weighted_estimate(
    sums: Sequence[tuple[float, float]], least_sd: float = 0.0
) -> Estimate | None:
    """Return ``sum(y) / sum(x)`` over clusters in time order, and a careful standard error.

    Each pair is a cluster's total ``y`` and weight ``x > 0``. The standard error is the larger of

    * Newey-West on the influence ``(y - mean x) / average x`` of each cluster, and
    * the independent one, ``sd(y / x) sqrt(sum(x^2)) / sum(x)``: the influence alone would call
      a mean certain that one large cluster dominates.

    Equal weights make them the plain ones. ``least_sd`` is the spread that measuring alone
    causes. None without clusters.
    """
    total = math.fsum(x for _, x in sums)
    if total <= 0:
        return None
    n = len(sums)
    mean = math.fsum(y for y, _ in sums) / total
    robust = newey_west_se([(y - mean * x) * n / total for y, x in sums])
    if robust is None:
        return Estimate(mean, None, n)
    sd = max(least_sd, spread([y / x for y, x in sums]))
    independent = sd * math.sqrt(math.fsum(x * x for _, x in sums)) / total
    return Estimate(mean, max(independent, robust), n)


@dataclass(frozen=True, slots=True)
class Posterior:
    """A shrunk mean, its standard deviation and the weight of the data, 0 to 1."""

    mean: float
    sd: float
    weight: float

    def probability_below(self, limit: float) -> float:
        """Return P(theta < limit) under the normal posterior."""
        if self.sd == 0:
            return 1.0 if self.mean < limit else 0.0
        return 0.5 * math.erfc((self.mean - limit) / (self.sd * math.sqrt(2)))


def shrink(mean: float, se: float, prior_mean: float, tau: float) -> Posterior:
    """Return the normal-normal posterior: ``w = tau^2 / (tau^2 + se^2)``."""
    if se == 0:
        return Posterior(mean, 0.0, 1.0)
    weight = tau**2 / (tau**2 + se**2)
    return Posterior(prior_mean + weight * (mean - prior_mean), math.sqrt(weight) * se, weight)


def between_market_tau(means: Sequence[float], ses: Sequence[float], floor: float = 0.05) -> float:
    """Return the spread of true means across markets (DerSimonian-Laird), at least ``floor``.

    Means whose standard error is 0 are left out.
    """
    weights = [1 / se**2 for se in ses if se > 0]
    kept = [mean for mean, se in zip(means, ses, strict=True) if se > 0]
    if len(kept) < 2:
        return floor
    total = math.fsum(weights)
    pooled = math.fsum(w * m for w, m in zip(weights, kept, strict=True)) / total
    q = math.fsum(w * (m - pooled) ** 2 for w, m in zip(weights, kept, strict=True))
    scale = total - math.fsum(w**2 for w in weights) / total
    if scale <= 0:
        return floor
    return math.sqrt(max(floor**2, (q - (len(kept) - 1)) / scale))


def pooled_mean(means: Sequence[float], ses: Sequence[float], tau: float) -> float:
    """Return the random-effects mean: weights ``1 / (se^2 + tau^2)``. Requires ``tau > 0``."""
    weights = [1 / (se**2 + tau**2) for se in ses]
    return math.fsum(w * m for w, m in zip(weights, means, strict=True)) / math.fsum(weights)
