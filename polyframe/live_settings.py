"""The numbers of real trading: hard limits, and how orders are sent, watched and accounted for."""

from __future__ import annotations

from typing import Annotated, Literal

from polyframe.plugin import Config
from polyframe.plugin import setting as s


class LimitSettings(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hard limits in money and counts, held by the runtime whatever the plugins think.

    The risk plugin's caps come first; these are the belt, in paper as in production.
    """

    max_order_usd: Annotated[
        float, s("most one order may cost", unit="usd", gt=0, production_required=True)
    ] = 100.0
    max_market_usd: Annotated[
        float,
        s(
            "most one market may cost: what is held unpaired, at its mark, and every open BUY",
            unit="usd",
            gt=0,
            production_required=True,
        ),
    ] = 250.0
    max_total_usd: Annotated[
        float, s("the same, over all markets", unit="usd", gt=0, production_required=True)
    ] = 4000.0
    max_open_orders: Annotated[
        int, s("orders that may be open at once", unit="count", ge=1, production_required=True)
    ] = 200
    max_daily_loss_usd: Annotated[
        float, s("loss of a UTC day that halts", unit="usd", gt=0, production_required=True)
    ] = 250.0


class ProductionSettings(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How real orders are sent, watched and accounted for (docs/operations.md)."""

    order_rate_per_s: Annotated[
        float,
        s(
            "orders a second over time; half of what the Standard tier allows",
            unit="per_s", gt=0, production_max=20.0,
        ),
    ] = 20.0  # fmt: skip
    order_burst: Annotated[
        int, s("orders at once, after a pause", unit="count", ge=1, production_max=30)
    ] = 30
    request_timeout_s: Annotated[
        float,
        s("an order not answered this long is unknown (wall clock)", unit="s", gt=0, le=60),
    ] = 10.0
    heartbeat_s: Annotated[
        float,
        s(
            "time between heartbeats; the venue cancels everything after 10 s without",
            unit="s", gt=0, production_max=5.0,
        ),
    ] = 5.0  # fmt: skip
    heartbeat_lost_s: Annotated[
        float,
        s("no new orders when none was acknowledged this long", unit="s", gt=0, production_max=9.0),
    ] = 8.0
    reconcile_s: Annotated[
        float,
        s("time between comparisons with the venue's books", unit="s", ge=1, production_max=300.0),
    ] = 300.0
    verify_s: Annotated[
        float,
        s("a cancel-all is confirmed by query within this", unit="s", gt=0, production_max=10.0),
    ] = 10.0
    max_clock_skew_s: Annotated[
        float, s("largest difference to the venue's clock", unit="s", gt=0, production_max=1.0)
    ] = 1.0
    clock_check_s: Annotated[
        float, s("time between looks at the venue's clock", unit="s", ge=1, production_max=60.0)
    ] = 30.0
    user_feed_lost_s: Annotated[
        float,
        s(
            "the user channel may be away this long before everything is pulled",
            unit="s", ge=0, production_max=5.0,
        ),
    ] = 2.0  # fmt: skip
    unknown_after_s: Annotated[
        float,
        s(
            "an order whose fate is unknown this long is named as a difference",
            unit="s", gt=0, production_max=120.0,
        ),
    ] = 120.0  # fmt: skip
    max_cash_difference_usd: Annotated[
        float,
        s("unexplained cash beyond which trading halts", unit="usd", ge=0, production_max=5.0),
    ] = 1.0
    max_share_difference: Annotated[
        float,
        s("unexplained shares of a token beyond which trading halts", unit="shares", ge=0,
          production_max=1.0),
    ] = 0.01  # fmt: skip
    max_failed_share: Annotated[
        float,
        s("settlements that fail, of those within failed_window_s, beyond which all is pulled",
          unit="share", gt=0, le=1, production_max=0.02),
    ] = 0.02  # fmt: skip
    failed_window_s: Annotated[
        float, s("window of max_failed_share", unit="s", gt=0, production_min=600.0)
    ] = 600.0
    failed_least: Annotated[
        int, s("failed settlements before max_failed_share counts", unit="count", ge=1,
               production_max=2)
    ] = 2  # fmt: skip
    max_rejects_per_min: Annotated[
        int, s("refused orders within a minute that halt", unit="count", ge=1, production_max=60)
    ] = 30
    least_balance_usd: Annotated[
        float, s("balance without which a run does not start", unit="usd", ge=0, production_min=100)
    ] = 100.0
    resting_orders: Annotated[
        Literal["cancel", "keep"],
        s("what becomes of our orders that rest when a run starts", unit="name"),
    ] = "cancel"
    foreign_orders: Annotated[
        Literal["cancel", "leave"],
        s("what becomes of open orders of the account that are not ours", unit="name"),
    ] = "cancel"
    redeem: Annotated[bool, s("turn holdings of resolved markets into cash", unit="switch")] = True
