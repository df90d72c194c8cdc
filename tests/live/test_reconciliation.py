"""Our books beside the venue's: no false alarm while something settles, and no blind spot."""

import pytest

from live_venue import MARKET, NO, START, YES
from live_words import CANCELED, MATCHED, Teller, a_fill, a_word, an_order
from polyframe.commands import MergePairs
from polyframe.live_settings import ProductionSettings
from polyframe.money import SHARE_E6
from polyframe.polymarket.account_words import TradeStatus
from polyframe.runtime.live.reconciliation import compare
from polyframe.runtime.live.statements import Balances

SETTINGS = ProductionSettings()
USD = 10**12
CONFIRMED, FAILED = TradeStatus.CONFIRMED, TradeStatus.FAILED


@pytest.fixture
def told() -> Teller:
    told = Teller()
    held = Balances(asked_ns=START, cash_e12=1200 * USD, tokens_e6={NO: 7 * SHARE_E6})
    told.take(told.ledger.statements.open_account(1000 * USD, held, START))
    return told


def found(told, cash=1200.0, yes=0.0, no=7.0, **more):
    held = Balances(
        asked_ns=told.now, cash_e12=round(cash * 10**6) * 10**6,
        tokens_e6={YES: round(yes * SHARE_E6), NO: round(no * SHARE_E6)},
    )  # fmt: skip
    return compare(told.ledger, held, told.now, SETTINGS, **more)


def test_what_was_set_aside_is_expected_to_be_there(told) -> None:
    assert found(told).differences == ()
    (cash, token) = found(told, cash=1000, no=0).differences
    assert (cash.what, cash.ours, cash.theirs) == ("cash", "1200 USD", "1000 USD")
    assert (token.what, token.name, token.amount) == ("token", NO, -7 * SHARE_E6)
    assert cash.is_beyond_bound
    assert token.is_beyond_bound


@pytest.mark.parametrize(
    ("cash", "is_beyond"), [(1201, False), (1199, False), (1201.01, True), (1198.99, True)]
)
def test_unexplained_cash_is_named_and_halts_beyond_its_bound(told, cash, is_beyond) -> None:
    (one,) = found(told, cash=cash).unexplained
    assert one.amount == round((cash - 1200) * 100) * 10**10
    assert found(told, cash=cash).is_beyond_bound is is_beyond


@pytest.mark.parametrize(("no", "is_beyond"), [(7.01, False), (7.011, True), (6.98, True)])
def test_unexplained_shares_halt_beyond_their_bound(told, no, is_beyond) -> None:
    assert found(told, no=no).is_beyond_bound is is_beyond


def test_less_than_the_venues_unit_is_no_difference(told) -> None:
    held = Balances(asked_ns=told.now, cash_e12=1200 * USD - 10**6, tokens_e6={})
    assert compare(told.ledger, held, told.now, SETTINGS).differences == ()


@pytest.mark.parametrize(("cash", "yes"), [(1200, 0), (1195, 10), (1195, 0), (1200, 10), (1197, 3)])
def test_while_a_fill_settles_the_balance_may_stand_on_either_side(told, cash, yes) -> None:
    order = told.resting()
    told.hear(a_fill(order, 10))
    assert not found(told, cash=cash, yes=yes).unexplained


@pytest.mark.parametrize(("cash", "yes"), [(1193.9, 10), (1201.1, 0), (1195, 10.1), (1200, -0.1)])
def test_and_beyond_both_sides_it_is_a_difference(told, cash, yes) -> None:
    order = told.resting()
    told.hear(a_fill(order, 10))
    assert found(told, cash=cash, yes=yes).is_beyond_bound


@pytest.mark.parametrize("status", [CONFIRMED, FAILED])
def test_a_settlement_just_ended_may_not_show_yet_and_then_must(told, status) -> None:
    order = told.resting()
    told.hear(a_fill(order, 10))
    told.hear(a_fill(order, 10, status))
    assert not found(told, cash=1200, yes=0).unexplained
    assert not found(told, cash=1195, yes=10).unexplained
    told.wait(61)
    good, bad = ((1195, 10), (1200, 0)) if status is CONFIRMED else ((1200, 0), (1195, 10))
    assert found(told, *good).differences == ()
    assert found(told, *bad).is_beyond_bound


def test_a_merge_under_way_or_just_done_may_show_or_not(told) -> None:
    order = told.resting()
    told.hear(a_fill(order, 10))
    told.hear(a_fill(order, 10, CONFIRMED))
    told.wait(61)
    conversions = told.ledger.conversions
    told.take(conversions.merge_asked(MergePairs("m-1", MARKET, 5 * SHARE_E6), (YES, NO), told.now))
    for _ in range(2):
        assert not found(told, 1195, 10, 7).unexplained
        assert not found(told, 1200, 5, 2).unexplained
        assert found(told, 1201.1, 5, 2).is_beyond_bound
        told.take(conversions.done("m-1", told.now))
    told.wait(61)
    assert found(told, 1200, 5, 2).differences == ()
    assert found(told, 1195, 10, 7).is_beyond_bound


def test_what_a_resolved_market_pays_may_have_been_fetched_by_anybody(told) -> None:
    payouts_e6 = {NO: SHARE_E6, YES: 0}
    assert not found(told, 1200, no=7, payouts_e6=payouts_e6).unexplained
    assert not found(told, 1207, no=0, payouts_e6=payouts_e6).unexplained
    assert found(told, 1209, no=0, payouts_e6=payouts_e6).is_beyond_bound


def test_tokens_that_were_not_read_are_named(told) -> None:
    held = Balances(asked_ns=told.now, cash_e12=1200 * USD)
    assert compare(told.ledger, held, told.now, SETTINGS).unread_tokens == (NO,)


def test_orders_and_fills_that_are_not_ours_are_differences(told) -> None:
    stranger = an_order(99)
    told.hear(a_word(stranger), a_fill(stranger, 4))
    order, fill = found(told).unexplained
    assert (order.what, order.name, order.theirs) == ("order", "0xo-000099", "BUY 10 at 0.50")
    assert (fill.what, fill.name) == ("fill", "t1")
    assert "order 0xo-000099" in fill.theirs
    assert not found(told).is_beyond_bound  # its cash will be
    assert found(told, cash=1198, yes=4).is_beyond_bound


def test_an_unknown_order_is_named_when_it_stays_unknown(told) -> None:
    order = an_order()
    told.intend(order)
    told.placed(order, "unknown")
    told.wait(120)
    assert found(told).differences == ()
    told.wait(1)
    (one,) = found(told).unexplained
    assert (one.what, one.name) == ("unknown", order.order_id)


def test_an_order_that_is_being_asked_for_says_so(told) -> None:
    told.resting()
    told.wait(1)
    told.take(told.ledger.read_orders([], told.now, told.now))
    (one,) = found(told).differences
    assert (one.what, one.explained_by) == ("order", "being asked for by its id")


def test_an_order_of_ours_that_rests_after_its_end_is_a_difference(told) -> None:
    order = told.resting()
    told.hear(a_word(order, CANCELED, 0))
    told.wait(11)
    told.take(told.ledger.read_orders([a_word(order)], told.now, told.now))
    (one,) = found(told).unexplained
    assert (one.what, one.name, one.theirs) == ("order", order.order_id, "open")
    told.wait(1)
    told.take(told.ledger.read_orders([], told.now, told.now))
    assert found(told).differences == ()


def test_an_order_given_up_that_rests_after_all_is_due_for_a_cancel(told) -> None:
    order = an_order()
    told.intend(order)
    told.placed(order, "rejected", "invalid")
    told.hear(a_word(order))
    (one,) = found(told).differences
    assert (one.what, one.explained_by) == ("order", "a cancel is due")


def test_a_count_without_its_fills_is_a_difference(told) -> None:
    order = told.resting()
    told.hear(a_word(order, CANCELED, 4))
    told.wait(121)
    (one,) = found(told).unexplained
    assert (one.what, one.amount) == ("fill", 4 * SHARE_E6)
    told.read_trades()
    assert found(told).unexplained == (one,)
    told.hear(a_fill(order, 4))
    assert not found(told).unexplained


def test_an_end_without_a_count_is_named_when_it_lasts(told) -> None:
    order = told.resting()
    told.hear(a_word(order, CANCELED, None))
    told.wait(121)
    (one,) = found(told).unexplained
    assert (one.what, one.theirs) == ("fill", "unknown")


def test_a_settlement_that_the_venue_told_both_ways_is_named(told) -> None:
    order = told.resting()
    told.hear(a_fill(order, 10), a_fill(order, 10, FAILED), a_fill(order, 10, CONFIRMED))
    told.wait(61)
    (one,) = found(told, 1195, 10).differences
    assert (one.what, one.name, one.ours) == ("settlement", "t1", "booked")
    assert one.explained_by


def test_a_settlement_under_way_for_long_is_named(told) -> None:
    order = told.resting()
    told.hear(a_fill(order, 10))
    told.wait(601)
    (one,) = found(told, 1200, 0).differences[-1:]
    assert (one.what, one.theirs) == ("settlement", "MATCHED")
    assert found(told).moving_fills == 1
    assert found(told).expected_cash_e12 == (1195 * USD, 1200 * USD)


def test_a_negative_amount_reads_as_one(told) -> None:
    order = told.resting()
    told.hear(a_fill(order, 4))
    (one,) = found(told, no=7, cash=-3.5, yes=0).unexplained
    assert one.theirs == "-3.5 USD"


def test_more_than_was_asked_for_is_no_difference(told) -> None:
    order = told.resting(post_only=False, price_e4=5000)
    told.hear(
        a_fill(order, 12.5, CONFIRMED, is_maker=False, price_e4=4000), a_word(order, MATCHED, 12.5)
    )
    told.wait(60)
    fee = 0.05 * 12.5 * 0.4 * 0.6
    assert found(told, cash=1200 - 5 - fee, yes=12.5).unexplained == ()
