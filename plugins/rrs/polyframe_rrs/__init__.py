"""Resolution risk: how likely a market's own words are to end in an argument.

Reads rules text, source and UMA history of a market; never the clock, never the network. The
weights of the fitted model come with the package.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from polyframe import (
    Assessment,
    Context,
    MarketSpec,
    MarketState,
    MarketView,
    Plugin,
    Quote,
    Reading,
    ReportPeriod,
    Veto,
    hookimpl,
)
from polyframe_rrs.config import Config as Settings
from polyframe_rrs.model import TimingKind, Weights, shipped
from polyframe_rrs.score import Part, Score, explain, has_open_dispute
from polyframe_rrs.timing import kind_of

__all__ = [
    "Part",
    "Rrs",
    "Score",
    "Settings",
    "TimingKind",
    "Weights",
    "explain",
    "shipped",
]

_WEIGHT_KEYS = ("weight_ambiguity", "weight_dispute", "weight_time", "weight_clarification")
# More markets than the venue has open; the oldest reading is forgotten first.
_MOST_CACHED = 50_000


class _Reading(NamedTuple):
    spec: MarketSpec
    score: Score


class Rrs(Plugin):
    """Vetoes markets whose text scores above the limits; explains each score in the report."""

    Config = Settings
    api_versions = (1, 1)
    codes = ("rrs.disputed", "rrs.maker", "rrs.satellite", "rrs.close_window")

    def __init__(self, config: Settings, context: Context) -> None:
        super().__init__(config, context)
        self._readings: dict[str, _Reading] = {}
        self._weights = shipped()

    @hookimpl
    def pre_quote_veto(self, quote: Quote, market: MarketView) -> Sequence[Veto] | None:
        """Return rrs.disputed and the limit that the quote's component is held to."""
        score = self.score(market.spec).value
        vetoes: list[Veto] = []
        if market.state is MarketState.DISPUTED or has_open_dispute(market.spec):
            vetoes.append(Veto("rrs.disputed"))
        if quote.component == "satellite":
            code, limit = "rrs.satellite", self.config.max_satellite_score
        else:
            code, limit = "rrs.maker", self.config.max_maker_score
        if score > limit:
            vetoes.append(Veto(code, None, score, limit))
        limit = self.config.max_close_window_score
        if market.state is MarketState.CLOSE_WINDOW and score >= limit:
            vetoes.append(Veto("rrs.close_window", None, score, limit))
        return vetoes or None

    @hookimpl
    def explain_quote(self, quote: Quote, market: MarketView) -> Sequence[Reading]:
        """Return the score and the limit that the quote's component is held to."""
        is_satellite = quote.component == "satellite"
        config = self.config
        limit = config.max_satellite_score if is_satellite else config.max_maker_score
        return [Reading("score", self.score(market.spec).value, limit)]

    def assess(self, spec: MarketSpec) -> Assessment:
        """Return the score and its reasons in words, weightiest first."""
        score = self.score(spec)
        return Assessment(
            score.value,
            tuple(f"{part.name} {part.points:+.3f}: {part.because}" for part in score.parts),
        )

    def score(self, spec: MarketSpec) -> Score:
        """Return a market's score, read again only when what it is read from has changed."""
        known = self._readings.get(spec.market_id)
        if known is not None:
            if known.spec is spec:
                return known.score
            if _read_from(known.spec) == _read_from(spec):
                self._readings[spec.market_id] = _Reading(spec, known.score)
                return known.score
            del self._readings[spec.market_id]
        score = explain(spec, self.config, self._weights)
        if len(self._readings) >= _MOST_CACHED:
            del self._readings[next(iter(self._readings))]
        self._readings[spec.market_id] = _Reading(spec, score)
        return score

    @hookimpl
    def report_section(self, period: ReportPeriod) -> Mapping[str, Any] | None:
        """Return limits, the spread of the scores and the riskiest markets with their parts."""
        scores = sorted(
            ((market_id, reading.score) for market_id, reading in self._readings.items()),
            key=lambda item: (-item[1].value, item[0]),
        )
        values = sorted(score.value for _, score in scores)
        limit = self.config.max_maker_score
        return {
            "nulls": dict.fromkeys(("p10", "p50", "p90", "max"), "no market was scored"),
            **self._calibration(),
            "timing_risk": self._timing(),
            "max_maker_score": limit,
            "max_close_window_score": self.config.max_close_window_score,
            "markets_scored": len(values),
            "markets_refused": sum(value > limit for value in values),
            "markets_refused_in_close_window": sum(
                value >= self.config.max_close_window_score for value in values
            ),
            "quantiles": {
                name: round(values[int(share * (len(values) - 1))], 6) if values else None
                for name, share in (("p10", 0.1), ("p50", 0.5), ("p90", 0.9), ("max", 1.0))
            },
            "riskiest": [
                {
                    "market_id": market_id,
                    "score": round(score.value, 6),
                    "probability": round(score.probability, 6),
                    "rule_sum": round(score.rule_sum, 6),
                    "category": score.category,
                    "parts": [
                        {
                            "name": part.name,
                            "points": round(part.points, 6),
                            "because": part.because,
                        }
                        for part in score.parts
                    ],
                }
                for market_id, score in scores[: self.config.report_riskiest]
            ],
        }

    def _calibration(self) -> dict[str, Any]:
        """Return what stands behind the numbers: the model, its age, and its tests."""
        weights = self._weights
        tests = weights.evaluation
        are_fitted = all(
            getattr(self.config, name) == getattr(Settings(), name) for name in _WEIGHT_KEYS
        )
        return {
            "calibration": "calibrated" if are_fitted else "uncalibrated: group weights changed",
            "model": {
                "version": weights.version,
                "fitted_to": weights.fitted_to,
                "requests": weights.requests,
                "substantive_disputes": weights.positives,
                "time_split_test": tests["time_split"]["test"],
                "folds_by_event": tests["folds_by_event"]["rules_and_words"],
                "passes_its_gates": weights.gates,
                "gating_score": "model" if weights.gates else "model, and the rule sum by itself",
            },
        }

    def _timing(self) -> dict[str, Any]:
        """Return the rate of premature proposals by kind, with how many scored markets it has."""
        counts = Counter(kind_of(reading.spec) for reading in self._readings.values())
        return {
            kind: {"markets": counts[kind], "premature_rate": timing.rate}
            for kind, timing in self._weights.timing.items()
            if kind != "all"
        }


def _read_from(spec: MarketSpec) -> tuple[object, ...]:
    """Everything the score is read from: a refresh that changes only volumes keeps the score."""
    return (
        spec.rules,
        spec.question,
        spec.resolution_source,
        spec.uma_statuses,
        spec.category,
        spec.tags,
        spec.market_event_title,
        spec.group_item_title,
        spec.neg_risk_augmented,
        spec.end_ns is None,
        spec.game_start_ns is None,
    )
