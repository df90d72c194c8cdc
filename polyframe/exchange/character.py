"""How a simulated market behaves: the hidden parameters behind its public metadata."""

from __future__ import annotations

import math
from random import Random
from typing import Literal

import msgspec

Book = Literal["two_sided", "one_sided", "empty"]


class Character(msgspec.Struct, frozen=True, kw_only=True):
    """The hidden side of a market. Rates are per hour of market time at activity 1.

    ``volatility`` is the belief's standard deviation in logit per square root of an hour;
    ``jump_size`` the relative size of a news jump; ``informed_size`` multiplies the size of an
    informed order; sizes are shares, ``*_ticks`` ticks.
    Ranges are drawn from uniformly, once per trader.
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
WILD = Character(
    volatility=0.7,
    jumps_per_h=8.0,
    jump_size=0.45,
    makers=4,
    maker_lag_s=(0.5, 4.0),
    maker_wake_s=3.0,
    half_spread_ticks=(1, 3),
    level_shares=(80.0, 400.0),
    noise_per_h=360.0,
    sweeps_per_h=60.0,
    informed_per_h=240.0,
    crowd_orders=40,
    crowd_life_s=60.0,
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


class Belief:
    """The hidden true probabilities of outcomes that exclude each other and exhaust the event.

    A step multiplies each by a mean-zero shock and renormalises without bias::

        p_i' = p_i (1 + e_i - sum_j p_j e_j)

    so the sum stays 1 and each p_i is a martingale exactly; for two outcomes it is the logit
    jump-diffusion with martingale drift, dp = p (1 - p) (sigma dW + jumps) (quant.md A1.1).

    Args:
        probabilities: of every outcome; they are normalised.
        volatility: per square root of an hour, in logit for two outcomes.
        jumps_per_h: mean number of news jumps an hour.
        jump_size: relative size of a jump, below 1.
        rng: the belief's own random stream.
    """

    # A shock is cut into steps this small, so that no probability can leave (0, 1).
    _LARGEST_SHOCK = 0.25

    def __init__(
        self,
        probabilities: list[float],
        *,
        volatility: float,
        jumps_per_h: float,
        jump_size: float,
        rng: Random,
    ) -> None:
        total = sum(probabilities)
        self.probabilities = [p / total for p in probabilities]
        self._volatility = volatility / 2**0.5  # two shocks add up to one logit move
        self._jumps_per_h = jumps_per_h
        self._jump_size = min(jump_size, 0.9)
        self._rng = rng
        self._now_ns: int | None = None

    def advance(self, to_ns: int) -> bool:
        """Move to ``to_ns``; return whether news made it jump on the way."""
        before_ns, self._now_ns = self._now_ns, to_ns
        if before_ns is None or to_ns <= before_ns:
            return False
        hours = (to_ns - before_ns) / 3.6e12
        scale = self._volatility * hours**0.5
        steps = max(1, min(256, int((scale / self._LARGEST_SHOCK) ** 2) + 1))
        size = min(scale / steps**0.5, self._LARGEST_SHOCK)
        for _ in range(steps):
            self._shock([size if self._rng.random() < 0.5 else -size for _ in self.probabilities])
        if self._rng.random() >= -math.expm1(-self._jumps_per_h * hours):
            return False
        shocks = [0.0] * len(self.probabilities)
        sign = 1.0 if self._rng.random() < 0.5 else -1.0
        shocks[self._rng.randrange(len(shocks))] = sign * self._jump_size
        self._shock(shocks)
        return True

    def surprise(self, index: int) -> bool:
        """Let news move one outcome now; return whether it became more likely.

        Either way is as likely as the other, so the probability stays a martingale; who acts
        on the answer knows more than the book.
        """
        is_good = self._rng.random() < 0.5
        shocks = [0.0] * len(self.probabilities)
        shocks[index] = self._jump_size if is_good else -self._jump_size
        self._shock(shocks)
        return is_good

    def _shock(self, shocks: list[float]) -> None:
        mean = sum(p * e for p, e in zip(self.probabilities, shocks, strict=True))
        self.probabilities = [
            p * (1.0 + e - mean) for p, e in zip(self.probabilities, shocks, strict=True)
        ]

    def settle(self) -> int:
        """Return the outcome that happens, drawn from the probabilities."""
        draw = self._rng.random()
        for index, probability in enumerate(self.probabilities):
            draw -= probability
            if draw < 0.0:
                return index
        return len(self.probabilities) - 1
