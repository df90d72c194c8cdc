"""What is noted of each call while a plugin lives: answers, exceptions, changes, reach, time."""

from __future__ import annotations

import copy
import gc
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import FrozenInstanceError, dataclass, field, replace
from typing import Any, NamedTuple

import msgspec

from polyframe.runtime.answers import close_coroutine
from polyframe.runtime.failures import fault_text
from polyframe.testing.moment import Moment
from polyframe.testing.outside import watched
from polyframe.testing.places import place_of
from polyframe.testing.playing import Answers, Hook, called, play
from polyframe.testing.subject import Built
from polyframe.testing.views import FakeBook, FakeMarket, FakePortfolio


class Raised(NamedTuple):
    """Stands for the answer of a hook that raised."""

    text: str


class Finding(NamedTuple):
    """Something seen at one call: in which hook, at which moment, what.

    ``about_none`` tells an exception that came of using None.
    """

    hook: str
    label: str
    text: str
    about_none: bool = False


@dataclass
class Recording:
    """What a plugin answered and did; ``nanoseconds`` by hook are of unwatched calls only.

    ``left`` is what it left behind: its document and its random stream, as text.
    """

    answers: Answers
    raised: list[Finding] = field(default_factory=list)
    mutated: list[Finding] = field(default_factory=list)
    outside: list[Finding] = field(default_factory=list)
    nanoseconds: dict[str, list[int]] = field(default_factory=dict)
    left: tuple[bytes, bytes] = (b"", b"")


class Recorder:
    """Makes each call of a play, and notes what there is to note."""

    def __init__(self, home: str, *, is_watching: bool) -> None:
        self.recording = Recording(Answers())
        self._home = home
        self._call = self._watched_call if is_watching else self._timed_call
        self._label = ""
        self._snapshots: dict[int, tuple[Any, Snapshot]] = {}
        self._keepers: set[str] = set()

    def live(self, plugin: Built, moments: Sequence[Moment], first: int = 0) -> None:
        """Let a plugin live through moments, the first of them having this number."""
        for number, moment in enumerate(moments, start=first):
            self._label = moment.label
            self._snapshots.clear()
            self.recording.answers += play(
                [moment],
                plugin.hooks,
                first=number,
                wants_top_only=plugin.wants_top_only,
                call=self._call,
            )
        context = plugin.context
        self.recording.left = encoded(context.store), encoded(context.rng.getstate())

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
        given = {argument: facts[argument] for argument in hook.arguments}
        before = {argument: self._snapshot(value) for argument, value in given.items()}
        # Views of this call only: whoever still has one afterwards keeps what it may not.
        lent = {argument: _lent(value) for argument, value in given.items()}
        breaches: list[str] = []
        try:
            with watched(breaches.append, home=self._home):
                answer = called(hook, lent)
        except Exception as error:  # noqa: BLE001 - a stranger's code ends here
            answer = self._note_raised(name, error)
        for breach in dict.fromkeys(breaches):
            self.recording.outside.append(Finding(name, self._label, breach))
        self._note_changed(name, given, before, lent)
        answer = _kept(answer)
        self._note_kept(name, lent)
        return answer

    def _note_changed(
        self,
        name: str,
        given: Mapping[str, Any],
        before: Mapping[str, Snapshot],
        lent: Mapping[str, Any],
    ) -> None:
        for argument, value in lent.items():
            after = snapshot(value)
            if after != before[argument]:
                what = what_changed(argument, before[argument], after)
                self.recording.mutated.append(Finding(name, self._label, f"it changed {what!r}"))
                self._snapshots.pop(id(given[argument]), None)

    def _snapshot(self, value: Any) -> Snapshot:
        # One moment's views are lent out many times; the object is held so that its id stays its.
        known = self._snapshots.get(id(value))
        if known is None:
            known = self._snapshots[id(value)] = value, snapshot(value)
        return known[1]

    def _note_kept(self, name: str, lent: dict[str, Any]) -> None:
        if name in self._keepers:
            return
        views = [(argument, weakref.ref(view)) for argument, view in _views(lent)]
        lent.clear()
        if any(view() is not None for _, view in views):
            gc.collect()  # an exception's frames may hold what the plugin does not
        for argument, view in views:
            if view() is not None:
                # Once is enough: to look again and again would take long.
                self._keepers.add(name)
                text = f"it keeps {argument!r} after the call, which shows another state by then"
                self.recording.mutated.append(Finding(name, self._label, text))
                return

    def _note_raised(self, name: str, error: Exception) -> Raised:
        place = place_of(error, self._home)
        text = fault_text(error).rpartition(" (")[0] or type(error).__name__
        text = f"{text} ({place})" if place else text
        about_none = isinstance(error, (TypeError, AttributeError)) and "NoneType" in str(error)
        finding = Finding(name, self._label, text, about_none)
        is_frozen = isinstance(error, FrozenInstanceError) or (
            isinstance(error, AttributeError) and str(error).startswith("immutable type")
        )
        (self.recording.mutated if is_frozen else self.recording.raised).append(finding)
        return Raised(text)


def _lent(value: Any) -> Any:
    if isinstance(value, list):
        return [_lent(item) for item in value]
    if isinstance(value, FakeMarket):
        return replace(value, book=_lent(value.book))
    return copy.copy(value) if isinstance(value, (FakeBook, FakePortfolio)) else value


def _views(lent: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for argument, value in lent.items():
        for view in value if isinstance(value, list) else [value]:
            if isinstance(view, (FakeMarket, FakePortfolio)):
                yield argument, view
            if isinstance(view, FakeMarket):
                yield f"{argument}.book", view.book


def _kept(answer: Any) -> Any:
    close_coroutine(answer)
    try:
        return copy.deepcopy(answer)
    except Exception:  # noqa: BLE001 - what cannot be copied (a coroutine, a lock) is kept as it is
        return answer


Snapshot = tuple[bytes, tuple[str, ...]]


def snapshot(value: Any) -> Snapshot:
    """Return a value's contents as bytes, and the names of what hangs on the object itself."""
    hanging = tuple(vars(value)) if hasattr(value, "__dict__") else ()
    return encoded(value), hanging


def what_changed(argument: str, before: Snapshot, after: Snapshot) -> str:
    """Return the argument, or those of its fields that differ."""
    first, second = (msgspec.json.decode(contents) for contents, _ in (before, after))
    if not (isinstance(first, dict) and isinstance(second, dict)):
        return argument
    changed = [name for name in second if first.get(name) != second[name]]
    changed += [name for name in after[1] if name not in before[1] and name not in changed]
    return ", ".join(f"{argument}.{name}" for name in changed) or argument


def encoded(value: Any) -> bytes:
    """Return a value as JSON, whatever it is: what JSON does not know is told by its type."""
    try:
        return msgspec.json.encode(value, enc_hook=_type_name)
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        return _type_name(value).encode()


def _type_name(value: object) -> str:
    # Not its repr, which may show an address.
    return f"<{type(value).__name__}>"
