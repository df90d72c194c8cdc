"""``polyframe universe``: what of a universe would be traded, and why the rest would not."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from polyframe.errors import UsageError
from polyframe.model import MarketSpec
from polyframe.plugin import Assessment

_WORST = 10
_LARGEST = 10
_QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
_ASSESSOR = "rrs"
_ANY = sys.maxsize
_CLUSTER_SIZES = ((1, 1), (2, 5), (6, 10), (11, 20), (21, 50), (51, _ANY))


@click.command("universe")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--strategy",
    type=click.Path(path_type=Path),
    default=Path("strategies/maker.yaml"),
    show_default=True,
    help="The strategy file with the prefilter's numbers.",
)
@click.option(
    "--profile", type=click.Choice(["paper", "production"]), default="paper", show_default=True
)
@click.option("--now", "now_text", help="The moment to judge at (ISO); default: the file's newest.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with one row per market.")
def command(file: Path, strategy: Path, profile: str, now_text: str | None, as_json: bool) -> None:
    """Judge every market of FILE (Gamma objects; JSON or JSON lines, plain or zstd).

    Prints the prefilter's funnel, states, cluster sizes, the resolution-risk distribution and
    the ten worst with their reasons.
    """  # fmt: skip
    found = judged(file, strategy, profile, now_text)
    if as_json:
        click.echo(json.dumps(found, allow_nan=False))
        return
    for text in _told(found["summary"]):
        click.echo(text)


def judged(file: Path, strategy_path: Path, profile: str, now_text: str | None) -> dict[str, Any]:
    """Return the summary and one row per market.

    Raises:
        PolyframeError: the file or the strategy cannot be used.
    """
    from polyframe.polymarket.market_file import read_market_file
    from polyframe.runtime.plugins import configs_of, load_plugin_classes
    from polyframe.runtime.states import cluster_of, state_of
    from polyframe.runtime.universe import activity, prefilter
    from polyframe.strategy import load_strategy, named_plugins

    classes = load_plugin_classes(named_plugins(strategy_path), production=False)
    configs = configs_of(classes)
    strategy = load_strategy(strategy_path, profile, configs)
    content = read_market_file(file)
    now_ns = _moment(now_text, content.newest_ns)
    settings = strategy.settings
    kept = prefilter(content.markets, now_ns, settings)
    assess = _assessor(classes, strategy.plugins)
    states: Counter[str] = Counter()
    clusters: Counter[str] = Counter()
    rows: list[dict[str, Any]] = []
    for spec in content.markets:
        state, reason = state_of(spec, now_ns, settings.states)
        cluster = cluster_of(spec)
        states[state] += 1
        clusters[cluster] += 1
        view = None if assess is None else assess(spec)
        rows.append(
            {
                "condition_id": spec.market_id,
                "question": spec.question,
                "state": str(state),
                "state_reason": reason,
                "kept": spec.market_id not in kept.reasons,
                "exclusion": kept.reasons.get(spec.market_id),
                "activity": round(activity(spec, now_ns), 6),
                "cluster": cluster,
                "rrs": None if view is None else round(view.score, 6),
                "reasons": [] if view is None else list(view.reasons),
            }
        )
    skipped = Counter(why for _, why in content.skipped)
    summary = {
        "file": file.name,
        "at": datetime.fromtimestamp(now_ns / 1e9, UTC).isoformat(),
        "profile": profile,
        "rows": content.rows,
        "skipped": dict(sorted(skipped.items())),
        "markets": len(content.markets),
        "kept": len(kept.kept),
        "excluded": kept.excluded,
        "states": dict(states.most_common()),
        "no_end_date": sum(1 for spec in content.markets if spec.end_ns is None),
        "clusters": {
            "count": len(clusters),
            "largest": [
                {"cluster": name, "markets": count}
                for name, count in clusters.most_common(_LARGEST)
            ],
            "sizes": dict(sorted(Counter(clusters.values()).items())),
        },
        "rrs": _distribution(rows),
    }  # fmt: skip
    rows.extend(
        {
            "condition_id": name, "question": "", "state": None, "state_reason": "",
            "kept": False, "exclusion": f"skipped: {why}", "activity": None, "cluster": None,
            "rrs": None, "reasons": [],
        }
        for name, why in content.skipped
    )  # fmt: skip
    return {"summary": summary, "markets": rows}


def _assessor(
    classes: Mapping[str, type], configs: Mapping[str, Any]
) -> Callable[[MarketSpec], Assessment] | None:
    if _ASSESSOR not in classes:
        return None
    from polyframe.plugin import Log
    from polyframe.runtime.plugins import build_contexts

    context = build_contexts([_ASSESSOR], 0, {}, lambda _: Log())[_ASSESSOR]
    plugin = classes[_ASSESSOR](configs[_ASSESSOR], context)
    assess: Callable[[MarketSpec], Assessment] | None = getattr(plugin, "assess", None)
    return assess


def _moment(now_text: str | None, newest_ns: int | None) -> int:
    if now_text is not None:
        try:
            moment = datetime.fromisoformat(now_text)
            moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
        except (ValueError, OverflowError):
            raise UsageError(f"--now {now_text!r}: write 2026-03-11T20:00:00Z") from None
        return int(moment.timestamp()) * 1_000_000_000
    if newest_ns is None:
        raise UsageError("no row says when it was updated: give the moment with --now")
    return newest_ns


def _distribution(rows: list[dict[str, Any]]) -> dict[str, Any]:
    scored = sorted((row for row in rows if row["rrs"] is not None), key=lambda row: row["rrs"])
    if not scored:
        return {"n": 0, "reason": "no plugin of the strategy file judges resolution risk"}
    worst = [
        {key: row[key] for key in ("condition_id", "question", "rrs", "reasons")}
        for row in reversed(scored[-_WORST:])
    ]
    quantiles = {
        f"p{round(100 * share)}": scored[min(len(scored) - 1, int(share * len(scored)))]["rrs"]
        for share in _QUANTILES
    }
    return {"n": len(scored), "quantiles": quantiles, "worst": worst}


def _by_size(sizes: Mapping[int, int]) -> dict[str, int]:
    """Return how many clusters are of each range of sizes."""
    found: dict[str, int] = {}
    for size, count in sizes.items():
        low, high = next(bounds for bounds in _CLUSTER_SIZES if size <= bounds[1])
        text = str(low) if low == high else f"{low} to {high}" if high < _ANY else f"{low} or more"
        found[text] = found.get(text, 0) + count
    return found


def _told(summary: Mapping[str, Any]) -> list[str]:
    from polyframe.runtime.lines import visible

    lines = [
        f"{summary['rows']} rows at {summary['at']}, profile {summary['profile']}",
        "funnel: " + " -> ".join(
            [f"{summary['rows']} rows", f"{summary['markets']} tradeable objects",
             f"{summary['kept']} kept"]),
    ]  # fmt: skip
    lines += [f"  skipped {count:6d}  {why}" for why, count in summary["skipped"].items()]
    lines += [f"  excluded {count:5d}  {why}" for why, count in summary["excluded"].items()]
    lines.append("states:")
    lines += [f"  {count:6d}  {state}" for state, count in summary["states"].items()]
    lines.append(f"  {summary['no_end_date']:6d}  without an end date (counted above)")
    clusters = summary["clusters"]
    lines.append(f"clusters: {clusters['count']}, by the markets in them:")
    lines += [f"  {count:6d}  with {size}" for size, count in _by_size(clusters["sizes"]).items()]
    lines.append("the largest clusters:")
    lines += [f"  {row['markets']:6d}  {visible(row['cluster'])}" for row in clusters["largest"]]
    rrs = summary["rrs"]
    if not rrs["n"]:
        return [*lines, f"resolution risk: {rrs['reason']}"]
    shown = "  ".join(f"{name} {value:.3f}" for name, value in rrs["quantiles"].items())
    lines += [f"resolution risk of {rrs['n']}: {shown}", "the ten worst:"]
    for row in rrs["worst"]:
        lines.append(f"  {row['rrs']:.3f}  {visible(row['question'])[:70]}")
        lines += [f"         {visible(reason)[:100]}" for reason in row["reasons"][:5]]
    return lines
