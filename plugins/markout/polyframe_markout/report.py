"""The markout part of the daily report: averages per horizon, per market, and their evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from polyframe_markout import statistics as stats
from polyframe_markout.config import Config
from polyframe_markout.measures import Averages, Measured, adverse_e6, averages, effective_e6
from polyframe_markout.toxicity import measured
from polyframe_markout.tracker import DISCARD_REASONS, TrackedFill, horizon_name


def figures(mean: Averages) -> dict[str, Any]:
    """Return averages as JSON; a mean without fills is null."""
    return {
        "n": mean.n,
        "share_weighted_c": _rounded(mean.share_weighted_c),
        "equal_weighted_c": _rounded(mean.equal_weighted_c),
        "notional_weighted_bps": _rounded(mean.notional_weighted_bps),
        "total_usd": round(mean.total_usd, 6) + 0.0,
    }


def horizon_section(fills: Sequence[TrackedFill], horizon: str) -> dict[str, Any]:
    """Return one horizon: markout, its split into effective spread and adverse selection.

    The split is over the fills that had a mid before them (``n_split``): there, markout =
    effective - adverse.
    """
    known = [fill for fill in fills if horizon in fill.mids_e6]
    split = [fill for fill in known if fill.mid_before_e6 is not None]
    reasons = [fill.discarded[horizon] for fill in fills if horizon in fill.discarded]
    return {
        **figures(averages(value for fill in known if (value := measured(fill, horizon)))),
        "pending": len(fills) - len(known) - len(reasons),
        "discarded": {reason: reasons.count(reason) for reason in DISCARD_REASONS},
        "n_split": len(split),
        "effective_c": _split_mean(
            split, lambda fill, before: effective_e6(fill.sign, fill.price_e6, before)
        ),
        "adverse_c": _split_mean(
            split, lambda fill, before: adverse_e6(fill.sign, before, fill.mids_e6[horizon])
        ),
    }


def evidence_section(fills: Sequence[TrackedFill], config: Config) -> dict[str, Any]:
    """Return information clusters at the gating horizon, their mean and careful standard error."""
    means = stats.cluster_means_c(evidence(fills, horizon_name(config.gating_horizon_s)))
    return {
        "clusters": len(means),
        "cluster_mean_c": _rounded(sum(means) / len(means)) if means else None,
        "se_c": _rounded(stats.careful_se(means)),
    }


def shrunk_section(
    fills_by_market: dict[str, Sequence[TrackedFill]], config: Config
) -> dict[str, dict[str, Any]]:
    """Return each market's shrunk mean and P(theta < toxic limit); for reading, not for gating.

    The prior is the mean over markets with a standard error; its spread is DerSimonian-Laird.
    """
    horizon = horizon_name(config.gating_horizon_s)
    by_market: dict[str, tuple[float, float]] = {}
    for market_id, fills in sorted(fills_by_market.items()):
        means = stats.cluster_means_c(evidence(fills, horizon))
        se = stats.careful_se(means)
        if se is not None and se > 0:
            by_market[market_id] = (sum(means) / len(means), se)
    if not by_market:
        return {}
    values = [mean for mean, _ in by_market.values()]
    tau = stats.between_market_tau(values, [se for _, se in by_market.values()])
    prior_mean = sum(values) / len(values)
    shrunk: dict[str, dict[str, Any]] = {}
    for market_id, (mean, se) in by_market.items():
        posterior = stats.shrink(mean, se, prior_mean, tau)
        shrunk[market_id] = {
            "posterior_mean_c": _rounded(posterior.mean),
            "posterior_sd_c": _rounded(posterior.sd),
            "probability_toxic": _rounded(posterior.probability_below(config.toxic_c)),
        }
    return shrunk


def evidence(fills: Sequence[TrackedFill], horizon: str) -> list[stats.Evidence]:
    """Return the measured fills as evidence."""
    return [
        stats.Evidence(fill.ts_ns, fill.market_event_id, fill.sign, fill.size_e6, value.value_e6)
        for fill in fills
        if (value := measured(fill, horizon)) is not None
    ]


def _split_mean(
    fills: Sequence[TrackedFill], value_of: Callable[[TrackedFill, int], int]
) -> float | None:
    values = [
        Measured(value_of(fill, fill.mid_before_e6), fill.size_e6, fill.price_e6)
        for fill in fills
        if fill.mid_before_e6 is not None
    ]
    return _rounded(averages(values).share_weighted_c)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6) + 0.0
