"""The live ledger: what we asked the venue for and what it said, by its own order ids; pure.

The venue's words come late, twice, never and out of order, from the user channel, from reads and
as answers. Each is taken in any number of times, in any order, and becomes a :class:`Change`:
rows to make durable, then events with our own ids for the engine. Nothing the venue says raises;
what does not fit is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from polyframe.commands import PlaceOrder
from polyframe.events import (
    CancelRejected,
    OrderRejected,
    OrderUncertain,
)
from polyframe.model import FeeSchedule
from polyframe.polymarket.account_words import (
    Cancelled,
    Placement,
    PlaceResult,
    VenueFill,
    VenueOrder,
)
from polyframe.runtime.live import evidence
from polyframe.runtime.live.bookings import Books, event_of, filling_e6
from polyframe.runtime.live.changes import Change, Draft, Questions
from polyframe.runtime.live.conversions import Conversions
from polyframe.runtime.live.fill_records import FillRecords
from polyframe.runtime.live.foreign import Foreign
from polyframe.runtime.live.hearing import Hearing
from polyframe.runtime.live.inquiry import Inquiry
from polyframe.runtime.live.order_records import OrderRecords
from polyframe.runtime.live.order_states import News, OrderState
from polyframe.runtime.live.rows import OrderRow
from polyframe.runtime.live.statements import Statements
from polyframe.runtime.live.stored_account import Numbers, StoredAccount

# A refusal because the same bytes are there already: the order got in (venue.md 2.10).
ALREADY_THERE = "duplicate"
# The matching engine was away when the request came (425): most likely it is not in.
_TURNED_AWAY = "restarting"


class LiveLedger:
    """Orders, fills and bookings of one account.

    Args:
        stored: what is on disk of it.
        run_id: the run that sends orders now.
        fees: a market's fee schedule, None for a market nobody knows.
        unknown_after_ns: over how long an unanswered order must not be found.
    """

    def __init__(
        self,
        stored: StoredAccount,
        *,
        run_id: str,
        fees: Callable[[str], FeeSchedule | None],
        unknown_after_ns: int,
    ) -> None:
        self._run_id = run_id
        self._unknown_after_ns = unknown_after_ns
        self.orders = OrderRecords(stored.orders)
        self.fills = FillRecords(stored.fills, fees)
        self.books = (Books() if stored.books is None else stored.books.copy()).add_all(
            stored.ledger
        )
        self.statements = Statements(self.books)
        self.conversions = Conversions(stored.conversions, self.books)
        self.foreign = Foreign(stored.fills)
        self.inquiry = Inquiry(self.orders, self.fills, stored.last_ns)
        self._to_resume = stored.ledger
        self._hearing = Hearing(self.orders, self.fills, self.books, self.foreign)
        self._hearing.forgotten_before_ns = stored.forgotten_before_ns
        self._numbers = stored.numbers
        self.given_seq = self.books.seq - len(stored.ledger)

    # --- from run to run -----------------------------------------------------------------

    def resume(self, now_ns: int) -> Change:
        """Return what an engine that begins from the snapshot has to hear first; once a run.

        Orders of earlier runs that may still matter are introduced, then what was booked after
        the snapshot follows in order. An order whose request was under way when its run ended
        is UNKNOWN from now on.
        """
        draft = Draft()
        regiven: dict[str, int] = {}
        for booking in self._to_resume:
            before_e6 = regiven.get(booking.order_id, 0)
            regiven[booking.order_id] = before_e6 + filling_e6(booking)
        for record in self.orders:
            row = record.row
            if row.state is OrderState.INTENT:
                self.orders.move(draft, record, News.UNANSWERED, now_ns, "its run ended")
            record.answered_ns = now_ns
            is_named = row.order_id in regiven
            if row.is_open or is_named or self.fills.has_unsettled(row.venue_id):
                self.orders.introduce(draft, record, now_ns, regiven.get(row.order_id, 0))
        for booking in self._to_resume:
            event = event_of(booking, now_ns)
            record_of = self.orders.find(booking.order_id)
            if event is None:
                continue
            if record_of is None:
                draft.tell(event)
            else:
                self.orders.tell_fill(draft, record_of, event, filling_e6(booking))
        change = draft.change()._replace(upto_seq=self.books.seq)
        self._to_resume = ()
        return change

    def given(self, change: Change) -> None:
        """Note that the engine was given a change's events; a snapshot names ``given_seq``."""
        self.given_seq = max(self.given_seq, change.upto_seq)

    @property
    def numbers(self) -> Numbers:
        """The next free numbers of our ids."""
        return self._numbers

    def is_ours(self, venue_id: str) -> bool:
        """Return whether an order of the venue's is one of ours."""
        return self.orders.find_venue(venue_id) is not None

    def venue_id(self, order_id: str) -> str | None:
        """Return the venue's id of an order, None for one that was never stored."""
        record = self.orders.find(order_id)
        return None if record is None else record.row.venue_id

    def is_open(self, order_id: str) -> bool:
        """Return whether something may still be booked of an order (our id)."""
        record = self.orders.find(order_id)
        return record is not None and record.row.is_open

    def open_venue_ids(self) -> tuple[str, ...]:
        """Return the venue's ids of all orders of which something may still be booked."""
        return tuple(record.row.venue_id for record in self.orders.open())

    def markets_to_resume(self) -> tuple[str, ...]:
        """Return the markets that :meth:`resume` is going to speak of."""
        named = [record.row.market_id for record in self.orders.open()]
        named += [row.market_id for row in self._to_resume if row.market_id]
        named += [row.market_id for row in self.fills.unsettled()]
        named += [row.market_id for row in self.conversions.under_way()]
        return tuple(dict.fromkeys(named))

    def forget(self, before_ns: int) -> int:
        """Forget orders that ended and were settled before a time; return how many.

        What the venue says later of that time is counted as old, not held for foreign.
        """
        done = [
            record
            for record in self.orders
            if not record.row.is_open
            and record.row.state_ns < before_ns
            and not self.fills.has_changed(record.row.venue_id, before_ns)
        ]
        for record in done:
            self.orders.drop(record)
            self.fills.drop(record.row.venue_id)
        if done:
            self._hearing.forgotten_before_ns = max(self._hearing.forgotten_before_ns, before_ns)
        return len(done)

    # --- what we do ----------------------------------------------------------------------

    def intend(self, command: PlaceOrder, venue_id: str, body: bytes, now_ns: int) -> Change:
        """Register an order before its request leaves; its row must be durable by then (I17).

        Args:
            command: what the engine asked for.
            venue_id: the order's EIP-712 digest.
            body: the signed request; only these bytes may ever be sent for it.
            now_ns: market time.

        Raises:
            ValueError: an id was used before.
        """
        draft = Draft()
        self.orders.intend(
            OrderRow(
                order_id=command.order_id, venue_id=venue_id, market_id=command.market_id,
                token_id=command.token_id, side=command.side, price_e4=command.price_e4,
                size_e6=command.size_e6, expires_ns=command.expires_ns,
                post_only=command.post_only, component=command.component,
                decision_id=command.decision_id, placed_ns=now_ns, body=body,
                run_id=self._run_id, state_ns=now_ns,
            ),
            draft,
        )  # fmt: skip
        self._numbers = self._numbers.beside(command.order_id)
        return draft.change()

    def cancel_asked(self, order_ids: Sequence[str], now_ns: int) -> Change:
        """Note that cancels leave for orders (our ids)."""
        draft = Draft()
        for order_id in order_ids:
            record = self.orders.find(order_id)
            if record is not None:
                self.orders.move(draft, record, News.CANCEL_ASKED, now_ns)
        return draft.change()

    # --- what the venue answers ----------------------------------------------------------

    def placed(self, placement: Placement, now_ns: int) -> Change:
        """Take the answer to a placement in; ``now_ns`` is when its request ended."""
        draft = Draft()
        record = self.orders.find_venue(placement.order_id)
        if record is None:
            self.orders.count("answer for an order that is not ours")
            return draft.change()
        record.answered_ns = now_ns
        if placement.result is PlaceResult.ACCEPTED:
            self._hearing.accept(draft, record, now_ns)
        elif placement.result is PlaceResult.REJECTED and placement.code != ALREADY_THERE:
            if self.orders.move(draft, record, News.REFUSED, now_ns, placement.code):
                event = OrderRejected(
                    now_ns, record.row.order_id, placement.code, placement.message
                )
                self.orders.tell(draft, record, event)
            elif record.row.state is not OrderState.REJECTED:
                # There is evidence of the order, and a refusal: one of them is another request's.
                self._hearing.doubt(record, now_ns, "refused although it is there")
        else:
            record.found()  # what was sent again may arrive from now on
            reason = placement.message or placement.code
            if self.orders.move(draft, record, News.UNANSWERED, now_ns, reason):
                event_ = OrderUncertain(now_ns, record.row.order_id, reason)
                self.orders.tell(draft, record, event_)
            record.doubted_ns = now_ns
            record.turned_away_ns = now_ns if placement.code == _TURNED_AWAY else 0
        return draft.change()

    def cancelled(self, answer: Cancelled, now_ns: int) -> Change:
        """Take the answer to a cancel request in; its ids are the venue's.

        What is gone may have traded before it went: it ends when the venue has said how much.
        A refusal is no evidence of anything; the order is asked for by its id.
        """
        draft = Draft()
        for venue_id in answer.gone:
            record = self.orders.find_venue(venue_id)
            if record is None:
                self.foreign.gone(venue_id)
            else:
                self._hearing.over(draft, record, None, "cancelled", now_ns)
        for venue_id, message in answer.refused.items():
            record = self.orders.find_venue(venue_id)
            if record is None or not record.row.is_open:
                continue
            record.doubted_ns = now_ns
            self.orders.move(draft, record, News.CANCEL_REFUSED, now_ns)
            event = CancelRejected(now_ns, record.row.order_id, message)
            self.orders.tell(draft, record, event)
        return draft.change()

    def engine_asked(self, answer: Cancelled, asked_ns: int, now_ns: int) -> Change:
        """Take the answer to a cancel of ``turned_away`` orders in, sent at ``asked_ns``.

        Our engine did not ask for it: it is not told that it was refused.
        """
        change = self.cancelled(replace(answer, refused={}), now_ns)
        if answer.is_known and not answer.message:  # else it is not the engine that refused
            for venue_id in answer.refused:
                record = self.orders.find_venue(venue_id)
                if record is not None and asked_ns > record.turned_away_ns > 0:
                    record.absent_ns = record.absent_ns or asked_ns
        return change

    def cancel_unanswered(self, order_ids: Sequence[str], now_ns: int) -> None:
        """Note that the fate of a cancel request is not known: its orders (our ids) are asked."""
        for order_id in order_ids:
            record = self.orders.find(order_id)
            if record is not None:
                record.doubted_ns = now_ns

    # --- what the venue says -------------------------------------------------------------

    def heard(self, words: Sequence[VenueOrder | VenueFill], now_ns: int) -> Change:
        """Take words of the user channel in: any order, any number of times."""
        draft = Draft()
        for word in words:
            if isinstance(word, VenueOrder):
                self._hearing.order(draft, word, now_ns, asked_ns=None)
            else:
                self._hearing.fill(draft, word, now_ns)
        return draft.change()

    def read_order(
        self, venue_id: str, found: VenueOrder | None, asked_ns: int, now_ns: int
    ) -> Change:
        """Take the answer to a read by id in; ``found`` is None when the venue knows no such order.

        A read that failed is none: do not tell of it.
        """
        draft = Draft()
        record = self.orders.find_venue(venue_id)
        if record is not None:
            record.asked_ns = max(record.asked_ns, asked_ns)
        if found is not None:
            if record is not None and asked_ns >= record.doubted_ns:
                record.doubted_ns = 0
            self._hearing.order(draft, found, now_ns, asked_ns=asked_ns)
        elif record is None:
            self.foreign.gone(venue_id)
        elif record.row.state is not OrderState.INTENT and asked_ns >= record.answered_ns:
            record.missing(asked_ns)
            if evidence.never_arrived(record, self._unknown_after_ns):
                self._hearing.never_arrived(draft, record, now_ns)
            elif evidence.stayed_away(record):
                message = "the matching engine restarted, and does not have it"
                self._hearing.never_arrived(draft, record, now_ns, message)
            elif evidence.is_forgotten(record):
                self._hearing.over(draft, record, None, "forgotten", now_ns)
        return draft.change()

    def read_orders(self, found: Sequence[VenueOrder], asked_ns: int, now_ns: int) -> Change:
        """Take a complete read of the open orders in.

        What is not among them is over only if we knew before the read was asked for that the
        venue had it; even then it is asked for by its id first.
        """
        draft = Draft()
        seen: dict[str, VenueOrder] = {word.order_id: word for word in found}
        for word in seen.values():
            self._hearing.order(draft, word, now_ns, asked_ns=asked_ns)
        for record in self.orders.open():
            row = record.row
            if row.venue_id in seen:
                continue
            record.unlisted_ns = max(record.unlisted_ns, asked_ns)
            if (
                row.state in (OrderState.LIVE, OrderState.CANCEL_SENT)
                and row.accepted_ns < asked_ns
            ):
                record.doubted_ns = record.doubted_ns or asked_ns
        self.foreign.keep_open(seen, asked_ns)
        return draft.change()

    def read_trades(
        self, found: Sequence[VenueFill], since_s: int, asked_ns: int, now_ns: int
    ) -> Change:
        """Take a complete read of the account's trades in, from ``since_s`` (Unix seconds) on."""
        draft = Draft()
        for fill in found:
            self._hearing.fill(draft, fill, now_ns)
        self.inquiry.trades_read(since_s, asked_ns)
        for record in self.orders.open():
            if evidence.proves_trades(record, since_s, asked_ns):
                self._hearing.end(draft, record, now_ns)
        return draft.change()

    def user_feed_back(self, away_since_ns: int) -> None:
        """Note that the user channel was away: what it would have said is to be read."""
        self.inquiry.doubt_since(away_since_ns)

    def questions(self, now_ns: int) -> Questions:
        """Return what has to be asked of the venue now; ask it and tell the answers."""
        return Questions(
            order_ids=self.inquiry.orders_to_read(now_ns),
            trades_since_s=self.inquiry.trades_since_s(now_ns),
            strays=tuple(
                record.row.venue_id
                for record in self.orders.open()
                if record.is_stray or evidence.overstays(record, now_ns)
            ),
            turned_away=tuple(
                record.row.venue_id
                for record in self.orders.open()
                if evidence.must_be_cancelled(record)
            ),
            conversions=self.conversions.under_way(),
        )
