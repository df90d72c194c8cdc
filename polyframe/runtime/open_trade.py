"""One trade under way: which leg is out, what each one got, and what of it has no counterpart."""

from __future__ import annotations

from msgspec.structs import replace

from polyframe.model import Trade, TradeLeg
from polyframe.money import floor_size_e6, size_text
from polyframe.runtime.orders import Order

_SECOND_NS = 1_000_000_000


class OpenTrade:
    """A trade's orders, read anew each time: a fill counted may be taken back later.

    ``orders`` are the orders of the legs that are done, one each; ``order`` is the one that is
    out, of a leg or of an unwinding, None between two. ``back`` are the orders that unwind, and
    which leg each of them is for.
    """

    def __init__(self, plugin: str, trade: Trade, now_ns: int) -> None:
        self.plugin = plugin
        self.trade = trade
        self.deadline_ns = now_ns + round(trade.within_s * _SECOND_NS)
        self.orders: list[Order] = []
        self.order: Order | None = None
        self.back: list[tuple[int, Order]] = []
        self.is_unwinding = False
        self.again_ns = 0
        self.is_told = False

    @property
    def market_ids(self) -> frozenset[str]:
        """The markets it holds on to."""
        return frozenset(leg.market_id for leg in self.trade.legs)

    @property
    def to_come(self) -> tuple[TradeLeg, ...]:
        """What leaves after the order that is out, for at most its size; nothing without one."""
        if self.order is None or self.is_unwinding:
            return ()
        after = self.trade.legs[len(self.orders) + 1 :]
        return tuple(replace(leg, size_e6=min(leg.size_e6, self.order.size_e6)) for leg in after)

    @property
    def paired_e6(self) -> int:
        """What every leg got, micro-shares; 0 while one is missing."""
        got_e6 = [order.got_e6 for order in self._all_orders]
        return min(got_e6) if len(got_e6) == len(self.trade.legs) else 0

    @property
    def is_even(self) -> bool:
        """Whether no order is out and nothing is held alone: nobody has to do anything."""
        return (self.order is None or not self.order.is_live) and not self.alone()

    @property
    def _all_orders(self) -> list[Order]:
        is_legs = self.order is not None and not self.is_unwinding
        return [*self.orders, self.order] if is_legs and self.order is not None else self.orders

    def alone(self) -> list[tuple[int, TradeLeg]]:
        """Return what legs got and nothing pairs, with each one's number, as it would be undone.

        A single leg has no counterpart to wait for. Sizes are whole steps of the venue's; the
        limit is nobody's (0).
        """
        legs, paired_e6 = self.trade.legs, self.paired_e6
        found: list[tuple[int, TradeLeg]] = []
        for at, (leg, order) in enumerate(zip(legs, self._all_orders, strict=False)):
            undone_e6 = sum(back.got_e6 for number, back in self.back if number == at)
            left_e6 = floor_size_e6(order.got_e6 - paired_e6 - undone_e6)
            if len(legs) > 1 and left_e6 > 0:
                found.append((at, TradeLeg(leg.market_id, leg.is_yes, not leg.is_buy, 0, left_e6)))
        return found

    def __str__(self) -> str:
        component = self.trade.component
        told = [
            f"{component} {'has sold' if back.is_buy else 'holds'} {size_text(back.size_e6)} "
            f"{'YES' if back.is_yes else 'NO'} of {back.market_id} alone"
            for _, back in self.alone()
        ]
        if told:
            return ", ".join(told)
        markets = ", ".join(sorted(self.market_ids))
        return f"{component}, in {markets}: nothing is known to be held alone"
