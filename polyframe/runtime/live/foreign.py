"""What the account does that we did not ask for: orders and fills that are not ours; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from polyframe.polymarket.account_words import OPEN_WORDS, TradeStatus, VenueOrder
from polyframe.runtime.live.rows import FillRow, OrderRow


class Foreign:
    """Orders and fills of the account that are not ours, and ours that rest after their end."""

    def __init__(self, fills: Iterable[FillRow]) -> None:
        self._orders: dict[str, tuple[VenueOrder, int]] = {}
        self._fills: dict[tuple[str, str, int], FillRow] = {}
        self._after_end: dict[str, tuple[OrderRow, int]] = {}
        self.words = 0
        self.old_words = 0
        for row in fills:
            if not row.order_id:
                self._fills[row.identity] = row

    def heard(self, word: VenueOrder, now_ns: int, *, is_old: bool) -> None:
        """Take a word of an order in that is not ours; an old one may be ours and forgotten."""
        if is_old:
            self.old_words += 1
            return
        self.words += 1
        if word.word in OPEN_WORDS:
            self._orders[word.order_id] = word, now_ns
        else:
            self.gone(word.order_id)

    def gone(self, venue_id: str) -> None:
        """Note that an order does not rest any more."""
        self._orders.pop(venue_id, None)
        self._after_end.pop(venue_id, None)

    def keep_open(self, venue_ids: Collection[str], asked_ns: int) -> None:
        """Drop what a complete read of the open orders does not show."""
        for found in (self._orders, self._after_end):
            for venue_id, (_, heard_ns) in list(found.items()):
                if venue_id not in venue_ids and heard_ns < asked_ns:
                    del found[venue_id]

    def open_after_end(self, row: OrderRow, now_ns: int) -> None:
        """Note an order of ours that rests although the venue said that it was over."""
        self._after_end[row.venue_id] = row, now_ns

    def filled(self, row: FillRow) -> None:
        """Note a fill that is not ours."""
        self._fills[row.identity] = row

    def orders(self) -> tuple[VenueOrder, ...]:
        """Open orders that are not ours."""
        return tuple(word for word, _ in self._orders.values())

    def orders_after_end(self) -> tuple[OrderRow, ...]:
        """Orders of ours that rest although they are over."""
        return tuple(row for row, _ in self._after_end.values())

    def fills(self) -> tuple[FillRow, ...]:
        """Fills that are not ours and did not fail."""
        return tuple(r for r in self._fills.values() if r.status is not TradeStatus.FAILED)
