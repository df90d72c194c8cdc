"""The settings of the truth report: what is shown, and from when on a ratio may be shown."""

from __future__ import annotations

from typing import Annotated

from polyframe import Config as PluginConfig
from polyframe import setting


class Config(PluginConfig, frozen=True):
    """How many days a ratio needs, and how many days of the equity curve are kept."""

    min_days_for_ratios: Annotated[
        int,
        setting(
            "days before Sharpe and Sortino are shown",
            unit="count",
            ge=2,
            le=3650,
            production_min=30,
        ),
    ] = 30
    min_days_for_calmar: Annotated[
        int,
        setting("days before Calmar is shown", unit="count", ge=2, le=3650, production_min=90),
    ] = 90
    keep_days: Annotated[
        int, setting("days of the equity curve kept", unit="count", ge=90, le=3650)
    ] = 400
    max_text_chars: Annotated[
        int, setting("longer texts are cut in the report", unit="count", ge=40, le=10000)
    ] = 500
