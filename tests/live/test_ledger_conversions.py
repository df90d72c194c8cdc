"""Merges and redemptions: asked, done or failed, booked once, over runs."""

import pytest

from live_venue import MARKET, NO, START, YES, S
from live_words import Teller, names
from polyframe.commands import MergePairs, RedeemTokens
from polyframe.money import SHARE_E6

MERGE = MergePairs("m-0001", MARKET, 5 * SHARE_E6)


@pytest.fixture
def told() -> Teller:
    return Teller()


def test_a_merge_is_a_row_before_it_leaves_and_is_booked_when_done(told) -> None:
    conversions = told.ledger.conversions
    told.take(conversions.merge_asked(MERGE, (YES, NO), START))
    told.take(conversions.named("m-0001", "0xtransaction"))
    assert told.ledger.books.cash_e12 == 0
    (row,) = told.ledger.questions(START).conversions
    assert row.reference == "0xtransaction"
    (event,) = told.take(conversions.done("m-0001", START))
    assert (names([event]), event.size_e6) == (["PairsMerged"], 5 * SHARE_E6)
    assert told.ledger.books.cash_e12 == 5 * 10**12
    assert told.ledger.books.tokens_e6 == {YES: -5 * SHARE_E6, NO: -5 * SHARE_E6}
    assert told.take(conversions.done("m-0001", START)) == []
    assert told.take(conversions.failed("m-0001", "late", START)) == []
    assert conversions.unexpected == 2
    with pytest.raises(ValueError, match="asked for before"):
        conversions.merge_asked(MERGE, (YES, NO), START)


def test_a_merge_that_failed_changes_nothing_and_one_that_came_after_all_is_booked(told) -> None:
    conversions = told.ledger.conversions
    told.take(conversions.merge_asked(MERGE, (YES, NO), START))
    assert names(told.take(conversions.failed("m-0001", "reverted", START))) == ["MergeFailed"]
    assert not told.ledger.books.tokens_e6
    assert not conversions.under_way()
    assert names(told.take(conversions.done("m-0001", START))) == ["PairsMerged"]


def test_a_merge_under_way_outlives_its_run(told) -> None:
    told.take(told.ledger.conversions.merge_asked(MERGE, (YES, NO), START))
    again = Teller(told.rows)
    again.take(again.ledger.resume(START))
    assert [row.conversion_id for row in again.ledger.questions(START).conversions] == ["m-0001"]
    assert names(again.take(again.ledger.conversions.done("m-0001", START))) == ["PairsMerged"]
    third = Teller(again.rows)
    assert names(third.take(third.ledger.resume(START))) == ["PairsMerged"]
    assert third.ledger.numbers.merge == 2


def test_a_redemption_books_what_it_brought(told) -> None:
    conversions = told.ledger.conversions
    command = RedeemTokens("r-0001", MARKET)
    told.take(conversions.redeem_asked(command, {YES: 7, NO: 2}, 7_000_000, START))
    (event,) = told.take(conversions.done("r-0001", START + S, cash_e12=6_000_000))
    assert (names([event]), event.market_id) == (["TokensRedeemed"], MARKET)
    assert told.ledger.books.cash_e12 == 6_000_000
    assert told.ledger.books.tokens_e6 == {YES: -7, NO: -2}
    told.take(conversions.redeem_asked(RedeemTokens("r-0002", MARKET), {YES: 1}, 1, START))
    assert names(told.take(conversions.failed("r-0002", "no", START))) == ["RedeemFailed"]
    assert told.take(conversions.named("r-0009", "x")) == []
