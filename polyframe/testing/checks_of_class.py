"""What can be said of a plugin class before any of its hooks is called."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec

from polyframe.errors import PluginError, StrategyError
from polyframe.plugin import API_VERSION, Context, Log, Plugin
from polyframe.runtime.plugins import check_hooks, class_faults, hook_markers, one_line
from polyframe.testing.annotations import annotation_faults
from polyframe.testing.subject import (
    PROFILES,
    CannotBeJudged,
    ContractBroken,
    Subject,
    config_of,
)

# A setting's type in the schema: how one is written, in which unit, with which default.
_EXAMPLES = {
    "number": ("float", "s", "1.0"),
    "integer": ("int", "count", "1"),
    "string": ("str", "name", '"..."'),
    "boolean": ("bool", "switch", "False"),
    "array": ("tuple[str, ...]", "name", "()"),
    "object": ("dict[str, float]", "share", "msgspec.field(default_factory=dict)"),
}


def check_class_shape(subject: Subject) -> None:
    """The entry point names a class with a name, codes, halts and switches the runtime knows.

    Raises:
        ContractBroken: it does not.
    """
    if subject.fault is not None:
        raise ContractBroken(f"plugin {subject.name!r}: {subject.fault}")
    _raise_first(subject, ("class", "codes"))


def check_api_range(subject: Subject) -> None:
    """The class itself says which plugin API it runs with, and this polyframe speaks it.

    Raises:
        ContractBroken: it does not, or not itself, or not ours.
    """
    _need_class(subject)
    own = subject.kind.__mro__
    if Plugin in own:
        own = own[: own.index(Plugin)]
    if not any("api_versions" in vars(kind) for kind in own):
        raise ContractBroken(
            f"{subject.kind.__name__} does not say which plugin API it runs with (what it inherits "
            "from polyframe.Plugin is whatever happens to be installed); write "
            f"'api_versions = ({API_VERSION}, {API_VERSION})', the oldest and the newest"
        )
    _raise_first(subject, ("api",))


def check_settings(subject: Subject) -> None:
    """``Config`` is closed, and every setting in it says what it means and in which unit.

    Raises:
        ContractBroken: an open struct, or a setting without a description or a unit.
    """
    _need_class(subject)
    _raise_first(subject, ("settings",))
    config = subject.kind.Config
    try:
        structs = list(_structs(config))
        schema = msgspec.json.schema(config)
    except (TypeError, NameError, ValueError) as error:
        raise ContractBroken(
            f"no schema can be made of {config.__qualname__} ({one_line(error)}); use types that "
            "JSON has, and import their names at the top of the module"
        ) from None
    for struct in structs:
        if not struct.__struct_config__.forbid_unknown_fields:
            raise ContractBroken(
                f"{struct.__name__} takes unknown keys, so a misspelt limit is no limit; derive it "
                "from polyframe.Config"
            )
    for path, missing, kind in _undescribed(schema):
        written, unit, default = _EXAMPLES.get(kind, _EXAMPLES["number"])
        raise ContractBroken(
            f"setting {path!r} has no {missing}; write {path.rpartition('.')[2]}: "
            f'Annotated[{written}, setting("what it does", unit="{unit}")] = {default}'
        )


def check_profiles(subject: Subject) -> None:
    """It can be built under both profiles; production's floor is kept by its own defaults.

    Raises:
        ContractBroken: its settings do not pass, or its constructor raises.
    """
    _need_class(subject)
    for topic, fault in class_faults(subject.name, subject.kind):
        raise CannotBeJudged(f"{topic}: {fault}")
    for profile in PROFILES:
        try:
            config = config_of(subject, profile)
        except (StrategyError, PluginError) as error:
            raise ContractBroken(
                f"a strategy file with nothing but {subject.name}: {dict(subject.settings)!r} is "
                f"refused under {profile}: {one_line(error)}. Give the setting a default that "
                "passes, or, if there can be none, name a value in the test: settings = {...}"
            ) from None
        context = Context(subject.name, Random(7), {}, Log())
        try:
            subject.kind(config, context)
        except Exception as error:  # whatever a stranger's constructor raises is one message
            raise ContractBroken(
                f"{subject.kind.__name__}(config, context) raises under {profile}: "
                f"{one_line(error)}. Take exactly these two, and refuse in Config (bounds) what "
                "settings cannot be"
            ) from error


def check_hook_shapes(subject: Subject) -> None:
    """Hooks are plain methods with names and arguments of the contract, at least one of them.

    Raises:
        ContractBroken: with the first method that is not.
    """
    _need_class(subject)
    try:
        check_hooks(subject.name, subject.kind)
    except PluginError as error:
        raise ContractBroken(str(error)) from None


def check_annotations(subject: Subject) -> None:
    """Annotations of hooks say what the specification says (see ``polyframe.testing.annotations``).

    Raises:
        ContractBroken: with the first that does not.
    """
    _need_class(subject)
    for hook in hook_markers(subject.kind):
        method = inspect.getattr_static(subject.kind, hook)
        function = getattr(method, "__func__", method)
        for fault in annotation_faults(hook, function):
            raise ContractBroken(f"{subject.kind.__name__}.{fault}")


def _need_class(subject: Subject) -> None:
    if not isinstance(subject.kind, type):
        raise CannotBeJudged("there is no class to look at")


def _raise_first(subject: Subject, topics: tuple[str, ...]) -> None:
    for topic, fault in class_faults(subject.name, subject.kind):
        if topic in topics:
            raise ContractBroken(f"plugin {subject.name!r}: {fault}")


def _structs(config: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    """Yield a Config and every struct that its settings are made of."""
    seen: set[type] = set()
    waiting: list[Any] = [msgspec.inspect.type_info(config)]
    while waiting:
        info = waiting.pop(0)
        if isinstance(info, msgspec.inspect.StructType):
            if info.cls in seen:
                continue
            seen.add(info.cls)
            yield info.cls
            waiting += [one.type for one in info.fields]
        elif isinstance(info, msgspec.inspect.UnionType):
            waiting += info.types
        else:
            parts = (getattr(info, name, None) for name in ("type", "item_type", "value_type"))
            waiting += [part for part in parts if part is not None]
            waiting += getattr(info, "item_types", ())


def _undescribed(schema: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield each setting that lacks something: its path, what it lacks, its type in JSON."""
    definitions = schema.get("$defs", {})

    def resolved(node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            beside = {key: value for key, value in node.items() if key != "$ref"}
            node = {**definitions[node["$ref"].rpartition("/")[2]], **beside}
        return node

    def branches(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield node
        for branch in node.get("anyOf", ()):
            yield resolved(branch)
        for key in ("items", "additionalProperties"):
            if isinstance(node.get(key), dict):
                yield resolved(node[key])

    def walk(section: dict[str, Any], prefix: str, above: tuple[str, ...]) -> Iterator[Any]:
        for key, declared in section.get("properties", {}).items():
            path = f"{prefix}{key}"
            found = list(branches(resolved(declared)))
            sections = [branch for branch in found if "properties" in branch]
            for inner in sections:
                name = str(inner.get("title", path))
                if name not in above:  # a struct may hold itself
                    yield from walk(inner, f"{path}.", (*above, name))
            if sections:
                continue
            for missing in ("description", "unit"):
                if not any(str(branch.get(missing, "")).strip() for branch in found):
                    yield path, missing, _json_type(found)

    yield from walk(resolved(schema), "", ())


def _json_type(branches: list[dict[str, Any]]) -> str:
    types = [branch.get("type") for branch in branches]
    return next((str(kind) for kind in types if kind not in (None, "null")), "number")
