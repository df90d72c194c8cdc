"""``polyframe calibrate``: how far the simulated crowd is from recordings of the venue."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from polyframe.cli.option_types import FiniteRange
from polyframe.errors import PolyframeError
from polyframe.exchange.simulation.profiles import ProfileName

if TYPE_CHECKING:
    from polyframe.exchange.calibration.comparison import Row
    from polyframe.exchange.calibration.observer import Observer

_MINUTE_NS = 60 * 10**9
_WARM_UP_MIN = 10
_STEP_NS = 10 * 10**9
_AT_ONCE = 5_000


@click.command("calibrate")
@click.argument(
    "recordings",
    metavar="RECORDING...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
)
@click.option(
    "--profile", type=click.Choice(get_args(ProfileName)), default="in_play", show_default=True,
    help="The embedded exchange's profile to compare with.",
)  # fmt: skip
@click.option(
    "--minutes", type=FiniteRange(min=1, max=10_000), default=60.0, show_default=True,
    help="Simulated minutes, after ten of warm-up.",
)  # fmt: skip
@click.option(
    "--markets", type=click.IntRange(min=4, max=2_000), default=24, show_default=True,
    help="Simulated markets.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=7, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: a list, one object a figure.")
def command(
    recordings: tuple[Path, ...],
    profile: ProfileName,
    minutes: float,
    markets: int,
    seed: int,
    as_json: bool,
) -> None:
    """Compare RECORDINGs (NAME.frames.jsonl.zst beside NAME.gamma.json) with the simulation.

    Both sides are measured from their market-channel frames by the same code: pace, mix, book
    shape, trades, volatility, and what a maker at the touch would have earned.
    """
    from polyframe.exchange.calibration.comparison import compare, table

    recorded, start_ns = observed_recordings(recordings)
    if not recorded.live_minutes:
        raise PolyframeError(
            f"{recordings[0]}: no market of its Gamma file is live in it; nothing to compare"
        )
    simulated = observed_simulation(seed, markets, minutes, start_ns, profile)
    rows = compare(recorded, simulated)
    if as_json:
        click.echo(json.dumps([_plain(row) for row in rows], allow_nan=False))
        return
    hours = recorded.live_minutes / 60
    click.echo(
        f"recorded: {_files(len(recordings))}, {hours:.1f} live market-hours; simulated: "
        f"{profile}, {markets} markets for {minutes:g} minutes, seed {seed}"
    )
    for line in table(rows):
        click.echo(line)
    judged = [row for row in rows if row.fits is not None]
    click.echo(f"{sum(bool(row.fits) for row in judged)} of {len(judged)} figures fit")


def observed_recordings(paths: tuple[Path, ...]) -> tuple[Observer, int]:
    """Return what the recordings are like, and when the first one begins (UTC ns).

    Raises:
        VenueError: a file is missing.
        TapeError: a line cannot be read.
    """
    from polyframe.exchange.calibration.observer import Observer, watched_markets
    from polyframe.exchange.public.gamma_objects import market_token_ids
    from polyframe.exchange.recording import RecordingSource

    sources = [RecordingSource(path) for path in paths]
    gamma = [market for source in sources for market in source.markets()]
    tokens = {str(one.get("conditionId", "")): market_token_ids(one) for one in gamma}
    seen = Observer(watched_markets(gamma, tokens))
    for source in sources:
        while frames := source.advance(2**63, _AT_ONCE):
            for frame in frames:
                seen.observe(frame.ts_ns, frame.payload)
        source.close()
    return seen, min(source.start_ns for source in sources)


def observed_simulation(
    seed: int, markets: int, minutes: float, start_ns: int, profile: ProfileName
) -> Observer:
    """Return what a simulated universe is like, once it has run for ten minutes."""
    import msgspec

    from polyframe.exchange.calibration.observer import Observer, watched_markets
    from polyframe.exchange.public.gamma_objects import market_token_ids
    from polyframe.exchange.simulation.source import SimulatedSource

    source = SimulatedSource(seed, markets, 1.0, start_ns, profile=profile)
    now_ns = start_ns + _WARM_UP_MIN * _MINUTE_NS
    while source.advance(now_ns, _AT_ONCE):
        pass
    gamma = source.markets()
    tokens = {one["conditionId"]: market_token_ids(one) for one in gamma}
    seen = Observer(watched_markets(gamma, tokens))
    for token_ids in tokens.values():
        for token_id in token_ids:
            book = source.book(token_id)
            seen.start_with(msgspec.json.encode({"event_type": "book", **(book or {})}))
    end_ns = now_ns + round(minutes * _MINUTE_NS)
    while now_ns < end_ns:
        now_ns = min(now_ns + _STEP_NS, end_ns)
        while frames := source.advance(now_ns, _AT_ONCE):
            for frame in frames:
                seen.observe(frame.ts_ns, frame.payload)
    return seen


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _plain(row: Row) -> dict[str, Any]:
    import msgspec

    plain = msgspec.structs.asdict(row)
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value
        for key, value in plain.items()
    }
