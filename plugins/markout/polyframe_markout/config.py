"""The settings of markout measurement and of the toxicity rule."""

from __future__ import annotations

from typing import Annotated

from polyframe import Config as PluginConfig
from polyframe import setting


class Config(PluginConfig, frozen=True):
    """Horizons, the discard rule, and the limits of the rolling mean.

    Raises:
        ValueError: horizons not positive and increasing, the gating horizon not among them,
            or a mild limit below the toxic one.
    """

    horizons_s: Annotated[
        tuple[float, ...], setting("times after a fill at which the mid is compared", unit="s")
    ] = (30.0, 120.0, 600.0)
    gating_horizon_s: Annotated[
        float, setting("the horizon the toxicity rule looks at", unit="s", gt=0)
    ] = 120.0
    max_mid_age_s: Annotated[
        float,
        setting(
            "a mid further than this from the horizon is discarded",
            unit="s",
            gt=0,
            production_max=5.0,
        ),
    ] = 5.0
    window_fills: Annotated[
        int, setting("latest fills in the rolling mean", unit="count", ge=1, le=10000)
    ] = 100
    window_h: Annotated[
        float,
        setting(
            "fills older than this leave the mean: a vetoed market is tried again",
            unit="h",
            gt=0,
            production_min=24.0,
        ),
    ] = 24.0
    min_fills: Annotated[
        int,
        setting("fills before a market is judged", unit="count", ge=1, production_max=20),
    ] = 20
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
    min_cluster_fills: Annotated[
        int,
        setting("fills before a cluster is judged", unit="count", ge=1, production_max=30),
    ] = 30
    toxic_cluster_c: Annotated[
        float,
        setting(
            "no market of a cluster whose mean markout is below this is quoted",
            unit="cents",
            le=0,
            production_min=-0.15,
        ),
    ] = -0.15
    mild_band_factor: Annotated[
        float,
        setting("distance from fair is multiplied by this when mild", unit="ratio", ge=1, le=10),
    ] = 1.5
    mild_size_factor: Annotated[
        float, setting("sizes are multiplied by this when mild", unit="ratio", gt=0, le=1)
    ] = 0.5
    keep_h: Annotated[
        float, setting("measured fills are kept this long for the report", unit="h", ge=24)
    ] = 48.0

    def __post_init__(self) -> None:
        horizons = self.horizons_s
        if not horizons or horizons[0] <= 0 or sorted(set(horizons)) != list(horizons):
            raise ValueError("horizons_s must be positive and increasing")
        if self.gating_horizon_s not in horizons:
            raise ValueError("gating_horizon_s must be one of horizons_s")
        if self.mild_c < self.toxic_c:
            raise ValueError("mild_c must not be below toxic_c")
        if self.keep_h < self.window_h:
            raise ValueError("keep_h must not be below window_h")
