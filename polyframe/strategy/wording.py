"""What the schema refuses, said as a person would: what is wrong, the unit, what to write."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError

from polyframe.strategy.schema import FRACTION_UNITS, Schema
from polyframe.strategy.source import KeyPath, printable

Fault = Any
"""A ``ValidationError``; its annotations say "or unset" for attributes that are always set."""

_extend: Any = validators.extend
_SECONDS = {"ms": 0.001, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_TIME_UNITS = {"ms": 0.001, "s": 1.0, "h": 3600.0}
_NUMBER_TEXT = re.compile(r"\s*\$?\s*([-+]?[0-9][0-9_,]*(?:\.[0-9]+)?|[-+]?\.[0-9]+)\s*(\S*)\s*")
_TYPES = {
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "string": "text",
    "object": "a mapping of settings",
    "array": "a list",
    "null": "null",
}


def _floor(sign: int) -> Any:
    def check(_: Any, limit: float, value: Any, schema: Any) -> Iterator[ValidationError]:
        if any(number is None or sign * (number - limit) > 0 for number in _numbers(value)):
            yield ValidationError("looser than the production floor")

    return check


def _numbers(value: Any) -> Iterator[float | None]:
    """Yield the numbers of a setting, a list's each; a null is no limit, looser than any."""
    if isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _numbers(item)
    elif value is None or isinstance(value, (int, float)):
        yield value


def _strict_integer(_: Any, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_types = Draft202012Validator.TYPE_CHECKER.redefine("integer", _strict_integer)
SettingsValidator: Any = _extend(Draft202012Validator, type_checker=_types)
"""Draft 2020-12 where 4.0 is not a whole number, as for the typed settings."""

ProductionValidator: Any = _extend(
    SettingsValidator, {"productionMax": _floor(+1), "productionMin": _floor(-1)}
)
"""The same, with the production floor."""


class Explainer:
    """Turns validation errors of one schema into (path, sentence) pairs."""

    def __init__(self, schema: Schema) -> None:
        self._homes: dict[str, list[str]] = {}
        defs = schema.get("$defs", {})
        self._collect(schema, defs, "", 0)

    def _collect(self, node: Any, defs: Schema, path: str, depth: int) -> None:
        if "$ref" in node:
            node = defs[node["$ref"].removeprefix("#/$defs/")]
        for key, sub in node.get("properties", {}).items():
            if depth == 0 and key == "profiles":
                continue
            home = f"{path}.{key}" if path else key
            self._homes.setdefault(key, []).append(home)
            if depth < 4:
                self._collect(sub, defs, home, depth + 1)

    def explain(self, error: Fault) -> Iterator[tuple[KeyPath, str]]:
        """Yield each path an error is about, and the sentence for it."""
        path: KeyPath = tuple(error.absolute_path)
        kind = error.validator
        if kind in ("anyOf", "oneOf"):
            yield from self._explain_union(error)
        elif kind == "additionalProperties" and error.validator_value is False:
            known = list(error.schema.get("properties", {}))
            for key in error.instance:
                if key not in known:
                    yield (*path, key), self._unknown_key(key, known, path)
        elif kind == "required":
            for key in error.validator_value:
                if key not in error.instance:
                    sub = error.schema.get("properties", {}).get(key, {})
                    yield (*path, key), _missing(sub)
        else:
            yield path, _explain_value(error, error.schema, _name(path))

    def _explain_union(self, error: Fault) -> Iterator[tuple[KeyPath, str]]:
        """Explain the branch whose type fits the value; if none does, all that would."""
        branches: dict[Any, list[Fault]] = {}
        for sub in error.context or ():
            branches.setdefault(sub.schema_path[0], []).append(sub)
        here = len(error.absolute_path)
        for subs in branches.values():
            if not any(_wrong_kind(sub, here) for sub in subs):
                for sub in subs:
                    yield from self.explain(sub)
                return
        # No branch fits: the first that is not null tells the most.
        path: KeyPath = tuple(error.absolute_path)
        for subs in branches.values():
            if subs[0].schema.get("type") != "null":
                yield path, _explain_value(subs[0], subs[0].schema, _name(path), or_null=True)
                return

    def _unknown_key(self, key: str, known: list[str], path: KeyPath) -> str:
        if path and path[-1] == "profiles":
            return f"is not a profile; the profiles are {' and '.join(known)}"
        if path[:1] == ("profiles",) and path[-1] == "plugins":
            return (
                "a profile configures plugins and cannot add one; name it under plugins first"
                + _meant(nearest(key, known))
            )
        near = nearest(key, known)
        if near is None:
            homes = self._homes.get(key, [])
            if len(homes) == 1 and not (path and path[-1] == "plugins"):
                return f"unknown key; it belongs at {homes[0]}, move it there"
            listed = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
            return f"unknown key; remove it (known here: {listed or 'none'})"
        return f"unknown key; did you mean {near}?"


def _name(path: KeyPath) -> str:
    """Return what bounds call the setting: its key, or ``value`` for an entry of a list."""
    return path[-1] if path and isinstance(path[-1], str) else "value"


def nearest(key: str, known: Iterable[str]) -> str | None:
    """Return the known key that was probably meant, look-alike letters included."""
    key = key[:100]
    names = list(known)
    if not key.isascii():
        # Each strange character stands for any one letter, or for none if it is invisible.
        pattern = re.compile(
            "".join(re.escape(char) if char.isascii() else ".?" for char in key), re.IGNORECASE
        )
        for name in names:
            if pattern.fullmatch(name):
                return name
    wanted = key.lower().replace("-", "_")
    close = difflib.get_close_matches(wanted, names, n=1, cutoff=0.7)
    return close[0] if close else None


def _meant(near: str | None) -> str:
    return f" (did you mean {near}?)" if near else ""


def _wrong_kind(error: Fault, depth: int) -> bool:
    return error.validator in ("type", "enum", "const") and len(error.absolute_path) == depth


def _missing(schema: Schema) -> str:
    unit = f" ({schema['description']})" if "description" in schema else ""
    return f"is missing and has no default; add it{printable(unit, 160)}"


def must_be_written(path: KeyPath, schema: Schema) -> str:
    """Return what production says of a setting that the file leaves to its default."""
    meaning = schema.get("description", "").partition(" [")[0]
    unit = schema.get("unit", "")
    what = f" ({printable(meaning, 120)})" if meaning else ""
    in_unit = f" (unit {unit})" if unit else ""
    return (
        f"must be written for production{what}; add {_name(path)}: VALUE{in_unit} to the file, "
        "the default is not enough"
    )


def no_pin(value: Any) -> str:
    """Return what is wrong with a ``dist`` that pins nothing, and what to write."""
    return f"{shown(value)} is not a pin; write distribution==version, such as my-plugin==1.2"


def shown(value: Any) -> str:
    """Return a value as the file would write it, cut short."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = f"{value:.12g}"
        return f"{text}.0" if text.lstrip("-").isdigit() else text
    if isinstance(value, int):
        # No setting is that large, but a private key that was written without quotes is.
        return printable(str(value), 30) if abs(value) < 2**128 else "(a number of over 38 digits)"
    if isinstance(value, str):
        return f"'{printable(value, 40)}'"
    if isinstance(value, dict):
        return "a mapping"
    return "a list"


def _explain_value(error: Fault, schema: Schema, name: str, *, or_null: bool = False) -> str:
    kind, value = error.validator, error.instance
    unit = schema.get("unit", "")
    if kind == "type":
        return _wrong_type(value, schema, unit, or_null=or_null)
    if kind in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        return _out_of_bounds(value, schema, unit, name)
    if kind in ("productionMax", "productionMin"):
        return _below_floor(error, unit)
    if kind == "enum":
        allowed = ", ".join(shown(item).strip("'") for item in error.validator_value)
        near = nearest(value, map(str, error.validator_value)) if isinstance(value, str) else None
        return f"{shown(value)} is not one of {allowed}; write one of them{_meant(near)}"
    if kind in ("minLength", "minItems", "minProperties"):
        return f"is too short; give at least {error.validator_value}"
    if kind in ("maxLength", "maxItems", "maxProperties"):
        return f"is too long; give at most {error.validator_value}"
    return f"{printable(error.message, 160)}; correct it"


def _wrong_type(value: Any, schema: Schema, unit: str, *, or_null: bool) -> str:
    wanted = schema.get("type")
    names = [wanted] if isinstance(wanted, str) else list(wanted or ())
    if or_null:
        names.append("null")
    expected = " or ".join(_TYPES.get(name, name) for name in names) or "something else"
    if unit and wanted in ("number", "integer"):
        expected += f" (unit {unit})"
    got = {str: "the text ", int: "the number ", float: "the number "}.get(type(value), "")
    text = f"expected {expected}, got {got}{shown(value)}"
    return f"{text}; {_remedy(value, wanted, unit)}"


def _remedy(value: Any, wanted: Any, unit: str) -> str:
    if value is None:
        return (
            "write {} to keep its defaults, or remove the key"
            if wanted == "object"
            else "write a value or remove the key to keep its default"
        )
    if wanted == "boolean":
        word = str(value).lower()
        if word in ("yes", "on", "1", "true", "1.0"):
            return "write true, without quotes"
        if word in ("no", "off", "0", "false", "0.0"):
            return "write false, without quotes"
        return "write true or false"
    if wanted in ("number", "integer") and isinstance(value, str):
        number = _number_in(value, unit, whole=wanted == "integer")
        if number is not None:
            return f"write {number}, " + (f"the unit is {unit}" if unit else "without quotes")
        return "write a plain number"
    if wanted == "integer" and isinstance(value, float):
        return f"write {value:.0f}" if value.is_integer() else "write it without a fraction"
    if wanted == "string":
        return "put it in quotes" if isinstance(value, (int, float)) else "write text"
    if wanted == "array":
        return "write a list, such as [1, 2]"
    if wanted == "object":
        return "write its keys on indented lines below it, or {} to keep its defaults"
    return "write a plain number" if wanted in ("number", "integer") else "correct it"


def _number_in(text: str, unit: str, *, whole: bool) -> str | None:
    """Return the number a text such as '120s', '2 min', '15%' or '5,000' means in the unit."""
    match = _NUMBER_TEXT.fullmatch(text[:60])
    if match is None:
        return None
    number = float(match[1].replace(",", "").replace("_", ""))
    suffix = match[2].lower().rstrip(".")
    if suffix in _SECONDS and unit in _TIME_UNITS:
        number *= _SECONDS[suffix] / _TIME_UNITS[unit]
    elif suffix == "%" and unit in FRACTION_UNITS:
        number /= 100
    elif suffix not in ("", unit, "$", "usd", "x"):
        return None
    if whole and not number.is_integer():
        return None
    return f"{number:.12g}"


def _bounds(schema: Schema, name: str) -> str:
    low = high = ""
    if "exclusiveMinimum" in schema:
        low = f"{schema['exclusiveMinimum']:g} < "
    elif "minimum" in schema:
        low = f"{schema['minimum']:g} <= "
    if "exclusiveMaximum" in schema:
        high = f" < {schema['exclusiveMaximum']:g}"
    elif "maximum" in schema:
        high = f" <= {schema['maximum']:g}"
    return f"{low}{printable(name)}{high}"


def _out_of_bounds(value: Any, schema: Schema, unit: str, name: str) -> str:
    in_unit = f" (unit {unit})" if unit else ""
    text = f"{shown(value)} is out of bounds; write {_bounds(schema, name)}{in_unit}"
    if unit in FRACTION_UNITS and isinstance(value, (int, float)) and 1 < abs(value) <= 100:
        meant = value / 100
        if _fits(meant, schema):
            what = f"{value:g} cents" if unit == "price" else f"{value:g} %"
            text += f", {meant:.12g} for {what}"
    return text


def _fits(value: float, schema: Schema) -> bool:
    return (
        value >= schema.get("minimum", value)
        and value <= schema.get("maximum", value)
        and ("exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"])
        and ("exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"])
    )


def _below_floor(error: Fault, unit: str) -> str:
    limit = error.validator_value
    if isinstance(error.instance, bool):
        needed = shown(bool(limit))
    else:
        needed = f"{'at most' if error.validator == 'productionMax' else 'at least'} {limit:g}"
    in_unit = f" (unit {unit})" if unit and unit != "switch" else ""
    return (
        f"{shown(error.instance)} is looser than the production floor; write {needed}{in_unit} "
        "under profiles.production, no file can loosen it"
    )
