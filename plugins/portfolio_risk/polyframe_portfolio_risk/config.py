"""Risk limits, each with unit, bounds, meaning and production floor."""

from __future__ import annotations

from typing import Annotated

from polyframe import Config as PluginConfig
from polyframe import setting


class Config(PluginConfig, frozen=True, kw_only=True):
    """Limits on worst-case loss and on spending, as shares of equity, and when trading halts."""

    market_cap_share: Annotated[
        float,
        setting(
            "largest worst-case loss in one market",
            unit="share",
            ge=0,
            le=1,
            production_max=0.01,
        ),
    ] = 0.01
    cluster_cap_share: Annotated[
        float,
        setting(
            "largest worst-case loss in markets that move together",
            unit="share",
            ge=0,
            le=1,
            production_max=0.12,
        ),
    ] = 0.12
    aggregate_cap_share: Annotated[
        float,
        setting(
            "largest worst-case loss of the whole account",
            unit="share",
            ge=0,
            le=1,
            production_max=0.40,
        ),
    ] = 0.40
    taker_budget_share: Annotated[
        float,
        setting(
            "most that arb, taker and any unknown component may have spent, at cost",
            unit="share",
            ge=0,
            le=1,
            production_max=0.05,
        ),
    ] = 0.05
    satellite_budget_share: Annotated[
        float,
        setting(
            "most that component satellite may have spent, at cost",
            unit="share",
            ge=0,
            le=1,
            production_max=0.15,
        ),
    ] = 0.15
    near_close_h: Annotated[
        float,
        setting(
            "time to close below which caps and budgets shrink; unknown counts as below",
            unit="h",
            ge=0,
            production_min=48.0,
        ),
    ] = 48.0
    near_close_factor: Annotated[
        float,
        setting(
            "caps and budgets times this near the close",
            unit="ratio",
            ge=0,
            le=1,
            production_max=0.5,
        ),
    ] = 0.5
    watch_factor: Annotated[
        float,
        setting(
            "caps and budgets times this in state WATCH",
            unit="ratio",
            ge=0,
            le=1,
            production_max=0.8,
        ),
    ] = 0.8
    close_window_factor: Annotated[
        float,
        setting(
            "caps and budgets times this in state CLOSE_WINDOW",
            unit="ratio",
            ge=0,
            le=1,
            production_max=0.5,
        ),
    ] = 0.5
    headroom_use: Annotated[
        float,
        setting(
            "share of a cap that new risk may use; what rests may use it whole, so that a "
            "small loss of equity does not pull every quote. Of a budget, what a trade of "
            "several legs may begin within",
            unit="share",
            gt=0,
            le=1,
        ),
    ] = 0.95
    daily_loss_share: Annotated[
        float,
        setting(
            "loss since the day's start, of its equity, that halts",
            unit="share",
            gt=0,
            le=1,
            production_max=0.05,
        ),
    ] = 0.05
    drawdown_share: Annotated[
        float,
        setting(
            "fall from the peak, of the peak, that halts",
            unit="share",
            gt=0,
            le=1,
            production_max=0.15,
        ),
    ] = 0.15
    resume_after_halt: Annotated[
        int,
        setting(
            "number of the halt the operator has read and resumes from (the log names it)",
            unit="count",
            ge=0,
        ),
    ] = 0
