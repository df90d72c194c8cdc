"""One market's order book: a flat ladder in YES price space, both tokens' messages in one book.

A NO bid at q with size s *is* a YES ask at 1 - q with size s (venue.md 2.3), so a market has
one book here. The ladder is an array indexed by price / step: O(1) updates and reads, no
per-level objects (speed.md section 2). ``step`` is the tick in force, refined when the
venue sends a price off that grid.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from math import gcd
from typing import Literal

from polyframe.money import PRICE_ONE_E4

Side = Literal["bid", "ask"]
Levels = Iterable[tuple[int, float]]
Agreement = Literal["same", "touch", "deep"]
# Displayed sizes are decimal strings with at most six decimals; below this they are equal.
_SIZE_EPSILON = 1e-6


class MarketBook:
    """Levels of one market; satisfies :class:`polyframe.views.BookView`.

    Args:
        step_e4: the price grid, a divisor of 10 000 (the market's tick).
    """

    __slots__ = ("_asks", "_best_ask", "_best_bid", "_bids", "_last", "step_e4")

    def __init__(self, step_e4: int) -> None:
        self._reset(step_e4)

    def _reset(self, step_e4: int) -> None:
        if step_e4 <= 0 or PRICE_ONE_E4 % step_e4:
            raise ValueError(f"a price grid must divide 1: {step_e4} ten-thousandths do not")
        self.step_e4 = step_e4
        self._last = PRICE_ONE_E4 // step_e4
        self._bids = array("d", bytes(8 * (self._last + 1)))
        self._asks = array("d", bytes(8 * (self._last + 1)))
        self._best_bid = -1
        self._best_ask = self._last + 1

    # --- changes -----------------------------------------------------------------------

    def clear(self, step_e4: int | None = None) -> None:
        """Empty the book, on a new grid if one is given."""
        self._reset(step_e4 or self.step_e4)

    def replace(self, bids: Levels, asks: Levels) -> None:
        """Become exactly these levels (``(price_e4, size)``, any order)."""
        self._reset(self.step_e4)
        for price_e4, size in bids:
            self.set_level(True, price_e4, size)
        for price_e4, size in asks:
            self.set_level(False, price_e4, size)

    def set_level(self, is_bid: bool, price_e4: int, size: float) -> float:
        """Set a level's total (0 removes it) and return what it was before."""
        index, off_grid = divmod(price_e4, self.step_e4)
        if off_grid:
            self._refine(gcd(self.step_e4, price_e4))
            index = price_e4 // self.step_e4
        if is_bid:
            levels = self._bids
            old = levels[index]
            levels[index] = size
            if size > 0.0:
                if index > self._best_bid:
                    self._best_bid = index
            elif index == self._best_bid:
                while index >= 0 and levels[index] <= 0.0:
                    index -= 1
                self._best_bid = index
        else:
            levels = self._asks
            old = levels[index]
            levels[index] = size
            if size > 0.0:
                if index < self._best_ask:
                    self._best_ask = index
            elif index == self._best_ask:
                last = self._last
                while index <= last and levels[index] <= 0.0:
                    index += 1
                self._best_ask = index
        return old

    def _refine(self, step_e4: int) -> None:
        bids, asks = self.levels("bid", PRICE_ONE_E4), self.levels("ask", PRICE_ONE_E4)
        self._reset(step_e4)
        for price_e4, size in bids:
            self.set_level(True, price_e4, size)
        for price_e4, size in asks:
            self.set_level(False, price_e4, size)

    # --- the view ----------------------------------------------------------------------

    @property
    def best_bid_e4(self) -> int | None:
        """The highest bid, None without one."""
        return self._best_bid * self.step_e4 if self._best_bid >= 0 else None

    @property
    def best_ask_e4(self) -> int | None:
        """The lowest ask, None without one."""
        return self._best_ask * self.step_e4 if self._best_ask <= self._last else None

    @property
    def best_bid_size(self) -> float:
        """Shares at the best bid, 0 without one."""
        return self._bids[self._best_bid] if self._best_bid >= 0 else 0.0

    @property
    def best_ask_size(self) -> float:
        """Shares at the best ask, 0 without one."""
        return self._asks[self._best_ask] if self._best_ask <= self._last else 0.0

    @property
    def top(self) -> tuple[int, float, int, float]:
        """Touch as one comparable value (grid indexes and sizes)."""
        return (self._best_bid, self.best_bid_size, self._best_ask, self.best_ask_size)

    @property
    def is_two_sided(self) -> bool:
        """Both sides present and the bid below the ask: the only book one may quote from."""
        return 0 <= self._best_bid < self._best_ask <= self._last

    @property
    def is_crossed(self) -> bool:
        """Both sides present and the bid above the ask."""
        return self._best_bid > self._best_ask and self._best_ask <= self._last

    @property
    def mid_e6(self) -> int | None:
        """(bid + ask) / 2 in 1e-6, exact; None when one-sided, locked or crossed."""
        if not self.is_two_sided:
            return None
        return (self._best_bid + self._best_ask) * self.step_e4 * 50

    @property
    def mid(self) -> float | None:
        """(bid + ask) / 2; None when one-sided, locked or crossed."""
        mid_e6 = self.mid_e6
        return None if mid_e6 is None else mid_e6 / 1e6

    @property
    def microprice(self) -> float | None:
        """(bid x ask size + ask x bid size) / (bid size + ask size); None where the mid is."""
        if not self.is_two_sided:
            return None
        bid_size, ask_size = self.best_bid_size, self.best_ask_size
        weighted = self._best_bid * ask_size + self._best_ask * bid_size
        return weighted / (bid_size + ask_size) * self.step_e4 / PRICE_ONE_E4

    @property
    def spread_e4(self) -> int | None:
        """Ask - bid; zero or negative when locked or crossed; None when one-sided."""
        if self._best_bid < 0 or self._best_ask > self._last:
            return None
        return (self._best_ask - self._best_bid) * self.step_e4

    def size_at(self, side: Side, price_e4: int) -> float:
        """Shares displayed at a price; 0 off the grid."""
        index, off_grid = divmod(price_e4, self.step_e4)
        if off_grid or not 0 <= index <= self._last:
            return 0.0
        return (self._bids if side == "bid" else self._asks)[index]

    def depth_usd(self, side: Side, within_e4: int) -> float:
        """Dollars locked by one side's orders within a distance of that side's best price.

        A bid locks p a share, an ask 1 - p: the same market mirrored has the same depth.
        """
        reach = within_e4 // self.step_e4
        total = 0.0
        if side == "bid":
            for index in range(max(self._best_bid - reach, 0), self._best_bid + 1):
                total += self._bids[index] * index
        else:
            for index in range(self._best_ask, min(self._best_ask + reach, self._last) + 1):
                total += self._asks[index] * (self._last - index)
        return total * self.step_e4 / PRICE_ONE_E4

    def levels(self, side: Side, count: int) -> list[tuple[int, float]]:
        """The best ``count`` levels as ``(price_e4, size)``, best first."""
        if side == "bid":
            sizes, indexes = self._bids, range(self._best_bid, -1, -1)
        else:
            sizes, indexes = self._asks, range(self._best_ask, self._last + 1)
        found: list[tuple[int, float]] = []
        for index in indexes:
            if len(found) == count:
                break
            if sizes[index] > 0.0:
                found.append((index * self.step_e4, sizes[index]))
        return found

    # --- comparison --------------------------------------------------------------------

    def agreement(self, bids: Levels, asks: Levels) -> Agreement:
        """Say how a whole book from the venue differs from this one.

        ``touch``: the differences are what a trade does, the best levels of one side
        eaten and perhaps the taker's rest shown on the other; the venue sends no
        ``price_change`` for them. ``deep``: anything else, a real disagreement.
        """
        new_bids = {price: size for price, size in bids if size > 0}
        new_asks = {price: size for price, size in asks if size > 0}
        old_bids = dict(self.levels("bid", PRICE_ONE_E4))
        old_asks = dict(self.levels("ask", PRICE_ONE_E4))
        changed_bids = _changed(old_bids, new_bids)
        changed_asks = _changed(old_asks, new_asks)
        if not changed_bids and not changed_asks:
            return "same"
        bids_eaten = _is_eaten(sorted(old_bids, reverse=True), old_bids, new_bids, changed_bids)
        asks_eaten = _is_eaten(sorted(old_asks), old_asks, new_asks, changed_asks)
        if bids_eaten and asks_eaten:
            return "touch"
        if bids_eaten and changed_bids and _is_rest(min(new_asks, default=None), changed_asks):
            return "touch"
        if asks_eaten and changed_asks and _is_rest(max(new_bids, default=None), changed_bids):
            return "touch"
        return "deep"


def _changed(old: dict[int, float], new: dict[int, float]) -> list[int]:
    return [
        price
        for price in sorted(old.keys() | new.keys())
        if abs(old.get(price, 0.0) - new.get(price, 0.0)) > _SIZE_EPSILON
    ]


def _is_eaten(
    best_first: list[int], old: dict[int, float], new: dict[int, float], changed: list[int]
) -> bool:
    """Whether the changed levels are the best ones, all gone but perhaps the last, which shrank."""
    touched = best_first[: len(changed)]
    if sorted(touched) != changed:
        return False
    return all(price not in new for price in touched[:-1]) and all(
        new.get(price, 0.0) < old[price] for price in touched[-1:]
    )


def _is_rest(best_new: int | None, changed: list[int]) -> bool:
    return len(changed) == 1 and changed[0] == best_new
