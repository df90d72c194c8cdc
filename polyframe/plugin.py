"""What a plugin is made of: the class, its configuration with units, its context.

A whole plugin::

    from polyframe import Plugin, Veto, hookimpl

    class SpreadGuard(Plugin):
        api_versions = (1, 1)
        codes = ("spread_guard.tight",)

        @hookimpl
        def pre_quote_veto(self, market):
            if market.book.spread_e4 is not None and market.book.spread_e4 < 200:
                return [Veto("spread_guard.tight", None, market.book.spread_e4 / 100, 2.0)]

and two lines in its ``pyproject.toml``::

    [project.entry-points."polyframe.plugins"]
    spread_guard = "spread_guard:SpreadGuard"
"""

from __future__ import annotations

from random import Random
from typing import Any, ClassVar, Literal

import msgspec

API_VERSION = 1
"""The plugin API this polyframe speaks."""
OLDEST_API_VERSION = 1
"""The oldest plugin API it still understands."""


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of a plugin's settings: typed, closed, and the source of its JSON Schema.

    Annotate each field with :func:`setting` so that its unit, bounds and meaning reach the
    schema, the editor and the error messages.
    """


def setting(
    description: str,
    *,
    unit: str,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    production_max: float | None = None,
    production_min: float | None = None,
    production_required: bool = False,
) -> msgspec.Meta:
    """Describe one setting; it stands inside ``Annotated[float, ...]``.

    ``production_max`` and ``production_min`` are the production floor: a looser value is
    refused under the production profile whatever the file says. ``production_required`` settings
    must be written in a file that production trades: nobody may overlook them. Units in use:
    ``s``, ``h``, ``usd``, ``share`` (0..1), ``price`` (0..1), ``cents``, ``ticks``, ``shares``,
    ``count``, ``per_s``, ``score`` (0..1), ``switch``, ``name``, ``ratio``.
    """
    extra: dict[str, Any] = {"unit": unit}
    if production_max is not None:
        extra["productionMax"] = production_max
    if production_min is not None:
        extra["productionMin"] = production_min
    if production_required:
        extra["productionRequired"] = True
    bounds = {"ge": ge, "gt": gt, "le": le, "lt": lt}
    given: dict[str, Any] = {name: bound for name, bound in bounds.items() if bound is not None}
    return msgspec.Meta(description=description, extra_json_schema=extra, **given)


class Log:
    """Where a plugin writes lines: ``log("QS veto summary", ok=3, stale=1)``.

    The runtime prints them as ``name key=value ...``, escaped; a replay drops them.
    """

    def __init__(self, write: Any = None) -> None:
        self._write = write

    def __call__(self, message: str, /, **fields: object) -> None:
        """Write one line; values are escaped by the sink."""
        if self._write is not None:
            self._write(message, fields)


class Context:
    """What the runtime gives a plugin: a name, seeded randomness, one JSON document, a log.

    ``store`` survives restarts: it is saved at cycle end and handed back when the plugin is
    next built. There is no clock, no network and no other plugin in here.
    """

    def __init__(self, name: str, rng: Random, store: dict[str, Any], log: Log) -> None:
        self.name = name
        self.rng = rng
        self.store = store
        self.log = log


class Assessment(msgspec.Struct, frozen=True):
    """What a plugin thinks of a market from its metadata alone.

    ``score`` is 0..1, higher is worse; ``reasons`` say in words what made it.
    """

    score: float
    reasons: tuple[str, ...] = ()


class Plugin:
    """A convenient start for a plugin class; any class of this shape will do.

    ``codes`` declares every veto code the plugin may cast, as ``<plugin>.<reason>``; ``halts``
    those of them that are against the whole account and not one market: the runtime then pulls
    everything at once and asks the venue whether it is gone.
    A plugin that judges markets by their metadata may also offer
    ``assess(spec: MarketSpec) -> Assessment``, which ``polyframe universe`` prints.
    ``on_book_when`` is ``"change"`` (every book change) or ``"top"`` (the touch only).
    ``api_versions`` is the oldest and the newest plugin API the class runs with; say it in your
    own class, because the one inherited from here is whatever happens to be installed.
    """

    Config: ClassVar[type[Config]] = Config
    codes: ClassVar[tuple[str, ...]] = ()
    halts: ClassVar[tuple[str, ...]] = ()
    on_book_when: ClassVar[Literal["change", "top"]] = "change"
    api_versions: ClassVar[tuple[int, int]] = (OLDEST_API_VERSION, API_VERSION)

    def __init__(self, config: Any, context: Context) -> None:
        self.config = config
        self.context = context
