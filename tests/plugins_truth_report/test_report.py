"""The daily document: complete, finite, adding up, and safe to show."""

import json
import math

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyframe import Fill, ReportPeriod
from polyframe.testing.builders import (
    NOW_NS,
    a_context,
    a_cycle,
    a_decision,
    a_market,
    a_plugin,
    a_portfolio,
)
from polyframe_truth_report import SCHEMA, TruthReport, render_summary

DAY_NS = 86_400_000_000_000
ATTRIBUTION = {
    "spread": 3.0,
    "adverse": -1.0,
    "inventory": 1.0,
    "fees": 0.0,
    "rebates": 0.0,
    "rewards": 0.0,
    "resolution": 0.0,
    "other": 0.0,
    "sum": 3.0,
    "equity_change": 3.0,
    "error": 0.0,
}
FACTS = {
    "run": {"id": "r1", "source": "recording", "mode": "paper", "profile": "paper"},
    "portfolio": {"bankroll_usd": 5000.0, "equity_usd": 5003.0, "positions": []},
    "attribution": {"total": ATTRIBUTION, "by_market": {"0xm1": ATTRIBUTION}, "by_component": {}},
    "orders": {"placed": 2},
    "decisions": {"total": 1},
    "vetoes": {"rrs.maker": 3, "qs.stale": 0},
    "paper_profiles": {"base": {"fills": 1, "equity_usd": 5003.0}},
    "feed": {"books_checked": 10, "books_mismatched": 0},
    "warnings": [],
}


def a_period(facts=FACTS, day="2026-05-28"):
    return ReportPeriod(day=day, start_ns=NOW_NS, end_ns=NOW_NS + DAY_NS, facts=facts)


def changed(section, **changes):
    return {**FACTS, section: {**FACTS[section], **changes}}


def a_fill(number=1, **more):
    fields = dict(
        ts_ns=NOW_NS,
        trade_id=f"t{number}",
        order_id=f"o{number}",
        market_id="0xm1",
        token_id="yes",
        is_yes=True,
        is_buy=True,
        price_e4=4800,
        size_e6=100_000_000,
        fee_e12=0,
        is_maker=True,
        component="maker",
        decision_id=1,
        mid_before_e6=500_000,
    )
    return Fill(**{**fields, **more})


def with_commands(*commands):
    import msgspec

    return msgspec.structs.replace(a_decision(a_market()), commands=commands)


def check(document):
    json.dumps(document, allow_nan=False)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    nulls = dict(_nulls(document, ""))
    assert set(document["nulls"]) == set(nulls), "every null has a reason, every reason a null"
    return document


def _nulls(value, path):
    if value is None:
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            token = key.replace("~", "~0").replace("/", "~1")
            yield from _nulls(item, f"{path}/{token}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _nulls(item, f"{path}/{index}")


def a_worked_report(**settings_):
    plugin = a_plugin(TruthReport, **settings_)
    portfolio = a_portfolio(equity_usd=5003.0, day_start_equity_usd=5000.0)
    plugin.on_cycle_end(
        a_cycle([with_commands("place o1 BUY YES 100@0.48", "place o2 BUY NO 100@0.48")]),
        portfolio,
        NOW_NS,
    )
    plugin.on_cycle_end(
        a_cycle([with_commands("cancel o2 drift", "place o3 BUY NO 100@0.47"), with_commands()]),
        portfolio,
        NOW_NS + 1,
    )
    plugin.on_fill(a_fill(), portfolio, NOW_NS + 2)
    return plugin


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_document_counts_quotes_cancels_replaces_and_fills():
    document = check(a_worked_report().report_section(a_period()))
    maker = document["maker"]
    assert (maker["quotes_placed"], maker["cancels"], maker["replaces"]) == (3, 1, 1)
    assert (maker["fills"], maker["filled_shares"], maker["orders_filled"]) == (1, 100.0, 1)
    assert maker["fill_rate_per_quote"] == pytest.approx(1 / 3, abs=1e-6)
    assert maker["effective_half_spread_c"] == 2.0
    assert maker["fills_by_component"] == {"maker": 1}


def test_source_and_mode_stand_in_every_report():
    document = check(a_plugin(TruthReport).report_section(a_period()))
    assert (document["schema"], document["source"], document["mode"]) == (
        "polyframe.report/1",
        "recording",
        "paper",
    )


def test_the_runtimes_facts_are_passed_on():
    document = check(a_worked_report().report_section(a_period()))
    for section in ("run", "attribution", "orders", "decisions", "vetoes", "paper_profiles"):
        assert document[section] == FACTS[section]
    assert document["warnings"] == []


def test_ratios_wait_for_thirty_days():
    document = check(a_worked_report().report_section(a_period()))
    performance = document["performance"]
    assert performance["sharpe"] is performance["sortino"] is performance["calmar"] is None
    assert document["nulls"]["/performance/sharpe"] == "insufficient: 1 days < 30"
    assert performance["return_today"] == pytest.approx(0.0006)


def test_ratios_appear_when_there_are_days_enough():
    plugin = a_plugin(TruthReport)
    equity = 5000.0
    for number in range(91):
        equity *= 1.001 if number % 3 else 0.999
        plugin.on_cycle_end(a_cycle(), a_portfolio(equity_usd=equity), NOW_NS + number * DAY_NS)
    document = check(plugin.report_section(a_period(day="2027-01-01")))
    performance = document["performance"]
    low, high = performance["sharpe_95"]
    assert low < performance["sharpe"] < high
    assert performance["days"] == len(document["equity_curve"]) == 91
    assert performance["sortino"] > 0


def test_missing_facts_are_null_with_a_reason_and_a_warning():
    document = check(a_plugin(TruthReport).report_section(a_period({})))
    assert document["attribution"] is None
    assert document["nulls"]["/attribution"]
    assert (document["source"], document["mode"]) == ("unknown", "unknown")
    assert any("nothing proves" in warning for warning in document["warnings"])


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_becomes_null_with_a_reason(number):
    facts = changed("portfolio", equity_usd=number)
    document = check(a_plugin(TruthReport).report_section(a_period(facts)))
    assert document["portfolio"]["equity_usd"] is None
    assert "not finite" in document["nulls"]["/portfolio/equity_usd"]


def test_money_is_rounded_to_a_millionth_without_minus_zero():
    facts = changed("portfolio", equity_usd=5000.123456789, cash_usd=-0.0000000001)
    portfolio = a_plugin(TruthReport).report_section(a_period(facts))["portfolio"]
    assert portfolio["equity_usd"] == 5000.123457
    assert math.copysign(1, portfolio["cash_usd"]) == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"error": 0.00001}, "off by"),
        ({"spread": 3.01}, "parts sum to"),
        ({"equity_change": 3.01}, "equity moved"),
        ({"fees": None}, "no finite fees"),
    ],
)
def test_what_does_not_add_up_is_said(changes, says):
    facts = changed("attribution", total={**ATTRIBUTION, **changes})
    document = check(a_plugin(TruthReport).report_section(a_period(facts)))
    assert any(says in warning for warning in document["warnings"])
    assert any(says in line for line in render_summary(document))


HOSTILE = "Win \u202e50%\x1b[2J\u200b\u2028\x00 </script>\nnow"


def test_market_text_cannot_move_the_cursor_or_turn_the_line_round():
    position = {"market_id": "0xm1", "question": HOSTILE, "yes": 1.0}
    facts = {
        **changed("portfolio", positions=[position]),
        "warnings": [HOSTILE],
        "vetoes": {HOSTILE: 2},
    }
    document = check(a_plugin(TruthReport).report_section(a_period(facts)))
    question = document["portfolio"]["positions"][0]["question"]
    assert question == "Win \\u202e50%\\u001b[2J\\u200b\\u2028\\u0000 </script>\\u000anow"
    assert all(line.isprintable() for line in render_summary(document))


def test_a_raw_document_is_escaped_by_the_summary_too():
    lines = render_summary({"source": "\x1b[31mred", "warnings": ["\u202ex"]})
    assert all(line.isprintable() for line in lines)
    assert "source=\\u001b[31mred" in lines[0]


def test_a_long_text_is_cut():
    facts = changed("run", why="x" * 5000)
    document = a_plugin(TruthReport, max_text_chars=100).report_section(a_period(facts))
    assert len(document["run"]["why"]) == 100


def test_a_reversal_takes_its_fill_back():
    plugin = a_plugin(TruthReport)
    portfolio = a_portfolio()
    plugin.on_fill(a_fill(1), portfolio, NOW_NS)
    plugin.on_fill(a_fill(2, is_maker=False, component="taker"), portfolio, NOW_NS)
    plugin.on_fill(a_fill(1, trade_id="undo", is_buy=False, reverses="t1"), portfolio, NOW_NS)
    maker = check(plugin.report_section(a_period()))["maker"]
    assert (maker["fills"], maker["maker_fills"], maker["reversed_fills"]) == (1, 0, 1)
    assert (maker["filled_shares"], maker["orders_filled"]) == (0.0, 0)
    assert maker["fills_by_component"] == {"maker": 0, "taker": 1}


def test_the_curve_survives_a_restart_and_two_reports_do_not_double_a_day():
    store = {}
    for equity in (5010.0, 5020.0):
        plugin = a_plugin(TruthReport, a_context(store=store))
        portfolio = a_portfolio(equity_usd=equity, day_start_equity_usd=5000.0)
        plugin.on_cycle_end(a_cycle(), portfolio, NOW_NS)
        plugin.report_section(a_period())
        document = check(plugin.report_section(a_period()))
        store = json.loads(json.dumps(store))
    (day,) = document["equity_curve"]
    assert (day["start_usd"], day["end_usd"]) == (5000.0, 5020.0)


def test_paper_and_real_have_separate_curves():
    store = {}
    for mode in ("paper", "production"):
        plugin = a_plugin(TruthReport, a_context(store=store))
        day_ns = 0 if mode == "paper" else DAY_NS
        plugin.on_cycle_end(a_cycle(), a_portfolio(), NOW_NS + day_ns)
        document = plugin.report_section(a_period(changed("run", mode=mode), day="2027-01-01"))
        assert len(document["equity_curve"]) == 1
    assert sorted(store["curves"]) == ["paper/recording", "production/recording"]


def test_drawdown_counts_from_the_accounts_peak():
    plugin = a_plugin(TruthReport)
    low = a_portfolio(equity_usd=4500.0, peak_equity_usd=5000.0, day_start_equity_usd=5000.0)
    plugin.on_cycle_end(a_cycle(), low, NOW_NS)
    document = check(plugin.report_section(a_period()))
    assert document["performance"]["max_drawdown"] == -0.1
    assert document["equity_curve"][0]["low_usd"] == 4500.0


def test_a_summary_names_the_reason_of_a_missing_ratio():
    text = "\n".join(render_summary(a_worked_report().report_section(a_period())))
    assert "sharpe - (insufficient: 1 days < 30)" in text
    assert "pnl spread 3.00  adverse -1.00  inventory 1.00" in text
    assert "rrs.maker=3" in text
    assert "qs.stale" not in text


leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([HOSTILE, "a/b~c"])
)
anything = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
sections = st.fixed_dictionaries(
    {},
    optional={
        name: st.dictionaries(st.text(min_size=1, max_size=8), anything, max_size=3)
        for name in ("run", "orders", "decisions", "vetoes", "feed", "paper_profiles", "new_fact")
    },
)


@settings(max_examples=150, deadline=None)
@given(sections)
def test_whatever_the_facts_the_document_is_valid_and_the_summary_prints(facts):
    document = a_plugin(TruthReport).report_section(a_period(facts))
    json.dumps(document, allow_nan=False)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert all(line.isprintable() for line in render_summary(document))
