"""The document as Markdown for a terminal or a page. Every text in it is escaped again here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from polyframe_truth_report.clean import visible
from polyframe_truth_report.markdown_words import (
    code,
    in_unit,
    mapping,
    number,
    plain,
    rows_of,
    table,
    text_of,
    title,
    value_of,
)
from polyframe_truth_report.production_markdown import hazards, production, real_fills

_PARTS = ("spread", "adverse", "inventory", "fees", "rebates", "rewards", "resolution", "other")
_FIGURES = (
    ("equity_usd", "equity, USD", "usd"),
    ("return_today", "return of the day", "share"),
    ("return_total", "return of the curve", "share"),
    ("max_drawdown", "max drawdown", "share"),
    ("sharpe", "Sharpe", "ratio"),
    ("sortino", "Sortino", "ratio"),
    ("calmar", "Calmar", "ratio"),
    ("exposure_usd", "exposure, USD", "usd"),
    ("exposure_largest_market_usd", "largest market's exposure, USD", "usd"),
    ("turnover", "turnover of the day", "share"),
    ("hit_rate_days", "days with a profit", "share"),
)
_MARKETS_SHOWN = 10
_VETOES_SHOWN = 8
_MOST_ROWS = 10


def render_markdown(
    document: Mapping[str, Any], sections: Mapping[str, Any] | None = None
) -> list[str]:
    """Return a document as printable Markdown lines.

    A number that is null is shown as ``-`` with its reason; nothing is hidden because it is
    missing. ``sections`` are the other plugins' parts of the same day: their plain figures.
    """
    is_real = document.get("production") is not None
    lines = [
        *_head(document),
        *_gates(mapping(document, "gates")),
        *_performance(mapping(document, "performance")),
        *_attribution(mapping(document, "attribution")),
        *_maker(document),
        *(real_fills(document) if is_real else _profiles(document)),
        *(production(document) if is_real else []),
        *_health(document),
    ]
    for name, section in (sections or {}).items():
        lines += _section(str(name), section)
    return [visible(line) for line in lines]


def _head(document: Mapping[str, Any]) -> list[str]:
    run = mapping(document, "run")
    whole = "a whole day" if document.get("is_whole_day") is True else "part of a day"
    lines = [
        f"# Report of {text_of(document.get('day', '-'))}",
        "",
        f"mode {code(document.get('mode', '-'))}, source {code(document.get('source', '-'))},"
        f" profile {code(run.get('profile', '-'))}, run {code(run.get('id', '-'))}, {whole}",
    ]
    if document.get("mode") == "rehearsal":
        lines.append("**REHEARSAL**: real orders at a venue that stands in; no money was made")
    lines += hazards(document)
    warnings = document.get("warnings")
    if isinstance(warnings, Sequence) and not isinstance(warnings, str):
        lines += [f"**WARNING** {text_of(warning)}" for warning in warnings]
    return lines


def _gates(gates: Mapping[str, Any]) -> list[str]:
    lines = title("Gates")
    for name in sorted(gates):
        gate = mapping(gates, name)
        lines += [
            f"**{text_of(gate.get('gate', name))}: {text_of(gate.get('verdict', '-'))}**"
            f" ({text_of(gate.get('step', '-'))}) - {text_of(gate.get('why', '-'))}",
            "",
        ]
        rows = [
            [
                text_of(criterion.get("name", "-")),
                number(criterion.get("observed"), decimals),
                f"{text_of(criterion.get('relation', ''))}"
                f" {number(criterion.get('limit'), decimals)} {text_of(criterion.get('unit', ''))}",
                _met(criterion.get("met")),
                text_of(criterion.get("note", "")),
            ]
            for criterion in rows_of(gate.get("criteria"))
            for decimals in (0 if criterion.get("unit") == "count" else 4,)
        ]
        if rows:
            lines += [*table(["criterion", "observed", "limit", "met", "note"], rows), ""]
    return lines if gates else [*lines, "-"]


def _performance(figures: Mapping[str, Any]) -> list[str]:
    rows = []
    for name, label, unit in _FIGURES:
        figure = mapping(figures, name)
        interval = figure.get("interval")
        shown = " to ".join(in_unit(unit, end) for end in interval) if interval else "-"
        rows.append(
            [
                label,
                in_unit(unit, figure.get("value")),
                str(figure.get("n", "-")),
                shown,
                text_of(figure.get("reason", "")),
            ]
        )
    return [*title("Account"), *table(["figure", "value", "n", "95 %", "reason"], rows)]


def _attribution(attribution: Mapping[str, Any]) -> list[str]:
    total = mapping(attribution, "total")
    by_component = mapping(attribution, "by_component")
    by_market = mapping(attribution, "by_market")
    largest = sorted(
        ((name, part) for name, part in by_market.items() if isinstance(part, Mapping)),
        key=lambda item: (-abs(value_of(item[1].get("total"))), item[0]),
    )
    named: Iterable[tuple[str, Any]] = [
        *((text_of(name), part) for name, part in by_component.items()),
        *((code(name), part) for name, part in largest[:_MARKETS_SHOWN]),
    ]
    rows = [
        [label, *(in_unit("usd", part.get(name)) for name in (*_PARTS, "total"))]
        for label, part in named
        if isinstance(part, Mapping)
    ]
    rows.append(["**all**", *(in_unit("usd", total.get(name)) for name in (*_PARTS, "sum"))])
    lines = [*title("Where the day's money came from, USD"), *table(["", *_PARTS, "sum"], rows)]
    hidden = len(largest) - _MARKETS_SHOWN
    if hidden > 0:
        lines.append(f"and {hidden} more markets")
    return [
        *lines,
        "",
        f"equity {in_unit('usd', attribution.get('start_equity_usd'))} to"
        f" {in_unit('usd', attribution.get('end_equity_usd'))}: change"
        f" {in_unit('usd', total.get('equity_change'))}, error {number(total.get('error'), 9)} USD",
    ]


def _maker(document: Mapping[str, Any]) -> list[str]:
    maker = mapping(document, "maker")
    uptime, spreads = mapping(maker, "quote_uptime"), mapping(maker, "half_spreads")
    lines = [
        *title("Maker"),
        f"quotes {maker.get('quotes_placed', '-')}, cancels {maker.get('cancels', '-')},"
        f" replaces {maker.get('replaces', '-')}, fills {maker.get('fills', '-')},"
        f" fill rate per quote {in_unit('share', maker.get('fill_rate_per_quote'))}",
        "",
        f"two-sided {in_unit('share', uptime.get('two_sided'))} of"
        f" {number(uptime.get('active_market_hours'), 2)} active market hours"
        f" (one-sided {in_unit('share', uptime.get('one_sided'))}; share-weighted"
        f" {in_unit('share', uptime.get('share_weighted'))}, notional-weighted"
        f" {in_unit('share', uptime.get('notional_weighted'))})",
        "",
    ]
    rows = [
        [
            kind,
            str(found.get("n", "-")),
            number(found.get("share_weighted_c"), 3),
            number(found.get("equal_weighted_c"), 3),
            number(found.get("median_c"), 3),
            number(found.get("notional_weighted_bps"), 1),
            in_unit("usd", found.get("total_usd")),
        ]
        for kind in ("effective", "adverse", "realised")
        if (found := mapping(spreads, kind))
    ]
    head = ["half-spread", "n", "by share, c", "by fill, c", "median, c", "by notional, bps", "USD"]
    lines += table(head, rows)
    vetoes = {
        name: count
        for name, count in mapping(document, "vetoes").items()
        if isinstance(count, int) and count
    }
    if vetoes:
        most = sorted(vetoes.items(), key=lambda item: (-item[1], item[0]))[:_VETOES_SHOWN]
        lines += ["", "vetoes: " + ", ".join(f"{code(name)} {count}" for name, count in most)]
    return lines


def _profiles(document: Mapping[str, Any]) -> list[str]:
    to_date, today = mapping(document, "fill_profiles"), mapping(document, "profiles")
    rows = []
    for name in dict.fromkeys((*to_date, *today)):
        profile, day = mapping(to_date, name), mapping(today, name)
        realised = mapping(day, "realised")
        rows.append(
            [
                text_of(name),
                str(profile.get("fills", "-")),
                str(day.get("fills", "-")),
                in_unit("share", profile.get("fill_rate_by_order")),
                in_unit("usd", profile.get("equity_usd")),
                str(profile.get("stale_evidence_fills", "-")),
                in_unit("usd", profile.get("headline_equity_usd")),
                number(realised.get("share_weighted_c"), 3),
                number(day.get("capacity_limited_shares"), 0),
            ]
        )
    # A fill on a book nobody had proven for 5 s may be wishful: equity with and without them.
    head = ["profile", "fills", "of the day", "fill rate", "equity, USD", "stale-evidence fills",
            "equity without them", "realised, c", "shares over capacity"]  # fmt: skip
    lines = [*title("Paper profiles, side by side"), *table(head, rows)]
    if mapping(document, "capacity").get("is_limited") is True:
        lines += ["", "**capacity limited**: the participation cap held fills back"]
    return lines


def _health(document: Mapping[str, Any]) -> list[str]:
    health, feed = mapping(document, "health"), mapping(document, "feed")
    rows = [
        [code(name), plain(value)] for name, value in health.items() if name != "plugin_problems"
    ]
    rows += [
        [code(name), plain(feed.get(name))]
        for name in ("books_checked", "books_mismatched", "median_age_s", "max_age_s")
    ]
    problems = [
        [code("problem"), plain(problem)] for problem in rows_of(health.get("plugin_problems"))
    ]
    return [*title("Health"), *table(["what", "value"], [*rows, *problems])]


def _section(name: str, section: Any) -> list[str]:
    """Another plugin's part: its plain figures and short lists; the rest is in the file."""
    given = section if isinstance(section, Mapping) else {}
    nulls = mapping(given, "nulls")
    unknown = [key for key in nulls if key in given and given[key] is None]
    rows = [
        [code(key), plain(value) + (f" ({text_of(nulls[key])})" if key in unknown else "")]
        for key, value in given.items()
        if value is None or isinstance(value, bool | int | float | str)
    ]
    lines = [*title(f"Section {code(name)}"), *table(["what", "value"], rows)]
    for key, value in given.items():
        listed = rows_of(value)
        if not listed:
            continue
        shown = listed[:_MOST_ROWS]
        more = "" if len(shown) == len(listed) else f", the first {_MOST_ROWS} of {len(listed)}"
        head = list(dict.fromkeys(column for row in shown for column in row))
        cells = [[plain(row.get(column)) for column in head] for row in shown]
        lines += ["", f"{code(key)}{more}:", "", *table([code(name) for name in head], cells)]
    return lines


def _met(value: object) -> str:
    """Say whether a criterion is met; what is not known is neither yes nor no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "unknown"
