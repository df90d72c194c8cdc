"""Watching for a plugin that reaches outside while a hook runs: clocks, files, sockets, chance.

Nothing is stopped, so that the plugin goes on and everything it does is seen. Two detectors work
together. The interpreter's audit events tell of files, sockets, processes and threads. A profile
function sees every call of a Python or built-in function, however it was imported: patching
``time.time`` would miss ``from time import time``.
"""

from __future__ import annotations

import datetime
import gc
import os
import random
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any

_CLOCKS = frozenset(
    {
        *("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"),
        *("process_time", "process_time_ns", "thread_time", "thread_time_ns"),
        *("clock_gettime", "clock_gettime_ns", "sleep"),
    }
)
_DATES = frozenset({"now", "today", "utcnow"})
_NO_CLOCK = "a hook has one clock: take now_ns"
_NO_CHANCE = "chance comes from self.context.rng, which is seeded"
_NO_ENVIRONMENT = "settings come through Config"
_NO_INPUT = "read what you need in the constructor, write to self.context.store"
_AUDITED: dict[str, tuple[str, str]] = {
    "open": ("opens a file", _NO_INPUT),
    "os.": ("touches the system", _NO_INPUT),
    "shutil.": ("touches files", _NO_INPUT),
    "tempfile.": ("makes files", _NO_INPUT),
    "sqlite3.": ("opens a database", _NO_INPUT),
    "socket.": ("uses a socket", "a hook has no network"),
    "urllib.": ("uses the network", "a hook has no network"),
    "http.": ("uses the network", "a hook has no network"),
    "ftplib.": ("uses the network", "a hook has no network"),
    "smtplib.": ("uses the network", "a hook has no network"),
    "subprocess.": ("starts a process", "a hook answers by itself"),
    "webbrowser.": ("opens a browser", "a hook answers by itself"),
}
_GLOBAL_RANDOM = getattr(random, "_inst", None)
_DRAWS = frozenset({"random", "getrandbits", "seed", "setstate", "getstate"})
_SYSTEM = frozenset({"getpid", "getppid", "getcwd", "uname"})
_TERMINAL = frozenset({"print", "input"})
_THREADS = frozenset({"start_new_thread", "start_joinable_thread"})
_WATCHED = _CLOCKS | _DATES | _DRAWS | _SYSTEM | _TERMINAL | _THREADS | {"urandom"}
_SEED = random.Random.seed.__code__
# By identity: to hash a code object takes longer than most calls.
_WATCHED_CODE = {
    id(_SEED),
    *(
        id(getattr(os._Environ, name).__code__)
        for name in ("__getitem__", "__setitem__", "__delitem__", "__iter__", "__len__")
    ),
}

Breach = str
_Told = Callable[[Breach], None]
_watcher: tuple[int, _Told] | None = None
_is_audited = False


@contextmanager
def watched(told: _Told) -> Iterator[None]:
    """Tell ``told`` of everything this thread does outside while the block runs."""
    global _watcher
    _install_audit()
    before_profile, before = sys.getprofile(), _watcher
    # Other libraries' callbacks and finalizers run when garbage is collected: not the hook's doing.
    is_collecting = gc.isenabled()
    gc.disable()
    _watcher = (threading.get_ident(), told)
    sys.setprofile(_profile(told))
    try:
        yield
    finally:
        sys.setprofile(before_profile)
        _watcher = before
        if is_collecting:
            gc.enable()


def _install_audit() -> None:
    # An audit hook cannot be taken away again, so there is one, and it sleeps between hooks.
    global _is_audited
    if not _is_audited:
        sys.addaudithook(_audit)
        _is_audited = True


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _watcher is None:
        return
    thread, told = _watcher
    if thread != threading.get_ident():
        return
    for prefix, (what, instead) in _AUDITED.items():
        if event.startswith(prefix):
            frame = sys._getframe(1)
            if not _is_importing(frame):
                subject = f" {str(arguments[0])[:80]!r}" if arguments else ""
                told(f"{what} ({event}{subject}{_place(frame)}): {instead}")
            return


def _is_importing(frame: FrameType | None) -> bool:
    # The first use of a library may load a module of it; that reads a file, once.
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _profile(told: _Told) -> Callable[[FrameType, str, Any], None]:
    # Called for every call and return of the plugin's: it must say no quickly.
    def see(frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call":
            if argument.__name__ in _WATCHED:
                breach = _of_builtin(argument)
                if breach is not None:
                    what, instead = breach
                    told(f"{what}{_place(frame)}): {instead}")
        elif event == "call" and id(frame.f_code) in _WATCHED_CODE:
            if frame.f_code is not _SEED:
                told(f"reads the environment (os.environ{_place(frame.f_back)}): {_NO_ENVIRONMENT}")
            elif frame.f_locals.get("a") is None:
                place = _place(frame.f_back)
                told(f"draws unseeded chance (random.Random(){place}): {_NO_CHANCE}")

    return see


def _of_builtin(function: Any) -> tuple[str, str] | None:
    name = function.__name__
    module = getattr(function, "__module__", None)
    owner = getattr(function, "__self__", None)
    if module == "time" and name in _CLOCKS:
        return f"reads the clock (time.{name}", _NO_CLOCK
    if name in _DATES and isinstance(owner, type) and issubclass(owner, datetime.date):
        return f"reads the clock ({owner.__name__}.{name}", _NO_CLOCK
    if name in _DRAWS and owner is _GLOBAL_RANDOM:
        return f"draws global chance (random.{name}", _NO_CHANCE
    if name == "urandom":
        return "draws unseeded chance (os.urandom", _NO_CHANCE
    if name in _SYSTEM and module in ("posix", "nt"):
        return f"reads the environment (os.{name}", _NO_ENVIRONMENT
    if name in _THREADS and module == "_thread":
        return "starts a thread (threading", "a hook is called, answers, and is done"
    if name in _TERMINAL and isinstance(owner, ModuleType):
        return f"talks to the terminal ({name}", "self.context.log writes a line"
    return None


def _place(frame: FrameType | None) -> str:
    """Return ``, file.py:12``: the innermost line that is not the standard library's."""
    library = os.path.dirname(os.__file__)
    here = frame
    while here is not None:
        file = here.f_code.co_filename
        is_library = file.startswith("<") or (
            file.startswith(library) and "site-packages" not in file
        )
        if not is_library:
            return f", {os.path.basename(file)}:{here.f_lineno}"
        here = here.f_back
    return ""
