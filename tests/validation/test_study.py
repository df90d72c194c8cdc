"""Small seeded runs: the targets' direction, determinism, conservation, and planted optimism."""

from __future__ import annotations

from collections import defaultdict
from functools import partial

import msgspec
import pytest

from polyframe.runtime.paper import PaperVenue, executions, queue_model
from polyframe.settings import LatencySettings, PaperSettings
from polyframe.validation import real_orders
from polyframe.validation.comparison import compare
from polyframe.validation.study import Plan, compared

# Long runs over lines that shorter tests reach: tracing them would double their time.
pytestmark = pytest.mark.no_cover

PLAN = Plan(orders=300, seed=3, settings=PaperSettings())


def rows_of(traders, plan=PLAN, **changes):
    return [row for some in compared(plan, traders, **changes) for row in some]


@pytest.fixture(scope="module")
def calm():
    return rows_of("calm")


def test_paper_claims_no_more_than_came_true(calm):
    found = compare("calm", calm)
    assert found.orders == len(calm) >= 300
    for papers in found.views.values():
        assert papers["pessimistic"].paper.filled <= found.real.filled
        rates = [papers[name].paper.filled for name in ("pessimistic", "base", "optimistic")]
        assert rates == sorted(rates)
        counts = papers["base"].agreement
        assert sum(msgspec.structs.astuple(counts)) == found.orders
    twin = found.views["twin"]["base"]
    assert 0.85 < twin.fill_ratio.value < 1.05
    assert twin.markout_gap_c[0].value < 0.1
    assert twin.agreement.both > 20 * twin.agreement.paper_only
    assert found.verdicts[0].found.startswith(f"0 of {len(calm)} do not")
    assert not [v for v in found.verdicts if v.view == "twin" and v.word == "fails"]


def test_both_worlds_begin_a_round_alike_and_latencies_are_shared(calm):
    for row in calm:
        real, twin, apart = (row.outcomes[n] for n in ("real", "twin.base", "apart.base"))
        if real.effective_ns is not None and twin.effective_ns is not None:
            assert real.effective_ns == twin.effective_ns
        if apart.effective_ns is not None and twin.effective_ns is not None:
            assert apart.effective_ns == twin.effective_ns
        if not real.is_filled and not twin.is_filled:
            # Neither was filled: both were cancelled by the same command at the same moment.
            assert real.ended_ns == twin.ended_ns


def test_no_fill_outside_an_orders_life(calm):
    for row in calm:
        for outcome in row.outcomes.values():
            assert outcome.filled_e6 <= row.order.size_e6
            for ts_ns, _ in outcome.fills:
                assert outcome.effective_ns <= ts_ns <= outcome.ended_ns


def test_the_same_seed_gives_the_same_orders_and_fills(calm):
    again = rows_of("calm")
    assert msgspec.json.encode(again) == msgspec.json.encode(calm)


def test_real_fills_are_the_exchanges_matches(monkeypatch):
    matched_e6 = defaultdict(int)
    hear = real_orders.RealOrders.matched

    def matched(self, market_id, matches, now_ns):
        for match in matches:
            if match.maker.owner == real_orders.OWNER:
                matched_e6[match.maker.order_id] += match.size_e6
            assert match.taker.owner != real_orders.OWNER  # post-only is never taker
        hear(self, market_id, matches, now_ns)

    monkeypatch.setattr(real_orders.RealOrders, "matched", matched)
    filled_e6 = defaultdict(int)
    plan = msgspec.structs.replace(PLAN, orders=50)
    for row in rows_of("calm", plan):
        if row.outcomes["real"].is_filled:
            filled_e6[row.order.order_id] += row.outcomes["real"].filled_e6
    assert filled_e6
    assert filled_e6 == matched_e6


# --- planted optimism: a check that cannot fail is no check ----------------------------------


def twin_words(rows):
    verdicts = compare("calm", rows).verdicts
    return {verdict.target: verdict.word for verdict in verdicts if verdict.view == "twin"}


def test_fill_on_touch_is_found_out(monkeypatch):
    """Nobody is ever ahead of us: whatever prints at our price is ours."""

    def first_in_line(profile, queue, price_e4, pool_e6, printed_ms):
        for order in queue:
            order.ahead_e6[profile] = 0
        return queue_model.serve(profile, queue, price_e4, pool_e6, printed_ms)

    monkeypatch.setattr(executions, "serve", first_in_line)
    rows = rows_of("calm")
    words = twin_words(rows)
    assert words["base fill rate within 5 % of the real one"] == "fails"
    assert words["pessimistic fill rate not above the real one"] == "fails"
    assert not compare("calm", rows).holds


def test_reused_prints_are_found_out(monkeypatch):
    """Every print counts three times."""

    def thrice(profile, queue, price_e4, pool_e6, printed_ms):
        return queue_model.serve(profile, queue, price_e4, 3 * pool_e6, printed_ms)

    monkeypatch.setattr(executions, "serve", thrice)
    words = twin_words(rows_of("calm"))
    assert words["base filled shares not above the real ones by over 5 %"] == "fails"


def test_better_prices_are_found_out(monkeypatch):
    """Fills are booked a cent better than the order's own price: only the money shows it."""
    booked = executions.PaperFill

    def a_cent_better(**fields):
        sign = -1 if fields["is_buy"] else 1
        return booked(**{**fields, "price_e4": fields["price_e4"] + sign * 100})

    monkeypatch.setattr(executions, "PaperFill", a_cent_better)
    rows = rows_of("calm")
    words = twin_words(rows)
    assert words["base markout at 30 s not better than the real one by over 0.1 c"] == "fails"
    assert not compare("calm", rows).holds


def test_a_print_through_the_price_that_fills_the_whole_order_is_found_out(monkeypatch):
    """What hftbacktest does with a print through the price; its size is forgotten."""

    def whole(profile, queue, price_e4, pool_e6, printed_ms):
        passed = [o for o in queue if o.is_reached_by(price_e4) and o.yes_price_e4 != price_e4]
        others = [o for o in queue if o not in passed]
        fills, left = queue_model.serve(profile, others, price_e4, pool_e6, printed_ms)
        return [(o, o.leaves_e6[profile]) for o in passed if o.leaves_e6[profile]] + fills, left

    monkeypatch.setattr(executions, "serve", whole)
    found = compare("calm", rows_of("calm"))
    words = {verdict.target: verdict.word for verdict in found.verdicts}
    assert words["no instant gives more than was printed in it"] == "fails"
    assert not found.holds


def test_one_print_for_every_order_is_found_out(monkeypatch):
    """Each own order has a queue of its own, and all of them use the same print."""

    def each(profile, queue, price_e4, pool_e6, printed_ms):
        fills = []
        for order in queue:
            fills += queue_model.serve(profile, [order], price_e4, pool_e6, printed_ms)[0]
        return fills, max(0, pool_e6 - sum(size for _, size in fills))

    monkeypatch.setattr(executions, "serve", each)
    found = compare("calm", rows_of("calm"))
    words = {verdict.target: verdict.word for verdict in found.verdicts}
    assert words["no instant gives more than was printed in it"] == "fails"


class GoneOnceTouched(PaperVenue):
    """A cancel of an order that was filled in part takes effect at once: no rest is picked off."""

    def _submit_cancel(self, command, now_ns):
        super()._submit_cancel(command, now_ns)
        order = self._orders.get(command.order_id)
        if order is not None and order.leaves_e6[1] < order.size_e6:
            self._schedule(now_ns, partial(self._cancel, command.order_id))


def test_a_cancel_that_is_quick_for_some_orders_only_is_found_out():
    words = twin_words(rows_of("calm", make_venue=GoneOnceTouched))
    assert words["orders and cancels take effect when the real ones do"] == "fails"


class InstantCancels(PaperVenue):
    """Paper cancels at once, while the exchange takes its time."""

    def __init__(self, settings, seed, bankroll_e12):
        at_once = msgspec.structs.replace(settings, cancel=LatencySettings(p50_s=0.0, p99_s=0.0))
        super().__init__(at_once, seed, bankroll_e12)


def test_cancels_without_latency_are_found_out():
    """What is picked off while a cancel is under way is missing on paper."""
    plan = msgspec.structs.replace(PLAN, orders=50)
    words = twin_words(rows_of("calm", plan, make_venue=InstantCancels))
    assert words["orders and cancels take effect when the real ones do"] == "fails"
    assert not compare("calm", rows_of("calm", plan, make_venue=InstantCancels)).holds
