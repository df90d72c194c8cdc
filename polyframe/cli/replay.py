"""``polyframe replay``: run a tape again and compare every decision."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from polyframe.errors import PolyframeError, TapeError, UsageError

if TYPE_CHECKING:
    from polyframe.runtime.replay import Replay
    from polyframe.runtime.tape import Head
    from polyframe.settings import TracingSettings

_SHOWN = 20


@click.command("replay")
@click.argument("tape", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line.")
@click.option(
    "--spans",
    "spans_folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the replay's spans into this folder, under the ids they had in the run.",
)
@click.pass_context
def command(ctx: click.Context, tape: Path, as_json: bool, spans_folder: Path | None) -> None:
    """Run TAPE (a run's folder, its tape folder or one tape file) through the engine again.

    Every decision, fill and order answer is compared with what was recorded; each
    difference is printed and the exit code is 1.
    """
    from polyframe import __version__
    from polyframe.runtime.lines import visible
    from polyframe.runtime.plugins import configs_of, load_plugin_classes
    from polyframe.runtime.replay import Difference, Replay
    from polyframe.runtime.tape import TapeReader
    from polyframe.strategy import PluginRequest, strategy_from_resolved

    reader = TapeReader(tape)
    head = reader.head
    try:
        names = [PluginRequest(entry["name"], entry["dist"]) for entry in head.strategy["plugins"]]
    except (KeyError, TypeError) as error:
        raise TapeError(f"{tape}: its head names no plugins: {error}") from None
    classes = load_plugin_classes(names, production=False)
    configs = configs_of(classes)
    strategy = strategy_from_resolved(
        head.strategy, configs, head.profile, origin=str(reader.files[0])
    )
    replay = Replay(
        reader,
        strategy.settings,
        {request.name: classes[request.name] for request in strategy.requests},
        strategy.plugins,
    )
    finish = _traced(replay, head, strategy.settings.tracing, spans_folder)
    shown: list[Difference] = []
    for difference in replay.differences():
        if len(shown) < _SHOWN:
            shown.append(difference)
            if not as_json:
                click.echo(
                    f"{difference.where}: {difference.what}: recorded "
                    f"{visible(difference.recorded)}; replayed {visible(difference.replayed)}"
                )
    finish()
    result = replay.result()
    if as_json:
        click.echo(
            json.dumps(
                {"run_id": head.run_id, "version": head.version, **result._asdict(),
                 "first_differences": [difference._asdict() for difference in shown]}
            )
        )  # fmt: skip
    else:
        click.echo(
            f"run={head.run_id} batches={result.batches} decisions={result.decisions} "
            f"fills={result.fills} order_answers={result.order_events} "
            f"differences={result.differences}" + ("" if result.is_whole else " (tape cut off)")
        )
        if head.version != __version__:
            click.echo(f"recorded by version {head.version}, replayed by {__version__}")
    if result.differences:
        ctx.exit(1)


def _traced(
    replay: Replay, head: Head, settings: TracingSettings, folder: Path | None
) -> Callable[[], None]:
    """Have the replay traced into a folder; return what finishes the files."""
    if folder is None:
        return lambda: None
    from polyframe.tracing.files import span_files
    from polyframe.tracing.opening import file_tracer

    if folder.is_dir() and span_files(folder):
        raise UsageError(f"--spans {folder}: there are spans already; name another folder")
    try:
        tracer = file_tracer(head, settings, replay.machine.engine, folder)
    except OSError as error:
        raise PolyframeError(f"--spans {folder}: {error.strerror}") from error
    replay.watch = tracer.take_now
    return tracer.close
