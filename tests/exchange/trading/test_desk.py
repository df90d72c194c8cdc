"""The desk: what an order is told, what it reserves, and how it ends (venue.md 4, section 8)."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from polyframe.events import Side
from polyframe.exchange.faults.targets import ModeChange
from polyframe.exchange.source import MarketTerms
from polyframe.exchange.trading import registry
from polyframe.exchange.trading.events import EventKind
from polyframe.exchange.trading.fault_target import DeskFaults
from polyframe.exchange.trading.orders import Placement
from polyframe.money import taker_fee_e12
from still_desk import ALICE, BOB, S_NS, StillDesk

E12 = 10**12


def kinds(still: StillDesk) -> list[str]:
    """What the user channel would say, in short."""
    told = []
    for event in still.events():
        if event.order is not None:
            told.append(f"{event.kind.value} {event.order.status}")
        elif event.trade is not None:
            told.append(f"TRADE {event.trade.status}")
    return told


def test_an_order_rests_at_the_back_of_its_level_and_reserves_its_cost(still: StillDesk) -> None:
    bid = still.book.best_bid_e4
    assert bid is not None
    placed = still.place(price_e4=bid)
    assert (placed.status, placed.error) == ("live", "")
    assert still.book.queue(True, bid)[-1] == placed.order_id
    cash = still.desk.custody.wallet(ALICE).holding("")
    assert cash.reserved == bid * 10 * 10**8
    assert kinds(still) == ["PLACEMENT LIVE"]


def test_the_same_order_twice_is_a_duplicate_also_after_its_end(still: StillDesk) -> None:
    placed = still.place(order_id="0x77")
    again = still.place(order_id="0x77")
    assert again.error == "order 0x77 is invalid. Duplicated."
    still.desk.cancel("key-0xa1a1", [placed.order_id], still.now_ns)
    assert still.place(order_id="0x77").error == again.error


def test_a_post_only_order_never_takes_not_even_through_the_other_token(still: StillDesk) -> None:
    bid, ask = still.book.best_bid_e4, still.book.best_ask_e4
    assert bid is not None
    assert ask is not None
    text = "invalid post-only order: order crosses book"
    assert still.place(price_e4=ask, post_only=True).error == text
    mirrored = still.place(token_id=still.no, price_e4=10_000 - bid, post_only=True)
    assert mirrored.error == text, (
        "buying NO at 1 - bid meets the bid for YES: a locked price counts"
    )
    assert still.place(token_id=still.no, price_e4=10_000 - bid - 100, post_only=True).error == ""


def test_fok_fills_all_or_nothing_and_fak_what_there_is(still: StillDesk) -> None:
    ask = still.book.best_ask_e4
    assert ask is not None
    shown = still.book.level_e6(False, ask)
    killed = still.place(price_e4=ask, size_e6=shown + 1_000_000, order_type="FOK")
    assert killed.error == "order couldn't be fully filled. FOK orders are fully filled or killed."
    part = still.place(price_e4=ask, size_e6=shown + 5_000_000, order_type="FAK")
    assert (part.status, part.matched_e6) == ("matched", shown)
    assert still.desk.registry.orders[part.order_id].status == "CANCELED", "the rest is killed"
    assert still.place(price_e4=ask, order_type="FAK").error.startswith("no orders found to match")
    cash = still.desk.custody.wallet(ALICE).holding("")
    assert cash.reserved == 0


def test_a_balance_refusal_says_every_number_in_base_units(
    make_still: Callable[..., StillDesk],
) -> None:
    still = make_still(funds_usd=10)
    bid = still.book.best_bid_e4
    assert bid is not None
    still.place(price_e4=bid, post_only=True)
    active = bid * 10 * 100
    refused = still.place(price_e4=bid, post_only=True)
    assert refused.error == (
        "not enough balance / allowance: the balance is not enough -> balance: 10000000, "
        f"sum of active orders: {active}, sum of matched orders: 0, "
        f"order amount (inc. fees): {active}"
    )


def test_a_taker_must_cover_its_fee_too(make_still: Callable[..., StillDesk]) -> None:
    ask = make_still().book.best_ask_e4
    assert ask is not None
    cost_e12 = ask * 10 * 10**8
    still = make_still(funds_usd=cost_e12 / E12)
    fee_e12 = taker_fee_e12(ask, 10_000_000, still.gamma["feeSchedule"]["rate"], 1)
    wanted = f"order amount (inc. fees): {(cost_e12 + fee_e12) // 10**6}"
    assert still.place(price_e4=ask).error.endswith(wanted)
    assert still.place(price_e4=ask, size_e6=9_000_000).status == "matched"


def test_shares_are_sold_once_and_only_when_they_are_there(still: StillDesk) -> None:
    sell = {"side": Side.SELL, "price_e4": 9_000}
    assert "balance: 0," in still.place(**sell).error
    still.give(ALICE, still.yes, 15)
    assert still.place(**sell).status == "live"
    assert "sum of active orders: 10000000" in still.place(**sell).error


def test_bought_shares_can_be_sold_when_their_trade_is_mined(still: StillDesk) -> None:
    ask = still.book.best_ask_e4
    assert ask is not None
    still.place(price_e4=ask)
    sell = {"side": Side.SELL, "price_e4": 9_000}
    assert "the balance is not enough -> balance: 0" in still.place(**sell).error
    still.wait(6)
    assert still.place(**sell).status == "live"


def test_the_cash_of_a_sale_can_be_spent_when_its_trade_is_mined(
    make_still: Callable[..., StillDesk],
) -> None:
    still = make_still(funds_usd=1.0)
    still.give(ALICE, still.yes, 20)
    sold = still.place(side=Side.SELL, price_e4=still.book.best_bid_e4, size_e6=20_000_000)
    assert (sold.status, sold.matched_e12 > 4 * E12) == ("matched", True)
    buy = {"price_e4": 1_000, "size_e6": 20_000_000, "post_only": True}
    assert "the balance is not enough -> balance: 1000000" in still.place(**buy).error
    still.wait(6)
    assert still.place(**buy).status == "live"


def test_a_taker_that_binds_dollars_leaves_no_reservation(still: StillDesk) -> None:
    ask = still.book.best_ask_e4
    assert ask is not None
    placed = still.place(price_e4=9_000, size_e6=10_000_000, order_type="FAK", spends_e12=9 * E12)
    order = still.desk.registry.orders[placed.order_id]
    assert placed.matched_e6 > order.request.size_e6
    assert 9 * E12 - 10**6 < placed.matched_e12 <= 9 * E12
    assert (order.status, order.leaves_e6) == ("MATCHED", 0)
    cash = still.desk.custody.wallet(ALICE).holding("")
    assert (cash.reserved, cash.owed > 9 * E12 - 10**6) == (0, True)


def test_the_shares_of_a_match_may_be_sold_at_once_where_the_venue_allows_it(
    still: StillDesk,
) -> None:
    still.desk.sells_unsettled = True
    still.place(price_e4=still.book.best_ask_e4)
    assert still.place(side=Side.SELL, price_e4=9_000).status == "live"


def test_a_gtd_order_needs_three_minutes_and_dies_one_minute_early(still: StillDesk) -> None:
    now_s = still.now_ns // S_NS
    soon = still.place(order_type="GTD", expiration_s=now_s + 179)
    assert soon.error == "invalid expiration"
    assert still.place(expiration_s=now_s + 500).error == "invalid expiration", "a GTC has none"
    placed = still.place(order_type="GTD", expiration_s=now_s + 180)
    kinds(still)
    still.wait(119)
    assert kinds(still) == []
    still.wait(1.1)
    assert kinds(still) == ["CANCELLATION CANCELED_EXPIRED_ORDER"]
    assert still.book.resting(placed.order_id) is None


def test_cancels_name_what_they_could_not_cancel_and_keep_to_their_key(still: StillDesk) -> None:
    mine, other = still.place(), still.place(BOB)
    cancelled = still.desk.cancel(
        "key-0xa1a1", [mine.order_id, mine.order_id, other.order_id, "0xff"], still.now_ns
    )
    assert cancelled.canceled == (mine.order_id,)
    reason = "already canceled or matched"
    assert cancelled.not_canceled == {other.order_id: reason, "0xff": reason}
    assert still.desk.cancel_all("key-0xa1a1", still.now_ns).canceled == ()
    assert still.desk.cancel_all("key-0xb0b0", still.now_ns).canceled == (other.order_id,)


def test_a_market_or_token_cancel_takes_only_those(still: StillDesk) -> None:
    yes, no = still.place(), still.place(token_id=still.no, price_e4=1_000)
    one = still.desk.cancel_all("key-0xa1a1", still.now_ns, token_id=still.no)
    assert one.canceled == (no.order_id,)
    rest = still.desk.cancel_all("key-0xa1a1", still.now_ns, market_id=still.market_id)
    assert rest.canceled == (yes.order_id,)


# --- two accounts -------------------------------------------------------------------------


def test_a_trade_between_two_accounts_moves_exactly_what_it_says(still: StillDesk) -> None:
    still.give(BOB, still.yes, 10)
    bid = still.book.best_bid_e4
    assert bid is not None
    price = bid + 0
    still.place(ALICE, price_e4=price, size_e6=10_000_000)
    ahead = still.book.level_e6(True, price) - 10_000_000
    still.give(BOB, still.yes, ahead // 10**6 + 1)
    kinds(still)
    sold = still.place(
        BOB, side=Side.SELL, price_e4=price, size_e6=ahead + 10_000_000 - ahead % 10**4
    )
    assert sold.status == "matched"
    told = kinds(still)
    assert told.count("TRADE MATCHED") >= 1
    assert "UPDATE MATCHED" in told
    alice, bob = still.desk.custody.wallet(ALICE), still.desk.custody.wallet(BOB)
    assert alice.holding("").balance == 1_000 * E12, "nothing moved on chain yet"
    filled = still.desk.registry.orders["0x" + f"{1:064x}"].matched_e6
    assert alice.holding("").owed == price * 100 * filled
    still.wait(30)
    assert alice.holding("").balance == 1_000 * E12 - price * 100 * filled
    assert alice.holding(still.yes).balance == filled
    assert alice.fees_paid_e12 == 0, "makers pay nothing"
    assert bob.fees_paid_e12 > 0


def test_two_buyers_mint_a_pair_and_each_pays_its_own_price(still: StillDesk) -> None:
    ask = still.book.best_ask_e4
    assert ask is not None
    for level in [price for price, _ in still.book.levels(False)]:
        for order_id in still.book.queue(False, level):
            still.source.cancel(still.market_id, order_id, still.now_ns)
    still.place(ALICE, token_id=still.no, price_e4=4_000, size_e6=10_000_000)
    taken = still.place(BOB, price_e4=6_100, size_e6=10_000_000)
    assert (taken.matched_e6, taken.matched_e12) == (10_000_000, 6 * E12), (
        "improvement is the taker's"
    )
    still.wait(30)
    assert still.desk.custody.wallet(ALICE).holding(still.no).balance == 10_000_000
    assert still.desk.custody.wallet(ALICE).holding("").balance == 996 * E12
    assert still.desk.custody.wallet(BOB).holding(still.yes).balance == 10_000_000


# --- delays -------------------------------------------------------------------------------


def delayed(still: StillDesk, monkeypatch: pytest.MonkeyPatch, **terms: int) -> None:
    """Let the market hold or delay takers."""
    plain = still.source.terms

    def changed(token_id: str) -> MarketTerms | None:
        known = plain(token_id)
        return None if known is None else msgspec.structs.replace(known, **terms)

    monkeypatch.setattr(still.source, "terms", changed)


def test_a_held_taker_is_answered_when_the_hold_is_over(
    still: StillDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    delayed(still, monkeypatch, taker_hold_ms=150)
    resting = still.place()
    assert resting.status == "live", "what does not take is not held"
    answers = still.place_later(price_e4=still.book.best_ask_e4)
    assert answers == []
    held = f"0x{still.numbers:064x}"
    refused = still.desk.cancel("key-0xa1a1", [held], still.now_ns)
    assert refused.not_canceled == {held: "order match delayed due to market conditions"}
    still.wait(0.149)
    assert answers == []
    still.wait(0.002)
    assert answers[0].status == "matched"


def test_a_delayed_order_is_told_at_once_and_checked_again_later(
    still: StillDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    delayed(still, monkeypatch, taker_delay_s=3)
    ask = still.book.best_ask_e4
    assert ask is not None
    assert still.place(price_e4=ask).status == "delayed"
    order_id = f"0x{still.numbers:064x}"
    for resting in still.book.queue(False, ask):
        still.source.cancel(still.market_id, resting, still.now_ns)
    assert kinds(still) == ["PLACEMENT DELAYED"]
    still.wait(3.1)
    assert kinds(still) == ["UPDATE UNMATCHED"], "the ask went away: the order rests"
    assert still.book.resting(order_id) is not None
    assert still.desk.registry.orders[order_id].status == "LIVE"


def test_a_delayed_fak_that_finds_nothing_ends_with_the_reason_in_its_status(
    still: StillDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    delayed(still, monkeypatch, taker_delay_s=3)
    ask = still.book.best_ask_e4
    assert ask is not None
    assert still.place(price_e4=ask, order_type="FAK").status == "delayed"
    for resting in still.book.queue(False, ask):
        still.source.cancel(still.market_id, resting, still.now_ns)
    still.wait(3.1)
    assert kinds(still)[-1].startswith("CANCELLATION CANCELED_no orders found to match with FAK")
    assert still.desk.custody.wallet(ALICE).holding("").reserved == 0


# --- heartbeats and modes -----------------------------------------------------------------


def test_ten_silent_seconds_after_the_first_heartbeat_cancel_everything(still: StillDesk) -> None:
    mine, other = still.place(), still.place(BOB)
    still.wait(60)
    assert still.book.resting(mine.order_id) is not None, "nobody armed it"
    beat = still.desk.heartbeat("key-0xa1a1", "", still.now_ns)
    stale = still.desk.heartbeat("key-0xa1a1", "", still.now_ns)
    assert beat.is_accepted
    assert not stale.is_accepted
    assert stale.heartbeat_id == beat.heartbeat_id
    still.wait(8)
    assert still.desk.heartbeat("key-0xa1a1", beat.heartbeat_id, still.now_ns).is_accepted
    still.wait(9.9)
    assert still.book.resting(mine.order_id) is not None
    kinds(still)
    still.wait(5.1)
    assert still.book.resting(mine.order_id) is None
    assert kinds(still) == ["CANCELLATION CANCELED"]
    assert still.book.resting(other.order_id) is not None


@pytest.mark.parametrize(
    ("mode", "post_only", "order", "cancel"),
    [
        ("running", False, 0, 0),
        ("restarting", True, 425, 425),
        ("post_only", True, 0, 0),
        ("post_only", False, 503, 0),
        ("cancel_only", True, 503, 0),
        ("disabled", True, 503, 503),
    ],
)
def test_modes_take_what_they_say(
    still: StillDesk, mode: str, post_only: bool, order: int, cancel: int
) -> None:
    change = msgspec.convert({"mode": mode, "until_ns": still.now_ns + 79 * S_NS}, ModeChange)
    DeskFaults(still.desk).set_mode(change, still.now_ns)
    placed = still.place(post_only=post_only)
    assert (placed.http_status if placed.error else 0) == order
    if mode == "post_only" and not post_only:
        assert placed.closed is not None
        assert (placed.closed.code, placed.closed.retry_after_s) == ("post_only_mode", 79)
    closed = still.desk.cancel_all("key-0xa1a1", still.now_ns).closed
    assert (0 if closed is None else closed.http_status) == cancel


def test_a_restart_may_lose_orders_without_a_word(still: StillDesk) -> None:
    placed = still.place()
    kinds(still)
    assert DeskFaults(still.desk).lose_orders(still.now_ns) == 1
    assert still.book.resting(placed.order_id) is None
    assert kinds(still) == []
    assert still.desk.custody.wallet(ALICE).holding("").reserved == 0


def test_a_withdrawal_cancels_the_youngest_orders_first(
    make_still: Callable[..., StillDesk],
) -> None:
    still = make_still(funds_usd=20)
    old, young = still.place(post_only=True), still.place(post_only=True)
    kinds(still)
    still.desk.withdraw(ALICE, "", 12 * E12, still.now_ns)
    assert kinds(still) == ["CANCELLATION CANCELED_NOT_ENOUGH_BALANCE"]
    assert still.book.resting(old.order_id) is not None
    assert still.book.resting(young.order_id) is None


def test_addresses_may_be_banned_or_closed_only(still: StillDesk) -> None:
    still.desk.closed_only[ALICE] = None
    assert still.place().error == f"'{ALICE}' address in closed only mode"
    still.give(ALICE, still.yes, 10)
    assert still.place(side=Side.SELL, price_e4=9_000).status == "live"
    still.desk.banned[BOB] = None
    assert still.place(BOB).error == f"'{BOB}' address banned"


def test_an_unknown_token_has_no_order_book(still: StillDesk) -> None:
    refused: Placement = still.place(token_id="12", price_e4=5_000)
    assert (refused.http_status, refused.error) == (
        404,
        "No orderbook exists for the requested token id",
    )


def test_a_kind_for_each_event() -> None:
    assert [kind.value for kind in EventKind] == ["PLACEMENT", "UPDATE", "CANCELLATION", "TRADE"]


def test_a_held_order_is_answered_whatever_ends_it(
    still: StillDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    delayed(still, monkeypatch, taker_hold_ms=150)
    answers = still.place_later(price_e4=still.book.best_ask_e4)
    still.desk.clear_market(still.market_id, "CANCELED_MARKET_NOT_FOUND", still.now_ns)
    assert [one.error for one in answers] == ["CANCELED_MARKET_NOT_FOUND"]
    still.wait(1)
    assert len(answers) == 1


def test_money_is_checked_again_when_a_delay_is_over(
    still: StillDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    delayed(still, monkeypatch, taker_delay_s=3)
    still.place(price_e4=still.book.best_ask_e4)
    delayed_id = f"0x{still.numbers:064x}"
    still.desk.withdraw(ALICE, "", 999 * E12, still.now_ns)
    still.wait(3.1)
    order = still.desk.registry.orders[delayed_id]
    assert order.status.startswith("CANCELED_not enough balance / allowance: the balance is not")
    assert order.matched_e6 == 0
    cash = still.desk.custody.wallet(ALICE).holding("")
    assert (cash.balance, cash.reserved) == (E12, 0)


def test_a_delayed_order_needs_no_more_than_it_reserved(
    still: StillDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    delayed(still, monkeypatch, taker_delay_s=3)
    ask = still.book.best_ask_e4
    assert ask is not None
    fee_e12 = still.desk.terms(still.yes)
    assert fee_e12 is not None
    cost = ask * 10 * 10**8 + taker_fee_e12(ask, 10_000_000, fee_e12.fee_rate, 1)
    still.desk.withdraw(ALICE, "", 1_000 * E12 - cost, still.now_ns)
    still.place(price_e4=ask)
    still.wait(3.1)
    assert still.desk.registry.orders[f"0x{still.numbers:064x}"].status == "MATCHED"
    still.wait(60)
    assert still.desk.custody.wallet(ALICE).holding("").balance == 0


def test_a_delayed_order_keeps_its_fee_from_the_orders_after_it(
    still: StillDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    delayed(still, monkeypatch, taker_delay_s=3)
    ask, bid = still.book.best_ask_e4, still.book.best_bid_e4
    assert ask is not None
    assert bid is not None
    terms = still.desk.terms(still.yes)
    assert terms is not None
    fee_e12 = taker_fee_e12(ask, 10_000_000, terms.fee_rate, 1)
    rests_e12 = bid * 10 * 10**8
    still.desk.withdraw(
        ALICE, "", 1_000 * E12 - ask * 10 * 10**8 - fee_e12 - rests_e12 + 1, still.now_ns
    )
    still.place(price_e4=ask)
    late = still.place(price_e4=bid, post_only=True)
    assert late.error.startswith("not enough balance / allowance")


def test_what_has_ended_is_forgotten_in_the_end(
    still: StillDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "MOST_ENDED", 3)
    resting = still.place()
    ended = [still.place() for _ in range(5)]
    for placed in ended:
        still.desk.cancel("key-0xa1a1", [placed.order_id], still.now_ns)
    known = [placed.order_id for placed in (resting, *ended[2:])]
    assert list(still.desk.registry.orders) == known
    assert still.desk.registry.taken == 6, "and counted all the same"
