"""``polyframe why``: the screen of each outcome, the decision it goes back to, the moment."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyframe.explain.story import tell_story
from polyframe.model import PluginShape, Quote, QuoteLeg, TradeLeg
from span_world import SECOND_NS, START_NS, SpanWorld, a_quote, a_reading, a_veto

PLACED = ("place o-000001 BUY YES 100@0.47", "place o-000002 BUY NO 100@0.47")
READINGS = (
    a_reading("qs", "score", 0.84),
    a_reading("qs", "spread_c", 2.0, 1.0),
    a_reading("qs", "hours_to_close", 900.0, 48.0),
    a_reading("portfolio_risk", "bid_market_cap_usd", 51.5, 50.0),
    a_reading("portfolio_risk", "drawdown_usd", 1.0, 750.0),
)
CAP = a_veto("portfolio_risk.market_cap", "bid", 51.5, 50.0)
LEG = TradeLeg("0xm1", True, True, 4800, 100_000_000)

QUOTED = """\
quoting 0.47 / 0.53 since 12:00:02.000 (decision 2)
Will 0xm1 happen?
NORMAL  will-0xm1-happen
0xm1
decision 2 at 2026-05-28 12:00:02.000 UTC, 0.5 ms before the run's last span;
trigger cycle, took 0.5 ms
book 0.49 / 0.51, 1 s old; inventory 0 YES
run 20260528T120000Z-abc, source embedded

proposed  maker           classic: fair 0.5, bid 100@0.47, ask 100@0.53
                          half_width 0.03
passed    qs              spread_c 2 (limit 1), score 0.84
passed    portfolio_risk  bid_market_cap_usd 51.5 (limit 50), drawdown_usd 1
                          (limit 750)
passed    satellite
target                    bid 100@0.47, ask 100@0.53
sent                      place o-000001 BUY YES 100@0.47
                          place o-000002 BUY NO 100@0.47
rests                     bid 100@0.47 o-000001 of decision 2, 12:00:02.000
                          ask 100@0.53 o-000002 of decision 2, 12:00:02.000

before: vetoed at 12:00:00.000 (decision 1): portfolio_risk.market_cap (bid)"""

VETOED = """\
not quoted since 12:00:00.000: runtime.no_mid (both), portfolio_risk.market_cap
(bid)
Will 0xm1 happen?
NORMAL  will-0xm1-happen
0xm1
decision 2 at 2026-05-28 12:00:01.000 UTC, 0.5 ms before the run's last span;
trigger cycle, took 0.5 ms
book 0.49 / 0.51, 1 s old; inventory 0 YES
run 20260528T120000Z-abc, source embedded

proposed  maker           classic: fair 0.5, bid 100@0.47, ask 100@0.53
                          half_width 0.03
shaped    portfolio_risk  bid 100@0.47 -> 50@0.47, ask 100@0.53 -> dropped
VETO      runtime         no_mid (both)
passed    qs              spread_c 2 (limit 1), score 0.84
VETO      portfolio_risk  market_cap (bid): 51.5 > limit 50
                          bid_market_cap_usd 51.5 (limit 50)
passed    satellite

for these reasons since 12:00:00.000, 2 decisions
no quote before that in this run"""

UNCHANGED = """\
quoting 0.47 / 0.53 since 12:00:00.000 (decision 1): right as it rests,
confirmed 7 times
Will 0xm1 happen?
NORMAL  will-0xm1-happen
0xm1
decision 3 at 2026-05-28 12:00:04.000 UTC, 0.5 ms before the run's last span;
trigger cycle, took 0.5 ms
book 0.49 / 0.51, 1 s old; inventory 0 YES
run 20260528T120000Z-abc, source embedded
below: decision 1, which made the change; trigger cycle, took 0.5 ms

proposed  maker           classic: fair 0.5, bid 100@0.47, ask 100@0.53
                          half_width 0.03
passed    qs
passed    portfolio_risk
passed    satellite
target                    bid 100@0.47, ask 100@0.53
sent                      place o-000001 BUY YES 100@0.47
                          place o-000002 BUY NO 100@0.47
rests                     bid 60@0.47 o-000001 of decision 1, 12:00:00.000
                          ask 100@0.53 o-000002 of decision 1, 12:00:00.000
filled                    12:00:02.500 BUY YES 40@0.49 o-000001, maker
"""

NOBODY_ASKED = """\
pulled at 12:00:03.000: runtime.stopping (both)
Will 0xm1 happen?
NORMAL  will-0xm1-happen
0xm1
decision 2 at 2026-05-28 12:00:03.000 UTC, 0.5 ms before the run's last span;
trigger cycle, took 0.5 ms
book 0.49 / 0.51, 1 s old; inventory 0 YES
run 20260528T120000Z-abc, source embedded

VETO       runtime      stopping (both)
not asked  the plugins  the runtime had refused already
sent                    cancel o-000001 pulled

before: quoting 0.47 / 0.53 at 12:00:00.000 (decision 1), quoted"""

TRADE = """\
arb takes at 12:00:07.000: take o-000003 BUY YES 100@0.48
Will 0xm1 happen?
NORMAL  will-0xm1-happen
0xm1
decision 1 at 2026-05-28 12:00:07.000 UTC, 0.1 s before the run's last span;
trigger cycle, took 0.5 ms
book 0.49 / 0.51, 1 s old; inventory 0 YES
run 20260528T120000Z-abc, source embedded

proposed  parity_arb      arb: bid 100@0.48
                          edge 0.02
passed    qs
passed    portfolio_risk
passed    satellite
target                    bid 100@0.48
sent                      take o-000003 BUY YES 100@0.48
filled                    12:00:07.100 BUY YES 100@0.49 o-000003, taker
"""


@pytest.fixture
def world(tmp_path):
    made = SpanWorld(tmp_path)
    yield made
    made.close()


def stop(world, at_s):
    world.decide(
        at_s, "pulled", vetoes=(a_veto("runtime.stopping"),), proposed_by="", asked=(),
        proposal=Quote("0xm1"), commands=("cancel o-000001 pulled",),
    )  # fmt: skip


def test_the_screen_of_a_quote(world):
    world.decide(0, "vetoed", vetoes=(CAP,))
    world.decide(2, "quoted", commands=PLACED, readings=READINGS)
    assert world.screen("why", "0xm1") == QUOTED


def test_the_screen_of_a_refusal(world):
    shape = PluginShape("portfolio_risk", QuoteLeg(4700, 50_000_000), None)
    vetoes = (CAP, a_veto("runtime.no_mid"))
    for at_s in (0, 1):
        world.decide(at_s, "vetoed", vetoes=vetoes, readings=READINGS, shapes=(shape,))
    assert world.screen("why", "0xm1") == VETOED


def test_what_rests_is_explained_by_what_placed_it(world):
    world.decide(0, "quoted", commands=PLACED)
    world.fill(2.5, "o-000001", 1, size_e6=40_000_000)
    world.decide(3, "unchanged")
    world.decide(4, "unchanged", skipped_before=5)
    assert world.screen("why", "0xm1") == UNCHANGED


def test_the_runtime_alone_refused(world):
    world.decide(0, "quoted", commands=PLACED)
    stop(world, 3)
    assert world.screen("why", "0xm1") == NOBODY_ASKED


def test_the_screen_of_a_trade(world):
    quote = LEG.as_quote("arb", (("edge", 0.02),))
    command = "take o-000003 BUY YES 100@0.48"
    world.decide(7, "taking", proposal=quote, proposed_by="parity_arb", commands=(command,))
    world.fill(7.1, "o-000003", 1, component="arb", is_maker=False)
    assert world.screen("why", "0xm1") == TRADE


def test_a_trade_does_not_hide_what_rests(world):
    world.decide(0, "quoted", commands=PLACED)
    world.decide(1, "vetoed", proposal=LEG.as_quote("arb"), vetoes=(a_veto("qs.liquidity", "bid"),))
    found = world.screen("why", "0xm1")
    assert found.startswith("quoting 0.47 / 0.53 since 12:00:00.000")
    assert "later, on a trade: a leg of a trade (arb) refused at 12:00:01.000: qs.liq" in found


@pytest.mark.parametrize(
    ("outcome", "fields", "words"),
    [
        ("deferred", {}, "waiting since 12:00:00.000 to quote 0.47 / 0.53: the budget of order "
         "changes is used up"),
        ("deferred", {"held_by": ("reconciling", "unknown o-000007")},
         "waiting since 12:00:00.000 to quote 0.47 / 0.53: held by reconciling, unknown o-000007"),
        ("unchanged", {}, "quoting 0.47 / 0.53: right as it rests; placed before these spans"),
        ("no_proposal", {"proposal": Quote("0xm1"), "proposed_by": ""},
         "not quoted since 12:00:00.000: no plugin proposed a quote"),
        ("quoted", {"commands": ("cancel o-000009 reprice",)},
         "changing to 0.47 / 0.53: the old orders are cancelled first"),
        ("quoted", {"commands": PLACED[1:], "vetoes": (CAP,), "target": a_quote(None)},
         "quoting ask 0.53 only (no bid: portfolio_risk.market_cap) since 12:00:00.000"),
        ("quoted", {"commands": PLACED[:1], "proposal": a_quote(4700, None)},
         "quoting bid 0.47 only (no ask: not proposed) since 12:00:00.000"),
        ("quoted", {"commands": PLACED[:1], "target": a_quote(4700, None),
                    "shapes": (PluginShape("satellite", QuoteLeg(4700, 1), None),)},
         "quoting bid 0.47 only (no ask: dropped by satellite) since 12:00:00.000"),
        ("quoted", {"commands": PLACED[:1], "proposal": a_quote(4700, None),
                    "shapes": (PluginShape("satellite", QuoteLeg(4700, 1), None),)},
         "quoting bid 0.47 only (no ask: not proposed) since 12:00:00.000"),
        ("no_proposal", {"shapes": (PluginShape("satellite", None, None),)},
         "not quoted since 12:00:00.000: dropped by satellite"),
        ("pulled", {"shapes": (PluginShape("runtime", None, None),)},
         "pulled at 12:00:00.000: dropped by the runtime (reduce only)"),
        ("no_proposal", {"shapes": (PluginShape("a", QuoteLeg(4700, 1), None),
                                    PluginShape("b", None, None))},
         "not quoted since 12:00:00.000: bid dropped by b, ask dropped by a"),
        ("vetoed", {"shapes": (PluginShape("a", QuoteLeg(4700, 1), None),), "vetoes": (CAP,)},
         "not quoted since 12:00:00.000: portfolio_risk.market_cap (bid), ask dropped by a"),
        ("no_proposal", {}, "not quoted since 12:00:00.000: nothing is left of what maker prop"),
        ("vetoed", {"proposal": LEG.as_quote("arb"), "vetoes": (a_veto("runtime.other_leg"),)},
         "a leg of a trade (arb) not taken at 12:00:00.000: another leg was refused "
         "(runtime.other_leg)\n"),
        ("vetoed", {"proposal": LEG.as_quote("arb")},
         "a leg of a trade (arb) not taken at 12:00:00.000: another leg was refused\n"),
    ],
)  # fmt: skip
def test_the_headline_says_it(world, outcome, fields, words):
    world.decide(0, outcome, **fields)
    assert world.screen("why", "0xm1", width=200).startswith(words)


def test_a_silence_is_as_old_as_the_last_quote(world):
    world.decide(0, "quoted", commands=PLACED)
    world.decide(86_400, "pulled", vetoes=(CAP,), commands=("cancel o-000001 pulled",))
    for at_s in (86_401, 86_402):
        world.decide(at_s, "vetoed", vetoes=(a_veto("rrs.maker"),))
    first, *_, since, before, last = world.screen("why", "0xm1", width=200).splitlines()
    assert first == "not quoted since 12:00:00.000: rrs.maker (both)"
    assert since == "for these reasons since 12:00:01.000, 2 decisions"
    assert before.startswith("before: pulled at 12:00:00.000 (decision 2): portfolio_risk.market_")
    assert last == "last quote: quoting 0.47 / 0.53 at 2026-05-28 12:00:00.000 (decision 1), quoted"


def test_a_typical_screen_fits_a_terminal(world):
    world.decide(0, "quoted", commands=PLACED, readings=READINGS)
    lines = world.screen("why", "0xm1").splitlines()
    assert len(lines) < 40
    assert max(map(len, lines)) <= 80


HOSTILE = "Will \x1b[2J\x1b]0;x\x07 it\n\u202e happen [red]now[/red]? \u200b"


def test_a_markets_text_never_steers_the_terminal(world):
    world.market("0xm1", HOSTILE, "slug-\x1b[31m")
    code = "bad.\x1b[31mcode"
    world.decide(0, "vetoed", vetoes=(a_veto(code),), commands=("cancel \x1b[31m x",))
    for arguments in (("why", "happen"), ("trace",), ("trace", "1"), ("why", "0xm1", "--json")):
        found = world.screen(*arguments)
        assert not set(found) & set("\x1b\x07\u202e\u200b"), arguments
    shown = world.screen("why", "happen", width=200)
    assert r"Will \u001b[2J\u001b]0;x\u0007 it\u000a\u202e happen [red]now[/red]?" in shown


def test_json_has_everything(world):
    world.decide(0, "quoted", commands=PLACED, readings=READINGS)
    world.fill(0.5, "o-000001", 1)
    world.decide(1, "unchanged")
    found = json.loads(world.screen("why", "0xm1", "--json"))
    assert found["decision"]["attributes"]["polyframe.decision.id"] == 2
    assert found["explained_by"]["attributes"]["polyframe.decision.id"] == 1
    assert [event["event"] for event in found["explained_by"]["events"]] == ["reading"] * 2
    assert found["fills"][0]["attributes"]["polyframe.fill.order_id"] == "o-000001"
    assert found["confirmations"] == 1
    assert [order["side"] for order in found["resting"]] == ["ask"]


@pytest.mark.parametrize(
    ("at", "decision_id"),
    [
        ("2026-05-28T12:00:02Z", 3), ("2026-05-28 12:00:02", 3), ("12:00:02", 3), ("12:00", 4),
        ("2026-05-28T14:00:02+02:00", 3), ("12:00:02.3", 2), ("12:00:02.400", 3), ("-2s", 3),
        ("-0s", 4), ("-4s", 1), ("23:00:00", 4), ("2026-05-28", 4), ("12:00:00", 1),
        ("14:00+02:00", 4), ("2026-05-28T12:00", 4),
    ],
)  # fmt: skip
def test_the_moment_asked_about(world, at, decision_id):
    for at_s in (0, 1.5, 2.4, 4.4):
        world.decide(at_s, "quoted", took_ns=0)
    found = json.loads(world.screen("why", "0xm1", "--json", "--at", at))
    assert found["decision"]["attributes"]["polyframe.decision.id"] == decision_id


NO_MOMENTS = (
    "", "noon", "25:00:00", "-5", "5m", "2026-02-30T00:00:00Z", "-5M", "-999999999d",
    "9999-12-31T23:59:59-01:00",
)  # fmt: skip


@pytest.mark.parametrize("at", NO_MOMENTS)
def test_what_is_no_moment(world, at):
    world.decide(0, "quoted")
    result = world.polyframe("why", "0xm1", "--at", at)
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert "write 2026-11-28T00:50:11Z, 00:50:11" in result.output


def test_nothing_was_decided_by_then(world):
    world.decide(0, "quoted")
    result = world.polyframe("why", "0xm1", "--at", "11:59:59")
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert "no decision on will-0xm1-happen (0xm1) by 2026-05-28 11:59:59.999 UTC" in result.output


OUTCOMES = ("quoted", "unchanged", "deferred", "pulled", "vetoed", "no_proposal")


@settings(max_examples=30, deadline=None)
@given(
    written=st.lists(
        st.tuples(
            st.sampled_from(OUTCOMES), st.sampled_from(("0xm1", "0xm2")), st.integers(0, 3 * 10**9)
        ),
        min_size=1,
        max_size=12,
    ),
    at=st.integers(0, 12),
    rotate_bytes=st.sampled_from((1, 10**9)),
)
def test_whatever_is_written_is_found_again(tmp_path_factory, written, at, rotate_bytes):
    world = SpanWorld(tmp_path_factory.mktemp("run"), rotate_bytes=rotate_bytes)
    ns, moments = 0, []
    for outcome, market_id, step_ns in written:
        ns += step_ns
        moments.append((ns, market_id, world.decide(ns / 1e9, outcome, market_id)))
    world.close()
    until_ns = moments[min(at, len(moments) - 1)][0]
    seconds, fraction = divmod(START_NS + until_ns, SECOND_NS)
    hour, rest = divmod(seconds % 86_400, 3600)
    clock = f"{hour:02d}:{rest // 60:02d}:{rest % 60:02d}.{fraction:09d}"
    for market_id in ("0xm1", "0xm2"):
        expected = [number for ns, of, number in moments if of == market_id and ns <= until_ns]
        result = world.polyframe("why", market_id, "--at", clock, "--json")
        if not expected:
            assert result.exit_code in (1, 2)
            continue
        found = json.loads(result.stdout)
        assert found["decision"]["attributes"]["polyframe.decision.id"] == expected[-1]
        by = found["explained_by"]["attributes"]["polyframe.decision.id"]
        assert by in expected


def test_what_was_not_sampled_is_confirmed_by_whatever_span_follows(world):
    world.decide(0, "quoted", commands=PLACED, skipped_before=50)
    world.decide(1, "deferred", skipped_before=3)
    world.decide(2, "vetoed", proposal=LEG.as_quote("arb"), vetoes=(CAP,), skipped_before=5)
    world.decide(3, "unchanged", skipped_before=7)
    world.decide(4, "vetoed", proposal=LEG.as_quote("arb"), vetoes=(CAP,), skipped_before=11)
    begin = "quoting 0.47 / 0.53 since 12:00:00.000 (decision 1): right as it rests, confirmed"
    assert world.screen("why", "0xm1", width=200).startswith(f"{begin} 27 times\n")
    assert world.screen("trace", "4", width=200).startswith(f"{begin} 16 times\n")


def test_a_quote_is_confirmed_by_what_was_not_sampled_before_a_trade(world):
    world.decide(0, "quoted", commands=PLACED)
    world.decide(4, "vetoed", proposal=LEG.as_quote("arb"), vetoes=(CAP,), skipped_before=1)
    assert world.screen("why", "0xm1", width=200).startswith(
        "quoting 0.47 / 0.53 since 12:00:00.000 (decision 1): right as it rests, confirmed once\n"
    )


def test_how_long_a_quote_has_waited(world):
    world.decide(0, "deferred")
    world.decide(1, "quoted", commands=PLACED)
    for at_s in (2, 3):
        world.decide(at_s, "deferred", since_ns=START_NS + SECOND_NS * at_s - SECOND_NS // 2)
    assert world.screen("why", "0xm1", width=200).startswith("waiting since 12:00:01.500 to quote")


def test_a_refusal_that_tells_no_numbers_shows_the_latest_for_the_same_reasons(world):
    world.decide(0, "pulled", vetoes=(CAP,), readings=READINGS, commands=("cancel o-000001 x",))
    world.decide(1, "vetoed", vetoes=(a_veto("rrs.maker"),), readings=READINGS[:1])
    for at_s in (2, 3):
        world.decide(at_s, "vetoed", vetoes=(CAP,))
    found = world.screen("why", "0xm1", width=200)
    assert "qs              spread_c 2 (limit 1), score 0.84 (as of 12:00:00)\n" in found
    assert "bid_market_cap_usd 51.5 (limit 50) (as of 12:00:00)\n" in found
    assert json.loads(world.screen("why", "0xm1", "--json"))["readings_from"]["time_ns"] == START_NS
    world.decide(4, "vetoed", vetoes=(a_veto("new.reason"),))
    assert "as of" not in world.screen("why", "0xm1")
    world.decide(5, "vetoed", vetoes=(CAP,), readings=READINGS)
    assert "as of" not in world.screen("why", "0xm1")


def test_what_the_runtime_cut_is_a_step_of_its_own(world):
    shape = PluginShape("runtime", QuoteLeg(4700, 3_000_000), None)
    world.decide(0, "quoted", commands=PLACED[:1], target=a_quote(4700, None), shapes=(shape,))
    found = world.screen("why", "0xm1", width=200)
    assert "\ncut       runtime         bid 100@0.47 -> 3@0.47, ask 100@0.53 -> dropped (r" in found
    assert "dropped (reduce only)\n" in found
    assert found.startswith("quoting bid 0.47 only (no ask: dropped by the runtime (reduce only))")


def test_what_waited_for_the_budget_tells_its_first_cause(world):
    world.decide(0, "quoted")
    path = world.trace / "spans-0001.jsonl"
    request = json.loads(path.read_bytes())
    [span] = request["resourceSpans"][0]["scopeSpans"][0]["spans"]
    origin = {"key": "polyframe.decision.origin", "value": {"stringValue": "book"}}
    span["attributes"].append(origin)
    text = json.dumps(request, separators=(",", ":")).replace('"cycle"', '"budget"')
    path.write_text(f"{text}\n")
    assert "trigger budget (first: book), took" in world.screen("why", "0xm1", width=200)


def test_no_story_of_nothing():
    assert tell_story([]) is None


def test_a_stopped_run_shows_what_was_before_the_stop(world):
    world.decide(1, "quoted", commands=PLACED)
    world.decide(
        9, "pulled", trigger="stopping", vetoes=(a_veto("runtime.stopping"),),
        commands=("cancel o-000001 stopping",),
    )  # fmt: skip
    assert world.screen("why", "0xm1").startswith("quoting 0.47 / 0.53 since 12:00:01.000")
    asked = world.screen("why", "0xm1", "--at", "12:00:09")
    assert asked.startswith("pulled at 12:00:09.000: runtime.stopping (both)")
