"""The vetoes, the cache and the report section."""

import dataclasses
import json

import msgspec
import pytest

from polyframe import MarketState, Quote, ReportPeriod
from polyframe.testing.builders import a_market, a_plugin, a_spec
from polyframe_rrs import Rrs, shipped

RISKY = a_spec(
    "0xrisky", rules="A deal, deemed significant by credible reporting.", resolution_source=""
)
MIDDLE = a_spec(
    "0xmiddle", rules="Resolves by June 30 from official information.", resolution_source=""
)
QUOTE = Quote("0xm1")
SATELLITE = Quote("0xm1", component="satellite")
SAFE = a_spec("0xsafe", category="sports")
PERIOD = ReportPeriod(day="2026-05-28", start_ns=0, end_ns=1, facts={})


def codes(rrs, market):
    return [veto.code for veto in rrs.pre_quote_veto(QUOTE, market) or ()]


def test_a_risky_text_is_vetoed_with_observed_and_limit():
    rrs = a_plugin(Rrs)
    (veto,) = rrs.pre_quote_veto(QUOTE, a_market(spec=RISKY))
    assert (veto.code, veto.side, veto.limit) == ("rrs.maker", None, 0.35)
    assert veto.observed == rrs.score(RISKY).value > 0.35


def test_the_close_window_asks_more():
    value = a_plugin(Rrs).score(MIDDLE).value
    rrs = a_plugin(Rrs, max_close_window_score=value * 0.9)
    assert codes(rrs, a_market(spec=MIDDLE)) == []
    assert codes(rrs, a_market(spec=MIDDLE, state=MarketState.CLOSE_WINDOW)) == ["rrs.close_window"]
    assert codes(rrs, a_market(spec=SAFE, state=MarketState.CLOSE_WINDOW)) == []


def test_a_satellite_trade_is_held_to_its_own_stricter_limit():
    value = a_plugin(Rrs).score(MIDDLE).value
    rrs = a_plugin(Rrs, max_satellite_score=value * 0.9)
    market = a_market(spec=MIDDLE)
    (veto,) = rrs.pre_quote_veto(SATELLITE, market)
    assert (veto.code, veto.observed, veto.limit) == ("rrs.satellite", value, value * 0.9)
    assert rrs.pre_quote_veto(QUOTE, market) is None


def test_the_close_window_limit_itself_refuses_and_the_maker_limit_itself_does_not():
    value = a_plugin(Rrs).score(MIDDLE).value
    at_limit = a_plugin(Rrs, max_maker_score=value, max_close_window_score=value)
    market = a_market(spec=MIDDLE, state=MarketState.CLOSE_WINDOW)
    assert codes(at_limit, market) == ["rrs.close_window"]


@pytest.mark.parametrize("by_state", [True, False])
def test_a_dispute_is_vetoed_whether_state_or_history_tells(by_state):
    rrs = a_plugin(Rrs)
    if by_state:
        market = a_market(spec=SAFE, state=MarketState.DISPUTED)
    else:
        history = ("proposed", "disputed")
        market = a_market(spec=msgspec.structs.replace(SAFE, uma_statuses=history))
    assert "rrs.disputed" in codes(rrs, market)


def test_every_cast_code_is_declared():
    rrs = a_plugin(Rrs)
    market = a_market(
        spec=msgspec.structs.replace(RISKY, uma_statuses=("disputed",)),
        state=MarketState.CLOSE_WINDOW,
    )
    cast = {veto.code for q in (QUOTE, SATELLITE) for veto in rrs.pre_quote_veto(q, market)}
    assert cast == set(Rrs.codes)


def test_a_score_is_read_once_and_again_when_the_rules_change(monkeypatch):
    import polyframe_rrs

    read = []
    explain = polyframe_rrs.explain
    monkeypatch.setattr(
        polyframe_rrs, "explain", lambda *read_from: read.append(read_from) or explain(*read_from)
    )
    rrs = a_plugin(Rrs)
    first = rrs.score(SAFE)
    assert rrs.score(msgspec.structs.replace(SAFE, volume_24h_usd=1.0)) is first
    assert len(read) == 1
    clarified = msgspec.structs.replace(SAFE, rules=SAFE.rules + "\nAdditional context: no.")
    assert rrs.score(clarified).rule_sum > first.rule_sum
    assert len(read) == 2


def test_the_veto_does_not_depend_on_the_hours_left():
    rrs = a_plugin(Rrs)
    market = a_market(spec=RISKY)
    answers = {
        str(rrs.pre_quote_veto(QUOTE, dataclasses.replace(market, hours_to_close=hours)))
        for hours in (None, 0.5, 71.0, 5000.0)
    }
    assert len(answers) == 1


def test_the_report_says_what_stands_behind_the_score_and_explains_the_riskiest():
    rrs = a_plugin(Rrs, report_riskiest=1)
    assert rrs.report_section(PERIOD)["markets_scored"] == 0
    for spec in (SAFE, RISKY):
        rrs.pre_quote_veto(QUOTE, a_market(spec=spec))
    section = rrs.report_section(PERIOD)
    json.dumps(section, allow_nan=False)
    assert section["calibration"] == "calibrated"
    model = section["model"]
    assert (model["version"], model["fitted_to"]) == (shipped().version, shipped().fitted_to)
    assert model["time_split_test"]["substantive_auc"] is not None
    assert model["passes_its_gates"] is shipped().gates
    assert sum(kind["markets"] for kind in section["timing_risk"].values()) == 2
    assert (section["markets_scored"], section["markets_refused"]) == (2, 1)
    (riskiest,) = section["riskiest"]
    assert riskiest["market_id"] == "0xrisky"
    assert sum(part["points"] for part in riskiest["parts"]) == pytest.approx(
        riskiest["score"], abs=1e-4
    )


def test_other_group_weights_than_the_fitted_ones_are_not_called_calibrated():
    rrs = a_plugin(Rrs, weight_ambiguity=0.5, weight_dispute=0.2)
    assert rrs.report_section(PERIOD)["calibration"].startswith("uncalibrated")


def test_a_quote_without_legs_is_asked_all_the_same():
    rrs = a_plugin(Rrs)
    assert rrs.pre_quote_veto(quote=Quote("0xrisky"), market=a_market(spec=RISKY))
    assert Quote("0xrisky").is_empty
