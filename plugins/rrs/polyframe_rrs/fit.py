"""``python -m polyframe_rrs.fit TRAIN_FILE``: make the weights that the package ships.

Three splits are reported, none of them chosen by its result: the promised time split (train on
the first 60 %, calibrate on the next 20 %, test on the last 20 %), rolling origins, and folds by
event. What is shipped is fitted to the whole file and calibrated on the folds by event.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from polyframe_rrs import measures, training
from polyframe_rrs.model import Weights, probability
from polyframe_rrs.requests import BrokenFile, read
from polyframe_rrs.training import Sample, finite

ORIGINS = (0.4, 0.5, 0.6, 0.7, 0.8)
"""Where training ends in the rolling splits, as shares of the file; all that is later tests."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, print the evaluation, write the weights; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m polyframe_rrs.fit", description=__doc__)
    parser.add_argument("file", type=Path, help="requests, JSON lines, plain or .zst")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(__file__).with_name("weights.json"),
        help="where the weights go (default: into the package)",
    )
    options = parser.parse_args(arguments)
    try:
        requests = sorted(read(options.file), key=lambda request: request.requested_s)
        weights = make(training.samples_of(requests))
    except (BrokenFile, ValueError) as error:
        sys.stderr.write(f"fit: {error}\n")
        return 1
    packed = msgspec.json.format(msgspec.json.encode(weights), indent=1) + b"\n"
    try:
        with options.out.open("wb") as out:
            out.write(packed)
    except OSError as error:
        sys.stderr.write(f"fit: {options.out}: {error.strerror or error}\n")
        return 1
    sys.stdout.write(
        msgspec.json.format(msgspec.json.encode(weights.evaluation), indent=2).decode() + "\n"
    )
    sys.stdout.write(
        f"{options.out}: {weights.version}, {len(weights.words)} words, gates={weights.gates}\n"
    )
    return 0


def make(samples: Sequence[Sample]) -> Weights:
    """Return the weights of requests in time order, with their evaluation.

    Raises:
        ValueError: too few substantive disputes to train, calibrate and test.
    """
    labels = [sample.request.is_substantive for sample in samples]
    folded = training.out_of_fold(samples)
    intercept, slope = measures.platt(folded, labels)
    model = training.fit(samples).calibrated(intercept, slope)
    split = _time_split(samples)
    day = datetime.fromtimestamp(samples[-1].request.requested_s, UTC).date().isoformat()
    return Weights(
        version=f"{day}/{len(samples)}",
        fitted_to=day,
        requests=len(samples),
        positives=sum(labels),
        intercept=round(model.intercept, 6),
        rules=round(model.rules, 6),
        words={word: round(weight, 6) for word, weight in model.words.items()},
        timing=training.timing_kinds(samples),
        gates=split["passes"],
        evaluation={
            "time_split": split,
            "rolling_origins": [_origin(samples, share) for share in ORIGINS],
            "folds_by_event": {
                "rules_and_words": training.ranking(folded, samples),
                "rules_only": training.ranking([s.rule_sum for s in samples], samples),
                "brier_skill": finite(
                    measures.brier_skill(
                        [probability(intercept + slope * z) for z in folded], labels
                    )
                ),
                "slope_before_calibration": finite(slope),
            },
        },
    )


def _time_split(samples: Sequence[Sample]) -> dict[str, Any]:
    """Train on the first 60 %, calibrate on the next 20 %, test on the last 20 %."""
    middle, late = int(0.6 * len(samples)), int(0.8 * len(samples))
    test = samples[late:]
    calibrate = training.without_siblings(samples[middle:late], test)
    train = training.without_siblings(samples[:middle], samples[middle:])
    model = training.fit(train)
    intercept, slope = measures.platt(
        [model.log_odds(sample) for sample in calibrate],
        [sample.request.is_substantive for sample in calibrate],
    )
    # A middle slice may hold too few disputes to turn the slope round: then only the level moves.
    if math.isnan(slope) or slope <= 0:
        intercept, slope = 0.0, 1.0
    log_odds = [intercept + slope * model.log_odds(sample) for sample in test]
    labels = [sample.request.is_substantive for sample in test]
    ranked = training.ranking(log_odds, test)
    skill = measures.brier_skill([probability(z) for z in log_odds], labels)
    test_slope = measures.platt(log_odds, labels)[1]
    low = ranked["substantive_auc_low"]
    passes = low is not None and low > 0.55 and skill > 0 and 0.7 <= test_slope <= 1.3
    return {
        "train": {"n": len(train), "substantive": sum(s.request.is_substantive for s in train)},
        "calibrate": {
            "n": len(calibrate),
            "substantive": sum(s.request.is_substantive for s in calibrate),
        },
        "test": ranked,
        "rules_only": training.ranking([sample.rule_sum for sample in test], test),
        "brier_skill": finite(skill),
        "slope": finite(test_slope),
        "passes": passes,
    }


def _origin(samples: Sequence[Sample], share: float) -> dict[str, Any]:
    start = int(share * len(samples))
    test = samples[start:]
    model = training.fit(training.without_siblings(samples[:start], test))
    ranked = training.ranking([model.log_odds(sample) for sample in test], test)
    rules = training.ranking([sample.rule_sum for sample in test], test)
    return {"trained_on_first": share, "rules_and_words": ranked, "rules_only": rules}


if __name__ == "__main__":
    sys.exit(main())
