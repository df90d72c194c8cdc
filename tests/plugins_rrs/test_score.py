"""The score reads words, not the clock, and can be read back part by part."""

import inspect
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyframe.testing.builders import a_spec
from polyframe_rrs import explain, wording
from polyframe_rrs.categories import category_of
from polyframe_rrs.config import Config
from polyframe_rrs.model import shipped
from polyframe_rrs.score import has_open_dispute, rule_parts

DRESS_CODE = a_spec(
    question="Will the premier wear a suit at a public meeting before July?",
    rules=(
        'This resolves to "Yes" if the premier is seen wearing a suit between June 1 and '
        "June 30, 2026, 11:59 PM ET. What a suit is goes by credible reporting."
    ),
    resolution_source="",
)
CEASEFIRE_DEAL = a_spec(
    question="Ceasefire deal between the two governments by July?",
    rules=(
        'Resolves to "Yes" if both sides reach a deal to stop the fighting by June 30, 2026, '
        "11:59 PM ET. A consensus of credible reporting decides."
    ),
    resolution_source="",
)
MAP = a_spec(
    question="Will the army capture the junction town by the end of August?",
    rules=(
        'Resolves to "Yes" if the institute\'s map of the war has any part of the station shaded '
        "as held by the army at any point by August 31, 2026, 11:59 PM ET."
    ),
    resolution_source="https://institute.example/map",
)
SHUTDOWN = a_spec(
    question="Government shutdown on Saturday?",
    rules=(
        'Resolves to "Yes" if the personnel office\'s web page displays a shutdown status. The '
        "page is updated by hand. Checked on June 6, 2026, 12:00 PM ET."
    ),
    resolution_source="https://office.example/status",
)
SCOREBOARD = a_spec(
    question="Rivers vs. Harbours",
    rules=(
        "In the upcoming league game, scheduled for June 17 at 9:45PM ET: if the Rivers win, this "
        'resolves to "Rivers". If the game is postponed, this market stays open until it has been '
        "completed. If it is cancelled entirely, with no make-up game, it resolves 50-50."
    ),
    resolution_source="https://league.example/scoreboard",
    category="sports",
)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (DRESS_CODE, "contested term"),
        (CEASEFIRE_DEAL, "contested term"),
        (MAP, "source to interpret"),
        (SHUTDOWN, "page update"),
    ],
    ids=["dress code", "ceasefire deal", "map", "shutdown page"],
)
def test_texts_that_ended_in_disputes_are_refused_for_the_right_reason(spec, reason):
    result = explain(spec)
    assert result.value > 0.35, result
    assert reason in [part.name for part in result.parts]


def test_a_game_settled_by_a_scoreboard_is_hardly_risky():
    assert explain(SCOREBOARD).value < 0.10


def test_the_score_is_no_clock():
    """An earlier system scored every market the same below 72 hours to close."""
    near, far = (a_spec(end_ns=1_780_000_000_000_000_000 + hours) for hours in (1, 10**18))
    assert explain(near) == explain(far)
    assert "now_ns" not in inspect.signature(explain).parameters
    assert explain(DRESS_CODE).value != explain(SCOREBOARD).value


WORDS = (
    "significant deal ceasefire suit map shaded revised preliminary scheduled postponed noon ET "
    "credible reporting https://a.example deemed page shows above 50 clarification 2026 . "
)
texts = st.lists(st.sampled_from([*WORDS.split(), "\n", "\u200b"]), max_size=40).map(
    " ".join
) | st.text(max_size=300)
specs = st.builds(
    a_spec,
    question=texts,
    rules=texts,
    resolution_source=st.sampled_from(["", "https://a.example"]),
    group_item_title=st.sampled_from(["", "Other", "Person A", "June"]),
    neg_risk_augmented=st.booleans(),
    uma_statuses=st.lists(st.sampled_from(["proposed", "disputed", "resolved"])).map(tuple),
    end_ns=st.sampled_from([None, 1]),
    game_start_ns=st.sampled_from([None, 1]),
    category=st.sampled_from(["", "sports", "macro"]),
)


@given(specs)
def test_parts_sum_to_the_score_and_the_score_stays_within_bounds(spec):
    result = explain(spec)
    assert 0.0 <= result.value <= 1.0 + 1e-12
    assert abs(math.fsum(part.points for part in result.parts) - result.value) <= 1e-12
    assert all(part.points and part.because for part in result.parts)
    if not has_open_dispute(spec):
        refused = result.rule_sum > 0.35 or result.probability > 0.05
        assert (result.value > 0.35) == refused
    assert explain(spec) == result


def test_an_open_dispute_is_certain_trouble():
    assert explain(a_spec(uma_statuses=("proposed", "disputed"))).value == 1.0
    again = explain(a_spec(uma_statuses=("proposed", "disputed", "proposed")))
    assert again.value < 1.0
    assert "past dispute" in [part.name for part in again.parts]


def test_words_match_at_their_boundaries():
    assert wording.vague_modifiers("an insignificant majority") == ()
    assert wording.vague_modifiers("a significant majority") == ("significant",)
    assert wording.undefined_terms("an ideal lawsuit")[0] == ()


def test_an_invisible_character_does_not_hide_a_word():
    spec = a_spec(question="", rules="a cease\u200bfire by June 30, 11:59 PM ET")
    assert "contested term" in [part.name for part in explain(spec).parts]


def test_a_text_longer_than_the_oracle_takes_is_cut():
    spec = a_spec(rules="x " * wording.LONGEST_TEXT + "ceasefire")
    assert len(wording.plain_text(spec)) <= wording.LONGEST_TEXT
    assert "contested term" not in [part.name for part in explain(spec).parts]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("See https://agency.example/data for figures.", 1.0),
        ("Resolves according to the Bureau of Labor Statistics.", 1.0),
        ("The source will be official information, or a consensus of credible reporting.", 0.6),
        ("A consensus of credible reporting will be used.", 0.2),
        ("Resolves to Yes if it happens.", 0.0),
    ],
)
def test_the_most_concrete_source_counts(rules, expected):
    spec = a_spec(question="", rules=rules, resolution_source="")
    assert wording.source_concreteness(spec, wording.plain_text(spec))[0] == expected


@pytest.mark.parametrize(
    ("change", "part", "gone"),
    [
        ({"rules": "Resolves by June 30, 2026, 11:59 PM."}, "no time zone", False),
        ({"rules": "Resolves by June 30, 2026, 11:59 PM ET."}, "no time zone", True),
        ({"rules": "It happens."}, "no deadline", False),
        ({"rules": "It happens.", "game_start_ns": 1}, "no deadline", True),
        ({"end_ns": None}, "no end date", False),
        ({"rules": "The price is above $50 on June 3, noon ET."}, "no equality rule", False),
        ({"rules": "The price is above or equal to $50 on June 3."}, "no equality rule", True),
        ({"rules": "A vote is scheduled for June 3."}, "no postponement rule", False),
        (
            {"rules": "A vote is scheduled for June 3; if postponed, No."},
            "no postponement rule",
            True,
        ),
        ({"group_item_title": "Person C"}, "open list", False),
        ({"rules": "Additional context: an early end counts."}, "clarified", False),
    ],
)
def test_a_rule_missing_from_the_text_is_named(change, part, gone):
    names = [found.name for found in explain(a_spec(**change)).parts]
    assert (part not in names) is gone


def test_revisable_data_weighs_less_when_the_rules_rule_on_revisions():
    plain = explain(a_spec(rules="GDP as revised, June 3, noon ET."))
    ruled = explain(
        a_spec(rules="GDP, regardless of whether it is later revised, June 3, noon ET.")
    )
    assert plain.value > ruled.value


@pytest.mark.parametrize(
    ("change", "category"),
    [
        ({"category": "Sports"}, "sports"),
        ({"category": "", "tags": ("Politics", "Trump")}, "politics"),
        ({"category": "", "question": "A vs. B", "game_start_ns": 5}, "sports"),
        ({"category": "", "question": "Bitcoin above $100,000?"}, "crypto"),
        ({"category": "", "question": "CPI above 3% in May?"}, "macro"),
        ({"category": "", "question": "Will the new album be released?"}, "entertainment"),
        (
            {"category": "", "question": "Warm?", "rules": "Degrees.", "market_event_title": ""},
            "other",
        ),
    ],
)
def test_categories(change, category):
    assert category_of(a_spec(**change)) == category


def test_weights_must_sum_to_one():
    with pytest.raises(ValueError, match="sum to 1"):
        Config(weight_time=0.5)


def test_weights_scale_their_groups():
    only_time = Config(
        weight_ambiguity=0.0, weight_dispute=0.0, weight_time=1.0, weight_clarification=0.0
    )
    spec = a_spec(rules="It happens.", end_ns=None)
    parts = rule_parts(spec, only_time)
    assert {part.name for part in parts} == {"no deadline", "no end date"}
    assert explain(spec, only_time).rule_sum == pytest.approx(0.9)


def test_a_text_that_only_the_rules_refuse_is_refused_and_says_so():
    weights = msgspec.structs.replace(shipped(), words={}, rules=0.0, gates=False)
    result = explain(CEASEFIRE_DEAL, None, weights)
    assert result.probability < 0.05 < 0.35 < result.value
    assert result.parts[0].name == "rules alone"
    assert "contested term" in result.parts[0].because
    trusted = explain(CEASEFIRE_DEAL, None, msgspec.structs.replace(weights, gates=True))
    assert trusted.value < 0.35


def test_every_word_that_moved_the_score_is_named_with_its_direction():
    weights = msgspec.structs.replace(
        shipped(), words={"audit": 2.0, "innings": -1.5, "absent": 9.0}, rules=0.0
    )
    spec = a_spec(question="", rules="An audit, or innings; June 3, 2026, noon ET.")
    words = {part.because: part.points for part in explain(spec, None, weights).parts}
    assert words["audit"] > 0 > words["innings"]
    assert "absent" not in words
    assert words["audit"] / words["innings"] == pytest.approx(2.0 / -1.5)
