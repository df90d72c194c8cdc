"""The live ledger, one rule at a time."""

import pytest

from live_venue import FEES, NO, OTHER_MARKET, START, YES, S, venue_id
from live_words import (
    CANCELED,
    LIVE,
    MATCHED,
    Teller,
    a_fill,
    a_word,
    an_order,
    names,
)
from polyframe.events import OrderAdopted, OrderFilled, Side
from polyframe.money import SHARE_E6, taker_fee_e12
from polyframe.polymarket.account_words import Cancelled, Placement, PlaceResult, TradeStatus
from polyframe.runtime.live.opening import as_opened
from polyframe.runtime.live.order_states import TRANSITIONS, OrderState
from polyframe.runtime.live.rows import OrderRow
from polyframe.runtime.live.statements import Balances
from polyframe.runtime.live.stored_account import Numbers
from polyframe.settings import CapitalSettings, Settings

FAILED, CONFIRMED = TradeStatus.FAILED, TradeStatus.CONFIRMED


@pytest.fixture
def told() -> Teller:
    return Teller()


# --- sending ---------------------------------------------------------------------------


def test_an_intent_is_a_row_before_it_is_anything_else(told) -> None:
    change = told.ledger.intend(an_order(), "0xdigest", b"signed", START)
    (row,) = change.rows
    assert isinstance(row, OrderRow)
    assert (row.state, row.body, row.venue_id) == ("intent", b"signed", "0xdigest")
    assert not change.events
    with pytest.raises(ValueError, match="sent before"):
        told.ledger.intend(an_order(), "0xother", b"", START)
    with pytest.raises(ValueError, match="sent before"):
        told.ledger.intend(an_order(2), "0xdigest", b"", START)


def test_the_stream_may_know_before_the_answer_does(told) -> None:
    order = an_order()
    told.intend(order)
    assert names(told.hear(a_fill(order, 4))) == ["OrderAccepted", "OrderFilled"]
    assert told.placed(order) == []
    assert told.placed(order, "unknown") == []
    assert told.state(order) == "live"


def test_an_order_without_an_answer_keeps_its_reservation_until_evidence(told) -> None:
    order = an_order()
    told.intend(order)
    assert names(told.placed(order, "unknown")) == ["OrderUncertain"]
    assert told.asked() == [order.order_id]
    told.read(order, None)
    assert told.asked() == []  # not again at once
    told.wait(40)
    assert names(told.hear(a_word(order))) == ["OrderAccepted"]  # 40 s later it is there
    assert told.state(order) == "live"


def test_an_order_never_arrived_when_it_was_not_found_for_long_enough(told) -> None:
    order = an_order(expires_ns=None)
    told.intend(order)
    told.read(order, None)  # before its request ended: it says nothing
    told.wait(1)
    told.placed(order, "unknown")
    told.read(order, None)
    told.wait(119)
    assert told.read(order, None) == []
    told.wait(1)
    (event,) = told.read(order, None)
    assert (names([event]), event.code) == (["OrderRejected"], "never_arrived")
    assert told.state(order) == "rejected"


def test_what_is_sent_again_is_searched_for_anew(told) -> None:
    order = an_order(expires_ns=None)
    told.intend(order)
    told.placed(order, "unknown")
    told.read(order, None)
    told.wait(60)
    told.placed(order, "unknown")
    told.read(order, None)
    told.wait(119)
    assert told.read(order, None) == []


def test_evidence_in_between_makes_the_search_begin_anew(told) -> None:
    order = an_order(expires_ns=None)
    told.intend(order)
    told.placed(order, "unknown")
    told.read(order, None)
    told.wait(60)
    told.read(order, a_word(order))
    told.wait(61)
    assert told.read(order, None) == []
    assert told.state(order) == "live"


def test_after_its_expiry_one_read_is_enough(told) -> None:
    order = an_order(expires_ns=START + 30 * S)
    told.intend(order)
    told.placed(order, "unknown")
    told.wait(34)
    assert told.read(order, None) == []
    told.wait(2)
    assert names(told.read(order, None)) == ["OrderRejected"]


def test_what_was_sent_again_and_answered_is_known(told) -> None:
    order = an_order()
    told.intend(order)
    told.placed(order, "unknown")
    assert names(told.placed(order, "rejected", "post_only")) == ["OrderRejected"]


def test_a_refusal_as_a_duplicate_means_that_it_is_there(told) -> None:
    order = an_order()
    told.intend(order)
    assert names(told.placed(order, "rejected", "duplicate")) == ["OrderUncertain"]
    assert told.asked() == [order.order_id]
    assert names(told.read(order, a_word(order))) == ["OrderAccepted"]


def test_an_order_that_comes_after_it_was_given_up_is_booked_and_to_be_cancelled(told) -> None:
    order = an_order(expires_ns=START + 30 * S)
    told.intend(order)
    told.placed(order, "unknown")
    told.wait(40)
    told.read(order, None)
    assert told.hear(a_word(order)) == []  # the engine was told that it is over
    assert told.ledger.questions(told.now).strays == (venue_id(order.order_id),)
    assert names(told.hear(a_fill(order, 3))) == ["OrderFilled"]
    assert told.hear(a_word(order, CANCELED, 3)) == []
    assert told.ledger.questions(told.now).strays == ()


def test_a_refusal_of_what_is_there_frees_nothing(told) -> None:
    order = an_order()
    told.intend(order)
    told.hear(a_word(order))
    assert told.placed(order, "rejected", "invalid") == []
    assert told.state(order) == "live"
    assert told.asked() == [order.order_id]


def test_an_answer_for_somebody_elses_order_is_counted(told) -> None:
    answer = Placement(order_id="0xother", result=PlaceResult.ACCEPTED)
    assert told.take(told.ledger.placed(answer, START)) == []
    assert told.ledger.orders.unexpected == {"answer for an order that is not ours": 1}


# --- ending ----------------------------------------------------------------------------


def test_a_confirmed_cancel_frees_nothing_before_the_count_is_known(told) -> None:
    order = told.resting()
    told.take(told.ledger.cancel_asked([order.order_id], told.now))
    answer = Cancelled(gone=(venue_id(order.order_id),))
    assert told.take(told.ledger.cancelled(answer, told.now)) == []
    assert told.state(order) == "ending"
    told.wait(2)
    assert told.asked() == [order.order_id]
    assert told.read(order, a_word(order, CANCELED, 4)) == []  # 4 matched, none here yet
    assert told.asked() == []
    told.wait(2)
    assert told.ledger.questions(told.now).trades_since_s == START // S - 60
    assert names(told.hear(a_fill(order, 4))) == ["OrderFilled", "OrderCancelled"]
    assert told.state(order) == "cancelled"


def test_the_signed_bytes_are_forgotten_when_the_order_ends(told) -> None:
    order = told.resting()
    told.hear(a_word(order, CANCELED, 0))
    rows = [row for row in told.rows if isinstance(row, OrderRow)]
    assert (rows[0].body, rows[-1].body) == (b"signed", b"")


def test_a_read_of_the_trades_proves_what_never_comes_but_not_too_early(told) -> None:
    order = told.resting()
    told.hear(a_word(order, CANCELED, 4))
    told.wait(5)
    assert told.read_trades() == []  # the trade may not be readable yet
    told.wait(6)
    assert names(told.read_trades()) == ["OrderCancelled"]
    assert names(told.hear(a_fill(order, 4))) == ["OrderFilled"]  # late, and booked all the same
    assert told.ledger.orders.unexpected == {"filled after its end": 1}


def test_without_any_count_the_trades_prove_it_after_a_read_by_id(told) -> None:
    order = told.resting()
    told.hear(a_word(order, CANCELED, None))
    told.wait(11)
    assert told.read_trades() == []
    told.read(order, a_word(order, CANCELED, None))
    assert names(told.read_trades()) == ["OrderCancelled"]


def test_a_refused_cancel_is_no_evidence_but_a_question(told) -> None:
    order = told.resting()
    told.take(told.ledger.cancel_asked([order.order_id], told.now))
    refusal = Cancelled(refused={venue_id(order.order_id): "already canceled or matched"})
    assert names(told.take(told.ledger.cancelled(refusal, told.now))) == ["CancelRejected"]
    assert told.state(order) == "live"
    assert told.asked() == [order.order_id]
    told.hear(a_fill(order, 10))
    assert told.state(order) == "filled"


def test_a_cancel_request_of_unknown_fate_has_its_orders_read(told) -> None:
    order = told.resting()
    told.take(told.ledger.cancel_asked([order.order_id], told.now))
    told.ledger.cancel_unanswered([order.order_id], told.now)
    assert told.asked() == [order.order_id]
    assert told.state(order) == "cancel_sent"


@pytest.mark.parametrize("filled", [9.99, 9.995])
def test_a_matched_order_ends_although_dust_is_missing(told, filled) -> None:
    order = told.resting()
    told.hear(a_fill(order, filled))
    (event,) = told.hear(a_word(order, MATCHED, 10))
    assert (names([event]), event.reason) == (["OrderCancelled"], "dust")
    assert told.state(order) == "filled"


def test_a_full_fill_ends_an_order_without_more_words(told) -> None:
    order = told.resting()
    told.hear(a_fill(order, 6), a_fill(order, 4, trade_id="t2"))
    assert told.state(order) == "filled"
    assert names(told.events)[-2:] == ["OrderFilled", "OrderFilled"]
    assert told.hear(a_word(order, MATCHED, 10)) == []


def test_matched_with_much_left_does_not_end_an_order_that_rests(told) -> None:
    order = told.resting()
    told.hear(a_fill(order, 4))
    assert told.hear(a_word(order, MATCHED, 4)) == []
    assert told.state(order) == "ending"
    told.wait(2)
    assert told.asked() == [order.order_id]
    told.read(order, a_word(order, LIVE, 4))
    assert told.state(order) == "live"


def test_what_takes_ends_with_what_it_took(told) -> None:
    order = told.resting(post_only=False)
    told.hear(a_fill(order, 4, is_maker=False))
    assert names(told.hear(a_word(order, MATCHED, 4))) == ["OrderCancelled"]


def test_what_binds_dollars_may_get_more_than_it_asked_for(told) -> None:
    order = told.resting(post_only=False)
    told.hear(a_fill(order, 6, is_maker=False, price_e4=4000))
    events = told.hear(
        a_fill(order, 5.5, is_maker=False, price_e4=4500, trade_id="t2"),
        a_word(order, MATCHED, 11.5),
    )
    assert names(events) == ["OrderFilled"]
    assert told.state(order) == "filled"
    told.wait(60)
    assert (told.asked(), told.ledger.questions(told.now).strays) == ([], ())
    assert told.ledger.books.tokens_e6 == {YES: 11_500_000}
    assert told.ledger.orders.unexpected == {}
    again = Teller(told.rows)
    (adopted,) = again.take(again.ledger.resume(again.now))[:1]
    assert (adopted.size_e6, adopted.filled_e6, adopted.is_live) == (10_000_000, 0, False)


def test_a_surplus_told_after_the_order_was_whole_is_booked(told) -> None:
    order = told.resting(post_only=False)
    told.hear(a_fill(order, 10, is_maker=False, price_e4=4000))
    assert told.state(order) == "filled"
    assert names(told.hear(a_word(order, MATCHED, 10.5))) == []
    assert names(told.hear(a_fill(order, 0.5, is_maker=False, trade_id="t2"))) == ["OrderFilled"]
    assert told.state(order) == "filled"
    assert told.ledger.books.tokens_e6 == {YES: 10_500_000}


def test_what_takes_and_is_not_told_of_is_read(told) -> None:
    order = told.resting(post_only=False)
    assert told.asked() == []
    told.wait(2)
    assert told.asked() == [order.order_id]


def test_what_was_to_take_and_rests_is_to_be_cancelled(told) -> None:
    order = told.resting(post_only=False, expires_ns=None)
    told.read(order, a_word(order, LIVE, 0, reason="UNMATCHED"))
    told.wait(14)
    assert told.ledger.questions(told.now).strays == ()  # its match may be held back
    told.wait(2)
    assert told.ledger.questions(told.now).strays == (venue_id(order.order_id),)
    told.take(told.ledger.cancelled(Cancelled(gone=(venue_id(order.order_id),)), told.now))
    assert names(told.read(order, a_word(order, CANCELED, 0))) == ["OrderCancelled"]


def test_what_rests_as_it_should_is_no_stray(told) -> None:
    told.resting(expires_ns=None)
    told.wait(1000)
    assert told.ledger.questions(told.now).strays == ()


def test_a_fill_that_only_the_count_tells_of_is_read(told) -> None:
    order = told.resting()
    told.read_trades()
    told.wait(6)
    assert told.ledger.questions(told.now).trades_since_s is None
    told.hear(a_word(order, LIVE, 4))  # the trade's own message never comes
    told.wait(2)
    assert told.ledger.questions(told.now).trades_since_s is not None
    assert names(told.read_trades(a_fill(order, 4))) == ["OrderFilled"]
    told.wait(6)
    assert told.ledger.questions(told.now).trades_since_s is None


def test_an_order_past_its_expiry_is_read(told) -> None:
    order = told.resting()
    told.wait(604)
    assert told.asked() == []
    told.wait(2)
    assert told.asked() == [order.order_id]


def test_the_end_is_final_and_late_words_are_counted(told) -> None:
    order = told.resting()
    told.hear(a_word(order, CANCELED, 0))
    assert told.hear(a_word(order)) == []
    assert told.state(order) == "cancelled"
    assert told.ledger.orders.unexpected == {"open after its end": 1}


def test_absence_counts_only_for_what_was_there_before_the_read(told) -> None:
    order = told.resting()
    asked_ns = told.now
    told.wait(1)
    told.take(told.ledger.read_orders([], asked_ns, told.now))
    assert told.asked() == []
    told.take(told.ledger.read_orders([], told.now, told.now))
    assert told.asked() == [order.order_id]
    assert told.state(order) == "live"


def test_an_order_the_venue_lost_ends_when_it_stays_lost(told) -> None:
    order = told.resting()
    told.wait(1)
    told.read(order, None)
    told.wait(9)
    told.read(order, None)
    assert told.state(order) == "live"
    told.wait(1)
    told.read(order, None)
    assert told.state(order) == "ending"
    told.wait(9)
    assert told.read_trades() == []
    told.wait(1)
    assert names(told.read_trades()) == ["OrderCancelled"]


def test_every_open_state_has_a_way_out_and_no_end_but_a_rejection_has_one() -> None:
    left = {state for state, _ in TRANSITIONS}
    assert left == set(OrderState) - {OrderState.FILLED, OrderState.CANCELLED}
    assert {to for (at, _), to in TRANSITIONS.items() if at is OrderState.REJECTED} == {
        OrderState.LIVE
    }


# --- fills -----------------------------------------------------------------------------


def test_a_fill_is_booked_once_however_often_it_is_told(told) -> None:
    order = told.resting()
    (event,) = told.hear(a_fill(order, 4))
    assert (event.trade_id, event.order_id, event.size_e6) == ("t1", order.order_id, 4 * SHARE_E6)
    for status in ("MATCHED", "MINED", "MATCHED", "MINED", "RETRYING", "CONFIRMED", "MINED"):
        assert told.hear(a_fill(order, 4, TradeStatus(status))) == []
    (fill,) = told.ledger.fills
    assert fill.status is CONFIRMED
    assert told.ledger.books.cash_e12 == -2 * 10**12
    assert told.ledger.books.tokens_e6 == {YES: 4 * SHARE_E6}


def test_a_status_does_not_step_back(told) -> None:
    order = told.resting()
    told.hear(a_fill(order, 4, TradeStatus.MINED), a_fill(order, 4))
    assert [fill.status for fill in told.ledger.fills] == [TradeStatus.MINED]
    assert told.ledger.fills.late == 1


def test_a_failed_settlement_restores_the_exact_prior_state(told) -> None:
    order = told.resting(post_only=False, price_e4=4700)
    told.hear(a_fill(order, 3, trade_id="t0", is_maker=False))
    before = told.ledger.books.cash_e12, dict(told.ledger.books.tokens_e6)
    (booked,) = told.hear(a_fill(order, 4, is_maker=False))
    (taken_back,) = told.hear(a_fill(order, 4, FAILED, is_maker=False))
    assert (taken_back.trade_id, taken_back.reverses) == ("t1!failed", booked.trade_id)
    assert (taken_back.size_e6, taken_back.fee_e12) == (booked.size_e6, booked.fee_e12)
    assert booked.fee_e12 > 0
    assert (told.ledger.books.cash_e12, told.ledger.books.tokens_e6) == before
    assert told.hear(a_fill(order, 4, FAILED, is_maker=False)) == []


def test_what_failed_before_we_heard_of_it_is_kept_and_not_booked(told) -> None:
    order = told.resting()
    (event,) = told.hear(a_fill(order, 10, FAILED))
    assert (names([event]), event.reason) == (["OrderCancelled"], "settlement_failed")
    assert told.state(order) == "filled"  # the venue does not relist it
    assert told.hear(a_fill(order, 10)) == []
    (fill,) = told.ledger.fills
    assert (fill.status, fill.turns, fill.is_reversed) == (FAILED, 0, False)


def test_confirmed_after_failed_is_booked_again_under_another_id(told) -> None:
    order = told.resting()
    told.hear(a_fill(order, 4), a_fill(order, 4, FAILED))
    (again,) = told.hear(a_fill(order, 4, CONFIRMED))
    assert (again.trade_id, again.reverses) == ("t1!again2", "")
    assert told.ledger.books.tokens_e6 == {YES: 4 * SHARE_E6}
    assert list(told.ledger.fills.contradicted) == [("t1", venue_id(order.order_id), 0)]
    (back,) = told.hear(a_fill(order, 4, FAILED))
    assert (back.trade_id, back.reverses) == ("t1!again2!failed", "t1!again2")
    assert told.ledger.books.tokens_e6 == {}


def test_a_selling_fill_brings_cash_less_its_fee(told) -> None:
    order = told.resting(side=Side.SELL, post_only=False, price_e4=4700)
    (event,) = told.hear(a_fill(order, 10, is_maker=False))
    assert event.fee_e12 == taker_fee_e12(4700, 10 * SHARE_E6, FEES.rate, FEES.exponent)
    assert told.ledger.books.cash_e12 == 47 * 10**11 - event.fee_e12
    assert told.ledger.books.tokens_e6 == {YES: -10 * SHARE_E6}


def test_the_legs_of_a_trade_share_one_rounding_of_its_fee(told) -> None:
    order = told.resting(post_only=False, price_e4=4700)
    sizes = [0.11, 3.33, 1.01]
    legs = [a_fill(order, size, leg=leg, is_maker=False) for leg, size in enumerate(sizes)]
    events = told.hear(legs[2], legs[0])
    again = Teller(told.rows)  # the third leg comes after a restart
    again.take(again.ledger.resume(again.now))
    events += [one for one in again.hear(legs[1]) if isinstance(one, OrderFilled)]
    assert [event.trade_id for event in events] == ["t1/2", "t1", "t1/1"]
    whole = taker_fee_e12(4700, 4_450_000, FEES.rate, FEES.exponent)
    assert sum(event.fee_e12 for event in events) == whole
    alone = sum(taker_fee_e12(4700, round(s * 1e6), FEES.rate, FEES.exponent) for s in sizes)
    assert alone != whole, "or the example shows nothing"


def test_a_market_without_fee_schedule_is_counted() -> None:
    told = Teller()
    told.ledger.fills._fees = lambda _: None
    order = told.resting(post_only=False)
    told.hear(a_fill(order, 4, is_maker=False))
    assert told.ledger.fills.without_fee_schedule == 1


def test_a_fill_told_otherwise_than_before_is_counted_and_not_believed(told) -> None:
    order = told.resting()
    told.hear(a_fill(order, 4))
    told.hear(a_fill(order, 5, CONFIRMED))
    assert told.ledger.fills.differing == 1
    assert told.ledger.books.tokens_e6 == {YES: 4 * SHARE_E6}


@pytest.mark.parametrize("size", [0, 10**10])
def test_absurd_sizes_are_counted_and_ignored(told, size) -> None:
    order = told.resting()
    assert told.hear(a_fill(order, size)) == []
    assert told.hear(a_word(order, CANCELED, 10**10)) == []
    assert told.ledger.orders.unexpected == {"absurd fill": 1, "absurd size": 1}


# --- what is not ours ------------------------------------------------------------------


def test_orders_and_fills_that_are_not_ours_are_named(told) -> None:
    stranger = an_order(99)
    assert told.hear(a_word(stranger), a_fill(stranger, 4)) == []
    assert [word.order_id for word in told.ledger.foreign.orders()] == ["0xo-000099"]
    assert [row.trade_id for row in told.ledger.foreign.fills()] == ["t1"]
    again = Teller(told.rows)
    assert [row.trade_id for row in again.ledger.foreign.fills()] == ["t1"]
    told.hear(a_fill(stranger, 4, FAILED), a_word(stranger, CANCELED, 4))
    assert not told.ledger.foreign.fills()
    assert not told.ledger.foreign.orders()


def test_a_complete_read_drops_foreign_orders_it_does_not_show(told) -> None:
    told.hear(a_word(an_order(98)), a_word(an_order(99)))
    told.wait(1)
    told.take(told.ledger.read_orders([a_word(an_order(99))], told.now, told.now))
    assert [word.order_id for word in told.ledger.foreign.orders()] == ["0xo-000099"]


def test_what_we_forgot_is_old_and_not_foreign(told) -> None:
    order = told.resting()
    told.hear(a_fill(order, 10, CONFIRMED))
    told.wait(100)
    assert told.ledger.forget(told.now) == 1
    assert told.hear(a_fill(order, 10, CONFIRMED), a_word(order, MATCHED, 10)) == []
    assert told.ledger.foreign.old_words == 2
    assert not told.ledger.foreign.fills()


def test_what_may_still_change_is_not_forgotten(told) -> None:
    order = told.resting()
    told.hear(a_fill(order, 10))
    told.resting(2)
    told.wait(100)
    assert told.ledger.forget(told.now) == 0
    assert names(told.hear(a_fill(order, 10, FAILED))) == ["OrderFilled"]


# --- from run to run -------------------------------------------------------------------


def test_an_intent_of_a_run_that_was_cut_off_is_unknown(told) -> None:
    order = an_order()
    told.intend(order)
    again = Teller(told.rows)
    (adopted,) = again.take(again.ledger.resume(START + S))
    assert isinstance(adopted, OrderAdopted)
    assert (adopted.is_live, adopted.is_uncertain) == (True, True)
    assert again.asked() == [order.order_id]
    assert names(again.hear(a_word(order))) == ["OrderAccepted"]


def test_what_was_booked_after_the_snapshot_is_told_again_in_order(told) -> None:
    first, second = told.resting(), told.resting(2, side=Side.SELL, token_id=NO)
    told.hear(a_fill(first, 3))
    upto_seq = told.ledger.given_seq
    told.hear(a_fill(first, 7, trade_id="t2"), a_fill(second, 4, trade_id="t3"))
    told.hear(a_fill(first, 3, FAILED))
    told.take(told.ledger.statements.reward_paid("day 1", OTHER_MARKET, 5, told.now))
    again = Teller(told.rows, upto_seq)
    events = again.take(again.ledger.resume(START + S))
    assert names(events) == ["OrderAdopted", "OrderAdopted", *["OrderFilled"] * 3, "RewardPaid"]
    assert (events[0].filled_e6, events[0].is_live) == (3 * SHARE_E6, False)
    assert [one.trade_id for one in events[2:5]] == ["t2", "t3", "t1!failed"]
    assert {one.ts_ns for one in events} == {START + S}
    assert again.ledger.given_seq == told.ledger.given_seq == 5
    assert again.take(again.ledger.resume(START + S)) == []
    assert again.ledger.books.cash_e12 == told.ledger.books.cash_e12


def test_a_late_word_of_an_earlier_run_introduces_its_order_first(told) -> None:
    order = told.resting()
    told.hear(a_fill(order, 10, CONFIRMED))
    again = Teller(told.rows, told.ledger.given_seq)
    assert again.take(again.ledger.resume(START)) == []
    events = again.hear(a_fill(order, 10, FAILED))
    assert names(events) == ["OrderAdopted", "OrderFilled"]
    assert (events[0].is_live, events[0].filled_e6) == (False, 10 * SHARE_E6)


def test_after_a_restart_the_trades_are_read_from_where_it_stopped(told) -> None:
    assert told.ledger.questions(told.now).trades_since_s is None
    told.wait(500)
    order = told.resting()
    told.hear(a_word(order, CANCELED, 0))
    again = Teller(told.rows)
    again.wait(900)
    assert again.ledger.questions(again.now).trades_since_s == START // S + 440
    again.take(again.ledger.read_trades([], START // S + 440, again.now, again.now))
    assert again.ledger.questions(again.now).trades_since_s is None


def test_when_the_user_channel_was_away_the_trades_are_read(told) -> None:
    told.wait(100)
    told.ledger.user_feed_back(told.now - 30 * S)
    since_s = told.ledger.questions(told.now).trades_since_s
    assert since_s == (told.now - 30 * S) // S - 60
    told.take(told.ledger.read_trades([], since_s, told.now, told.now))
    assert told.ledger.questions(told.now).trades_since_s is None


def test_a_part_that_matched_and_was_not_told_has_the_trades_read(told) -> None:
    """An order that still rests says how much of it matched; its trade may have been lost."""
    order = told.resting()
    told.hear(a_word(order, LIVE, matched=4))
    assert told.ledger.questions(told.now).trades_since_s is None  # the trade may be on its way
    told.wait(2)
    assert told.ledger.questions(told.now).trades_since_s == START // S - 60
    told.read_trades(a_fill(order, 4))
    told.wait(10)
    assert told.ledger.questions(told.now).trades_since_s is None
    # A part of a part, and a trade that comes by itself.
    told.hear(a_word(order, LIVE, matched=7))
    told.wait(2)
    told.hear(a_fill(order, 3, trade_id="t2"))
    assert told.ledger.questions(told.now).trades_since_s is None


def test_a_settlement_that_takes_long_is_asked_for(told) -> None:
    order = told.resting()
    told.hear(a_fill(order, 10))
    told.wait(59)
    assert told.ledger.questions(told.now).trades_since_s is None
    told.wait(1)
    assert told.ledger.questions(told.now).trades_since_s == START // S - 60


def test_our_numbers_go_on(told) -> None:
    told.resting(41)
    told.intend(an_order(7))
    assert told.ledger.numbers == Numbers(order=42)
    assert Teller(told.rows).ledger.numbers == Numbers(order=42)
    assert Numbers().beside("m-0009").beside("r-0001").beside("x-1").beside("o-") == (1, 10, 2)


def test_an_account_is_opened_once_and_the_rest_is_set_aside(told) -> None:
    held = Balances(asked_ns=START, cash_e12=1500 * 10**12, tokens_e6={YES: 3, NO: 0})
    statements = told.ledger.statements
    assert told.take(statements.open_account(1000 * 10**12, held, START)) == []
    books = told.ledger.books
    assert (books.opening_cash_e12, books.aside_cash_e12) == (1000 * 10**12, 500 * 10**12)
    assert (books.tokens_e6, books.aside_tokens_e6) == ({}, {YES: 3})
    assert statements.open_account(2000 * 10**12, held, START).rows == ()
    assert Teller(told.rows).ledger.books.is_opened


def test_with_less_than_the_bankroll_it_begins_with_what_there_is(told) -> None:
    held = Balances(asked_ns=START, cash_e12=700 * 10**12)
    told.take(told.ledger.statements.open_account(1000 * 10**12, held, START))
    assert told.ledger.books.opening_cash_e12 == 700 * 10**12


def test_a_bankroll_changed_before_the_first_snapshot_changes_no_books(told) -> None:
    held = Balances(asked_ns=START, cash_e12=2000 * 10**12)
    told.take(told.ledger.statements.open_account(1000 * 10**12, held, START))
    after = Teller(told.rows).ledger
    as_before = Settings(capital=CapitalSettings(bankroll_usd=1000.0))
    assert as_opened(after, as_before) is None
    found = as_opened(after, Settings(capital=CapitalSettings(bankroll_usd=1500.0)))
    assert found is not None
    assert found.cash_e12 == after.books.cash_e12 == 1000 * 10**12


def test_a_statement_read_twice_pays_once(told) -> None:
    statements = told.ledger.statements
    assert names(told.take(statements.rebate_paid("d1", "m", 5, START))) == ["RebatePaid"]
    assert told.take(statements.rebate_paid("d1", "m", 5, START)) == []
    assert names(told.take(statements.reward_paid("d1", "m", 5, START))) == ["RewardPaid"]
    assert names(told.take(statements.cash_moved("c1", "deposit", 7, START))) == ["CashMoved"]
    told.take(statements.set_aside("s1", "not ours", START, cash_e12=9, tokens_e6={YES: 1}))
    again = Teller(told.rows)
    assert again.take(again.ledger.statements.reward_paid("d1", "m", 5, START)) == []
    books = again.ledger.books
    assert (books.cash_e12, books.aside_cash_e12, books.aside_tokens_e6) == (17, 9, {YES: 1})
