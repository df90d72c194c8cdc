"""Information clusters: fills that are one piece of evidence, and the means over them.

Fills come in bursts; a hundred fills of one burst tell what one fill tells (quant.md A3.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from polyframe_markout.measures import E6_PER_CENT, Sample
from polyframe_markout.statistics import Estimate, weighted_estimate

NS_PER_S = 1_000_000_000


@dataclass(slots=True)
class Cluster:
    """The exact sums over a cluster's fills; ``start_ns`` is its first fill."""

    start_ns: int
    fills: int = 0
    size_e6: int = 0
    value_e6: int = 0
    gained_e12: int = 0
    rebate_e12: int = 0
    notional_e12: int = 0

    def add(self, sample: Sample) -> None:
        """Count one more fill."""
        self.fills += 1
        self.size_e6 += sample.size_e6
        self.value_e6 += sample.value_e6
        self.gained_e12 += sample.size_e6 * sample.value_e6
        self.rebate_e12 += sample.rebate_e12
        self.notional_e12 += sample.size_e6 * sample.price_e6

    @property
    def gross_c(self) -> float:
        """The share-weighted mean markout in cents per share, without rebates."""
        return self.gained_e12 / self.size_e6 / E6_PER_CENT


def clustered(samples: Iterable[Sample], gap_s: float = 60.0) -> list[Cluster]:
    """Return the clusters in the order of their first fills.

    Fills on the same side of the same market event, each within ``gap_s`` of the cluster's
    first, are one cluster.
    """
    gap_ns = round(gap_s * NS_PER_S)
    clusters: list[Cluster] = []
    latest: dict[tuple[str, int], Cluster] = {}
    for sample in sorted(samples, key=_when):
        key = (sample.market_event_id, sample.sign)
        cluster = latest.get(key)
        if cluster is None or sample.ts_ns - cluster.start_ns > gap_ns:
            cluster = latest[key] = Cluster(sample.ts_ns)
            clusters.append(cluster)
        cluster.add(sample)
    return clusters


def _when(sample: Sample) -> int:
    return sample.ts_ns


def gross_c(clusters: Sequence[Cluster]) -> Estimate | None:
    """Return the share-weighted mean markout in cents, without rebates."""
    return weighted_estimate([(one.gained_e12 / E6_PER_CENT, one.size_e6) for one in clusters])


def net_c(clusters: Sequence[Cluster], least_sd_c: float = 0.0) -> Estimate | None:
    """Return the same with the expected rebates: what is tested.

    ``least_sd_c`` is the spread of cluster means that measuring alone causes.
    """
    return weighted_estimate(
        [((one.gained_e12 + one.rebate_e12) / E6_PER_CENT, one.size_e6) for one in clusters],
        least_sd_c,
    )


def equal_weighted_c(clusters: Sequence[Cluster]) -> Estimate | None:
    """Return the mean over fills, each counting once, in cents."""
    return weighted_estimate([(one.value_e6 / E6_PER_CENT, one.fills) for one in clusters])


def notional_weighted_bps(clusters: Sequence[Cluster]) -> Estimate | None:
    """Return the gain over the notional in basis points; unstable near a price of 0."""
    return weighted_estimate(
        [(one.gained_e12 * 10_000, one.notional_e12) for one in clusters if one.notional_e12]
    )
