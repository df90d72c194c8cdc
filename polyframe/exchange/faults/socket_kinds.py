"""Faults of whole sockets: silence, stalls, missing snapshots, disconnects (venue.md 7)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from polyframe.exchange.faults.fault import ChanceFault, Group
from polyframe.plugin import setting as s

Channel = Literal["market", "user", "both"]


class SocketFault(ChanceFault, frozen=True, kw_only=True):
    """A fault that strikes sockets; ``share`` is drawn once for each socket and opening."""

    group: ClassVar[Group] = "socket"

    channel: Annotated[Channel, s("which sockets", unit="name")] = "both"


class SilentSocket(SocketFault, frozen=True, kw_only=True, tag="silent_socket"):
    """The socket answers PING and carries nothing else (py-clob-client#292)."""


class HalfOpen(SocketFault, frozen=True, kw_only=True, tag="half_open"):
    """The socket stays open and carries nothing at all, not even PONG."""


class NoSnapshot(SocketFault, frozen=True, kw_only=True, tag="no_snapshot"):
    """A subscription is accepted, but its first books never come; later changes do."""


class TokenStall(ChanceFault, frozen=True, kw_only=True, tag="token_stall"):
    """Some tokens say nothing while their siblings do (nautilus_trader#4901).

    ``share`` is drawn once for each socket and token.
    """

    group: ClassVar[Group] = "socket"

    tokens: Annotated[tuple[str, ...], s("token ids; empty means every token", unit="name")] = ()
    rescue_share: Annotated[
        float,
        s("probability that unsubscribing and subscribing again helps", unit="share", ge=0, le=1),
    ] = 0.5


class Disconnect(SocketFault, frozen=True, kw_only=True, tag="disconnect"):
    """Sockets are closed, once at every opening."""

    code: (
        Annotated[
            int, s("close code; null cuts the line without one", unit="count", ge=1000, le=4999)
        ]
        | None
    ) = None


class DisconnectStorm(SocketFault, frozen=True, kw_only=True, tag="disconnect_storm"):
    """While it is open no socket lives longer than ``lives_s``, however often they reconnect."""

    lives_s: Annotated[float, s("how long a socket lives", unit="s", ge=0, le=3600)] = 2.0
    code: (
        Annotated[
            int, s("close code; null cuts the line without one", unit="count", ge=1000, le=4999)
        ]
        | None
    ) = None


class AssetCap(SocketFault, frozen=True, kw_only=True, tag="asset_cap"):
    """Beyond so many assets on one socket, subscriptions get no snapshot (venue.md 3.1)."""

    most_assets: Annotated[int, s("assets that still get one", unit="count", ge=0, le=20_000)] = 500
