"""Watching for a plugin that reaches outside: clocks, files, sockets, chance, the environment.

Nothing is stopped, so that the plugin goes on and everything it does is seen. Two detectors work
together. The interpreter's audit events tell of files, sockets, processes and threads. A profile
function sees every call of a Python or built-in function, however it was imported: patching
``time.time`` would miss ``from time import time``.

What compiled code does by itself is seen by neither (docs/plugin-contract.md lists it).
"""

from __future__ import annotations

import gc
import os
import random
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from polyframe.testing.outside_builtins import NO_CHANCE, NO_CLOCK, WATCHED, breach_of
from polyframe.testing.places import culprit, is_importing, is_own, own_or_innermost, shown

_NO_ENVIRONMENT = "settings come through Config"
_NO_INPUT = "read what you need in the constructor, write to self.context.store"
_NO_NETWORK = "a plugin has no network"
_ALONE = "a plugin answers by itself"
_AUDITED: dict[str, tuple[str, str]] = {
    "open": ("opens a file", _NO_INPUT),
    "os.": ("touches the system", _NO_INPUT),
    "shutil.": ("touches files", _NO_INPUT),
    "tempfile.": ("makes files", _NO_INPUT),
    "sqlite3.": ("opens a database", _NO_INPUT),
    "socket.": ("uses a socket", _NO_NETWORK),
    "urllib.": ("uses the network", _NO_NETWORK),
    "http.": ("uses the network", _NO_NETWORK),
    "ftplib.": ("uses the network", _NO_NETWORK),
    "smtplib.": ("uses the network", _NO_NETWORK),
    "subprocess.": ("starts a process", _ALONE),
    "webbrowser.": ("opens a browser", _ALONE),
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_LOOKING = frozenset({"os.listdir", "os.scandir"})
_LOGGING = os.path.join("logging", "__init__.py")
_SEED = random.Random.seed.__code__
_WAITS = {id(kind.wait.__code__) for kind in (threading.Event, threading.Condition)}
# By identity: to hash a code object takes longer than most calls.
_WATCHED_CODE = {
    id(_SEED),
    *_WAITS,
    *(
        id(getattr(os._Environ, name).__code__)
        for name in ("__getitem__", "__setitem__", "__delitem__", "__iter__", "__len__")
    ),
}

Breach = str
_Told = Callable[[Breach], None]


@dataclass(frozen=True)
class _Watch:
    """Whose doing is told to whom.

    ``may_read`` allows finding and reading files. ``home`` is where the plugin's files are; with
    ``own_only`` nothing is told but what the plugin's own lines do.
    """

    thread: int
    told: _Told
    may_read: bool
    home: str
    own_only: bool

    def tell(self, frame: FrameType | None, what: str, instead: str, closing: str = ")") -> None:
        """Tell of a breach at a frame, unless it is somebody else's doing."""
        if self.own_only:
            place = culprit(frame)
            if place is None or not is_own(place.f_code.co_filename, self.home):
                return
        elif is_importing(frame):
            # The first use of a library may load a module of it; that reads a file, once.
            return
        else:
            place = own_or_innermost(frame, self.home)
        if _is_logging(frame, place):
            what, instead = "logs (logging", "self.context.log writes a line"
        at = "" if place is None else f", {shown(place.f_code.co_filename, place.f_lineno)}"
        self.told(f"{what}{at}{closing}: {instead}")


_watch: _Watch | None = None
_is_audited = False


@contextmanager
def watched(
    told: _Told, *, home: str = "", may_read: bool = False, own_only: bool = False
) -> Iterator[None]:
    """Tell ``told`` of everything this thread does outside while the block runs.

    ``home`` is :func:`polyframe.testing.places.home_of` the plugin. With ``may_read`` files may be
    found and read; with ``own_only`` only what the plugin's own lines do is told.
    """
    global _watch
    _install_audit()
    before_profile, before = sys.getprofile(), _watch
    # Other libraries' callbacks and finalizers run when garbage is collected: not the hook's doing.
    is_collecting = gc.isenabled()
    gc.disable()
    _watch = _Watch(threading.get_ident(), told, may_read, home, own_only)
    sys.setprofile(_profile(_watch))
    try:
        yield
    finally:
        sys.setprofile(before_profile)
        _watch = before
        if is_collecting:
            gc.enable()


def _install_audit() -> None:
    # An audit hook cannot be taken away again, so there is one, and it sleeps between hooks.
    global _is_audited
    if not _is_audited:
        sys.addaudithook(_audit)
        _is_audited = True


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    watch = _watch
    if watch is None or watch.thread != threading.get_ident():
        return
    for prefix, (what, instead) in _AUDITED.items():
        if event.startswith(prefix):
            if not (watch.may_read and _only_reads(event, arguments)):
                subject = f" {str(arguments[0])[:80]!r}" if arguments else ""
                watch.tell(sys._getframe(1), f"{what} ({event}{subject}", instead)
            return


def _only_reads(event: str, arguments: tuple[Any, ...]) -> bool:
    return event in _LOOKING or (event == "open" and not arguments[2] & _WRITING)


def _profile(watch: _Watch) -> Callable[[FrameType, str, Any], None]:
    # Called for every call and return of the plugin's: it must say no quickly.
    may_read = watch.may_read

    def see(frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call":
            if argument.__name__ in WATCHED:
                breach = breach_of(argument, frame, may_read)
                if breach is not None:
                    watch.tell(frame, *breach)
        elif event == "call" and id(frame.f_code) in _WATCHED_CODE:
            _see_python(watch, frame)

    return see


def _see_python(watch: _Watch, frame: FrameType) -> None:
    caller = frame.f_back
    if frame.f_code is _SEED:
        if frame.f_locals.get("a") is None:
            watch.tell(caller, "draws unseeded chance (random.Random()", NO_CHANCE)
    elif id(frame.f_code) in _WAITS:
        if frame.f_locals.get("timeout") is not None:
            watch.tell(caller, "waits for a time (threading", NO_CLOCK)
    else:
        watch.tell(caller, "reads the environment (os.environ", _NO_ENVIRONMENT)


def _is_logging(frame: FrameType | None, until: FrameType | None) -> bool:
    while frame is not None and frame is not until:
        if frame.f_code.co_filename.endswith(_LOGGING):
            return True
        frame = frame.f_back
    return False
