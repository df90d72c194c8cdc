"""From names in a strategy file to registered plugins: load, check, build, register.

Only what the strategy file names is imported (``claimants`` finds who offers it). Everything a
running plugin could do wrong silently is refused here, before the first event.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from random import Random
from typing import Any, NamedTuple, cast

import pluggy

from polyframe.errors import PluginRefused
from polyframe.hooks import PROJECT, Hooks
from polyframe.plugin import API_VERSION, OLDEST_API_VERSION, Config, Context, Log, Plugin
from polyframe.runtime.claimants import Claimant, PluginRequest, find_claimant
from polyframe.runtime.signatures import HOOK_ARGUMENTS, method_fault

RESERVED_NAME = "runtime"
"""The engine's own vetoes are cast under this name."""

_NAME = re.compile(r"[a-z0-9_]+")
_CODE = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+")
_BOOK_NEEDS = ("change", "top")


class Deprecation(NamedTuple):
    """A plugin uses something of the contract that is on its way out; it keeps running."""

    plugin: str
    text: str


@dataclass(frozen=True)
class Registered:
    """Plugin instances, by name in the order of the strategy file, and the manager that has them.

    ``codes`` are the veto codes each declares, ``halts`` those of all that are against the whole
    account, ``deprecations`` what they should move away from.
    """

    instances: Mapping[str, object]
    codes: Mapping[str, tuple[str, ...]]
    manager: pluggy.PluginManager
    halts: frozenset[str] = frozenset()
    deprecations: tuple[Deprecation, ...] = ()


# --- load ------------------------------------------------------------------------------


def load_plugin_classes(requests: Iterable[PluginRequest], production: bool) -> dict[str, type]:
    """Return the named plugins' classes, in the order of the requests, checked for shape.

    In production a plugin from another distribution than polyframe's must be pinned: what runs
    with money is what was reviewed.

    Raises:
        PluginNotFound: see :func:`find_claimant`.
        PluginRefused: unpinned in production, not importable, named twice, or ill-shaped.
    """
    classes: dict[str, type] = {}
    for request in requests:
        if request.name in classes:
            raise PluginRefused(f"plugin {request.name!r} is named twice in the strategy file")
        claimant = find_claimant(request.name, request.dist)
        if production and request.dist is None and not claimant.is_own:
            raise PluginRefused(f"plugin {request.name!r}: {_unpinned(claimant)}")
        classes[request.name] = load_class(claimant)
    return classes


def without_pin(requests: Iterable[PluginRequest]) -> dict[str, str]:
    """Return what production says to each stranger's plugin without a pin; imports none.

    Raises:
        PluginNotFound: see :func:`find_claimant`.
    """
    claimed = {
        request.name: find_claimant(request.name, request.dist)
        for request in requests
        if request.dist is None
    }
    return {name: _unpinned(found) for name, found in claimed.items() if not found.is_own}


def _unpinned(claimant: Claimant) -> str:
    return (
        "production wants third-party plugins pinned; review it, then add "
        f"'dist: {claimant.distribution}=={claimant.version}'"
    )


def configs_of(classes: Mapping[str, type]) -> dict[str, type[Config]]:
    """Return the settings class of each loaded plugin; :func:`check_class` made sure of it."""
    return {name: cast("type[Plugin]", kind).Config for name, kind in classes.items()}


def load_class(claimant: Claimant) -> type:
    """Import one claimant's class and check its shape.

    Raises:
        PluginRefused: its module cannot be imported, or the class breaks the contract.
    """
    point = claimant.entry_point
    try:
        found = point.load()
    except (Exception, SystemExit) as error:
        raise PluginRefused(
            f"plugin {claimant.name!r}: {point.value} of {claimant.distribution} "
            f"{claimant.version} cannot be imported: {one_line(error)}"
        ) from error
    check_class(claimant.name, found)
    if not isinstance(found, type):  # check_class has said so already; this tells the type checker
        raise PluginRefused(f"plugin {claimant.name!r} is not a class")
    return found


def check_class(name: str, found: object) -> None:
    """Check that an object has a plugin's shape (docs/writing-a-plugin.md).

    Raises:
        PluginRefused: with the first thing that is wrong, and how to put it right.
    """
    for _, fault in class_faults(name, found):
        raise PluginRefused(f"plugin {name!r}: {fault}")


def class_faults(name: str, found: object) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a plugin class: its topic, and a sentence that says what to do.

    Topics are ``class``, ``api``, ``settings`` and ``codes``. What is no class has one fault only.
    """
    if not _NAME.fullmatch(name):
        yield "class", "its name is not made of a-z, 0-9 and _ (the key of its entry point)"
        return
    if name == RESERVED_NAME:
        yield "class", f"the name {RESERVED_NAME!r} belongs to the engine's own vetoes"
        return
    if not isinstance(found, type):
        yield (
            "class",
            f"its entry point names {_article(type(found).__name__)}, not a class; "
            f'write {name} = "module:Class"',
        )
        return
    book_need = getattr(found, "on_book_when", "change")
    faults = {
        "api": _api_fault(found),
        "class": None
        if book_need in _BOOK_NEEDS
        else f"on_book_when is {book_need!r}, not 'change' or 'top'",
        "settings": _config_fault(getattr(found, "Config", None)),
        "codes": _codes_fault(name, getattr(found, "codes", ()))
        or _halts_fault(getattr(found, "codes", ()), getattr(found, "halts", ())),
    }
    for topic, fault in faults.items():
        if fault is not None:
            yield topic, fault


def _api_fault(kind: type) -> str | None:
    if any("api_version" in vars(base) for base in kind.__mro__):
        # The old name, which nobody reads: beside an inherited range it would say nothing at all.
        return (
            f"it says 'api_version', which is not read; write api_versions = ({API_VERSION}, "
            f"{API_VERSION}), the oldest and the newest plugin API it runs with"
        )
    declared = getattr(kind, "api_versions", None)
    if declared is None:
        return (
            f"it does not say which plugin API it runs with; write 'api_versions = ({API_VERSION}, "
            f"{API_VERSION})' (oldest, newest), or inherit from polyframe.Plugin"
        )
    is_pair = type(declared) is tuple and [type(number) for number in declared] == [int, int]
    if not is_pair or declared[0] > declared[1]:
        return f"api_versions is {declared!r}, not a pair (oldest, newest) of plugin API versions"
    oldest, newest = declared
    here = f"this polyframe speaks {_range(OLDEST_API_VERSION, API_VERSION)}"
    if newest < OLDEST_API_VERSION:
        return f"it runs with plugin API {_range(oldest, newest)}, {here}: upgrade the plugin"
    if oldest > API_VERSION:
        return f"it runs with plugin API {_range(oldest, newest)}, {here}: upgrade polyframe"
    return None


def _range(oldest: int, newest: int) -> str:
    return f"{oldest}" if oldest == newest else f"{oldest} to {newest}"


def _config_fault(config: object) -> str | None:
    if config is None:
        return "it has no Config class; write 'class Config(polyframe.Config)' (it may be empty)"
    if not (isinstance(config, type) and issubclass(config, Config)):
        return (
            "its Config is not derived from polyframe.Config, which makes it closed and frozen; "
            "write 'class Config(polyframe.Config)'"
        )
    rules = config.__struct_config__
    if not rules.forbid_unknown_fields or not rules.frozen:
        return "its Config must stay frozen and forbid unknown fields: a misspelt limit is no limit"
    if "dist" in (*config.__struct_fields__, *config.__struct_encode_fields__):
        return "its Config has a field 'dist', which the strategy file uses for the pin; rename it"
    return None


def _codes_fault(name: str, codes: object) -> str | None:
    if not isinstance(codes, tuple):
        return f"codes is {_article(type(codes).__name__)}, not a tuple (mind the comma of a pair)"
    for code in codes:
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            return f"code {code!r} is not '<plugin>.<reason>' in a-z, 0-9 and _"
        if not code.startswith(f"{name}."):
            return f"code {code!r} does not start with '{name}.': a veto says whose it is"
    repeated = [code for code in codes if codes.count(code) > 1]
    return f"code {repeated[0]!r} is declared twice" if repeated else None


def _halts_fault(codes: tuple[str, ...], halts: object) -> str | None:
    if not isinstance(halts, tuple):
        return f"halts is {_article(type(halts).__name__)}, not a tuple (mind the comma of a pair)"
    strange = [code for code in halts if code not in codes]
    return f"halts names {strange[0]!r}, which is none of its codes" if strange else None


def one_line(error: BaseException) -> str:
    """Return an exception as ``Type: message`` on one line of at most 300 characters."""
    lines = (" ".join(line.split()) for line in str(error).split("\n"))
    text = "; ".join(line for line in lines if line)
    return f"{type(error).__name__}: {text}"[:300] if text else type(error).__name__


def _article(noun: str) -> str:
    return f"an {noun}" if noun[:1] in "aeiou" else f"a {noun}"


# --- build and register ------------------------------------------------------------------


def build_contexts(
    names: Iterable[str],
    seed: int,
    stores: Mapping[str, dict[str, Any]],
    log_factory: Callable[[str], Log],
) -> dict[str, Context]:
    """Return each plugin's context; its random stream depends on seed and name only.

    So adding a plugin to the file does not change another plugin's randomness. A name without a
    stored document starts with an empty one.
    """
    return {
        name: Context(name, Random(f"{seed}:{name}"), stores.get(name, {}), log_factory(name))
        for name in names
    }


def register(
    classes: Mapping[str, type], configs: Mapping[str, Config], contexts: Mapping[str, Context]
) -> Registered:
    """Build one instance of each class and register it, in the order of ``classes``.

    Raises:
        PluginRefused: a class cannot be built, or one of its hooks could not be called as the
            contract says (docs/hooks.md).
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    instances: dict[str, object] = {}
    codes: dict[str, tuple[str, ...]] = {}
    deprecations: list[Deprecation] = []
    for name, kind in classes.items():
        check_class(name, kind)
        try:
            instance = kind(configs[name], contexts[name])
        except Exception as error:  # whatever a stranger's constructor raises is one line
            raise PluginRefused(
                f"plugin {name!r}: {kind.__name__}(config, context) failed: {one_line(error)}"
            ) from error
        check_hooks(name, kind)
        _refuse_own_hooks(name, instance)
        deprecations += _admit(manager, instance, name)
        instances[name] = instance
        codes[name] = tuple(getattr(kind, "codes", ()))
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginRefused(one_line(error)) from error
    halts = frozenset(code for kind in classes.values() for code in getattr(kind, "halts", ()))
    return Registered(instances, codes, manager, halts, tuple(deprecations))


def deprecations_of(name: str, kind: type) -> tuple[Deprecation, ...]:
    """Return what a checked class uses that is on its way out, without building it."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    return tuple(_admit(manager, kind, name))


def _admit(manager: pluggy.PluginManager, plugin: object, name: str) -> list[Deprecation]:
    # Caught whatever the filters say: where warnings are errors, an old plugin still runs.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            manager.register(plugin, name)
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginRefused(f"plugin {name!r}: {one_line(error)}") from error
    return [
        Deprecation(
            name,
            f"{' '.join(str(warning.message).split())} "
            f"({PurePath(warning.filename).name}:{warning.lineno})",
        )
        for warning in caught
    ]


def check_hooks(name: str, kind: type) -> None:
    """Check every method of a plugin class that is, or was meant to be, a hook.

    Raises:
        PluginRefused: with the method, what is wrong with it, and how to put it right.
    """
    markers = hook_markers(kind)
    for method in dir(kind):
        if method.startswith("__"):
            continue
        fault = method_fault(kind, method, markers.get(method))
        if fault is not None:
            raise PluginRefused(f"plugin {name!r}: {kind.__name__}.{method} {fault}")
    if not markers:
        raise PluginRefused(
            f"plugin {name!r}: {kind.__name__} implements no hook; "
            f"mark a method with @hookimpl (hooks: {', '.join(HOOK_ARGUMENTS)})"
        )


def _refuse_own_hooks(name: str, instance: object) -> None:
    # Set on the instance, a hook would escape the checks above, or hide the class's one.
    for method in HOOK_ARGUMENTS:
        if method in getattr(instance, "__dict__", {}):
            raise PluginRefused(
                f"plugin {name!r}: {method} is set on the instance; define it on the class"
            )


def hook_markers(kind: type) -> dict[str, Mapping[str, Any]]:
    """Return the methods marked with ``@hookimpl`` and the options each was marked with."""
    manager = pluggy.PluginManager(PROJECT)
    found: dict[str, Mapping[str, Any]] = {}
    for method in dir(kind):
        options = manager.parse_hookimpl_opts(kind, method)
        if options is not None:
            found[method] = options
    return found
