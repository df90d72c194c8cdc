"""How fast the simulated universe runs in virtual time: market seconds per wall second.

The source is advanced in process, without sockets, and every frame is produced as the server
would get it. The control is decoding those same frames with msgspec, which any reader does.
Every round continues the same universes, case by case in turn.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
from pathlib import Path
from typing import Any, get_args

import msgspec

from polyframe.exchange.simulation.profiles import ProfileName
from polyframe.exchange.simulation.source import SimulatedSource

START_NS = 1_800_000_000 * 10**9
STEP_NS = 10 * 10**9
GOAL = 200


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markets", type=int, default=40)
    parser.add_argument("--minutes", type=float, default=10, help="market minutes a round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    profiles: tuple[ProfileName, ...] = get_args(ProfileName)
    sources = {
        profile: SimulatedSource(options.seed, options.markets, 1.0, START_NS, profile=profile)
        for profile in profiles
    }
    found: dict[str, dict[str, list[float]]] = {
        profile: {"speed": [], "frames_s": [], "us_frame": [], "decode_us": []}
        for profile in profiles
    }
    span_ns = round(options.minutes * 60 * 10**9)
    for number in range(options.rounds + 1):
        for profile, source in sources.items():
            figures = one_round(source, START_NS + number * span_ns, span_ns)
            if number:  # the first round warms up
                for name, value in figures.items():
                    found[profile][name].append(value)
    rows: dict[str, Any] = {
        profile: {
            name: {"median": statistics.median(values), "least": min(values), "most": max(values)}
            for name, values in figures.items()
        }
        for profile, figures in found.items()
    }
    print(f"{options.markets} markets, {options.rounds} rounds of {options.minutes:g} minutes")
    print("profile   x real time (least..most)   frames/s   us a frame   decoding it, us")
    for profile, row in rows.items():
        speed = row["speed"]
        spread = f"({speed['least']:,.0f}..{speed['most']:,.0f})"
        print(
            f"{profile:8}  {speed['median']:11,.0f} {spread:>14}"
            f"   {row['frames_s']['median']:8.1f}   {row['us_frame']['median']:10.1f}"
            f"   {row['decode_us']['median']:15.1f}"
        )
    print(f"goal: {GOAL} for mixed, calm and busy")
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def one_round(source: SimulatedSource, from_ns: int, span_ns: int) -> dict[str, float]:
    """Advance a universe by ``span_ns`` and return the round's figures."""
    payloads: list[bytes] = []
    gc.collect()
    started = time.perf_counter()
    now_ns = from_ns
    while now_ns < from_ns + span_ns:
        now_ns += STEP_NS
        while frames := source.advance(now_ns, 5_000):
            payloads += [frame.payload for frame in frames]
    took_s = time.perf_counter() - started
    decode = msgspec.json.decode
    started = time.perf_counter()
    for payload in payloads:
        decode(payload)
    decode_s = time.perf_counter() - started
    count = max(1, len(payloads))
    return {
        "speed": span_ns / 1e9 / took_s,
        "frames_s": len(payloads) / (span_ns / 1e9),
        "us_frame": took_s / count * 1e6,
        "decode_us": decode_s / count * 1e6,
    }


if __name__ == "__main__":
    main()
