"""What the outcomes say: every number of the comparison, and whether the targets hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from polyframe.runtime.paper import PROFILES
from polyframe.validation.estimates import (
    Estimate,
    FillCurve,
    brier,
    mean_gap,
    ratio,
    total,
    wilson,
)
from polyframe.validation.exact_checks import Verdict, Word, same_moments, within_prints
from polyframe.validation.outcomes import HORIZONS_S, REAL, Compared, Outcome
from polyframe.validation.study import HEADLINE, VIEWS

CURVE_S = (5, 15, 30, 60, 120, 300)
RATIO_BAND = (0.95, 1.05)
MOST_FAVOUR_C = 0.1
LEAST_ORDERS = 3_000


class Rate(msgspec.Struct, frozen=True):
    """How many orders were filled in one reading, and how soon.

    ``low`` and ``high`` are Wilson's 95 % interval; ``curve`` the share filled by CURVE_S seconds
    after arrival; ``markout_c`` the share-weighted mean by horizon, None without a fill;
    ``earned_usd`` what all fills were worth by a horizon: markout times shares.
    """

    accepted: int
    filled: int
    rate: float
    low: float
    high: float
    filled_shares: float
    curve: tuple[float, ...]
    markout_c: tuple[float | None, ...]
    earned_usd: tuple[float, ...]


class Agreement(msgspec.Struct, frozen=True):
    """Orders by where they were filled."""

    both: int
    real_only: int
    paper_only: int
    none: int


class Against(msgspec.Struct, frozen=True):
    """One paper reading beside reality.

    ``fill_ratio`` and ``share_ratio`` are paper over real; ``brier`` takes paper's fill for a
    forecast of the real one, ``brier_of_rate`` the bare real rate for one; ``widest_gap`` is
    paper's curve less the real one where they differ most; ``markout_gap_c`` paper less real, by
    horizon; ``earned_gap_usd`` is the same of what all fills were worth.
    """

    paper: Rate
    fill_ratio: Estimate | None
    share_ratio: Estimate | None
    agreement: Agreement
    brier: float
    brier_of_rate: float
    widest_gap: float
    markout_gap_c: tuple[Estimate | None, ...]
    earned_gap_usd: tuple[Estimate | None, ...]


class ProfileComparison(msgspec.Struct, frozen=True):
    """One trader profile: reality, and every reading of paper by view and paper profile."""

    traders: str
    orders: int
    markets: int
    real: Rate
    views: dict[str, dict[str, Against]]
    verdicts: tuple[Verdict, ...]

    @property
    def holds(self) -> bool:
        """Whether the targets hold in the headline view, and none is refuted in the other.

        The headline compares the same order in the same market, and its noise is far below the
        targets' width; between two worlds it is as wide as they are (docs/adr/0011).
        """
        words = [(verdict.view, verdict.word) for verdict in self.verdicts]
        return all(word == "holds" if view == HEADLINE else word != "fails" for view, word in words)


def compare(traders: str, rows: Sequence[Compared]) -> ProfileComparison:
    """Return the comparison of one trader profile.

    Raises:
        ValueError: there is no order.
    """
    if not rows:
        raise ValueError(f"{traders}: no order was accepted anywhere")
    real = _rate(rows, REAL)
    views = {
        view: {profile: _against(rows, real, f"{view}.{profile}") for profile in PROFILES}
        for view in VIEWS
    }
    markets = len({row.order.cluster for row in rows})
    verdicts = (
        same_moments(rows),
        within_prints(rows),
        *(one for view in VIEWS for one in _verdicts(view, views[view], real)),
    )
    return ProfileComparison(traders, len(rows), markets, real, views, verdicts)


def _rate(rows: Sequence[Compared], reading: str) -> Rate:
    outcomes = [row.outcomes[reading] for row in rows]
    filled = sum(outcome.is_filled for outcome in outcomes)
    low, high = wilson(filled, len(rows))
    curve = _curve(outcomes)
    return Rate(
        accepted=sum(outcome.effective_ns is not None for outcome in outcomes),
        filled=filled,
        rate=filled / len(rows),
        low=low,
        high=high,
        filled_shares=sum(outcome.filled_e6 for outcome in outcomes) / 1e6,
        curve=tuple(curve.at(seconds) for seconds in CURVE_S),
        markout_c=tuple(_mean(_markouts(rows, reading, h)) for h in range(len(HORIZONS_S))),
        earned_usd=tuple(
            sum(outcome.earned_usd(h) for outcome in outcomes) for h in range(len(HORIZONS_S))
        ),
    )


def _against(rows: Sequence[Compared], real: Rate, reading: str) -> Against:
    paper = _rate(rows, reading)
    fills = [(row.outcomes[reading], row.outcomes[REAL], row.order.cluster) for row in rows]
    pairs = [(ours.is_filled, theirs.is_filled) for ours, theirs, _ in fills]
    curve = _curve(row.outcomes[reading] for row in rows)
    true_curve = _curve(row.outcomes[REAL] for row in rows)
    return Against(
        paper=paper,
        fill_ratio=ratio((c, ours.is_filled, theirs.is_filled) for ours, theirs, c in fills),
        share_ratio=ratio((c, ours.filled_e6, theirs.filled_e6) for ours, theirs, c in fills),
        agreement=Agreement(
            both=pairs.count((True, True)),
            real_only=pairs.count((False, True)),
            paper_only=pairs.count((True, False)),
            none=pairs.count((False, False)),
        ),
        brier=brier([(float(ours), theirs) for ours, theirs in pairs]),
        brier_of_rate=brier([(real.rate, theirs) for _, theirs in pairs]),
        widest_gap=curve.widest_gap(true_curve, CURVE_S[-1]),
        markout_gap_c=tuple(
            mean_gap(_markouts(rows, reading, h), _markouts(rows, REAL, h))
            for h in range(len(HORIZONS_S))
        ),
        earned_gap_usd=tuple(
            total((c, ours.earned_usd(h) - theirs.earned_usd(h)) for ours, theirs, c in fills)
            for h in range(len(HORIZONS_S))
        ),
    )


def _curve(outcomes: Iterable[Outcome]) -> FillCurve:
    return FillCurve(wait for wait in (one.wait for one in outcomes) if wait is not None)


def _markouts(
    rows: Sequence[Compared], reading: str, horizon: int
) -> list[tuple[str, float, float]]:
    return [
        (row.order.cluster, cents, shares)
        for row in rows
        for cents, shares in row.outcomes[reading].markouts[horizon]
    ]


def _mean(rows: Sequence[tuple[str, float, float]]) -> float | None:
    weight = sum(shares for _, _, shares in rows)
    return sum(cents * shares for _, cents, shares in rows) / weight if weight else None


# --- targets -------------------------------------------------------------------------------


def _verdicts(view: str, papers: dict[str, Against], real: Rate) -> list[Verdict]:
    base, pessimistic = papers["base"], papers["pessimistic"]
    found = [
        Verdict(
            view,
            "base fill rate within 5 % of the real one",
            _estimate_text(base.fill_ratio, ""),
            in_band(base.fill_ratio, *RATIO_BAND, 1.0),
        ),
        # One print that fills many orders shows in the shares before it shows in the orders.
        Verdict(
            view,
            "base filled shares not above the real ones by over 5 %",
            _estimate_text(base.share_ratio, ""),
            in_band(base.share_ratio, 0.0, RATIO_BAND[1], 1.0),
        ),
        Verdict(
            view,
            "pessimistic fill rate not above the real one",
            f"{pessimistic.paper.rate:.4f} against {real.rate:.4f}",
            _not_above(pessimistic, real),
        ),
        Verdict(
            view,
            "pessimistic filled shares not above the real ones",
            _estimate_text(pessimistic.share_ratio, ""),
            in_band(pessimistic.share_ratio, 0.0, 1.0, 1.0),
        ),
    ]
    # The gate to production asks what pessimistic fills are worth a share, not only how many.
    for profile, against in (("base", base), ("pessimistic", pessimistic)):
        for horizon_s, gap in zip(HORIZONS_S, against.markout_gap_c, strict=True):
            found.append(
                Verdict(
                    view,
                    f"{profile} markout at {horizon_s} s not better than the real one by over "
                    "0.1 c",
                    _estimate_text(gap, " c"),
                    in_band(gap, float("-inf"), MOST_FAVOUR_C, 0.0),
                )
            )
    return found


def in_band(estimate: Estimate | None, low: float, high: float, truth: float) -> Word:
    """Say whether an estimate is inside; outside but not surely so is ``unclear``.

    Above ``high`` is our favour: there it fails as soon as it is surely above the truth. To wait
    until it is surely above the band would let a flattery twice its width pass between two worlds.
    """
    if estimate is None:
        return "unclear"
    if low <= estimate.value <= high:
        return "holds"
    is_flattery = estimate.value > high and estimate.low > truth
    return "fails" if is_flattery or estimate.high < low else "unclear"


def _not_above(paper: Against, real: Rate) -> Word:
    if paper.paper.filled <= real.filled:
        return "holds"
    return "fails" if paper.fill_ratio is None or paper.fill_ratio.low > 1.0 else "unclear"


def _estimate_text(estimate: Estimate | None, unit: str) -> str:
    if estimate is None:
        return "not measurable"
    return f"{estimate.value:.3f}{unit} [{estimate.low:.3f}, {estimate.high:.3f}]"
