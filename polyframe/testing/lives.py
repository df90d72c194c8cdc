"""The lives of a plugin in the tour that the checks look at, each lived once."""

from __future__ import annotations

import contextlib
import copy
import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any, NamedTuple

from polyframe.plugin import Context, Log
from polyframe.testing.documents import through_json
from polyframe.testing.moment import Moment
from polyframe.testing.outside import watched
from polyframe.testing.recording import Recorder, Recording
from polyframe.testing.subject import Subject, built, config_of


class Start(NamedTuple):
    """Where a life begins: the document, the random stream's state, the first moment's number."""

    store: dict[str, Any] | None = None
    state: tuple[Any, ...] | None = None
    first: int = 0

    def chance(self) -> Random | None:
        """Return the random stream as it stood, None for a new one."""
        if self.state is None:
            return None
        stream = Random()
        stream.setstate(self.state)
        return stream


def record(
    subject: Subject, moments: Sequence[Moment], *, without: str = "", start: Start | None = None
) -> Recording:
    """Return a life without a look over the shoulder, each call timed.

    ``without`` is a hook that is not asked; ``start`` says where a life goes on.

    Raises:
        CannotBeJudged: the plugin cannot be built.
    """
    recorder = Recorder(subject.home, is_watching=False)
    start = start or Start()
    plugin = built(subject, start.store, start.chance())
    if without:
        hooks = {name: hook for name, hook in plugin.hooks.items() if name != without}
        plugin = replace(plugin, hooks=hooks)
    recorder.live(plugin, moments, first=start.first)
    return recorder.recording


@functools.lru_cache(maxsize=4)
def plain_recording(subject: Subject) -> Recording:
    """Return a life in the tour, without a look over the shoulder; see :func:`record`."""
    return record(subject, subject.tour.moments)


@functools.lru_cache(maxsize=4)
def watched_recording(subject: Subject) -> Recording:
    """Return a life with every call watched: what it reads outside, what it changes.

    Raises:
        CannotBeJudged: the plugin cannot be built.
    """
    recorder = Recorder(subject.home, is_watching=True)
    recorder.live(built(subject), subject.tour.moments)
    return recorder.recording


@functools.lru_cache(maxsize=128)
def restart_of(subject: Subject) -> Start:
    """Return where a new instance has to go on after the first half of the tour.

    It gets the document after a trip through JSON, and the random stream as it stood: chance is
    the runtime's to keep.

    Raises:
        CannotBeJudged: the plugin cannot be built.
        NotJson: the document does not survive the trip; the text says why.
    """
    way = subject.tour
    plugin = built(subject)
    Recorder(subject.home, is_watching=False).live(plugin, way.before)
    state = plugin.context.rng.getstate()
    return Start(through_json(plugin.context.store), state, len(way.before))


def building_breaches(subject: Subject, store: Mapping[str, Any]) -> list[str]:
    """Return what the constructor reaches for outside; it may find and read files.

    Raises:
        CannotBeJudged: the plugin cannot be built.
    """
    built(subject)
    context = Context(subject.name, Random(7), copy.deepcopy(dict(store)), Log())
    config = config_of(subject, "paper")
    breaches: list[str] = []
    # What it raises is told elsewhere.
    with (
        contextlib.suppress(Exception),
        watched(breaches.append, home=subject.home, may_read=True),
    ):
        subject.kind(config, context)
    return list(dict.fromkeys(breaches))
