"""Fitting the model to requests, and finding out what it is worth on later ones.

The vocabulary is small on purpose: a word must stand in :data:`LEAST_EVENTS` events, and a weight
smaller than :data:`LEAST_WEIGHT` is dropped, so that a template repeated a hundred times counts
once. Nothing here is tuned inside a run: the constants were chosen before, see the README.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from polyframe_rrs import logistic, measures, wording
from polyframe_rrs.categories import category_of
from polyframe_rrs.config import Config
from polyframe_rrs.model import TimingKind
from polyframe_rrs.requests import Request
from polyframe_rrs.score import rule_parts
from polyframe_rrs.timing import kind_of, shrunk_rate
from polyframe_rrs.vocabulary import words_of

PENALTY = 10.0
"""L2 penalty on every weight: one word has to persuade several disputes to be heard."""
RULE_SCALE = 8.0
"""The rule sum (0..1) enters as 8 times itself: it is penalised 64 times less than a word."""
LEAST_EVENTS = 5
LEAST_WEIGHT = 0.03
FOLDS = 5
REPEATS = 2


@dataclass(frozen=True, slots=True)
class Sample:
    """A request as the fit sees it."""

    request: Request
    words: frozenset[str]
    rule_sum: float


@dataclass(frozen=True, slots=True)
class Linear:
    """Log-odds from rule sum and words, not yet calibrated."""

    intercept: float
    rules: float
    words: Mapping[str, float]

    def log_odds(self, sample: Sample) -> float:
        """Return the log-odds of one request."""
        return math.fsum(
            (
                self.intercept,
                self.rules * sample.rule_sum,
                *(weight for word, weight in self.words.items() if word in sample.words),
            )
        )

    def calibrated(self, intercept: float, slope: float) -> Linear:
        """Return the model whose log-odds are ``intercept + slope x`` these."""
        words = {word: slope * weight for word, weight in self.words.items()}
        return Linear(intercept + slope * self.intercept, slope * self.rules, words)


def samples_of(requests: Iterable[Request]) -> list[Sample]:
    """Return the requests that are markets of the venue, read for rules and words."""
    config = Config()
    samples = []
    for request in requests:
        if request.is_market:
            text = wording.plain_text(request.spec)
            parts = rule_parts(request.spec, config, text=text, category=category_of(request.spec))
            rule_sum = math.fsum(part.points for part in parts)
            samples.append(Sample(request, frozenset(words_of(text)), rule_sum))
    return samples


def fit(samples: Sequence[Sample]) -> Linear:
    """Return the model fitted to "substantive dispute".

    Raises:
        ValueError: no substantive dispute among the samples, or nothing else.
    """
    events: dict[str, dict[str, None]] = {}
    for sample in samples:
        for word in sorted(sample.words):
            events.setdefault(word, {})[sample.request.event] = None
    vocabulary = sorted(word for word, seen in events.items() if len(seen) >= LEAST_EVENTS)
    place = {word: number for number, word in enumerate(vocabulary)}
    rows = [
        logistic.Row(
            tuple(sorted(place[word] for word in sample.words if word in place)),
            RULE_SCALE * sample.rule_sum,
            sample.request.is_substantive,
        )
        for sample in samples
    ]
    found = logistic.fit(rows, len(vocabulary), penalty=PENALTY)
    kept = {
        word: weight
        for word, weight in zip(vocabulary, found.weights, strict=True)
        if abs(weight) >= LEAST_WEIGHT
    }
    return Linear(found.intercept, RULE_SCALE * found.numeric, kept)


def without_siblings(samples: Sequence[Sample], of: Sequence[Sample]) -> list[Sample]:
    """Return the samples that share no event with ``of``."""
    taken = dict.fromkeys(sample.request.event for sample in of)
    return [sample for sample in samples if sample.request.event not in taken]


def out_of_fold(samples: Sequence[Sample], *, seed: int = 7) -> list[float]:
    """Return each request's log-odds from models that saw none of its event, averaged."""
    events = list(dict.fromkeys(sample.request.event for sample in samples))
    total = [0.0] * len(samples)
    rng = Random(seed)
    for _ in range(REPEATS):
        rng.shuffle(events)
        fold_of = {event: number % FOLDS for number, event in enumerate(events)}
        for fold in range(FOLDS):
            seen = [s for s in samples if fold_of[s.request.event] != fold]
            model = fit(seen)
            for number, sample in enumerate(samples):
                if fold_of[sample.request.event] == fold:
                    total[number] += model.log_odds(sample) / REPEATS
    return total


def timing_kinds(samples: Sequence[Sample]) -> dict[str, TimingKind]:
    """Return the shrunk rate of premature proposals by kind of question, ``all`` included."""
    counts: dict[str, tuple[int, int]] = {}
    for sample in samples:
        for kind in (kind_of(sample.request.spec), "all"):
            early, n = counts.get(kind, (0, 0))
            counts[kind] = (early + sample.request.is_premature, n + 1)
    early, n = counts["all"]
    base = early / n
    return {
        kind: TimingKind(early, n, round(shrunk_rate(early, n, base), 6))
        for kind, (early, n) in sorted(counts.items())
    }


def ranking(
    values: Sequence[float], samples: Sequence[Sample], *, seed: int = 7
) -> dict[str, float | int | None]:
    """Return n, positives, AUC and its interval by event, for both labels."""
    report: dict[str, float | int | None] = {"n": len(samples)}
    events = [sample.request.event for sample in samples]
    for name, labels in (
        ("substantive", [sample.request.is_substantive for sample in samples]),
        ("disputed", [sample.request.is_disputed for sample in samples]),
    ):
        low, high = measures.auc_interval(values, labels, events, seed=seed)
        report |= {
            name: sum(labels),
            f"{name}_auc": finite(measures.auc(values, labels)),
            f"{name}_auc_low": finite(low),
            f"{name}_auc_high": finite(high),
        }
    return report


def finite(number: float, digits: int = 4) -> float | None:
    """Return the number rounded, None where there is none."""
    return None if math.isnan(number) else round(number, digits)
