"""strategies/maker.yaml: passes under both profiles and holds the numbers."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from polyframe.errors import StrategyError
from polyframe.runtime.plugins import load_plugin_classes
from polyframe.strategy import (
    check_profiles,
    file_schema,
    load_strategy,
    named_plugins,
    profile_diff,
    read_source,
)

ROOT = Path(__file__).parents[2]
MAKER = ROOT / "strategies" / "maker.yaml"
ORDER = [
    "qs",
    "rrs",
    "markout",
    "portfolio_risk",
    "maker",
    "parity_arb",
    "satellite",
    "truth_report",
]


@pytest.fixture(scope="module")
def built_in():
    classes = load_plugin_classes(named_plugins(MAKER), production=True)
    return {name: cls.Config for name, cls in classes.items()}


@pytest.fixture(scope="module")
def strategies(built_in):
    return check_profiles(read_source(MAKER), ["paper", "production"], built_in)


def test_plugins_stand_in_hook_order(strategies):
    assert [request.name for request in named_plugins(MAKER)] == ORDER
    assert list(strategies["paper"].plugins) == ORDER


def test_the_profiles_differ_in_these_settings_and_no_other(strategies):
    assert profile_diff(strategies["paper"], strategies["production"]) == [
        ("capital.one_sided_mark_offset", 0.02, 0.0, "price"),
        ("universe.max_markets", 500, 200, "count"),
        ("universe.prefilter.enabled", True, False, "switch"),
        ("feed.max_book_age_s", 120.0, 5.0, "s"),
        ("venue.fallback", "embedded", "none", "name"),
    ]


def test_the_file_writes_out_every_setting_that_has_a_default(strategies, built_in):
    """What is traded by stands in the file: a default changed in code must not change it."""
    written = read_source(MAKER).lines
    resolved = strategies["paper"].resolved

    def missing(value, path):
        if isinstance(value, dict) and value:
            for key, below in value.items():
                yield from missing(below, (*path, key))
        elif path not in written and ("profiles", "paper", *path) not in written:
            yield ".".join(path)

    assert list(missing(resolved["settings"], ())) == []
    for entry in resolved["plugins"]:
        assert list(missing(entry["config"], ("plugins", entry["name"]))) == []


def test_the_editors_schema_accepts_it(built_in):
    schema = json.loads(json.dumps(file_schema(built_in)))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(read_source(MAKER).data)


def test_every_production_floor_of_the_built_in_plugins_holds(built_in, strategies):
    """For each setting with a floor, a looser value in the file is refused in production."""
    source = read_source(MAKER)
    floors = 0
    for name, config in built_in.items():
        entry = file_schema({name: config})["properties"]["plugins"]["properties"][name]
        for key, sub in entry["properties"].items():
            for keyword, looser in (("productionMax", 1), ("productionMin", -1)):
                if keyword not in sub or sub.get("type") == "boolean":
                    continue
                floors += 1
                value = sub[keyword] + looser * max(abs(sub[keyword]) * 1e-6, 1e-9)
                loosened = copy.deepcopy(source)
                loosened.data["plugins"][name][key] = value
                with pytest.raises(StrategyError, match=rf"plugins\.{name}\.{key}: "):
                    check_profiles(loosened, ["production"], {**built_in})
    assert floors > 0
    assert (
        check_profiles(source, ["production"], built_in)["production"] == strategies["production"]
    )


@pytest.mark.parametrize("profile", ["paper", "production"])
def test_the_numbers_the_strategy_was_designed_with(profile, built_in):
    strategy = load_strategy(MAKER, profile, built_in)
    s, p = strategy.settings, strategy.plugins
    assert (s.capital.bankroll_usd, s.cycle.cycle_s) == (5000, 60)
    assert (s.cycle.warmup_books, s.cycle.warmup_max_s, s.cycle.warmup_check_s) == (25, 10, 0.5)
    assert (s.cycle.max_active, s.cycle.max_per_cluster) == (40, 5)
    assert s.universe.prefilter.keep_markets == 250
    assert (s.states.watch_h, s.states.close_window_h, s.states.challenge_h) == (72, 24, 2)
    assert (s.quoting.mutations_per_pass, s.quoting.mutations_per_min) == (15, 60)
    assert (s.quoting.drift_ticks, s.quoting.size_drift, s.quoting.renew_before_s) == (2, 0.2, 30)
    risk = p["portfolio_risk"]
    caps = (risk.market_cap_share, risk.cluster_cap_share, risk.aggregate_cap_share)
    assert caps == (0.01, 0.12, 0.4)
    assert (risk.daily_loss_share, risk.drawdown_share) == (0.05, 0.15)
    assert (p["maker"].half_width, p["maker"].outside, p["maker"].base_usd) == (0.015, 0.005, 50)
    assert (p["rrs"].max_maker_score, p["rrs"].max_close_window_score) == (0.35, 0.15)
    assert p["qs"].min_liquidity_usd == 500
