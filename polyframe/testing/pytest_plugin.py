"""The pytest plugin: shows at the end of a session what contract tests found but do not judge.

pytest loads it at every start, so it imports nothing; without contract tests it does nothing.
"""

from __future__ import annotations

import sys
from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Write p99 call times per hook (machines differ), and what plugins use that is deprecated."""
    timings = sys.modules.get("polyframe.testing.timings")
    deprecations = sys.modules.get("polyframe.testing.deprecations")
    if timings is not None:
        _section(terminalreporter, "hook call times", timings.lines(timings.MEASURED))
    if deprecations is not None:
        _section(terminalreporter, "deprecated, and still running", deprecations.lines())


def _section(terminalreporter: Any, title: str, lines: list[str]) -> None:
    if lines:
        terminalreporter.section(title)
        for line in lines:
            terminalreporter.write_line(line)
