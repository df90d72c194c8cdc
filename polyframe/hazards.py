"""What keeps us from trading, by name (mission 3.13)."""

from __future__ import annotations

from enum import StrEnum


class Hazard(StrEnum):
    """Why no new orders leave; the runtime has one veto code for each, ``runtime.<hazard>``."""

    KILL_SWITCH = "kill_switch"
    USER_FEED_LOST = "user_feed_lost"
    HEARTBEAT_LOST = "heartbeat_lost"
    CLOCK_SKEW = "clock_skew"
    STALE_FEED = "stale_feed"
    PLUGIN_FAILED = "plugin_failed"
    RISK_HALT = "risk_halt"
    VENUE_MODE = "venue_mode"
    RECONCILING = "reconciling"
    DIFFERENCES = "differences"
    STORE_FAILED = "store_failed"
    LIMIT_BROKEN = "limit_broken"
    SETTLEMENTS_FAIL = "settlements_fail"
    REJECTS = "rejects"
    SWEEPING = "sweeping"


class Action(StrEnum):
    """What a hazard asks for.

    ``hold`` places nothing new, ``pull`` also cancels everything, ``halt`` is a pull that only
    the operator ends.
    """

    HOLD = "hold"
    PULL = "pull"
    HALT = "halt"
