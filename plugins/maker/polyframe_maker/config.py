"""The maker's thresholds, each with unit, bounds and meaning."""

from __future__ import annotations

from typing import Annotated, Literal

from polyframe import Config as PluginConfig
from polyframe import setting


class Config(PluginConfig, frozen=True, kw_only=True):
    """Settings of the ``classic`` policy (README.md gives the formulas)."""

    policy: Annotated[Literal["classic"], setting("how quotes are computed", unit="name")] = (
        "classic"
    )
    half_width: Annotated[
        float,
        setting("half width of the band around the mid", unit="price", ge=0.0005, le=0.25),
    ] = 0.015
    outside: Annotated[
        float, setting("how far outside the band quotes rest", unit="price", ge=0, le=0.1)
    ] = 0.005
    churn_above_per_s: Annotated[
        float, setting("book updates a second above which the band widens", unit="per_s", ge=0)
    ] = 0.5
    churn_widening: Annotated[
        float, setting("band factor above that churn", unit="ratio", ge=1, le=10)
    ] = 1.5
    jump_above: Annotated[
        float,
        setting(
            "range of the last hour's mid above which the band widens", unit="price", ge=0, le=1
        ),
    ] = 0.03
    jump_widening: Annotated[
        float, setting("band factor above that jump", unit="ratio", ge=1, le=10)
    ] = 1.3
    close_below_h: Annotated[
        float,
        setting(
            "time to close below which the band widens; unknown counts as below", unit="h", ge=0
        ),
    ] = 72.0
    close_widening: Annotated[
        float, setting("band factor that close to the end", unit="ratio", ge=1, le=10)
    ] = 1.4
    skew_max: Annotated[
        float, setting("shift of both quotes at full inventory", unit="price", ge=0, le=0.1)
    ] = 0.01
    market_cap_share: Annotated[
        float,
        setting(
            "share of equity that is full inventory in one market (portfolio_risk has the cap)",
            unit="share",
            gt=0,
            le=1,
            production_max=0.01,
        ),
    ] = 0.01
    base_usd: Annotated[
        float, setting("most a side may lose if it fills whole", unit="usd", gt=0)
    ] = 50.0
    size_cut: Annotated[
        float,
        setting(
            "share of the adding side's size given up at full inventory", unit="share", ge=0, le=1
        ),
    ] = 0.7
