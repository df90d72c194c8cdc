"""The document as Markdown for a terminal or a page. Every text in it is escaped again here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from polyframe_truth_report.clean import visible

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
# The last one is an entity, which would bring an escaped character back.
_MARKUP = re.compile(r"[\\`*\[\]|]|<(?=[A-Za-z/!?])|&(?=#?[A-Za-z0-9]+;)")
_MARKETS_SHOWN = 10
_VETOES_SHOWN = 8
_MOST_ROWS = 10
_LONGEST = 200


def render_markdown(
    document: Mapping[str, Any], sections: Mapping[str, Any] | None = None
) -> list[str]:
    """Return a document as printable Markdown lines.

    A number that is null is shown as ``-`` with its reason; nothing is hidden because it is
    missing. ``sections`` are the other plugins' parts of the same day: their plain figures.
    """
    lines = [
        *_head(document),
        *_gates(_mapping(document, "gates")),
        *_performance(_mapping(document, "performance")),
        *_attribution(_mapping(document, "attribution")),
        *_maker(document),
        *_profiles(document),
        *_health(document),
    ]
    for name, section in (sections or {}).items():
        lines += _section(str(name), section)
    return [visible(line) for line in lines]


def _head(document: Mapping[str, Any]) -> list[str]:
    run = _mapping(document, "run")
    whole = "a whole day" if document.get("is_whole_day") is True else "part of a day"
    lines = [
        f"# Report of {_text(document.get('day', '-'))}",
        "",
        f"mode {_code(document.get('mode', '-'))}, source {_code(document.get('source', '-'))},"
        f" profile {_code(run.get('profile', '-'))}, run {_code(run.get('id', '-'))}, {whole}",
    ]
    warnings = document.get("warnings")
    if isinstance(warnings, Sequence) and not isinstance(warnings, str):
        lines += [f"**WARNING** {_text(warning)}" for warning in warnings]
    return lines


def _gates(gates: Mapping[str, Any]) -> list[str]:
    lines = _title("Gates")
    for name in sorted(gates):
        gate = _mapping(gates, name)
        lines += [
            f"**{_text(gate.get('gate', name))}: {_text(gate.get('verdict', '-'))}**"
            f" ({_text(gate.get('step', '-'))}) - {_text(gate.get('why', '-'))}",
            "",
        ]
        rows = [
            [
                _text(criterion.get("name", "-")),
                _number(criterion.get("observed"), decimals),
                f"{_text(criterion.get('relation', ''))}"
                f" {_number(criterion.get('limit'), decimals)} {_text(criterion.get('unit', ''))}",
                _met(criterion.get("met")),
                _text(criterion.get("note", "")),
            ]
            for criterion in _rows(gate.get("criteria"))
            for decimals in (0 if criterion.get("unit") == "count" else 4,)
        ]
        lines += [*_table(["criterion", "observed", "limit", "met", "note"], rows), ""]
    return lines if gates else [*lines, "-"]


def _performance(figures: Mapping[str, Any]) -> list[str]:
    rows = []
    for name, label, unit in _FIGURES:
        figure = _mapping(figures, name)
        interval = figure.get("interval")
        shown = " to ".join(_in(unit, end) for end in interval) if interval else "-"
        rows.append(
            [
                label,
                _in(unit, figure.get("value")),
                str(figure.get("n", "-")),
                shown,
                _text(figure.get("reason", "")),
            ]
        )
    return [*_title("Account"), *_table(["figure", "value", "n", "95 %", "reason"], rows)]


def _attribution(attribution: Mapping[str, Any]) -> list[str]:
    total = _mapping(attribution, "total")
    by_component = _mapping(attribution, "by_component")
    by_market = _mapping(attribution, "by_market")
    largest = sorted(
        ((name, part) for name, part in by_market.items() if isinstance(part, Mapping)),
        key=lambda item: (-abs(_value(item[1].get("total"))), item[0]),
    )
    named: Iterable[tuple[str, Any]] = [
        *((_text(name), part) for name, part in by_component.items()),
        *((_code(name), part) for name, part in largest[:_MARKETS_SHOWN]),
    ]
    rows = [
        [label, *(_in("usd", part.get(name)) for name in (*_PARTS, "total"))]
        for label, part in named
        if isinstance(part, Mapping)
    ]
    rows.append(["**all**", *(_in("usd", total.get(name)) for name in (*_PARTS, "sum"))])
    lines = [*_title("Where the day's money came from, USD"), *_table(["", *_PARTS, "sum"], rows)]
    hidden = len(largest) - _MARKETS_SHOWN
    if hidden > 0:
        lines.append(f"and {hidden} more markets")
    return [
        *lines,
        "",
        f"equity {_in('usd', attribution.get('start_equity_usd'))} to"
        f" {_in('usd', attribution.get('end_equity_usd'))}: change"
        f" {_in('usd', total.get('equity_change'))}, error {_number(total.get('error'), 9)} USD",
    ]


def _maker(document: Mapping[str, Any]) -> list[str]:
    maker = _mapping(document, "maker")
    uptime, spreads = _mapping(maker, "quote_uptime"), _mapping(maker, "half_spreads")
    lines = [
        *_title("Maker"),
        f"quotes {maker.get('quotes_placed', '-')}, cancels {maker.get('cancels', '-')},"
        f" replaces {maker.get('replaces', '-')}, fills {maker.get('fills', '-')},"
        f" fill rate per quote {_in('share', maker.get('fill_rate_per_quote'))}",
        "",
        f"two-sided {_in('share', uptime.get('two_sided'))} of"
        f" {_number(uptime.get('active_market_hours'), 2)} active market hours"
        f" (one-sided {_in('share', uptime.get('one_sided'))}; share-weighted"
        f" {_in('share', uptime.get('share_weighted'))}, notional-weighted"
        f" {_in('share', uptime.get('notional_weighted'))})",
        "",
    ]
    rows = [
        [
            kind,
            str(found.get("n", "-")),
            _number(found.get("share_weighted_c"), 3),
            _number(found.get("equal_weighted_c"), 3),
            _number(found.get("median_c"), 3),
            _number(found.get("notional_weighted_bps"), 1),
            _in("usd", found.get("total_usd")),
        ]
        for kind in ("effective", "adverse", "realised")
        if (found := _mapping(spreads, kind))
    ]
    head = ["half-spread", "n", "by share, c", "by fill, c", "median, c", "by notional, bps", "USD"]
    lines += _table(head, rows)
    vetoes = {
        code: count
        for code, count in _mapping(document, "vetoes").items()
        if isinstance(count, int) and count
    }
    if vetoes:
        most = sorted(vetoes.items(), key=lambda item: (-item[1], item[0]))[:_VETOES_SHOWN]
        lines += ["", "vetoes: " + ", ".join(f"{_code(code)} {count}" for code, count in most)]
    return lines


def _profiles(document: Mapping[str, Any]) -> list[str]:
    to_date, today = _mapping(document, "fill_profiles"), _mapping(document, "profiles")
    rows = []
    for name in dict.fromkeys((*to_date, *today)):
        profile, day = _mapping(to_date, name), _mapping(today, name)
        realised = _mapping(day, "realised")
        rows.append(
            [
                _text(name),
                str(profile.get("fills", "-")),
                str(day.get("fills", "-")),
                _in("share", profile.get("fill_rate_by_order")),
                _in("usd", profile.get("equity_usd")),
                str(profile.get("stale_evidence_fills", "-")),
                _in("usd", profile.get("headline_equity_usd")),
                _number(realised.get("share_weighted_c"), 3),
                _number(day.get("capacity_limited_shares"), 0),
            ]
        )
    # A fill on a book nobody had proven for 5 s may be wishful: equity with and without them.
    head = ["profile", "fills", "of the day", "fill rate", "equity, USD", "stale-evidence fills",
            "equity without them", "realised, c", "shares over capacity"]  # fmt: skip
    lines = [*_title("Paper profiles, side by side"), *_table(head, rows)]
    if _mapping(document, "capacity").get("is_limited") is True:
        lines += ["", "**capacity limited**: the participation cap held fills back"]
    return lines


def _health(document: Mapping[str, Any]) -> list[str]:
    health, feed = _mapping(document, "health"), _mapping(document, "feed")
    rows = [
        [_code(name), _plain(value)] for name, value in health.items() if name != "plugin_problems"
    ]
    rows += [
        [_code(name), _plain(feed.get(name))]
        for name in ("books_checked", "books_mismatched", "median_age_s", "max_age_s")
    ]
    problems = [
        [_code("problem"), _plain(problem)] for problem in _rows(health.get("plugin_problems"))
    ]
    return [*_title("Health"), *_table(["what", "value"], [*rows, *problems])]


def _section(name: str, section: Any) -> list[str]:
    """Another plugin's part: its plain figures and short lists; the rest is in the file."""
    given = section if isinstance(section, Mapping) else {}
    nulls = _mapping(given, "nulls")
    unknown = [key for key in nulls if key in given and given[key] is None]
    rows = [
        [_code(key), _plain(value) + (f" ({_text(nulls[key])})" if key in unknown else "")]
        for key, value in given.items()
        if value is None or isinstance(value, bool | int | float | str)
    ]
    lines = [*_title(f"Section {_code(name)}"), *_table(["what", "value"], rows)]
    for key, value in given.items():
        listed = _rows(value)
        if not listed:
            continue
        shown = listed[:_MOST_ROWS]
        more = "" if len(shown) == len(listed) else f", the first {_MOST_ROWS} of {len(listed)}"
        head = list(dict.fromkeys(column for row in shown for column in row))
        cells = [[_plain(row.get(column)) for column in head] for row in shown]
        lines += ["", f"{_code(key)}{more}:", "", *_table([_code(name) for name in head], cells)]
    return lines


def _title(text: str) -> list[str]:
    return ["", f"## {text}", ""]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return ["nothing"]
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return f"| {' | '.join(padded)} |"

    return [line(head), f"|{'|'.join('-' * (width + 2) for width in widths)}|", *map(line, rows)]


def _met(value: object) -> str:
    """Say whether a criterion is met; what is not known is neither yes nor no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "unknown"


def _rows(value: Any) -> list[Mapping[str, Any]]:
    if not isinstance(value, list | tuple):
        return []
    return [item for item in value if isinstance(item, Mapping)]


def _mapping(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}


def _value(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _number(value: Any, decimals: int) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "-"
    return f"{value:.{decimals}f}" if isinstance(value, float) else str(value)


def _in(unit: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "-"
    return {"usd": f"{value:.2f}", "share": f"{value:.2%}"}.get(unit, f"{value:.2f}")


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{_text(name)} {_plain(item)}" for name, item in value.items()) or "none"
    if isinstance(value, list | tuple):
        return "; ".join(_plain(item) for item in value) or "none"
    return "-" if value is None else _text(value)


def _text(value: Any) -> str:
    """Return a text that is no Markdown: what would be markup gets a backslash."""
    shown = visible(str(value))
    if len(shown) > _LONGEST:
        shown = shown[: _LONGEST - 3] + "..."
    return _MARKUP.sub(r"\\\g<0>", shown)


def _code(value: Any) -> str:
    """Return a name as a code span that nothing in it can end."""
    return f"`{visible(str(value))[:_LONGEST].replace('`', chr(39)).replace('|', '/')}`"
