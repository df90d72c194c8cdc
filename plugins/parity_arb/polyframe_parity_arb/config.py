"""What a parity trade must earn, how sure its crossing must be, and what it may cost."""

from __future__ import annotations

from typing import Annotated

from polyframe import Config as PluginConfig
from polyframe import setting


class Config(PluginConfig, frozen=True, kw_only=True):
    """Settings of the parity trades (README.md gives the rules).

    Raises:
        ValueError: a market could be tried again while its trade is still under way.
    """

    min_edge: Annotated[
        float,
        setting(
            "least gain a share at every level taken, after both fees",
            unit="price",
            ge=0,
            le=0.5,
            production_min=0.005,
        ),
    ] = 0.005
    max_book_age_s: Annotated[
        float,
        setting("oldest book that is taken from", unit="s", gt=0, le=600, production_max=5.0),
    ] = 5.0
    min_crossed_s: Annotated[
        float,
        setting("a book crossed for less is taken for a feed artefact", unit="s", ge=0, le=60),
    ] = 0.2
    min_crossed_messages: Annotated[
        int,
        setting(
            "messages that must have shown the book crossed, the first included",
            unit="count",
            ge=1,
            production_min=2,
        ),
    ] = 2
    legs_within_s: Annotated[
        float,
        setting(
            "both legs filled within this, else the first is unwound",
            unit="s",
            gt=0,
            le=60,
            production_max=5.0,
        ),
    ] = 5.0
    retry_s: Annotated[
        float,
        setting("time between two trades proposed in one market", unit="s", gt=0, le=3600),
    ] = 10.0
    taker_budget_share: Annotated[
        float,
        setting(
            "most that pairs held and under way may have cost, as a share of equity",
            unit="share",
            ge=0,
            le=1,
            production_max=0.05,
        ),
    ] = 0.05
    market_cap_share: Annotated[
        float,
        setting(
            "most one leg alone may add to a market's worst-case loss, as a share of equity "
            "(portfolio_risk has the cap)",
            unit="share",
            gt=0,
            le=1,
            production_max=0.01,
        ),
    ] = 0.01
    min_leg_usd: Annotated[
        float, setting("smallest leg worth sending", unit="usd", ge=0, le=1000)
    ] = 1.0
    max_levels: Annotated[
        int, setting("levels of each side that are walked", unit="count", ge=1, le=1000)
    ] = 20

    def __post_init__(self) -> None:
        if self.retry_s < self.legs_within_s:
            raise ValueError(
                f"retry_s is {self.retry_s:g}, shorter than legs_within_s ({self.legs_within_s:g})"
            )
