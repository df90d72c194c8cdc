"""From the words of a market to a score between 0 and 1 that can be read back part by part.

First the rules: a weighted sum of four groups, each adding the shares of its findings and cut at
1. Then the fitted model turns that sum and the words of the text into a probability, and the
probability into the published score. Every finding and every word becomes a :class:`Part`, and
the parts sum to the score. Nothing here knows what time it is: two markets with the same text
score the same, an hour or a year before their end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from polyframe import MarketSpec
from polyframe_rrs import wording
from polyframe_rrs.categories import DISPUTE_RATE_BY_CATEGORY, category_of, dispute_rate
from polyframe_rrs.config import Config
from polyframe_rrs.model import MAKER_SCORE, Weights, probability, score_of, shipped
from polyframe_rrs.vocabulary import words_of


@dataclass(frozen=True, slots=True)
class Part:
    """One finding or word: which, its points, and the words found or the rule missing."""

    name: str
    points: float
    because: str


@dataclass(frozen=True, slots=True)
class Score:
    """A market's resolution risk in 0..1 and the parts that add up to it, weightiest first.

    ``probability`` is the fitted model's P(substantive trouble); ``rule_sum`` is the sum of the
    rules alone, 0..1. The value is read off the probability, unless the rules alone say more.
    """

    value: float
    parts: tuple[Part, ...]
    category: str
    probability: float
    rule_sum: float


Finding = tuple[str, float, str]


def explain(
    spec: MarketSpec, config: Config | None = None, weights: Weights | None = None
) -> Score:
    """Return the score of a market with every reason.

    An open dispute is 1.0 whatever the text says. ``sum(part.points) == value`` to 1e-12.
    """
    weights = weights or shipped()
    category = category_of(spec)
    text = wording.plain_text(spec)
    findings = rule_parts(spec, config or Config(), text=text, category=category)
    rule_sum = math.fsum(part.points for part in findings)
    words = {word: weights.words[word] for word in words_of(text) if word in weights.words}
    log_odds = weights.log_odds(rule_sum, words)
    chance = probability(log_odds)
    if has_open_dispute(spec):
        disputed = (Part("open dispute", 1.0, "the last UMA status is disputed"),)
        return Score(1.0, disputed, category, chance, rule_sum)
    parts = _shares(weights, findings, words, log_odds)
    value = math.fsum(part.points for part in parts)
    if not weights.gates and rule_sum > MAKER_SCORE:
        # The fit has not earned the right to overrule the rules: they lift its score above the
        # limit, in the order that it gives.
        named = _list(tuple(part.name for part in findings))
        parts.append(Part("rules alone", MAKER_SCORE * (1.0 - value), f"{rule_sum:.2f}: {named}"))
        value = math.fsum(part.points for part in parts)
    parts.sort(key=lambda part: (-abs(part.points), part.name, part.because))
    return Score(min(1.0, max(0.0, value)), tuple(parts), category, chance, rule_sum)


def _shares(
    weights: Weights, findings: list[Part], words: dict[str, float], log_odds: float
) -> list[Part]:
    """Return the points of base rate, findings and words: they sum to the published score.

    Log-odds add up, scores do not. Each term gets the score's change in proportion to its
    log-odds, which is its Aumann-Shapley share: the average over the way from an empty text.
    """
    empty = score_of(probability(weights.intercept))
    moved = log_odds - weights.intercept
    per_log_odds = (score_of(probability(log_odds)) - empty) / moved if abs(moved) > 1e-9 else 0.0
    parts = [Part("base rate", empty, "a text without findings and without known words")]
    parts.extend(
        Part(part.name, per_log_odds * weights.rules * part.points, part.because)
        for part in findings
    )
    parts.extend(Part("word", per_log_odds * weight, word) for word, weight in words.items())
    return [part for part in parts if part.points]


def rule_parts(
    spec: MarketSpec, config: Config, *, text: str | None = None, category: str | None = None
) -> list[Part]:
    """Return the findings of the rules with their points in the rule sum, largest first."""
    text = wording.plain_text(spec) if text is None else text
    category = category_of(spec) if category is None else category
    lowered = text.lower()
    parts: list[Part] = []
    for weight, findings in (
        (config.weight_ambiguity, _ambiguity(spec, text, lowered)),
        (config.weight_dispute, _dispute(spec, lowered, category)),
        (config.weight_time, _time(spec, text, lowered)),
        (config.weight_clarification, _clarification(lowered)),
    ):
        over = max(1.0, math.fsum(share for _, share, _ in findings))
        parts.extend(
            Part(name, weight * share / over, because) for name, share, because in findings if share
        )
    parts.sort(key=lambda part: (-part.points, part.name))
    return [part for part in parts if part.points]


def has_open_dispute(spec: MarketSpec) -> bool:
    """Whether the last word of the market's UMA history is a dispute."""
    return bool(spec.uma_statuses) and spec.uma_statuses[-1].strip().lower() == "disputed"


def _ambiguity(spec: MarketSpec, text: str, lowered: str) -> list[Finding]:
    findings: list[Finding] = []
    concreteness, evidence = wording.source_concreteness(spec, text)
    findings.append(("source", 0.60 * (1.0 - concreteness), evidence))
    if vague := wording.vague_modifiers(lowered):
        findings.append(("vague wording", min(0.36, 0.12 * len(vague)), _list(vague)))
    if verbs := wording.found(wording.JUDGEMENT, lowered):
        findings.append(("judgement", min(0.40, 0.25 * len(verbs)), _list(verbs)))
    contested, is_defined = wording.undefined_terms(lowered)
    if contested:
        share, note = (0.30, "partly defined") if is_defined else (0.60, "not defined")
        findings.append(("contested term", share, f"{_list(contested)}: {note}"))
    if maps := wording.found(wording.INTERPRETED_SOURCE, lowered):
        findings.append(("source to interpret", 0.45, _list(maps)))
    if pages := wording.found(wording.PAGE_STATE, lowered):
        findings.append(("page update", 0.35, _list(pages)))
    conditions = len(wording.CONDITION.findall(lowered)) + len(wording.EXCLUSION.findall(lowered))
    if conditions > 3:
        findings.append(
            ("conditions", min(0.15, 0.03 * (conditions - 3)), f"{conditions} conditions")
        )
    return findings


def _dispute(spec: MarketSpec, lowered: str, category: str) -> list[Finding]:
    rates = DISPUTE_RATE_BY_CATEGORY.values()
    least, most = min(rates), max(rates)
    rate = dispute_rate(category)
    findings: list[Finding] = [
        ("category", 0.50 * (rate - least) / (most - least), f"{category}: {rate:.2%} disputed")
    ]
    if "disputed" in (status.strip().lower() for status in spec.uma_statuses):
        findings.append(("past dispute", 0.60, "disputed before, proposed again"))
    if revisable := wording.found(wording.REVISABLE, lowered):
        ruled = wording.REVISION_RULE.search(lowered) is not None
        findings.append(
            ("revisable data", 0.10 if ruled else 0.30, _list(revisable) + (": ruled" * ruled))
        )
    if wording.INTERPRETED_SOURCE.search(lowered) or wording.PAGE_STATE.search(lowered):
        findings.append(("source can change", 0.35, "a map or page decides"))
    if not wording.FALLBACK.search(lowered):
        findings.append(("no fallback", 0.15, "nothing said for a silent source"))
    if wording.THRESHOLD.search(lowered) and not wording.EQUALITY.search(lowered):
        findings.append(("no equality rule", 0.15, "a threshold, but not what equality means"))
    if wording.SCHEDULED.search(lowered) and not wording.POSTPONEMENT.search(lowered):
        findings.append(("no postponement rule", 0.15, "a scheduled event, no word on delay"))
    if spec.neg_risk_augmented or wording.PLACEHOLDER.match(spec.group_item_title.strip()):
        findings.append(
            ("open list", 0.15, "outcomes may be added, or this stands for one not named yet")
        )
    return findings


def _time(spec: MarketSpec, text: str, lowered: str) -> list[Finding]:
    findings: list[Finding] = []
    if spec.end_ns is None and spec.game_start_ns is None:
        findings.append(("no end date", 0.30, "the venue gives no end"))
    if spec.game_start_ns is not None:
        return findings  # the venue's schedule is an instant; the text need not repeat it
    if not wording.DATE.search(lowered):
        findings.append(("no deadline", 0.60, "no date in the rules"))
    elif not wording.ZONE.search(text):
        findings.append(("no time zone", 0.40, "a date without a time zone"))
    elif not wording.CLOCK.search(lowered):
        findings.append(("no time of day", 0.15, "a date without an hour"))
    return findings


def _clarification(lowered: str) -> list[Finding]:
    if words := wording.found(wording.CLARIFIED, lowered):
        return [("clarified", 1.0, _list(words))]
    return []


def _list(words: tuple[str, ...], most: int = 4) -> str:
    shown = ", ".join(word[:40] for word in words[:most])
    return shown if len(words) <= most else f"{shown} and {len(words) - most} more"
