"""The plugin under examination: found, configured, built; and how a check says no."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec

from polyframe.errors import PluginError, StrategyError
from polyframe.live_settings import LimitSettings
from polyframe.plugin import Config, Context, Log
from polyframe.runtime.claimants import find_claimant
from polyframe.runtime.plugins import one_line, register
from polyframe.settings import CapitalSettings
from polyframe.strategy.loading import check_profiles
from polyframe.strategy.source import parse_source
from polyframe.testing.places import home_of
from polyframe.testing.playing import Hook, hooks_of
from polyframe.testing.tour import More, Tour, tour

PROFILES = ("paper", "production")
_SEED = 7


class ContractBroken(AssertionError):
    """The plugin breaks the contract; the message says what, where, and what to write instead."""


class CannotBeJudged(Exception):
    """A check needs the plugin in order in some other respect first; the message says which."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A plugin as the checks see it.

    ``kind`` is what its entry point names, a class if all is well; ``fault`` says why there is
    none. ``settings`` are those that have no default, as the strategy file would have them;
    ``more`` adds to the world the plugin has to live through before its restart, ``after`` to
    that after it.
    """

    name: str
    kind: Any
    settings: Mapping[str, Any] = field(default_factory=dict)
    more: More | None = None
    fault: str | None = None
    after: More | None = None

    @property
    def home(self) -> str:
        """Where the plugin's own files are; see :mod:`polyframe.testing.places`."""
        return home_of(self.kind)

    @property
    def tour(self) -> Tour:
        """A fresh tour of the world it has to live through."""
        return tour(self.more, self.after)


def subject_of(
    plugin: str | type,
    *,
    name: str = "",
    settings: Mapping[str, Any] | None = None,
    more: More | None = None,
    after: More | None = None,
) -> Subject:
    """Return the subject for an entry point's name, or for a class and its plugin ``name``.

    Raises:
        PluginNotFound: nobody, or more than one distribution, offers the name.
        ContractBroken: a class without a name, or nothing at all.
    """
    given = dict(settings or {})
    if not plugin:
        raise ContractBroken(
            'no plugin is named; write plugin = "..." in the test class, the key of its entry point'
        )
    if not isinstance(plugin, str):
        if not name:
            raise ContractBroken(
                f"{plugin!r} is given as a class; say under which name it will be installed, too: "
                'name = "..." (the key of its entry point, with which its veto codes begin)'
            )
        return Subject(name, plugin, given, more, after=after)
    claimant = find_claimant(plugin)
    try:
        kind = claimant.entry_point.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's module may raise anything
        fault = f"{claimant.entry_point.value} cannot be imported: {one_line(error)}"
        return Subject(plugin, None, given, more, fault, after)
    return Subject(plugin, kind, given, more, after=after)


@dataclass(frozen=True)
class Built:
    """A plugin built for a play: the instance, its context, its hooks."""

    instance: object
    context: Context
    hooks: Mapping[str, Hook]

    @property
    def wants_top_only(self) -> bool:
        """Whether it hears of the touch only."""
        return getattr(self.instance, "on_book_when", "change") == "top"


# What production wants a file to write of the core, whatever plugin it names.
_WRITTEN = {
    "limits": msgspec.to_builtins(LimitSettings()),
    "capital": msgspec.to_builtins(CapitalSettings()),
}


def config_of(subject: Subject, profile: str) -> Config:
    """Return the plugin's settings as a strategy file with nothing but ``settings`` makes them.

    Raises:
        StrategyError: they do not pass the schema or, under production, its floor.
        PluginError: no schema can be made of the Config.
    """
    document = {
        "plugins": {subject.name: dict(subject.settings)},
        "profiles": {name: {} for name in PROFILES},
        **_WRITTEN,
    }
    source = parse_source(json.dumps(document, indent=1), "strategy file")
    configs = {subject.name: subject.kind.Config}
    return check_profiles(source, [profile], configs)[profile].plugins[subject.name]


def built(
    subject: Subject, store: dict[str, Any] | None = None, chance: Random | None = None
) -> Built:
    """Return the plugin built as a paper run builds it, with a document and a random stream.

    Raises:
        CannotBeJudged: it would be refused at load, or its settings are.
    """
    try:
        config = config_of(subject, "paper")
        context = Context(
            subject.name,
            Random(f"{_SEED}:{subject.name}") if chance is None else chance,
            {} if store is None else store,
            Log(),
        )
        registered = register(
            {subject.name: subject.kind}, {subject.name: config}, {subject.name: context}
        )
    except (PluginError, StrategyError, AttributeError) as error:
        raise CannotBeJudged(
            f"a run would not even start with it, which another check explains: {one_line(error)}"
        ) from None
    instance = registered.instances[subject.name]
    return Built(instance, context, hooks_of(instance))
