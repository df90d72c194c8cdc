"""What one account keeps on disk between runs, who holds it, and its kill switch.

``state/<source>-<address>/`` is ours alone (0700): ``account.sqlite`` (the store), ``lock`` (the
process that trades), ``KILL`` (nobody may trade), ``ACCEPT`` (differences that the operator
accepts, until a comparison has looked for them). Both locks are the kernel's and end with the
process that holds them, however it ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from polyframe.errors import PolyframeError, UsageError
from polyframe.polymarket.hosts import LIVE_URLS, VenueUrls
from polyframe.runtime.live.acceptance import Accepted

STORE: Final = "account.sqlite"
KILL: Final = "KILL"
ACCEPT: Final = "ACCEPT"
LOCK: Final = "lock"
_NAME = re.compile(r"(?P<source>[a-z0-9][a-z0-9.-]*)-(?P<address>0x[0-9a-f]{40})")
_MOST_BYTES = 65_536
_LOOKS = 3
_LOOK_S = 0.02


class Kill(NamedTuple):
    """Why nobody may trade: ``when`` is ISO 8601, UTC; all are "" in a file nobody can read."""

    when: str
    by: str
    why: str


class Holder(NamedTuple):
    """The process that trades for an account, and the folder it keeps the account in."""

    pid: int
    folder: str


class AccountFolder:
    """The folder of one account of one venue.

    Args:
        state_root: where all accounts lie, such as ``state``.
        source: :func:`source_of` the venue.
        address: of the wallet that trades; letter case does not matter.

    Raises:
        UsageError: the address is none, or the source no name.
    """

    def __init__(self, state_root: Path, source: str, address: str) -> None:
        name = f"{source}-{address.lower()}"
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name[:100]!r} names no account; it is SOURCE-0xADDRESS")
        self.name = name
        self.path = state_root / name

    @property
    def store_path(self) -> Path:
        """Where the account's database lies."""
        return self.path / STORE

    def make(self) -> None:
        """Make the folder, for nobody but us.

        Raises:
            UsageError: it cannot be made, is another user's, or others may look into it.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = self.path.stat()
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be made: {error.strerror}") from error
        if found.st_uid != os.geteuid():
            raise UsageError(f"{self.path}: belongs to another user; choose another --state")
        if stat.S_IMODE(found.st_mode) & 0o077:
            raise UsageError(f"{self.path}: others may look into it; run: chmod 700 {self.path}")

    def remove_unused(self) -> None:
        """Remove the folder when it holds no more than a start that failed has made in it."""
        with suppress(OSError, UsageError):
            held = self._hold(self.path / LOCK)
            try:
                made = {LOCK, STORE, *(f"{STORE}{end}" for end in ("-wal", "-shm", "-journal"))}
                found = sorted(one.name for one in self.path.iterdir())
                if not made.issuperset(found):
                    return
                for name in found:
                    (self.path / name).unlink()
                self.path.rmdir()
            finally:
                os.close(held)

    # --- who trades ------------------------------------------------------------------

    @contextmanager
    def lock(self, signer: str = "") -> Iterator[None]:
        """Hold the account for as long as the block runs: here, and on this machine.

        Args:
            signer: the key's own address, where it is not the wallet's: one key's heartbeats
                and cancels reach the orders of all its wallets, so it is held too.

        Raises:
            UsageError: another process holds it; the line names its pid.
        """
        self.make()
        places = [self.path / LOCK, *self._machine_locks(signer)]
        held: list[int] = []
        try:
            for place in places:
                held.append(self._hold(place))
            yield
        finally:
            for opened in reversed(held):
                os.close(opened)  # and with it the lock

    def holder(self, signer: str = "") -> Holder | None:
        """Return who trades for the account at the moment, None for nobody.

        A pid of 0 means that somebody does and has not said who.
        """
        for place in (self.path / LOCK, *self._machine_locks(signer)):
            found = _holder(place)
            if found is not None:
                return found
        return None

    def _machine_locks(self, signer: str) -> list[Path]:
        source = self.name.rpartition("-")[0]
        names = dict.fromkeys((self.name, f"{source}-{signer.lower()}" if signer else self.name))
        root = Path(tempfile.gettempdir())
        return [root / f"polyframe-{os.geteuid()}-{name}.lock" for name in names]

    def _hold(self, place: Path) -> int:
        try:
            opened = os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UsageError(f"{place}: cannot be locked: {error.strerror}") from error
        try:
            if os.fstat(opened).st_uid != os.geteuid():
                raise UsageError(f"{place}: belongs to another user; have it removed")
            _claim(opened)
            os.ftruncate(opened, 0)
            text = json.dumps({"pid": os.getpid(), "folder": str(self.path.resolve())})
            os.pwrite(opened, text.encode(), 0)
        except BlockingIOError:
            os.close(opened)
            raise UsageError(self._taken(_told(place))) from None
        except BaseException:
            os.close(opened)
            raise
        return opened

    def _taken(self, by: Holder) -> str:
        where = f" in {by.folder}" if by.folder else ""
        return (
            f"account {self.name}: process {by.pid or '?'} trades for it already{where}; stop that "
            "one first (Ctrl-C or SIGTERM), two would undo each other's orders"
        )

    # --- the kill switch ---------------------------------------------------------------

    def kill(self, why: str, by: str) -> Kill:
        """Forbid trading until :meth:`resume`; return what the switch says now.

        A switch that was thrown before keeps its first reason. When this returns, it is on disk.

        Raises:
            PolyframeError: it cannot be written: nothing was stopped by it.
        """
        before = self.killed()
        if before is not None and before.when:
            return before
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        return self._throw(Kill(when=now, by=by, why=why))

    def kill_too(self, why: str, by: str) -> bool:
        """Forbid trading for one more reason; return whether the switch names it now.

        One that nobody can read is somebody's, and stays as it is.

        Raises:
            PolyframeError: it cannot be written.
        """
        before = self.killed()
        if before is None:
            return why in self.kill(why, by).why
        if not before.when:
            return False
        self._throw(before._replace(why=f"{before.why}; {why}"))
        return True

    def _throw(self, thrown: Kill) -> Kill:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_durably(self.path / KILL, json.dumps(thrown._asdict()).encode() + b"\n")
        except OSError as error:
            raise PolyframeError(
                f"{self.path / KILL}: cannot be written: {error.strerror}; stop the engine itself"
            ) from error
        return thrown

    def killed(self) -> Kill | None:
        """Return why nobody may trade, None if anybody may.

        A file that cannot be read or understood counts: in doubt the switch is thrown.
        """
        return _kill_in(self.path / KILL)

    def resume(self) -> Kill:
        """Take the switch back; return what it said.

        Raises:
            UsageError: it was not thrown.
            PolyframeError: it cannot be removed.
        """
        path = self.path / KILL
        taken = self.path / f".{KILL}.{os.getpid()}"
        try:
            # Taken away first: what an engine adds from now on is a switch of its own, and what
            # is read here is all that was taken back.
            path.rename(taken)
        except FileNotFoundError:
            raise UsageError(f"{path}: is not there, so nothing is to be resumed") from None
        except OSError as error:
            raise PolyframeError(f"{path}: cannot be removed: {error.strerror}") from error
        thrown = _kill_in(taken) or _unreadable(path, "it has gone")
        try:
            taken.unlink()
            _sync_folder(self.path)
        except OSError as error:
            with suppress(OSError):
                taken.rename(path)
            raise PolyframeError(f"{path}: cannot be removed: {error.strerror}") from error
        return thrown

    # --- accepted differences ----------------------------------------------------------

    def accept(self, accepted: Accepted) -> None:
        """Write down what the operator accepts; in doubt nothing is accepted.

        Raises:
            PolyframeError: it cannot be written.
        """
        path = self.path / ACCEPT
        try:
            _write_durably(path, msgspec.json.encode(accepted) + b"\n")
        except OSError as error:
            raise PolyframeError(f"{path}: cannot be written: {error.strerror}") from error

    def accepted(self) -> Accepted | None:
        """Return what the operator accepts, None for nothing that can be read."""
        try:
            return msgspec.json.decode((self.path / ACCEPT).read_bytes(), type=Accepted)
        except (OSError, msgspec.MsgspecError, RecursionError):
            return None

    def drop_accepted(self) -> None:
        """Forget what was accepted: it was looked for."""
        with suppress(OSError):
            (self.path / ACCEPT).unlink(missing_ok=True)
            _sync_folder(self.path)


def source_of(urls: VenueUrls) -> str:
    """Return what an account's folder calls a venue: ``live``, or ``loopback-PORT``."""
    if urls == LIVE_URLS:
        return "live"
    return f"loopback-{urlsplit(urls.clob).port or 80}"


def accounts_in(state_root: Path) -> list[tuple[str, str]]:
    """Return source and address of each account that has a folder, by name."""
    names = sorted(one.name for one in state_root.iterdir()) if state_root.is_dir() else []
    found = (_NAME.fullmatch(name) for name in names)
    return [(one["source"], one["address"]) for one in found if one is not None]


def _claim(opened: int) -> None:
    """Take the lock; whoever only looks who has it lets go within a moment (:func:`_holder`)."""
    for _ in range(_LOOKS):
        with suppress(BlockingIOError):
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(_LOOK_S)  # of a start or a verb: nothing runs yet that would wait with it
    fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _holder(place: Path) -> Holder | None:
    try:
        opened = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _told(place)
    except OSError:
        return None
    finally:
        os.close(opened)
    return None


def _told(place: Path) -> Holder:
    told: Any = {}
    with suppress(OSError, ValueError):
        told = json.loads(place.read_bytes())
    try:
        return Holder(int(told["pid"]), str(told["folder"]))
    except (KeyError, TypeError, ValueError):
        return Holder(0, "")


def _kill_in(path: Path) -> Kill | None:
    try:
        with path.open("rb") as file:
            told = json.loads(file.read(_MOST_BYTES))
        return Kill(*(str(told[name]) for name in Kill._fields))
    except FileNotFoundError:
        # A link that leads nowhere is a switch too.
        return _unreadable(path, "leads nowhere") if path.is_symlink() else None
    except OSError as error:
        return _unreadable(path, error.strerror or str(error))
    except (ValueError, KeyError, TypeError, RecursionError):
        return _unreadable(path, "it is not what 'polyframe kill' writes")


def _unreadable(path: Path, reason: str) -> Kill:
    return Kill(when="", by="", why=f"{path} cannot be read ({reason}), and so it counts")


def _write_durably(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    opened = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(opened, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(opened)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
