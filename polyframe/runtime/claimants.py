"""Who offers a plugin: found by the metadata of installed distributions, imported by nobody here.

Entry-point group ``polyframe.plugins``. A name must have exactly one claimant, or a pin that
selects one: a dependency cannot slip in, or replace, a plugin by being installed.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from polyframe.errors import PluginNotFound, PluginRefused

GROUP = "polyframe.plugins"
OWN_DISTRIBUTION = "polyframe-mm"


class PluginRequest(Protocol):
    """What a strategy file says of one plugin: its name, and a pin ``dist==version`` or None."""

    @property
    def name(self) -> str:
        """The key under ``plugins:``, which is also the entry point's name."""
        ...

    @property
    def dist(self) -> str | None:
        """The pin."""
        ...


@dataclass(frozen=True)
class Claimant:
    """An installed distribution that offers a plugin name; nothing of it has been imported."""

    name: str
    distribution: str
    version: str
    entry_point: importlib.metadata.EntryPoint

    @property
    def is_own(self) -> bool:
        """Whether it comes with polyframe itself."""
        return _normal(self.distribution) == OWN_DISTRIBUTION


def claimants(name: str | None = None) -> list[Claimant]:
    """Return who offers plugins (or this one), by name then distribution; imports none of them.

    A distribution seen twice on ``sys.path`` (an editable install beside its source tree) counts
    once: the copy that comes first, which is also the one Python would import.
    """
    found: dict[tuple[str, str, str], Claimant] = {}
    for point in importlib.metadata.entry_points(group=GROUP):
        if point.dist is None or (name is not None and point.name != name):
            continue
        claimant = Claimant(point.name, point.dist.name, point.dist.version, point)
        found.setdefault((point.name, _normal(claimant.distribution), point.value), claimant)
    return [found[key] for key in sorted(found)]


def find_claimant(name: str, pin: str | None = None) -> Claimant:
    """Return the one claimant of a name; a pin ``distribution==version`` selects among several.

    Raises:
        PluginNotFound: nobody offers the name, several do and no pin selects one, or the pin
            names another distribution or version than the installed one.
        PluginRefused: the pin is not ``distribution==version``.
    """
    offers = claimants(name)
    if not offers:
        raise PluginNotFound(
            f"plugin {name!r}: no installed distribution offers it{_near(name)}; "
            "'polyframe plugins' lists what is installed"
        )
    if pin is not None:
        return _pinned(name, pin, offers)
    if len(offers) > 1:
        # Of strangers none is recommended: the one that sorts first may be the impostor.
        own = [f"{one.distribution}=={one.version}" for one in offers if one.is_own]
        pin = own[0] if own else "DISTRIBUTION==VERSION"
        raise PluginNotFound(
            f"plugin {name!r} is offered by {_listed(offers)}; choose one with 'dist: {pin}' in "
            f"the strategy file (--dist {pin} for 'polyframe plugins show')"
        )
    return offers[0]


def _pinned(name: str, pin: str, offers: list[Claimant]) -> Claimant:
    distribution, separator, version = (part.strip() for part in pin.partition("=="))
    if not separator or not distribution or not version:
        raise PluginRefused(f"plugin {name!r}: dist is {pin!r}, not 'distribution==version'")
    same = [offer for offer in offers if _normal(offer.distribution) == _normal(distribution)]
    if not same:
        pins = [f"{offer.distribution}=={offer.version}" for offer in offers]
        raise PluginNotFound(
            f"plugin {name!r}: pinned to {pin}, but offered by {_listed(offers)} only"
            f"{_meant(pin, pins)}"
        )
    if same[0].version != version:
        raise PluginNotFound(
            f"plugin {name!r}: pinned to {pin}, but {same[0].distribution} {same[0].version} "
            "is installed; install the pinned version or change the pin"
        )
    if len(same) > 1:
        raise PluginNotFound(
            f"plugin {name!r}: {distribution} itself offers it {len(same)} times; report it there"
        )
    return same[0]


def _listed(offers: Iterable[Claimant]) -> str:
    return " and ".join(f"{offer.distribution} {offer.version}" for offer in offers)


def _near(name: str) -> str:
    return _meant(name, sorted({offer.name for offer in claimants()}))


def _meant(written: str, known: list[str]) -> str:
    close = difflib.get_close_matches(written, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _normal(distribution: str) -> str:
    # The spelling rule of the packaging index: runs of - _ . are one, case is none.
    return re.sub(r"[-_.]+", "-", distribution).lower()
