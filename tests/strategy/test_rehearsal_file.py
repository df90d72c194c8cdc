"""The rehearsal's strategy file, and the predictions invented for its markets."""

from __future__ import annotations

import json
from pathlib import Path

from polyframe.exchange.simulation.universe import generate_listings
from polyframe.polymarket.gamma_market import parse_market
from polyframe.runtime.plugins import configs_of, load_plugin_classes
from polyframe.strategy import load_strategy, named_plugins

ROOT = Path(__file__).parents[2]
FILE = ROOT / "strategies" / "rehearsal.yaml"
PREDICTIONS = ROOT / "strategies" / "rehearsal.predictions.jsonl"
ALL_EIGHT = {
    "qs", "rrs", "markout", "portfolio_risk", "maker", "parity_arb", "satellite", "truth_report",
}  # fmt: skip
GAP = 0.22
EVERY = 5
START_NS = 1_795_380_000 * 10**9


def strategy(profile):
    classes = load_plugin_classes(named_plugins(FILE), production=profile == "production")
    return load_strategy(FILE, profile, configs_of(classes))


def invented():
    """Every fifth ordinary market: the price it starts at, 22 cents up and down in turn."""
    settings = strategy("paper").settings
    listings = generate_listings(settings.seed, settings.embedded.markets, START_NS)
    ordinary = [
        one
        for one in listings
        if one.kind in ("lively", "calm")
        and 0.3 < one.probability < 0.7
        and one.gamma["orderPriceMinTickSize"] == 0.01
    ]
    for number, one in enumerate(ordinary[EVERY - 1 :: EVERY], start=1):
        yield {
            "market": one.gamma["conditionId"],
            "probability": round(one.probability + (GAP if number % 2 else -GAP), 2),
            "confidence": 0.7,
            "robustness": 4 + number % 2,
            "tier": "A" if number % 3 else "B",
            "expiry": "2099-01-01T00:00:00Z",
        }


def test_it_names_all_eight_plugins_and_both_profiles_are_sound() -> None:
    assert set(strategy("paper").plugins) == ALL_EIGHT
    assert set(strategy("production").plugins) == ALL_EIGHT


def test_the_predictions_are_what_their_rule_makes_of_the_markets() -> None:
    lines = [
        json.loads(line)
        for line in PREDICTIONS.read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]
    assert lines == list(invented())
    assert len(lines) >= 6


def test_every_market_predicted_is_one_that_is_quoted() -> None:
    settings = strategy("paper").settings
    listings = generate_listings(settings.seed, settings.embedded.markets, START_NS)
    by_id = {one.gamma["conditionId"]: parse_market(one.gamma) for one in listings}
    for line in invented():
        spec = by_id[line["market"]]
        assert not spec.neg_risk
        assert spec.end_ns - START_NS > 72 * 3_600 * 10**9
