"""The default rule: evidence by clusters, net of rebates, hysteresis, probes, priors."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from markout_world import HOUR_S, World
from polyframe import QuoteLeg
from polyframe.model import FeeSchedule
from polyframe_markout import Markout


def toxic_world(**more):
    world = World(**more)
    world.clusters(20, -1.0)
    assert world.codes() == ["markout.toxic"]
    return world


def probing_world(**more):
    world = toxic_world(**more)
    world.wait(24 * HOUR_S)
    assert world.codes() == []
    assert world.decision() == "probing"
    return world


# --- when a market is toxic --------------------------------------------------------------


def test_twenty_clusters_are_needed():
    world = World()
    world.clusters(19, -1.0)
    assert world.codes() == []
    world.cluster(-1.0)
    assert world.codes() == ["markout.toxic"]
    assert set(world.codes()) <= set(Markout.codes)


def test_a_hundred_fills_of_one_burst_are_one_cluster():
    world = World()
    for _ in range(100):
        world.fill(-1.0)
        world.wait(0.5)
    world.wait(70, "0xm1")
    world.wait(30, "0xm1")
    assert world.codes() == []
    row = world.report()["markets"]["0xm1"]
    assert (row["horizons"]["120"]["clusters"], row["decision"]) == (1, "ok")


def test_few_fills_that_lost_much_by_chance_do_not_condemn():
    """A plain mean would: G13's market A."""
    world = World()
    for cents in (-3.0, 1.0, -3.0, 1.0, -1.0):
        world.cluster(cents)
    assert world.codes() == []


def test_a_veto_carries_the_shrunk_mean_and_the_limit_in_cents():
    (veto,) = toxic_world().vetoes()
    assert (veto.limit, veto.side) == (-0.2, None)
    assert -1.0 < veto.observed < -0.7, "shrunk towards the prior"


def test_markouts_are_judged_net_of_the_expected_rebate_and_shown_gross():
    net, gross = World(), World()
    net.fees = FeeSchedule(rate=0.04, rebate_share=0.25)  # 0.25 c a share at 0.50
    for world in (net, gross):
        world.clusters(40, -0.4, sd=0.1)
    assert gross.codes() == ["markout.toxic"]
    assert net.codes() == []
    row = net.report()["markets"]["0xm1"]
    assert row["gross_mean_c"] == pytest.approx(-0.4)
    assert row["net_mean_c"] == pytest.approx(-0.15, abs=1e-3)
    gating = net.report()["horizons"]["120"]
    assert gating["gross"]["mean_c"] == pytest.approx(-0.4)
    assert gating["net"]["mean_c"] == pytest.approx(-0.15, abs=1e-3)


def test_trades_of_other_components_are_neither_measured_nor_judged():
    world = toxic_world()
    assert world.vetoes(component="arb") == []
    other = World()
    for _ in range(30):
        other.cluster(-1.0, component="arb")
    assert other.codes() == []
    section = other.report()
    assert (section["fills"], section["other_component_ignored"]) == (0, 30)


def test_only_the_gating_horizon_judges():
    world = World()
    for _ in range(30):
        world.fill(-1.0)
        world.wait(30, "0xm1")  # 30 s measured, 2 min not
    assert world.codes() == []


def test_a_fill_taken_back_is_no_evidence():
    world = World()
    world.clusters(19, -1.0)
    last = world.fill(-1.0)
    world.wait(60, "0xm1")
    undone = dict(trade_id="undo", order_id=last.order_id, is_buy=False, reverses=last.trade_id)
    world.fill(-1.0, **undone)
    world.wait(60, "0xm1")
    assert world.codes() == []
    assert world.report()["reversed"] == 1


# --- release and probe -------------------------------------------------------------------


def test_a_toxic_market_stays_so_between_the_two_probabilities():
    world = toxic_world(toxic_probability=0.9, release_probability=0.6)
    seen = set()
    for _ in range(40):
        world.cluster(3.0)  # orders that filled while being cancelled
        row = world.report()["markets"]["0xm1"]
        if row["decision"] != "toxic":
            break
        assert row["probability_toxic"] >= 0.6
        seen.add(row["probability_toxic"] > 0.9)
    assert seen == {True, False}, "toxic above 0.9, and below it for a while"
    assert world.codes() == []
    assert row["probability_toxic"] < 0.6


def test_after_the_cool_down_a_probe_at_a_quarter_of_the_size():
    world = toxic_world()
    world.wait(24 * HOUR_S - 1.5)  # it was judged a second ago, with the last mid
    assert world.codes() == ["markout.toxic"]
    world.wait(0.5)
    assert world.codes() == []
    shaped = world.shape()
    assert (shaped.bid, shaped.ask) == (QuoteLeg(4800, 25_000_000), QuoteLeg(5200, 25_000_000))


def test_a_probe_never_goes_below_what_the_venue_takes():
    world = probing_world()
    assert world.shape(shares=100, min_size_e6=40_000_000).bid.size_e6 == 40_000_000
    assert world.shape(shares=30, min_size_e6=40_000_000).bid.size_e6 == 30_000_000


def test_a_good_probe_frees_the_market():
    world = probing_world()
    world.clusters(4, 0.6)
    assert world.decision() == "probing", "four clusters are not yet an answer"
    world.clusters(6, 0.6)
    assert (world.codes(), world.decision(), world.shape()) == ([], "ok", None)
    world.wait(HOUR_S)
    assert world.codes() == [], "and what it was condemned for is no evidence any more"


def test_a_bad_probe_vetoes_again_and_the_cool_down_begins_anew():
    world = probing_world()
    world.clusters(8, -1.0)
    assert world.codes() == ["markout.toxic"]
    world.wait(23 * HOUR_S)
    assert world.codes() == ["markout.toxic"]
    world.wait(1 * HOUR_S)
    assert world.codes() == []
    row = world.report()["markets"]["0xm1"]
    assert (row["decision"], row["probes"], row["prior"]) == ("probing", 2, "probe")


def test_a_probe_that_trips_the_breaker_vetoes_again_at_once():
    world = probing_world()
    for _ in range(3):
        world.cluster(-3.0)
    assert world.codes() == ["markout.toxic", "markout.breaker"]
    world.wait(HOUR_S)
    (veto,) = world.vetoes()
    assert (veto.code, veto.observed, veto.limit) == ("markout.toxic", -3.0, -2.0)


def test_a_cool_down_ends_even_where_nobody_asks():
    world = toxic_world()
    world.wait(25 * HOUR_S)
    world.cycle()
    assert world.report()["probing"] == ["0xm1"]


def test_evidence_does_not_age_while_a_market_is_stopped():
    world = toxic_world(evidence_h=24.0, cool_down_h=100.0, keep_h=124.0)
    for _ in range(9):
        world.wait(11 * HOUR_S)
        world.cycle("0xm1")
        assert world.codes() == ["markout.toxic"]
    world.wait(2 * HOUR_S)
    assert world.decision() == "toxic"
    assert (world.codes(), world.decision()) == ([], "probing")


def test_old_fills_of_a_quoted_market_are_no_evidence():
    world = World(evidence_h=24.0)
    world.clusters(19, -1.0)
    world.wait(26 * HOUR_S)
    world.cluster(-1.0)
    assert world.codes() == []
    assert world.report()["markets"]["0xm1"]["evidence_clusters"] == 1


# --- mild ----------------------------------------------------------------------------------


def test_a_mild_market_is_quoted_wider_and_smaller():
    world = World()
    world.clusters(5, -0.5, sd=0.4)
    assert (world.codes(), world.decision()) == ([], "mild")
    shaped = world.shape()
    assert (shaped.bid, shaped.ask) == (QuoteLeg(4700, 50_000_000), QuoteLeg(5300, 50_000_000))


def test_a_market_without_evidence_is_left_alone():
    world = World(prior_mean_c=-1.0)
    assert (world.codes(), world.shape()) == ([], None)
    world.clusters(4, -0.5)
    assert world.shape() is None


# --- priors ----------------------------------------------------------------------------------


def bad_category(world, category, count, cents):
    for number in range(count):
        market_id = f"0x{category}{number}"
        world.categories[market_id] = category
        world.clusters(6, cents + number * 0.02, market_id, sd=0.2)


def row_of_a_new_market(world, category):
    world.categories["0xnew"] = category
    world.fill(0.0, "0xnew")
    return world.report()["markets"]["0xnew"]


def test_the_prior_is_the_category_then_all_markets_then_the_settings():
    world = World()
    assert row_of_a_new_market(world, "sports")["prior"] == "settings"
    bad_category(world, "sports", 5, -0.6)
    world.cycle()
    sports = row_of_a_new_market(world, "sports")
    assert (sports["prior"], sports["prior_mean_c"]) == ("category", pytest.approx(-0.56, abs=0.02))
    assert sports["prior_sd_c"] == 0.05, "markets that agree: the floor"
    crypto = World()
    bad_category(crypto, "sports", 3, -0.6)
    bad_category(crypto, "tech", 2, 0.6)
    crypto.cycle()
    other = row_of_a_new_market(crypto, "crypto")
    assert other["prior"] == "global"
    assert 0.5 < other["prior_sd_c"] < 0.8, "markets that do not"


def test_the_prior_is_fitted_once_a_utc_day():
    world = World()
    world.cycle()
    bad_category(world, "sports", 5, -0.6)
    world.cycle()
    assert row_of_a_new_market(world, "sports")["prior"] == "settings"
    world.wait(24 * HOUR_S)
    world.cycle()
    assert row_of_a_new_market(world, "sports")["prior"] == "category"


# --- whatever happens ------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([-3.0, -1.0, -0.3, 0.0, 0.5, 2.0]), st.sampled_from([0, 0, 0, 700])
        ),
        max_size=40,
    )
)
def test_phases_follow_the_probabilities(steps):
    world = World(min_clusters=6, early_clusters=3, cool_down_h=0.5, breaker_c=-90.0)
    before, since_s = "ok", 0.0
    for cents, wait_s in steps:
        world.cluster(cents)
        world.wait(wait_s)
        vetoes = world.vetoes()
        row = world.report()["markets"]["0xm1"]
        decision = "ok" if row["decision"] == "mild" else row["decision"]
        assert bool(vetoes) == (decision == "toxic")
        for veto in vetoes:
            assert veto.observed < veto.limit == -0.2
        if before == "toxic" and decision == "toxic":
            assert world.now_s - since_s < 0.5 * HOUR_S + 1
        if before != "toxic" and decision == "toxic":
            assert row["probability_toxic"] > 0.9
            assert row["evidence_clusters"] >= (6 if before == "ok" else 3)
        if before != "ok" and decision == "ok":
            assert row["evidence_clusters"] >= 3
        assert (world.shape() is None) == (row["decision"] in ("ok", "toxic"))
        if decision != before:
            before, since_s = decision, world.now_s


def test_a_past_that_no_longer_bears_on_anything_is_forgotten():
    world = probing_world()
    world.clusters(6, 1.0)
    assert world.decision() == "ok"
    world.wait(169 * HOUR_S)
    world.cycle()
    assert world.plugin.context.store["rule"]["episodes"] == {}
