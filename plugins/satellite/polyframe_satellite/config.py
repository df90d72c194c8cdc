"""Which predictions are traded, how large, and when a position is given up."""

from __future__ import annotations

from typing import Annotated, Literal

from polyframe import Config as PluginConfig
from polyframe import setting


class Config(PluginConfig, frozen=True, kw_only=True):
    """Settings of the satellite (README.md gives the rules and the file's format)."""

    predictions_file: Annotated[
        str,
        setting(
            "JSON lines file of predictions, from the working directory; empty trades nothing",
            unit="name",
        ),
    ] = ""
    min_edge: Annotated[
        float,
        setting(
            "least probability above what a share costs, fee included",
            unit="price",
            gt=0,
            le=1,
            production_min=0.15,
        ),
    ] = 0.15
    exit_edge: Annotated[
        float,
        setting(
            "sold when holding is worth less than this more than selling", unit="price", ge=0, le=1
        ),
    ] = 0.02
    exit_within: Annotated[
        float,
        setting(
            "levels this far from the best are taken when a prediction has expired",
            unit="price",
            ge=0,
            le=1,
        ),
    ] = 0.05
    min_robustness: Annotated[
        int,
        setting("least robustness, 0 to 5", unit="count", ge=0, le=5, production_min=4),
    ] = 4
    worst_tier: Annotated[
        Literal["A", "B", "C"], setting("worst tier that is traded", unit="name")
    ] = "B"
    min_confidence: Annotated[
        float, setting("least confidence the file must state", unit="score", ge=0, le=1)
    ] = 0.0
    min_liquidity_usd: Annotated[
        float,
        setting(
            "least money resting near the touch, both sides together",
            unit="usd",
            ge=0,
            production_min=1000.0,
        ),
    ] = 1000.0
    liquidity_within_c: Annotated[
        float,
        setting("how near the touch that money must rest", unit="cents", gt=0, le=100),
    ] = 10.0
    max_book_age_s: Annotated[
        float,
        setting("oldest book that is taken from", unit="s", gt=0, le=600, production_max=5.0),
    ] = 5.0
    kelly_share: Annotated[
        float,
        setting(
            "share of the Kelly fraction staked", unit="share", gt=0, le=1, production_max=0.25
        ),
    ] = 0.25
    shrink_share: Annotated[
        float,
        setting(
            "how far a probability is moved towards the mid before sizing",
            unit="share",
            ge=0,
            le=1,
            production_min=0.5,
        ),
    ] = 0.5
    budget_share: Annotated[
        float,
        setting(
            "most that all positions may have cost, as a share of equity",
            unit="share",
            ge=0,
            le=1,
            production_max=0.15,
        ),
    ] = 0.15
    market_cap_share: Annotated[
        float,
        setting(
            "most a market may lose with the position, as a share of equity "
            "(portfolio_risk has the cap)",
            unit="share",
            gt=0,
            le=1,
            production_max=0.01,
        ),
    ] = 0.01
    min_order_usd: Annotated[
        float, setting("smallest order worth sending", unit="usd", ge=0, le=1000)
    ] = 1.0
    order_within_s: Annotated[
        float, setting("time an order has to fill", unit="s", gt=0, le=60)
    ] = 5.0
    retry_s: Annotated[
        float,
        setting("time between two orders proposed in one market", unit="s", gt=0, le=86400),
    ] = 60.0
    max_levels: Annotated[
        int, setting("levels of a side that are walked", unit="count", ge=1, le=1000)
    ] = 20
