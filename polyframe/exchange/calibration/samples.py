"""Numbers of one kind, for quantiles and means."""

from __future__ import annotations

import math


class Samples:
    """A bag of numbers; ``values`` may be appended to."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def quantile(self, share: float) -> float:
        """Return the value below which a share lies, between neighbours linearly; nan if empty."""
        ordered = sorted(self.values)
        if not ordered:
            return math.nan
        place = share * (len(ordered) - 1)
        low = int(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (place - low) * (ordered[high] - ordered[low])

    def mean(self) -> float:
        """Return the mean, nan if empty."""
        return math.fsum(self.values) / len(self.values) if self.values else math.nan

    def deviation(self) -> float:
        """Return the standard deviation (of a sample), nan for fewer than two."""
        if len(self.values) < 2:
            return math.nan
        mean = self.mean()
        return math.sqrt(
            math.fsum((one - mean) ** 2 for one in self.values) / (len(self.values) - 1)
        )

    def standard_error(self) -> float:
        """Return the standard error of the mean, nan for fewer than two."""
        return self.deviation() / math.sqrt(len(self.values)) if self.values else math.nan
