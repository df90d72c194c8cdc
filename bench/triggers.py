"""How long each cancel-all trigger takes to an empty book, seen from the exchange (mission 3.13).

Every trigger is fired once with orders resting, in a production run of its own at the embedded
exchange, at speed 1 unless told otherwise; the table is Markdown, times are market seconds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from triggers import TRIGGERS, fire


def main() -> None:
    """Fire all triggers, or those whose name holds a word, and print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--speed", type=float, default=1.0, help="market seconds a second")
    options.add_argument("--only", default="", help="triggers whose name holds this")
    asked = options.parse_args()
    print("| trigger | hazard | action | raised | last order gone | proved empty | quoting again |")
    print("|---|---|---|--:|--:|--:|--:|")
    for trigger in TRIGGERS:
        if asked.only not in trigger.name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            timed = trigger._replace(speed=asked.speed)
            seen = anyio.run(partial(fire, timed, Path(folder)))
        again = "a new run" if seen.again_s is None else f"{seen.again_s:.1f} s"
        print(
            f"| {seen.name} | `{seen.hazard}` | {seen.action} | {seen.raised_s:.2f} s | "
            f"{seen.empty_s:.2f} s | {seen.proved_s:.2f} s | {again} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
