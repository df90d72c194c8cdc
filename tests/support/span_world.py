"""A run's span files made of hand-made decisions, and the command line over them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from click.testing import CliRunner

from polyframe.cli import main
from polyframe.model import MarketSpec, PluginReading, PluginVeto, Quote, QuoteLeg, Reading, Veto
from polyframe.testing.builders import a_decision, a_fill, a_market, a_spec
from polyframe.tracing.files import SpanFiles
from polyframe.tracing.otlp_json import SpanLines
from polyframe.tracing.spans import SpanBuilder

START_NS = int(datetime(2026, 5, 28, 12, tzinfo=UTC).timestamp()) * 10**9
SECOND_NS = 10**9
ASKED = ("qs", "portfolio_risk", "satellite")


def a_quote(
    bid: int | None = 4700, ask: int | None = 5300, market_id: str = "0xm1", **more: Any
) -> Quote:
    """Return a proposal of 100 shares a side at prices in 1e-4."""
    legs = [None if price is None else QuoteLeg(price, 100_000_000) for price in (bid, ask)]
    fields: dict[str, Any] = {"policy": "classic", "inputs": (("half_width", 0.03),)} | more
    return Quote(market_id, 0.5, *legs, **fields)


def a_veto(
    code: str,
    side: Any = None,
    observed: float | None = None,
    limit: float | None = None,
) -> PluginVeto:
    """Return a veto cast by the plugin its code names."""
    return PluginVeto(code.partition(".")[0], Veto(code, side, observed, limit))


def a_reading(plugin: str, name: str, value: float, limit: float | None = None) -> PluginReading:
    """Return a number a plugin told."""
    return PluginReading(plugin, Reading(name, value, limit))


class SpanWorld:
    """A folder of runs with one run in it; ``decide`` and ``fill`` add to its spans."""

    def __init__(
        self, folder: Any, run_id: str = "20260528T120000Z-abc", rotate_bytes: int = 10**9
    ):
        self.runs = folder / "runs"
        self.run = self.runs / run_id
        self.trace = self.run / "trace"
        self.specs: dict[str, MarketSpec] = {}
        self._builder = SpanBuilder(run_id, "abc")
        resource = {"polyframe.run.id": run_id, "polyframe.source": "embedded"}
        self._lines = SpanLines(resource, "0")
        self._files = SpanFiles(self.trace, self._lines, rotate_bytes)
        self.decisions = 0

    def market(self, market_id: str, question: str, slug: str) -> None:
        """Name a market."""
        self.specs[market_id] = a_spec(market_id, question=question, slug=slug)

    def decide(self, at_s: float, outcome: str, market_id: str = "0xm1", **fields: Any) -> int:
        """Write a decision ``at_s`` seconds after noon; return its number."""
        self.decisions += 1
        took_ns = fields.pop("took_ns", 500_000)
        skipped = fields.pop("skipped_before", 0)
        quote = fields.pop("proposal", a_quote(market_id=market_id))
        vetoes = fields.get("vetoes", ())
        rests = outcome in ("quoted", "unchanged", "deferred", "taking", "unwinding")
        ts_ns = START_NS + round(at_s * SECOND_NS)
        decision = a_decision(
            a_market(market_id), decision_id=self.decisions, ts_ns=ts_ns, proposal=quote,
            vetoes=vetoes, outcome=outcome,
        )  # fmt: skip
        changes = {
            "since_ns": ts_ns,
            "proposed_by": "maker",
            "asked": ASKED,
            "target": quote if rests else Quote(market_id, quote.fair, component=quote.component),
        } | fields
        decision = msgspec.structs.replace(decision, **changes)
        spec = self.specs.setdefault(market_id, a_spec(market_id))
        self._files.write([self._builder.decision(decision, spec, took_ns, skipped)])
        return self.decisions

    def fill(self, at_s: float, order_id: str, decision_id: int, **fields: Any) -> None:
        """Write a fill."""
        fill = a_fill(
            order_id=order_id, decision_id=decision_id,
            ts_ns=START_NS + round(at_s * SECOND_NS), **fields,
        )  # fmt: skip
        self._files.write([self._builder.fill(fill, self.specs.get(fill.market_id))])

    def close(self) -> None:
        """Finish the files."""
        self._files.close()

    def polyframe(self, *arguments: str, width: int = 80) -> Any:
        """Run the command line over these runs in a terminal-less terminal of a width."""
        arguments = (*arguments, "--runs", str(self.runs))
        return CliRunner().invoke(main, list(arguments), env={"COLUMNS": str(width)})

    def screen(self, *arguments: str, width: int = 80) -> str:
        """Return what a command prints, without the blanks at the ends of lines."""
        result = self.polyframe(*arguments, width=width)
        assert result.exit_code == 0, result.output
        return "\n".join(line.rstrip() for line in result.stdout.splitlines())
