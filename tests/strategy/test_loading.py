"""What a good file becomes: overlay, types, hash, and the way back from a tape's header."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyframe.errors import StrategyError
from polyframe.settings import Settings
from polyframe.strategy import (
    PluginRequest,
    check_profiles,
    count_settings,
    load_strategy,
    named_plugins,
    profile_diff,
    read_source,
    strategy_from_resolved,
)
from polyframe.strategy.loading import canonical_json
from polyframe.strategy.overlay import merged
from written_limits import WRITTEN_LIMITS

FULL = """\
name: demo
seed: 11
feed: {max_book_age_s: 5}
plugins:
  score: {weights: [0.25, 0.75], by_category: {sport: 0.1, weather: 0.2}}
  guard: {limit: 0.01}
profiles:
  paper:
    feed: {max_book_age_s: 120}
    venue: {fallback: embedded}
    plugins:
      guard: {limit: 0.2}
      score: {by_category: {sport: 0.3}, weights: [1]}
  production:
    feed: {max_book_age_s: 4}
    venue: {fallback: none}
    plugins:
      guard: {limit: 0.02}
      score: {by_category: {sport: 0.4}, weights: [0.5, 0.5]}
""" + WRITTEN_LIMITS  # fmt: skip

keys = st.sampled_from("abcd")
trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.lists(st.integers(), max_size=3),
    lambda below: st.dictionaries(keys, below, max_size=4),
    max_leaves=12,
)
mappings = st.dictionaries(keys, trees, max_size=4)


def leaves(value, path=()):
    if not isinstance(value, dict) or not value:
        return {path: value}
    return {k: v for key, below in value.items() for k, v in leaves(below, (*path, key)).items()}


@given(mappings, mappings)
def test_the_overlay_wins_and_nothing_else_changes(base, overlay):
    before = json.dumps([base, overlay])
    result = merged(base, overlay)
    assert json.dumps([base, overlay]) == before
    over, under, got = leaves(overlay), leaves(base), leaves(result)
    for path, value in over.items():
        if path and value != {}:
            assert got[path] == value
    for path, value in under.items():
        touched = any(
            path[: len(other)] == other or other[: len(path)] == path for other in over if other
        )
        if path and not touched:
            assert got[path] == value
    assert set(got) - {()} <= set(over) | set(under)


@given(mappings, mappings)
def test_the_overlay_applied_twice_is_the_overlay_applied_once(base, overlay):
    once = merged(base, overlay)
    assert merged(once, overlay) == once
    assert merged(base, {}) == base
    assert merged({}, overlay) == overlay


@given(mappings, mappings)
def test_the_overlaid_settings_share_nothing_with_the_file(base, overlay):
    before = json.dumps([base, overlay])

    def scribble(value):
        if isinstance(value, dict):
            for below in value.values():
                scribble(below)
            value["scribble"] = 1
        elif isinstance(value, list):
            value.append("scribble")

    scribble(merged(base, overlay))
    assert json.dumps([base, overlay]) == before


def test_a_profile_overlays_sections_and_plugins(write, configs):
    path = write(FULL)
    paper = load_strategy(path, "paper", configs)
    production = load_strategy(Path(path), "production", configs)
    assert (paper.settings.feed.max_book_age_s, production.settings.feed.max_book_age_s) == (120, 4)
    assert (paper.settings.seed, paper.settings.cycle.cycle_s) == (11, 60.0)
    assert paper.plugins["guard"].limit == 0.2
    score = paper.plugins["score"]
    assert isinstance(score, configs["score"])
    assert score.by_category == {"sport": 0.3, "weather": 0.2}
    assert score.weights == (1.0,)
    assert (paper.profile, production.profile, production.path) == ("paper", "production", "s.yaml")
    assert check_profiles(read_source(path), ["paper", "production"], configs) == {
        "paper": paper,
        "production": production,
    }


def test_hooks_follow_the_order_of_the_plugins(write, configs):
    assert named_plugins(write(FULL)) == [PluginRequest("score"), PluginRequest("guard")]
    swapped = "plugins: {guard: {limit: 0.01, dist: g==1}, score: }\n"
    assert named_plugins(write(swapped)) == [PluginRequest("guard", "g==1"), PluginRequest("score")]
    swapped = swapped.replace("score: ", "score: {}") + "profiles: {paper: {}, production: {}}"
    strategy = load_strategy(write(swapped), "paper", configs)
    assert list(strategy.plugins) == ["guard", "score"]
    assert strategy.requests == (PluginRequest("guard", "g==1"), PluginRequest("score"))
    assert not hasattr(strategy.plugins["guard"], "dist")


def test_the_resolved_settings_are_complete_json(write, configs):
    strategy = load_strategy(write(FULL), "paper", configs)
    assert set(strategy.resolved["settings"]) == set(Settings.__struct_fields__)
    assert strategy.resolved["plugins"][1] == {
        "name": "guard",
        "dist": None,
        "config": {
            "limit": 0.2,
            "width": 0.01,
            "ceiling": 50.0,
            "probing": False,
            "patience_h": 2.0,
        },
    }
    assert msgspec.convert(strategy.resolved["settings"], Settings) == strategy.settings


def test_a_strategy_is_rebuilt_from_its_resolved_form(write, configs):
    for profile in ("paper", "production"):
        strategy = load_strategy(write(FULL), profile, configs)
        header = json.loads(canonical_json(strategy.resolved))
        again = strategy_from_resolved(header, configs, profile, origin="s.yaml")
        assert again == strategy


def test_a_resolved_form_that_does_not_fit_is_refused(write, configs):
    resolved = load_strategy(write(FULL), "paper", configs).resolved
    with pytest.raises(StrategyError, match="looser than the production floor"):
        strategy_from_resolved(resolved, configs, "production")
    with pytest.raises(StrategyError, match=r"tape:1: plugins\.score: no such plugin is loaded"):
        strategy_from_resolved(resolved, {"guard": configs["guard"]}, "paper", origin="tape")
    resolved["settings"]["feed"]["gone"] = 1
    with pytest.raises(StrategyError, match=r"tape:1: feed\.gone: unknown key"):
        strategy_from_resolved(resolved, configs, "paper", origin="tape")
    with pytest.raises(StrategyError, match="is not a resolved strategy"):
        strategy_from_resolved({"plugins": []}, configs, "paper")


def test_the_hash_ignores_spelling_and_keeps_meaning(write, configs):
    def digest(text, profile="paper"):
        return load_strategy(write(text), profile, configs).config_hash

    first = digest(FULL)
    assert len(first) == 64
    moved = FULL.replace("name: demo\nseed: 11\n", "# a comment\nseed: 11\nname: 'demo'\n")
    assert digest(moved) == first
    assert digest(FULL.replace("max_book_age_s: 120}", "max_book_age_s: 120.0}")) == first
    # A default that is written out is the same setting, even one declared as a whole number.
    assert digest(FULL.replace("{limit: 0.01}", "{limit: 0.01, ceiling: 50.0}")) == first
    other_profile = FULL.replace("max_book_age_s: 4", "max_book_age_s: 3")
    assert digest(other_profile) == first
    assert digest(other_profile, "production") != digest(FULL, "production")
    assert digest(FULL.replace("seed: 11", "seed: 12")) != first
    text = "plugins: {%s}\nprofiles: {paper: {}, production: {}}"
    score, guard = "score: {}", "guard: {limit: 0.01}"
    assert digest(text % f"{score}, {guard}") != digest(text % f"{guard}, {score}")
    assert digest(text % "guard: {limit: 0.01, dist: g==1}") != digest(text % guard)


def test_the_hash_does_not_depend_on_the_interpreters_hash_seed(write):
    path = write("seed: 3\nplugins: {}\nprofiles: {paper: {}, production: {}}\n")
    code = (
        "import sys; from polyframe.strategy import load_strategy;"
        "print(load_strategy(sys.argv[1], 'paper', {}).config_hash)"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code, path],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert digests == {load_strategy(path, "paper", {}).config_hash + "\n"}


def test_the_environment_is_not_read(write, configs, monkeypatch):
    before = load_strategy(write(FULL), "paper", configs)
    for name in ("PAPER_MODE", "POLYFRAME_PROFILE", "SEED", "FEED_MAX_BOOK_AGE_S"):
        monkeypatch.setenv(name, "7")
    assert load_strategy(write(FULL), "paper", configs) == before


def test_profile_diff_names_each_setting_that_differs_with_its_unit(write, configs):
    path = write(FULL)
    paper, production = (load_strategy(path, p, configs) for p in ("paper", "production"))
    assert profile_diff(paper, production) == [
        ("feed.max_book_age_s", 120.0, 4.0, "s"),
        ("venue.fallback", "embedded", "none", "name"),
        ("plugins.score.weights", [1.0], [0.5, 0.5], ""),
        ("plugins.score.by_category.sport", 0.3, 0.4, "score"),
        ("plugins.guard.limit", 0.2, 0.02, "share"),
    ]
    assert profile_diff(paper, paper) == []
    assert count_settings(paper) == count_settings(production)


def test_yaml_1_2_scalars(write, configs):
    text = """\
name: no
seed: 0o17
capital: {bankroll_usd: 5e3}
plugins: {score: {label: "yes", top: 0x10}, guard: {limit: .01, ceiling: ~, probing: True}}
profiles: {paper: {}, production: {}}
"""
    strategy = load_strategy(write("\ufeff" + text.replace("\n", "\r\n")), "paper", configs)
    assert strategy.settings.name == "no"
    assert strategy.settings.seed == 15
    assert strategy.settings.capital.bankroll_usd == 5000.0
    assert (strategy.plugins["score"].label, strategy.plugins["score"].top) == ("yes", 16)
    guard = strategy.plugins["guard"]
    assert (guard.limit, guard.ceiling, guard.probing) == (0.01, None, True)
