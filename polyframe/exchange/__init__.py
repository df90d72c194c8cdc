"""The embedded exchange: a loopback Polymarket with a recording or a simulation inside.

Nothing here touches the network beyond 127.0.0.1. The server's imports happen when it is
opened, so that the pure parts (``matching``, ``simulation``, ``trading``) can be used without.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polyframe.exchange.server import EmbeddedExchange
    from polyframe.exchange.simulation.profiles import ProfileName

__all__ = ["open_recording", "open_simulated"]


def open_recording(path: Path, speed: float = 1.0) -> EmbeddedExchange:
    """Return an exchange that replays a recording; enter it with ``async with``.

    Args:
        path: of ``NAME.frames.jsonl.zst``; ``NAME.gamma.json`` must lie beside it.
        speed: market seconds per wall second, above 0.

    Raises:
        VenueError: a file is missing or the Gamma objects cannot be used.
        TapeError: the recording's first line is not a frame line.
    """
    from polyframe.exchange.recording import RecordingSource
    from polyframe.exchange.server import EmbeddedExchange

    return EmbeddedExchange(RecordingSource(path), speed=speed)


def open_simulated(
    seed: int,
    markets: int = 300,
    activity: float = 1.0,
    speed: float = 1.0,
    start_ns: int | None = None,
    stalls_per_h: float = 0.0,
    profile: ProfileName = "mixed",
    with_accounts: bool = False,
) -> EmbeddedExchange:
    """Return an exchange with a simulated universe; enter it with ``async with``.

    Args:
        seed: of universe and traders; the same seed and start give the same frames.
        markets: markets listed at the start, at least 4.
        activity: pace of the simulated traders, 1 is calibrated.
        speed: market seconds per wall second, above 0.
        start_ns: market time (UTC ns) at which it begins; None means now.
        stalls_per_h: how often a market's matching stalls an hour, which crosses its book.
        profile: what most markets are like: mixed, calm, busy, in_play or hostile.
        with_accounts: whether it also takes keys and orders.
    """
    from polyframe.exchange.server import EmbeddedExchange
    from polyframe.exchange.simulation.source import SimulatedSource

    start_ns = time.time_ns() if start_ns is None else start_ns
    source = SimulatedSource(seed, markets, activity, start_ns, stalls_per_h, profile)
    if not with_accounts:
        return EmbeddedExchange(source, speed=speed)
    from polyframe.exchange.trading.terms import PrivateTerms

    return EmbeddedExchange(source, speed=speed, accounts=PrivateTerms(seed=seed))
