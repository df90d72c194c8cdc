"""The pytest plugin: shows how long each hook took in contract tests, at the end of a session.

pytest loads it at every start, so it imports nothing; without contract tests it does nothing.
"""

from __future__ import annotations

import sys
from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Write p99 call times per hook; they are shown, never judged: machines differ."""
    timings = sys.modules.get("polyframe.testing.timings")
    if timings is None:
        return
    table = timings.lines(timings.MEASURED)
    if table:
        terminalreporter.section("hook call times")
        for line in table:
            terminalreporter.write_line(line)
