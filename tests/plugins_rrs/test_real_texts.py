"""The score against real markets and real disputes; skipped where the recordings are absent."""

import json
from pathlib import Path

import pytest
import zstandard

from polyframe.testing.builders import a_spec
from polyframe_rrs import explain
from polyframe_rrs.evaluate import evaluate
from polyframe_rrs.requests import read

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def rows(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not beside this checkout")
    with path.open("rb") as file:
        text = zstandard.ZstdDecompressor().stream_reader(file).read().decode()
    return [json.loads(line) for line in text.split("\n") if line]


def spec_of_market(market):
    event = (market.get("events") or [{}])[0]
    return a_spec(
        market["conditionId"],
        question=market["question"],
        rules=market.get("description") or "",
        resolution_source=market.get("resolutionSource") or "",
        category=market.get("category") or "",
        market_event_title=event.get("title") or "",
        group_item_title=market.get("groupItemTitle") or "",
        neg_risk=bool(market.get("negRisk")),
        neg_risk_augmented=bool(event.get("negRiskAugmented")),
        end_ns=1 if market.get("endDate") else None,
        game_start_ns=1 if market.get("gameStartTime") else None,
        uma_statuses=tuple(json.loads(market.get("umaResolutionStatuses") or "[]")),
    )


@pytest.mark.parametrize("name", ["mlb_20250617", "mlb_20250619"])
def test_the_recorded_games_are_hardly_risky(name):
    path = DATA / f"{name}.gamma.json"
    if not path.exists():
        pytest.skip(f"{path.name} is not beside this checkout")
    for market in json.loads(path.read_text()):
        assert explain(spec_of_market(market)).value < 0.10


def test_a_moderate_share_of_the_real_universe_is_refused():
    markets = rows("gamma_markets.jsonl.zst")[::5]  # whole events are adjacent: every fifth
    values = [explain(spec_of_market(market)).value for market in markets]
    refused = sum(value > 0.35 for value in values) / len(values)
    assert 0.03 < refused < 0.30
    assert len({round(value, 6) for value in values}) > 100, "a score that cannot separate"


def test_it_ranks_disputed_requests_above_undisputed_ones():
    """In-sample, so only a floor: what the model is worth on later requests is in the README."""
    rows("uma_requests_train.jsonl.zst")  # skips where it is absent
    report = evaluate(read(DATA / "uma_requests_train.jsonl.zst"))
    assert report["n"] == 2406
    assert (report["disputed"]["positives"], report["substantive"]["positives"]) == (26, 13)
    assert report["disputed"]["auc"] > 0.75
    assert report["substantive"]["auc"] > 0.85
    assert 0.02 < report["disputed"]["refused_share"] < 0.20
    assert report["disputed"]["caught_share"] > 0.30
