"""The settings of the truth report: what is shown, from when on, and the numbers of the gates."""

from __future__ import annotations

from typing import Annotated

from polyframe import Config as PluginConfig
from polyframe import setting as s


class Config(PluginConfig, frozen=True):
    """Days a ratio needs, lengths of lists, and every number a gate compares with."""

    min_days_for_ratios: Annotated[
        int,
        s(
            "days before Sharpe and Sortino are shown",
            unit="count",
            ge=2,
            le=3650,
            production_min=30,
        ),
    ] = 30
    min_days_for_calmar: Annotated[
        int,
        s("days before Calmar is shown", unit="count", ge=2, le=3650, production_min=90),
    ] = 90
    keep_days: Annotated[int, s("days of the equity curve kept", unit="count", ge=90, le=3650)] = (
        400
    )
    max_text_chars: Annotated[
        int, s("longer texts are cut in the report", unit="count", ge=40, le=10000)
    ] = 500
    max_fills_listed: Annotated[
        int, s("the day's latest fills that are listed one by one", unit="count", ge=0, le=10000)
    ] = 200
    bootstrap_draws: Annotated[
        int, s("draws behind the intervals of Sortino and Calmar", unit="count", ge=100, le=10000)
    ] = 500
    gate_evidence_days: Annotated[
        int, s("days of paper evidence kept for gate B", unit="count", ge=7, le=365)
    ] = 30

    # Gate A, research to paper.
    walk_forward_file: Annotated[
        str, s("JSON lines file of out-of-sample days, from the working directory; empty: gate A "
               "waits", unit="name")
    ] = ""  # fmt: skip
    gate_a_min_days: Annotated[
        int, s("least out-of-sample days", unit="count", ge=2, production_min=60)
    ] = 60
    gate_a_min_sharpe: Annotated[
        float, s("least walk-forward Sharpe ratio", unit="ratio", ge=0, production_min=1.2)
    ] = 1.2

    # Gate B, paper to 500 USD: the pessimistic fill profile.
    gate_b_min_days: Annotated[
        int, s("least days of paper trading", unit="count", ge=2, production_min=7)
    ] = 7
    gate_b_min_fills: Annotated[int, s("least fills", unit="count", ge=1, production_min=3000)] = (
        3000
    )
    gate_b_min_clusters: Annotated[
        int, s("least clusters with a fill", unit="count", ge=1, production_min=8)
    ] = 8
    gate_b_max_cluster_share: Annotated[
        float, s("one cluster's largest share of fills", unit="share", gt=0, le=1,
                 production_max=0.2)
    ] = 0.2  # fmt: skip
    assumed_fill_rate: Annotated[
        float, s("filled orders / orders that research assumed; 0 if none", unit="share", ge=0,
                 le=1)
    ] = 0.0  # fmt: skip
    gate_b_fill_rate_tolerance: Annotated[
        float, s("fill rate's largest distance from the assumption, as a share of it",
                 unit="share", gt=0, le=1, production_max=0.2)
    ] = 0.2  # fmt: skip
    gate_b_max_top_share: Annotated[
        float, s("the five best markets' share of the profit stays below", unit="share", gt=0,
                 le=1, production_max=0.3)
    ] = 0.3  # fmt: skip
    gate_b_min_sharpe: Annotated[
        float, s("least Sharpe ratio of the pessimistic profile", unit="ratio", ge=0,
                 production_min=1.2)
    ] = 1.2  # fmt: skip

    # Gate C, 500 to 5000 USD: real money only.
    gate_c_sharpe_days: Annotated[
        int, s("days of real trading behind the Sharpe ratio", unit="count", ge=30,
               production_min=90)
    ] = 90  # fmt: skip
    gate_c_min_sharpe: Annotated[
        float, s("least Sharpe ratio", unit="ratio", ge=0, production_min=2.0)
    ] = 2.0
    gate_c_calmar_days: Annotated[
        int, s("days of real trading behind Calmar", unit="count", ge=7, production_min=30)
    ] = 30
    gate_c_min_calmar: Annotated[
        float, s("least Calmar ratio", unit="ratio", ge=0, production_min=2.0)
    ] = 2.0
    gate_c_max_drawdown: Annotated[
        float, s("deepest drawdown of the account", unit="share", gt=0, le=1, production_max=0.15)
    ] = 0.15
