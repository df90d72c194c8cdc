"""The document as plain lines for a terminal. Every text in it is already visible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polyframe_truth_report.clean import visible

_PARTS = ("spread", "adverse", "inventory", "fees", "rebates", "rewards", "resolution", "other")


def render_summary(doc: Mapping[str, Any]) -> list[str]:
    """Return a document as short plain-text lines, escaped again whatever it contains.

    A number that is null is shown as ``-``; nothing is hidden because it is missing.
    """
    run, portfolio = _mapping(doc, "run"), _mapping(doc, "portfolio")
    total = _mapping(_mapping(doc, "attribution"), "total")
    maker, performance = _mapping(doc, "maker"), _mapping(doc, "performance")
    feed = _mapping(doc, "feed")
    lines = [
        f"report {doc.get('day', '-')}  mode={doc.get('mode', '-')} source={doc.get('source', '-')}"
        f"  profile={run.get('profile', '-')} run={run.get('id', '-')}",
        f"equity {_usd(portfolio.get('equity_usd'))}  cash {_usd(portfolio.get('cash_usd'))}"
        f"  realised {_usd(portfolio.get('realised_usd'))}"
        f"  unrealised {_usd(portfolio.get('unrealised_usd'))}"
        f"  max drawdown {_usd(portfolio.get('max_drawdown_usd'))}",
        "pnl " + "  ".join(f"{name} {_usd(total.get(name))}" for name in _PARTS),
        f"    sum {_usd(total.get('sum'))}  equity change {_usd(total.get('equity_change'))}"
        f"  error {_usd(total.get('error'))}",
        f"quotes {maker.get('quotes_placed', '-')}  cancels {maker.get('cancels', '-')}"
        f"  replaces {maker.get('replaces', '-')}  fills {maker.get('fills', '-')}"
        f"  fill rate {_share(maker.get('fill_rate_per_quote'))}"
        f"  effective half-spread {_cents(maker.get('effective_half_spread_c'))}",
    ]
    for name, profile in _mapping(doc, "paper_profiles").items():
        if isinstance(profile, Mapping):
            lines.append(
                f"paper {name}  fills {profile.get('fills', '-')}"
                f"  equity {_usd(profile.get('equity_usd'))}"
            )
    lines.append(
        f"days {performance.get('days', '-')}  return {_share(performance.get('return_today'))}"
        f"  sharpe {_ratio(doc, 'sharpe')}  sortino {_ratio(doc, 'sortino')}"
        f"  calmar {_ratio(doc, 'calmar')}"
    )
    vetoes = {
        code: count
        for code, count in _mapping(doc, "vetoes").items()
        if isinstance(count, int) and count
    }
    if vetoes:
        most = sorted(vetoes.items(), key=lambda item: (-item[1], item[0]))[:6]
        lines.append("vetoes " + "  ".join(f"{code}={count}" for code, count in most))
    lines.append(
        f"feed books checked {feed.get('books_checked', '-')}"
        f"  mismatched {feed.get('books_mismatched', '-')}"
        f"  reconnects {feed.get('reconnects', '-')}"
    )
    warnings = doc.get("warnings")
    lines.extend(f"WARNING {warning}" for warning in warnings or ())
    return [visible(line) for line in lines]


def _mapping(doc: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = doc.get(key)
    return value if isinstance(value, Mapping) else {}


def _usd(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, int | float) else "-"


def _share(value: Any) -> str:
    return f"{value:.2%}" if isinstance(value, int | float) else "-"


def _cents(value: Any) -> str:
    return f"{value:.3f}c" if isinstance(value, int | float) else "-"


def _ratio(doc: Mapping[str, Any], name: str) -> str:
    value = _mapping(doc, "performance").get(name)
    if isinstance(value, int | float):
        return f"{value:.2f}"
    reason = _mapping(doc, "nulls").get(f"/performance/{name}")
    return f"- ({reason})" if reason else "-"
