"""``polyframe run``: trade a strategy file under one profile."""

from __future__ import annotations

import copy
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from polyframe import cli
from polyframe.cli.arming import arm_option, require_armed
from polyframe.cli.option_types import Duration, FiniteRange
from polyframe.cli.run_options import runs_option, state_option
from polyframe.errors import PolyframeError, UsageError, VenueError

if TYPE_CHECKING:
    from polyframe.runtime.run_state import RunState
    from polyframe.runtime.venues import Venue
    from polyframe.strategy import Strategy

_VETOES_TOLD = 8


@click.command("run")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--profile", required=True, type=click.Choice(["paper", "production"]))
@click.option("--for", "for_s", type=Duration(), help="Stop after this much wall time.")
@click.option("--venue", "choice", help="live, embedded, recording:PATH or a loopback URL.")
@click.option(
    "--speed",
    type=FiniteRange(min=0, min_open=True, max=10_000),
    default=1.0,
    help="Market seconds per wall second (recordings, embedded exchange).",
)
@click.option(
    "--cycle-s", type=FiniteRange(min=1, max=3600), help="Override cycle.cycle_s of the file."
)
@click.option("--seed", type=click.IntRange(min=0), help="Override seed of the file.")
@click.option(
    "--continue",
    "continues",
    metavar="[RUN]",
    is_flag=False,
    flag_value="latest",
    help="Go on with the account and the plugins' documents of RUN, or of the latest run.",
)
@runs_option
@click.option(
    "--reports",
    "reports_folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("reports"),
    show_default=True,
)
@click.option(
    "--summary-json",
    "summary_path",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Write the run's summary as one JSON line; - for standard output.",
)
@click.option("--plain", is_flag=True, help="key=value lines even in a terminal.")
@arm_option
@state_option
def command(
    file: Path,
    profile: str,
    for_s: float | None,
    choice: str | None,
    speed: float,
    cycle_s: float | None,
    seed: int | None,
    continues: str | None,
    runs_folder: Path,
    reports_folder: Path,
    summary_path: Path | None,
    plain: bool,
    arm: str | None,
    state_folder: Path,
) -> None:
    """Trade FILE under one profile until stopped (Ctrl-C), --for is over or the source ends.

    The paper profile follows the live market when Polymarket answers and the embedded
    exchange otherwise; orders go to the paper venue, no key is ever loaded.

    The production profile places real orders. It wants --arm, credentials in the environment, a
    private .env or a keystore, and goes on by itself with what the account's last run left.
    """  # fmt: skip
    _check_mode(profile)
    if profile == "production":
        if continues is not None:
            raise UsageError("--continue is for paper: production goes on with its account always")
        if cycle_s is not None or seed is not None:
            raise UsageError(
                "--cycle-s and --seed are for paper: what production trades stands in the file"
            )
    elif arm is not None:
        raise UsageError("--arm is for --profile production: paper places no real orders")
    if profile == "production":
        strategy, classes = _load_armed(file, arm)
    else:
        strategy, classes = _load(file, profile, cycle_s, seed)
    _check_outputs(reports_folder, summary_path)
    versions = _versions(strategy)
    import anyio

    from polyframe.runtime.run_state import find_state, make_run_folder
    from polyframe.runtime.shell import Shell
    from polyframe.runtime.status import RunLog, open_status
    from polyframe.runtime.stop_signals import is_interrupt
    from polyframe.runtime.venues import check_choice, open_venue
    from polyframe.tracing.collector import collector_of

    # They complain, if they do, before there is a run.
    check_choice(choice, speed, is_real=profile == "production")
    collector_of(strategy.settings.tracing.otlp_endpoint, os.environ)
    credentials = None
    if profile == "production":
        from polyframe.cli.credentials import load

        credentials = load()
    name = strategy.settings.name
    before = (
        None
        if continues is None
        else find_state(runs_folder, continues, strategy=name, profile=profile)
    )
    folder = make_run_folder(
        runs_folder, datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"), strategy.config_hash
    )
    log = RunLog(folder / "log.txt", time.time_ns, cli.redact)
    status = open_status(log, plain=plain)

    async def go() -> dict[str, Any]:
        async with open_venue(
            choice, strategy.settings, speed, is_real=credentials is not None
        ) as venue:
            log.clock = venue.clock
            if credentials is not None:
                from polyframe.runtime.live.run import trade_for_real

                return await trade_for_real(
                    strategy,
                    classes,
                    versions,
                    venue,
                    folder,
                    reports_folder,
                    status,
                    credentials,
                    state_folder,
                    for_s,
                )
            if before is not None:
                _check_goes_on(venue, before)
            status.line(
                "polyframe",
                {"mode": "paper", "source": venue.source, "why": venue.why, "speed": venue.speed,
                 "profile": profile, "strategy": strategy.path,
                 "config": strategy.config_hash[:12], "run": folder.name,
                 **({} if before is None else {"continues": before.account.run_id})},
            )  # fmt: skip
            shell = Shell(
                strategy, classes, versions, venue, folder, reports_folder, status, before
            )
            return await shell.run(for_s)

    try:
        result = anyio.run(go)
    except BaseExceptionGroup as group:
        raise (KeyboardInterrupt() if is_interrupt(group) else _only(group)) from None
    finally:
        if not status.close():
            cli.silence_stdout()
    if profile == "production":
        from polyframe.cli.live_tables import tell_live

        tell_live(result)
    else:
        _tell(result)
    if summary_path is not None:
        _write_summary(summary_path, result)
    if result.get("left_unproved"):
        # Whoever starts it again has to look first.
        raise VenueError(
            "THE BOOK IS NOT PROVED EMPTY: run 'polyframe cancel-all', then look at the account"
        )


def _check_goes_on(venue: Venue, before: RunState) -> None:
    """Refuse to carry an account into another market, or into one that begins anew."""
    from polyframe.runtime.run_state import LASTING

    if venue.source not in LASTING:
        raise UsageError(
            f"--continue: a market of source {venue.source} begins anew with every run, and what "
            "was held in it is gone; it is for --venue live (or a URL)"
        )
    if before.source != venue.source:
        raise UsageError(
            f"--continue: run {before.account.run_id} traded in source {before.source}, this is "
            f"{venue.source}: what was held there is nothing here"
        )


def _check_mode(profile: str) -> None:
    mode = os.environ.get("PAPER_MODE")
    if mode is None:
        return
    if mode.lower() not in {"true", "false"}:
        raise UsageError(f"PAPER_MODE={mode!r} in the environment: set it to true or false")
    if (mode.lower() == "true") != (profile == "paper"):
        raise UsageError(
            f"PAPER_MODE={mode} in the environment contradicts --profile {profile}: change one"
        )


def _check_outputs(reports_folder: Path, summary_path: Path | None) -> None:
    """Refuse now what could not be written after hours of trading."""
    try:
        reports_folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PolyframeError(f"{reports_folder}: cannot be written: {error.strerror}") from error
    if not os.access(reports_folder, os.W_OK):
        raise PolyframeError(f"{reports_folder}: cannot be written")
    if summary_path is None or str(summary_path) == "-":
        return
    if summary_path.is_dir():
        raise UsageError(f"--summary-json {summary_path}: is a directory; give a file")
    if not summary_path.parent.is_dir():
        raise UsageError(f"--summary-json {summary_path}: there is no such directory")


def _load(
    file: Path, profile: str, cycle_s: float | None, seed: int | None
) -> tuple[Strategy, dict[str, type]]:
    from polyframe.runtime.plugins import configs_of, load_plugin_classes
    from polyframe.strategy import load_strategy, named_plugins, strategy_from_resolved

    classes = load_plugin_classes(named_plugins(file), production=profile == "production")
    configs = configs_of(classes)
    strategy = load_strategy(file, profile, configs)
    if cycle_s is not None or seed is not None:
        # The overrides become part of the resolved strategy, its hash, the tape and the report.
        settings = copy.deepcopy(strategy.resolved["settings"])
        if cycle_s is not None:
            settings["cycle"]["cycle_s"] = cycle_s
        if seed is not None:
            settings["seed"] = seed
        strategy = strategy_from_resolved(
            {**strategy.resolved, "settings": settings}, configs, profile, origin=str(file)
        )
    return strategy, {request.name: classes[request.name] for request in strategy.requests}


def _load_armed(file: Path, arm: str | None) -> tuple[Strategy, dict[str, type]]:
    """Read the file once: what was shown and hashed is what trades."""
    from polyframe.runtime.plugins import configs_of, load_plugin_classes
    from polyframe.strategy import PROFILES, check_profiles, read_source, requests_of

    source = read_source(file)
    classes = load_plugin_classes(requests_of(source), production=True)
    profiles = check_profiles(source, PROFILES, configs_of(classes))
    strategy = profiles["production"]
    require_armed(profiles["paper"], strategy, arm)
    return strategy, {request.name: classes[request.name] for request in strategy.requests}


def _versions(strategy: Strategy) -> dict[str, str]:
    from polyframe.runtime.claimants import find_claimant

    found = {}
    for request in strategy.requests:
        claimant = find_claimant(request.name, request.dist)
        found[request.name] = f"{claimant.distribution}=={claimant.version}"
    return found


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the one failure a task group wrapped, or the group when there are several.

    A full disk fails several tasks at once, all for the same reason: the first stands for all.
    """
    inner: BaseException = group
    while isinstance(inner, BaseExceptionGroup):
        first, *others = inner.exceptions
        alike = {getattr(one, "errno", one) for one in inner.exceptions}
        if others and (len(alike) > 1 or not isinstance(first, OSError)):
            break
        inner = first
    return inner


def _tell(result: dict[str, Any]) -> None:
    fills = " ".join(f"{name}={count}" for name, count in result["fills"].items())
    click.echo(
        f"source={result['source']} decisions={result['decisions']} orders={result['orders']} "
        f"fills: {fills}"
    )
    click.echo(
        f"equity={result['equity_usd']:.2f} USD realised={result['realised_usd']:+.4f} "
        f"unrealised={result['unrealised_usd']:+.4f} "
        f"attribution error={result['attribution_error_usd']:.6f}"
    )
    fresh = " ".join(
        f"{name}={usd:.2f}" for name, usd in result["equity_on_fresh_evidence_usd"].items()
    )
    stale = result["stale_evidence_fills"]["base"]
    click.echo(
        f"{stale} of {result['fills']['base']} base fills rest on a book unproven for over 5 s; "
        f"equity without such fills: {fresh}"
    )
    click.echo(f"vetoes: {_most_frequent(result['vetoes'])}")
    _tell_lost_spans(result)
    click.echo(f"report: {result['report'] or 'none'}")
    click.echo(f"replay: polyframe replay {result['tape']}")


def _most_frequent(vetoes: dict[str, int]) -> str:
    """Return the most frequent veto codes with their counts, those as frequent by name."""
    cast = sorted((-count, code) for code, count in vetoes.items() if count)
    return " ".join(f"{code}={-count}" for count, code in cast[:_VETOES_TOLD]) or "none"


def _tell_lost_spans(result: dict[str, Any]) -> None:
    lost = (result["tracing"] or {}).get("lost") or {}
    run = Path(result["tape"]).parent
    has_all = (run / "trace").is_dir() and not {"file", "spans"} & lost.keys()
    where = (
        f"{run / 'trace'} has them"
        if has_all
        else f"'polyframe replay {run} --spans FOLDER' builds them"
    )
    for name, count in lost.items():
        click.echo(f"{count} spans did not reach {name}: {where}")


def _write_summary(path: Path, result: dict[str, Any]) -> None:
    text = json.dumps(result, allow_nan=False)
    if str(path) == "-":
        click.echo(text)
        return
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--summary-json {path}: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit("run 'polyframe run', not this module")
