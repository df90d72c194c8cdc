"""The score against real markets and real disputes; skipped where the recordings are absent."""

import ast
import json
from pathlib import Path

import pytest
import zstandard

from polyframe.testing.builders import a_spec
from polyframe_rrs import explain

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


def spec_of_request(request):
    """Only what was known before the first proposal: later clarifications would give it away."""
    title, _, rules = request["ancillary_data"].partition(", description: ")
    proposed_at = request.get("request_transaction_block_time") or 0
    updates = (ast.literal_eval(update) for update in request.get("updates") or ())
    rules += "".join(f"\nAdditional context: {text!r}" for at, text in updates if at < proposed_at)
    return a_spec(
        request["query_id"],
        question=title.removeprefix("q: title: "),
        rules=rules,
        resolution_source="",
        category="",
        tags=tuple(request.get("tags") or ()),
        market_event_title="",
        end_ns=1 if request.get("end_date_iso") else None,
        game_start_ns=1 if request.get("game_start_time") else None,
    )


def area_under_curve(risky, safe):
    """P(a disputed text scores above an undisputed one), ties half (Mann-Whitney)."""
    above = sum((a > b) + 0.5 * (a == b) for a in risky for b in safe)
    return above / (len(risky) * len(safe))


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
    """A sanity figure over 26 disputes among 2,406 requests, not a calibration."""
    scored = [
        (explain(spec_of_request(row)).value, row) for row in rows("uma_requests_train.jsonl.zst")
    ]
    safe = [value for value, row in scored if not row["label_disputed"]]
    disputed = [value for value, row in scored if row["label_disputed"]]
    substantive = [
        value
        for value, row in scored
        if row["label_disputed"] and row["label_resolved_outcome"] != "p4"
    ]
    assert area_under_curve(disputed, safe) > 0.60
    assert area_under_curve(substantive, safe) > 0.70
