"""What is believed of a market before it has fills of its own (quant.md A3.3).

The prior is the market's category, where enough of its markets have evidence, else all markets
together, else the one in the settings. Fitted once a UTC day, so that yesterday's verdicts do
not move with every fill of somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from polyframe_markout.config import Config
from polyframe_markout.statistics import Estimate, between_market_tau, pooled_mean

NS_PER_DAY = 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class Prior:
    """Mean and standard deviation of true means across markets, in cents, net of rebates.

    ``source`` is ``category``, ``global``, ``settings`` or ``probe``; ``markets`` were fitted.
    """

    mean_c: float
    sd_c: float
    source: str
    markets: int = 0


class Priors:
    """The priors of the day. ``revision`` grows with each fit."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._default = Prior(config.prior_mean_c, config.prior_sd_c, "settings")
        self._overall: Prior | None = None
        self._by_category: dict[str, Prior] = {}
        self._fitted_day = -1
        self.revision = 0

    def of(self, category: str) -> Prior:
        """Return the prior of a category's markets."""
        return self._by_category.get(category) or self._overall or self._default

    def is_due(self, now_ns: int) -> bool:
        """Whether no fit was made on this UTC day."""
        return now_ns // NS_PER_DAY != self._fitted_day

    def fit(self, estimates: Iterable[tuple[str, Estimate]], now_ns: int) -> None:
        """Fit to ``(category, net estimate)`` of every market with evidence, in a fixed order."""
        self._fitted_day = now_ns // NS_PER_DAY
        self.revision += 1
        by_category: dict[str, list[Estimate]] = {}
        for category, estimate in estimates:
            if estimate.se is not None and estimate.se > 0:
                by_category.setdefault(category, []).append(estimate)
        every = [one for category in sorted(by_category) for one in by_category[category]]
        self._overall = self._fitted(every, "global")
        self._by_category = {
            category: prior
            for category in sorted(by_category)
            if (prior := self._fitted(by_category[category], "category")) is not None
        }

    def _fitted(self, estimates: list[Estimate], source: str) -> Prior | None:
        if len(estimates) < self._config.prior_markets:
            return None
        means = [one.mean for one in estimates]
        ses = [one.se for one in estimates if one.se is not None]
        tau = between_market_tau(means, ses, self._config.prior_sd_floor_c)
        return Prior(pooled_mean(means, ses, tau), tau, source, len(estimates))

    def as_document(self) -> dict[str, Any]:
        """Return the fit as JSON-ready data."""
        return {
            "day": self._fitted_day,
            "overall": None if self._overall is None else _row(self._overall),
            "categories": {name: _row(prior) for name, prior in self._by_category.items()},
        }

    def restore(self, document: Mapping[str, Any]) -> None:
        """Take back what :meth:`as_document` gave."""
        self._fitted_day = document["day"]
        self._overall = Prior(*document["overall"]) if document["overall"] else None
        self._by_category = {
            name: Prior(*row) for name, row in sorted(document["categories"].items())
        }


def _row(prior: Prior) -> list[Any]:
    return [prior.mean_c, prior.sd_c, prior.source, prior.markets]
