"""An account's folder: is its store whole, its switch off, and nobody trading with it?"""

from __future__ import annotations

from polyframe.doctor.findings import Finding, doubt, fault, sound
from polyframe.errors import PolyframeError
from polyframe.runtime.live.account_folder import AccountFolder
from polyframe.runtime.live.store_file import faults_of, open_to_read

_NONE_YET = "no account yet: the first production run makes one"


def checks(folder: AccountFolder | None) -> list[Finding]:
    """Return the checks of one account's folder; None where nobody can say which."""
    if folder is None:
        return [sound(name, _NONE_YET) for name in ("store", "kill_switch", "engine")]
    return [_store(folder), _kill_switch(folder), _engine(folder)]


def _store(folder: AccountFolder) -> Finding:
    path = folder.store_path
    if not path.exists():
        return sound("store", _NONE_YET)
    fix = "stop the engine and restore a copy, or find out what the disk did"
    try:
        connection = open_to_read(path)
        try:
            faults = faults_of(connection, path)
        finally:
            connection.close()
    except PolyframeError as error:
        return fault("store", str(error), fix)
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        return fault("store", f"{faults[0]}{more}", fix)
    return sound("store", f"{path}: whole, {path.stat().st_size / 1e6:.1f} MB")


def _kill_switch(folder: AccountFolder) -> Finding:
    killed = folder.killed()
    if killed is None:
        return sound("kill_switch", "not thrown")
    when = f" on {killed.when} by {killed.by}" if killed.when else ""
    return fault("kill_switch", f"thrown{when}: {killed.why}", "look into it: polyframe resume")


def _engine(folder: AccountFolder) -> Finding:
    holder = folder.holder()
    if holder is None:
        return sound("engine", "none runs")
    where = f" in {holder.folder}" if holder.folder else ""
    return doubt("engine", f"process {holder.pid or '?'} trades for this account{where}")
