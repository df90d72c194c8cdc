"""QS thresholds and weights, each with unit, bounds and meaning."""

from __future__ import annotations

from typing import Annotated

from polyframe import Config as PluginConfig
from polyframe import setting


class Config(PluginConfig, frozen=True, kw_only=True):
    """Settings of the vetoes and of the score (README.md gives the formulas).

    The oldest quotable book is not here: it is the runtime's, and every market carries it.
    """

    near_close_h: Annotated[
        float,
        setting(
            "time to close below which a jump vetoes; unknown counts as below",
            unit="h",
            ge=0,
            production_min=48.0,
        ),
    ] = 48.0
    near_close_jump: Annotated[
        float,
        setting(
            "range of the last hour's mid that vetoes near the close",
            unit="price",
            ge=0,
            le=1,
            production_max=0.05,
        ),
    ] = 0.05
    min_liquidity_usd: Annotated[
        float,
        setting("least money resting near the touch", unit="usd", ge=0, production_min=500.0),
    ] = 500.0
    liquidity_within_c: Annotated[
        float,
        setting(
            "how far from each side's best price resting money counts",
            unit="cents",
            gt=0,
            le=50,
            production_max=10.0,
        ),
    ] = 10.0
    depth_weight: Annotated[float, setting("weight of depth", unit="share", ge=0, le=1)] = 0.35
    churn_weight: Annotated[float, setting("weight of calm", unit="share", ge=0, le=1)] = 0.25
    jump_weight: Annotated[float, setting("weight of no jumps", unit="share", ge=0, le=1)] = 0.20
    resolution_weight: Annotated[
        float, setting("weight of time to close", unit="share", ge=0, le=1)
    ] = 0.20
    depth_scale_usd: Annotated[float, setting("depth that scores one half", unit="usd", gt=0)] = (
        2000.0
    )
    depth_near_share: Annotated[
        float, setting("how much money within 1 cent of mid counts", unit="share", ge=0, le=1)
    ] = 1.0
    depth_middle_share: Annotated[
        float, setting("how much money 1 to 2 cents from mid counts", unit="share", ge=0, le=1)
    ] = 1.0
    depth_far_share: Annotated[
        float, setting("how much money 2 to 3 cents from mid counts", unit="share", ge=0, le=1)
    ] = 1.0
    jump_scale: Annotated[
        float, setting("how hard a jump is punished: 1/(1 + scale x jump)", unit="ratio", gt=0)
    ] = 10.0
    resolution_long_h: Annotated[
        float, setting("time to close that counts as long", unit="h", ge=0)
    ] = 168.0
    resolution_medium_h: Annotated[
        float, setting("time to close that counts as medium", unit="h", ge=0)
    ] = 72.0
    resolution_short_h: Annotated[
        float, setting("time to close that counts as short; below it is near", unit="h", ge=0)
    ] = 48.0
    resolution_long: Annotated[
        float, setting("resolution term of a long market", unit="score", ge=0, le=1)
    ] = 1.0
    resolution_medium: Annotated[
        float, setting("resolution term of a medium market", unit="score", ge=0, le=1)
    ] = 0.8
    resolution_short: Annotated[
        float, setting("resolution term of a short market", unit="score", ge=0, le=1)
    ] = 0.6
    resolution_near: Annotated[
        float, setting("resolution term of a market near its close", unit="score", ge=0, le=1)
    ] = 0.4
    edge_weight: Annotated[
        float,
        setting(
            "weight of the expected net edge; the other terms share the rest",
            unit="share",
            ge=0,
            le=1,
        ),
    ] = 0.0
    edge_scale: Annotated[
        float, setting("net edge per dollar and day that scores three quarters", unit="usd", gt=0)
    ] = 0.005
    edge_capital_usd: Annotated[
        float, setting("capital of the quote whose edge is expected", unit="usd", gt=0)
    ] = 100.0
    edge_distance_c: Annotated[
        float, setting("distance of that quote from the mid", unit="cents", gt=0, le=25)
    ] = 2.0
    edge_participation: Annotated[
        float, setting("part of the daily volume that fills it", unit="share", ge=0, le=1)
    ] = 0.01
    edge_max_turns: Annotated[
        float, setting("most times a day that it fills whole", unit="count", ge=0)
    ] = 10.0
    edge_impact_share: Annotated[
        float,
        setting(
            "part of the half-spread that adverse selection takes back (assumed)",
            unit="share",
            ge=0,
            le=5,
        ),
    ] = 0.9
    edge_uptime: Annotated[
        float, setting("part of the day that it rests", unit="share", ge=0, le=1)
    ] = 0.9
    edge_loss_usd: Annotated[
        float, setting("loss budget that prices its inventory", unit="usd", gt=0)
    ] = 50.0
    edge_trouble_share: Annotated[
        float,
        setting(
            "part of what is held that a troubled resolution costs on average",
            unit="share",
            ge=0,
            le=1,
        ),
    ] = 0.005
