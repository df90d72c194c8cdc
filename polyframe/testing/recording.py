"""One life of a plugin in the tour, with everything the checks look at."""

from __future__ import annotations

import copy
import functools
import time
from collections.abc import Mapping, Sequence
from dataclasses import FrozenInstanceError, dataclass, field
from random import Random
from typing import Any, NamedTuple

import msgspec

from polyframe.runtime.answers import close_coroutine
from polyframe.runtime.failures import fault_text
from polyframe.testing.moment import Moment
from polyframe.testing.outside import watched
from polyframe.testing.playing import Answers, Hook, called, play
from polyframe.testing.subject import Built, Subject, built
from polyframe.testing.tour import tour


class Raised(NamedTuple):
    """Stands for the answer of a hook that raised."""

    text: str


class Finding(NamedTuple):
    """Something seen at one call: in which hook, at which moment, what."""

    hook: str
    label: str
    text: str


@dataclass
class Recording:
    """What a plugin answered and did; ``nanoseconds`` by hook are of unwatched calls only."""

    answers: Answers
    raised: list[Finding] = field(default_factory=list)
    mutated: list[Finding] = field(default_factory=list)
    outside: list[Finding] = field(default_factory=list)
    nanoseconds: dict[str, list[int]] = field(default_factory=dict)


def record(subject: Subject, moments: Sequence[Moment]) -> Recording:
    """Return a life without a look over the shoulder, each call timed.

    Raises:
        CannotBeJudged: the plugin cannot be built.
    """
    recorder = _Recorder(is_watching=False)
    recorder.live(built(subject), moments)
    return recorder.recording


@functools.lru_cache(maxsize=4)
def plain_recording(subject: Subject) -> Recording:
    """Return a life in the tour, without a look over the shoulder; see :func:`record`."""
    return record(subject, tour(subject.more).moments)


@functools.lru_cache(maxsize=4)
def watched_recording(subject: Subject) -> Recording:
    """Return a life with every call watched: what it reads outside, what it changes.

    Raises:
        CannotBeJudged: the plugin cannot be built.
    """
    recorder = _Recorder(is_watching=True)
    recorder.live(built(subject), tour(subject.more).moments)
    return recorder.recording


@functools.lru_cache(maxsize=4)
def restarted_recording(subject: Subject) -> tuple[Recording, int]:
    """Return a life with a restart in it, and the number of the first moment after it.

    The new instance gets the document after a trip through JSON, and the random stream as it
    stood: chance is the runtime's to keep.

    Raises:
        CannotBeJudged: the plugin cannot be built.
        NotJson: the document does not survive the trip; the text says why.
        CannotContinue: the new instance cannot be built from the document.
    """
    recorder = _Recorder(is_watching=False)
    way = tour(subject.more)
    first = built(subject)
    recorder.live(first, way.before)
    chance = Random()
    chance.setstate(first.context.rng.getstate())
    store = through_json(first.context.store)
    try:
        second = built(subject, store, chance)
    except Exception as error:
        raise CannotContinue(fault_text(error)) from error
    recorder.live(second, way.after, first=len(way.before))
    return recorder.recording, len(way.before)


class NotJson(Exception):
    """A stored document is not what JSON would give back."""


class CannotContinue(Exception):
    """A plugin cannot be built from the document it left."""


def through_json(store: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document after a trip through JSON.

    Raises:
        NotJson: JSON cannot carry it, or gives something else back.
    """
    try:
        after: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(store))
    except (TypeError, ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise NotJson(f"JSON cannot carry it: {error}") from None
    changed = _first_change(dict(store), after, "context.store")
    if changed is not None:
        raise NotJson(changed)
    return after


def _first_change(before: Any, after: Any, path: str) -> str | None:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        if list(before) != list(after):
            odd = next((key for key in before if type(key) is not str), None)
            what = f"the key {odd!r} is no text" if odd is not None else "its keys change"
            return f"{path}: {what}; JSON has text keys only"
        found = (_first_change(before[key], after[key], f"{path}[{key!r}]") for key in before)
        return next((change for change in found if change is not None), None)
    if isinstance(before, (list, tuple)) and isinstance(after, list):
        found = (
            _first_change(old, new, f"{path}[{at}]")
            for at, (old, new) in enumerate(zip(before, after, strict=True))
        )
        return next((change for change in found if change is not None), None)
    if before != after:
        return f"{path} is {before!r:.60}, and comes back as {after!r:.60}"
    return None


class _Recorder:
    """Makes each call of a play, and notes what there is to note."""

    def __init__(self, *, is_watching: bool) -> None:
        self.recording = Recording(Answers())
        self._call = self._watched_call if is_watching else self._timed_call
        self._label = ""

    def live(self, plugin: Built, moments: Sequence[Moment], first: int = 0) -> None:
        for number, moment in enumerate(moments, start=first):
            self._label = moment.label
            self.recording.answers += play(
                [moment],
                plugin.hooks,
                first=number,
                wants_top_only=plugin.wants_top_only,
                call=self._call,
            )

    def _timed_call(self, name: str, hook: Hook, facts: Mapping[str, Any]) -> Any:
        started = time.perf_counter_ns()
        try:
            answer = called(hook, facts)
        except Exception as error:  # noqa: BLE001 - a stranger's code ends here
            return self._note_raised(name, error)
        self.recording.nanoseconds.setdefault(name, []).append(time.perf_counter_ns() - started)
        # As it was answered: a plugin that hands out its own list may change it later.
        return _kept(answer)

    def _watched_call(self, name: str, hook: Hook, facts: Mapping[str, Any]) -> Any:
        before = {argument: snapshot(value) for argument, value in facts.items()}
        breaches: list[str] = []
        try:
            with watched(breaches.append):
                answer = called(hook, facts)
        except Exception as error:  # noqa: BLE001 - a stranger's code ends here
            answer = self._note_raised(name, error)
        for breach in dict.fromkeys(breaches):
            self.recording.outside.append(Finding(name, self._label, breach))
        for argument, value in facts.items():
            if snapshot(value) != before[argument]:
                self.recording.mutated.append(
                    Finding(name, self._label, f"it changed {argument!r}")
                )
        return _kept(answer)

    def _note_raised(self, name: str, error: Exception) -> Raised:
        text = fault_text(error)
        finding = Finding(name, self._label, text)
        is_frozen = isinstance(error, FrozenInstanceError) or (
            isinstance(error, AttributeError) and str(error).startswith("immutable type")
        )
        (self.recording.mutated if is_frozen else self.recording.raised).append(finding)
        return Raised(text)


def _kept(answer: Any) -> Any:
    close_coroutine(answer)
    try:
        return copy.deepcopy(answer)
    except Exception:  # noqa: BLE001 - what cannot be copied (a coroutine, a lock) is kept as it is
        return answer


def snapshot(value: Any) -> tuple[bytes, tuple[str, ...]]:
    """Return a value's contents as bytes, and the names of what hangs on the object itself."""
    hanging = tuple(vars(value)) if hasattr(value, "__dict__") else ()
    return encoded(value), hanging


def encoded(value: Any) -> bytes:
    """Return a value as JSON, whatever it is: what JSON does not know is told by its type."""
    try:
        return msgspec.json.encode(value, enc_hook=_type_name)
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        return _type_name(value).encode()


def _type_name(value: object) -> str:
    # Not its repr, which may show an address.
    return f"<{type(value).__name__}>"
