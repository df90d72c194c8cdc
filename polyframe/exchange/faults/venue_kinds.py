"""Faults of the venue's state and of its façades: modes, markets, heartbeats, lag.

They happen once at every opening; where a state lasts, it ends with the opening (``for_s``).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from polyframe.exchange.faults.fault import Fault, Group
from polyframe.exchange.faults.targets import VenueMode
from polyframe.plugin import setting as s


class VenueFault(Fault, frozen=True, kw_only=True):
    """Something that happens to the venue."""

    group: ClassVar[Group] = "venue"


class MarketFault(VenueFault, frozen=True, kw_only=True):
    """Something that happens to one market."""

    market: Annotated[
        str, s("condition id, or a number: that market in the order of their listing", unit="name")
    ] = "0"


class Mode(VenueFault, frozen=True, kw_only=True, tag="mode"):
    """The venue changes its mode, and runs again when the opening is over."""

    mode: Annotated[VenueMode, s("the mode", unit="name")]
    retry_after_s: (
        Annotated[int, s("Retry-After; null leaves it out", unit="s", ge=0, le=86_400)] | None
    ) = None


class EngineRestart(VenueFault, frozen=True, kw_only=True, tag="engine_restart"):
    """The engine restarts (425), is post-only for two minutes, and runs again (venue.md 2.9)."""

    restart_s: Annotated[float, s("how long it answers 425", unit="s", gt=0, le=86_400)] = 90.0
    post_only_s: Annotated[
        float, s("how long it is post-only afterwards", unit="s", ge=0, le=86_400)
    ] = 120.0
    retry_after_s: (
        Annotated[int, s("Retry-After; null leaves it out", unit="s", ge=0, le=86_400)] | None
    ) = None
    loses_orders: Annotated[bool, s("live orders are gone afterwards", unit="switch")] = False


class LoseOrders(VenueFault, frozen=True, kw_only=True, tag="lose_orders"):
    """Every live order is gone, and nobody is told."""


class HeartbeatRefusal(VenueFault, frozen=True, kw_only=True, tag="heartbeat_refusal"):
    """Heartbeats are answered 400 with another expected id while it is open."""


class TickChange(MarketFault, frozen=True, kw_only=True, tag="tick_change"):
    """The market's price grid changes."""

    tick: Annotated[
        Literal["0.1", "0.01", "0.005", "0.0025", "0.001", "0.0001"],
        s("the new grid, in quotes", unit="name"),
    ] = "0.001"


class Halt(MarketFault, frozen=True, kw_only=True, tag="halt"):
    """The market takes no orders, and takes them again when the opening is over."""


class CloseMarket(MarketFault, frozen=True, kw_only=True, tag="close_market"):
    """The market takes no orders any more and its live ones are cancelled, unresolved."""

    status: Annotated[str, s("status of the cancelled orders", unit="name")] = (
        "CANCELED_MARKET_NOT_FOUND"
    )


class GameStart(MarketFault, frozen=True, kw_only=True, tag="game_start"):
    """The game starts and the venue clears accounts' orders (clearBookOnStart)."""


class Propose(MarketFault, frozen=True, kw_only=True, tag="propose"):
    """An outcome is proposed; two hours later the market resolves."""


class Dispute(MarketFault, frozen=True, kw_only=True, tag="dispute"):
    """The proposed outcome is disputed."""


class Resolve(MarketFault, frozen=True, kw_only=True, tag="resolve"):
    """The market resolves, whatever orders are live."""

    yes_pays: Annotated[
        float, s("what a YES share pays; a NO share pays the rest", unit="usd", ge=0, le=1)
    ] = 1.0


class FeeChange(MarketFault, frozen=True, kw_only=True, tag="fee_change"):
    """Takers pay other fees from now on (venue.md 5.1)."""

    rate: Annotated[float, s("fee rate", unit="share", ge=0, le=1)]


class MinSizeChange(MarketFault, frozen=True, kw_only=True, tag="min_size_change"):
    """Orders must be larger from now on."""

    shares: Annotated[float, s("the new least size", unit="shares", gt=0, le=10**6)]


class GammaLag(VenueFault, frozen=True, kw_only=True, tag="gamma_lag"):
    """Gamma serves what it knew some time ago while it is open; new markets are missing."""

    lag_s: Annotated[float, s("how old its answers are", unit="s", gt=0, le=86_400)] = 60.0


class DataLag(VenueFault, frozen=True, kw_only=True, tag="data_lag"):
    """The Data API serves what it knew some time ago while it is open."""

    lag_s: Annotated[float, s("how old its answers are", unit="s", gt=0, le=86_400)] = 60.0
