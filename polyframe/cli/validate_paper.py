"""``polyframe validate-paper``: are paper fills honest, on an exchange of known truth?"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from polyframe.errors import PolyframeError, UsageError

if TYPE_CHECKING:
    from polyframe.exchange.simulation.profiles import ProfileName
    from polyframe.settings import PaperSettings
    from polyframe.validation.comparison import ProfileComparison
    from polyframe.validation.judge import Regime
    from polyframe.validation.study import Plan

_TRADERS = ("calm", "busy", "in_play", "hostile")
_TELL_EVERY = 500
_WIDTH = 140


@click.command("validate-paper")
@click.argument("strategy", type=click.Path(path_type=Path), required=False)
@click.option(
    "--profiles", default=",".join(_TRADERS), show_default=True, help="Trader profiles, in order."
)
@click.option(
    "--orders",
    type=click.IntRange(min=50),
    default=3_000,
    show_default=True,
    help="Orders in each trader profile.",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@click.option(
    "--json-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the whole result there as JSON.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@click.option(
    "--undercut", is_flag=True, help="Let somebody step in front of every real order at the touch."
)
@click.option("--judge/--no-judge", default=True, show_default=True, help="Ask the outside judge.")
@click.pass_context
def command(
    ctx: click.Context,
    strategy: Path | None,
    profiles: str,
    orders: int,
    seed: int,
    json_file: Path | None,
    as_json: bool,
    undercut: bool,
    judge: bool,
) -> None:
    """Send the same orders to an exchange and to the paper venue; compare what was filled.

    The paper model's numbers are those of STRATEGY's paper profile, the defaults without it.
    Exits with 0 when every target holds, with 1 when one does not (docs/paper-validation.md).
    """
    from polyframe.validation.comparison import compare
    from polyframe.validation.document import document, holds
    from polyframe.validation.study import Plan, compared, simulated, undercutting

    traders = _traders(profiles)
    if json_file is not None:
        _refuse_unwritable(json_file)
    plan = Plan(orders=orders, seed=seed, settings=_settings(strategy))
    comparisons: list[ProfileComparison] = []
    for name in traders:
        began_s, told, rows = time.monotonic(), 0, []
        for some in compared(plan, name, undercutting if undercut else simulated):
            rows += some
            if len(rows) >= told + _TELL_EVERY:
                told = len(rows) // _TELL_EVERY * _TELL_EVERY
                _tell(f"{name}: {len(rows)} of {orders} orders", began_s)
        if len(rows) < orders:
            raise PolyframeError(f"{name}: only {len(rows)} orders came about; ask for fewer")
        comparisons.append(compare(name, rows))
    regimes = _judged(plan) if judge else None
    result = document(
        plan, None if strategy is None else strategy.name, comparisons, regimes, undercut=undercut
    )
    if as_json:
        click.echo(json.dumps(result, allow_nan=False))
    else:
        _show(comparisons, regimes)
    if json_file is not None:  # last: a disk that filled up meanwhile costs the file alone
        _write(json_file, result)
    ctx.exit(0 if holds(comparisons, regimes) else 1)


def _traders(text: str) -> list[ProfileName]:
    from polyframe.exchange.simulation.profiles import PROFILES

    known: dict[str, ProfileName] = {name: name for name in PROFILES}
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise UsageError("--profiles: name at least one")
    for name in names:
        if name not in known:
            raise UsageError(f"--profiles: there is no {name!r}; choose of {', '.join(known)}")
    return [known[name] for name in names]


def _settings(path: Path | None) -> PaperSettings:
    from polyframe.settings import PaperSettings

    if path is None:
        return PaperSettings()
    from polyframe.runtime.plugins import configs_of, load_plugin_classes
    from polyframe.strategy import load_strategy, named_plugins

    classes = load_plugin_classes(named_plugins(path), production=False)
    return load_strategy(path, "paper", configs_of(classes)).settings.paper


def _judged(plan: Plan) -> list[Regime] | None:
    from polyframe.validation.judge import REGIMES, is_installed, judge

    if not is_installed():
        click.echo(
            "the outside judge was skipped: pip install 'polyframe-mm[judge]' (mbo-queue)", err=True
        )
        return None
    found = []
    for cancels in REGIMES:
        began_s = time.monotonic()
        found.append(judge(cancels, plan.seed, plan.settings.queue_power))
        _tell(f"judge: cancels by {cancels}", began_s)
    return found


def _tell(text: str, began_s: float) -> None:
    click.echo(f"{text}, {time.monotonic() - began_s:.0f} s", err=True)


def _refuse_unwritable(path: Path) -> None:
    """Raise before the work whatever would keep its result from being written after it."""
    folder = path.absolute().parent
    if not path.name:
        raise UsageError("--json-file: give the path of a file")
    if not folder.is_dir():
        raise UsageError(f"--json-file {path}: its folder does not exist")
    try:
        tempfile.NamedTemporaryFile(dir=folder).close()
    except OSError as error:
        raise UsageError(
            f"--json-file {path}: nothing can be written in its folder: {error.strerror}"
        ) from error


def _write(path: Path, result: dict[str, object]) -> None:
    from polyframe.runtime.report_writer import write_atomically

    try:
        write_atomically(path, result)
    except OSError as error:
        raise PolyframeError(f"{path}: cannot be written: {error.strerror}") from error


def _show(comparisons: list[ProfileComparison], regimes: list[Regime] | None) -> None:
    from polyframe.cli.decision_screen import screen
    from polyframe.cli.validation_tables import tables

    with screen() as console:
        # Cut to a narrower screen, 0.945 would read 0.9: let the terminal break the line instead.
        console.width = max(console.width, _WIDTH)
        for table in tables(comparisons, regimes):
            console.print(table)
