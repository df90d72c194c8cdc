"""The same plugin in the same world under two hash seeds, each in a Python of its own.

The order of a set of texts changes with ``PYTHONHASHSEED``, which a running Python cannot change;
an answer that depends on it is no answer a replay could repeat. Run as a module this is the other
Python: it reads what to do from standard input and writes the answers to standard output.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import pickle
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import msgspec

from polyframe.testing.moment import Moment
from polyframe.testing.recording import encoded, record
from polyframe.testing.subject import ContractBroken, Subject
from polyframe.testing.tour import tour

SEEDS = ("0", "1")
_MOST_S = 300

Line = tuple[str, str, str, str]
"""Hook, moment, market, and the answer as JSON."""


@dataclass(frozen=True)
class _Task:
    """What another Python needs to do the same."""

    name: str
    module: str
    file: str
    qualname: str
    settings: Mapping[str, Any]
    moments: Sequence[Moment]


def answers_under_seeds(subjects: Sequence[Subject]) -> list[tuple[list[Line], ...]]:
    """Return, for each plugin, its answers under each of :data:`SEEDS`.

    Raises:
        ContractBroken: another Python cannot import a class, or cannot repeat its life.
    """
    tasks = pickle.dumps((sys.path, [_task(subject) for subject in subjects]))
    outputs: list[list[list[Line]]] = []
    with ExitStack() as running:
        # Side by side: most of the time is each Python's start.
        processes = [running.enter_context(_started(seed)) for seed in SEEDS]
        for process in processes:
            running.callback(process.kill)
        for seed, process in zip(SEEDS, processes, strict=True):
            output, errors = process.communicate(tasks, timeout=_MOST_S)
            if process.returncode != 0:
                last = (errors.decode(errors="replace").strip().splitlines() or ["no word"])[-1]
                raise ContractBroken(
                    f"under PYTHONHASHSEED={seed} another Python could not live through the same: "
                    f"{last[:300]}. It imports the plugin's module anew; that alone must suffice"
                )
            outputs.append(msgspec.json.decode(output, type=list[list[Line]]))
    return list(zip(*outputs, strict=True))


def _started(seed: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", __name__],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _task(subject: Subject) -> _Task:
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
    return _Task(
        subject.name,
        kind.__module__,
        file,
        kind.__qualname__,
        dict(subject.settings),
        tour(subject.more).moments,
    )


def _class_of(task: _Task) -> Any:
    found: Any = _module_of(task)
    for part in task.qualname.split("."):
        found = getattr(found, part)
    return found


def _module_of(task: _Task) -> ModuleType:
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


def _lines(task: _Task) -> Iterable[Line]:
    subject = Subject(task.name, _class_of(task), task.settings)
    for answer in record(subject, task.moments).answers:
        text = encoded(answer.value).decode()
        yield answer.hook, answer.label, answer.market_id, text


def main() -> None:
    """Do what standard input says; what plugins print does not reach standard output."""
    output, sys.stdout = sys.stdout.buffer, sys.stderr
    path, tasks = pickle.loads(sys.stdin.buffer.read())
    sys.path[:] = path
    output.write(msgspec.json.encode([list(_lines(task)) for task in tasks]))
    output.flush()


if __name__ == "__main__":
    main()
