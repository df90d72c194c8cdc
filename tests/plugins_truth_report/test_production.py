"""The document of real orders: the account, hazards, earnings; and what is never added up."""

import json

import jsonschema
import pytest

from polyframe import ReportPeriod
from polyframe.money import usd_e12
from polyframe.testing.builders import NOW_NS, a_context, a_cycle, a_plugin, a_portfolio
from polyframe_truth_report import SCHEMA, TruthReport, render_markdown
from polyframe_truth_report.curve import EquityDay

DAY = "2026-05-28"
PARTS = ("spread", "adverse", "inventory", "fees", "resolution", "other")
TOTAL = dict.fromkeys(PARTS, 0.0) | {
    "rewards": 3.0, "rebates": 2.0, "sum": 5.0, "equity_change": 5.0, "error": 0.0,
    "volume_usd": 0.0,
}  # fmt: skip
EARNINGS = {
    "2026-05-27": {
        "predicted_reward_low_usd": 2.5, "predicted_reward_high_usd": 3.5,
        "predicted_rebate_usd": 1.9, "announced_reward_usd": 3.0, "announced_rebate_usd": 2.0,
        "booked_reward_usd": 3.0, "booked_rebate_usd": None,
    },
    DAY: {
        "predicted_reward_low_usd": 0.5, "predicted_reward_high_usd": 1.0,
        "predicted_rebate_usd": 0.2, "announced_reward_usd": None, "announced_rebate_usd": None,
        "booked_reward_usd": None, "booked_rebate_usd": None,
    },
}  # fmt: skip
LIVE = {
    "wallet": "0xa4e1", "wallet_type": "EOA", "is_left_unproved": False,
    "orders_unknown": 0, "orders_not_settled": 2, "foreign_orders": 1, "foreign_fills": 0,
    "set_aside": {"cash_usd": 100.0, "tokens": {"77": 5.0}},
    "reconciled_ns": NOW_NS, "is_beyond_bound": False, "clock_skew_s": 0.1, "differences": [],
    "earnings": EARNINGS,
}  # fmt: skip
FACTS = {
    "run": {"id": "r1", "source": "live", "mode": "production", "profile": "production"},
    "portfolio": {"equity_usd": 5005.0, "unredeemed_usd": 12.5, "positions": []},
    "attribution": {"total": TOTAL},
    "orders": {"placed": 40},
    "fill_profiles": {"real": {"fills": 3, "equity_usd": 5005.0, "headline_equity_usd": None,
                               "stale_evidence_fills": None, "median_time_to_fill_s": None}},
    "safety": {"standing": {}, "raised": {"heartbeat_lost": 9}},
    "live": LIVE,
    "ledgers": {"compared": 2, "differences": []},
    "warnings": [],
    "day": {
        "start_equity_usd": 5000.0, "end_equity_usd": 5005.0, "cash_moved_usd": 0.0,
        "attribution": {"total": TOTAL, "by_component": {}, "by_market": {}},
        "orders": {"placed": 12, "rejected_by_code": {"tick": 2, "post_only_would_cross": 1}},
        "merges": {"asked": 1, "failed": 0},
        "hazards": {"heartbeat_lost": 2, "kill_switch": 0},
        "cancel_alls": [
            {"ts_ns": NOW_NS, "reason": "heartbeat_lost", "left": 3, "took_s": 11.0},
            {"ts_ns": NOW_NS + 1, "reason": "heartbeat_lost", "left": 0, "took_s": 14.0},
        ],
        "live": {
            "requests": 4, "cancel_requests": 9, "heartbeats": {"sent": 50, "missed": 3},
            "user_channel": {"reconnects": 1, "unreadable": 0}, "reconciliations": 7,
            "reconciliation_failures": 1, "differences_seen": 2, "settlements_failed": 1,
            "chores": {"done": 1, "failed": 0, "unknown": 0},
        },
        "profiles": {"real": {"fills": 3, "reversed_fills": 1.0, "stale_evidence_fills": None,
                              "capacity_limited_shares": None, "realised": {"n": 0}}},
    },
}  # fmt: skip


def a_report(facts=FACTS, plugin=None, day=DAY):
    plugin = plugin or a_plugin(TruthReport)
    period = ReportPeriod(day=day, start_ns=NOW_NS, end_ns=NOW_NS + 1, facts=facts)
    document = plugin.report_section(period)
    json.dumps(document, allow_nan=False)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    return document


def with_live(**changes):
    return {**FACTS, "live": {**LIVE, **changes}}


def of_mode(mode, source="live"):
    return {**FACTS, "run": {**FACTS["run"], "mode": mode, "source": source}}


def test_the_account_and_its_orders_by_the_day():
    found = a_report()["production"]
    assert found["is_rehearsal"] is False
    assert found["account"] == {
        "wallet": "0xa4e1", "wallet_type": "EOA", "cash_moved_usd": 0.0, "unredeemed_usd": 12.5,
        "set_aside_usd": 100.0, "set_aside_tokens": {"77": 5.0}, "foreign_orders": 1,
        "foreign_fills": 0,
    }  # fmt: skip
    assert found["orders"] == {
        "sent": 12, "requests": 4, "cancel_requests": 9, "refused": 3,
        "refused_by_code": {"tick": 2, "post_only_would_cross": 1}, "unknown_now": 0,
        "not_settled_now": 2,
    }  # fmt: skip
    assert found["settlements"] == {"failed": 1, "fills_taken_back": 1}
    assert (found["heartbeats"]["missed"], found["user_channel"]["reconnects"]) == (3, 1)
    assert found["conversions"]["done"] == 1
    made = found["reconciliations"]
    assert (made["made"], made["failed"], made["differences_seen"]) == (7, 1, 2)


def test_a_late_cancel_all_is_told_with_what_was_left():
    safety = a_report()["safety"]
    assert (safety["cancel_alls"], safety["cancel_alls_left"]) == (1, 1)
    assert [one["left"] for one in safety["latest_cancel_alls"]] == [3, 0]
    assert safety["hazards_raised"] == {"heartbeat_lost": 2, "kill_switch": 0}


def test_what_was_paid_stands_beside_what_was_predicted_day_by_day():
    document = a_report()
    earnings = document["production"]["earnings"]
    assert (earnings["booked_rewards_usd"], earnings["booked_rebates_usd"]) == (3.0, 2.0)
    reward, rebate, *today = earnings["by_day"]
    assert reward == {
        "day": "2026-05-27", "programme": "reward", "announced_usd": 3.0, "booked_usd": 3.0,
        "predicted_low_usd": 2.5, "predicted_high_usd": 3.5,
    }  # fmt: skip
    assert (rebate["announced_usd"], rebate["booked_usd"]) == (2.0, None)
    assert (rebate["predicted_low_usd"], rebate["predicted_high_usd"]) == (1.9, 1.9)
    assert [one["announced_usd"] for one in today] == [None, None]
    nulls = document["nulls"]
    assert nulls["/production/earnings/by_day/1/booked_usd"] == "not booked yet"
    assert nulls["/production/earnings/by_day/2/announced_usd"] == "not stated to this run"
    text = "\n".join(render_markdown(document))
    assert "| 2026-05-27 | reward    | 3.0 " in text
    assert "- (not booked yet)" in text


def test_rewards_are_part_of_what_adds_up():
    assert a_report()["warnings"] == []
    wrong = {**FACTS["day"], "attribution": {"total": {**TOTAL, "rewards": 0.0}}}
    assert any("parts sum to" in one for one in a_report({**FACTS, "day": wrong})["warnings"])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"orders_unknown": 2}, "orders of unknown fate, which may rest at the venue: 2"),
        ({"is_left_unproved": True}, "the book is not proved empty"),
        ({"foreign_fills": 4}, "fills of orders that are not ours: 4"),
        ({"differences": [{"what": "cash", "name": "cash", "ours": "5.0", "theirs": "4.0",
                           "explained_by": "", "amount": 1, "is_beyond_bound": True}]},
         "the venue's books differ: cash cash, ours 5.0, theirs 4.0"),
    ],
)  # fmt: skip
def test_what_nobody_may_overlook_is_a_warning(changes, says):
    document = a_report(with_live(**changes))
    assert any(says in warning for warning in document["warnings"])
    assert any(says in line for line in render_markdown(document))


def test_an_explained_difference_is_shown_and_no_warning():
    moving = {"what": "cash", "name": "cash", "ours": "5", "theirs": "4", "amount": 0,
              "explained_by": "settlements under way", "is_beyond_bound": False}  # fmt: skip
    document = a_report(with_live(differences=[moving]))
    assert document["warnings"] == []
    assert any("settlements under way" in line for line in render_markdown(document))


def test_a_hazard_that_stands_is_the_first_thing_one_reads():
    standing = {"clock_skew": {"action": "pull", "detail": "2 s\x1b[2J | ahead", "since_ns": 7}}
    document = a_report({**FACTS, "safety": {"standing": standing}})
    assert any("hazard clock_skew (pull) stands" in one for one in document["warnings"])
    (line,) = [one for one in render_markdown(document) if one.startswith("**HAZARD**")]
    assert line == "**HAZARD** `clock_skew` (pull): 2 s\\\\u001b\\[2J \\| ahead"


def test_on_paper_there_is_no_account_and_hazards_are_told_all_the_same():
    document = a_report({**of_mode("paper"), "live": None})
    assert document["production"] is None
    assert document["nulls"]["/production"] == "no real order was sent"
    assert document["capacity"] is not None
    assert document["safety"]["hazards_raised"]["heartbeat_lost"] == 2
    assert document["gates"]["B"]["verdict"] == "EXTEND"
    assert not any("Account at the venue" in line for line in render_markdown(document))


def test_a_run_that_should_have_an_account_and_tells_of_none_says_so():
    document = a_report({**FACTS, "live": None})
    assert document["nulls"]["/production"] == "missing from the runtime's facts"


def test_only_production_is_judged_by_gate_c():
    for mode, words in (("production", "not enough: days"), ("rehearsal", "do not count"),
                        ("paper", "paper days do not count")):  # fmt: skip
        gates = a_report(of_mode(mode))["gates"]
        assert gates["C"]["verdict"] == "EXTEND"
        assert mode == "production" or words in gates["C"]["why"]
        assert (gates["B"]["verdict"] == "N/A") is (mode != "paper")
    judged = a_report()["gates"]["C"]["criteria"]
    assert judged[0]["observed"] == 1


def test_paper_rehearsal_and_real_are_never_added_up():
    store = {}
    runs = [
        ("paper", "live", 5100.0),
        ("rehearsal", "embedded", 5200.0),
        ("rehearsal", "url", 5300.0),
        ("production", "live", 5400.0),
    ]
    for mode, source, equity in runs:
        plugin = a_plugin(TruthReport, a_context(store=store))
        plugin.on_cycle_end(a_cycle(), a_portfolio(equity_usd=equity), NOW_NS)
        day = {**FACTS["day"], "start_equity_usd": 5000.0, "end_equity_usd": equity}
        document = a_report({**of_mode(mode, source), "day": day}, plugin)
        (one,) = document["equity_curve"]
        assert (one["start_usd"], one["end_usd"]) == (5000.0, equity)
        assert document["performance"]["return_total"]["n"] == 1
    scopes = ["paper/live", "production/live", "rehearsal/embedded", "rehearsal/url"]
    assert sorted(store["curves"]) == sorted(store["evidence"]) == scopes
    assert not any(store["evidence"][scope] for scope in scopes), "no pessimistic profile, no proof"


def test_a_deposit_between_two_runs_of_a_day_is_no_return():
    store = {}
    for start, end, moved in ((5000.0, 5010.0, 0.0), (6010.0, 6020.0, 1000.0)):
        plugin = a_plugin(TruthReport, a_context(store=store))
        day = {**FACTS["day"], "start_equity_usd": start, "end_equity_usd": end,
               "cash_moved_usd": moved}  # fmt: skip
        document = a_report({**FACTS, "day": day}, plugin)
        store = json.loads(json.dumps(store))
    (one,) = document["equity_curve"]
    assert (one["start_usd"], one["end_usd"]) == (6000.0, 6020.0)
    assert document["performance"]["return_today"]["value"] == pytest.approx(20 / 6000)


def test_a_curve_of_before_deposits_were_told_is_read():
    fields = {"start_e12": usd_e12(1.0), "end_e12": usd_e12(1.0), "low_e12": 0, "high_e12": 1,
              "drawdown": 0.0}  # fmt: skip
    assert EquityDay(**fields).moved_e12 == 0
