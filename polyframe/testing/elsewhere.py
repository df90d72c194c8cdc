"""The same plugin in Pythons of their own: under other hash seeds, and after a restart.

The order of a set of texts changes with ``PYTHONHASHSEED``, which a running Python cannot change;
an answer that depends on it is no answer a replay could repeat. And a restart in the same Python
would leave the module's globals as they were. Run as a module this is the other Python: it reads
what to do from standard input and writes what came of it to standard output.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import os
import pickle
import subprocess
import sys
import weakref
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import msgspec

from polyframe.runtime.failures import fault_text
from polyframe.testing.documents import NotJson
from polyframe.testing.lives import Start, record, restart_of
from polyframe.testing.moment import Moment
from polyframe.testing.outside import watched
from polyframe.testing.places import home_in
from polyframe.testing.recording import encoded
from polyframe.testing.subject import CannotBeJudged, ContractBroken, Subject, built
from polyframe.testing.tour import More, Tour

SEEDS = ("0", "7", "11")
"""Under these, two-element sets of what a market has two of come in either order."""
_MOST_S = 300


class Line(NamedTuple):
    """One answer: its moment and time, hook, label, market, and the answer as JSON."""

    moment: int
    at_s: float
    hook: str
    label: str
    market_id: str
    text: str


class Life(msgspec.Struct, frozen=True):
    """What came of a plugin in another Python; ``fault`` says why there are no lines.

    ``at_import`` is what its module reached for outside when it was imported, ``loads`` whether
    its class was found at all.
    """

    lines: tuple[Line, ...] = ()
    at_import: tuple[str, ...] = ()
    fault: str | None = None
    loads: bool = True


class Elsewhere(NamedTuple):
    """A life under each of :data:`SEEDS`, and the one after a restart (under the first seed).

    ``restarted`` is None where the plugin left no document to go on from.
    """

    seeded: tuple[Life, ...]
    restarted: Life | None


class _Task(NamedTuple):
    """What another Python needs to do the same; the file is the module's."""

    name: str
    module: str
    file: str
    qualname: str
    settings: Mapping[str, Any]
    moments: Sequence[Moment]
    start: Start


_known: weakref.WeakKeyDictionary[Subject, Elsewhere] = weakref.WeakKeyDictionary()


def elsewhere(subject: Subject) -> Elsewhere:
    """Return what comes of a plugin in other Pythons, found once.

    Raises:
        CannotBeJudged: it cannot be built.
        ContractBroken: no other Python could find the class.
    """
    if subject not in _known:
        live_elsewhere([subject])
    return _known[subject]


def live_elsewhere(subjects: Sequence[Subject]) -> None:
    """Let many plugins live in the same few Pythons, so that :func:`elsewhere` has the answer.

    Raises:
        CannotBeJudged: one of them cannot be built.
        ContractBroken: no other Python could find the class of one, or it ended.
    """
    tours: dict[tuple[More | None, More | None], Tour] = {}
    whole: list[_Task] = []
    second: dict[Subject, _Task] = {}
    for subject in subjects:
        if not isinstance(subject.kind, type):
            raise CannotBeJudged("there is no class to look at")
        built(subject)
        if (way := tours.get((subject.more, subject.after))) is None:
            way = tours[subject.more, subject.after] = subject.tour
        whole.append(_task(subject, way.moments, Start()))
        try:
            second[subject] = _task(subject, way.after, restart_of(subject))
        except NotJson:
            continue  # the restart's own check says so
    *seeded, restarted = _lives([*(whole for _ in SEEDS), list(second.values())])
    after = dict(zip(second, restarted, strict=True))
    for subject, *lives in zip(subjects, *seeded, strict=True):
        _known[subject] = Elsewhere(tuple(lives), after.get(subject))


def _lives(work: Sequence[Sequence[_Task]]) -> list[list[Life]]:
    """Return the lives of each list of tasks, each list in a Python of its own."""
    found: list[list[Life]] = []
    # The restarted ones are compared with those of the first seed.
    seeds = (*SEEDS, SEEDS[0])
    with ExitStack() as running:
        # Side by side: most of the time is each Python's start.
        processes = [running.enter_context(_started(seed)) for seed in seeds]
        for process in processes:
            running.callback(process.kill)
        for process, tasks in zip(processes, work, strict=True):
            _hand(process, pickle.dumps((sys.path, list(tasks))))
        for seed, process in zip(seeds, processes, strict=True):
            output, errors = process.communicate(timeout=_MOST_S)
            if process.returncode != 0:
                last = (errors.decode(errors="replace").strip().splitlines() or ["no word"])[-1]
                raise ContractBroken(
                    f"under PYTHONHASHSEED={seed} another Python could not live through the same: "
                    f"{last[:300]}. It imports the plugin's module anew; that alone must suffice"
                )
            found.append(msgspec.json.decode(output, type=list[Life]))
    return found


def _hand(process: subprocess.Popen[bytes], task: bytes) -> None:
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError), process.stdin as entry:
            entry.write(task)
        process.stdin = None  # closed already, for communicate


def _started(seed: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", __name__],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _task(subject: Subject, moments: Sequence[Moment], start: Start) -> _Task:
    kind = subject.kind
    if "<locals>" in kind.__qualname__:
        raise ContractBroken(
            f"{kind.__qualname__} is defined inside a function, where no second Python finds it; "
            "define the class at the top of its module"
        )
    try:
        file = inspect.getfile(kind)
    except (TypeError, OSError):
        raise ContractBroken(
            f"{kind.__qualname__} is in no file that a second Python could read; put it into one"
        ) from None
    settings = dict(subject.settings)
    return _Task(subject.name, kind.__module__, file, kind.__qualname__, settings, moments, start)


# --- in the other Python -------------------------------------------------------------------


def _class_of(task: _Task, breaches: list[str]) -> Any:
    # What the plugin's lines do is told, what the libraries it imports do is their business.
    home = home_in(task.module, task.file)
    with watched(breaches.append, home=home, may_read=True, own_only=True):
        found: Any = _module_of(task)
    for part in task.qualname.split("."):
        found = getattr(found, part)
    return found


def _module_of(task: _Task) -> Any:
    try:
        found = importlib.import_module(task.module)
    except ImportError:
        found = None  # a test module, which has a file but no name that can be imported
    # Another file may have the name first: __main__ is this module here.
    if found is not None and getattr(found, "__file__", None) == task.file:
        return found
    spec = importlib.util.spec_from_file_location("plugin_under_test", task.file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{task.file} is no Python module")
    found = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = found
    spec.loader.exec_module(found)
    return found


def _life(task: _Task) -> Life:
    breaches: list[str] = []
    try:
        kind = _class_of(task, breaches)
    except Exception as error:  # noqa: BLE001 - a stranger's module may raise anything
        return Life(fault=fault_text(error), loads=False)
    at_import = tuple(dict.fromkeys(breaches))
    try:
        subject = Subject(task.name, kind, task.settings)
        answers = record(subject, task.moments, start=task.start).answers
    except CannotBeJudged as error:
        return Life(at_import=at_import, fault=fault_text(str(error.__context__ or error)))
    lines = tuple(
        Line(one.moment, one.at_s, one.hook, one.label, one.market_id, encoded(one.value).decode())
        for one in answers
    )
    return Life(lines, at_import)


def main() -> None:
    """Do what standard input says; what plugins print does not reach standard output."""
    output, sys.stdout = sys.stdout.buffer, sys.stderr
    path, tasks = pickle.loads(sys.stdin.buffer.read())
    sys.path[:] = path
    lives: Iterable[Life] = [_life(task) for task in tasks]
    output.write(msgspec.json.encode(lives))
    output.flush()


if __name__ == "__main__":
    main()
