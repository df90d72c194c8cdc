"""The fitted model: from a rule sum and words to a probability, and to the published score.

``log-odds(P) = intercept + rules x (rule sum) + sum of the weights of the words present``.
Weights are made by ``python -m polyframe_rrs.fit`` and shipped as ``weights.json``. They are
read once a process, when first asked for.
"""

from __future__ import annotations

import math
import pkgutil
from collections.abc import Iterable
from functools import cache
from typing import Any

import msgspec

MAKER_SCORE = 0.35
"""The score of :data:`MAKER_PROBABILITY`: above it no maker quote (quant.md A4.3)."""
MAKER_PROBABILITY = 0.05
_CERTAIN_PROBABILITY = 0.25


class TimingKind(msgspec.Struct, frozen=True):
    """How often requests of one kind were proposed too early, shrunk towards the base rate."""

    premature: int
    requests: int
    rate: float


class Weights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fitted model, with what it was fitted on and how it did.

    ``version`` names the fit, ``fitted_to`` is the day of the last request it saw. ``gates``
    tells whether the fit passed quant.md A4.4; until it does, the rule sum keeps its own veto.
    """

    version: str
    fitted_to: str
    requests: int
    positives: int
    intercept: float
    rules: float
    words: dict[str, float]
    timing: dict[str, TimingKind]
    gates: bool
    evaluation: dict[str, Any]

    def log_odds(self, rule_sum: float, words: Iterable[str]) -> float:
        """Return the log-odds of substantive trouble."""
        known = self.words
        return math.fsum(
            (
                self.intercept,
                self.rules * rule_sum,
                *(known[word] for word in words if word in known),
            )
        )


def probability(log_odds: float) -> float:
    """Return ``1 / (1 + exp(-log_odds))``, safe at both ends."""
    if log_odds < 0:
        grown = math.exp(max(log_odds, -700.0))
        return grown / (1.0 + grown)
    return 1.0 / (1.0 + math.exp(-min(log_odds, 700.0)))


def score_of(chance: float) -> float:
    """Return the published score of a probability (quant.md A4.3, golden G16).

    ``0.35 P/0.05`` up to P = 5 %, then ``0.35 + 0.65 (P - 0.05)/0.20``, at most 1. So 0.25
    stands for P = 3.57 % and 1 for P = 25 % and more.
    """
    if chance <= MAKER_PROBABILITY:
        return MAKER_SCORE * chance / MAKER_PROBABILITY
    steep = (1.0 - MAKER_SCORE) / (_CERTAIN_PROBABILITY - MAKER_PROBABILITY)
    return min(1.0, MAKER_SCORE + steep * (chance - MAKER_PROBABILITY))


@cache
def shipped() -> Weights:
    """Read the weights that came with the package.

    Raises:
        FileNotFoundError: the package was installed without its data file.
    """
    packed = pkgutil.get_data("polyframe_rrs", "weights.json")
    if packed is None:
        raise FileNotFoundError("polyframe_rrs/weights.json is not in the package")
    return msgspec.json.decode(packed, type=Weights)
