"""What a person sees of a run: a live screen in a terminal, ``key=value`` lines elsewhere.

Everything that came from the market is escaped before it is shown. A line begins with market time:
what the venue, the tape and the spans call that moment, also where it is not the wall's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TextIO, cast

from polyframe.money import price_text, size_text
from polyframe.runtime.assemble import Machine
from polyframe.runtime.engine import Engine
from polyframe.runtime.lines import at_text, line, visible
from polyframe.runtime.tape import Head
from polyframe.runtime.terminal import Terminal
from polyframe.runtime.venues import Venue

if TYPE_CHECKING:
    from rich.console import RenderableType

_MARKETS_SHOWN = 16


class LiveStatus(NamedTuple):
    """The way to the venue of a run with real orders, as it stands; ages in market seconds.

    ``differences`` are those that nothing explained at the last comparison with the venue's
    books. An age is None until there was one.
    """

    mode: str
    orders_unknown: int
    heartbeat_age_s: float | None
    reconciled_age_s: float | None
    differences: int


class StatusSink(Protocol):
    """Where log lines and status go."""

    @property
    def period_s(self) -> float:
        """Wall seconds between two status outputs."""
        ...

    def line(self, message: str, fields: Mapping[str, object]) -> None:
        """Take one log line."""
        ...

    def show(
        self, machine: Machine, venue: Venue, head: Head, live: LiveStatus | None = None
    ) -> None:
        """Show where the run stands; ``live`` is None on paper."""
        ...


class RunLog:
    """The lines of a run: stamped, stripped of what must not be said, and kept in its log file.

    Args:
        path: the log file, None keeps nothing.
        clock: UTC ns that lines are stamped with; a run puts the venue's here once it is open.
        redact: strikes out of every line what must not be said.
    """

    def __init__(
        self, path: Path | None, clock: Callable[[], int], redact: Callable[[str], str] = str
    ) -> None:
        self.clock = clock
        self._redact = redact
        self._file = None if path is None else path.open("a", encoding="utf-8")

    def text(self, message: str, fields: Mapping[str, object]) -> str:
        """Return one line as it may be shown."""
        return f"{at_text(self.clock())} {self._redact(line(message, fields))}"

    def keep(self, text: str) -> None:
        """Write a line to the log file."""
        if self._file is not None:
            self._file.write(text + "\n")
            self._file.flush()

    def close(self) -> None:
        """Close the log file."""
        if self._file is not None:
            self._file.close()


class PlainStatus:
    """``key=value`` lines on a stream and in the run's log file."""

    def __init__(self, out: Terminal, log: RunLog, period_s: float = 5.0) -> None:
        self._out = out
        self._missed = 0
        self.log = log
        self.period_s = period_s

    def line(self, message: str, fields: Mapping[str, object]) -> None:
        """Write one log line."""
        text = self.log.text(message, fields)
        try:
            self.log.keep(text)
        finally:  # a full disk is a reason to show it
            self._show(text)

    def _show(self, text: str) -> None:
        if self._missed:
            told = self.log.text("Lines not shown", {"count": self._missed, "kept": "log.txt"})
            if self._out.write(told + "\n"):
                self._missed = 0
        if not self._out.write(text + "\n"):
            self._missed += 1

    def show(
        self, machine: Machine, venue: Venue, head: Head, live: LiveStatus | None = None
    ) -> None:
        """Write one status line."""
        fields = status_fields(machine, venue)
        self.line("status", hazard_fields(machine.engine) | live_fields(live) | fields)

    def close(self) -> bool:
        """Show the last lines and close the log file; return False if nobody takes them."""
        is_taken = self._out.close()
        self.log.close()
        return is_taken


class ScreenStatus:
    """A live screen (rich): quotes beside the book, inventory, PnL, vetoes, feed health."""

    def __init__(self, out: Terminal, log: RunLog, period_s: float = 0.5) -> None:
        from rich.console import Console
        from rich.live import Live

        self.log = log
        self._out = out
        # It writes and flushes, and asks whether it is a terminal: no more of a file is needed.
        self._console = Console(file=cast("TextIO", out), highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=False)
        self._live.start()
        self.period_s = period_s

    def line(self, message: str, fields: Mapping[str, object]) -> None:
        """Write one log line above the screen."""
        from rich.text import Text

        text = self.log.text(message, fields)
        try:
            self.log.keep(text)
        finally:  # a full disk is a reason to show it
            self._console.print(Text(text, style="dim"))

    def show(
        self, machine: Machine, venue: Venue, head: Head, live: LiveStatus | None = None
    ) -> None:
        """Redraw the screen."""
        self._live.update(screen(machine, venue, head, live), refresh=True)

    def close(self) -> bool:
        """Leave the last screen standing and close the log file; return False if nobody sees it."""
        self._live.stop()
        is_taken = self._out.close()
        self.log.close()
        return is_taken


def status_fields(machine: Machine, venue: Venue) -> dict[str, object]:
    """Return one status line's fields."""
    engine = machine.engine
    portfolio = engine.portfolio
    health = engine.markets.health()
    pnl_usd = (portfolio.equity_e12 - portfolio.bankroll_e12) / 1e12
    top = ",".join(f"{code}:{count}" for code, count in engine.vetoes.most_common(4))
    return {
        "source": venue.source,
        "phase": engine.schedule.phase,
        "active": len(engine.active),
        "resting": sum(1 for _ in engine.orders.all_live()),
        "orders": engine.orders.placed,
        "fills": portfolio.fills,
        "equity_usd": f"{portfolio.equity_e12 / 1e12:.2f}",
        "pnl_usd": f"{pnl_usd:+.4f}",
        "positions": len(portfolio.held()),
        "decisions": engine.decider.decisions,
        "top_vetoes": top or "none",
        "books": f"{health.tokens_with_book}/{health.tokens}",
        "fresh_10s": health.fresh_10s,
        "messages": sum(health.messages.values()),
    }


def live_fields(live: LiveStatus | None) -> dict[str, object]:
    """Return what a status line says of real orders; nothing on paper."""
    if live is None:
        return {}
    return {
        "mode": live.mode,
        "unknown": live.orders_unknown,
        "reconciled": _age(live.reconciled_age_s),
        "differences": live.differences,
        "heartbeat": _age(live.heartbeat_age_s),
    }


def hazard_fields(engine: Engine) -> dict[str, object]:
    """Return the hazards that stand and what each asks for; nothing when none does."""
    standing = engine.safety.standing
    told = ",".join(f"{hazard}:{one.action}" for hazard, one in standing.items())
    return {"HAZARDS": told} if told else {}


def _age(age_s: float | None) -> str:
    return "never" if age_s is None else f"{age_s:.1f}s"


def screen(
    machine: Machine, venue: Venue, head: Head, live: LiveStatus | None = None
) -> RenderableType:
    """Return the live screen as a rich renderable."""
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    engine = machine.engine
    fields = live_fields(live) | status_fields(machine, venue)
    title = f"polyframe · {visible(head.profile)} · {visible(venue.source)} · {head.run_id}"
    numbers = Text("  ".join(f"{name} {value}" for name, value in fields.items()))
    panel = Panel(numbers, title=Text(title), title_align="left")
    return Group(*_hazards(engine), panel, _quotes(engine))


def _hazards(engine: Engine) -> list[RenderableType]:
    """Return the hazards that stand, loudly; nothing when none does."""
    from rich.panel import Panel
    from rich.text import Text

    now_ns = engine.moment.now_ns
    lines = [
        f"{hazard} ({one.action}) for {(now_ns - one.since_ns) / 1e9:.0f} s: {visible(one.detail)}"
        for hazard, one in engine.safety.standing.items()
    ]
    if not lines:
        return []
    return [Panel(Text("\n".join(lines), style="bold"), title="HAZARDS", border_style="bold red")]


def _quotes(engine: Engine) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(expand=True, pad_edge=False)
    for name in ("market", "our bid", "bid", "ask", "our ask", "age s", "net YES", "last decision"):
        table.add_column(name, justify="left" if name in {"market", "last decision"} else "right")
    for market_id in engine.active[:_MARKETS_SHOWN]:
        market = engine.markets.find(market_id)
        if market is None:
            continue
        own = {order.side: order for order in market.orders}
        decision = engine.last_decision.get(market_id)
        age_s = market.book_age_s
        # One line a title, however narrow the terminal: the numbers are what one looks at.
        title = Text(visible(market.spec.question), no_wrap=True, overflow="ellipsis")
        cells = [
            _order(own["bid"].yes_price_e4, own["bid"].leaves_e6) if "bid" in own else "-",
            _price(market.book.best_bid_e4),
            _price(market.book.best_ask_e4),
            _order(own["ask"].yes_price_e4, own["ask"].leaves_e6) if "ask" in own else "-",
            "-" if age_s is None else f"{age_s:.1f}",
            size_text(market.position.net_yes_e6) if market.position.net_yes_e6 >= 0
            else "-" + size_text(-market.position.net_yes_e6),
            "" if decision is None else decision.outcome,
        ]  # fmt: skip
        table.add_row(title, *(Text(cell) for cell in cells))
    hidden = len(engine.active) - _MARKETS_SHOWN
    if hidden > 0:
        table.caption = f"and {hidden} more"
    return table


def _price(price_e4: int | None) -> str:
    return "-" if price_e4 is None else price_text(price_e4)


def _order(price_e4: int, leaves_e6: int) -> str:
    return f"{size_text(leaves_e6)} @ {price_text(price_e4)}"


def open_status(log: RunLog, *, plain: bool) -> PlainStatus | ScreenStatus:
    """Return the screen when a person is watching a terminal, else lines."""
    out = Terminal(sys.stdout)
    return PlainStatus(out, log) if plain or not out.isatty() else ScreenStatus(out, log)
