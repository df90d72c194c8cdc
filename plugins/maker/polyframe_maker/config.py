"""The maker's thresholds, each with unit, bounds and meaning."""

from __future__ import annotations

from typing import Annotated, Literal

from polyframe import Config as PluginConfig
from polyframe import setting


class Config(PluginConfig, frozen=True, kw_only=True):
    """Settings of the ``classic`` and ``logit`` policies (README.md gives the formulas)."""

    policy: Annotated[
        Literal["classic", "logit"], setting("how quotes are computed", unit="name")
    ] = "classic"
    fair: Annotated[
        Literal["mid", "microprice"],
        setting("what quotes stand around; a microprice stays within half a tick", unit="name"),
    ] = "mid"
    chase_ticks_per_min: Annotated[
        float,
        setting(
            "how far a minute the side that adds inventory may follow the market",
            unit="ticks",
            ge=0,
            le=1000,
            production_max=20.0,
        ),
    ] = 5.0
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
    logit_loss_usd: Annotated[
        float,
        setting(
            "logit: most one market's inventory may lose; sets gamma",
            unit="usd",
            gt=0,
            production_max=50.0,
        ),
    ] = 50.0
    logit_unwind_floor: Annotated[
        float,
        setting(
            "logit: least share of gamma, however fast inventory is usually sold again",
            unit="share",
            gt=0,
            le=1,
            production_min=0.1,
        ),
    ] = 0.1
    logit_step: Annotated[
        float,
        setting(
            "logit: log-odds by which a filled order may move the reservation; bounds its size",
            unit="logit",
            gt=0,
            le=5,
        ),
    ] = 0.25
    logit_indifference: Annotated[
        Literal["order", "share"],
        setting("logit: quote for the whole order, or for its first share", unit="name"),
    ] = "order"
    logit_margin: Annotated[
        float,
        setting(
            "logit: half-spread kept beyond adverse selection, widened as half_width is",
            unit="logit",
            ge=0,
            le=3,
        ),
    ] = 0.06
    logit_rebate_share: Annotated[
        float,
        setting(
            "logit: part of the expected maker rebate given back as a tighter quote",
            unit="share",
            ge=0,
            le=1,
        ),
    ] = 0.5
    logit_alpha_prior: Annotated[
        float,
        setting(
            "logit: informed share of the flow before own fills tell", unit="share", ge=0, lt=1
        ),
    ] = 0.02
    logit_alpha_prior_shares: Annotated[
        float,
        setting("logit: filled shares the prior weighs as much as", unit="shares", gt=0),
    ] = 2000.0
    logit_alpha_max: Annotated[
        float,
        setting("logit: informed share above which no estimate goes", unit="share", ge=0, lt=1),
    ] = 0.25
    logit_memory_h: Annotated[
        float,
        setting("logit: half-life of everything the policy measures", unit="h", gt=0, le=8760),
    ] = 72.0
    logit_event_gap: Annotated[
        float,
        setting(
            "logit: how far from 1 the prices of an event's outcomes may sum to be netted",
            unit="price",
            ge=0,
            le=0.5,
        ),
    ] = 0.05
