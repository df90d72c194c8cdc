"""The default rule: clustered evidence, a shrunk mean, hysteresis and a probing recovery.

A market is ``ok``, ``toxic`` or ``probing`` (quant.md A3.3):

* ok -> toxic: ``P(theta < toxic_c)`` above ``toxic_probability`` with ``min_clusters``.
* toxic -> ok: that probability below ``release_probability``. While a market is toxic its
  evidence does not age, so only news (a late mid, a reversal, a new prior) releases it.
* toxic -> probing: after ``cool_down_h``. Only fills from here on count. The probe's prior is
  what was known, made as much less certain as markets differ: the market may have changed, but
  it has to show it.
* probing -> toxic: the same limit with ``early_clusters``, or the breaker trips. A new cool-down
  begins. probing -> ok: below ``release_probability``, with as many.

``mild`` is an ok market whose shrunk mean is below ``mild_c``, with ``early_clusters``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from polyframe import Reading
from polyframe_markout import clusters as means
from polyframe_markout.clusters import Cluster
from polyframe_markout.config import Config
from polyframe_markout.fills import horizon_name, samples
from polyframe_markout.priors import Prior, Priors
from polyframe_markout.statistics import Estimate, Posterior, shrink
from polyframe_markout.tracker import Tracker
from polyframe_markout.verdict import Trip, Verdict

NS_PER_H = 3_600_000_000_000
# A mid moves in half ticks, so a single markout is never known better than this.
_HALF_TICK_SD = 0.5 / math.sqrt(12)


@dataclass(slots=True)
class Episode:
    """Where a market stands: its phase, since when, and what its evidence starts from."""

    phase: str
    since_ns: int
    evidence_from_ns: int = 0
    probe_prior: tuple[float, float] | None = None
    observed_c: float = 0.0
    limit_c: float = 0.0
    probes: int = 0


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the evidence says of one market, in cents; estimates are None without clusters."""

    evidence: tuple[Cluster, ...]
    net: Estimate | None
    prior: Prior
    posterior: Posterior
    probability_toxic: float

    @property
    def clusters(self) -> int:
        """How many clusters there are."""
        return len(self.evidence)


class BayesRule:
    """Judges each market by its own clusters and its category's prior."""

    def __init__(self, tracker: Tracker, config: Config) -> None:
        self._tracker = tracker
        self._config = config
        self._gate = horizon_name(config.gating_horizon_s)
        self._evidence_ns = round(config.evidence_h * NS_PER_H)
        self._cool_down_ns = round(config.cool_down_h * NS_PER_H)
        self._priors = Priors(config)
        self._episodes: dict[str, Episode] = {}
        self._opinions: dict[str, tuple[tuple[Any, ...], Opinion]] = {}

    # --- what happens ----------------------------------------------------------------

    def look(self, market_id: str, now_ns: int, trip: Trip | None = None) -> None:
        """Let a market's phase follow its evidence and the time."""
        episode = self._episodes.get(market_id)
        if episode is None and not self._tracker.fills(market_id):
            return
        config = self._config
        opinion = self.opinion(market_id, now_ns)
        probability, mean_c = opinion.probability_toxic, opinion.posterior.mean
        has_few = opinion.clusters >= config.early_clusters
        is_bad = probability > config.toxic_probability
        if episode is None or episode.phase == "ok":
            if is_bad and opinion.clusters >= config.min_clusters:
                episode = episode or self._episodes.setdefault(market_id, Episode("ok", now_ns))
                self._condemn(episode, now_ns, mean_c, config.toxic_c)
        elif has_few and probability < config.release_probability:
            episode.phase, episode.since_ns, episode.probe_prior = "ok", now_ns, None
        elif episode.phase == "probing":
            if trip is not None:
                self._condemn(episode, now_ns, trip.observed_c, trip.limit_c)
            elif has_few and is_bad:
                self._condemn(episode, now_ns, mean_c, config.toxic_c)
        elif now_ns - episode.since_ns >= self._cool_down_ns:
            # A market differs from itself after a day about as much as markets differ.
            drift_c = self._priors.of(self._category(market_id)).sd_c
            episode.probe_prior = (mean_c, math.hypot(opinion.posterior.sd, drift_c))
            episode.phase, episode.since_ns, episode.evidence_from_ns = "probing", now_ns, now_ns
            episode.probes += 1

    def on_cycle(self, now_ns: int) -> None:
        """Fit the priors on a new UTC day; let cool-downs end where nobody asks."""
        if self._priors.is_due(now_ns):
            found = []
            for market_id in self._tracker.markets():
                net = self.opinion(market_id, now_ns).net
                if net is not None and net.count >= self._config.early_clusters:
                    found.append((self._category(market_id), net))
            self._priors.fit(found, now_ns)
        for market_id in tuple(self._episodes):
            self.look(market_id, now_ns)
            if self._is_forgotten(market_id, now_ns):
                del self._episodes[market_id]
        self._opinions = {
            market_id: known
            for market_id, known in self._opinions.items()
            if market_id in self._episodes or self._tracker.fills(market_id)
        }

    # --- what it means ---------------------------------------------------------------

    def verdict(self, market_id: str, now_ns: int) -> Verdict:
        """Return what to do with a market; changes nothing."""
        episode = self._episodes.get(market_id)
        if episode is not None and episode.phase != "ok":
            return Verdict(episode.phase, episode.observed_c, episode.limit_c)
        if not self._tracker.fills(market_id):
            return Verdict("ok")
        opinion, mild_c = self.opinion(market_id, now_ns), self._config.mild_c
        if opinion.clusters >= self._config.early_clusters and opinion.posterior.mean < mild_c:
            return Verdict("mild", opinion.posterior.mean, mild_c)
        return Verdict("ok")

    def readings(self, market_id: str, now_ns: int) -> list[Reading]:
        """Return the shrunken mean markout in cents and the clusters behind it; changes nothing."""
        if not self._tracker.fills(market_id):
            return []
        opinion = self.opinion(market_id, now_ns)
        return [
            Reading("markout_c", opinion.posterior.mean, self._config.toxic_c),
            Reading("clusters", opinion.clusters),
        ]

    def cluster_verdict(self, cluster_id: str, now_ns: int) -> Verdict:
        """Return ok: markets of a cluster share a prior, not a verdict."""
        return Verdict("ok")

    def opinion(self, market_id: str, now_ns: int) -> Opinion:
        """Return what the evidence says now; computed anew when a sample came in."""
        episode = self._episodes.get(market_id)
        since_ns = self._since_ns(episode, now_ns)
        probe_prior = None if episode is None else episode.probe_prior
        state = (
            self._tracker.revision_of(market_id, self._gate),
            self._priors.revision,
            since_ns,
            probe_prior,
        )
        known = self._opinions.get(market_id)
        if known is not None and known[0] == state:
            return known[1]
        if probe_prior is not None:
            prior = Prior(*probe_prior, "probe")
        else:
            prior = self._priors.of(self._category(market_id))
        opinion = self._opinion(market_id, since_ns, prior)
        self._opinions[market_id] = (state, opinion)
        return opinion

    def row(self, market_id: str, now_ns: int) -> dict[str, Any]:
        """Return the evidence on one market for the report; cents, net unless named gross."""
        opinion = self.opinion(market_id, now_ns)
        episode = self._episodes.get(market_id)
        gross, net = means.gross_c(opinion.evidence), opinion.net
        return {
            "evidence_clusters": opinion.clusters,
            "gross_mean_c": None if gross is None else gross.mean,
            "net_mean_c": None if net is None else net.mean,
            "net_se_c": None if net is None else net.se,
            "prior": opinion.prior.source,
            "prior_mean_c": opinion.prior.mean_c,
            "prior_sd_c": opinion.prior.sd_c,
            "posterior_mean_c": opinion.posterior.mean,
            "posterior_sd_c": opinion.posterior.sd,
            "weight_of_data": opinion.posterior.weight,
            "probability_toxic": opinion.probability_toxic,
            "phase_since_ns": None if episode is None else episode.since_ns,
            "probes": 0 if episode is None else episode.probes,
        }

    def judged(self) -> tuple[str, ...]:
        """Return the markets that have been toxic, whether or not their fills are kept."""
        return tuple(sorted(self._episodes))

    def as_document(self) -> dict[str, Any]:
        """Return phases and priors as JSON-ready data."""
        return {
            "priors": self._priors.as_document(),
            "episodes": {
                market_id: [getattr(episode, name) for name in Episode.__slots__]
                for market_id, episode in self._episodes.items()
            },
        }

    def restore(self, document: Mapping[str, Any]) -> None:
        """Take back what :meth:`as_document` gave."""
        if "priors" in document:
            self._priors.restore(document["priors"])
        for market_id, row in document.get("episodes", {}).items():
            episode = Episode(*row)
            if episode.probe_prior is not None:
                mean_c, sd_c = episode.probe_prior
                episode.probe_prior = (mean_c, sd_c)
            self._episodes[market_id] = episode

    # --- inside ----------------------------------------------------------------------

    def _condemn(self, episode: Episode, now_ns: int, observed_c: float, limit_c: float) -> None:
        episode.phase, episode.since_ns = "toxic", now_ns
        episode.observed_c, episode.limit_c = observed_c, limit_c

    def _opinion(self, market_id: str, since_ns: int, prior: Prior) -> Opinion:
        config = self._config
        fills = self._tracker.fills(market_id)
        found = means.clustered(samples(fills, self._gate, since_ns), config.cluster_gap_s)
        least_sd_c = fills[-1].tick_e4 / 100 * _HALF_TICK_SD if fills else 0.0
        net = means.net_c(found, least_sd_c)
        if net is None or net.se is None:
            posterior = Posterior(prior.mean_c, prior.sd_c, 0.0)
        else:
            posterior = shrink(net.mean, net.se, prior.mean_c, prior.sd_c)
        return Opinion(
            evidence=tuple(found),
            net=net,
            prior=prior,
            posterior=posterior,
            probability_toxic=posterior.probability_below(config.toxic_c),
        )

    def _since_ns(self, episode: Episode | None, now_ns: int) -> int:
        """Return from when on fills are evidence; moves by the hour, not at all while toxic."""
        if episode is None:
            return now_ns // NS_PER_H * NS_PER_H - self._evidence_ns
        anchor_ns = episode.since_ns if episode.phase == "toxic" else now_ns
        return max(episode.evidence_from_ns, anchor_ns // NS_PER_H * NS_PER_H - self._evidence_ns)

    def _category(self, market_id: str) -> str:
        fills = self._tracker.fills(market_id)
        return fills[-1].category if fills else ""

    def _is_forgotten(self, market_id: str, now_ns: int) -> bool:
        """Whether an ok market's past no longer bears on anything."""
        episode = self._episodes[market_id]
        return episode.phase == "ok" and now_ns - episode.since_ns > self._evidence_ns
