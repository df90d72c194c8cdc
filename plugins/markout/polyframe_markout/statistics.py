"""How sure a mean markout is: information clusters, standard errors, shrinkage (quant.md A3.3).

Fills come in bursts; a hundred fills of one burst are one piece of evidence. Pure functions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Evidence:
    """A fill as evidence: when, on which event and side, how much and what it gained."""

    ts_ns: int
    market_event_id: str
    sign: int
    size_e6: int
    value_e6: int


def cluster_means_c(fills: Iterable[Evidence], gap_s: float = 60.0) -> list[float]:
    """Return the share-weighted mean of each information cluster in cents, in time order.

    Fills on the same side of the same event, each within ``gap_s`` of the cluster's first, are one
    cluster.
    """
    clusters: list[list[Evidence]] = []
    latest: dict[tuple[str, int], list[Evidence]] = {}
    for fill in sorted(fills, key=lambda one: one.ts_ns):
        key = (fill.market_event_id, fill.sign)
        cluster = latest.get(key)
        if cluster is None or fill.ts_ns - cluster[0].ts_ns > gap_s * NS_PER_S:
            cluster = latest[key] = []
            clusters.append(cluster)
        cluster.append(fill)
    return [
        sum(fill.size_e6 * fill.value_e6 for fill in cluster)
        / sum(fill.size_e6 for fill in cluster)
        / 10_000
        for cluster in clusters
    ]


def newey_west_lag(n: int) -> int:
    """Return the Bartlett lag ``floor(4 (n / 100)^(2/9))``, at least 1."""
    return max(1, math.floor(4 * math.pow(n / 100, 2 / 9)))


def iid_se(values: Sequence[float]) -> float | None:
    """Return the standard error of the mean of independent values, variance divided by n.

    None below two values.
    """
    n = len(values)
    if n < 2:
        return None
    mean = math.fsum(values) / n
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / n / n)


def newey_west_se(values: Sequence[float], lag: int | None = None) -> float | None:
    """Return the Newey-West standard error of the mean, autocovariances divided by n.

    None below two values. It can come out *below* :func:`iid_se` under negative
    autocorrelation; :func:`careful_se` is the larger of the two.
    """
    n = len(values)
    if n < 2:
        return None
    lag = newey_west_lag(n) if lag is None else lag
    mean = math.fsum(values) / n
    centred = [value - mean for value in values]

    def autocovariance(k: int) -> float:
        return math.fsum(centred[i] * centred[i - k] for i in range(k, n)) / n

    variance = autocovariance(0) + 2 * math.fsum(
        (1 - k / (lag + 1)) * autocovariance(k) for k in range(1, min(lag, n - 1) + 1)
    )
    return math.sqrt(max(0.0, variance) / n)


def careful_se(values: Sequence[float]) -> float | None:
    """Return the larger of the independent and the Newey-West standard error."""
    independent, robust = iid_se(values), newey_west_se(values)
    if independent is None or robust is None:
        return None
    return max(independent, robust)


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
    """Return the spread of true means across markets (DerSimonian-Laird), at least ``floor``."""
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
