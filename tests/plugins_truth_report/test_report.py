"""The daily document: complete, finite, adding up, and safe to show."""

import json
import math

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyframe import ReportPeriod
from polyframe.testing import builders
from polyframe.testing.builders import (
    NOW_NS,
    a_context,
    a_cycle,
    a_decision,
    a_market,
    a_plugin,
    a_portfolio,
)
from polyframe_truth_report import SCHEMA, TruthReport, render_markdown

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


def a_fill_row(**more):
    row = {
        "ts_ns": NOW_NS, "trade_id": "t1", "order_id": "o1", "decision_id": 1,
        "market_id": "0xm1", "cluster_id": "c", "component": "maker", "is_maker": True,
        "is_reversal": False, "is_reversed": False, "token": "YES", "side": "BUY", "price": 0.48,
        "shares": 100.0, "has_mid_before": True, "mid_before": 0.5, "spread_usd": 2.0,
        "adverse_usd": -0.5, "fee_usd": 0.0, "rebate_accrued_usd": 0.25, "is_traded": True,
        "is_settled": True,
    }  # fmt: skip
    return {**row, **more}


def a_profile(**more):
    profile = {
        "start_equity_usd": 5000.0, "end_equity_usd": 5003.0, "orders": 2, "orders_filled": 1,
        "shares": 100.0, "volume_usd": 48.0, "stale_evidence_fills": 0, "reversed_fills": 0,
        "capacity_limited_shares": 0.0, "fills": 1, "fills_by_cluster": {"c": 1},
        "pnl_by_market_usd": {"0xm1": 3.0}, "pnl_other_usd": 0.0,
        "realised": {"n": 1, "share_weighted_c": 1.5, "counts_e6": {"15000": 1}, "clusters": 1,
                     "cluster_sum_c": 1.5, "cluster_sum_sq_c2": 2.25, "pending": 0,
                     "discarded": 0},
    }  # fmt: skip
    return {**profile, **more}


FACTS = {
    "run": {"id": "r1", "source": "recording", "mode": "paper", "profile": "paper"},
    "portfolio": {"bankroll_usd": 5000.0, "equity_usd": 5003.0, "exposure_usd": 48.0,
                  "exposure_largest_market_usd": 48.0, "positions": []},
    "attribution": {"total": ATTRIBUTION, "by_market": {"0xm1": ATTRIBUTION}, "by_component": {}},
    "orders": {"placed": 12},
    "decisions": {"total": 11},
    "trades": {"sent": 0},
    "vetoes": {"rrs.maker": 13, "qs.stale": 0},
    "fill_profiles": {"base": {"fills": 1, "equity_usd": 5003.0}},
    "feed": {"books_checked": 10, "books_mismatched": 0},
    "ledgers": {"compared": 2, "differences": []},
    "plugins": {"detached": [], "vetoing_everything": [], "slow_calls": {}, "problems": []},
    "warnings": [],
    "day": {
        "day": "2026-05-28", "start_ns": NOW_NS, "end_ns": NOW_NS + DAY_NS, "is_whole": True,
        "start_equity_usd": 5000.0, "end_equity_usd": 5003.0,
        "attribution": {
            "horizon_s": 120.0,
            "total": {**ATTRIBUTION, "volume_usd": 48.0},
            "by_market": {"0xm1": {**ATTRIBUTION, "total": 3.0}},
            "by_component": {"maker": {**ATTRIBUTION, "total": 3.0}},
        },
        "orders": {"placed": 2, "duplicate_fills": 0, "unexpected_answers": 0},
        "decisions": {"total": 1},
        "trades": {"sent": 0},
        "vetoes": {"rrs.maker": 3, "qs.stale": 0},
        "feed": {"reconnects": 1, "parse_errors": 2, "unknown_tokens": 0, "books_mismatched": 0,
                 "witness_differed": 0},
        "sockets": [{"shard": 0, "looks": 100, "up_share": 0.99}],
        "profiles": {name: a_profile() for name in ("pessimistic", "base", "optimistic")},
        "fills": [a_fill_row()],
    },
}  # fmt: skip


def a_period(facts=FACTS, day="2026-05-28"):
    return ReportPeriod(day=day, start_ns=NOW_NS, end_ns=NOW_NS + DAY_NS, facts=facts)


def with_day(**changes):
    return {**FACTS, "day": {**FACTS["day"], **changes}}


def changed(section, **changes):
    return {**FACTS, section: {**FACTS[section], **changes}}


def a_fill(number=1, **more):
    return builders.a_fill(number, **({"price_e4": 4800} | more))


def with_commands(*commands):
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
    elif isinstance(value, dict) and {"value", "n", "interval", "reason"} == set(value):
        assert value["reason"] or None not in value.values(), path
    elif isinstance(value, dict) and {"observed", "met", "note"} <= set(value):
        assert value["note"] or value["observed"] is not None, path
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
    plugin.on_fill(a_fill(), a_market(), portfolio, NOW_NS + 2)
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
        "polyframe.report/4",
        "recording",
        "paper",
    )


def test_the_runtimes_facts_are_passed_on_the_days_own_apart_from_those_to_date():
    document = check(a_worked_report().report_section(a_period()))
    for section in ("run", "fill_profiles", "feed"):
        assert document[section] == FACTS[section]
    for section in ("orders", "decisions", "vetoes"):
        assert document[section] == FACTS["day"][section]
        assert document["run_to_date"][section] == FACTS[section]
    assert document["is_whole_day"]
    assert document["warnings"] == []


def test_all_four_components_are_there_and_idle_ones_are_zero():
    document = check(a_plugin(TruthReport).report_section(a_period()))
    by_component = document["attribution"]["by_component"]
    assert list(by_component) == ["maker", "taker", "arb", "satellite"]
    assert (by_component["maker"]["total"], by_component["arb"]["total"]) == (3.0, 0.0)


def test_fills_are_listed_up_to_the_cap_and_totalled_over_all():
    rows = [a_fill_row(trade_id=f"t{n}") for n in range(5)]
    rows.append(a_fill_row(trade_id="old", is_traded=False, adverse_usd=-1.0))
    rows.append(a_fill_row(trade_id="new", is_settled=False, adverse_usd=None))
    plugin = a_plugin(TruthReport, max_fills_listed=2)
    fills = check(plugin.report_section(a_period(with_day(fills=rows))))["fills"]
    assert (fills["traded"], fills["settled"], fills["listed"]) == (6, 6, 2)
    assert [row["trade_id"] for row in fills["latest"]] == ["t4", "new"]
    assert fills["totals"] == {
        "spread_usd": 12.0, "adverse_usd": -3.5, "fee_usd": 0.0, "rebate_accrued_usd": 1.5,
    }  # fmt: skip


def test_health_is_what_was_counted():
    plugin = a_plugin(TruthReport)
    market = a_market()
    pulled = [
        msgspec.structs.replace(
            a_decision(market, decision_id=n, outcome="pulled"), trigger=trigger, ts_ns=NOW_NS + at
        )
        for n, (trigger, at) in enumerate(
            [("feed_lost", 1), ("feed_lost", 1), ("feed_lost", 2), ("stale", 3), ("book", 4)]
        )
    ]
    plugin.on_cycle_end(a_cycle(pulled), a_portfolio(), NOW_NS + 5)
    health = check(plugin.report_section(a_period()))["health"]
    assert health["cancel_all_triggers"] == {"feed_lost": 2}
    assert health["pulls_by_trigger"] == {"book": 1, "feed_lost": 3, "stale": 1}
    assert health["stale_quote_incidents"] == 1
    assert (health["reconnects"], health["discarded"]["unreadable_messages"]) == (1, 2)
    assert health["sockets"] == [{"shard": 0, "looks": 100, "up_share": 0.99}]


def test_ledgers_that_differ_are_a_warning():
    difference = {"what": "cash_usd", "engine": 1.0, "venue": 2.0}
    facts = {**FACTS, "ledgers": {"compared": 2, "differences": [difference]}}
    document = check(a_plugin(TruthReport).report_section(a_period(facts)))
    assert document["health"]["ledger_differences"] == [difference]
    assert any("ledger" in warning for warning in document["warnings"])


def test_a_capacity_limited_day_says_so():
    profiles = {"pessimistic": a_profile(capacity_limited_shares=12.0)}
    document = check(a_plugin(TruthReport).report_section(a_period(with_day(profiles=profiles))))
    assert document["capacity"] == {"is_limited": True, "withheld_shares": {"pessimistic": 12.0}}
    assert any("capacity limited" in line for line in render_markdown(document))
    assert not check(a_plugin(TruthReport).report_section(a_period()))["capacity"]["is_limited"]


def test_ratios_wait_for_thirty_days():
    document = check(a_worked_report().report_section(a_period()))
    performance = document["performance"]
    for name in ("sharpe", "sortino"):
        assert performance[name] == {
            "value": None, "n": 1, "interval": None, "reason": "insufficient: 1 days < 30",
        }  # fmt: skip
    assert performance["calmar"]["reason"] == "insufficient: 1 days < 90"
    assert performance["return_today"]["value"] == pytest.approx(0.0006)
    assert performance["exposure_usd"]["value"] == 48.0


def test_ratios_appear_with_n_and_interval_when_there_are_days_enough():
    plugin = a_plugin(TruthReport)
    equity = 5000.0
    for number in range(91):
        equity *= 1.001 if number % 3 else 0.999
        plugin.on_cycle_end(a_cycle(), a_portfolio(equity_usd=equity), NOW_NS + number * DAY_NS)
    facts = {name: FACTS[name] for name in FACTS if name != "day"}
    document = check(plugin.report_section(a_period(facts, day="2027-01-01")))
    assert len(document["equity_curve"]) == 91
    for name in ("sharpe", "sortino", "calmar"):
        figure = document["performance"][name]
        low, high = figure["interval"]
        assert low < figure["value"] < high
        assert figure["n"] == 91
    again = plugin.report_section(a_period(facts, day="2027-01-01"))
    assert again["performance"] == document["performance"], "intervals are drawn with a seed"


def test_the_days_bounds_are_the_ledgers():
    plugin = a_plugin(TruthReport)
    plugin.on_cycle_end(a_cycle(), a_portfolio(equity_usd=5001.0), NOW_NS)
    (day,) = check(plugin.report_section(a_period()))["equity_curve"]
    assert (day["start_usd"], day["end_usd"]) == (5000.0, 5003.0)


def test_what_was_counted_belongs_to_its_day():
    plugin = a_worked_report()
    tomorrow = NOW_NS + DAY_NS
    plugin.on_fill(a_fill(9), a_market(), a_portfolio(), tomorrow)
    assert check(plugin.report_section(a_period()))["maker"]["fills"] == 1
    period = ReportPeriod(
        day="2026-05-29", start_ns=tomorrow, end_ns=tomorrow + DAY_NS,
        facts=with_day(day="2026-05-29"),
    )  # fmt: skip
    maker = check(plugin.report_section(period))["maker"]
    assert (maker["fills"], maker["quotes_placed"]) == (1, 0)


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
    facts = with_day(attribution={"total": {**ATTRIBUTION, **changes}})
    document = check(a_plugin(TruthReport).report_section(a_period(facts)))
    assert any(says in warning for warning in document["warnings"])
    assert any(says in line for line in render_markdown(document))


HOSTILE = "Win \u202e50%\x1b[2J\u200b\u2028\x00 </script>\nnow"


def test_market_text_cannot_move_the_cursor_or_turn_the_line_round():
    position = {"market_id": "0xm1", "question": HOSTILE, "yes": 1.0}
    facts = {
        **with_day(vetoes={HOSTILE: 2}),
        "portfolio": {"positions": [position]},
        "warnings": [HOSTILE],
    }
    document = check(a_plugin(TruthReport).report_section(a_period(facts)))
    question = document["portfolio"]["positions"][0]["question"]
    assert question == "Win \\u202e50%\\u001b[2J\\u200b\\u2028\\u0000 </script>\\u000anow"
    assert all(line.isprintable() for line in render_markdown(document))


def test_a_raw_document_is_escaped_by_the_renderer_too():
    raw = {"source": "\x1b[31mred`", "warnings": ["\u202ex | <b> [a](b) &#x202e; &lt;b> AT&T"]}
    lines = render_markdown(raw, {"qs`\n# x": {"a|b": "<script>"}})
    assert all(line.isprintable() for line in lines)
    text = "\n".join(lines)
    assert "source `\\u001b[31mred'`" in text
    assert "\\<b> \\[a\\](b) \\&#x202e; \\&lt;b> AT&T" in text
    assert "\\<script>" in text


def test_a_long_text_is_cut():
    facts = changed("run", why="x" * 5000)
    document = a_plugin(TruthReport, max_text_chars=100).report_section(a_period(facts))
    assert len(document["run"]["why"]) == 100


def test_a_reversal_takes_its_fill_back():
    plugin = a_plugin(TruthReport)
    portfolio = a_portfolio()
    plugin.on_fill(a_fill(1), a_market(), portfolio, NOW_NS)
    market = a_market()
    taken = a_fill(2, is_maker=False, component="taker")
    undo = a_fill(1, trade_id="undo", is_buy=False, reverses="t1")
    for fill in (taken, undo):
        plugin.on_fill(fill, market, portfolio, NOW_NS)
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
        facts = with_day(start_equity_usd=equity - 10, end_equity_usd=equity)
        plugin.report_section(a_period(facts))
        document = check(plugin.report_section(a_period(facts)))
        store = json.loads(json.dumps(store))
    (day,) = document["equity_curve"]
    assert (day["start_usd"], day["end_usd"]) == (5000.0, 5020.0)
    fills = next(c for c in document["gates"]["B"]["criteria"] if c["name"] == "fills")
    assert fills["observed"] == 2, "one of each run"


def test_paper_and_real_have_separate_curves():
    store = {}
    for mode in ("paper", "production"):
        plugin = a_plugin(TruthReport, a_context(store=store))
        day_ns = 0 if mode == "paper" else DAY_NS
        plugin.on_cycle_end(a_cycle(), a_portfolio(), NOW_NS + day_ns)
        facts = {name: FACTS[name] for name in FACTS if name != "day"}
        facts["run"] = {**FACTS["run"], "mode": mode}
        document = plugin.report_section(a_period(facts, day="2027-01-01"))
        assert len(document["equity_curve"]) == 1
    assert sorted(store["curves"]) == ["paper/recording", "production/recording"]


def test_drawdown_counts_from_the_accounts_peak():
    plugin = a_plugin(TruthReport)
    low = a_portfolio(equity_usd=4500.0, peak_equity_usd=5000.0, day_start_equity_usd=5000.0)
    plugin.on_cycle_end(a_cycle(), low, NOW_NS)
    document = check(plugin.report_section(a_period()))
    assert document["performance"]["max_drawdown"]["value"] == -0.1
    assert document["equity_curve"][0]["low_usd"] == 4500.0


def test_the_markdown_has_the_money_the_gates_and_the_reasons():
    document = a_worked_report().report_section(a_period())
    text = "\n".join(render_markdown(document, {"markout": {"fills": 1, "horizons": {}}}))
    assert "| insufficient: 1 days < 30" in text
    assert "**A: EXTEND** (research to paper) - no walk-forward result" in text
    assert "change 3.00, error 0.000000000 USD" in text
    assert "`rrs.maker` 3" in text
    assert "qs.stale" not in text
    assert "## Section `markout`" in text


def test_a_sections_null_is_shown_with_its_reason():
    section = {"halted": None, "other": None, "nulls": {"halted": "no | halt"}}
    text = "\n".join(render_markdown({}, {"risk": section}))
    assert "| `halted` | - (no \\| halt) |" in text
    assert "| `other`  | -              |" in text


def test_a_sections_list_is_a_table_of_its_first_rows():
    rows = [{"of": "a | b", "refusals": number} for number in range(12)]
    text = "\n".join(render_markdown({}, {"risk": {"refusals": rows[:2], "empty": []}}))
    assert "`refusals`:\n\n| `of`   | `refusals` |" in text
    assert "| a \\| b | 1          |" in text
    assert "empty" not in text
    long = "\n".join(render_markdown({}, {"risk": {"refusals": rows}}))
    assert "`refusals`, the first 10 of 12:" in long
    assert "| 9 " in long
    assert "| 10 " not in long


def test_a_null_of_the_runtimes_says_what_it_means():
    facts = {**with_day(fills=[a_fill_row(is_settled=False, adverse_usd=None)]),
             "feed": {"sockets": [{"shard": 0, "uptime_s": None}], "new": None}}  # fmt: skip
    nulls = check(a_plugin(TruthReport).report_section(a_period(facts)))["nulls"]
    assert nulls["/fills/latest/0/adverse_usd"] == "its horizon has not ended"
    assert nulls["/feed/sockets/0/uptime_s"] == "the socket is down"
    assert nulls["/feed/new"] == "not reported by the runtime"


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
        for name in (
            "run",
            "orders",
            "decisions",
            "vetoes",
            "feed",
            "fill_profiles",
            "new_fact",
            "day",
        )
    },
)


@settings(max_examples=150, deadline=None)
@given(sections)
def test_whatever_the_facts_the_document_is_valid_and_the_summary_prints(facts):
    document = a_plugin(TruthReport).report_section(a_period(facts))
    json.dumps(document, allow_nan=False)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert all(line.isprintable() for line in render_markdown(document))
