"""Tables of ``polyframe trace``: the summary of a run's spans, its decisions, its fills."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from polyframe.explain.facts import QUOTING, codes_of, decided_ns, decision_id, outcome
from polyframe.explain.lookup import RunSpans
from polyframe.explain.moments import clock_text, day_text, span_text
from polyframe.explain.tally import REVERSES, Tally, orders_text
from polyframe.explain.wording import number, quote_text
from polyframe.runtime.lines import visible
from polyframe.tracing.span import Span

_MOST_CODES = 12
_TAKING = {"taking", "unwinding"}
_LONGEST_NAME = 32
_ROOM_FOR_TRIGGERS = 100


def summary(tally: Tally, spans: RunSpans) -> Table:
    """Return what spans come to, a line a subject."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    source = visible(str(spans.resource.get("polyframe.source", "unknown")))
    _add(table, "run", f"{visible(spans.run_id)}, source {source}")
    first_ns, last_ns = tally.first_ns or 0, tally.last_ns or 0
    length = span_text((last_ns - first_ns) / 1e9)
    _add(
        table,
        "from",
        f"{day_text(first_ns)} {clock_text(first_ns)} to {day_text(last_ns)} "
        f"{clock_text(last_ns)} UTC, {length}",
    )
    markets = "1 market" if len(tally.markets) == 1 else f"{len(tally.markets)} markets"
    decided = f"{tally.decisions} on {markets}"
    if tally.not_sampled:
        decided += f"; {tally.not_sampled} more that changed nothing were sampled out"
    if tally.decisions:
        _add(table, "decisions", f"{decided}\n{_counts(tally.outcomes)}".rstrip())
    trades = Counter({f"{part} {kind}": count for (part, kind), count in tally.trades.items()})
    _add(table, "trades", _counts(trades))
    _add(table, "vetoes", _vetoes(tally))
    _add(table, "alone", _counts(tally.alone))
    fills = Counter(
        {
            f"{part} ({'rested' if rested else 'took'})": n
            for (part, rested), n in tally.fills.items()
            if n
        }
    )
    _add(table, "fills", _counts(fills))
    _add(table, "taken back", _counts(tally.taken_back))
    slowest = [
        f"{span_text(took_s)} (decision {decision_id(span)}, {visible(outcome(span))})"
        for took_s, span in tally.slowest
    ]
    _add(table, "slowest", ", ".join(slowest))
    return table


def _add(table: Table, subject: str, what: str) -> None:
    if what:
        table.add_row(Text(subject), Text(what))


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{visible(name)} {count}" for name, count in counts.most_common())


def _vetoes(tally: Tally) -> str:
    """Return the codes, most frequent first; who cast one stands by it where it does not tell."""
    found = []
    for (plugin, code), count in tally.vetoes.most_common(_MOST_CODES):
        by = "" if code.startswith(f"{plugin}.") else f" by {visible(plugin)}"
        found.append(f"{visible(code)}{by} {count}")
    more = len(tally.vetoes) - _MOST_CODES
    return ", ".join(found) + (f" and {more} codes more" if more > 0 else "")


def decision_table(spans: Sequence[Span], width: int) -> Table:
    """Return decisions as a table, a line each, for a terminal of ``width`` columns."""
    has_room = width >= _ROOM_FOR_TRIGGERS
    heads = ["time", "id", "market", "outcome", "bid / ask", "orders", "vetoes"]
    table = _table([*heads, "trigger"] if has_room else heads)
    for span in spans:
        codes = codes_of(span)
        more = f" +{len(codes) - 1}" if len(codes) > 1 else ""
        cells = [
            clock_text(decided_ns(span)),
            str(decision_id(span)),
            _market(span),
            outcome(span),
            quote_text(span) if outcome(span) in QUOTING | _TAKING else "",
            orders_text(span),
            f"{codes[0]}{more}" if codes else "",
        ]
        trigger = str(span.attributes.get("polyframe.decision.trigger"))
        _add_row(table, [*cells, trigger] if has_room else cells)
    return table


def fill_table(spans: Sequence[Span], width: int, tally: Tally) -> Table:
    """Return fills as a table, a line each; prices are the token's own.

    Args:
        spans: the fills.
        width: of the terminal, in columns.
        tally: what knows which of them were taken back later.
    """
    heads = ["time", "id", "market", "order", "fill", "component", "mid before"]
    table = _table(heads if width >= _ROOM_FOR_TRIGGERS else heads[:-1])
    for span in spans:
        told = span.attributes
        cells = [
            clock_text(decided_ns(span)),
            str(decision_id(span)),
            _market(span),
            str(told.get("polyframe.fill.order_id")),
            _execution(span, is_taken_back=tally.is_taken_back(span)),
            str(told["polyframe.component"]),
            number(told.get("polyframe.fill.mid_before")),
        ]
        _add_row(table, cells if width >= _ROOM_FOR_TRIGGERS else cells[:-1])
    return table


def _execution(fill: Span, *, is_taken_back: bool) -> str:
    """Return what was traded; of a fill that takes one back, what was traded then."""
    told = fill.attributes
    size, price = (number(told.get(f"polyframe.fill.{name}")) for name in ("size", "price"))
    side = told.get("polyframe.fill.side")
    if REVERSES not in told:
        text = f"{side} {told.get('polyframe.fill.token')} {size}@{price}"
        return f"{text}, taken back" if is_taken_back else text
    # Its span is the trade the other way round.
    was = "SELL" if side == "BUY" else "BUY"
    return f"takes back {was} {told.get('polyframe.fill.token')} {size}@{price}"


def _table(heads: Iterable[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for head in heads:
        # These two give way when it gets narrow, and are cut rather than broken.
        gives_way = head in ("market", "vetoes")
        table.add_column(
            head, no_wrap=not gives_way, max_width=_LONGEST_NAME if head == "market" else None
        )
    return table


def _add_row(table: Table, cells: Iterable[str]) -> None:
    table.add_row(*(Text(visible(cell), no_wrap=True, overflow="ellipsis") for cell in cells))


def _market(span: Span) -> str:
    told = span.attributes
    return str(told.get("polyframe.market.slug") or told["polyframe.market.id"])
