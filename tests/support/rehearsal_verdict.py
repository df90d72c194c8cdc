"""Everything a rehearsal has to show at its end, in one place; each fault with its words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from leak_scan import leaks_in
from rehearsal import Rehearsal
from rehearsal_books import cash_usd, compare_books, read_stored, report_faults
from rehearsal_tape import play

_S_NS = 10**9
MARKET_CAP_SHARE, AGGREGATE_CAP_SHARE = 0.01, 0.40
MAX_ORDER_E12, MAX_OPEN_ORDERS = 60 * 10**12, 90
RATE_PER_S, BURST = 20, 30


@dataclass
class Verdict:
    """``faults`` is empty when all is well; ``figures`` are what was looked at."""

    faults: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)


def judge_books(rehearsal: Rehearsal, *, is_quiet: bool = True) -> Verdict:
    """Compare what was stored and told with the exchange's books; while it still stands.

    ``is_quiet``: nothing went wrong that lets the venue say things twice, or late.
    """
    verdict = Verdict()
    books = compare_books(rehearsal.store_path, rehearsal.desk, rehearsal.address)
    verdict.faults += books.differences
    verdict.figures |= books.counted
    ended = [one for one in rehearsal.run_folders() if (one / "summary.json").is_file()]
    for run_folder in ended:
        verdict.faults += report_faults(run_folder, is_quiet=is_quiet)
    reading = read_stored(rehearsal.store_path).reading
    told_usd, stored_usd = cash_usd(ended[-1]), reading.cash_e12 / 1e12
    if abs(told_usd - stored_usd) > 1e-6:
        verdict.faults.append(f"cash: the last report says {told_usd}, stored is {stored_usd}")
    verdict.faults += _watched(rehearsal)
    return verdict


def _watched(rehearsal: Rehearsal) -> list[str]:
    """Return what broke a cap or limit on the exchange's side."""
    watch = rehearsal.watch
    # Equity began at 5000 and its peak is what caps may have been shares of.
    peak_e12 = read_stored(rehearsal.store_path).peak_equity_e12
    limits = {
        "market": (watch.worst_market_e12, round(MARKET_CAP_SHARE * peak_e12)),
        "account": (watch.worst_all_e12, round(AGGREGATE_CAP_SHARE * peak_e12)),
        "order": (watch.dearest_e12, MAX_ORDER_E12),
        "open orders": (watch.most_open, MAX_OPEN_ORDERS),
        # The venue's clock and ours differ by a request's time.
        "orders in 10 s": (watch.most_legs_within(10 * _S_NS), BURST + 11 * RATE_PER_S),
    }
    found = list(watch.broken)
    found += [f"{name}: {seen} of {most}" for name, (seen, most) in limits.items() if seen > most]
    if not watch.taken:
        found.append("the exchange saw no order: nothing was judged")
    return found


def judge_files(rehearsal: Rehearsal, secrets: list[str]) -> Verdict:
    """Replay every tape with every cap watched, and look for secrets in everything written."""
    verdict = Verdict()
    played = {one.name: play(one) for one in rehearsal.run_folders()}
    for name, run in played.items():
        if run is not None:
            verdict.faults += [f"{name}: {one}" for one in (*run.differences, *run.broken)]
    whole = [run for run in played.values() if run is not None]
    verdict.figures = {
        "tapes": len(whole),
        "cut off": sum(not run.is_whole for run in whole),
        "decisions": sum(run.decisions for run in whole),
        "orders decided": sum(run.orders for run in whole),
        "looks at caps": sum(run.looks for run in whole),
    }
    if not verdict.figures["looks at caps"]:
        verdict.faults.append("no decision was judged")
    for path in rehearsal.written():
        verdict.faults += leaks_in(path, secrets)
    return verdict
