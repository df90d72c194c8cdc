"""Codes of the venue's words, budgets of requests, and the engine's modes: the pure parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyframe.polymarket.account_words import PlaceResult, VenueMode
from polyframe.polymarket.clob_outcomes import (
    REJECT_CODES,
    UNKNOWN_CODES,
    Failure,
    FailureKind,
    Leg,
    cancelled_by_failure,
    failure_code,
    placement_of_failure,
    placement_of_leg,
    reject_code,
)
from polyframe.polymarket.request_budget import LimitState, RequestBudget, SignerLimits
from polyframe.polymarket.venue_modes import ModeNow, VenueModes

S_NS = 10**9
# Every text of venue.md 2.9 that an order can be answered with.
TEXTS = [
    ("Unauthorized/Invalid api key", "auth"),
    ("Invalid L1 Request headers", "auth"),
    ("Invalid order payload", "invalid"),
    ("the order owner has to be the owner of the API KEY", "auth"),
    ("the order signer address has to be the address of the API KEY", "auth"),
    ("'0x1' address banned", "banned"),
    ("'0x1' address in closed only mode", "closed_only"),
    ("maker address not allowed, please use the deposit wallet flow", "wallet"),
    ("order_version_mismatch", "version"),
    ("Too many orders in payload: 16, max allowed: 15", "invalid"),
    ("invalid post-only order: order crosses book", "post_only_would_cross"),
    ("order 0x1 is invalid. Price (0.515) breaks minimum tick size rule: 0.01", "tick"),
    ("order 0x1 is invalid. Size (1) lower than the minimum: 5", "min_size"),
    ("order 0x1 is invalid. Duplicated.", "duplicate"),
    ("order 0x1 crosses the book", "post_only_would_cross"),
    ("invalid nonce", "invalid"),
    ("invalid expiration", "expiration"),
    ("order canceled in the CTF exchange contract", "invalid"),
    ("order match delayed due to market conditions", "delayed"),
    ("the market is not yet ready to process new orders", "market_not_ready"),
    ("not enough balance / allowance", "balance"),
    (
        "not enough balance / allowance: the balance is not enough -> balance: 45967864, sum of "
        "active orders: 26800000, sum of matched orders: 0, order amount (inc. fees): 21550000",
        "balance",
    ),
    (
        "not enough balance / allowance: the allowance is not enough -> spender: 0x1, allowance: "
        "0, sum of matched orders: 0, order amount (inc. fees): 5200000",
        "allowance",
    ),
    ("order couldn't be fully filled. FOK orders are fully filled or killed.", "no_match"),
    (
        "no orders found to match with FAK order. FAK orders are partially filled or killed if no "
        "match is found.",
        "no_match",
    ),
    ("No orderbook exists for the requested token id", "no_market"),
    ("trading is disabled", "trading_disabled"),
    (
        "Trading is currently disabled. Check polymarket.com for updates",
        "trading_disabled",
    ),
    (
        "Trading is currently cancel-only. New orders are not accepted, but cancels are allowed.",
        "cancel_only",
    ),
    ("post-only mode: only post-only orders and cancels are allowed", "post_only_mode"),
    ("Too Many Requests", "rate_limited"),
    ("there are no matching orders", "unclear"),
    ("the trade contains rounding issues", "unclear"),
    (
        "the price of the taker's order has a discrepancy greater than allowed with the worst "
        "maker order",
        "unclear",
    ),
    ("something new", "other"),
]


@pytest.mark.parametrize(("text", "code"), TEXTS)
def test_codes_of_the_venues_words(text: str, code: str) -> None:
    assert reject_code(text) == code
    assert (code in REJECT_CODES) != (code in UNKNOWN_CODES)
    placed = placement_of_leg("o-1", "0x1", Leg(is_accepted=False, error=text))
    is_refusal = code in REJECT_CODES
    assert placed.result is (PlaceResult.REJECTED if is_refusal else PlaceResult.UNKNOWN)
    assert (placed.code, placed.message) == (code, text)


@given(
    status=st.integers(100, 599),
    text=st.one_of(st.text(max_size=40), st.sampled_from([one for one, _ in TEXTS])),
    is_limiter=st.booleans(),
)
def test_only_what_venue_md_calls_a_refusal_is_one(
    status: int, text: str, is_limiter: bool
) -> None:
    failure = Failure(kind=FailureKind.STATUS, status=status, text=text, is_limiter=is_limiter)
    placed = placement_of_failure("o-1", failure)
    assert placed.code in {*REJECT_CODES, *UNKNOWN_CODES}
    if placed.result is PlaceResult.REJECTED:
        is_mode = status == 503 and placed.code in {
            "post_only_mode", "cancel_only", "trading_disabled",
        }  # fmt: skip
        assert status in {400, 401, 403, 404} or (status == 429 and is_limiter) or is_mode
    assert placed.result is not PlaceResult.ACCEPTED
    assert cancelled_by_failure(("0x1",), failure).gone == ()


@pytest.mark.parametrize("kind", [one for one in FailureKind if one is not FailureKind.STATUS])
def test_a_request_without_an_answer_is_unknown_unless_it_never_left(kind: FailureKind) -> None:
    failure = Failure(kind=kind, text="cut")
    assert (failure_code(failure) in UNKNOWN_CODES) == (kind is not FailureKind.NOT_SENT)
    assert cancelled_by_failure(("0x1",), failure).is_known is False


def test_long_texts_are_cut() -> None:
    leg = Leg(is_accepted=False, error="no! " * 1_000)
    assert len(placement_of_leg("o-1", "0x1", leg).message) <= 300


# --- budget -------------------------------------------------------------------------------


def test_the_bucket_refills_at_its_rate_and_no_higher_than_its_burst() -> None:
    budget = RequestBudget(20.0, 30)
    assert budget.available(0) == 30
    assert budget.take(30, 0)
    assert not budget.take(1, 0)
    assert budget.wait_ns(1, 0) == S_NS // 20
    assert not budget.take(1, S_NS // 20 - 1)
    assert budget.take(1, S_NS // 20)
    assert budget.available(1_000 * S_NS) == 30
    assert not budget.take(31, 1_000 * S_NS)
    assert budget.wait_ns(31, 1_000 * S_NS) == 0


@given(
    st.floats(0.5, 40),
    st.integers(1, 60),
    st.lists(st.tuples(st.integers(0, 5 * S_NS), st.integers(1, 20)), max_size=60),
)
def test_no_window_sees_more_than_burst_and_rate(
    rate: float, burst: int, asked: list[tuple[int, int]]
) -> None:
    budget, now_ns, taken = RequestBudget(rate, burst), 0, 0
    for gap_ns, orders in asked:
        now_ns += gap_ns
        waited = budget.wait_ns(orders, now_ns)
        if budget.take(orders, now_ns):
            taken += orders
            assert waited == 0
        assert taken <= burst + rate * now_ns / S_NS * 1.01 + 1e-6
        assert 0 <= budget.available(now_ns) <= burst


def test_time_that_runs_backwards_refills_nothing() -> None:
    budget = RequestBudget(1.0, 1)
    assert budget.take(1, 10 * S_NS)
    assert not budget.take(1, 0)
    assert not budget.take(1, 10 * S_NS)


def test_the_venues_limiter_closes_the_bucket() -> None:
    budget = RequestBudget(20.0, 30)
    budget.close(100 * S_NS, reset_s=103.5, retry_after_s=2.0)
    assert budget.available(103 * S_NS) == 0
    assert budget.wait_ns(1, 103 * S_NS) == S_NS // 2
    assert budget.take(30, 104 * S_NS)
    budget.close(200 * S_NS, reset_s=None, retry_after_s=None)
    assert not budget.take(1, 200 * S_NS + S_NS - 1)
    assert budget.take(1, 201 * S_NS)
    budget.count_cancels(60)
    assert (budget.cancels, budget.refusals) == (60, 2)


def test_limits_are_kept_by_what_was_asked() -> None:
    heard = SignerLimits()
    heard.heard(LimitState(remaining=1.0))
    with heard.asking("orders"):
        heard.heard(LimitState(remaining=2.0))
        with heard.asking("cancels"):
            heard.heard(LimitState(remaining=3.0))
        heard.heard(LimitState(remaining=4.0))
    heard.heard(LimitState(remaining=5.0))
    assert (heard.orders.remaining, heard.cancels.remaining) == (4.0, 3.0)


# --- modes --------------------------------------------------------------------------------


def test_a_mode_ends_when_it_is_said_to_and_a_restart_is_followed_by_post_only() -> None:
    told: list[ModeNow] = []
    modes = VenueModes(told.append)
    assert modes.now(0).mode is VenueMode.RUNNING
    modes.refused(VenueMode.RESTARTING, 90.0, "restarting", 0)
    assert modes.now(89 * S_NS).mode is VenueMode.RESTARTING
    assert modes.now(90 * S_NS)[:2] == (VenueMode.POST_ONLY, 210 * S_NS)
    assert modes.now(210 * S_NS).mode is VenueMode.RUNNING
    assert [one.mode for one in told] == [VenueMode.RESTARTING]
    modes.accepted(211 * S_NS, post_only=False)
    assert [one.mode for one in told] == [VenueMode.RESTARTING, VenueMode.RUNNING]


def test_a_post_only_order_proves_no_more_than_post_only() -> None:
    modes = VenueModes()
    modes.refused(VenueMode.RESTARTING, None, "", 0)
    modes.accepted(S_NS, post_only=True)
    assert modes.now(2 * S_NS).mode is VenueMode.POST_ONLY
    modes.accepted(2 * S_NS, post_only=True)
    assert modes.now(2 * S_NS).mode is VenueMode.POST_ONLY
    modes.accepted(3 * S_NS, post_only=False)
    assert modes.now(3 * S_NS).mode is VenueMode.RUNNING
    for closed in (VenueMode.CANCEL_ONLY, VenueMode.DISABLED):
        modes.refused(closed, None, "", 4 * S_NS)
        modes.accepted(5 * S_NS, post_only=True)
        assert modes.now(5 * S_NS).mode is VenueMode.RUNNING


def test_an_end_that_was_said_is_not_forgotten_for_an_answer_that_says_none() -> None:
    modes = VenueModes()
    modes.refused(VenueMode.POST_ONLY, 80.0, "", 0)
    modes.refused(VenueMode.POST_ONLY, None, "", S_NS)
    assert modes.now(S_NS).until_ns == 80 * S_NS
    modes.refused(VenueMode.POST_ONLY, 1e12, "", S_NS)
    until_ns = modes.now(S_NS).until_ns
    assert until_ns is not None
    assert until_ns <= 3_601 * S_NS
