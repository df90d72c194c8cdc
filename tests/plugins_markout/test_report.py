"""The daily section: three means with their errors, gross and net, and the payout horizon."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from markout_world import World
from polyframe.model import FeeSchedule
from polyframe.testing.builders import a_book


def test_three_means_with_standard_errors_and_intervals_and_dollars():
    world = World()
    for cents, shares in ((1.0, 100), (2.0, 300), (-1.0, 100)):
        world.cluster(cents, size_e6=shares * 1_000_000)
    one = world.report()["horizons"]["120"]
    assert (one["n"], one["clusters"], one["pending"]) == (3, 3, 0)
    assert one["share_weighted_c"] == one["gross"]["mean_c"] == pytest.approx(1.2)
    assert one["equal_weighted_c"] == pytest.approx(0.666667)
    assert one["equal_weighted"]["mean_c"] == one["equal_weighted_c"]
    assert one["notional_weighted"]["mean_bps"] == one["notional_weighted_bps"]
    assert one["total_usd"] == pytest.approx(6.0)
    for name, unit in (
        ("gross", "c"), ("net", "c"), ("equal_weighted", "c"), ("notional_weighted", "bps"),
    ):  # fmt: skip
        low, high = one[name][f"interval_{unit}"]
        half = 1.959964 * one[name][f"se_{unit}"]
        assert (low + high) / 2 == pytest.approx(one[name][f"mean_{unit}"], abs=1e-5)
        assert high - low == pytest.approx(2 * half, abs=1e-5)


def test_gross_and_net_stand_side_by_side_in_cents_and_dollars():
    world = World()
    world.fees = FeeSchedule(rate=0.072, rebate_share=0.2)
    world.cluster(0.0, size_e6=1_000_000_000)
    one = world.report()["horizons"]["120"]
    assert (one["gross"]["mean_c"], one["net"]["mean_c"]) == (0.0, 0.36)
    assert (one["total_usd"], one["rebate_usd"], one["net_usd"]) == (0.0, 3.6, 3.6)


def test_a_fee_schedule_of_later_does_not_rewrite_earlier_fills():
    world = World()
    world.cluster(0.0, size_e6=1_000_000_000)
    world.fees = FeeSchedule(rate=0.072, rebate_share=0.2)
    world.wait(1, "0xm1")
    assert world.report()["horizons"]["120"]["rebate_usd"] == 0.0


@pytest.mark.parametrize(("events", "clusters"), [(("e", "e"), 1), (("e", "f"), 2)])
def test_the_clusters_of_an_event_span_its_markets(events, clusters):
    world = World()
    world.market_events = dict(zip(("0xa", "0xb"), events, strict=True))
    for market_id in ("0xa", "0xb"):
        world.fill(1.0, market_id)
    world.wait(120, "0xa", "0xb")
    assert world.report()["horizons"]["120"]["clusters"] == clusters


def test_the_microprice_version_stands_beside_the_mid():
    world = World()
    world.fill(1.0)
    # Three times as much bid as offered: the next trade is likelier to lift the ask.
    world.now_s += 120
    book = a_book(4900, 5100, bid_size=300.0, ask_size=100.0)
    world.plugin.on_book(world.market(book=book), world.now_ns)
    one = world.report()["horizons"]["120"]
    assert (one["share_weighted_c"], one["micro_share_weighted_c"], one["n_micro"]) == (1.0, 1.5, 1)


def test_every_market_has_its_row():
    world = World()
    world.clusters(6, 0.5)
    row = world.report()["markets"]["0xm1"]
    assert row["decision"] == "ok"
    assert row["fills"] == row["evidence_clusters"] == 6
    assert row["posterior_sd_c"] < row["prior_sd_c"] == 0.3
    assert 0 < row["weight_of_data"] < 1
    assert row["probability_toxic"] < 0.01
    assert row["prior_mean_c"] < row["posterior_mean_c"] < row["net_mean_c"]


def test_what_is_not_simply_quoted_is_called_out_with_its_figures():
    world = World()
    world.clusters(6, 0.5)
    assert world.report()["called_out"] == []
    world.clusters(40, -3.0)
    (row,) = world.report()["called_out"]
    assert (row["market_id"], row["decision"]) == ("0xm1", "toxic")
    assert row["evidence_clusters"] >= 20
    assert row["probability_toxic"] > 0.9
    assert row["net_mean_c"] < -0.2


def test_dependent_clusters_count_for_fewer():
    trending, mixed = World(), World()
    for number in range(30):
        trending.cluster(-2.0 if number < 15 else 2.0)
        mixed.cluster(-2.0 if number % 2 else 2.0)
    few = trending.report()["horizons"]["120"]["effective_clusters"]
    many = mixed.report()["horizons"]["120"]["effective_clusters"]
    assert few < 6 < 29 < many <= 30


# --- the payout ------------------------------------------------------------------------------


def resolved(bid_e4, ask_e4):
    world = World(measure_resolution=True)
    world.fill(2.0, size_e6=100_000_000)  # 100 bought at 0.48
    world.fill(-2.0, is_yes=False, size_e6=50_000_000)  # 50 NO at 0.52: short YES at 0.48
    world.fill(0.0, "0xopen")
    world.wait(60)
    world.resolve("0xm1", bid_e4, ask_e4)
    return world.report()["resolution"]


@pytest.mark.parametrize(
    ("bid_e4", "ask_e4", "payout", "total_usd"),
    [(9700, 9900, 1.0, 26.0), (9990, None, 1.0, 26.0), (100, 300, 0.0, -24.0)],
)
def test_resolution_compares_with_the_payout_the_last_book_tells(bid_e4, ask_e4, payout, total_usd):
    section = resolved(bid_e4, ask_e4)
    assert (section["n"], section["markets"], section["pending"]) == (2, 1, 1)
    assert section["total_usd"] == pytest.approx(total_usd)
    assert section["gross"]["mean_c"] == pytest.approx(total_usd / 150 * 100, abs=1e-6)
    assert section["by_market"]["0xm1"]["payout_yes"] == payout


@pytest.mark.parametrize(("bid_e4", "ask_e4"), [(4000, 6000), (None, None), (9000, None)])
def test_an_undecided_book_tells_no_payout(bid_e4, ask_e4):
    section = resolved(bid_e4, ask_e4)
    assert (section["n"], section["payout_unknown"]) == (0, 1)
    assert section["gross"]["mean_c"] is None


def test_resolution_is_left_out_unless_asked_for():
    world = World()
    world.fill(1.0)
    assert "resolution" not in world.report()


def test_a_fill_taken_back_leaves_the_payout_too():
    world = World(measure_resolution=True)
    one = world.fill(2.0)
    world.fill(2.0, order_id=one.order_id, is_buy=False, trade_id="u", reverses=one.trade_id)
    world.wait(60)
    world.resolve("0xm1", 9900, None)
    assert world.report()["resolution"]["markets"] == 0


# --- whatever happens ------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["0xa", "0xb"]),
            st.integers(-500, 500),
            st.integers(1, 10**9),
            st.integers(1, 200),
        ),
        max_size=20,
    )
)
def test_the_parts_add_up(fills):
    world = World(breaker_c=-90.0)
    world.fees = FeeSchedule(rate=0.04, rebate_share=0.25)
    for market_id, cents_100, size_e6, wait_s in fills:
        world.fill(cents_100 / 100, market_id, size_e6=size_e6)
        world.wait(wait_s, "0xa", "0xb")
    section = world.report()
    json.dumps(section, allow_nan=False)
    one = section["horizons"]["120"]
    markets = [market["horizons"]["120"] for market in section["markets"].values()]
    assert one["n"] + one["pending"] + sum(one["discarded"].values()) == len(fills)
    for name in ("n", "pending", "total_usd", "rebate_usd", "net_usd"):
        assert sum(market[name] for market in markets) == pytest.approx(one[name], abs=1e-5)
    assert one["net_usd"] == pytest.approx(one["total_usd"] + one["rebate_usd"], abs=3e-6)
    assert one["clusters"] <= one["n"]
