"""docs/tracing.md names what the code sends: every attribute, event, metric and setting."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from polyframe.settings import TracingSettings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tracing.md").read_text(encoding="utf-8")
CODE = {
    name: (ROOT / "polyframe" / "tracing" / f"{name}.py").read_text(encoding="utf-8")
    for name in ("spans", "metrics", "opening")
}


def documented() -> set[str]:
    """Return every name on the page; ``a.b.c``, ``.d`` is a.b.c and a.b.d."""
    names: set[str] = set()
    for line in PAGE.splitlines():
        base = ""
        for name in re.findall(r"`([a-z_.<>]+)`", line):
            if name.startswith("."):
                last = base.split(".")
                # .bid.size after a.b.fair stands for a.b.bid.size.
                names |= {".".join(last[:cut]) + name for cut in range(1, len(last))}
            elif name.startswith(("polyframe.", "service.")):
                base = name
                names.add(name)
    return names


def sent() -> set[str]:
    """Return every name in the code, with the parts that f-strings add."""
    found = {
        name
        for text in CODE.values()
        for name in re.findall(r'"((?:polyframe|service)\.[a-z_.]+)"', text)
    }
    legs = [f"{side}.{what}" for side in ("bid", "ask") for what in ("price", "size")]
    for quote in ("polyframe.proposal", "polyframe.target"):
        found.discard(quote)
        found |= {f"{quote}.{part}" for part in ("fair", *legs)}
    for side in ("polyframe.shape.bid", "polyframe.shape.ask"):
        found.discard(side)
        found |= {f"{side}.{part}" for part in ("price", "size")}
    return found | {"polyframe.veto.observed", "polyframe.veto.limit"}


def test_every_name_that_is_sent_is_on_the_page() -> None:
    assert len(sent()) > 50
    assert sorted(sent() - documented()) == []


@pytest.mark.parametrize("event", ["shape", "reading", "veto"])
def test_every_event_is_on_the_page(event: str) -> None:
    assert f'SpanEvent("{event}"' in CODE["spans"]
    assert f"| `{event}` |" in PAGE


def test_the_page_knows_no_setting_that_is_not_there() -> None:
    named = set(re.findall(r"`tracing\.([a-z_]+)`", PAGE))
    assert named <= set(TracingSettings.__struct_fields__)
