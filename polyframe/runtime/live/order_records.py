"""Every order of ours that may still matter, by our id and by the venue's; pure.

A record is the stored row and what needs no storing: when the venue was last asked of it, since
when it is not found, what the engine of this run was told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from polyframe.events import (
    CancelRejected,
    Event,
    OrderAccepted,
    OrderAdopted,
    OrderCancelled,
    OrderRejected,
    OrderUncertain,
)
from polyframe.runtime.live.changes import Draft
from polyframe.runtime.live.order_states import IN_DOUBT, News, OrderState, next_state
from polyframe.runtime.live.rows import OrderRow

OrderWordForEngine = (
    OrderAccepted | OrderRejected | OrderUncertain | OrderCancelled | CancelRejected
)


class Record:
    """One order.

    ``is_met`` is whether the engine of this run knows it, ``is_ended`` whether it believes it
    over, ``told_e6`` how much of it the engine believes filled. ``doubted_ns`` is since when it
    must be read by its id, 0 when it need not be; ``asked_ns`` when the last such read was asked
    for, ``missing_ns`` the first and the last one that did not find it. ``answered_ns`` is when
    its placement's request ended. ``short_ns`` is since when more of it matched than was told of
    as fills, 0 when everything was.

    Of an order that a restarting engine turned away: ``turned_away_ns`` is when it did,
    ``absent_ns`` when the engine was asked that was back and did not have it, ``unlisted_ns`` when
    the last list of open orders without it was asked for; 0 where that was not so.
    """

    __slots__ = (
        "absent_ns", "answered_ns", "asked_ns", "doubted_ns", "is_ended", "is_met", "missing_ns",
        "row", "short_ns", "told_e6", "turned_away_ns", "unlisted_ns",
    )  # fmt: skip

    def __init__(self, row: OrderRow, *, is_met: bool) -> None:
        self.row = row
        self.is_met = is_met
        self.is_ended = False
        self.told_e6 = 0
        self.doubted_ns = 0
        self.asked_ns = 0
        self.answered_ns = row.state_ns
        self.short_ns = 0
        self.turned_away_ns = 0
        self.absent_ns = 0
        self.unlisted_ns = 0
        self.missing_ns: tuple[int, int] | None = None

    @property
    def is_stray(self) -> bool:
        """Whether it may rest although the engine believes it gone."""
        return self.row.is_open and self.is_ended and self.row.state is not OrderState.ENDING

    def found(self) -> None:
        """Forget that it was not found: there is evidence of it."""
        self.missing_ns = None
        self.absent_ns = self.unlisted_ns = 0

    def missing(self, asked_ns: int) -> None:
        """Note a read that did not find it."""
        first_ns = asked_ns if self.missing_ns is None else self.missing_ns[0]
        self.missing_ns = first_ns, max(asked_ns, first_ns)

    @property
    def missing_for_ns(self) -> int:
        """Time between the first and the last read that did not find it."""
        return 0 if self.missing_ns is None else self.missing_ns[1] - self.missing_ns[0]


class OrderRecords:
    """The records, and the only code that changes one's row."""

    def __init__(self, rows: Iterable[OrderRow]) -> None:
        self._by_id: dict[str, Record] = {}
        self._by_venue_id: dict[str, Record] = {}
        self._open: dict[str, Record] = {}
        self.unexpected: dict[str, int] = {}
        for row in rows:
            self._add(Record(row, is_met=False))

    def _add(self, record: Record) -> None:
        row = record.row
        self._by_id[row.order_id] = self._by_venue_id[row.venue_id] = record
        if row.is_open:
            self._open[row.order_id] = record

    def __iter__(self) -> Iterator[Record]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def open(self) -> list[Record]:
        """Orders of which something may still be booked, oldest first."""
        return list(self._open.values())

    def find(self, order_id: str) -> Record | None:
        """Return an order by our id."""
        return self._by_id.get(order_id)

    def find_venue(self, venue_id: str) -> Record | None:
        """Return an order by the venue's id."""
        return self._by_venue_id.get(venue_id)

    def intend(self, row: OrderRow, draft: Draft) -> Record:
        """Register an order that is about to leave.

        Raises:
            ValueError: an id was used before.
        """
        if row.order_id in self._by_id or row.venue_id in self._by_venue_id:
            raise ValueError(f"order {row.order_id} ({row.venue_id}) was sent before")
        record = Record(row, is_met=True)
        self._add(record)
        draft.store(row)
        return record

    def drop(self, record: Record) -> None:
        """Forget an order that has ended."""
        del self._by_id[record.row.order_id]
        del self._by_venue_id[record.row.venue_id]

    def note(self, draft: Draft, record: Record, **changes: Any) -> None:
        """Change what is known of an order, not its state."""
        row = replace(record.row, **changes)
        if row != record.row:
            record.row = row
            draft.store(row)

    def move(self, draft: Draft, record: Record, news: News, now_ns: int, reason: str = "") -> bool:
        """Let an order take the step that the news ask for; False when they change nothing."""
        row = record.row
        state = next_state(row.state, news)
        if state is None:
            return False
        changes: dict[str, Any] = {"state": state, "state_ns": now_ns}
        if state is OrderState.LIVE and not row.accepted_ns:
            changes["accepted_ns"] = now_ns
        if reason:
            changes["reason"] = reason
        record.row = replace(row, **changes)
        if record.row.is_open:
            self._open[row.order_id] = record
        else:
            self._open.pop(row.order_id, None)
            # The signed bytes are of no use any more, and of use to nobody else.
            record.row = replace(record.row, body=b"")
        draft.store(record.row)
        return True

    def count(self, what: str) -> None:
        """Count a word that changed nothing and was not expected."""
        self.unexpected[what] = self.unexpected.get(what, 0) + 1

    # --- what the engine is told ---------------------------------------------------------

    def introduce(self, draft: Draft, record: Record, now_ns: int, regiven_e6: int = 0) -> None:
        """Make the engine of this run know an order of an earlier one, once.

        ``regiven_e6`` is what follows as fills, so it is left out of what has filled.
        """
        if record.is_met:
            return
        record.is_met = True
        row = record.row
        record.told_e6 = max(0, row.filled_e6 - regiven_e6)
        record.is_ended = not row.is_open
        draft.tell(_adopted(record, now_ns))

    def tell(self, draft: Draft, record: Record, event: OrderWordForEngine) -> None:
        """Tell the engine of an order's way, unless it believes the order over already."""
        if record.is_ended:
            return
        if not record.is_met:
            # What is introduced is introduced as it is now: the word is in it.
            self.introduce(draft, record, event.ts_ns)
            return
        record.is_ended = isinstance(event, OrderRejected | OrderCancelled)
        draft.tell(event)

    def tell_fill(self, draft: Draft, record: Record, event: Event, size_e6: int) -> None:
        """Tell the engine of a fill; a whole order is over for it. A reversal has size 0."""
        self.introduce(draft, record, event.ts_ns, size_e6)
        draft.tell(event)
        record.told_e6 += size_e6
        if record.told_e6 >= record.row.size_e6:
            record.is_ended = True


def _adopted(record: Record, now_ns: int) -> OrderAdopted:
    row = record.row
    return OrderAdopted(
        now_ns, row.order_id, row.market_id, row.token_id, row.side, row.price_e4, row.size_e6,
        record.told_e6, row.expires_ns, row.component, row.decision_id, row.placed_ns,
        is_live=row.is_open, is_uncertain=row.state in IN_DOUBT,
    )  # fmt: skip
