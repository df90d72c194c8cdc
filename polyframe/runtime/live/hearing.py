"""One word of the venue at a time: what it says of an order or a fill, and what follows; pure."""

from __future__ import annotations

from polyframe.events import OrderAccepted, OrderCancelled, OrderRejected
from polyframe.polymarket.account_words import OPEN_WORDS, OrderWord, VenueFill, VenueOrder
from polyframe.runtime.live import evidence
from polyframe.runtime.live.bookings import Books, event_of, filling_e6
from polyframe.runtime.live.changes import Draft
from polyframe.runtime.live.fill_records import FillRecords, asks_to_turn
from polyframe.runtime.live.foreign import Foreign
from polyframe.runtime.live.order_records import OrderRecords, Record
from polyframe.runtime.live.order_states import IN_DOUBT, News, OrderState

NEVER_ARRIVED = "never_arrived"
_ASKED_IN_VAIN = "the venue was asked for it again and again and does not know it"
# No order has more than a billion shares, no trade is of the year 36,000; what says so is damaged.
_MOST_E6 = 10**15
_MOST_S = 2**40


class Hearing:
    """Lets the venue's words change the records.

    ``forgotten_before_ns`` is the time before which what is not known may be ours and forgotten.
    """

    def __init__(
        self, orders: OrderRecords, fills: FillRecords, books: Books, foreign: Foreign
    ) -> None:
        self._orders = orders
        self._fills = fills
        self._books = books
        self._foreign = foreign
        self.forgotten_before_ns = 0

    # --- orders --------------------------------------------------------------------------

    def order(self, draft: Draft, word: VenueOrder, now_ns: int, asked_ns: int | None) -> None:
        """Take a word of an order in; ``asked_ns`` is None for one that was not asked for."""
        if max(word.size_e6, word.matched_e6 or 0) > _MOST_E6:
            self._orders.count("absurd size")
            return
        record = self._orders.find_venue(word.order_id)
        if record is None:
            is_old = word.created_s is not None and self._is_old(word.created_s)
            # What a read shows open is open, whoever's it is.
            is_shown = asked_ns is not None and word.word in OPEN_WORDS
            self._foreign.heard(word, now_ns, is_old=is_old and not is_shown)
            return
        record.found()
        row = record.row
        if word.matched_e6 is not None:
            # A cumulative count does not fall: a smaller one is a late word.
            self._orders.note(draft, record, matched_e6=max(word.matched_e6, row.matched_e6 or 0))
            evidence.note_short(record, now_ns)
        if word.word in OPEN_WORDS:
            self._still_open(draft, record, now_ns, asked_ns)
            return
        # "MATCHED" with much left is not the end of an order that rests: ask.
        is_odd = (
            word.word is OrderWord.MATCHED
            and row.post_only
            and asked_ns is None
            and (word.matched_e6 or 0) + evidence.DUST_E6 < row.size_e6
        )
        matched_e6 = None if is_odd else word.matched_e6
        reason = word.reason.lower() or word.word.value.lower()
        self.over(draft, record, matched_e6, reason, now_ns)

    def _still_open(self, draft: Draft, record: Record, now_ns: int, asked_ns: int | None) -> None:
        state = record.row.state
        if state in IN_DOUBT:
            self.accept(draft, record, now_ns)
        elif state is OrderState.REJECTED:
            self._rise(draft, record, now_ns)
        elif state is OrderState.ENDING:
            if asked_ns is not None and asked_ns > record.row.state_ns:
                self._rise(draft, record, now_ns)
        elif not record.row.is_open:
            if asked_ns is not None and asked_ns > record.row.state_ns + evidence.TRADES_LAG_NS:
                self._foreign.open_after_end(record.row, now_ns)
            else:
                self._orders.count("open after its end")

    def accept(self, draft: Draft, record: Record, now_ns: int) -> None:
        """The venue has the order."""
        record.found()
        if self._orders.move(draft, record, News.ACCEPTED, now_ns):
            self._orders.tell(draft, record, OrderAccepted(now_ns, record.row.order_id))

    def _rise(self, draft: Draft, record: Record, now_ns: int) -> None:
        if self._orders.move(draft, record, News.RISEN, now_ns):
            self._orders.introduce(draft, record, now_ns)
            self._orders.note(draft, record, is_counted=False)
            self.doubt(record, now_ns, "open although it was held to be gone")

    def doubt(self, record: Record, now_ns: int, why: str) -> None:
        """Count what does not fit and have the order read by its id."""
        self._orders.count(why)
        record.doubted_ns = now_ns

    def over(
        self, draft: Draft, record: Record, matched_e6: int | None, reason: str, now_ns: int
    ) -> None:
        """Nothing more will match; ``matched_e6`` is how much did, None while nobody knows."""
        row = record.row
        if row.state is OrderState.REJECTED:
            if (matched_e6 or 0) > row.filled_e6:
                self._rise(draft, record, now_ns)
            else:
                return
        if record.row.is_open and record.row.state is not OrderState.ENDING:
            self._orders.move(draft, record, News.OVER, now_ns, reason)
        if matched_e6 is not None and record.row.state is OrderState.ENDING:
            # The larger of two words: a cumulative count does not fall.
            counted = max(matched_e6, record.row.matched_e6 or 0)
            self._orders.note(draft, record, matched_e6=counted, is_counted=True, reason=reason)
            record.doubted_ns = 0
        self._end_if_counted(draft, record, now_ns)

    def _end_if_counted(self, draft: Draft, record: Record, now_ns: int) -> None:
        row = record.row
        is_full = row.is_open and row.filled_e6 >= row.size_e6
        if is_full or (row.state is OrderState.ENDING and evidence.is_counted(record)):
            self.end(draft, record, now_ns)

    def end(self, draft: Draft, record: Record, now_ns: int) -> None:
        """Everything of an order is booked: it ends, and what it reserves is free."""
        row = record.row
        is_full = row.filled_e6 + evidence.DUST_E6 >= row.size_e6
        is_filled = row.filled_e6 >= row.size_e6 or (is_full and row.reason == "matched")
        record.doubted_ns = 0
        self._orders.move(draft, record, News.FILLED if is_filled else News.CANCELLED, now_ns)
        if record.is_met and record.told_e6 < row.size_e6:
            missing_e6 = row.size_e6 - record.told_e6
            reason = row.reason
            if is_filled:
                # What failed before we heard of it was never booked, and is not relisted.
                reason = "dust" if missing_e6 <= evidence.DUST_E6 else "settlement_failed"
            self._orders.tell(draft, record, OrderCancelled(now_ns, row.order_id, reason))

    def never_arrived(
        self, draft: Draft, record: Record, now_ns: int, message: str = _ASKED_IN_VAIN
    ) -> None:
        """It is proven that the venue does not have the order, and will not."""
        self._orders.move(draft, record, News.NEVER_ARRIVED, now_ns, NEVER_ARRIVED)
        record.doubted_ns = 0
        event = OrderRejected(now_ns, record.row.order_id, NEVER_ARRIVED, message)
        self._orders.tell(draft, record, event)

    # --- fills ---------------------------------------------------------------------------

    def _is_old(self, moment_s: int) -> bool:
        return moment_s * evidence.S_NS < self.forgotten_before_ns

    def fill(self, draft: Draft, word: VenueFill, now_ns: int) -> None:
        """Take a word of a fill in."""
        if not 0 < word.size_e6 <= _MOST_E6 or not 0 <= word.match_time_s < _MOST_S:
            self._orders.count("absurd fill")
            return
        record = self._orders.find_venue(word.order_id)
        is_new = self._fills.find(word.key) is None
        if record is None and is_new and self._is_old(word.match_time_s):
            self._foreign.old_words += 1
            return
        row = self._fills.hear(word, "" if record is None else record.row.order_id, now_ns)
        if row is None:
            return
        if record is None:
            draft.store(row)
            self._foreign.filled(row)
            return
        record.found()
        if is_new:
            self._accept_by_fill(draft, record, now_ns)
            filled_e6 = record.row.filled_e6 + row.size_e6
            self._orders.note(draft, record, filled_e6=filled_e6)
            evidence.note_short(record, now_ns)
        if asks_to_turn(row):
            row = self._fills.turn(row)
            booking = self._books.book_fill(draft, row, now_ns)
            event = event_of(booking, now_ns)
            assert event is not None
            self._orders.tell_fill(draft, record, event, filling_e6(booking))
        draft.store(row)
        self._end_if_counted(draft, record, now_ns)

    def _accept_by_fill(self, draft: Draft, record: Record, now_ns: int) -> None:
        state = record.row.state
        if state in IN_DOUBT:
            self.accept(draft, record, now_ns)
        elif state is OrderState.REJECTED:
            self._rise(draft, record, now_ns)
        elif not record.row.is_open:
            self._orders.count("filled after its end")
