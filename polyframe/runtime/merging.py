"""Merging pairs: a YES and a NO of one market are a dollar, and a dollar can quote again.

A pair is netted in every risk number, but its cash is locked until the market resolves. Once a
cycle the runtime looks for pairs that nobody needs and asks for them to be merged. A merge is
a settlement: it moves no price, changes no exposure and no equity, only cash and holdings.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from polyframe.commands import MergePairs
from polyframe.events import MergeFailed, PairsMerged
from polyframe.money import SHARE_E6, size_text, usd
from polyframe.runtime.orders import Order, Orders
from polyframe.runtime.portfolio import Portfolio
from polyframe.runtime.position import Position


def free_tokens_e6(position: Position, orders: Sequence[Order]) -> tuple[int, int]:
    """Return YES and NO held and not promised to the open SELL orders of the market."""
    yes_e6, no_e6 = position.yes_e6, position.no_e6
    for order in orders:
        if not order.is_buy and order.is_yes:
            yes_e6 -= order.leaves_e6
        elif not order.is_buy:
            no_e6 -= order.leaves_e6
    return max(0, yes_e6), max(0, no_e6)


class Merging:
    """Which pairs are to be merged, and which merges are under way; one a market at a time.

    Args:
        portfolio: what is held, and what each component needs of it.
        orders: what is promised to open orders.
        least_e12: least dollars a merge must free, in 1e-12 USD.
        log: called as ``log(message, **fields)``.
        first_number: of the merges' names, which are never used twice for an account.
    """

    def __init__(
        self,
        portfolio: Portfolio,
        orders: Orders,
        least_e12: int,
        log: Callable[..., None],
        first_number: int = 1,
    ) -> None:
        self._portfolio = portfolio
        self._orders = orders
        self._least_e12 = least_e12
        self._log = log
        self._under_way: dict[str, MergePairs] = {}
        self._number = first_number - 1
        self.asked = 0
        self.failed = 0

    def under_way_e6(self, market_id: str) -> int:
        """Return the pairs of a market that are being merged."""
        command = self._under_way.get(market_id)
        return 0 if command is None else command.size_e6

    def ask(self, busy: Collection[str]) -> list[MergePairs]:
        """Return the merges worth asking for; markets with a trade under way are left alone."""
        commands: list[MergePairs] = []
        for market_id, position in self._portfolio.held().items():
            if market_id in busy or market_id in self._under_way:
                continue
            free = free_tokens_e6(position, self._orders.live(market_id))
            settling = self._portfolio.settling_e6(market_id)
            size_e6 = min(
                self._portfolio.unneeded_pairs_e6(market_id),
                *(max(0, held - coming) for held, coming in zip(free, settling, strict=True)),
            )
            if size_e6 * SHARE_E6 < self._least_e12:
                continue
            self.asked += 1
            self._number += 1
            command = MergePairs(f"m-{self._number:04d}", market_id, size_e6)
            self._under_way[market_id] = command
            self._log("Merge", id=command.merge_id, market=market_id,
                      frees_usd=f"{usd(size_e6 * SHARE_E6):.2f}")  # fmt: skip
            commands.append(command)
        return commands

    def merged(self, event: PairsMerged) -> None:
        """Book what the venue merged."""
        self._under_way.pop(event.market_id, None)
        if self._portfolio.has_paid_out(event.market_id):
            return  # each pair's dollar has been paid already
        position = self._portfolio.position_of(event.market_id)
        size_e6 = min(event.size_e6, position.yes_e6, position.no_e6)
        if size_e6 > 0:
            self._portfolio.merge(event.market_id, size_e6)
        if size_e6 < event.size_e6:
            # A settlement failed in between: the books have fewer pairs than the chain merged.
            self._log("Merged more than is held", id=event.merge_id, market=event.market_id,
                      lacking_pairs=size_text(event.size_e6 - size_e6))  # fmt: skip

    def refused(self, event: MergeFailed) -> None:
        """Forget a merge that did not happen; the next cycle may ask again."""
        self._under_way.pop(event.market_id, None)
        self.failed += 1
        self._log("Merge failed", id=event.merge_id, market=event.market_id, reason=event.message)
