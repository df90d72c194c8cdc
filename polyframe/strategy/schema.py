"""The strategy file's JSON Schema, composed from the typed settings of core and plugins.

Two shapes come from the same classes. The *file schema* describes what people write: every key
optional, profiles as overlays of the same keys. The *resolved schema* describes one profile
after the overlay: what has no default must be there.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from polyframe.errors import PluginRefused
from polyframe.plugin import Config
from polyframe.settings import Settings
from polyframe.strategy.source import KeyPath

PROFILES = ("paper", "production")
FRACTION_UNITS = ("share", "score", "price")
PLUGIN_NAME = "^[a-z][a-z0-9_]{0,63}$"
DIST_PIN = "^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9._+!-]*$"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DEEPEST = 8
_HOISTED = ("unit", "productionMax", "productionMin", "productionRequired")

Schema = dict[str, Any]
Configs = Mapping[str, type[Config]]


def file_schema(configs: Configs) -> Schema:
    """Return the schema of the file: sections, plugins in hook order, profile overlays.

    Args:
        configs: Settings class of each plugin the file may name.

    Raises:
        PluginRefused: A settings class has no schema, or claims the reserved key ``dist``.
    """
    defs, settings, plugins = _components(configs)
    partial = _Partial(defs)
    sections = partial.schema(settings)["properties"]
    overlays: dict[str, Schema] = {}
    entries: dict[str, Schema] = {}
    for name, schema in plugins.items():
        overlay = partial.schema(schema)
        overlays[name] = overlay
        entries[name] = {
            **overlay,
            "properties": {
                "dist": {
                    "type": "string",
                    "pattern": DIST_PIN,
                    "description": "the distribution and version this plugin must come from, "
                    "as distribution==version",
                },
                **overlay["properties"],
            },
        }
    profile = _closed({**sections, "plugins": _closed(overlays)})
    return {
        "$schema": _DIALECT,
        "title": "polyframe strategy file",
        **_closed(
            {
                **sections,
                "plugins": {
                    **_closed(entries),
                    "description": "the plugins by name, in the order their hooks are called",
                },
                "profiles": {
                    **_closed(
                        {
                            name: {**profile, "description": f"what differs in {name}"}
                            for name in PROFILES
                        }
                    ),
                    "required": list(PROFILES),
                },
            }
        ),
        "required": ["plugins", "profiles"],
        "$defs": partial.used(),
    }


def resolved_schema(configs: Configs) -> Schema:
    """Return the schema of one profile after the overlay, with every required key.

    Raises:
        PluginRefused: As :func:`file_schema`.
    """
    defs, settings, plugins = _components(configs)
    schema = {
        "$schema": _DIALECT,
        **defs[settings],
        "properties": {
            **defs[settings]["properties"],
            "plugins": {
                **_closed({name: {"$ref": _ref(ref)} for name, ref in plugins.items()}),
                "required": list(plugins),
            },
        },
        "$defs": defs,
    }
    schema["required"] = [*schema.get("required", []), "plugins"]
    return schema


def struct_schema(config: type[msgspec.Struct]) -> Schema:
    """Return the schema of one typed class by itself, units in its descriptions."""
    defs: dict[str, Schema] = {}
    root = _add(defs, "one", config)
    schema = {**defs.pop(root)}
    return {**schema, "$defs": defs} if defs else schema


def unit_at(schema: Schema, path: KeyPath) -> str:
    """Return the unit of the setting at a path of the resolved schema, or an empty string."""
    node: Any = schema
    for part in path:
        node = _deref(schema, node)
        if isinstance(part, int):
            node = node.get("items", {})
        else:
            node = node.get("properties", {}).get(part, node.get("additionalProperties", {}))
        if not isinstance(node, dict):
            return ""
    return str(_deref(schema, node).get("unit", ""))


def unwritten(schema: Schema, document: Mapping[str, Any]) -> Iterator[tuple[KeyPath, Schema]]:
    """Yield each setting that production wants written and a document leaves to its default.

    Args:
        schema: a resolved schema.
        document: one profile after the overlay, no default filled in.

    Yields:
        The setting's path and its schema.
    """
    yield from _unwritten(schema, schema, document, ())


def _unwritten(
    schema: Schema, node: Schema, document: Any, path: KeyPath
) -> Iterator[tuple[KeyPath, Schema]]:
    written = document if isinstance(document, dict) else {}
    for key, sub in node.get("properties", {}).items():
        below = _deref(schema, sub)
        if below.get("productionRequired") and key not in written:
            yield (*path, key), below
        if "properties" in below and len(path) < _DEEPEST:  # a type may contain itself
            yield from _unwritten(schema, below, written.get(key), (*path, key))


def _deref(schema: Schema, node: Any) -> Schema:
    while isinstance(node, dict) and "$ref" in node:
        node = schema["$defs"][node["$ref"].removeprefix("#/$defs/")]
    return node if isinstance(node, dict) else {}


def _ref(name: str) -> str:
    return f"#/$defs/{name}"


def _closed(properties: Mapping[str, Any]) -> Schema:
    return {"type": "object", "properties": dict(properties), "additionalProperties": False}


def _components(configs: Configs) -> tuple[dict[str, Schema], str, dict[str, str]]:
    """Return all definitions, the core's name in them, and each plugin's name in them."""
    defs: dict[str, Schema] = {}
    settings = _add(defs, "core", Settings)
    plugins: dict[str, str] = {}
    for name, config in configs.items():
        if not (isinstance(config, type) and issubclass(config, msgspec.Struct)):
            raise PluginRefused(
                f"plugin {name}: its Config is no msgspec Struct; derive it from polyframe.Config"
            )
        try:
            plugins[name] = _add(defs, f"plugin.{name}", config)
        except (TypeError, NameError) as error:
            raise PluginRefused(
                f"plugin {name}: no schema can be made of its Config ({error}); correct the "
                "annotations"
            ) from None
        if "dist" in defs[plugins[name]].get("properties", {}):
            raise PluginRefused(
                f"plugin {name}: its Config has a field 'dist', which the strategy file reserves "
                "for the version pin; rename it"
            )
    return defs, settings, plugins


def _add(defs: dict[str, Schema], prefix: str, config: type[msgspec.Struct]) -> str:
    # The prefix keeps two plugins' equally named classes apart.
    (root,), components = msgspec.json.schema_components(
        [config], ref_template=f"#/$defs/{prefix}.{{name}}"
    )
    # Through JSON once: what editors read has lists where defaults are tuples.
    for name, schema in msgspec.json.decode(msgspec.json.encode(components)).items():
        defs[f"{prefix}.{name}"] = _annotated(schema)
    name = root["$ref"].removeprefix("#/$defs/")
    return str(name)


def _annotated(schema: Any) -> Any:
    """Return the schema with units in the descriptions and each unit's own limits applied."""
    if isinstance(schema, list):
        return [_annotated(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    node = _map_subschemas(schema, lambda _, value: _annotated(value))
    if isinstance(node.get("properties"), dict):
        node.setdefault("additionalProperties", False)
    for branch in node.get("anyOf", ()):
        # An optional setting keeps its unit on the number; the floor must also see the null.
        for key in _HOISTED:
            if key in branch:
                node.setdefault(key, branch[key])
    unit = node.get("unit")
    if not isinstance(unit, str):
        return node
    is_unbounded = "maximum" not in node and "exclusiveMaximum" not in node
    if unit in FRACTION_UNITS and is_unbounded and node.get("type") in ("number", "integer"):
        node["maximum"] = 1
    if "anyOf" not in node:
        node["description"] = _described(node, unit)
    return node


def _map_subschemas(schema: Schema, change: Callable[[str, Any], Any]) -> Schema:
    """Return the schema with ``change(keyword, subschema)`` applied; data is left alone."""
    node: Schema = {}
    for key, value in schema.items():
        if key == "properties":
            node[key] = {name: change(key, sub) for name, sub in value.items()}
        else:
            node[key] = value if key in ("default", "enum", "const") else change(key, value)
    return node


def _described(node: Schema, unit: str) -> str:
    text = f"{node.get('description', '')} [{unit}]".strip()
    if "productionMax" in node:
        text += f"; production: at most {node['productionMax']:g}"
    if "productionMin" in node:
        text += f"; production: at least {node['productionMin']:g}"
    if "productionRequired" in node:
        text += "; production: must be written"
    return text


class _Partial:
    """Definitions with nothing required, for what an overlay or a half-filled section may say.

    Entries of lists stay whole: an overlay replaces a list, it does not reach into it.
    """

    def __init__(self, defs: dict[str, Schema]) -> None:
        self._defs = defs
        self._used: dict[str, Schema] = {}

    def used(self) -> dict[str, Schema]:
        """Return every definition that was referred to."""
        return self._used

    def schema(self, name: str) -> Schema:
        """Return the definition as an overlay sees it."""
        schema = copy.deepcopy(self._defs[name])
        schema.pop("required", None)
        for key in ("properties", "additionalProperties"):
            if isinstance(schema.get(key), dict):
                schema[key] = self._redirect(schema[key], overlay=True)
        return schema

    def _redirect(self, node: Any, *, overlay: bool) -> Any:
        if isinstance(node, list):
            return [self._redirect(item, overlay=overlay) for item in node]
        if not isinstance(node, dict):
            return node
        if isinstance(node.get("$ref"), str):
            name = node["$ref"].removeprefix("#/$defs/")
            return {**node, "$ref": _ref(self._refer(name, overlay=overlay))}
        return _map_subschemas(
            node,
            lambda key, value: self._redirect(
                value, overlay=overlay and key not in ("items", "prefixItems")
            ),
        )

    def _refer(self, name: str, *, overlay: bool) -> str:
        target = f"overlay.{name}" if overlay else name
        if target not in self._used:
            self._used[target] = {}  # before the descent, for types that contain themselves
            self._used[target] = (
                self.schema(name) if overlay else self._redirect(self._defs[name], overlay=False)
            )
        return target
