"""Tables of ``polyframe validate-paper``: fills, moments and targets of each trader profile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table

from polyframe.validation.comparison import CURVE_S, Against, ProfileComparison, Rate
from polyframe.validation.document import closest, no_worse, paper_within_truth
from polyframe.validation.estimates import Estimate
from polyframe.validation.judge import Judged, Regime
from polyframe.validation.outcomes import HORIZONS_S
from polyframe.validation.study import HEADLINE

_WORST = {True: "ours no worse than the best of six", False: "the best of six is closer"}
_WORDS = {"holds": "holds", "unclear": "unclear", "fails": "FAILS"}


def tables(
    comparisons: Sequence[ProfileComparison], regimes: Sequence[Regime] | None
) -> Iterator[RenderableType]:
    """Yield everything there is to show, in order."""
    for comparison in comparisons:
        yield _fills(comparison)
        yield _moments(comparison)
        yield _targets(comparison)
    for regime in regimes or ():
        yield _judge(regime)
    yield _summary(comparisons)
    if regimes:
        yield _judge_summary(regimes)


def _summary(comparisons: Sequence[ProfileComparison]) -> Table:
    """Return one line a trader profile: what paper claims of the real fills, and the targets."""
    table = _table(
        "paper fill rate over the real one, and base markout less the real one in cents",
        ("orders", "real", "pess.", "base", "base apart", *(f"{s} s" for s in HORIZONS_S), ""),
        "traders",
    )
    for comparison in comparisons:
        twin = comparison.views[HEADLINE]
        other = next(papers for view, papers in comparison.views.items() if view != HEADLINE)
        table.add_row(
            comparison.traders,
            str(comparison.orders),
            f"{comparison.real.rate:.3f}",
            _ratio(twin["pessimistic"].fill_ratio)[0],
            _short(twin["base"].fill_ratio),
            _short(other["base"].fill_ratio),
            *(_half_width(gap) for gap in twin["base"].markout_gap_c),
            "holds" if comparison.holds else "FAILS",
        )
    return table


def _short(estimate: Estimate | None) -> str:
    """Return a ratio and its 95 % interval."""
    if estimate is None:
        return ""
    return f"{estimate.value:.3f} [{estimate.low:.2f} {estimate.high:.2f}]"


def _half_width(gap: Estimate | None) -> str:
    """Return a gap and half its 95 % interval."""
    return "" if gap is None else f"{gap.value:+.2f} ±{(gap.high - gap.low) / 2:.2f}"


def _judge_summary(regimes: Sequence[Regime]) -> Table:
    """Return one line a regime: fills wrongly claimed and missed, theirs and ours."""
    table = _table(
        "outside judge (mbo-queue): fills wrongly claimed + missed",
        ("shadows", "filled", "best of its six", "our closest", "our base", "closer"),
        "cancels by",
    )
    for regime in regimes:
        base = next(row for row in regime.ours if row.estimator == "base")
        best, own = closest(regime.theirs), closest(regime.ours)
        table.add_row(
            regime.cancels,
            str(regime.shadows),
            f"{100 * regime.true_rate:.1f} %",
            f"{best.estimator} {_wrong(best)}",
            f"{own.estimator} {_wrong(own)}",
            _wrong(base),
            "ours or equal" if no_worse(regime) else "theirs",
        )
    return table


def _wrong(row: Judged) -> str:
    return f"{row.false_fills}+{row.missed_fills}"


def _fills(comparison: ProfileComparison) -> Table:
    table = _table(
        f"{comparison.traders}: {comparison.orders} orders in {comparison.markets} markets",
        ("fill rate", "95 %", "ratio", "95 %", "shares", "both/real/paper/none", "Brier"),
    )
    table.add_row("real", *_rate(comparison.real), *[""] * 5)
    for reading, against in _readings(comparison):
        agreed = against.agreement
        table.add_row(
            reading,
            *_rate(against.paper),
            *_ratio(against.fill_ratio),
            "" if against.share_ratio is None else f"{against.share_ratio.value:.3f}",
            f"{agreed.both}/{agreed.real_only}/{agreed.paper_only}/{agreed.none}",
            f"{against.brier:.3f}",
        )
    return table


def _moments(comparison: ProfileComparison) -> Table:
    """Return when orders were filled, and what the fills were worth."""
    table = _table(
        f"{comparison.traders}: filled within, and markout in cents a share (paper less real)",
        (
            *(f"{s} s" for s in CURVE_S),
            "widest",
            *(f"{s} s, c" for s in HORIZONS_S),
            f"{HORIZONS_S[-1]} s, $",
        ),
    )
    real = comparison.real
    earned = f"{real.earned_usd[-1]:+.0f}"
    table.add_row("real", *_curve(real), "", *_markouts(real), earned)
    for reading, against in _readings(comparison):
        gaps = (_gap(gap) for gap in against.markout_gap_c)
        gap = against.earned_gap_usd[-1]
        money = "" if gap is None else f"{gap.value:+.0f} ±{gap.se:.0f}"
        table.add_row(reading, *_curve(against.paper), f"{against.widest_gap:+.3f}", *gaps, money)
    return table


def _table(title: str, heads: Sequence[str], first: str = "reading") -> Table:
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", padding=(0, 1, 0, 0))
    table.add_column(first, no_wrap=True)
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    return table


def _readings(comparison: ProfileComparison) -> Iterator[tuple[str, Against]]:
    for view, papers in comparison.views.items():
        for name, against in papers.items():
            yield f"{view} {name}", against


def _rate(rate: Rate) -> list[str]:
    return [f"{rate.rate:.4f}", f"{rate.low:.3f} {rate.high:.3f}"]


def _ratio(ratio: Estimate | None) -> list[str]:
    if ratio is None:
        return ["", ""]
    return [f"{ratio.value:.3f}", f"{ratio.low:.3f} {ratio.high:.3f}"]


def _curve(rate: Rate) -> list[str]:
    return [f"{filled:.3f}" for filled in rate.curve]


def _markouts(rate: Rate) -> list[str]:
    return ["" if mean is None else f"{mean:+.2f}" for mean in rate.markout_c]


def _gap(gap: Estimate | None) -> str:
    return "" if gap is None else f"{gap.value:+.3f} ±{gap.se:.3f}"


def _targets(comparison: ProfileComparison) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    for _ in range(4):
        table.add_column()
    for verdict in comparison.verdicts:
        view = f"{verdict.view} (headline)" if verdict.view == HEADLINE else verdict.view
        table.add_row(view, _WORDS[verdict.word], verdict.target, verdict.found)
    return table


def _judge(regime: Regime) -> Table:
    table = _table(
        f"outside judge, cancels by {regime.cancels}: {regime.shadows} shadows, "
        f"{100 * regime.true_rate:.1f} % filled; {_WORST[no_worse(regime)]}",
        ("queue error", "its size", "bias, pp", "false", "missed", "closest"),
        "estimator",
    )
    best = {closest(regime.theirs).estimator, closest(regime.ours).estimator}
    for row in (*regime.theirs, *regime.ours):
        table.add_row(*_estimator(row), "*" if row.estimator in best else "")
    if not paper_within_truth(regime):
        table.add_row("FAILS: the pessimistic profile claims more fills than there were")
    return table


def _estimator(row: Judged) -> list[str]:
    return [
        row.estimator,
        f"{row.queue_error:+.3f}",
        f"{row.queue_error_abs:.3f}",
        f"{row.bias_pp:+.2f}",
        str(row.false_fills),
        str(row.missed_fills),
    ]
