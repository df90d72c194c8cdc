"""Save, rebuild, continue: a restart at any point changes no veto, no shape and no report."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from markout_world import World
from polyframe.testing.builders import a_context, a_plugin
from polyframe_markout import Markout

# Small enough for every phase to come about within a few dozen steps.
QUICK = dict(
    min_clusters=4,
    early_clusters=2,
    cool_down_h=0.2,
    prior_markets=2,
    breaker_pause_s=300.0,
    measure_resolution=True,
)


def restart(world):
    """As a run that stops: report, save as JSON, build anew from what was saved."""
    world.report()
    store = json.loads(json.dumps(world.plugin.context.store, allow_nan=False))
    world.plugin = a_plugin(Markout, a_context(store=store), **world.settings)


def play(steps, restart_at, **more):
    world = World(**{**QUICK, **more})
    world.categories["0xm2"] = "sports"
    answers, last = [], None
    for number, (kind, market_id, cents, wait_s) in enumerate(steps):
        if kind == "cluster":
            world.cluster(cents, market_id)
        elif kind == "fill":
            last = world.fill(cents, market_id)
        elif kind == "reverse" and last is not None:
            taken = dict(trade_id=f"u{number}", order_id=last.order_id, reverses=last.trade_id)
            world.fill(0.0, last.market_id, is_buy=False, **taken)
        elif kind == "cycle":
            world.cycle("0xm1", "0xm2")
        elif kind == "resolve":
            world.resolve(market_id, 9700, None)
        world.wait(wait_s)
        if number == restart_at:
            restart(world)
        for one in ("0xm1", "0xm2"):
            answers.append((world.vetoes(one), world.shape(one)))
    return answers, world.report()


steps_drawn = st.lists(
    st.tuples(
        st.sampled_from(["cluster"] * 6 + ["fill", "reverse", "cycle", "resolve"]),
        st.sampled_from(["0xm1", "0xm1", "0xm2"]),
        st.sampled_from([-4.0, -1.2, -0.8, 0.0, 0.5, 2.0]),
        st.sampled_from([0, 0, 7, 400, 90_000]),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(steps_drawn, st.integers(0, 29), st.sampled_from(["bayes", "mean"]))
def test_a_restart_at_any_point_is_seamless(steps, restart_at, rule):
    assert play(steps, restart_at, rule=rule) == play(steps, -1, rule=rule)


def a_long_life():
    """ok, toxic, probing, toxic again by the breaker, probing, ok; a day later all over."""
    bad = [("cluster", "0xm1", cents, 0) for cents in (-1.2, -0.8, -1.2, -0.8, -1.0)]
    very_bad = [("cluster", "0xm1", -4.0, 0)] * 3
    good = [("cluster", "0xm1", cents, 0) for cents in (1.5, 2.0, 1.5, 2.0, 1.5, 2.0)]
    others = [("cluster", "0xm2", cents, 0) for cents in (0.0, 0.5, 0.0, 0.5)]
    pause = [("cycle", "", 0.0, 800)]
    day = [("fill", "0xm2", 0.0, 90_000), ("cycle", "", 0.0, 0)]
    return [*others, *bad, *pause, *very_bad, *pause, *good, *day, *bad, *pause, *good]


def test_every_point_of_a_long_life_may_be_a_restart():
    steps = a_long_life()
    world = World(**QUICK)
    seen = []
    for kind, market_id, cents, wait_s in steps:
        if kind == "cluster":
            world.cluster(cents, market_id)
        elif kind == "cycle":
            world.cycle("0xm1", "0xm2")
        world.wait(wait_s)
        world.vetoes()
        decision = world.report()["markets"].get("0xm1", {}).get("decision", "ok")
        if not seen or seen[-1] != decision:
            seen.append(decision)
    assert {"ok", "mild", "toxic", "probing"} <= set(seen)
    assert seen.count("toxic") >= 2
    unbroken = play(steps, -1)
    for restart_at in range(len(steps)):
        assert play(steps, restart_at) == unbroken, f"restarted after step {restart_at}"


def test_the_breakers_pause_survives():
    world = World()
    for _ in range(3):
        world.cluster(-3.0)
    assert world.codes() == ["markout.breaker"]
    restart(world)
    assert world.codes() == ["markout.breaker"]


def test_the_document_of_another_version_is_not_read():
    world = World()
    world.fill(1.0)
    world.report()
    store = {**world.plugin.context.store, "version": 1, "fills": [["not", "of", "this", "shape"]]}
    assert a_plugin(Markout, a_context(store=store)).context.store["version"] == 1


@pytest.mark.parametrize(("before", "after"), [("bayes", "mean"), ("mean", "bayes")])
def test_the_rule_may_change_between_runs(before, after):
    world = World(rule=before)
    world.clusters(20, -1.0)
    assert world.codes() == ["markout.toxic"]
    world.settings = dict(rule=after)
    restart_as = world.plugin.context.store
    world.report()
    world.plugin = a_plugin(Markout, a_context(store=restart_as), rule=after)
    assert world.codes() == ["markout.toxic"], "judged anew from the same fills"
