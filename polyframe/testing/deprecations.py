"""What plugins use that is on its way out; pytest's summary shows it. Imports nothing heavy.

No warning is raised: where warnings are errors, a plugin that keeps running would fail its test.
"""

from __future__ import annotations

from collections.abc import Sequence

TOLD: dict[str, tuple[str, ...]] = {}
"""What each plugin was told in this test session."""


def keep(plugin: str, texts: Sequence[str]) -> None:
    """Keep what a plugin is told for the summary, in place of what it was told before."""
    TOLD[plugin] = tuple(texts)


def lines() -> list[str]:
    """Return one line each."""
    return [f"{plugin}: {text}" for plugin, texts in sorted(TOLD.items()) for text in texts]
