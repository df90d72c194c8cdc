"""The fast breaker: three bad clusters in ten minutes pause a market for a quarter of an hour."""

import pytest

from markout_world import World
from polyframe.model import FeeSchedule


def quick(world, cents, gap_s=61.0, market_id="0xm1"):
    """A cluster measured at 30 s, the next one ``gap_s`` after it."""
    world.fill(cents, market_id)
    world.wait(30, market_id)
    world.wait(gap_s - 30)


@pytest.mark.parametrize("rule", ["bayes", "mean"])
def test_three_bad_clusters_pause_the_market_under_either_rule(rule):
    world = World(rule=rule)
    for cents in (-2.5, -4.0):
        quick(world, cents)
        assert world.codes() == []
    quick(world, -2.1)
    (veto,) = world.vetoes()
    assert (veto.code, veto.observed, veto.limit) == ("markout.breaker", -2.1, -2.0)
    assert veto.side is None
    assert world.report()["breaker"] == ["0xm1"]
    assert world.codes("0xother") == []


def test_it_trips_when_the_third_is_measured_and_ends_a_quarter_of_an_hour_later():
    world = World()
    for _ in range(3):
        quick(world, -3.0)
    since_measured_s = 31.0
    world.wait(900 - since_measured_s - 0.001)
    assert world.codes() == ["markout.breaker"]
    world.wait(0.001)
    assert world.codes() == []
    row = world.report()["markets"]["0xm1"]
    assert (row["decision"], row["breaker_trips"]) == ("ok", 1)


def test_two_are_not_enough_nor_is_the_limit_itself():
    world = World()
    for cents in (-3.0, -2.0, -3.0):
        quick(world, cents)
    assert world.codes() == []


def test_fills_of_one_burst_are_one_cluster():
    world = World()
    for _ in range(10):
        world.fill(-5.0)
        world.wait(5)
    world.wait(30, "0xm1")
    assert world.codes() == []


@pytest.mark.parametrize(("gap_s", "expected"), [(300, ["markout.breaker"]), (301, [])])
def test_they_must_lie_within_ten_minutes(gap_s, expected):
    world = World()
    for _ in range(2):
        quick(world, -3.0, gap_s)
    world.fill(-3.0)
    world.wait(30, "0xm1")
    assert world.codes() == expected


def test_good_clusters_in_between_do_not_excuse_bad_ones():
    world = World()
    for cents in (-3.0, 5.0, -3.0, 5.0, -3.0):
        quick(world, cents)
    assert world.codes() == ["markout.breaker"]


def test_what_caused_a_pause_does_not_cause_another():
    world = World()
    for _ in range(4):
        quick(world, -3.0)  # the fourth was on its way when the breaker tripped
    world.wait(900)
    assert world.codes() == []
    for _ in range(2):
        quick(world, -3.0)
    assert world.codes() == []
    quick(world, -3.0)
    assert world.codes() == ["markout.breaker"]
    assert world.report()["markets"]["0xm1"]["breaker_trips"] == 2


def test_rebates_do_not_soften_it():
    world = World()
    world.fees = FeeSchedule(rate=0.072, rebate_share=0.2)
    for _ in range(3):
        quick(world, -2.1)
    assert world.codes() == ["markout.breaker"]


def test_old_pauses_are_forgotten_with_the_fills():
    world = World()
    for _ in range(3):
        quick(world, -3.0)
    world.wait(200 * 3600)
    world.cycle()
    assert world.report()["markets"] == {}
    assert world.plugin.context.store["breaker"] == {}
