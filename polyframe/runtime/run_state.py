"""``state.json`` of a run: what the next run takes over, written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from polyframe.errors import PolyframeError, UsageError
from polyframe.runtime.carried import CarriedAccount
from polyframe.runtime.report_writer import write_atomically

STATE_FILE = "state.json"
LATEST = "latest"


class RunState(msgspec.Struct, frozen=True, kw_only=True):
    """The account and the plugins' documents, as of one moment."""

    account: CarriedAccount
    plugins: dict[str, dict[str, Any]]


def write_state(folder: Path, state: RunState) -> None:
    """Write a run's state into its folder.

    Raises:
        PolyframeError: it cannot be written.
    """
    write_atomically(folder / STATE_FILE, msgspec.to_builtins(state))


def find_state(runs_folder: Path, wanted: str, *, strategy: str, profile: str) -> RunState:
    """Return the state that ``--continue`` asks for.

    Args:
        runs_folder: where runs lie.
        wanted: a run's id, or :data:`LATEST`: the last one of this strategy and profile that
            left a state.
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
            return _read(folder / STATE_FILE)
    raise UsageError(
        f"--continue: {runs_folder} has no run of strategy {strategy!r}, profile {profile}: "
        "leave the option out for the first one"
    )


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
