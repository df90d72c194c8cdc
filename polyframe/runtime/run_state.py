"""A run's folder, and its ``state.json``: what the next run takes over, written whole or not."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from polyframe.errors import PolyframeError, UsageError
from polyframe.runtime.carried import CarriedAccount
from polyframe.runtime.report_writer import write_atomically

STATE_FILE = "state.json"
LATEST = "latest"


# Sources whose market goes on when a run stops; every other one begins anew.
LASTING = frozenset({"live", "url"})


class RunState(msgspec.Struct, frozen=True, kw_only=True):
    """The account and the plugins' documents, as of one moment.

    ``source`` is where the run's market came from; ``is_whole`` is False for what a run that
    was cut off had saved last.
    """

    source: str
    is_whole: bool
    account: CarriedAccount
    plugins: dict[str, dict[str, Any]]


def make_run_folder(runs_folder: Path, started: str, config_hash: str) -> Path:
    """Create and return an empty folder for a run: ``<start>-<config hash>``.

    Raises:
        PolyframeError: the folder cannot be created.
    """
    try:
        runs_folder.mkdir(parents=True, exist_ok=True)
        for number in range(1, 1000):
            suffix = "" if number == 1 else f"-{number}"
            folder = runs_folder / f"{started}-{config_hash[:8]}{suffix}"
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder
    except OSError as error:
        raise PolyframeError(f"{runs_folder}: cannot be written: {error.strerror}") from error
    raise PolyframeError(f"{runs_folder}: a thousand runs began in this second")


def write_state(folder: Path, state: RunState) -> None:
    """Write a run's state into its folder.

    Raises:
        PolyframeError: it cannot be written.
    """
    path = folder / STATE_FILE
    try:
        write_atomically(path, msgspec.to_builtins(state))
    except OSError as error:
        raise PolyframeError(f"{path}: cannot be written: {error.strerror}") from error


def find_state(runs_folder: Path, wanted: str, *, strategy: str, profile: str) -> RunState:
    """Return the state that ``--continue`` asks for.

    Args:
        runs_folder: where runs lie.
        wanted: a run's id, or :data:`LATEST`: the last one of this strategy and profile, in a
            market that lasts, that left a state.
        strategy: the strategy's name, as the file has it.
        profile: the profile.

    Raises:
        UsageError: there is no such run, or it is another strategy's or profile's.
        PolyframeError: its state cannot be read.
    """
    if wanted != LATEST:
        folder = runs_folder / wanted
        other = _who(folder)
        if other is None or not (folder / STATE_FILE).is_file():
            raise UsageError(
                f"--continue {wanted}: {runs_folder} has no run of that id with a state"
            )
        if other != (strategy, profile):
            raise UsageError(
                f"--continue {wanted}: that run is strategy {other[0]!r}, profile {other[1]}; "
                f"this is {strategy!r}, {profile}"
            )
        return _read(folder / STATE_FILE)
    for folder in sorted(runs_folder.iterdir(), reverse=True) if runs_folder.is_dir() else ():
        if (folder / STATE_FILE).is_file() and _who(folder) == (strategy, profile):
            state = _read(folder / STATE_FILE)
            if state.source in LASTING:
                return state
    raise UsageError(
        f"--continue: {runs_folder} has no run of strategy {strategy!r}, profile {profile}, in a "
        "live market: leave the option out for the first one"
    )


def what_is_missing(before: RunState, plugins: Iterable[str]) -> list[str]:
    """Return what a run that goes on has to say of the one it goes on with."""
    run_id = before.account.run_id
    found = []
    if not before.is_whole:
        found.append(
            f"run {run_id} was cut off: fills and evidence of its last day may be missing here"
        )
    found.extend(
        f"plugin {name} has no document of run {run_id}: it knows nothing of what is held"
        for name in plugins
        if name not in before.plugins
    )
    return found


def _who(folder: Path) -> tuple[str, str] | None:
    """Return strategy and profile of a run, None for a folder that is none."""
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        return str(manifest["strategy"]["settings"]["name"]), str(manifest["profile"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _read(path: Path) -> RunState:
    try:
        return msgspec.json.decode(path.read_bytes(), type=RunState)
    except OSError as error:
        raise PolyframeError(f"{path}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise PolyframeError(f"{path}: is no state of a run: {error}") from error
