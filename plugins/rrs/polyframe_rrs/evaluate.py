"""``python -m polyframe_rrs.evaluate FILE [--json]``: how good the shipped score is on a file.

The file holds requests with labels (:mod:`polyframe_rrs.requests`). Both labels are judged:
``disputed`` as the file says it, and ``substantive``, which leaves out "too early" answers.
Ranking, lift and shares are those of the score that vetoes; Brier, skill, slope and reliability
are those of the model's probability, which is calibrated to ``substantive``.
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

from polyframe_rrs import measures
from polyframe_rrs.model import MAKER_SCORE, Weights, shipped
from polyframe_rrs.requests import BrokenFile, Request, read
from polyframe_rrs.score import Score, explain

LABELS = ("disputed", "substantive")
ONE_CLASS = "all labels agree: what compares the two kinds is not defined"
DRAWS = 1000
"""Of the bootstrap: with fewer, the ends of the interval move with the seed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Score the file, print the figures; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m polyframe_rrs.evaluate", description="Judge the shipped score on a file."
    )
    parser.add_argument("file", type=Path, help="requests, JSON lines, plain or .zst")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--seed", type=int, default=7, help="of the bootstrap (default 7)")
    options = parser.parse_args(arguments)
    try:
        report = evaluate(read(options.file), seed=options.seed)
    except BrokenFile as error:
        sys.stderr.write(f"evaluate: {error}\n")
        return 1
    if options.json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        sys.stdout.write("\n".join(_lines(report)) + "\n")
    return 0


def evaluate(
    requests: Sequence[Request], weights: Weights | None = None, *, seed: int = 7
) -> dict[str, Any]:
    """Return the figures of a set of requests for both labels, JSON-ready."""
    weights = weights or shipped()
    seen: dict[tuple[object, ...], Score] = {}
    scores = []
    for request in requests:
        spec = request.spec
        # Recurring markets repeat their text word for word.
        key = (spec.question, spec.rules, spec.tags, spec.end_ns, spec.game_start_ns)
        if key not in seen:
            seen[key] = explain(spec, None, weights)
        scores.append(seen[key])
    events = [request.event for request in requests]
    report: dict[str, Any] = {
        "model": weights.version,
        "gating_score": "model" if weights.gates else "model, and the rule sum by itself",
        "primary_label": LABELS[0],
        "n": len(requests),
        "events": len(dict.fromkeys(events)),
        "not_later_than_the_fit": sum(_day(r.requested_s) <= weights.fitted_to for r in requests),
    }
    for name, labels in (
        ("disputed", [request.is_disputed for request in requests]),
        ("substantive", [request.is_substantive for request in requests]),
    ):
        report[name] = judge(scores, labels, events, seed=seed)
    return report


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def judge(
    scores: Sequence[Score], labels: Sequence[bool], events: Sequence[str], *, seed: int
) -> dict[str, Any]:
    """Return the figures of one label; what cannot be computed is null."""
    values = [score.value for score in scores]
    chances = [score.probability for score in scores]
    log_odds = [math.log(max(p, 1e-12) / max(1.0 - p, 1e-12)) for p in chances]
    positives = sum(labels)
    refused = [value > MAKER_SCORE for value in values]
    caught = sum(no and label for no, label in zip(refused, labels, strict=True))
    low, high = measures.auc_interval(values, labels, events, draws=DRAWS, seed=seed)
    slope = measures.platt(log_odds, labels)[1]
    skill = measures.brier_skill(chances, labels)
    return {
        "positives": positives,
        "note": "" if 0 < positives < len(labels) else ONE_CLASS,
        "base_rate": positives / len(labels),
        "auc": _finite(measures.auc(values, labels)),
        "auc_95": [_finite(low), _finite(high)],
        "auc_of_probability": _finite(measures.auc(chances, labels)),
        "auc_of_rule_sum": _finite(measures.auc([s.rule_sum for s in scores], labels)),
        "pr_auc": _finite(measures.pr_auc(values, labels)),
        "brier": _finite(measures.brier(chances, labels)),
        "brier_skill": _finite(skill),
        "calibration_slope": _finite(slope),
        "lift_of_top_decile": _finite(measures.lift_of_top_decile(values, labels)),
        "refused_share": sum(refused) / len(labels),
        "caught_share": caught / positives if positives else None,
        "passes_gates": low > 0.55 and skill > 0 and 0.7 <= slope <= 1.3,
        "reliability": [
            {
                "n": row.n,
                "forecast": row.forecast,
                "observed": row.observed,
                "wilson_95": [row.wilson.low, row.wilson.high],
            }
            for row in measures.reliability(chances, labels)
        ],
    }


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _lines(report: dict[str, Any]) -> list[str]:
    lines = [
        f"model {report['model']}, gating score: {report['gating_score']}",
        f"requests {report['n']}, events {report['events']}",
    ]
    if report["not_later_than_the_fit"]:
        lines.append(
            f"IN-SAMPLE: {report['not_later_than_the_fit']} requests are not later than the last "
            "one the model was fitted to; these figures flatter"
        )
    for name in LABELS:
        found = report[name]
        low, high = found["auc_95"]
        lines += [
            "",
            f"label {name}{' (primary)' if name == report['primary_label'] else ''}",
            f"  n                   {report['n']}",
            f"  positives           {found['positives']} ({found['base_rate']:.2%})",
            *([f"  {found['note']}"] if found["note"] else []),
            f"  AUC                 {_shown(found['auc'])} (95 % {_shown(low)} to {_shown(high)}, "
            "bootstrap by event)",
            f"  AUC, probability    {_shown(found['auc_of_probability'])}",
            f"  AUC, rule sum alone {_shown(found['auc_of_rule_sum'])}",
            f"  PR-AUC              {_shown(found['pr_auc'])}",
            f"  Brier               {_shown(found['brier'], 6)}",
            f"  Brier skill         {_shown(found['brier_skill'])}",
            f"  calibration slope   {_shown(found['calibration_slope'])}",
            f"  lift of top decile  {_shown(found['lift_of_top_decile'], 2)}",
            f"  caught at {MAKER_SCORE}      {_share(found['caught_share'])}",
            f"  refused at {MAKER_SCORE}     {_share(found['refused_share'])}",
            f"  gates of A4.4       {'pass' if found['passes_gates'] else 'fail'}",
            "  reliability         n      forecast  observed  Wilson 95 %",
        ]
        lines += [
            f"                      {row['n']:<6} {row['forecast']:8.3%}  {row['observed']:8.3%}  "
            f"{row['wilson_95'][0]:.3%} to {row['wilson_95'][1]:.3%}"
            for row in found["reliability"]
        ]
    return lines


def _shown(number: float | None, digits: int = 4) -> str:
    return "n/a" if number is None else f"{number:.{digits}f}"


def _share(share: float | None) -> str:
    return "n/a" if share is None else f"{share:.2%}"


if __name__ == "__main__":
    sys.exit(main())
