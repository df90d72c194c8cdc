"""A recorded run as a test's world: the tape goes through the real engine, your plugin in it.

::

    played = TapePlayer(Path("runs/2026-05-28T10-00-00")).feed(SpreadGuard, name="spread_guard")
    assert played.vetoes["spread_guard.tight"] > 0
    assert not played.problems

The run's own plugins take part as they did. A plugin with the name of one of them takes its place;
any other is called after them. Since the plugin may decide otherwise than the run did, what is
ours on the tape (decisions, fills) comes out anew.
"""

from __future__ import annotations

import functools
import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FunctionType
from typing import Any

import msgspec

from polyframe.errors import TapeError
from polyframe.hooks import hookimpl
from polyframe.model import Decision, Fill, ReportPeriod
from polyframe.plugin import Config
from polyframe.runtime.assemble import Machine
from polyframe.runtime.failures import PluginProblem
from polyframe.runtime.plugins import configs_of, hook_markers, load_plugin_classes
from polyframe.runtime.tape import TapeReader, events_of
from polyframe.settings import Settings
from polyframe.strategy.loading import PluginRequest, strategy_from_resolved
from polyframe.testing.playing import Answer, Answers

_SECOND_NS = 1_000_000_000
_DAY_NS = 86_400 * _SECOND_NS


@dataclass(frozen=True)
class Played:
    """What came of a tape with the plugin in it.

    ``answers`` are the plugin's own, as it gave them (``moment`` is the batch's number, ``label``
    its place on the tape); ``section`` is its part of a report at the end, None when it gave none.
    ``problems`` are those of all plugins, ``lines`` the run's log.
    """

    answers: Answers
    decisions: tuple[Decision, ...]
    fills: tuple[Fill, ...]
    problems: tuple[PluginProblem, ...]
    section: Any
    lines: tuple[tuple[str, Mapping[str, object]], ...]

    @property
    def vetoes(self) -> Counter[str]:
        """How many decisions each veto code was in, whoever cast it."""
        return Counter(vote.veto.code for one in self.decisions for vote in one.vetoes)


class TapePlayer:
    """Plays one tape: a run's folder, its tape folder, or one tape file.

    Raises:
        TapeError: there is no tape, or not one of this format.
    """

    def __init__(self, tape: Path | str) -> None:
        self._path = Path(tape)
        self.head = TapeReader(self._path).head

    def feed(self, kind: type, *, name: str, **settings: Any) -> Played:
        """Return what came of the whole tape with a plugin of this class in the engine.

        Raises:
            TapeError: the tape cannot be read.
            PluginError: the plugin, or one of the run's, would be refused at load.
            StrategyError: the run's settings do not fit the plugins installed here.
            msgspec.ValidationError: a setting of the plugin's breaks its type or bounds.
        """
        core, classes, configs = self._run_without(name)
        order = [entry["name"] for entry in self.head.strategy["plugins"]]
        listener = _Listener()
        build: Any = kind
        classes[name] = listener.listening(kind)
        configs[name] = msgspec.convert(settings, build.Config)
        lines: list[tuple[str, Mapping[str, object]]] = []
        machine = Machine(
            core,
            {each: classes[each] for each in dict.fromkeys([*order, name])},
            configs,
            msgspec.json.decode(msgspec.json.encode(self.head.stores)),
            lambda message, fields: lines.append((message, dict(fields))),
            None,
            self.head.account,
        )
        decisions: list[Decision] = []
        fills: list[Fill] = []
        for number, (where, batch, _) in enumerate(TapeReader(self._path).steps()):
            listener.begin(number, where, machine)
            outcome = machine.turn.handle(events_of(batch))
            decisions += outcome.decisions
            fills += outcome.fills
        listener.begin(-1, "report", machine)
        section = machine.dispatcher.report_section(_day_until(machine.engine.moment.now_ns))
        return Played(
            listener.answers,
            tuple(decisions),
            tuple(fills),
            machine.dispatcher.problems,
            section.get(name),
            tuple(lines),
        )

    def _run_without(self, name: str) -> tuple[Settings, dict[str, type], dict[str, Config]]:
        """Return the run's core settings, and classes and settings of its other plugins."""
        try:
            entries = [entry for entry in self.head.strategy["plugins"] if entry["name"] != name]
            requests = [PluginRequest(entry["name"], entry["dist"]) for entry in entries]
        except (KeyError, TypeError) as error:
            raise TapeError(f"{self._path}: its head names no plugins: {error}") from None
        classes = load_plugin_classes(requests, production=False)
        strategy = strategy_from_resolved(
            {**self.head.strategy, "plugins": entries},
            configs_of(classes),
            self.head.profile,
            origin=str(self._path),
        )
        return strategy.settings, classes, dict(strategy.plugins)


class _Listener:
    """Keeps every answer of one plugin class, built and called by the engine as always."""

    def __init__(self) -> None:
        self.answers = Answers()
        self._number, self._where = 0, ""
        self._machine: Machine | None = None
        self._started_ns: int | None = None

    def begin(self, number: int, where: str, machine: Machine) -> None:
        """Take note of which batch comes next."""
        self._number, self._where, self._machine = number, where, machine

    def listening(self, kind: type) -> type:
        """Return a class that is the plugin's, with a word to us after each of its hooks."""
        members = {
            hook: hookimpl(self._told(hook, function))
            for hook in hook_markers(kind)
            if isinstance(function := inspect.getattr_static(kind, hook), FunctionType)
        }
        return type(kind.__name__, (kind,), {"__module__": kind.__module__, **members})

    def _told(self, hook: str, function: Callable[..., Any]) -> Callable[..., Any]:
        names = list(inspect.signature(function).parameters)[1:]

        @functools.wraps(function)
        def call(plugin: object, *arguments: Any) -> Any:
            answer = function(plugin, *arguments)
            self._note(hook, dict(zip(names, arguments, strict=True)), answer)
            return answer

        return call

    def _note(self, hook: str, facts: Mapping[str, Any], answer: Any) -> None:
        now_ns = 0 if self._machine is None else self._machine.engine.moment.now_ns
        if self._started_ns is None:
            self._started_ns = now_ns
        at_s = (now_ns - self._started_ns) / _SECOND_NS
        about = facts.get("market", facts.get("quote"))
        market_id = "" if about is None else about.market_id
        self.answers.append(Answer(self._number, at_s, self._where, hook, market_id, answer, facts))


def _day_until(now_ns: int) -> ReportPeriod:
    start_ns = now_ns // _DAY_NS * _DAY_NS
    day = datetime.fromtimestamp(start_ns // _SECOND_NS, UTC).strftime("%Y-%m-%d")
    return ReportPeriod(day=day, start_ns=start_ns, end_ns=now_ns, facts={})
