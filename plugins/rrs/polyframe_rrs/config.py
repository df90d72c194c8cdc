"""The settings of the resolution risk score: limits and weights, with units and floors."""

from __future__ import annotations

import math
from typing import Annotated

from polyframe import Config as PluginConfig
from polyframe import setting


class Config(PluginConfig, frozen=True):
    """Limits of the vetoes and weights of the four groups of the score.

    Raises:
        ValueError: the four weights do not sum to 1 (a score must stay within 0..1).
    """

    max_maker_score: Annotated[
        float,
        setting(
            "a market scoring above this is not quoted",
            unit="score",
            ge=0,
            le=1,
            production_max=0.35,
        ),
    ] = 0.35
    max_satellite_score: Annotated[
        float,
        setting(
            "a market scoring above this takes no satellite trade",
            unit="score",
            ge=0,
            le=1,
            production_max=0.25,
        ),
    ] = 0.25
    max_close_window_score: Annotated[
        float,
        setting(
            "in CLOSE_WINDOW a market scoring this or more is not quoted",
            unit="score",
            ge=0,
            le=1,
            production_max=0.15,
        ),
    ] = 0.15
    weight_ambiguity: Annotated[
        float,
        setting(
            "share of the score given to wording and source",
            unit="share",
            ge=0,
            le=1,
            production_min=0.2,
        ),
    ] = 0.40
    weight_dispute: Annotated[
        float,
        setting(
            "share of the score given to what makes disputes likely",
            unit="share",
            ge=0,
            le=1,
            production_min=0.15,
        ),
    ] = 0.30
    weight_time: Annotated[
        float,
        setting(
            "share of the score given to a missing or incomplete deadline",
            unit="share",
            ge=0,
            le=1,
            production_min=0.1,
        ),
    ] = 0.20
    weight_clarification: Annotated[
        float,
        setting(
            "share of the score given to clarifications added after launch",
            unit="share",
            ge=0,
            le=1,
            production_min=0.05,
        ),
    ] = 0.10
    report_riskiest: Annotated[
        int, setting("markets listed with their parts in the report", unit="count", ge=0, le=100)
    ] = 10

    def __post_init__(self) -> None:
        total = math.fsum(
            (
                self.weight_ambiguity,
                self.weight_dispute,
                self.weight_time,
                self.weight_clarification,
            )
        )
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"the four weights must sum to 1, not {total:g}")
