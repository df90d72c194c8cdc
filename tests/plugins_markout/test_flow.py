"""VPIN over our own fills: golden G14, what it promises, and its place in the report."""

from random import Random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markout_world import World
from polyframe_markout.flow import FILLS_PER_BUCKET, imbalances, vpin

SHARE = 1_000_000


def test_g14_vpin_of_four_buckets_of_a_thousand():
    trades = []
    for bought in (700, 450, 900, 500):
        trades += [(+1, bought * SHARE), (-1, (1000 - bought) * SHARE)]
    assert imbalances(trades, 1000 * SHARE) == [0.4, 0.1, 0.8, 0.0]
    assert vpin(imbalances(trades, 1000 * SHARE)) == pytest.approx(0.325)


def test_a_trade_goes_on_in_the_next_bucket_and_an_unfinished_one_does_not_count():
    assert imbalances([(+1, 6), (-1, 9), (+1, 4)], 10) == [0.2]
    assert imbalances([(+1, 25)], 10) == [1.0, 1.0]
    assert imbalances([(-1, 9)], 10) == []
    assert vpin([]) is None


trades_drawn = st.lists(st.tuples(st.sampled_from([-1, 1]), st.integers(1, 500)), max_size=30)


@given(trades_drawn, st.integers(1, 300), st.integers(1, 499))
def test_where_a_trade_is_cut_does_not_matter(trades, bucket, cut):
    parts = [
        (sign, part)
        for sign, size in trades
        for part in (min(cut, size), max(0, size - cut))
    ]  # fmt: skip
    found = imbalances(trades, bucket)
    assert found == imbalances(parts, bucket)
    assert len(found) == sum(size for _, size in trades) // bucket
    assert all(0 <= one <= 1 for one in found)
    assert found == imbalances([(-sign, size) for sign, size in trades], bucket)


def test_random_sides_show_a_quarter():
    rng = Random(14)
    trades = [(rng.choice((-1, 1)), SHARE) for _ in range(20_000)]
    assert fmean(imbalances(trades, FILLS_PER_BUCKET * SHARE)) == pytest.approx(0.246, abs=0.01)


def test_the_report_tells_it_in_all_and_per_market():
    world = World()
    for number in range(20):
        world.fill(0.5, "0xa")  # bought only
        world.fill(0.5, "0xb", is_yes=number % 2 == 0)  # buying NO sells YES
    for _ in range(9):
        world.fill(0.5, "0xc")
    section = world.report()
    assert section["own_flow"] == {"vpin": 0.5, "buckets": 4}
    assert {name: row["own_flow"] for name, row in section["markets"].items()} == {
        "0xa": {"vpin": 1.0, "buckets": 2},
        "0xb": {"vpin": 0.0, "buckets": 2},
        "0xc": {"vpin": None, "buckets": 0},
    }


def test_a_fill_taken_back_is_in_no_bucket():
    world = World()
    fills = [world.fill(0.5) for _ in range(10)]
    assert world.report()["own_flow"]["buckets"] == 1
    last = fills[-1]
    world.fill(0.5, order_id=last.order_id, is_buy=False, trade_id="u", reverses=last.trade_id)
    assert world.report()["own_flow"] == {"vpin": None, "buckets": 0}
