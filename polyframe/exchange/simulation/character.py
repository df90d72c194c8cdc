"""How a simulated market behaves: the hidden parameters behind its public metadata."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

Book = Literal["two_sided", "one_sided", "empty"]

_HOUR_NS = 3_600 * 10**9


class Day(msgspec.Struct, frozen=True):
    """When in the day (UTC) people trade: a wave around 1 with its top at ``peak_h``.

    Its mean over a day is 1; ``swing`` is how far it goes up and down, below 1.
    """

    peak_h: float = 20.0
    swing: float = 0.0

    def factor(self, now_ns: int) -> float:
        """Return the pace of orders at an instant, 1 on average."""
        if not self.swing:
            return 1.0
        hour = now_ns / _HOUR_NS % 24.0
        return 1.0 + self.swing * math.cos((hour - self.peak_h) * math.pi / 12.0)


class Character(msgspec.Struct, frozen=True, kw_only=True):
    """The hidden side of a market. Rates are per hour of market time at activity 1.

    ``volatility`` is the belief's standard deviation in logit per square root of an hour;
    ``jump_size`` the relative size of a news jump; ``informed_size`` multiplies the size of an
    informed order; sizes are shares, ``*_ticks`` ticks.
    Ranges are drawn from uniformly, once per trader.

    ``impact`` is what a taker's order tells, in half-spreads: at 1 the price a maker gets is, on
    average, what the share is worth once the order is known (no regret, Glosten and Milgrom
    1985). ``takers_that_know`` is the share of taker orders that tell it; a taker pays at most a
    half-spread drawn from ``takers_pay_c``. ``maker_insight`` is the part of the truth a maker
    learns from being hit. ``news_per_day`` counts announcements whose hour is known before, of
    ``news_size``; ``news_readers`` act on any news at once. ``arbitrage_s`` is the mean time
    between two looks of an arbitrageur, 0 for none.

    ``order_gap_s`` is the mean time between two orders of a maker that moves its ladder, 0 for
    one batch; ``shy_s`` the mean time makers stay away after news; ``patient_improves`` the share
    of patient orders that step inside the spread. ``*_log_shares`` are mean and standard
    deviation of a size's logarithm; ``level_shares`` is drawn evenly on a logarithmic scale.
    """

    book: Book = "two_sided"
    volatility: float
    jumps_per_h: float
    jump_size: float
    makers: int
    maker_lag_s: tuple[float, float]
    maker_wake_s: float
    half_spread_ticks: tuple[int, int]
    level_shares: tuple[float, float]
    noise_per_h: float
    sweeps_per_h: float
    informed_per_h: float
    crowd_orders: int
    crowd_life_s: float
    informed_size: float = 1.0
    impact: float = 1.0
    takers_that_know: float = 0.6
    takers_pay_c: tuple[float, float] = (5.0, 15.0)
    taker_log_shares: tuple[float, float] = (3.3, 1.1)
    maker_insight: float = 0.5
    farmers: int = 2
    news_per_day: float = 0.0
    news_size: float = 0.3
    arbitrage_s: float = 15.0
    order_gap_s: float = 0.0
    shy_s: float = 0.0
    patient_improves: float = 0.12
    patient_log_shares: tuple[float, float] = (4.2, 1.0)
    news_readers: int = 3
    far_levels: int = 5
    day: Day = Day()


LIVELY = Character(
    volatility=0.22,
    jumps_per_h=1.0,
    jump_size=0.12,
    makers=3,
    maker_lag_s=(10.0, 60.0),
    maker_wake_s=6.0,
    half_spread_ticks=(1, 3),
    level_shares=(60.0, 220.0),
    noise_per_h=90.0,
    sweeps_per_h=6.0,
    informed_per_h=120.0,
    crowd_orders=30,
    crowd_life_s=240.0,
    impact=0.7,
)
CALM = Character(
    volatility=0.10,
    jumps_per_h=0.15,
    jump_size=0.07,
    makers=3,
    maker_lag_s=(60.0, 300.0),
    maker_wake_s=30.0,
    half_spread_ticks=(1, 4),
    level_shares=(150.0, 900.0),
    noise_per_h=24.0,
    sweeps_per_h=1.5,
    informed_per_h=30.0,
    crowd_orders=40,
    crowd_life_s=1_500.0,
)
THIN = Character(
    volatility=0.05,
    jumps_per_h=0.02,
    jump_size=0.15,
    makers=1,
    maker_lag_s=(20.0, 90.0),
    maker_wake_s=60.0,
    half_spread_ticks=(3, 6),
    level_shares=(40.0, 200.0),
    noise_per_h=5.0,
    sweeps_per_h=0.4,
    informed_per_h=4.0,
    crowd_orders=14,
    crowd_life_s=3_000.0,
)
# Fitted to two evenings of baseball (docs/calibration.md).
IN_PLAY = Character(
    volatility=0.15,
    jumps_per_h=14.0,
    jump_size=0.33,
    makers=5,
    maker_lag_s=(0.3, 2.0),
    maker_wake_s=32.0,
    half_spread_ticks=(2, 7),
    level_shares=(20.0, 15_000.0),
    noise_per_h=100.0,
    sweeps_per_h=1.5,
    informed_per_h=30.0,
    crowd_orders=6,
    crowd_life_s=40.0,
    impact=0.2,
    takers_pay_c=(0.8, 3.5),
    taker_log_shares=(3.5, 2.4),
    order_gap_s=0.7,
    shy_s=85.0,
    patient_improves=0.3,
    patient_log_shares=(4.7, 1.8),
    news_readers=1,
)
# Looks like the best market of all, and whoever trades much in it has just read the news.
HOSTILE = msgspec.structs.replace(
    CALM, jumps_per_h=11.0, jump_size=0.30, maker_lag_s=(20.0, 60.0), maker_wake_s=8.0,
    level_shares=(500.0, 1_800.0), noise_per_h=8.0, sweeps_per_h=0.0, informed_per_h=60.0,
    informed_size=120.0,
)  # fmt: skip
PAST_END = msgspec.structs.replace(
    THIN, makers=0, noise_per_h=2.0, sweeps_per_h=0.2, informed_per_h=1.0
)
DEAD = msgspec.structs.replace(
    THIN, book="empty", makers=0, noise_per_h=0.0, sweeps_per_h=0.0, informed_per_h=0.0,
    crowd_orders=0,
)  # fmt: skip
ONE_SIDED = msgspec.structs.replace(DEAD, book="one_sided", crowd_orders=6)
