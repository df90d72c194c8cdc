"""The markout part of the daily report: means per horizon with their errors, and per market.

Everything is in cents per share (half-spreads) unless its name says otherwise; intervals are
95 %. Gross leaves rebates out, net adds the rebate expected under the fees of each fill's moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from polyframe_markout import clusters as means
from polyframe_markout.clusters import Cluster, clustered
from polyframe_markout.fills import DISCARD_REASONS, TrackedFill, samples
from polyframe_markout.flow import vpin
from polyframe_markout.measures import Averages, Sample, adverse_e6, averages, effective_e6
from polyframe_markout.statistics import Estimate, ar1_inflation, lag_one

USD_E12 = 10**12
_NO_FILL = "no fill has a mid at this horizon"
_ONE_CLUSTER = "fewer than two clusters of fills"
NULLS = {
    **dict.fromkeys(
        ("share_weighted_c", "equal_weighted_c", "notional_weighted_bps", "mean_c", "mean_bps"),
        _NO_FILL,
    ),
    **dict.fromkeys(("se_c", "se_bps", "interval_c", "interval_bps", "net_se_c"), _ONE_CLUSTER),
    **dict.fromkeys(("effective_c", "adverse_c"), "no such fill had a mid before it"),
    "micro_share_weighted_c": "no such fill has a microprice at this horizon",
    **dict.fromkeys(("gross_mean_c", "net_mean_c"), "no evidence at the gating horizon"),
    "rolling_mean_c": "no fill in the window",
    "phase_since_ns": "never called toxic",
    "payout_yes": "the last book told no payout",
    "vpin": "fewer than ten fills in any market",
}
"""Why a figure of the section is null, by its name."""
_DECIDING = (
    "evidence_clusters", "net_mean_c", "posterior_mean_c", "probability_toxic", "rolling_mean_c",
    "breaker_trips",
)  # fmt: skip
# A correlation near 1 would leave less than one cluster of evidence.
_MOST_LAG_ONE = 0.95


def horizon_section(fills: Sequence[TrackedFill], horizon: str, gap_s: float) -> dict[str, Any]:
    """Return one horizon: markout three ways, its split, and why fills are missing.

    The split is over the fills that had a mid before them (``n_split``): there, markout =
    effective - adverse. ``effective_clusters`` discounts dependence from one cluster to the next.
    """
    known = [fill for fill in fills if horizon in fill.mids_e6]
    split = [fill for fill in known if fill.mid_before_e6 is not None]
    reasons = [fill.discarded[horizon] for fill in fills if horizon in fill.discarded]
    found = samples(known, horizon)
    evidence = clustered(found, gap_s)
    gained_e12 = sum(cluster.gained_e12 for cluster in evidence)
    rebate_e12 = sum(cluster.rebate_e12 for cluster in evidence)
    micros = [sample for fill in known if (sample := fill.micro_sample(horizon)) is not None]
    return {
        **_figures(averages(found)),
        "clusters": len(evidence),
        "effective_clusters": _effective_clusters(evidence),
        "pending": len(fills) - len(known) - len(reasons),
        "discarded": {reason: reasons.count(reason) for reason in DISCARD_REASONS},
        "gross": estimate(means.gross_c(evidence)),
        "net": estimate(means.net_c(evidence)),
        "equal_weighted": estimate(means.equal_weighted_c(evidence)),
        "notional_weighted": estimate(means.notional_weighted_bps(evidence), unit="bps"),
        "rebate_usd": rebate_e12 / USD_E12,
        "net_usd": (gained_e12 + rebate_e12) / USD_E12,
        "n_split": len(split),
        "effective_c": _split_mean(
            split, lambda fill, before: effective_e6(fill.sign, fill.price_e6, before)
        ),
        "adverse_c": _split_mean(
            split, lambda fill, before: adverse_e6(fill.sign, before, fill.mids_e6[horizon])
        ),
        "n_micro": len(micros),
        "micro_share_weighted_c": averages(micros).share_weighted_c,
    }


def estimate(found: Estimate | None, unit: str = "c") -> dict[str, Any]:
    """Return a mean over clusters, its standard error and 95 % interval; null where unknown."""
    interval = None if found is None else found.interval
    return {
        f"mean_{unit}": None if found is None else found.mean,
        f"se_{unit}": None if found is None else found.se,
        f"interval_{unit}": None if interval is None else list(interval),
    }


def flow_section(imbalances: Sequence[float]) -> dict[str, Any]:
    """Return the VPIN of our own fills and its number of buckets; null without a full one."""
    return {"vpin": vpin(imbalances), "buckets": len(imbalances)}


def called_out(markets: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the markets that are not simply quoted, with the figures that decided it."""
    return [
        {"market_id": market_id, "decision": row["decision"]}
        | {name: row[name] for name in _DECIDING if name in row}
        for market_id, row in markets.items()
        if row["decision"] != "ok"
    ]


def rounded(value: Any) -> Any:
    """Return a document with its floats rounded to six decimals."""
    if isinstance(value, float):
        return round(value, 6) + 0.0
    if isinstance(value, Mapping):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(item) for item in value]
    return value


def _figures(mean: Averages) -> dict[str, Any]:
    return {
        "n": mean.n,
        "share_weighted_c": mean.share_weighted_c,
        "equal_weighted_c": mean.equal_weighted_c,
        "notional_weighted_bps": mean.notional_weighted_bps,
        "total_usd": mean.total_usd,
    }


def _effective_clusters(evidence: Sequence[Cluster]) -> float:
    """Return n over its AR(1) inflation; negative dependence is not taken as good news."""
    rho = min(max(0.0, lag_one([cluster.gross_c for cluster in evidence])), _MOST_LAG_ONE)
    return len(evidence) / ar1_inflation(len(evidence), rho) if evidence else 0.0


def _split_mean(
    fills: Sequence[TrackedFill], value_of: Callable[[TrackedFill, int], int]
) -> float | None:
    values = [
        Sample(value_of(fill, fill.mid_before_e6), fill.size_e6, fill.price_e6)
        for fill in fills
        if fill.mid_before_e6 is not None
    ]
    return averages(values).share_weighted_c
