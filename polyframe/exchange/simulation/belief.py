"""The hidden truth of simulated markets: probabilities that move as martingales do."""

from __future__ import annotations

import math
from random import Random

_MINUTE_NS = 60 * 10**9
_WIDEN_NS = 5 * _MINUTE_NS  # makers widen this long before announced news,
_PULL_NS = _MINUTE_NS // 2  # and leave this long before
_CAUTION = 3.0
_BELIEVED = 0.95


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
        news_per_day: mean number of announced news a day.
        news_size: relative size of an announced jump, below 1.

    ``next_news_ns`` is the hour of the next announced news, None without any.
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
        news_per_day: float = 0.0,
        news_size: float = 0.0,
    ) -> None:
        total = sum(probabilities)
        self.probabilities = [p / total for p in probabilities]
        self.next_news_ns: int | None = None
        self._volatility = volatility / 2**0.5  # two shocks add up to one logit move
        self._jumps_per_h = jumps_per_h
        self._jump_size = min(jump_size, 0.9)
        self._news_per_day = news_per_day
        self._news_size = min(news_size, 0.9)
        self._rng = rng
        self._now_ns: int | None = None

    def advance(self, to_ns: int) -> bool:
        """Move to ``to_ns``; return whether news made it jump on the way."""
        before_ns = self._now_ns
        if before_ns is None:
            self._announce(to_ns)
        elif to_ns <= before_ns:
            return False
        self._now_ns = to_ns
        if before_ns is None:
            return False
        hours = (to_ns - before_ns) / 3.6e12
        scale = self._volatility * hours**0.5
        steps = max(1, min(256, int((scale / self._LARGEST_SHOCK) ** 2) + 1))
        size = min(scale / steps**0.5, self._LARGEST_SHOCK)
        for _ in range(steps):
            self._shock([size if self._rng.random() < 0.5 else -size for _ in self.probabilities])
        if not self._jumps_per_h:
            return False
        jumps, waited_h = 0, self._rng.expovariate(self._jumps_per_h)
        while waited_h < hours:
            self._jump(self._jump_size)
            jumps += 1
            waited_h += self._rng.expovariate(self._jumps_per_h)
        return jumps > 0

    def surprise(self, index: int) -> bool:
        """Let news move one outcome now; return whether it became more likely.

        Either way is as likely as the other, so the probability stays a martingale; who acts
        on the answer knows more than the book.
        """
        return self._move(index, self._jump_size)

    def learn(self, index: int, worth: float) -> bool:
        """Move one outcome by ``worth`` (a price) either way; return whether upwards.

        Towards 0 and 1 it moves less than that, so that it stays inside.
        """
        p = self.probabilities[index]
        return self._move(index, min(worth / (p * (1.0 - p)), self._LARGEST_SHOCK))

    def release(self, now_ns: int) -> None:
        """Let the announced news happen when its hour has come, and announce the next."""
        if self.next_news_ns is not None and now_ns >= self.next_news_ns:
            self._jump(self._news_size)
            self._announce(now_ns)

    def caution(self, now_ns: int) -> float:
        """Return how much wider makers quote before announced news; infinite means not at all."""
        if self.next_news_ns is None:
            return 1.0
        left_ns = self.next_news_ns - now_ns
        if left_ns > _WIDEN_NS:
            return 1.0
        return _CAUTION if left_ns > _PULL_NS else math.inf

    def warnings_ns(self) -> tuple[int, ...]:
        """Return when makers widen and when they leave before the next announced news."""
        if self.next_news_ns is None:
            return ()
        return self.next_news_ns - _WIDEN_NS, self.next_news_ns - _PULL_NS

    def reveal(self) -> None:
        """Let a proposed answer tell nearly everything.

        Every outcome is proposed with its own probability and then believed by ``_BELIEVED``
        of what was missing, so each probability stays a martingale.
        """
        proposed = self.settle()
        self.probabilities = [
            p + _BELIEVED * ((1.0 if index == proposed else 0.0) - p)
            for index, p in enumerate(self.probabilities)
        ]

    def change_pace(self, volatility: float, jumps_per_h: float, jump_size: float) -> None:
        """Move otherwise from now on, as a game does once it has begun."""
        self._volatility = volatility / 2**0.5
        self._jumps_per_h = jumps_per_h
        self._jump_size = min(jump_size, 0.9)

    def _announce(self, now_ns: int) -> None:
        if not self._news_per_day:
            return
        wait_ns = self._rng.expovariate(self._news_per_day / 24.0) * 60 * _MINUTE_NS
        at_ns = now_ns + _WIDEN_NS + int(wait_ns)
        self.next_news_ns = -(-at_ns // _MINUTE_NS) * _MINUTE_NS  # announced for a whole minute

    def _jump(self, size: float) -> None:
        shocks = [0.0] * len(self.probabilities)
        sign = 1.0 if self._rng.random() < 0.5 else -1.0
        shocks[self._rng.randrange(len(shocks))] = sign * size
        self._shock(shocks)

    def _move(self, index: int, size: float) -> bool:
        is_good = self._rng.random() < 0.5
        shocks = [0.0] * len(self.probabilities)
        shocks[index] = size if is_good else -size
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
