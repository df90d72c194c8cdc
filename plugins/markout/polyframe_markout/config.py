"""The settings of markout measurement and of the two toxicity rules."""

from __future__ import annotations

from typing import Annotated, Literal

from polyframe import Config as PluginConfig
from polyframe import setting


class Config(PluginConfig, frozen=True):
    """Horizons and the discard rule; the limits of ``bayes`` and ``mean``; the fast breaker.

    Raises:
        ValueError: horizons not positive and increasing, the gating or the breaker's horizon not
            among them, limits in the wrong order, or fills kept for less long than they count.
    """

    # --- measuring -------------------------------------------------------------------

    rule: Annotated[
        Literal["bayes", "mean"],
        setting("how a market is judged: clustered and shrunk, or a rolling mean", unit="name"),
    ] = "bayes"
    horizons_s: Annotated[
        tuple[float, ...], setting("times after a fill at which the mid is compared", unit="s")
    ] = (30.0, 120.0, 600.0)
    gating_horizon_s: Annotated[
        float, setting("the horizon the toxicity rule looks at", unit="s", gt=0)
    ] = 120.0
    measure_resolution: Annotated[
        bool, setting("also compare fills with the payout of resolved markets", unit="switch")
    ] = False
    max_mid_age_s: Annotated[
        float,
        setting(
            "a mid further than this from the horizon is discarded",
            unit="s",
            gt=0,
            production_max=5.0,
        ),
    ] = 5.0
    cluster_gap_s: Annotated[
        float,
        setting(
            "fills this close, on one side of one event, are one piece of evidence",
            unit="s",
            ge=0,
            production_min=60.0,
        ),
    ] = 60.0
    keep_h: Annotated[
        float, setting("measured fills are kept this long, for rule and report", unit="h", ge=24)
    ] = 192.0

    # --- both rules ------------------------------------------------------------------

    toxic_c: Annotated[
        float,
        setting(
            "a market whose mean markout is below this is not quoted",
            unit="cents",
            le=0,
            production_min=-0.2,
        ),
    ] = -0.2
    mild_c: Annotated[
        float,
        setting(
            "a market whose mean markout is below this is quoted wider and smaller",
            unit="cents",
            le=0,
            production_min=-0.1,
        ),
    ] = -0.1
    mild_band_factor: Annotated[
        float,
        setting("distance from fair is multiplied by this when mild", unit="ratio", ge=1, le=10),
    ] = 1.5
    mild_size_factor: Annotated[
        float, setting("sizes are multiplied by this when mild", unit="ratio", gt=0, le=1)
    ] = 0.5

    # --- rule bayes ------------------------------------------------------------------

    evidence_h: Annotated[
        float, setting("bayes: fills older than this are no evidence", unit="h", ge=24)
    ] = 168.0
    min_clusters: Annotated[
        int,
        setting(
            "bayes: clusters before a market is called toxic", unit="count", ge=2, production_max=20
        ),
    ] = 20
    early_clusters: Annotated[
        int,
        setting(
            "bayes: clusters before a market is called mild, ends a probe or counts in a prior",
            unit="count",
            ge=2,
            production_min=5,
            production_max=20,
        ),
    ] = 5
    toxic_probability: Annotated[
        float,
        setting(
            "bayes: toxic when the mean is below the limit with more than this probability",
            unit="share",
            gt=0,
            lt=1,
            production_max=0.9,
        ),
    ] = 0.9
    release_probability: Annotated[
        float,
        setting(
            "bayes: released when that probability is below this",
            unit="share",
            gt=0,
            lt=1,
            production_max=0.6,
        ),
    ] = 0.6
    cool_down_h: Annotated[
        float,
        setting(
            "bayes: a toxic market is probed after this long", unit="h", gt=0, production_min=24.0
        ),
    ] = 24.0
    probe_size_factor: Annotated[
        float,
        setting(
            "bayes: sizes are multiplied by this in a probe",
            unit="ratio",
            gt=0,
            le=1,
            production_max=0.25,
        ),
    ] = 0.25
    prior_mean_c: Annotated[
        float,
        setting(
            "bayes: mean of the prior until one can be fitted",
            unit="cents",
            le=5,
            production_max=0.1,
        ),
    ] = 0.0
    prior_sd_c: Annotated[
        float, setting("bayes: its standard deviation", unit="cents", gt=0, le=10)
    ] = 0.3
    prior_sd_floor_c: Annotated[
        float, setting("bayes: least standard deviation of a fitted prior", unit="cents", gt=0)
    ] = 0.05
    prior_markets: Annotated[
        int, setting("bayes: markets before a prior is fitted to them", unit="count", ge=2)
    ] = 5

    # --- the fast breaker, under either rule -------------------------------------------

    breaker_horizon_s: Annotated[
        float, setting("the horizon the breaker looks at", unit="s", gt=0)
    ] = 30.0
    breaker_clusters: Annotated[
        int, setting("bad clusters that pause a market", unit="count", ge=1, production_max=3)
    ] = 3
    breaker_c: Annotated[
        float,
        setting(
            "a cluster whose markout is below this is bad", unit="cents", le=0, production_min=-2.0
        ),
    ] = -2.0
    breaker_window_s: Annotated[
        float,
        setting("bad clusters this close together count", unit="s", gt=0, production_min=600.0),
    ] = 600.0
    breaker_pause_s: Annotated[
        float, setting("length of the pause", unit="s", gt=0, production_min=900.0)
    ] = 900.0

    # --- rule mean ---------------------------------------------------------------------

    window_fills: Annotated[
        int, setting("mean: latest fills in the rolling mean", unit="count", ge=1, le=10000)
    ] = 100
    window_h: Annotated[
        float,
        setting(
            "mean: fills older than this leave it, so that a vetoed market is tried again",
            unit="h",
            gt=0,
            production_min=24.0,
        ),
    ] = 24.0
    min_fills: Annotated[
        int,
        setting("mean: fills before a market is judged", unit="count", ge=1, production_max=20),
    ] = 20
    min_cluster_fills: Annotated[
        int,
        setting("mean: fills before a cluster is judged", unit="count", ge=1, production_max=30),
    ] = 30
    toxic_cluster_c: Annotated[
        float,
        setting(
            "mean: no market of a cluster whose mean markout is below this is quoted",
            unit="cents",
            le=0,
            production_min=-0.15,
        ),
    ] = -0.15

    def __post_init__(self) -> None:
        horizons = self.horizons_s
        if not horizons or horizons[0] <= 0 or sorted(set(horizons)) != list(horizons):
            raise ValueError("horizons_s must be positive and increasing")
        if self.gating_horizon_s not in horizons:
            raise ValueError("gating_horizon_s must be one of horizons_s")
        if self.breaker_horizon_s not in horizons:
            raise ValueError("breaker_horizon_s must be one of horizons_s")
        if self.mild_c < self.toxic_c:
            raise ValueError("mild_c must not be below toxic_c")
        if self.release_probability > self.toxic_probability:
            raise ValueError("release_probability must not be above toxic_probability")
        if self.early_clusters > self.min_clusters:
            raise ValueError("early_clusters must not be above min_clusters")
        # What condemned a market must still be there when it is probed.
        if self.keep_h < max(self.window_h, self.evidence_h + self.cool_down_h):
            raise ValueError("keep_h must not be below window_h, nor evidence_h + cool_down_h")
